// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("The same IMAP commands to Dovecot and here", .serialized, .built)
struct IMAPComparisonTests {
    @Test(
        "Both answer the same, but for what either may choose",
        .installed("dovecot", "python3"), .asRoot)
    func commands() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            let dovecot = try await Dovecot(
                stage, address: stage.address(), people: ["bob"], domain: "dove.test")
            let work = Work(messages: Self.messages, commands: Self.commands)
            let file = stage.path("work.json")
            try JSONEncoder().encode(work).write(to: URL(fileURLWithPath: file))
            let program = try stage.write(Self.program, to: "compare.py")
            let done = try await stage.run(
                "/usr/bin/python3",
                [
                    program, file, host.address, "\(Postreiter.Port.imap)", host.account,
                    host.password, dovecot.address, "\(Dovecot.imapPort)", "bob@dove.test",
                    Dovecot.password,
                ], within: .seconds(120))
            #expect(done.status == 0, "\(done.output)\n\(host.log)\n\(dovecot.log)")
            #expect(done.output == "\(Self.commands.count) commands\n", "\(dovecot.log)")
        }
    }

    private struct Work: Encodable {
        var messages: [String]
        var commands: [String]
    }

    // MARK: - Messages

    private static func message(
        _ from: String, _ subject: String, _ date: String, _ more: String = "",
        body: String = "hello world\n"
    ) -> String {
        "From: \(from)\nTo: Ben <ben@example.com>\nSubject: \(subject)\nDate: \(date)\n\(more)\n"
            + body
    }

    private static let messages = [
        message(
            "Anna <anna@example.org>", "Lunch", "Mon, 2 Nov 2026 10:00:00 +0100",
            "Message-ID: <1@example.org>\nCc: \"Doe, J\" <jd@example.net>\n"),
        message(
            "ben@example.com (Ben)", "Re: Lunch", "Mon, 2 Nov 2026 23:59:59 -0500",
            "Message-ID: <2@example.org>\nReferences: <1@example.org>\n"),
        message(
            "=?utf-8?Q?J=C3=BCrgen?= <juergen@example.net>",
            "[list] Fwd: =?iso-8859-1?Q?Gr=FC=DFe?=",
            "Tue, 03 Nov 2026 00:00:01 +0100", "Message-ID: <3@example.org>\nX-Empty:\n"),
        message(
            "Team: carl@example.net, dora@example.net;", "(no) [fwd: Lunch]",
            "29 Feb 2024 12:00 GMT",
            "Message-ID: <\"4\"@example.org>\nIn-Reply-To: yours <2@example.org>\n"),
        message(
            "carl@example.net", "Re[2]: Lunch (fwd)", "Sun, 1 Nov 2026 08:00:00 +0000",
            "Message-ID: <5@example.org>\nReferences: <9@example.org>\n <4@example.org>\n"),
        message(
            "dora@example.net", "_under", "Wed, 4 Nov 2026 08:00:00 +0000",
            "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"b b\"\n",
            body: """
                before
                --b b
                Content-Type: text/plain; charset=utf-8
                Content-Transfer-Encoding: quoted-printable

                Gr=C3=BC=C3=9Fe aus =
                Berlin
                --b b
                Content-Type: message/rfc822
                Content-Disposition: attachment; filename="a;b.eml"

                From: inner@example.org
                Subject: inside
                Content-Type: multipart/alternative; boundary=c

                --c

                plain
                --c
                Content-Type: text/html

                <p>marked</p>
                --c--

                --b b
                Content-Type: image/png; name*=utf-8''%C3%BC.png
                Content-Transfer-Encoding: base64
                Content-ID: <picture@example.org>
                Content-Language: de, en

                AAECAwQ=
                --b b--
                after

                """),
        message("\"Z\" <z@example.org>, a@example.org", "[brackets", "never", "X-Foo: bar baz\n"),
        message("eve@example.org", "", "Thu, 5 Nov 2026 10:00:00 +1400", body: ""),
    ]

    // MARK: - Commands

    private static let commands =
        lists + fetches + searches + sorts + changes + missing + ["UNSELECT"]

    private static let lists =
        [
            "SELECT Row", "CREATE Row", "CREATE a", "CREATE a/b", "CREATE a/b/c", "CREATE d/e",
            "CREATE \"with space\"", "CREATE \"q\\\"uote\"", "CREATE x&-y", "CREATE &ABC",
            "CREATE &APw-ber", "SUBSCRIBE a/b", "SUBSCRIBE a/b/c", "SUBSCRIBE nosuch",
            "UNSUBSCRIBE nosuch", "SUBSCRIBE d/e",
        ]
        + ["*", "%", "a*", "a%", "a/%", "%/%", "%b", "d", "d/%", "INBOX", "inb%", "nosuch", "*/c"]
        .flatMap {
            [
                "LIST \"\" \($0)", "LIST a/ \($0)", "LSUB \"\" \($0)",
                "LIST (SUBSCRIBED) \"\" \($0)",
                "LIST (SUBSCRIBED RECURSIVEMATCH) \"\" \($0)",
                "LIST \"\" \($0) RETURN (SUBSCRIBED CHILDREN)",
            ]
        }
        + [
            "LIST \"\" (a d% \"with*\") RETURN (STATUS (MESSAGES UIDNEXT))", "LIST () \"\" ",
            "LIST (FOO) \"\" *", "LIST (RECURSIVEMATCH) \"\" *", "STATUS a (MESSAGES UNSEEN)",
            "STATUS nosuch (MESSAGES)", "STATUS a ()", "STATUS a (FOO)", "RENAME a/b/c f/g",
            "LIST \"\" (f* a*)", "RENAME nosuch x", "RENAME f/g a", "DELETE INBOX",
            "DELETE nosuch", "DELETE f/g", "LIST \"\" f*",
        ]

    private static let fetches =
        [
            "FILL", "SELECT Row", "FETCH 1:* (UID FLAGS RFC822.SIZE ENVELOPE)",
            "FETCH 1:* BODYSTRUCTURE",
        ]
        + [
            "FLAGS", "ALL", "FAST", "FULL", "BODY", "BODY.PEEK[]<0.20>", "BODY.PEEK[]<9999.5>",
            "BODY.PEEK[HEADER]", "BODY.PEEK[TEXT]<3.4>", "BODY.PEEK[1]", "BODY.PEEK[1.MIME]",
            "BODY.PEEK[2]", "BODY.PEEK[2.MIME]", "BODY.PEEK[2.HEADER]", "BODY.PEEK[2.TEXT]",
            "BODY.PEEK[2.1]", "BODY.PEEK[2.2.MIME]", "BODY.PEEK[2.2]<1.3>", "BODY.PEEK[3]",
            "BODY.PEEK[HEADER.FIELDS (subject FROM X-None)]",
            "BODY.PEEK[HEADER.FIELDS.NOT (Subject From)]",
            "BODY.PEEK[2.HEADER.FIELDS (Subject)]", "BINARY.PEEK[1]", "BINARY.PEEK[3]",
            "BINARY.SIZE[3]", "BINARY.PEEK[2.2]<1.3>", "BODY.PEEK[1.]", "BODY.PEEK[TEXT",
            "BODY[FOO]", "FOO", "()", "(FLAGS",
        ].map { "FETCH 6 \($0)" }
        + [
            "FETCH 3:1,2 UID", "FETCH * UID", "FETCH 9 UID", "FETCH 0 UID", "UID FETCH 99 UID",
            "UID FETCH 99:* UID", "FETCH 1", "UID FOO 1", "FETCH 1 RFC822.HEADER", "FETCH 1 FLAGS",
            "FETCH 1 BODY[TEXT]", "FETCH 1 FLAGS",
        ]

    /// BODY of what stands in the header of a message within is left out: Dovecot does not find it.
    private static let searches =
        [
            "ALL", "SEEN", "NOT SEEN", "OR SEEN 3", "(SEEN) 1:3", "OR NOT 1 NOT 2", "*", "*:1",
            "7,1:3,2",
            "99", "0", "1:", "a", "UID 2:99", "NOT UID 2:99", "KEYWORD work", "FROM anna",
            "FROM ANNA@",
            "TO ben", "CC doe", "CC \"Doe, J\"", "BCC x", "SUBJECT lunch", "SUBJECT \"\"",
            "HEADER X-Empty \"\"", "HEADER X-Foo \"\"", "HEADER X-Foo BAR", "HEADER X-None \"\"",
            "HEADER Subject lunch", "BODY world", "BODY berlin", "BODY \"aus berlin\"",
            "BODY marked", "TEXT picture", "TEXT example.org", "LARGER 200", "SMALLER 200",
            "ON 12-Nov-2026", "SINCE 14-Nov-2026", "BEFORE 14-Nov-2026", "SENTON 2-Nov-2026",
            "SENTON 3-Nov-2026", "SENTSINCE 2-Nov-2026 NOT 7", "SENTBEFORE 2-Nov-2026 NOT 7",
            "SENTON \"29-Feb-2024\"", "SENTON 2026-11-02", "YOUNGER 1000000", "OLDER 1000000",
            "CHARSET UTF-8 SUBJECT lunch", "CHARSET X-NONE ALL", "CHARSET UTF-8 SUBJECT \"grüße\"",
            "CHARSET UTF-8 FROM \"JÜRGEN\"", "RETURN () SUBJECT lunch",
            "RETURN (MIN MAX COUNT) 2:5",
            "RETURN (ALL COUNT) NOT ALL", "RETURN (SAVE) SUBJECT lunch", "$", "NOT $",
            "RETURN (SAVE MIN) 3:5", "$", "RETURN (FOO) ALL", "RETURN (PARTIAL 1:2) SUBJECT lunch",
            "FOO", "NOT", "OR SEEN", "(SEEN", "()", "FROM", "HEADER From", "SUBJECT \"x",
        ].flatMap { ["SEARCH \($0)", "UID SEARCH \($0)"] }

    private static let sorts =
        [
            "ARRIVAL", "DATE", "REVERSE DATE", "SUBJECT", "REVERSE SUBJECT", "FROM", "TO", "CC",
            "SIZE",
            "DISPLAYFROM", "DISPLAYTO", "REVERSE FROM SUBJECT", "SUBJECT REVERSE ARRIVAL", "FOO",
            "",
        ].map { "SORT (\($0)) UTF-8 1:6" }
        + [
            "SORT (DATE) UTF-8 NOT ALL", "SORT (DATE) ALL", "SORT DATE UTF-8 ALL",
            "UID SORT (SUBJECT) US-ASCII SUBJECT lunch", "THREAD REFERENCES UTF-8 1:6",
            "THREAD ORDEREDSUBJECT UTF-8 1:6", "UID THREAD REFERENCES UTF-8 3:5",
            "THREAD FOO UTF-8 ALL",
        ]

    private static let changes = [
        "STORE 1 +FLAGS (\\Flagged work)", "STORE 1:2 FLAGS (\\Deleted)",
        "STORE 2 -FLAGS (\\Deleted)",
        "STORE 3 +FLAGS.SILENT (\\Seen)", "STORE 9 FLAGS ()", "STORE 0 FLAGS ()", "STORE 1 FOO ()",
        "STORE 1 FLAGS (\\Foo)", "UID STORE 99 FLAGS ()", "SEARCH DELETED", "SEARCH KEYWORD work",
        "COPY 2:3 a", "COPY 1 nosuch", "UID COPY 99 a", "COPY 9 a", "STATUS a (MESSAGES UIDNEXT)",
        "UID EXPUNGE 2:9", "UID EXPUNGE 1", "EXPUNGE", "FETCH 1:* (UID FLAGS)", "MOVE 1 a",
        "UID MOVE 99 a", "MOVE 1 nosuch", "SEARCH ALL", "STATUS a (MESSAGES UIDNEXT)", "SELECT a",
        "FETCH 1:* (UID FLAGS ENVELOPE)", "EXAMINE a", "CLOSE", "FETCH 1 FLAGS", "SELECT a",
        "STORE 1:* +FLAGS (\\Deleted)", "CLOSE", "STATUS a (MESSAGES)",
    ]

    private static let missing = [
        "FOO", "NOOP", "SELECT a", "FETCH 1 FLAGS", "FETCH 1:* FLAGS", "STORE * FLAGS ()",
        "SEARCH *",
        "SEARCH ALL", "UID FETCH 1:* FLAGS", "UID COPY * INBOX", "EXPUNGE", "SELECT nosuch",
        "SEARCH ALL",
    ]

    // MARK: - The program

    /// Prints each command whose answers differ, and how many it sent.
    ///
    /// What servers choose freely is made the same: tags, texts, UIDVALIDITY, strings as atoms or
    /// literals, the order of flags and of LIST, whether what is no part is NIL or empty.
    private static let program = #"""
        import json, re, socket, ssl, sys

        class Session:
            def __init__(self, host, port, user, password, secure):
                self.socket = socket.create_connection((host, int(port)))
                self.socket.settimeout(20)
                self.buffer, self.number = b"", 0
                self.response()
                if secure:
                    self.ask("STARTTLS")
                    self.socket = ssl._create_unverified_context().wrap_socket(self.socket)
                assert self.ask('LOGIN %s "%s"' % (user, password))[-1][0] == "OK"

            def take(self, end):
                while not end(self.buffer):
                    part = self.socket.recv(1 << 16)
                    assert part, "the connection ended"
                    self.buffer += part
                place = end(self.buffer)
                taken, self.buffer = self.buffer[:place], self.buffer[place:]
                return taken

            def response(self):
                text = b""
                while True:
                    line = self.take(lambda octets: octets.find(b"\n") + 1)
                    text += line
                    literal = re.search(rb"\{(\d+)\}\r\n$", line)
                    if not literal: return text[:-2]
                    count = int(literal.group(1))
                    if count: text += self.take(lambda octets: count if len(octets) >= count else 0)

            def ask(self, command):
                self.number += 1
                tag = b"t%d" % self.number
                self.socket.sendall(tag + b" " + command.encode() + b"\r\n")
                answers = []
                while True:
                    text = self.response()
                    answer = normal(text, tag)
                    if answer: answers.append(answer)
                    if text.startswith(tag + b" "): return answers

        def values(text):
            """Lists as lists, strings however written as octets, atoms in small letters."""
            index, open_lists = 0, [[]]
            while index < len(text):
                octet = text[index:index + 1]
                literal = re.match(rb"~?\{(\d+)\}\r\n", text[index:index + 30])
                if octet == b"(": open_lists.append([])
                elif octet == b")":
                    last = open_lists.pop()
                    open_lists[-1].append(last)
                elif literal:
                    index += literal.end()
                    count = int(literal.group(1))
                    open_lists[-1].append(text[index:index + count])
                    index += count - 1
                elif octet == b'"':
                    quoted = re.match(rb'"((?:[^"\\]|\\.)*)"', text[index:], re.S)
                    open_lists[-1].append(re.sub(rb"\\(.)", rb"\1", quoted.group(1)))
                    index += quoted.end() - 1
                elif octet != b" ":
                    atom = re.match(rb"(?:[^ ()\[]|\[[^\]]*\])+", text[index:]).group(0)
                    open_lists[-1].append(atom)
                    index += len(atom) - 1
                index += 1
            return open_lists[0]

        FREE = {b"\\hasnochildren", b"\\haschildren", b"\\unmarked", b"\\marked", b"\\recent"}

        def flags(names):
            kept = {name.lower().replace(b"\\nonexistent", b"\\noselect") for name in names}
            return sorted(kept - FREE)

        def normal(text, tag):
            if text.startswith(tag): return (text.split(b" ")[1].decode(),)
            words = values(text)
            kind = words[1].upper() if len(words) > 1 else b""
            if kind in (b"LIST", b"LSUB"):
                # Uses and who has which mailbox from the beginning are the servers' own.
                name = words[4]
                if name in OWN: return None
                return (kind, name, flags(words[2]), words[5:])
            if kind == b"STATUS": return (kind, words[2], sorted(pairs(words[3]).items()))
            if kind == b"SEARCH": return (kind, sorted(map(int, words[2:])))
            if kind == b"ESEARCH":
                return (kind, words[3:4] == [b"UID"], sorted(map(repr, words[3:])))
            if kind in (b"SORT", b"THREAD"): return (kind, words[2:])
            if not words[1].isdigit(): return None
            if words[2].upper() == b"FETCH":
                items = pairs(words[3])
                if b"FLAGS" in items: items[b"FLAGS"] = flags(items[b"FLAGS"])
                return (kind, sorted((name, plain(value)) for name, value in items.items()))
            return None if words[2] == b"RECENT" else tuple(words[1:])

        # A level without a mailbox is listed for * or is not; RFC 9051 §6.3.9 has it for % alone.
        LEVEL = [b"\\noselect"]

        OWN = {b"Archive", b"Drafts", b"Junk", b"Sent", b"Trash", b"INBOX", b""}

        def pairs(words):
            return {words[place].upper(): words[place + 1] for place in range(0, len(words), 2)}

        def plain(value):
            if isinstance(value, list): return [plain(one) for one in value]
            return b"" if value == b"NIL" else value.lower() if value.lower() == b"7bit" else value

        def fill(session, messages):
            for index, message in enumerate(messages):
                octets = message.replace("\n", "\r\n").encode()
                day = b'"%02d-Nov-2026 12:00:00 +0000"' % (index + 11)
                keywords = b" (\\Seen work)" if index == 4 else b""
                session.number += 1
                tag = b"t%d" % session.number
                session.socket.sendall(b"%s APPEND Row%s %s {%d+}\r\n%s\r\n" % (
                    tag, keywords, day, len(octets), octets))
                while not session.response().startswith(tag + b" OK"): pass

        work = json.load(open(sys.argv[1]))
        sessions = [Session(*sys.argv[2:6], secure=True), Session(*sys.argv[6:10], secure=False)]
        for command in work["commands"]:
            if command == "FILL":
                for session in sessions: fill(session, work["messages"])
                continue
            answers = [session.ask(command) for session in sessions]
            if command.startswith(("LIST", "LSUB")):
                answers = [sorted((line for line in one
                                   if "*" not in command or line[2:3] != (LEVEL,)), key=repr)
                           for one in answers]
            if answers[0] != answers[1]:
                print(command, *("   " + repr([one for one in mine if one not in other])
                                 for mine, other in (answers, answers[::-1])), sep="\n")
        print(len(work["commands"]), "commands")
        """#
}
