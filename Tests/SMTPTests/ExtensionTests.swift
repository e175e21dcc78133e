// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail
import SMTP
import Testing
import World

private let cuts: [Int?] = [nil, 1, 2, 3, 7]

private let quit = """

    C: QUIT
    S: 221 2.0.0 Closing the connection
    D: close
    """

@Suite("Extensions of the SMTP server")
struct ExtensionTests {
    @Test("everything is offered where it belongs", arguments: cuts)
    func offers(cut: Int?) throws {
        var dialogue = try Dialogue(
            {
                $0.hiddenExtensions = []
                $0.canStartQueue = true
                $0.maximumHoldSeconds = 3600
                $0.saslMechanisms = ["SCRAM-SHA-256"]
            }, cut: cut)
        dialogue.now = Timestamp(seconds: 1_000_000)
        dialogue.mayStateClient = true
        let common = """
            S: 250-PIPELINING
            S: 250-SIZE 2000
            S: 250-8BITMIME
            S: 250-ENHANCEDSTATUSCODES
            """
        let further = """
            S: 250-CHUNKING
            S: 250-BINARYMIME
            S: 250-SMTPUTF8
            S: 250-DSN
            """
        dialogue.play(
            """
            S: 220 mx.example.org ESMTP
            C: EHLO a
            S: 250-mx.example.org greets a
            \(common)
            \(further)
            S: 250-DELIVERBY 60
            S: 250-MT-PRIORITY
            S: 250-LIMITS RCPTMAX=1000 MAILMAX=100000
            S: 250-ETRN
            S: 250 XCLIENT NAME ADDR PORT PROTO HELO LOGIN DESTADDR DESTPORT
            """ + quit)
        dialogue.configuration.service = .submission
        dialogue.configuration.canStartQueue = false
        dialogue.mayStateClient = false
        dialogue.tls = TLSFacts(version: "TLSv1.3", cipher: "X")
        dialogue.play(
            """
            S: 220 mx.example.org ESMTP
            C: EHLO a
            S: 250-mx.example.org greets a
            \(common)
            S: 250-AUTH SCRAM-SHA-256
            \(further)
            S: 250-REQUIRETLS
            S: 250-DELIVERBY 60
            S: 250-MT-PRIORITY
            S: 250-LIMITS RCPTMAX=1000 MAILMAX=100000
            S: 250 FUTURERELEASE 3600 1970-01-12T14:46:40Z
            """ + quit)
    }

    @Test("what is hidden is not said")
    func hidden() throws {
        var dialogue = try Dialogue { $0.hiddenExtensions.insert("PIPELINING") }
        dialogue.play(
            """
            S: 220 mx.example.org ESMTP
            C: EHLO a
            S: 250-mx.example.org greets a
            S: 250-SIZE 2000
            S: 250-8BITMIME
            S: 250 ENHANCEDSTATUSCODES
            """ + quit)
    }

    private static let greeting = """
        S: 220 mx.example.org ESMTP
        C: EHLO a
        S: 250-mx.example.org greets a
        S: 250-PIPELINING
        S: 250-SIZE 2000
        S: 250-8BITMIME
        S: 250 ENHANCEDSTATUSCODES

        """

    @Test("SMTPUTF8 is asked for by MAIL, and holds for its transaction", arguments: cuts)
    func international(cut: Int?) throws {
        var dialogue = try Dialogue(cut: cut)
        dialogue.play(
            Self.greeting + """
                C: MAIL FROM:<änn@example.net>
                S: 550 5.6.7 An address beyond ASCII needs the parameter SMTPUTF8
                C: MAIL FROM:<änn@exämple.net> SMTPUTF8
                S: 250 2.1.0 Sender OK
                C: RCPT TO:<bøb@example.org>
                S: 250 2.1.5 Recipient OK
                C: RCPT TO:<b\\8b@example.org>
                S: 501 5.1.3 Syntax error in the recipient's address, write RCPT TO:<user@domain>
                C: DATA
                D: open UTF8SMTP a - 1
                S: 354 Start mail input, end with <CRLF>.<CRLF>
                C: Subject: grüße
                C: .
                D: commit 18
                S: 250 2.0.0 queued as 1
                C: MAIL FROM:<ann@example.net>
                S: 250 2.1.0 Sender OK
                C: RCPT TO:<bøb@example.org>
                S: 553 5.6.7 An address beyond ASCII needs the parameter SMTPUTF8 in MAIL
                C: VRFY bøb SMTPUTF8
                S: 252 2.0.0 Cannot verify, but will accept the message and attempt delivery
                C: VRFY b\\8b
                S: 501 5.5.2 Syntax error in the arguments
                C: EXPN bøb SMTPUTF8
                S: 502 5.5.1 EXPN is not served here
                """ + quit)
    }

