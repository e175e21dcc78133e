// SPDX-License-Identifier: Apache-2.0

import Bytes
import MailFolders
import World

extension Property {
    /// A file of messages (mbox) that anybody may have written.
    ///
    /// The first octet says how it is quoted and how it is read. However it is read, the same
    /// messages come out, within the file, in its order; and what is written of them is read as
    /// the same again.
    package static let mailboxFile = Property("MailboxFile") { input throws(Broken) in
        guard let first = input.first else { return }
        let file = Array(input[1...])
        let all = MboxReader.Quoting.allCases
        let quoting = all[Int(first & 0x7F) % all.count]
        let (whole, end) = read(file, quoting, at: .max)
        let (pieces, pieceEnd) = read(file, quoting, at: Int(first >> 4) * 7 + 1)
        try expect(whole.count == pieces.count && end == pieceEnd, "in pieces it is another file")
        var last = -1
        for (one, other) in zip(whole, pieces) {
            try expect(
                one.octets == other.octets && one.flags == other.flags && one.date == other.date,
                "in pieces a message is another")
            try expect(one.offset > last && one.offset < file.count, "a message is nowhere")
            try expect(one.octets.count <= 2 * file.count, "a message is larger than its file")
            last = one.offset
            try expectKept(one, quoting)
        }
    }

    private static func read(
        _ file: [UInt8], _ quoting: MboxReader.Quoting, at most: Int
    ) -> (messages: [MboxReader.Message], failure: String?) {
        var reader = MboxReader(quoting: quoting) { offset, count in
            guard offset < file.count else { return [] }
            return Array(file[offset...].prefix(min(count, most)))
        }
        var messages: [MboxReader.Message] = []
        do {
            while let message = try reader.next() { messages.append(message) }
        } catch {
            return (messages, "\(error)")
        }
        return (messages, nil)
    }

    /// Written as mboxrd and read again, nothing of it is lost.
    private static func expectKept(
        _ message: MboxReader.Message, _ quoting: MboxReader.Quoting
    ) throws(Broken) {
        // A message whose lines cannot be told from others', without a header, is written with one.
        guard message.octets.starts(with: "Subject:".utf8), !message.octets.contains(0) else {
            return
        }
        let writer = MboxWriter(quoting: .mboxrd)
        let entry = writer.entry(
            message.octets, sender: "", date: message.date ?? Timestamp(seconds: 0),
            flags: message.flags)
        let (again, failure) = read(entry, .mboxrd, at: .max)
        try expect(failure == nil && again.count == 1, "what was written is no message")
    }
}
