// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail
import SMTP
import Testing
import World

private let cuts: [Int?] = [nil, 1, 2, 3, 7]

private func offer(_ keywords: String...) -> String {
    "S: 220 mx.example.org ESMTP\nC: EHLO out.example.net\nS: 250-mx.example.org\n"
        + keywords.dropLast().map { "S: 250-\($0)\n" }.joined()
        + "S: 250 \(keywords.last ?? "HELP")\nD: idle\n"
}

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

private let message = """
    C: Subject: x
    C:
    C: .dot

    """

@Suite("RFC 3030 CHUNKING and BINARYMIME, the client's side")
struct ClientChunkingTests {
    @Test("without PIPELINING a chunk saves waiting for 354", arguments: cuts)
    func notPipelined(cut: Int?) throws {
        var dialogue = try ClientDialogue(cut: cut)
        dialogue.play(
            offer("CHUNKING") + """
                C: MAIL FROM:<ann@example.net>
                S: 250 ok
                C: RCPT TO:<bob@example.org>
                S: 250 ok
                C: BDAT 20 LAST

                """ + message + """
                    S: 250 2.0.0 taken
                    D: delivered 2.0.0 none
                    """ + goodbye)
    }

    @Test("with PIPELINING a small message goes by DATA: it costs no more")
    func small() throws {
        var dialogue = try ClientDialogue()
        dialogue.play(
            offer("PIPELINING", "CHUNKING") + """
                C: MAIL FROM:<ann@example.net>
                C: RCPT TO:<bob@example.org>
                C: DATA
                """)
    }

    @Test("binary content goes as it is")
    func binary() throws {
        var dialogue = try ClientDialogue()
        dialogue.transactions[0].envelope.body = .binaryMIME
        dialogue.content = Array("a\0\nb\r\r.x\r".utf8)
        dialogue.play(
            offer("PIPELINING", "CHUNKING", "BINARYMIME") + """
                C: MAIL FROM:<ann@example.net> BODY=BINARYMIME
                C: RCPT TO:<bob@example.org>
                S: 250 ok
                S: 250 ok
                C: BDAT 9 LAST
                """)
        #expect(dialogue.unended == dialogue.content)
    }

    @Test("binary content goes to no peer that lacks BINARYMIME")
    func lacking() throws {
        for keywords in ["CHUNKING", "BINARYMIME", "8BITMIME"] {
            var dialogue = try ClientDialogue()
            dialogue.transactions[0].envelope.body = .binaryMIME
            dialogue.play(offer(keywords) + "D: permanent 5.6.3 nextHost" + goodbye)
        }
    }

    @Test("nobody accepted: no chunk is sent")
    func nobody() throws {
        var dialogue = try ClientDialogue()
        dialogue.play(
            offer("CHUNKING") + """
                C: MAIL FROM:<ann@example.net>
                S: 250 ok
                C: RCPT TO:<bob@example.org>
                S: 550 5.1.1 no
                D: permanent 5.1.1 none
                """ + reset + goodbye)
    }

    static let ends = [
        ("S: 452 4.3.1 full\nD: transient 4.3.1 nextHost" + reset + goodbye),
        ("S: 554 5.7.1 spam\nD: permanent 5.7.1 none" + reset + goodbye),
        ("S: 421 4.3.2 closing\nD: transient 4.3.2 nextHost\nD: close"),
        ("S: (ends)\nD: ambiguous 4.4.2 none\nD: close"),
        ("S: 354 what\nD: ambiguous 4.5.0 none\nD: close"),
    ]

    @Test("each end of the last chunk has its outcome", arguments: ends, cuts)
    func end(end: String, cut: Int?) throws {
        var dialogue = try ClientDialogue(cut: cut)
        dialogue.play(
            offer("CHUNKING") + """
                C: MAIL FROM:<ann@example.net>
                S: 250 ok
                C: RCPT TO:<bob@example.org>
                S: 250 ok
                C: BDAT 20 LAST

                """ + message + end)
    }

