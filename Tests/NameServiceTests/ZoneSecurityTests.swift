// SPDX-License-Identifier: Apache-2.0

import DNS
import DNSSEC
import Logging
import NameService
import SimulatedWorld
import Storage
import Synchronization
import Testing
import World
import ZoneCheck
import ZoneStore

/// The zone above, as a test makes it.
private final class Parent: Resolver {
    let entries = Mutex<[DS]>([])
    let isAway = Mutex(false)

    func resolve(_ name: Name, _ type: RecordType) async -> Answer {
        if isAway.withLock({ $0 }) { return Answer(.failure(.timeout)) }
        let records = entries.withLock { $0 }.map {
            ResourceRecord(owner: name, type: .ds, ttl: 3600, data: $0.data)
        }
        return Answer(records.isEmpty ? .noData : .records, records: records, ttl: 3600)
    }

    func name(_ status: ZoneSecurityStatus) {
        entries.withLock { $0 = (status.announced?.entries ?? []).filter { $0.digestType == 2 } }
    }
}

/// A server that signs, as far as zones are concerned.
private struct SecurityStage: Sendable {
    let zones: Zones
    let box = ZoneBox()
    let publisher: ZonePublisher
    let security: ZoneSecurity
    let parent: Parent
    let time: Simulation
    static let origin = Name(labels: [Array("example".utf8), Array("org".utf8)]) ?? .root
    static let text = """
        $TTL 3600
        @ SOA ns hostmaster 5 7200 3600 1209600 300
        @ NS ns
        ns A 192.0.2.53
        @ MX 10 mx1
        mx1 A 192.0.2.25

        """

    init(_ store: any Store, _ time: Simulation, _ parent: Parent = Parent()) async throws {
        self.time = time
        self.parent = parent
        let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        zones = Zones(store: store, time: time)
        let security = ZoneSecurity(
            zones: zones, cryptography: SimulatedZoneCryptography(),
            secretKey: SecretKey([UInt8](repeating: 9, count: SecretKey.octetCount)),
            resolver: parent, time: time, entropy: time, log: log)
        self.security = security
        publisher = ZonePublisher(
            zones: zones, box: box, time: time, log: log,
            signer: { try await security.sign($0, $1, $2) })
        try await security.begin { [publisher] in await publisher.publish($0) }
        try await publisher.begin()
    }

    func put() async throws {
        let plan = try await zones.plan(replacing: Self.origin, with: Array(Self.text.utf8))
        try await zones.commit([plan], by: "test", "put")
    }

    func enable(_ denial: DenialOfExistence = .nsec, _ policy: KeyPolicy = KeyPolicy()) async throws
    {
        try await security.enable(Self.origin, denial, policy, by: "test")
    }

    func status() async throws -> ZoneSecurityStatus {
        try await security.status(of: Self.origin, asksParent: true)
    }

    /// Lets the server run for some time.
    func pass(_ hours: Int) async throws {
        for _ in 0..<hours {
            try await time.sleep(for: .hours(1))
            await security.look()
        }
    }

    var records: [ResourceRecord] { box.zones[Self.origin]?.records ?? [] }
    var tags: Set<UInt16> {
        Set(records.filter { $0.type == .rrsig }.compactMap { RRSIG($0.data)?.tag })
    }
}

@Suite("RFC 6781: a server that signs its zones")
struct ZoneSecurityTests {
    @Test("A zone is signed when that is asked for, and every edit of it", .timeLimit(.minutes(1)))
    func edits() throws {
        try withStore { store, time in
            let stage = try await SecurityStage(store, time)
            try await stage.put()
            #expect(!(try await stage.status()).isSigned)
            try await stage.enable()
            #expect(stage.records.contains { $0.type == .dnskey })
            let serial = try #require(stage.box.zones[SecurityStage.origin]?.soa.serial)
            let first = Set(stage.records)
            let plan = try await stage.zones.plan(
                [.nullMX(SecurityStage.origin)], for: SecurityStage.origin)
            try await stage.zones.commit([plan], by: "test", "edit")
            #expect(stage.box.zones[SecurityStage.origin]?.soa.serial == serial + 1)
            // The SOA, the MX set, and their signatures; what else was signed stays.
            #expect(Set(stage.records).subtracting(first).count == 4)
            // What people wrote has no signatures.
            let stored = try await stage.zones.zone(SecurityStage.origin).records()
            #expect(!stored.contains { $0.type == .rrsig })
            let history = try await stage.zones.history(of: SecurityStage.origin)
            #expect(history.contains { $0.summary == "set dnssec to nsec ECDSAP256SHA256" })
        }
    }

    @Test("A server that starts again has the same keys and signatures")
    func restart() throws {
        try withStore { store, time in
            let first = try await SecurityStage(store, time)
            try await first.put()
            try await first.enable(.nsec3)
            let second = try await SecurityStage(store, time)
            #expect(Set(second.records) == Set(first.records))
            #expect(!second.records.isEmpty)
            let (one, other) = (try await first.status(), try await second.status())
            #expect(one.keys.map(\.key) == other.keys.map(\.key))
            #expect(other.denial == .nsec3)
        }
    }

