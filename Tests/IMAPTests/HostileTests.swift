// SPDX-License-Identifier: Apache-2.0

import Bytes
import IMAP
import Testing

@Suite("RFC 9051 §4.3, RFC 7888 what hostile clients send")
struct HostileTests {
    @Test("A line too long is answered with its tag, and the next is obeyed")
    func longLine() {
        let long = String(repeating: "x", count: ServerSession.maximumCommandOctets + 5)
        play(
            loggedIn + """
                C: b NOOP \(long)
                S: b BAD the line is too long
                C: c NOOP {0} \(long) {7+}
                S: c BAD the line is too long
                C> d NOOP!
                C:
                C: e NOOP
                * noOperation
                S: e OK done
                """)
    }

    @Test("A line without end ends the connection")
    func endlessLine() {
        let peer = Peer(.tested, isProtected: true)
        peer.run()
        for _ in 0..<40 {
            peer.session.receive([UInt8](repeating: 0x41, count: 65_536))
            peer.run()
            #expect(peer.session.heldOctets <= ServerSession.maximumCommandOctets + 65_536)
        }
        #expect(peer.log.suffix(2) == ["S: * BYE [TOOBIG] a line without end", "* closed"])
    }

    @Test("Before login literals are small")
    func literalBeforeLogin() {
        play(
            greeting + """
                C: a LOGIN {1025}
                S: a NO [TOOBIG] the command is too long
                C: b LOGIN {1025+}
                S: b NO [TOOBIG] the command is too long
                C> \(String(repeating: "c NOOP ", count: 146))xxx
                C:  secret
                C: d LOGIN {99999999999999999999}
                S: d NO [TOOBIG] the command is too long
                C: e LOGIN {99999999999999999999+}
                S: e NO [TOOBIG] the command is too long
                S: * BYE [TOOBIG] a literal of 9223372036854775807 octets is not read
                * closed
                """)
    }

    @Test("An unknown command's literal is never asked for, and read past if it comes")
    func literalOfUnknown() {
        play(
            loggedIn + """
                C: b FROB {10}
                S: b BAD unknown command FROB
                C: c FROB {8+}
                S: c BAD unknown command FROB
                C> d NOOP .
                C:  {3+}
                C> abc
                C:
                C: e NOOP
                * noOperation
                S: e OK done
                """)
    }

    @Test("Lines end with CRLF, and a command begins with its tag")
    func form() {
        for (text, reply) in [
            ("a NOOP\n", "a BAD lines end with CRLF"), ("\r\n", "* BAD a command begins"),
            ("+ NOOP\r\n", "* BAD a command begins"), ("a\r\n", "a BAD more arguments"),
            ("{5}\r\n", "* BAD a command begins"), (" a NOOP\r\n", "* BAD a command begins"),
            ("a\tNOOP\r\n", "* BAD a command begins"), ("a NO\rOP\r\n", "a BAD"),
            ("a NOOP\0\r\n", "a BAD"), ("a* NOOP\r\n", "* BAD a command begins"),
        ] {
            let peer = Peer(.tested, isProtected: true)
            peer.run()
            peer.session.receive(octets(text))
            peer.run()
            #expect(peer.log.last?.hasPrefix("S: \(reply)") == true, "\(text): \(peer.log)")
        }
    }

    @Test("Many errors in a row, and many wrong passwords, end the connection")
    func manyErrors() {
        let peer = Peer(.tested, isProtected: true)
        peer.session.receive(octets(String(repeating: "a FOO\r\n", count: 30)))
        peer.run()
        #expect(peer.isClosed)
        #expect(peer.log.filter { $0 == "S: a BAD unknown command FOO" }.count == 20)
        let known = Peer(.tested, isProtected: true)
        let errors = String(repeating: "a FOO\r\n", count: 199)
        known.session.receive(octets("a LOGIN anna secret\r\n\(errors)a NOOP\r\n\(errors)"))
        known.run()
        #expect(!known.isClosed)
        known.session.receive(octets("a FOO\r\n"))
        known.run()
        #expect(known.log.suffix(2) == ["S: * BYE too many errors", "* closed"])
        let guesser = Peer(.tested, isProtected: true)
        guesser.session.receive(octets(String(repeating: "a LOGIN anna x\r\n", count: 9)))
        guesser.run()
        #expect(guesser.log.filter { $0 == "* PLAIN" }.count == 5)
        #expect(guesser.log.suffix(2) == ["S: * BYE too many failed logins", "* closed"])
    }

    @Test("A client that vanishes in a message leaves nothing")
    func vanishing() {
        let peer = Peer(.tested, isProtected: true)
        peer.session.receive(
            octets("a LOGIN anna secret\r\nb APPEND INBOX {100+}\r\nSubject: half"))
        peer.run()
        peer.session.receiveEnd()
        peer.run()
        #expect(peer.log.suffix(3) == ["* content Subject: half", "* aborted", "* closed"])
    }

