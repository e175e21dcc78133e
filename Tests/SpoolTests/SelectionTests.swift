// SPDX-License-Identifier: Apache-2.0

import Bytes
import Journal
import Mail
import Spool
import Storage
import Testing
import World

@Suite("What an operator means by a selection")
struct SelectionTests {
    /// Four messages: two tried in vain at mx1, one held, one for a notification.
    private static func fill(_ post: Post) async throws -> [QueueID] {
        let a = try await post.accept(from: "anna@example.org", to: ["ben@example.net"])
        let b = try await post.accept(from: "carl@example.com", to: ["Dora@Example.NET"])
        let due = try await post.claimAll()
        let evidence = Outcome.Evidence(
            EnhancedStatus(4, 4, 1), "no", host: "mx1.example.net [192.0.2.1]")
        let until = post.clock.timestamp + .hours(1)
        try await post.spooler.settle([
            Conclusion(
                due.map {
                    Settlement($0, .deferred(until: until, evidence, told: []))
                })
        ])
        post.clock.advance(.hours(2))
        let c = try await post.accept(
            from: "anna@example.org", to: ["e_a@example.info", "eva@example.info"])
        try await post.spooler.intervene(.hold, Selection(c), by: "t")
        let d = try await post.accept(from: "", to: ["anna@example.org"])
        return [a, b, c, d]
    }

    @Test("conditions are met one by one and together, whatever the letter case")
    func conditions() async throws {
        try await Post.run { post in
            let ids = try await Self.fill(post)
            let now = post.clock.timestamp
            let cases: [(String, (inout Selection) -> Void, [Int])] = [
                ("everything", { _ in }, [0, 1, 2, 3]),
                ("messages", { $0.messages = [ids[2], ids[0]] }, [0, 2]),
                ("a destination", { $0.destination = "example.net" }, [0, 1]),
                ("a host by name", { $0.host = "MX1.example.net" }, [0, 1]),
                ("a host by address", { $0.host = "192.0.2.1" }, [0, 1]),
                ("no part of a host's name", { $0.host = "mx1.example" }, []),
                ("a sender", { $0.sender = .init("ANNA@example.org") }, [0, 2]),
                ("a sender's domain", { $0.sender = .init("@example.com") }, [1]),
                ("notifications", { $0.sender = .init("<>") }, [3]),
                ("a recipient", { $0.recipient = .init("dora@example.net") }, [1]),
                ("a wildcard is none", { $0.recipient = .init("e_a@example.info") }, [2]),
                ("another is none", { $0.recipient = .init("%@example.info") }, []),
                ("a recipient's domain", { $0.recipient = .init("example.info") }, [2]),
                ("older", { $0.acceptedBefore = now + .hours(-1) }, [0, 1]),
                ("younger", { $0.acceptedSince = now + .hours(-1) }, [2, 3]),
                ("held", { $0.state = .held }, [2]),
                ("waiting", { $0.state = .waiting }, [0, 1, 3]),
                ("active", { $0.state = .active }, []),
                (
                    "two at once",
                    {
                        $0.sender = .init("anna@example.org")
                        $0.destination = "example.net"
                    }, [0]
                ),
            ]
            for (name, change, expected) in cases {
                var selection = Selection()
                change(&selection)
                let found = try await post.spooler.entries(selection).entries.map(\.id)
                #expect(found == expected.map { ids[$0] }, "\(name)")
                let count = try await post.spooler.count(selection)
                #expect(count.messages == expected.count, "\(name)")
            }
        }
    }

    @Test("a recipient in memory is meant by the same conditions")
    func inMemory() async throws {
        try await Post.run { post in
            let id = try await post.accept(from: "anna@example.org", to: ["ben@example.net"])
            let due = try #require(await post.claimAll().first)
            let cases: [((inout Selection) -> Void, Bool)] = [
                ({ _ in }, true), ({ $0.messages = [id] }, true), ({ $0.messages = [] }, false),
                ({ $0.destination = "example.net" }, true),
                ({ $0.destination = "example.org" }, false),
                ({ $0.sender = .init("@EXAMPLE.org") }, true),
                ({ $0.sender = .init("<>") }, false),
                ({ $0.recipient = .init("BEN@example.net") }, true),
                ({ $0.recipient = .init("@ample.net") }, false),
                ({ $0.host = "mx1.example.net" }, false), ({ $0.state = .held }, false),
                ({ $0.acceptedBefore = due.message.accepted }, false),
                ({ $0.acceptedSince = due.message.accepted }, true),
            ]
            for (index, (change, isMeant)) in cases.enumerated() {
                var selection = Selection()
                change(&selection)
                #expect(selection.matches(due) == isMeant, "case \(index)")
            }
        }
    }

