// SPDX-License-Identifier: Apache-2.0

import Storage
import World

/// Looking into a mailbox: at all of it, at what has changed, at single messages.
extension Mailboxes {
    /// A mailbox as it is opened (RFC 9051 §6.3.2), all of one moment.
    package struct Opening: Sendable {
        package let mailbox: Mailbox
        package let keywords: Keywords
        /// All UIDs, rising; neighbours in one range.
        package let uids: [ClosedRange<UInt32>]
    }

    /// Opens a mailbox; nil if there is none.
    ///
    /// Costs what has changed since it was opened last, or what was ever removed where that is
    /// little; else all its rows are read once.
    package func open(_ name: String, of account: Int64) async throws -> Opening? {
        let known = try store.lookUp { transaction -> Opening? in
            guard let mailbox = try Self.find(name, of: account, in: transaction) else {
                return nil
            }
            return Opening(
                mailbox: mailbox,
                keywords: try Self.keywords(of: mailbox.id, in: transaction),
                uids: try knownUIDs(of: mailbox, in: transaction) ?? [])
        }
        guard let known else { return nil }
        let isComplete = known.mailbox.messages == 0 || !known.uids.isEmpty
        let opening = isComplete ? known : try await readAll(known.mailbox.id)
        guard let opening else { return nil }
        uidCache.keep(
            UIDCache.Entry(
                modSequence: opening.mailbox.highestModSequence, uidNext: opening.mailbox.uidNext,
                uids: opening.uids), of: opening.mailbox.id)
        return opening
    }

    /// The UIDs if they can be told without reading all rows.
    private func knownUIDs(
        of mailbox: Mailbox, in transaction: any Transaction
    ) throws(StorageFailure) -> [ClosedRange<UInt32>]? {
        if mailbox.messages == 0 { return [] }
        if mailbox.messages == Int(mailbox.uidNext) - 1 { return [1...mailbox.uidNext - 1] }
        guard let entry = uidCache.entry(of: mailbox.id) else {
            return try uidsByWhatIsGone(mailbox, in: transaction)
        }
        if entry.modSequence == mailbox.highestModSequence { return entry.uids }
        let new = try transaction.all(
            """
            SELECT uid FROM mailbox_message WHERE mailbox_id = ? AND uid >= ? ORDER BY uid
            """,
            [.integer(mailbox.id.value), .integer(Int64(entry.uidNext))]
        ) { UInt32(truncatingIfNeeded: $0.integer(0)) }
        let gone = try Self.expunged(
            from: mailbox.id, since: entry.modSequence, in: transaction)
        return Self.append(new, to: Self.subtract(gone, from: entry.uids))
    }

    /// All UIDs there ever were but those that have gone; nil where that would take as long, or
    /// where not all is on record: a mailbox that came from elsewhere may have begun with gaps.
    private func uidsByWhatIsGone(
        _ mailbox: Mailbox, in transaction: any Transaction
    ) throws(StorageFailure) -> [ClosedRange<UInt32>]? {
        let gaps = Int(mailbox.uidNext) - 1 - mailbox.messages
        guard gaps <= mailbox.messages / 8 else { return nil }
        let gone = try Self.expunged(from: mailbox.id, since: 0, in: transaction)
        guard gone.count == gaps else { return nil }
        return Self.subtract(gone, from: [1...mailbox.uidNext - 1])
    }

    private func readAll(_ id: Mailbox.ID) async throws -> Opening? {
        try await store.read { transaction in
            guard let mailbox = try Self.find(id, in: transaction) else { return nil }
            return Opening(
                mailbox: mailbox, keywords: try Self.keywords(of: id, in: transaction),
                uids: try Self.uids(of: id, in: transaction))
        }
    }

    /// All UIDs, rising; neighbours in one range.
    static func uids(
        of mailbox: Mailbox.ID, in transaction: any Transaction
    ) throws(StorageFailure) -> [ClosedRange<UInt32>] {
        var uids: [ClosedRange<UInt32>] = []
        try transaction.query(
            "SELECT uid FROM mailbox_message WHERE mailbox_id = ? ORDER BY uid",
            [.integer(mailbox.value)]
        ) { row in
            let uid = UInt32(truncatingIfNeeded: row.integer(0))
            if let last = uids.last, last.upperBound &+ 1 == uid {
                uids[uids.count - 1] = last.lowerBound...uid
            } else {
                uids.append(uid...uid)
            }
        }
        return uids
    }

