// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail
import SMTP
import Testing
import World

/// Whole, in single octets, and in pieces that fall between and within CRLF.
private let cuts: [Int?] = [nil, 1, 2, 3, 7]

private let greeting = """
    S: 220 mx.example.org ESMTP
    C: EHLO client.example.net
    S: 250-mx.example.org greets client.example.net
    S: 250-PIPELINING
    S: 250-SIZE 2000
    S: 250-8BITMIME
    S: 250 ENHANCEDSTATUSCODES

    """

private let envelope = """
    C: MAIL FROM:<ann@example.net>
    C: RCPT TO:<bob@example.org>
    C: DATA
    S: 250 2.1.0 Sender OK
    S: 250 2.1.5 Recipient OK
    D: open ESMTP client.example.net - 1
    S: 354 Start mail input, end with <CRLF>.<CRLF>

    """

private let quit = """

    C: QUIT
    S: 221 2.0.0 Closing the connection
    D: close
    """

/// A dialogue with its name.
struct Scene: CustomTestStringConvertible, Sendable {
    let name: String
    let text: String
    var testDescription: String { name }

    init(_ name: String, _ text: String) {
        self.name = name
        self.text = text
    }
}

@Suite("RFC 5321 the server's side, in dialogues")
struct ServerSessionTests {
    @Test("a message is accepted, command by command", arguments: cuts)
    func plain(cut: Int?) throws {
        var dialogue = try Dialogue(cut: cut)
        dialogue.play(
            greeting + """
                C: MAIL FROM:<ann@example.net>
                S: 250 2.1.0 Sender OK
                C: RCPT TO:<bob@example.org>
                S: 250 2.1.5 Recipient OK
                C: DATA
                D: open ESMTP client.example.net - 1
                S: 354 Start mail input, end with <CRLF>.<CRLF>
                C: Subject: one
                C:
                C: ..dot
                C: ...
                C: end
                C: .
                D: commit 31
                S: 250 2.0.0 queued as 1
                """ + quit)
        #expect(dialogue.messages == [Array("Subject: one\r\n\r\n.dot\r\n..\r\nend\r\n".utf8)])
    }

    @Test("a pipelined group is answered in order, and a second message follows", arguments: cuts)
    func pipelined(cut: Int?) throws {
        var dialogue = try Dialogue(cut: cut)
        dialogue.play(
            greeting + """
                C: MAIL FROM:<> SIZE=100 BODY=8BITMIME
                C: RCPT TO:<bob@example.org>
                C: RCPT TO:<unknown@example.org>
                C: rcpt to:<Postmaster>
                C: RCPT TO:<carol@elsewhere.example>
                C: DATA
                S: 250 2.1.0 Sender OK
                S: 250 2.1.5 Recipient OK
                S: 550 5.1.1 No such mailbox here
                S: 250 2.1.5 Postmaster is here
                S: 550 5.7.1 Relaying denied: neither local nor relayed here, and no authentication
                D: open ESMTP client.example.net - 2
                S: 354 Start mail input, end with <CRLF>.<CRLF>
                C: one
                C: .
                C: MAIL FROM:<ann@example.net>
                C: RCPT TO:<bob@example.org>
                C: DATA
                D: commit 5
                S: 250 2.0.0 queued as 1
                S: 250 2.1.0 Sender OK
                S: 250 2.1.5 Recipient OK
                D: open ESMTP client.example.net - 1
                S: 354 Start mail input, end with <CRLF>.<CRLF>
                C: .
                C: QUIT
                D: commit 0
                S: 250 2.0.0 queued as 2
                S: 221 2.0.0 Closing the connection
                D: close
                """)
        #expect(dialogue.messages == [Array("one\r\n".utf8), []])
    }

