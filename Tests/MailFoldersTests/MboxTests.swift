// SPDX-License-Identifier: Apache-2.0

import Bytes
import MailFolders
import Testing
import World

@Suite("RFC 4155 and its dialects: files of messages")
struct MboxTests {
    static func read(
        _ text: String, quoting: MboxReader.Quoting = .mboxrd, piece: Int = .max
    ) throws -> [MboxReader.Message] {
        let octets = Array(text.utf8)
        var reader = MboxReader(quoting: quoting) { offset, count in
            Array(octets.dropFirst(offset).prefix(min(count, piece)))
        }
        var messages: [MboxReader.Message] = []
        while let message = try reader.next() { messages.append(message) }
        return messages
    }

    static func text(_ message: MboxReader.Message) -> String {
        String(decoding: message.octets, as: UTF8.self)
    }

    static let two = """
        From a@b Thu Nov  5 10:11:12 2026
        Subject: one
        Status: RO
        X-Status: AF
        X-Keywords: $Label1 bad(
          more

        text
        >From here
        >>From there
        From nowhere

        From c@d Thu Nov  5 10:11:13 2026 +0100
        Subject: two

        end

        """

    @Test("messages come with flags, dates and unquoted lines, in pieces of any size")
    func two() throws {
        for piece in [1, 7, 100_000] {
            let messages = try Self.read(Self.two, piece: piece)
            try #require(messages.count == 2)
            #expect(
                Self.text(messages[0])
                    == "Subject: one\r\n\r\ntext\r\nFrom here\r\n>From there\r\nFrom nowhere\r\n")
            #expect(messages[0].flags == ["$Label1", "\\Answered", "\\Flagged", "\\Seen"])
            #expect(messages[0].date == Timestamp(seconds: 1_793_873_472))
            #expect(messages[1].date == Timestamp(seconds: 1_793_869_873))
            #expect(Self.text(messages[1]) == "Subject: two\r\n\r\nend\r\n")
            #expect(messages[1].flags.isEmpty)
        }
    }

    @Test("mboxo has one level of quoting, mboxcl2 none")
    func dialects() throws {
        let old = try Self.read(Self.two, quoting: .mboxo)
        #expect(Self.text(old[0]).contains("\r\nFrom here\r\n>>From there\r\n"))
        let none = try Self.read(Self.two, quoting: .mboxcl2)
        #expect(Self.text(none[0]).contains("\r\n>From here\r\n>>From there\r\n"))
    }

    @Test("a Content-Length that leads to the next message is believed, another is not")
    func contentLength() throws {
        let body = "a\n\nFrom x@y Thu Nov  5 10:11:12 2026\n>From b\n"
        let head = "From a@b Thu Nov  5 10:11:12 2026\nSubject: x\nContent-Length: "
        let right = "\(head)\(body.utf8.count)\n\n\(body)\n\(Self.two)"
        let messages = try Self.read(right)
        #expect(messages.count == 3)
        #expect(
            Self.text(messages[0])
                == "Subject: x\r\n\r\n"
                + body.split(separator: "\n", omittingEmptySubsequences: false)
                .joined(separator: "\r\n"))
        for wrong in [0, 5, body.utf8.count + 1000, Int.max / 2] {
            let messages = try Self.read("\(head)\(wrong)\n\n\(body)\n\(Self.two)")
            #expect(messages.count == 4, "\(wrong)")
        }
    }

    @Test("a file that is none is refused with the place; an empty one has no messages")
    func noMbox() throws {
        #expect(
            throws: MboxReader.Failure(
                offset: 1, reason: "no line `From ADDRESS DATE` begins a message here")
        ) {
            try Self.read("\nSubject: x\n\n")
        }
        #expect(try Self.read("").isEmpty)
        #expect(try Self.read("\n\n").isEmpty)
    }

    @Test("notes of programs and messages that Thunderbird has deleted are passed over")
    func notes() throws {
        let notes = """
            From MAILER-DAEMON Thu Nov  5 10:11:12 2026
            Subject: DON'T DELETE THIS MESSAGE -- FOLDER INTERNAL DATA
            X-IMAP: 1700000000 0000000003

            notes

            From - Thu Nov  5 10:11:12 2026
            X-Mozilla-Status: 0009
            Subject: deleted

            x

            From - Thu Nov  5 10:11:12 2026
            X-Mozilla-Status: 1007
            X-Mozilla-Keys: work
            Subject: kept

            x
            """
        let messages = try Self.read(notes)
        #expect(messages.map(Self.text) == ["Subject: kept\r\n\r\nx"])
        #expect(messages[0].flags == ["$Forwarded", "\\Answered", "\\Flagged", "\\Seen", "work"])
    }

    /// A message as it comes back.
    private static func stripped(_ octets: [UInt8]) -> [UInt8] {
        let (header, body) = MboxFields.split(octets)
        let hasEnd = body.last ?? .lineFeed == .lineFeed
        return MboxFields.stripped(header) + body + (hasEnd ? [] : [.carriageReturn, .lineFeed])
    }

    @Test(
        "a message that comes in pieces is written as if it came at once",
        arguments: MboxReader.Quoting.allCases)
    func pieces(_ quoting: MboxReader.Quoting) throws {
        let header = Array("Subject: a\r\n\r\n".utf8)
        let date = Timestamp(seconds: 1_793_873_472)
        for text in [
            "From a\r\n>From b\r\nFro", "\r\rFrom a\r\r\nFrom b", "a\nFrom b\r\n\r", "F\r\nFF\r\n>",
        ] {
            let body = Array(text.utf8)
            let writer = MboxWriter(quoting: quoting)
            let whole = writer.entry(header + body, sender: "", date: date, flags: [])
            for size in 1...4 {
                var written: [UInt8] = []
                let pieces = Pieces(0..<body.count, by: size) {
                    Array(body.dropFirst($0).prefix($1))
                }
                try writer.write(header, pieces, sender: "", date: date, flags: []) {
                    written += $0
                }
                #expect(written == whole, "\(text.debugDescription) by \(size)")
            }
        }
    }

    @Test("what is written is read again", arguments: MboxReader.Quoting.allCases)
    func roundTrip(_ quoting: MboxReader.Quoting) throws {
        let bodies = [
            "", "text\r\n", "From a@b Thu Nov  5 10:11:12 2026\r\n", "\r\n\r\n", "x",
            ">From a\r\n\r\nFrom a@b Thu Nov  5 10:11:12 2026\r\n>>From b\r\n",
        ]
        // mboxo cannot tell a line that was quoted from one that begins so.
        let own = bodies.filter { quoting != .mboxo || !$0.contains(">") }
        let writer = MboxWriter(quoting: quoting)
        var file: [UInt8] = []
        let messages =
            ["no header", "Subject: x"]
            + own.map { "Subject: a\r\nStatus: X\r\n b\r\nTo: b\r\n\r\n\($0)" }
        let date = Timestamp(seconds: 1_793_873_472)
        for message in messages {
            file += writer.entry(
                Array(message.utf8), sender: "a@b", date: date, flags: ["\\Seen", "x", "\\Draft"])
        }
        let read = try Self.read(String(decoding: file, as: UTF8.self), quoting: quoting)
        #expect(read.map(\.octets) == messages.map { Self.stripped(Array($0.utf8)) })
        #expect(read.allSatisfy { $0.date == date && $0.flags == ["\\Draft", "\\Seen", "x"] })
    }
}
