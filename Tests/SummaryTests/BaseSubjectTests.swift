// SPDX-License-Identifier: Apache-2.0

import Summary
import Testing

@Suite("RFC 5256 §2.1 base subject, §2.2 sent date, what threads are made of")
struct BaseSubjectTests {
    @Test(
        "What replies and forwards add is removed",
        arguments: [
            ("Hello", "Hello", false), ("Re: Hello", "Hello", true), ("re : Hello", "Hello", true),
            ("Fwd: Re: FW: Hello", "Hello", true), ("Re[2]: Hello", "Hello", true),
            ("[list] Re: Hello", "Hello", true), ("[list] Hello", "Hello", false),
            ("Re: [list] Re: Hello", "Hello", true), ("[list]", "[list]", false),
            ("[a] [b]", "[b]", false), ("Hello (fwd)", "Hello", true),
            ("Hello (fwd) (FWD)  ", "Hello", true), ("[Fwd: Re: Hello]", "Hello", true),
            ("[fwd: [fwd: a]]", "a", true), ("a \t  b\r\n c", "a b c", false),
            ("Re", "Re", false), ("Reply: x", "Reply: x", false), ("", "", false),
            ("Re:", "", true), ("[unclosed Re: x", "[unclosed Re: x", false),
            ("[a[b]] Re: x", "[a[b]] Re: x", false), ("re [x] y: z", "re [x] y: z", false),
        ])
    func base(subject: String, base: String, isReply: Bool) {
        let result = BaseSubject(subject.utf8)
        #expect(String(decoding: result.text, as: UTF8.self) == base)
        #expect(result.isReplyOrForward == isReply)
    }

    private static func facts(_ header: String) -> MessageFacts {
        MessageSummary(Messages.octets(header + "\n\n")).facts
    }

    @Test("Encoded words are decoded first, and case does not count")
    func encoded() {
        let one = Self.facts("Subject: =?utf-8?q?Re=3A_Gr=C3=BC=C3=9Fe?=")
        let other = Self.facts("Subject: GR\u{DC}SSE")
        #expect(one.isReplyOrForward)
        #expect(one.subject.starts(with: "GRUSSE".utf8))
        #expect(other.subject.starts(with: "GRUSSE".utf8))
        #expect(one.subject != Self.facts("Subject: Grusse").subject)
    }

    @Test("Accents decide last in what is sorted")
    func sorting() {
        let words = ["zebra", "\u{C4}pfel", "apfel", "c\u{F4}te", "cote", "Cotx"]
        let sorted = words.sorted {
            Folding.sortKey(Array($0.utf8)).lexicographicallyPrecedes(
                Folding.sortKey(Array($1.utf8)))
        }
        #expect(sorted == ["apfel", "\u{C4}pfel", "cote", "c\u{F4}te", "Cotx", "zebra"])
    }

    @Test("RFC 5051 §2: brackets and underscores come behind the letters")
    func sortingOfMarks() {
        let words = ["_", "z", "[a", "A", "1"]
        let sorted = words.sorted {
            Folding.sortKey(Array($0.utf8)).lexicographicallyPrecedes(
                Folding.sortKey(Array($1.utf8)))
        }
        #expect(sorted == ["1", "A", "z", "[a", "_"])
    }

    @Test("The sent date is an instant for SORT and a day for SENTSINCE")
    func sentDate() {
        let date = Self.facts("Date: 31 Dec 2000 16:01:33 -0800").sentDate
        #expect(date == SentDate(seconds: 978_307_293, offsetMinutes: -480))
        #expect(date?.day == 11322)
        #expect(SentDate(seconds: -1, offsetMinutes: 0).day == -1)
        #expect(SentDate(seconds: -3600, offsetMinutes: 60).day == 0)
        #expect(Self.facts("Date: never").sentDate == nil)
    }

    @Test("The first addresses are sorted by, as such and as they are shown")
    func addresses() {
        let facts = Self.facts(
            """
            From: =?utf-8?q?J=C3=B6rg?= <Zed@example.org>
            To: G: Bob@example.net, c@d.example;
            Cc: x@y.example
            """)
        #expect(facts.from == Array("ZED".utf8))
        // A group's name stands first in ENVELOPE.
        #expect(facts.to == Array("G".utf8))
        #expect(facts.cc == Array("X".utf8))
        #expect(facts.displayFrom.starts(with: "JORG".utf8))
        #expect(facts.displayTo == Array("G".utf8))
        #expect(Self.facts("To: Bob@example.net").displayTo == Array("BOB@EXAMPLE.NET".utf8))
        #expect(Self.facts("To: nobody:;").to == Array("NOBODY".utf8))
    }