    static let commands = [
        Scene(
            "the small commands",
            """
            C: NOOP
            S: 250 2.0.0 OK
            C: noop whatever
            S: 250 2.0.0 OK
            C: RSET
            S: 250 2.0.0 OK
            C: VRFY bob
            S: 252 2.0.0 Cannot verify, but will accept the message and attempt delivery
            C: EXPN staff
            S: 502 5.5.1 EXPN is not served here
            C: HELP
            S: 214-2.0.0 Commands: EHLO HELO MAIL RCPT DATA BDAT RSET NOOP QUIT VRFY ETRN HELP STARTTLS AUTH
            S: 214 2.0.0 See RFC 5321
            """),
        Scene(
            "arguments where none or some are due",
            """
            C: RSET now
            S: 501 5.5.4 No argument is allowed here
            C: QUIT now
            S: 501 5.5.4 No argument is allowed here
            C: VRFY
            S: 501 5.5.2 Syntax error in the arguments
            C: DATA now
            S: 501 5.5.4 No argument is allowed here
            """),
        Scene(
            "commands nobody knows, and those nobody needs",
            """
            C: XYZZY
            S: 500 5.5.1 Command unknown
            C:
            S: 500 5.5.1 Command unknown
            C: MAILFROM:<ann@example.net>
            S: 500 5.5.1 Command unknown
            C: TURN
            S: 502 5.5.1 Command not implemented
            C: SOML FROM:<ann@example.net>
            S: 502 5.5.1 Command not implemented
            C: STARTTLS
            S: 502 5.5.1 TLS is not available here
            C: AUTH PLAIN AGFubgBzZWNyZXQ=
            S: 502 5.5.1 Command not implemented
            """),
        Scene(
            "white space before CRLF is tolerated",
            """
            C: NOOP\u{20}
            S: 250 2.0.0 OK
            C: MAIL FROM: <ann@example.net>\u{20}\u{20}
            S: 250 2.1.0 Sender OK
            """),
        Scene(
            "bad sequences",
            """
            C: RCPT TO:<bob@example.org>
            S: 503 5.5.1 Bad sequence of commands
            C: DATA
            S: 503 5.5.1 Bad sequence of commands
            C: MAIL FROM:<ann@example.net>
            S: 250 2.1.0 Sender OK
            C: MAIL FROM:<ann@example.net>
            S: 503 5.5.1 Bad sequence of commands
            C: DATA
            S: 554 5.5.1 No valid recipients
            C: RCPT TO:<unknown@example.org>
            S: 550 5.1.1 No such mailbox here
            C: DATA
            S: 554 5.5.1 No valid recipients
            """),
        Scene(
            "RSET, EHLO and HELO forget the transaction",
            """
            C: MAIL FROM:<ann@example.net>
            S: 250 2.1.0 Sender OK
            C: RSET
            S: 250 2.0.0 OK
            C: RCPT TO:<bob@example.org>
            S: 503 5.5.1 Bad sequence of commands
            C: MAIL FROM:<ann@example.net>
            S: 250 2.1.0 Sender OK
            C: HELO client.example.net
            S: 250 mx.example.org greets client.example.net
            C: RCPT TO:<bob@example.org>
            S: 503 5.5.1 Bad sequence of commands
            """),
        Scene(
            "names in EHLO are judged leniently, within bounds",
            """
            C: HELO [192.0.2.1]
            S: 250 mx.example.org greets [192.0.2.1]
            C: HELO my_pc
            S: 250 mx.example.org greets my_pc
            C: HELO
            S: 501 5.5.4 Say who you are, as in EHLO mail.example.org
            C: HELO two words
            S: 501 5.5.4 Say who you are, as in EHLO mail.example.org
            C: HELO (comment)
            S: 501 5.5.4 Say who you are, as in EHLO mail.example.org
            C: EHLO \(String(repeating: "x", count: 256))
            S: 501 5.5.4 Say who you are, as in EHLO mail.example.org
            """),
        Scene(
            "refusals of the driver's",
            """
            C: MAIL FROM:<refused@example.net>
            C: RCPT TO:<bob@example.org>
            C: DATA
            S: 550 5.7.1 Sender refused
            S: 503 5.5.1 Bad sequence of commands
            S: 503 5.5.1 Bad sequence of commands
            C: MAIL FROM:<full@example.net>
            S: 250 2.1.0 Sender OK
            C: RCPT TO:<later@example.org>
            S: 450 4.2.0 This mailbox cannot be reached just now, please come back later
            C: RCPT TO:<bob@example.org>
            S: 250 2.1.5 Recipient OK
            C: DATA
            D: open ESMTP client.example.net - 1
            S: 452 4.3.1 Not enough storage just now, please come back later
            C: RSET
            S: 250 2.0.0 OK
            """),
        Scene(
            "a commit that fails is no acceptance",
            envelope + """
                C: Subject: full
                C: .
                D: commit 15
                S: 452 4.3.1 Not enough storage just now, please come back later
                C: DATA
                S: 503 5.5.1 Bad sequence of commands
                """),
        Scene(
            "SIZE, declared",
            """
            C: MAIL FROM:<ann@example.net> SIZE=2001
            S: 552 5.3.4 The message is larger than this server takes
            C: MAIL FROM:<ann@example.net> SIZE=99999999999999999999
            S: 552 5.3.4 The message is larger than this server takes
            C: MAIL FROM:<ann@example.net> size=2000
            S: 250 2.1.0 Sender OK
            """),
        Scene(
            "SIZE, just reached",
            envelope + """
                C: \(String(repeating: "x", count: 1998))
                C: .
                D: commit 2000
                S: 250 2.0.0 queued as 1
                """),
        Scene(
            "SIZE, run over",
            envelope + """
                C: \(String(repeating: "x", count: 1000))
                C: \(String(repeating: "x", count: 997))
                C: .
                D: discard
                S: 552 5.3.4 The message is larger than this server takes
                C: DATA
                S: 503 5.5.1 Bad sequence of commands
                """),
        Scene(
            "too many recipients",
            """
            C: MAIL FROM:<ann@example.net>
            C: RCPT TO:<a@example.org>
            C: RCPT TO:<b@example.org>
            C: RCPT TO:<c@example.org>
            C: RCPT TO:<d@example.org>
            C: DATA
            S: 250 2.1.0 Sender OK
            S: 250 2.1.5 Recipient OK
            S: 250 2.1.5 Recipient OK
            S: 250 2.1.5 Recipient OK
            S: 452 4.5.3 Too many recipients, send the rest in another transaction
            D: open ESMTP client.example.net - 3
            S: 354 Start mail input, end with <CRLF>.<CRLF>
            C: .
            D: commit 0
            S: 250 2.0.0 queued as 1
            """),
        Scene(
            "a line that is too long is refused once, and nothing of it is obeyed",
            """
            C: NOOP \(String(repeating: "x", count: 2044))
            S: 500 5.5.2 Line too long
            C: NOOP \(String(repeating: "x", count: 2043))
            S: 250 2.0.0 OK
            C: \(String(repeating: "QUIT ", count: 8000))
            S: 500 5.5.2 Line too long
            C: NOOP
            S: 250 2.0.0 OK
            """),
        Scene(
            "bare line ends and NUL in commands",
            """
            C: NOOP\\nQUIT
            S: 500 5.5.2 A line must end with CR LF, and hold neither alone, nor NUL
            C: NOOP\\rQUIT
            S: 500 5.5.2 A line must end with CR LF, and hold neither alone, nor NUL
            C: NOOP\\r
            S: 500 5.5.2 A line must end with CR LF, and hold neither alone, nor NUL
            C: NOOP\\0
            S: 500 5.5.2 A line must end with CR LF, and hold neither alone, nor NUL
            C: MAIL FROM:<ann@example.net>\\n\\c
            S: 500 5.5.2 A line must end with CR LF, and hold neither alone, nor NUL
            C: RCPT TO:<bob@example.org>\\n\\c
            S: 500 5.5.2 A line must end with CR LF, and hold neither alone, nor NUL
            C: QUIT
            C: NOOP
            S: 250 2.0.0 OK
            """),
    ]

