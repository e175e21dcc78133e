// SPDX-License-Identifier: Apache-2.0

import Bytes
import Testing
import World

@testable import Defence

@Suite("Rates, errors and bans")
struct ConductTests {
    private static func instant(_ seconds: Int) -> Instant {
        Instant(nanoseconds: 0) + .seconds(seconds)
    }

    @Test(
        "A rate is read, and a slip of the pen is refused",
        arguments: [
            ("account 1000/hour", true), ("sender-domain 1/minute", true),
            ("account 0/hour", false),
            ("account 1000", false), ("account -1/day", false), ("accounts 1/day", false),
            ("account 1/week", false), ("account  1/day", true), ("", false),
            ("account 1/2/day", false),
        ])
    func rates(text: String, isOne: Bool) {
        #expect((RateLimit(text) != nil) == isOne)
    }

    @Test("A stolen password sends no more than its limit within any period")
    func slides() {
        var counters = RateCounters([RateLimit(.account, 100, per: .hour)])
        var passed: [Int] = []
        // One each second for four hours.
        for second in 0..<14_400 {
            if (try? counters.take([(.account, "anna")], at: Self.instant(second))) != nil {
                passed.append(second)
            }
        }
        // What the window before counts is taken as spread evenly over it, which it need not be.
        for start in stride(from: 0, to: 10_800, by: 60) {
            #expect(passed.count { (start..<start + 3_600).contains($0) } <= 200, "from \(start)")
        }
        #expect((300...500).contains(passed.count), "\(passed.count) in four hours")
    }

    @Test("One over one limit counts for none, and is told once in a period")
    func excess() {
        var counters = RateCounters([
            RateLimit(.account, 2, per: .minute), RateLimit(.accountDomain, 3, per: .minute),
        ])
        func take(_ account: String, _ second: Int) -> RateCounters.Excess? {
            do throws(RateCounters.Excess) {
                try counters.take(
                    [(.account, account), (.accountDomain, "example.org")],
                    at: Self.instant(second))
                return nil
            } catch {
                return error
            }
        }
        #expect(take("a", 0) == nil && take("a", 0) == nil)
        #expect(take("a", 1)?.isFirst == true)
        #expect(take("a", 2)?.isFirst == false)
        #expect(take("b", 3) == nil)
        #expect(take("c", 4)?.limit.subject == .accountDomain)
        #expect(take("a", 200) == nil, "after two periods everything is forgotten")
    }

