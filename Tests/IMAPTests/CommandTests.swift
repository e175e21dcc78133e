// SPDX-License-Identifier: Apache-2.0

import Bytes
import IMAP
import Testing
import World

/// What a logged-in client's command becomes: the command, or the tagged response.
private func outcome(_ text: String, enabling: String? = nil) -> (command: Command?, reply: String)
{
    let peer = Recorder(enabling: enabling)
    return peer.outcome(text)
}

/// A session with a selected mailbox whose next command is looked at.
private final class Recorder {
    private var session: ServerSession

    init(enabling: String?) {
        var policy = ServerSession.Policy.tested
        policy.extensions = ServerSession.extensions
        session = ServerSession(policy, isProtected: true)
        _ = send("a LOGIN anna secret\r\n")
        if let enabling { _ = send("b ENABLE \(enabling)\r\n") }
        _ = send("c SELECT INBOX\r\n")
    }

    private func send(_ text: String) -> (Command?, String) {
        var performed: Command?
        var said: [UInt8] = []
        session.receive(octets(text))
        while let step = session.next() {
            switch step {
            case .send(let octets): said += octets
            case .authenticate: session.authenticated()
            case .perform(.refusedSelect(let refusal)), .perform(.refusedSave(let refusal)):
                session.complete(refusal)
            case .perform(let command):
                performed = command
                session.complete(.ok())
            default: break
            }
        }
        return (performed, String(lossy: said))
    }

    func outcome(_ text: String) -> (command: Command?, reply: String) {
        let (command, said) = send("t \(text)\r\n")
        let reply = said.split(separator: "\r\n").first { $0.hasPrefix("t ") } ?? ""
        return (command, String(reply.dropFirst(2)))
    }
}

@Suite("RFC 9051 §9 and its extensions: what is well said, and what is not")
struct CommandTests {
    @Test(
        "Well-formed commands reach the driver",
        arguments: [
            "SELECT \"a b\"", "select {1+}\r\na", "EXAMINE a (CONDSTORE)", "CREATE a/b/",
            "CREATE a (USE (\\Drafts \\Sent))", "CREATE a (USE ())", "DELETE a", "RENAME a b",
            "SUBSCRIBE a", "UNSUBSCRIBE a", "NAMESPACE", "CHECK", "UNSELECT", "CLOSE", "EXPUNGE",
            "UID EXPUNGE 1:4", "COPY 1,3:* b", "UID MOVE $ b", "LSUB \"\" *", "LIST \"\" \"\"",
            "LIST \"\" %]*", "LIST () \"\" (a b)", "LIST (SUBSCRIBED REMOTE) \"\" *",
            "LIST (SPECIAL-USE) \"\" * RETURN (SPECIAL-USE CHILDREN SUBSCRIBED MYRIGHTS)",
            "LIST \"\" * RETURN (STATUS (MESSAGES UIDNEXT) METADATA (\"/shared/comment\"))",
            "LIST \"\" * RETURN ()",
            "STATUS a (MESSAGES UIDNEXT UIDVALIDITY UNSEEN DELETED SIZE RECENT MAILBOXID)",
            "STATUS a (HIGHESTMODSEQ APPENDLIMIT DELETED-STORAGE)", "GETQUOTA \"\"",
            "GETQUOTAROOT INBOX", "SETQUOTA \"\" (STORAGE 512 MESSAGE 10)", "SETQUOTA r ()",
            "SETACL INBOX bob +lr", "SETACL INBOX bob \"\"", "DELETEACL INBOX bob",
            "GETACL INBOX", "LISTRIGHTS INBOX bob", "MYRIGHTS INBOX",
            "GETMETADATA \"\" /shared/comment", "GETMETADATA (DEPTH 1) a (/private/a /shared/b)",
            "GETMETADATA a (MAXSIZE 1024 DEPTH infinity) (/shared/comment)",
            "SETMETADATA a (/private/comment \"x\" /shared/comment NIL)",
            "SETMETADATA a (/private/x ~{3+}\r\n\0\u{1}\u{2})", "NOTIFY NONE",
            "NOTIFY SET STATUS (selected (MessageNew (UID BODY.PEEK[HEADER]) MessageExpunge))"
                + " (subtree (a b) (MailboxName)) (personal NONE)",
            "SEARCH ALL", "SEARCH 1:* UNSEEN", "SEARCH CHARSET UTF-8 TEXT {2+}\r\nö",
            "SEARCH RETURN () ALL", "SEARCH RETURN (MIN MAX COUNT ALL SAVE) 1",
            "SEARCH RETURN (PARTIAL -1:-100 COUNT) ALL",
            "SEARCH OR (FROM a TO b) NOT SUBJECT \"c d\"",
            "SEARCH BEFORE 1-Feb-2026 SENTON \"2-mar-2026\" SAVEDSINCE 3-Apr-2026 YOUNGER 60",
            "SEARCH MODSEQ \"/flags/\\\\draft\" all 620162338", "SEARCH MODSEQ 3",
            "SEARCH EMAILID e1 THREADID t-1_2 SAVEDATESUPPORTED KEYWORD $Junk UNKEYWORD x",
            "SEARCH HEADER Message-ID \"\" LARGER 10 SMALLER 20 UID 1:* NEW OLD RECENT",
            "UID SORT (SUBJECT REVERSE DATE) UTF-8 ALL", "SORT (REVERSE DISPLAYFROM) UTF-8 ALL",
            "THREAD REFERENCES us-ascii SEEN",
            "THREAD ORDEREDSUBJECT \"utf-8\" 1:3", "FETCH 1 ALL", "fetch 1:* full",
            "FETCH 1 BODY", "FETCH 1 BODY[]", "FETCH 1 BODY[1.2.MIME]<0.10>",
            "FETCH 1 BODY.PEEK[HEADER.FIELDS.NOT (From \"To\")]", "FETCH 1 BODY[2.HEADER]",
            "FETCH 1 (UID RFC822 RFC822.HEADER RFC822.TEXT RFC822.SIZE BODYSTRUCTURE)",
            "FETCH 1 (BINARY[1.2]<1.2> BINARY.PEEK[] BINARY.SIZE[2])", "FETCH 1 PREVIEW",
            "FETCH 1 (PREVIEW (LAZY) SAVEDATE EMAILID THREADID MODSEQ)",
            "FETCH 1 PREVIEW (CHANGEDSINCE 5)", "UID FETCH 1:* (FLAGS) (CHANGEDSINCE 12345)",
            "UID FETCH 1:* FLAGS (PARTIAL 1:10)", "STORE 1 FLAGS ()", "STORE 1 +FLAGS \\Seen x",
            "STORE $ -FLAGS.SILENT (\\Deleted)",
            "STORE 1 (UNCHANGEDSINCE 5) +FLAGS.SILENT (\\Deleted $MDNSent)", "ID NIL",
        ])
    func wellFormed(text: String) {
        let (command, reply) = outcome(text)
        #expect(reply.hasPrefix("OK"), "\(text): \(reply)")
        #expect(command != nil || text.hasPrefix("ID"))
    }

