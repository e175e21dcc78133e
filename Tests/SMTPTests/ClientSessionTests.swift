// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail
import SMTP
import Testing
import World

private let cuts: [Int?] = [nil, 1, 2, 3, 7]

private let pipelining = """
    S: 220 mx.example.org ESMTP
    C: EHLO out.example.net
    S: 250-mx.example.org
    S: 250-PIPELINING
    S: 250-SIZE 1000
    S: 250-8BITMIME
    S: 250 ENHANCEDSTATUSCODES
    D: idle

    """

private let plain = """
    S: 220 mx.example.org ESMTP
    C: EHLO out.example.net
    S: 250 mx.example.org
    D: idle

    """

private let group = """
    C: MAIL FROM:<ann@example.net> SIZE=20
    C: RCPT TO:<bob@example.org>
    C: DATA

    """

private let accepted = """
    S: 250 2.1.0 ok
    S: 250 2.1.5 ok
    S: 354 go ahead
    C: Subject: x
    C:
    C: ..dot
    C: .

    """

private let goodbye = """

    D: idle
    C: QUIT
    S: 221 2.0.0 bye
    D: close
    """

private let reset = """

    C: RSET
    S: 250 2.0.0 ok
    """

@Suite("RFC 5321 the client's side, against scripts")
struct ClientSessionTests {
    @Test("a pipelined transaction, and the queue id is kept", arguments: cuts)
    func pipelined(cut: Int?) throws {
        var dialogue = try ClientDialogue(cut: cut)
        dialogue.play(
            pipelining + group + accepted + """
                S: 250 2.0.0 queued as 77
                D: delivered 2.0.0 none
                """ + goodbye)
        #expect(dialogue.reports.first?.finalReply?.lines == ["queued as 77"])
        #expect(
            dialogue.reports.first?.results[0].outcome.evidence.text
                == "mx.example.org [192.0.2.1] said: 250 2.0.0 queued as 77 (in reply to the message)"
        )
    }

    @Test("command by command where PIPELINING is not offered", arguments: cuts)
    func notPipelined(cut: Int?) throws {
        var dialogue = try ClientDialogue(to: ["a@example.org", "b@example.org"], cut: cut)
        dialogue.play(
            plain + """
                C: MAIL FROM:<ann@example.net>
                S: 250 ok
                C: RCPT TO:<a@example.org>
                S: 250 ok
                C: RCPT TO:<b@example.org>
                S: 550 no such user
                C: DATA
                S: 354 go ahead
                C: Subject: x
                C:
                C: ..dot
                C: .
                S: 250 ok
                D: delivered 2.0.0 none
                D: permanent 5.0.0 none
                """ + goodbye)
        #expect(
            dialogue.reports.first?.results[1].outcome.evidence.text
                == "mx.example.org [192.0.2.1] said: 550 no such user (in reply to RCPT TO)")
    }

    @Test("HELO where EHLO is not known")
    func helo() throws {
        var dialogue = try ClientDialogue()
        dialogue.play(
            """
            S: 220 old
            C: EHLO out.example.net
            S: 502 what
            C: HELO out.example.net
            S: 250 old
            D: idle
            C: MAIL FROM:<ann@example.net>
            """)
    }

    static let refusals = [
        Scene(
            "MAIL refused for now: all recipients, and another host may do",
            pipelining + group + """
                S: 451 4.7.1 come back
                S: 503 5.5.1 no sender
                S: 503 5.5.1 no sender
                D: transient 4.7.1 nextHost
                """ + reset + goodbye),
        Scene(
            "MAIL refused for good",
            plain + """
                C: MAIL FROM:<ann@example.net>
                S: 552 too large
                D: permanent 5.0.0 none
                """ + reset + goodbye),
        Scene(
            "the only recipient refused, DATA refused too",
            pipelining + group + """
                S: 250 2.1.0 ok
                S: 550 5.1.1 unknown
                S: 554 5.5.1 nobody
                D: permanent 5.1.1 none
                """ + reset + goodbye),
        Scene(
            "the only recipient refused, DATA accepted: a single dot to nobody (RFC 2920 §3.1)",
            pipelining + group + """
                S: 250 2.1.0 ok
                S: 450 4.2.0 later
                S: 354 go ahead
                C: .
                S: 554 5.5.1 nobody
                D: transient 4.2.0 nextHost
                """ + goodbye),
        Scene(
            "the only recipient refused, without pipelining: no DATA",
            plain + """
                C: MAIL FROM:<ann@example.net>
                S: 250 ok
                C: RCPT TO:<bob@example.org>
                S: 550 5.1.1 unknown
                D: permanent 5.1.1 none
                """ + reset + goodbye),
        Scene(
            "DATA refused for now",
            pipelining + group + """
                S: 250 2.1.0 ok
                S: 250 2.1.5 ok
                S: 451 4.3.0 trouble
                D: transient 4.3.0 nextHost
                """ + reset + goodbye),
        Scene(
            "the message refused for good, in several lines",
            pipelining + group + accepted + """
                S: 554-5.7.1 this looks
                S: 554 5.7.1 like spam
                D: permanent 5.7.1 none
                """ + goodbye),
        Scene(
            "the message refused for now",
            pipelining + group + accepted + """
                S: 452 4.3.1 full
                D: transient 4.3.1 nextHost
                """ + goodbye),
        Scene(
            "a status whose class is not the code's is not believed",
            pipelining + group + accepted + """
                S: 452 5.3.1 full
                D: transient 4.0.0 nextHost
                """ + goodbye),
        Scene(
            "421 instead of a reply to RCPT",
            pipelining + group + """
                S: 250 2.1.0 ok
                S: 421 4.3.2 shutting down
                D: transient 4.3.2 nextHost
                D: close
                """),
        Scene(
            "421 to the message: definitely not accepted",
            pipelining + group + accepted + """
                S: 421 4.3.2 shutting down
                D: transient 4.3.2 nextHost
                D: close
                """),
        Scene(
            "the connection ends before DATA is answered",
            pipelining + group + """
                S: 250 2.1.0 ok
                S: (ends)
                D: transient 4.4.2 nextHost
                D: close
                """),
        Scene(
            "the connection ends after the final dot",
            pipelining + group + accepted + """
                S: (ends)
                D: ambiguous 4.4.2 none
                D: close
                """),
        Scene(
            "silence after the final dot",
            pipelining + group + accepted + """
                S: (silence)
                D: ambiguous 4.4.2 none
                D: close
                """),
        Scene(
            "gibberish after the final dot",
            pipelining + group + accepted + """
                S: Thank you!
                D: ambiguous 4.5.0 none
                D: close
                """),
        Scene(
            "354 to MAIL is no SMTP",
            pipelining + group + """
                S: 354 go ahead
                D: transient 4.5.0 nextHost
                D: close
                """),
        Scene(
            "250 to DATA is no SMTP",
            pipelining + group + """
                S: 250 ok
                S: 250 ok
                S: 250 ok
                D: transient 4.5.0 nextHost
                D: close
                """),
        Scene(
            "RSET refused: of no further use",
            pipelining + group + """
                S: 250 2.1.0 ok
                S: 550 5.1.1 unknown
                S: 554 5.5.1 nobody
                D: permanent 5.1.1 none
                C: RSET
                S: 500 5.5.1 what
                D: unusable refused 5.5.1
                D: close
                """),
    ]

    @Test("each refusal and each end has its outcome", arguments: refusals, cuts)
    func refusal(scene: Scene, cut: Int?) throws {
        var dialogue = try ClientDialogue(cut: cut)
        dialogue.play(scene.text)
    }

    static let unusable = [
        Scene("a greeting of 554", "S: 554 no service\nD: unusable refused 5.0.0\nD: close"),
        Scene("a greeting of 450", "S: 450 later\nD: unusable refused 4.0.0\nD: close"),
        Scene("a greeting of 421", "S: 421 4.7.0 later\nD: unusable refused 4.7.0\nD: close"),
        Scene("no SMTP at all", "S: SSH-2.0-X\nD: unusable protocolViolation 4.5.0\nD: close"),
        Scene("silence", "S: (silence)\nD: unusable connectionLost 4.4.2\nD: close"),
        Scene("an end", "S: (ends)\nD: unusable connectionLost 4.4.2\nD: close"),
        Scene(
            "EHLO and HELO refused",
            """
            S: 220 mx
            C: EHLO out.example.net
            S: 550 go away
            C: HELO out.example.net
            S: 550 5.7.1 go away
            D: unusable helloRefused 5.7.1
            D: close
            """),
        Scene(
            "EHLO refused for now",
            """
            S: 220 mx
            C: EHLO out.example.net
            S: 451 4.3.0 later
            D: unusable helloRefused 4.3.0
            D: close
            """),
        Scene(
            "codes that differ in one reply",
            """
            S: 220-mx
            S: 221 mx
            D: unusable protocolViolation 4.5.0
            D: close
            """),
    ]

    @Test("a connection that serves for nothing says why", arguments: unusable, cuts)
    func uselessness(scene: Scene, cut: Int?) throws {
        var dialogue = try ClientDialogue(cut: cut)
        dialogue.play(scene.text)
    }

    @Test("SIZE, 8BITMIME and SMTPUTF8 that the peer lacks are known before sending")
    func obstacles() throws {
        var large = try ClientDialogue(octets: 1001)
        large.play(pipelining + "D: permanent 5.3.4 nextHost" + goodbye)
        var eight = try ClientDialogue(is8Bit: true)
        eight.play(plain + "D: permanent 5.6.3 nextHost" + goodbye)
        var declared = try ClientDialogue(is8Bit: true)
        declared.play(
            pipelining + """
                C: MAIL FROM:<ann@example.net> SIZE=20 BODY=8BITMIME
                C: RCPT TO:<bob@example.org>
                C: DATA
                """)
        var international = try ClientDialogue(to: ["bob@example.org", "börge@example.org"])
        international.play(
            pipelining + group + accepted + """
                S: 250 2.0.0 ok
                D: delivered 2.0.0 none
                D: permanent 5.6.7 nextHost
                """ + goodbye)
    }

    @Test("too many recipients for one transaction go into another")
    func tooManyRecipients() throws {
        var dialogue = try ClientDialogue(
            to: ["a@example.org", "b@example.org", "c@example.org", "d@example.org"])
        dialogue.play(
            pipelining + """
                C: MAIL FROM:<ann@example.net> SIZE=20
                C: RCPT TO:<a@example.org>
                C: RCPT TO:<b@example.org>
                C: RCPT TO:<c@example.org>
                C: RCPT TO:<d@example.org>
                C: DATA
                S: 250 2.1.0 ok
                S: 452 4.2.2 full
                S: 250 2.1.5 ok
                S: 452 4.5.3 too many
                S: 552 5.2.2 full for good
                S: 354 go ahead
                C: Subject: x
                C:
                C: ..dot
                C: .
                S: 250 2.0.0 ok
                D: transient 4.2.2 nextHost
                D: delivered 2.0.0 none
                D: transient 4.5.3 anotherTransaction
                D: permanent 5.2.2 none
                """ + goodbye)
    }

    @Test("a kept connection takes further messages; one that died meanwhile says so")
    func kept() throws {
        var dialogue = try ClientDialogue()
        dialogue.transactions += dialogue.transactions
        dialogue.play(
            pipelining + group + accepted + """
                S: 250 2.0.0 ok
                D: delivered 2.0.0 none
                D: idle

                """ + group + """
                    S: 421 4.4.2 idle for too long
                    D: transient 4.4.2 nextHost
                    D: close
                    """)
        #expect(dialogue.reports.map(\.wasAnswered) == [true, false])
    }

    @Test("a reply before its command is no reply to it")
    func tooEarly() throws {
        let dialogue = try ClientDialogue()
        var session = ClientSession(dialogue.configuration)
        session.receive(Array("220 mx\r\n250 mx\r\n250 ok\r\n250 ok\r\n354 go\r\n250 ok\r\n".utf8))
        var report: ClientSession.Report?
        while let step = session.next() {
            switch step {
            case .idle: session.begin(dialogue.transactions[0])
            case .finished(let finished): report = finished
            default: break
            }
        }
        #expect(report?.wasAnswered == false)
        guard case .transient(let evidence)? = report?.results[0].outcome else {
            Issue.record("not transient: \(String(describing: report))")
            return
        }
        #expect(evidence.status == EnhancedStatus(4, 5, 0))
    }

    @Test("many recipients go in groups, none larger than its bound")
    func groups() throws {
        let recipients = (0..<500).map { "recipient-number-\($0)@example.org" }
        var session = ClientSession(
            ClientSession.Configuration(
                hostName: try Domain("out.example.net"), remoteHost: "mx"))
        let offer = "220 mx\r\n250-mx\r\n250-PIPELINING\r\n250 LIMITS RCPTMAX=500\r\n"
        session.receive(Array(offer.utf8))
        var groups: [Int] = []
        var recipientLines = 0
        var hasDelivered = false
        while let step = session.next() {
            switch step {
            case .idle where groups.isEmpty:
                session.begin(
                    ClientSession.Transaction(
                        from: .null, to: try recipients.map { try Address($0) }, octets: 1,
                        is8Bit: false))
            case .send(let octets):
                let lines = String(lossy: octets).split(separator: "\r\n")
                guard lines.first != "EHLO out.example.net" else { continue }
                groups.append(octets.count)
                recipientLines += lines.count { $0.hasPrefix("RCPT") }
                for line in lines {
                    session.receive(Array((line == "DATA" ? "354 go\r\n" : "250 ok\r\n").utf8))
                }
            case .sendContent:
                _ = session.endContent()
                session.receive(Array("250 ok\r\n".utf8))
            case .finished(let report):
                hasDelivered = report.results.count == 500
            default: break
            }
        }
        #expect(hasDelivered)
        #expect(recipientLines == 500)
        #expect(groups.count > 2)
        #expect(groups.allSatisfy { $0 < 8192 + 100 })
    }

    @Test("a refusal in the middle of the message is heard, and ends it")
    func early() throws {
        var session = try sessionInContent()
        let first = session.encodeContent(Array("Subject: x\r\n".utf8))
        #expect(!first.isEmpty)
        session.receive(Array("552 5.3.4 too large\r\n".utf8))
        expect(!session.isSendingContent)
        expect(session.encodeContent([1, 2, 3]).isEmpty)
        expect(session.endContent().isEmpty)
        guard case .finished(let report)? = session.next() else {
            Issue.record("no report")
            return
        }
        #expect(report.results.first?.outcome.evidence.status == EnhancedStatus(5, 3, 4))
        guard case .close? = session.next() else {
            Issue.record("the connection is kept")
            return
        }
    }

    @Test("a message that cannot be read is broken off without its end")
    func unreadable() throws {
        var session = try sessionInContent()
        session.contentFailed("the disk is gone")
        guard case .finished(let report)? = session.next(),
            case .transient(let evidence) = report.results[0].outcome,
            case .close? = session.next()
        else {
            Issue.record("not reported as transient")
            return
        }
        #expect(evidence.text == "the disk is gone")
        expect(session.endContent().isEmpty)
    }

    private func sessionInContent() throws -> ClientSession {
        var session = ClientSession(
            ClientSession.Configuration(
                hostName: try Domain("out.example.net"), remoteHost: "mx"))
        session.receive(Array("220 mx\r\n250-mx\r\n250 PIPELINING\r\n".utf8))
        while let step = session.next() {
            if case .idle = step { break }
        }
        session.begin(
            ClientSession.Transaction(
                from: .null, to: [try Address("bob@example.org")], octets: 10, is8Bit: false))
        session.receive(Array("250 ok\r\n250 ok\r\n354 go\r\n".utf8))
        while let step = session.next() {
            if case .sendContent = step { break }
        }
        expect(session.isSendingContent)
        return session
    }

    @Test("the time to wait is RFC 5321 §4.5.3.2's")
    func timeouts() throws {
        var session = ClientSession(
            ClientSession.Configuration(
                hostName: try Domain("out.example.net"), remoteHost: "mx"))
        expect(session.timeout == .minutes(5))
        session.receive(Array("220 mx\r\n250-mx\r\n250 PIPELINING\r\n".utf8))
        while session.next() != nil {}
        session.begin(
            ClientSession.Transaction(
                from: .null, to: [try Address("bob@example.org")], octets: 10, is8Bit: false))
        expect(session.timeout == .minutes(5))
        session.receive(Array("250 ok\r\n250 ok\r\n".utf8))
        while session.next() != nil {}
        expect(session.timeout == .minutes(2))
        session.receive(Array("354 ok\r\n".utf8))
        while session.next() != nil {}
        expect(session.timeout == .minutes(3))
        _ = session.endContent()
        expect(session.timeout == .minutes(10))
    }
}