    /// What has happened to a mailbox since a moment, all of one moment.
    package struct Changes: Sendable {
        package var mailbox: Mailbox
        /// Nil: those that there were.
        package var keywords: Keywords?
        /// Rising; those of messages that came and went meanwhile are among them.
        package var expunged: [UInt32] = []
        /// New messages and those with other flags, by rising UID.
        package var changed: [(uid: UInt32, flags: MessageFlags, modSequence: Int64)] = []
    }

    /// What has changed since `modSequence`; nil if the mailbox is gone.
    ///
    /// `uidNext` is the UID that a new message would have got then. Costs what has changed, not
    /// what is there. `account` is who looks; nil: the owner.
    package func changes(
        of id: Mailbox.ID, since modSequence: Int64, uidNext: UInt32, by account: Int64? = nil
    ) throws -> Changes? {
        let question = SharedLook.Question(
            mailbox: id, modSequence: modSequence, uidNext: uidNext,
            reader: try reader(account, of: id), count: changes.count)
        if let answer = self.changes.sharedLook.answer(to: question) { return answer }
        let answer = try look(for: question)
        self.changes.sharedLook.keep(answer, of: question)
        return answer
    }

    private func look(for question: SharedLook.Question) throws -> Changes? {
        let (id, modSequence, uidNext) = (
            question.mailbox, question.modSequence, question.uidNext
        )
        return try store.lookUp { transaction in
            guard let mailbox = try Self.find(id, in: transaction) else { return nil }
            var changes = Changes(
                mailbox: mailbox, keywords: try Self.keywords(of: id, in: transaction))
            guard mailbox.highestModSequence > modSequence else { return changes }
            changes.expunged = try Self.expunged(from: id, since: modSequence, in: transaction)
            changes.changed = try Self.changed(
                in: id, since: modSequence, from: uidNext, by: question.reader, transaction)
            return changes
        }
    }

    /// Messages that came or were changed since `modSequence`, by rising UID (RFC 7162 §3.1.4.1).
    ///
    /// Costs what has changed, not what is there: of two messages that came, the later one has the
    /// larger UID and the larger modification sequence. `account` is who looks; nil: the owner.
    package func changed(
        in id: Mailbox.ID, since modSequence: Int64, by account: Int64? = nil
    ) async throws -> [(uid: UInt32, flags: MessageFlags, modSequence: Int64)] {
        try await store.read { transaction in
            let known = try transaction.first(
                """
                SELECT uid FROM mailbox_message WHERE mailbox_id = ? AND modseq <= ?
                ORDER BY uid DESC LIMIT 1
                """,
                [.integer(id.value), .integer(modSequence)]
            ) { UInt32(truncatingIfNeeded: $0.integer(0)) }
            return try Self.changed(
                in: id, since: modSequence, from: (known ?? 0) + 1,
                by: Self.reader(account, of: id, in: transaction), transaction)
        }
    }

    /// The UIDs of messages that have gone since `modSequence`, rising (RFC 7162 §3.2.10).
    ///
    /// All of them: those rows are kept for as long as the mailbox is.
    package func expunged(
        from id: Mailbox.ID, since modSequence: Int64
    ) async throws -> [UInt32] {
        try await store.read { try Self.expunged(from: id, since: modSequence, in: $0) }
    }

    private static func expunged(
        from id: Mailbox.ID, since modSequence: Int64, in transaction: any Transaction
    ) throws(StorageFailure) -> [UInt32] {
        try transaction.all(
            "SELECT uid FROM mailbox_expunged WHERE mailbox_id = ? AND modseq > ?",
            [.integer(id.value), .integer(modSequence)]
        ) { UInt32(truncatingIfNeeded: $0.integer(0)) }.sorted()
    }

    /// Messages of a range by rising UID, at most `limit`: go on after the last one.
    package func rows(
        _ range: ClosedRange<UInt32>, of mailbox: Mailbox.ID, limit: Int
    ) async throws -> [MessageRow] {
        try await store.read { transaction in
            try transaction.all(
                """
                SELECT uid, content_id, octets, internal_date, saved, flags,
                    COALESCE(changed, modseq), prefix
                FROM mailbox_message WHERE mailbox_id = ? AND uid BETWEEN ? AND ?
                ORDER BY uid LIMIT ?
                """,
                [
                    .integer(mailbox.value), .integer(Int64(range.lowerBound)),
                    .integer(Int64(range.upperBound)), .integer(Int64(limit)),
                ], MessageRow.init)
        }
    }

    /// The octets of a content from `start` on, piece by piece; without the prefix of a message.
    package func read(_ content: Content.ID, from start: Int) -> ContentReader {
        ContentReader(content, store: store, bodies: bodies, from: start)
    }
}
