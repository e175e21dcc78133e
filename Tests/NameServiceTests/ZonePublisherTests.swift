// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Logging
import NameService
import SimulatedWorld
import Storage
import Synchronization
import Testing
import World
import ZoneCheck
import ZoneStore

/// What the transformations of a test do at the moment.
private final class Workshop: Sendable {
    let left = Mutex<Set<Name>>([])
    let published = Mutex<[UInt32]>([])
    /// Counts up with each signature, so that a signature made anew can be told.
    let signatures = Mutex<UInt16>(0)

    /// Leaves the exchangers out that are in `left`.
    func transform(_ records: [ResourceRecord]) -> [ResourceRecord] {
        left.withLock { left in
            records.filter { record in
                guard case .mx(let mx) = record.data else { return true }
                return !left.contains(mx.exchange)
            }
        }
    }

    /// Puts a "signature" beside each exchanger set and the SOA, or keeps what was there for it.
    func sign(_ records: [ResourceRecord], _ before: [ResourceRecord]) -> [ResourceRecord] {
        let old = Dictionary(
            before.filter { $0.type == .txt }.map { ($0.owner.description, $0) },
            uniquingKeysWith: { $1 })
        return records
            + records.filter { $0.type == .soa || $0.type == .mx }.compactMap { record in
                guard let owner = try? Name("sig-\(record.data.wire.hashText).example.org") else {
                    return nil
                }
                if let known = old[owner.description] { return known }
                let number = signatures.withLock { count in
                    count += 1
                    return count
                }
                return ResourceRecord(
                    owner: owner, type: .txt, ttl: 60, data: .txt([Array("\(number)".utf8)]))
            }
    }
}

extension [UInt8] {
    fileprivate var hashText: String {
        Hexadecimal.encode(self).suffix(40).description
    }
}

/// Zones that are kept, and what is answered of them.
private struct PublisherStage: Sendable {
    let zones: Zones
    let box: ZoneBox
    let publisher: ZonePublisher
    let workshop: Workshop
    static let origin = Name(labels: [Array("example".utf8), Array("org".utf8)]) ?? .root
    static let text = """
        $TTL 3600
        @ SOA ns hostmaster 5 7200 3600 1209600 300
        @ NS ns
        ns A 192.0.2.53
        @ MX 10 mx1
        @ MX 20 mx2
        mx1 A 192.0.2.25
        mx2 A 192.0.2.26

        """

    init(_ store: any Store, _ time: any Time, signs: Bool = false, files: ZoneSet = ZoneSet()) {
        let (workshop, box) = (Workshop(), ZoneBox(files))
        self.workshop = workshop
        self.box = box
        zones = Zones(store: store, time: time)
        publisher = ZonePublisher(
            zones: zones, box: box, time: time,
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            transformations: [{ _, records in workshop.transform(records) }],
            signer: { _, records, before in
                signs ? workshop.sign(records, before) : records
            },
            whenPublished: { zones in
                workshop.published.withLock { $0 += zones.map(\.soa.serial) }
            })
    }

    func put(_ text: String) async throws {
        let plan = try await zones.plan(replacing: Self.origin, with: Array(text.utf8))
        try await zones.commit([plan], by: "test", "put")
    }

    func edit(_ edits: ZoneEdit...) async throws {
        try await zones.commit(
            [try await zones.plan(edits, for: Self.origin)], by: "test", "edited")
    }

    var serial: UInt32? { box.zones[Self.origin]?.soa.serial }

    var exchangers: [String] {
        (box.zones[Self.origin]?.records ?? []).compactMap { record in
            if case .mx(let mx) = record.data { "\(mx.exchange)" } else { nil }
        }
    }

    /// Puts the kept differences together: they must lead from what was served to what is.
    func walk(from serial: UInt32, _ records: [ResourceRecord]) async throws -> Set<ResourceRecord>
    {
        var records = Set(records)
        let differences = try #require(
            try await zones.differences(of: Self.origin, from: serial))
        for difference in differences {
            #expect(records.isSuperset(of: difference.removed))
            records.subtract(difference.removed)
            #expect(records.isDisjoint(with: difference.added))
            records.formUnion(difference.added)
        }
        return records
    }
}

@Suite("Publishing zones that are kept")
struct ZonePublisherTests {
    @Test("an edit is answered when it is made, under the serial that was kept")
    func edits() throws {
        try withStore { store, time in
            let stage = PublisherStage(store, time)
            try await stage.publisher.begin()
            try await stage.put(PublisherStage.text)
            #expect(stage.serial == 5)
            try await stage.edit(
                .removeExchange(of: PublisherStage.origin, host: Name("mx2.example.org")))
            #expect(stage.exchangers == ["mx1.example.org"])
            #expect(stage.serial == 6)
            try await stage.zones.remove(PublisherStage.origin, by: "test")
            #expect(stage.serial == nil)
            #expect(stage.workshop.published.withLock { $0 } == [5, 6])
        }
    }

