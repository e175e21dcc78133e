// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS

/// An SPF record's terms (RFC 7208 §4.6, §12), as far as a check without a client needs them.
struct SPFRecord: Hashable, Sendable {
    enum Qualifier: UInt8, Hashable, Sendable {
        case pass = 0x2B
        case fail = 0x2D
        case softfail = 0x7E
        case neutral = 0x3F
    }

    enum Mechanism: Hashable, Sendable {
        case all
        /// The domain of `include`, `exists`, `redirect`; nil where macros make it up.
        case include(Name?)
        case exists(Name?)
        /// The domain, nil where macros make it up; the domain of the record where none is given.
        case a(Target)
        case mx(Target)
        case ptr
        case ip
    }

    enum Target: Hashable, Sendable {
        case itself
        case name(Name?)
    }

    struct Directive: Hashable, Sendable {
        var qualifier: Qualifier
        var mechanism: Mechanism
    }

    /// What is wrong with a term.
    struct Fault: Error, Hashable, Sendable {
        var term: String
        var expected: Wording
    }

    private(set) var directives: [Directive] = []
    /// Nil without the modifier; `.some(nil)` where macros make the domain up.
    private(set) var redirect: Name??
    private var modifiers: Set<String> = []

    /// RFC 7208 §4.5: the version, alone or with a space behind it, in any letter case.
    static func isRecord(_ text: some Collection<UInt8>) -> Bool {
        let version = text.prefix(6)
        guard version.equalsIgnoringCase("v=spf1".utf8) else { return false }
        return text.count == 6 || text.dropFirst(6).first == .space
    }

    // record = version terms *SP
    // terms  = *( 1*SP ( directive / modifier ) )
    init(_ text: [UInt8]) throws(Fault) {
        for word in text.dropFirst(6).split(separator: .space) { try add(String(lossy: word)) }
    }

    private mutating func add(_ term: String) throws(Fault) {
        // modifier = name "=" macro-string; name = ALPHA *( ALPHA / DIGIT / "-" / "_" / "." )
        let name = term.prefix { $0.isASCII && ($0.isLetter || $0.isNumber || "-_.".contains($0)) }
        if name.first?.isLetter == true, term.dropFirst(name.count).hasPrefix("=") {
            return try addModifier(
                name.lowercased(), String(term.dropFirst(name.count + 1)), term)
        }
        directives.append(try Self.directive(term))
    }

    private mutating func addModifier(
        _ name: String, _ value: String, _ term: String
    ) throws(Fault) {
        guard ["redirect", "exp"].contains(name) else {
            // RFC 7208 §6: unknown modifiers are ignored, but must be well-formed.
            guard Self.areMacrosValid(value) else { throw .init(term: term, expected: .macros) }
            return
        }
        guard modifiers.insert(name).inserted else {
            throw Fault(
                term: term,
                expected: Wording("\(name) only once", "\(name) nur einmal"))
        }
        let domain = try Self.domain(value, term)
        if name == "redirect" { redirect = .some(domain) }
    }

    // directive = [ qualifier ] mechanism; qualifier = "+" / "-" / "?" / "~"
    private static func directive(_ term: String) throws(Fault) -> Directive {
        let given = term.utf8.first.flatMap(Qualifier.init)
        let text = given == nil ? term[...] : term.dropFirst()
        let name = text.prefix { $0 != ":" && $0 != "/" }
        let rest = String(text.dropFirst(name.count))
        let mechanism: Mechanism
        switch name.lowercased() {
        case "all":
            guard rest.isEmpty else { throw .init(term: term, expected: .nothing("all")) }
            mechanism = .all
        case "include": mechanism = .include(try required(rest, term))
        case "exists": mechanism = .exists(try required(rest, term))
        case "a": mechanism = .a(try target(rest, term))
        case "mx": mechanism = .mx(try target(rest, term))
        case "ptr":
            if !rest.isEmpty { _ = try required(rest, term) }
            mechanism = .ptr
        case "ip4", "ip6":
            guard rest.hasPrefix(":"), isNetwork(rest.dropFirst(), isIPv4: name.last == "4") else {
                throw Fault(term: term, expected: .network(String(name.last ?? "4")))
            }
            mechanism = .ip
        default:
            throw Fault(
                term: term,
                expected: Wording(
                    "a mechanism (all, include, a, mx, ip4, ip6, exists, ptr) or a modifier",
                    "ein Mechanismus (all, include, a, mx, ip4, ip6, exists, ptr) oder Modifier"))
        }
        return Directive(qualifier: given ?? .pass, mechanism: mechanism)
    }

    /// `":" domain-spec`.
    private static func required(_ rest: String, _ term: String) throws(Fault) -> Name? {
        guard rest.hasPrefix(":") else { throw Fault(term: term, expected: .domain) }
        return try domain(String(rest.dropFirst()), term)
    }

