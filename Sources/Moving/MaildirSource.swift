// SPDX-License-Identifier: Apache-2.0

import IMAP
import MailFolders
import World

/// A Maildir of Dovecot (Maildir++ or a tree of folders) or of Courier, as their servers leave it.
package struct MaildirSource: MailSource {
    private let root: String
    private let largestOctets: Int
    private var entries: ArraySlice<Entry> = []
    private var keywords = FolderKeywords()
    private var folder = ""
    /// Of the open folder, once names turned out to be changed: as they were at the last look.
    private var latest: [Substring: Entry] = [:]

    private struct Entry {
        /// Its path below the folder.
        let path: String
        let name: MaildirName
        let isNew: Bool
    }

    /// Lists beside the messages.
    private static let listLimitOctets = 256 << 20
    /// More levels or folders are none of a mail server.
    private static let folderLimit = 10_000
    private static let depthLimit = 100
    /// So often a folder is looked at whose names are changed meanwhile.
    private static let looks = 5

    /// `path` is the folder in which `cur` and `new` of INBOX are; messages of more than
    /// `largestOctets` are named.
    package init(_ path: String, largestOctets: Int = Import.largestOctets) {
        root = path.hasSuffix("/") ? String(path.dropLast()) : path
        self.largestOctets = largestOctets
    }

    // MARK: Folders

    package mutating func folders() throws -> [SourceFolder] {
        // The place itself is the operator's word, and may be a link.
        let names = try SystemFiles.names(root + "/.")
        guard SystemFiles.facts(root + "/.")?.isFolder == true else {
            throw MovingFailure(.source, "\(root) is no folder that can be read")
        }
        var found = FoundFolders()
        if Self.isMaildir(root) { found.add([Array("INBOX".utf8)], root) }
        for name in names where name.hasPrefix(".") {
            add(FolderName.levels(maildir: name), "\(root)/\(name)", to: &found)
        }
        try addTree([], at: root, to: &found)
        var folders = found.folders
        guard !folders.isEmpty else {
            throw MovingFailure(
                .source, "\(root) is no Maildir: neither it nor a folder in it has a folder `cur`")
        }
        guard folders.count <= Self.folderLimit else {
            throw MovingFailure(.source, "\(root) has more than \(Self.folderLimit) folders")
        }
        mark(&folders)
        return folders
    }

    /// A tree of folders (Dovecot's layout `fs`).
    private func addTree(
        _ levels: [String], at path: String, to found: inout FoundFolders
    ) throws {
        guard levels.count < Self.depthLimit, found.folders.count <= Self.folderLimit else {
            return
        }
        for name in try SystemFiles.names(path) {
            guard !name.hasPrefix("."),
                !["cur", "new", "tmp", "courierimapkeywords"].contains(name)
            else { continue }
            let place = "\(path)/\(name)"
            let below = levels + [name]
            add(below.map(\.utf8), place, to: &found)
            guard SystemFiles.facts(place)?.isFolder == true else { continue }
            try addTree(below, at: place, to: &found)
        }
    }

    /// Takes a folder if it is one of messages; one behind a link is named, and not read.
    private func add(
        _ levels: [some Collection<UInt8>], _ place: String, to found: inout FoundFolders
    ) {
        guard let facts = SystemFiles.facts(place) else {
            // What was listed, and is not there under the name that it was listed by.
            guard place.hasUnreadableName else { return }
            return found.add(levels, place, obstacle: SystemFiles.unreadableName)
        }
        guard Self.isMaildir(place) else { return }
        found.add(levels, place, obstacle: facts.isFolder ? nil : SystemFiles.isLink)
    }

    private static func isMaildir(_ path: String) -> Bool {
        SystemFiles.facts(path + "/cur")?.isFolder == true
    }

    /// Says which are subscribed to, if there is a list of them.
    private func mark(_ folders: inout [SourceFolder]) {
        let subscribed = subscriptions().map(Set.init)
        for index in folders.indices {
            guard let subscribed, !folders[index].name.isInbox else { continue }
            folders[index].isSubscribed = subscribed.contains(folders[index].name)
        }
    }

    private func subscriptions() -> [MailboxName]? {
        if case .octets(let octets, _) = read("\(root)/subscriptions") {
            // Maildir++ has no slash in names, and a tree no folder whose name begins with a stop.
            let separator = octets.contains(UInt8(ascii: "/")) ? "/" : "."
            return SubscriptionList.dovecot(octets, separator: separator.utf8.first ?? 0)
        }
        if case .octets(let octets, _) = read("\(root)/courierimapsubscribed") {
            return SubscriptionList.courier(octets)
        }
        return nil
    }

    private func read(_ path: String) -> SystemFiles.Reading {
        SystemFiles.read(path, limit: Self.listLimitOctets)
    }

    // MARK: Messages

    package mutating func open(_ folder: SourceFolder, since mark: String?) throws -> SourceOpening
    {
        self.folder = folder.place
        (keywords, latest) = (FolderKeywords(), [:])
        if case .octets(let octets, _) = read("\(folder.place)/dovecot-keywords") {
            keywords.readDovecot(octets)
        }
        try readCourierKeywords()
        var uids = DovecotUIDList()
        for name in ["dovecot-uidlist", "courierimapuiddb"] {
            guard case .octets(let octets, _) = read("\(folder.place)/\(name)") else { continue }
            uids = DovecotUIDList(octets)
            break
        }
        let found = Self.sorted(try list(), uids.uids)
        entries = found[...]
        return SourceOpening(
            messages: found.count, keys: Set(found.map { String($0.name.unique) }))
    }

    private mutating func readCourierKeywords() throws {
        let place = "\(folder)/courierimapkeywords"
        for name in try SystemFiles.names(place) {
            guard case .octets(let octets, _) = read("\(place)/\(name)") else { continue }
            if name == ":list" {
                keywords.readCourierList(octets)
            } else {
                keywords.readCourierFile(octets, of: name)
            }
        }
    }

    /// Each message once, though it may be moved from `new` to `cur` meanwhile.
    private func list() throws -> [Entry] {
        var entries: [Substring: Entry] = [:]
        for _ in 0..<Self.looks {
            let before = times
            for (place, isNew) in [("new", true), ("cur", false)] {
                for text in try SystemFiles.names("\(folder)/\(place)") {
                    guard let name = MaildirName(text) else { continue }
                    // What is in both was moved meanwhile, and has its flags in `cur`.
                    entries[name.unique] = Entry(
                        path: "\(place)/\(text)", name: name, isNew: isNew)
                }
            }
            // While names are changed a folder may show neither the old nor the new one.
            guard times != before else { break }
        }
        return Array(entries.values)
    }

    /// When names were last changed.
    private var times: [Timestamp?] {
        ["new", "cur"].map { SystemFiles.facts("\(folder)/\($0)")?.changed }
    }

    /// By UID; those without come last, by the time of their delivery.
    private static func sorted(_ entries: [Entry], _ uids: [String: UInt32]) -> [Entry] {
        let keyed = entries.map { entry in
            (
                entry: entry, uid: uids[entry.name.base] ?? UInt32.max,
                time: entry.name.delivered?.seconds ?? .max
            )
        }
        return keyed.sorted {
            ($0.uid, $0.time, $0.entry.name.base) < ($1.uid, $1.time, $1.entry.name.base)
        }.map(\.entry)
    }

    package mutating func next(_ isKnown: (String) -> Bool) throws -> SourceItem? {
        while let entry = entries.popFirst() {
            let key = String(entry.name.unique)
            guard key.utf8.count <= MaildirName.maximumOctets else { continue }
            if isKnown(key) {
                return .known(key: key, flags: keywords.flags(of: entry.name, isNew: entry.isNew))
            }
            if let item = try find(entry) { return item }
        }
        return nil
    }

    /// Reads a message, also where its flags are changed meanwhile, by another name; nil if it has
    /// gone.
    private mutating func find(_ entry: Entry) throws -> SourceItem? {
        if let item = try item(entry) { return item }
        if !latest.isEmpty {
            // All may have been renamed, or removed: one look is enough for many.
            guard let later = latest[entry.name.unique] else { return nil }
            if let item = try item(later) { return item }
        }
        for _ in 0..<Self.looks {
            latest = Dictionary(
                try list().map { ($0.name.unique, $0) }, uniquingKeysWith: { $1 })
            guard let later = latest[entry.name.unique] else { return nil }
            if let item = try item(later) { return item }
            guard !later.path.hasUnreadableName else {
                return .unreadable(name: later.path, reason: SystemFiles.unreadableName)
            }
        }
        return .unreadable(
            name: entry.path, reason: "its name changes faster than it can be read")
    }

    /// Nil if it has gone.
    private func item(_ entry: Entry) throws -> SourceItem? {
        let path = "\(folder)/\(entry.path)"
        if let facts = SystemFiles.facts(path), facts.isFile,
            facts.octets > min(largestOctets, LargeContent.threshold)
        {
            guard facts.octets <= largestOctets else {
                let reason = "it has \(facts.octets) octets, more than \(largestOctets)"
                return .unreadable(name: entry.path, reason: reason)
            }
            var message = message(entry, [], facts)
            message.large = try large(path, facts.octets)
            return .message(message)
        }
        switch SystemFiles.read(path, limit: min(largestOctets, LargeContent.threshold)) {
        case .octets(let octets, let facts): return .message(message(entry, octets, facts))
        case .refused(let reason): return .unreadable(name: entry.path, reason: reason)
        case .gone: return nil
        }
    }

    private func large(_ path: String, _ octets: Int) throws -> LargeContent {
        let input = try SystemFiles.Input(path, followsLinks: false)
        let writer = try LargeContent.Writer()
        var offset = 0
        while offset < octets {
            let piece = try input.read(at: offset, count: min(1 << 20, octets - offset))
            guard !piece.isEmpty else { break }
            offset += piece.count
            try writer.write(piece)
        }
        return writer.finish()
    }

    private func message(
        _ entry: Entry, _ octets: [UInt8], _ facts: SystemFiles.Facts
    ) -> SourceMessage {
        SourceMessage(
            key: String(entry.name.unique),
            flags: keywords.flags(of: entry.name, isNew: entry.isNew), date: facts.changed,
            octets: LineEnds.canonical(octets))
    }
}