    @Test("a priority above what a stranger may ask is lowered, and said so", arguments: cuts)
    func priority(cut: Int?) throws {
        var dialogue = try Dialogue(cut: cut)
        dialogue.play(
            Self.greeting + """
                C: MAIL FROM:<ann@example.net> MT-PRIORITY=4
                S: 250 2.3.6 0 is the priority, a higher one needs authentication
                C: RSET
                S: 250 2.0.0 OK
                C: MAIL FROM:<ann@example.net> MT-PRIORITY=-4
                S: 250 2.1.0 Sender OK
                """ + quit)
        dialogue.isClientTrusted = true
        dialogue.play(
            Self.greeting + """
                C: MAIL FROM:<ann@example.net> MT-PRIORITY=4
                S: 250 2.1.0 Sender OK
                """ + quit)
    }

    @Test("ETRN is for between transactions, and only where it is served", arguments: cuts)
    func queue(cut: Int?) throws {
        var dialogue = try Dialogue({ $0.canStartQueue = true }, cut: cut)
        dialogue.play(
            """
            S: 220 mx.example.org ESMTP
            C: ETRN example.org
            S: 503 5.5.1 Bad sequence of commands
            C: EHLO a
            S: 250-mx.example.org greets a
            S: 250-PIPELINING
            S: 250-SIZE 2000
            S: 250-8BITMIME
            S: 250-ENHANCEDSTATUSCODES
            S: 250 ETRN
            C: ETRN
            S: 501 5.5.4 Syntax error, write ETRN example.org or ETRN @example.org
            C: ETRN #uucp
            S: 501 5.5.4 Syntax error, write ETRN example.org or ETRN @example.org
            C: ETRN ex ample.org
            S: 501 5.5.4 Syntax error, write ETRN example.org or ETRN @example.org
            C: ETRN Example.ORG
            D: queue example.org
            S: 250 2.0.0 Queue for example.org started
            C: etrn @example.org
            D: queue @example.org
            S: 250 2.0.0 Queue for example.org started
            C: MAIL FROM:<>
            C: ETRN example.org
            S: 250 2.1.0 Sender OK
            S: 503 5.5.1 Bad sequence of commands
            """ + quit)
        dialogue.configuration.canStartQueue = false
        dialogue.play(
            Self.greeting + """
                C: ETRN example.org
                S: 502 5.5.1 Command not implemented
                """ + quit)
    }

    @Test(
        "XCLIENT makes a trusted proxy another client, and the session begins anew", arguments: cuts
    )
    func client(cut: Int?) throws {
        var dialogue = try Dialogue(cut: cut)
        dialogue.play(
            Self.greeting + """
                C: XCLIENT ADDR=192.0.2.1
                S: 550 5.7.0 XCLIENT is not for you
                """ + quit)
        dialogue.mayStateClient = true
        dialogue.isClientTrusted = true
        dialogue.play(
            """
            S: 220 mx.example.org ESMTP
            C: XCLIENT NAME=mail.example.net ADDR=192.0.2.1 PORT=4711 PROTO=ESMTP HELO=b LOGIN=ann
            D: client mail.example.net 192.0.2.1 4711 b ESMTP ann
            S: 220 mx.example.org ESMTP
            C: MAIL FROM:<ann@example.net> MT-PRIORITY=1
            C: RCPT TO:<bob@example.org>
            C: XCLIENT ADDR=192.0.2.2
            C: DATA
            S: 250 2.1.0 Sender OK
            S: 250 2.1.5 Recipient OK
            S: 503 5.5.1 Bad sequence of commands
            D: open ESMTPA b ann 1
            S: 354 Start mail input, end with <CRLF>.<CRLF>
            C: .
            D: commit 0
            S: 250 2.0.0 queued as 1
            C: XCLIENT NAME=[UNAVAILABLE] ADDR=IPV6:2001:db8::1 PROTO=SMTP LOGIN=[TEMPUNAVAIL]
            D: client - 2001:db8::1 - - SMTP -
            S: 220 mx.example.org ESMTP
            C: MAIL FROM:<ann@example.net>
            S: 503 5.5.1 Bad sequence of commands
            C: HELO c
            S: 250 mx.example.org greets c
            C: MAIL FROM:<ann@example.net> MT-PRIORITY=1
            S: 250 2.3.6 0 is the priority, a higher one needs authentication
            C: RSET
            S: 250 2.0.0 OK
            C: XCLIENT DESTADDR=IPV6:2001:db8::25 DESTPORT=25
            D: client - - - - ESMTP - to 2001:db8::25 25
            S: 220 mx.example.org ESMTP
            C: XCLIENT ADDR=192.0.2.1 DESTADDR=[UNAVAILABLE] DESTPORT=[UNAVAILABLE]
            D: client - 192.0.2.1 - - ESMTP -
            S: 220 mx.example.org ESMTP
            C: XCLIENT LOGIN=mallory
            D: client - - - - ESMTP mallory
            S: 550 5.7.0 XCLIENT is not for you
            """ + quit)
    }

