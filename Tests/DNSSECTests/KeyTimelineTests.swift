// SPDX-License-Identifier: Apache-2.0

import DNS
import DNSSEC
import SimulatedWorld
import Testing
import World

/// What our servers and those of the zone above have said, and when.
private struct History {
    struct Served {
        var from: Timestamp
        /// Numbers of keys.
        var keys: Set<Int> = []
        var keySigners: Set<Int> = []
        var dataSigners: Set<Int> = []
    }

    struct Delegated {
        var from: Timestamp
        var keys: Set<Int>
    }

    var served: [Served] = []
    var delegated: [Delegated]
    let policy: KeyPolicy
    let longestTTL: Int64
    let parentTTL: Int64

    /// Everything that some server may have said between two moments.
    private static func window<Item>(
        _ items: [Item], _ from: (Item) -> Timestamp, _ start: Timestamp, _ end: Timestamp
    ) -> ArraySlice<Item> {
        let first = items.lastIndex { from($0) <= start } ?? 0
        let last = items.lastIndex { from($0) <= end } ?? 0
        return items[first...max(first, last)]
    }

    /// Why some resolver could take the zone for forged at a moment, whatever it remembers of what
    /// TTLs and slow servers allow; nil if none can.
    func forgery(at now: Timestamp) -> String? {
        func before(_ seconds: Int64) -> Timestamp { now + .seconds(-seconds) }
        let entries = Self.window(
            delegated, \.from, before(parentTTL + policy.parentPropagation), now)
        let keys = Self.window(
            served, \.from, before(Int64(policy.keyTTL) + policy.propagation), now)
        let data = Self.window(served, \.from, before(longestTTL + policy.propagation), now)
        for entry in entries where !entry.keys.isEmpty {
            for set in keys {
                if entry.keys.isDisjoint(with: set.keys.intersection(set.keySigners)) {
                    return "DS \(entry.keys.sorted()) against keys \(set.keys.sorted())"
                }
                for old in data where old.dataSigners.isDisjoint(with: set.keys) {
                    return "data by \(old.dataSigners.sorted()) against keys \(set.keys.sorted())"
                }
            }
        }
        return nil
    }
}

/// A zone with its keys over years, below a zone that looks at CDS now and then.
private struct Years {
    var timeline: KeyTimeline
    var history: History
    var now: Timestamp
    var events: [KeyTimeline.Event] = []
    /// The zone above does what CDS says after so long; nil: never.
    var parentDelay: Int64?
    private var wanted: (keys: Set<Int>, at: Timestamp)?

    static let longestTTL: UInt32 = 86400

    init(_ policy: KeyPolicy, parentDelay: Int64?, parentTTL: Int64 = 86400) {
        now = Workshop.now
        self.parentDelay = parentDelay
        timeline = KeyTimeline(policy: policy, now: now, longestTTL: Self.longestTTL)
        history = History(
            served: [.init(from: now + .days(-100))],
            delegated: [.init(from: now + .days(-100), keys: [])], policy: policy,
            longestTTL: Int64(Self.longestTTL), parentTTL: parentTTL)
    }

    static func make(_ number: Int, _ role: ZoneKey.Role, _ now: Timestamp) -> ZoneKey {
        ZoneKey(
            number: number, role: role, algorithm: .ecdsaP256,
            publicKey: [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 64),
            published: now)
    }

    mutating func serve() {
        var served = History.Served(from: now)
        for key in timeline.keys {
            served.keys.insert(key.number)
            if key.role.signsKeys { served.keySigners.insert(key.number) }
            if key.isSigning { served.dataSigners.insert(key.number) }
        }
        if let last = history.served.last, last.keys == served.keys,
            last.keySigners == served.keySigners, last.dataSigners == served.dataSigners
        {
            return
        }
        history.served.append(served)
    }

    /// One hour, in which everything happens that is due.
    mutating func step() throws {
        now = now + .hours(1)
        events += timeline.advance(to: now, longestTTL: Self.longestTTL, make: Self.make)
        serve()
        if let wanted, wanted.at <= now {
            history.delegated.append(.init(from: now, keys: wanted.keys))
            self.wanted = nil
        }
        let current = history.delegated.last?.keys ?? []
        let asked: Set<Int>? =
            timeline.goal == .unsigned ? [] : timeline.announced.map { [$0.number] }
        if let asked, asked != current, wanted == nil, let parentDelay {
            wanted = (asked, now + .seconds(parentDelay))
        }
        // Now and then the server looks at what the zone above has.
        if now.seconds / 3600 % 6 == 0 {
            events += timeline.observe(
                entries: current, isEmpty: current.isEmpty, ttl: history.parentTTL, at: now)
            serve()
        }
        if let forgery = history.forgery(at: now) {
            Issue.record("after \((now - Workshop.now).components.seconds / 3600) h: \(forgery)")
            throw Forged()
        }
    }

    struct Forged: Error {}
}

@Suite("RFC 6781 §4.1, RFC 7583: keys live so that every resolver can follow")
struct KeyTimelineTests {
    private static func names(_ events: [KeyTimeline.Event]) -> [String] {
        events.map { event in
            switch event {
            case .published(let key): "published \(key.role.rawValue) \(key.number)"
            case .ready(let key): "ready \(key.number)"
            case .active(let key): "active \(key.number)"
            case .retired(let key): "retired \(key.number)"
            case .removed(let key): "removed \(key.number)"
            case .unsigned: "unsigned"
            }
        }
    }

    struct Course: Sendable, CustomTestStringConvertible {
        var isCombined = false
        var parentDelay: Int64? = 3600
        var parentTTL: Int64 = 86400
        var propagation: Int64 = 3600
        var testDescription: String {
            "\(isCombined ? "one key" : "two keys"), parent after \(parentDelay ?? -1) s with TTL "
                + "\(parentTTL), propagation \(propagation)"
        }
    }

