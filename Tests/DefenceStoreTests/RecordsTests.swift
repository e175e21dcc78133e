// SPDX-License-Identifier: Apache-2.0

import Bytes
import Defence
import Journal
import Storage
import Synchronization
import Testing
import World

@testable import DefenceStore

/// A clock that moves when it is told to.
final class HandClock: Time {
    private let current = Mutex(Timestamp(seconds: 1_790_000_000))

    var timestamp: Timestamp { current.withLock { $0 } }
    var now: Instant { Instant(nanoseconds: timestamp.milliseconds * 1_000_000) }
    func advance(_ duration: Duration) { current.withLock { $0 = $0 + duration } }
    func sleep(until deadline: Instant) async throws(CancellationError) {}
}

@Suite("What the first defence remembers")
struct RecordsTests {
    private static func run<Result: Sendable>(
        on disk: MemoryDisk = MemoryDisk(), clock: HandClock = HandClock(),
        _ body: @escaping @Sendable (DefenceRecords, HandClock, SQLiteStore) async throws -> Result
    ) async throws -> Result {
        let store = try SQLiteStore(on: disk, schema: [.defence])
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await store.run() }
            defer { group.cancelAll() }
            return try await body(try await DefenceRecords(store, time: clock), clock, store)
        }
    }

    private static func network(_ text: String) throws -> IPNetwork {
        try #require(IPNetwork(text))
    }

    @Test("Bans and logins outlive the server, and end")
    func bansLast() async throws {
        let disk = MemoryDisk()
        let clock = HandClock()
        let host = try #require(IPAddress("192.0.2.7"))
        let friend = try #require(IPAddress("198.51.100.1"))
        try await Self.run(on: disk, clock: clock) { records, _, _ in
            let bans = records.bans
            try await bans.add(
                Self.network("192.0.2.0/24"), cause: "a reason", duration: .hours(2), author: "me")
            try await bans.add(
                Self.network("192.0.2.7"), cause: "another", duration: .zero, author: nil)
            #expect(bans.ban(of: host)?.cause == "another")
            try await bans.noteLogin(from: friend)
        }
        try await Self.run(on: disk, clock: clock) { records, clock, _ in
            let bans = records.bans
            #expect(bans.all.map(\.network.description) == ["192.0.2.0/24", "192.0.2.7/32"])
            #expect(bans.all.map(\.author) == ["me", nil])
            clock.advance(.minutes(1))
            #expect(bans.ban(of: host)?.cause == "a reason", "the short one is over")
            #expect(bans.hasLoggedIn(friend) && !bans.hasLoggedIn(host))
            clock.advance(.hours(2))
            #expect(bans.ban(of: host) == nil && bans.all.isEmpty)
            try await bans.prune()
            clock.advance(.days(30))
            #expect(!bans.hasLoggedIn(friend))
        }
        try await Self.run(on: disk, clock: clock) { records, _, _ in
            #expect(records.bans.count == 0)
        }
    }

    @Test("A ban that is taken back is gone, also after a restart; a second one replaces the first")
    func bansEnd() async throws {
        let disk = MemoryDisk()
        try await Self.run(on: disk) { records, _, _ in
            let network = try Self.network("2001:db8::/32")
            try await records.bans.add(network, cause: "a", duration: .hours(1), author: nil)
            try await records.bans.add(network, cause: "b", duration: .hours(1), author: nil)
            #expect(records.bans.all.map(\.cause) == ["b"])
            #expect(try await records.bans.remove(network)?.cause == "b")
            #expect(try await records.bans.remove(network) == nil)
        }
        try await Self.run(on: disk) { records, _, _ in #expect(records.bans.all.isEmpty) }
    }

    private static func triplet(_ sender: String, host: String = "192.0.2.1") throws
        -> Greylist.Triplet
    {
        Greylist.Triplet(
            client: try #require(IPAddress(host)), sender: sender, recipient: "b@example.net")
    }

    @Test("A stranger waits once, also across a restart; five of them vouch for their network")
    func greylisting() async throws {
        let disk = MemoryDisk()
        let clock = HandClock()
        let greylist = Greylist()
        try await Self.run(on: disk, clock: clock) { records, clock, _ in
            for index in 0..<5 {
                let triplet = try Self.triplet(
                    "\(Character(UnicodeScalar(97 + UInt8(index))))@x.example")
                #expect(
                    try await records.greylist.judge(triplet, by: greylist) == .wait(.minutes(5)))
            }
            clock.advance(.minutes(1))
            #expect(
                try await records.greylist.judge(Self.triplet("a@x.example"), by: greylist)
                    == .wait(.minutes(4)))
        }
        clock.advance(.minutes(5))
        try await Self.run(on: disk, clock: clock) { records, clock, _ in
            for index in 0..<5 {
                let triplet = try Self.triplet(
                    "\(Character(UnicodeScalar(97 + UInt8(index))))@x.example")
                #expect(try await records.greylist.judge(triplet, by: greylist) == .passesNow)
                #expect(
                    try await records.greylist.judge(triplet, by: greylist) == .known)
            }
            #expect(
                try await records.greylist.judge(
                    Self.triplet("z@x.example", host: "192.0.2.99"), by: greylist) == .known)
            #expect(
                try await records.greylist.judge(
                    Self.triplet("a@x.example", host: "198.51.100.1"), by: greylist)
                    == .wait(.minutes(5)))
            clock.advance(.hours(25))
            #expect(try await records.greylist.prune(greylist) == false)
            #expect(
                try await records.greylist.judge(Self.triplet("a@x.example"), by: greylist)
                    == .known, "what has come again lives longer than a day")
            clock.advance(.days(40))
            _ = try await records.greylist.prune(greylist)
        }
        let rows = try await Self.run(on: disk, clock: clock) { _, _, store in
            try await store.read { transaction in
                try transaction.first("SELECT COUNT(*) FROM defence_greylist") { $0.integer(0) }
            }
        }
        #expect(rows == 0)
    }

    @Test("To whom an address here has written is known, whatever the case of letters")
    func correspondents() async throws {
        try await Self.run { records, clock, store in
            let correspondents = records.correspondents
            #expect(
                try correspondents.acquaintance(of: "ben@example.net", among: ["anna@example.org"])
                    == nil, "and that is forgotten with the first letter")
            let recording = try #require(
                correspondents.recording(from: "Anna@Example.org", to: ["Ben@Example.net"]))
            #expect(
                correspondents.recording(from: "anna@example.org", to: ["ben@example.net"]) == nil,
                "once is enough")
            try await store.write { try recording($0) }
            #expect(
                try correspondents.acquaintance(
                    of: "BEN@example.net", among: ["carl@example.org", "anna@example.org"])
                    == "anna@example.org")
            #expect(
                try correspondents.acquaintance(of: "ben@example.net", among: ["carl@example.org"])
                    == nil)
            clock.advance(.days(731))
            #expect(try await correspondents.prune() == false)
            #expect(
                try correspondents.acquaintance(of: "ben@example.net", among: ["anna@example.org"])
                    == nil)
        }
    }

    @Test("What was made of a message is kept with it, and goes with its journal")
    func verdicts() async throws {
        try await Self.run { records, clock, store in
            let now = clock.timestamp
            let id = QueueID(earliestAt: now)
            let verdict = Verdict(Score([Score.Test("spf=fail", 3, "for example.org")]), .init())
            try await store.write { try Verdicts.record(verdict, of: id, at: now, in: $0) }
            #expect(try await records.verdicts.verdict(of: id)?.verdict == verdict)
            #expect(try await records.verdicts.verdict(of: QueueID(value: 43)) == nil)
            #expect(try await records.verdicts.prune(before: now) == false)
            #expect(try await records.verdicts.verdict(of: id) != nil)
            #expect(try await records.verdicts.prune(before: now + .days(1)) == false)
            #expect(try await records.verdicts.verdict(of: id) == nil)
        }
    }

    @Test("Counts are kept over a restart, with how long ago that was")
    func counts() async throws {
        let disk = MemoryDisk()
        let clock = HandClock()
        try await Self.run(on: disk, clock: clock) { records, _, _ in
            #expect(try await records.counts.kept(.rates) == nil)
            try await records.counts.keep([(.rates, [1]), (.offences, [2])])
            try await records.counts.keep([(.rates, [3])])
        }
        clock.advance(.minutes(3))
        try await Self.run(on: disk, clock: clock) { records, clock, _ in
            let rates = try #require(try await records.counts.kept(.rates))
            #expect(rates.value == [3] && rates.elapsed == .minutes(3))
            #expect(try await records.counts.kept(.offences)?.value == [2])
            clock.advance(.days(-1))
            #expect(try await records.counts.kept(.rates)?.elapsed == .zero)
        }
    }
}
