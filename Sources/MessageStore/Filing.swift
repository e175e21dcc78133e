// SPDX-License-Identifier: Apache-2.0

package import Storage
package import World

/// Messages that come into a mailbox otherwise than by delivery: APPEND, COPY, MOVE.
extension Mailboxes {
    /// Where copies went (RFC 4315 §3 COPYUID): pairs, in the order of the copies.
    package struct Copies: Hashable, Sendable {
        package let uidValidity: UInt32
        package fileprivate(set) var sources: [UInt32] = []
        package fileprivate(set) var targets: [UInt32] = []
    }

    /// What a client appends (RFC 9051 §6.3.12).
    package struct Appended: Sendable {
        package var content: Content.ID
        package var octets: Int
        package var flags: [String]
        package var internalDate: Timestamp
        /// The UID that it had before; nil, or if it was given already: the next one.
        package var uid: UInt32?
        /// When it came into the mailbox before; nil: now.
        package var saved: Timestamp?

        package init(
            content: Content.ID, octets: Int, flags: [String], internalDate: Timestamp,
            uid: UInt32? = nil, saved: Timestamp? = nil
        ) {
            self.uid = uid
            self.saved = saved
            self.content = content
            self.octets = octets
            self.flags = flags
            self.internalDate = internalDate
        }
    }

    /// What was filed, as `MailboxChanges.signal` is told.
    package struct Filed: Sendable {
        /// Rising.
        package fileprivate(set) var uids: [UInt32] = []
        /// The mailbox before.
        let before: Mailbox
        /// What has changed since; nil if that is not known so simply.
        fileprivate(set) var changes: Changes?

        fileprivate init(_ before: Mailbox, by reader: Reader?) {
            self.before = before
            changes = reader == nil ? Changes(mailbox: before) : nil
        }

        fileprivate mutating func add(_ uid: UInt32, _ flags: MessageFlags, octets: Int) {
            uids.append(uid)
            // A keyword may be new, and a UID that it had before leaves a gap.
            guard var changes, flags.isDisjoint(with: .anyKeyword),
                uid == changes.mailbox.uidNext
            else { return self.changes = nil }
            self.changes = nil
            changes.mailbox.count(flags, octets: octets)
            changes.changed.append((uid, flags, changes.mailbox.highestModSequence))
            self.changes = changes
        }
    }

    /// Files contents that were just inserted, whose one reference becomes the mailbox's.
    ///
    /// Part of the transaction that inserts them; `signal` is the caller's, once it is committed.
    /// `account` is who does it; nil: the owner. Throws `MailboxRefusal`.
    package static func append(
        _ messages: [Appended], to mailbox: Mailbox.ID, at time: Timestamp,
        within allowance: Allowance? = nil, by account: Int64? = nil,
        in transaction: any Transaction
    ) throws -> Filed {
        guard let box = try find(mailbox, in: transaction) else { throw MailboxRefusal.nonexistent }
        let reader = Reader(account, of: box)
        var filed = Filed(box, by: reader)
        for message in messages {
            let flags = try flags(named: message.flags, in: mailbox, transaction)
            if let uid = message.uid { try advance(mailbox, to: uid, in: transaction) }
            let uid = try file(
                Arrival(
                    content: message.content, octets: message.octets, flags: flags,
                    internalDate: message.internalDate, prefix: ""),
                in: mailbox, at: message.saved ?? time, by: reader, in: transaction)
            filed.add(uid, flags, octets: message.octets)
        }
        try check(allowance, in: transaction)
        return filed
    }

    /// Counts a message in and inserts its row; its reference is the caller's to pass.
    ///
    /// If a `reader` puts it there, its `\Seen` is his.
    @discardableResult
    static func file(
        _ arrival: Arrival, in mailbox: Mailbox.ID, at time: Timestamp, by reader: Reader? = nil,
        in transaction: any Transaction
    ) throws(StorageFailure) -> UInt32 {
        if let reader {
            var others = arrival
            let isSeen = others.flags.remove(.seen) != nil
            let uid = try file(others, in: mailbox, at: time, in: transaction)
            if isSeen { try markFiled(uid, in: mailbox, by: reader, transaction) }
            return uid
        }
        let place = try transaction.first(
            """
            UPDATE mailbox SET uid_next = uid_next + 1, highest_modseq = highest_modseq + 1,
                messages = messages + 1, unseen = unseen + ?1, deleted = deleted + ?2,
                octets = octets + ?3,
                seen_below = CASE WHEN unseen + ?1 = 0 THEN uid_next + 1 ELSE seen_below END
            WHERE id = ?4 RETURNING id, uid_next, highest_modseq, account_id, is_counted
            """,
            [
                .integer(arrival.flags.contains(.seen) ? 0 : 1),
                .integer(arrival.flags.contains(.deleted) ? 1 : 0),
                .integer(Int64(arrival.octets)), .integer(mailbox.value),
            ]
        ) {
            (
                place: Place(
                    mailbox: $0.integer(0), uid: $0.integer(1) - 1, modSequence: $0.integer(2)),
                account: $0.integer(4) != 0 ? $0.integer(3) : nil
            )
        }
        guard let (place, account) = place else { throw .corrupt("the mailbox has gone") }
        if let account {
            try count(messages: 1, octets: Int64(arrival.octets), of: account, in: transaction)
        }
        try insert(arrival, at: place, saved: time, in: transaction)
        return UInt32(truncatingIfNeeded: place.uid)
    }

