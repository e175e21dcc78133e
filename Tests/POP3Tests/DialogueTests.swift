// SPDX-License-Identifier: Apache-2.0

import Bytes
import POP3
import Testing

private let greeting = "S: +OK mx.example.org POP3 server ready\n"
private let loggedIn =
    greeting + """
        C: USER anna
        S: +OK send PASS
        C: PASS secret
        * PLAIN
        S: +OK 2 messages, 46 octets

        """

@Suite("RFC 1939 the states of a session")
struct DialogueTests {
    @Test("Messages are counted, listed, read, deleted and brought back")
    func transaction() {
        play(
            loggedIn + """
                C: STAT
                S: +OK 2 46
                C: LIST
                S: +OK 2 messages, 46 octets
                S: 1 29
                S: 2 17
                S: .
                C: list 2
                S: +OK 2 17
                C: UIDL
                S: +OK unique-ids follow
                S: 1 a1
                S: 2 b2
                S: .
                C: UIDL 1
                S: +OK 1 a1
                C: RETR 1
                S: +OK 29 octets
                S: Subject: a
                S: ..hidden
                S: line
                S: .
                C: DELE 1
                S: +OK message 1 deleted
                C: DELE 1
                S: -ERR message 1 is deleted
                C: RETR 1
                S: -ERR message 1 is deleted
                C: LIST
                S: +OK 1 messages, 17 octets
                S: 2 17
                S: .
                C: STAT
                S: +OK 1 17
                C: RSET
                S: +OK 2 messages, 46 octets
                C: NOOP
                S: +OK
                C: RETR 3
                S: -ERR no such message, only 2 in the maildrop
                C: RETR 0
                S: -ERR no such message, only 2 in the maildrop
                C: QUIT
                S: +OK bye
                * closed
                """, isProtected: true)
    }

    @Test("TOP gives the header and as many lines as asked for")
    func top() {
        play(
            loggedIn + """
                C: TOP 1 0
                S: +OK 29 octets
                S: Subject: a
                S: .
                C: TOP 1 1
                S: +OK 29 octets
                S: Subject: a
                S: ..hidden
                S: .
                C: TOP 1 99
                S: +OK 29 octets
                S: Subject: a
                S: ..hidden
                S: line
                S: .
                C: TOP 1
                S: -ERR expected: TOP message lines
                C: TOP 1 -1
                S: -ERR expected: TOP message lines
                """, isProtected: true)
    }

    @Test("QUIT removes what was marked, and says so if that failed")
    func update() {
        for succeeds in [true, false] {
            let ending =
                succeeds ? "+OK bye" : "-ERR [SYS/TEMP] some deleted messages were not removed"
            play(
                loggedIn + """
                    C: DELE 2
                    S: +OK message 2 deleted
                    C: QUIT
                    S: \(ending)
                    * closed
                    """, isProtected: true
            ) { $0.removalSucceeds = succeeds }
        }
        let peer = Peer(isProtected: true)
        peer.session.receive(octets("USER anna\r\nPASS secret\r\nDELE 2\r\n"))
        peer.run()
        // Without QUIT nothing is removed.
        #expect(peer.removed.isEmpty)
        peer.session.receive(octets("QUIT\r\nNOOP\r\n"))
        peer.run()
        #expect(peer.removed == [1])
        #expect(peer.isClosed)
        #expect(peer.log.last == "* closed")
    }

    @Test("Commands at the wrong time are refused")
    func wrongTime() {
        play(
            greeting + """
                C: STAT
                S: -ERR log in first
                C: PASS secret
                S: -ERR USER comes first
                C: USER
                S: -ERR expected: USER name
                C: XTND
                S: -ERR unknown command
                C: NOOP
                S: -ERR log in first
                C: QUIT now
                S: -ERR expected: QUIT
                C: QUIT
                S: +OK bye
                * closed
                """, isProtected: true)
        play(
            loggedIn + """
                C: USER anna
                S: -ERR already logged in
                C: STLS
                S: -ERR already logged in
                C: AUTH PLAIN
                S: -ERR already logged in
                """, isProtected: true)
    }

    @Test("APOP is not offered: it would need passwords in plain text")
    func apop() {
        let peer = Peer(isProtected: true)
        peer.run()
        #expect(!peer.log[0].contains("<"))
        peer.session.receive(octets("APOP anna c4c9334bac560ecc979e58001b3e22fb\r\n"))
        peer.run()
        #expect(peer.log.last == "S: -ERR unknown command")
    }

