// SPDX-License-Identifier: Apache-2.0

import Bytes
package import DNS
package import Mail

/// Finds the way to a destination (RFC 5321 §5.1, RFC 7505), and says how it did.
///
/// Delivery and `mx explain` call the same function. It asks the resolver at most once for the MX
/// records and twice for each of at most `maximumLookUps` exchangers, these side by side.
package struct Router: Sendable {
    let resolver: any Resolver
    package let context: RoutingContext

    /// Exchangers beyond these are not looked up: a zone may name thousands.
    static let maximumLookUps = 20

    package init(resolver: any Resolver, context: RoutingContext) {
        self.resolver = resolver
        self.context = context
    }

    /// `generator` puts exchangers of equal preference in a fresh order at each call.
    package func route(
        _ destination: Destination, using generator: inout some RandomNumberGenerator
    ) async -> Decision {
        var search = Search(router: self, destination: destination)
        let verdict: Decision.Verdict =
            switch destination {
            case .literal(let literal): search.literal(literal)
            case .domain(let domain): await search.domain(domain, using: &generator)
            }
        return Decision(
            destination: destination, verdict: verdict, isImplicit: search.isImplicit,
            steps: search.steps, findings: search.findings)
    }

    /// The way to a destination that an operator has given a host of its own, without MX records.
    package func route(_ destination: Destination, by host: RelayHost) async -> Decision {
        var search = Search(router: self, destination: destination)
        let verdict = await search.relay(by: host)
        return Decision(
            destination: destination, verdict: verdict, isImplicit: false, steps: search.steps,
            findings: search.findings)
    }

    /// The addresses of a host: both families, asked side by side.
    func addresses(of name: Name) async -> HostAddresses {
        async let v6 = resolver.resolve(name, .aaaa)
        async let v4 = resolver.resolve(name, .a)
        return await HostAddresses(name: name, v6: v6, v4: v4)
    }

    /// Many hosts side by side; the results in the order asked.
    func addresses(of names: [Name]) async -> [HostAddresses] {
        guard names.count > 1 else {
            var single: [HostAddresses] = []
            for name in names { single.append(await addresses(of: name)) }
            return single
        }
        return await withTaskGroup(of: (Int, HostAddresses).self) { group in
            for (index, name) in names.enumerated() {
                group.addTask { (index, await addresses(of: name)) }
            }
            var results: [(Int, HostAddresses)] = []
            for await result in group { results.append(result) }
            return results.sorted { $0.0 < $1.0 }.map(\.1)
        }
    }
}

/// A search under way: what is decided so far, and what was noted on the way.
struct Search {
    let router: Router
    let destination: Destination
    var isImplicit = false
    var steps: [Step] = []
    var findings: [Finding] = []
    var role = RoutingContext.Role.foreign

    init(router: Router, destination: Destination) {
        self.router = router
        self.destination = destination
    }

    var context: RoutingContext { router.context }

    mutating func note(_ step: Step) { steps.append(step) }

    /// Each fault is told once, however many records show it.
    mutating func find(_ finding: Finding) {
        if !findings.contains(finding) { findings.append(finding) }
    }

    // RFC 5321 §4.1.3: the literal is the host; no names are asked.
    mutating func literal(_ literal: AddressLiteral) -> Decision.Verdict {
        note(.literal(literal))
        guard case .ip(let address) = literal, !address.isUnusable else {
            return .permanent(.unknownLiteral(literal))
        }
        guard !context.isOwn(address) else { return .permanent(.loop(destination)) }
        return .route(
            Route([.init(preference: 0, exchange: .literal(address), addresses: [address])]))
    }

    mutating func relay(by host: RelayHost) async -> Decision.Verdict {
        note(.relayHost(destination, host))
        var addresses: [IPAddress]
        switch host.exchange {
        case .socket: return .route(Route([Self.host(host, [])]))
        case .literal(let address): addresses = [address]
        case .name(let name):
            let known = await router.addresses(of: name)
            addresses = known.addresses
            if let failure = known.faults.first?.failure, addresses.isEmpty {
                note(.addressesUnknown(name, failure))
            } else {
                note(addresses.isEmpty ? .noAddress(name) : .addresses(name, addresses))
            }
        }
        guard !addresses.isEmpty else { return .transient(.relayHostUnknown(host)) }
        // Behind another port it is another program on this machine: a filter, or LMTP.
        guard (host.port ?? 25) != 25 || !addresses.contains(where: context.isOwn) else {
            return .permanent(.loop(destination))
        }
        addresses = Array(addresses.prefix(Route.maximumAddresses))
        return .route(Route([Self.host(host, addresses)]))
    }