    @Test("each command and each refusal", arguments: commands, cuts)
    func command(scene: Scene, cut: Int?) throws {
        var dialogue = try Dialogue({ $0.maximumRecipients = 3 }, cut: cut)
        dialogue.play(greeting + scene.text + quit)
    }

    @Test("nothing but QUIT, NOOP, RSET, HELP and VRFY before EHLO", arguments: cuts)
    func beforeHello(cut: Int?) throws {
        var dialogue = try Dialogue(
            {
                $0.isTLSAvailable = true
                $0.saslMechanisms = ["PLAIN"]
                $0.requiresTLSForAuthentication = false
            }, cut: cut)
        dialogue.play(
            """
            S: 220 mx.example.org ESMTP
            C: MAIL FROM:<ann@example.net>
            S: 503 5.5.1 Bad sequence of commands
            C: STARTTLS
            S: 503 5.5.1 Bad sequence of commands
            C: AUTH PLAIN
            S: 503 5.5.1 Bad sequence of commands
            C: VRFY bob
            S: 252 2.0.0 Cannot verify, but will accept the message and attempt delivery
            C: RSET
            S: 250 2.0.0 OK
            """ + quit)
    }

    @Test("a HELO session takes mail too", arguments: cuts)
    func helo(cut: Int?) throws {
        var dialogue = try Dialogue({ $0.greeting = "at your service" }, cut: cut)
        dialogue.play(
            """
            S: 220 mx.example.org ESMTP at your service
            C: HELO old.example.net
            S: 250 mx.example.org greets old.example.net
            C: MAIL FROM:<ann@example.net>
            S: 250 2.1.0 Sender OK
            C: RCPT TO:<bob@example.org>
            S: 250 2.1.5 Recipient OK
            C: DATA
            D: open SMTP old.example.net - 1
            S: 354 Start mail input, end with <CRLF>.<CRLF>
            C: .
            D: commit 0
            S: 250 2.0.0 queued as 1
            """ + quit)
    }