    @Test("A wrong password is told as such, after five the session ends")
    func wrongPassword() {
        let peer = Peer(isProtected: true)
        for _ in 1...6 { peer.session.receive(octets("USER anna\r\nPASS guess\r\n")) }
        peer.run()
        #expect(peer.log.filter { $0 == "S: -ERR [AUTH] wrong name or password" }.count == 5)
        #expect(peer.isClosed)
    }

    @Test("A password may hold spaces, and the name stays until PASS")
    func spaces() {
        play(
            greeting + """
                C: USER anna
                S: +OK send PASS
                C: PASS two words
                * PLAIN
                S: +OK 2 messages, 46 octets
                """, isProtected: true)
    }

    @Test("A mailbox that is locked or out of reach says which")
    func refusedMailbox() {
        for (refusal, text) in [
            (ServerSession.Refusal.mailboxInUse, "[IN-USE] another session has this mailbox open"),
            (.temporarilyUnavailable, "[SYS/TEMP] not available now, try again later"),
        ] {
            play(
                greeting + """
                    C: USER anna
                    S: +OK send PASS
                    C: PASS secret
                    * PLAIN
                    S: -ERR \(text)
                    C: STAT
                    S: -ERR log in first
                    """, isProtected: true
            ) { $0.mailboxRefusal = refusal }
        }
    }

    @Test("A message that cannot be read now is an error, not the end")
    func unreadable() {
        play(
            loggedIn + """
                C: RETR 1
                S: -ERR [SYS/TEMP] the message cannot be read now
                C: RETR 2
                S: +OK 17 octets
                S: Subject: b
                S: b
                S: .
                """, isProtected: true
        ) { $0.unreadable = [0] }
    }

    @Test("A large maildrop is listed in pieces, whole and in order")
    func largeListing() {
        let peer = Peer(isProtected: true)
        peer.messages = Array(repeating: "\r\n", count: 1000)
        peer.uniqueIDs = (0..<1000).map { "u\($0)" }
        peer.session.receive(octets("USER anna\r\nPASS secret\r\nDELE 500\r\nUIDL\r\nNOOP\r\n"))
        peer.run()
        let first = peer.log.firstIndex(of: "S: 1 u0") ?? 0
        let expected = (0..<1000).filter { $0 != 499 }.map { "S: \($0 + 1) u\($0)" }
        #expect(Array(peer.log[first...]) == expected + ["S: .", "S: +OK"])
    }
}

@Suite("RFC 2449, 2595 and 5034: capabilities, TLS and SASL")
struct ExtensionTests {
    @Test("Before TLS neither USER nor PLAIN is offered or taken, afterwards both are")
    func capabilities() {
        play(
            greeting + """
                C: CAPA
                S: +OK capabilities follow
                S: TOP
                S: UIDL
                S: RESP-CODES
                S: AUTH-RESP-CODE
                S: PIPELINING
                S: EXPIRE NEVER
                S: STLS
                S: SASL SCRAM-SHA-256
                S: IMPLEMENTATION Postreiter
                S: .
                C: USER anna
                S: -ERR [SYS/PERM] no passwords in plain text: use STLS first
                C: AUTH PLAIN
                S: -ERR [SYS/PERM] no passwords in plain text: use STLS first
                C: AUTH CRAM-MD5
                S: -ERR unknown mechanism
                C: STLS
                S: +OK begin TLS
                * TLS
                C: CAPA
                S: +OK capabilities follow
                S: TOP
                S: UIDL
                S: RESP-CODES
                S: AUTH-RESP-CODE
                S: PIPELINING
                S: EXPIRE NEVER
                S: USER
                S: SASL SCRAM-SHA-256 PLAIN LOGIN
                S: IMPLEMENTATION Postreiter
                S: .
                C: STLS
                S: -ERR TLS is on already
                C: AUTH
                S: +OK mechanisms follow
                S: SCRAM-SHA-256
                S: PLAIN
                S: LOGIN
                S: .
                """, pipelined: false)
    }

    @Test("Where it is configured, plain passwords are taken without TLS")
    func lenient() {
        play(loggedIn, policy: .lenient)
    }

