// SPDX-License-Identifier: Apache-2.0

import DNS
import SimulatedWorld
import Storage
import Testing
import World
import ZoneCheck
import ZoneStore

private let origin = Name(labels: [Array("example".utf8), Array("org".utf8)]) ?? .root

private let example = """
    $TTL 3600
    ; the beginning
    @   SOA ns1 hostmaster 7 3600 900 1209600 300 ; counted
        NS  ns1
        MX  10 mx1          ; the main one
    ns1 A   192.0.2.1
    mx1 A   192.0.2.2
    mx2 A   192.0.2.3       ; the backup, not yet in use

    """

/// Zones in a fresh store, in a simulation.
@discardableResult
func withZones<Result: Sendable>(
    _ body: @escaping @Sendable (Zones, Simulation) async throws -> Result
) throws -> Result {
    let simulation = Simulation(seed: 1)
    return try simulation.run {
        let store = try SQLiteStore(on: MemoryDisk(), schema: [.zoneStore])
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await store.run() }
            let result = try await body(Zones(store: store, time: simulation), simulation)
            group.cancelAll()
            return result
        }
    }
}

extension Zones {
    /// Adds the zone of these tests.
    func addExample() async throws {
        try await commit(
            [try await plan(replacing: origin, with: Array(example.utf8))], by: "anna", "imported")
    }

    /// An edit as the commands make it.
    func edit(_ edits: ZoneEdit...) async throws {
        try await commit([try await plan(edits, for: origin)], by: "bert", "edited")
    }

    func text() async throws -> String {
        String(decoding: try await zone(origin).text, as: UTF8.self)
    }
}

extension ZoneEdit {
    fileprivate static func mx(_ host: String) throws -> ZoneEdit {
        .addExchange(of: origin, host: try Name(host), preference: nil, ttl: nil)
    }
}

@Suite("Zones that are kept")
struct ZonesTests {
    @Test("an edit changes its own lines and the serial, and every remark stays")
    func edits() throws {
        try withZones { zones, _ in
            try await zones.addExample()
            #expect(try await zones.text() == example)
            try await zones.edit(.mx("mx2.example.org"))
            let expected =
                example.replacing("hostmaster 7 ", with: "hostmaster 8 ")
                .replacing(
                    "; the main one\n",
                    with: "; the main one\nexample.org.\t3600\tIN\tMX\t20 mx2.example.org.\n")
            #expect(try await zones.text() == expected)
        }
    }