    /// A session about to send a message of `octets`, in chunks.
    private func session(_ keywords: String, octets: Int) throws -> ClientSession {
        var session = ClientSession(
            ClientSession.Configuration(
                hostName: try Domain("out.example.net"), remoteHost: "mx"))
        session.receive(Array("220 mx\r\n250-mx\r\n250-CHUNKING\r\n250 \(keywords)\r\n".utf8))
        while session.next() != nil {}
        session.begin(
            ClientSession.Transaction(
                from: .null, to: [try Address("bob@example.org")], octets: octets, is8Bit: false))
        session.receive(Array("250 ok\r\n".utf8))
        while session.next() != nil {}
        session.receive(Array("250 ok\r\n".utf8))
        while session.next() != nil {}
        expect(session.isSendingContent)
        return session
    }

    private let piece = [UInt8](repeating: 0x78, count: 256 << 10)

    @Test("a large message goes in several chunks, four of them under way")
    func large() throws {
        var session = try session("PIPELINING", octets: 10 << 20)
        var commands = 0
        for number in 0..<10 {
            let sent = session.encodeContent(piece)
            #expect(sent.isEmpty == (number == 0))
            guard !sent.isEmpty else { continue }
            commands += 1
            #expect(String(lossy: sent.prefix(13)) == "BDAT 262144\r\n")
            #expect(sent.count == 13 + piece.count)
            while session.awaitsChunkReply {
                #expect(commands == 4)
                commands -= 1
                session.receive(Array("250 2.0.0 more\r\n".utf8))
            }
            expect(session.isSendingContent)
        }
        let last = session.endContent()
        #expect(String(lossy: last.prefix(18)) == "BDAT 262146 LAST\r\n")
        #expect(last.suffix(2) == [13, 10])
        // The replies to the chunks before the last say nothing about the message.
        for _ in 0..<commands { session.receive(Array("250 2.0.0 more\r\n".utf8)) }
        expect(session.next() == nil)
        session.receive(Array("250 2.0.0 taken\r\n".utf8))
        guard case .finished(let report)? = session.next() else {
            Issue.record("not finished")
            return
        }
        #expect(report.finalReply?.lines == ["taken"])
    }

    @Test("without PIPELINING each chunk waits for its reply")
    func oneByOne() throws {
        var session = try session("HELP", octets: 10 << 20)
        _ = session.encodeContent(piece)
        expect(!session.awaitsChunkReply)
        _ = session.encodeContent(piece)
        expect(session.awaitsChunkReply)
        session.receive(Array("250 ok\r\n".utf8))
        expect(!session.awaitsChunkReply)
    }

    @Test("a refused chunk ends the message; replies to those behind it are awaited, then RSET")
    func refused() throws {
        var session = try session("PIPELINING", octets: 10 << 20)
        for _ in 0..<4 { _ = session.encodeContent(piece) }
        session.receive(Array("250 ok\r\n452 4.3.1 full\r\n".utf8))
        expect(!session.isSendingContent)
        expect(session.encodeContent(piece).isEmpty)
        expect(session.endContent().isEmpty)
        expect(session.next() == nil)
        session.receive(Array("503 5.5.1 no\r\n".utf8))
        guard case .finished(let report)? = session.next(), case .send(let octets)? = session.next()
        else {
            Issue.record("not finished")
            return
        }
        #expect(report.results[0].outcome.evidence.status == EnhancedStatus(4, 3, 1))
        #expect(report.results[0].advice == .nextHost)
        #expect(octets == Array("RSET\r\n".utf8))
    }

    @Test("a chunk refused behind the end of the message refuses it, whatever follows")
    func refusedLate() throws {
        var session = try session("PIPELINING", octets: 10 << 20)
        for _ in 0..<2 { _ = session.encodeContent(piece) }
        _ = session.endContent()
        session.receive(Array("552 5.3.4 too large\r\n250 ok\r\n".utf8))
        guard case .finished(let report)? = session.next(), case .send? = session.next() else {
            Issue.record("not finished")
            return
        }
        #expect(report.results[0].outcome.evidence.status == EnhancedStatus(5, 3, 4))
    }

    @Test("a connection lost between chunks has delivered nothing")
    func lost() throws {
        var session = try session("PIPELINING", octets: 10 << 20)
        for _ in 0..<3 { _ = session.encodeContent(piece) }
        session.receiveEnd()
        guard case .finished(let report)? = session.next(), case .close? = session.next() else {
            Issue.record("not finished")
            return
        }
        guard case .transient = report.results[0].outcome else {
            Issue.record("\(report)")
            return
        }
    }
}

