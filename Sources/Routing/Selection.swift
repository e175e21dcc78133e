// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Mail

// From candidates to hosts in the order of trying (RFC 5321 §5.1).
extension Search {
    mutating func choose(
        _ candidates: [Candidate], _ domain: Domain,
        using generator: inout some RandomNumberGenerator
    ) async -> Decision.Verdict {
        var own = candidates.filter { isOwn($0, nil) }
        var remaining = candidates.filter { candidate in
            candidate.written == nil && candidate.preference < own.lowestPreference
        }
        remaining = shuffled(remaining, using: &generator)
        let total = remaining.count
        if total > Router.maximumLookUps {
            remaining = Array(remaining.prefix(Router.maximumLookUps))
            find(.tooManyExchangers(total))
        }
        let lastResort = lastResort(domain)
        var known = await router.addresses(of: remaining.map(\.name) + lastResort)
        let fallback = lastResort.isEmpty ? [] : known.removeLast().addresses
        var resolved: [(candidate: Candidate, host: HostAddresses)] = []
        for (candidate, host) in zip(remaining, known) {
            if isOwn(candidate, host) {
                own.append(candidate)
            } else {
                examine(host, domain)
                resolved.append((candidate, host))
            }
        }
        resolved.removeAll { $0.candidate.preference >= own.lowestPreference }
        noteLoop(own, candidates, domain)
        let hosts = resolved.filter { !$0.host.addresses.isEmpty }
        guard !hosts.isEmpty else {
            let allDefinite =
                resolved.allSatisfy { $0.host.faults.isEmpty } && total == remaining.count
            return noHost(domain, isLoop: !own.isEmpty, allDefinite: allDefinite)
        }
        compare(hosts.map(\.host))
        var route = hosts.map { candidate, host in
            Route.Host(
                preference: candidate.preference, exchange: .name(candidate.name),
                addresses: host.addresses)
        }
        moveDown(&route)
        route = limited(route)
        append(fallback, of: domain, to: &route)
        note(.order(route.map(\.exchange)))
        return .route(Route(route))
    }

    /// No exchanger is left: a fault of the DNS is never a reason to give up for good.
    private func noHost(
        _ domain: Domain, isLoop: Bool, allDefinite: Bool
    ) -> Decision.Verdict {
        guard allDefinite else { return .transient(.addressesUnknown(domain)) }
        if isLoop { return .permanent(.loop(destination)) }
        return .permanent(isImplicit ? .noMailHost(domain) : .noAddress(domain))
    }

    // MARK: Loops

    private func isOwn(_ candidate: Candidate, _ host: HostAddresses?) -> Bool {
        if let written = candidate.written, context.isOwn(written) { return true }
        if context.ownNames.contains(candidate.name) { return true }
        guard let host else { return false }
        return host.aliases.contains(where: context.ownNames.contains)
            || host.addresses.contains(where: context.isOwn)
    }

    private mutating func noteLoop(_ own: [Candidate], _ all: [Candidate], _ domain: Domain) {
        guard let first = own.min(by: { $0.preference < $1.preference }) else {
            let knowsItself = !context.ownNames.isEmpty || !context.ownAddresses.isEmpty
            if role == .relay, !isImplicit, knowsItself { find(.relayNotListed(domain)) }
            return
        }
        let dropped = all.filter { $0.preference >= first.preference && $0.written == nil }
        note(.loop(first.name, preference: first.preference, dropped: dropped.map(\.name)))
        find(.ownExchange(first.name, preference: first.preference))
        if role != .relay {
            find(.notResponsible(domain))
        } else if !all.contains(where: { $0.preference < first.preference && $0.written == nil }) {
            find(.relayIsBest(domain))
        }
    }

    // MARK: Order

    /// Ascending preference, equals in random order: they share the load evenly.
    private mutating func shuffled(
        _ candidates: [Candidate], using generator: inout some RandomNumberGenerator
    ) -> [Candidate] {
        var result: [Candidate] = []
        var rest = candidates[...]
        while let first = rest.first {
            var equals = Array(rest.prefix { $0.preference == first.preference })
            rest = rest.dropFirst(equals.count)
            if equals.count > 1 {
                equals.shuffle(using: &generator)
                note(.shuffled(preference: first.preference, equals.map(\.name)))
            }
            result += equals
        }
        return result
    }

    /// A host that is down goes behind those that are up, whatever its preference.
    ///
    /// An address that is down goes behind the others of its host. Nothing is removed.
    private mutating func moveDown(_ route: inout [Route.Host]) {
        for index in route.indices {
            let addresses = route[index].addresses
            route[index].addresses =
                addresses.filter { !context.isDown($0) } + addresses.filter(context.isDown)
        }
        let down = route.filter { $0.addresses.allSatisfy(context.isDown) }
        guard !down.isEmpty else { return }
        route = route.filter { !$0.addresses.allSatisfy(context.isDown) } + down
        let names = down.compactMap(\.exchange.name)
        for name in names { find(.down(name)) }
        note(.moved(names))
    }

