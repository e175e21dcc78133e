// SPDX-License-Identifier: Apache-2.0

import Storage

/// Below which UID all messages of a mailbox have `\Seen`, so that the first one without it is
/// found at once.
///
/// It may be lower than it could be, never higher. It stands in the mailbox's row: an index of the
/// messages without `\Seen` would cost each delivery a further page.
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

    /// The UID of the first message without `\Seen` (RFC 3501 §7.1 UNSEEN); nil if all have it.
    ///
    /// Costs a few rows. Where the mark in the mailbox's row is far behind, all rows from there on
    /// are read, and it is moved. `account` is who looks; nil: the owner.
    package func firstUnseen(
        of opening: Opening, by account: Int64? = nil
    ) async throws -> UInt32? {
        if let reader = Reader(account, of: opening.mailbox) {
            return try await firstUnseen(of: opening, by: reader)
        }
        let id = opening.mailbox.id
        if opening.mailbox.unseen == 0 { return nil }
        let near = try store.lookUp {
            try Self.firstUnseen(of: id, within: Self.nearUIDs, in: $0)
        }
        if let near { return near }
        let found = try await store.read { transaction in
            (
                uid: try Self.firstUnseen(of: id, within: Int64(UInt32.max), in: transaction),
                modSequence: try Self.find(id, in: transaction)?.highestModSequence
            )
        }
        guard let uid = found.uid, let modSequence = found.modSequence else { return nil }
        // Should it fail, or somebody change something meanwhile, the next one looks again.
        _ = try? await store.write { transaction in
            try transaction.execute(
                """
                UPDATE mailbox SET seen_below = ?1
                WHERE id = ?2 AND seen_below < ?1 AND highest_modseq = ?3
                """,
                [.integer(Int64(uid)), .integer(id.value), .integer(modSequence)])
        }
        return uid
    }

    private static func firstUnseen(
        of mailbox: Mailbox.ID, within uids: Int64, in transaction: any Transaction
    ) throws(StorageFailure) -> UInt32? {
        let start = try seenBelow(of: mailbox, in: transaction).uid
        return try transaction.first(
            """
            SELECT uid FROM mailbox_message
            WHERE mailbox_id = ? AND uid BETWEEN ? AND ? AND flags & 1 = 0 ORDER BY uid LIMIT 1
            """,
            [
                .integer(mailbox.value), .integer(Int64(start)),
                .integer(Int64(start) + uids - 1),
            ]
        ) { UInt32(truncatingIfNeeded: $0.integer(0)) }
    }

    static func seenBelow(
        of mailbox: Mailbox.ID, in transaction: any Transaction
    ) throws(StorageFailure) -> SeenBelow {
        let uid = try transaction.first(
            "SELECT seen_below FROM mailbox WHERE id = ?", [.integer(mailbox.value)]
        ) { UInt32(truncatingIfNeeded: $0.integer(0)) }
        return SeenBelow(uid: uid ?? 1)
    }
}