@Suite("RFC 3461, 6531, 2852, 6710, 8689, 9422: what the client passes on")
struct ClientExtensionTests {
    private static func dialogue(
        to recipients: [String] = ["bob@example.org"],
        _ change: (inout Envelope) -> Void
    ) throws -> ClientDialogue {
        var dialogue = try ClientDialogue(to: recipients)
        change(&dialogue.transactions[0].envelope)
        dialogue.transactions[0].time = Timestamp(milliseconds: 1_000_000)
        return dialogue
    }

    @Test("DSN's parameters go on as they came, to a peer that offers DSN")
    func notifications() throws {
        let ask: (inout Envelope) -> Void = { envelope in
            envelope.requests.returned = .header
            envelope.requests.envelopeID = "a+b=c d"
            envelope.recipients[0].notify = [.success, .failure, .delay]
            envelope.recipients[0].originalRecipient = .init(
                addressType: "rfc822", address: "Bob+x@Example.ORG")
            envelope.recipients[1].notify = .never
            envelope.recipients[1].originalRecipient = .init(
                addressType: "utf-8", address: "jürgen=1@example.org")
        }
        let recipients = ["bob@example.org", "c@example.org", "d@example.org"]
        var offered = try Self.dialogue(to: recipients, ask)
        offered.play(
            offer("PIPELINING", "DSN") + """
                C: MAIL FROM:<ann@example.net> RET=HDRS ENVID=a+2Bb+3Dc+20d
                C: RCPT TO:<bob@example.org> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=rfc822;Bob+2Bx@Example.ORG
                C: RCPT TO:<c@example.org> NOTIFY=NEVER ORCPT=utf-8;j\\x{FC}rgen\\x{3D}1@example.org
                C: RCPT TO:<d@example.org>
                C: DATA
                """)
        var lacking = try Self.dialogue(to: recipients, ask)
        lacking.play(
            offer("PIPELINING") + """
                C: MAIL FROM:<ann@example.net>
                C: RCPT TO:<bob@example.org>
                C: RCPT TO:<c@example.org>
                C: RCPT TO:<d@example.org>
                C: DATA
                S: 250 ok
                S: 550 5.7.1 no
                S: 550 5.7.1 no
                S: 550 5.7.1 no
                S: 554 5.5.1 nobody
                D: permanent 5.7.1 none
                D: permanent 5.7.1 none
                D: permanent 5.7.1 none
                """ + reset + goodbye)
        #expect(lacking.reports[0].results.allSatisfy { !$0.isNotificationPassedOn })
    }

    @Test("SMTPUTF8 is asked for where an address or the header needs it, and only there")
    func international() throws {
        var address = try Self.dialogue(to: ["bob@example.org", "börge@exämple.org"]) { _ in }
        address.play(
            offer("PIPELINING", "SMTPUTF8") + """
                C: MAIL FROM:<ann@example.net> SMTPUTF8
                C: RCPT TO:<bob@example.org>
                C: RCPT TO:<börge@xn--exmple-cua.org>
                C: DATA
                """)
        // A domain alone can always be written in ASCII.
        var domain = try Self.dialogue(to: ["bob@exämple.org"]) { _ in }
        domain.play(
            offer("PIPELINING", "SMTPUTF8") + """
                C: MAIL FROM:<ann@example.net>
                C: RCPT TO:<bob@xn--exmple-cua.org>
                C: DATA
                """)
        var header = try Self.dialogue { $0.isInternational = true }
        header.play(
            offer("SMTPUTF8") + "C: MAIL FROM:<ann@example.net> SMTPUTF8")
        var lacking = try Self.dialogue { $0.isInternational = true }
        lacking.play(offer("8BITMIME") + "D: permanent 5.6.7 nextHost" + goodbye)
        let sender = try Address("änn@example.net")
        var lackingForSender = try Self.dialogue { $0.reversePath = .address(sender) }
        lackingForSender.play(offer("8BITMIME") + "D: permanent 5.6.7 nextHost" + goodbye)
    }

    @Test("a priority goes on; without MT-PRIORITY the message goes without it")
    func priority() throws {
        var offered = try Self.dialogue { $0.requests.priority = -3 }
        offered.play(offer("MT-PRIORITY MIXER") + "C: MAIL FROM:<ann@example.net> MT-PRIORITY=-3")
        var lacking = try Self.dialogue { $0.requests.priority = -3 }
        lacking.play(offer("DSN") + "C: MAIL FROM:<ann@example.net>")
    }