    @Test("Keys that cannot be opened leave what is answered as it is")
    func sealed() throws {
        try withStore { store, time in
            let stage = try await SecurityStage(store, time)
            try await stage.put()
            try await stage.enable()
            let zones = Zones(store: store, time: time)
            let security = ZoneSecurity(
                zones: zones, cryptography: SimulatedZoneCryptography(),
                secretKey: SecretKey([UInt8](repeating: 1, count: SecretKey.octetCount)),
                resolver: Parent(), time: time, entropy: time,
                log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
            try await security.begin { _ in }
            let zone = try await zones.zone(SecurityStage.origin)
            await #expect(throws: ZoneSecurity.Failure.sealed(SecurityStage.origin)) {
                try await security.sign(zone, zone.records(), [])
            }
        }
    }

    @Test("Duties: wait, announce, nothing; the roll of a key above; and the end of signing")
    func duties() throws {
        try withStore { store, time in
            let stage = try await SecurityStage(store, time)
            try await stage.put()
            try await stage.enable()
            guard case .wait = try await stage.status().duty else {
                Issue.record("nothing may be announced before all caches are empty")
                return
            }
            #expect(!stage.records.contains { $0.type == .cds })
            try await stage.pass(4)
            #expect(try await stage.status().duty == .announce(replacing: []))
            #expect(stage.records.count { $0.type == .cds } == 1)
            stage.parent.name(try await stage.status())
            #expect(try await stage.status().duty == .none)
            let old = try #require(try await stage.status().announced).key
            #expect(old.state == .active)

            try await stage.security.roll(SecurityStage.origin, .keySigning)
            #expect(stage.records.count { $0.type == .dnskey } == 3)
            try await stage.pass(4)
            #expect(try await stage.status().duty == .announce(replacing: [old.tag]))
            stage.parent.name(try await stage.status())
            try await stage.pass(72)
            #expect(try await stage.status().duty == .none)
            #expect(!stage.tags.contains(old.tag))
            #expect(stage.records.count { $0.type == .dnskey } == 2)

            try await stage.security.disable(
                SecurityStage.origin, isForced: false, by: "test")
            #expect(try await stage.status().duty == .withdraw)
            let told = stage.records.filter { $0.type == .cds }
            #expect(told.map { $0.data.text(as: .cds) } == ["0 0 0 00"])
            stage.parent.entries.withLock { $0 = [] }
            try await stage.pass(72)
            #expect(!(try await stage.status()).isSigned)
            #expect(!stage.records.contains { $0.type == .rrsig || $0.type == .dnskey })
            #expect(try await stage.zones.keys().isEmpty)
        }
    }

    @Test("Over months signatures are refreshed and keys rolled, all without anybody's help")
    func months() throws {
        try withStore { store, time in
            let stage = try await SecurityStage(store, time)
            try await stage.put()
            try await stage.enable()
            try await stage.pass(4)
            stage.parent.name(try await stage.status())
            let first = stage.tags
            for _ in 0..<100 {
                try await stage.pass(24)
                let left = try #require(await stage.security.secondsLeft)
                #expect(left > SigningPolicy().refresh - 3600)
            }
            let last = stage.tags
            // The key of the data is another one, that above the same.
            #expect(first.intersection(last).count == 1)
            #expect(last.count == 2)
        }
    }

    @Test("When a zone cannot be published, that is an alarm before its signatures expire")
    func alarm() throws {
        try withStore { store, time in
            let stage = try await SecurityStage(store, time)
            try await stage.put()
            try await stage.enable()
            stage.parent.isAway.withLock { $0 = true }
            #expect(!(try await stage.status()).isAlarming)
            // Nobody looks after it.
            try await time.sleep(for: .days(9))
            #expect(try await stage.status().isAlarming)
            await stage.security.look()
            #expect(!(try await stage.status()).isAlarming)
        }
    }

    @Test("What cannot be done is refused, and changes nothing")
    func refusals() throws {
        try withStore { store, time in
            let stage = try await SecurityStage(store, time)
            try await stage.put()
            let origin = SecurityStage.origin
            await #expect(throws: ZoneSecurity.Failure.notSigned(origin)) {
                try await stage.security.roll(origin, .zoneSigning)
            }
            await #expect(throws: ZoneSecurity.Failure.notSigned(origin)) {
                try await stage.security.disable(origin, isForced: false, by: "test")
            }
            try await stage.enable()
            await #expect(throws: ZoneSecurity.Failure.alreadySigned(origin)) {
                try await stage.enable()
            }
            await #expect(throws: ZoneSecurity.Failure.roll(origin, .noSuchKey)) {
                try await stage.security.roll(origin, .combined)
            }
            // Another denial is no refusal.
            try await stage.enable(.nsec3)
            #expect(stage.records.contains { $0.type == .nsec3 })
            #expect(!stage.records.contains { $0.type == .nsec })
        }
    }
}
