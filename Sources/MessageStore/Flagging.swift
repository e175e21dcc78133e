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

            package init(
                uid: UInt32, flags: MessageFlags, modSequence: Int64, previous: Int64
            ) {
                self.uid = uid
                self.flags = flags
                self.modSequence = modSequence
                self.previous = previous
            }

            package var hasChanged: Bool { modSequence != previous }
        }

        /// Those that were treated, by rising UID.
        package internal(set) var messages: [Message] = []
        /// That of all the changes; nil if nothing changed.
        package internal(set) var modSequence: Int64?
        /// Messages that somebody else has changed meanwhile (RFC 7162 §3.1.3 MODIFIED).
        package internal(set) var modified: [UInt32] = []
    }

    /// Changes flags of messages, those that are new to the mailbox included; throws
    /// `MailboxRefusal`.
    ///
    /// With `unchangedSince` only of messages without a change after that. Flags beyond `permitted`
    /// stay as they are, and no keyword is made for them. All in one transaction: hand over at
    /// most a few thousand UIDs at once. `account` is who does it; nil: the owner.
    package func store(
        _ change: FlagChange, _ names: [String], of uids: [ClosedRange<UInt32>],
        in mailbox: Mailbox.ID, permitted: MessageFlags = .all, unchangedSince: Int64? = nil,
        by account: Int64? = nil
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
            if let reader = Reader(account, of: box) {
                let result = try Self.store(
                    change, mask, uids, in: box, by: reader, permitted,
                    unchangedSince: unchangedSince, transaction)
                return (result, box.account)
            }
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
        let edit = FlagEdit(change, mask, within: permitted)
        var seenBelow = try seenBelow(of: mailbox.id, in: transaction)
        var (unseen, deleted) = (0, 0)
        for (range, rows) in try flagRows(uids, of: mailbox.id, transaction) {
            let count = result.messages.count
            var firstUnseen: UInt32?
            for row in rows {
                if let unchangedSince, row.modSequence > unchangedSince {
                    result.modified.append(row.uid)
                    if !row.flags.contains(.seen) { firstUnseen = firstUnseen ?? row.uid }
                    continue
                }
                let flags = edit.applied(to: row.flags)
                if !flags.contains(.seen) { firstUnseen = firstUnseen ?? row.uid }
                let turned = flags.symmetricDifference(row.flags)
                result.messages.append(
                    FlagsStored.Message(
                        uid: row.uid, flags: flags,
                        modSequence: turned.isEmpty ? row.modSequence : modSequence,
                        previous: row.modSequence))
                if turned.contains(.seen) { unseen += flags.contains(.seen) ? -1 : 1 }
                if turned.contains(.deleted) { deleted += flags.contains(.deleted) ? 1 : -1 }
            }
            seenBelow.note(range, firstUnseen: firstUnseen, uidNext: mailbox.uidNext)
            guard result.messages[count...].contains(where: \.hasChanged) else { continue }
            result.modSequence = modSequence
            try perform(
                edit, on: range, of: mailbox.id, modSequence, unchangedSince: unchangedSince,
                transaction)
        }
        guard result.modSequence != nil else { return result }
        try transaction.execute(
            """
            UPDATE mailbox SET highest_modseq = ?1, unseen = unseen + ?2, deleted = deleted + ?3,
                seen_below = CASE WHEN unseen + ?2 = 0 THEN uid_next ELSE ?4 END
            WHERE id = ?5
            """,
            [
                .integer(modSequence), .integer(Int64(unseen)), .integer(Int64(deleted)),
                .integer(Int64(seenBelow.uid)), .integer(mailbox.id.value),
            ])
        return result
    }

    /// Changes all rows of a range at once, as `flagRows` has read them in the same transaction.
    private static func perform(
        _ edit: FlagEdit, on range: ClosedRange<UInt32>, of mailbox: Mailbox.ID,
        _ modSequence: Int64, unchangedSince: Int64?, _ transaction: any Transaction
    ) throws(StorageFailure) {
        try transaction.execute(
            """
            UPDATE mailbox_message SET flags = (flags & ?1) | ?2, changed = ?3
            WHERE mailbox_id = ?4 AND uid BETWEEN ?5 AND ?6
                AND flags <> ((flags & ?1) | ?2) AND COALESCE(changed, modseq) <= ?7
            """,
            [
                .integer(edit.kept.rawValue), .integer(edit.added.rawValue),
                .integer(modSequence), .integer(mailbox.value),
                .integer(Int64(range.lowerBound)), .integer(Int64(range.upperBound)),
                .integer(unchangedSince ?? .max),
            ])
    }

    private typealias FlagRow = (uid: UInt32, flags: MessageFlags, modSequence: Int64)

    /// Ranges in which there are messages of these UIDs and no others, rising, with what is there.
    private static func flagRows(
        _ uids: [ClosedRange<UInt32>], of mailbox: Mailbox.ID, _ transaction: any Transaction
    ) throws(StorageFailure) -> [(range: ClosedRange<UInt32>, rows: [FlagRow])] {
        var found: [(range: ClosedRange<UInt32>, rows: [FlagRow])] = []
        for (span, parts) in spans(uids) {
            var parts = parts[...]
            var (start, rows) = (span.lowerBound, [FlagRow]())
            for row in try flagRows(span, of: mailbox, transaction) {
                while let part = parts.first, part.upperBound < row.uid { parts.removeFirst() }
                if parts.first?.contains(row.uid) ?? false {
                    rows.append(row)
                    continue
                }
                if !rows.isEmpty { found.append((start...row.uid - 1, rows)) }
                // A UID is below UInt32.max: uidNext is one, too.
                (start, rows) = (row.uid + 1, [])
            }
            if !rows.isEmpty { found.append((start...span.upperBound, rows)) }
        }
        return found
    }

    private static func flagRows(
        _ span: ClosedRange<UInt32>, of mailbox: Mailbox.ID, _ transaction: any Transaction
    ) throws(StorageFailure) -> [FlagRow] {
        try transaction.all(
            """
            SELECT uid, flags, COALESCE(changed, modseq) FROM mailbox_message
            WHERE mailbox_id = ? AND uid BETWEEN ? AND ? ORDER BY uid
            """,
            [
                .integer(mailbox.value), .integer(Int64(span.lowerBound)),
                .integer(Int64(span.upperBound)),
            ]
        ) { row in
            (
                UInt32(truncatingIfNeeded: row.integer(0)),
                MessageFlags(rawValue: row.integer(1)), row.integer(2)
            )
        }
    }

    /// A gap of so many UIDs is read through: a question of its own costs more.
    private static let joinedGap: UInt32 = 8

    /// Ranges to be read at once, each with those that are meant.
    private static func spans(
        _ uids: [ClosedRange<UInt32>]
    ) -> [(span: ClosedRange<UInt32>, parts: [ClosedRange<UInt32>])] {
        var spans: [(span: ClosedRange<UInt32>, parts: [ClosedRange<UInt32>])] = []
        for range in disjoint(uids) {
            if let last = spans.last?.span, range.lowerBound - last.upperBound <= joinedGap {
                spans[spans.count - 1].span = last.lowerBound...range.upperBound
                spans[spans.count - 1].parts.append(range)
            } else {
                spans.append((range, [range]))
            }
        }
        return spans
    }
}

/// What a change makes of any message's flags: those it keeps, and those it adds.
struct FlagEdit {
    fileprivate let kept: MessageFlags
    fileprivate let added: MessageFlags

    init(
        _ change: Mailboxes.FlagChange, _ mask: MessageFlags, within permitted: MessageFlags
    ) {
        kept =
            switch change {
            case .replace: .all.subtracting(permitted)
            case .add: .all
            case .remove: .all.subtracting(mask)
            }
        added = change == .remove ? [] : mask
    }

    func applied(to flags: MessageFlags) -> MessageFlags { flags.intersection(kept).union(added) }
}
