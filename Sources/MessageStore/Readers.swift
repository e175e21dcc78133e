// SPDX-License-Identifier: Apache-2.0

package import IMAP
import Storage

/// What those have seen who look into the mailboxes of others.
///
/// The rows of messages say what their owner has seen. For anybody else, a reader, there is a row of
/// his own for each message that he has marked or unmarked; without one he has not seen it. All
/// these changes count in the mailbox's one sequence of changes, so that the other sessions of who
/// made them find them; everybody else sees only that something was changed (RFC 7162 §2).
extension Mailboxes {
    /// Somebody who looks into another's mailbox.
    struct Reader: Hashable, Sendable {
        let account: Int64

        var value: Value { .integer(account) }

        /// Nil: it is the owner who looks, or nobody in particular.
        init?(_ account: Int64?, of mailbox: Mailbox) {
            guard let account, account != mailbox.account else { return nil }
            self.account = account
        }
    }

    /// What a reader has marked and unmarked of some messages; they are asked for by rising UID.
    struct SeenMarks {
        private var marks: [(uid: UInt32, isSeen: Bool, modSequence: Int64)] = []
        /// The first one that may still be asked for.
        private var next = 0

        /// Of the first `limit` messages of each range, at least; ranges rise.
        init(
            of reader: Reader, _ ranges: [ClosedRange<UInt32>], in mailbox: Mailbox.ID,
            limit: Int = .max, _ transaction: any Transaction
        ) throws(StorageFailure) {
            for range in ranges {
                try add(reader, range, mailbox, limit, transaction)
            }
        }

        private mutating func add(
            _ reader: Reader, _ range: ClosedRange<UInt32>, _ mailbox: Mailbox.ID, _ limit: Int,
            _ transaction: any Transaction
        ) throws(StorageFailure) {
            // No message has more than one, and there is none without its message.
            try transaction.query(
                """
                SELECT seen_uid, is_seen, seen_modseq FROM mailbox_seen
                WHERE reader_id = ? AND seen_mailbox_id = ? AND seen_uid BETWEEN ? AND ?
                ORDER BY seen_uid LIMIT ?
                """,
                [
                    reader.value, .integer(mailbox.value), .integer(Int64(range.lowerBound)),
                    .integer(Int64(range.upperBound)), .integer(Int64(limit)),
                ]
            ) {
                marks.append(
                    (UInt32(truncatingIfNeeded: $0.integer(0)), $0.integer(1) != 0, $0.integer(2)))
            }
        }

        /// Makes what a message's owner sees of it what the reader sees.
        mutating func apply(
            to uid: UInt32, _ flags: inout MessageFlags, _ modSequence: inout Int64
        ) {
            flags.remove(.seen)
            while next < marks.count, marks[next].uid < uid { next += 1 }
            guard next < marks.count, marks[next].uid == uid else { return }
            if marks[next].isSeen { flags.insert(.seen) }
            modSequence = max(modSequence, marks[next].modSequence)
        }

        mutating func apply(to row: inout MessageRow) {
            apply(to: row.uid, &row.flags, &row.modSequence)
        }
    }

    /// Rows of messages, by rising UID, as a reader sees them; as they are for their owner.
    static func marked(
        _ rows: [MessageRow], in mailbox: Mailbox.ID, by reader: Reader?,
        _ transaction: any Transaction
    ) throws(StorageFailure) -> [MessageRow] {
        guard let reader else { return rows }
        var marks = try SeenMarks(
            of: reader, ranges(rows.map(\.uid)), in: mailbox, transaction)
        var marked = rows
        for index in marked.indices { marks.apply(to: &marked[index]) }
        return marked
    }

    // MARK: - Looking

    /// The reader that an account is in a mailbox; nil: it is its owner.
    func reader(_ account: Int64?, of id: Mailbox.ID) throws -> Reader? {
        guard let account, let mailbox = try find(id) else { return nil }
        return Reader(account, of: mailbox)
    }

    static func reader(
        _ account: Int64?, of id: Mailbox.ID, in transaction: any Transaction
    ) throws(StorageFailure) -> Reader? {
        guard let account, let mailbox = try find(id, in: transaction) else { return nil }
        return Reader(account, of: mailbox)
    }