    @Test(
        "What the grammar does not have is BAD",
        arguments: [
            "", " ", "FROB", "SELECT", "SELECT ", "SELECT  a", "SELECT a b", "SELECT \"a",
            "SELECT a ()", "SELECT a (FOO)", "SELECT a (QRESYNC (1 2))", "SELECT \"a\\x\"",
            "CREATE a (USE)", "NOOP x", "LIST", "LIST \"\"", "LIST \"\" * RETURN",
            "LIST (RECURSIVEMATCH) \"\" *", "LIST (REMOTE RECURSIVEMATCH) \"\" *",
            "LIST (FOO) \"\" *", "LIST \"\" ()", "LIST \"\" * RETURN (FOO)", "STATUS a ()",
            "STATUS a MESSAGES", "STATUS a (FOO)", "SETQUOTA a (STORAGE)",
            "SETQUOTA a (STORAGE -1)", "SETACL a b L", "SETACL a b z", "GETMETADATA a b",
            "GETMETADATA a /shared/*", "GETMETADATA a /shared//b", "GETMETADATA a /shared/b/",
            "GETMETADATA (DEPTH 2) a /shared/b", "SETMETADATA a ()", "SETMETADATA a (/shared/b)",
            "NOTIFY", "NOTIFY SET", "NOTIFY SET (selected (MessageNew))",
            "NOTIFY SET (selected (FlagChange))", "NOTIFY SET (selected (MailboxName))",
            "NOTIFY SET (personal (MessageNew (UID) MessageExpunge))",
            "NOTIFY SET (selected NONE) (selected-delayed NONE)", "SEARCH", "SEARCH FOO",
            "SEARCH ()", "SEARCH (ALL", "SEARCH ALL)", "SEARCH NOT", "SEARCH OR ALL",
            "SEARCH FROM", "SEARCH BEFORE 31-Feb-2026", "SEARCH BEFORE 2026-02-01",
            "SEARCH RETURN (PARTIAL 1:2 ALL) ALL", "SEARCH RETURN (PARTIAL 1:-2) ALL",
            "SEARCH RETURN (FOO) ALL", "SEARCH LARGER x", "SEARCH EMAILID a.b",
            "SEARCH FROM \"\u{0}\"", "SORT () UTF-8 ALL",
            "SORT (DATE) ALL", "THREAD REFERENCES ALL", "SEARCH CHARSET klingon",
            "SORT (FOO) UTF-8 ALL", "THREAD FOO UTF-8 ALL", "FETCH 1", "FETCH 1 ()",
            "FETCH 1 FOO", "FETCH 0 FLAGS", "FETCH 1: FLAGS", "FETCH 1,,2 FLAGS",
            "FETCH 4294967296 FLAGS", "FETCH a FLAGS", "FETCH 1 BODY[", "FETCH 1 BODY[FOO]",
            "FETCH 1 BODY[MIME]", "FETCH 1 BODY[1.]", "FETCH 1 BODY[0]", "FETCH 1 BODY[]<0.0>",
            "FETCH 1 BODY[]<0>", "FETCH 1 BODY[HEADER.FIELDS ()]", "FETCH 1 BODY.PEEK",
            "FETCH 1 BODY[HEADER.FIELDS (a:b)]", "FETCH 1 (FLAGS", "FETCH 1 FLAGS (VANISHED)",
            "FETCH 1 FLAGS (PARTIAL 1:2)", "UID FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)",
            "STORE 1 FLAGS", "STORE 1 FOO (\\Seen)", "STORE 1 FLAGS (\\Recent)",
            "STORE 1 FLAGS (\\Foo)", "STORE 1 FLAGS (a", "STORE 1 (UNCHANGEDSINCE) FLAGS a",
            "COPY 1", "UID", "UID NOOP", "UID CLOSE", "EXPUNGE 1", "APPEND", "APPEND a",
            "APPEND a \"x\"", "AUTHENTICATE PLAIN", "LOGIN a b", "COMPRESS LZ77",
            "ID (a b)", "ID (\"a\")", "ENABLE", "IDLE x", "RENAME a", "LOGOUT now",
        ])
    func malformed(text: String) {
        let (command, reply) = outcome(text)
        #expect(reply.hasPrefix("BAD "), "\(text): \(reply)")
        #expect(command == nil)
    }

