// SPDX-License-Identifier: Apache-2.0

import Bytes
import Crypto
package import IMAP
package import MailFolders

/// A file of messages, or a folder of such files (Dovecot's, Thunderbird's, UW-IMAP's).
///
/// Nothing in such a file names a message: it is known by its octets, and the second one with the
/// same by its number.
package struct MboxSource: MailSource {
    private let path: String
    private let mailbox: MailboxName?
    private let quoting: MboxReader.Quoting
    private var reader: MboxReader?
    private var place = ""
    private var counts: [String: Int] = [:]

    /// Levels of folders.
    private static let depthLimit = 100

    /// `mailbox` is for a single file; without it that is INBOX.
    package init(_ path: String, mailbox: MailboxName?, quoting: MboxReader.Quoting) {
        self.path = path
        self.mailbox = mailbox
        self.quoting = quoting
    }

    package mutating func folders() throws -> [SourceFolder] {
        guard SystemFiles.facts(path + "/.")?.isFolder == true else {
            // The operator's own word may be a link.
            _ = try SystemFiles.Input(path, followsLinks: true)
            let name = mailbox ?? .inbox
            return [SourceFolder(name: name, use: FolderUse.use(of: name), place: path)]
        }
        var found = FoundFolders()
        try add([], at: path, to: &found)
        guard !found.folders.isEmpty else {
            throw MovingFailure(.source, "there is no file of messages in \(path)")
        }
        return found.folders
    }

    private func add(
        _ levels: [String], at path: String, to found: inout FoundFolders
    ) throws {
        guard levels.count < Self.depthLimit else { return }
        for name in try SystemFiles.names(path) where !name.hasPrefix(".") {
            let place = "\(path)/\(name)"
            guard let facts = SystemFiles.facts(place) else {
                if place.hasUnreadableName {
                    found.add(
                        (levels + [name]).map(\.utf8), place,
                        obstacle: SystemFiles.unreadableName)
                }
                continue
            }
            if facts.isFolder {
                // Thunderbird keeps what is below `Work` in `Work.sbd`, Apple Mail writes `Work.mbox`.
                let end = [".sbd", ".mbox"].first(where: name.hasSuffix)?.count ?? 0
                try add(levels + [String(name.dropLast(end))], at: place, to: &found)
                continue
            }
            // readpst and Apple Mail call the file of a folder `mbox`.
            let isOfFolder = name == "mbox" && !levels.isEmpty && !path.hasSuffix(".sbd")
            let names = (isOfFolder ? levels : levels + [name]).map(\.utf8)
            do {
                if facts.isFile, try Self.beginsAsMbox(place) { found.add(names, place) }
            } catch {
                found.add(names, place, obstacle: error.description)
            }
        }
    }

    /// Whether its first line that is not empty begins a message.
    private static func beginsAsMbox(_ path: String) throws(MovingFailure) -> Bool {
        let file = try SystemFiles.Input(path, followsLinks: false)
        let start = try file.read(at: 0, count: 256)
        return start.drop { $0 == .lineFeed || $0 == .carriageReturn }.starts(with: "From ".utf8)
    }

    package mutating func open(_ folder: SourceFolder, since mark: String?) throws -> SourceOpening
    {
        let file = try SystemFiles.Input(folder.place, followsLinks: folder.place == path)
        place = folder.place
        counts = [:]
        reader = MboxReader(quoting: quoting) { try file.read(at: $0, count: $1) }
        return SourceOpening(messages: nil, keys: nil)
    }

    package mutating func next(_ isKnown: (String) -> Bool) throws -> SourceItem? {
        let message: MboxReader.Message?
        do {
            message = try reader?.next()
        } catch let failure as MboxReader.Failure {
            throw MovingFailure(.source, "\(place): \(failure)")
        }
        guard let message else { return nil }
        guard !message.isTooLarge else {
            return .unreadable(
                name: "message at octet \(message.offset)",
                reason: "it has more than \(MboxReader.maximumOctets) octets")
        }
        let hash = Hexadecimal.encode(Array(SHA256.hash(data: message.octets)))
        let count = counts[hash, default: 0]
        counts[hash] = count + 1
        let key = count == 0 ? hash : "\(hash)#\(count)"
        if isKnown(key) { return .known(key: key, flags: message.flags) }
        return .message(
            SourceMessage(
                key: key, flags: message.flags, date: message.date, octets: message.octets))
    }
}
