// SPDX-License-Identifier: Apache-2.0

import Bytes
import MessageStore
import SearchIndex
import SimulatedWorld
import Storage
import Testing
import World

/// What SELECT says of a mailbox to a client that knows IMAP4rev1.
private let flags =
    #"\Seen \Answered \Flagged \Deleted \Draft $Forwarded $MDNSent $Junk $NotJunk $Phishing"#
    + " $Important"

private let letter = """
    From: Anna Arm <anna@example.org>\r
    To: ben@example.com\r
    Subject: Lunch\r
    Date: Mon, 2 Nov 2026 10:00:00 +0100\r
    Message-ID: <1@example.org>\r
    \r
    At noon?\r

    """

private let reply = """
    From: Ben <ben@example.com>\r
    To: anna@example.org\r
    Cc: carl@example.net\r
    Subject: Re: Lunch\r
    Date: Tue, 3 Nov 2026 09:00:00 +0100\r
    Message-ID: <2@example.com>\r
    In-Reply-To: <1@example.org>\r
    \r
    Fine with me.\r

    """

private let mixed = """
    From: Carl <carl@example.net>\r
    To: anna@example.org\r
    Subject: Agenda\r
    Date: Sun, 1 Nov 2026 08:00:00 +0100\r
    MIME-Version: 1.0\r
    Content-Type: multipart/mixed; boundary=b\r
    \r
    --b\r
    Content-Type: text/plain; charset=utf-8\r
    Content-Transfer-Encoding: quoted-printable\r
    \r
    Gr=C3=BC=C3=9Fe\r
    --b\r
    Content-Type: application/octet-stream\r
    Content-Transfer-Encoding: base64\r
    \r
    AAEC\r
    --b--\r

    """

private let chosen = """
    C: s SELECT INBOX
    U: s OK [READ-WRITE] the mailbox is open

    """

@Suite("RFC 9051 §6.2 logging in")
struct IMAPLoginTests {
    @Test("Without TLS there are no passwords; after STARTTLS there are")
    func startTLS() throws {
        try play(
            """
            C: a LOGIN anna@example.org "correct horse"
            S: a NO [PRIVACYREQUIRED] no passwords in plain text: use STARTTLS first
            C: b SELECT INBOX
            S: b BAD log in first
            C: c STARTTLS
            S: c OK begin TLS
            T:
            C: d LOGIN anna@example.org wrong
            S: d NO [AUTHENTICATIONFAILED] wrong name or password
            C: e LOGIN anna@example.org "correct horse"
            S: e OK [CAPABILITY IMAP4rev2 IMAP4rev1 …] logged in
            C: f LOGOUT
            S: * BYE logging out
            S: f OK done
            S: (end)
            """, port: 143, loggedIn: false)
    }

    @Test("PLAIN is taken with and without an initial response")
    func plain() throws {
        let response = Base64.encode(Array("\0anna@example.org\0correct horse".utf8))
        try play(
            """
            C: a AUTHENTICATE PLAIN \(response)
            S: a OK [CAPABILITY …] logged in
            2C: a AUTHENTICATE PLAIN
            2S: + 
            2C: \(response)
            2S: a OK [CAPABILITY …] logged in
            """, loggedIn: false)
    }

    @Test("What is offered after login is what is performed")
    func capabilities() throws {
        try IMAPSite.run { site in
            let client = try await site.logIn()
            let answer = try await client.ask("CAPABILITY")
            let offered = Set(answer[0].split(separator: " ").dropFirst(2).map { String($0) })
            for name in [
                "IMAP4rev1", "IMAP4rev2", "IDLE", "MOVE", "CONDSTORE", "QRESYNC", "UIDONLY",
                "SPECIAL-USE", "ESEARCH", "SEARCHRES", "PARTIAL", "BINARY", "MULTIAPPEND", "SORT",
                "THREAD=REFERENCES", "LITERAL+", "UIDPLUS", "OBJECTID", "PREVIEW", "SAVEDATE",
            ] { #expect(offered.contains(name), "\(name)") }
        }
    }

    @Test("A client that says nothing is left after 30 minutes, one that idles as well")
    func silence() throws {
        try IMAPSite.run { site in
            for idles in [false, true] {
                let client = try await site.logIn()
                if idles {
                    client.write("a IDLE\r\n")
                    _ = try await client.line()
                }
                let start = site.simulation.now
                #expect(try await client.line().hasPrefix("* BYE"))
                #expect(site.simulation.now - start > .minutes(29))
                #expect(site.simulation.now - start < .minutes(31))
            }
        }
    }
}

@Suite("RFC 9051 §6.3 mailboxes")
struct IMAPMailboxTests {
    @Test("SELECT and EXAMINE say everything about a mailbox, also to IMAP4rev2")
    func select() throws {
        try play(
            """
            C: a SELECT INBOX
            S: * 2 EXISTS
            S: * 0 RECENT
            S: * OK [UNSEEN 1] the first that is unseen
            S: * FLAGS (\(flags))
            S: * OK [PERMANENTFLAGS (\(flags) \\*)] flags kept
            S: * OK [UIDVALIDITY …] UIDs are valid
            S: * OK [UIDNEXT 3] the next UID
            S: * OK [HIGHESTMODSEQ 3] the latest change
            S: * OK [MAILBOXID (m…)] its name for ever
            S: a OK [READ-WRITE] the mailbox is open
            C: b EXAMINE inbox
            S: * OK [CLOSED] the mailbox before is closed
            S: * 2 EXISTS
            S: * 0 RECENT
            S: * OK [UNSEEN 1] the first that is unseen
            S: * FLAGS (\(flags))
            S: * OK [PERMANENTFLAGS ()] no flag can be set
            U: b OK [READ-ONLY] the mailbox is open, read-only
            C: c STORE 1 +FLAGS (\\Seen)
            S: c NO [CANNOT] the mailbox is open read-only
            C: d FETCH 1 BODY[TEXT]
            S: * 1 FETCH (BODY[TEXT] {6}
            S: body
            S: )
            S: d OK done
            C: e EXPUNGE
            S: e NO [CANNOT] the mailbox is open read-only
            C: f SELECT Nowhere
            S: * OK [CLOSED] the mailbox before is closed
            S: f NO [NONEXISTENT] there is no such mailbox
            C: g FETCH 1 FLAGS
            S: g BAD select a mailbox first
            C: ga CHECK
            S: ga BAD select a mailbox first
            C: gb SELECT INBOX
            U: gb OK …
            C: gc SELECT "no//name" (CONDSTORE)
            S: * OK [CLOSED] the mailbox before is closed
            S: gc NO [CANNOT] …
            C: gd CHECK
            S: gd BAD select a mailbox first
            C: ge EXAMINE {2+}
            C: &-
            U: ge NO …
            C: gf SELECT INBOX
            U: gf OK …
            C: gg EXAMINE {1+}
            C: &
            S: * OK [CLOSED] the mailbox before is closed
            S: gg NO [CANNOT] …
            C: gh UNSELECT
            S: gh BAD select a mailbox first
            C: gi SELECT INBOX
            U: gi OK …
            C: gj SELECT INBOX (UNKNOWN)
            S: gj BAD …
            C: gk UNSELECT
            S: gk OK done
            C: h ENABLE IMAP4rev2
            S: * ENABLED IMAP4rev2
            S: h OK done
            C: i SELECT INBOX
            S: * 2 EXISTS
            S: * FLAGS (\(flags))
            U: * OK [MAILBOXID (m…)] its name for ever
            S: * LIST () "/" INBOX
            S: i OK [READ-WRITE] the mailbox is open
            C: j UNSELECT
            S: j OK done
            C: k UNSELECT
            S: k BAD select a mailbox first
            """, messages: ["Subject: a\r\n\r\nbody\r\n", "Subject: b\r\n\r\nbody\r\n"])
    }