@Suite("RFC 3207 STARTTLS and RFC 4954 AUTH, the client's side")
struct ClientSecurityTests {
    private static let offer = """
        S: 220 mx.example.org ESMTP
        C: EHLO out.example.net
        S: 250-mx.example.org
        S: 250-AUTH LOGIN PLAIN
        S: 250 STARTTLS

        """
    private static let secured = """
        C: STARTTLS
        S: 220 go ahead
        D: handshake
        C: EHLO out.example.net

        """

    @Test("STARTTLS is used where it is offered, and EHLO is said again", arguments: cuts)
    func opportunistic(cut: Int?) throws {
        var dialogue = try ClientDialogue(cut: cut)
        dialogue.play(
            Self.offer + Self.secured + """
                S: 250 mx.example.org
                D: idle
                C: MAIL FROM:<ann@example.net>
                """)
    }

    @Test("what arrives behind the reply to STARTTLS is dropped")
    func injection() throws {
        var session = ClientSession(
            ClientSession.Configuration(
                hostName: try Domain("out.example.net"), remoteHost: "mx"))
        session.receive(Array("220 mx\r\n250-mx\r\n250 STARTTLS\r\n".utf8))
        while session.next() != nil {}
        session.receive(Array("220 go\r\n250-evil\r\n250 SIZE 1\r\n".utf8))
        while session.next() != nil {}
        session.receive(Array("250 PIPELINING\r\n".utf8))
        session.secured(TLSFacts(version: "TLSv1.3", cipher: ""))
        while session.next() != nil {}
        expect(session.extensions == Extensions())
        expect(!session.isIdle)
        session.receive(Array("250 mx\r\n".utf8))
        while session.next() != nil {}
        expect(session.isIdle)
    }