    @Test("Threads are made of References, or else of the first of In-Reply-To")
    func references() {
        let one = Self.facts("Message-ID: <c@x>\nReferences: <a@x> junk <b@x>\nIn-Reply-To: <z@x>")
        #expect(one.messageID == Array("c@x".utf8))
        #expect(one.references == ["a@x", "b@x"].map { Array($0.utf8) })
        let quoted = Self.facts("Message-ID: <\"c \\\"d\"@x>\nReferences: <\"a\"@x> <\"b@x>")
        #expect(quoted.messageID == Array("c\"d@x".utf8))
        #expect(quoted.references == ["a@x", "\"b@x"].map { Array($0.utf8) })
        #expect(Self.facts("In-Reply-To: yours <z@x> <y@x>").references == [Array("z@x".utf8)])
        let many = (0..<500).map { "<\($0)@x>" }.joined(separator: "\n ")
        let kept = Self.facts("References: \(many)").references
        #expect(kept.count == MessageFacts.maximumReferences)
        #expect(kept.first == Array("0@x".utf8))
        #expect(kept.last == Array("499@x".utf8))
    }

    /// The facts that are not wanted left out.
    private func narrowed(_ facts: MessageFacts, to wanted: MessageFacts.Wanted) -> MessageFacts {
        var facts = facts
        if !wanted.contains(.subject) { facts.subject = [] }
        if !wanted.contains(.from) { facts.from = [] }
        if !wanted.contains(.to) { facts.to = [] }
        if !wanted.contains(.cc) { facts.cc = [] }
        if !wanted.contains(.displayFrom) { facts.displayFrom = [] }
        if !wanted.contains(.displayTo) { facts.displayTo = [] }
        if !wanted.contains(.thread) { (facts.messageID, facts.references) = (nil, []) }
        return facts
    }

    @Test("Any choice of facts is read as it would be with all the others")
    func someFacts() {
        let headers = [
            "", "Date: 31 Dec 2000 16:01:33 -0800", "Subject: Re: x\nMessage-ID: <c@x>",
            "Date: 1 Jan 1970 00:00:00 +0000\nSubject: \(String(repeating: "long ", count: 60))",
            """
            Date: 1 Feb 1960 00:00:00 +1345
            From: =?utf-8?q?J=C3=B6rg?= <Zed@example.org>
            To: G: Bob@example.net, c@d.example;
            Cc: x@y.example
            Subject: [fwd: a]
            Message-ID: <c@x>
            References: <a@x> junk <b@x>
            """,
            "Cc: \(String(repeating: "a", count: 200))@y.example\nReferences: <a@x>",
        ]
        for facts in headers.map(Self.facts) {
            let stored = facts.encoded
            for rawValue in 0...MessageFacts.Wanted.all.rawValue {
                let wanted = MessageFacts.Wanted(rawValue: rawValue)
                let expected = narrowed(facts, to: wanted)
                #expect(stored.withUnsafeBytes { MessageFacts(stored: $0, wanted) } == expected)
                // Cut behind what is wanted nobody sees it, before it there is nothing.
                let wrong = stride(from: 0, to: stored.count, by: 11).filter { count in
                    let cut = stored.prefix(count).withUnsafeBytes {
                        MessageFacts(stored: $0, wanted)
                    }
                    return cut != nil && (cut != expected || wanted == .all)
                }
                #expect(wrong == [])
            }
            let keys: [(MessageFacts.Wanted, [UInt8])] = [
                (.subject, facts.subject), (.from, facts.from), (.to, facts.to), (.cc, facts.cc),
                (.displayFrom, facts.displayFrom), (.displayTo, facts.displayTo),
            ]
            for (fact, expected) in keys {
                #expect(
                    stored.withUnsafeBytes { StoredFacts($0)?.key(fact).map { Array($0) } }
                        == expected)
                for count in stride(from: 0, to: stored.count, by: 7) {
                    let cut = stored.prefix(count).withUnsafeBytes {
                        StoredFacts($0)?.key(fact).map { Array($0) }
                    }
                    #expect(cut == nil || cut == expected)
                }
            }
            #expect(MessageFacts(encoded: stored) == facts)
            #expect(MessageFacts(encoded: stored + [0]) == nil)
        }
    }

    @Test("What is stored reads the same, and damaged octets are refused")
    func stored() throws {
        for message in Messages.written {
            let summary = MessageSummary(Messages.octets(message))
            #expect(MessageSummary(encoded: summary.encoded) == summary)
            for count in stride(from: 0, to: summary.encoded.count, by: 7) {
                #expect(MessageSummary(encoded: summary.encoded.prefix(count)) == nil)
            }
            let other = [UInt8(MessageSummary.format + 1)] + summary.encoded.dropFirst()
            #expect(MessageSummary(encoded: other) == nil)
        }
    }
}
