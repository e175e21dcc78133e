// SPDX-License-Identifier: Apache-2.0

import Storage

/// All mailboxes of an account as of one moment, and mailboxes that are made as they once were.
extension Mailboxes {
    /// A mailbox and what is known of its messages.
    package struct Snapshot: Sendable {
        package let mailbox: Mailbox
        package let keywords: Keywords
        /// By rising UID.
        package let messages: [MessageRow]
    }

    /// All mailboxes of an account, all of one moment.
    ///
    /// Contents never change: they can be read later, unless they have gone by then.
    package func snapshot(of account: Int64) async throws -> [Snapshot] {
        try await store.read { transaction in
            try Self.all(of: account, in: transaction).map { mailbox in
                Snapshot(
                    mailbox: mailbox,
                    keywords: try Self.keywords(of: mailbox.id, in: transaction),
                    messages: try Self.rows([1...UInt32.max], of: mailbox.id, in: transaction))
            }
        }
    }

    /// Lets a mailbox in which nothing ever was be the one that it was elsewhere: with that
    /// UIDVALIDITY and those keywords; says whether it is.
    package func resume(
        _ mailbox: Mailbox.ID, uidValidity: UInt32, keywords: [String]
    ) async throws -> Bool {
        try await store.write { transaction in
            guard let box = try Self.find(mailbox, in: transaction) else {
                throw MailboxRefusal.nonexistent
            }
            if box.uidValidity == uidValidity { return true }
            guard box.uidNext == 1, box.messages == 0 else { return false }
            try transaction.execute(
                "UPDATE mailbox SET uid_validity = ? WHERE id = ?",
                [.integer(Int64(uidValidity)), .integer(mailbox.value)])
            // Names that are used anew later get others (RFC 9051 §2.3.1.1).
            try transaction.execute(
                """
                INSERT INTO mailbox_last (account_id, value) VALUES (?, ?)
                ON CONFLICT (account_id) DO UPDATE SET value = excluded.value
                    WHERE mailbox_last.value < excluded.value
                """,
                [.integer(box.account), .integer(Int64(uidValidity))])
            _ = try Self.flags(named: keywords, in: mailbox, transaction)
            return true
        }
    }

    /// The next message gets this UID, unless larger ones were given already.
    package func advance(_ mailbox: Mailbox.ID, to uidNext: UInt32) async throws {
        try await store.write { transaction in
            try Self.advance(mailbox, to: uidNext, in: transaction)
        }
    }

    static func advance(
        _ mailbox: Mailbox.ID, to uidNext: UInt32, in transaction: any Transaction
    ) throws(StorageFailure) {
        try transaction.execute(
            "UPDATE mailbox SET uid_next = ?1 WHERE id = ?2 AND uid_next < ?1",
            [.integer(Int64(uidNext)), .integer(mailbox.value)])
    }
}
