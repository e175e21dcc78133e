// SPDX-License-Identifier: Apache-2.0

import Storage

/// Below which UID somebody has seen all messages of a mailbox, so that the first one that is
/// unseen is found at once.
///
/// It may be lower than it could be, never higher. The owner's stands in the mailbox's row: an index
/// of the messages without `\Seen` would cost each delivery a further page. A reader has his own.
struct SeenBelow {
    private(set) var uid: UInt32

    /// All messages of a range were looked at; `first` is the first of them without `\Seen`.
    mutating func note(
        _ range: ClosedRange<UInt32>, firstUnseen first: UInt32?, uidNext: UInt32
    ) {
        if let first {
            if first < uid || range.contains(uid) { uid = first }
        } else if range.contains(uid) {
            uid = range.upperBound < uidNext ? range.upperBound + 1 : uidNext
        }
    }
}

extension Mailboxes {
    /// So many UIDs are looked through on the spot.
    private static let nearUIDs: Int64 = 256

    /// The UID of the first message that somebody has not seen (RFC 3501 §7.1 UNSEEN); nil if there
    /// is none.
    ///
    /// Costs a few rows. Where his mark is far behind, all rows from there on are read, and it is
    /// moved. `account` is who looks; nil: the owner.
    package func firstUnseen(
        of opening: Opening, by account: Int64? = nil
    ) async throws -> UInt32? {
        let id = opening.mailbox.id
        let reader = Reader(account, of: opening.mailbox)
        let (count, near) = try store.lookUp { transaction in
            let unseen = try Self.unseen(in: id, by: reader, transaction)
            guard unseen.count > 0 else { return (0, UInt32?.none) }
            let near = try Self.firstUnseen(
                of: id, by: reader, from: unseen.below, within: Self.nearUIDs, transaction)
            return (unseen.count, near)
        }
        if count == 0 || near != nil { return near }
        let found = try await store.read { transaction in
            let below = try Self.unseen(in: id, by: reader, transaction).below
            return (
                uid: try Self.firstUnseen(
                    of: id, by: reader, from: below, within: Int64(UInt32.max), transaction),
                modSequence: try Self.find(id, in: transaction)?.highestModSequence
            )
        }
        guard let uid = found.uid, let modSequence = found.modSequence else { return nil }
        // Should it fail, or somebody change something meanwhile, the next one looks again.
        _ = try? await store.write {
            try Self.move(SeenBelow(uid: uid), in: id, by: reader, asOf: modSequence, $0)
        }
        return uid
    }

    /// Moves a mark up, unless the mailbox has changed since, or the reader was forgotten.
    private static func move(
        _ mark: SeenBelow, in mailbox: Mailbox.ID, by reader: Reader?, asOf modSequence: Int64,
        _ transaction: any Transaction
    ) throws(StorageFailure) {
        let values: [Value] = [
            .integer(mailbox.value), .integer(Int64(mark.uid)), .integer(modSequence),
        ]
        guard let reader else {
            try transaction.execute(
                """
                UPDATE mailbox SET seen_below = ?2
                WHERE id = ?1 AND seen_below < ?2 AND highest_modseq = ?3
                """, values)
            return
        }
        try transaction.execute(
            """
            UPDATE mailbox_reader SET seen_below = ?2
            WHERE mailbox_id = ?1 AND account_id = ?4 AND seen_below < ?2
                AND (SELECT highest_modseq FROM mailbox WHERE id = ?1) = ?3
            """, values + [reader.value])
    }

    private static func firstUnseen(
        of mailbox: Mailbox.ID, by reader: Reader?, from start: SeenBelow, within uids: Int64,
        _ transaction: any Transaction
    ) throws(StorageFailure) -> UInt32? {
        let place: [Value] = [
            .integer(mailbox.value), .integer(Int64(start.uid)),
            .integer(Int64(start.uid) + uids - 1),
        ]
        func uid(_ row: any Row) -> UInt32 { UInt32(truncatingIfNeeded: row.integer(0)) }
        guard let reader else {
            return try transaction.first(
                """
                SELECT uid FROM mailbox_message
                WHERE mailbox_id = ? AND uid BETWEEN ? AND ? AND flags & 1 = 0
                ORDER BY uid LIMIT 1
                """, place, uid)
        }
        return try transaction.first(
            """
            SELECT uid FROM mailbox_message
            WHERE mailbox_id = ?1 AND uid BETWEEN ?2 AND ?3 AND NOT EXISTS (
                SELECT 1 FROM mailbox_seen WHERE reader_id = ?4 AND seen_mailbox_id = ?1
                    AND seen_uid = uid AND is_seen = 1)
            ORDER BY uid LIMIT 1
            """, place + [reader.value], uid)
    }

    /// How many messages somebody has not seen, and his mark.
    static func unseen(
        in mailbox: Mailbox.ID, by reader: Reader?, _ transaction: any Transaction
    ) throws(StorageFailure) -> (count: Int, below: SeenBelow) {
        func unseen(_ row: any Row) -> (count: Int, below: SeenBelow) {
            (
                max(0, Int(row.integer(0))),
                SeenBelow(uid: UInt32(truncatingIfNeeded: row.integer(1)))
            )
        }
        let found =
            if let reader {
                try transaction.first(
                    """
                    SELECT messages - COALESCE(seen, 0), COALESCE(reader.seen_below, 1)
                    FROM mailbox LEFT JOIN mailbox_reader reader
                        ON reader.mailbox_id = mailbox.id AND reader.account_id = ?
                    WHERE mailbox.id = ?
                    """, [reader.value, .integer(mailbox.value)], unseen)
            } else {
                try transaction.first(
                    "SELECT unseen, seen_below FROM mailbox WHERE id = ?",
                    [.integer(mailbox.value)], unseen)
            }
        return found ?? (0, SeenBelow(uid: 1))
    }

    /// Keeps both, as `unseen` tells them.
    static func keep(
        _ unseen: (count: Int, below: SeenBelow), in mailbox: Mailbox.ID, by reader: Reader?,
        _ transaction: any Transaction
    ) throws(StorageFailure) {
        let values: [Value] = [
            .integer(mailbox.value), .integer(Int64(unseen.count)),
            .integer(Int64(unseen.below.uid)),
        ]
        guard let reader else {
            try transaction.execute(
                "UPDATE mailbox SET unseen = ?2, seen_below = ?3 WHERE id = ?1", values)
            return
        }
        try transaction.execute(
            """
            INSERT INTO mailbox_reader (mailbox_id, account_id, seen, seen_below)
            SELECT id, ?4, messages - ?2, ?3 FROM mailbox WHERE id = ?1
            ON CONFLICT (mailbox_id, account_id)
                DO UPDATE SET seen = excluded.seen, seen_below = excluded.seen_below
            """, values + [reader.value])
    }
}