    @Test("required and not offered, not granted, or failed: unusable")
    func required() throws {
        var notOffered = try ClientDialogue(tls: .required)
        notOffered.play(
            """
            S: 220 mx
            C: EHLO out.example.net
            S: 250 mx
            D: unusable tls 4.7.4
            D: close
            """)
        var notGranted = try ClientDialogue(tls: .required)
        notGranted.play(
            Self.offer + """
                C: STARTTLS
                S: 454 4.7.0 no certificate
                D: unusable tls 4.7.0
                D: close
                """)
        var failed = try ClientDialogue()
        failed.handshakeFailure = "no common cipher"
        failed.play(
            Self.offer + """
                C: STARTTLS
                S: 220 go ahead
                D: handshake
                D: unusable tls 4.7.5
                D: close
                """)
        #expect(
            failed.evidence?.text
                == "TLS handshake with mx.example.org [192.0.2.1] failed: no common cipher")
    }

    @Test("opportunistic TLS goes on in plain text where STARTTLS is refused, `never` at once")
    func plainText() throws {
        var refused = try ClientDialogue()
        refused.play(
            Self.offer + """
                C: STARTTLS
                S: 454 4.7.0 no certificate
                D: idle
                C: MAIL FROM:<ann@example.net>
                """)
        var never = try ClientDialogue(tls: .never)
        never.play(Self.offer + "D: idle\nC: MAIL FROM:<ann@example.net>")
    }

    @Test("a smarthost learns who we are within TLS only", arguments: cuts)
    func credentials(cut: Int?) throws {
        var dialogue = try ClientDialogue(cut: cut)
        dialogue.configuration.mechanisms = ["SCRAM-SHA-256", "PLAIN"]
        let plain = (octets: Optional(Array("\0ann\0secret".utf8)), isServerAuthentic: true)
        dialogue.responses = [plain]
        dialogue.play(
            Self.offer + Self.secured + """
                S: 250-mx.example.org
                S: 250 AUTH PLAIN
                D: authenticate PLAIN
                C: AUTH PLAIN AGFubgBzZWNyZXQ=
                S: 235 2.7.0 welcome
                D: idle
                C: MAIL FROM:<ann@example.net>
                """)
        dialogue.play(
            """
            S: 220 mx
            C: EHLO out.example.net
            S: 250-mx
            S: 250 AUTH PLAIN
            D: unusable authentication 4.7.0
            D: close
            """)
        dialogue.play(
            Self.offer + Self.secured + """
                S: 250-mx
                S: 250 AUTH GSSAPI
                D: unusable authentication 4.7.0
                D: close
                """)
        dialogue.responses = [plain]
        dialogue.play(
            Self.offer + Self.secured + """
                S: 250-mx
                S: 250 AUTH PLAIN
                D: authenticate PLAIN
                C: AUTH PLAIN AGFubgBzZWNyZXQ=
                S: 535 5.7.8 wrong
                D: unusable authentication 5.7.8
                D: close
                """)
    }

    private static let offersAuthentication =
        offer + secured + """
            S: 250-mx.example.org
            S: 250 AUTH X

            """

    static let exchanges: [(String, [(octets: [UInt8]?, isServerAuthentic: Bool)])] = [
        // The server speaks first.
        (
            """
            D: authenticate X
            C: AUTH X
            S: 334 VXNlcm5hbWU6
            D: challenge <Username:>
            C: YW5u
            S: 334
            D: challenge <>
            C:
            S: 235 2.7.0 welcome
            D: idle
            C: MAIL FROM:<ann@example.net>
            """,
            [(nil, true), (Array("ann".utf8), true), ([], true)]
        ),
        // What does not fit the line comes when the server asks for it.
        (
            """
            D: authenticate X
            C: AUTH X
            S: 334
            C: \(String(repeating: "eHh4", count: 200))
            S: 235 2.7.0 welcome
            D: idle
            C: MAIL FROM:<ann@example.net>
            """,
            [([UInt8](repeating: 0x78, count: 600), true)]
        ),
        // An empty response is an equals sign.
        (
            """
            D: authenticate X
            C: AUTH X =
            S: 235 2.7.0 welcome
            D: idle
            C: MAIL FROM:<ann@example.net>
            """,
            [([], true)]
        ),
        // A server that has not proved itself is not believed.
        (
            """
            D: authenticate X
            C: AUTH X YQ==
            S: 235 2.7.0 welcome
            D: unusable authentication 4.7.0
            D: close
            """,
            [(Array("a".utf8), false)]
        ),
        // No base64.
        (
            """
            D: authenticate X
            C: AUTH X YQ==
            S: 334 !!!
            C: *
            S: 501 5.7.0 cancelled
            D: unusable authentication 4.7.0
            D: close
            """,
            [(Array("a".utf8), true)]
        ),
        // The driver does not like the challenge.
        (
            """
            D: authenticate X
            C: AUTH X YQ==
            S: 334 Yg==
            D: challenge <b>
            C: *
            S: 501 5.7.0 cancelled
            D: unusable authentication 4.7.0
            D: close
            """,
            [(Array("a".utf8), true)]
        ),
        // An end in the middle.
        (
            """
            D: authenticate X
            C: AUTH X YQ==
            S: (ends)
            D: unusable connectionLost 4.4.2
            D: close
            """,
            [(Array("a".utf8), true)]
        ),
    ]

    @Test("an exchange goes on as long as the server asks", arguments: exchanges.indices, cuts)
    func exchange(number: Int, cut: Int?) throws {
        let (text, responses) = Self.exchanges[number]
        var dialogue = try ClientDialogue(cut: cut)
        dialogue.configuration.mechanisms = ["X"]
        dialogue.responses = responses
        dialogue.play(Self.offersAuthentication + text)
    }
}
