// SPDX-License-Identifier: Apache-2.0

package import Bytes
import CoreMetrics
package import DNS
package import Defence
package import DefenceStore
package import Logging
package import Milter
import SMTP
import Synchronization
package import World

/// The first defence of a server: who may come, how often, how often he may err, and what his
/// messages weigh.
///
/// One for all listeners. What it counts is in memory, and written down now and then; bans, greylisting and acquaintances are in
/// the store. A fault of its own helpers (lists, filters, the store) never refuses mail for good.
package final class Gatekeeper: Sendable {
    /// What the configuration says.
    package struct Settings: Hashable, Sendable {
        package var policy = DefencePolicy()
        /// Asked in this order.
        package var filters: [MilterFilter] = []
        /// How this host calls itself, and whatever else it is called.
        package var hostName = ""
        package var ownNames: Set<String> = []
        package var ownAddresses: Set<IPAddress> = []

        package init() {}
    }

    private struct State {
        var settings: Settings
        var desk: DNSListDesk
        var rates: RateCounters
        var offences = OffenceBook()
        /// Something was counted since it was written down.
        var isDirty = false
    }

    package let records: DefenceRecords
    let surroundings: Surroundings
    let log: Logger
    let meters = DefenceMeters()
    private let resolver: any Resolver
    private let state: Mutex<State>

    package init(
        _ settings: Settings, records: DefenceRecords, surroundings: Surroundings,
        resolver: any Resolver, log: Logger
    ) {
        self.records = records
        self.surroundings = surroundings
        self.resolver = resolver
        self.log = log
        state = Mutex(
            State(
                settings: settings,
                desk: DNSListDesk(
                    settings.policy.lists, resolver: resolver, time: surroundings.time),
                rates: RateCounters(settings.policy.rates)))
    }

    package var settings: Settings { state.withLock { $0.settings } }

    /// From now on; what was counted goes on being counted.
    package func change(to settings: Settings) {
        state.withLock { state in
            if settings.policy.lists != state.settings.policy.lists {
                state.desk = DNSListDesk(
                    settings.policy.lists, resolver: resolver, time: surroundings.time)
            }
            state.settings = settings
            state.rates.limits = settings.policy.rates
        }
    }

    var desk: DNSListDesk { state.withLock { $0.desk } }

    // MARK: - Bans

    /// Why a host may not connect now; nil if it may.
    package func ban(of host: IPAddress) -> Ban? {
        guard records.bans.count > 0, !isOwn(host) else { return nil }
        return records.bans.ban(of: host)
    }

    /// Of this site: what is in the configuration.
    func isOwn(_ host: IPAddress) -> Bool {
        state.withLock { $0.settings.policy.isOwn(host) }
    }

    /// Somebody at that host has done something wrong; bans it if that happens too often.
    package func note(_ offence: Offence, by host: IPAddress) async {
        let now = surroundings.time.now
        let judged = state.withLock { state in
            guard state.settings.policy.bansUnasked, !state.settings.policy.isOwn(host) else {
                return Optional<(network: IPNetwork, cause: String, duration: Duration)>.none
            }
            state.isDirty = true
            return state.offences.note(offence, by: host, at: now)
        }
        guard let (network, cause, duration) = judged, !records.bans.hasLoggedIn(host) else {
            return
        }
        meters.bans.increment()
        log.notice(
            "\(network) is banned for \(duration.components.seconds / 60) minutes: \(cause)")
        do {
            try await records.bans.add(network, cause: cause, duration: duration, author: nil)
        } catch {
            log.warning("a ban was not written down: \(error)")
        }
    }

    /// Somebody knew the password: his network is not banned unasked.
    package func loggedIn(from host: IPAddress) async {
        do {
            try await records.bans.noteLogin(from: host)
        } catch {
            log.debug("a login was not written down: \(error)")
        }
    }

    // MARK: - Rates

    /// Counts one recipient for all of these, or says which limit is reached.
    ///
    /// With `isAsked` it is only said whether one more would be too many.
    func count(
        _ subjects: [(RateLimit.Subject, String)], isAsked: Bool = false
    ) throws(RateCounters.Excess) {
        let now = surroundings.time.now
        do throws(RateCounters.Excess) {
            try state.withLock { state throws(RateCounters.Excess) in
                try state.rates.take(subjects, at: now, isAsked: isAsked)
                if !isAsked { state.isDirty = true }
            }
        } catch {
            meters.limited.increment()
            if error.isFirst {
                log.warning(
                    """
                    the limit "\(error.limit)" is reached by \(error.subject): further recipients \
                    are put off
                    """)
            }
            throw error
        }
    }

    // MARK: - Over a restart

    /// Takes up the counts that were written down last; call it before anybody is served.
    package func resume() async {
        let now = surroundings.time.now
        do {
            let rates = try await records.counts.kept(.rates)
            let offences = try await records.counts.kept(.offences)
            state.withLock { state in
                if let (value, elapsed) = rates {
                    state.rates.restore(value, after: elapsed, at: now)
                }
                if let (value, elapsed) = offences {
                    state.offences.restore(value, after: elapsed, at: now)
                }
            }
        } catch {
            log.warning("rates and offences are counted anew: \(error)")
        }
    }

    /// Writes down what is counted, if there is anything new.
    package func keepCounts() async {
        let now = surroundings.time.now
        let counted = state.withLock { state -> (RateCounters, OffenceBook)? in
            guard state.isDirty else { return nil }
            state.isDirty = false
            return (state.rates, state.offences)
        }
        guard let (rates, offences) = counted else { return }
        do {
            try await records.counts.keep([
                (.rates, rates.kept(at: now)), (.offences, offences.kept(at: now)),
            ])
        } catch {
            state.withLock { $0.isDirty = true }
            log.warning("rates and offences were not written down: \(error)")
        }
    }

    /// What is noted of one client's connection.
    ///
    /// `service` is the key under `listen`; an account is known only after it has logged in.
    package func visit(
        of client: SocketAddress, service: String, isExchange: Bool
    ) -> Visit {
        Visit(
            self, settings: settings, client: client, service: service, isExchange: isExchange)
    }

    /// Deletes from the store what is over, piece by piece.
    package func prune(verdictsBefore end: Timestamp) async throws {
        try await records.bans.prune()
        while try await records.greylist.prune(settings.policy.greylist ?? Greylist()) {}
        while try await records.correspondents.prune() {}
        while try await records.verdicts.prune(before: end) {}
    }
}

/// What the defence counts.
struct DefenceMeters: Sendable {
    let bans = Counter(label: "postreiter_bans_total")
    let greylisted = Counter(label: "postreiter_greylisted_recipients_total")
    let listed = Counter(label: "postreiter_listed_recipients_total")
    let limited = Counter(label: "postreiter_limited_recipients_total")
    let filterFailures = Counter(label: "postreiter_filter_failures_total")
    private let byAction = Dictionary(
        uniqueKeysWithValues: Score.Action.allCases.map { action in
            (
                action,
                Counter(
                    label: "postreiter_weighed_messages_total",
                    dimensions: [("action", action.rawValue)])
            )
        })

    func weighed(_ action: Score.Action) { byAction[action]?.increment() }
}
