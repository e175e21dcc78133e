// SPDX-License-Identifier: Apache-2.0

import Bytes
import Testing

@testable import IMAP

@Suite("RFC 4314 §2 rights")
struct AccessRightsTests {
    @Test(
        "Letters are rights, and say so again with those of RFC 2086",
        arguments: [
            ("", ""), ("l", "l"), ("rl", "lr"), ("lrswipkxtea", "lrswipkxteacd"),
            ("llll", "l"), ("c", "kxc"), ("d", "ted"), ("k", "kc"), ("x", "xc"), ("t", "td"),
            ("e", "ed"), ("lrswida", "lrswitead"), ("lrswikda", "lrswikteacd"),
            ("cd", "kxtecd"), ("p", "p"),
        ])
    func letters(written: String, read: String) throws {
        let rights = try AccessRights(letters: Array(written.utf8))
        #expect(rights.text == read)
        // The letters of RFC 2086 mean more than stands for them.
        #expect(try AccessRights(letters: Array(rights.standardText.utf8)) == rights)
        #expect(rights.separateTexts.joined() == read)
    }

    @Test(
        "What is no right is refused, and where it stands",
        arguments: [("L", 0), ("lrQ", 2), ("lq", 1), ("l r", 1), ("0", 0), ("+l", 0), ("lé", 1)])
    func unknown(text: String, offset: Int) {
        #expect(throws: SyntaxError(at: offset, expected: "rights: letters of lrswipkxtea")) {
            _ = try AccessRights(letters: Array(text.utf8))
        }
    }

    @Test(
        "A change replaces, adds or takes away",
        arguments: [
            ("lr", "w", "w"), ("lr", "+w", "lrw"), ("lrw", "-w", "lr"), ("lr", "", ""),
            ("lr", "-", "lr"), ("lr", "+", "lr"), ("lrswi", "+cda", "lrswikxtea"),
            ("lrswikxtea", "-cd", "lrswia"), ("", "-l", ""),
        ])
    func changes(old: String, text: String, new: String) throws {
        let change = try ACLChange(text: Array(text.utf8))
        let after = change.applied(to: try AccessRights(letters: Array(old.utf8)))
        #expect(after == (try AccessRights(letters: Array(new.utf8))))
    }

    @Test("A change has one sign", arguments: ["++l", "+-l", "--l", "l+"])
    func signs(text: String) {
        #expect(throws: SyntaxError.self) { _ = try ACLChange(text: Array(text.utf8)) }
    }

    @Test(
        "§4 STORE: s is for \\Seen, t for \\Deleted, w for the others",
        arguments: [
            ("lr", [], false), ("s", [FlagSet.seen], false), ("t", [.deleted], false),
            ("st", [.seen, .deleted], false),
            (
                "w",
                [
                    .answered, .flagged, .draft, .forwarded, .notificationSent, .junk, .notJunk,
                    .phishing, .important,
                ], true
            ),
        ] as [(String, [FlagSet], Bool)])
    func flags(letters: String, flags: [FlagSet], keywords: Bool) throws {
        let rights = try AccessRights(letters: Array(letters.utf8))
        let changeable = rights.changeableFlags
        #expect(changeable.intersection(.known) == FlagSet(flags))
        #expect(changeable.contains(.keywords) == keywords)
        let wanted = FlagList(known: .known, keywords: ["work"])
        let left = wanted.permitted(by: rights)
        #expect(left.known == FlagSet(flags))
        #expect(left.keywords == (keywords ? ["work"] : []))
    }

    @Test(
        "§5.2: who may change what others see has the mailbox READ-WRITE; \\Seen is one's own",
        arguments: [
            ("lr", false), ("lrpkxa", false), ("lri", true), ("lre", true), ("lrs", false),
            ("lrw", true), ("lrt", true),
        ])
    func writable(letters: String, isWritable: Bool) throws {
        #expect(try AccessRights(letters: Array(letters.utf8)).allowsChanges == isWritable)
    }

    @Test("§5.1.1: PERMANENTFLAGS are those that the rights allow to change")
    func permanentFlags() throws {
        let keywords = KeywordTable([(bit: 16, name: "work")])
        let expected = [
            "lr": ")] no flag can be set", "lrs": "\\Seen)] flags kept",
            "lrst": "\\Seen \\Deleted)] flags kept",
            "lrw": "\\Answered \\Flagged \\Draft $Forwarded $MDNSent $Junk $NotJunk $Phishing"
                + " $Important work \\*)] flags kept",
        ]
        for (letters, text) in expected.sorted(by: { $0.key < $1.key }) {
            var writer = ResponseWriter()
            let rights = try AccessRights(letters: Array(letters.utf8))
            writer.flags(keywords, permanent: rights.changeableFlags)
            let written = String(lossy: writer.octets)
            #expect(written.hasSuffix("[PERMANENTFLAGS (\(text)\r\n"), "\(letters): \(written)")
        }
    }
}
