// SPDX-License-Identifier: Apache-2.0

/// What ENABLE has switched on, or a command that implies it (RFC 5161, RFC 7162 §3.1).
package struct EnabledExtensions: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8
    package init(rawValue: UInt8) { self.rawValue = rawValue }
    package static let imap4rev2 = Self(rawValue: 1)
    /// Every FETCH response that tells flags has MODSEQ.
    package static let condstore = Self(rawValue: 2)
    /// Removed messages are told by VANISHED.
    package static let qresync = Self(rawValue: 4)
    package static let utf8Accept = Self(rawValue: 8)
    /// No sequence numbers at all (RFC 9586).
    package static let uidOnly = Self(rawValue: 16)

    /// Names of mailboxes, and text in quotes, are UTF-8.
    package var isUTF8: Bool { !isDisjoint(with: [.imap4rev2, .utf8Accept]) }

    static func named(_ name: String) -> Self? {
        switch name {
        case "IMAP4REV2": .imap4rev2
        case "CONDSTORE": .condstore
        // RFC 7162 §3.2.3: QRESYNC means CONDSTORE, too.
        case "QRESYNC": [.qresync, .condstore]
        case "UTF8=ACCEPT": .utf8Accept
        case "UIDONLY": .uidOnly
        default: nil
        }
    }
}

extension ServerSession {
    /// What is offered in every state.
    static let basicCapabilities = [
        "IMAP4rev2", "IMAP4rev1", "LITERAL+", "SASL-IR", "ENABLE", "ID",
    ]

    /// Everything whose protocol is here; a driver offers of it what it performs.
    package static let extensions = [
        "IDLE", "NAMESPACE", "CHILDREN", "LIST-EXTENDED", "LIST-STATUS", "LIST-MYRIGHTS",
        "LIST-METADATA", "SPECIAL-USE", "CREATE-SPECIAL-USE", "MULTIAPPEND", "BINARY", "UNSELECT",
        "UIDPLUS", "ESEARCH", "SEARCHRES", "WITHIN", "SORT", "SORT=DISPLAY",
        "THREAD=ORDEREDSUBJECT",
        "THREAD=REFERENCES", "MOVE", "CONDSTORE", "QRESYNC", "STATUS=SIZE", "OBJECTID", "REPLACE",
        "SAVEDATE", "PREVIEW", "QUOTA", "QUOTASET", "QUOTA=RES-STORAGE", "QUOTA=RES-MESSAGE",
        "QUOTA=RES-MAILBOX", "PARTIAL", "INPROGRESS", "UIDONLY", "METADATA", "UTF8=ACCEPT",
        "NOTIFY",
        "COMPRESS=DEFLATE", "ACL", "RIGHTS=texk",
    ]
}
