// SPDX-License-Identifier: Apache-2.0

import Bytes
import MIME

/// Names of header fields, as scripts write them.
enum FieldName {
    /// `field-name = 1*ftext` (RFC 5322 §2.2).
    static func isValid(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 998
            && name.utf8.allSatisfy { (33...126).contains($0) && $0 != UInt8(ascii: ":") }
    }

    /// Fields whose body is a list of addresses (RFC 5228 §5.1), those in use besides RFC 5322's.
    static func holdsAddresses(_ name: String) -> Bool {
        addressFields.contains(name.asciiLowercased)
    }

    private static let addressFields: Set<String> = [
        "from", "to", "cc", "bcc", "sender", "reply-to", "resent-from", "resent-to", "resent-cc",
        "resent-bcc", "resent-sender", "resent-reply-to", "return-path", "delivered-to",
        "x-delivered-to", "x-original-to", "envelope-to", "x-envelope-to", "x-envelope-from",
        "errors-to", "apparently-to", "disposition-notification-to", "return-receipt-to",
        "mail-followup-to", "mail-reply-to", "approved", "author", "original-recipient",
        "original-from", "x-original-from", "x-forwarded-to", "x-forwarded-for",
    ]

    /// RFC 5293 §6, and what local delivery itself relies on: never deleted by a script.
    static func isProtected(_ name: String) -> Bool {
        ["received", "auto-submitted", "delivered-to", "return-path", "authentication-results"]
            .contains(name.asciiLowercased)
    }
}

/// `envelope-part` (RFC 5228 §5.4).
enum EnvelopePart: String {
    case from
    case to
}

/// Names of scripts (RFC 5804 §1.6).
package enum ScriptName {
    /// In octets: 128 characters of up to four.
    package static let maximumOctets = 512

    /// Whether a script may have this name.
    package static func isValid(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= maximumOctets && name.unicodeScalars.count <= 128
            && name.unicodeScalars.allSatisfy {
                $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) && $0.value != 0x2028
                    && $0.value != 0x2029
            }
    }
}

/// What stays the same of a message on its way.
package enum MessageIdentity {
    /// Its Message-ID, or else all of its header but the trace fields.
    package static func of(_ message: [UInt8]) -> String {
        var bodyStart = message.count
        var defects = DefectList()
        let header = Header(message[...], bodyStart: &bodyStart, defects: &defects)
        if let id = header.first("Message-ID")?.identifiers.first { return id.description }
        return ["Date", "From", "To", "Subject"].map { name in
            header.first(name).map { String(lossy: $0.unfolded) } ?? ""
        }.joined(separator: "\n")
    }
}