    @Test(
        "What cannot be done is NO, with a reason for programs",
        arguments: [
            ("SELECT a//b", "CANNOT"), ("SELECT &-x&", "CANNOT"), ("SELECT \"&AGE-\"", "CANNOT"),
            ("SELECT \"a\u{7F}b\"", "CANNOT"), ("SELECT \"ö\"", "CANNOT"),
            ("CREATE a (USE (\\Foo))", "USEATTR"), ("SEARCH CHARSET klingon ALL", "BADCHARSET"),
            ("SEARCH CHARSET UTF-8 SUBJECT {1+}\r\n\u{80}", nil),
            ("NOTIFY SET (personal (AnnotationChange))", "BADEVENT"),
            ("SEARCH " + String(repeating: "NOT ", count: 40) + "ALL", "LIMIT"),
            ("SEARCH " + String(repeating: "(", count: 100) + "ALL", "LIMIT"),
            ("SEARCH " + String(repeating: "ALL ", count: 2001) + "ALL", "LIMIT"),
            ("FETCH " + String(repeating: "1,", count: 20_000) + "1 FLAGS", "LIMIT"),
            ("FETCH 1 BODY[" + String(repeating: "1.", count: 200) + "1]", "LIMIT"),
            ("STORE 1 FLAGS " + String(repeating: "k", count: 200), "LIMIT"),
            ("LIST \"\" (" + String(repeating: "a ", count: 300) + "a)", "LIMIT"),
        ] as [(String, String?)])
    func refused(text: String, code: String?) {
        let (command, reply) = outcome(text)
        #expect(command == nil)
        guard let code else { return }
        #expect(reply.hasPrefix("NO [\(code)"), "\(text.prefix(80)): \(reply)")
    }

    @Test("The arguments of SELECT with QRESYNC")
    func resynchronization() throws {
        let (command, _) = outcome(
            "SELECT a (QRESYNC (67890007 20050715194045000 41,43:211 (1,3 41,44)))",
            enabling: "QRESYNC")
        guard case .select(let select) = command else {
            Issue.record("no SELECT: \(String(describing: command))")
            return
        }
        let known = try #require(select.resynchronization)
        #expect(known.uidValidity == 67_890_007)
        #expect(known.modificationSequence == 20_050_715_194_045_000)
        #expect(known.knownUIDs?.description == "41,43:211")
        #expect(known.match?.numbers.description == "1,3")
        #expect(known.match?.uids.description == "41,44")
        let isBad = outcome(
            "SELECT a (QRESYNC (1 2 1:4 (1:2 3)))", enabling: "QRESYNC"
        ).reply.hasPrefix("BAD")
        #expect(isBad)
    }

