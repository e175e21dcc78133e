// SPDX-License-Identifier: Apache-2.0

import Bytes
import Compression
import MessageStore
import Storage
import Testing
import World

private let flags =
    #"\Seen \Answered \Flagged \Deleted \Draft $Forwarded $MDNSent $Junk $NotJunk $Phishing"#
    + " $Important"

private func letter(_ subject: String) -> String { "Subject: \(subject)\r\n\r\nbody\r\n" }

@Suite("RFC 3501 §6.3.1 UNSEEN and RECENT")
struct IMAPRecentTests {
    @Test("A message is recent in the one session that was told of it first")
    func recent() throws {
        try play(
            """
            1C: a EXAMINE INBOX
            1S: * 2 EXISTS
            1S: * 2 RECENT
            1S: * OK [UNSEEN 1] the first that is unseen
            1U: a OK …
            1C: b SELECT INBOX
            1S: * OK [CLOSED] …
            1S: * 2 EXISTS
            1S: * 2 RECENT
            1U: b OK …
            1C: c FETCH 1:2 FLAGS
            1S: * 1 FETCH (FLAGS (\\Recent))
            1S: * 2 FETCH (FLAGS (\\Recent))
            1S: c OK done
            1C: d STORE 1 FLAGS (\\Seen)
            1S: * 1 FETCH (FLAGS (\\Recent \\Seen))
            1S: d OK done
            1C: e SEARCH NEW
            1S: * SEARCH 2
            1S: e OK done
            1C: f SEARCH OLD
            1S: * SEARCH
            1S: f OK done
            2C: a SELECT INBOX
            2S: * 2 EXISTS
            2S: * 0 RECENT
            2S: * OK [UNSEEN 2] the first that is unseen
            2U: a OK …
            2C: b FETCH 2 FLAGS
            2S: * 2 FETCH (FLAGS ())
            2S: b OK done
            D: third
            2C: c NOOP
            2S: * 3 EXISTS
            2S: * 1 RECENT
            2S: c OK done
            1C: g NOOP
            1S: * 3 EXISTS
            1S: * 2 RECENT
            1S: g OK done
            2C: d SEARCH RECENT
            2S: * SEARCH 3
            2S: d OK done
            D: fourth
            1C: h STATUS INBOX (RECENT MESSAGES)
            1S: * STATUS INBOX (RECENT 1 MESSAGES 4)
            1S: * 4 EXISTS
            1S: * 3 RECENT
            1S: h OK done
            1C: i STORE 2 +FLAGS.SILENT (\\Deleted)
            1S: i OK done
            1C: j EXPUNGE
            1S: * 2 EXPUNGE
            1S: * 2 RECENT
            1S: j OK done
            1C: k SEARCH RECENT
            1S: * SEARCH 1 3
            1S: k OK done
            """, messages: [letter("one"), letter("two")], isRecent: true)
    }

    @Test("A client that knows IMAP4rev2 hears of neither, and takes nothing from others")
    func revision2() throws {
        try play(
            """
            1C: a ENABLE IMAP4rev2
            1S: * ENABLED IMAP4rev2
            1S: a OK done
            1C: b SELECT INBOX
            1S: * 1 EXISTS
            1S: * FLAGS (\(flags))
            1U: b OK …
            1C: c FETCH 1 FLAGS
            1S: * 1 FETCH (FLAGS ())
            1S: c OK done
            2C: a SELECT INBOX
            2S: * 1 EXISTS
            2S: * 1 RECENT
            2U: a OK …
            """, messages: [letter("one")], isRecent: true)
    }

