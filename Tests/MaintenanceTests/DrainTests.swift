// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Mail
import Maintenance
import Testing
import TransportSecurity
import World
import ZoneCheck

@Suite("Draining an exchanger, and bringing it back")
struct DrainTests {
    @Test("The TTL is lowered, the old one awaited, the record taken out, the new one awaited")
    func course() throws {
        var scene = try Scene.usual()
        let before = scene.zones
        let start = scene.now
        var drain = try scene.begin()
        #expect(drain.wantsChanges && drain.phase == .lowering)
        try scene.step(&drain)
        #expect(drain.phase == .waitingForOldTTL)
        #expect(
            try scene.exchangers("example.org") == [
                "60 10 mx1.example.net", "60 20 mx2.example.net",
            ])
        // A lower TTL than ours stays.
        #expect(
            try scene.exchangers("sub.example.com") == [
                "30 10 mx1.example.net", "30 20 backup.example.net",
            ])
        #expect(try scene.exchangers("elsewhere.example") == ["3600 10 mx9.example.net"])
        // The longest of all, and a tenth more.
        #expect(drain.deadline == start + .seconds(7920))
        #expect(
            drain.text(.english)
                == "mx1.example.net: waiting until 2023-11-15T00:25:20Z, because caches may hold the "
                + "old answer with its TTL of 7200 seconds.")
        #expect(drain.text(.german).contains("mit ihrer TTL von 7200 Sekunden"))
        scene.now = start + .seconds(7919)
        try scene.step(&drain)
        #expect(drain.phase == .waitingForOldTTL)
        scene.now = start + .seconds(7920)
        try scene.step(&drain)
        #expect(drain.phase == .waitingForNewTTL)
        #expect(try scene.exchangers("example.org") == ["60 20 mx2.example.net"])
        #expect(try scene.exchangers("example.com") == ["60 5 mx2.example.net"])
        #expect(try scene.exchangers("sub.example.com") == ["30 20 backup.example.net"])
        #expect(drain.deadline == scene.now + .seconds(300))
        scene.now = scene.now + .seconds(300)
        try scene.step(&drain)
        #expect(drain.phase == .watching)
        try scene.run(&drain, to: .safe)
        #expect(drain.phase == .safe)
        #expect(drain.text(.english).contains("safe to stop since"))
        drain.undrain(at: scene.now)
        try scene.step(&drain)
        #expect(drain.phase == .restored && drain.isOver)
        for (origin, records) in before {
            #expect(Set(scene.zones[origin] ?? []) == Set(records))
        }
    }

    @Test("From every phase the way back leads to what was there, by either manner")
    func undrain() throws {
        for manner in [Drain.Manner.remove, .raise] {
            for phase in Drain.Phase.allCases.prefix(while: { $0 != .relisting }) {
                var scene = try Scene.usual()
                let before = scene.zones
                var drain = try scene.begin(manner: manner)
                for _ in 0..<500 where drain.phase != phase {
                    _ = drain.advance(scene.current, at: scene.now)
                    guard drain.phase != phase else { break }
                    if drain.wantsChanges {
                        try scene.make(drain.changes(scene.current))
                        drain.carriedOut(at: scene.now)
                    } else {
                        scene.now = scene.now + .seconds(60)
                    }
                }
                #expect(drain.phase == phase)
                drain.undrain(at: scene.now)
                try scene.run(&drain, to: .restored)
                #expect(drain.phase == .restored)
                for (origin, records) in before {
                    #expect(Set(scene.zones[origin] ?? []) == Set(records), "\(manner) \(phase)")
                }
            }
        }
    }

    @Test("A host may be put behind all the others instead")
    func raise() throws {
        var scene = try Scene.usual()
        var drain = try scene.begin(manner: .raise)
        try scene.run(&drain, to: .safe)
        #expect(
            try scene.exchangers("example.org") == [
                "60 20 mx2.example.net", "60 30 mx1.example.net",
            ])
        #expect(
            try scene.exchangers("example.com") == [
                "60 15 mx1.example.net", "60 5 mx2.example.net",
            ])
    }

    @Test("The only exchanger of a domain is not drained, unless by force: then its record stays")
    func onlyOne() throws {
        var scene = try Scene([
            "a.example": " MX 10 mx1.example.net.",
            "b.example": " MX 10 mx1.example.net.\n MX 20 x",
        ])
        let refusal = try #require(throws: DrainRefusal.self) { try scene.begin() }
        #expect(
            refusal.text(.english).hasPrefix(
                "mx1.example.net is the only exchanger of a.example: add another one first"))
        #expect(refusal.text(.german).contains("der einzige Exchanger von a.example"))
        var drain = try scene.begin(isForced: true)
        try scene.run(&drain, to: .safe)
        #expect(try scene.exchangers("a.example") == ["3600 10 mx1.example.net"])
        #expect(try scene.exchangers("b.example") == ["60 20 x.b.example"])
        #expect(
            drain.remarks(scene.current, .english).first?.hasPrefix("a.example has no other")
                == true)
        drain.undrain(at: scene.now)
        try scene.run(&drain, to: .restored)
        #expect(try scene.exchangers("b.example").contains("3600 10 mx1.example.net"))
        #expect(throws: DrainRefusal.othersAway(try Name(Scene.host), of: [try Name("b.example")]))
        {
            try Scene(["b.example": " MX 10 mx1.example.net.\n MX 20 x"]).begin(away: [
                "x.b.example"
            ])
        }
        #expect(throws: DrainRefusal.notNamed(try Name(Scene.host))) {
            try Scene(["b.example": " MX 20 x"]).begin()
        }
    }

    @Test("A backup that finds the primary by its MX record does not take that out")
    func backup() throws {
        let zone = [
            "b.example": " MX 10 mx1.example.net.\n MX 20 mx2.example.net.\n MX 30 mx3.example.net."
        ]
        func begin(own: String, relayed: String = "b.example") throws -> Drain {
            var request = Drain.Request(host: try Name(Scene.host))
            request.ownNames = [try Name(own)]
            request.relayed = [try Name(relayed)]
            let scene = try Scene(zone)
            return try Drain(request, zones: scene.zones.map { ($0.key, $0.value) }, at: scene.now)
        }
        #expect(
            throws: DrainRefusal.backupNeeds(try Name(Scene.host), of: [try Name("b.example")])
        ) { try begin(own: "mx2.example.net") }
        // Another one is still better, or it is not a backup, or it is no exchanger at all.
        #expect(try begin(own: "mx3.example.net").sets.map(\.state) == [.named])
        #expect(try begin(own: "mx2.example.net", relayed: "c.example").sets.count == 1)
        #expect(try begin(own: "out.example.net").sets.map(\.state) == [.named])
        #expect(try begin(own: Scene.host).sets.map(\.state) == [.named])
    }

    @Test("What people change meanwhile is not overruled")
    func respect() throws {
        var scene = try Scene([
            "removed.example": " MX 10 mx1.example.net.\n MX 20 mx2.example.net.",
            "null.example": " MX 10 mx1.example.net.\n MX 20 mx2.example.net.",
            "gone.example": " MX 10 mx1.example.net.\n MX 20 mx2.example.net.",
            "again.example": " MX 10 mx1.example.net.\n MX 20 mx2.example.net.",
            "ttl.example": " MX 10 mx1.example.net.\n MX 20 mx2.example.net.",
            "more.example": " MX 10 mx1.example.net.\n MX 20 mx2.example.net.",
        ])
        var drain = try scene.begin()
        try scene.run(&drain, to: .waitingForOldTTL)
        let host = try Name(Scene.host)
        func origin(_ text: String) throws -> Name { try Name("\(text).example") }
        let removed = try origin("removed")
        try scene.edit(removed, [.removeExchange(of: removed, host: host)])
        try scene.run(&drain, to: .watching)
        let null = try origin("null")
        try scene.edit(null, [.nullMX(null)])
        scene.zones[try origin("gone")] = nil
        let again = try origin("again")
        try scene.edit(again, [.addExchange(of: again, host: host, preference: 50, ttl: nil)])
        let other = try origin("ttl")
        try scene.edit(
            other,
            [.setExchange(of: other, host: try Name("mx2.example.net"), preference: nil, ttl: 900)])
        let more = try origin("more")
        try scene.edit(
            more, [.addExchange(of: more, host: try Name("mx3.example"), preference: 30, ttl: nil)])
        // As long as a zone names it, it is not safe.
        #expect(drain.naming(in: scene.zones) == [again])
        try scene.run(&drain, to: .safe)
        #expect(drain.phase == .watching)
        #expect(drain.remarks(scene.current, .english).contains { $0.contains("again.example") })
        drain.undrain(at: scene.now)
        try scene.run(&drain, to: .restored)
        #expect(try scene.exchangers("removed.example") == ["3600 20 mx2.example.net"])
        #expect(try scene.exchangers("null.example") == ["60 0 ."])
        #expect(
            try scene.exchangers("again.example") == [
                "3600 20 mx2.example.net", "3600 50 mx1.example.net",
            ])
        #expect(
            try scene.exchangers("ttl.example") == [
                "900 10 mx1.example.net", "900 20 mx2.example.net",
            ])
        #expect(
            try scene.exchangers("more.example") == [
                "3600 10 mx1.example.net", "3600 20 mx2.example.net", "3600 30 mx3.example",
            ])
    }

    @Test("Somebody's longer TTL in between is awaited too, and kept")
    func longerTTL() throws {
        var scene = try Scene([
            "a.example": " 600 MX 10 mx1.example.net.\n 600 MX 20 mx2.example.net."
        ])
        var drain = try scene.begin()
        try scene.step(&drain)
        let origin = try Name("a.example")
        try scene.edit(
            origin,
            [
                .setExchange(
                    of: origin, host: try Name("mx2.example.net"), preference: 15, ttl: 86_400)
            ])
        let changed = scene.now
        try scene.run(&drain, to: .moving)
        #expect(scene.now - changed > .seconds(86_400))
        try scene.run(&drain, to: .safe)
        drain.undrain(at: scene.now)
        try scene.run(&drain, to: .restored)
        #expect(
            try scene.exchangers("a.example") == [
                "86400 10 mx1.example.net", "86400 15 mx2.example.net",
            ])
    }

    @Test(
        "A name server that still tells the old begins the waiting anew; a clock that is set does not shorten it"
    )
    func waiting() throws {
        var scene = try Scene.usual()
        var drain = try scene.begin()
        try scene.step(&drain)
        for _ in 0..<300 {
            scene.facts.isSpreading = true
            scene.now = scene.now + .minutes(1)
            try scene.step(&drain)
            #expect(drain.phase == .waitingForOldTTL)
        }
        scene.facts.isSpreading = false
        let begin = scene.now
        scene.now = scene.now + .minutes(1)
        try scene.step(&drain)
        #expect(drain.deadline == begin + .seconds(7920))
        // After a long time nobody knows since when all are up to date.
        var asleep = try scene.begin()
        scene.facts.isSpreading = nil
        try scene.step(&asleep)
        scene.facts.isSpreading = false
        let later = scene.now + .hours(1)
        _ = asleep.advance(scene.current, at: later)
        #expect(asleep.deadline.map { $0 - later } ?? .zero >= .seconds(300))
        // Five hours forwards.
        scene.now = scene.now + .hours(5)
        drain.calendarJumped(by: .hours(5))
        try scene.step(&drain)
        #expect(drain.phase == .waitingForOldTTL)
        scene.now = begin + .hours(5) + .seconds(7920)
        try scene.step(&drain)
        #expect(drain.phase == .waitingForNewTTL)
    }

    @Test("It is safe when nobody has come for ten minutes, or nobody who heeds the DNS")
    func arrivals() throws {
        var scene = try Scene.usual()
        scene.facts.arrivals = .init(watchedSince: scene.now, lastMessage: nil)
        var drain = try scene.begin()
        try scene.run(&drain, to: .watching)
        scene.facts.arrivals?.lastMessage = scene.now
        for _ in 0..<20 {
            scene.now = scene.now + .minutes(9)
            try scene.step(&drain)
            #expect(drain.phase == .watching)
            scene.facts.arrivals?.lastMessage = scene.now
        }
        // The server was started again: nobody knows who came before.
        var restarted = drain
        scene.facts.arrivals = .init(watchedSince: scene.now, lastMessage: nil)
        scene.now = scene.now + .minutes(9)
        try scene.step(&restarted)
        #expect(restarted.phase == .watching)
        scene.now = scene.now + .minutes(1)
        try scene.step(&restarted)
        #expect(restarted.phase == .safe && !restarted.isSafeDespiteArrivals)
        // The one who never stops.
        for _ in 0..<400 where drain.phase == .watching {
            scene.facts.arrivals?.lastMessage = scene.now
            scene.now = scene.now + .minutes(9)
            try scene.step(&drain)
        }
        #expect(drain.phase == .safe && drain.isSafeDespiteArrivals)
        #expect(drain.text(.english).contains("although some senders still come"))
    }

    @Test(
        "A policy loses the host after the zone, and has it again before the zone (RFC 8461 §8.1)")
    func policies() throws {
        var scene = try Scene.usual()
        func add(_ domain: String, _ mode: STSPolicy.Mode, _ patterns: String...) throws {
            scene.policies.append(
                (
                    try Name(domain),
                    STSPolicy(
                        mode: mode, maximumAgeSeconds: 604_800,
                        patterns: patterns.compactMap { STSPattern($0) })
                ))
        }
        try add("example.org", .enforce, "mx1.example.net", "mx2.example.net")
        try add("example.com", .enforce, "*.example.net")
        var drain = try scene.begin()
        func patterns(_ index: Int) -> [String] {
            scene.policies[index].policy.patterns.map(\.description)
        }
        try scene.run(&drain, to: .waitingForNewTTL)
        #expect(patterns(0) == ["mx1.example.net", "mx2.example.net"])
        #expect(try !scene.exchangers("example.org").contains { $0.contains("mx1") })
        try scene.run(&drain, to: .safe)
        #expect(patterns(0) == ["mx2.example.net"])
        #expect(patterns(1) == ["*.example.net"])
        drain.undrain(at: scene.now)
        let begin = scene.now
        try scene.step(&drain)
        #expect(patterns(0) == ["mx2.example.net", "mx1.example.net"])
        #expect(drain.phase == .waitingForPolicies)
        #expect(drain.text(.english).contains("the MTA-STS policies of example.org so long"))
        // Others need not wait for it.
        #expect(try scene.exchangers("example.com").contains("3600 5 mx1.example.net"))
        #expect(try !scene.exchangers("example.org").contains { $0.contains("mx1") })
        // Who takes it out while the policy is awaited is not overruled.
        let other = try Name("example.com")
        try scene.edit(other, [.removeExchange(of: other, host: try Name(Scene.host))])
        try scene.run(&drain, to: .restored)
        #expect(scene.now - begin >= .seconds(86_400))
        #expect(try scene.exchangers("example.org").contains("7200 10 mx1.example.net"))
        #expect(try !scene.exchangers("example.com").contains { $0.contains("mx1") })
    }
}

