// SPDX-License-Identifier: Apache-2.0

import Testing

private let letters = (1...5).map { "Subject: \($0)\r\n\r\nbody\r\n" }

@Suite("RFC 9738 MESSAGELIMIT")
struct IMAPMessageLimitTests {
    @Test("The limit is told behind the login only")
    func capability() throws {
        try IMAPSite.run(messageLimit: 3) { site in
            let client = try await site.connect()
            #expect(!(try await client.ask("CAPABILITY")).joined().contains("MESSAGELIMIT"))
            let known = try await site.logIn()
            #expect(try await known.ask("CAPABILITY").joined().contains(" MESSAGELIMIT=3"))
        }
    }

    @Test("FETCH of more tells of the newest, and where to go on")
    func fetch() throws {
        try play(
            """
            C: a SELECT INBOX
            U: a OK …
            C: b FETCH 1:* (UID)
            S: * 3 FETCH (UID 3)
            S: * 4 FETCH (UID 4)
            S: * 5 FETCH (UID 5)
            S: b OK [MESSAGELIMIT 3 3] …
            C: c UID FETCH 1:2 (UID)
            S: * 1 FETCH (UID 1)
            S: * 2 FETCH (UID 2)
            S: c OK done
            C: d UID FETCH 1,3:4 (UID)
            S: * 1 FETCH (UID 1)
            S: * 3 FETCH (UID 3)
            S: * 4 FETCH (UID 4)
            S: d OK done
            """, messages: letters, messageLimit: 3)
    }

    @Test("SEARCH, also with RETURN and SAVE, finds the newest; UIDBEFORE finds the others")
    func search() throws {
        try play(
            """
            C: a SELECT INBOX
            U: a OK …
            C: b SEARCH ALL
            S: * SEARCH 3 4 5
            S: b OK [MESSAGELIMIT 3 3] …
            C: c UID SEARCH RETURN (ALL COUNT) UIDBEFORE 3
            S: * ESEARCH (TAG "c") UID ALL 1:2 COUNT 2
            S: c OK done
            C: d SEARCH RETURN (SAVE) ALL
            S: d OK [MESSAGELIMIT 3 3] …
            C: e FETCH $ (UID)
            S: * 3 FETCH (UID 3)
            S: * 4 FETCH (UID 4)
            S: * 5 FETCH (UID 5)
            S: e OK done
            C: f SORT (REVERSE ARRIVAL) UTF-8 UIDAFTER 4
            S: * SORT 5
            S: f OK done
            C: g SEARCH OR UIDAFTER 4294967295 UIDBEFORE 1
            S: * SEARCH
            S: g OK done
            C: h SEARCH UIDBEFORE 0
            S: h BAD …
            """, messages: letters, messageLimit: 3)
    }

    @Test("STORE and UID EXPUNGE treat the newest, EXPUNGE all")
    func store() throws {
        try play(
            """
            C: a SELECT INBOX
            U: a OK …
            C: b STORE 1:5 +FLAGS.SILENT (\\Deleted)
            S: b OK [MESSAGELIMIT 3 3] …
            C: c UID STORE 1:5 (UNCHANGEDSINCE 2) +FLAGS.SILENT (\\Deleted)
            U: * OK [MESSAGELIMIT 3 3] …
            U: c OK [MODIFIED 3:5] …
            C: d UID STORE 1:2 +FLAGS.SILENT (\\Deleted)
            U: d OK …
            C: e UID EXPUNGE 2:*
            S: * 5 EXPUNGE
            S: * 4 EXPUNGE
            S: * 3 EXPUNGE
            S: e OK [MESSAGELIMIT 3 3] …
            C: f EXPUNGE
            U: f OK …
            C: g STATUS INBOX (MESSAGES)
            S: * STATUS INBOX (MESSAGES 0)
            S: g OK done
            """, messages: letters, messageLimit: 3)
    }

    @Test("MULTIAPPEND holds 64 MiB in memory at most, and keeps none of more")
    func held() throws {
        try IMAPSite.run { site in
            let client = try await site.logIn()
            let message = "Subject: large\r\n\r\n" + String(repeating: "x", count: 1_000_000)
            let announcement = " {\(message.utf8.count)}\r\n"
            client.write("a APPEND Archive" + announcement)
            var messages = 0
            while try await client.line().hasPrefix("+") {
                messages += 1
                client.write(message + announcement)
            }
            #expect(messages == 68)
            #expect(
                try await client.ask("APPEND Archive {1+}\r\nx").last?.contains(" OK ") == true)
            #expect(
                try await client.ask("STATUS Archive (MESSAGES)").first
                    == "* STATUS Archive (MESSAGES 1)")
        }
    }

    @Test("COPY, MOVE and MULTIAPPEND of more do nothing")
    func copy() throws {
        try play(
            """
            C: a SELECT INBOX
            U: a OK …
            C: b COPY 1:4 Archive
            S: b NO [MESSAGELIMIT 3] …
            C: c UID MOVE 1:* Archive
            S: c NO [MESSAGELIMIT 3] …
            C: d APPEND Archive {1+}
            C: 1 {1+}
            C: 2 {1+}
            C: 3 {1+}
            C: 4
            S: d NO [MESSAGELIMIT 3] …
            C: e STATUS Archive (MESSAGES)
            S: * STATUS Archive (MESSAGES 0)
            S: e OK done
            C: f COPY 3:5 Archive
            S: f OK [COPYUID …
            C: g APPEND Archive {1+}
            C: 1 {1+}
            C: 2 {1+}
            C: 3
            S: g OK [APPENDUID …
            C: h STATUS Archive (MESSAGES)
            S: * STATUS Archive (MESSAGES 6)
            S: h OK done
            """, messages: letters, messageLimit: 3)
    }
}