    @Test("twenty errors end the session, and so do a hundred refusals")
    func errors() throws {
        var dialogue = try Dialogue()
        dialogue.play(
            greeting
                + String(repeating: "C: WHAT\nS: 500 5.5.1 Command unknown\n", count: 19)
                + "C: WHAT\nC: NOOP\nS: 421 4.7.0 Too many errors, closing\nD: close\nC: NOOP\n")
        var guessing = try Dialogue()
        guessing.play(
            greeting + "C: MAIL FROM:<ann@example.net>\nS: 250 2.1.0 Sender OK\n"
                + String(
                    repeating: """
                        C: RCPT TO:<unknown@example.org>
                        S: 550 5.1.1 No such mailbox here

                        """, count: 99)
                    + """
                    C: RCPT TO:<unknown@example.org>
                    S: 421 4.7.0 Too many errors, closing
                    D: close
                    """)
    }

    @Test("MAILMAX counts every MAIL, taken or refused; the next one ends the session (RFC 9422)")
    func manyTransactions() throws {
        var dialogue = try Dialogue()
        dialogue.configuration.maximumTransactions = 3
        dialogue.play(
            """
            S: 220 mx.example.org ESMTP
            C: HELO a
            S: 250 mx.example.org greets a
            C: MAIL FROM:<ann@example.net>
            S: 250 2.1.0 Sender OK
            C: RSET
            S: 250 2.0.0 OK
            C: MAIL FROM:<not an address>
            S: 501 5.1.7 Syntax error in the sender's address, write MAIL FROM:<user@domain>
            C: MAIL FROM:<ann@example.net>
            C: RCPT TO:<bob@example.org>
            C: DATA
            S: 250 2.1.0 Sender OK
            S: 250 2.1.5 Recipient OK
            D: open SMTP a - 1
            S: 354 Start mail input, end with <CRLF>.<CRLF>
            C: .
            D: commit 0
            S: 250 2.0.0 queued as 1
            C: NOOP
            S: 250 2.0.0 OK
            C: MAIL FROM:<ann@example.net>
            C: RCPT TO:<bob@example.org>
            S: 421 4.5.0 Enough messages for one connection, please come again
            D: close
            """)
    }

    @Test("a hundred thousand recipients: a thousand are taken, the others are told to wait")
    func manyRecipients() throws {
        var session = ServerSession(
            ServerSession.Configuration(
                hostName: try Domain("mx.example.org"), service: .exchange))
        session.receive(Array("EHLO a\r\nMAIL FROM:<ann@example.net>\r\n".utf8))
        var codes: [Int: Int] = [:]
        var judged = 0
        for number in 0..<100_000 {
            session.receive(Array("RCPT TO:<u\(number)@example.org>\r\n".utf8))
            while let step = session.next() {
                switch step {
                case .send(let reply): codes[reply.code, default: 0] += 1
                case .judgeSender: session.answer(.accept())
                case .judgeRecipient:
                    judged += 1
                    session.answer(.accept())
                default: Issue.record("an unexpected step: \(step)")
                }
            }
        }
        #expect(judged == 1000)
        #expect(codes == [220: 1, 250: 1002, 452: 99_000])
    }

    @Test("a client that only keeps the connection open is sent away after 200 commands")
    func idling() throws {
        for command in ["NOOP", "RSET", "VRFY bob", "HELP", "EHLO a"] {
            var session = ServerSession(
                ServerSession.Configuration(
                    hostName: try Domain("mx.example.org"), service: .exchange))
            var replies: [Int] = []
            session.receive(Array(String(repeating: command + "\r\n", count: 300).utf8))
            while let step = session.next() {
                if case .send(let reply) = step { replies.append(reply.code) }
            }
            #expect(replies.count == 201 && replies.last == 421, "\(command)")
        }
    }

    @Test("after a driver's 421 nothing more is said", arguments: cuts)
    func goAway(cut: Int?) throws {
        var dialogue = try Dialogue(cut: cut)
        dialogue.play(
            greeting + """
                C: MAIL FROM:<goaway@example.net>
                C: RCPT TO:<bob@example.org>
                C: QUIT
                S: 421 4.3.2 Too many connections, please come back later
                D: close
                """)
    }