    @Test("a long queue is listed page by page, each message once")
    func pages() async throws {
        try await Post.run { post in
            var ids: [QueueID] = []
            for number in 0..<25 {
                ids.append(try await post.accept(to: ["p\(number)@example.net"]))
            }
            var place: QueueID?
            var sizes: [Int] = []
            var listed: [QueueID] = []
            repeat {
                let page = try await post.spooler.entries(after: place, limit: 10)
                sizes.append(page.entries.count)
                listed += page.entries.map(\.id)
                place = page.next
            } while place != nil
            #expect(sizes == [10, 10, 5])
            #expect(listed == ids)
            let exact = try await post.spooler.entries(limit: 25)
            #expect(exact.entries.count == 25 && exact.next == nil)
        }
    }

    @Test("more recipients than one transaction takes are changed in several, and counted")
    func batches() async throws {
        try await Post.run { post in
            let many = (0..<(Spooler.changedTogether + 20)).map { "p\($0)@example.net" }
            let first = try await post.accept(to: many)
            let second = try await post.accept(to: ["q@example.net", "r@example.com"])
            var there = Selection()
            there.destination = "example.net"
            let commits = post.store.commitCounts.commits
            let deleted = try await post.spooler.intervene(.delete, there, by: "eva")
            #expect(deleted == Spooler.Tally(messages: 2, recipients: many.count + 1, active: 0))
            #expect(post.store.commitCounts.commits - commits == 2)
            let left = try await post.spooler.entries().entries
            #expect(left.map(\.id) == [second])
            #expect(left.first?.recipients.map(\.address) == ["r@example.com"])
            let contents = try await post.count("SELECT count(*) FROM content")
            #expect(contents == 1)
            let facts = try await post.trace.facts(of: first)
            #expect(facts.filter { $0.kind == .deleted }.count == many.count)
        }
    }

    @Test("what is redirected has a new address and queue, and is found by both addresses")
    func redirect() async throws {
        try await Post.run { post in
            let id = try await post.accept(to: ["ben@example.net", "cora@example.com"])
            var there = Selection()
            there.destination = "example.net"
            let domain = Redirection.domain(try Domain("example.info"))
            let changed = try await post.spooler.intervene(
                .redirect(domain), there, by: "eva", reason: "moved")
            #expect(changed.recipients == 1)
            let entry = try #require(await post.spooler.entry(id))
            #expect(entry.recipients.map(\.address) == ["ben@example.info", "cora@example.com"])
            #expect(entry.recipients.map(\.destination) == ["example.info", "example.com"])
            #expect(entry.recipients[0].original == "ben@example.net")
            let due = try await post.claimAll()
            #expect(due.map(\.address.description) == ["ben@example.info", "cora@example.com"])
            for address in ["ben@example.net", "ben@example.info"] {
                let found = try await post.trace.queueIDs(matching: address)
                #expect(found == [id], "\(address)")
            }
            let fact = try #require(await post.trace.facts(of: id).last)
            #expect(fact.kind == .redirected && fact[.original] == "ben@example.net")
            #expect(fact[.author] == "eva" && fact.text == "moved")
        }
    }
}

@Suite("What goes by a host of an operator's choice")
struct ChosenHostTests {
    private static func there(_ host: String?) -> Intervention { .redirect(.host(host)) }

