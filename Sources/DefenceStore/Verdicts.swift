// SPDX-License-Identifier: Apache-2.0

import Bytes
package import Defence
package import Journal
package import Storage
package import World

/// What was made of each message, kept as long as its journal.
package struct Verdicts: Sendable {
    private let store: any Store
    private static let pruned = 5_000

    package init(_ store: any Store) { self.store = store }

    /// Writes a verdict down, in the transaction that accepts its message.
    package static func record(
        _ verdict: Verdict, of id: QueueID, at now: Timestamp, in transaction: any Transaction
    ) throws {
        try transaction.execute(
            """
            INSERT INTO defence_verdict (message_id, at_milliseconds, verdict) VALUES (?, ?, ?)
            ON CONFLICT (message_id) DO NOTHING
            """,
            [
                .integer(id.value), .integer(now.milliseconds), .text(verdict.json.description),
            ])
    }

    /// Writes down what was made of a message that was not accepted.
    package func record(_ verdict: Verdict, of id: QueueID, at now: Timestamp) async throws {
        try await store.write { try Self.record(verdict, of: id, at: now, in: $0) }
    }

    /// Nil if none is known.
    package func verdict(
        of id: QueueID
    ) async throws -> (time: Timestamp, verdict: Verdict)? {
        let row = try await store.read { transaction in
            try transaction.first(
                "SELECT at_milliseconds, verdict FROM defence_verdict WHERE message_id = ?",
                [.integer(id.value)]
            ) { (Timestamp(milliseconds: $0.integer(0)), $0.text(1)) }
        }
        guard let row, let json = try? JSON(parsing: row.1.utf8), let verdict = Verdict(json: json)
        else { return nil }
        return (row.0, verdict)
    }

    /// Deletes those of messages that came before that time; true when there may be more of them.
    package func prune(before end: Timestamp) async throws -> Bool {
        try await store.write { transaction in
            try transaction.execute(
                """
                DELETE FROM defence_verdict WHERE message_id IN (
                    SELECT message_id FROM defence_verdict WHERE message_id < ?
                    ORDER BY message_id LIMIT ?)
                """, [.integer(QueueID(earliestAt: end).value), .integer(Int64(Self.pruned))])
                == Self.pruned
        }
    }
}
