// SPDX-License-Identifier: Apache-2.0

import Journal
import Mail
import MessageStore
import Storage
import Testing
import World

@testable import Spool

@Suite("The queue as an operator sees and changes it")
struct ListingTests {
    @Test("what is listed has all fields, by message and by destination")
    func entries() async throws {
        try await Post.run { post in
            let first = try await post.accept(10, to: ["ben@example.net", "cora@example.com"])
            let second = try await post.accept(20, from: "", to: ["dora@example.com"])
            let all = try await post.spooler.entries().entries
            var selection = Selection()
            selection.destination = "example.net"
            let there = try await post.spooler.entries(selection).entries
            let after = try await post.spooler.entries(after: first).entries
            #expect(all.map(\.id) == [first, second])
            #expect(there.map(\.id) == [first])
            #expect(after.map(\.id) == [second])
            #expect(all.map(\.octets) == [10, 20])
            #expect(all.map(\.reversePath.description) == ["anna@example.org", ""])
            #expect(all[0].messageID == "<m1@example.org>")
            #expect(all[0].recipients.map(\.address) == ["ben@example.net", "cora@example.com"])
            #expect(all[0].recipients.map(\.state) == [.waiting, .waiting])
            #expect(all[0].expires == post.clock.timestamp + .days(5))
            let unknown = try await post.spooler.entry(QueueID(value: 1))
            #expect(unknown == nil)
        }
    }

    @Test("A recipient whose address cannot be read is not tried, but shown, and can be redirected")
    func unreadable() async throws {
        try await Post.run { post in
            let id = try await post.accept(to: ["a@example.net", "b@example.net", "c@example.net"])
            try await post.store.write { transaction in
                try transaction.execute(
                    "UPDATE recipient SET address = 'no address' WHERE ordinal = 1", [])
            }
            let key = RecipientKey(message: id, ordinal: 1)
            let lost = Spooler.UnreadableRecipient(key: key, address: "no address")
            for expected in [["a@example.net", "c@example.net"], []] {
                let claimed = try await post.spooler.claim(at: post.clock.timestamp, limit: 10)
                #expect(claimed.recipients.map(\.address.description) == expected)
                #expect(claimed.unreadable == [lost])
            }
            // One that cannot be read takes no place of others.
            try await post.spooler.releaseOwnClaims(at: post.clock.timestamp)
            var place: Spooler.Place?
            var found: [String] = []
            repeat {
                let part = try await post.spooler.claim(
                    at: post.clock.timestamp, limit: 1, from: place)
                found += part.recipients.map(\.address.description)
                place = part.rest
            } while place != nil
            #expect(found == ["a@example.net", "c@example.net"])

            #expect(
                try await post.spooler.unreadable(among: [key, .init(message: id, ordinal: 0)])
                    == [lost])
            let entry = try #require(try await post.spooler.entries().entries.first)
            #expect(entry == (try await post.spooler.entry(id)))
            #expect(entry.recipients.map(\.state) == [.active, .waiting, .active])
            #expect(
                entry.recipients.map(\.lastText)
                    == [nil, "this release cannot read its address: it is not tried", nil])

