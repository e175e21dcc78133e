// SPDX-License-Identifier: Apache-2.0

import Journal
import Storage
package import World

/// How much of the queue belongs together, and how old it is.
package struct QueueShare: Hashable, Sendable {
    /// A destination, an exchanger or a sender; empty for recipients that no exchanger was tried
    /// for, and for the null reverse-path.
    package var name: String
    package var waiting = 0
    package var active = 0
    package var held = 0
    /// Recipients by the age of their message: younger than each of `ageLimits`, and older.
    package var ages = [Int](repeating: 0, count: ageLimits.count + 1)
    /// When the oldest message was accepted.
    package var oldest: Timestamp
    /// When the next one is due; nil if all are held or under way.
    package var nextAttempt: Timestamp?

    package var total: Int { waiting + active + held }

    /// As qshape(1) has them: each column twice as old as the one before.
    package static let ageLimits: [Duration] = [
        .minutes(5), .minutes(10), .minutes(20), .minutes(40), .minutes(80), .minutes(160),
        .minutes(320), .minutes(640), .minutes(1280),
    ]

    mutating func add(_ other: QueueShare) {
        waiting += other.waiting
        active += other.active
        held += other.held
        for index in ages.indices { ages[index] += other.ages[index] }
        oldest = min(oldest, other.oldest)
        nextAttempt = [nextAttempt, other.nextAttempt].compactMap(\.self).min()
    }
}

/// The whole queue, counted by one of its traits.
package struct Census: Hashable, Sendable {
    /// By what to count.
    package enum Trait: String, CaseIterable, Sendable {
        case destination, host, sender
    }

    /// The largest first; equals by name.
    package var shares: [QueueShare] = []
    /// What is in none of them.
    package var others: QueueShare
    /// How many names the others have; a lower bound beyond `Spooler.censusLimit`.
    package var otherNames = 0
    package var total: QueueShare
}

extension Spooler {
    /// Names counted one by one: about 200 octets each; what comes beyond is in `others`.
    package static let censusLimit = 50_000

    /// Counts all that is in the queue.
    ///
    /// Stretch by stretch, so that deliveries go on reading in between: a message that comes or
    /// goes meanwhile may be counted or not.
    package func census(
        by trait: Census.Trait, at now: Timestamp, limit: Int = 1_000
    ) async throws -> Census {
        var found: [String: QueueShare] = [:]
        let empty = QueueShare(name: "", oldest: now)
        var (others, total) = (empty, empty)
        var otherNames = 0
        try await stretches(Selection()) { transaction, stretch in
            try Self.shares(by: trait, stretch, at: now, transaction)
        } each: { part in
            for share in part {
                total.add(share)
                if found[share.name] != nil || found.count < Self.censusLimit {
                    found[share.name, default: QueueShare(name: share.name, oldest: share.oldest)]
                        .add(share)
                } else {
                    others.add(share)
                    otherNames += 1
                }
            }
            return true
        }
        var shares = found.values.sorted { ($1.total, $0.name) < ($0.total, $1.name) }
        for share in shares.dropFirst(limit) {
            others.add(share)
            otherNames += 1
        }
        shares.removeLast(max(0, shares.count - limit))
        return Census(shares: shares, others: others, otherNames: otherNames, total: total)
    }

    private static func shares(
        by trait: Census.Trait, _ stretch: Stretch, at now: Timestamp,
        _ transaction: any Transaction
    ) throws(StorageFailure) -> [QueueShare] {
        let bounds: [Value] = QueueShare.ageLimits.map {
            Value.integer(now.milliseconds - $0.nanoseconds / 1_000_000)
        }
        let values = bounds + [.integer(stretch.first), .integer(stretch.last)]
        var parts: [String: QueueShare] = [:]
        let add = { (row: any Row) in
            let oldest = Timestamp(milliseconds: row.integer(4))
            var share = parts[row.text(0)] ?? QueueShare(name: row.text(0), oldest: oldest)
            let count = Int(row.integer(3))
            switch row.integer(1) {
            case 0: share.waiting += count
            case 1: share.active += count
            default: share.held += count
            }
            share.ages[Int(row.integer(2))] += count
            share.oldest = min(share.oldest, oldest)
            let next = row.optionalInteger(5).map { Timestamp(milliseconds: $0) }
            share.nextAttempt = [share.nextAttempt, next].compactMap(\.self).min()
            parts[row.text(0)] = share
        }
        try transaction.query(
            """
            SELECT CASE ? WHEN 'host' THEN COALESCE(r.last_host, '')
                    WHEN 'sender' THEN m.reverse_path ELSE r.destination END,
                CASE WHEN r.next_attempt IS NULL THEN 2 WHEN r.claim IS NULL THEN 0 ELSE 1 END,
                CASE WHEN m.accepted > ? THEN 0 WHEN m.accepted > ? THEN 1
                    WHEN m.accepted > ? THEN 2 WHEN m.accepted > ? THEN 3
                    WHEN m.accepted > ? THEN 4 WHEN m.accepted > ? THEN 5
                    WHEN m.accepted > ? THEN 6 WHEN m.accepted > ? THEN 7
                    WHEN m.accepted > ? THEN 8 ELSE 9 END,
                count(*), min(m.accepted), min(CASE WHEN r.claim IS NULL THEN r.next_attempt END)
            FROM recipient r JOIN message m ON m.id = r.message_id
            WHERE r.message_id BETWEEN ? AND ? GROUP BY 1, 2, 3
            """, [.text(trait.rawValue)] + values, add)
        return parts.values.sorted { $0.name < $1.name }
    }
}