    private static let courses: [Course] = [
        Course(), Course(isCombined: true), Course(parentDelay: nil),
        Course(isCombined: true, parentDelay: nil),
        Course(parentDelay: 40 * 86400, parentTTL: 2 * 86400, propagation: 7 * 86400),
        Course(isCombined: true, parentDelay: 40 * 86400, parentTTL: 6 * 86400, propagation: 60),
        Course(parentDelay: 0, parentTTL: 300, propagation: 0),
    ]

    private static func policy(_ course: Course) -> KeyPolicy {
        var policy = KeyPolicy()
        policy.isCombined = course.isCombined
        policy.propagation = course.propagation
        return policy
    }

    @Test("Over three years no resolver can take the zone for forged", arguments: courses)
    func years(_ course: Course) throws {
        var years = Years(
            Self.policy(course), parentDelay: course.parentDelay, parentTTL: course.parentTTL)
        for _ in 0..<3 * 365 * 24 { try years.step() }
        let names = Self.names(years.events)
        let rolled = names.count { $0.hasPrefix("removed") }
        let hasParent = course.parentDelay != nil
        if course.isCombined {
            #expect(hasParent ? (1...3).contains(rolled) : rolled == 0)
        } else {
            // Twelve of those that sign data, two or three of the others.
            #expect(hasParent ? (11...16).contains(rolled) : (10...13).contains(rolled))
        }
        #expect(years.timeline.keys.count <= 4)
        #expect(years.timeline.keys.count(where: \.isSigning) == 1)
    }

    @Test("Rolled at any hour, with any other roll under way, it is the same", arguments: 0..<40)
    func anyHour(_ seed: Int) throws {
        let simulation = Simulation(seed: UInt64(seed))
        var generator = simulation.generator
        var policy = KeyPolicy()
        policy.isCombined = seed % 3 == 0
        policy.zoneKeyLifetime = nil
        policy.entryKeyLifetime = nil
        policy.propagation = .random(in: 0...200_000, using: &generator)
        policy.keyTTL = .random(in: 60...86400, using: &generator)
        var years = Years(
            policy, parentDelay: .random(in: 0...400_000, using: &generator),
            parentTTL: .random(in: 60...86400, using: &generator))
        var begun = 0
        for _ in 0..<24 * 200 {
            try years.step()
            guard Int.random(in: 0..<40, using: &generator) == 0 else { continue }
            let role: ZoneKey.Role =
                .random(in: 0...1, using: &generator) == 0
                ? .keySigning : .zoneSigning
            if (try? years.timeline.roll(role, at: years.now, make: Years.make)) != nil {
                begun += 1
                years.serve()
            }
        }
        #expect(begun > 3)
    }

    @Test("The first keys: the zone above is asked only when nothing unsigned is remembered")
    func first() throws {
        var years = Years(KeyPolicy(), parentDelay: nil)
        try years.step()
        #expect(
            Self.names(years.events) == ["published ksk 1", "published zsk 2"])
        #expect(years.timeline.announced == nil)
        let due = try #require(years.timeline.nextChange)
        // The TTL of what was there before, and what our servers need.
        #expect(due - years.now == .seconds(86400 + 3600))
        while years.now < due { try years.step() }
        #expect(years.timeline.announced?.number == 1)
        #expect(years.timeline.keys.map(\.state) == [.ready, .active])
    }

    @Test("A roll of the key above: both sign the keys until the old DS record is forgotten")
    func entryRoll() throws {
        var policy = KeyPolicy()
        policy.zoneKeyLifetime = nil
        var years = Years(policy, parentDelay: 0)
        for _ in 0..<24 * 10 { try years.step() }
        #expect(years.timeline.keys.map(\.state) == [.active, .active])
        _ = try years.timeline.roll(.keySigning, at: years.now, make: Years.make)
        years.serve()
        #expect(throws: KeyTimeline.Refusal.underWay) {
            try years.timeline.roll(.keySigning, at: years.now, make: Years.make)
        }
        years.events = []
        for _ in 0..<24 * 10 { try years.step() }
        #expect(
            Self.names(years.events) == ["ready 3", "active 3", "retired 1", "removed 1"])
    }

    @Test("Signing ends only when the zone above has let go and that is known everywhere")
    func ending() throws {
        var years = Years(KeyPolicy(), parentDelay: 3600)
        for _ in 0..<24 * 10 { try years.step() }
        years.timeline.setGoal(.unsigned)
        #expect(throws: KeyTimeline.Refusal.ending) {
            try years.timeline.roll(.zoneSigning, at: years.now, make: Years.make)
        }
        years.parentDelay = nil
        for _ in 0..<24 * 30 { try years.step() }
        #expect(years.timeline.isSigned)
        #expect(years.timeline.keySet { _ in nil }.announcesNone)
        years.parentDelay = 3600
        // A day for the servers above, another for the TTL of what they said.
        for _ in 0..<24 * 2 { try years.step() }
        #expect(years.timeline.isSigned)
        for _ in 0..<24 { try years.step() }
        #expect(!years.timeline.isSigned)
        #expect(Self.names(years.events).last == "unsigned")
        #expect(years.timeline.nextChange == nil)
    }

    @Test("What the zone above never knew of ends at once")
    func earlyEnding() throws {
        var years = Years(KeyPolicy(), parentDelay: nil)
        try years.step()
        years.timeline.setGoal(.unsigned)
        for _ in 0..<7 { try years.step() }
        #expect(!years.timeline.isSigned)
    }
}
