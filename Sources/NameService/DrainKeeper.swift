// SPDX-License-Identifier: Apache-2.0

package import DNS
package import Logging
package import Mail
package import Maintenance
import TransportSecurity
package import World
import ZoneCheck
package import ZoneStore

/// Carries drains out: keeps them, changes zones and policies, and waits.
///
/// What is kept is always ahead of what is done: a crash between the two repeats a step, which
/// does no harm.
package actor DrainKeeper {
    /// A drain with what is to be known beside.
    package struct Status: Sendable {
        package let drain: Drain
        package let facts: Drain.Facts
        /// Empty if nobody sees here who comes to the host.
        package let arrivals: [ArrivalCounter.Summary]
    }

    /// What a drain that was asked for cannot reach.
    package struct Begun: Sendable {
        package let drain: Drain
        /// Zones from files or from other servers that name the host: they are not changed here.
        package let unreached: [Name]
    }

    /// Why something was not done.
    package enum Failure: Error, Sendable {
        case refused(DrainRefusal)
        case zone(ZoneFailure)
        /// The directory cannot be asked just now.
        case unable(String)
    }

    private let zones: Zones
    private let policies: Policies
    private let drains: Drains
    private let box: ZoneBox
    private let time: any Time
    private let log: Logger
    /// Who comes to these names is written down in `arrivals`.
    private let ownNames: Set<Name>
    private let arrivals: ArrivalBook
    private let spread: SpreadCheck?
    private let isDown: @Sendable (Name) async -> Bool
    private let relayed: @Sendable () async throws -> Set<Name>

    private let bell = Bell()
    private var active: [Drain] = []
    private var isLoaded = false
    private var isBusy = false
    private var waiters: [CheckedContinuation<Void, Never>] = []
    /// Calendar less clock, as last seen.
    private var offset: Duration?

    /// How often it is looked whether something has become due.
    static let pause = Duration.seconds(15)
    /// A calendar that was set by less than this only makes for a little longer waiting.
    static let smallestJump = Duration.seconds(5)

    /// `isDown` says whether an exchanger is known to be down; `relayed` are the domains that this
    /// host is a backup for without being told where their mail goes.
    package init(
        zones: Zones, box: ZoneBox, time: any Time, log: Logger, ownNames: Set<Name>,
        arrivals: ArrivalBook, spread: SpreadCheck?,
        isDown: @escaping @Sendable (Name) async -> Bool = { _ in false },
        relayed: @escaping @Sendable () async throws -> Set<Name> = { [] }
    ) {
        self.relayed = relayed
        self.zones = zones
        policies = Policies(zones)
        drains = Drains(zones)
        self.box = box
        self.time = time
        self.log = log
        self.ownNames = ownNames
        self.arrivals = arrivals
        self.spread = spread
        self.isDown = isDown
    }

    /// Goes on with what is under way until the task is cancelled.
    package func run() async {
        while !Task.isCancelled {
            await look()
            if active.isEmpty, isLoaded {
                await bell.wait()
            } else {
                await bell.wait(until: time.now + Self.pause, on: time)
            }
        }
    }

    // MARK: - What people ask for

    /// Begins to drain a host; the first step is done when it returns.
    package func drain(
        _ host: Name, manner: Drain.Manner, isForced: Bool, by author: String
    ) async throws(Failure) -> Begun {
        await enter()
        defer { leave() }
        try await load()
        guard !active.contains(where: { $0.host == host }) else {
            throw .refused(.underWay(host))
        }
        var request = Drain.Request(host: host)
        request.manner = manner
        request.isForced = isForced
        request.ownNames = ownNames
        do {
            request.relayed = try await relayed()
        } catch {
            throw .unable("\(error)")
        }
        let kept = try await keptZones(naming: host)
        for other in Set(kept.primaries.flatMap { $0.records.compactMap(\.exchange) }) {
            let isDraining = active.contains { $0.host == other }
            let isDead = await isDown(other)
            if isDraining || isDead { request.away.insert(other) }
        }
        var drain: Drain
        do throws(DrainRefusal) {
            drain = try Drain(request, zones: kept.primaries, at: time.timestamp)
        } catch {
            throw .refused(error)
        }
        drain.note { kept.managed[$0]?.contains($1) ?? false }
        log.notice("\(author) drains \(host): \(drain.sets.count) domains name it")
        let next = try await work(drain, by: author)
        active.append(next)
        bell.ring()
        return Begun(drain: next, unreached: kept.unreached)
    }

    /// Brings a host back.
    package func undrain(_ host: Name, by author: String) async throws(Failure) -> Drain {
        await enter()
        defer { leave() }
        try await load()
        guard let place = active.firstIndex(where: { $0.host == host }) else {
            throw .refused(.notUnderWay(host))
        }
        var drain = active[place]
        drain.undrain(at: time.timestamp)
        log.notice("\(author) brings \(host) back")
        active[place] = try await work(drain, by: author)
        let result = active[place]
        forgetFinished()
        bell.ring()
        return result
    }

    /// Every drain that is under way.
    package func status() async throws(Failure) -> [Status] {
        await enter()
        defer { leave() }
        try await load()
        var all: [Status] = []
        for drain in active {
            let facts = try await facts(for: drain, isWhole: true)
            all.append(
                Status(
                    drain: drain, facts: facts,
                    arrivals: facts.arrivals == nil ? [] : arrivals.summaries))
        }
        return all
    }

    // MARK: - Steps

    private func look() async {
        await enter()
        defer { leave() }
        do throws(Failure) {
            try await load()
            heedCalendar()
            for index in active.indices {
                let drain = active[index]
                do throws(Failure) {
                    active[index] = try await work(drain, by: "mx drain")
                } catch {
                    log.warning("the drain of \(drain.host) is tried again: \(error)")
                }
            }
            forgetFinished()
        } catch {
            log.warning("drains are looked at again: \(error)")
        }
    }

    /// One drain as far as it goes now.
    private func work(_ drain: Drain, by author: String) async throws(Failure) -> Drain {
        var drain = drain
        // A phase that changes leads to one that waits: three in a row are the most there are.
        for _ in Drain.Phase.allCases.indices {
            guard drain.wantsChanges || drain.awaitsSpread || isDue(drain) else { return drain }
            let facts = try await facts(for: drain, isWhole: true)
            let before = drain
            if drain.advance(facts, at: time.timestamp) { try await keep(drain, before) }
            guard drain.wantsChanges else { return drain }
            let begun = drain
            let changes = drain.changes(facts)
            try await keep(drain, begun)
            try await make(changes, drain, author)
            drain.carriedOut(at: time.timestamp)
            try await keep(drain, begun)
        }
        return drain
    }

    private func isDue(_ drain: Drain) -> Bool {
        drain.deadline.map { time.timestamp >= $0 } ?? true
    }

    /// What is kept is what will be known after a crash.
    private func keep(_ drain: Drain, _ before: Drain) async throws(Failure) {
        guard drain != before else { return }
        do throws(ZoneFailure) {
            if drain.isOver {
                try await drains.remove(drain.host)
            } else {
                try await drains.keep(drain)
            }
        } catch {
            throw .zone(error)
        }
        guard drain.phase != before.phase else { return }
        log.notice("drain: \(drain.text(.english))")
    }

    private func make(
        _ changes: Drain.Changes, _ drain: Drain, _ author: String
    ) async throws(Failure) {
        let host = drain.host
        do throws(ZoneFailure) {
            var new: [(domain: Name, policy: STSPolicy?)] = []
            for change in changes.policies {
                guard var policy = try await policies.policy(of: change.domain)?.policy else {
                    continue
                }
                policy.patterns = change.patterns
                new.append((change.domain, policy))
            }
            if !new.isEmpty { try await policies.set(new, by: author, "drain of \(host)") }
            var plans: [ZonePlan] = []
            for zone in changes.zones {
                if let plan = try await plan(zone, drain) { plans.append(plan) }
            }
            if !plans.isEmpty { try await zones.commit(plans, by: author, "drain of \(host)") }
        } catch {
            throw .zone(error)
        }
    }

    /// Nil if there is nothing to change any more.
    private func plan(
        _ edits: Drain.ZoneEdits, _ drain: Drain
    ) async throws(ZoneFailure) -> ZonePlan? {
        do throws(ZoneFailure) {
            var plan = try await zones.plan(edits.edits, for: edits.origin)
            let ours = drain.sets.filter { $0.origin == edits.origin && $0.isManaged }
            let back = plan.change.added.filter { record in
                record.exchange == drain.host && ours.contains { $0.owner == record.owner }
            }
            plan.managed = try await zones.zone(edits.origin).managed.union(back.map(\.mark))
            return plan
        } catch {
            switch error {
            case .unknownZone, .isSecondary, .refused(_, .nothingToDo): return nil
            default: throw error
            }
        }
    }

    /// The calendar is what is kept; that somebody sets it brings nothing nearer.
    private func heedCalendar() {
        let now = Duration.milliseconds(
            time.timestamp.milliseconds - time.now.nanoseconds / 1_000_000)
        defer { offset = now }
        guard let offset else { return }
        let jump = now - offset
        guard jump > Self.smallestJump || jump < .zero - Self.smallestJump else { return }
        for index in active.indices { active[index].calendarJumped(by: jump) }
    }

    private func forgetFinished() { active.removeAll(where: \.isOver) }

    // MARK: - Facts

    private func load() async throws(Failure) {
        guard !isLoaded else { return }
        do throws(ZoneFailure) {
            active = try await drains.all()
        } catch {
            throw .zone(error)
        }
        isLoaded = true
    }

    private func facts(for drain: Drain, isWhole: Bool) async throws(Failure) -> Drain.Facts {
        var facts = Drain.Facts()
        do throws(ZoneFailure) {
            for origin in Set(drain.sets.map(\.origin)) {
                if let records = try await records(of: origin) { facts.zones[origin] = records }
            }
            let owners = Set(drain.sets.map(\.owner))
            facts.policies = try await policies.all().filter { owners.contains($0.domain) }
                .map { ($0.domain, $0.policy) }
        } catch {
            throw .zone(error)
        }
        if ownNames.contains(drain.host) { facts.arrivals = arrivals.facts }
        if drain.awaitsSpread, let spread {
            facts.isSpreading = await spread.isAnyBehind(facts.zones, box)
        }
        return facts
    }

    private func records(of origin: Name) async throws(ZoneFailure) -> [ResourceRecord]? {
        do throws(ZoneFailure) {
            let zone = try await zones.zone(origin)
            return zone.kind == .primary ? try zone.records() : nil
        } catch {
            guard case .unknownZone = error else { throw error }
            return nil
        }
    }

    /// What names a host, here and where nothing can be changed.
    private struct Naming {
        var primaries: [(origin: Name, records: [ResourceRecord])] = []
        var managed: [Name: Set<ResourceRecord>] = [:]
        var unreached: [Name] = []
    }

    private func keptZones(naming host: Name) async throws(Failure) -> Naming {
        var naming = Naming()
        var kept: Set<Name> = []
        do throws(ZoneFailure) {
            for origin in try await zones.origins() {
                let zone = try await zones.zone(origin)
                guard zone.kind == .primary else { continue }
                kept.insert(origin)
                let records = try zone.records()
                guard Drain.isNamed(host, in: records) else { continue }
                naming.primaries.append((origin, records))
                naming.managed[origin] = zone.managed
            }
        } catch {
            throw .zone(error)
        }
        let others = box.zones
        naming.unreached = others.origins.filter { origin in
            !kept.contains(origin) && Drain.isNamed(host, in: others[origin]?.records ?? [])
        }
        .sorted { $0.canonicalKey.lexicographicallyPrecedes($1.canonicalKey) }
        return naming
    }

    // MARK: - One at a time

    private func enter() async {
        while isBusy { await withCheckedContinuation { waiters.append($0) } }
        isBusy = true
    }

    private func leave() {
        isBusy = false
        guard !waiters.isEmpty else { return }
        waiters.removeFirst().resume()
    }
}

extension DrainKeeper.Failure {
    /// One sentence for people.
    package func text(_ language: Language) -> String {
        switch self {
        case .refused(let refusal): refusal.text(language)
        case .zone(let failure): failure.text(language)
        case .unable(let reason): reason
        }
    }
}

extension DrainKeeper.Failure: CustomStringConvertible {
    package var description: String { text(.english) }
}
