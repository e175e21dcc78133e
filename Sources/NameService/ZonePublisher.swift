// SPDX-License-Identifier: Apache-2.0

package import DNS
package import Logging
package import World
import ZoneCheck
package import ZoneStore

/// Makes of the zones that are kept what is answered.
///
/// A zone's records pass through `transformations` in their order, which leave some out for now or
/// put some in for now; then they are signed. What comes out and differs from what was published
/// before gets a newer serial (RFC 1982), is kept with the difference (RFC 1995), and only then
/// answered.
package actor ZonePublisher {
    /// Changes a zone's records on their way to being answered; without something to do it hands
    /// back what it got.
    package typealias Transformation =
        @Sendable (StoredZone, [ResourceRecord]) async throws -> [ResourceRecord]

    /// Signs a zone's records (RFC 4035 §2), or hands them back if the zone is not to be signed.
    ///
    /// The third are the records that are answered, or that it returned just before: signatures
    /// that still hold are taken from there.
    package typealias Signer =
        @Sendable (StoredZone, [ResourceRecord], [ResourceRecord]) async throws -> [ResourceRecord]

    /// Is told of zones that were just published with new contents.
    package typealias Listener = @Sendable ([Zone]) async -> Void

    private let zones: Zones
    private let box: ZoneBox
    private let time: any Time
    private let log: Logger
    private let transformations: [Transformation]
    private let signer: Signer
    private let listener: Listener
    /// Zones from files, which are answered where none of the same name is kept.
    private var files: ZoneSet

    private var wanted: Set<Name> = []
    private var waiters: [CheckedContinuation<Void, Never>] = []
    private var isPublishing = false

    /// Zones that are read, transformed and kept in one go.
    private static let batch = 500

    /// Publishes into `box`, whose zones are those from files.
    package init(
        zones: Zones, box: ZoneBox, time: any Time, log: Logger,
        transformations: [Transformation] = [],
        signer: @escaping Signer = { _, records, _ in records },
        whenPublished listener: @escaping Listener = { _ in }
    ) {
        self.zones = zones
        self.box = box
        self.time = time
        self.log = log
        self.transformations = transformations
        self.signer = signer
        self.listener = listener
        files = box.zones
    }

    /// Publishes all zones that are kept, and from now on each that changes.
    package func begin() async throws(ZoneFailure) {
        zones.whenChanged { [weak self] origins in await self?.publish(origins) }
        await publish(try await zones.origins())
    }

    /// Publishes everything, with other zones from files.
    package func replaceFiles(by files: ZoneSet) async throws(ZoneFailure) {
        let before = self.files
        self.files = files
        let kept = Set(try await zones.origins())
        box.change { zones in
            for origin in before.origins where !kept.contains(origin) { zones[origin] = nil }
            for origin in files.origins where !kept.contains(origin) {
                zones[origin] = files[origin]
            }
        }
    }

    /// Makes these zones anew, and returns when they are answered as they are now.
    ///
    /// Whoever comes while others are made waits for the next round, which is for all of them.
    package func publish(_ origins: [Name]) async {
        guard !origins.isEmpty else { return }
        wanted.formUnion(origins)
        guard !isPublishing else { return await withCheckedContinuation { waiters.append($0) } }
        isPublishing = true
        while !wanted.isEmpty {
            let waiting = waiters
            waiters = []
            let all = wanted.sorted {
                $0.canonicalKey.lexicographicallyPrecedes($1.canonicalKey)
            }
            wanted = []
            for start in stride(from: 0, to: all.count, by: Self.batch) {
                await make(Array(all[start..<min(start + Self.batch, all.count)]))
            }
            for waiter in waiting { waiter.resume() }
        }
        isPublishing = false
    }

    private func make(_ origins: [Name]) async {
        var round = Round()
        for origin in origins {
            do {
                try await make(origin, in: &round)
            } catch {
                // What was answered before is answered on.
                log.error("the zone \(origin) is not published as it is kept: \(error)")
            }
        }
        do throws(ZoneFailure) {
            if !round.served.isEmpty {
                try await zones.keep(served: round.served, round.differences)
            }
        } catch {
            log.error("zones are not published, since that cannot be kept: \(error)")
            return
        }
        box.change { zones in
            for zone in round.changed { zones[zone.origin] = zone }
            for origin in round.gone { zones[origin] = files[origin] }
        }
        await listener(round.changed)
    }

    /// What one round of publishing comes to.
    private struct Round {
        var served: [ServedZone] = []
        var differences: [ZoneDifference] = []
        var changed: [Zone] = []
        var gone: [Name] = []
    }

    private func make(_ origin: Name, in round: inout Round) async throws {
        let zone: StoredZone
        do throws(ZoneFailure) {
            zone = try await zones.zone(origin)
        } catch {
            guard case .unknownZone = error else { throw error }
            round.gone.append(origin)
            return
        }
        // What is copied from elsewhere is answered as it came: `SecondaryZones` does that.
        guard zone.kind == .primary else { return }
        let known = try await zones.served(origin)
        let stored = try zone.records()
        let before = try await recordsBefore(zone, stored, known)
        guard !stored.isEmpty else { return round.gone.append(origin) }
        var records = stored
        for transformation in transformations {
            records = try await transformation(zone, records)
        }
        guard let before, let known else {
            records = try await signer(zone, records, [])
            round.changed.append(try Zone(origin: origin, records: records))
            round.served.append(Self.served(zone, records, stored))
            return
        }
        records = try await renumbered(zone, records, before, served: known.serial)
        let difference = Self.difference(origin, from: before, to: records)
        if let difference { round.differences.append(difference) }
        if difference != nil || known.version != zone.version {
            round.served.append(Self.served(zone, records, stored))
        }
        if difference != nil || box.zones[origin] == nil || files[origin] != nil {
            round.changed.append(try Zone(origin: origin, records: records))
        }
    }

    private static func served(
        _ zone: StoredZone, _ records: [ResourceRecord], _ stored: [ResourceRecord]
    ) -> ServedZone {
        ServedZone(
            origin: zone.origin, serial: records.serial ?? 0, version: zone.version,
            records: records != stored ? records : nil)
    }

    /// What was answered last; nil before the first time.
    private func recordsBefore(
        _ zone: StoredZone, _ stored: [ResourceRecord], _ known: ServedZone?
    ) async throws -> [ResourceRecord]? {
        guard let known else { return nil }
        if let records = known.records { return records }
        if known.version == zone.version { return stored }
        // Made of an older version: that is in the history, unless it is very old.
        let text: [UInt8]
        do throws(ZoneFailure) {
            text = try await zones.text(of: zone.origin, version: known.version)
        } catch .unknownVersion {
            return box.zones[zone.origin]?.records
        }
        let file = MasterFile.parse(text, origin: zone.origin)
        return file.faults.isEmpty ? file.records : nil
    }

    /// The records signed, with the serial that was answered if nothing else has changed, and else
    /// with a newer one: the one that they have, if it is newer.
    private func renumbered(
        _ zone: StoredZone, _ records: [ResourceRecord], _ before: [ResourceRecord], served: UInt32
    ) async throws -> [ResourceRecord] {
        let serial = records.serial ?? served
        guard !SerialNumber.isNewer(serial, than: served) else {
            return try await signer(zone, records, before)
        }
        let same = try await signer(zone, records.map { $0.withSerial(served) }, before)
        if same == before || Set(same) == Set(before) { return same }
        let next = SerialStyle.counter.serial(after: served)
        return try await signer(zone, records.map { $0.withSerial(next) }, same)
    }

    /// What has changed; nil if nothing has.
    private static func difference(
        _ origin: Name, from before: [ResourceRecord], to records: [ResourceRecord]
    ) -> ZoneDifference? {
        guard before != records else { return nil }
        let (gone, come) = (Set(before), Set(records))
        guard gone != come, let old = before.serial, let new = records.serial else { return nil }
        return ZoneDifference(
            origin: origin, oldSerial: old, newSerial: new,
            removed: before.filter { !come.contains($0) },
            added: records.filter { !gone.contains($0) })
    }
}
