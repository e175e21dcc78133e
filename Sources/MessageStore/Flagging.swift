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
            let result = try Self.store(
                FlagEdit(change, mask, within: permitted), uids, in: box,
                by: Reader(account, of: box), unchangedSince: unchangedSince, transaction)
            return (result, box.account)
        }
        if result.modSequence != nil { changes.signal(account) }
        return result
    }

    private static func store(
        _ edit: FlagEdit, _ uids: [ClosedRange<UInt32>], in mailbox: Mailbox, by reader: Reader?,
        unchangedSince: Int64?, _ transaction: any Transaction
    ) throws(StorageFailure) -> FlagsStored {
        var result = FlagsStored()
        let modSequence = mailbox.highestModSequence + 1
        var unseen = try unseen(in: mailbox.id, by: reader, transaction)
        let isShared = try isShared(mailbox.id, transaction)
        var (deleted, turnedAnywhere) = (0, MessageFlags())
        let (parts, modified) = try flagRows(
            uids, of: mailbox.id, by: reader, unchangedSince: unchangedSince ?? .max, transaction)
        result.modified = modified
        for (range, rows) in parts {
            var firstUnseen: UInt32?
            var turnedHere = Turned()
            for row in rows {
                let flags = edit.applied(to: row.flags)
                if !flags.contains(.seen) { firstUnseen = firstUnseen ?? row.uid }
                let turned = flags.symmetricDifference(row.flags)
                turnedHere.note(turned)
                result.messages.append(
                    FlagsStored.Message(
                        uid: row.uid, flags: flags,
                        modSequence: turned.isEmpty ? row.modSequence : modSequence,
                        previous: row.modSequence))
                if turned.contains(.seen) { unseen.count += flags.contains(.seen) ? -1 : 1 }
                if turned.contains(.deleted) { deleted += flags.contains(.deleted) ? 1 : -1 }
            }
            unseen.below.note(range, firstUnseen: firstUnseen, uidNext: mailbox.uidNext)
            try perform(
                edit, turning: turnedHere, on: rows[0].uid...rows[rows.count - 1].uid,
                of: mailbox.id, by: reader, modSequence,
                isMany: isMany(turnedHere.messages, of: rows.count), isShared: isShared,
                transaction)
            turnedAnywhere.formUnion(turnedHere.flags)
        }
        guard !turnedAnywhere.isEmpty else { return result }
        result.modSequence = modSequence
        try transaction.execute(
            "UPDATE mailbox SET highest_modseq = ?, deleted = deleted + ? WHERE id = ?",
            [.integer(modSequence), .integer(Int64(deleted)), .integer(mailbox.id.value)])
        if turnedAnywhere.contains(.seen) {
            if unseen.count == 0 { unseen.below = SeenBelow(uid: mailbox.uidNext) }
            try keep(unseen, in: mailbox.id, by: reader, transaction)
        }
        return result
    }

    /// What a change turns in the messages of a range.
    private struct Turned {
        private(set) var flags = MessageFlags()
        private(set) var messages = 0
        /// Of these, whose `\Seen` is turned.
        private(set) var seen = 0

        /// Of one message.
        mutating func note(_ turned: MessageFlags) {
            flags.formUnion(turned)
            if !turned.isEmpty { messages += 1 }
            if turned.contains(.seen) { seen += 1 }
        }
    }

    /// Changes all rows of a range at once, of which `flagRows` has read that all are meant.
    private static func perform(
        _ edit: FlagEdit, turning turned: Turned, on range: ClosedRange<UInt32>,
        of mailbox: Mailbox.ID, by reader: Reader?, _ modSequence: Int64, isMany: Bool,
        isShared: Bool, _ transaction: any Transaction
    ) throws(StorageFailure) {
        var edit = edit
        if let reader {
            if turned.seen > 0 {
                try mark(
                    turned.seen, in: range, isSeen: edit.added.contains(.seen), of: mailbox,
                    by: reader, modSequence, isMany: isMany, transaction)
            }
            // What the owner has seen stays what it is.
            edit.leave(.seen)
            guard !turned.flags.subtracting(.seen).isEmpty else { return }
        }
        guard turned.messages > 0 else { return }
        if isMany { try keepChanged(range, of: mailbox, by: nil, modSequence, transaction) }
        // RFC 7162 §2: `\Seen` is private. Where it is all that has changed, the message of others
        // stays as old as it was.
        try transaction.execute(
            """
            UPDATE mailbox_message SET flags = (flags & ?1) | ?2, changed = ?3,
                listed_change = ?8,
                changed_for_others = CASE WHEN ?7 AND (flags | 1) = ((flags & ?1) | ?2 | 1)
                    THEN COALESCE(changed_for_others, changed, modseq) END
            WHERE mailbox_id = ?4 AND uid BETWEEN ?5 AND ?6 AND flags <> ((flags & ?1) | ?2)
            """,
            [
                .integer(edit.kept.rawValue), .integer(edit.added.rawValue),
                .integer(modSequence), .integer(mailbox.value),
                .integer(Int64(range.lowerBound)), .integer(Int64(range.upperBound)),
                .integer(isShared ? 1 : 0), .integer(optional: isMany ? nil : modSequence),
            ])
    }

    /// Whether others than the owner may do something with a mailbox.
    private static func isShared(
        _ mailbox: Mailbox.ID, _ transaction: any Transaction
    ) throws(StorageFailure) -> Bool {
        try transaction.first(
            "SELECT 1 FROM mailbox_access WHERE mailbox_id = ? LIMIT 1", [.integer(mailbox.value)]
        ) { _ in true } ?? false
    }

    private typealias FlagRows = (range: ClosedRange<UInt32>, rows: [Changed])

    /// Ranges in which there are messages of these UIDs and no others, rising, with what is there;
    /// messages with a change after `unchangedSince` are no part of them.
    private static func flagRows(
        _ uids: [ClosedRange<UInt32>], of mailbox: Mailbox.ID, by reader: Reader?,
        unchangedSince: Int64, _ transaction: any Transaction
    ) throws(StorageFailure) -> (parts: [FlagRows], modified: [UInt32]) {
        var (found, modified) = ([FlagRows](), [UInt32]())
        for (span, parts) in spans(uids) {
            var parts = parts[...]
            var (start, rows) = (span.lowerBound, [Changed]())
            for row in try flagRows(span, of: mailbox, by: reader, transaction) {
                while let part = parts.first, part.upperBound < row.uid { parts.removeFirst() }
                let isNamed = parts.first?.contains(row.uid) ?? false
                if isNamed, row.modSequence <= unchangedSince {
                    rows.append(row)
                    continue
                }
                if isNamed { modified.append(row.uid) }
                if !rows.isEmpty { found.append((start...row.uid - 1, rows)) }
                // A UID is below UInt32.max: uidNext is one, too.
                (start, rows) = (row.uid + 1, [])
            }
            if !rows.isEmpty { found.append((start...span.upperBound, rows)) }
        }
        return (found, modified)
    }

    /// The messages of a range, by rising UID, as somebody sees them.
    static func flagRows(
        _ span: ClosedRange<UInt32>, of mailbox: Mailbox.ID, by reader: Reader?,
        _ transaction: any Transaction
    ) throws(StorageFailure) -> [Changed] {
        var marks = try reader.map { reader throws(StorageFailure) in
            try SeenMarks(of: reader, [span], in: mailbox, transaction)
        }
        // Not by `all`: of ten thousand rows each detour counts.
        var rows: [Changed] = []
        try transaction.query(
            """
            SELECT uid, flags, COALESCE(CASE WHEN ? THEN changed_for_others END, changed, modseq)
            FROM mailbox_message WHERE mailbox_id = ? AND uid BETWEEN ? AND ? ORDER BY uid
            """,
            [
                .integer(reader == nil ? 0 : 1), .integer(mailbox.value),
                .integer(Int64(span.lowerBound)), .integer(Int64(span.upperBound)),
            ]
        ) { columns in
            var row: Changed = (
                UInt32(truncatingIfNeeded: columns.integer(0)),
                MessageFlags(rawValue: columns.integer(1)), columns.integer(2)
            )
            marks?.apply(to: row.uid, &row.flags, &row.modSequence)
            rows.append(row)
        }
        return rows
    }

    /// A gap of so many UIDs is read through: a question of its own costs more.
    private static let joinedGap: UInt32 = 16

    /// Ranges to be read at once, each with those that are meant.
    static func spans(
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
    fileprivate private(set) var kept: MessageFlags
    fileprivate private(set) var added: MessageFlags

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

    /// Whatever the change is, these stay as they are.
    fileprivate mutating func leave(_ flags: MessageFlags) {
        kept.formUnion(flags)
        added.subtract(flags)
    }

    func applied(to flags: MessageFlags) -> MessageFlags { flags.intersection(kept).union(added) }
}
