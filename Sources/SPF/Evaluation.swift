// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import World

/// One run of `check_host()`, its includes and redirects with it: they share the limits of §4.6.4.
struct Evaluation {
    let client: HostCheck.Client
    let resolver: any Resolver
    let time: any Time
    let receiver: String
    let explains: Bool
    private let deadline: Instant
    private var lookups = 0
    private var voidLookups = 0
    private var steps: [HostCheck.Step] = []
    private var depth = 0
    /// The client's names that lead back to it; nil before they were asked for.
    private var validatedNames: [Name]?
    /// Whether asking for them found nothing, which counts for each term that asks (§4.6.4).
    private var isUnnamed = false

    init(
        client: HostCheck.Client, resolver: any Resolver, time: any Time, receiver: String,
        explains: Bool
    ) {
        self.client = client
        self.resolver = resolver
        self.time = time
        self.receiver = receiver
        self.explains = explains
        deadline = time.now + HostCheck.patience
    }

    /// What ends the evaluation at once (RFC 7208 §4.6).
    enum Abort: Error {
        case temporary(String)
        case permanent(String)
    }

    /// What one record comes to.
    private struct Outcome {
        var result: SPFResult
        var mechanism: ArraySlice<UInt8>?
        /// Where the explanation stands, and in whose record.
        var explanation: DomainSpec?
        var domain: Name
    }

    mutating func verdict(_ domain: Name) async -> HostCheck.Verdict {
        var verdict: HostCheck.Verdict
        do throws(Abort) {
            let outcome = try await evaluate(domain)
            verdict = HostCheck.Verdict(outcome.result)
            verdict.mechanism = outcome.mechanism.map { String(lossy: $0) }
            if outcome.result == .fail, let explanation = outcome.explanation {
                verdict.explanation = await text(of: explanation, in: outcome.domain)
            }
        } catch {
            switch error {
            case .temporary(let problem): verdict = .init(.temperror, problem: problem)
            case .permanent(let problem): verdict = .init(.permerror, problem: problem)
            }
            note("\(verdict.result.rawValue): \(verdict.problem ?? "")")
        }
        verdict.steps = steps
        return verdict
    }

    private mutating func note(_ text: @autoclosure () -> String) {
        guard explains else { return }
        steps.append(HostCheck.Step(depth: depth, text: text()))
    }

    // MARK: - Records

    private mutating func evaluate(_ domain: Name) async throws(Abort) -> Outcome {
        guard let policy = try await policy(of: domain) else {
            return Outcome(result: .none, domain: domain)
        }
        depth += 1
        defer { depth -= 1 }
        for directive in policy.directives {
            let isMatch = try await matches(directive.mechanism, domain)
            note(
                String(lossy: directive.text)
                    + (isMatch ? ": matches, \(directive.result.rawValue)" : ": no match"))
            guard isMatch else { continue }
            return Outcome(
                result: directive.result, mechanism: directive.text,
                explanation: policy.explanation, domain: domain)
        }
        // §6.1: only when nothing else has matched.
        guard let redirect = policy.redirect else {
            // §4.7.
            note("neutral: nothing matches")
            return Outcome(result: .neutral, domain: domain)
        }
        try count()
        guard let target = await name(redirect, domain) else {
            throw .permanent("redirect leads to no domain")
        }
        note("redirect to \(target)")
        let outcome = try await evaluate(target)
        guard outcome.result != .none else { throw .permanent("\(target) has no SPF record") }
        return outcome
    }