    @Test("What has no limit is not counted, and invented senders do not fill the memory")
    func bounded() throws {
        var counters = RateCounters([RateLimit(.sender, 1, per: .day)])
        for index in 0..<120_000 {
            try counters.take([(.sender, "\(index)"), (.network, "n")], at: Self.instant(0))
        }
        #expect(throws: RateCounters.Excess.self) {
            try counters.take([(.sender, "119999")], at: Self.instant(0))
        }
        try counters.take([(.sender, "0")], at: Self.instant(0))
    }

    @Test("Over a restart a limit holds as it would have without one")
    func ratesOverRestart() throws {
        let limits = [RateLimit(.account, 10, per: .hour), RateLimit(.network, 100, per: .day)]
        var before = RateCounters(limits)
        for _ in 0..<7 { try before.take([(.account, "anna")], at: Self.instant(1_000)) }
        try before.take([(.account, "ben"), (.network, "n")], at: Self.instant(1_000))
        let kept = try JSON(parsing: before.kept(at: Self.instant(1_500)).description.utf8)
        // Another clock, and a minute in which nobody counted.
        var after = RateCounters(limits)
        after.restore(kept, after: .minutes(1), at: Self.instant(5))
        for count in 0..<4 {
            let isTaken = (try? after.take([(.account, "anna")], at: Self.instant(6))) != nil
            #expect(isTaken == (count < 3), "\(count)")
        }
        // The window began 560 seconds before the restart: two hours later nothing is left of it.
        for _ in 0..<10 { try after.take([(.account, "anna")], at: Self.instant(7_000)) }
    }

    @Test("What is kept of rates is bounded, and nonsense in it counts for nothing")
    func keptRates() throws {
        var counters = RateCounters([RateLimit(.sender, 50, per: .day)])
        for index in 0..<20_000 {
            for _ in 0..<(index == 9 ? 3 : 1) {
                try counters.take([(.sender, "\(index)")], at: Self.instant(0))
            }
        }
        let kept = counters.kept(at: Self.instant(1)).array ?? []
        #expect(kept.count == RateCounters.maximumKept)
        #expect(kept.first?["subject"] == "9")
        for text in [
            "3", "[]", "[{}]", #"[{"limit":"x 1/day","subject":"9","age":0,"count":1,"before":0}]"#,
            #"[{"limit":"sender 50/day","subject":"9","age":-1,"count":1,"before":0}]"#,
            #"[{"limit":"sender 50/day","subject":"9","age":0,"count":-9,"before":0}]"#,
        ] {
            var other = RateCounters([RateLimit(.sender, 1, per: .day)])
            other.restore(try JSON(parsing: text.utf8), after: .zero, at: Self.instant(0))
            try other.take([(.sender, "9")], at: Self.instant(0))
        }
    }

    @Test("Offences go on being counted over a restart, and a second ban is longer")
    func offencesOverRestart() throws {
        let host = try #require(IPAddress("192.0.2.1"))
        var book = OffenceBook()
        for _ in 0..<50 { _ = book.note(.wrongPassword, by: host, at: Self.instant(0)) }
        for _ in 0..<99 {
            let ban = book.note(.unknownRecipient, by: host, at: Self.instant(10))
            #expect(ban == nil)
        }
        let kept = try JSON(parsing: book.kept(at: Self.instant(20)).description.utf8)
        var later = OffenceBook()
        later.restore(kept, after: .minutes(10), at: Self.instant(0))
        let ban = later.note(.unknownRecipient, by: host, at: Self.instant(1))
        #expect(ban?.duration == .hours(2))
        var muchLater = OffenceBook()
        muchLater.restore(kept, after: .days(30), at: Self.instant(0))
        let first = muchLater.note(.unknownRecipient, by: host, at: Self.instant(1))
        #expect(first == nil)
        var broken = OffenceBook()
        broken.restore(
            try JSON(parsing: #"[3,{"network":"x"}]"#.utf8), after: .zero, at: .init(nanoseconds: 0)
        )
        let none = broken.note(.listed, by: host, at: Self.instant(1))
        #expect(none == nil)
    }

    @Test("Errors are answered later and later, and in the end not any more")
    func conduct() {
        var conduct = Conduct(maximumErrors: 12)
        let pauses = (0..<12).map { _ in Int(conduct.err().components.seconds) }
        #expect(pauses == [0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 20, 20])
        #expect(conduct.isOver)
        var patient = Conduct(maximumErrors: 0)
        for _ in 0..<1_000 { _ = patient.err() }
        #expect(!patient.isOver)
    }

    private static func ban(_ network: String, until: Int64, since: Int64 = 0) throws -> Ban {
        Ban(
            try #require(IPNetwork(network)), cause: "a reason", since: Timestamp(seconds: since),
            until: Timestamp(seconds: until), author: nil)
    }

    @Test("A host is banned by its network, the narrowest first, until the end of the ban")
    func bans() throws {
        var list = BanList([
            try Self.ban("192.0.2.0/24", until: 100), try Self.ban("192.0.2.7", until: 50),
            try Self.ban("2001:db8::/64", until: 100),
        ])
        func until(_ host: String, at second: Int64) throws -> Int64? {
            list.ban(of: try #require(IPAddress(host)), at: Timestamp(seconds: second))?.until
                .seconds
        }
        #expect(try until("192.0.2.7", at: 0) == 50)
        #expect(try until("192.0.2.7", at: 50) == 100)
        #expect(try until("::ffff:192.0.2.9", at: 99) == 100)
        #expect(try until("192.0.2.9", at: 100) == nil)
        #expect(try until("198.51.100.1", at: 0) == nil)
        #expect(try until("2001:db8::5", at: 0) == 100)
        #expect(
            list.prune(at: Timestamp(seconds: 60)).map(\.network.description) == ["192.0.2.7/32"])
        #expect(list.remove(try #require(IPNetwork("192.0.2.0/24"))) != nil)
        #expect(try until("192.0.2.9", at: 60) == nil)
        #expect(list.count == 1)
    }

    @Test("Many faults within an hour ban a host, twice as long each time, its neighbours never")
    func offences() throws {
        var book = OffenceBook()
        let host = try #require(IPAddress("192.0.2.1"))
        let neighbour = try #require(IPAddress("192.0.2.2"))
        var hours: [Int64] = []
        var now = 0
        for _ in 0..<12 {
            for attempt in 1...50 {
                now += 1
                _ =
                    attempt == 1
                    ? book.note(.wrongPassword, by: neighbour, at: Self.instant(now)) : nil
                let ban = book.note(.wrongPassword, by: host, at: Self.instant(now))
                #expect((ban != nil) == (attempt == 50))
                if let ban {
                    hours.append(ban.duration.components.seconds / 3600)
                    #expect(ban.cause == "50 wrong passwords within an hour")
                    #expect(ban.network.description == "192.0.2.1/32")
                    now += Int(ban.duration.components.seconds)
                }
            }
        }
        #expect(hours == [1, 2, 4, 8, 16, 32, 64, 128, 168, 168, 168, 168])
    }

    @Test("Faults spread over hours ban nobody, and different faults are counted apart")
    func patience() throws {
        var book = OffenceBook()
        let host = try #require(IPAddress("2001:db8::1"))
        for minute in 0..<600 {
            #expect(book.note(.wrongPassword, by: host, at: Self.instant(minute * 90)) == nil)
            if minute < 50 {
                #expect(book.note(.unknownRecipient, by: host, at: Self.instant(minute)) == nil)
            }
        }
    }
}
