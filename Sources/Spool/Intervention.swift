// SPDX-License-Identifier: Apache-2.0

import Journal
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
    /// Returns how many. Step by step: others commit between the steps, however many wait.
    @discardableResult
    package func hasten(_ destination: Destination, at now: Timestamp) async throws -> Int {
        var count = 0
        var place: Int64? = .min
        while let begin = place {
            let step = try await store.write { transaction in
                try Self.hasten(destination, at: now, beyond: begin, in: transaction)
            }
            count += step.count
            place = step.end
        }
        return count
    }

    /// Messages in one step: some milliseconds.
    private static let hastenedMessages = 1_000

    private static func hasten(
        _ destination: Destination, at now: Timestamp, beyond begin: Int64,
        in transaction: any Transaction
    ) throws(StorageFailure) -> (count: Int, end: Int64?) {
        let name = Value.text(destination.description)
        let end = try transaction.first(
            """
            SELECT message_id FROM recipient
            WHERE destination = ? AND attempts > 0 AND message_id > ?
            ORDER BY message_id LIMIT 1 OFFSET ?
            """,
            [name, .integer(begin), .integer(Int64(hastenedMessages - 1))]
        ) { $0.integer(0) }
        let count = try transaction.execute(
            """
            UPDATE recipient SET next_attempt = ?
            WHERE destination = ? AND attempts > 0 AND message_id > ? AND message_id <= ?
                AND claim IS NULL AND next_attempt > ?
            """,
            [
                .integer(now.milliseconds), name, .integer(begin), .integer(end ?? .max),
                .integer(now.milliseconds),
            ])
        return (count, end)
    }
}

/// What an operator does about what waits.
package enum Intervention: Hashable, Sendable {
    /// Due now.
    case retry
    /// Kept until it is released.
    case hold
    /// What is held goes on, now.
    case release
    /// Gone, without telling the sender; the journal keeps the fact.
    case delete
    /// To another address, another domain, or by another host, from now on.
    case redirect(Redirection)
}

/// Where an operator sends what was for somebody else.
package enum Redirection: Hashable, Sendable {
    case address(Address)
    /// The same local parts there.
    case domain(Domain)
    /// The same addresses, handed to this host, `NAME[:PORT]` or `ADDRESS[:PORT]`, instead of where
    /// their domains lead; nil: there again.
    case host(String?)
}

extension Spooler {
    /// One transaction changes no more recipients, so that acceptance and delivery wait only some
    /// milliseconds for an operator.
    package static let changedTogether = 500

    /// Does something about all that is meant, in transactions of `changedTogether` recipients.
    ///
    /// The journal keeps each recipient's, with who did it and why. Who is being tried at the
    /// moment is left alone, and counted: the attempt decides. Returns what was changed.
    @discardableResult
    package func intervene(
        _ intervention: Intervention, _ selection: Selection, by author: String,
        reason: String? = nil
    ) async throws -> Tally {
        var tally = Tally()
        try await stretches(selection) { transaction, stretch in
            var keys: [RecipientKey] = []
            var active = 0
            try selection.walk(stretch, in: transaction) { row in
                if !row.isNull(2) { active += 1 }
                keys.append(
                    RecipientKey(
                        message: QueueID(value: row.integer(0)), ordinal: Int(row.integer(1))))
            }
            return (keys, active)
        } each: { keys, active in
            tally.active += active
            var rest = keys[...]
            var last: QueueID?
            while !rest.isEmpty {
                let batch = rest.prefix(Self.changedTogether)
                rest = rest.dropFirst(batch.count)
                let changed = try await apply(intervention, to: Array(batch), by: author, reason)
                tally.recipients += changed.count
                for key in changed where key.message != last {
                    last = key.message
                    tally.messages += 1
                }
            }
            return true
        }
        return tally
    }

    private func apply(
        _ intervention: Intervention, to keys: [RecipientKey], by author: String,
        _ reason: String?
    ) async throws -> [RecipientKey] {
        let now = time.timestamp
        let (changed, files) = try await store.write { transaction in
            var changed: [RecipientKey] = []
            var facts: [Fact] = []
            for key in keys {
                guard
                    var fact = try intervention.apply(to: key, at: now, in: transaction)
                else { continue }
                fact.text = reason
                fact.fields.append(.init(.author, author))
                facts.append(fact)
                changed.append(key)
            }
            try Trace.record(facts, in: transaction)
            var files: [String] = []
            if intervention == .delete {
                for message in Set(changed.map(\.message)).sorted() {
                    if let file = try Self.removeMessage(message, in: transaction) {
                        files.append(file)
                    }
                }
            }
            return (changed, files)
        }
        // Should this fail, the files are orphans, and collected.
        for file in files { try? await bodies.remove(file) }
        return changed
    }
}

