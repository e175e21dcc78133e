// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Mail
import Maintenance
import Testing
import World
import ZoneCheck

@Suite("Hosts that are down, judged slowly")
struct HealthJudgeTests {
    private let why = Wording("connection refused", "Verbindung abgelehnt")
    private let subject: HealthJudge.Subject

    init() throws { subject = .host(try Name("mx1.example.net")) }

    private func at(_ seconds: Int) -> Instant {
        Instant(nanoseconds: 0) + .seconds(1_000_000 + seconds)
    }

    @Test("Three failures within a minute and more are needed; one answer between begins anew")
    func failing() throws {
        var judge = HealthJudge()
        #expect(judge.health(of: subject, at: at(0)) == .unknown)
        #expect(judge.observe(subject, failure: nil, at: at(0)) == nil)
        #expect(judge.health(of: subject, at: at(0)) == .up)
        #expect(judge.observe(subject, failure: why, at: at(30)) == nil)
        // It fails: no comfort for others any more.
        #expect(judge.health(of: subject, at: at(30)) == .unknown)
        #expect(judge.observe(subject, failure: why, at: at(60)) == nil)
        #expect(judge.observe(subject, failure: nil, at: at(90)) == nil)
        #expect(judge.observe(subject, failure: why, at: at(120)) == nil)
        #expect(judge.observe(subject, failure: why, at: at(150)) == nil)
        let observed = judge.observe(subject, failure: why, at: at(180))
        let change = try #require(observed)
        #expect(change.health == .down(since: at(180), why))
        #expect(change.steadyFor == .minutes(2))
        #expect(judge.health(of: subject, at: at(200)).isDown)
        // Many failures at once are no minute.
        var hasty = HealthJudge()
        for second in 0..<50 {
            #expect(hasty.observe(subject, failure: why, at: at(second)) == nil)
        }
        // What nobody looks at any more is not known.
        #expect(judge.health(of: subject, at: at(180 + 601)) == .unknown)
    }

    @Test("It is up again after answering steadily, twice as long after each relapse")
    func relapses() {
        var judge = HealthJudge()
        var now = 0
        var pauses: [Int] = []
        for _ in 0..<8 {
            while judge.observe(subject, failure: why, at: at(now)) == nil { now += 30 }
            let down = now
            now += 30
            while judge.observe(subject, failure: nil, at: at(now)) == nil { now += 30 }
            pauses.append(now - down)
            now += 30
        }
        #expect(pauses == [150, 270, 510, 990, 1950, 3630, 3630, 3630])
        // Hours without a relapse are forgiven.
        for _ in 0..<600 {
            _ = judge.observe(subject, failure: nil, at: at(now))
            now += 60
        }
        var change: HealthJudge.Change?
        while change == nil {
            change = judge.observe(subject, failure: why, at: at(now))
            now += 30
        }
        #expect(change?.steadyFor == .minutes(2))
    }

    @Test(
        "However hosts flap, a judgement never changes faster than its damping allows",
        arguments: 0..<60)
    func property(_ number: Int) {
        var seed = Seed(state: UInt64(number))
        var judge = HealthJudge()
        let damping = HealthJudge.Damping()
        var now = 0
        var changes: [(time: Int, isDown: Bool)] = []
        let flakiness = Double.random(in: 0.05...0.95, using: &seed)
        for _ in 0..<2000 {
            now += Int.random(in: 5...60, using: &seed)
            let fails = Double.random(in: 0...1, using: &seed) < flakiness
            if let change = judge.observe(subject, failure: fails ? why : nil, at: at(now)) {
                #expect(change.health.isDown == fails)
                changes.append((now, fails))
            }
        }
        for (earlier, later) in zip(changes, changes.dropFirst()) {
            #expect(earlier.isDown != later.isDown)
            let least = later.isDown ? damping.failingFor : damping.steadyFor
            #expect(.seconds(later.time - earlier.time) >= least)
        }
        // A bound for the whole time, relapses or not.
        #expect(changes.count <= 2 * (now / 180 + 1))
    }
}

@Suite("What a zone answers while hosts are down")
struct HealthOverlayTests {
    private let origin: Name
    private let records: [ResourceRecord]
    private var overlay = HealthOverlay()

