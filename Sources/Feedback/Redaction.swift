// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import MIME

/// Takes out of a header what a domain owner need not know (RFC 6590, RFC 9991 §7).
///
/// Local parts become short words that are the same for the same local part, so that reports can
/// be compared, and that nobody can turn back without the key. Fields that may tell what the
/// message is about are left out, with all that is not known.
package struct Redaction: Sendable {
    private let hash: SipHash

    /// Fields that help to find out why a message did not authenticate.
    private static let kept: Set<String> = [
        "return-path", "received", "from", "sender", "reply-to", "to", "cc", "date", "message-id",
        "dkim-signature", "authentication-results", "arc-authentication-results", "arc-seal",
        "arc-message-signature", "received-spf", "list-id", "mime-version", "content-type",
        "content-transfer-encoding",
    ]
    private static let maximumOctets = 64 << 10

    /// The key is this server's own secret; sixteen octets.
    package init(key: [UInt8]) { hash = SipHash(key: key) }

    /// One address or local part.
    package func redact(localPart: String) -> String {
        "redacted-" + String(hash.hash(of: Array(localPart.utf8)), radix: 36)
    }

    /// An address with its domain, which says whose it is, and without its local part.
    package func redact(address: String) -> String {
        guard let at = address.lastIndex(of: "@") else { return redact(localPart: address) }
        return redact(localPart: String(address[..<at])) + address[at...]
    }

    /// A header, its fields in their order.
    package func redact(header octets: [UInt8]) -> [UInt8] {
        var bodyStart = 0
        var defects = DefectList()
        let header = Header(
            octets.prefix(Self.maximumOctets), bodyStart: &bodyStart, defects: &defects)
        var writer = HeaderWriter()
        for field in header.fields where Self.kept.contains(field.name.asciiLowercased) {
            let value = field.decoded
            switch field.name.asciiLowercased {
            case "from", "sender", "reply-to", "to", "cc":
                let participants = AddressList(value).participants.map { participant in
                    Participant(
                        localPart: redact(localPart: participant.localPart),
                        domain: participant.domain)
                }
                if !participants.isEmpty { writer.field(field.name, participants: participants) }
            default:
                let words = value.split(separator: " ").map { redact(word: $0) }
                writer.field(field.name, text: words.joined(separator: " "))
            }
        }
        return writer.octets
    }

    /// `<somebody@example.org>;` and what else holds an address.
    private func redact(word: Substring) -> String {
        guard let at = word.lastIndex(of: "@") else { return String(word) }
        let isPart = { (letter: Character) in !"<>()[]=:;,\"".contains(letter) }
        var start = at
        while start > word.startIndex, isPart(word[word.index(before: start)]) {
            start = word.index(before: start)
        }
        return word[..<start] + redact(localPart: String(word[start..<at])) + word[at...]
    }
}