    /// Copies messages with flags and dates (RFC 9051 §6.4.7), all or none; throws
    /// `MailboxRefusal`.
    ///
    /// Only the `permitted` flags go with them (RFC 4314 §4). `account` is who does it; nil: the
    /// owner of both.
    package func copy(
        _ uids: [ClosedRange<UInt32>], from source: Mailbox.ID, to target: Mailbox.ID,
        permitted: MessageFlags = .all, within allowance: Allowance? = nil,
        by account: Int64? = nil
    ) async throws -> Copies {
        let time = time.timestamp
        let (copies, account) = try await store.write { transaction in
            guard let box = try Self.find(target, in: transaction) else {
                throw MailboxRefusal.nonexistent
            }
            var copies = Copies(uidValidity: box.uidValidity)
            let rows = try Self.rows(uids, of: source, in: transaction)
            let reader = try Self.reader(account, of: source, in: transaction)
            try Self.copy(
                Self.marked(rows, in: source, by: reader, transaction), from: source, to: target,
                permitted, at: time,
                by: Reader(account, of: box), &copies, transaction
            ) {
                try Content.retain($0.content, in: transaction)
            }
            try Self.check(allowance, in: transaction)
            return (copies, box.account)
        }
        changes.signal(account)
        return copies
    }

    /// Moves messages (RFC 6851), all or none; throws `MailboxRefusal`.
    ///
    /// Their contents pass over: there is nothing to bring back. Only the `permitted` flags do.
    /// `account` is who does it; nil: the owner of both.
    package func move(
        _ uids: [ClosedRange<UInt32>], from source: Mailbox.ID, to target: Mailbox.ID,
        permitted: MessageFlags = .all, within allowance: Allowance? = nil,
        by account: Int64? = nil
    ) async throws -> Copies {
        let time = time.timestamp
        let (copies, accounts) = try await store.write { transaction in
            guard let box = try Self.find(source, in: transaction),
                let targetBox = try Self.find(target, in: transaction)
            else { throw MailboxRefusal.nonexistent }
            let rows = try Self.rows(uids, of: source, in: transaction)
            let copies = try Self.move(
                rows, of: box, to: targetBox, permitted, at: time, by: account, transaction)
            // Who keeps too much may still put it elsewhere.
            if box.account != targetBox.account { try Self.check(allowance, in: transaction) }
            return (copies, Set([box.account, targetBox.account]))
        }
        for account in accounts.sorted() { changes.signal(account) }
        return copies
    }

    static func moveAll(
        of source: Mailbox, to target: Mailbox, at time: Timestamp,
        in transaction: any Transaction
    ) throws {
        let rows = try rows([1...UInt32.max], of: source.id, in: transaction)
        _ = try move(rows, of: source, to: target, .all, at: time, by: nil, transaction)
    }

    private static func move(
        _ rows: [MessageRow], of source: Mailbox, to target: Mailbox, _ permitted: MessageFlags,
        at time: Timestamp, by account: Int64?, _ transaction: any Transaction
    ) throws -> Copies {
        var copies = Copies(uidValidity: target.uidValidity)
        try copy(
            marked(rows, in: source.id, by: Reader(account, of: source), transaction),
            from: source.id, to: target.id, permitted, at: time,
            by: Reader(account, of: target), &copies, transaction
        ) { _ in }
        // Into itself is a way to get new UIDs: the counter has moved on meanwhile.
        let last = try find(source.id, in: transaction)?.highestModSequence
        let modSequence = (last ?? source.highestModSequence) + 1
        for row in rows {
            try remove(
                row, from: source.id, modSequence, keepsContent: false, at: time,
                in: transaction)
        }
        try uncount(rows, in: source.id, modSequence, transaction)
        return copies
    }

    private static func copy(
        _ rows: [MessageRow], from source: Mailbox.ID, to target: Mailbox.ID,
        _ permitted: MessageFlags, at time: Timestamp, by reader: Reader?,
        _ copies: inout Copies, _ transaction: any Transaction,
        retain: (MessageRow) throws -> Void
    ) throws {
        let names = try keywords(of: source, in: transaction)
        var translated: [MessageFlags: MessageFlags] = [:]
        for row in rows {
            try retain(row)
            let flags: MessageFlags
            if let known = translated[row.flags] {
                flags = known
            } else {
                flags = try Self.flags(
                    named: names.names(of: row.flags.intersection(permitted)), in: target,
                    transaction)
                translated[row.flags] = flags
            }
            let uid = try file(
                Arrival(
                    content: row.content, octets: row.octets, flags: flags,
                    internalDate: row.internalDate, prefix: row.prefix),
                in: target, at: time, by: reader, in: transaction)
            copies.sources.append(row.uid)
            copies.targets.append(uid)
        }
    }

    /// The rows of these UIDs, rising; ranges that overlap give each once.
    static func rows(
        _ uids: [ClosedRange<UInt32>], of mailbox: Mailbox.ID, in transaction: any Transaction
    ) throws(StorageFailure) -> [MessageRow] {
        var rows: [MessageRow] = []
        for range in disjoint(uids) {
            rows += try transaction.all(
                """
                SELECT uid, content_id, octets, internal_date, saved, flags,
                    COALESCE(changed, modseq), prefix
                FROM mailbox_message WHERE mailbox_id = ? AND uid BETWEEN ? AND ? ORDER BY uid
                """,
                [
                    .integer(mailbox.value), .integer(Int64(range.lowerBound)),
                    .integer(Int64(range.upperBound)),
                ], MessageRow.init)
        }
        return rows
    }

    /// Rising and without overlap.
    static func disjoint(_ ranges: [ClosedRange<UInt32>]) -> [ClosedRange<UInt32>] {
        var result: [ClosedRange<UInt32>] = []
        for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
            if let last = result.last, range.lowerBound <= last.upperBound {
                result[result.count - 1] =
                    last.lowerBound...max(last.upperBound, range.upperBound)
            } else {
                result.append(range)
            }
        }
        return result
    }
}