    @Test("Commands that were slipped in behind STLS are not obeyed")
    func injection() {
        let peer = Peer(.lenient)
        peer.session.receive(octets("STLS\r\nUSER anna\r\nPASS secret\r\n"))
        peer.run()
        #expect(!peer.log.contains("* TLS"))
        #expect(!peer.log.contains("* PLAIN"))
        #expect(peer.log.last == "S: -ERR nothing may follow STLS before the handshake")
    }

    @Test("What came in plain text after STLS is gone after the handshake, a name too")
    func forgotten() {
        play(
            greeting + """
                C: USER anna
                S: +OK send PASS
                C: STLS
                S: +OK begin TLS
                * TLS
                C: PASS secret
                S: -ERR USER comes first
                """, policy: .lenient, pipelined: false)
    }

    @Test("AUTH goes on by challenges, takes an initial response, and can be cancelled")
    func exchange() {
        let plain = Base64.encode(octets("\0anna\0secret"))
        let again = Base64.encode(octets("again"))
        play(
            greeting + """
                C: AUTH plain
                * PLAIN
                S: +\u{20}
                C: \(again)
                * response again
                S: + \(Base64.encode(octets("once more")))
                C: *
                * cancelled
                S: -ERR authentication cancelled
                C: AUTH SCRAM-SHA-256
                * SCRAM-SHA-256
                S: +\u{20}
                C: not base64!
                * cancelled
                S: -ERR expected: a response in Base 64
                C: AUTH PLAIN =
                * PLAIN
                S: -ERR [AUTH] wrong name or password
                C: AUTH PLAIN \(Base64.encode(octets("busy")))
                * PLAIN
                S: -ERR [SYS/TEMP] not available now, try again later
                C: AUTH PLAIN !
                S: -ERR expected: an initial response in Base 64
                C: AUTH PLAIN \(plain)
                * PLAIN
                S: +OK 2 messages, 46 octets
                """, isProtected: true)
    }
}

@Suite("Hostile POP3 clients")
struct HostileTests {
    @Test("A line over 255 octets is refused once, whatever its pieces, and then life goes on")
    func longLine() {
        for piece in [1, 7, 100, 5000] {
            let peer = Peer(isProtected: true)
            let sent = octets("USER " + String(repeating: "x", count: 3000) + "\r\nQUIT\r\n")
            for start in stride(from: 0, to: sent.count, by: piece) {
                peer.session.receive(Array(sent[start..<min(start + piece, sent.count)]))
                peer.run()
                // What is too long is not kept.
                let held = peer.session.heldOctets
                #expect(piece > 255 || held <= 512)
            }
            #expect(
                Array(peer.log.dropFirst()) == [
                    "S: -ERR line too long", "S: +OK bye", "* closed",
                ])
        }
    }

    @Test("A line of just 255 octets is taken")
    func longestLine() {
        let name = String(repeating: "x", count: ServerSession.maximumLineOctets - 5)
        play(greeting + "C: USER \(name)\nS: +OK send PASS", isProtected: true)
    }

    @Test("Bare LF, bare CR and NUL are no commands")
    func bareLineEnds() {
        for (sent, answer) in [
            ("QUIT\n", "S: -ERR lines end with CRLF"), ("QUIT\rX", "S: -ERR lines end with CRLF"),
            ("USER a\0b\r\n", "S: -ERR expected: no NUL"), ("\r\n", "S: -ERR unknown command"),
            ("USER \u{FF}\r\n", "S: +OK send PASS"),
        ] {
            let peer = Peer(isProtected: true)
            peer.session.receive(octets(sent))
            peer.run()
            #expect(peer.log.last == answer)
        }
    }

    @Test("Too many errors end the session, and what follows is not read")
    func errors() {
        let peer = Peer(isProtected: true)
        peer.session.receive(octets(String(repeating: "HELO\r\n", count: 100)))
        peer.run()
        #expect(peer.log.filter { $0.hasPrefix("S: -ERR") }.count == ServerSession.maximumErrors)
        #expect(Array(peer.log.suffix(2)) == ["S: -ERR too many errors, bye", "* closed"])
        peer.session.receive(octets("NOOP\r\n"))
        let step = peer.session.next()
        #expect(step == nil)
        let held = peer.session.heldOctets
        #expect(held == 0)
    }
}