    @Test("it is kept with the recipient through a restart, and taken back")
    func lasts() async throws {
        let disk = MemoryDisk()
        let clock = HandClock()
        let id = try await Post.run(on: disk, clock: clock) { post in
            let id = try await post.accept(to: ["ben@example.net", "cora@example.com"])
            var there = Selection()
            there.destination = "example.net"
            let changed = try await post.spooler.intervene(
                Self.there("mx.example.info:2525"), there, by: "eva", reason: "they moved")
            #expect(changed == Spooler.Tally(messages: 1, recipients: 1, active: 0))
            let again = try await post.spooler.intervene(
                Self.there("mx.example.info:2525"), there, by: "eva")
            #expect(again.recipients == 0)
            return id
        }
        try await Post.run(on: disk, clock: clock) { post in
            let entry = try #require(await post.spooler.entry(id))
            #expect(entry.recipients.map(\.via) == ["mx.example.info:2525", nil])
            #expect(entry.recipients.map(\.address) == ["ben@example.net", "cora@example.com"])
            #expect(entry.recipients.map(\.original) == [nil, nil])
            let due = try await post.claimAll()
            #expect(due.map(\.via) == ["mx.example.info:2525", nil])
            try await post.spooler.settle([
                Conclusion(due.map { Settlement($0, .putOff(until: clock.timestamp)) })
            ])
            let fact = try #require(await post.trace.facts(of: id).last)
            #expect(fact.kind == .redirected && fact[.via] == "mx.example.info:2525")
            #expect(fact.recipient?.description == "ben@example.net" && fact[.original] == nil)
            #expect(fact.text == "they moved")
            let back = try await post.spooler.intervene(Self.there(nil), Selection(id), by: "eva")
            #expect(back.recipients == 1)
            let usual = try await post.claimAll()
            #expect(usual.map(\.via) == [nil, nil])
        }
    }

    @Test("what was held stays held, and a new address goes its own way")
    func heldAndReaddressed() async throws {
        try await Post.run { post in
            let id = try await post.accept(to: ["ben@example.net"])
            try await post.spooler.intervene(.hold, Selection(id), by: "eva")
            try await post.spooler.intervene(Self.there("192.0.2.1"), Selection(id), by: "eva")
            let held = try #require(await post.spooler.entry(id)?.recipients.first)
            #expect(held.state == .held && held.via == "192.0.2.1")
            let domain = Redirection.domain(try Domain("example.info"))
            try await post.spooler.intervene(.redirect(domain), Selection(id), by: "eva")
            let moved = try #require(await post.spooler.entry(id)?.recipients.first)
            #expect(moved.state == .held && moved.via == nil)
        }
    }

    @Test("a line that takes no more is passed over: the host's, or the destination's own")
    func passedOver() async throws {
        try await Post.run { post in
            let chosen = try await post.accept(to: ["ben@example.net"])
            let usual = try await post.accept(to: ["ben@example.net"])
            try await post.spooler.intervene(
                Self.there("mx.example.info"), Selection(chosen), by: "eva")
            let now = post.clock.timestamp
            for (line, expected) in [
                (DueRecipient.line(via: "mx.example.info"), usual),
                (try Destination("example.net"), chosen),
            ] {
                let claimed = try await post.spooler.claim(
                    at: now, limit: 10, excluding: [line]
                ).recipients
                #expect(claimed.map(\.message.id) == [expected])
                try await post.spooler.settle([
                    Conclusion(claimed.map { Settlement($0, .putOff(until: now)) })
                ])
            }
        }
    }
}

@Suite("The queue counted by its traits")
struct CensusTests {
    @Test("shares are counted by destination, exchanger and sender, with their ages")
    func shares() async throws {
        try await Post.run { post in
            try await post.accept(from: "anna@example.org", to: ["a@example.net"])
            post.clock.advance(.minutes(30))
            try await post.accept(from: "anna@example.org", to: ["b@example.net"])
            let held = try await post.accept(from: "", to: ["c@example.com"])
            try await post.spooler.intervene(.hold, Selection(held), by: "t")
            let now = post.clock.timestamp
            let census = try await post.spooler.census(by: .destination, at: now)
            #expect(census.shares.map(\.name) == ["example.net", "example.com"])
            #expect(census.shares[0].ages == [1, 0, 0, 1, 0, 0, 0, 0, 0, 0])
            #expect(census.shares.map(\.waiting) == [2, 0])
            #expect(census.shares.map(\.held) == [0, 1])
            #expect(census.shares[0].oldest == now + .minutes(-30))
            #expect(census.total.total == 3 && census.otherNames == 0)
            let senders = try await post.spooler.census(by: .sender, at: now)
            #expect(senders.shares.map(\.name) == ["anna@example.org", ""])
            let first = try await post.spooler.census(by: .sender, at: now, limit: 1)
            #expect(first.shares.map(\.total) == [2])
            #expect(first.others.total == 1 && first.otherNames == 1)
            let hosts = try await post.spooler.census(by: .host, at: now)
            #expect(hosts.shares.map(\.name) == [""])
        }
    }
}