    @Test("what is left out for a while has newer serials, and the next edit a newer one than that")
    func transformations() throws {
        try withStore { store, time in
            let stage = PublisherStage(store, time)
            try await stage.publisher.begin()
            try await stage.put(PublisherStage.text)
            let first = try #require(stage.box.zones[PublisherStage.origin]).records
            let dead = try Name("mx1.example.org")
            stage.workshop.left.withLock { _ = $0.insert(dead) }
            await stage.publisher.publish([PublisherStage.origin])
            #expect(stage.exchangers == ["mx2.example.org"])
            #expect(stage.serial == 6)
            await stage.publisher.publish([PublisherStage.origin])
            #expect(stage.serial == 6, "nothing has changed")
            stage.workshop.left.withLock { _ = $0.remove(dead) }
            await stage.publisher.publish([PublisherStage.origin])
            #expect(stage.serial == 7)
            try await stage.edit(.nullMX(PublisherStage.origin))
            #expect(stage.serial == 8)
            #expect(try await stage.zones.zone(PublisherStage.origin).records().serial == 8)
            let last = try #require(stage.box.zones[PublisherStage.origin]).records
            #expect(try await stage.walk(from: 5, first) == Set(last))
        }
    }

    @Test("signatures that hold are kept; the SOA's is made anew with each serial")
    func signing() throws {
        try withStore { store, time in
            let stage = PublisherStage(store, time, signs: true)
            try await stage.publisher.begin()
            try await stage.put(PublisherStage.text)
            #expect(stage.workshop.signatures.withLock { $0 } == 3)
            let first = try #require(stage.box.zones[PublisherStage.origin]).records
            try await stage.edit(
                .addExchange(
                    of: PublisherStage.origin, host: Name("mx3.example.net"), preference: nil,
                    ttl: nil))
            #expect(stage.workshop.signatures.withLock { $0 } == 5)
            let last = try #require(stage.box.zones[PublisherStage.origin]).records
            #expect(try await stage.walk(from: 5, first) == Set(last))

            // After a restart nothing is signed again, and nothing changes.
            let again = PublisherStage(store, time, signs: true)
            try await again.publisher.begin()
            #expect(again.workshop.signatures.withLock { $0 } == 0)
            #expect(again.serial == 6)
            #expect(Set(try #require(again.box.zones[PublisherStage.origin]).records) == Set(last))
        }
    }

    @Test("what was changed while nobody served is published at the start, with its difference")
    func restart() throws {
        try withStore { store, time in
            let stage = PublisherStage(store, time)
            try await stage.publisher.begin()
            try await stage.put(PublisherStage.text)
            let first = try #require(stage.box.zones[PublisherStage.origin]).records
            let offline = Zones(store: store, time: time)
            let plan = try await offline.plan(
                [.nullMX(PublisherStage.origin)], for: PublisherStage.origin)
            try await offline.commit([plan], by: "test", "offline")
            let again = PublisherStage(store, time)
            try await again.publisher.begin()
            #expect(again.serial == 6)
            let last = try #require(again.box.zones[PublisherStage.origin]).records
            #expect(try await again.walk(from: 5, first) == Set(last))
        }
    }

    @Test("a zone that is kept goes before a file's, which is answered again when it is removed")
    func files() throws {
        try withStore { store, time in
            let origin = PublisherStage.origin
            let file = MasterFile.parse(
                Array(PublisherStage.text.replacing("ns hostmaster 5", with: "ns files 99").utf8),
                origin: origin)
            let files = ZoneSet([try Zone(origin: origin, records: file.records)])
            let stage = PublisherStage(store, time, files: files)
            try await stage.publisher.begin()
            #expect(stage.serial == 99)
            try await stage.put(PublisherStage.text)
            #expect(stage.serial == 5)
            try await stage.publisher.replaceFiles(by: files)
            #expect(stage.serial == 5)
            try await stage.zones.remove(origin, by: "test")
            #expect(stage.serial == 99)
            try await stage.publisher.replaceFiles(by: ZoneSet())
            #expect(stage.serial == nil)
        }
    }

    @Test("whoever changes a zone while others are published waits until it is answered")
    func together() throws {
        try withStore { store, time in
            let stage = PublisherStage(store, time)
            try await stage.publisher.begin()
            await withTaskGroup(of: Bool.self) { group in
                for number in 0..<200 {
                    group.addTask {
                        guard let origin = try? Name("z\(number).example"),
                            let plan = try? await stage.zones.plan(
                                replacing: origin, with: Array(PublisherStage.text.utf8))
                        else { return false }
                        try? await stage.zones.commit([plan], by: "test", "put")
                        return stage.box.zones[origin] != nil
                    }
                }
                for await isAnswered in group { #expect(isAnswered) }
            }
            #expect(stage.box.zones.count == 200)
        }
    }
}