    /// The first hosts, and of the addresses one for each host in turn until all places are taken,
    /// so that a host with many addresses leaves some for the next.
    private mutating func limited(_ hosts: [Route.Host]) -> [Route.Host] {
        var result = Array(hosts.prefix(Route.maximumHosts))
        var places = [Int](repeating: 0, count: result.count)
        var free = Route.maximumAddresses
        var isGrowing = true
        while isGrowing, free > 0 {
            isGrowing = false
            for index in result.indices
            where places[index] < result[index].addresses.count && free > 0 {
                places[index] += 1
                free -= 1
                isGrowing = true
            }
        }
        for index in result.indices {
            result[index].addresses = Array(result[index].addresses.prefix(places[index]))
        }
        if result.map(\.addresses.count) != hosts.map(\.addresses.count) {
            note(
                .limited(
                    hosts: result.count,
                    addresses: result.map(\.addresses.count).reduce(0, +)))
        }
        return result
    }

    // MARK: The domain's own address as a last resort

    private func lastResort(_ domain: Domain) -> [Name] {
        guard context.usesAddressFallback, !isImplicit, let name = try? Name(domain.name) else {
            return []
        }
        return [name]
    }

    private mutating func append(
        _ addresses: [IPAddress], of domain: Domain, to route: inout [Route.Host]
    ) {
        // An address of this server would be a loop; one tried before need not be tried again.
        guard !addresses.contains(where: context.isOwn), let name = try? Name(domain.name) else {
            return
        }
        let known = route.flatMap(\.addresses)
        let new = Array(
            addresses.filter { !known.contains($0) }.prefix(
                max(0, Route.maximumAddresses - known.count)))
        guard !new.isEmpty, route.count < Route.maximumHosts else { return }
        route.append(
            Route.Host(
                preference: Route.fallbackPreference, exchange: .name(name), addresses: new))
        note(.fallback(domain, new))
        find(.addressFallback(domain))
    }

    // MARK: Findings

    /// What the look-up of one exchanger shows.
    private mutating func examine(_ host: HostAddresses, _ domain: Domain) {
        let name = host.name
        if let target = host.aliases.last, !isImplicit { find(.exchangeIsAlias(name, to: target)) }
        for address in host.unusable { find(.unusableAddress(name, address)) }
        if host.addresses.isEmpty {
            if let fault = host.faults.first {
                note(.addressesUnknown(name, fault.failure))
                find(.exchangeUnknown(name, fault.failure))
            } else {
                note(.noAddress(name))
                if !isImplicit {
                    find(.exchangeWithoutAddress(name))
                    if Self.endsTwice(name, in: domain) { find(.originTwice(name, domain)) }
                }
            }
            return
        }
        note(.addresses(name, host.addresses))
        for fault in host.faults { find(.familyUnknown(name, fault.type, fault.failure)) }
        for address in host.addresses where address.isPrivate {
            find(.privateAddress(name, address))
        }
        if !Self.isHostName(name) { find(.notAHostName(name)) }
    }

    /// What shows only when all exchangers are seen together.
    private mutating func compare(_ hosts: [HostAddresses]) {
        let addresses = hosts.flatMap(\.addresses)
        if hosts.allSatisfy({ $0.faults.isEmpty }) {
            if addresses.allSatisfy(\.isIPv4) { find(.onlyIPv4) }
            if !addresses.contains(where: \.isIPv4) { find(.onlyIPv6) }
        }
        for (index, address) in addresses.enumerated() where !addresses[..<index].contains(address)
        {
            let sharers = hosts.filter { $0.addresses.contains(address) }.map(\.name)
            if sharers.count > 1 { find(.sharedAddress(address, sharers)) }
        }
    }

    private static func endsTwice(_ name: Name, in domain: Domain) -> Bool {
        (try? Name("\(domain.name).\(domain.name)")).map(name.isEqualOrBelow) ?? false
    }

    /// Letters, digits and inner hyphens (RFC 1123 §2.1).
    private static func isHostName(_ name: Name) -> Bool {
        name.labels.allSatisfy { label in
            label.allSatisfy { $0.isAlphanumeric || $0 == UInt8(ascii: "-") }
                && label.first != UInt8(ascii: "-") && label.last != UInt8(ascii: "-")
        }
    }
}

extension [Candidate] {
    /// `Int.max` when there is none.
    fileprivate var lowestPreference: Int { map(\.preference).min() ?? .max }
}