    @Test("each version's text can be had again, octet by octet, and brought back")
    func history() throws {
        try withZones { zones, simulation in
            try await zones.addExample()
            var texts = [try await zones.text()]
            for host in ["mx2.example.org", "mx3.example.net", "mx4.example.net"] {
                try await simulation.sleep(for: .seconds(60))
                try await zones.edit(.mx(host))
                texts.append(try await zones.text())
            }
            try await zones.edit(.nullMX(origin))
            texts.append(try await zones.text())
            for (index, text) in texts.enumerated() {
                let old = try await zones.text(of: origin, version: Int64(index + 1))
                #expect(String(decoding: old, as: UTF8.self) == text)
            }
            let history = try await zones.history(of: origin)
            #expect(history.map(\.number) == [5, 4, 3, 2, 1])
            #expect(history.map(\.author) == ["bert", "bert", "bert", "bert", "anna"])
            #expect(history[0].time > history[4].time)

            let plan = try await zones.planRollback(of: origin, to: 2)
            try await zones.commit([plan], by: "anna", "rolled back to version 2")
            #expect(
                try await zones.text()
                    == texts[1].replacing("hostmaster 8 ", with: "hostmaster 12 "))
        }
    }

    @Test(
        "of two changes planned at the same time the second is refused, and made when it is asked for again"
    )
    func concurrency() throws {
        try withZones { zones, _ in
            try await zones.addExample()
            let first = try await zones.plan([.mx("mx2.example.org")], for: origin)
            let second = try await zones.plan([.mx("mx3.example.net")], for: origin)
            try await zones.commit([first], by: "anna", "first")
            await #expect {
                try await zones.commit([second], by: "bert", "second")
            } throws: { error in
                if case ZoneFailure.changedMeanwhile(origin) = error { true } else { false }
            }
            try await zones.edit(.mx("mx3.example.net"))
            let records = try await zones.zone(origin).records()
            #expect(records.filter { $0.type == .mx }.count == 3)
        }
    }

    @Test("a change of several zones is made in all of them or in none")
    func atomicity() throws {
        try withZones { zones, _ in
            try await zones.addExample()
            let other = try Name("example.net")
            let plan = try await zones.plan(
                replacing: other,
                with: Array(
                    "@ 60 SOA ns1.example.org. h 1 2 3 4 5\n@ 60 NS ns1.example.org.\n".utf8))
            try await zones.commit([plan], by: "anna", "imported")
            let plans = [
                try await zones.plan([.mx("mx2.example.org")], for: origin),
                try await zones.plan(
                    [
                        .addExchange(
                            of: other, host: Name("mx1.example.org"), preference: 5, ttl: 60)
                    ],
                    for: other),
            ]
            try await zones.edit(.mx("mx9.example.net"))
            await #expect(throws: ZoneFailure.self) {
                try await zones.commit(plans, by: "bert", "both")
            }
            #expect(try await zones.zone(other).version == 1)
        }
    }

    @Test("a zone that was removed is unknown, keeps its versions and can come back")
    func removal() throws {
        try withZones { zones, _ in
            try await zones.addExample()
            try await zones.remove(origin, by: "anna")
            await #expect(throws: ZoneFailure.self) { try await zones.zone(origin) }
            #expect(try await zones.list().isEmpty)
            let plan = try await zones.planRollback(of: origin, to: 1)
            try await zones.commit([plan], by: "anna", "brought back")
            #expect(try await zones.zone(origin).version == 3)
            #expect(try await zones.text() == example)
            #expect(try await zones.history(of: origin).map(\.number) == [3, 2, 1])
        }
    }

    @Test("nothing is kept that could not be answered, and a zone that is there is left alone")
    func refusals() throws {
        try withZones { zones, _ in
            try await zones.addExample()
            let alias = ResourceRecord(
                owner: try Name("mx1.example.org"), type: .cname, ttl: 60, data: .cname(.root))
            await #expect {
                try await zones.edit(.addRecord(alias))
            } throws: { error in
                if case ZoneFailure.invalid(origin, _) = error { true } else { false }
            }
            for faulty in ["@ 60 A 1.2.3\n", "@ 60 A 192.0.2.1\n", ""] {
                await #expect(throws: ZoneFailure.self) {
                    try await zones.plan(replacing: Name("example.com"), with: Array(faulty.utf8))
                }
            }
            #expect(try await zones.zone(origin).version == 1)
        }
    }

    @Test("a text with an older serial gets one that others take for newer")
    func replacing() throws {
        try withZones { zones, _ in
            try await zones.addExample()
            try await zones.keep(
                served: [ServedZone(origin: origin, serial: 4_294_967_295, version: 1)], [])
            let plan = try await zones.plan(
                replacing: origin, with: Array(example.replacing("mx1", with: "mx7").utf8))
            #expect(plan.after.serial == 8, "7 is newer than 4294967295 (RFC 1982 §3.2)")
            try await zones.keep(served: [ServedZone(origin: origin, serial: 100, version: 1)], [])
            let next = try await zones.plan(replacing: origin, with: Array(example.utf8))
            #expect(next.after.serial == 101)
            try await zones.set("serial", to: "date", of: origin, by: "anna")
            let dated = try await zones.plan([.mx("mx2.example.org")], for: origin)
            let day = CalendarDate(zones.today)
            #expect(
                dated.after.serial == UInt32((day.year * 100 + day.month) * 10000 + day.day * 100))
        }
    }

    @Test("marks of managed records stay: with another TTL, and without the record")
    func marks() throws {
        try withZones { zones, _ in
            try await zones.addExample()
            var plan = try await zones.plan([.mx("mx2.example.org")], for: origin)
            plan.managed = Set(plan.change.added.map(\.mark))
            try await zones.commit([plan], by: "template", "set up")
            #expect(try await zones.zone(origin).managed.count == 1)
            try await zones.edit(
                .setExchange(
                    of: origin, host: Name("mx2.example.org"), preference: nil, ttl: 60))
            #expect(try await zones.zone(origin).managed.count == 1)
            try await zones.edit(.removeExchange(of: origin, host: Name("mx2.example.org")))
            // That it is gone was somebody's wish, and is known by this.
            #expect(try await zones.zone(origin).managed.count == 1)
        }
    }

    @Test("differences of what was served lead from any kept serial to the newest")
    func differences() throws {
        try withZones { zones, _ in
            for serial in UInt32(1)...110 {
                try await zones.keep(
                    served: [],
                    [
                        ZoneDifference(
                            origin: origin, oldSerial: serial, newSerial: serial + 1, removed: [],
                            added: [])
                    ])
            }
            #expect(
                try await zones.differences(of: origin, from: 109)?.map(\.newSerial) == [110, 111])
            #expect(try await zones.differences(of: origin, from: 11)?.count == 100)
            #expect(try await zones.differences(of: origin, from: 10) == nil)
        }
    }
}

extension Zones {
    /// The day of the simulation.
    fileprivate var today: Timestamp { time.timestamp }
}
