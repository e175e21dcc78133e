// SPDX-License-Identifier: Apache-2.0

import SimulatedWorld
import Storage
import Testing
import World

/// A message of which it is known what SORT compares: small letters, which are their own keys.
private struct Letter {
    var from = ""
    var to = ""
    var cc = ""
    var displayFrom = ""
    var displayTo = ""
    var subject = ""
    var day = 1
    var padding = 0

    init(_ chance: inout Chance) {
        func one(of words: String...) -> String { words[chance.below(words.count)] }
        from = one(of: "ann", "bob", "an")
        to = one(of: "x", "y", "yyyyyyyyz", "yyyyyyyya")
        cc = one(of: "", "k", "m")
        displayFrom = one(of: "zed", "ed", "abcdefghij", "abcdefghi")
        displayTo = one(of: "one", "two")
        subject = one(of: "s", "t", "same beginning a", "same beginning b")
        day = 1 + chance.below(4)
        padding = chance.below(4)
    }

    var text: String {
        """
        From: \(displayFrom) <\(from)@example.org>\r
        To: \(displayTo) <\(to)@example.org>\r
        Subject: \(subject)\r
        Date: \(day) Nov 2026 10:00:00 +0100\r
        Message-ID: <\(day).\(padding)@example.org>\r
        \(cc.isEmpty ? "" : "Cc: <\(cc)@example.org>\r\n")\r
        \(String(repeating: "-", count: padding))\r

        """
    }

    static let criteria = [
        "ARRIVAL", "CC", "DATE", "DISPLAYFROM", "DISPLAYTO", "FROM", "SIZE", "SUBJECT", "TO",
    ]

    /// Negative, zero or positive, as it stands to another one.
    func compared(to other: Self, by criterion: String) -> Int {
        func order<Value: Comparable>(_ value: (Self) -> Value) -> Int {
            value(self) < value(other) ? -1 : value(self) > value(other) ? 1 : 0
        }
        return switch criterion {
        case "CC": order(\.cc)
        case "DATE": order(\.day)
        case "DISPLAYFROM": order(\.displayFrom)
        case "DISPLAYTO": order(\.displayTo)
        case "FROM": order(\.from)
        case "SIZE": order { $0.text.utf8.count }
        case "SUBJECT": order(\.subject)
        case "TO": order(\.to)
        default: 0
        }
    }
}

@Suite("RFC 5256 §3, RFC 5957 SORT by several criteria")
struct SortingTests {
    @Test("Any two criteria, either of them reversed, order as all facts of the messages do")
    func pairs() throws {
        try IMAPSite.run { site in
            var chance = Chance(seed: 5)
            let letters = (0..<30).map { _ in Letter(&chance) }
            for letter in letters {
                try await site.deliver(letter.text)
                try await site.simulation.sleep(for: .seconds(1))
            }
            let client = try await site.logIn()
            _ = try await client.ask("SELECT INBOX")
            for first in Letter.criteria {
                for second in Letter.criteria {
                    let reversed = (chance.happens(0.5), chance.happens(0.5))
                    let numbers = letters.indices.sorted { left, right in
                        for (criterion, isReversed) in [
                            (first, reversed.0), (second, reversed.1),
                        ] {
                            let order =
                                criterion == "ARRIVAL"
                                ? left - right
                                : letters[left].compared(to: letters[right], by: criterion)
                            if order != 0 { return (order < 0) != isReversed }
                        }
                        return left < right
                    }
                    let criteria =
                        (reversed.0 ? "REVERSE \(first) " : "\(first) ")
                        + (reversed.1 ? "REVERSE \(second)" : second)
                    let answer = try await client.ask("SORT (\(criteria)) UTF-8 ALL")
                    let expected = numbers.map { " \($0 + 1)" }.joined()
                    #expect(answer.first == "* SORT\(expected)", "\(criteria)")
                }
            }
        }
    }

