// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail
import SMTP
import Testing

/// Mail data as RFC 5321 §4.5.2 and §2.3.8 define it, read the slow and plain way.
private enum PlainReader {
    /// The message, and how many octets it took; nil while the end is missing.
    static func read(_ octets: [UInt8]) -> (message: [UInt8]?, consumed: Int)? {
        // A line end stands before the first octet.
        let text = [13, 10] + octets
        let end: [UInt8] = [13, 10, 46, 13, 10]
        guard
            let position = text.indices.first(where: { text[$0...].starts(with: end) })
        else { return nil }
        let consumed = position + 5 - 2
        let data = text[..<(position + 2)]
        var message: [UInt8] = []
        var index = 2
        while index < data.count {
            let octet = data[index]
            let isLineStart = data[index - 2] == 13 && data[index - 1] == 10
            if octet == 0 || octet == 10 && data[index - 1] != 13 { return (nil, consumed) }
            if octet == 13, index + 1 == data.count || data[index + 1] != 10 {
                return (nil, consumed)
            }
            if !(isLineStart && octet == 46) { message.append(octet) }
            index += 1
        }
        return (message, consumed)
    }
}

@Suite("RFC 5321 §4.5.2 transparency")
struct ContentTests {
    @Test("any octets in any pieces are read as the definition says", arguments: 0..<40)
    func reading(seed: Int) throws {
        var seed = Seed(UInt64(seed))
        for _ in 0..<100 {
            let count = Int.random(in: 0...40, using: &seed)
            var octets = seed.octets(count, of: Bool.random(using: &seed) ? "\r\n.a" : "\r\n.\0a")
            // Mostly well-formed line ends, so that something is accepted.
            if Bool.random(using: &seed) {
                octets = octets.flatMap { $0 == 13 || $0 == 10 ? [13, 10] : [$0] }
            }
            octets += Array("\r\n.\r\n".utf8)
            let expected = try #require(PlainReader.read(octets))
            octets = octets.prefix(expected.consumed) + Array("NOOP\r\n".utf8)
            let (message, replies) = try receive(octets, seed: &seed)
            #expect(message == expected.message, "\(octets)")
            #expect(replies == [expected.message == nil ? 550 : 250, 250], "\(octets)")
        }
    }

    /// What the server makes of mail data: the message, and the codes it says from then on.
    private func receive(_ octets: [UInt8], seed: inout Seed) throws -> ([UInt8]?, [Int]) {
        var session = ServerSession(
            ServerSession.Configuration(
                hostName: try Domain("mx.example.org"), service: .exchange))
        let opening = "EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n"
        var message: [UInt8]?
        var draft: [UInt8] = []
        var replies: [Int] = []
        for piece in [Array(opening.utf8)] + seed.cut(octets, most: 9) {
            session.receive(piece)
            while let step = session.next() {
                switch step {
                case .send(let reply): replies.append(reply.code)
                case .content(let slice):
                    #expect(!slice.isEmpty)
                    draft += slice
                case .takeResponsibility:
                    if message == nil { message = draft }
                    session.answer(.accept())
                case .judgeSender, .judgeRecipient, .openDraft: session.answer(.accept())
                default: break
                }
            }
        }
        return (message, Array(replies.dropFirst(5)))
    }

    @Test("any message in any chunks is written so that it is read again", arguments: 0..<40)
    func writing(seed: Int) throws {
        var seed = Seed(UInt64(seed))
        for _ in 0..<100 {
            let count = Int.random(in: 0...40, using: &seed)
            let message = seed.octets(count, of: "\r\n..a")
            var stuffer = DotStuffer()
            var octets: [UInt8] = []
            for chunk in seed.cut(message, most: 9) { octets += stuffer.encode(chunk) }
            octets += stuffer.finish()
            let read = try #require(PlainReader.read(octets))
            #expect(read.consumed == octets.count, "an end within \(message)")
            #expect(read.message == Self.lines(message), "\(message)")
        }
    }

    /// The message with CR LF for each line end, and at its own end.
    private static func lines(_ message: [UInt8]) -> [UInt8] {
        var lines: [UInt8] = []
        for (index, octet) in message.enumerated() {
            let previous = index > 0 ? message[index - 1] : 0
            if octet == 10 {
                lines += previous == 13 ? [10] : [13, 10]
            } else {
                if previous == 13 { lines.append(10) }
                lines.append(octet)
            }
        }
        if lines.last == 13 { lines.append(10) }
        if !lines.isEmpty, lines.suffix(2) != [13, 10] { lines += [13, 10] }
        return lines
    }

    @Test("a chunk that needs no change is the same octets, ends are made whole")
    func ends() {
        let rows: [(String, String)] = [
            ("", ".\r\n"), ("a", "\r\n.\r\n"), ("a\r\n", ".\r\n"), ("a\r", "\n.\r\n"),
            (".", "\r\n.\r\n"),
        ]
        for (message, end) in rows {
            var stuffer = DotStuffer()
            let encoded = stuffer.encode(Array(message.utf8))
            #expect(encoded == Array((message == "." ? ".." : message).utf8))
            #expect(stuffer.finish() == Array(end.utf8))
        }
    }
}
