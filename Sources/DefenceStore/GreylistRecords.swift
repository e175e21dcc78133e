// SPDX-License-Identifier: Apache-2.0

package import Defence
package import Storage
import Synchronization
package import World

/// What `Greylist` remembers, in the store.
package final class GreylistRecords: Sendable {
    /// Triplets remembered; when spammers fill that, strangers beyond it are let through at once.
    static let capacity = 1_000_000
    /// A triplet that is known is not written down anew with each message.
    private static let interval = Duration.hours(12)
    /// Deleted in one go.
    private static let pruned = 5_000

    private let store: any Store
    private let time: any Time
    /// About how many rows there are; counted at the first insertion.
    private let rows = Mutex<Int?>(nil)

    package init(_ store: any Store, time: any Time) {
        self.store = store
        self.time = time
    }

    /// Judges an attempt, and remembers it.
    package func judge(
        _ triplet: Greylist.Triplet, by greylist: Greylist
    ) async throws -> Greylist.Judgement {
        let now = time.timestamp
        let (known, network) = try store.lookUp { transaction in
            (
                try Self.record(triplet, in: transaction),
                try Self.record(triplet.asNetwork, in: transaction)
            )
        }
        if greylist.isVouchedFor(network, at: now) {
            if let network, now - network.last > Self.interval {
                try await write([(triplet.asNetwork, network.seen(at: now))])
            }
            return .known
        }
        let (judgement, record) = greylist.judge(known, at: now)
        switch judgement {
        case .known:
            if let known, now - known.last > Self.interval { try await write([(triplet, record)]) }
        case .wait:
            // A second attempt that comes too soon changes nothing.
            guard known?.first != record.first else { break }
            guard try await hasRoom() else { return .known }
            try await write([(triplet, record)])
        case .passesNow:
            var vouching = network ?? Greylist.Record(first: now, last: now, passes: 0)
            if greylist.isOver(vouching, at: now) { vouching.passes = 0 }
            vouching.passes += 1
            try await write([(triplet, record), (triplet.asNetwork, vouching.seen(at: now))])
        }
        return judgement
    }

    /// Deletes what says nothing any more; true when there may be more of it.
    package func prune(_ greylist: Greylist) async throws -> Bool {
        let now = time.timestamp
        let waited = now.milliseconds - greylist.window.nanoseconds / 1_000_000
        let lived = now.milliseconds - greylist.life.nanoseconds / 1_000_000
        let deleted = try await store.write { transaction in
            try transaction.execute(
                """
                DELETE FROM defence_greylist WHERE (network, sender, recipient) IN (
                    SELECT network, sender, recipient FROM defence_greylist
                    WHERE last_milliseconds < ? AND (passes = 0 OR last_milliseconds < ?)
                    ORDER BY last_milliseconds LIMIT ?)
                """, [.integer(waited), .integer(lived), .integer(Int64(Self.pruned))])
        }
        rows.withLock { $0 = $0.map { max(0, $0 - deleted) } }
        return deleted == Self.pruned
    }

    private func hasRoom() async throws -> Bool {
        if let rows = rows.withLock({ $0 }) { return rows < Self.capacity }
        let count = try await store.read { transaction in
            try transaction.first("SELECT COUNT(*) FROM defence_greylist") { Int($0.integer(0)) }
        }
        rows.withLock { $0 = $0 ?? count }
        return (count ?? 0) < Self.capacity
    }

    private func write(_ records: [(Greylist.Triplet, Greylist.Record)]) async throws {
        try await store.write { transaction in
            for (triplet, record) in records {
                try transaction.execute(
                    """
                    INSERT INTO defence_greylist
                        (network, sender, recipient, first_milliseconds, last_milliseconds, passes)
                    VALUES (?, ?, ?, ?, ?, ?)
                    ON CONFLICT (network, sender, recipient) DO UPDATE SET
                        first_milliseconds = excluded.first_milliseconds,
                        last_milliseconds = excluded.last_milliseconds, passes = excluded.passes
                    """,
                    [
                        .text(triplet.network), .text(triplet.sender), .text(triplet.recipient),
                        .integer(record.first.milliseconds), .integer(record.last.milliseconds),
                        .integer(Int64(record.passes)),
                    ])
            }
        }
        // A row that was there already counts twice: too many is counted, never too few.
        rows.withLock { $0 = $0.map { $0 + records.count } }
    }

    private static func record(
        _ triplet: Greylist.Triplet, in transaction: any Transaction
    ) throws(StorageFailure) -> Greylist.Record? {
        try transaction.first(
            """
            SELECT first_milliseconds, last_milliseconds, passes FROM defence_greylist
            WHERE network = ? AND sender = ? AND recipient = ?
            """, [.text(triplet.network), .text(triplet.sender), .text(triplet.recipient)]
        ) { row in
            Greylist.Record(
                first: Timestamp(milliseconds: row.integer(0)),
                last: Timestamp(milliseconds: row.integer(1)), passes: Int(row.integer(2)))
        }
    }
}

extension Greylist.Record {
    fileprivate func seen(at now: Timestamp) -> Self {
        Self(first: first, last: max(last, now), passes: passes)
    }
}
