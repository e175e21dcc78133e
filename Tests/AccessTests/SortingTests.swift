// SPDX-License-Identifier: Apache-2.0

import SimulatedWorld
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