    init() throws {
        origin = try Name("example.org")
        let text = """
            $TTL 3600
            @ SOA ns1 h 1 7200 900 1209600 300
              NS ns1
              MX 10 mx1
              MX 20 mx2
              MX 30 MX3.elsewhere.example.
            one MX 10 mx1
            null MX 0 .
            mail A 192.0.2.1
                 AAAA 2001:db8::1
            mx1 A 192.0.2.1
            """
        records = MasterFile.parse(Array(text.utf8), origin: origin).records
        overlay.watchesExchangers = true
    }

    private func host(_ text: String) throws -> HealthJudge.Subject { .host(try Name(text)) }

    private func answer(
        _ overlay: HealthOverlay, _ states: [HealthJudge.Subject: HealthJudge.Health]
    ) -> (lines: [String], told: [String]) {
        let (records, departures) = overlay.applied(to: records) { states[$0] ?? .unknown }
        let lines = records.filter { [.mx, .a, .aaaa].contains($0.type) }
            .map { $0.text.split(separator: "\t").joined(separator: " ") }
        return (lines, departures.map { $0.text(.english) })
    }

    private let down = HealthJudge.Health.down(
        since: Instant(nanoseconds: 0), Wording("connection refused", "Verbindung abgelehnt"))

    @Test("A dead exchanger is left out while another one of its set is known to answer")
    func exchangers() throws {
        let mx1 = try host("mx1.example.org")
        let mx2 = try host("mx2.example.org")
        let mx3 = try host("mx3.elsewhere.example")
        let all = [
            "example.org. 60 IN MX 10 mx1.example.org.",
            "example.org. 60 IN MX 20 mx2.example.org.",
            "example.org. 60 IN MX 30 MX3.elsewhere.example.",
        ]
        let others = [
            "one.example.org. 3600 IN MX 10 mx1.example.org.", "null.example.org. 3600 IN MX 0 .",
            "mail.example.org. 3600 IN A 192.0.2.1", "mail.example.org. 3600 IN AAAA 2001:db8::1",
            "mx1.example.org. 3600 IN A 192.0.2.1",
        ]
        #expect(overlay.subjects(of: records) == [mx1, mx2, mx3])
        #expect(answer(overlay, [:]).lines == all + others)
        #expect(answer(overlay, [mx1: down, mx2: .up]).lines == Array(all.dropFirst()) + others)
        #expect(
            answer(overlay, [mx1: down, mx2: .up]).told == [
                "The exchanger mx1.example.org is left out of the answer for example.org: "
                    + "connection refused."
            ])
        #expect(answer(overlay, [mx1: down, mx2: down, mx3: .up]).lines == [all[2]] + others)
        // Nobody is known to answer: all stay.
        #expect(answer(overlay, [mx1: down]).lines == all + others)
        #expect(answer(overlay, [mx1: down, mx2: down, mx3: down]).lines == all + others)
        #expect(answer(overlay, [mx1: down, mx2: down, mx3: down]).told == [])
        // Switched off.
        let plain = answer(HealthOverlay(), [mx1: down, mx2: .up])
        #expect(plain.lines.first == "example.org. 3600 IN MX 10 mx1.example.org.")
        #expect(plain.lines.count == 8)
    }

    @Test("A name is answered with the backup's address while the primary is down")
    func failover() throws {
        var overlay = HealthOverlay()
        let backup = try #require(IPAddress("198.51.100.1"))
        let name = try Name("mail.example.org")
        overlay.failovers = [.init(name: name, backups: [backup])]
        func address(_ text: String) throws -> HealthJudge.Subject {
            .address(SocketAddress(try #require(IPAddress(text)), port: 587))
        }
        let (v4, v6) = (try address("192.0.2.1"), try address("2001:db8::1"))
        let reserve = try address("198.51.100.1")
        #expect(overlay.subjects(of: records) == [v4, v6, reserve])
        func mail(_ states: [HealthJudge.Subject: HealthJudge.Health]) -> [String] {
            answer(overlay, states).lines.filter { $0.hasPrefix("mail.") }
        }
        let primary = [
            "mail.example.org. 60 IN A 192.0.2.1", "mail.example.org. 60 IN AAAA 2001:db8::1",
        ]
        #expect(mail([:]) == primary)
        #expect(mail([v4: down, v6: down]) == primary)
        #expect(mail([v4: down, v6: down, reserve: down]) == primary)
        #expect(
            mail([v4: down, v6: down, reserve: .up]) == ["mail.example.org. 60 IN A 198.51.100.1"])
        #expect(
            answer(overlay, [v4: down, v6: down, reserve: .up]).told == [
                "mail.example.org is answered with the backup 198.51.100.1: connection refused."
            ])
        // One family alone is down.
        #expect(mail([v4: down, v6: .up, reserve: .up]) == [primary[1]])
        #expect(mail([v4: down, reserve: .up]) == primary)
        #expect(answer(overlay, [:]).lines.contains("mx1.example.org. 3600 IN A 192.0.2.1"))
    }

    @Test("Whatever is down, no set is empty, and nothing is invented", arguments: 0..<300)
    func neverEmpty(_ number: Int) throws {
        var seed = Seed(state: UInt64(number))
        var overlay = HealthOverlay()
        overlay.watchesExchangers = true
        let backups = ["198.51.100.1", "2001:db8::9"].compactMap { IPAddress($0) }
        overlay.failovers = [
            .init(name: try Name("mail.example.org"), backups: backups),
            .init(name: try Name("mx1.example.org"), backups: [backups[0]]),
        ]
        var states: [HealthJudge.Subject: HealthJudge.Health] = [:]
        for subject in overlay.subjects(of: records) {
            states[subject] = [.unknown, .up, down].randomElement(using: &seed)
        }
        let (answered, departures) = overlay.applied(to: records) { states[$0] ?? .unknown }
        for owner in Set(records.filter { $0.type == .mx }.map(\.owner)) {
            #expect(answered.contains { $0.owner == owner && $0.type == .mx })
        }
        for failover in overlay.failovers {
            let addresses = answered.filter {
                $0.owner == failover.name && [.a, .aaaa].contains($0.type)
            }
            #expect(!addresses.isEmpty)
            #expect(addresses.allSatisfy { $0.ttl == 60 })
        }
        let leftOut = departures.filter {
            if case .exchangeLeftOut = $0.kind { true } else { false }
        }
        #expect(
            answered.count { $0.type == .mx } + leftOut.count
                == records.count { $0.type == .mx })
        for record in answered where record.type == .mx {
            #expect(records.contains { $0.owner == record.owner && $0.data == record.data })
        }
    }
}