    /// The one SPF record of a domain (§4.5); nil without one.
    private mutating func policy(of domain: Name) async throws(Abort) -> SenderPolicy? {
        let answer = await resolver.resolve(domain, .txt)
        if case .failure(let failure) = answer.outcome {
            throw .temporary("TXT of \(domain): \(failure)")
        }
        var found: [UInt8]?
        for record in answer.records {
            guard case .txt(let strings) = record.data else { continue }
            // §3.3: several strings are one text, without anything in between.
            let text = strings.count == 1 ? strings[0] : Array(strings.joined())
            guard SenderPolicy.isRecord(text) else { continue }
            guard found == nil else { throw .permanent("\(domain) has several SPF records") }
            found = text
        }
        guard let found else {
            note("\(domain) has no SPF record")
            return nil
        }
        note("\(domain): \(String(lossy: found))")
        do throws(SenderPolicy.Fault) {
            return try SenderPolicy(parsing: found)
        } catch {
            throw .permanent("\(domain): \(error)")
        }
    }

    // MARK: - Mechanisms

    private mutating func matches(
        _ mechanism: SenderPolicy.Mechanism, _ domain: Name
    ) async throws(Abort) -> Bool {
        switch mechanism {
        case .all: return true
        case .ip4(let network, let prefix):
            guard case .v4(let address) = client.address else { return false }
            return address.hasPrefix(prefix, of: network)
        case .ip6(let network, let prefix):
            guard case .v6(let address) = client.address else { return false }
            return address.hasPrefix(prefix, of: network)
        case .include(let spec): return try await include(spec, domain)
        case .a(let spec, let lengths):
            try count()
            guard let target = await target(spec, domain) else { return false }
            return try await hasAddress(target, lengths, countsVoid: true)
        case .mx(let spec, let lengths):
            try count()
            guard let target = await target(spec, domain) else { return false }
            return try await hasExchanger(target, lengths)
        case .exists(let spec):
            try count()
            guard let target = await name(spec, domain) else { return false }
            // §5.7: A, whatever the client's family is.
            return try await !records(target, .a, countsVoid: true).isEmpty
        case .ptr(let spec):
            try count()
            guard let target = await target(spec, domain) else { return false }
            return try await clientNames(isTerm: true).contains { $0.isEqualOrBelow(target) }
        }
    }

    /// §5.2.
    private mutating func include(
        _ spec: DomainSpec, _ domain: Name
    ) async throws(Abort) -> Bool {
        try count()
        guard namesDomain(spec) else { return false }
        guard let target = await name(spec, domain) else {
            throw .permanent("include names no domain")
        }
        note("include:\(target)")
        depth += 1
        defer { depth -= 1 }
        switch try await evaluate(target).result {
        case .pass: return true
        case .fail, .softfail, .neutral: return false
        case .none: throw .permanent("\(target), which is included, has no SPF record")
        case .temperror: throw .temporary("\(target), which is included")
        case .permerror: throw .permanent("\(target), which is included")
        }
    }

    /// §5.4.
    private mutating func hasExchanger(
        _ target: Name, _ lengths: SenderPolicy.PrefixLengths
    ) async throws(Abort) -> Bool {
        let exchangers = try await records(target, .mx, countsVoid: true)
        guard exchangers.count <= HostCheck.maximumNames else {
            throw .permanent(
                "\(target) has \(exchangers.count) exchangers; at most \(HostCheck.maximumNames) "
                    + "may be looked at")
        }
        for record in exchangers {
            guard case .mx(let mx) = record.data, !mx.exchange.isRoot else { continue }
            if try await hasAddress(mx.exchange, lengths, countsVoid: false) { return true }
        }
        return false
    }

    /// Whether one of a host's addresses is the client's, as far as the prefix goes (§5.3).
    private mutating func hasAddress(
        _ host: Name, _ lengths: SenderPolicy.PrefixLengths, countsVoid: Bool
    ) async throws(Abort) -> Bool {
        let type: RecordType = client.address.isIPv4 ? .a : .aaaa
        return try await records(host, type, countsVoid: countsVoid).contains { record in
            switch (record.data, client.address) {
            case (.a(let address), .v4(let own)): own.hasPrefix(lengths.v4, of: address)
            case (.aaaa(let address), .v6(let own)): own.hasPrefix(lengths.v6, of: address)
            default: false
            }
        }
    }