    @Test("a browser is sent away at its first line")
    func http() throws {
        var dialogue = try Dialogue()
        dialogue.play(
            """
            S: 220 mx.example.org ESMTP
            C: POST / HTTP/1.1
            C: Host: mx.example.org
            C:
            C: EHLO x
            S: 421 4.7.0 This is a mail server, closing
            D: close
            """)
    }

    @Test("time passing and connections ending discard half a message", arguments: cuts)
    func endings(cut: Int?) throws {
        let half = greeting + envelope + "C: half\nC: a mess\\c\n"
        var dialogue = try Dialogue(cut: cut)
        dialogue.play(
            half + """
                D: (time passes)
                D: discard
                S: 421 4.4.2 Nothing came for too long, closing
                D: close
                """)
        #expect(dialogue.messages.isEmpty)
        dialogue.play(half + "C: (ends)\nD: discard\nD: close")
        #expect(dialogue.messages.isEmpty)
        dialogue.play(
            greeting + "D: (time passes)\nS: 421 4.4.2 Nothing came for too long, closing\nD: close"
        )
        // Commands that came before the end are answered.
        dialogue.play(greeting + "C: NOOP\nC: NOOP\\c\nC: (ends)\nS: 250 2.0.0 OK\nD: close")
    }

    @Test("a shutdown waits for the commit under way, and for nothing else")
    func shutdown() throws {
        var session = ServerSession(
            ServerSession.Configuration(
                hostName: try Domain("mx.example.org"), service: .exchange))
        func replies() -> [Int] {
            var codes: [Int] = []
            while let step = session.next() {
                switch step {
                case .send(let reply): codes.append(reply.code)
                case .judgeSender, .judgeRecipient, .openDraft: session.answer(.accept())
                case .close: codes.append(0)
                default: break
                }
            }
            return codes
        }
        #expect(replies() == [220])
        expect(session.isBetweenTransactions)
        session.receive(
            Array(
                """
                EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n\r\n.\r\n
                """.utf8))
        #expect(replies() == [250, 250, 250, 354])
        expect(!session.isBetweenTransactions)
        session.end(with: .shuttingDown)
        #expect(replies() == [])
        session.answer(.accept())
        #expect(replies() == [250, 421, 0])
        session.receive(Array("NOOP\r\n".utf8))
        #expect(replies() == [])
    }
}

@Suite("RFC 5321 §2.3.8 line ends, against smuggling")
struct SmugglingTests {
    /// What another server may take for the end of the message; none of it is one.
    static let falseEnds = [
        "\\n.\\n", "\\r.\\r", "\\r\\n.\\n", "\\r\\n.\\r", "\\n.\\r\\n", "\\r.\\r\\n",
        "\\r\\n\\n.\\r\\n", "\\r\\n.\\r\\r\\n", "\\r\\n.\\n\\r\\n",
        "\\n\\n.\\n\\n", "\\r\\r.\\r\\r", "\\n\\r.\\n\\r", "\\r\\n\\r.\\r\\n", "\\r.\\n", "\\n.\\r",
        "\\r\\n. \\r\\n\\r.\\r\\n",
        "\\r\\n..\\r\\n.\\n", "\\n.\\n\\r\\n..\\r\\n",
    ]

    /// Ends with NUL within; each also holds what another server may pass over.
    static let falseEndsWithNull = [
        "\\r\\n\\0.\\r\\n", "\\r\\n.\\0\\r\\n", "\\r\\0\\n.\\r\\n", "\\r\\n.\\r\\0\\n",
        "\\0\\r\\n..\\r\\n",
    ]

    @Test("nor does one with NUL in it", arguments: falseEndsWithNull, cuts)
    func falseEndWithNull(end: String, cut: Int?) throws {
        var dialogue = try Dialogue(cut: cut)
        let isBare = end.contains("\\r\\0\\n")
        let reason =
            isBare
            ? "CR or LF alone (RFC 5321 section 2.3.8)" : "NUL (RFC 5322 section 4)"
        dialogue.play(
            greeting + envelope + """
                C: text\(end)MAIL FROM:<admin@example.org>
                C: RCPT TO:<victim@example.org>
                C: DATA
                C: inner
                C: .
                D: discard
                S: 550 5.6.0 The message holds \(reason), nothing was accepted
                """ + quit)
        #expect(dialogue.messages.isEmpty)
    }