@Suite("Suspensions")
struct SuspensionTests {
    @Test("a suspension covers its destination, its sender, its host, and nothing else")
    func covers() throws {
        let now = Timestamp(seconds: 1_790_000_000)
        let suspensions = Suspensions([
            Suspension(.destination, "Example.NET", since: now, author: "eva"),
            Suspension(.sender, "anna@example.org", since: now, author: "eva"),
            Suspension(.sender, "@spam.example", since: now, author: "eva"),
            Suspension(.host, "mx1.example.com", since: now, author: "eva"),
            Suspension(.host, "192.0.2.9", since: now, author: "eva", reason: "moves"),
        ])
        let anna = ReversePath.address(try Address("Anna@example.org"))
        let ben = ReversePath.address(try Address("ben@example.org"))
        let spam = ReversePath.address(try Address("x@spam.example"))
        #expect(suspensions.covering(ben, to: "example.net")?.scope == .destination)
        #expect(suspensions.covering(ben, to: "sub.example.net") == nil)
        #expect(suspensions.covering(anna, to: "example.com")?.subject == "anna@example.org")
        #expect(suspensions.covering(spam, to: "example.com")?.subject == "@spam.example")
        #expect(suspensions.covering(.null, to: "example.com") == nil)
        #expect(suspensions.covering(host: "MX1.example.com") != nil)
        #expect(suspensions.covering(host: "mx2.example.com") == nil)
        let address = try #require(IPAddress("192.0.2.9"))
        #expect(
            suspensions.covering(address)?.sentence
                == "deliveries to the host 192.0.2.9 are suspended since 2026-09-21T14:13:20Z"
                + " by eva (moves)")
        #expect(Suspensions.none.isEmpty && !suspensions.isEmpty)
        #expect(suspensions.coversHosts)
    }

    @Test("a suspension outlasts a restart; its end makes due what waited, and both are recorded")
    func lasts() async throws {
        let disk = MemoryDisk()
        let clock = HandClock()
        try await Post.run(on: disk, clock: clock) { post in
            let suspension = Suspension(
                .destination, "example.net", since: clock.timestamp, author: "eva",
                reason: "they move")
            let isNew = try await post.spooler.suspend(suspension)
            let again = try await post.spooler.suspend(suspension)
            #expect(isNew && !again)
            try await post.accept(to: ["a@example.net", "b@example.com"])
            let due = try await post.claimAll()
            let until = clock.timestamp + .hours(4)
            try await post.spooler.settle([
                Conclusion(due.map { Settlement($0, .putOff(until: until)) })
            ])
        }
        try await Post.run(on: disk, clock: clock) { post in
            let suspensions = try await post.spooler.suspensions()
            #expect(suspensions.all.map(\.subject) == ["example.net"])
            #expect(suspensions.all.map(\.reason) == ["they move"])
            let unknown = try await post.spooler.resume(.sender, "example.net", by: "t")
            #expect(unknown == nil)
            let count = try await post.spooler.resume(.destination, "example.net", by: "otto")
            #expect(count == 1)
            let due = try await post.claimAll()
            #expect(due.map(\.address.description) == ["a@example.net"])
            let left = try await post.spooler.suspensions()
            #expect(left.isEmpty)
            let ids = try await post.trace.queueIDs(matching: "example.net")
            var facts: [Fact] = []
            for id in ids { facts += try await post.trace.facts(of: id) }
            #expect(facts.map(\.kind) == [.resumed, .suspended])
            #expect(facts.map { $0[.author] } == ["otto", "eva"])
        }
    }
}