            let domain = Intervention.redirect(.domain(try Domain("example.org")))
            #expect(
                try await post.spooler.intervene(domain, Selection(id), by: "eva").recipients == 0)
            let address = Intervention.redirect(.address(try Address("d@example.org")))
            #expect(
                try await post.spooler.intervene(address, Selection(id), by: "eva").recipients == 1)
            let fact = try #require(try await post.trace.facts(of: id).last)
            #expect(fact.kind == .redirected && fact[.original] == "no address")
            #expect(try await post.claimAll().map(\.address.description) == ["d@example.org"])
            #expect(try await post.spooler.unreadable(among: [key]) == [])
        }
    }

    @Test("destinations are counted by state")
    func counts() async throws {
        try await Post.run { post in
            let held = try await post.accept(to: ["a@example.com"])
            try await post.spooler.intervene(.hold, Selection(held), by: "t")
            try await post.accept(to: ["b@example.com", "c@example.net"])
            let claimed = try await post.spooler.claim(
                at: post.clock.timestamp, limit: 10,
                excluding: [try Address("x@example.com").destination])
            #expect(claimed.recipients.map(\.address.description) == ["c@example.net"])
            let counts = try await post.spooler.census(
                by: .destination, at: post.clock.timestamp
            ).shares
            #expect(counts.map(\.name) == ["example.com", "example.net"])
            #expect(counts.map(\.waiting) == [1, 0])
            #expect(counts.map(\.active) == [0, 1])
            #expect(counts.map(\.held) == [1, 0])
        }
    }

    @Test("claims go on from the place where the last call ended, each recipient once")
    func places() async throws {
        try await Post.run { post in
            for number in 0..<25 { try await post.accept(to: ["p\(number)@example.net"]) }
            var place: Spooler.Place?
            var sizes: [Int] = []
            var seen: Set<RecipientKey> = []
            repeat {
                let claimed = try await post.spooler.claim(
                    at: post.clock.timestamp, limit: 10, from: place)
                sizes.append(claimed.recipients.count)
                seen.formUnion(claimed.recipients.map(\.key))
                place = claimed.rest
            } while place != nil
            #expect(sizes == [10, 10, 5])
            #expect(seen.count == 25)
        }
    }

    @Test("a held message is not due until it is released, and the journal says so")
    func hold() async throws {
        try await Post.run { post in
            let id = try await post.accept()
            let held = try await post.spooler.intervene(
                .hold, Selection(id), by: "eva", reason: "looks odd")
            let none = try await post.claimAll()
            let next = try await post.spooler.nextDue()
            #expect(held.recipients == 1 && none == [] && next == nil)
            let released = try await post.spooler.intervene(.release, Selection(id), by: "eva")
            let due = try await post.claimAll()
            #expect(released.recipients == 1 && due.count == 1)
            let unchanged = try await post.spooler.intervene(.hold, Selection(id), by: "eva")
            #expect(unchanged == Spooler.Tally(messages: 0, recipients: 0, active: 1))
            let facts = try await post.trace.facts(of: id)
            #expect(facts.map(\.kind) == [.accepted, .held, .released])
            #expect(facts.map { $0[.author] } == [nil, "eva", "eva"])
            #expect(facts.map(\.text) == [nil, "looks odd", nil])
        }
    }

    @Test("a host that is back makes due what failed before, there and nowhere else")
    func hasten() async throws {
        try await Post.run { post in
            try await post.accept(to: ["a@example.com", "b@example.net"])
            let due = try await post.claimAll()
            let now = post.clock.timestamp
            let evidence = Outcome.Evidence(EnhancedStatus(4, 4, 1), "no")
            try await post.spooler.settle([
                Conclusion(
                    due.map {
                        Settlement(
                            $0,
                            .deferred(until: now + .hours(1), evidence, told: []))
                    })
            ])
            let there = try Address("x@example.com").destination
            let count = try await post.spooler.hasten(there, at: now)
            let again = try await post.claimAll()
            #expect(count == 1)
            #expect(again.map(\.address.description) == ["a@example.com"])
        }
    }

    @Test("a host that is back makes due all that failed before, in steps that let others commit")
    func hastenMany() async throws {
        try await Post.run { post in
            let messages = 2_345
            for _ in 0..<messages { try await post.accept(10, to: ["a@example.com"]) }
            let now = post.clock.timestamp
            let evidence = Outcome.Evidence(EnhancedStatus(4, 4, 1), "no")
            var waiting = 0
            while case let due = try await post.claimAll(), !due.isEmpty {
                waiting += due.count
                let later = now + .hours(1)
                try await post.spooler.settle([
                    Conclusion(
                        due.map { Settlement($0, .deferred(until: later, evidence, told: [])) })
                ])
            }
            #expect(waiting == messages)
            let before = post.store.commitCounts.commits
            let there = try Address("x@example.com").destination
            #expect(try await post.spooler.hasten(there, at: now) == messages)
            #expect(post.store.commitCounts.commits - before == 3)
            let times = try await post.count("SELECT count(DISTINCT next_attempt) FROM recipient")
            #expect(times == 1)
            #expect(try await post.spooler.nextDue() == now)
        }
    }

    @Test("an operator's deletion leaves no row and no file, but a fact")
    func delete() async throws {
        try await Post.run { post in
            let id = try await post.accept(2_000_000, to: ["a@example.com", "b@example.com"])
            let count = try await post.spooler.intervene(
                .delete, Selection(id), by: "eva", reason: "spam"
            ).recipients
            let entry = try await post.spooler.entry(id)
            let names = try await post.bodies.list()
            let contents = try await post.count("SELECT count(*) FROM content")
            #expect(count == 2 && entry == nil && names == [] && contents == 0)
            let facts = try await post.trace.facts(of: id)
            #expect(facts.filter { $0.kind == .deleted }.map(\.text) == ["spam", "spam"])
        }
    }
}