@Suite("Who came lately")
struct ArrivalTests {
    @Test("Messages, connections and addresses are counted by minutes and networks")
    func counts() throws {
        func at(_ seconds: Int) -> Instant { Instant(nanoseconds: 0) + .seconds(600_000 + seconds) }
        var counter = ArrivalCounter(at: at(0))
        let first = try #require(IPAddress("192.0.2.1"))
        let second = try #require(IPAddress("192.0.2.2"))
        let third = try #require(IPAddress("::ffff:203.0.113.9"))
        counter.connected(first, at: at(0))
        counter.accepted(first, at: at(1))
        counter.accepted(first, at: at(2))
        counter.connected(second, at: at(600))
        counter.accepted(second, at: at(601))
        counter.connected(third, at: at(890))
        #expect(counter.lastMessage == at(601))
        let hour = counter.summary(ofMinutes: 60, at: at(900))
        #expect([hour.connections, hour.messages, hour.clients] == [3, 3, 3])
        #expect(
            hour.text(.english)
                == "3 messages and 3 connections from 3 addresses in the last hour: "
                + "192.0.2.0/24 (3), 203.0.113.0/24 (0)")
        let five = counter.summary(ofMinutes: 5, at: at(900))
        #expect([five.connections, five.messages, five.clients] == [1, 0, 1])
        #expect(
            counter.summary(ofMinutes: 5, at: at(9000)).text(.german)
                == "niemand in den letzten 5 Minuten")
        // An hour later nothing of it is left.
        for minute in 0..<100 { counter.connected(first, at: at(9000 + 60 * minute)) }
        #expect(counter.summary(ofMinutes: 60, at: at(9000 + 60 * 99)).connections == 60)
    }

    @Test("A flood of addresses takes no more memory than a crowd")
    func flood() {
        var counter = ArrivalCounter(at: Instant(nanoseconds: 0))
        for number in 0..<UInt32(10_000) {
            counter.connected(.v4(IPv4Address(rawValue: number)), at: Instant(nanoseconds: 1))
        }
        let summary = counter.summary(ofMinutes: 5, at: Instant(nanoseconds: 1))
        #expect(summary.connections == 10_000)
        #expect(summary.clients == 2000)
        #expect(summary.networks.count == ArrivalCounter.namedNetworks)
    }
}