    private static func host(_ host: RelayHost, _ addresses: [IPAddress]) -> Route.Host {
        Route.Host(
            preference: 0, exchange: host.exchange, addresses: addresses,
            security: host.security, dialect: host.dialect, port: host.port)
    }

    mutating func domain(
        _ domain: Domain, using generator: inout some RandomNumberGenerator
    ) async -> Decision.Verdict {
        role = await context.role(domain)
        switch role {
        case .local:
            note(.local(domain))
            return .local
        case .relay: note(.relay(domain))
        case .foreign: break
        }
        guard let name = try? Name(domain.name) else {
            note(.noSuchName(domain))
            return .permanent(.noSuchDomain(domain))
        }
        let answer = await router.resolver.resolve(name, .mx)
        if let canonical = answer.aliases.last {
            note(.alias(domain, canonical))
            find(.domainIsAlias(domain, canonical))
        }
        let candidates: [Candidate]
        switch exchangers(domain, name, answer) {
        case .decided(let verdict): return verdict
        case .candidates(let found): candidates = found
        }
        return await choose(candidates, domain, using: &generator)
    }

    enum Exchangers {
        case decided(Decision.Verdict)
        case candidates([Candidate])
    }

    /// What the answer to the MX question means (RFC 5321 §5.1, RFC 7505 §3).
    private mutating func exchangers(
        _ domain: Domain, _ name: Name, _ answer: Answer
    ) -> Exchangers {
        switch answer.outcome {
        case .nameError:
            note(.noSuchName(domain))
            if IPAddressText.isAddress(name) { find(.writtenWithoutBrackets(domain)) }
            return .decided(.permanent(.noSuchDomain(domain)))
        case .failure(let failure):
            note(.lookUpFailed(domain, failure))
            return .decided(.transient(.lookUpFailed(domain, failure)))
        case .noData:
            // RFC 5321 §5.1: the name that an alias leads to is processed as the initial one.
            let host = answer.aliases.last ?? name
            isImplicit = true
            note(.noExchangers(domain))
            note(.implicitMX(host))
            return .candidates([Candidate(preference: 0, name: host)])
        case .records:
            let records = answer.records.compactMap(\.exchanger)
            guard !records.isEmpty else {
                let failure = Answer.Failure.malformed("no MX record in it")
                note(.lookUpFailed(domain, failure))
                return .decided(.transient(.lookUpFailed(domain, failure)))
            }
            return exchangers(domain, records)
        }
    }

    private mutating func exchangers(_ domain: Domain, _ records: [MX]) -> Exchangers {
        let sorted = records.sorted {
            ($0.preference, $0.exchange.lowercased.description)
                < ($1.preference, $1.exchange.lowercased.description)
        }
        note(.exchangers(domain, sorted))
        if sorted.allSatisfy({ $0.exchange.isRoot && $0.preference == 0 }) {
            note(.nullMX(domain))
            return .decided(.permanent(.nullMX(domain)))
        }
        var candidates: [Candidate] = []
        for record in sorted {
            if record.exchange.isRoot {
                ignore(
                    record,
                    sorted.count == 1 ? .nullMXPreference(record.preference) : .nullMX)
            } else if let address = IPAddressText.address(record.exchange) {
                ignore(record, .writtenAsAddress)
                candidates.append(
                    Candidate(
                        preference: Int(record.preference), name: record.exchange,
                        written: address))
            } else if candidates.contains(where: { $0.name == record.exchange }) {
                find(.duplicateExchange(record.exchange))
            } else {
                candidates.append(
                    Candidate(preference: Int(record.preference), name: record.exchange))
            }
        }
        return .candidates(candidates)
    }

    private mutating func ignore(_ record: MX, _ fault: Finding.Fault) {
        note(.ignored(record.exchange, fault))
        find(.ignored(record.exchange, fault))
    }
}

/// An exchanger that may become a host of the route.
struct Candidate {
    let preference: Int
    let name: Name
    /// The address, if the record names one instead of a host: of use only to find loops.
    var written: IPAddress?
}

extension ResourceRecord {
    var exchanger: MX? { if case .mx(let mx) = data { mx } else { nil } }
}
