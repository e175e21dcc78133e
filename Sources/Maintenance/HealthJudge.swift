// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import DNS
package import World
package import ZoneCheck

/// Whether hosts are up, as far as can be said from watching them, damped against flapping.
///
/// A value without a clock. A host is down after several failures in a row that span some time,
/// and up again after answering steadily for a time that doubles with each relapse.
package struct HealthJudge: Sendable {
    /// What is watched.
    package enum Subject: Hashable, Sendable {
        /// An exchanger: up if one of its addresses takes mail.
        case host(Name)
        /// One address and port, for failover.
        case address(SocketAddress)
    }

    /// What is known of a subject at a moment.
    package enum Health: Hashable, Sendable {
        /// Nothing, or nothing lately.
        case unknown
        case up
        /// Since when, and why.
        case down(since: Instant, Wording)

        package var isUp: Bool { self == .up }
        package var isDown: Bool { if case .down = self { true } else { false } }
    }

    /// How slowly a judgement changes.
    package struct Damping: Hashable, Sendable {
        /// Failures in a row before a host is down.
        package var failures = 3
        /// And the time they must span at least.
        package var failingFor = Duration.seconds(60)
        /// Answers in a row before it is up again.
        package var answers = 3
        /// And the time they must span; doubled for each relapse.
        package var steadyFor = Duration.minutes(2)
        /// However often it relapsed.
        package var longestSteadyFor = Duration.hours(1)
        /// Each such time without a relapse, one is forgiven.
        package var forgivenAfter = Duration.minutes(30)
        /// What was seen longer ago says nothing any more.
        package var keptFor = Duration.minutes(10)

        package init() {}
    }

    /// A judgement that has changed, for the log.
    package struct Change: Hashable, Sendable {
        package let subject: Subject
        package let health: Health
        /// For how long it must answer before it counts as up again; nil if it is up.
        package let steadyFor: Duration?
    }

    private struct Record {
        var isDown = false
        var hasAnswered = false
        var since: Instant
        var seen: Instant
        var why = Wording("", "")
        /// Observations in a row that speak against the judgement, and since when.
        var contrary = 0
        var contrarySince: Instant
        var relapses = 0
    }

    /// Subjects beyond this many are not watched: a store full of zones must not fill the memory.
    package static let maximumSubjects = 100_000

    private let damping: Damping
    private var records: [Subject: Record] = [:]

    package init(_ damping: Damping = Damping()) { self.damping = damping }

    /// Takes an observation; `failure` is why the subject takes no mail, nil if it does.
    package mutating func observe(
        _ subject: Subject, failure: Wording?, at now: Instant
    ) -> Change? {
        guard records[subject] != nil || records.count < Self.maximumSubjects else { return nil }
        var record =
            records[subject]
            ?? Record(since: now, seen: now, contrarySince: now)
        // After a long silence it begins anew.
        if now - record.seen > damping.keptFor { record.contrary = 0 }
        record.seen = now
        if let failure { record.why = failure } else { record.hasAnswered = true }
        let changed = count(isUp: failure == nil, &record, now)
        records[subject] = record
        guard changed else { return nil }
        return Change(
            subject: subject, health: health(of: record),
            steadyFor: record.isDown ? steady(record) : nil)
    }

    /// What is known of a subject now.
    package func health(of subject: Subject, at now: Instant) -> Health {
        guard let record = records[subject], now - record.seen <= damping.keptFor else {
            return .unknown
        }
        return health(of: record)
    }

    /// Forgets who is not watched any more.
    package mutating func keep(_ subjects: Set<Subject>) {
        records = records.filter { subjects.contains($0.key) }
    }

    private func health(of record: Record) -> Health {
        if record.isDown { return .down(since: record.since, record.why) }
        // While it fails, and is not judged yet, it is no comfort for others.
        return record.hasAnswered && record.contrary == 0 ? .up : .unknown
    }

    /// Counts an observation; whether the judgement has changed.
    private func count(isUp: Bool, _ record: inout Record, _ now: Instant) -> Bool {
        guard isUp == record.isDown else {
            record.contrary = 0
            return false
        }
        if record.contrary == 0 { record.contrarySince = now }
        record.contrary += 1
        let (needed, span) =
            record.isDown
            ? (damping.answers, steady(record)) : (damping.failures, damping.failingFor)
        guard record.contrary >= needed, now - record.contrarySince >= span else { return false }
        if !record.isDown {
            // A time of being up, and no time of being down, is to a host's credit.
            let forgiven = (now - record.since) / damping.forgivenAfter
            record.relapses = max(0, record.relapses - Int(min(forgiven, 1e6))) + 1
        }
        record.isDown.toggle()
        record.contrary = 0
        record.since = now
        return true
    }

    private func steady(_ record: Record) -> Duration {
        // 2^12 times any time is longer than the longest.
        let doubled = damping.steadyFor * (1 << min(max(0, record.relapses - 1), 12))
        return min(doubled, damping.longestSteadyFor)
    }
}
