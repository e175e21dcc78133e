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
    private var path = ""
    private var file: SystemFiles.Output?
    private var hashes: [(uid: UInt32, hash: [UInt8])] = []

    package init(_ path: String, quoting: MboxReader.Quoting) {
        root = path.hasSuffix("/") ? String(path.dropLast()) : path
        self.quoting = quoting
        writer = MboxWriter(quoting: quoting)
    }

    package mutating func begin(_ mailboxes: [TargetMailbox]) throws {
        try SystemFiles.makeFolder(root)
    }

    package mutating func open(_ mailbox: TargetMailbox) throws {
        let levels = FolderName.path(mailbox.name).split(separator: "/")
        var folder = root
        for level in levels.dropLast() {
            folder += "/\(level).sbd"
            try SystemFiles.makeFolder(folder)
        }
        path = "\(folder)/\(levels.last ?? "INBOX")"
        file = try SystemFiles.Output(path + ".partial")
        hashes = []
    }

    package mutating func put(
        _ message: TargetMessage, _ outcome: inout ExportOutcome
    ) throws {
        try file?.write(
            writer.entry(
                message.octets, sender: Self.sender(message.octets), date: message.date,
                flags: message.flags))
        hashes.append((message.uid, Self.hash(MboxFields.stripped(message.octets))))
        outcome.written += 1
    }

    private static func hash(_ octets: [UInt8]) -> [UInt8] {
        Array(SHA256.hash(data: LineEnds.canonical(octets)))
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
        for (uid, hash) in hashes {
            guard let message = try? reader.next(), !message.isTooLarge,
                Self.hash(message.octets) == hash
            else {
                outcome.differences.append("UID \(uid): \(path) is different")
                continue
            }
            outcome.equal += 1
        }
    }

    package mutating func end() throws { SystemFiles.syncAll() }
}
