// SPDX-License-Identifier: Apache-2.0

import Feedback
package import Storage
import Synchronization
package import World

/// What is to be reported to others, and what they have reported to us.
///
/// Observations cost a lock and a hash; they are summed in memory and written by `flush`, so a
/// crash loses what was seen since, about a minute of it.
package final class Reports: Sendable {
    let store: any Store
    let time: any Time
    private let entropy: any Entropy
    private let tally = Mutex(Tally())

    /// Different records of one domain on one day; what is beyond is left out.
    static let maximumEntries: Int64 = 10_000
    /// Domains that get a report on one day.
    static let maximumPeriods: Int64 = 10_000
    /// What arrives late must have been written before a day is reported.
    static let grace = Duration.minutes(10)
    /// Reports of one day leave over so many seconds (RFC 8460 §4.1), so that nobody is flooded.
    static let spreadSeconds: UInt64 = 4 * 3600
    /// The same as a time.
    package static let spread = Duration.seconds(4 * 3600)

    /// Works on a store made with `Migrations.reportStore`.
    package init(store: any Store, time: any Time, entropy: any Entropy) {
        self.store = store
        self.time = time
        self.entropy = entropy
    }

    /// For rows that have no name of their own.
    var newIdentifier: UInt64 { entropy.next() }

    /// Notes a message, if its author's domain wants reports.
    package func note(_ observation: Observation) {
        guard !observation.addresses.isEmpty, !observation.policy.domain.isEmpty else { return }
        let day = time.timestamp.day
        tally.withLock { $0.add(observation, on: day) }
    }

    /// Notes a session with an exchanger.
    package func note(_ observation: SessionObservation) {
        let day = time.timestamp.day
        tally.withLock { $0.add(observation, on: day) }
    }

    /// Writes what has been noted since; returns how many records that was, and how many
    /// observations found no room.
    ///
    /// When it fails, everything is kept for the next time.
    @discardableResult
    package func flush() async throws -> (written: Int, leftOut: Int64) {
        let pending = tally.withLock { tally in
            let pending = tally
            tally = Tally()
            return pending
        }
        guard !pending.isEmpty else { return (0, pending.leftOut) }
        let (entries, seed) = (pending.entries, entropy.next())
        do {
            try await store.write { transaction in
                var known: [Period: Int64] = [:]
                for entry in entries {
                    try Self.insert(entry, &known, seed: seed, in: transaction)
                }
            }
        } catch {
            tally.withLock { $0.add(pending) }
            throw error
        }
        return (entries.count, pending.leftOut)
    }

    private static func insert(
        _ entry: StoredEntry, _ known: inout [Period: Int64], seed: UInt64,
        in transaction: any Transaction
    ) throws(StorageFailure) {
        let key = entry.period.key
        let changed = try transaction.execute(
            """
            UPDATE report_entry SET messages = messages + ?
            WHERE kind = ? AND domain = ? AND day = ? AND entry = ?
            """, [.integer(entry.count)] + key + [.text(entry.entry)])
        guard changed == 0 else { return }
        var count = known[entry.period]
        if count == nil { count = try open(entry, seed: seed, in: transaction) }
        // Ended, or one too many.
        guard let count, count < maximumEntries else { return }
        known[entry.period] = count + 1
        try transaction.execute(
            "INSERT INTO report_entry (kind, domain, day, entry, messages) VALUES (?, ?, ?, ?, ?)",
            key + [.text(entry.entry), .integer(entry.count)])
        // RFC 9990 §3.1: of several policies within a day the last one is told.
        try transaction.execute(
            """
            UPDATE report_period SET entries = entries + 1, about = ?
            WHERE kind = ? AND domain = ? AND day = ?
            """, [.text(entry.about)] + key)
    }

    /// How many entries the period has; begins it if it is new, nil if it is over.
    private static func open(
        _ entry: StoredEntry, seed: UInt64, in transaction: any Transaction
    ) throws(StorageFailure) -> Int64? {
        let period = entry.period
        let found = try transaction.first(
            """
            SELECT entries, ended FROM report_period WHERE kind = ? AND domain = ? AND day = ?
            """, period.key
        ) { (entries: $0.integer(0), isOver: !$0.isNull(1)) }
        if let found { return found.isOver ? nil : found.entries }
        let periods =
            try transaction.first(
                "SELECT COUNT(*) FROM report_period WHERE kind = ? AND day = ?",
                [.text(period.kind.rawValue), .integer(period.day)]
            ) { $0.integer(0) } ?? 0
        guard periods < maximumPeriods else { return nil }
        let due = period.end + .seconds(1) + grace + jitter(of: period, seed: seed)
        try transaction.execute(
            """
            INSERT INTO report_period (kind, domain, day, about, due, entries)
            VALUES (?, ?, ?, ?, ?, 0)
            """, period.key + [.text(entry.about), .integer(due.milliseconds)])
        return 0
    }

    /// The same for the same seed, as a transaction may run twice.
    private static func jitter(of period: Period, seed: UInt64) -> Duration {
        let hash = period.domain.utf8.reduce(seed) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        return .seconds(Int64((hash >> 16) % spreadSeconds))
    }
}

extension Period {
    var key: [Value] { [.text(kind.rawValue), .text(domain), .integer(day)] }
}