extension Intervention {
    /// Changes one recipient; nil if it is being tried, gone, or has nothing to change.
    fileprivate func apply(
        to key: RecipientKey, at now: Timestamp, in transaction: any Transaction
    ) throws(StorageFailure) -> Fact? {
        let row = [Value.integer(key.message.value), .integer(Int64(key.ordinal))]
        let due = [Value.integer(now.milliseconds)]
        let found: String?
        switch self {
        case .retry:
            found = try transaction.first(
                """
                UPDATE recipient SET next_attempt = ?
                WHERE message_id = ? AND ordinal = ? AND claim IS NULL
                    AND next_attempt IS NOT NULL
                RETURNING address
                """, due + row
            ) { $0.text(0) }
        case .hold:
            found = try transaction.first(
                """
                UPDATE recipient SET next_attempt = NULL
                WHERE message_id = ? AND ordinal = ? AND claim IS NULL
                    AND next_attempt IS NOT NULL
                RETURNING address
                """, row
            ) { $0.text(0) }
        case .release:
            found = try transaction.first(
                """
                UPDATE recipient SET next_attempt = ?
                WHERE message_id = ? AND ordinal = ? AND claim IS NULL AND next_attempt IS NULL
                RETURNING address
                """, due + row
            ) { $0.text(0) }
        case .delete:
            found = try transaction.first(
                """
                DELETE FROM recipient
                WHERE message_id = ? AND ordinal = ? AND claim IS NULL RETURNING address
                """, row
            ) { $0.text(0) }
        case .redirect(.host(let host)):
            return try redirect(key, via: host, at: now, in: transaction)
        case .redirect(.address(let target)):
            return try redirect(key, at: now, in: transaction) { _ in target }
        case .redirect(.domain(let domain)):
            return try redirect(key, at: now, in: transaction) {
                $0.map { Address($0.localPart, at: .domain(domain)) }
            }
        }
        guard let found else { return nil }
        return Fact(kind, of: key.message, at: now, recipient: try? Address(found))
    }

    private var kind: Fact.Kind {
        switch self {
        case .retry: .hastened
        case .hold: .held
        case .release: .released
        case .delete: .deleted
        case .redirect: .redirected
        }
    }

    /// What was held stays held; what waited is due at once.
    private func redirect(
        _ key: RecipientKey, via host: String?, at now: Timestamp,
        in transaction: any Transaction
    ) throws(StorageFailure) -> Fact? {
        let found = try transaction.first(
            """
            UPDATE recipient SET via = ?,
                next_attempt = CASE WHEN next_attempt IS NULL THEN NULL ELSE ? END
            WHERE message_id = ? AND ordinal = ? AND claim IS NULL AND COALESCE(via, '') <> ?
            RETURNING address
            """,
            [
                .text(optional: host), .integer(now.milliseconds),
                .integer(key.message.value), .integer(Int64(key.ordinal)), .text(host ?? ""),
            ]
        ) { $0.text(0) }
        guard let found else { return nil }
        return Fact(
            .redirected, of: key.message, at: now, recipient: try? Address(found),
            fields: host.map { [.init(.via, $0)] } ?? [])
    }

    /// As above; where the old address was sent is no matter for the new one.
    ///
    /// `target` makes the new address of the old one, or of one that cannot be read (nil).
    private func redirect(
        _ key: RecipientKey, at now: Timestamp, in transaction: any Transaction,
        to target: (Address?) -> Address?
    ) throws(StorageFailure) -> Fact? {
        let row = [Value.integer(key.message.value), .integer(Int64(key.ordinal))]
        let found = try transaction.first(
            """
            SELECT address FROM recipient WHERE message_id = ? AND ordinal = ? AND claim IS NULL
            """, row
        ) { $0.text(0) }
        guard let found else { return nil }
        let old = try? Address(found)
        guard let target = target(old), target != old else { return nil }
        try transaction.execute(
            """
            UPDATE recipient SET address = ?, destination = ?,
                original = COALESCE(original, address), via = NULL,
                next_attempt = CASE WHEN next_attempt IS NULL THEN NULL ELSE ? END
            WHERE message_id = ? AND ordinal = ?
            """,
            [
                .text(target.description), .text(target.destination.description),
                .integer(now.milliseconds),
            ] + row)
        return Fact(
            .redirected, of: key.message, at: now, recipient: target,
            fields: [.init(.original, found)])
    }
}
