// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail

/// Where a notification goes, and what its URI says of it: `mailto` alone (RFC 5436, RFC 6068).
///
/// ```abnf
/// mailtoURI = "mailto:" [ to ] [ hfields ]
/// to        = addr-spec *("," addr-spec )
/// hfields   = "?" hfield *( "&" hfield )
/// hfield    = hfname "=" hfvalue
/// ```
struct NotificationMethod: Hashable, Sendable {
    /// Those of the address part, then those of `to`.
    private(set) var to: [Address] = []
    private(set) var cc: [Address] = []
    private(set) var subject: String?
    private(set) var body: String?

    /// Why a URI is none that a notification can go to.
    struct Fault: Error, Hashable, Sendable {
        let description: String

        init(_ description: String) { self.description = description }
    }

    /// Of a URI; what a script writes is short.
    private static let maximumOctets = 8192

    /// Each address once, in order.
    var recipients: [Address] {
        var seen: Set<Address> = []
        return (to + cc).filter { seen.insert($0).inserted }
    }

    init(_ uri: String) throws(Fault) {
        guard uri.utf8.count <= Self.maximumOctets else { throw Fault("the URI is too long") }
        guard uri.utf8.prefix(7).equalsIgnoringCase("mailto:".utf8) else {
            throw Fault("only mailto: is supported")
        }
        // RFC 3986 §2: nothing else stands in a URI.
        guard
            uri.utf8.allSatisfy({ (0x21...0x7E).contains($0) && !"\"<>\\^`{|}".utf8.contains($0) })
        else { throw Fault("it holds characters that must be percent-encoded") }
        let parts = uri.dropFirst(7).split(
            separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        to = try Self.addresses(parts[0].utf8)
        guard parts.count > 1 else {
            try check()
            return
        }
        for field in parts[1].utf8.split(separator: UInt8(ascii: "&")) {
            guard let equals = field.firstIndex(of: UInt8(ascii: "=")) else {
                throw Fault("a field of it has no value")
            }
            try take(
                try Self.decoded(field[..<equals]).asciiLowercased,
                field[field.index(after: equals)...])
        }
        try check()
    }

    /// RFC 5436 §2.7: fields that would forge, and those without a meaning here, are ignored.
    private mutating func take(_ name: String, _ value: Substring.UTF8View) throws(Fault) {
        switch name {
        case "to": to += try Self.addresses(value)
        case "cc": cc += try Self.addresses(value)
        case "subject": subject = try Self.decoded(value)
        case "body": body = try Self.decoded(value)
        default: _ = try Self.decoded(value)
        }
    }

    private func check() throws(Fault) {
        guard !to.isEmpty || !cc.isEmpty else { throw Fault("it names no address") }
        guard recipients.count <= Limit.notified else {
            throw Fault("it names more than \(Limit.notified) addresses")
        }
    }

    private static func addresses(_ list: Substring.UTF8View) throws(Fault) -> [Address] {
        var addresses: [Address] = []
        for part in list.split(separator: UInt8(ascii: ",")) {
            guard addresses.count <= Limit.notified else { break }
            let text = try decoded(part)
            guard let address = try? Address(text) else {
                throw Fault("\"\(text.prefix(80))\" is no mail address")
            }
            addresses.append(address)
        }
        return addresses
    }

    /// `pct-encoded = "%" HEXDIG HEXDIG` (RFC 3986 §2.1); what comes of it must be UTF-8.
    private static func decoded(_ text: Substring.UTF8View) throws(Fault) -> String {
        guard let octets = PercentEncoding.decode(text) else {
            throw Fault("it is not percent-encoded as it should be")
        }
        guard let decoded = String(validating: octets, as: UTF8.self) else {
            throw Fault("it is not UTF-8")
        }
        return decoded
    }

    /// Whether what comes next of a URI only is a part of the subject or the body.
    static func isText(behind start: String) -> Bool {
        guard let query = start.firstIndex(of: "?") else { return false }
        let field =
            start[start.index(after: query)...].split(
                separator: "&", omittingEmptySubsequences: false
            ).last ?? ""
        let name = field.prefix { $0 != "=" }
        return name.endIndex < field.endIndex
            && ["subject", "body"].contains(String(name).asciiLowercased)
    }

    /// Whether text stays within a field of a URI: it is as `:encodeurl` makes it.
    static func isEncoded(_ text: String) -> Bool {
        text.utf8.allSatisfy { PercentEncoding.isUnreserved($0) || $0 == UInt8(ascii: "%") }
    }
}
