// SPDX-License-Identifier: Apache-2.0

/// Names of flags as IMAP writes them.
package enum FlagName {
    /// A keyword is shown to people and kept for each mailbox.
    package static let maximumOctets = 128

    private static let system = [
        "\\seen", "\\answered", "\\flagged", "\\deleted", "\\draft",
    ]

    /// Whether a message can have it (RFC 9051 §9 flag, without flag-extension).
    package static func isValid(_ name: String) -> Bool {
        if name.hasPrefix("\\") { return system.contains(name.lowercased()) }
        return (1...maximumOctets).contains(name.utf8.count)
            && name.utf8.allSatisfy { isAtom($0) }
    }

    /// atom-char: CHAR but atom-specials.
    private static func isAtom(_ octet: UInt8) -> Bool {
        switch octet {
        case ...0x20, 0x7F...: false
        case UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "{"), UInt8(ascii: "%"),
            UInt8(ascii: "*"), UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "]"):
            false
        default: true
        }
    }

    /// A name in its usual form: `\seen` is `\Seen`, keywords stay as they are.
    package static func usual(_ name: String) -> String {
        guard system.contains(name.lowercased()), let second = name.dropFirst().first else {
            return name
        }
        return "\\" + second.uppercased() + name.dropFirst(2).lowercased()
    }

    /// A special use in its usual form: `\sent` is `\Sent`.
    package static func usualUse(_ attribute: String) -> String {
        guard let second = attribute.dropFirst().first else { return attribute }
        return "\\" + second.uppercased() + attribute.dropFirst(2).lowercased()
    }
}
