// SPDX-License-Identifier: Apache-2.0

import Crypto
import IMAP
package import MailFolders

/// A folder with a file of messages for each mailbox; those below `Work` are in `Work.sbd`, where
/// Thunderbird, and our import, look for them.
package struct MboxTarget: MailTarget {
    private let root: String
    private let writer: MboxWriter
    private let quoting: MboxReader.Quoting
    private var paths: [MailboxName: String] = [:]
    private var path = ""
    private var file: SystemFiles.Output?
    private var written: [Entry] = []
    /// Octets in the file.
    private var octets = 0

    /// What was written, to be found again.
    private struct Entry {
        let uid: UInt32
        /// Of the message as it comes back out of the file.
        let hash: [UInt8]
        /// Of all that stands in the file in `range`.
        let fileHash: [UInt8]
        let range: Range<Int>
    }

    /// A header is held in memory; no mail has one of this size.
    private static let maximumHeaderOctets = 16 << 20

    package init(_ path: String, quoting: MboxReader.Quoting) {
        root = path.hasSuffix("/") ? String(path.dropLast()) : path
        self.quoting = quoting
        writer = MboxWriter(quoting: quoting)
    }

    package mutating func begin(_ mailboxes: [TargetMailbox]) throws {
        try SystemFiles.makeFolder(root)
        let plain = mailboxes.map { Self.path(of: $0.name) }
        // Names that differ only in what cannot be written, and those of folders.
        var taken = Set(plain.flatMap(Self.folders))
        for (mailbox, plain) in zip(mailboxes, plain) {
            var path = plain
            var number = 2
            while !taken.insert(path).inserted {
                path = "\(plain)_\(number)"
                number += 1
            }
            paths[mailbox.name] = path
        }
    }

    /// `A.sbd/B` for `A/B`.
    private static func path(of name: MailboxName) -> String {
        let levels = FolderName.path(name).split(separator: "/")
        return levels.joined(separator: ".sbd/")
    }

    /// The folders above a file.
    private static func folders(_ path: String) -> [String] {
        path.indices.filter { path[$0] == "/" }.map { String(path[..<$0]) }
    }

    package mutating func open(_ mailbox: TargetMailbox) throws {
        let name = paths[mailbox.name] ?? Self.path(of: mailbox.name)
        path = "\(root)/\(name)"
        for folder in Self.folders(name) { try SystemFiles.makeFolder("\(root)/\(folder)") }
        file = try SystemFiles.Output(path + ".partial")
        (written, octets) = ([], 0)
    }

    package mutating func put(
        _ message: TargetMessage, _ outcome: inout ExportOutcome
    ) throws {
        let start = try message.content.prefix(Self.maximumHeaderOctets)
        let headerEnd = MboxFields.headerEnd(of: start) ?? start.count
        guard headerEnd < Self.maximumHeaderOctets else {
            outcome.differences.append(
                "UID \(message.uid): its header has more than \(Self.maximumHeaderOctets) octets")
            return
        }
        let header = Array(start[..<headerEnd])
        let body = message.content.pieces(from: headerEnd)
        var hash = CanonicalHash()
        hash.update(MboxFields.stripped(header))
        try hash.update(body.withLineEnd)
        let begin = octets
        var (fileHash, count) = (SHA256(), 0)
        try writer.write(
            header, body, sender: Self.sender(start), date: message.date, flags: message.flags
        ) { piece in
            try file?.write(piece)
            fileHash.update(data: piece)
            count += piece.count
        }
        octets += count
        written.append(
            Entry(
                uid: message.uid, hash: hash.finish(), fileHash: Array(fileHash.finalize()),
                range: begin..<octets))
        outcome.written += 1
    }

    /// The address of a Return-Path field at the top.
    private static func sender(_ octets: [UInt8]) -> String {
        let line = octets.prefix(1000).prefix { $0 != UInt8(ascii: "\r") }
        guard line.starts(with: "Return-Path:".utf8),
            let open = line.firstIndex(of: UInt8(ascii: "<")),
            let end = line.lastIndex(of: UInt8(ascii: ">")), open < end
        else { return "" }
        return String(decoding: line[(open + 1)..<end], as: UTF8.self)
    }

    /// Gives the file its name when it has been read again.
    package mutating func close(_ outcome: inout ExportOutcome) throws {
        try file?.finish()
        file = nil
        try compare(&outcome)
        try SystemFiles.rename(path + ".partial", to: path)
    }

    private func compare(_ outcome: inout ExportOutcome) throws {
        let input = try SystemFiles.Input(path + ".partial", followsLinks: false)
        var reader = MboxReader(quoting: quoting) { offset, count in
            try input.read(at: offset, count: count)
        }
        for entry in written {
            guard let message = try reader.next(), try Self.isEqual(message, entry, input) else {
                outcome.differences.append("UID \(entry.uid): \(path) is different")
                continue
            }
            outcome.equal += 1
        }
    }

    /// What is too large to be taken apart again is at least what was written.
    private static func isEqual(
        _ message: MboxReader.Message, _ entry: Entry, _ input: SystemFiles.Input
    ) throws -> Bool {
        guard message.isTooLarge else {
            return Array(SHA256.hash(data: LineEnds.canonical(message.octets))) == entry.hash
        }
        var hash = SHA256()
        var pieces = input.pieces(in: entry.range)
        while let piece = try pieces.next() { hash.update(data: piece) }
        return message.offset == entry.range.lowerBound
            && Array(hash.finalize()) == entry.fileHash
    }

    package mutating func end() throws { SystemFiles.syncAll() }
}
