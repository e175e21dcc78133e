// SPDX-License-Identifier: Apache-2.0

import Bytes
import IMAP
import Testing
import World

@Suite("RFC 9051 §7 responses as they are written")
struct ResponseTests {
    private func written(
        _ enabled: EnabledExtensions = [], _ write: (inout ResponseWriter) -> Void
    ) -> String {
        var writer = ResponseWriter(enabled)
        write(&writer)
        return String(lossy: writer.take())
    }

    private func name(_ text: String) throws -> MailboxName { try MailboxName(text) }

    private let keywords = KeywordTable([(bit: 16, name: "work"), (bit: 18, name: "$Label1")])

    @Test("A FETCH response with everything that is stored")
    func fetch() {
        let text = written {
            $0.beginFetch(number: 12, uid: 4711)
            $0.uid(4711)
            $0.flags([.seen, .junk, FlagSet(rawValue: 1 << 16 | 1 << 17 | 1 << 18)], keywords)
            $0.internalDate(InternalDate(Timestamp(seconds: 1_795_251_600), offsetMinutes: -210))
            $0.size(4_294_967_296)
            $0.envelope(octets("(NIL)"))
            $0.modificationSequence(.max >> 1)
            $0.emailID("e17")
            $0.threadID("t3")
            $0.saveDate(nil)
            $0.preview(octets("ab\"c"))
            $0.endFetch()
        }
        #expect(
            text
                == #"* 12 FETCH (UID 4711 FLAGS (\Seen $Junk work $Label1) "#
                + #"INTERNALDATE "21-Nov-2026 05:30:00 -0330" RFC822.SIZE 4294967296 "#
                + #"ENVELOPE (NIL) MODSEQ (9223372036854775807) EMAILID (e17) THREADID (t3) "#
                + "SAVEDATE NIL PREVIEW \"ab\\\"c\")\r\n")
    }

    @Test("Sections are named as they were asked for, their octets follow as literals")
    func sections() {
        let fields = Section(part: [1, 2], text: .fields([octets("From"), octets("a b")]))
        let text = written {
            $0.beginFetch(number: 1, uid: 1)
            $0.section(fields, Partial(offset: 7, count: 3), octets: 3)
            $0.octets += octets("abc")
            $0.section(Section(), nil, octets: nil)
            $0.section(Section(part: [2], text: .mime), nil, octets: 0)
            $0.binary(part: [1], nil, octets: 2, hasNull: true)
            $0.octets += [0, 1]
            $0.binarySize(part: [], 9)
            $0.legacy(.messageHeader, octets: 1)
            $0.octets += octets("x")
            $0.endFetch()
        }
        #expect(
            text
                == "* 1 FETCH (BODY[1.2.HEADER.FIELDS (From \"a b\")]<7> {3}\r\nabc BODY[] NIL "
                + "BODY[2.MIME] {0}\r\n BINARY[1] ~{2}\r\n\0\u{1} BINARY.SIZE[] 9 "
                + "RFC822.HEADER {1}\r\nx)\r\n")
    }

    @Test("Text that cannot be quoted is a literal, which holds no NUL")
    func strings() {
        #expect(
            written { $0.preview(octets("ä")) } == "PREVIEW {2}\r\nä")
        #expect(written(.imap4rev2) { $0.preview(octets("ä")) } == "PREVIEW \"ä\"")
        #expect(written { $0.preview(octets("a\r\nb")) } == "PREVIEW {4}\r\na\r\nb")
        #expect(written { $0.preview(nil as [UInt8]?) } == "PREVIEW NIL")
        var writer = ResponseWriter()
        writer.octets.appendString(octets("a\0b"))
        #expect(writer.octets == octets("{3}\r\na") + [0x80] + octets("b"))
    }

    @Test("ESEARCH says what was asked for, and leaves out what there is nothing of")
    func extendedSearch() {
        let found = NumberSet([UInt32](arrayLiteral: 2, 3, 4, 9))
        func line(_ wanted: SearchReturn, _ found: NumberSet, highest: UInt64? = nil) -> String {
            written {
                $0.extendedSearch(
                    tag: octets("A\"1"), isUID: true, wanted, found,
                    highestModificationSequence: highest)
            }
        }
        #expect(
            line(SearchReturn([.min, .max, .all, .count, .save]), found, highest: 7)
                == "* ESEARCH (TAG \"A\\\"1\") UID MIN 2 MAX 9 ALL 2:4,9 COUNT 4 MODSEQ 7\r\n")
        #expect(
            line(SearchReturn([.min, .max, .all, .count]), NumberSet(), highest: 7)
                == "* ESEARCH (TAG \"A\\\"1\") UID COUNT 0\r\n")
        #expect(line(SearchReturn(.save), found).isEmpty)
        #expect(
            line(SearchReturn([], partial: PartialRange(1, 2, isFromEnd: true)), found)
                == "* ESEARCH (TAG \"A\\\"1\") UID PARTIAL (-1:-2 4,9)\r\n")
        #expect(
            line(SearchReturn([.save], partial: PartialRange(5, 9, isFromEnd: false)), found)
                == "* ESEARCH (TAG \"A\\\"1\") UID PARTIAL (5:9 NIL)\r\n")
        #expect(
            written { $0.search(found, highestModificationSequence: 8) }
                == "* SEARCH 2 3 4 9 (MODSEQ 8)\r\n")
        #expect(
            written { $0.search(NumberSet(), highestModificationSequence: 8) } == "* SEARCH\r\n")
        #expect(
            written { $0.sort([9, 2], highestModificationSequence: nil) } == "* SORT 9 2\r\n")
    }

    @Test("Mailboxes, quota, rights and metadata")
    func mailboxes() throws {
        let mailbox = try name("Entwürfe & mehr")
        let wire = "\"Entw&APw-rfe &- mehr\""
        #expect(
            written {
                $0.status(
                    mailbox,
                    [
                        .number(.messages, 3), .mailboxID("m7"), .appendLimit(nil),
                        .number(.size, 5_000_000_000),
                    ])
            } == "* STATUS \(wire) (MESSAGES 3 MAILBOXID (m7) APPENDLIMIT NIL SIZE 5000000000)\r\n")
        #expect(
            written(.imap4rev2) { $0.myRights(mailbox, "lrs") }
                == "* MYRIGHTS \"Entwürfe & mehr\" lrs\r\n")
        #expect(
            written { $0.list(mailbox, .hasNoChildren, uses: [.drafts], oldName: .inbox) }
                == "* LIST (\\HasNoChildren \\Drafts) \"/\" \(wire) (\"OLDNAME\" (INBOX))\r\n")
        #expect(
            written {
                $0.namespaces(
                    personal: [Namespace(prefix: "")], others: [],
                    shared: [Namespace(prefix: "Öffentlich/")])
            } == "* NAMESPACE ((\"\" \"/\")) NIL ((\"&ANY-ffentlich/\" \"/\"))\r\n")
        #expect(
            written {
                $0.quotaRoots(of: .inbox, ["", "a b"])
                $0.quota(
                    root: "", [QuotaUse(resource: "STORAGE", used: 10, limit: 512)])
            } == "* QUOTAROOT INBOX \"\" \"a b\"\r\n* QUOTA \"\" (STORAGE 10 512)\r\n")
        #expect(
            written {
                $0.accessList(.inbox, [(identifier: "b c", rights: "")])
                $0.rights(.inbox, identifier: "bob", required: "", optional: ["l", "r"])
            } == "* ACL INBOX \"b c\" \"\"\r\n* LISTRIGHTS INBOX bob \"\" l r\r\n")
        #expect(
            written {
                $0.metadata(
                    nil, [("/shared/a", octets("x")), ("/shared/b", nil), ("/private/c", [0])])
                $0.metadataChanged(.inbox, ["/shared/a"])
            } == "* METADATA \"\" (/shared/a \"x\" /shared/b NIL /private/c ~{1}\r\n\0)\r\n"
                + "* METADATA INBOX /shared/a\r\n")
    }

    @Test("Flags of the mailbox, and which may be set for good")
    func flags() {
        let known =
            #"\Seen \Answered \Flagged \Deleted \Draft $Forwarded $MDNSent $Junk $NotJunk "#
            + "$Phishing $Important work $Label1"
        #expect(
            written { $0.flags(keywords, isReadOnly: false) }
                == "* FLAGS (\(known))\r\n* OK [PERMANENTFLAGS (\(known) \\*)] flags kept\r\n")
        #expect(
            written { $0.flags(keywords, isReadOnly: true) }
                == "* FLAGS (\(known))\r\n* OK [PERMANENTFLAGS ()] no flag can be set\r\n")
        var full = KeywordTable()
        while let bit = full.freeBit { full.set("k\(bit)", bit: bit) }
        #expect(!written { $0.flags(full, isReadOnly: false) }.contains("\\*"))
        #expect(full.flag(named: "K62") == FlagSet(rawValue: 1 << 62))
        let (flags, unnamed) = keywords.resolve(
            FlagList(known: .seen, keywords: ["WORK", "new"]))
        #expect(flags == [.seen, FlagSet(rawValue: 1 << 16)])
        #expect(unnamed == ["new"])
    }

    @Test(
        "Response codes",
        arguments: [
            (.appendUID(validity: 3, NumberSet(4...6)), "[APPENDUID 3 4:6]"),
            (
                .copyUID(validity: 3, from: NumberSet(4...6), to: NumberSet(7...9)),
                "[COPYUID 3 4:6 7:9]"
            ),
            (.modified(NumberSet(7...7)), "[MODIFIED 7]"),
            (.highestModificationSequence(9), "[HIGHESTMODSEQ 9]"),
            (.mailboxID("m1"), "[MAILBOXID (m1)]"),
            (.badCharset(["UTF-8"]), "[BADCHARSET (UTF-8)]"),
            (.badCharset([]), "[BADCHARSET]"),
            (.messageLimit(1000, lowest: 5), "[MESSAGELIMIT 1000 5]"),
            (.inProgress(tag: "A1", done: 4, goal: 9), "[INPROGRESS (\"A1\" 4 9)]"),
            (.inProgress(tag: "A]", done: nil, goal: 9), "[INPROGRESS (NIL NIL NIL)]"),
            (.metadataLongEntries(9), "[METADATA LONGENTRIES 9]"),
            (.metadataNoPrivate, "[METADATA NOPRIVATE]"), (.unseen(3), "[UNSEEN 3]"),
        ] as [(ResponseCode, String)])
    func codes(code: ResponseCode, text: String) {
        #expect(written { $0.untagged(.ok(code, "x")) } == "* OK \(text) x\r\n")
    }

    @Test("A text for people is one line of ASCII, whatever it was made of")
    func texts() {
        #expect(written { $0.untagged(.no(nil, "a\r\nb ö")) } == "* NO a??b ??\r\n")
        #expect(written { $0.untagged(.bad(nil, "")) } == "* BAD -\r\n")
    }

    @Test("Days and dates of the calendar")
    func dates() throws {
        #expect(CalendarDay(year: 2023, month: 2, day: 29) == nil)
        let leap = try #require(CalendarDay(year: 2024, month: 2, day: 29))
        let first = try #require(CalendarDay(year: 1970, month: 1, day: 1))
        #expect(first.start.seconds == 0)
        #expect(leap.start.seconds == 1_709_164_800)
        #expect(first < leap)
        var octets: [UInt8] = []
        InternalDate(Timestamp(seconds: -1), offsetMinutes: 60).write(to: &octets)
        #expect(String(lossy: octets) == "\" 1-Jan-1970 00:59:59 +0100\"")
    }
}