    @Test("Mailboxes are made, renamed with what is below, and removed")
    func life() throws {
        try play(
            """
            C: a CREATE Work/2026
            S: a OK [MAILBOXID (m…)] done
            C: b CREATE Work/2026
            S: b NO [ALREADYEXISTS] there is a mailbox of that name
            C: x LIST "" "Work%"
            S: * LIST (\\Noselect \\HasChildren) "/" Work
            S: x OK done
            C: c LIST "" "Work*"
            S: * LIST (\\HasNoChildren) "/" Work/2026
            S: c OK done
            C: d CREATE Work/
            S: d OK [MAILBOXID (m…)] done
            C: e RENAME Work Play
            S: e OK done
            C: f LIST "" "*ay*"
            S: * LIST (\\HasChildren) "/" Play
            S: * LIST (\\HasNoChildren) "/" Play/2026
            S: f OK done
            C: g RENAME Play Play/Deep
            S: g NO [CANNOT] a mailbox cannot be moved below itself
            C: h DELETE Play
            S: h OK done
            C: i LIST "" Play%
            S: * LIST (\\Noselect \\HasChildren) "/" Play
            S: i OK done
            C: j DELETE Play
            S: j NO [NONEXISTENT] there is no such mailbox
            C: k DELETE INBOX
            S: k NO [CANNOT] INBOX stays
            C: l RENAME Nowhere Here
            S: l NO [NONEXISTENT] there is no such mailbox
            C: m RENAME Sent Drafts
            S: m NO [ALREADYEXISTS] there is a mailbox of that name
            C: n CREATE inbox
            S: n NO [ALREADYEXISTS] there is a mailbox of that name
            """)
    }

    @Test("A name that takes the place of one below is not taken")
    func renameCollision() throws {
        try play(
            """
            C: a CREATE a/x
            S: a OK …
            C: b CREATE b/x
            S: b OK …
            C: c CREATE a
            S: c OK …
            C: d RENAME a b
            S: d NO [ALREADYEXISTS] there is a mailbox of that name
            C: e LIST "" %/x
            S: * LIST (\\HasNoChildren) "/" a/x
            S: * LIST (\\HasNoChildren) "/" b/x
            S: e OK done
            """)
    }

    @Test("A name that is used again has another UIDVALIDITY and another MAILBOXID")
    func identity() throws {
        try IMAPSite.run { site in
            let client = try await site.logIn()
            var answers = Set<String>()
            for _ in 1...5 {
                _ = try await client.ask("CREATE Brief")
                let uidValidity = try await client.ask("STATUS Brief (UIDVALIDITY)")
                let mailboxID = try await client.ask("STATUS Brief (MAILBOXID)")
                answers.formUnion([uidValidity[0], mailboxID[0]])
                _ = try await client.ask("DELETE Brief")
            }
            #expect(answers.count == 10, "\(answers)")
        }
    }

    @Test("Who subscribed to a mailbox stays subscribed to its name")
    func subscriptions() throws {
        try play(
            """
            C: a CREATE Brief
            S: a OK …
            C: b SUBSCRIBE Brief
            S: b OK done
            C: c DELETE Brief
            S: c OK done
            C: d LSUB "" B*
            S: * LSUB (\\Noselect) "/" Brief
            S: d OK done
            C: e LIST (SUBSCRIBED) "" B*
            S: * LIST (\\NonExistent \\HasNoChildren \\Subscribed) "/" Brief
            S: e OK done
            C: f LIST "" B*
            S: f OK done
            C: g CREATE Brief
            S: g OK …
            C: h LSUB "" B*
            S: * LSUB () "/" Brief
            S: h OK done
            C: i DELETE Brief
            S: i OK done
            C: j UNSUBSCRIBE Brief
            S: j OK done
            C: k LSUB "" B*
            S: k OK done
            C: ka UNSUBSCRIBE Brief
            S: ka OK done
            C: l CREATE Other
            S: l OK …
            C: la LIST (SUBSCRIBED) "" O*
            S: la OK done
            C: m DELETE Other
            S: m OK done
            C: n LSUB "" O*
            S: n OK done
            """)
    }

    @Test("RENAME leaves subscriptions with the old name")
    func renameSubscribed() throws {
        try play(
            """
            C: a CREATE Old
            S: a OK …
            C: b CREATE Old/Sub
            S: b OK …
            C: c SUBSCRIBE Old
            S: c OK done
            C: d RENAME Old New
            S: d OK done
            C: e LIST (SUBSCRIBED) "" (Old* New*)
            S: * LIST (\\NonExistent \\HasNoChildren \\Subscribed) "/" Old
            S: e OK done
            C: f SUBSCRIBE New
            S: f OK done
            C: g UNSUBSCRIBE Old
            S: g OK done
            C: h RENAME New Newer
            S: h OK done
            C: i RENAME Newer New
            S: i OK done
            C: j LSUB "" New*
            S: * LSUB () "/" New
            S: j OK done
            C: k RENAME INBOX Kept
            S: k OK done
            C: l LSUB "" Kept
            S: l OK done
            """)
    }

    @Test("A level that has no mailbox of its own is renamed with those below it")
    func renameLevel() throws {
        try play(
            """
            C: a CREATE Work/2026
            S: a OK …
            C: b RENAME Work Play
            S: b OK done
            C: c LIST "" "*y*"
            S: * LIST (\\HasNoChildren) "/" Play/2026
            S: c OK done
            """)
    }

    @Test("RENAME of INBOX moves its messages away and leaves it empty")
    func renameInbox() throws {
        try play(
            """
            C: a RENAME INBOX Old
            S: a OK done
            C: b STATUS Old (MESSAGES UNSEEN)
            S: * STATUS Old (MESSAGES 2 UNSEEN 2)
            S: b OK done
            C: c STATUS INBOX (MESSAGES UIDNEXT)
            S: * STATUS INBOX (MESSAGES 0 UIDNEXT 3)
            S: c OK done
            """, messages: [letter, reply])
    }

    @Test("Names in other scripts come as the client knows them")
    func names() throws {
        try play(
            """
            C: a CREATE "Entw&APw-rfe &- mehr"
            S: a OK …
            C: b LIST "" Entw*
            S: * LIST (\\HasNoChildren) "/" "Entw&APw-rfe &- mehr"
            S: b OK done
            C: c ENABLE UTF8=ACCEPT
            S: * ENABLED UTF8=ACCEPT
            S: c OK done
            C: d LIST "" Entw*
            S: * LIST (\\HasNoChildren) "/" "Entwürfe & mehr"
            S: d OK done
            C: e STATUS "Entwürfe & mehr" (MESSAGES)
            S: * STATUS "Entwürfe & mehr" (MESSAGES 0)
            S: e OK done
            C: f SELECT INBOX
            U: f OK …
            C: g SEARCH CHARSET UTF-8 SUBJECT "ü"
            S: g BAD after ENABLE UTF8=ACCEPT all is UTF-8: name no charset
            C: h SEARCH SUBJECT "ü"
            S: * SEARCH
            S: h OK done
            """)
    }

