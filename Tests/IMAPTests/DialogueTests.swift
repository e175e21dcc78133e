// SPDX-License-Identifier: Apache-2.0

import Bytes
import IMAP
import Testing

@Suite("RFC 9051 §6 commands and states")
struct DialogueTests {
    @Test("A client logs in, selects, idles and leaves")
    func session() {
        play(
            selected + """
                C: c NOOP
                * noOperation
                S: c OK done
                C: d IDLE
                S: + idling
                * idle
                C: done
                * idle ends
                S: d OK done
                C: e UID FETCH 1:* (FLAGS)
                * fetch
                S: e OK done
                C: f close
                * close
                S: f OK done
                C: g FETCH 1 FLAGS
                S: g BAD select a mailbox first
                C: h LOGOUT
                S: * BYE logging out
                S: h OK done
                * closed
                """)
    }

    @Test("Without TLS a password is refused before it is sent")
    func privacy() {
        play(
            plainGreeting + """
                C: a LOGIN anna secret
                S: a NO [PRIVACYREQUIRED] no passwords in plain text: use STARTTLS first
                C: b AUTHENTICATE PLAIN
                S: b NO [PRIVACYREQUIRED] no passwords in plain text: use STARTTLS first
                C: c SELECT INBOX
                S: c BAD log in first
                C: d STARTTLS
                S: d OK begin TLS
                * TLS
                C: e CAPABILITY
                S: * CAPABILITY \(offered) AUTH=SCRAM-SHA-256 AUTH=PLAIN
                S: e OK done
                C: f AUTHENTICATE plain AGFubmEAc2VjcmV0
                * PLAIN
                S: f OK \(welcome) logged in
                C: g LOGIN anna secret
                S: g BAD already logged in
                """, isProtected: false, pipelined: false)
    }

    @Test("What follows STARTTLS before the handshake is not obeyed")
    func injection() {
        let peer = Peer(.tested, isProtected: false)
        peer.run()
        peer.session.receive(octets("a STARTTLS\r\nb LOGIN anna secret\r\n"))
        peer.run()
        #expect(peer.log.last == "S: a BAD nothing may follow STARTTLS before the handshake")
    }

    @Test("Literals are asked for, or come without being asked")
    func literals() {
        play(
            greeting + """
                C: a LOGIN {5}
                S: + go on
                C> ann a
                C:  {7+}
                C> se"cret
                C:
                * PLAIN
                S: a OK \(welcome) logged in
                """)
    }

    @Test("A message is streamed, and another in the same command")
    func append() {
        play(
            loggedIn + """
                C: b APPEND {5}
                S: + go on
                C> INBOX
                C:  (\\Seen $Junk) "21-Nov-2026 10:00:00 +0100" {11}
                * append INBOX
                * message 11
                S: + send the message
                C> hello world
                * content hello world
                C:  {3+}
                * message 3
                C> two
                * content two
                C:
                * appended
                S: b OK done
                C: c NOOP
                * noOperation
                S: c OK done
                """)
    }

    @Test("Thunderbird is understood as it writes")
    func thunderbird() {
        play(
            loggedIn + """
                C: 74 ID ("name" "Thunderbird" "version" "153.7.0")
                S: * ID ("name" "Postreiter")
                S: 74 OK done
                C: 75 ENABLE UTF8=ACCEPT
                S: * ENABLED UTF8=ACCEPT
                S: 75 OK done
                C: 76 list (subscribed) "" "*" return (special-use)
                * list
                S: 76 OK done
                C: 77 create "Bücher & Zeitung/v1.2 ~ [x] % */日本 📯"
                * create
                S: 77 OK done
                C: 78 select "INBOX"
                * select
                S: 78 OK done
                C: 79 UID fetch 1 (UID RFC822.SIZE FLAGS BODY.PEEK[HEADER.FIELDS (From To Content-Type)])
                * fetch
                S: 79 OK done
                C: 80 UID fetch 1 (UID BODY.PEEK[HEADER.FIELDS (Content-Type)] BODY.PEEK[TEXT]<0.2048>)
                * fetch
                S: 80 OK done
                C: 81 uid store 5 -Flags (\\Answered \\Deleted \\Draft $Forwarded)
                * store
                S: 81 OK done
                C: 82 uid move 15,18 "Trash"
                * move
                S: 82 OK done
                C: 83 uid SEARCH UNDELETED BODY {5}
                S: + go on
                C> Köln
                C:
                * search
                S: 83 OK done
                C: 84 append "Drafts" (\\Draft) UTF8 (~{5+}
                * append Drafts
                * message 5
                C> draft
                * content draft
                C: )
                * appended
                S: 84 OK done
                C: 85 check
                * noOperation
                S: 85 OK done
                """)
    }

    @Test("A message that is refused is read past if it comes all the same")
    func refusedAppend() {
        play(
            loggedIn + """
                C: b APPEND nowhere {5}
                * append nowhere
                S: b NO [TRYCREATE] no such mailbox
                C: c APPEND nowhere {5+}
                * append nowhere
                S: c NO [TRYCREATE] no such mailbox
                C> c ONE
                C:  {7+}
                C> d TWO {
                C:
                C: e APPEND INBOX {1001+}
                S: e NO [TOOBIG] a message has at most 1000 octets
                C> \(String(repeating: "x", count: 1001))
                C:
                C: f NOOP
                * noOperation
                S: f OK done
                """
        ) { $0.appendRefusal = .no(.tryCreate, "no such mailbox") }
    }
}