    /// How many messages an account has not seen (RFC 9051 §6.3.11 UNSEEN).
    package func unseen(in mailbox: Mailbox, by account: Int64) throws -> Int {
        guard let reader = Reader(account, of: mailbox) else { return mailbox.unseen }
        return try store.lookUp { try Self.unseen(in: mailbox.id, by: reader, $0).count }
    }

    // MARK: - Marking

    /// Keeps of all messages of a range whether a reader has seen them, which is a change of `count`
    /// of them.
    static func mark(
        _ count: Int, in range: ClosedRange<UInt32>, isSeen: Bool, of mailbox: Mailbox.ID,
        by reader: Reader, _ modSequence: Int64, isMany: Bool, _ transaction: any Transaction
    ) throws(StorageFailure) {
        if isMany { try keepChanged(range, of: mailbox, by: reader, modSequence, transaction) }
        let values: [Value] = [
            reader.value, .integer(mailbox.value), .integer(Int64(range.lowerBound)),
            .integer(Int64(range.upperBound)), .integer(modSequence),
            .integer(optional: isMany ? nil : modSequence), .integer(isSeen ? 1 : 0),
        ]
        let changed = try transaction.execute(
            """
            UPDATE mailbox_seen SET is_seen = ?7, seen_modseq = ?5, listed_mark = ?6
            WHERE reader_id = ?1 AND seen_mailbox_id = ?2 AND seen_uid BETWEEN ?3 AND ?4
                AND is_seen <> ?7
            """, values)
        // Of the others nothing is kept yet: he has not seen them.
        guard changed < count else { return }
        try transaction.execute(
            """
            INSERT INTO mailbox_seen
                (reader_id, seen_mailbox_id, seen_uid, is_seen, seen_modseq, listed_mark)
            SELECT ?1, mailbox_id, uid, ?7, ?5, ?6 FROM mailbox_message
            WHERE mailbox_id = ?2 AND uid BETWEEN ?3 AND ?4
            ON CONFLICT (reader_id, seen_mailbox_id, seen_uid) DO NOTHING
            """, values)
    }

    /// A reader has put a message there that he has seen; it is as new as his mark of it.
    static func markFiled(
        _ uid: UInt32, in mailbox: Mailbox.ID, by reader: Reader, _ transaction: any Transaction
    ) throws(StorageFailure) {
        try mark(
            1, in: uid...uid, isSeen: true, of: mailbox, by: reader, 0, isMany: false, transaction)
        try transaction.execute(
            """
            INSERT INTO mailbox_reader (mailbox_id, account_id, seen, seen_below)
            VALUES (?1, ?2, 1, CASE ?3 WHEN 1 THEN 2 ELSE 1 END)
            ON CONFLICT (mailbox_id, account_id) DO UPDATE SET seen = seen + 1,
                seen_below = CASE WHEN seen_below = ?3 THEN ?3 + 1 ELSE seen_below END
            """,
            [.integer(mailbox.value), reader.value, .integer(Int64(uid))])
    }

    // MARK: - Forgetting

    /// Messages have gone, and who has seen them with them.
    static func forgetSeen(
        _ uids: [UInt32], in mailbox: Mailbox.ID, _ transaction: any Transaction
    ) throws(StorageFailure) {
        let readers = try readers(of: mailbox, in: transaction)
        guard !readers.isEmpty else { return }
        let ranges = ranges(uids.sorted())
        for reader in readers {
            var gone = 0
            for range in ranges {
                gone += try transaction.all(
                    """
                    DELETE FROM mailbox_seen WHERE reader_id = ? AND seen_mailbox_id = ?
                        AND seen_uid BETWEEN ? AND ? RETURNING is_seen
                    """,
                    [
                        .integer(reader), .integer(mailbox.value),
                        .integer(Int64(range.lowerBound)), .integer(Int64(range.upperBound)),
                    ]
                ) { Int($0.integer(0)) }.reduce(0, +)
            }
            guard gone > 0 else { continue }
            try transaction.execute(
                "UPDATE mailbox_reader SET seen = seen - ? WHERE mailbox_id = ? AND account_id = ?",
                [.integer(Int64(gone)), .integer(mailbox.value), .integer(reader)])
        }
    }