    /// `[ ":" domain-spec ] [ dual-cidr-length ]`.
    private static func target(_ rest: String, _ term: String) throws(Fault) -> Target {
        var text = rest[...]
        // dual-cidr-length = [ "/" ip4 ] [ "//" ip6 ]; a slash may also stand within a macro.
        let end = text.lastIndex(of: "}") ?? text.startIndex
        if let slash = text[end...].firstIndex(of: "/") {
            guard isPrefixLength(text[slash...]) else {
                throw Fault(
                    term: term,
                    expected: Wording(
                        "a prefix length such as /24 or //64",
                        "eine Präfixlänge wie /24 oder //64"))
            }
            text = text[..<slash]
        }
        guard !text.isEmpty else { return .itself }
        return .name(try required(String(text), term))
    }

    private static func isPrefixLength(_ text: Substring) -> Bool {
        var rest = text
        if !rest.hasPrefix("//") {
            let digits = rest.dropFirst().prefix { $0.isASCII && $0.isNumber }
            guard isNumber(digits, limit: 32) else { return false }
            rest = rest.dropFirst(1 + digits.count)
        }
        guard !rest.isEmpty else { return true }
        return rest.hasPrefix("//") && isNumber(rest.dropFirst(2), limit: 128)
    }

    /// Decimal without leading zeros.
    private static func isNumber(_ text: Substring, limit: Int) -> Bool {
        guard let number = Int(text), (0...limit).contains(number) else { return false }
        return String(number) == text
    }

    private static func isNetwork(_ text: Substring, isIPv4: Bool) -> Bool {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), let address = IPAddress(parts[0]),
            address.isIPv4 == isIPv4
        else { return false }
        return parts.count == 1 || isNumber(parts[1], limit: isIPv4 ? 32 : 128)
    }

    /// A domain-spec; nil where macros make it up (RFC 7208 §7.1).
    private static func domain(_ text: String, _ term: String) throws(Fault) -> Name? {
        guard !text.isEmpty, text.utf8.count <= 255 else {
            throw Fault(term: term, expected: .domain)
        }
        guard areMacrosValid(text) else { throw Fault(term: term, expected: .macros) }
        if text.contains("%") { return nil }
        // domain-end = ( "." toplabel [ "." ] ): what is no name at all is an error.
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        let top = labels.last?.isEmpty == true ? labels.dropLast().last : labels.last
        guard labels.count >= 2, let top, !top.isEmpty, !top.allSatisfy(\.isNumber),
            top.first != "-", top.last != "-",
            top.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }),
            let name = try? Name(text)
        else { throw Fault(term: term, expected: .domain) }
        return name
    }

    // macro-expand = ( "%{" macro-letter transformers *delimiter "}" ) / "%%" / "%_" / "%-"
    private static func areMacrosValid(_ text: String) -> Bool {
        var rest = Array(text.utf8)[...]
        while let octet = rest.popFirst() {
            guard (0x21...0x7E).contains(octet) else { return false }
            guard octet == UInt8(ascii: "%") else { continue }
            guard let next = rest.popFirst() else { return false }
            if "%_-".utf8.contains(next) { continue }
            guard next == UInt8(ascii: "{"), let letter = rest.popFirst(),
                "slodiphcrtv".utf8.contains(letter.lowercased)
            else { return false }
            let digits = rest.prefix(while: \.isDigit)
            // transformers = *DIGIT [ "r" ]; a count of 0 makes no sense (§7.1).
            guard digits.isEmpty || digits.contains(where: { $0 != 0x30 }) else { return false }
            rest = rest.dropFirst(digits.count)
            if rest.first?.lowercased == UInt8(ascii: "r") { rest.removeFirst() }
            while let delimiter = rest.first, ".-+,/_=".utf8.contains(delimiter) {
                rest.removeFirst()
            }
            guard rest.popFirst() == UInt8(ascii: "}") else { return false }
        }
        return true
    }
}

extension Wording {
    fileprivate static let domain = Wording("a domain name", "ein Domainname")
    fileprivate static let macros = Wording(
        "macros such as %{i} (RFC 7208 §7)", "Makros wie %{i} (RFC 7208 §7)")

    fileprivate static func nothing(_ name: String) -> Wording {
        Wording("nothing behind \(name)", "nichts hinter \(name)")
    }

    fileprivate static func network(_ family: String) -> Wording {
        family == "4"
            ? Wording(
                "an IPv4 network such as 192.0.2.0/24", "ein IPv4-Netz wie 192.0.2.0/24")
            : Wording("an IPv6 network such as 2001:db8::/32", "ein IPv6-Netz wie 2001:db8::/32")
    }
}
