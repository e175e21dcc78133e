// SPDX-License-Identifier: Apache-2.0

package import DNS
package import Storage
import Synchronization
package import World
package import ZoneCheck

/// The zones that this host keeps, each change of them as a version.
///
/// A change is planned first (`plan`), looked at, and then made (`commit`): that fails if the zone
/// has changed meanwhile. What is answered is made of it elsewhere, after `whenChanged` was called.
package final class Zones: Sendable {
    /// Of one zone's text: about four million records.
    package static let maximumTextOctets = 256 << 20
    /// Of one zone: older ones are forgotten.
    package static let maximumVersions: Int64 = 1000
    /// How often a change is worked out anew because the zone has changed meanwhile.
    static let maximumAttempts = 5

    package let store: any Store
    package let time: any Time
    private let listeners = Mutex<[Listener]>([])

    /// Is told which zones have changed; a change is only answered for when it returns.
    package typealias Listener = @Sendable ([Name]) async -> Void

    /// Keeps zones in a store made with `Migrations.zoneStore`.
    package init(store: any Store, time: any Time) {
        self.store = store
        self.time = time
    }

    /// Adds somebody who is told of changes, after those who are there already.
    package func whenChanged(_ listener: @escaping Listener) {
        listeners.withLock { $0.append(listener) }
    }

    // MARK: - Reading

    /// All zones in the order of their names.
    package func list() async throws(ZoneFailure) -> [ZoneSummary] {
        try await read { try Rows($0).list() }
    }

    /// The names of all zones.
    package func origins() async throws(ZoneFailure) -> [Name] {
        try await read { try Rows($0).origins() }
    }

    /// The zone that begins at this name.
    package func zone(_ origin: Name) async throws(ZoneFailure) -> StoredZone {
        try await read { transaction in
            guard let zone = try Rows(transaction).zone(origin) else {
                throw ZoneFailure.unknownZone(origin)
            }
            return zone
        }
    }

    /// The zone nearest above a name, or at it.
    package func zone(above name: Name) async throws(ZoneFailure) -> StoredZone {
        try await read { transaction in
            let rows = Rows(transaction)
            var place: Name? = name
            while let origin = place {
                if let zone = try rows.zone(origin) { return zone }
                place = origin.parent
            }
            throw ZoneFailure.noZoneAbove(name)
        }
    }

    // MARK: - Changing

    /// Works out what edits would make of a zone.
    package func plan(
        _ edits: [ZoneEdit], for origin: Name
    ) async throws(ZoneFailure) -> ZonePlan {
        let (zone, serial) = try await changeable(origin)
        return try ZonePlan(edits, in: zone, newerThan: serial, style: style(of: zone))
    }

    /// Works out a change that is made from the zone's records, such as a template's.
    package func plan(
        for origin: Name, _ change: (StoredZone, [ResourceRecord]) throws(ZoneFailure) -> ZoneChange
    ) async throws(ZoneFailure) -> ZonePlan {
        let (zone, serial) = try await changeable(origin)
        let records = try zone.records()
        return try ZonePlan(
            try change(zone, records), in: zone, records, newerThan: serial, style: style(of: zone))
    }

    /// Works out what another text in the place of a zone's would change; the zone may be new.
    package func plan(
        replacing origin: Name, with text: [UInt8]
    ) async throws(ZoneFailure) -> ZonePlan {
        let (zone, serial) = try await read { transaction in
            let rows = Rows(transaction)
            return (try rows.zone(origin), try rows.served(origin)?.serial)
        }
        guard zone?.kind != .secondary else { throw .isSecondary(origin) }
        let stored = zone.flatMap { try? $0.records().serial }
        return try ZonePlan(
            replacing: zone, origin: origin, with: text, newerThan: Self.newest(stored, serial),
            style: zone.map { style(of: $0) } ?? .counter)
    }

    /// Makes planned changes, all or none, and returns when they are answered.
    package func commit(
        _ plans: [ZonePlan], by author: String, _ summary: String
    ) async throws(ZoneFailure) {
        let now = time.timestamp
        try await write(plans.map(\.origin)) { transaction in
            let rows = Rows(transaction)
            for plan in plans {
                try rows.commit(plan, ZoneVersionEntry(time: now, author: author, summary: summary))
            }
        }
    }

    /// Plans and makes a change, anew if somebody else changes the zone meanwhile.
    ///
    /// For changes that nobody wants to see first.
    @discardableResult
    package func change(
        _ origin: Name, by author: String, _ summary: String,
        _ change: (StoredZone, [ResourceRecord]) throws(ZoneFailure) -> ZoneChange
    ) async throws(ZoneFailure) -> ZonePlan {
        var attempts = 0
        while true {
            let plan = try await plan(for: origin, change)
            attempts += 1
            do throws(ZoneFailure) {
                if !plan.change.isEmpty { try await commit([plan], by: author, summary) }
                return plan
            } catch {
                guard case .changedMeanwhile = error, attempts < Self.maximumAttempts else {
                    throw error
                }
            }
        }
    }

    /// Adds a zone that is copied from other servers; its contents come later.
    package func addSecondary(_ origin: Name, by author: String) async throws(ZoneFailure) {
        let now = time.timestamp
        try await write([origin]) { transaction in
            let rows = Rows(transaction)
            guard try rows.zone(origin) == nil else { throw ZoneFailure.zoneExists(origin) }
            let entry = ZoneVersionEntry(
                time: now, author: author, summary: "added \(origin) as a secondary zone")
            try rows.put(origin, kind: .secondary, text: [], managed: [], undoing: [], entry)
        }
    }

    /// Takes a zone out; its versions stay, and `rollback` brings it back.
    package func remove(_ origin: Name, by author: String) async throws(ZoneFailure) {
        let now = time.timestamp
        try await write([origin]) { transaction in
            let rows = Rows(transaction)
            guard let zone = try rows.zone(origin) else { throw ZoneFailure.unknownZone(origin) }
            let entry = ZoneVersionEntry(time: now, author: author, summary: "removed \(origin)")
            try rows.put(
                origin, kind: zone.kind, text: nil, managed: [],
                undoing: TextSplice.undoing([], to: zone.text), entry)
        }
    }

    /// Sets something for a zone, or with nil sets it no more.
    package func set(
        _ option: String, to value: String?, of origin: Name, by author: String
    ) async throws(ZoneFailure) {
        let now = time.timestamp
        try await write([origin]) { transaction in
            let rows = Rows(transaction)
            guard let zone = try rows.zone(origin) else { throw ZoneFailure.unknownZone(origin) }
            try rows.set(option, to: value, of: origin)
            let summary = value.map { "set \(option) to \($0)" } ?? "set \(option) back"
            try rows.put(
                origin, kind: zone.kind, text: zone.text, managed: zone.managed, undoing: [],
                ZoneVersionEntry(time: now, author: author, summary: summary))
        }
    }

    /// The zones that have an option, with its value.
    package func options(_ name: String) async throws(ZoneFailure) -> [Name: String] {
        try await read { try Rows($0).options(name) }
    }

    /// Writes into a zone's history what was done about it, if it is kept here.
    package func note(
        _ summary: String, of origin: Name, by author: String
    ) async throws(ZoneFailure) {
        let now = time.timestamp
        try await write([origin]) { transaction in
            let rows = Rows(transaction)
            guard let zone = try rows.zone(origin) else { return }
            try rows.put(
                origin, kind: zone.kind, text: zone.text, managed: zone.managed, undoing: [],
                ZoneVersionEntry(time: now, author: author, summary: summary))
        }
    }

    // MARK: - History

    /// The versions of a zone, newest first; also of one that was removed.
    package func history(of origin: Name) async throws(ZoneFailure) -> [ZoneVersion] {
        try await read { transaction in
            let versions = try Rows(transaction).versions(of: origin)
            guard !versions.isEmpty else { throw ZoneFailure.unknownZone(origin) }
            return versions
        }
    }

    /// The text of a zone as it was in a version; empty for one in which it was removed.
    package func text(
        of origin: Name, version: Int64
    ) async throws(ZoneFailure) -> [UInt8] {
        try await read { try Rows($0).text(of: origin, version: version) }
    }

    /// Works out what brings the text of an older version back, with a newer serial.
    package func planRollback(
        of origin: Name, to version: Int64
    ) async throws(ZoneFailure) -> ZonePlan {
        let text = try await text(of: origin, version: version)
        guard !text.isEmpty else { throw .unknownVersion(origin, version) }
        return try await plan(replacing: origin, with: text)
    }

    // MARK: - What is served

    /// What was last published of a zone.
    package func served(_ origin: Name) async throws(ZoneFailure) -> ServedZone? {
        try await read { try Rows($0).served(origin) }
    }

    /// Keeps what is going to be published, with the differences to what was before.
    package func keep(
        served zones: [ServedZone], _ differences: [ZoneDifference]
    ) async throws(ZoneFailure) {
        do {
            try await store.write { transaction in
                let rows = Rows(transaction)
                for zone in zones { try rows.keep(zone) }
                for difference in differences { try rows.keep(difference) }
            }
        } catch {
            throw ZoneFailure(error)
        }
    }

    /// The differences that lead from a serial to the newest, in order; nil if they are not known.
    package func differences(
        of origin: Name, from serial: UInt32
    ) async throws(ZoneFailure) -> [ZoneDifference]? {
        try await read { try Rows($0).differences(of: origin, from: serial) }
    }

    // MARK: -

    /// The zone, and the newest serial that may have been seen of it.
    private func changeable(_ origin: Name) async throws(ZoneFailure) -> (StoredZone, UInt32?) {
        let (zone, serial) = try await read { transaction in
            let rows = Rows(transaction)
            return (try rows.zone(origin), try rows.served(origin)?.serial)
        }
        guard let zone else { throw .unknownZone(origin) }
        guard zone.kind == .primary else { throw .isSecondary(origin) }
        return (zone, serial)
    }

    private static func newest(_ one: UInt32?, _ other: UInt32?) -> UInt32? {
        guard let one, let other else { return one ?? other }
        return SerialNumber.latest(one, other)
    }

    /// How the zone's serial is counted: its option `serial` says `date`, or it is counted up.
    private func style(of zone: StoredZone) -> SerialStyle {
        guard zone.options["serial"] == "date" else { return .counter }
        let today = CalendarDate(time.timestamp)
        return .date(year: today.year, month: today.month, day: today.day)
    }

    package func read<Result: Sendable>(
        _ body: @escaping @Sendable (any Transaction) throws -> Result
    ) async throws(ZoneFailure) -> Result {
        do {
            return try await store.read(body)
        } catch {
            throw ZoneFailure(error)
        }
    }

    /// Changes something of zones in one transaction, and tells of it.
    package func write(
        _ origins: [Name], _ body: @escaping @Sendable (any Transaction) throws -> Void
    ) async throws(ZoneFailure) {
        do {
            try await store.write(body)
        } catch {
            throw ZoneFailure(error)
        }
        for listener in listeners.withLock({ $0 }) { await listener(origins) }
    }
}

extension [ResourceRecord] {
    /// The serial of the SOA among them.
    package var serial: UInt32? {
        for record in self {
            if case .soa(let soa) = record.data { return soa.serial }
        }
        return nil
    }
}
