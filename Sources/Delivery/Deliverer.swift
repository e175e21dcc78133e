// SPDX-License-Identifier: Apache-2.0

import Bytes
package import DNS
package import Directory
package import Journal
package import KeyRing
package import Logging
import MIME
package import Mail
package import Routing
package import ScriptStore
package import Spool
import Storage
import Synchronization
package import Tenancy
package import World

/// Delivers what stands in the spool: into mailboxes here, and to other servers.
///
/// What was just accepted comes from `arrivals`, what is due again from the spool. All decisions
/// about order and connections are the `Queue`'s; all waiting for peers is a `Courier`'s.
package final class Deliverer: Sendable {
    let settings: DeliverySettings
    let time: any Time
    let entropy: any Entropy
    let network: any Network
    let resolver: any Resolver
    let registry: Registry
    let spooler: Spooler
    let intake: Intake
    let arrivals: Arrivals
    let ids: QueueIDSource
    let trace: Trace
    let signingKeys: SigningKeys?
    /// The scripts that sort mail; nil: none do.
    let scripts: Scripts?
    /// What accounts may keep; nil: nobody asks.
    let quotas: Quotas?
    let watch: DeliveryWatch
    let log: Logger
    let counters = DeliveryCounters()
    /// What keeps subaddresses from leading into folders.
    let sortingFailures = FailureMemory()
    private let unreadable = UnreadableMemory()
    let noticePace = Mutex(NotificationPace())
    private let health: HostHealth
    private let resting = RestingCouriers()
    private let state: Mutex<State>
    /// Something may begin.
    private let workBell = Bell()
    /// Something may be due in the spool.
    private let dueBell = Bell()

    private struct State {
        var queue: Queue<Job>
        /// Messages to several domains, for which it is to be found out who shares a way.
        var unsorted: [[Job]] = []
        var sorters = 0
        /// The spool holds more that is due than found a place.
        var moreIsDue = false
        var stopDeadline: Instant?
        /// What operators want not to be delivered for the time being.
        var suspensions = Suspensions.none
    }

    private let currentSchedule: Mutex<RetrySchedule>
    /// When to try again: it can change while mail flows.
    var schedule: RetrySchedule { currentSchedule.withLock { $0 } }

    /// Look-ups for messages to several domains, beside those of the connections.
    private static let maximumSorters = 8
    /// Recipients taken out of the spool at once.
    private static let claimLimit = 1000
    /// How long arrivals may gather: far below what a person notices.
    private static let gatheringPause = Duration.milliseconds(3)
    /// How long what is suspended rests before it is looked at again: when it may go on, it is
    /// made due at once.
    private static let suspendedPause = Duration.hours(4)
    /// How long what was recalled stays where the operator's command finds it.
    private static let recallPause = Duration.minutes(1)
    /// How long to wait when what is due finds no place.
    private static let crowdedPause = Duration.seconds(1)

    package init(
        _ settings: DeliverySettings, surroundings: Surroundings, resolver: any Resolver,
        registry: Registry, spooler: Spooler, intake: Intake, arrivals: Arrivals,
        ids: QueueIDSource, trace: Trace, signingKeys: SigningKeys? = nil,
        scripts: Scripts? = nil, quotas: Quotas? = nil,
        watch: DeliveryWatch = DeliveryWatch(), log: Logger
    ) {
        self.quotas = quotas
        self.settings = settings
        currentSchedule = Mutex(settings.schedule)
        time = surroundings.time
        entropy = surroundings.entropy
        network = surroundings.network
        self.resolver = resolver
        self.registry = registry
        self.spooler = spooler
        self.intake = intake
        self.arrivals = arrivals
        self.ids = ids
        self.trace = trace
        self.signingKeys = signingKeys
        self.scripts = scripts
        self.watch = watch
        self.log = log
        health = HostHealth(
            firstPause: settings.queue.firstPause, longestPause: settings.queue.longestPause)
        state = Mutex(State(queue: Queue(limits: settings.queue)))
    }

    /// Takes back what this node had begun before it ended.
    ///
    /// Once, before anything is accepted.
    package func prepare() async throws {
        let count = try await spooler.releaseOwnClaims(at: time.timestamp)
        if count > 0 { log.notice("\(count) deliveries were under way at the last end") }
        let waiting = try await spooler.census(by: .destination, at: time.timestamp)
        health.noteWaiting(waiting.shares.compactMap { try? Destination($0.name) })
        try await heedSuspensions()
    }

    /// How many of the recipients in the queue have an address that this release cannot read; those
    /// that were due since the start.
    package func unreadableRecipients() async throws -> Int {
        let keys = unreadable.keys
        return keys.isEmpty ? 0 : try await spooler.unreadable(among: keys).count
    }

    /// From now on, whoever fails waits by this schedule.
    package func change(schedule: RetrySchedule) { currentSchedule.withLock { $0 = schedule } }

    /// Delivers until `stop` has taken effect or the task is cancelled, which breaks off what is
    /// under way.
    package func run() async {
        // Beside the connections: a message changes threads for the store alone.
        await withTaskExecutorPreference(network.taskExecutor) { await deliver() }
    }

    private func deliver() async {
        await withTaskGroup { feeders in
            feeders.addTask { await self.takeArrivals() }
            feeders.addTask { await self.takeDue() }
            feeders.addTask { await self.resting.dismissIdle(on: self.time) }
            await carry()
            feeders.cancelAll()
        }
    }

    /// Begins nothing more; what is under way may end within `grace`.
    package func stop(within grace: Duration) {
        state.withLock { $0.stopDeadline = min($0.stopDeadline ?? .distant, time.now + grace) }
        workBell.ring()
    }

    /// Looks into the spool now: an operator has changed something.
    ///
    /// `retrying`: destinations that someone wants tried now, although they did not answer just
    /// before.
    package func wake(retrying destinations: [Destination] = []) {
        let lines = destinations.map(line)
        state.withLock { state in
            for line in lines { state.queue.reopen(line) }
        }
        dueBell.ring()
    }

    /// Gives back to the spool what is meant and waits here for its turn; what is not meant is
    /// due at once again.
    package func recall(_ selection: Selection) async {
        let now = time.timestamp
        let recalled = state.withLock { state in
            let isMeant = { (job: Job) in job.recipients.contains(where: selection.matches) }
            var jobs = state.queue.remove(where: isMeant)
            // Jobs of one message stand together, and are sorted together.
            jobs += state.unsorted.filter { $0.contains(where: isMeant) }.flatMap(\.self)
            state.unsorted.removeAll { $0.contains(where: isMeant) }
            return jobs.flatMap(\.recipients)
        }
        // Time for the operator's command to find it there before it is due again.
        await giveBack(
            recalled.map { ($0, selection.matches($0) ? now + Self.recallPause : now) })
    }

    // MARK: Work

    private enum Work {
        case carry(Queue<Job>.Assignment)
        case sort([Job])
    }

    private func carry() async {
        await withDiscardingTaskGroup { group in
            var isStopping = false
            while !Task.isCancelled {
                await workBell.wait()
                if let deadline = state.withLock({ $0.stopDeadline }) {
                    if !isStopping {
                        isStopping = true
                        await giveBackWaiting()
                        group.addTask { await self.resting.dismissAll() }
                        group.addTask {
                            try? await self.time.sleep(until: deadline)
                            self.workBell.ring()
                        }
                    }
                    let isQuiet = state.withLock { $0.queue.connections == 0 && $0.sorters == 0 }
                    if isQuiet || time.now >= deadline { break }
                    continue
                }
                while let work = nextWork() {
                    if let executor = network.taskExecutor {
                        group.addTask(executorPreference: executor) { await self.perform(work) }
                    } else {
                        group.addTask { await self.perform(work) }
                    }
                }
            }
            group.cancelAll()
        }
    }

    private func nextWork() -> Work? {
        state.withLock { state in
            if !state.unsorted.isEmpty, state.sorters < Self.maximumSorters {
                state.sorters += 1
                return .sort(state.unsorted.removeFirst())
            }
            return state.queue.next().map { .carry($0) }
        }
    }

    private func perform(_ work: Work) async {
        switch work {
        case .carry(let assignment): await carry(assignment)
        case .sort(let jobs):
            let merged = await sort(jobs)
            let refused = state.withLock { state in
                state.sorters -= 1
                return offer(merged, &state)
            }
            await giveBack(refused)
        }
        workBell.ring()
    }

    /// Messages to one destination, one after another.
    private func carry(_ first: Queue<Job>.Assignment) async {
        var assignment = first
        let courier = resting.take(for: first.destination) ?? Courier(self)
        var next: Job? = first.job
        var evidence: Outcome.Evidence?
        await withTaskGroup(of: Void.self) { settling in
            while let job = next {
                let end = await attempt(job, by: courier)
                evidence = end.evidence
                // While one end is being written, the next message is under way: a crash makes
                // at most these two arrive twice.
                await settling.next()
                settling.addTask { await self.conclude(end.conclusions) }
                if courier.ending == .unreachable { break }
                next = state.withLock { state in
                    state.stopDeadline == nil ? state.queue.more(&assignment) : nil
                }
                workBell.ring()
            }
        }
        let ending = courier.ending
        await rest(courier, from: first.destination)
        let (aftermath, moreIsDue) = state.withLock { state in
            let moreIsDue = state.moreIsDue
            state.moreIsDue = false
            return (state.queue.finished(assignment, ending, at: time.now), moreIsDue)
        }
        for job in aftermath.putOff { await putOff(job, because: evidence) }
        if aftermath.hasRecovered { await hasten(first.job.destinations) }
        if moreIsDue { dueBell.ring() }
    }

    /// Keeps a courier whose connection may serve the next message; dismisses it otherwise.
    private func rest(_ courier: Courier, from destination: Destination) async {
        guard courier.isReady, state.withLock({ $0.stopDeadline == nil }) else {
            return await courier.close()
        }
        courier.rest()
        await resting.keep(courier, for: destination, at: time.now)?.close()
    }

    /// How an attempt ended: what was said last if it must wait, and what is to be written.
    private struct AttemptEnd: Sendable {
        var evidence: Outcome.Evidence?
        var conclusions: [Conclusion] = []
    }

    /// Tries a message.
    private func attempt(_ job: Job, by courier: Courier) async -> AttemptEnd {
        guard let job = await secured(job) else { return AttemptEnd() }
        if job.via == nil, case .local? = try? responsibility(for: job.destination) {
            await deliverLocally(job.recipients)
            return AttemptEnd()
        }
        var conclusions = Conclusions(self, job.message)
        // Its sender wants it back because it is late.
        if conclusions.isOverdue {
            for recipient in job.recipients { conclusions.expire(recipient) }
            return AttemptEnd(conclusions: await conclusions.finish())
        }
        if let hosts = await suspendedHosts(for: job) {
            await putOff(job.recipients.map { ($0, hosts) })
            return AttemptEnd()
        }
        let report = await courier.deliver(job)
        conclusions.add(report, of: job)
        return AttemptEnd(
            evidence: report.results.last?.outcome.evidence,
            conclusions: await conclusions.finish())
    }

    /// The suspension because of which a destination cannot be reached at all; nil if it can.
    private func suspendedHosts(for job: Job) async -> Suspension? {
        let suspensions = state.withLock { $0.suspensions }
        guard suspensions.coversHosts,
            case .hostsSuspended(let hosts)? = await way(to: job.destination, via: job.via)
                .decision.reason
        else { return nil }
        return hosts.lazy.compactMap { suspensions.covering(host: $0) }.first
    }

    /// The rest of the line of a destination that cannot be reached: as if it had been tried.
    private func putOff(_ job: Job, because evidence: Outcome.Evidence?) async {
        var reason =
            evidence ?? Outcome.Evidence(EnhancedStatus(4, 4, 1), Diagnosis.noHostReached.text())
        reason.status = EnhancedStatus(4, reason.status.subject, reason.status.detail)
        reason.text = Diagnosis.notTried.text(reason.text)
        var conclusions = Conclusions(self, job.message)
        for recipient in job.recipients { conclusions.add(recipient, .transient(reason)) }
        await conclude(await conclusions.finish())
    }

    // MARK: Claims

    /// The job with time left to try it; nil if it is no longer ours.
    private func secured(_ job: Job) async -> Job? {
        let now = time.timestamp
        // The spool gives it out again, at the latest when the claim has ended.
        guard now + .minutes(1) < job.claimEnds else { return nil }
        guard now + Spooler.claimDuration / 2 > job.claimEnds else { return job }
        var job = job
        let until = now + Spooler.claimDuration
        guard (try? await spooler.extend(job.recipients, until: until)) != nil else { return nil }
        job.claimEnds = until
        return job
    }

    /// The message on its way out; its claim is kept as long as octets flow.
    func delivery(of job: Job, changes: TransportChanges?) -> OutboundConnection.Delivery {
        var extended = time.now
        return OutboundConnection.Delivery(
            content: spooler.read(job.message), converter: changes.map { TransportConverter($0) }
        ) { [self] in
            guard time.now > extended + Spooler.claimDuration / 4 else { return }
            extended = time.now
            let until = time.timestamp + Spooler.claimDuration
            try? await spooler.extend(job.recipients, until: until)
        }
    }

    // MARK: Routing

    /// The way to a destination as it is now, with its explanation.
    package func decide(_ destination: Destination) async -> Decision {
        await way(to: destination).decision
    }

    /// The way, or that by the host of an operator's choice; and who we are to the host at its end.
    func way(
        to destination: Destination, via host: String? = nil
    ) async -> (decision: Decision, account: Transport.Account?) {
        let (decision, account) =
            if let host { await route(destination, via: host) } else { await route(destination) }
        return (withoutSuspendedHosts(decision), account)
    }

    /// A host that is some transport's is used as that transport says.
    private func route(
        _ destination: Destination, via text: String
    ) async -> (decision: Decision, account: Transport.Account?) {
        let transport: Transport?
        do throws(DirectoryFailure) {
            transport = try registry.transport(through: text)
        } catch {
            return (.directoryUnknown(for: destination), nil)
        }
        guard let host = Self.host(transport, .elsewhere) ?? (try? RelayHost(text)) else {
            return (.directoryUnknown(for: destination), nil)
        }
        let router = Router(
            resolver: resolver, context: context(for: destination, transport, .elsewhere))
        var decision = await router.route(destination, by: host)
        // The operator's mistake is no reason to give up.
        if case .permanent(let reason) = decision.verdict { decision.verdict = .transient(reason) }
        return (decision, transport?.account)
    }

    private func route(
        _ destination: Destination
    ) async -> (decision: Decision, account: Transport.Account?) {
        let responsibility: Responsibility
        let transport: Transport?
        do throws(DirectoryFailure) {
            responsibility = try self.responsibility(for: destination)
            transport = try self.transport(for: destination, responsibility)
        } catch {
            // Without the directory a message that should go to a smarthost might go elsewhere.
            return (.directoryUnknown(for: destination), nil)
        }
        let router = Router(
            resolver: resolver, context: context(for: destination, transport, responsibility))
        if let host = Self.host(transport, responsibility) {
            return (await router.route(destination, by: host), transport?.account)
        }
        var generator = entropy.generator
        return (await router.route(destination, using: &generator), nil)
    }

    private func context(
        for destination: Destination, _ transport: Transport?, _ responsibility: Responsibility
    ) -> RoutingContext {
        let role: RoutingContext.Role =
            switch responsibility {
            case .local: .local
            case .relay: .relay
            case .elsewhere: .foreign
            }
        var context = RoutingContext(
            ownNames: settings.ownNames, ownAddresses: settings.ownAddresses,
            role: { _ in role }, isDown: { [self] in health.isDown($0, at: time.now) })
        context.usesAddressFallback =
            transport?.usesAddressFallback == true
            || destination.domain.map(settings.addressFallback.contains) == true
        return context
    }

    private func transport(
        for destination: Destination, _ responsibility: Responsibility
    ) throws(DirectoryFailure) -> Transport? {
        try registry.transport(
            for: destination.domain, isElsewhere: responsibility == .elsewhere)
    }

    /// What an operator has set instead of MX records.
    private static func host(
        _ transport: Transport?, _ responsibility: Responsibility
    ) -> RelayHost? {
        if let transport, let text = transport.host, var host = try? RelayHost(text) {
            host.dialect = transport.carrier == .lmtp ? .lmtp : .smtp
            host.security = Route.Security(rawValue: transport.security.rawValue) ?? .required
            return host
        }
        guard case .relay(let relay) = responsibility else { return nil }
        return relay.host.flatMap { try? RelayHost($0) }
    }

    /// The line of the queue in which mail for a destination stands: its own, or that of the
    /// host that takes everything, which would otherwise see many lines at once.
    private func line(of destination: Destination) -> Destination {
        if destination.isChosenHost { return destination }
        guard let responsibility = try? responsibility(for: destination),
            let transport = try? transport(for: destination, responsibility),
            transport.scope == .everything, let host = transport.host
        else { return destination }
        return .literal(.general(tag: "transport", content: host))
    }

    /// The way without the hosts that operators want spared.
    private func withoutSuspendedHosts(_ decision: Decision) -> Decision {
        let suspensions = state.withLock { $0.suspensions }
        guard suspensions.coversHosts, var route = decision.route else { return decision }
        var spared: [String] = []
        for index in route.hosts.indices {
            let name = "\(route.hosts[index].exchange)"
            let addresses = route.hosts[index].addresses
            if let by = suspensions.covering(host: name) {
                spared.append(by.subject)
                route.hosts[index].addresses = []
            } else if let by = addresses.lazy.compactMap({ suspensions.covering($0) }).first {
                route.hosts[index].addresses.removeAll { suspensions.covering($0) != nil }
                if route.hosts[index].addresses.isEmpty { spared.append(by.subject) }
            }
        }
        route.hosts.removeAll(where: \.addresses.isEmpty)
        var decision = decision
        decision.verdict =
            route.hosts.isEmpty ? .transient(.hostsSuspended(spared)) : .route(route)
        return decision
    }

    func responsibility(
        for destination: Destination
    ) throws(DirectoryFailure) -> Responsibility {
        guard let domain = destination.domain else { return .elsewhere }
        return try registry.responsibility(for: domain)
    }

    func noteFailure(of address: IPAddress, for destinations: [Destination]) {
        health.noteFailure(of: address, for: destinations, at: time.now)
    }

    func noteSuccess(of address: IPAddress, for destinations: [Destination]) async {
        await hasten(health.noteSuccess(of: address, for: destinations))
    }

    /// What waits for a host that is back is due at once.
    private func hasten(_ destinations: [Destination]) async {
        guard !destinations.isEmpty else { return }
        var count = 0
        for destination in destinations {
            count += (try? await spooler.hasten(destination, at: time.timestamp)) ?? 0
        }
        if count > 0 { dueBell.ring() }
    }

    /// Finds out which domains of one message share a way: their recipients go together.
    private func sort(_ jobs: [Job]) async -> [Job] {
        let ways = await withTaskGroup(of: (Int, [String]?).self) { group in
            var ways = [[String]?](repeating: nil, count: jobs.count)
            for (index, job) in jobs.enumerated() {
                if index >= Self.maximumSorters, let (known, way) = await group.next() {
                    ways[known] = way
                }
                group.addTask { (index, await self.hosts(for: job)) }
            }
            for await (known, way) in group { ways[known] = way }
            return ways
        }
        var merged: [Job] = []
        var places: [[String]: Int] = [:]
        for (job, way) in zip(jobs, ways) {
            // Those by an alias have another reverse-path.
            let way = way.map { $0 + [job.alias?.name ?? ""] }
            if let way, let place = places[way] {
                merged[place].merge(job)
            } else {
                if let way { places[way] = merged.count }
                merged.append(job)
            }
        }
        return merged
    }

    /// The hosts, without the order that differs at each call; nil without a route.
    private func hosts(for job: Job) async -> [String]? {
        await way(to: job.destination, via: job.via).decision.route?.hosts.map {
            "\($0.preference) \($0.exchange) \($0.security.rawValue) \($0.dialect) \($0.port ?? 0)"
        }.sorted()
    }

    // MARK: What comes in

    private func takeArrivals() async {
        while let recipients = await arrivals.next() {
            await dispatch(recipients)
            // What comes in meanwhile shares the next commit, and leaves commits to acceptance.
            try? await time.sleep(for: Self.gatheringPause)
            // So many that some may have found no place and stand in the spool alone.
            if recipients.count >= Self.claimLimit { dueBell.ring() }
        }
    }

    private func takeDue() async {
        var place: Spooler.Place?
        var calendar = CalendarWatch(time)
        while !Task.isCancelled {
            var pause = settings.pollInterval
            do {
                if let jump = calendar.jump(time) {
                    let count = try await spooler.followCalendar(
                        by: jump.by, since: jump.since, at: time.timestamp)
                    calendar.heeded(jump.by, time)
                    place = nil
                    log.warning(
                        "the clock was set by \(jump.by.nanoseconds / 1_000_000_000) s; \(count) waiting recipients keep their distance from now"
                    )
                }
                let asked = time.timestamp
                try await heedSuspensions()
                let claimed = try await claim(from: place)
                place = claimed.rest
                unreadable.tell(claimed.unreadable, to: log)
                await dispatch(claimed.recipients)
                let isEmpty = claimed.recipients.isEmpty && claimed.unreadable.isEmpty
                if place != nil, !isEmpty { continue }
                // What was due and found no place waits for a line, which rings, or for the end
                // of a probation: asking again before would only turn the disk.
                if let due = try await spooler.nextDue(after: asked) {
                    pause = min(pause, max(due - time.timestamp, Self.crowdedPause))
                }
                let now = time.now
                if let end = state.withLock({ $0.queue.nextReopening(after: now) }) {
                    pause = min(pause, max(end - now, Self.crowdedPause))
                }
            } catch {
                log.warning("the spool cannot be read: \(error)")
            }
            await dueBell.wait(until: time.now + pause, on: time)
        }
    }

    private func claim(from place: Spooler.Place?) async throws -> Spooler.Claimed {
        let (places, closed) = state.withLock { state in
            let unsorted = state.unsorted.reduce(0) { $0 + $1.count }
            let closed = state.queue.closed(at: time.now)
            // A line that is not of one destination cannot be passed over.
            let isOpen = state.stopDeadline == nil && !closed.contains(where: \.isTransport)
            let places = isOpen ? state.queue.places - unsorted : 0
            state.moreIsDue = places <= 0 || !closed.isEmpty
            return (places, closed)
        }
        guard places > 0 else { return Spooler.Claimed() }
        return try await spooler.claim(
            at: time.timestamp, limit: min(places, Self.claimLimit), excluding: Set(closed),
            from: place)
    }

    /// Puts claimed recipients on their way.
    private func dispatch(_ recipients: [DueRecipient]) async {
        let recipients = await withoutSuspended(recipients)
        var here: [DueRecipient] = []
        var elsewhere: [DueRecipient] = []
        var unknown: [DueRecipient] = []
        for recipient in recipients {
            switch try? responsibility(for: recipient.address.destination) {
            case .local where recipient.via == nil: here.append(recipient)
            case .local, .relay, .elsewhere: elsewhere.append(recipient)
            case nil: unknown.append(recipient)
            }
        }
        let jobs = Job.group(elsewhere).map { job in
            var job = job
            job.line = job.via.map { DueRecipient.line(via: $0) } ?? line(of: job.destination)
            return job
        }
        var refused = state.withLock { enqueue(jobs, &$0) }
        if !jobs.isEmpty { workBell.ring() }
        refused += unknown.map { ($0, time.timestamp + .minutes(1)) }
        await giveBack(refused)
        await deliverLocally(here)
    }

    /// Asks the spool what is suspended, and gives back what waits here although it is.
    private func heedSuspensions() async throws {
        let suspensions = try await spooler.suspensions()
        let recalled = state.withLock { state in
            guard state.suspensions != suspensions else { return [DueRecipient]() }
            state.suspensions = suspensions
            let isCovered = { (job: Job) in
                job.recipients.contains { suspensions.covering($0) != nil }
            }
            var jobs = state.queue.remove(where: isCovered)
            jobs += state.unsorted.filter { $0.contains(where: isCovered) }.flatMap(\.self)
            state.unsorted.removeAll { $0.contains(where: isCovered) }
            return jobs.flatMap(\.recipients)
        }
        let now = time.timestamp
        await giveBack(await withoutSuspended(recalled).map { ($0, now) })
    }

    /// Puts off what is suspended; returns the rest.
    private func withoutSuspended(_ recipients: [DueRecipient]) async -> [DueRecipient] {
        let suspensions = state.withLock { $0.suspensions }
        guard !suspensions.isEmpty else { return recipients }
        var free: [DueRecipient] = []
        var covered: [(DueRecipient, Suspension)] = []
        for recipient in recipients {
            if let suspension = suspensions.covering(recipient) {
                covered.append((recipient, suspension))
            } else {
                free.append(recipient)
            }
        }
        await putOff(covered)
        return free
    }

    /// Does not count as an attempt, so that nothing comes back to its sender meanwhile.
    private func putOff(_ covered: [(recipient: DueRecipient, by: Suspension)]) async {
        guard !covered.isEmpty else { return }
        let now = time.timestamp
        let until = now + Self.suspendedPause
        let settlements = covered.map { recipient, suspension in
            let fact = Fact(
                .deferred, of: recipient.message.id, at: now, recipient: recipient.address,
                text: suspension.sentence,
                fields: [.init(.until, CalendarDate(until).internetFormat)])
            return Settlement(recipient, .putOff(until: until), facts: [fact])
        }
        await conclude([Conclusion(settlements)])
    }

    private typealias Refused = [(recipient: DueRecipient, until: Timestamp)]

    private func enqueue(_ jobs: [Job], _ state: inout State) -> Refused {
        var refused: Refused = []
        var rest = jobs[...]
        while let first = rest.first {
            // Jobs of one message stand together.
            let together = Array(rest.prefix { $0.message.id == first.message.id })
            rest = rest.dropFirst(together.count)
            if together.count > 1, state.stopDeadline == nil {
                state.unsorted.append(together)
            } else {
                refused += offer(together, &state)
            }
        }
        return refused
    }

    private func offer(_ jobs: [Job], _ state: inout State) -> Refused {
        let (now, timestamp) = (time.now, time.timestamp)
        var refused: Refused = []
        for job in jobs {
            var until = timestamp
            if state.stopDeadline == nil {
                let acceptance = state.queue.offer(
                    job, for: job.line, priority: job.message.requests.priority, at: now)
                switch acceptance {
                case .accepted: continue
                case .full: state.moreIsDue = true
                case .paused(let end): until = timestamp + (end - now)
                }
            }
            refused += job.recipients.map { ($0, until) }
        }
        return refused
    }

    /// What found no place goes back to the spool.
    private func giveBack(_ refused: Refused) async {
        guard !refused.isEmpty else { return }
        await conclude([Conclusion(refused.map { Settlement($0, .putOff(until: $1)) })])
    }

    private func giveBackWaiting() async {
        let now = time.timestamp
        let waiting = state.withLock { state in
            defer { state.unsorted = [] }
            return state.queue.remove { _ in true } + state.unsorted.flatMap(\.self)
        }
        await giveBack(waiting.flatMap(\.recipients).map { ($0, now) })
    }

    // MARK: Results

    /// Writes what has happened, however long the store may be unable to: what was delivered and
    /// is not recorded would be delivered again.
    func conclude(_ conclusions: [Conclusion]) async {
        guard !conclusions.isEmpty else { return }
        var pause = Duration.seconds(1)
        while true {
            do {
                let settled = try await spooler.settle(conclusions)
                counters.count(conclusions, settled)
                if !settled.notices.isEmpty || !settled.continued.isEmpty { dueBell.ring() }
                log(conclusions)
                return
            } catch StorageFailure.closed {
                return
            } catch StorageFailure.constraint(let reason), StorageFailure.corrupt(let reason) {
                // One that cannot be written must not keep the others from it.
                if conclusions.count > 1 {
                    for conclusion in conclusions { await conclude([conclusion]) }
                } else {
                    log.error("what became of a delivery cannot be recorded: \(reason)")
                }
                return
            } catch {
                log.warning("what became of deliveries cannot be recorded yet: \(error)")
            }
            do { try await time.sleep(for: pause) } catch { return }
            pause = min(pause * 2, .seconds(30))
        }
    }
}

extension Deliverer {
    /// One line for each recipient whose attempt has ended; the whole story is in the journal.
    private func log(_ conclusions: [Conclusion]) {
        guard log.logLevel <= .info else { return }
        for conclusion in conclusions {
            for fact in conclusion.settlements.flatMap(\.facts) where fact.kind.endsAttempt {
                let whom = fact.recipient.map { " for <\($0)>" } ?? ""
                let what = fact.text ?? fact[.mailbox].map { "into \($0)" } ?? ""
                log.info(
                    "\(fact.kind.rawValue)\(whom) \(what)",
                    metadata: ["id": "\(fact.queueID)"])
            }
        }
    }
}

extension Fact.Kind {
    fileprivate var endsAttempt: Bool {
        self == .delivered || self == .deferred || self == .bounced
    }
}

extension Destination {
    fileprivate var isTransport: Bool {
        if case .literal(.general(tag: "transport", _)) = self { true } else { false }
    }

    /// `DueRecipient.line`.
    fileprivate var isChosenHost: Bool {
        if case .literal(.general(tag: "via", _)) = self { true } else { false }
    }
}

extension Instant {
    fileprivate static let distant = Instant(nanoseconds: .max)
}