    @Test("The arguments of FETCH")
    func fetch() {
        let (command, _) = outcome(
            "UID FETCH 4,1:* (FLAGS BODY.PEEK[1.2.HEADER.FIELDS (\"From\" to)]<10.20> FLAGS)"
                + " (CHANGEDSINCE 99 PARTIAL -5:-1)")
        guard case .fetch(let fetch) = command else {
            Issue.record("no FETCH: \(String(describing: command))")
            return
        }
        let section = Section(part: [1, 2], text: .fields([octets("From"), octets("to")]))
        #expect(
            fetch.items == [
                .uid, .flags, .section(section, Partial(offset: 10, count: 20), isPeek: true),
                .modificationSequence,
            ])
        #expect(fetch.messages == .ranges([.init(4, 4), .init(1, SequenceSet.lastNumber)]))
        #expect(fetch.changedSince == 99)
        #expect(fetch.partial == PartialRange(5, 1, isFromEnd: true))
        #expect(!fetch.setsSeen)
    }

    @Test("The keys of SEARCH keep their structure")
    func search() {
        let (command, _) = outcome(
            "SEARCH RETURN (SAVE) OR (UNSEEN 2:4) NOT FROM \"Ann\\\"a\" SINCE 1-Feb-2026 $")
        guard case .search(let search) = command,
            let day = CalendarDay(year: 2026, month: 2, day: 1)
        else {
            Issue.record("no SEARCH: \(String(describing: command))")
            return
        }
        #expect(search.returns == SearchReturn(.save))
        #expect(
            search.key
                == .and([
                    .or(
                        .and([.flag(.seen, isSet: false), .numbers(.ranges([.init(2, 4)]))]),
                        .not(.text(.from, "Ann\"a"))),
                    .date(.internal, .since, day), .numbers(.saved),
                ]))
    }

    @Test("IMAP4rev2 has ESEARCH alone, and names in UTF-8")
    func revision2() {
        guard case .search(let plain) = outcome("SEARCH ALL").command,
            case .search(let modern) = outcome("SEARCH ALL", enabling: "IMAP4rev2").command,
            case .delete(let mailbox) = outcome("DELETE \"&ö/\"", enabling: "IMAP4rev2").command
        else {
            Issue.record("not what was asked for")
            return
        }
        #expect(plain.returns == nil)
        #expect(modern.returns == SearchReturn(.all))
        #expect(mailbox.text == "&ö")
    }

    @Test("Under UIDONLY no sequence number is taken")
    func uidOnly() {
        for text in ["FETCH 1 FLAGS", "STORE 1 FLAGS ()", "SEARCH ALL", "UID SEARCH 1:3"] {
            let reply = outcome(text, enabling: "UIDONLY").reply
            #expect(reply.hasPrefix("BAD [UIDREQUIRED]"), "\(text): \(reply)")
        }
        let selecting = "SELECT INBOX (QRESYNC (1 2 1:3"
        #expect(
            outcome("\(selecting) (1 2)))", enabling: "QRESYNC UIDONLY").reply
                .hasPrefix("BAD [UIDREQUIRED]"))
        #expect(outcome("\(selecting)))", enabling: "QRESYNC UIDONLY").reply.hasPrefix("OK"))
        let isGood = outcome("UID SEARCH UID 1:3", enabling: "UIDONLY").reply.hasPrefix("OK")
        #expect(isGood)
        #expect(outcome("EXPUNGE", enabling: "UIDONLY").reply.hasPrefix("OK"))
    }

    @Test("Rights are letters, each once, and the old ones are spelled out")
    func rights() {
        guard case .setACL(_, let identifier, let change) = outcome("SETACL a -bob -dc").command
        else {
            Issue.record("no SETACL")
            return
        }
        #expect(identifier == "-bob")
        #expect(
            change
                == ACLChange(
                    manner: .remove, rights: [.expunge, .create, .deleteMessages, .remove]))
    }

    @Test("An ENABLE is answered with what was known of it")
    func enable() {
        #expect(outcome("ENABLE X-FOO").reply.hasPrefix("OK"))
        play(
            loggedIn + """
                C: b ENABLE CONDSTORE x-foo qresync CONDSTORE
                S: * ENABLED CONDSTORE QRESYNC
                S: b OK done
                C: c ENABLE FOO
                S: * ENABLED
                S: c OK done
                """)
    }
}
