// SPDX-License-Identifier: Apache-2.0

import Bytes
package import DNS
package import Logging
package import Mail
package import Maintenance
package import World
package import ZoneCheck
package import ZoneStore

/// Watches the hosts of zones that ask for it, and leaves those that are down out of the answers.
///
/// It stands between what is kept and what is answered (`transform`), and has zones published anew
/// when its judgement of a host changes.
package actor HealthWatch {
    /// What is known of one zone's hosts.
    package struct Status: Sendable {
        package let overlay: HealthOverlay
        package let hosts: [(subject: HealthJudge.Subject, health: HealthJudge.Health)]
        /// Where the answers depart from the zone at the moment.
        package let departures: [HealthOverlay.Departure]

        /// Of a zone whose hosts nobody has looked at.
        package init(_ overlay: HealthOverlay) {
            self.init(overlay, [], [])
        }

        init(
            _ overlay: HealthOverlay,
            _ hosts: [(subject: HealthJudge.Subject, health: HealthJudge.Health)],
            _ departures: [HealthOverlay.Departure]
        ) {
            self.overlay = overlay
            self.hosts = hosts
            self.departures = departures
        }
    }

    private struct Watched {
        var overlay: HealthOverlay
        var subjects: [HealthJudge.Subject]
        /// The records that may be answered in another way, and the addresses of hosts.
        var records: [ResourceRecord]
        var departures: [HealthOverlay.Departure] = []
    }

    private let world: Surroundings
    private let resolver: any Resolver
    private let log: Logger
    private let port: UInt16
    private let ownFailure: @Sendable (Name) async -> Wording?

    private var watched: [Name: Watched] = [:]
    private var judge: HealthJudge
    private let bell = Bell()

    /// Between two looks at a host; some more or less, so that hosts are not asked in step.
    package static let interval = Duration.seconds(30)
    /// For a connection and a greeting.
    static let patience = Duration.seconds(10)
    /// Hosts looked at together.
    static let concurrency = 32

    /// `port` is where exchangers listen: 25, but for trials.
    ///
    /// `ownFailure` says of one of our own names why it should take no mail now; nil: it may, or it
    /// is not ours.
    package init(
        world: Surroundings, resolver: any Resolver, log: Logger, port: UInt16 = 25,
        damping: HealthJudge.Damping = .init(),
        ownFailure: @escaping @Sendable (Name) async -> Wording? = { _ in nil }
    ) {
        self.world = world
        self.resolver = resolver
        self.log = log
        self.port = port
        self.ownFailure = ownFailure
        judge = HealthJudge(damping)
    }

    /// A zone's records as they are answered now; learns what is to be watched for it.
    package func transform(_ zone: StoredZone, _ records: [ResourceRecord]) -> [ResourceRecord] {
        let overlay = HealthOverlay(options: zone.options)
        guard !overlay.isIdle else {
            watched[zone.origin] = nil
            return records
        }
        let now = world.time.now
        let (answered, departures) = overlay.applied(to: records) {
            judge.health(of: $0, at: now)
        }
        let before = watched[zone.origin]?.departures ?? []
        for departure in departures where !before.contains(where: { $0.isSame(as: departure) }) {
            log.notice("\(zone.origin): \(departure.text(.english))")
        }
        for departure in before where !departures.contains(where: { $0.isSame(as: departure) }) {
            log.notice("\(zone.origin): no more: \(departure.text(.english))")
        }
        watched[zone.origin] = Watched(
            overlay: overlay, subjects: overlay.subjects(of: records),
            records: records.filter { $0.exchange != nil || $0.address != nil },
            departures: departures)
        bell.ring()
        return answered
    }

    /// What is known of a zone's hosts; nil if none of them is watched.
    package func status(of origin: Name) -> Status? {
        guard let known = watched[origin] else { return nil }
        let now = world.time.now
        return Status(
            known.overlay, known.subjects.map { ($0, judge.health(of: $0, at: now)) },
            known.departures)
    }

    /// What `zone show` says of a zone's hosts; empty if none of them is watched.
    package func lines(of origin: Name, _ language: Language) -> [String] {
        status(of: origin)?.lines(at: world.time.now, language) ?? []
    }

    /// Whether an exchanger is known to be down.
    package func isDown(_ host: Name) -> Bool {
        judge.health(of: .host(host), at: world.time.now).isDown
    }

    /// Looks at hosts until the task is cancelled; `publish` makes zones anew.
    package func run(publish: @Sendable ([Name]) async -> Void) async {
        while !Task.isCancelled {
            if watched.isEmpty {
                await bell.wait()
                continue
            }
            await look(publish)
            let jitter = Int64(world.entropy.next() % 10_000)
            try? await world.time.sleep(for: Self.interval + .milliseconds(jitter - 5000))
        }
    }

    // MARK: -

    private func look(_ publish: @Sendable ([Name]) async -> Void) async {
        var subjects: [HealthJudge.Subject] = []
        var seen: Set<HealthJudge.Subject> = []
        var addresses: [Name: [IPAddress]] = [:]
        for origin in watched.keys.sorted(by: { $0.description < $1.description }) {
            guard let known = watched[origin] else { continue }
            subjects += known.subjects.filter { seen.insert($0).inserted }
            for record in known.records {
                guard let address = record.address else { continue }
                addresses[record.owner, default: []].append(address)
            }
        }
        judge.keep(seen)
        let failures = await observe(subjects, addresses)
        for (subject, failure) in failures {
            if let change = judge.observe(subject, failure: failure, at: world.time.now) {
                tell(change)
            }
        }
        let origins = watched.filter { isOutdated($0.value) }.keys
        guard !origins.isEmpty else { return }
        await publish(origins.sorted { $0.description < $1.description })
    }

    /// Whether another answer is due than the one that is given.
    private func isOutdated(_ known: Watched) -> Bool {
        let now = world.time.now
        let due = known.overlay.applied(to: known.records) { judge.health(of: $0, at: now) }
            .departures
        return !due.elementsEqual(known.departures) { $0.isSame(as: $1) }
    }

    private func tell(_ change: HealthJudge.Change) {
        switch change.health {
        case .down(_, let why):
            let pause = change.steadyFor.map { "\($0.components.seconds)" } ?? "0"
            log.notice(
                """
                \(change.subject) is down: \(why.english); it is up again when it has answered \
                for \(pause) seconds
                """)
        default: log.notice("\(change.subject) is up again")
        }
    }

    private func observe(
        _ subjects: [HealthJudge.Subject], _ addresses: [Name: [IPAddress]]
    ) async -> [(HealthJudge.Subject, Wording?)] {
        let probe = HealthProbe(world: world, patience: Self.patience)
        let (resolver, ownFailure, port) = (resolver, ownFailure, port)
        return await withTaskGroup(of: (Int, Wording?, Bool).self) { group in
            var results = subjects.map { ($0, Wording?.none) }
            var isKnown = subjects.map { _ in false }
            func take(_ done: (Int, Wording?, Bool)) {
                results[done.0].1 = done.1
                isKnown[done.0] = done.2
            }
            for (index, subject) in subjects.enumerated() {
                if index >= Self.concurrency, let done = await group.next() { take(done) }
                group.addTask {
                    switch subject {
                    case .address(let address):
                        let greets = [25, 587, port].contains(address.port)
                        return (index, await probe.failure(of: [address], greets: greets), true)
                    case .host(let host):
                        if let failure = await ownFailure(host) { return (index, failure, true) }
                        let found =
                            if let known = addresses[host] { known } else {
                                await Self.addresses(of: host, resolver)
                            }
                        // A DNS fault is no fault of the host's.
                        guard !found.isEmpty else { return (index, nil, false) }
                        let places = found.map { SocketAddress($0, port: port) }
                        return (index, await probe.failure(of: places, greets: true), true)
                    }
                }
            }
            for await done in group { take(done) }
            return zip(results, isKnown).filter(\.1).map(\.0)
        }
    }

    private static func addresses(of host: Name, _ resolver: any Resolver) async -> [IPAddress] {
        var addresses: [IPAddress] = []
        for type in [RecordType.a, .aaaa] {
            let answer = await resolver.resolve(host, type)
            addresses += answer.records.compactMap(\.address)
        }
        return addresses
    }
}

extension HealthJudge.Subject: CustomStringConvertible {
    package var description: String {
        switch self {
        case .host(let host): "\(host)"
        case .address(let address): "\(address)"
        }
    }
}