    @Test(
        "in chunks a dot is a dot, and the same line ends are refused", arguments: falseEnds,
        [nil, 1])
    func chunked(end: String, cut: Int?) throws {
        let octets = Dialogue.octets("text\(end)MAIL FROM:<admin@example.org>\\c")
        for border in 1..<octets.count {
            var session = ServerSession(
                ServerSession.Configuration(
                    hostName: try Domain("mx.example.org"), service: .exchange))
            let stream =
                Array("EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<bob@example.org>\r\n".utf8)
                + Array("BDAT \(border)\r\n".utf8) + octets[..<border]
                + Array("BDAT \(octets.count - border) LAST\r\n".utf8) + octets[border...]
            var rest = stream[...]
            var senders = 0
            var commits = 0
            while !rest.isEmpty {
                let piece = rest.prefix(cut ?? rest.count)
                rest = rest.dropFirst(piece.count)
                session.receive(Array(piece))
                while let step = session.next() {
                    switch step {
                    case .judgeSender:
                        senders += 1
                        session.answer(.accept())
                    case .judgeRecipient, .openDraft: session.answer(.accept())
                    case .takeResponsibility:
                        commits += 1
                        session.answer(.accept())
                    default: break
                    }
                }
            }
            #expect(senders == 1 && commits == 0, "\(end) cut at \(border)")
        }
    }

    @Test("only CR LF dot CR LF ends the message", arguments: falseEnds, cuts)
    func falseEnd(end: String, cut: Int?) throws {
        var dialogue = try Dialogue(cut: cut)
        dialogue.play(
            greeting + envelope + """
                C: Subject: outer
                C:
                C: text\(end)MAIL FROM:<admin@example.org>
                C: RCPT TO:<victim@example.org>
                C: DATA
                C: inner
                C: .
                D: discard
                S: 550 5.6.0 The message holds CR or LF alone (RFC 5321 section 2.3.8), nothing was accepted
                """ + quit)
        #expect(dialogue.messages.isEmpty)
    }

    @Test("a true end behind a bare CR is an end, and the message is refused", arguments: cuts)
    func trueEnd(cut: Int?) throws {
        var dialogue = try Dialogue(cut: cut)
        dialogue.play(
            greeting + envelope + """
                C: text\\r
                C: .
                C: NOOP
                D: discard
                S: 550 5.6.0 The message holds CR or LF alone (RFC 5321 section 2.3.8), nothing was accepted
                S: 250 2.0.0 OK
                """ + quit)
        #expect(dialogue.messages.isEmpty)
    }

    @Test("NUL in the message is refused", arguments: cuts)
    func null(cut: Int?) throws {
        var dialogue = try Dialogue(cut: cut)
        dialogue.play(
            greeting + envelope + """
                C: a\\0b
                C: c\\nd
                C: .
                D: discard
                S: 550 5.6.0 The message holds NUL (RFC 5322 section 4), nothing was accepted
                """ + quit)
        #expect(dialogue.messages.isEmpty)
    }

    @Test("a text line beyond the bound is refused, one within goes through", arguments: cuts)
    func longLine(cut: Int?) throws {
        var dialogue = try Dialogue({ $0.maximumTextLineOctets = 1200 }, cut: cut)
        dialogue.play(
            greeting + envelope + """
                C: \(String(repeating: "x", count: 1200))
                C: .
                D: commit 1202
                S: 250 2.0.0 queued as 1

                """ + envelope + """
                    C: \(String(repeating: "x", count: 1201))
                    C: .
                    D: discard
                    S: 554 5.6.0 A line of the message is too long, nothing was accepted
                    """ + quit)
    }
}

@Suite("RFC 3207 STARTTLS and RFC 4954 AUTH")
struct SecurityTests {
    private static let tlsGreeting = """
        S: 220 mx.example.org ESMTP
        C: EHLO client.example.net
        S: 250-mx.example.org greets client.example.net
        S: 250-PIPELINING
        S: 250-SIZE 2000
        S: 250-8BITMIME
        S: 250-ENHANCEDSTATUSCODES
        S: 250 STARTTLS

        """

    private static func submission(_ configuration: inout ServerSession.Configuration) {
        configuration.service = .submission
        configuration.requiresAuthentication = true
        configuration.isTLSAvailable = true
        configuration.saslMechanisms = ["PLAIN", "LOGIN"]
    }