    @Test("Facts that are missing, damaged or of another release are computed again, each once")
    func unknown() throws {
        try IMAPSite.run { site in
            let subjects = ["d", "b", "h", "a", "g", "c", "f", "e"]
            for subject in subjects {
                try await site.deliver("Subject: \(subject)\r\nFrom: \(subject)@x.org\r\n\r\nx\r\n")
            }
            let client = try await site.logIn()
            _ = try await client.ask("SELECT INBOX")
            let expected = "* SORT 4 2 6 1 8 7 5 3"
            for round in 1...2 {
                if round == 1 {
                    try await site.store.write { transaction in
                        try transaction.execute(
                            """
                            DELETE FROM content_summary WHERE content_id IN
                                (SELECT content_id FROM mailbox_message WHERE uid IN (2, 3, 8))
                            """, [])
                        try transaction.execute(
                            """
                            UPDATE content_summary SET format = 1 WHERE content_id IN
                                (SELECT content_id FROM mailbox_message WHERE uid IN (5))
                            """, [])
                        try transaction.execute(
                            """
                            UPDATE content_summary SET facts = x'00FF' WHERE content_id IN
                                (SELECT content_id FROM mailbox_message WHERE uid IN (1, 6))
                            """, [])
                    }
                }
                for criterion in ["SUBJECT", "FROM"] {
                    let answer = try await client.ask("SORT (\(criterion)) UTF-8 ALL")
                    #expect(answer.first == expected, "\(criterion)")
                }
                let threads = try await client.ask("THREAD ORDEREDSUBJECT UTF-8 2:4")
                #expect(threads.first == "* THREAD (2)(3)(4)")
            }
        }
    }

    @Test("What another session has removed is not sorted, though it is still there for this one")
    func removed() throws {
        try IMAPSite.run { site in
            for subject in ["c", "b", "a"] {
                try await site.deliver("Subject: \(subject)\r\n\r\nx\r\n")
            }
            let client = try await site.logIn()
            _ = try await client.ask("SELECT INBOX")
            let other = try await site.logIn()
            _ = try await other.ask("SELECT INBOX")
            _ = try await other.ask("STORE 2 +FLAGS.SILENT (\\Deleted)")
            _ = try await other.ask("EXPUNGE")
            for (key, expected) in [("ALL", " 3 1"), ("1:2 3", ""), ("UID 2:3", " 3")] {
                let answer = try await client.ask("SORT (SUBJECT) UTF-8 \(key)")
                #expect(answer.first == "* SORT\(expected)", "\(key)")
            }
        }
    }

    @Test("More messages than are treated at once are each treated once")
    func many() throws {
        try IMAPSite.run { site in
            for day in 1...9 {
                try await site.deliver(
                    "Date: \(day) Nov 2026 10:00:00 +0100\r\nSubject: x\r\n\r\nx\r\n")
            }
            let client = try await site.logIn()
            _ = try await client.ask("SELECT INBOX")
            // 9 become 4,608.
            for _ in 1...9 { _ = try await client.ask("COPY 1:* INBOX") }
            let numbers = (1...4608).map { $0 }
            let byDate = numbers.sorted { (($0 - 1) % 9, $0) < (($1 - 1) % 9, $1) }
            for (criterion, expected) in [("ARRIVAL", numbers), ("DATE", byDate)] {
                let answer = try await client.ask("UID SORT (\(criterion)) UTF-8 ALL")
                #expect(answer.first == "* SORT" + expected.map { " \($0)" }.joined())
            }
            let found = try await client.ask("SEARCH RETURN (COUNT) SENTON 3-Nov-2026")
            #expect(found.first?.hasSuffix("COUNT 512") == true)
            let told = try await client.ask("STORE 1:* +FLAGS (\\Seen)")
            #expect(told.count == 4609)
            let silent = try await client.ask("UID STORE 1:* -FLAGS.SILENT (\\Seen)")
            #expect(silent.count == 1)
            let unseen = try await client.ask("SEARCH RETURN (COUNT) UNSEEN")
            #expect(unseen.first?.hasSuffix("COUNT 4608") == true)
            #expect(try await site.countersAreRight())
        }
    }
}
