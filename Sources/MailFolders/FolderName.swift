// SPDX-License-Identifier: Apache-2.0

package import IMAP

/// Names of mailboxes as folders, files and other servers write them.
package enum FolderName {
    /// The mailbox of levels as they are written; nil if no mailbox can have that name.
    ///
    /// Each level is in modified UTF-7 (RFC 3501 §5.1.3), else in UTF-8; other octets are replaced.
    package static func mailbox(_ levels: some Sequence<some Collection<UInt8>>) -> MailboxName? {
        let texts = levels.map { text(Array($0)) }
        guard !texts.isEmpty else { return nil }
        return try? MailboxName(texts.joined(separator: "/"))
    }

    /// A mailbox for a folder, whatever it is called, under a name that no other has: one that
    /// cannot be is changed until it can, so that no folder is left out.
    ///
    /// Nil only for more than `numberLimit` folders of one name.
    package static func mailbox(
        _ levels: some Sequence<some Collection<UInt8>>, isTaken: (MailboxName) -> Bool
    ) -> MailboxName? {
        guard let first = mailbox(levels) ?? mended(levels.map { text(Array($0)) }) else {
            return nil
        }
        if !isTaken(first) { return first }
        return (2...numberLimit).lazy.compactMap { number in
            try? MailboxName("\(first.text)_\(number)")
        }.first { !isTaken($0) }
    }

    /// Folders of one name that are told apart by a number.
    private static let numberLimit = 10_000
    /// What is left of a longer name: with room for a number behind it, and where that is needed
    /// for Unicode's normal form, which is three times as long at most.
    private static let mendedOctets = [
        MailboxName.maximumOctets - 200, MailboxName.maximumOctets / 3 - 10,
    ]

    private static func mended(_ levels: [String]) -> MailboxName? {
        var texts = levels.filter { !$0.isEmpty }.map { level in
            let scalars = level.unicodeScalars.map { MailboxName.isForbidden($0) ? "_" : $0 }
            return String(String.UnicodeScalarView(scalars))
        }
        if texts.count > MailboxName.maximumLevels {
            let last = texts[(MailboxName.maximumLevels - 1)...].joined(separator: "_")
            texts = texts[..<(MailboxName.maximumLevels - 1)] + [last]
        }
        var name = texts.joined(separator: "/")
        for limit in mendedOctets {
            while name.utf8.count > limit || name.hasSuffix("/") { name.removeLast() }
            if let mailbox = try? MailboxName(name.isEmpty ? "_" : name) { return mailbox }
        }
        return nil
    }

    private static func text(_ level: [UInt8]) -> String {
        let decoded = (try? ModifiedUTF7.decode(level)) ?? String(decoding: level, as: UTF8.self)
        // Our delimiter cannot be in a level, nor a mark be written onto the one before.
        let text = replacing("/", in: decoded)
        return "/\(text)".hasPrefix("/") ? text : "_" + text
    }

    /// By scalars: with a combining mark behind it, it is another character.
    private static func replacing(
        _ scalar: Unicode.Scalar, in text: some StringProtocol
    ) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.map { $0 == scalar ? "_" : $0 }))
    }

    /// The levels of a folder `.A.B` of Maildir++.
    package static func levels(maildir name: String) -> [Substring.UTF8View] {
        name.utf8.dropFirst().split(
            separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    }

    /// The folder of a mailbox in Maildir++; INBOX is the folder above them, and is empty.
    ///
    /// A full stop in a level cannot be written; it becomes an underscore.
    package static func maildir(_ name: MailboxName) -> String {
        guard !name.isInbox else { return "" }
        return name.levels.map { level in
            "." + String(decoding: ModifiedUTF7.encode(replacing(".", in: level)), as: UTF8.self)
        }.joined()
    }

    /// The path of a mailbox in a tree of folders: modified UTF-7, levels parted by `/`.
    package static func path(_ name: MailboxName) -> String {
        name.levels.map { level in
            let text = String(decoding: ModifiedUTF7.encode(String(level)), as: UTF8.self)
            // Names that lead elsewhere or hide.
            return text.hasPrefix(".") ? "_" + text.dropFirst() : text
        }.joined(separator: "/")
    }
}

/// What a folder is for, as its name says (RFC 6154 §2).
package enum FolderUse {
    private static let names: [(use: String, names: [String])] = [
        (
            "\\Sent",
            [
                "sent", "sent items", "sent messages", "sent mail", "sent-mail", "gesendet",
                "gesendete objekte", "gesendete elemente",
            ]
        ),
        ("\\Drafts", ["drafts", "draft", "entwürfe"]),
        (
            "\\Trash",
            [
                "trash", "deleted items", "deleted messages", "papierkorb", "gelöschte objekte",
                "gelöschte elemente",
            ]
        ),
        (
            "\\Junk",
            ["junk", "spam", "junk e-mail", "junk mail", "bulk mail", "junk-e-mail", "werbung"]
        ),
        ("\\Archive", ["archive", "archives", "archiv"]),
    ]

    /// The use of a mailbox on the first level, or right below INBOX; nil for any other.
    package static func use(of name: MailboxName) -> String? {
        var levels = name.levels
        if levels.count > 1, levels.first == "INBOX" { levels.removeFirst() }
        guard levels.count == 1, let level = levels.first?.lowercased() else { return nil }
        return names.first { $0.names.contains(level) }?.use
    }

    /// Whether an attribute of LIST is a use that is kept here.
    package static func isKnown(_ attribute: String) -> Bool {
        names.contains { $0.use.lowercased() == attribute.lowercased() }
    }
}