@Suite("The journal")
struct TraceTests {
    @Test("a message is found by queue id, Message-ID, sender and each recipient")
    func find() async throws {
        try await Post.run { post in
            let id = try await post.accept(to: ["Ben@Example.net", "cora@example.com"])
            let texts = [
                id.description, id.description.lowercased(), "<m1@example.org>", "m1@example.org",
                "anna@example.org", "ben@example.NET", "cora@example.com",
            ]
            for text in texts {
                let found = try await post.trace.queueIDs(matching: text)
                #expect(found == [id], "\(text)")
            }
            let none = try await post.trace.queueIDs(matching: "nobody@example.com")
            #expect(none == [])
        }
    }

    @Test("a fact comes back as it was written; nobody slips in a line")
    func fields() async throws {
        try await Post.run { post in
            let id = QueueID(value: 77)
            let written = Fact(
                .attempted, of: id, at: post.clock.timestamp,
                recipient: try Address("ben@example.net"), host: "mx1 [192.0.2.1]:25",
                status: EnhancedStatus(4, 2, 0), text: "450 later",
                fields: [
                    Fact.Field(.attempt, 3), Fact.Field(.helo, "a=b"),
                ])
            var evil = written
            evil.fields = [Fact.Field(.helo, "x\naccount=root")]
            evil.text = "a\r\nb" + String(repeating: "c", count: 5_000)
            let facts = [written, evil]
            try await post.store.write { try Trace.record(facts, in: $0) }
            let read = try await post.trace.facts(of: id)
            #expect(read.first == written)
            #expect(read.last?[.helo] == "x account=root")
            #expect(read.last?[.account] == nil)
            #expect(read.last?.text?.count == Fact.maximumTextCharacters)
        }
    }

    @Test("after 30 days a message is forgotten, with all its keys")
    func prune() async throws {
        try await Post.run { post in
            let old = try await post.accept(to: ["a@example.com", "b@example.com"])
            post.clock.advance(.days(29))
            let young = try await post.accept()
            let none = try await post.trace.prune(at: post.clock.timestamp)
            #expect(none == 0)
            post.clock.advance(.days(1) + .seconds(1))
            let one = try await post.trace.prune(at: post.clock.timestamp)
            #expect(one == 1)
            let facts = try await post.trace.facts(of: old)
            let left = try await post.trace.queueIDs(messageID: "m1@example.org")
            let keys = try await post.count("SELECT count(*) FROM trace_key")
            #expect(facts == [] && left == [young])
            #expect(keys == 3)
        }
    }

    @Test("queue ids rise, also when the clock is set back, and read back as written")
    func queueIDs() {
        let clock = HandClock()
        let ids = QueueIDSource(time: clock, entropy: Counter())
        var last = ids.next()
        for step in 0..<1_000 {
            clock.advance(.milliseconds(step % 3 - 1))
            let next = ids.next()
            #expect(next > last && next.description > last.description)
            #expect(next.description.utf8.count == 13)
            #expect(QueueID(next.description) == next)
            last = next
        }
        for text in ["", "0", "ZZZZZZZZZZZZZZ", "ZZZZZZZZZZZZZ", "000000000000U", "äöüäöüä"] {
            #expect(QueueID(text) == nil, "\(text)")
        }
    }
}

@Suite("RFC 1939 §7 TOP")
struct TopTests {
    @Test(
        "the top is the header, the empty line and so many lines",
        arguments: [
            (0, "A: 1\r\nB: 2\r\n\r\n"), (1, "A: 1\r\nB: 2\r\n\r\none\r\n"),
            (2, "A: 1\r\nB: 2\r\n\r\none\r\n\r\n"),
            (9, "A: 1\r\nB: 2\r\n\r\none\r\n\r\nthree"),
        ])
    func top(lines: Int, expected: String) async throws {
        try await Post.run { post in
            var draft = post.intake.open()
            try await draft.append(Array("B: 2\r\n\r\none\r\n\r\nthree".utf8)[...])
            let envelope = Envelope(
                from: .null, to: [Envelope.Recipient(try Address("a@example.com"))])
            _ = try await draft.commit(Acceptance(envelope))
            let due = try await post.claimAll()
            try await post.spooler.settle([
                Conclusion(
                    due.map {
                        Settlement(
                            $0,
                            .deliveredLocally(
                                account: 1, mailbox: "INBOX", prefix: "A: 1\r\n"))
                    })
            ])
            let listed = try await post.mailboxes.list(of: 1)
            #expect(listed.count == 1)
            for message in listed {
                var reader = post.mailboxes.read(message, top: lines)
                let read = try await reader.readAll()
                #expect(String(decoding: read.octets, as: UTF8.self) == expected)
            }
        }
    }
}
