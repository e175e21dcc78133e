// SPDX-License-Identifier: Apache-2.0

import Bytes
package import DNS
import Logging
package import World
package import ZoneStore
import ZoneTransfer

/// Zones that are copied from other name servers: fetched, kept, answered, and given up when they
/// are too old (RFC 1034 §4.3.5).
package actor SecondaryZones {
    /// How a copy is doing.
    package struct Status: Sendable {
        package let origin: Name
        /// Nil: nothing was had yet.
        package let serial: UInt32?
        package let checked: Timestamp?
        package let nextCheck: Timestamp
        package let expiry: Timestamp?
        package let isExpired: Bool
        /// Why the last check failed; nil: it did not.
        package let failure: String?
    }

    private struct Copy {
        var clock: SecondaryClock
        var checked: Timestamp?
        /// Whether nothing but SERVFAIL is answered for it.
        var isWithheld = true
        var isBusy = false
        /// Due once more when the check under way is done (RFC 1996 §4.4).
        var isWanted = false
        /// Asked first: it has told of news (RFC 1996 §3.11).
        var preferred: ZonePeer?
        /// Fetch everything, whatever the serials say.
        var isForced = false
        var failure: String?
    }

    private let box: ZoneBox
    private let zones: Zones
    private let peers: ZonePeers
    private let client: TransferClient
    private let world: Surroundings
    private let log: Logger
    /// Is told of zones that have changed.
    private let listener: @Sendable ([Name]) async -> Void
    private let bell = Bell()
    private var copies: [Name: Copy] = [:]
    private var running = 0

    /// Zones that are looked after at a time.
    private static let maximumChecks = 16
    /// With nothing due, all clocks are looked at again after this.
    private static let longestPause: Duration = .hours(1)

    init(
        box: ZoneBox, zones: Zones, peers: ZonePeers, client: TransferClient, log: Logger,
        whenChanged listener: @escaping @Sendable ([Name]) async -> Void
    ) {
        self.box = box
        self.zones = zones
        self.peers = peers
        self.client = client
        world = client.world
        self.log = log
        self.listener = listener
    }

    // MARK: - What there is

    /// Looks which zones are copies now; those that are there already stay as they are.
    func reload() async {
        let kept: [Name]
        do throws(ZoneFailure) {
            kept = try await zones.list().filter { $0.kind == .secondary }.map(\.origin)
        } catch {
            log.error("which zones are copied cannot be read: \(error)")
            return
        }
        let all = Set(kept)
        for origin in copies.keys where !all.contains(origin) { copies[origin] = nil }
        var found: [Zone] = []
        for origin in kept where copies[origin] == nil {
            found.append(await open(origin))
        }
        if !found.isEmpty {
            box.change { zones in for zone in found { zones[zone.origin] = zone } }
        }
        bell.ring()
    }

    /// What is known of a copy: it is answered at once, unless it is too old.
    private func open(_ origin: Name) async -> Zone {
        let now = world.time.timestamp
        var copy = Copy(clock: SecondaryClock(now: now))
        defer { copies[origin] = copy }
        guard let checked = await checked(origin), let zone = await served(origin) else {
            return Zone(expired: origin)
        }
        copy.checked = checked
        copy.clock = SecondaryClock(checkedAt: checked, soa: zone.soa, chance: world.entropy.next())
        copy.isWithheld = copy.clock.isExpired(at: now)
        return copy.isWithheld ? Zone(expired: origin) : zone
    }

    private func checked(_ origin: Name) async -> Timestamp? {
        do {
            return try await peers.checked(origin)
        } catch {
            log.error("the age of the copy of \(origin) cannot be read: \(error)")
            return nil
        }
    }

    private func served(_ origin: Name) async -> Zone? {
        do {
            guard let records = try await zones.served(origin)?.records else { return nil }
            return try Zone(origin: origin, records: records)
        } catch {
            log.error("the copy of \(origin) cannot be read: \(error)")
            return nil
        }
    }

    /// How all copies are doing, in canonical order.
    package func statuses() -> [Status] {
        let now = world.time.timestamp
        let sorted = copies.sorted {
            $0.key.canonicalKey.lexicographicallyPrecedes($1.key.canonicalKey)
        }
        return sorted.map { origin, copy in
            let zone = box.zones[origin]
            return Status(
                origin: origin,
                serial: zone.flatMap { $0.isExpired ? nil : $0.soa.serial },
                checked: copy.checked, nextCheck: copy.clock.nextCheck, expiry: copy.clock.expiry,
                isExpired: copy.clock.isExpired(at: now), failure: copy.failure)
        }
    }

    // MARK: - When

    /// A primary says that there is something new.
    func notified(of origin: Name, by primary: ZonePeer, serial: UInt32?) {
        guard copies[origin] != nil else { return }
        // RFC 1996 §3.7: a hint that is not newer means that there is nothing to do.
        if let serial, let zone = box.zones[origin], !zone.isExpired,
            !SerialNumber.isNewer(serial, than: zone.soa.serial)
        {
            return
        }
        copies[origin]?.preferred = primary
        want(origin)
    }

    /// Has a zone looked after now; `everything`: it is transferred whole, whatever its serial.
    package func refresh(_ origin: Name, everything: Bool) throws(ZoneFailure) {
        guard copies[origin] != nil else {
            throw .unfit("\(origin) is not copied from elsewhere")
        }
        if everything { copies[origin]?.isForced = true }
        want(origin)
    }

    private func want(_ origin: Name) {
        if copies[origin]?.isBusy == true {
            copies[origin]?.isWanted = true
        } else {
            copies[origin]?.clock.notified(at: world.time.timestamp)
            bell.ring()
        }
    }

    /// Looks after all copies until the task is cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled {
                await withhold()
                for origin in takeDue() { group.addTask { await self.check(origin) } }
                await bell.wait(until: world.time.now + pause(), on: world.time)
            }
            group.cancelAll()
        }
    }

    private func takeDue() -> [Name] {
        let now = world.time.timestamp
        let due = copies.filter { !$0.value.isBusy && $0.value.clock.isDue(at: now) }
            .sorted {
                ($0.value.clock.nextCheck, $0.key.description)
                    < ($1.value.clock.nextCheck, $1.key.description)
            }
            .prefix(max(0, Self.maximumChecks - running)).map(\.key)
        for origin in due { copies[origin]?.isBusy = true }
        running += due.count
        return due
    }

    /// Until the next one is due, or too old.
    private func pause() -> Duration {
        let now = world.time.timestamp
        var pause = Self.longestPause
        for copy in copies.values {
            if !copy.isBusy, running < Self.maximumChecks {
                pause = min(pause, copy.clock.nextCheck - now)
            }
            if !copy.isWithheld, let expiry = copy.clock.expiry { pause = min(pause, expiry - now) }
        }
        return max(pause, .milliseconds(1))
    }

    /// Answers nothing more for what is too old (RFC 1035 §3.3.13).
    private func withhold() async {
        let now = world.time.timestamp
        let old = copies.filter { !$0.value.isWithheld && $0.value.clock.isExpired(at: now) }
            .map(\.key)
        guard !old.isEmpty else { return }
        for origin in old.sorted(by: { $0.description < $1.description }) {
            copies[origin]?.isWithheld = true
            log.error(
                "the copy of \(origin) has expired: no primary could be asked for too long")
        }
        box.change { zones in for origin in old { zones[origin] = Zone(expired: origin) } }
    }

    // MARK: - How

    /// What one check came to.
    private enum Finding {
        /// Nothing newer.
        case current
        case transferred(Zone, [ZoneDifference])
        case failed(String)
    }

    /// Asks the primaries in turn; runs beside the actor.
    nonisolated private func check(_ origin: Name) async {
        let plan = await plan(origin)
        var failures: [String] = []
        for primary in plan.primaries {
            let finding: Finding
            do throws(TransferClient.Failure) {
                finding = try await look(origin, primary, plan)
            } catch {
                finding = .failed(error.description)
            }
            guard case .failed(let reason) = finding else {
                return await finish(origin, finding, primary)
            }
            failures.append("\(primary.address): \(reason)")
        }
        if plan.primaries.isEmpty { failures.append("no primary is set") }
        await finish(origin, .failed(failures.joined(separator: "; ")), nil)
    }

    private struct Plan: Sendable {
        var primaries: [ZonePeer]
        var book: PeerBook
        /// What one has; nil: everything is wanted.
        var zone: Zone?
        /// Whatever the serials say.
        var isForced: Bool
    }

    private func plan(_ origin: Name) async -> Plan {
        let book = peers.book
        var primaries = book.peering(of: origin).primaries
        if let preferred = copies[origin]?.preferred,
            let place = primaries.firstIndex(of: preferred)
        {
            primaries.insert(primaries.remove(at: place), at: 0)
        }
        let isForced = copies[origin]?.isForced ?? false
        copies[origin]?.isForced = false
        copies[origin]?.preferred = nil
        var zone = box.zones[origin].flatMap { $0.isExpired ? nil : $0 }
        // One that was withheld may still be current.
        if zone == nil, copies[origin]?.checked != nil { zone = await served(origin) }
        return Plan(primaries: primaries, book: book, zone: zone, isForced: isForced)
    }

    nonisolated private func look(
        _ origin: Name, _ primary: ZonePeer, _ plan: Plan
    ) async throws(TransferClient.Failure) -> Finding {
        guard let zone = plan.zone, !plan.isForced else {
            return try await everything(origin, primary, plan)
        }
        let start = try await client.start(of: origin, at: primary, plan.book)
        guard let serial = start.serial, SerialNumber.isNewer(serial, than: zone.soa.serial) else {
            return .current
        }
        let outcome: TransferReception.Outcome
        do throws(TransferClient.Failure) {
            outcome = try await client.fetch(origin, from: zone.start, of: primary, plan.book)
        } catch {
            // RFC 1995 §2: a server that does not know it is asked for everything.
            guard case .reception = error else { throw error }
            return try await everything(origin, primary, plan)
        }
        switch outcome {
        case .current: return .current
        case .whole(let records): return finding(origin, records, replacing: zone)
        case .truncated: return .failed("the transfer is cut short")
        case .differences(let chain):
            guard let records = try? DifferenceSequence.apply(chain, to: zone.records),
                let changed = try? Zone(origin: origin, records: records)
            else { return try await everything(origin, primary, plan) }
            return .transferred(changed, chain.map { $0.kept(of: origin) })
        }
    }

    nonisolated private func everything(
        _ origin: Name, _ primary: ZonePeer, _ plan: Plan
    ) async throws(TransferClient.Failure) -> Finding {
        let outcome = try await client.fetch(origin, from: nil, of: primary, plan.book)
        guard case .whole(let records) = outcome else { return .failed("no zone was sent") }
        return finding(origin, records, replacing: plan.zone)
    }

    nonisolated private func finding(
        _ origin: Name, _ records: [ResourceRecord], replacing old: Zone?
    ) -> Finding {
        do throws(Zone.Invalid) {
            let zone = try Zone(origin: origin, records: records)
            // Those who copy from us need not take everything, either.
            let difference = old.flatMap {
                DifferenceSequence(from: $0.records, to: zone.records)?.kept(of: origin)
            }
            let isForward = old.map {
                SerialNumber.isNewer(zone.soa.serial, than: $0.soa.serial)
            }
            return .transferred(zone, isForward == true ? difference.map { [$0] } ?? [] : [])
        } catch {
            return .failed("what was sent is no zone: \(error)")
        }
    }

    private func finish(_ origin: Name, _ finding: Finding, _ primary: ZonePeer?) async {
        running -= 1
        defer { bell.ring() }
        guard copies[origin] != nil else { return }
        copies[origin]?.isBusy = false
        switch finding {
        case .current: await succeeded(origin, nil, [], primary)
        case .transferred(let zone, let differences):
            await succeeded(origin, zone, differences, primary)
        case .failed(let reason): failed(origin, reason)
        }
        if copies[origin]?.isWanted == true {
            copies[origin]?.isWanted = false
            copies[origin]?.clock.notified(at: world.time.timestamp)
        }
    }

    private func failed(_ origin: Name, _ reason: String) {
        copies[origin]?.failure = reason
        copies[origin]?.clock.failed(at: world.time.timestamp, chance: world.entropy.next())
        log.warning("the copy of \(origin) could not be refreshed: \(reason)")
    }

    private func succeeded(
        _ origin: Name, _ fetched: Zone?, _ differences: [ZoneDifference], _ primary: ZonePeer?
    ) async {
        let now = world.time.timestamp
        do throws(ZoneFailure) {
            if let fetched {
                let version = try await zones.zone(origin).version
                try await zones.keep(
                    served: [
                        ServedZone(
                            origin: origin, serial: fetched.soa.serial, version: version,
                            records: fetched.records)
                    ], differences)
            }
            try await peers.setChecked(origin, at: now)
        } catch {
            return failed(origin, "it cannot be kept: \(error)")
        }
        // It may have been given up in between.
        guard copies[origin] != nil else { return }
        var zone = fetched
        if zone == nil, copies[origin]?.isWithheld == true { zone = await served(origin) }
        guard let soa = zone?.soa ?? box.zones[origin]?.soa, var copy = copies[origin] else {
            return
        }
        copy.checked = now
        copy.failure = nil
        copy.clock.succeeded(at: now, soa, chance: world.entropy.next())
        if let zone {
            copy.isWithheld = false
            box.publish(zone)
        }
        copies[origin] = copy
        guard let fetched else { return }
        log.info(
            "copied \(origin)",
            metadata: [
                "serial": "\(fetched.soa.serial)", "records": "\(fetched.records.count)",
                "from": "\(primary.map { "\($0.address)" } ?? "")",
                "kind": "\(differences.isEmpty ? "whole" : "differences")",
            ])
        await listener([origin])
    }
}