    private static func deliverBy(
        _ seconds: Int64, _ mode: Envelope.DeliverBy.Mode, isTraced: Bool = false
    ) -> Envelope.DeliverBy {
        Envelope.DeliverBy(
            deadline: Timestamp(milliseconds: 1_000_000 + seconds * 1000), mode: mode,
            isTraced: isTraced)
    }

    @Test("what remains of a deliver-by time goes on; who must return it must be able to")
    func deliverBy() throws {
        var offered = try Self.dialogue { $0.requests.deliverBy = Self.deliverBy(98, .return) }
        offered.play(offer("DELIVERBY 30") + "C: MAIL FROM:<ann@example.net> BY=98;R")
        var late = try Self.dialogue {
            $0.requests.deliverBy = Self.deliverBy(-5, .notify, isTraced: true)
        }
        late.play(offer("DELIVERBY 30") + "C: MAIL FROM:<ann@example.net> BY=-5;NT")
        var tooShort = try Self.dialogue { $0.requests.deliverBy = Self.deliverBy(98, .return) }
        tooShort.play(offer("DELIVERBY 240") + "D: permanent 5.4.7 nextHost" + goodbye)
        var lacking = try Self.dialogue { $0.requests.deliverBy = Self.deliverBy(98, .return) }
        lacking.play(offer("DSN") + "D: permanent 5.3.3 nextHost" + goodbye)
        var notifying = try Self.dialogue(to: ["a@example.org", "b@example.org"]) {
            $0.requests.deliverBy = Self.deliverBy(98, .notify)
            $0.recipients[1].notify = .never
        }
        notifying.play(
            offer("DSN", "PIPELINING") + """
                C: MAIL FROM:<ann@example.net>
                C: RCPT TO:<a@example.org> NOTIFY=FAILURE,DELAY
                C: RCPT TO:<b@example.org> NOTIFY=NEVER
                C: DATA
                S: 250 ok
                S: 550 5.7.1 no
                S: 550 5.7.1 no
                S: 554 5.5.1 nobody
                D: permanent 5.7.1 none
                D: permanent 5.7.1 none
                """ + reset + goodbye)
        #expect(notifying.reports[0].results.allSatisfy { !$0.isDeliverByPassedOn })
    }

    @Test("REQUIRETLS: only under TLS, only to a peer that promises it too")
    func requiredTLS() throws {
        let tls = """
            S: 220 mx.example.org ESMTP
            C: EHLO out.example.net
            S: 250-mx.example.org
            S: 250 STARTTLS
            C: STARTTLS
            S: 220 go ahead
            D: handshake
            C: EHLO out.example.net

            """
        var offered = try Self.dialogue { $0.requests.requiresTLS = true }
        offered.play(
            tls + "S: 250-mx\nS: 250 REQUIRETLS\nD: idle\n"
                + "C: MAIL FROM:<ann@example.net> REQUIRETLS")
        var lacking = try Self.dialogue { $0.requests.requiresTLS = true }
        lacking.play(tls + "S: 250 mx\nD: idle\nD: permanent 5.7.30 nextHost" + goodbye)
        var plain = try Self.dialogue { $0.requests.requiresTLS = true }
        plain.play(offer("REQUIRETLS") + "D: permanent 5.7.10 nextHost" + goodbye)
        // §5: a notification may go without.
        var notification = try Self.dialogue {
            $0.requests.requiresTLS = true
            $0.reversePath = .null
        }
        notification.play(offer("DSN") + "C: MAIL FROM:<>")
    }

    @Test("LIMITS are kept: recipients, domains, transactions")
    func limits() throws {
        var dialogue = try ClientDialogue(
            to: ["a@example.org", "b@example.org", "c@example.org"])
        dialogue.play(
            offer("PIPELINING", "LIMITS RCPTMAX=2 MAILMAX=1") + """
                C: MAIL FROM:<ann@example.net>
                C: RCPT TO:<a@example.org>
                C: RCPT TO:<b@example.org>
                C: DATA
                """)
        var domains = try ClientDialogue(
            to: ["a@example.org", "b@example.com", "c@example.org"])
        domains.play(
            offer("PIPELINING", "LIMITS RCPTDOMAINMAX=1") + """
                C: MAIL FROM:<ann@example.net>
                C: RCPT TO:<a@example.org>
                C: RCPT TO:<c@example.org>
                C: DATA
                S: 250 ok
                S: 250 ok
                S: 250 ok
                S: 354 go
                C: Subject: x
                C:
                C: ..dot
                C: .
                S: 250 2.0.0 ok
                D: delivered 2.0.0 none
                D: transient 4.5.3 anotherConnection
                D: delivered 2.0.0 none
                """ + goodbye)
        var session = ClientSession(dialogue.configuration)
        session.receive(Array("220 mx\r\n250-mx\r\n250 LIMITS MAILMAX=1\r\n".utf8))
        while session.next() != nil {}
        expect(session.takesMore)
        session.begin(try ClientDialogue().transactions[0])
        expect(!session.takesMore)
    }

