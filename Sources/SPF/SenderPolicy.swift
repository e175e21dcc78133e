// SPDX-License-Identifier: Apache-2.0

package import Bytes

/// An SPF record (RFC 7208 §4.6, §12).
///
/// ```abnf
/// record           = version terms *SP
/// version          = "v=spf1"
/// terms            = *( 1*SP ( directive / modifier ) )
/// directive        = [ qualifier ] mechanism
/// qualifier        = "+" / "-" / "?" / "~"
/// mechanism        = ( all / include / a / mx / ptr / ip4 / ip6 / exists )
/// modifier         = redirect / explanation / unknown-modifier
/// ```
package struct SenderPolicy: Hashable, Sendable {
    package private(set) var directives: [Directive] = []
    /// Whose record counts if no mechanism matches (§6.1).
    package private(set) var redirect: DomainSpec?
    /// Where the explanation of a fail stands (§6.2).
    package private(set) var explanation: DomainSpec?

    /// A mechanism and what follows when it matches.
    package struct Directive: Hashable, Sendable {
        package let result: SPFResult
        package let mechanism: Mechanism
        /// As it is written, without the qualifier.
        package let text: ArraySlice<UInt8>
    }

    /// When something holds of a client (§5).
    package enum Mechanism: Hashable, Sendable {
        case all
        case include(DomainSpec)
        case a(DomainSpec?, PrefixLengths)
        case mx(DomainSpec?, PrefixLengths)
        case ptr(DomainSpec?)
        case ip4(IPv4Address, prefix: Int)
        case ip6(IPv6Address, prefix: Int)
        case exists(DomainSpec)
    }

    /// `dual-cidr-length` (§5.6): how much of an address counts.
    package struct PrefixLengths: Hashable, Sendable {
        package var v4 = 32
        package var v6 = 128

        /// The whole address.
        package init() {}
    }

    /// A term that is not in order, which spoils the whole record (§4.6).
    package struct Fault: Error, Hashable, Sendable {
        /// As it is written.
        package let term: [UInt8]
        package let reason: Reason

        /// What a term lacks.
        package enum Reason: Error, Hashable, Sendable {
            case unknownMechanism
            case domain
            case macros
            case network(isIPv4: Bool)
            case prefixLength
            /// Nothing may stand behind it.
            case tooMuch
            /// A modifier that may stand but once.
            case twice
            /// RFC 7208 §3.1: it is not ASCII.
            case notASCII
        }
    }

    /// Whether a TXT record is an SPF record of this version (§4.5), in any letter case.
    package static func isRecord(_ text: some Collection<UInt8>) -> Bool {
        let version = text.prefix(6)
        guard version.equalsIgnoringCase("v=spf1".utf8) else { return false }
        return text.count == 6 || text.dropFirst(6).first == .space
    }

    /// Reads a record for which `isRecord` holds; any fault makes the whole of it void.
    package init(parsing text: [UInt8]) throws(Fault) {
        var index = 6
        var seen = (redirect: false, explanation: false)
        while index < text.count {
            guard text[index] != .space else {
                index += 1
                continue
            }
            var end = index
            var isASCII = true
            while end < text.count, text[end] != .space {
                if text[end] >= 0x80 { isASCII = false }
                end += 1
            }
            let term = text[index..<end]
            guard isASCII else { throw Fault(term: Array(term), reason: .notASCII) }
            do throws(Fault.Reason) {
                try add(term, &seen)
            } catch {
                throw Fault(term: Array(term), reason: error)
            }
            index = end
        }
    }

    private mutating func add(
        _ term: ArraySlice<UInt8>, _ seen: inout (redirect: Bool, explanation: Bool)
    ) throws(Fault.Reason) {
        // name = ALPHA *( ALPHA / DIGIT / "-" / "_" / "." )
        var end = term.startIndex
        while end < term.endIndex, term[end].isAlphanumeric || "-_.".utf8.contains(term[end]) {
            end += 1
        }
        guard end < term.endIndex, term[end] == UInt8(ascii: "="), end > term.startIndex,
            term[term.startIndex].isAlpha
        else { return directives.append(try Self.directive(term)) }
        let (name, value) = (term[..<end], term[(end + 1)...])
        if name.equalsIgnoringCase("redirect".utf8) {
            guard !seen.redirect else { throw .twice }
            seen.redirect = true
            redirect = try DomainSpec(value)
        } else if name.equalsIgnoringCase("exp".utf8) {
            guard !seen.explanation else { throw .twice }
            seen.explanation = true
            explanation = try DomainSpec(value)
        } else {
            // §6: unknown modifiers are passed over, but must be a macro-string.
            _ = try MacroString(value, isExplanation: true)
        }
    }

    private static func directive(_ term: ArraySlice<UInt8>) throws(Fault.Reason) -> Directive {
        var text = term
        var result = SPFResult.pass
        if let qualifier = SPFResult(qualifier: text.first ?? 0) {
            result = qualifier
            text = text.dropFirst()
        }
        let name = text.prefix { $0 != UInt8(ascii: ":") && $0 != UInt8(ascii: "/") }
        let rest = text[name.endIndex...]
        return Directive(result: result, mechanism: try mechanism(name, rest), text: text)
    }

    private static func mechanism(
        _ name: ArraySlice<UInt8>, _ rest: ArraySlice<UInt8>
    ) throws(Fault.Reason) -> Mechanism {
        func isNamed(_ text: StaticString) -> Bool {
            name.count == text.utf8CodeUnitCount
                && text.withUTF8Buffer { name.equalsIgnoringCase($0) }
        }
        if isNamed("ip4") { return try v4(rest) }
        if isNamed("include") { return .include(try required(rest)) }
        if isNamed("all") {
            guard rest.isEmpty else { throw .tooMuch }
            return .all
        }
        if isNamed("a") {
            let (domain, lengths) = try target(rest)
            return .a(domain, lengths)
        }
        if isNamed("mx") {
            let (domain, lengths) = try target(rest)
            return .mx(domain, lengths)
        }
        if isNamed("ip6") { return try v6(rest) }
        if isNamed("exists") { return .exists(try required(rest)) }
        if isNamed("ptr") { return .ptr(rest.isEmpty ? nil : try required(rest)) }
        throw .unknownMechanism
    }

    /// `":" domain-spec`.
    private static func required(_ rest: ArraySlice<UInt8>) throws(Fault.Reason) -> DomainSpec {
        guard rest.first == UInt8(ascii: ":") else { throw .domain }
        return try DomainSpec(rest.dropFirst())
    }

    /// `[ ":" domain-spec ] [ dual-cidr-length ]`; a domain-spec may hold slashes itself.
    ///
    /// ```abnf
    /// dual-cidr-length = [ ip4-cidr-length ] [ "/" ip6-cidr-length ]
    /// ip4-cidr-length  = "/" ("0" / %x31-39 0*1DIGIT)
    /// ip6-cidr-length  = "/" ("0" / %x31-39 0*2DIGIT)
    /// ```
    private static func target(
        _ rest: ArraySlice<UInt8>
    ) throws(Fault.Reason) -> (DomainSpec?, PrefixLengths) {
        var lengths = PrefixLengths()
        var text = rest
        if let (digits, slashes) = trailingLength(text), slashes == 2 {
            lengths.v6 = try number(digits, limit: 128)
            text = text[..<(digits.startIndex - 2)]
        }
        if let (digits, slashes) = trailingLength(text), slashes == 1 {
            lengths.v4 = try number(digits, limit: 32)
            text = text[..<(digits.startIndex - 1)]
        }
        return (text.isEmpty ? nil : try required(text), lengths)
    }

    /// The digits at the end and the slashes before them; nil if it does not end so.
    private static func trailingLength(
        _ text: ArraySlice<UInt8>
    ) -> (digits: ArraySlice<UInt8>, slashes: Int)? {
        var start = text.endIndex
        while start > text.startIndex, text[start - 1].isDigit { start -= 1 }
        var slashes = 0
        while start - slashes > text.startIndex, text[start - slashes - 1] == UInt8(ascii: "/") {
            slashes += 1
        }
        guard start < text.endIndex, slashes > 0 else { return nil }
        return (text[start...], slashes)
    }

    /// Decimal without leading zeros.
    private static func number(
        _ digits: ArraySlice<UInt8>, limit: Int
    ) throws(Fault.Reason) -> Int {
        guard (1...3).contains(digits.count), digits.allSatisfy(\.isDigit),
            digits.count == 1 || digits.first != UInt8(ascii: "0")
        else { throw .prefixLength }
        let value = digits.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
        guard value <= limit else { throw .prefixLength }
        return value
    }

    /// `ip4 = "ip4" ":" ip4-network [ ip4-cidr-length ]`.
    private static func v4(_ rest: ArraySlice<UInt8>) throws(Fault.Reason) -> Mechanism {
        let (text, length) = try network(rest, isIPv4: true)
        guard let address = IPv4Address(ascii: text) else { throw .network(isIPv4: true) }
        return .ip4(address, prefix: length)
    }

    /// `ip6 = "ip6" ":" ip6-network [ ip6-cidr-length ]`.
    private static func v6(_ rest: ArraySlice<UInt8>) throws(Fault.Reason) -> Mechanism {
        let (text, length) = try network(rest, isIPv4: false)
        guard let address = IPv6Address(ascii: text) else { throw .network(isIPv4: false) }
        return .ip6(address, prefix: length)
    }

    private static func network(
        _ rest: ArraySlice<UInt8>, isIPv4: Bool
    ) throws(Fault.Reason) -> (ArraySlice<UInt8>, Int) {
        guard rest.first == UInt8(ascii: ":") else { throw .network(isIPv4: isIPv4) }
        let text = rest.dropFirst()
        let limit = isIPv4 ? 32 : 128
        guard let slash = text.firstIndex(of: UInt8(ascii: "/")) else { return (text, limit) }
        return (text[..<slash], try number(text[(slash + 1)...], limit: limit))
    }
}

extension SenderPolicy.Fault: CustomStringConvertible {
    package var description: String {
        let expected =
            switch reason {
            case .unknownMechanism: "a mechanism (all, include, a, mx, ip4, ip6, exists, ptr)"
            case .domain: "a domain name"
            case .macros: "macros such as %{i}"
            case .network(let isIPv4): isIPv4 ? "an IPv4 network" : "an IPv6 network"
            case .prefixLength: "a prefix length such as /24 or //64"
            case .tooMuch: "nothing behind it"
            case .twice: "it only once"
            case .notASCII: "ASCII alone"
            }
        return "`\(String(lossy: term))`: expected \(expected)"
    }
}
