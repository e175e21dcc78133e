// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail
import SMTP
import Testing

private let cuts: [Int?] = [nil, 1, 2, 3, 7]

private let greeting = """
    S: 220 mx.example.org ESMTP
    C: EHLO a
    S: 250-mx.example.org greets a
    S: 250-PIPELINING
    S: 250-SIZE 2000
    S: 250-8BITMIME
    S: 250 ENHANCEDSTATUSCODES

    """

private let envelope = """
    C: MAIL FROM:<ann@example.net>
    C: RCPT TO:<bob@example.org>
    S: 250 2.1.0 Sender OK
    S: 250 2.1.5 Recipient OK

    """

private let quit = """

    C: QUIT
    S: 221 2.0.0 Closing the connection
    D: close
    """

@Suite("RFC 3030 CHUNKING and BINARYMIME")
struct ChunkTests {
    @Test("a message in one chunk", arguments: cuts)
    func single(cut: Int?) throws {
        var dialogue = try Dialogue(cut: cut)
        dialogue.play(
            greeting + envelope + """
                C: BDAT 12 LAST
                C: Subject: x
                D: open ESMTP a - 1
                D: commit 12
                S: 250 2.0.0 queued as 1
                """ + quit)
        #expect(dialogue.messages == [Array("Subject: x\r\n".utf8)])
    }

    @Test("a message in pipelined chunks that end anywhere, dots and all", arguments: cuts)
    func several(cut: Int?) throws {
        var dialogue = try Dialogue(cut: cut)
        dialogue.play(
            greeting + envelope + """
                C: bdat 5
                C: a: b\\r\\c
                C: BDAT 0
                C: BDAT 5
                C: \\n.\\r\\n.\\c
                C: BDAT 8 last
                C: \\r\\n.\\r\\n..x\\c
                C: NOOP
                D: open ESMTP a - 1
                S: 250 2.0.0 5 octets received
                S: 250 2.0.0 0 octets received
                S: 250 2.0.0 5 octets received
                D: commit 18
                S: 250 2.0.0 queued as 1
                S: 250 2.0.0 OK
                """ + quit)
        #expect(dialogue.messages == [Array("a: b\r\n.\r\n.\r\n.\r\n..x".utf8)])
    }