    @Test(
        "too many recipients is a reason for another transaction, in whatever words",
        arguments: ["452 too many", "450 4.5.3 x", "451 4.5.3 x", "452 4.5.3 x", "552 5.5.3 x"])
    func tooMany(_ reply: String) throws {
        var dialogue = try ClientDialogue(to: ["a@example.org", "b@example.org"])
        dialogue.play(
            offer("PIPELINING") + """
                C: MAIL FROM:<ann@example.net>
                C: RCPT TO:<a@example.org>
                C: RCPT TO:<b@example.org>
                C: DATA
                S: 250 ok
                S: 250 ok
                S: \(reply)
                S: 354 go
                C: Subject: x
                C:
                C: ..dot
                C: .
                S: 250 2.0.0 ok
                D: delivered 2.0.0 none
                D: transient 4.5.3 anotherTransaction
                """ + goodbye)
        #expect(dialogue.reports.first?.results[1].advice == .anotherTransaction)
    }
}

@Suite("RFC 2033 LMTP, the client's side")
struct ClientLMTPTests {
    private static let offer = """
        S: 220 dovecot
        C: LHLO out.example.net
        S: 250-dovecot
        S: 250-PIPELINING
        S: 250 ENHANCEDSTATUSCODES
        D: idle
        C: MAIL FROM:<ann@example.net>
        C: RCPT TO:<a@example.org>
        C: RCPT TO:<b@example.org>
        C: RCPT TO:<c@example.org>
        C: DATA
        S: 250 2.1.0 ok
        S: 250 2.1.5 ok
        S: 550 5.1.1 unknown
        S: 250 2.1.5 ok

        """
    private static let content = """
        S: 354 go
        C: Subject: x
        C:
        C: ..dot
        C: .

        """

    private static func dialogue(cut: Int?) throws -> ClientDialogue {
        var dialogue = try ClientDialogue(
            to: ["a@example.org", "b@example.org", "c@example.org"], cut: cut)
        dialogue.configuration.dialect = .lmtp
        return dialogue
    }

    static let scenes = [
        Scene(
            "a reply for each accepted recipient",
            offer + content + """
                S: 250 2.0.0 <a> stored
                S: 452 4.2.2 <c> is full
                D: delivered 2.0.0 none
                D: permanent 5.1.1 none
                D: transient 4.2.2 nextHost
                """ + goodbye),
        Scene(
            "the connection ends between the replies",
            offer + content + """
                S: 250 2.0.0 <a> stored
                S: (ends)
                D: delivered 2.0.0 none
                D: permanent 5.1.1 none
                D: ambiguous 4.4.2 none
                D: close
                """),
        Scene(
            "421 between the replies",
            offer + content + """
                S: 250 2.0.0 <a> stored
                S: 421 4.3.2 closing
                D: delivered 2.0.0 none
                D: permanent 5.1.1 none
                D: transient 4.3.2 nextHost
                D: close
                """),
        Scene(
            "DATA refused",
            offer + """
                S: 451 4.3.0 later
                D: transient 4.3.0 nextHost
                D: permanent 5.1.1 none
                D: transient 4.3.0 nextHost
                """ + reset + goodbye),
    ]

    @Test("a reply for each recipient", arguments: scenes, cuts)
    func replies(scene: Scene, cut: Int?) throws {
        var dialogue = try Self.dialogue(cut: cut)
        dialogue.play(scene.text)
    }

    @Test("a server of SMTP alone is none of LMTP")
    func hello() throws {
        var dialogue = try Self.dialogue(cut: nil)
        dialogue.play(
            """
            S: 220 mx
            C: LHLO out.example.net
            S: 500 5.5.1 what
            D: unusable helloRefused 5.5.1
            D: close
            """)
    }
}
