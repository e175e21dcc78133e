// SPDX-License-Identifier: Apache-2.0

import IMAP
import MailFolders
import World

/// A Maildir as Dovecot reads it: flags in the names of files, keywords, dates, UIDs,
/// subscriptions.
package struct MaildirTarget: MailTarget {
    /// How folders lie in the folder of INBOX.
    package enum Layout: String, Sendable, CaseIterable {
        /// `.A.B`
        case maildir = "maildir++"
        /// `A/B`
        case tree = "fs"
    }

    private let root: String
    private let layout: Layout
    private var folders: [MailboxName: String] = [:]
    private var folder = ""
    private var mailbox: TargetMailbox?
    private var known: [Substring: MaildirName] = [:]
    private var keywords: [String] = []
    private var uids: [(uid: UInt32, base: String)] = []
    private var hasOwnUIDs = false

    package init(_ path: String, layout: Layout) {
        root = path.hasSuffix("/") ? String(path.dropLast()) : path
        self.layout = layout
    }

    package mutating func begin(_ mailboxes: [TargetMailbox]) throws {
        try SystemFiles.makeFolder(root)
        var taken: Set<String> = []
        for mailbox in mailboxes {
            let plain =
                layout == .maildir
                ? FolderName.maildir(mailbox.name)
                : mailbox.name.isInbox ? "" : FolderName.path(mailbox.name)
            // Names that differ only in what cannot be written.
            var name = plain
            var number = 2
            while !taken.insert(name).inserted {
                name = "\(plain)_\(number)"
                number += 1
            }
            folders[mailbox.name] = name.isEmpty ? root : "\(root)/\(name)"
        }
        try SystemFiles.replace(
            "\(root)/subscriptions",
            SubscriptionList.dovecot(mailboxes.filter(\.isSubscribed).map(\.name)))
    }

    package mutating func open(_ mailbox: TargetMailbox) throws {
        self.mailbox = mailbox
        folder = folders[mailbox.name] ?? root
        for inner in ["", "/tmp", "/new", "/cur"] { try SystemFiles.makeFolder(folder + inner) }
        if layout == .maildir, folder != root {
            try SystemFiles.replace("\(folder)/maildirfolder", [])
        }
        known = [:]
        for text in try SystemFiles.names("\(folder)/cur") {
            if let name = MaildirName(text) { known[name.unique] = name }
        }
        var list = FolderKeywords()
        if case .octets(let octets, _) = SystemFiles.read(
            "\(folder)/dovecot-keywords", limit: 1 << 20)
        {
            list.readDovecot(octets)
        }
        let last = list.byLetter.keys.max() ?? -1
        keywords = last < 0 ? [] : (0...last).map { list.byLetter[$0] ?? "unused\($0)" }
        uids = []
        // Once Dovecot has looked, the UIDs are its own: it writes its GUID into the first line.
        switch SystemFiles.read("\(folder)/dovecot-uidlist", limit: 256 << 20) {
        case .octets(let octets, _):
            hasOwnUIDs = !octets.prefix { $0 != UInt8(ascii: "\n") }.contains(UInt8(ascii: "G"))
        case .gone: hasOwnUIDs = true
        case .refused: hasOwnUIDs = false
        }
    }

    package mutating func put(
        _ message: TargetMessage, _ outcome: inout ExportOutcome
    ) throws {
        let validity = mailbox?.uidValidity ?? 1
        let bare = try Self.bareOctets(of: message.content)
        let size = bare ?? message.content.octets
        let base =
            "\(max(1, message.date.seconds)).V\(validity)U\(message.uid).postreiter,S=\(size)"
        let name = MaildirName(base: base, letters: letters(message.flags, &outcome))
        let path = "\(folder)/cur/\(name.text)"
        if let old = known[name.unique] {
            if old.letters != name.letters {
                let renamed = MaildirName(base: old.base, letters: name.letters)
                try SystemFiles.rename(
                    "\(folder)/cur/\(old.text)", to: "\(folder)/cur/\(renamed.text)")
                known[name.unique] = renamed
                outcome.changed += 1
            }
        } else {
            try SystemFiles.writeNew(
                "\(folder)/tmp/\(base)", time: message.date, then: path
            ) { file in
                var lines = BareLines()
                var pieces = message.content.pieces()
                while let piece = try pieces.next() {
                    try file.write(bare == nil ? piece : lines.next(piece) ?? [])
                }
                try file.write(lines.finish())
            }
            known[name.unique] = name
            outcome.written += 1
        }
        guard let written = known[name.unique] else { return }
        uids.append((message.uid, written.base))
        try compare(message, "\(folder)/cur/\(written.text)", &outcome)
    }

    /// How long it is with LF at the ends of its lines; nil if they have to stay as they are.
    private static func bareOctets(of content: MessageContent) throws -> Int? {
        var lines = BareLines()
        var count = 0
        var pieces = content.pieces()
        while let piece = try pieces.next() {
            guard let text = lines.next(piece) else { return nil }
            count += text.count
        }
        return count + lines.finish().count
    }

    /// Reads what was written, now or earlier.
    private func compare(
        _ message: TargetMessage, _ path: String, _ outcome: inout ExportOutcome
    ) throws {
        guard SystemFiles.facts(path)?.isFile == true else {
            outcome.differences.append("UID \(message.uid): \(path) has gone")
            return
        }
        let file = try SystemFiles.Input(path, followsLinks: false)
        var (wanted, found) = (CanonicalHash(), CanonicalHash())
        try wanted.update(message.content.pieces())
        try found.update(file.pieces())
        guard wanted.finish() == found.finish() else {
            outcome.differences.append("UID \(message.uid): \(path) is different")
            return
        }
        outcome.equal += 1
    }

    private mutating func letters(
        _ flags: [String], _ outcome: inout ExportOutcome
    ) -> [UInt8] {
        flags.compactMap { flag in
            if let letter = MaildirName.letter(of: flag) { return letter }
            if let index = keywords.firstIndex(where: { $0.lowercased() == flag.lowercased() }) {
                return 0x61 + UInt8(index)
            }
            guard keywords.count < FolderKeywords.letters else {
                outcome.keywordsLeftOut += 1
                return nil
            }
            keywords.append(flag)
            return 0x60 + UInt8(keywords.count)
        }
    }

    package mutating func close(_ outcome: inout ExportOutcome) throws {
        if !keywords.isEmpty {
            try SystemFiles.replace(
                "\(folder)/dovecot-keywords", FolderKeywords.dovecot(keywords))
        }
        guard hasOwnUIDs, let mailbox else { return }
        var list = "3 V\(mailbox.uidValidity) N\(mailbox.uidNext)\n"
        for (uid, base) in uids { list += "\(uid) :\(base)\n" }
        try SystemFiles.replace("\(folder)/dovecot-uidlist", Array(list.utf8))
    }

    package mutating func end() throws { SystemFiles.syncAll() }
}