    /// The names of the client's address that lead back to it (§5.5); without an error whatever
    /// the DNS does.
    private mutating func clientNames(isTerm: Bool) async throws(Abort) -> [Name] {
        if let validatedNames {
            if isTerm, isUnnamed { try countVoid() }
            return validatedNames
        }
        var names: [Name] = []
        let answer = await resolver.resolve(client.address.reverseName, .ptr)
        // §5.5: of more than ten, the first ten.
        for record in answer.records.prefix(HostCheck.maximumNames) {
            guard case .ptr(let name) = record.data else { continue }
            let type: RecordType = client.address.isIPv4 ? .a : .aaaa
            let addresses = await resolver.resolve(name, type).records.map(\.data)
            let own: RecordData =
                switch client.address {
                case .v4(let address): .a(address)
                case .v6(let address): .aaaa(address)
                }
            if addresses.contains(own) { names.append(name) }
        }
        validatedNames = names
        isUnnamed = answer.outcome == .noData || answer.outcome == .nameError
        if isTerm, isUnnamed { try countVoid() }
        return names
    }

    // MARK: - The DNS, and its limits

    private mutating func count() throws(Abort) {
        lookups += 1
        guard lookups <= HostCheck.maximumLookups else {
            throw .permanent("more than \(HostCheck.maximumLookups) terms ask the DNS")
        }
        guard time.now < deadline else { throw .temporary("the DNS took too long") }
    }

    private mutating func countVoid() throws(Abort) {
        voidLookups += 1
        guard voidLookups <= HostCheck.maximumVoidLookups else {
            throw .permanent("more than \(HostCheck.maximumVoidLookups) terms find nothing")
        }
    }

    private mutating func records(
        _ name: Name, _ type: RecordType, countsVoid: Bool
    ) async throws(Abort) -> [ResourceRecord] {
        let answer = await resolver.resolve(name, type)
        switch answer.outcome {
        case .records: return answer.records
        case .noData, .nameError:
            if countsVoid { try countVoid() }
            return []
        case .failure(let failure): throw .temporary("\(type) of \(name): \(failure)")
        }
    }

    // MARK: - Names and macros

    /// Of a term that may leave its domain out.
    private mutating func target(_ spec: DomainSpec?, _ domain: Name) async -> Name? {
        guard let spec else { return domain }
        return await name(spec, domain)
    }

    /// RFC 8616 §4: no name holds a local part that is not ASCII, and such a term matches nothing.
    private func namesDomain(_ spec: DomainSpec) -> Bool {
        !spec.text.namesLocalPart || client.localPart.allSatisfy { $0 < 0x80 }
    }

    /// The name that a term means; nil for what is none (§4.8).
    private mutating func name(_ spec: DomainSpec, _ domain: Name) async -> Name? {
        if let plain = spec.plain { return Name(dotted: plain) }
        guard namesDomain(spec) else { return nil }
        var text = await expand(spec.text, domain)[...]
        if text.last == UInt8(ascii: ".") { text.removeLast() }
        // §7.3: of what is too long for a name, whole labels go on the left.
        while text.count > 253, let dot = text.firstIndex(of: UInt8(ascii: ".")) {
            text = text[(dot + 1)...]
        }
        return Name(dotted: text)
    }

    /// The explanation that a domain gives (§6.2); nil if there is none that can be used.
    private mutating func text(of spec: DomainSpec, in domain: Name) async -> String? {
        guard let place = await name(spec, domain) else { return nil }
        let records = await resolver.resolve(place, .txt).records
        guard records.count == 1, case .txt(let strings) = records[0].data else { return nil }
        let text = Array(strings.joined())
        guard let macros = try? MacroString(text[...], isExplanation: true) else { return nil }
        return String(lossy: await expand(macros, domain))
    }

