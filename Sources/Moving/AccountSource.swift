// SPDX-License-Identifier: Apache-2.0

import Archive
package import Bytes
import Crypto
import IMAP
import World

/// An account in a file that `AccountBackup` wrote.
package struct AccountSource: MailSource {
    private let path: String
    private let skippedUIDs: Int64
    /// What `account.adopt` takes: login, name, language, addresses, rules, scripts, what is kept
    /// of passwords, mailboxes.
    package let settings: JSON
    private var reader: AccountArchive.Reader?
    /// The mailbox that is read, by its place in the list.
    private var index = 0
    private var list: ArraySlice<JSON> = []
    private var pushedBack: (name: String, octets: [UInt8])?
    /// Those of the open mailbox that stand with the account, as in files of the second format.
    private var earlierReaders: ArraySlice<JSON> = []

    /// Reads the whole file once, and compares its checksum and each message's; throws
    /// `ArchiveFailure` with the place of what is damaged.
    ///
    /// New messages get UIDs after `skippingUIDs` others, which messages may have got that came
    /// after the backup and are lost.
    package init(_ path: String, skippingUIDs: UInt32 = 0) throws {
        self.path = path
        skippedUIDs = Int64(skippingUIDs)
        var settings: JSON?
        var hashes: [String: String] = [:]
        let reader = try AccountArchive.Reader(path)
        var isFirst = true
        while let (name, octets) = try reader.next() {
            if isFirst {
                isFirst = false
                try Self.check(manifest: octets, name, path)
            } else if name == AccountArchive.accountName {
                settings = try? JSON(parsing: octets)
            } else if AccountArchive.isReader(name) {
                _ = try Self.reader(octets, name, path)
            } else if name.hasSuffix(".json") {
                try Self.expectNone(of: hashes, path)
                hashes = try Self.hashes(octets, name, path)
            } else if hashes.removeValue(forKey: name)
                != Hexadecimal.encode(Array(SHA256.hash(data: octets)))
            {
                throw ArchiveFailure.damaged(path, "the hash of \(name) is another")
            }
        }
        try Self.expectNone(of: hashes, path)
        guard let settings else { throw ArchiveFailure.damaged(path, "it has no account") }
        self.settings = settings
        // Before anything is changed.
        for folder in try folders() {
            let validities = 1...Int64(UInt32.max)
            guard let past = folder.past, validities.contains(past.uidValidity) else {
                throw ArchiveFailure.damaged(path, "\(folder.name.text) has no UIDVALIDITY")
            }
        }
    }

    /// What a list names stands behind it, in front of the next one.
    private static func expectNone(of hashes: [String: String], _ path: String) throws {
        guard let name = hashes.keys.min() else { return }
        throw ArchiveFailure.damaged(path, "\(name) is missing")
    }

    private static func check(manifest: [UInt8], _ name: String, _ path: String) throws {
        guard name == AccountArchive.manifestName, let json = try? JSON(parsing: manifest),
            let format = json["format"]?.string
        else { throw ArchiveFailure.damaged(path, "it has no manifest") }
        guard AccountArchive.readableFormats.contains(format) else {
            throw ArchiveFailure.damaged(
                path, "it has the format \(format), this release knows \(AccountArchive.format)")
        }
    }

    /// The hashes of the messages behind a list, by the names of their files.
    private static func hashes(
        _ octets: [UInt8], _ name: String, _ path: String
    ) throws -> [String: String] {
        guard let list = try? JSON(parsing: octets), let messages = list.array else {
            throw ArchiveFailure.damaged(path, "\(name) cannot be read")
        }
        let folder = name.prefix { $0 != "/" }
        return Dictionary(
            messages.map {
                ("\(folder)/\($0["uid"]?.integer ?? 0).eml", $0["hash"]?.string ?? "")
            }, uniquingKeysWith: { $1 })
    }

    package mutating func folders() throws -> [SourceFolder] {
        try (settings["mailboxes"]?.array ?? []).enumerated().map { index, mailbox in
            guard let name = mailbox["mailbox"]?.string.flatMap({ try? MailboxName($0) }) else {
                throw ArchiveFailure.damaged(path, "a mailbox has no name")
            }
            var folder = SourceFolder(
                name: name, use: mailbox["use"]?.string, place: String(index))
            folder.isSubscribed = mailbox["subscribed"]?.bool ?? true
            folder.past = SourceFolder.Past(
                uidValidity: mailbox["uidvalidity"]?.integer ?? 1,
                uidNext: (mailbox["uidnext"]?.integer ?? 1) + skippedUIDs,
                modSequence: mailbox["modseq"]?.integer ?? 0,
                recentUID: mailbox["recent"]?.integer ?? 1,
                keywords: (mailbox["keywords"]?.array ?? []).compactMap(\.string))
            return folder
        }
    }

    /// Folders are opened in the order of `folders`.
    package mutating func open(_ folder: SourceFolder, since mark: String?) throws -> SourceOpening
    {
        if reader == nil { reader = try AccountArchive.Reader(path) }
        index = Int(folder.place) ?? 0
        list = []
        earlierReaders = (settings["mailboxes"]?.array?[index]["readers"]?.array ?? [])[...]
        return SourceOpening(messages: nil, keys: nil)
    }

    package mutating func next(_ isKnown: (String) -> Bool) throws -> SourceItem? {
        while let (name, octets) = try nextFile() {
            let parts = name.split(separator: "/")
            guard parts.count == 2, let place = Int(parts[0]) else { continue }
            guard place <= index, place < index || !AccountArchive.isReader(name) else {
                pushedBack = (name, octets)
                return nil
            }
            guard place == index else { continue }
            if name.hasSuffix(".json") {
                list = ((try? JSON(parsing: octets))?.array ?? [])[...]
                continue
            }
            guard let facts = list.popFirst() else { continue }
            return try item(facts, octets, isKnown)
        }
        return nil
    }

    package mutating func nextReader() throws -> SourceReader? {
        if let earlier = earlierReaders.popFirst() { return Self.reader(earlier) }
        guard let (name, octets) = try nextFile() else { return nil }
        guard AccountArchive.isReader(name), name.hasPrefix("\(index)/") else {
            pushedBack = (name, octets)
            return nil
        }
        return try Self.reader(octets, name, path)
    }

    private static func reader(
        _ octets: [UInt8], _ name: String, _ path: String
    ) throws -> SourceReader {
        guard let json = try? JSON(parsing: octets), let login = json["login"]?.string,
            let seen = NumberSet(json["seen"]?.string ?? "")
        else { throw ArchiveFailure.damaged(path, "\(name) cannot be read") }
        return SourceReader(login: login, seen: seen)
    }

    /// Of the second format: the first and the last UID of each range.
    private static func reader(_ json: JSON) -> SourceReader {
        let ranges = (json["seen"]?.array ?? []).compactMap { range -> ClosedRange<UInt32>? in
            let bounds = (range.array ?? []).compactMap(\.integer).compactMap {
                UInt32(exactly: $0)
            }
            return bounds.count == 2 && bounds[0] <= bounds[1] ? bounds[0]...bounds[1] : nil
        }
        return SourceReader(login: json["login"]?.string ?? "", seen: NumberSet(ranges))
    }

    private mutating func nextFile() throws -> (name: String, octets: [UInt8])? {
        if let file = pushedBack {
            pushedBack = nil
            return file
        }
        return try reader?.next()
    }

    private func item(
        _ facts: JSON, _ octets: [UInt8], _ isKnown: (String) -> Bool
    ) throws -> SourceItem {
        let past = settings["mailboxes"]?.array?[index]
        let uid = facts["uid"]?.integer ?? 0
        let key = "\(past?["uidvalidity"]?.integer ?? 0).\(uid)"
        let flags = (facts["flags"]?.array ?? []).compactMap(\.string).sorted()
        if isKnown(key) { return .known(key: key, flags: flags) }
        var message = SourceMessage(
            key: key, flags: flags,
            date: facts["date"]?.integer.map { Timestamp(milliseconds: $0) }, octets: octets)
        message.uid = UInt32(exactly: uid)
        message.saved = facts["saved"]?.integer.map { Timestamp(milliseconds: $0) }
        if octets.count > LargeContent.threshold {
            let writer = try LargeContent.Writer(isCanonical: true)
            try writer.write(octets)
            (message.large, message.octets) = (writer.finish(), [])
        }
        return .message(message)
    }
}
