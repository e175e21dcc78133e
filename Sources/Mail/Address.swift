// SPDX-License-Identifier: Apache-2.0

package import Bytes

/// The part before the `@`, which only the receiving domain may interpret (RFC 5321 §2.3.11).
///
/// Held without quoting; `description` quotes again where the grammar needs it.
package struct LocalPart: Hashable, Sendable, CustomStringConvertible {
    package let value: String

    /// RFC 5321 §4.5.3.1.1, in octets.
    package static let maximumOctets = 64

    /// Takes the unquoted value: 1 to 64 octets without control characters.
    package init(_ value: some StringProtocol) throws(SyntaxError) {
        let value = String(value)
        guard value.utf8.count <= Self.maximumOctets else {
            throw SyntaxError(
                at: Self.maximumOctets, expected: "at most 64 octets before the @")
        }
        guard !value.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
            throw SyntaxError(at: 0, expected: "a local part without control characters")
        }
        self.value = value
    }

    /// Whether the characters beyond ASCII need SMTPUTF8 (RFC 6531).
    package var isInternational: Bool { !value.isASCII }

    package var description: String {
        if Self.isDotString(value.utf8) { return value }
        var text = "\""
        for character in value.unicodeScalars {
            if character == "\"" || character == "\\" { text += "\\" }
            text.unicodeScalars.append(character)
        }
        return text + "\""
    }

    /// `Dot-string = Atom *("."  Atom)`.
    static func isDotString(_ text: some Collection<UInt8>) -> Bool {
        guard !text.isEmpty else { return false }
        return text.split(separator: .dot, omittingEmptySubsequences: false)
            .allSatisfy { !$0.isEmpty && $0.allSatisfy(\.isAtomText) }
    }
}

extension UInt8 {
    /// `atext` (RFC 5322 §3.2.3), with the octets of UTF-8 (RFC 6531 §3.3).
    package var isAtomText: Bool {
        isAlphanumeric || self >= 0x80 || "!#$%&'*+-/=?^_`{|}~".utf8.contains(self)
    }
}

/// `address-literal` (RFC 5321 §4.1.3): a host named by its address.
package enum AddressLiteral: Hashable, Sendable, CustomStringConvertible {
    case ip(IPAddress)
    /// `General-address-literal`: a tag and content that nobody has given a meaning yet.
    case general(tag: String, content: String)

    /// Reads the text between the brackets.
    package init(_ text: some StringProtocol) throws(SyntaxError) {
        let text = String(text)
        if let address = IPv4Address(text) {
            self = .ip(.v4(address))
        } else if text.asciiLowercased.hasPrefix("ipv6:") {
            guard let address = IPv6Address(text.dropFirst(5)) else {
                throw SyntaxError(at: 5, expected: "an IPv6 address")
            }
            self = .ip(.v6(address))
        } else if let colon = text.firstIndex(of: ":"), colon != text.startIndex,
            text[text.index(after: colon)...].utf8.allSatisfy({
                (33...90).contains($0) || (94...126).contains($0)
            }),
            text.index(after: colon) != text.endIndex,
            text[..<colon].utf8.allSatisfy({ $0.isAlphanumeric || $0 == UInt8(ascii: "-") })
        {
            self = .general(
                tag: String(text[..<colon]), content: String(text[text.index(after: colon)...]))
        } else {
            throw SyntaxError(at: 0, expected: "an address literal such as [192.0.2.1]")
        }
    }

    package var description: String {
        switch self {
        case .ip(.v4(let address)): "[\(address)]"
        case .ip(.v6(let address)): "[IPv6:\(address)]"
        case .general(let tag, let content): "[\(tag):\(content)]"
        }
    }
}

/// What stands after the `@`.
package enum Destination: Hashable, Sendable, CustomStringConvertible {
    case domain(Domain)
    case literal(AddressLiteral)

    /// Reads a domain or a bracketed literal.
    package init(_ text: some StringProtocol) throws(SyntaxError) {
        if text.hasPrefix("["), text.hasSuffix("]") {
            self = .literal(try AddressLiteral(text.dropFirst().dropLast()))
        } else {
            self = .domain(try Domain(text))
        }
    }

    package var domain: Domain? { if case .domain(let domain) = self { domain } else { nil } }

    package var description: String {
        switch self {
        case .domain(let domain): domain.description
        case .literal(let literal): literal.description
        }
    }
}

/// RFC 5321's `Mailbox`: a local part at a domain. (`Mailbox` here is IMAP's.)
package struct Address: Hashable, Sendable, CustomStringConvertible {
    package let localPart: LocalPart
    package let destination: Destination

    package init(_ localPart: LocalPart, at destination: Destination) {
        self.localPart = localPart
        self.destination = destination
    }

    package init(_ localPart: LocalPart, at domain: Domain) {
        self.init(localPart, at: .domain(domain))
    }

    /// Reads the whole text as one address.
    ///
    /// ```abnf
    /// Mailbox        = Local-part "@" ( Domain / address-literal )  ; RFC 5321 §4.1.2
    /// Local-part     = Dot-string / Quoted-string
    /// Quoted-string  = DQUOTE *QcontentSMTP DQUOTE
    /// ```
    package init(_ text: some StringProtocol) throws(SyntaxError) {
        let octets = Array(text.utf8)
        var index = 0
        let local: [UInt8]
        if octets.first == UInt8(ascii: "\"") {
            local = try Self.quotedString(octets, &index)
        } else {
            index = octets.firstIndex(of: UInt8(ascii: "@")) ?? octets.count
            local = Array(octets[..<index])
            guard LocalPart.isDotString(local) else {
                throw SyntaxError(at: 0, expected: "a local part")
            }
        }
        guard index < octets.count, octets[index] == UInt8(ascii: "@") else {
            throw SyntaxError(at: index, expected: "@")
        }
        guard let value = String(validating: local, as: UTF8.self),
            let rest = String(validating: octets[(index + 1)...], as: UTF8.self)
        else { throw SyntaxError(at: 0, expected: "well-formed UTF-8") }
        localPart = try LocalPart(value)
        do {
            destination = try Destination(rest)
        } catch {
            throw SyntaxError(at: index + 1 + error.offset, expected: error.expected)
        }
    }

    /// `QcontentSMTP = qtextSMTP / quoted-pairSMTP`; leaves `index` behind the closing quote.
    private static func quotedString(
        _ octets: [UInt8], _ index: inout Int
    ) throws(SyntaxError) -> [UInt8] {
        var value: [UInt8] = []
        index = 1
        while index < octets.count, octets[index] != UInt8(ascii: "\"") {
            if octets[index] == UInt8(ascii: "\\") { index += 1 }
            guard index < octets.count, octets[index] >= 0x20, octets[index] != 0x7F else {
                throw SyntaxError(at: index, expected: "a printable character")
            }
            value.append(octets[index])
            index += 1
        }
        guard index < octets.count else { throw SyntaxError(at: index, expected: "\"") }
        index += 1
        return value
    }

    package var domain: Domain? { destination.domain }

    /// Whether the local part needs SMTPUTF8.
    package var isInternational: Bool { localPart.isInternational }

    package var description: String { "\(localPart)@\(destination)" }
}