    @Test("What is recent is kept when a session leaves, and UNSEEN follows every change")
    func unseen() throws {
        try IMAPSite.run { site in
            for number in 1...20 { try await site.deliver(letter("\(number)")) }
            let client = try await site.logIn()
            func unseen() async throws -> String? {
                let answer = try await client.ask("SELECT INBOX")
                return answer.first { $0.contains("[UNSEEN ") }?.split(separator: " ")[3]
                    .replacing("]", with: "").description
            }
            #expect(try await unseen() == "1")
            _ = try await client.ask(#"STORE 1:10 +FLAGS.SILENT (\Seen)"#)
            #expect(try await unseen() == "11")
            _ = try await client.ask(#"STORE 11:12 +FLAGS.SILENT (\Seen)"#)
            #expect(try await unseen() == "13")
            _ = try await client.ask(#"STORE 5 -FLAGS.SILENT (\Seen)"#)
            #expect(try await unseen() == "5")
            _ = try await client.ask(#"STORE 1:5 +FLAGS.SILENT (\Seen \Deleted)"#)
            _ = try await client.ask("EXPUNGE")
            #expect(try await unseen() == "8")
            _ = try await client.ask(#"STORE 1:* +FLAGS.SILENT (\Seen)"#)
            #expect(try await unseen() == nil)
            try await site.deliver(letter("new"))
            #expect(try await unseen() == "16")
            _ = try await client.ask("UNSELECT")
            let stored = try await site.store.read { transaction in
                try transaction.first("SELECT recent_uid FROM mailbox WHERE name = 'INBOX'", []) {
                    $0.integer(0)
                }
            }
            #expect(stored == 22)
        }
    }
}

@Suite("RFC 4978 COMPRESS")
struct IMAPCompressionTests {
    @Test("Both ways are compressed from the answer on, once")
    func once() throws {
        try play(
            """
            C: a COMPRESS DEFLATE
            S: a OK DEFLATE begins
            Z:
            C: b COMPRESS DEFLATE
            S: b NO [COMPRESSIONACTIVE] compression is on already
            C: c STATUS INBOX (MESSAGES)
            S: * STATUS INBOX (MESSAGES 1)
            S: c OK done
            C: d SELECT INBOX
            U: d OK …
            C: e IDLE
            S: + idling
            D: new
            S: * 2 EXISTS
            S: * 1 RECENT
            C: DONE
            S: e OK done
            C: f LOGOUT
            S: * BYE logging out
            S: f OK done
            S: (end)
            """, messages: [letter("one")])
    }

    @Test("What came with the command cannot be compressed, so nothing is")
    func pipelined() throws {
        try play(
            """
            C> a COMPRESS DEFLATE\r\nb NOOP\r\n
            S: a BAD nothing may follow COMPRESS before its answer
            S: b OK done
            C: c COMPRESS LZ
            S: c BAD …
            C: d COMPRESS DEFLATE
            S: d OK DEFLATE begins
            Z:
            C: e NOOP
            S: e OK done
            """)
    }

    @Test("A long listing is a fraction of its size, and goes on after a silence")
    func size() throws {
        try IMAPSite.run { site in
            for number in 1...200 { try await site.deliver(letter("number \(number)")) }
            let client = try await site.logIn()
            _ = try await client.ask("COMPRESS DEFLATE")
            client.compress()
            _ = try await client.ask("SELECT INBOX")
            let before = client.octets.received
            let answer = try await client.ask("FETCH 1:* (UID FLAGS ENVELOPE)")
            #expect(answer.count == 201)
            let plain = answer.reduce(0) { $0 + $1.utf8.count + 2 }
            #expect((client.octets.received - before) * 5 < plain)
            // Both sides have put everything down meanwhile.
            try await site.simulation.sleep(for: .minutes(5))
            #expect(try await client.ask("FETCH 7 UID").first == "* 7 FETCH (UID 7)")
            try await site.simulation.sleep(for: .minutes(5))
            #expect(try await client.ask("FETCH 8 UID").first == "* 8 FETCH (UID 8)")
        }
    }

    @Test("A bomb is bounded as any other line is, and what is no DEFLATE ends the connection")
    func hostile() throws {
        try IMAPSite.run { site in
            let bomber = try await site.logIn()
            _ = try await bomber.ask("COMPRESS DEFLATE")
            bomber.compress()
            bomber.write("x " + String(repeating: "a", count: 100 << 20))
            #expect(bomber.octets.sent < 1 << 20)
            let last = try await bomber.line()
            #expect(last == "* BYE [TOOBIG] a line without end")
            let liar = try await site.logIn()
            _ = try await liar.ask("COMPRESS DEFLATE")
            liar.compress()
            liar.write(plain: Array("b NOOP\r\n".utf8))
            await #expect(throws: (any Error).self) { _ = try await liar.line() }
        }
    }
}

@Suite("RFC 9051 §4.3: strings without NUL")
struct IMAPNullTests {
    @Test("A message with NUL is read to its end, and kept only as a literal8")
    func append() throws {
        try play(
            """
            C: a APPEND INBOX {6+}
            C: a\0bc
            C:
            S: a BAD a message with NUL comes as ~{octets}
            C: b APPEND INBOX {6}
            S: + send the message
            C: \0abc
            C:
            S: b BAD a message with NUL comes as ~{octets}
            C: c APPEND INBOX ~{6+}
            C: a\0bc
            C:
            S: c OK [APPENDUID … 1] done
            C: d APPEND INBOX {5+}
            C: abc
            C:  {5+}
            C: a\0c
            C:
            S: d BAD a message with NUL comes as ~{octets}
            C: e APPEND INBOX {5+}
            C: a\0c
            C:  {5+}
            S: e BAD a message with NUL comes as ~{octets}
            C: abc
            C:
            C: f STATUS INBOX (MESSAGES)
            S: * STATUS INBOX (MESSAGES 1)
            S: f OK done
            C: g SELECT INBOX
            U: g OK …
            C: h FETCH 1 (BODY.PEEK[] BODY.PEEK[]<1.1>)
            S: * 1 FETCH (BODY[] {6}
            S: a\u{FFFD}bc
            S:  BODY[]<1> {1}
            S: \u{FFFD})
            S: h OK done
            """)
    }

    @Test("Parts with NUL that come as a literal8 are encoded, as BODYSTRUCTURE says")
    func binaryParts() throws {
        try play(
            """
            C: a APPEND INBOX (\\Seen) ~{84+}
            C: MIME-Version: 1.0
            C: Content-Type: image/x
            C: Content-Transfer-Encoding: binary
            C:
            C: a\0b
            C:
            S: a OK [APPENDUID … 1] done
            C: b SELECT INBOX
            U: b OK …
            C: c FETCH 1 (BODYSTRUCTURE BINARY.SIZE[1] BODY.PEEK[TEXT])
            S: * 1 FETCH (BODYSTRUCTURE ("image" "x" NIL NIL NIL "base64" 8 NIL NIL NIL NIL) BINARY.SIZE[1] 5 BODY[TEXT] {8}
            S: YQBiDQo=)
            S: c OK done
            """)
    }
}

@Suite("RFC 8508 REPLACE")
struct IMAPReplaceTests {
    @Test("A message takes the place of another one, here or in another mailbox")
    func replace() throws {
        try play(
            """
            1C: a SELECT INBOX
            1U: a OK …
            2C: a SELECT INBOX
            2U: a OK …
            1C: b REPLACE 1 INBOX (\\Draft) {5+}
            1C: one
            1C:
            1S: * OK [APPENDUID … 3] the new one is there
            1S: * 1 EXPUNGE
            1S: * 2 EXISTS
            1S: * 1 RECENT
            1S: b OK done
            1C: c FETCH 2 (UID FLAGS BODY.PEEK[])
            1S: * 2 FETCH (UID 3 FLAGS (\\Recent \\Draft) BODY[] {5}
            1S: one
            1S: )
            1S: c OK done
            1C: d UID REPLACE 3 Sent {5}
            1S: + send the message
            1C: two
            1C:
            1S: * OK [APPENDUID … 1] the new one is there
            1S: * 2 EXPUNGE
            1S: * 0 RECENT
            1S: d OK done
            1C: e STATUS Sent (MESSAGES SIZE)
            1S: * STATUS Sent (MESSAGES 1 SIZE 5)
            1S: e OK done
            2C: b NOOP
            2S: * 1 EXPUNGE
            2S: b OK done
            1C: f REPLACE * Sent {5+}
            1C: six
            1C:
            1S: * OK [APPENDUID … 2] the new one is there
            1S: * 1 EXPUNGE
            1S: f OK done
            """, messages: [letter("one"), letter("two")])
    }

    @Test("Without both messages nothing happens")
    func refusals() throws {
        try play(
            """
            1C: a REPLACE 1 INBOX {5}
            1S: a BAD select a mailbox first
            1C: b EXAMINE INBOX
            1U: b OK …
            1C: c REPLACE 1 INBOX {5}
            1S: c NO [CANNOT] the mailbox is open read-only
            1C: d SELECT INBOX
            1U: d OK …
            1C: e REPLACE 3 INBOX {5}
            1S: e BAD there are only 2 messages
            1C: f UID REPLACE 9 INBOX {5}
            1S: f NO [NONEXISTENT] there is no such message any more
            1C: g REPLACE 1 Nowhere {5}
            1S: g NO [TRYCREATE] there is no such mailbox
            1C: h REPLACE 1 INBOX {5}
            1S: + send the message
            2C: a SELECT INBOX
            2U: a OK …
            2C: b STORE 1 +FLAGS.SILENT (\\Deleted)
            2S: b OK done
            2C: c CLOSE
            2S: c OK done
            1C: one
            1C:
            1S: * 1 EXPUNGE
            1S: h NO [NONEXISTENT] there is no such message any more
            1C: i STATUS INBOX (MESSAGES)
            1S: * STATUS INBOX (MESSAGES 1)
            1S: i OK done
            1C: j REPLACE 1 INBOX {5+}
            1C: abc
            1C:  {5+}
            1S: j BAD …
            1C: def
            1C:
            1C: k NOOP
            1S: k OK done
            """, messages: [letter("one"), letter("two")])
    }
}

@Suite("RFC 5464 METADATA, RFC 9590 LIST-METADATA")
struct IMAPMetadataTests {
    @Test("Annotations are set, found by depth and size, and removed")
    func life() throws {
        try play(
            """
            C: a SETMETADATA INBOX (/private/comment "My own" /shared/comment {5+}
            C: to us)
            S: a OK done
            C: b GETMETADATA INBOX (/shared/comment /private/comment)
            S: * METADATA INBOX (/shared/comment "to us" /private/comment "My own")
            S: b OK done
            C: c GETMETADATA INBOX /private/nothing
            S: * METADATA INBOX (/private/nothing NIL)
            S: c OK done
            C: d GETMETADATA (MAXSIZE 5) INBOX (/shared/comment /private/comment)
            S: * METADATA INBOX (/shared/comment "to us")
            S: d OK [METADATA LONGENTRIES 6] done
            C: e SETMETADATA INBOX (/private/vendor/x/a "1" /private/vendor/x/a/b "2" /PRIVATE/Vendor/X/C {1+}
            C: 3)
            S: e OK done
            C: f GETMETADATA (DEPTH 1) INBOX /private/vendor/x
            S: * METADATA INBOX (/private/vendor/x/a "1" /private/vendor/x/c "3")
            S: f OK done
            C: g GETMETADATA INBOX (DEPTH infinity) (/private/vendor/x)
            S: * METADATA INBOX (/private/vendor/x/a "1" /private/vendor/x/a/b "2" /private/vendor/x/c "3")
            S: g OK done
            C: h GETMETADATA (DEPTH infinity) INBOX /shared/vendor
            S: h OK done
            C: ha STATUS INBOX (HIGHESTMODSEQ)
            S: * STATUS INBOX (HIGHESTMODSEQ 3)
            S: ha OK done
            C: i SETMETADATA INBOX (/private/vendor/x/a NIL)
            S: i OK done
            C: j GETMETADATA (DEPTH 1) INBOX /private/vendor/x
            S: * METADATA INBOX (/private/vendor/x/c "3")
            S: j OK done
            C: k SETMETADATA INBOX (/private/comment ~{3+}
            C> a\u{0}b)\r\n
            S: k OK done
            C: l GETMETADATA INBOX /private/comment
            S: * METADATA INBOX (/private/comment ~{3}
            S: a\u{0}b)
            S: l OK done
            """)
    }

    @Test("They follow their mailbox, and end with it")
    func mailboxes() throws {
        try play(
            """
            C: a SETMETADATA Sent (/shared/comment "mine")
            S: a OK done
            C: b RENAME Sent Letters
            S: b OK done
            C: c LIST "" L% RETURN (METADATA (/shared/comment /private/specialuse))
            S: * LIST (\\HasNoChildren) "/" Letters
            S: * METADATA Letters (/shared/comment "mine" /private/specialuse "\\\\Sent")
            S: c OK done
            C: d DELETE Letters
            S: d OK done
            C: e CREATE Letters
            S: e OK …
            C: f GETMETADATA Letters /shared/comment
            S: * METADATA Letters (/shared/comment NIL)
            S: f OK done
            C: g SETMETADATA INBOX (/private/comment "stays")
            S: g OK done
            C: h RENAME INBOX Old
            S: h OK done
            C: i GETMETADATA Old /private/comment
            S: * METADATA Old (/private/comment "stays")
            S: i OK done
            C: j GETMETADATA INBOX /private/comment
            S: * METADATA INBOX (/private/comment "stays")
            S: j OK done
            """)
    }

    @Test("The server has annotations, too, and there are limits")
    func limits() throws {
        try play(
            """
            C: a SETMETADATA "" (/private/comment "hello")
            S: a OK done
            C: b GETMETADATA "" (/private/comment /shared/admin)
            S: * METADATA "" (/private/comment "hello" /shared/admin NIL)
            S: b OK done
            C: c SETMETADATA "" (/private/comment "no" /shared/comment "no")
            S: c NO [NOPERM] …
            C: d SETMETADATA Nowhere (/private/comment "no")
            S: d NO [NONEXISTENT] there is no such mailbox
            C: e GETMETADATA Nowhere /private/comment
            S: e NO [NONEXISTENT] there is no such mailbox
            C: f SETMETADATA INBOX (/comment "no")
            S: f BAD …
            C: g SETMETADATA INBOX (/private/a "yes" /private/specialuse "\\\\Junk")
            S: g NO [CANNOT] …
            C: h SETMETADATA INBOX (/private "no")
            S: h BAD …
            C: i GETMETADATA (DEPTH infinity) "" /private
            S: * METADATA "" (/private/comment "hello")
            S: i OK done
            """)
    }

    @Test("Too many and too large are refused, and nothing of the command is kept")
    func tooMany() throws {
        try IMAPSite.run { site in
            let client = try await site.logIn()
            for start in stride(from: 0, to: Mailboxes.annotationLimit, by: 50) {
                let entries = (start..<start + 50).map { "/private/e\($0) \"x\"" }
                let answer = try await client.ask(
                    "SETMETADATA INBOX (\(entries.joined(separator: " ")))")
                #expect(answer.last?.contains(" OK ") == true)
            }
            let refused = try await client.ask(
                #"SETMETADATA INBOX (/private/e0 "y" /private/more "y")"#)
            #expect(refused.last?.contains(" NO [METADATA TOOMANY] ") == true)
            let kept = try await client.ask("GETMETADATA INBOX /private/e0")
            #expect(kept.first == #"* METADATA INBOX (/private/e0 "x")"#)
            let other = try await client.ask(
                #"SETMETADATA INBOX (/private/e0 NIL /private/more "y")"#)
            #expect(other.last?.contains(" OK ") == true)
            let size = Mailboxes.annotationLimitOctets + 1
            let large = try await client.ask(
                "SETMETADATA INBOX (/private/e1 {\(size)+}\r\n"
                    + String(repeating: "x", count: size) + ")")
            #expect(large.last?.contains(" NO [METADATA MAXSIZE \(size - 1)] ") == true)
        }
    }
}

@Suite("RFC 9585 INPROGRESS")
struct IMAPProgressTests {
    @Test("What takes long says that it is going on, and how far it is if that can be told")
    func progress() throws {
        try IMAPSite.run { site in
            for number in 1...1200 { try await site.deliver(letter("number \(number)")) }
            let client = try await site.logIn()
            _ = try await client.ask("SELECT INBOX")
            site.disk.setFaults(before: { try? await site.simulation.sleep(for: .seconds(12)) })
            client.write("s SEARCH SENTSINCE 1-Jan-2020\r\n")
            #expect(
                try await client.line()
                    == #"* OK [INPROGRESS ("s" 500 1200)] 500 of 1200 messages"#)
            var lines: [String] = []
            while lines.last?.hasPrefix("s ") != true { lines.append(try await client.line()) }
            #expect(lines.last == "s OK done")
            #expect(lines.contains { $0.hasPrefix("* SEARCH 1 2 3 ") })
            site.disk.setFaults(before: { try? await site.simulation.sleep(for: .seconds(25)) })
            client.write("c COPY 1:* Archive\r\n")
            for _ in 1...2 {
                #expect(try await client.line() == #"* OK [INPROGRESS ("c" NIL NIL)] still at it"#)
            }
            #expect(try await client.line().hasPrefix("c OK [COPYUID "))
            // A short one says nothing.
            client.write("d COPY 1 Archive\r\n")
            #expect(try await client.line().hasPrefix("d OK [COPYUID "))
        }
    }
}