    /// Accounts that have marked something in a mailbox that is not theirs.
    package func readers(of mailbox: Mailbox.ID) throws -> [Int64] {
        try store.lookUp { try Self.readers(of: mailbox, in: $0) }
    }

    private static func readers(
        of mailbox: Mailbox.ID, in transaction: any Transaction
    ) throws(StorageFailure) -> [Int64] {
        try transaction.all(
            "SELECT account_id FROM mailbox_reader WHERE mailbox_id = ? ORDER BY account_id",
            [.integer(mailbox.value)]
        ) { $0.integer(0) }
    }

    /// Somebody may not read a mailbox any more: what he has seen there is forgotten.
    package func forgetReader(_ account: Int64, of mailbox: Mailbox.ID) async throws {
        try await store.write { transaction in
            try transaction.execute(
                "DELETE FROM mailbox_seen WHERE reader_id = ? AND seen_mailbox_id = ?",
                [.integer(account), .integer(mailbox.value)])
            try transaction.execute(
                "DELETE FROM mailbox_reader WHERE account_id = ? AND mailbox_id = ?",
                [.integer(account), .integer(mailbox.value)])
            try transaction.execute(
                "DELETE FROM mailbox_changed_range WHERE reader_id = ? AND mailbox_id = ?",
                [.integer(account), .integer(mailbox.value)])
        }
    }

    /// An account goes.
    static func forgetReader(
        _ account: Int64, in transaction: any Transaction
    ) throws(StorageFailure) {
        try transaction.execute(
            "DELETE FROM mailbox_seen WHERE reader_id = ?", [.integer(account)])
        try transaction.execute(
            "DELETE FROM mailbox_reader WHERE account_id = ?", [.integer(account)])
        try transaction.execute(
            "DELETE FROM mailbox_changed_range WHERE reader_id = ?", [.integer(account)])
    }

    /// A mailbox goes for good.
    static func forgetReaders(
        of mailbox: Int64, in transaction: any Transaction
    ) throws(StorageFailure) {
        try transaction.execute(
            """
            DELETE FROM mailbox_seen WHERE seen_mailbox_id = ?1 AND reader_id IN
                (SELECT account_id FROM mailbox_reader WHERE mailbox_id = ?1)
            """, [.integer(mailbox)])
        try transaction.execute(
            "DELETE FROM mailbox_reader WHERE mailbox_id = ?", [.integer(mailbox)])
    }

    // MARK: - Backups

    /// What the next reader of a mailbox after `account`, by number, has seen of it, for a copy of
    /// it; nil after the last.
    package func seen(
        in mailbox: Mailbox.ID, byReaderAfter account: Int64
    ) async throws -> (account: Int64, uids: NumberSet)? {
        try await store.read { transaction in
            let next = try transaction.first(
                """
                SELECT account_id FROM mailbox_reader WHERE mailbox_id = ? AND account_id > ?
                ORDER BY account_id LIMIT 1
                """, [.integer(mailbox.value), .integer(account)]
            ) { $0.integer(0) }
            guard let next else { return nil }
            var uids = NumberSet()
            try transaction.query(
                """
                SELECT seen_uid FROM mailbox_seen
                WHERE reader_id = ? AND seen_mailbox_id = ? AND is_seen = 1 ORDER BY seen_uid
                """, [.integer(next), .integer(mailbox.value)]
            ) { uids.append(UInt32(truncatingIfNeeded: $0.integer(0))) }
            return (next, uids)
        }
    }

    /// Marks what a reader had seen of the messages of a mailbox that has come back.
    package func adoptSeen(
        _ seen: NumberSet, in mailbox: Mailbox.ID, by account: Int64
    ) async throws {
        let present = NumberSet(try await store.read { try Self.uids(of: mailbox, in: $0) })
        let uids = seen.intersection(present)
        for start in stride(from: 0, to: uids.count, by: Self.removedTogether) {
            _ = try await store(
                .add, ["\\Seen"], of: uids.slice(start..<start + Self.removedTogether).ranges,
                in: mailbox, permitted: .seen, by: account)
        }
    }
}
