// SPDX-License-Identifier: Apache-2.0

import Bytes
import IMAP
import MailFolders
import Testing
import World

@Suite("Folders of mail as other programs keep them")
struct FormatTests {
    @Test(
        "names of files in a Maildir say flags and sizes",
        arguments: [
            ("1700000000.M1P2.host,S=12,W=13:2,FS", "1700000000.M1P2.host", "FS", 12),
            ("1700000000.M1P2.host:2,", "1700000000.M1P2.host", "", nil),
            ("1700000000.M1P2.host", "1700000000.M1P2.host", "", nil),
            ("1700000000.M1P2.host:2,aSb", "1700000000.M1P2.host", "Sab", nil),
            ("x,S=a:2,S", "x", "S", nil),
        ] as [(String, String, String, Int?)])
    func names(_ text: String, _ unique: String, _ letters: String, _ octets: Int?) throws {
        let name = try #require(MaildirName(text))
        #expect(name.unique == unique)
        #expect(String(decoding: name.letters, as: UTF8.self) == letters)
        #expect(name.statedOctets == octets)
    }

    @Test("hidden files and empty bases are no messages", arguments: ["", ".x", ":2,S"])
    func noMessages(_ text: String) { #expect(MaildirName(text) == nil) }

    @Test("letters are flags, and keywords by the folder's list")
    func flags() throws {
        var keywords = FolderKeywords()
        keywords.readDovecot(Array("0 $Label1\n1 NonJunk\n27 none\nx y\n".utf8))
        let name = try #require(MaildirName("1.a.b:2,DFPRSTabz"))
        #expect(
            keywords.flags(of: name, isNew: false) == [
                "$Forwarded", "$Label1", "NonJunk", "\\Answered", "\\Deleted", "\\Draft",
                "\\Flagged", "\\Seen",
            ])
        #expect(keywords.flags(of: name, isNew: true).isEmpty)
    }

    @Test("Courier's keywords stand in a list and in files of single messages")
    func courierKeywords() throws {
        var keywords = FolderKeywords()
        keywords.readCourierList(Array("$Label1\nwork\n\n1.a.b:0 1\n2.a.b:1 7\n".utf8))
        keywords.readCourierFile(Array("home\n".utf8), of: ".3.2.a.b")
        #expect(keywords.byMessage["1.a.b"] == ["$Label1", "work"])
        #expect(keywords.byMessage["2.a.b"] == ["home"])
    }

    @Test("UIDs come from Dovecot's list, new form and old, damaged lines passed over")
    func uidList() {
        let new = DovecotUIDList(
            Array("3 V1700 N9 G0abc\n1 :1.a.b\n5 W12 G9 :2.a.b,S=3\nbad\n6 X\n".utf8))
        #expect(new.validity == 1700)
        #expect(new.uids == ["1.a.b": 1, "2.a.b,S=3": 5])
        let old = DovecotUIDList(Array("1 1700 9\n4 1.a.b\n".utf8))
        #expect(old.validity == 1700)
        #expect(old.uids == ["1.a.b": 4])
        #expect(DovecotUIDList([]).uids.isEmpty)
    }

    @Test(
        "folders are mailboxes, in modified UTF-7 or UTF-8",
        arguments: [
            (".Sent", "Sent"), (".A.B.C", "A/B/C"), (".Entw&APw-rfe", "Entwürfe"),
            (".Entwürfe", "Entwürfe"), (".R&D", "R&D"), (".R&-D", "R&D"), (".INBOX.x", "INBOX/x"),
            (".a/b", "a_b"), (".a/\u{310}b", "a_\u{310}b"), (".a.\u{310}b", "a/_\u{310}b"),
        ])
    func folders(_ folder: String, _ mailbox: String) {
        #expect(FolderName.mailbox(FolderName.levels(maildir: folder))?.text == mailbox)
    }

    @Test(
        "folders whose name no mailbox can have get another, and each its own",
        arguments: [
            (".", "_"), (".a..b", "a/b"), (".a.", "a"), ("..", "_"), (".a\u{7F}b.c", "a_b/c"),
            (".a.\u{301}b", "a/_\u{301}b"), (".\u{301}", "_\u{301}"),
            (
                "." + String(repeating: "\u{1D160}", count: 300),
                String(repeating: "\u{1D158}\u{1D165}\u{1D16E}", count: 80)
            ),
            (".taken", "taken_3"), (".Inbox", "INBOX"),
            (
                String(repeating: ".a", count: 34),
                String(repeating: "a/", count: 31) + "a_a_a"
            ),
            ("." + String(repeating: "ü", count: 600), String(repeating: "ü", count: 400)),
        ])
    func mended(_ folder: String, _ mailbox: String) {
        let levels = FolderName.levels(maildir: folder)
        let taken = ["taken", "taken_2"]
        let name = FolderName.mailbox(levels) { taken.contains($0.text) }
        #expect(name?.text == mailbox)
    }

    @Test("mailboxes are folders and paths")
    func mailboxes() throws {
        let name = try MailboxName("Entwürfe/v1.0/R&D")
        #expect(FolderName.maildir(name) == ".Entw&APw-rfe.v1_0.R&-D")
        #expect(FolderName.path(name) == "Entw&APw-rfe/v1.0/R&-D")
        #expect(FolderName.maildir(.inbox).isEmpty)
        #expect(FolderName.path(try MailboxName("../x")) == "_./x")
        let marked = try MailboxName("v1.\u{310}x")
        #expect(FolderName.maildir(marked) == ".v1_&AxA-x")
    }

    @Test("uses go by names of the first level")
    func uses() throws {
        #expect(FolderUse.use(of: try MailboxName("Sent Items")) == "\\Sent")
        #expect(FolderUse.use(of: try MailboxName("INBOX/Papierkorb")) == "\\Trash")
        #expect(FolderUse.use(of: try MailboxName("Old/Sent")) == nil)
        #expect(FolderUse.use(of: .inbox) == nil)
    }

    @Test("subscriptions of Dovecot, old and new, and of Courier")
    func subscriptions() throws {
        let expected = ["INBOX", "A/B", "Entwürfe"]
        let old = SubscriptionList.dovecot(
            Array("INBOX\nA.B\nEntw&APw-rfe\n".utf8), separator: UInt8(ascii: "."))
        #expect(old.map(\.text) == expected)
        let new = SubscriptionList.dovecot(SubscriptionList.dovecot(old), separator: 0)
        #expect(new.map(\.text) == expected)
        let courier = SubscriptionList.courier(
            Array("INBOX\nINBOX.A.B\nINBOX.Entw&APw-rfe\n".utf8))
        #expect(courier.map(\.text) == expected)
    }

    @Test("line ends become CRLF and LF again, or stay where that could not be undone")
    func lineEnds() {
        func canonical(_ text: String) -> String {
            String(decoding: LineEnds.canonical(Array(text.utf8)), as: UTF8.self)
        }
        #expect(canonical("a\nb\r\nc\n\n") == "a\r\nb\r\nc\r\n\r\n")
        #expect(canonical("a\rb") == "a\rb")
        #expect(LineEnds.bare(Array("a\r\nb\r\n".utf8)) == Array("a\nb\n".utf8))
        #expect(LineEnds.bare(Array("a\nb".utf8)) == nil)
        #expect(LineEnds.bare(Array("a\r\r\n".utf8)) == nil)
    }
}