    @Test(
        "XCLIENT with what is no attribute is refused",
        arguments: [
            "", "ADDR", "ADDR=", "ADDR=mail", "ADDR=300.1.1.1", "ADDR=IPV6:192.0.2", "PORT=65536",
            "PORT=-1", "PROTO=LMTP", "HELO=a+20b", "HELO=a+0Ab", "COLOUR=red", "NAME=+4",
            "LOGIN=a+00b", "DESTADDR=here", "DESTPORT=0x19", "DESTPORT=",
            "ADDR=192.0.2.1 COLOUR=red",
            "HELO=\(String(repeating: "x", count: 256))",
        ])
    func malformedClient(arguments: String) throws {
        var dialogue = try Dialogue()
        dialogue.mayStateClient = true
        dialogue.play(
            """
            S: 220 mx.example.org ESMTP
            C: XCLIENT \(arguments)
            S: 501 5.5.4 XCLIENT attributes not valid
            """ + quit)
    }

    @Test("HELP and NOOP take any argument")
    func help() throws {
        var dialogue = try Dialogue()
        dialogue.play(
            Self.greeting + """
                C: HELP MAIL
                S: 214-2.0.0 Commands: EHLO HELO MAIL RCPT DATA BDAT RSET NOOP QUIT VRFY ETRN HELP STARTTLS AUTH
                S: 214 2.0.0 See RFC 5321
                C: NOOP <bob@example.org> \\8
                S: 250 2.0.0 OK
                C: EXPN staff
                S: 502 5.5.1 EXPN is not served here
                """ + quit)
    }
}

@Suite("RFC 2033 LMTP")
struct LocalTests {
    private static let greeting = """
        S: 220 mx.example.org LMTP
        C: LHLO a
        S: 250-mx.example.org greets a
        S: 250-PIPELINING
        S: 250-SIZE 2000
        S: 250-8BITMIME
        S: 250 ENHANCEDSTATUSCODES

        """

    private static let envelope = """
        C: MAIL FROM:<ann@example.net>
        C: RCPT TO:<bob@example.org>
        C: RCPT TO:<unknown@example.org>
        C: RCPT TO:<bob@example.org>
        S: 250 2.1.0 Sender OK
        S: 250 2.1.5 Recipient OK
        S: 550 5.1.1 No such mailbox here
        S: 250 2.1.5 Recipient OK

        """

    static let scenes = [
        Scene(
            "a reply for each accepted recipient after the dot",
            envelope + """
                C: DATA
                D: open LMTP a - 2
                S: 354 Start mail input, end with <CRLF>.<CRLF>
                C: x
                C: .
                D: commit 3
                S: 250 2.0.0 queued as 1
                S: 250 2.0.0 queued as 1
                """),
        Scene(
            "and after BDAT LAST, but one after any other BDAT",
            envelope + """
                C: BDAT 1
                C: x\\c
                C: BDAT 2 LAST
                C:
                D: open LMTP a - 2
                S: 250 2.0.0 1 octets received
                D: commit 3
                S: 250 2.0.0 queued as 1
                S: 250 2.0.0 queued as 1
                """),
        Scene(
            "also when the message is refused",
            envelope + """
                C: DATA
                D: open LMTP a - 2
                S: 354 Start mail input, end with <CRLF>.<CRLF>
                C: Subject: full
                C: .
                D: commit 15
                S: 452 4.3.1 Not enough storage just now, please come back later
                S: 452 4.3.1 Not enough storage just now, please come back later

                """ + envelope + """
                    C: DATA
                    D: open LMTP a - 2
                    S: 354 Start mail input, end with <CRLF>.<CRLF>
                    C: x\\0
                    C: .
                    D: discard
                    S: 550 5.6.0 The message holds NUL (RFC 5322 section 4), nothing was accepted
                    S: 550 5.6.0 The message holds NUL (RFC 5322 section 4), nothing was accepted

                    """ + envelope + """
                    C: BDAT 2001
                    C: \(String(repeating: "x", count: 1999))
                    S: 552 5.3.4 The message is larger than this server takes

                    """ + envelope + """
                    C: BDAT 2001 LAST
                    C: \(String(repeating: "x", count: 1999))
                    S: 552 5.3.4 The message is larger than this server takes
                    S: 552 5.3.4 The message is larger than this server takes
                    """),
        Scene(
            "without recipients DATA is 503, and BDAT LAST has no reply at all",
            """
            C: MAIL FROM:<ann@example.net>
            C: DATA
            S: 250 2.1.0 Sender OK
            S: 503 5.5.1 Bad sequence of commands
            C: BDAT 2 LAST
            C:
            C: NOOP
            S: 250 2.0.0 OK
            """),
        Scene(
            "LHLO takes the place of EHLO and HELO",
            """
            C: EHLO a
            S: 500 5.5.1 This is LMTP: say LHLO
            C: HELO a
            S: 500 5.5.1 This is LMTP: say LHLO
            """),
    ]

    @Test("dialogues", arguments: scenes, cuts)
    func dialogue(scene: Scene, cut: Int?) throws {
        var dialogue = try Dialogue({ $0.service = .local }, cut: cut)
        dialogue.play(Self.greeting + scene.text + quit)
    }

    @Test("SMTP knows no LHLO")
    func elsewhere() throws {
        var dialogue = try Dialogue()
        dialogue.play(
            """
            S: 220 mx.example.org ESMTP
            C: LHLO a
            S: 500 5.5.1 Command unknown
            """ + quit)
    }
}