@Suite("A drain that is interrupted, by chance")
struct DrainPropertyTests {
    /// A resolver that keeps what it got for as long as it may.
    private struct Cache {
        var hosts: [Name] = []
        var expires = Timestamp(seconds: 0)
    }

    @Test(
        "Nobody who heeds TTLs comes after it is safe; crashes between steps change nothing",
        arguments: 0..<100)
    func interrupted(_ number: Int) throws {
        var seed = Seed(state: UInt64(number))
        var scene = try Scene.usual()
        let before = scene.zones
        let host = try Name(Scene.host)
        let domains = try ["example.org", "example.com", "sub.example.com"].map { try Name($0) }
        var caches = Array(repeating: domains.map { _ in Cache() }, count: 5)
        var drain = try scene.begin(manner: Bool.random(using: &seed) ? .remove : .raise)
        let isRaised = drain.manner == .raise
        var turnsBack = Int.random(in: 0..<3, using: &seed) == 0
        for _ in 0..<3000 where !drain.isOver {
            // Crashes before or after the changes are made: what is kept is what was stored.
            _ = drain.advance(scene.current, at: scene.now)
            if drain.wantsChanges {
                let changes = drain.changes(scene.current)
                let kept = try #require(Drain(stored: try reread(drain.stored)))
                #expect(kept == drain)
                switch Int.random(in: 0..<3, using: &seed) {
                case 0: drain = kept
                case 1:
                    try scene.make(changes)
                    drain = kept
                default:
                    try scene.make(changes)
                    drain.carriedOut(at: scene.now)
                }
            }
            scene.now = scene.now + .seconds(Int.random(in: 1...200, using: &seed))
            for sender in caches.indices {
                let domain = Int.random(in: domains.indices, using: &seed)
                if caches[sender][domain].expires <= scene.now {
                    let set = scene.zones.values.joined().filter {
                        $0.owner == domains[domain] && $0.type == .mx
                    }
                    caches[sender][domain].hosts = set.sorted { $0.order < $1.order }
                        .compactMap(\.host)
                    caches[sender][domain].expires =
                        scene.now + .seconds(Int(set.first?.ttl ?? 0))
                }
                #expect(!caches[sender][domain].hosts.isEmpty)
                let tried = isRaised ? caches[sender][domain].hosts[0] : nil
                if drain.phase == .safe {
                    #expect(tried != host)
                    #expect(isRaised || !caches[sender][domain].hosts.contains(host))
                }
            }
            if drain.phase == .safe || turnsBack && Int.random(in: 0..<80, using: &seed) == 0 {
                turnsBack = false
                drain.undrain(at: scene.now)
            }
        }
        #expect(drain.isOver)
        for (origin, records) in before {
            #expect(Set(scene.zones[origin] ?? []) == Set(records))
        }
    }

    private func reread(_ json: JSON) throws -> JSON { try JSON(parsing: json.description.utf8) }
}

extension ResourceRecord {
    fileprivate var host: Name? { if case .mx(let mx) = data { mx.exchange } else { nil } }
    fileprivate var order: UInt16 { if case .mx(let mx) = data { mx.preference } else { 0 } }
}