    @Test("STARTTLS forgets what went before; AUTH is offered behind it", arguments: cuts)
    func startTLS(cut: Int?) throws {
        var dialogue = try Dialogue(Self.submission, cut: cut)
        dialogue.play(
            Self.tlsGreeting + """
                C: AUTH PLAIN AGFubgBzZWNyZXQ=
                S: 538 5.7.11 Encryption required for authentication, use STARTTLS first
                C: MAIL FROM:<ann@example.net>
                S: 530 5.7.0 Must issue a STARTTLS command first
                C: STARTTLS now
                S: 501 5.5.4 No argument is allowed here
                C: STARTTLS
                S: 220 2.0.0 Go ahead
                D: handshake
                C: MAIL FROM:<ann@example.net>
                S: 503 5.5.1 Bad sequence of commands
                C: EHLO client.example.net
                S: 250-mx.example.org greets client.example.net
                S: 250-PIPELINING
                S: 250-SIZE 2000
                S: 250-8BITMIME
                S: 250-ENHANCEDSTATUSCODES
                S: 250 AUTH PLAIN LOGIN
                C: STARTTLS
                S: 503 5.5.1 TLS is already active
                C: MAIL FROM:<ann@example.net>
                S: 530 5.7.0 Authentication required
                C: RCPT TO:<bob@example.org>
                S: 530 5.7.0 Authentication required
                C: DATA
                S: 530 5.7.0 Authentication required
                C: VRFY bob
                S: 530 5.7.0 Authentication required
                C: AUTH PLAIN AGFubgBzZWNyZXQ=
                S: 235 2.7.0 Authentication succeeded
                C: AUTH PLAIN AGFubgBzZWNyZXQ=
                S: 503 5.5.1 Bad sequence of commands
                C: EHLO client.example.net
                S: 250-mx.example.org greets client.example.net
                S: 250-PIPELINING
                S: 250-SIZE 2000
                S: 250-8BITMIME
                S: 250 ENHANCEDSTATUSCODES
                C: MAIL FROM:<ann@example.org> AUTH=ann+40example.org
                S: 250 2.1.0 Sender OK
                C: RCPT TO:<bob@example.org>
                S: 250 2.1.5 Recipient OK
                C: DATA
                D: open ESMTPSA client.example.net ann 1
                S: 354 Start mail input, end with <CRLF>.<CRLF>
                C: .
                D: commit 0
                S: 250 2.0.0 queued as 1
                """ + quit)
    }

    @Test("commands that arrive with STARTTLS are discarded, and TLS is not started")
    func injection() throws {
        var dialogue = try Dialogue({ $0.isTLSAvailable = true })
        dialogue.play(
            Self.tlsGreeting + """
                C: STARTTLS
                C: MAIL FROM:<mallory@example.net>
                C: RCPT TO:<bob@example.org>
                S: 554 5.5.1 Commands must not follow STARTTLS in one go; they were discarded
                C: RCPT TO:<bob@example.org>
                S: 503 5.5.1 Bad sequence of commands
                C: STARTTLS
                S: 220 2.0.0 Go ahead
                D: handshake
                C: EHLO client.example.net
                S: 250-mx.example.org greets client.example.net
                S: 250-PIPELINING
                S: 250-SIZE 2000
                S: 250-8BITMIME
                S: 250 ENHANCEDSTATUSCODES
                """ + quit)
    }

    @Test("octets that arrive while the handshake is due are dropped")
    func injectionLater() throws {
        var configuration = ServerSession.Configuration(
            hostName: try Domain("mx.example.org"), service: .exchange)
        configuration.isTLSAvailable = true
        var session = ServerSession(configuration)
        session.receive(Array("EHLO a\r\nSTARTTLS\r\n".utf8))
        var hasAskedForHandshake = false
        while let step = session.next() {
            if case .startTLS = step {
                hasAskedForHandshake = true
                session.receive(Array("RSET\r\nMAIL FROM:<>\r\n".utf8))
                session.secured(TLSFacts(version: "TLSv1.3", cipher: ""))
            }
        }
        #expect(hasAskedForHandshake)
        // The one reply is to what comes within TLS.
        session.receive(Array("NOOP\r\n".utf8))
        guard case .send(let reply)? = session.next() else {
            Issue.record("no reply")
            return
        }
        #expect(reply == .okay)
        expect(session.next() == nil)
    }

    private static let clear = """
        S: 220 mx.example.org ESMTP
        C: EHLO client.example.net
        S: 250-mx.example.org greets client.example.net
        S: 250-PIPELINING
        S: 250-SIZE 2000
        S: 250-8BITMIME
        S: 250-ENHANCEDSTATUSCODES
        S: 250 AUTH PLAIN LOGIN

        """

