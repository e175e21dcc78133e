// SPDX-License-Identifier: Apache-2.0

import Storage

/// Which messages were changed since a moment, found without a look at the others.
///
/// A change of a few messages is listed: their rows stand in an index by its modification sequence.
/// A change of many would cost more there than all the rest, an entry taken out and one put in for
/// each; instead its range of UIDs is kept, and read through by who asks. The marks of a reader are
/// kept in the same way.
extension Mailboxes {
    typealias Changed = (uid: UInt32, flags: MessageFlags, modSequence: Int64)

    /// From so many messages on a change is one of many; of those in its range at least a quarter
    /// must be changed.
    private static let manyMessages = 64
    /// Ranges of one mailbox and reader.
    ///
    /// Of more, the two oldest become one that covers both: who was away for long reads more rows
    /// for it.
    private static let rangeLimit = 12

    /// Whether a change of `count` of `total` messages in a range is one of many.
    static func isMany(_ count: Int, of total: Int) -> Bool {
        count >= manyMessages && count >= total / 4
    }

    /// Messages that somebody finds changed since `modSequence`, and all from `uid` on; by rising
    /// UID.
    static func changed(
        in mailbox: Mailbox.ID, since modSequence: Int64, from uid: UInt32, by reader: Reader?,
        _ transaction: any Transaction
    ) throws(StorageFailure) -> [Changed] {
        var candidates = [uid...UInt32.max]
        candidates += try transaction.all(
            "SELECT uid FROM mailbox_message WHERE mailbox_id = ? AND listed_change > ?",
            [.integer(mailbox.value), .integer(modSequence)], single)
        candidates += try changedRanges(of: mailbox, by: nil, since: modSequence, transaction)
        if let reader {
            candidates += try transaction.all(
                """
                SELECT seen_uid FROM mailbox_seen
                WHERE reader_id = ? AND seen_mailbox_id = ? AND listed_mark > ?
                """,
                [reader.value, .integer(mailbox.value), .integer(modSequence)], single)
            candidates += try changedRanges(
                of: mailbox, by: reader, since: modSequence, transaction)
        }
        var changed: [Changed] = []
        for (span, _) in spans(candidates) {
            changed += try flagRows(span, of: mailbox, by: reader, transaction)
                .filter { $0.uid >= uid || $0.modSequence > modSequence }
        }
        return changed
    }

    private static func single(_ row: any Row) -> ClosedRange<UInt32> {
        let uid = UInt32(truncatingIfNeeded: row.integer(0))
        return uid...uid
    }

    private static func changedRanges(
        of mailbox: Mailbox.ID, by reader: Reader?, since modSequence: Int64,
        _ transaction: any Transaction
    ) throws(StorageFailure) -> [ClosedRange<UInt32>] {
        try transaction.all(
            """
            SELECT first_uid, last_uid FROM mailbox_changed_range
            WHERE mailbox_id = ? AND reader_id = ? AND modseq > ?
            """,
            [.integer(mailbox.value), .of(reader), .integer(modSequence)], range)
    }

    private static func range(_ row: any Row) -> ClosedRange<UInt32> {
        UInt32(truncatingIfNeeded: row.integer(0))...UInt32(truncatingIfNeeded: row.integer(1))
    }

    /// Keeps that many messages of a range were changed; `reader`: that he has marked them.
    static func keepChanged(
        _ range: ClosedRange<UInt32>, of mailbox: Mailbox.ID, by reader: Reader?,
        _ modSequence: Int64, _ transaction: any Transaction
    ) throws(StorageFailure) {
        // Who does not know of an older one within it reads it through anyway.
        try transaction.execute(
            """
            DELETE FROM mailbox_changed_range
            WHERE mailbox_id = ? AND reader_id = ? AND first_uid >= ? AND last_uid <= ?
            """,
            [
                .integer(mailbox.value), .of(reader), .integer(Int64(range.lowerBound)),
                .integer(Int64(range.upperBound)),
            ])
        try insert(range, of: mailbox, by: reader, modSequence, transaction)
        let oldest = try transaction.all(
            """
            SELECT first_uid, last_uid, modseq FROM mailbox_changed_range
            WHERE mailbox_id = ? AND reader_id = ? ORDER BY modseq, first_uid LIMIT ?
            """,
            [.integer(mailbox.value), .of(reader), .integer(Int64(rangeLimit + 1))]
        ) { (range: Self.range($0), modSequence: $0.integer(2)) }
        guard oldest.count > rangeLimit else { return }
        for (range, modSequence) in oldest[..<2] {
            try transaction.execute(
                """
                DELETE FROM mailbox_changed_range
                WHERE mailbox_id = ? AND reader_id = ? AND modseq = ? AND first_uid = ?
                """,
                [
                    .integer(mailbox.value), .of(reader), .integer(modSequence),
                    .integer(Int64(range.lowerBound)),
                ])
        }
        let (one, other) = (oldest[0].range, oldest[1].range)
        let both = min(one.lowerBound, other.lowerBound)...max(one.upperBound, other.upperBound)
        try insert(both, of: mailbox, by: reader, oldest[1].modSequence, transaction)
    }

    private static func insert(
        _ range: ClosedRange<UInt32>, of mailbox: Mailbox.ID, by reader: Reader?,
        _ modSequence: Int64, _ transaction: any Transaction
    ) throws(StorageFailure) {
        try transaction.execute(
            """
            INSERT INTO mailbox_changed_range (mailbox_id, reader_id, modseq, first_uid, last_uid)
            VALUES (?, ?, ?, ?, ?)
            ON CONFLICT (mailbox_id, reader_id, modseq, first_uid)
                DO UPDATE SET last_uid = max(last_uid, excluded.last_uid)
            """,
            [
                .integer(mailbox.value), .of(reader), .integer(modSequence),
                .integer(Int64(range.lowerBound)), .integer(Int64(range.upperBound)),
            ])
    }
}

extension Value {
    /// Changes that are everybody's have none: no account is 0.
    fileprivate static func of(_ reader: Mailboxes.Reader?) -> Self { reader?.value ?? .integer(0) }
}
