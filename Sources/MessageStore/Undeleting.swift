// SPDX-License-Identifier: Apache-2.0

import Storage
package import World

/// What was removed and can be brought back, and what is removed because its time is over.
extension Mailboxes {
    /// What can be brought back of a mailbox.
    package struct Removed: Hashable, Sendable {
        package let mailbox: Mailbox.ID
        /// Its name; of one that was deleted as a whole, the name it had.
        package let name: String
        /// Whether the mailbox itself was deleted, with all that was in it.
        package let isMailbox: Bool
        package let messages: Int
        package let octets: Int64
        /// When the first of it was removed, and the last.
        package let first: Timestamp
        package let last: Timestamp
    }

    /// What of an account can be brought back that was removed since `start`, by name.
    package func removed(of account: Int64, since start: Timestamp) async throws -> [Removed] {
        let (now, window) = (time.timestamp, undeleteWindow)
        return try await store.read { transaction in
            let messages = try transaction.all(
                """
                SELECT mailbox.id, mailbox.name, count(*), sum(gone.octets), min(gone.expunged_at),
                    max(gone.expunged_at)
                FROM mailbox JOIN mailbox_expunged gone ON gone.mailbox_id = mailbox.id
                WHERE mailbox.account_id = ? AND gone.content_id IS NOT NULL
                    AND gone.expunged_at >= ?
                GROUP BY mailbox.id, mailbox.name ORDER BY mailbox.name
                """,
                [.integer(account), .integer(start.milliseconds)]
            ) { row in
                Removed(
                    mailbox: Mailbox.ID(value: row.integer(0)), name: row.text(1),
                    isMailbox: false, messages: Int(row.integer(2)), octets: row.integer(3),
                    first: Timestamp(milliseconds: row.integer(4)),
                    last: Timestamp(milliseconds: row.integer(5)))
            }
            let mailboxes = try transaction.all(
                """
                SELECT id, name, messages, octets, abandoned_until FROM mailbox
                WHERE account_id = ? AND abandoned_until > ? ORDER BY name
                """,
                [.integer(-account), .integer(now.milliseconds)]
            ) { row in
                let moment = Timestamp(milliseconds: row.integer(4)) + (.zero - window)
                return Removed(
                    mailbox: Mailbox.ID(value: row.integer(0)),
                    name: Self.former(row.text(1), row.integer(0)), isMailbox: true,
                    messages: Int(row.integer(2)), octets: row.integer(3), first: moment,
                    last: moment)
            }
            return messages + mailboxes.filter { $0.first >= start }
        }
    }

    /// The name that a deleted mailbox had.
    private static func former(_ name: String, _ id: Int64) -> String {
        let suffix = "#\(id)"
        return name.hasSuffix(suffix) ? String(name.dropLast(suffix.count)) : name
    }

    /// Brings messages back that were removed since `start`, with new UIDs; returns how many.
    ///
    /// In transactions of `removedTogether`: what a crash interrupts is there or can be brought
    /// back again, never both and never neither. Throws `MailboxRefusal`.
    @discardableResult
    package func undelete(
        in mailbox: Mailbox.ID, since start: Timestamp
    ) async throws -> Int {
        let now = time.timestamp
        var total = 0
        var last = (modSequence: Int64(0), uid: Int64(0))
        while true {
            let after = last
            let (rows, account) = try await store.write { transaction in
                guard let box = try Self.find(mailbox, in: transaction) else {
                    throw MailboxRefusal.nonexistent
                }
                let rows = try Self.removedRows(of: mailbox, start, after, transaction)
                for row in rows { try Self.bringBack(row, into: mailbox, now, transaction) }
                return (rows, box.account)
            }
            if !rows.isEmpty { changes.signal(account) }
            total += rows.count
            guard rows.count == Self.removedTogether, let row = rows.last else { return total }
            last = (row.modSequence, Int64(row.uid))
        }
    }

    private static func removedRows(
        of mailbox: Mailbox.ID, _ start: Timestamp, _ last: (modSequence: Int64, uid: Int64),
        _ transaction: any Transaction
    ) throws(StorageFailure) -> [MessageRow] {
        try transaction.all(
            """
            SELECT uid, content_id, octets, internal_date, expunged_at, flags, modseq, prefix
            FROM mailbox_expunged
            WHERE mailbox_id = ? AND (modseq, uid) > (?, ?) AND expunged_at >= ?
                AND content_id IS NOT NULL
            ORDER BY modseq, uid LIMIT ?
            """,
            [
                .integer(mailbox.value), .integer(last.modSequence), .integer(last.uid),
                .integer(start.milliseconds), .integer(Int64(removedTogether)),
            ], MessageRow.init)
    }