    /// What goes before, what is sent, and what is said.
    static let faults = [
        Scene(
            "commands that have no place between chunks",
            envelope + """
                C: BDAT 3
                C: x\\c
                C:
                D: open ESMTP a - 1
                S: 250 2.0.0 3 octets received
                C: DATA
                S: 503 5.5.1 Bad sequence of commands
                C: RCPT TO:<bob@example.org>
                S: 503 5.5.1 Bad sequence of commands
                C: MAIL FROM:<ann@example.net>
                S: 503 5.5.1 Bad sequence of commands
                C: BDAT 0 LAST
                D: commit 3
                S: 250 2.0.0 queued as 1
                """),
        Scene(
            "RSET forgets the chunks, and so does EHLO",
            envelope + """
                C: BDAT 3
                C: x\\c
                C:
                D: open ESMTP a - 1
                S: 250 2.0.0 3 octets received
                C: RSET
                D: discard
                S: 250 2.0.0 OK

                """ + envelope + """
                    C: BDAT 1
                    C: x\\c
                    D: open ESMTP a - 1
                    S: 250 2.0.0 1 octets received
                    C: HELO a
                    D: discard
                    S: 250 mx.example.org greets a
                    C: BDAT 1 LAST
                    C: x\\c
                    S: 503 5.5.1 Bad sequence of commands
                    """),
        Scene(
            "without a transaction, or without recipients, the octets are read and forgotten",
            """
            C: BDAT 6 LAST
            C: QUIT
            S: 503 5.5.1 Bad sequence of commands
            C: MAIL FROM:<ann@example.net>
            S: 250 2.1.0 Sender OK
            C: BDAT 6
            C: QUIT
            S: 554 5.5.1 No valid recipients
            """),
        Scene(
            "after a refused envelope every pipelined chunk is read and refused",
            """
            C: MAIL FROM:<refused@example.net>
            C: RCPT TO:<bob@example.org>
            C: BDAT 6
            C: QUIT
            C: BDAT 6 LAST
            C: QUIT
            S: 550 5.7.1 Sender refused
            S: 503 5.5.1 Bad sequence of commands
            S: 503 5.5.1 Bad sequence of commands
            S: 503 5.5.1 Bad sequence of commands
            """),
        Scene(
            "after the last chunk there is none",
            envelope + """
                C: BDAT 2 LAST
                C:
                C: BDAT 2 LAST
                C:
                D: open ESMTP a - 1
                D: commit 2
                S: 250 2.0.0 queued as 1
                S: 503 5.5.1 Bad sequence of commands
                """),
        Scene(
            "a full store is said after the chunk",
            """
            C: MAIL FROM:<full@example.net>
            C: RCPT TO:<bob@example.org>
            C: BDAT 6
            C: QUIT
            C: BDAT 6 LAST
            C: QUIT
            S: 250 2.1.0 Sender OK
            S: 250 2.1.5 Recipient OK
            D: open ESMTP a - 1
            S: 452 4.3.1 Not enough storage just now, please come back later
            S: 503 5.5.1 Bad sequence of commands
            """),
        Scene(
            "a commit that fails is no acceptance",
            envelope + """
                C: BDAT 15 LAST
                C: Subject: full
                D: open ESMTP a - 1
                D: commit 15
                S: 452 4.3.1 Not enough storage just now, please come back later
                """),
        Scene(
            "a chunk that would be too much is refused before anything of it is kept",
            envelope + """
                C: BDAT 2001 LAST
                C: \(String(repeating: "x", count: 1999))
                S: 552 5.3.4 The message is larger than this server takes

                """ + envelope + """
                    C: BDAT 1500
                    C: \(String(repeating: "x", count: 1498))
                    C: BDAT 501 LAST
                    C: \(String(repeating: "x", count: 499))
                    D: open ESMTP a - 1
                    S: 250 2.0.0 1500 octets received
                    D: discard
                    S: 552 5.3.4 The message is larger than this server takes
                    """),
        Scene(
            "LF alone, CR alone and NUL, also at the border of chunks",
            envelope + """
                C: BDAT 3 LAST
                C: a\\nb\\c
                D: open ESMTP a - 1
                D: discard
                S: 550 5.6.0 The message holds CR or LF alone (RFC 5321 section 2.3.8), nothing was accepted

                """ + envelope + """
                    C: BDAT 2
                    C: a\\r\\c
                    C: BDAT 1 LAST
                    C: b\\c
                    D: open ESMTP a - 1
                    S: 250 2.0.0 2 octets received
                    D: discard
                    S: 550 5.6.0 The message holds CR or LF alone (RFC 5321 section 2.3.8), nothing was accepted

                    """ + envelope + """
                    C: BDAT 2 LAST
                    C: a\\r\\c
                    D: open ESMTP a - 1
                    D: discard
                    S: 550 5.6.0 The message holds CR or LF alone (RFC 5321 section 2.3.8), nothing was accepted

                    """ + envelope + """
                    C: BDAT 2 LAST
                    C: a\\0\\c
                    D: open ESMTP a - 1
                    D: discard
                    S: 550 5.6.0 The message holds NUL (RFC 5322 section 4), nothing was accepted
                    """),
        Scene(
            "binary mail holds what it wants behind its header, and does not come by DATA",
            """
            C: MAIL FROM:<ann@example.net> BODY=BINARYMIME
            C: RCPT TO:<bob@example.org>
            C: DATA
            S: 250 2.1.0 Sender OK
            S: 250 2.1.5 Recipient OK
            S: 503 5.5.1 BODY=BINARYMIME needs BDAT
            C: BDAT 15 LAST
            C: a: b\\r\\n\\r\\n\\0\\r\\n.\\n.\\r\\c
            D: open ESMTP a - 1
            D: commit 15
            S: 250 2.0.0 queued as 1
            C: MAIL FROM:<ann@example.net> BODY=BINARYMIME
            C: RCPT TO:<bob@example.org>
            C: BDAT 10 LAST
            C: a: b\\n\\r\\n\\0\\r\\n\\c
            S: 250 2.1.0 Sender OK
            S: 250 2.1.5 Recipient OK
            D: open ESMTP a - 1
            D: discard
            S: 550 5.6.0 The message holds CR or LF alone (RFC 5321 section 2.3.8), nothing was accepted
            """),
        Scene(
            "a size smaller than what comes: the rest is a command that nobody knows",
            envelope + """
                C: BDAT 2 LAST
                C: abcdef
                D: open ESMTP a - 1
                D: commit 2
                S: 250 2.0.0 queued as 1
                S: 500 5.5.1 Command unknown
                """),
    ]

    @Test("each command out of place, each refusal, each lie", arguments: faults, cuts)
    func fault(scene: Scene, cut: Int?) throws {
        var dialogue = try Dialogue(cut: cut)
        dialogue.play(greeting + scene.text + quit)
    }