    private mutating func expand(_ text: MacroString, _ domain: Name) async -> [UInt8] {
        var result: [UInt8] = []
        for piece in text.pieces {
            switch piece {
            case .literal(let literal): result += literal
            case .macro(let macro): result += macro.transform(await value(of: macro, domain))
            }
        }
        return result
    }

    /// §7.2.
    private mutating func value(of macro: MacroString.Macro, _ domain: Name) async -> [UInt8] {
        switch macro.letter {
        case UInt8(ascii: "s"): return client.localPart + [UInt8(ascii: "@")] + client.domain
        case UInt8(ascii: "l"): return client.localPart
        case UInt8(ascii: "o"): return client.domain
        case UInt8(ascii: "d"): return domain.dotted
        case UInt8(ascii: "i"): return client.address.macroText
        case UInt8(ascii: "p"): return await clientName(domain)
        case UInt8(ascii: "v"): return Array((client.address.isIPv4 ? "in-addr" : "ip6").utf8)
        case UInt8(ascii: "h"): return client.hello
        case UInt8(ascii: "c"): return Array("\(client.address)".utf8)
        case UInt8(ascii: "r"): return Array(receiver.utf8)
        case UInt8(ascii: "t"): return Array("\(time.timestamp.seconds)".utf8)
        default: return []
        }
    }

    /// §7.3: the domain itself, else a name below it, else any, else `unknown`.
    private mutating func clientName(_ domain: Name) async -> [UInt8] {
        let unknown = Array("unknown".utf8)
        // §4.6.4: the macro asks the DNS, too.
        if validatedNames == nil {
            lookups += 1
            guard lookups <= HostCheck.maximumLookups else { return unknown }
        }
        guard let names = try? await clientNames(isTerm: false) else { return unknown }
        let best =
            names.first { $0 == domain } ?? names.first { $0.isEqualOrBelow(domain) }
            ?? names.first
        return best?.dotted ?? unknown
    }
}

extension MacroString.Macro {
    /// Splits, reverses, keeps the right-hand parts, joins by dots, escapes (§7.3).
    func transform(_ value: [UInt8]) -> [UInt8] {
        var result = value
        if kept != nil || isReversed || !delimiters.isEmpty {
            let separators = delimiters.isEmpty ? ArraySlice(".".utf8) : delimiters
            var parts = value.split(omittingEmptySubsequences: false) { separators.contains($0) }
            if isReversed { parts.reverse() }
            if let kept { parts = parts.suffix(kept) }
            result = Array(parts.joined(separator: [UInt8(ascii: ".")]))
        }
        return isEscaped ? Self.escape(result) : result
    }

    /// RFC 3986 §2.3: all but unreserved characters.
    private static func escape(_ octets: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        for octet in octets {
            if octet.isAlphanumeric || "-._~".utf8.contains(octet) {
                result.append(octet)
            } else {
                result.append(UInt8(ascii: "%"))
                result += Hexadecimal.encode([octet]).uppercased().utf8
            }
        }
        return result
    }
}

extension IPAddress {
    /// §7.2 `i`: IPv6 as nibbles between dots.
    fileprivate var macroText: [UInt8] {
        switch self {
        case .v4: return Array("\(self)".utf8)
        case .v6(let address):
            let digits = Array(Hexadecimal.encode(address.octets).uppercased().utf8)
            return Array(digits.map { [$0] }.joined(separator: [UInt8(ascii: ".")]))
        }
    }
}

extension IPv4Address {
    fileprivate func hasPrefix(_ length: Int, of other: IPv4Address) -> Bool {
        length == 0 || (rawValue ^ other.rawValue) >> (32 - UInt32(length)) == 0
    }
}

extension IPv6Address {
    fileprivate func hasPrefix(_ length: Int, of other: IPv6Address) -> Bool {
        let (high, low) = (high ^ other.high, low ^ other.low)
        if length == 0 { return true }
        if length <= 64 { return high >> UInt64(64 - length) == 0 }
        return high == 0 && low >> UInt64(128 - length) == 0
    }
}
