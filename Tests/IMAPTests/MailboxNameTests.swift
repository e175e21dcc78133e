// SPDX-License-Identifier: Apache-2.0

import Bytes
import IMAP
import Testing

@Suite("RFC 9051 §5.1, RFC 3501 §5.1.3 names of mailboxes")
struct MailboxNameTests {
    @Test(
        "Modified UTF-7 has one way to write each name",
        arguments: [
            ("INBOX", "INBOX"), ("~peter/mail/&U,BTFw-/&ZeVnLIqe-", "~peter/mail/台北/日本語"),
            ("&-", "&"), ("a&-b", "a&b"), ("&AOQ-", "ä"), ("Entw&APw-rfe", "Entwürfe"),
            ("&2D3eAA-", "😀"), ("&AOQA9gD8-", "äöü"),
        ])
    func modifiedUTF7(wire: String, text: String) throws {
        #expect(try ModifiedUTF7.decode(octets(wire)) == text)
        #expect(ModifiedUTF7.encode(text) == octets(wire))
    }

    @Test(
        "Every other way is refused",
        arguments: [
            "&", "a&b", "&AOQ", "&AO-", "&AOQA-", "&AGE-", "&AOR-", "&AOQ-&APY-", "&U,BTFw",
            "&2D0-", "&3gA-", "&====-", "&AOQ=-", "ä", "a\u{7F}", "&Jjo!-", "&A/Q-",
        ])
    func badUTF7(wire: String) {
        #expect(throws: SyntaxError.self) { try ModifiedUTF7.decode(octets(wire)) }
    }

    @Test("Every text survives both ways", arguments: 0..<200)
    func roundTrip(seed: Int) throws {
        var state = UInt64(seed) &* 6_364_136_223_846_793_005 &+ 1
        var text = ""
        for _ in 0..<(seed % 30) {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let value = UInt32(state >> 40) % (seed % 3 == 0 ? 0x80 : 0x20000)
            if let scalar = Unicode.Scalar(value) { text.unicodeScalars.append(scalar) }
        }
        let decoded = try ModifiedUTF7.decode(ModifiedUTF7.encode(text))
        #expect(decoded.unicodeScalars.elementsEqual(text.unicodeScalars))
    }

    @Test(
        "INBOX is one mailbox however it is written, and names are in NFC",
        arguments: [
            ("iNbOx", "INBOX"), ("inbox/a", "INBOX/a"), ("inboxes", "inboxes"),
            ("a/inbox", "a/inbox"), ("a\u{308}", "\u{E4}"), ("a/", "a"),
        ])
    func canonical(written: String, text: String) throws {
        let name = try MailboxName(wire: octets(written), isUTF8: true)
        #expect(Array(name.text.utf8) == octets(text))
    }

    @Test(
        "What is no name",
        arguments: [
            "", "/", "/a", "a//b", "a//", "a\r", "a\u{85}", "\u{2028}", "a/\u{301}b", "a/\u{200D}",
        ])
    func bad(text: String) {
        #expect(throws: SyntaxError.self) {
            try MailboxName(wire: octets(text), isUTF8: true)
        }
    }

    @Test("Names are bounded in length and depth")
    func bounds() {
        #expect(throws: SyntaxError.self) { try MailboxName(String(repeating: "a", count: 1001)) }
        let levels = Array(repeating: "a", count: 33).joined(separator: "/")
        #expect(throws: SyntaxError.self) { try MailboxName(levels) }
        #expect(throws: Never.self) { try MailboxName(String(levels.dropLast(2))) }
    }

    @Test("Levels, parents and renamed children")
    func hierarchy() throws {
        let (a, abc, abx) = (
            try MailboxName("a/b"), try MailboxName("a/b/c"), try MailboxName("a/bx")
        )
        #expect(abc.parent == a)
        #expect(a.isAncestor(of: abc))
        #expect(!a.isAncestor(of: abx))
        #expect(!a.isAncestor(of: a))
        #expect(abc.moved(from: a, to: try MailboxName("z")).text == "z/c")
        #expect(a.moved(from: a, to: try MailboxName("z")).text == "z")
        #expect(try MailboxName("a").parent == nil)
    }

    @Test("A name is written so that the client reads it again")
    func written() throws {
        for (text, isUTF8, wire) in [
            ("INBOX", false, "INBOX"), ("a b", false, "\"a b\""), ("ä", false, "&AOQ-"),
            ("ä", true, "\"ä\""), ("a&b", false, "a&-b"), ("a&b", true, "a&b"),
            ("a\"b\\", false, "\"a\\\"b\\\\\""), ("NIL", false, "\"NIL\""), ("a]", true, "a]"),
        ] {
            var octets: [UInt8] = []
            try MailboxName(text).write(to: &octets, isUTF8: isUTF8)
            #expect(String(lossy: octets) == wire)
        }
    }
}