    @Test(
        "RFC 9051 §6.3.9.7: who writes a name in another form of Unicode is told how it is written")
    func normalized() throws {
        try IMAPSite.run { site in
            let client = try await site.logIn()
            let (written, name) = ("A\u{308}pfel", "\u{C4}pfel")
            let old = #"("OLDNAME" ("\#(written)"))"#
            let told = #"* LIST () "/" "\#(name)" \#(old)"#
            let before = try await client.ask("CREATE A&Awg-x")
            #expect(before.count == 1, "\(before)")
            _ = try await client.ask("ENABLE IMAP4rev2")
            for (command, told) in [
                ("CREATE \"\(written)\"", told), ("SELECT \"\(written)/\"", told),
                ("APPEND \"\(written)\" {1+}\r\nx", told), ("RENAME \"\(name)\" b", nil),
                ("RENAME b \"\(written)\"", #"* LIST () "/" "\#(name)" ("OLDNAME" (b))"#),
                ("RENAME \"\(written)\" b", #"* LIST () "/" b \#(old)"#),
                ("CREATE \"\(written)\"", told),
                (
                    "DELETE \"\(written)\"",
                    #"* LIST (\NonExistent) "/" "\#(name)" \#(old)"#
                ), ("RENAME b \"\(name)\"", nil),
            ] {
                let answer = try await client.ask(command)
                let last = answer.dropLast().last.map { Array($0.utf8) }
                #expect(answer.last?.contains(" OK ") == true, "\(answer)")
                if let told {
                    #expect(last == Array(told.utf8), "\(answer)")
                } else {
                    #expect(!answer.contains { $0.contains("OLDNAME") }, "\(answer)")
                }
            }
            for command in ["CREATE \"\(written)\"", "SELECT \"\(name)\"", "NOOP"] {
                let answer = try await client.ask(command)
                #expect(!answer.contains { $0.contains("OLDNAME") }, "\(answer)")
            }
        }
    }

    @Test("LIST has special uses, subscriptions and STATUS where they are wanted")
    func list() throws {
        try play(
            """
            C: a LIST "" ""
            S: * LIST (\\Noselect) "/" ""
            S: a OK done
            C: aa LSUB "" ""
            S: * LSUB (\\Noselect) "/" ""
            S: aa OK done
            C: b LIST "" *
            S: * LIST (\\HasNoChildren \\Archive) "/" Archive
            S: * LIST (\\HasNoChildren \\Drafts) "/" Drafts
            S: * LIST (\\HasNoChildren) "/" INBOX
            S: * LIST (\\HasNoChildren \\Junk) "/" Junk
            S: * LIST (\\HasNoChildren \\Sent) "/" Sent
            S: * LIST (\\HasNoChildren \\Trash) "/" Trash
            S: b OK done
            C: c UNSUBSCRIBE Sent
            S: c OK done
            C: d LIST (SUBSCRIBED) "" S*
            S: d OK done
            C: e LSUB "" S*
            S: e OK done
            C: f SUBSCRIBE Sent
            S: f OK done
            C: g LIST (SUBSCRIBED) "" (S* J*)
            S: * LIST (\\HasNoChildren \\Subscribed) "/" Junk
            S: * LIST (\\HasNoChildren \\Subscribed) "/" Sent
            S: g OK done
            C: h LIST (SPECIAL-USE) "" % RETURN (STATUS (MESSAGES UNSEEN))
            U: * LIST (…\\Trash) "/" Trash
            S: * STATUS Trash (MESSAGES 0 UNSEEN 0)
            S: h OK done
            C: i CREATE Letters (USE (\\Sent))
            S: i NO [USEATTR] another mailbox has that use
            C: j CREATE Pinned (USE (\\Flagged))
            S: j OK …
            C: k SUBSCRIBE Nowhere
            S: k NO [NONEXISTENT] there is no such mailbox
            C: l NAMESPACE
            S: * NAMESPACE (("" "/")) (("Other Users/" "/")) (("Shared/" "/"))
            S: l OK done
            """)
    }

    @Test("STATUS tells every value from the counters")
    func status() throws {
        try play(
            """
            C: a STATUS INBOX (MESSAGES UIDNEXT UIDVALIDITY UNSEEN DELETED SIZE RECENT)
            S: * STATUS INBOX (MESSAGES 2 UIDNEXT 3 UIDVALIDITY … UNSEEN 2 DELETED 0 SIZE 358 RECENT 0)
            S: a OK done
            C: b STATUS INBOX (HIGHESTMODSEQ MAILBOXID APPENDLIMIT)
            S: * STATUS INBOX (HIGHESTMODSEQ 3 MAILBOXID (m…) APPENDLIMIT \(IMAPSite.appendLimitOctets))
            S: b OK done
            C: c STATUS Nowhere (MESSAGES)
            S: c NO [NONEXISTENT] there is no such mailbox
            """, messages: [letter, reply])
    }

    @Test("Who deletes the mailbox that is selected goes on without one")
    func deleteSelected() throws {
        try play(
            """
            C: a CREATE Brief
            S: a OK …
            C: b SELECT Brief
            U: b OK …
            C: c DELETE Brief
            S: * OK [CLOSED] the mailbox has been deleted
            S: c OK done
            C: d FETCH 1 FLAGS
            S: d BAD select a mailbox first
            C: e NOOP
            S: e OK done
            """)
    }
}

@Suite("RFC 9051 §6.3.12 APPEND, again and again")
struct IMAPRepeatedAppendTests {
    @Test("What others do with the name between two of them counts for the next")
    func renamed() throws {
        try play(
            """
            1C: a APPEND Sent {1+}
            1C: x
            1S: a OK …
            1C: b APPEND Sent {1+}
            1C: x
            1S: b OK …
            2C: a RENAME Sent Old
            2S: a OK …
            1C: c APPEND Sent {1+}
            1C: x
            1S: c NO [TRYCREATE] …
            2C: b CREATE Sent
            2S: b OK …
            1C: d APPEND Sent {1+}
            1C: x
            1S: d OK …
            1C: e APPEND Sent {1+}
            1C: x
            1S: e OK …
            2C: c DELETE Sent
            2S: c OK …
            1C: f APPEND Sent {1+}
            1C: x
            1S: f NO [TRYCREATE] …
            1C: g STATUS Old (MESSAGES)
            1S: * STATUS Old (MESSAGES 2)
            1S: g OK …
            """)
    }
}

@Suite("RFC 9051 §6.3.12 APPEND")
struct IMAPAppendTests {
    @Test(
        "The day of a date has two places, of which a space may be the first",
        arguments: [
            ("01-Feb-2026", true), (" 1-Feb-2026", true), ("28-Feb-2026", true),
            ("1-Feb-2026", false), (" 01-Feb-2026", false), ("001-Feb-2026", false),
            ("29-Feb-2026", false), ("00-Feb-2026", false),
        ])
    func appendedDay(day: String, isGood: Bool) throws {
        try IMAPSite.run { site in
            let client = try await site.logIn()
            let answer = try await client.ask(
                "APPEND INBOX \"\(day) 10:00:00 +0100\" {1+}\r\nx")
            #expect(answer.last?.contains(" OK ") == isGood, "\(answer)")
            #expect(answer.last?.contains(" BAD ") == !isGood, "\(answer)")
        }
    }

    @Test("A message is appended with flags and date, and seen where it is selected")
    func append() throws {
        try play(
            chosen + """
                C: a APPEND INBOX (\\Seen $Work) "01-Feb-2026 10:00:00 +0100" {17}
                S: + send the message
                C: Subject: x
                C:
                C: b
                C:
                S: * FLAGS (\(flags) $Work)
                S: * OK [PERMANENTFLAGS (\(flags) $Work \\*)] flags kept
                S: * 1 EXISTS
                S: * 1 RECENT
                S: a OK [APPENDUID … 1] done
                C: b FETCH 1 (FLAGS INTERNALDATE RFC822.SIZE)
                S: * 1 FETCH (FLAGS (\\Recent \\Seen $Work) INTERNALDATE " 1-Feb-2026 09:00:00 +0000" RFC822.SIZE 17)
                S: b OK done
                """)
    }

    @Test("Several messages come at once, all or none")
    func several() throws {
        try play(
            """
            C: a APPEND Sent {5+}
            C: one
            C:  (\\Flagged) {5+}
            C: two
            C:
            S: a OK [APPENDUID … 1:2] done
            C: b STATUS Sent (MESSAGES SIZE)
            S: * STATUS Sent (MESSAGES 2 SIZE 10)
            S: b OK done
            C: c APPEND Sent {5+}
            C: one
            C:  {4000000}
            S: c NO [TOOBIG] …
            C: d STATUS Sent (MESSAGES)
            S: * STATUS Sent (MESSAGES 2)
            S: d OK done
            """)
    }

    @Test("Where there is no mailbox the client may make one")
    func tryCreate() throws {
        try play(
            """
            C: a APPEND Nowhere {5}
            S: a NO [TRYCREATE] there is no such mailbox
            C: b APPEND Nowhere {5+}
            C: abc
            C:
            S: b NO [TRYCREATE] there is no such mailbox
            C: c NOOP
            S: c OK done
            """)
    }

    @Test("A message that is too large is refused before it is sent")
    func tooLarge() throws {
        try play(
            """
            C: a APPEND INBOX {\(IMAPSite.appendLimitOctets + 1)}
            S: a NO [TOOBIG] …
            C: b STATUS INBOX (MESSAGES)
            S: * STATUS INBOX (MESSAGES 0)
            S: b OK done
            """)
    }

    @Test("Who vanishes in a literal leaves nothing behind", arguments: [100, 2_000_000])
    func vanishing(sent: Int) throws {
        try IMAPSite.run { site in
            let client = try await site.logIn()
            client.write("a APPEND INBOX {5+}\r\none\r\n {2500000+}\r\n")
            client.write(String(repeating: "x", count: sent))
            try await site.simulation.sleep(for: .seconds(5))
            await client.close()
            try await site.simulation.sleep(for: .minutes(40))
            #expect(try site.mailboxes.find("INBOX", of: site.account)?.messages == 0)
            #expect(try await site.disk.bodies.list().isEmpty)
        }
    }

    @Test("A full disk refuses, and the next one is taken")
    func diskFails() throws {
        try IMAPSite.run { site in
            let client = try await site.logIn()
            site.disk.fail(with: .inputOutput("the disk is broken"))
            let refused = try await client.ask("APPEND INBOX {5+}\r\none\r\n")
            #expect(refused.last?.contains(" NO [UNAVAILABLE] ") == true)
            site.disk.fail(with: nil)
            let taken = try await client.ask("APPEND INBOX {5+}\r\none\r\n")
            #expect(taken.last?.contains(" OK [APPENDUID ") == true)
        }
    }
}

@Suite("RFC 9051 §6.4.5 FETCH")
struct IMAPFetchTests {
    @Test("An answer has its thread's identifier in each mailbox, and one without names is alone")
    func threads() throws {
        try play(
            chosen + """
                C: a FETCH 1:* THREADID
                S: * 1 FETCH (THREADID (ta09825de1b8b5ee2))
                S: * 2 FETCH (THREADID (ta09825de1b8b5ee2))
                S: * 3 FETCH (THREADID (tm…))
                S: a OK done
                C: b COPY 1:2 Archive
                U: b OK …
                C: c SELECT Archive
                U: c OK …
                C: d FETCH 1:* (UID THREADID)
                S: * 1 FETCH (UID 1 THREADID (ta09825de1b8b5ee2))
                S: * 2 FETCH (UID 2 THREADID (ta09825de1b8b5ee2))
                S: d OK done
                C: e UID SEARCH THREADID ta09825de1b8b5ee2
                S: * SEARCH 1 2
                S: e OK done
                """, messages: [letter, reply, mixed])
    }

    @Test("Each item is told as it is")
    func items() throws {
        try play(
            chosen + """
                C: a FETCH 1 (UID FLAGS INTERNALDATE RFC822.SIZE)
                S: * 1 FETCH (UID 1 FLAGS () INTERNALDATE " 1-Nov-2026 12:00:00 +0000" RFC822.SIZE 151)
                S: a OK done
                C: b FETCH 1 ENVELOPE
                S: * 1 FETCH (ENVELOPE ("Mon, 2 Nov 2026 10:00:00 +0100" "Lunch" (("Anna Arm" NIL "anna" "example.org")) (("Anna Arm" NIL "anna" "example.org")) (("Anna Arm" NIL "anna" "example.org")) ((NIL NIL "ben" "example.com")) NIL NIL NIL "<1@example.org>"))
                S: b OK done
                C: c FETCH 1 (BODY BODYSTRUCTURE)
                S: * 1 FETCH (BODY ("text" "plain" … "7BIT" 10 1) BODYSTRUCTURE ("text" "plain" … "7BIT" 10 1 NIL NIL NIL NIL))
                S: c OK done
                C: d FETCH 1 (EMAILID THREADID SAVEDATE PREVIEW MODSEQ)
                S: * OK [HIGHESTMODSEQ 4] the latest change
                S: * 1 FETCH (EMAILID (e…) THREADID (ta09825de1b8b5ee2) SAVEDATE " 1-Nov-2026 12:00:00 +0000" PREVIEW "At noon?" MODSEQ (2))
                S: d OK done
                C: e FETCH 3 BODY.PEEK[1]
                S: * 3 FETCH (BODY[1] {15}
                S: Gr=C3=BC=C3=9Fe)
                S: e OK done
                C: f FETCH 3 (BINARY.PEEK[1] BINARY.SIZE[1] BINARY.SIZE[2])
                S: * 3 FETCH (BINARY[1] {7}
                S: Grüße BINARY.SIZE[1] 7 BINARY.SIZE[2] 3)
                S: f OK done
                C: g FETCH 3 BODY.PEEK[2.MIME]
                S: * 3 FETCH (BODY[2.MIME] {…}
                S: Content-Type: application/octet-stream
                S: Content-Transfer-Encoding: base64
                S:
                S: )
                S: g OK done
                C: h FETCH 1 BODY.PEEK[HEADER.FIELDS (SUBJECT to)]
                S: * 1 FETCH (BODY[HEADER.FIELDS (SUBJECT to)] {39}
                S: To: ben@example.com
                S: Subject: Lunch
                S:
                S: )
                S: h OK done
                C: i FETCH 1 BODY.PEEK[HEADER.FIELDS.NOT (FROM TO DATE MESSAGE-ID)]<0.8>
                S: * 1 FETCH (BODY[HEADER.FIELDS.NOT (FROM TO DATE MESSAGE-ID)]<0> {8}
                S: Subject:)
                S: i OK done
                C: j FETCH 1 BODY.PEEK[TEXT]<3.4>
                S: * 1 FETCH (BODY[TEXT]<3> {4}
                S: noon)
                S: j OK done
                C: k FETCH 1 BODY.PEEK[TEXT]<99.4>
                S: * 1 FETCH (BODY[TEXT]<99> {0}
                S: )
                S: k OK done
                """,
            messages: [letter, reply, mixed])
    }

    @Test("RFC 3516 §4.2: BINARY of a part that holds parts is the part as it stands")
    func binaryOfMessage() throws {
        let forward = """
            MIME-Version: 1.0\r
            Content-Type: multipart/mixed; boundary=b\r
            \r
            --b\r
            Content-Type: message/rfc822\r
            \r
            Subject: y\r
            \r
            z\r
            --b--\r

            """
        try play(
            chosen + """
                C: a FETCH 1 (BINARY.SIZE[1] BINARY.PEEK[1] BINARY.PEEK[1.1])
                S: * 1 FETCH (BINARY.SIZE[1] 15 BINARY[1] {15}
                S: Subject: y
                S:
                S: z BINARY[1.1] {1}
                S: z)
                S: a OK done
                C: b FETCH 1 (BINARY.PEEK[2] BINARY.PEEK[1.2])
                S: * 1 FETCH (BINARY[2] NIL BINARY[1.2] NIL)
                S: b OK done
                """, messages: [forward])
    }

    @Test("What is no part is NIL")
    func noPart() throws {
        try play(
            chosen + """
                C: a FETCH 1 BODY.PEEK[2]
                S: * 1 FETCH (BODY[2] NIL)
                S: a OK done
                C: b FETCH 1 (BODY.PEEK[1.MIME] UID)
                S: * 1 FETCH (BODY[1.MIME] {…}
                U:  UID 1)
                S: b OK done
                """, messages: [letter])
    }

    @Test("BODY[] sets \\Seen and says so once; PEEK does not")
    func seen() throws {
        try play(
            chosen + """
                C: a FETCH 1 BODY.PEEK[TEXT]
                S: * 1 FETCH (BODY[TEXT] {10}
                S: At noon?
                S: )
                S: a OK done
                C: b FETCH 1 BODY[TEXT]
                S: * 1 FETCH (BODY[TEXT] {10}
                S: At noon?
                S:  FLAGS (\\Seen))
                S: b OK done
                C: c FETCH 1 RFC822.TEXT
                S: * 1 FETCH (RFC822.TEXT {10}
                S: At noon?
                S: )
                S: c OK done
                C: d STATUS INBOX (UNSEEN)
                S: * STATUS INBOX (UNSEEN 1)
                S: d OK done
                """, messages: [letter, reply])
    }

    @Test("The fields that delivery puts in front are part of the message")
    func prefix() throws {
        try play(
            chosen + """
                C: a FETCH 1 (RFC822.SIZE BODY.PEEK[HEADER.FIELDS (RETURN-PATH)] BODY.PEEK[]<0.20>)
                S: * 1 FETCH (RFC822.SIZE 54 BODY[HEADER.FIELDS (RETURN-PATH)] {29}
                S: Return-Path: <ben@b.test>
                S:
                S:  BODY[]<0> {20}
                S: Return-Path: <ben@b.)
                S: a OK done
                C: b FETCH 1 BODY.PEEK[]<25.12>
                S: * 1 FETCH (BODY[]<25> {12}
                S:
                S: Subject: x…)
                S: b OK done
                C: c SEARCH HEADER Return-Path ben@b.test
                S: * SEARCH 1
                S: c OK done
                """
        ) { site in
            try await site.deliver(
                "Subject: x\r\n\r\nsome text\r\n\r\n", prefix: "Return-Path: <ben@b.test>\r\n")
        }
    }

    @Test("Numbers beyond the last are wrong, UIDs beyond it mean none")
    func numbers() throws {
        try play(
            chosen + """
                C: a FETCH 3 FLAGS
                S: a BAD there are only 2 messages
                C: b UID FETCH 3:9 FLAGS
                S: b OK done
                C: c UID FETCH 2:* FLAGS
                S: * 2 FETCH (UID 2 FLAGS ())
                S: c OK done
                C: d UID FETCH 9:* FLAGS
                S: * 2 FETCH (UID 2 FLAGS ())
                S: d OK done
                """, messages: [letter, reply])
    }

    @Test("A message in a file is read in pieces, and all of it is the same")
    func large() throws {
        try IMAPSite.run { site in
            let line = String(repeating: "x", count: 76) + "\r\n"
            let body = String(repeating: line, count: 20_000)
            let message = "Subject: large\r\nMIME-Version: 1.0\r\n\r\n" + body
            let client = try await site.logIn()
            let appended = try await client.ask(
                "APPEND INBOX {\(message.utf8.count)+}\r\n" + message)
            #expect(appended.last?.contains("APPENDUID") == true)
            #expect(try await site.disk.bodies.list().count == 1)
            _ = try await client.ask("SELECT INBOX")
            let whole = try await client.ask("FETCH 1 (BODY.PEEK[] UID)")
            #expect(whole.count == 20_006)
            #expect(whole[4..<20_004].allSatisfy { $0 == line.dropLast() })
            #expect(whole[20_004] == " UID 1)")
            let envelope = try await client.ask("FETCH 1 (ENVELOPE RFC822.SIZE)")
            #expect(envelope[0].contains(#"(NIL "large" "#))
            let thread = try await client.ask("FETCH 1 THREADID")
            #expect(thread[0].hasPrefix("* 1 FETCH (THREADID (tm"))
            #expect(envelope[0].hasSuffix("RFC822.SIZE \(message.utf8.count))"))
            let slice = try await client.ask("FETCH 1 BODY.PEEK[TEXT]<780000.10>")
            #expect(slice[1] == "xxxxxxxxxx)")
            let found = try await client.ask(#"SEARCH BODY "xxxx" SUBJECT large"#)
            #expect(found[0] == "* SEARCH 1")
        }
    }

    @Test("A part whose encoding nobody knows cannot be decoded")
    func unknownEncoding() throws {
        try play(
            chosen + """
                C: a FETCH 1 BINARY.PEEK[1]
                U: a NO [UNKNOWN-CTE] …
                """,
            messages: ["MIME-Version: 1.0\r\nContent-Transfer-Encoding: x-uu\r\n\r\nabc\r\n"])
    }
}

@Suite("RFC 9051 §6.4.6 STORE")
struct IMAPStoreTests {
    @Test("Flags are replaced, added and removed, and told as by FETCH")
    func manners() throws {
        try play(
            chosen + """
                C: a STORE 1:2 FLAGS (\\Flagged Later)
                S: * FLAGS (\(flags) Later)
                S: * OK [PERMANENTFLAGS (\(flags) Later \\*)] flags kept
                S: * 1 FETCH (FLAGS (\\Flagged Later))
                S: * 2 FETCH (FLAGS (\\Flagged Later))
                S: a OK done
                C: b STORE 1 +FLAGS (\\Seen)
                S: * 1 FETCH (FLAGS (\\Seen \\Flagged Later))
                S: b OK done
                C: c STORE 1 -FLAGS (\\Flagged LATER unknown)
                S: * 1 FETCH (FLAGS (\\Seen))
                S: c OK done
                C: d STORE 1 +FLAGS (\\Seen)
                S: * 1 FETCH (FLAGS (\\Seen))
                S: d OK done
                C: e UID STORE 2 +FLAGS.SILENT (\\Deleted)
                S: e OK done
                C: f STATUS INBOX (UNSEEN DELETED)
                S: * STATUS INBOX (UNSEEN 1 DELETED 1)
                S: f OK done
                C: g UID STORE 2 FLAGS ()
                S: * 2 FETCH (UID 2 FLAGS ())
                S: g OK done
                """, messages: [letter, reply])
    }

    @Test("UNCHANGEDSINCE leaves what somebody else has changed")
    func unchangedSince() throws {
        try play(
            """
            1C: a SELECT INBOX (CONDSTORE)
            1U: a OK …
            2C: a SELECT INBOX
            2U: a OK …
            2C: b STORE 2 +FLAGS.SILENT (\\Seen)
            2S: b OK done
            1C: b STORE 1:2 (UNCHANGEDSINCE 3) +FLAGS (\\Flagged)
            1S: * 1 FETCH (UID 1 FLAGS (\\Flagged) MODSEQ (5))
            1S: * 2 FETCH (UID 2 FLAGS (\\Seen) MODSEQ (4))
            1S: b OK [MODIFIED 2] some were changed by somebody else
            1C: c STORE 1 (UNCHANGEDSINCE 5) +FLAGS.SILENT (\\Seen)
            1S: * 1 FETCH (UID 1 MODSEQ (6))
            1S: c OK done
            1C: d UID STORE 1:2 (UNCHANGEDSINCE 0) +FLAGS.SILENT (\\Draft)
            1S: d OK [MODIFIED 1:2] some were changed by somebody else
            2C: c NOOP
            2S: * 1 FETCH (FLAGS (\\Seen \\Flagged))
            2S: c OK done
            """, messages: [letter, reply])
    }

    @Test("A silent STORE still tells what others changed before it")
    func silentAfterOthers() throws {
        try play(
            """
            1C: a SELECT INBOX
            1U: a OK …
            2C: a SELECT INBOX
            2U: a OK …
            2C: b STORE 1 +FLAGS.SILENT (\\Seen)
            2S: b OK done
            1C: b STORE 1 +FLAGS.SILENT (\\Flagged)
            1S: * 1 FETCH (FLAGS (\\Seen \\Flagged))
            1S: b OK done
            """, messages: [letter])
    }

    @Test("A mailbox has 47 keywords of its own and refuses the next")
    func keywords() throws {
        try IMAPSite.run { site in
            try await site.deliver(letter)
            let client = try await site.logIn()
            _ = try await client.ask("SELECT INBOX")
            for number in 1...47 {
                let answer = try await client.ask("STORE 1 +FLAGS (k\(number))")
                #expect(answer.last?.contains(" OK ") == true)
                #expect(answer[1].contains("\\*") == (number < 47))
            }
            let refused = try await client.ask("STORE 1 +FLAGS (k48)")
            #expect(refused.last?.contains(" NO [LIMIT] ") == true)
            let told = try await client.ask("FETCH 1 FLAGS")
            #expect(told[0].hasSuffix(" k47))"))
            let found = try await client.ask("SEARCH KEYWORD K47 UNKEYWORD k48")
            #expect(found[0] == "* SEARCH 1")
            let appended = try await client.ask("APPEND INBOX (k49) {5+}\r\none\r\n")
            #expect(appended.last?.contains(" NO [LIMIT] ") == true)
            let copied = try await client.ask("COPY 1 Sent")
            #expect(copied.last?.contains(" OK [COPYUID ") == true)
        }
    }
}

@Suite("RFC 9051 §6.4.3, §6.4.7, §6.4.8 COPY, MOVE, EXPUNGE")
struct IMAPTransferTests {
    @Test("Copies have flags, dates and identity of what they are copies of")
    func copy() throws {
        try play(
            chosen + """
                C: a STORE 2 +FLAGS.SILENT (\\Seen Own)
                U: a OK done
                C: b COPY 2:3 Archive
                S: b OK [COPYUID … 2:3 1:2] done
                C: c COPY 1 Nowhere
                S: c NO [TRYCREATE] there is no such mailbox
                C: d UID COPY 9 Archive
                S: d OK done
                C: e COPY 1 INBOX
                S: * 4 EXISTS
                S: * 1 RECENT
                S: e OK [COPYUID … 1 4] done
                C: f SELECT Archive
                U: f OK …
                C: g FETCH 1:2 (FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])
                S: * 1 FETCH (FLAGS (\\Recent \\Seen Own) BODY[HEADER.FIELDS (SUBJECT)] {22}
                S: Subject: Re: Lunch
                S:
                S: )
                S: * 2 FETCH (FLAGS (\\Recent) BODY[HEADER.FIELDS (SUBJECT)] {19}
                S: Subject: Agenda
                S:
                S: )
                S: g OK done
                """, messages: [letter, reply, mixed])
    }

    @Test("MOVE tells where the messages went before they go")
    func move() throws {
        try play(
            chosen + """
                C: a MOVE 1,3 Trash
                S: * OK [COPYUID … 1,3 1:2] moved
                S: * 3 EXPUNGE
                S: * 1 EXPUNGE
                S: a OK done
                C: b UID MOVE 2 INBOX
                S: * OK [COPYUID … 2 4] moved
                S: * 1 EXPUNGE
                S: * 1 EXISTS
                S: * 1 RECENT
                S: b OK done
                C: c MOVE 1 Nowhere
                S: c NO [TRYCREATE] there is no such mailbox
                C: d STATUS Trash (MESSAGES UNSEEN)
                S: * STATUS Trash (MESSAGES 2 UNSEEN 2)
                S: d OK done
                """, messages: [letter, reply, mixed])
    }

    @Test("EXPUNGE removes what has \\Deleted, UID EXPUNGE only what it names")
    func expunge() throws {
        try play(
            chosen + """
                C: a STORE 1,2,4 +FLAGS.SILENT (\\Deleted)
                S: a OK done
                C: b UID EXPUNGE 2:3
                S: * 2 EXPUNGE
                S: b OK done
                C: c EXPUNGE
                S: * 3 EXPUNGE
                S: * 1 EXPUNGE
                S: c OK done
                C: d UID SEARCH ALL
                S: * SEARCH 3
                S: d OK done
                """, messages: [letter, reply, mixed, letter])
    }

    @Test("CLOSE removes without a word, UNSELECT removes nothing")
    func close() throws {
        try play(
            chosen + """
                C: a STORE 1 +FLAGS.SILENT (\\Deleted)
                S: a OK done
                C: b UNSELECT
                S: b OK done
                C: c STATUS INBOX (MESSAGES)
                S: * STATUS INBOX (MESSAGES 2)
                S: c OK done
                C: d SELECT INBOX
                U: d OK …
                C: e CLOSE
                S: e OK done
                C: f STATUS INBOX (MESSAGES DELETED)
                S: * STATUS INBOX (MESSAGES 1 DELETED 0)
                S: f OK done
                """, messages: [letter, reply])
    }
}

@Suite("RFC 9051 §6.4.4 SEARCH, RFC 5256 SORT and THREAD")
struct IMAPSearchTests {
    /// Message 1 is \Seen, 2 \Flagged and \Answered, 3 \Deleted and Own.
    private static let keys: [(key: String, found: String)] = [
        ("ALL", " 1 2 3"), ("SEEN", " 1"), ("UNSEEN", " 2 3"), ("FLAGGED", " 2"),
        ("UNFLAGGED", " 1 3"), ("ANSWERED", " 2"), ("UNANSWERED", " 1 3"), ("DELETED", " 3"),
        ("UNDELETED", " 1 2"), ("DRAFT", ""), ("UNDRAFT", " 1 2 3"), ("KEYWORD own", " 3"),
        ("UNKEYWORD Own", " 1 2"), ("NEW", ""), ("OLD", " 1 2 3"), ("RECENT", ""),
        ("FROM anna", " 1"), ("FROM \"Anna Arm\"", " 1"), ("TO ANNA", " 2 3"), ("CC carl", " 2"),
        ("BCC x", ""), ("SUBJECT lunch", " 1 2"), ("SUBJECT \"re: \"", " 2"),
        ("HEADER Message-ID example.com", " 2"), ("HEADER Cc \"\"", " 2"),
        ("BODY noon", " 1"), ("BODY grusse", " 3"), ("BODY Anna", ""), ("TEXT anna", " 1 2 3"),
        ("TEXT \"fine with\"", " 2"), ("TEXT @return.ex", " 1 2 3"), ("TEXT 1@RETURN", " 2"),
        ("BODY @return", ""), ("NOT BODY noon", " 2 3"), ("SEEN BODY noon", " 1"),
        ("OR TEXT 0@return BODY fine", " 1 2"), ("NOT (TEXT anna UNSEEN)", " 1"),
        ("UID 2 TEXT anna", " 2"), ("BODY no", " 1"), ("CHARSET UTF-8 BODY {7+}\r\nGrüße", " 3"),
        ("SENTON 2-Nov-2026", " 1"), ("SENTBEFORE 2-Nov-2026", " 3"),
        ("SENTSINCE 2-Nov-2026", " 1 2"), ("ON 1-Nov-2026", " 1 2 3"), ("BEFORE 1-Nov-2026", ""),
        ("SINCE 1-Nov-2026", " 1 2 3"), ("LARGER 250", " 3"), ("SMALLER 250", " 1 2"),
        ("OLDER 3600", ""), ("YOUNGER 3600", " 1 2 3"), ("UID 2:*", " 2 3"), ("2:3", " 2 3"),
        ("NOT SEEN", " 2 3"), ("OR SEEN FLAGGED", " 1 2"), ("(OR SEEN DELETED) UNDELETED", " 1"),
        ("SUBJECT lunch UNSEEN", " 2"), ("NOT (SUBJECT lunch)", " 3"),
        ("OR BODY noon BODY fine", " 1 2"), ("UID 9", ""), ("SAVEDSINCE 1-Nov-2026", " 1 2 3"),
        ("SAVEDBEFORE 1-Nov-2026", ""), ("MODSEQ 7", " 3 (MODSEQ 7)"), ("EMAILID e1", ""),
        ("THREADID t1", ""), ("THREADID ta09825de1b8b5ee2", " 1 2"),
        ("NOT THREADID ta09825de1b8b5ee2", " 3"),
        ("THREADID ta09825de1b8b5ee2 SENTON 2-Nov-2026", " 1"),
    ]

    /// `indexed` is how many of them are in the index of texts.
    private static func prepare(_ site: IMAPSite, indexed: Int = 0) async throws {
        for (number, message) in [letter, reply, mixed].enumerated() {
            try await site.deliver(message, prefix: "Return-Path: <\(number)@return.example>\r\n")
            if number < indexed { try await site.index.catchUp() }
        }
        let client = try await site.logIn()
        _ = try await client.ask("SELECT INBOX")
        _ = try await client.ask(#"STORE 1 FLAGS (\Seen)"#)
        _ = try await client.ask(#"STORE 2 FLAGS (\Flagged \Answered)"#)
        _ = try await client.ask(#"STORE 3 FLAGS (\Deleted Own)"#)
        await client.close()
    }

    @Test(
        "Each key finds what it means, at first and once summaries are kept, however far the index is",
        arguments: [0, 1, 3])
    func keys(indexed: Int) throws {
        try IMAPSite.run { site in
            try await Self.prepare(site, indexed: indexed)
            let client = try await site.logIn()
            _ = try await client.ask("SELECT INBOX")
            for round in 1...2 {
                for (key, found) in Self.keys {
                    let answer = try await client.ask("SEARCH \(key)")
                    let heard = answer.first { $0.hasPrefix("* SEARCH") } ?? "\(answer)"
                    #expect(heard == "* SEARCH\(found)", "\(key), round \(round)")
                }
                _ = try await client.ask("FETCH 1:* (ENVELOPE)")
            }
        }
    }

    @Test("Where the index cannot be read, the messages are")
    func brokenIndex() throws {
        try IMAPSite.run { site in
            try await Self.prepare(site, indexed: 3)
            try await site.store.write { transaction in
                try transaction.execute("DROP TABLE search_message", [])
            }
            let client = try await site.logIn()
            _ = try await client.ask("SELECT INBOX")
            for (key, found) in [("TEXT anna", " 1 2 3"), ("BODY noon", " 1")] {
                let answer = try await client.ask("SEARCH \(key)")
                #expect(answer.first == "* SEARCH\(found)", "\(key): \(answer)")
            }
        }
    }

    @Test("ESEARCH, SEARCHRES and PARTIAL")
    func extended() throws {
        try play(
            chosen + """
                C: a SEARCH RETURN (MIN MAX COUNT ALL) SUBJECT lunch
                S: * ESEARCH (TAG "a") MIN 1 MAX 2 ALL 1:2 COUNT 2
                S: a OK done
                C: b UID SEARCH RETURN (PARTIAL -1:-2) ALL
                S: * ESEARCH (TAG "b") UID PARTIAL (-1:-2 2:3)
                S: b OK done
                C: c SEARCH RETURN (SAVE) SUBJECT lunch
                S: c OK done
                C: d FETCH $ UID
                S: * 1 FETCH (UID 1)
                S: * 2 FETCH (UID 2)
                S: d OK done
                C: e STORE 1 +FLAGS.SILENT (\\Deleted)
                S: e OK done
                C: f EXPUNGE
                S: * 1 EXPUNGE
                S: f OK done
                C: g UID FETCH $ FLAGS
                S: * 1 FETCH (UID 2 FLAGS ())
                S: g OK done
                C: ga SEARCH RETURN (SAVE) CHARSET x-none ALL EXTRA
                S: ga NO [BADCHARSET (UTF-8 US-ASCII)] …
                C: gb FETCH $ UID
                S: gb OK done
                C: gc SEARCH RETURN (SAVE) ALL
                S: gc OK done
                C: gd SEARCH CHARSET x-none ALL
                S: gd NO [BADCHARSET (UTF-8 US-ASCII)] …
                C: ge SEARCH RETURN (SAVE) NOTHING
                S: ge BAD …
                C: gf SEARCH RETURN (COUNT) $
                S: * ESEARCH (TAG "gf") COUNT 2
                S: gf OK done
                C: h SEARCH RETURN () NOT ALL
                S: * ESEARCH (TAG "h")
                S: h OK done
                C: i ENABLE IMAP4rev2
                S: * ENABLED IMAP4rev2
                S: i OK done
                C: j SEARCH ALL
                S: * ESEARCH (TAG "j") ALL 1:2
                S: j OK done
                C: k UID FETCH 1:* (FLAGS) (PARTIAL 1:1)
                S: * 1 FETCH (UID 2 FLAGS ())
                S: k OK done
                C: l SEARCH CHARSET x-none ALL
                S: l NO [BADCHARSET…] …
                """, messages: [letter, reply, mixed])
    }

    @Test("SORT orders by each criterion")
    func sort() throws {
        try play(
            chosen + """
                C: a SORT (DATE) UTF-8 ALL
                S: * SORT 3 1 2
                S: a OK done
                C: b SORT (REVERSE DATE) UTF-8 ALL
                S: * SORT 2 1 3
                S: b OK done
                C: c UID SORT (SUBJECT REVERSE SIZE) UTF-8 ALL
                S: * SORT 3 2 1
                S: c OK done
                C: d SORT (FROM) UTF-8 ALL
                S: * SORT 1 2 3
                S: d OK done
                C: e SORT (REVERSE SIZE) UTF-8 SUBJECT lunch
                S: * SORT 2 1
                S: e OK done
                C: f SORT (DISPLAYFROM) UTF-8 ALL
                S: * SORT 1 2 3
                S: f OK done
                C: g SORT (CC TO) UTF-8 ALL
                S: * SORT 3 1 2
                S: g OK done
                """, messages: [letter, reply, mixed])
    }

    @Test("THREAD finds what answers what")
    func thread() throws {
        try play(
            chosen + """
                C: a THREAD REFERENCES UTF-8 ALL
                S: * THREAD (3)(1 2)
                S: a OK done
                C: b UID THREAD ORDEREDSUBJECT UTF-8 SUBJECT lunch
                S: * THREAD (1 2)
                S: b OK done
                C: c THREAD REFERENCES UTF-8 NOT ALL
                S: * THREAD
                S: c OK done
                """, messages: [letter, reply, mixed])
    }
}

@Suite("Several sessions, IDLE, CONDSTORE, QRESYNC and UIDONLY")
struct IMAPNewsTests {
    @Test("COPY and MOVE of what another session removed are no success")
    func copyOfExpunged() throws {
        try play(
            """
            1C: a SELECT INBOX
            1U: a OK …
            2C: a SELECT INBOX
            2U: a OK …
            2C: b STORE 1 +FLAGS.SILENT (\\Deleted)
            2S: b OK done
            2C: c EXPUNGE
            2S: * 1 EXPUNGE
            2S: c OK done
            1C: b COPY 1 Sent
            1S: * 1 EXPUNGE
            1S: b NO [EXPUNGEISSUED] the messages are gone
            2C: d STORE 1 +FLAGS.SILENT (\\Deleted)
            2S: d OK done
            2C: e EXPUNGE
            2S: * 1 EXPUNGE
            2S: e OK done
            1C: c UID COPY 2 Sent
            1S: * 1 EXPUNGE
            1S: c OK done
            1C: d UID MOVE 2 Sent
            1S: d OK done
            """, messages: [letter, reply])
    }

    @Test("IDLE is told of deliveries and of other sessions at once")
    func idle() throws {
        try play(
            """
            1C: a SELECT INBOX
            1U: a OK …
            2C: a SELECT INBOX
            2U: a OK …
            1C: b IDLE
            1S: + idling
            D: one
            1S: * 1 EXISTS
            1S: * 1 RECENT
            2C: c NOOP
            2S: * 1 EXISTS
            2S: * 0 RECENT
            2S: c OK done
            2C: d STORE 1 +FLAGS (\\Deleted)
            2S: * 1 FETCH (FLAGS (\\Deleted))
            2S: d OK done
            1S: * 1 FETCH (FLAGS (\\Recent \\Deleted))
            2C: e EXPUNGE
            2S: * 1 EXPUNGE
            2S: e OK done
            1S: * 1 EXPUNGE
            1S: * 0 RECENT
            1C: DONE
            1S: b OK done
            """)
    }

    @Test("EXPUNGE waits while numbers are talked about")
    func expungeWaits() throws {
        try play(
            """
            1C: a SELECT INBOX
            1U: a OK …
            2C: a SELECT INBOX
            2U: a OK …
            2C: b STORE 1 +FLAGS.SILENT (\\Deleted)
            2S: b OK done
            2C: c EXPUNGE
            2S: * 1 EXPUNGE
            2S: c OK done
            1C: b FETCH 1:3 UID
            1S: * 2 FETCH (UID 2)
            1S: * 3 FETCH (UID 3)
            1S: b OK [EXPUNGEISSUED] some messages are gone
            1C: c STORE 2 +FLAGS (\\Seen)
            1S: * 2 FETCH (FLAGS (\\Seen))
            1S: c OK [EXPUNGEISSUED] some messages are gone
            1C: d SEARCH UID 2
            1S: * SEARCH 2
            1S: d OK [EXPUNGEISSUED] some messages are gone
            1C: e NOOP
            1S: * 1 EXPUNGE
            1S: e OK done
            1C: f SEARCH UID 2
            1S: * SEARCH 1
            1S: f OK done
            """, messages: [letter, reply, mixed])
    }

    @Test("CHANGEDSINCE and QRESYNC bring a client up to date")
    func resynchronize() throws {
        try play(
            """
            1C: a ENABLE QRESYNC
            1S: * ENABLED QRESYNC
            1S: a OK done
            1C: b SELECT INBOX
            1U: b OK …
            1C: c UNSELECT
            1S: c OK done
            2C: a SELECT INBOX
            2U: a OK …
            2C: b STORE 1,3 +FLAGS.SILENT (\\Deleted)
            2S: b OK done
            2C: c UID EXPUNGE 1
            2S: * 1 EXPUNGE
            2S: c OK done
            D: new
            1C: d SELECT INBOX (QRESYNC (1793534400 4 1:3))
            1U: * OK [MAILBOXID …
            1S: * VANISHED (EARLIER) 1
            1S: * 2 FETCH (UID 3 FLAGS (\\Deleted) MODSEQ (5))
            1S: d OK [READ-WRITE] the mailbox is open
            1C: e UNSELECT
            1S: e OK done
            1C: f SELECT INBOX (QRESYNC (1793534400 4))
            1U: * OK [MAILBOXID …
            1S: * VANISHED (EARLIER) 1
            1S: * 2 FETCH (UID 3 FLAGS (\\Deleted) MODSEQ (5))
            1S: * 3 FETCH (UID 4 FLAGS () MODSEQ (7))
            1S: f OK [READ-WRITE] the mailbox is open
            1C: g UID FETCH 1:* (FLAGS) (CHANGEDSINCE 4 VANISHED)
            1S: * VANISHED (EARLIER) 1
            1S: * 2 FETCH (UID 3 FLAGS (\\Deleted) MODSEQ (5))
            1S: * 3 FETCH (UID 4 FLAGS () MODSEQ (7))
            1S: g OK done
            1C: h EXPUNGE
            1S: * VANISHED 3
            1S: h OK [HIGHESTMODSEQ 8] done
            1C: i SELECT INBOX (QRESYNC (5 4))
            1S: * OK [CLOSED] …
            1U: i OK [READ-WRITE] the mailbox is open
            2C: d NOOP
            2S: * 2 EXPUNGE
            2S: * 2 EXISTS
            2S: * 0 RECENT
            2S: d OK done
            """, messages: [letter, reply, mixed])
    }

    @Test("MOVE and REPLACE tell up to where the client knows everything, as EXPUNGE does")
    func highestAfterRemoval() throws {
        try play(
            """
            C: a ENABLE QRESYNC
            S: * ENABLED QRESYNC
            S: a OK done
            C: b SELECT INBOX
            U: b OK …
            C: c UID MOVE 9 Sent
            S: c OK done
            C: d MOVE 1 Sent
            S: * OK [COPYUID … 1 1] moved
            S: * VANISHED 1
            S: d OK [HIGHESTMODSEQ 6] done
            C: e REPLACE 1 INBOX {3+}
            C: new
            S: * OK [APPENDUID … 4] the new one is there
            S: * VANISHED 2
            S: * 2 EXISTS
            S: * 1 RECENT
            S: e OK [HIGHESTMODSEQ 8] done
            C: f STATUS INBOX (HIGHESTMODSEQ)
            S: * STATUS INBOX (HIGHESTMODSEQ 8)
            S: f OK done
            """, messages: [letter, reply, mixed])
    }

    @Test("A search for MODSEQ tells that of the messages it returns")
    func returnedModificationSequences() throws {
        try play(
            chosen + """
                C: a STORE 2 +FLAGS.SILENT (\\Seen)
                S: a OK done
                C: b SEARCH RETURN (MIN) MODSEQ 1
                S: * OK [HIGHESTMODSEQ …
                S: * ESEARCH (TAG "b") MIN 1 MODSEQ 2
                S: b OK done
                C: c SEARCH RETURN (MAX SAVE) MODSEQ 1
                S: * ESEARCH (TAG "c") MAX 3 MODSEQ 4
                S: c OK done
                C: d SEARCH RETURN (MIN MAX) MODSEQ 1
                S: * ESEARCH (TAG "d") MIN 1 MAX 3 MODSEQ 4
                S: d OK done
                C: e SEARCH RETURN (MIN COUNT) MODSEQ 1
                S: * ESEARCH (TAG "e") MIN 1 COUNT 3 MODSEQ 5
                S: e OK done
                C: f SEARCH RETURN (MAX) MODSEQ 9
                S: * ESEARCH (TAG "f")
                S: f OK done
                """, messages: [letter, reply, mixed])
    }

    @Test("While EXPUNGE waits, a client that resynchronizes is told how far it knows everything")
    func highestWhileWaiting() throws {
        try play(
            """
            1C: a ENABLE QRESYNC
            1S: * ENABLED QRESYNC
            1S: a OK done
            1C: b SELECT INBOX
            1U: b OK …
            2C: a SELECT INBOX
            2U: a OK …
            2C: b STORE 1 +FLAGS.SILENT (\\Deleted)
            2S: b OK done
            2C: c EXPUNGE
            2S: * 1 EXPUNGE
            2S: c OK done
            1C: c STORE 2 +FLAGS.SILENT (\\Seen)
            1S: * 2 FETCH (UID 2 MODSEQ (6))
            1S: * OK [HIGHESTMODSEQ 3] not all is told yet
            1S: c OK [EXPUNGEISSUED] some messages are gone
            1C: d FETCH 2 BODY[TEXT]
            1S: * 2 FETCH (BODY[TEXT] {15}
            1S: Fine with me.
            1S: )
            1S: * OK [HIGHESTMODSEQ 3] not all is told yet
            1S: d OK [EXPUNGEISSUED] some messages are gone
            1C: e NOOP
            1S: * VANISHED 1
            1S: * OK [HIGHESTMODSEQ 6] all is told
            1S: e OK done
            2C: d STORE 1 -FLAGS.SILENT (\\Seen)
            2S: * 1 FETCH (FLAGS ())
            2S: d OK done
            1C: f FETCH 1 BODY[TEXT]
            1S: * 1 FETCH (BODY[TEXT] {15}
            1S: Fine with me.
            1S:  UID 2 MODSEQ (8) FLAGS (\\Seen))
            1S: f OK done
            """, messages: [letter, reply])
    }

    @Test("With UIDONLY there are no sequence numbers")
    func uidOnly() throws {
        try play(
            """
            1C: a ENABLE UIDONLY
            1S: * ENABLED UIDONLY
            1S: a OK done
            1C: b SELECT INBOX
            1U: b OK …
            1C: c FETCH 1 FLAGS
            1S: c BAD [UIDREQUIRED] …
            1C: d UID FETCH 2 (FLAGS)
            1S: * 2 UIDFETCH (FLAGS ())
            1S: d OK done
            1C: da UID FETCH 2 (FLAGS UID)
            1S: * 2 UIDFETCH (FLAGS () UID 2)
            1S: da OK done
            1C: e UID STORE 1 +FLAGS (\\Deleted)
            1S: * 1 UIDFETCH (FLAGS (\\Deleted))
            1S: e OK done
            2C: a SELECT INBOX
            2U: a OK …
            2C: b STORE 2 +FLAGS.SILENT (\\Seen)
            2S: b OK done
            1C: f EXPUNGE
            1S: * VANISHED 1
            1S: * 2 UIDFETCH (FLAGS (\\Seen))
            1S: f OK done
            1C: g UID SEARCH ALL
            1S: * SEARCH 2 3
            1S: g OK done
            2C: c NOOP
            2S: * 1 EXPUNGE
            2S: c OK done
            """, messages: [letter, reply, mixed])
    }

    @Test("Who has a mailbox open that another session deletes is told to leave")
    func deletedByOthers() throws {
        try play(
            """
            1C: a CREATE Brief
            1S: a OK …
            1C: b SELECT Brief
            1U: b OK …
            2C: a DELETE Brief
            2S: a OK done
            1C: c NOOP
            1S: * BYE the mailbox has been deleted
            1S: (end)
            """)
    }
}