    static let exchanges = [
        Scene(
            "PLAIN with a challenge",
            """
            C: AUTH PLAIN
            S: 334\u{20}
            C: AGFubgBzZWNyZXQ=
            S: 235 2.7.0 Authentication succeeded
            """),
        Scene(
            "LOGIN, in small letters",
            """
            C: auth login
            S: 334 VXNlcm5hbWU6
            C: YW5u
            S: 334 UGFzc3dvcmQ6
            C: c2VjcmV0
            S: 235 2.7.0 Authentication succeeded
            """),
        Scene(
            "cancelled, malformed, wrong, unknown, later",
            """
            C: AUTH LOGIN
            S: 334 VXNlcm5hbWU6
            C: *
            S: 501 5.7.0 Authentication cancelled
            C: AUTH LOGIN
            S: 334 VXNlcm5hbWU6
            C: =AAA
            S: 501 5.5.2 This is not base64
            C: AUTH PLAIN ABC
            S: 501 5.5.2 This is not base64
            C: AUTH PLAIN AGFubgB3cm9uZw==
            S: 535 5.7.8 Authentication credentials invalid
            C: AUTH PLAIN =
            S: 535 5.7.8 Authentication credentials invalid
            C: AUTH
            S: 501 5.5.2 Syntax error in the arguments
            C: AUTH GSSAPI
            S: 504 5.5.4 Authentication mechanism not offered here
            C: AUTH PLAIN AGxhdGVyAHg=
            S: 454 4.7.0 Temporary authentication failure
            C: NOOP
            S: 250 2.0.0 OK
            """),
        Scene(
            "a response longer than any mechanism's, and one with a bare LF",
            """
            C: AUTH PLAIN
            S: 334\u{20}
            C: \(String(repeating: "A", count: 12_289))
            S: 500 5.5.6 Authentication exchange line is too long
            C: AUTH PLAIN
            S: 334\u{20}
            C: AGFubgBzZWNyZXQ=\\n
            S: 500 5.5.2 A line must end with CR LF, and hold neither alone, nor NUL
            C: NOOP
            S: 250 2.0.0 OK
            """),
        Scene(
            "not within a transaction",
            """
            C: AUTH PLAIN AGFubgBzZWNyZXQ=
            S: 235 2.7.0 Authentication succeeded
            C: MAIL FROM:<ann@example.org>
            S: 250 2.1.0 Sender OK
            C: AUTH PLAIN AGFubgBzZWNyZXQ=
            S: 503 5.5.1 Bad sequence of commands
            """),
    ]

    @Test("SASL exchanges", arguments: exchanges, cuts)
    func exchange(scene: Scene, cut: Int?) throws {
        var dialogue = try Dialogue(
            {
                Self.submission(&$0)
                $0.isTLSAvailable = false
                $0.requiresTLSForAuthentication = false
            }, cut: cut)
        dialogue.play(Self.clear + scene.text + quit)
    }

    @Test("the fifth wrong password ends the session")
    func guessing() throws {
        var dialogue = try Dialogue {
            Self.submission(&$0)
            $0.isTLSAvailable = false
            $0.requiresTLSForAuthentication = false
        }
        dialogue.play(
            Self.clear
                + String(
                    repeating: """
                        C: AUTH PLAIN AGFubgB3cm9uZw==
                        S: 535 5.7.8 Authentication credentials invalid

                        """, count: 4)
                    + """
                    C: AUTH PLAIN AGFubgB3cm9uZw==
                    S: 421 4.7.0 Too many errors, closing
                    D: close
                    """)
    }

    @Test("a server that requires TLS says so; implicit TLS offers no STARTTLS")
    func required() throws {
        var dialogue = try Dialogue {
            $0.isTLSAvailable = true
            $0.requiresTLS = true
        }
        dialogue.play(
            Self.tlsGreeting + """
                C: MAIL FROM:<ann@example.net>
                S: 530 5.7.0 Must issue a STARTTLS command first
                """ + quit)
        dialogue.tls = TLSFacts(version: "TLSv1.3", cipher: "X")
        dialogue.play(
            """
            S: 220 mx.example.org ESMTP
            C: EHLO client.example.net
            S: 250-mx.example.org greets client.example.net
            S: 250-PIPELINING
            S: 250-SIZE 2000
            S: 250-8BITMIME
            S: 250 ENHANCEDSTATUSCODES
            C: MAIL FROM:<ann@example.net>
            C: RCPT TO:<bob@example.org>
            C: DATA
            S: 250 2.1.0 Sender OK
            S: 250 2.1.5 Recipient OK
            D: open ESMTPS client.example.net - 1
            S: 354 Start mail input, end with <CRLF>.<CRLF>
            C: .
            D: commit 0
            S: 250 2.0.0 queued as 1
            """ + quit)
    }
}