    @Test(
        "a size that is none ends the session: what follows must not become commands",
        arguments: [
            "BDAT", "BDAT LAST", "BDAT -1", "BDAT +1", "BDAT 1x", "BDAT 0x10", "BDAT 1 FIRST",
            "BDAT 1 LAST LAST", "BDAT 99999999999999999999", "BDAT 1,2", "BDAT 1.0 LAST",
        ], cuts)
    func malformed(command: String, cut: Int?) throws {
        var dialogue = try Dialogue(cut: cut)
        dialogue.play(
            greeting + envelope + """
                C: \(command)
                C: MAIL FROM:<admin@example.org>
                C: RCPT TO:<victim@example.org>
                S: 501 5.5.4 BDAT needs a size and nothing but LAST after it, closing
                D: close
                """)
        #expect(dialogue.messages.isEmpty)
    }

    @Test("a size larger than what comes waits, and keeps nothing", arguments: cuts)
    func tooFew(cut: Int?) throws {
        var dialogue = try Dialogue(cut: cut)
        dialogue.play(
            greeting + envelope + """
                C: BDAT 100 LAST
                C: text
                C: QUIT
                D: open ESMTP a - 1
                D: (time passes)
                D: discard
                S: 421 4.4.2 Nothing came for too long, closing
                D: close
                """)
        #expect(dialogue.messages.isEmpty)
        dialogue.play(
            greeting + envelope + """
                C: BDAT 3
                C: x
                C: (ends)
                D: open ESMTP a - 1
                S: 250 2.0.0 3 octets received
                D: discard
                D: close
                """)
        #expect(dialogue.messages.isEmpty)
    }

    @Test("a chunk of a lying terabyte is read for nothing only so far")
    func terabyte() throws {
        var session = ServerSession(
            ServerSession.Configuration(
                hostName: try Domain("mx.example.org"), service: .exchange))
        session.receive(Array("EHLO a\r\nBDAT 999999999999 LAST\r\n".utf8))
        let piece = [UInt8](repeating: 65, count: 1 << 20)
        var replies: [Int] = []
        var pieces = 0
        while replies.last != 0, pieces < 1000 {
            while let step = session.next() {
                switch step {
                case .send(let reply): replies.append(reply.code)
                case .close: replies.append(0)
                default: Issue.record("an unexpected step: \(step)")
                }
            }
            session.receive(piece)
            pieces += 1
        }
        #expect(replies == [220, 250, 503, 0])
        #expect(pieces > 250 && pieces < 260)
    }

    @Test("any message in any chunks in any pieces is what it was", arguments: 0..<60)
    func random(number: Int) throws {
        var seed = Seed(UInt64(number))
        for _ in 0..<50 {
            let isBinary = Bool.random(using: &seed)
            var message = seed.octets(Int.random(in: 0...40, using: &seed), of: "\r\n.\0a")
            if Bool.random(using: &seed) {
                message = message.flatMap { $0 == 13 || $0 == 10 ? [13, 10] : $0 == 0 ? [] : [$0] }
            }
            let expected = Self.isWellFormed(message, isBinary: isBinary) ? message : nil
            var octets = Array(
                "EHLO a\r\nMAIL FROM:<>\(isBinary ? " BODY=BINARYMIME" : "")\r\n".utf8)
            octets += Array("RCPT TO:<bob@example.org>\r\n".utf8)
            for chunk in seed.cut(message, most: 9) {
                octets += Array("BDAT \(chunk.count)\r\n".utf8) + chunk
            }
            octets += Array("BDAT 0 LAST\r\nQUIT\r\n".utf8)
            let taken = try Self.taken(seed.cut(octets, most: 20))
            #expect(taken == expected, "\(message) \(isBinary)")
        }
    }

    /// By the definition: no CR or LF alone and no NUL, in binary mail only within the header.
    private static func isWellFormed(_ message: [UInt8], isBinary: Bool) -> Bool {
        var index = 0
        var lineStart = 0
        while index < message.count {
            if message[index] == 13, index + 1 < message.count, message[index + 1] == 10 {
                if isBinary, index == lineStart { return true }
                index += 2
                lineStart = index
            } else {
                guard ![0, 10, 13].contains(message[index]) else { return false }
                index += 1
            }
        }
        return true
    }

    /// The message a server takes responsibility for.
    private static func taken(_ pieces: [[UInt8]]) throws -> [UInt8]? {
        var session = ServerSession(
            ServerSession.Configuration(
                hostName: try Domain("mx.example.org"), service: .exchange))
        var draft: [UInt8] = []
        var taken: [UInt8]?
        var isClosed = false
        for piece in pieces {
            session.receive(piece)
            while let step = session.next() {
                switch step {
                case .content(let octets): draft += octets
                case .takeResponsibility:
                    taken = draft
                    session.answer(.accept())
                case .judgeSender, .judgeRecipient, .openDraft: session.answer(.accept())
                case .close: isClosed = true
                default: break
                }
            }
        }
        #expect(isClosed)
        return taken
    }
}
