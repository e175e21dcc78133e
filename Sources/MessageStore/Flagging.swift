// SPDX-License-Identifier: Apache-2.0

import Storage
import World

/// Changing flags (RFC 9051 §6.4.6 STORE).
extension Mailboxes {
    /// What STORE does with the flags it names.
    package enum FlagChange: Hashable, Sendable {
        case replace, add, remove
    }

    /// What became of it.
    package struct FlagsStored: Sendable {
        /// A message, with the change it had before.
        package struct Message: Hashable, Sendable {
            package let uid: UInt32
            package let flags: MessageFlags
            package let modSequence: Int64
            /// That of its change before this one; the same if this one changed nothing.
            package let previous: Int64

            package var hasChanged: Bool { modSequence != previous }
        }

        /// Those that were treated, by rising UID.
        package fileprivate(set) var messages: [Message] = []
        /// That of all the changes; nil if nothing changed.
        package fileprivate(set) var modSequence: Int64?
        /// Messages that somebody else has changed meanwhile (RFC 7162 §3.1.3 MODIFIED).
        package fileprivate(set) var modified: [UInt32] = []
    }

    /// Changes flags of messages, those that are new to the mailbox included; throws
    /// `MailboxRefusal`.
    ///
    /// With `unchangedSince` only of messages without a change after that. Flags beyond `permitted`
    /// stay as they are, and no keyword is made for them. All in one transaction: hand over at
    /// most a few thousand UIDs at once.
    package func store(
        _ change: FlagChange, _ names: [String], of uids: [ClosedRange<UInt32>],
        in mailbox: Mailbox.ID, permitted: MessageFlags = .all, unchangedSince: Int64? = nil
    ) async throws -> FlagsStored {
        let (result, account) = try await store.write { transaction in
            guard let box = try Self.find(mailbox, in: transaction) else {
                throw MailboxRefusal.nonexistent
            }
            // What is taken away need not be made first.
            let known = try Self.keywords(of: mailbox, in: transaction)
            let names = change == .remove ? names.filter { known.flag(named: $0) != nil } : names
            let mask = try Self.flags(
                named: names.filter { permitted.contains(known.flag(named: $0) ?? .anyKeyword) },
                in: mailbox, transaction)
            let result = try Self.store(
                change, mask, uids, in: box, permitted, unchangedSince: unchangedSince,
                transaction)
            return (result, box.account)
        }
        if result.modSequence != nil { changes.signal(account) }
        return result
    }

    private static func store(
        _ change: FlagChange, _ mask: MessageFlags, _ uids: [ClosedRange<UInt32>],
        in mailbox: Mailbox, _ permitted: MessageFlags, unchangedSince: Int64?,
        _ transaction: any Transaction
    ) throws(StorageFailure) -> FlagsStored {
        var result = FlagsStored()
        let modSequence = mailbox.highestModSequence + 1
        var (unseen, deleted) = (0, 0)
        for row in try flagRows(uids, of: mailbox.id, transaction) {
            if let unchangedSince, row.modSequence > unchangedSince {
                result.modified.append(row.uid)
                continue
            }
            let flags = change.applied(to: row.flags, mask, within: permitted)
            let hasChanged = flags != row.flags
            result.messages.append(
                FlagsStored.Message(
                    uid: row.uid, flags: flags,
                    modSequence: hasChanged ? modSequence : row.modSequence,
                    previous: row.modSequence))
            guard hasChanged else { continue }
            result.modSequence = modSequence
            try transaction.execute(
                """
                UPDATE mailbox_message SET flags = ?, changed = ?
                WHERE mailbox_id = ? AND uid = ?
                """,
                [
                    .integer(flags.rawValue), .integer(modSequence), .integer(mailbox.id.value),
                    .integer(Int64(row.uid)),
                ])
            let turned = flags.symmetricDifference(row.flags)
            if turned.contains(.seen) { unseen += flags.contains(.seen) ? -1 : 1 }
            if turned.contains(.deleted) { deleted += flags.contains(.deleted) ? 1 : -1 }
        }
        guard result.modSequence != nil else { return result }
        try transaction.execute(
            """
            UPDATE mailbox SET highest_modseq = ?, unseen = unseen + ?, deleted = deleted + ?
            WHERE id = ?
            """,
            [
                .integer(modSequence), .integer(Int64(unseen)), .integer(Int64(deleted)),
                .integer(mailbox.id.value),
            ])
        return result
    }

    private static func flagRows(
        _ uids: [ClosedRange<UInt32>], of mailbox: Mailbox.ID, _ transaction: any Transaction
    ) throws(StorageFailure) -> [(uid: UInt32, flags: MessageFlags, modSequence: Int64)] {
        var rows: [(uid: UInt32, flags: MessageFlags, modSequence: Int64)] = []
        for range in disjoint(uids) {
            try transaction.query(
                """
                SELECT uid, flags, COALESCE(changed, modseq) FROM mailbox_message
                WHERE mailbox_id = ? AND uid BETWEEN ? AND ? ORDER BY uid
                """,
                [
                    .integer(mailbox.value), .integer(Int64(range.lowerBound)),
                    .integer(Int64(range.upperBound)),
                ]
            ) { row in
                rows.append(
                    (
                        UInt32(truncatingIfNeeded: row.integer(0)),
                        MessageFlags(rawValue: row.integer(1)), row.integer(2)
                    ))
            }
        }
        return rows
    }
}

extension Mailboxes.FlagChange {
    fileprivate func applied(
        to flags: MessageFlags, _ mask: MessageFlags, within permitted: MessageFlags
    ) -> MessageFlags {
        switch self {
        case .replace: mask.union(flags.subtracting(permitted))
        case .add: flags.union(mask)
        case .remove: flags.subtracting(mask)
        }
    }
}