    @Test("What stands behind a message that is no end of the command undoes it")
    func afterMessage() {
        play(
            loggedIn + """
                C: b APPEND INBOX {3+}
                * append INBOX
                * message 3
                C> abc
                * content abc
                C:  (\\Seen {3+}
                * aborted
                S: b BAD expected a flag at octet 9
                C> def
                C:
                C: f APPEND INBOX {3+}
                * append INBOX
                * message 3
                C> abc
                * content abc
                C:  {0+}
                * aborted
                S: f NO an empty message is not appended
                C:
                C: g NOOP
                * noOperation
                S: g OK done
                """)
    }

    @Test("Authentication: challenges, cancelling, and what is no Base 64")
    func exchange() {
        play(
            greeting
                + """
                C: a AUTHENTICATE SCRAM-SHA-256
                * SCRAM-SHA-256
                S: +
                C: *
                * cancelled
                S: a BAD authentication cancelled
                C: b AUTHENTICATE plain =
                * PLAIN
                S: b NO [AUTHENTICATIONFAILED] wrong name or password
                C: c AUTHENTICATE PLAIN YWdhaW4=
                * PLAIN
                S: + b25jZSBtb3Jl
                C: ???
                * cancelled
                S: c BAD expected a response in Base 64
                C: d AUTHENTICATE X
                S: d NO [CANNOT] unknown mechanism
                C: e AUTHENTICATE PLAIN =AAA
                S: e BAD expected an initial response in Base 64, or =
                C: f AUTHENTICATE PLAIN
                * PLAIN
                S: +
                C: AGFubmEAc2VjcmV0
                * response \0anna\0secret
                S: f OK \(welcome) logged in
                """.replacing("S: +\n", with: "S: + \n"))
    }

    @Test("IDLE ends with DONE, and with anything else as an error")
    func idle() {
        play(
            selected + """
                C: c IDLE
                S: + idling
                * idle
                C: d NOOP
                * idle ends
                S: c BAD IDLE ends with DONE
                C: e NOOP
                * noOperation
                S: e OK done
                """)
    }

    @Test("A read-only mailbox is not changed, and MODSEQ is followed from the first time")
    func readOnly() {
        play(
            loggedIn + """
                C: b EXAMINE INBOX
                * select
                S: b OK done
                C: c STORE 1 FLAGS ()
                S: c NO [CANNOT] the mailbox is open read-only
                C: d SELECT INBOX
                S: * OK [CLOSED] the mailbox before is closed
                * select
                S: d OK done
                C: e STORE 1 FLAGS ()
                * store
                S: e OK done
                C: f FETCH 1 MODSEQ
                * modseq
                * fetch
                S: f OK done
                C: g FETCH 1 MODSEQ
                * fetch
                S: g OK done
                """)
    }

    @Test("A SELECT that fails leaves the mailbox before")
    func failedSelect() {
        let peer = Peer(.tested, isProtected: true)
        peer.session.receive(octets("a LOGIN anna secret\r\nb SELECT INBOX\r\n"))
        peer.run()
        peer.completions["select"] = .no(.nonExistent, "no such mailbox")
        peer.session.receive(octets("c SELECT nowhere\r\nd FETCH 1 FLAGS\r\n"))
        peer.run()
        #expect(
            peer.log.suffix(4) == [
                "S: * OK [CLOSED] the mailbox before is closed", "* select",
                "S: c NO [NONEXISTENT] no such mailbox", "S: d BAD select a mailbox first",
            ])
    }

    @Test("Compression begins once, behind the response, and never with something behind it")
    func compression() {
        let peer = Peer(.tested, isProtected: true)
        for lines in [
            "a LOGIN anna secret\r\n", "b COMPRESS DEFLATE\r\nc NOOP\r\n",
            "d COMPRESS DEFLATE\r\n", "e COMPRESS DEFLATE\r\n", "f CAPABILITY\r\n",
        ] {
            peer.session.receive(octets(lines))
            peer.run()
        }
        #expect(
            peer.log.suffix(8).prefix(7) == [
                "S: b BAD nothing may follow COMPRESS before its answer", "* noOperation",
                "S: c OK done", "S: d OK DEFLATE begins", "* compression",
                "S: e NO [COMPRESSIONACTIVE] compression is on already",
                "S: * CAPABILITY \(peer.session.capabilities.joined(separator: " "))",
            ], "\(peer.log)")
        #expect(!peer.session.capabilities.contains("COMPRESS=DEFLATE"))
    }
}
