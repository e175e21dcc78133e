// SPDX-License-Identifier: Apache-2.0

package import Mail
package import Storage

/// What accounts keep, counted where something bounds it.
///
/// An account that nothing bounds has no row, and its mailboxes say so in the very statement that
/// counts a message into them, so that its messages cost nothing here. Counting begins when somebody
/// first asks.
extension Mailboxes {
    /// What an account, or all accounts of a pool, keep.
    package struct Usage: Hashable, Sendable {
        package var messages: Int64
        package var octets: Int64
        /// Up to which share, in percent, somebody was warned.
        package var warned: Int

        package init(messages: Int64, octets: Int64, warned: Int = 0) {
            self.messages = messages
            self.octets = octets
            self.warned = warned
        }
    }

    /// What an account keeps, and those it shares a bound with.
    package struct CountedUsage: Hashable, Sendable {
        package var account: Usage
        package var pool: Pool?

        /// Accounts that share a bound.
        package struct Pool: Hashable, Sendable {
            package let name: String
            package var usage: Usage
        }
    }

    /// What may be kept, for commands that fill mailboxes.
    package struct Allowance: Hashable, Sendable {
        package var account: Int64
        package var quota: Quota
        /// Of the pool.
        package var shared: Quota?

        package init(account: Int64, quota: Quota, shared: Quota? = nil) {
            self.account = account
            self.quota = quota
            self.shared = shared
        }
    }

    /// What is counted of an account; nil: it is not counted yet.
    package func usage(counted account: Int64) throws -> CountedUsage? {
        try store.lookUp { try Self.usage(counted: account, in: $0) }
    }

    static func usage(
        counted account: Int64, in transaction: any Transaction
    ) throws(StorageFailure) -> CountedUsage? {
        try transaction.first(
            """
            SELECT one.messages, one.octets, one.warned, pool.name, pool.messages, pool.octets,
                pool.warned
            FROM mailbox_usage one LEFT JOIN mailbox_pool pool ON pool.name = one.pool
            WHERE one.account_id = ?
            """,
            [.integer(account)]
        ) { row in
            var usage = CountedUsage(
                account: Usage(
                    messages: row.integer(0), octets: row.integer(1),
                    warned: Int(row.integer(2))))
            usage.pool = row.optionalText(3).map { name in
                CountedUsage.Pool(
                    name: name,
                    usage: Usage(
                        messages: row.integer(4), octets: row.integer(5),
                        warned: Int(row.integer(6))))
            }
            return usage
        }
    }

    /// Counts accounts from now on, as members of a pool or, without one, each for itself.
    ///
    /// Reads how much their mailboxes hold; what was counted wrong is right then.
    package func count(_ accounts: [Int64], pool: String?) async throws {
        try await store.write { transaction in
            for account in accounts {
                try transaction.execute(
                    """
                    INSERT INTO mailbox_usage (account_id, pool, messages, octets, warned)
                    SELECT ?1, ?2, COALESCE(sum(messages), 0), COALESCE(sum(octets), 0), 0
                    FROM mailbox WHERE account_id = ?1
                    ON CONFLICT (account_id) DO UPDATE SET pool = excluded.pool,
                        messages = excluded.messages, octets = excluded.octets
                    """,
                    [.integer(account), .text(optional: pool)])
                try transaction.execute(
                    "UPDATE mailbox SET is_counted = 1 WHERE account_id = ?", [.integer(account)])
            }
            guard let pool else { return }
            try transaction.execute(
                """
                INSERT INTO mailbox_pool (name, messages, octets, warned)
                SELECT ?1, COALESCE(sum(messages), 0), COALESCE(sum(octets), 0), 0
                FROM mailbox_usage WHERE pool = ?1
                ON CONFLICT (name) DO UPDATE SET messages = excluded.messages,
                    octets = excluded.octets
                """,
                [.text(pool)])
        }
    }

    /// Counts what came to an account or, with numbers below zero, has gone.
    static func count(
        messages: Int64, octets: Int64, of account: Int64, in transaction: any Transaction
    ) throws(StorageFailure) {
        let pool = try transaction.first(
            """
            UPDATE mailbox_usage SET messages = messages + ?, octets = octets + ?
            WHERE account_id = ? RETURNING pool
            """,
            [.integer(messages), .integer(octets), .integer(account)]
        ) { $0.optionalText(0) }
        guard let pool, let pool else { return }
        try transaction.execute(
            "UPDATE mailbox_pool SET messages = messages + ?, octets = octets + ? WHERE name = ?",
            [.integer(messages), .integer(octets), .text(pool)])
    }

    /// The account goes: it counts no longer.
    static func uncount(
        _ account: Int64, in transaction: any Transaction
    ) throws(StorageFailure) {
        let last = try transaction.first(
            """
            DELETE FROM mailbox_usage WHERE account_id = ? RETURNING pool, messages, octets
            """,
            [.integer(account)]
        ) { (pool: $0.optionalText(0), messages: $0.integer(1), octets: $0.integer(2)) }
        guard let last, let pool = last.pool else { return }
        try transaction.execute(
            "UPDATE mailbox_pool SET messages = messages - ?, octets = octets - ? WHERE name = ?",
            [.integer(last.messages), .integer(last.octets), .text(pool)])
    }

    /// Throws `.overQuota` if an account keeps more than it may.
    ///
    /// To be asked in the transaction that has added something, which then comes to nothing.
    package static func check(
        _ allowance: Allowance?, in transaction: any Transaction
    ) throws {
        guard let allowance,
            let usage = try usage(counted: allowance.account, in: transaction)
        else { return }
        guard usage.account.fits(allowance.quota) else { throw MailboxRefusal.overQuota }
        guard let shared = allowance.shared, let pool = usage.pool else { return }
        guard pool.usage.fits(shared) else { throw MailboxRefusal.overQuota }
    }

    /// Notes that somebody was warned, or that there is room again; part of a transaction.
    package static func note(
        warned percent: Int, of account: Int64, in transaction: any Transaction
    ) throws(StorageFailure) {
        try transaction.execute(
            "UPDATE mailbox_usage SET warned = ? WHERE account_id = ?",
            [.integer(Int64(percent)), .integer(account)])
    }

    /// The same of a pool.
    package static func note(
        warned percent: Int, ofPool name: String, in transaction: any Transaction
    ) throws(StorageFailure) {
        try transaction.execute(
            "UPDATE mailbox_pool SET warned = ? WHERE name = ?",
            [.integer(Int64(percent)), .text(name)])
    }
}

extension Mailboxes.Usage {
    /// Whether it is within a quota.
    package func fits(_ quota: Quota) -> Bool {
        octets <= quota.octets ?? .max && messages <= quota.messages ?? .max
    }
}