    /// Its reference to the content passes back to the mailbox.
    private static func bringBack(
        _ row: MessageRow, into mailbox: Mailbox.ID, _ now: Timestamp,
        _ transaction: any Transaction
    ) throws(StorageFailure) {
        try transaction.execute(
            """
            UPDATE mailbox_expunged SET content_id = NULL
            WHERE mailbox_id = ? AND modseq = ? AND uid = ?
            """,
            [.integer(mailbox.value), .integer(row.modSequence), .integer(Int64(row.uid))])
        try file(
            Arrival(
                content: row.content, octets: row.octets, flags: row.flags.subtracting(.deleted),
                internalDate: row.internalDate, prefix: row.prefix),
            in: mailbox, at: now, in: transaction)
    }

    /// Brings a mailbox back that was deleted, with all that was in it; returns its name.
    ///
    /// Should another one have its name now, it gets a number behind it. Throws `MailboxRefusal`.
    package func restore(_ mailbox: Mailbox.ID) async throws -> String {
        let now = time.timestamp
        let (name, account) = try await store.write { transaction in
            let gone = try transaction.first(
                """
                SELECT name, -account_id, messages, octets FROM mailbox
                WHERE id = ? AND account_id < 0 AND abandoned_until > ?
                """,
                [.integer(mailbox.value), .integer(now.milliseconds)]
            ) {
                (
                    name: Self.former($0.text(0), mailbox.value), account: $0.integer(1),
                    messages: $0.integer(2), octets: $0.integer(3)
                )
            }
            guard let gone else { throw MailboxRefusal.nonexistent }
            let all = try Self.all(of: gone.account, in: transaction)
            guard all.count < Self.mailboxLimit else { throw MailboxRefusal.limit }
            let names = Set(all.map(\.name))
            var name = gone.name
            var number = 2
            while names.contains(name) { (name, number) = ("\(gone.name) \(number)", number + 1) }
            // A use that another mailbox has meanwhile is not its own any more.
            let uses = Set(all.compactMap(\.specialUse))
            try transaction.execute(
                """
                UPDATE mailbox SET account_id = -account_id, name = ?, abandoned_until = 0,
                    is_counted = (SELECT count(*) FROM mailbox_usage usage
                        WHERE usage.account_id = -mailbox.account_id)
                WHERE id = ?
                """,
                [.text(name), .integer(mailbox.value)])
            if let use = try Self.find(mailbox, in: transaction)?.specialUse, uses.contains(use) {
                try transaction.execute(
                    "UPDATE mailbox SET special_use = NULL WHERE id = ?",
                    [.integer(mailbox.value)])
            }
            try Self.count(
                messages: gone.messages, octets: gone.octets, of: gone.account, in: transaction)
            return (name, gone.account)
        }
        changes.signal(account)
        return name
    }

    // MARK: - Retention

    /// How many messages came into a mailbox before a moment, and their octets.
    package func older(
        than moment: Timestamp, in mailbox: Mailbox.ID
    ) async throws -> (messages: Int, octets: Int64) {
        try await store.read { transaction in
            try transaction.first(
                """
                SELECT count(*), COALESCE(sum(octets), 0) FROM mailbox_message
                WHERE mailbox_id = ? AND saved < ?
                """,
                [.integer(mailbox.value), .integer(moment.milliseconds)]
            ) { (messages: Int($0.integer(0)), octets: $0.integer(1)) } ?? (0, 0)
        }
    }

    /// Removes messages that came into a mailbox before a moment; returns how many, and their
    /// octets.
    ///
    /// Costs what is removed, not what is there: messages come in the order of their UIDs. They can
    /// be brought back for `undeleteWindow`.
    package func remove(
        olderThan moment: Timestamp, in mailbox: Mailbox.ID
    ) async throws -> (messages: Int, octets: Int64) {
        var total = (messages: 0, octets: Int64(0))
        while true {
            let first = try await rows(
                1...UInt32.max, of: mailbox, limit: Self.removedTogether)
            let old = first.prefix { $0.saved < moment }
            guard !old.isEmpty else { return total }
            let uids = try await expunge(
                Self.ranges(old.map(\.uid)), in: mailbox, onlyDeleted: false)
            let gone = Set(uids)
            total.messages += uids.count
            total.octets += old.reduce(0) { gone.contains($1.uid) ? $0 + Int64($1.octets) : $0 }
            guard old.count == Self.removedTogether, !uids.isEmpty else { return total }
        }
    }

    // MARK: - Subaddresses

    /// Beyond so many mailboxes no address makes another one: whoever writes can name any.
    private static let namedMailboxLimit = 100

    /// The mailbox that a subaddress names; nil if there is none.
    ///
    /// With `creates` also one that is not there yet. Never one of outgoing mail or the trash.
    package func mailbox(
        named detail: String, of account: Int64, creates: Bool
    ) throws -> String? {
        guard Self.isUsable(detail) else { return nil }
        let all = try all(of: account)
        let found =
            all.first { $0.name == detail }
            ?? all.first { $0.name.lowercased() == detail.lowercased() }
        if let found {
            let isTaboo = ["\\Sent", "\\Drafts", "\\Trash"].contains(found.specialUse)
            return isTaboo ? nil : found.name
        }
        return creates && all.count < Self.namedMailboxLimit ? detail : nil
    }
}
