// SPDX-License-Identifier: Apache-2.0

package import Journal
package import Mail
import MessageStore
import Storage
package import World

/// What an operator, or a host that is back, changes in the queue.
///
/// A recipient that is being tried at the moment is left alone: its attempt decides.
extension Spooler {
    /// The destination answers again: what failed before is due now.
    ///
    /// Returns how many.
    @discardableResult
    package func hasten(_ destination: Destination, at now: Timestamp) async throws -> Int {
        try await store.write { transaction in
            try transaction.execute(
                """
                UPDATE recipient SET next_attempt = ?
                WHERE destination = ? AND attempts > 0 AND claim IS NULL AND next_attempt > ?
                """,
                [
                    .integer(now.milliseconds), .text(destination.description),
                    .integer(now.milliseconds),
                ])
        }
    }

    /// Makes a message due now.
    ///
    /// Returns how many recipients that changes.
    @discardableResult
    package func hasten(_ message: QueueID, at now: Timestamp) async throws -> Int {
        try await change(message, .hastened, at: now) { transaction in
            try transaction.execute(
                """
                UPDATE recipient SET next_attempt = ?
                WHERE message_id = ? AND claim IS NULL AND next_attempt IS NOT NULL
                """,
                [.integer(now.milliseconds), .integer(message.value)])
        }
    }

    /// Keeps a message until it is released.
    ///
    /// Returns how many recipients that changes.
    @discardableResult
    package func hold(_ message: QueueID, at now: Timestamp) async throws -> Int {
        try await change(message, .held, at: now) { transaction in
            try transaction.execute(
                """
                UPDATE recipient SET next_attempt = NULL
                WHERE message_id = ? AND claim IS NULL AND next_attempt IS NOT NULL
                """,
                [.integer(message.value)])
        }
    }

    /// Lets a held message go on, now.
    ///
    /// Returns how many recipients that changes.
    @discardableResult
    package func release(_ message: QueueID, at now: Timestamp) async throws -> Int {
        try await change(message, .released, at: now) { transaction in
            try transaction.execute(
                """
                UPDATE recipient SET next_attempt = ?
                WHERE message_id = ? AND claim IS NULL AND next_attempt IS NULL
                """,
                [.integer(now.milliseconds), .integer(message.value)])
        }
    }

    /// Deletes what is left of a message, without telling the sender; the journal keeps the fact.
    ///
    /// Returns how many recipients that changes.
    @discardableResult
    package func delete(
        _ message: QueueID, reason: String? = nil, at now: Timestamp
    ) async throws -> Int {
        let (count, file) = try await store.write { transaction -> (Int, String?) in
            let recipients = try transaction.all(
                "DELETE FROM recipient WHERE message_id = ? AND claim IS NULL RETURNING address",
                [.integer(message.value)]
            ) { try? Address($0.text(0)) }
            let facts = recipients.map {
                Fact(.deleted, of: message, at: now, recipient: $0, text: reason)
            }
            try Trace.record(facts, in: transaction)
            guard !recipients.isEmpty else { return (0, nil) }
            return (recipients.count, try Self.removeMessage(message, in: transaction))
        }
        if let file { try? await bodies.remove(file) }
        return count
    }

    private func change(
        _ message: QueueID, _ kind: Fact.Kind, at now: Timestamp,
        _ update: @escaping @Sendable (any Transaction) throws -> Int
    ) async throws -> Int {
        try await store.write { transaction in
            let count = try update(transaction)
            if count > 0 {
                try Trace.record([Fact(kind, of: message, at: now)], in: transaction)
            }
            return count
        }
    }
}
