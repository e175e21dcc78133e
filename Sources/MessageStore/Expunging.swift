// SPDX-License-Identifier: Apache-2.0

package import Storage
package import World

/// Messages that leave a mailbox, and what leaves with them.
extension Mailboxes {
    /// Removed in one transaction at most, so that others are not kept waiting.
    static let removedTogether = 1000

    /// Removes messages for good (RFC 9051 §6.4.3, RFC 4315 §2.1); returns the UIDs that went.
    ///
    /// With `onlyDeleted` those that have `\Deleted`. They can be brought back for
    /// `undeleteWindow`.
    @discardableResult
    package func expunge(
        _ uids: [ClosedRange<UInt32>], in mailbox: Mailbox.ID, onlyDeleted: Bool = true
    ) async throws -> [UInt32] {
        var gone: [UInt32] = []
        var rest = uids[...]
        while let range = rest.popFirst() {
            let removed = try await expungeSome(range, in: mailbox, onlyDeleted: onlyDeleted)
            gone += removed
            // More of this range may be left.
            if removed.count == Self.removedTogether, let last = removed.last,
                last < range.upperBound
            {
                rest.insert(last + 1...range.upperBound, at: rest.startIndex)
            }
        }
        return gone
    }

    private func expungeSome(
        _ range: ClosedRange<UInt32>, in mailbox: Mailbox.ID, onlyDeleted: Bool
    ) async throws -> [UInt32] {
        let (keeps, time) = (undeleteWindow > .zero, time.timestamp)
        let mask = onlyDeleted ? MessageFlags.deleted : []
        let (uids, files, account) = try await store.write { transaction in
            let messages = try Self.messages(range, of: mailbox, with: mask, in: transaction)
            guard !messages.isEmpty,
                let box = try Self.find(mailbox, in: transaction)
            else { return ([UInt32](), [String](), Int64(0)) }
            let files = try Self.expunge(messages, in: box, keeps: keeps, at: time, transaction)
            return (messages.map(\.uid), files, box.account)
        }
        // Should this fail, the files are orphans, and collected.
        for file in files { try? await bodies.remove(file) }
        if !uids.isEmpty { changes.signal(account) }
        return uids
    }

    /// Returns the body files that nobody needs any more, once the transaction is committed.
    private static func expunge(
        _ messages: [MessageRow], in mailbox: Mailbox, keeps: Bool, at time: Timestamp,
        _ transaction: any Transaction
    ) throws(StorageFailure) -> [String] {
        let modSequence = mailbox.highestModSequence + 1
        var files: [String] = []
        for message in messages {
            try remove(
                message, from: mailbox.id, modSequence, keepsContent: keeps, at: time,
                in: transaction)
            if !keeps, let file = try Content.release(message.content, in: transaction) {
                files.append(file)
            }
        }
        try uncount(messages, in: mailbox.id, modSequence, transaction)
        return files
    }

    /// A message that another one takes the place of (RFC 8508 REPLACE).
    package struct Replaced: Sendable {
        package var mailbox: Mailbox
        package var uid: UInt32
        /// It can be brought back for as long as what is expunged.
        let keepsContent: Bool
    }

    /// The message as `replace` takes it.
    package func replaced(_ uid: UInt32, of mailbox: Mailbox) -> Replaced {
        Replaced(mailbox: mailbox, uid: uid, keepsContent: undeleteWindow > .zero)
    }

    /// Removes a message whose successor has been filed in the same transaction; throws
    /// `MailboxRefusal`.
    ///
    /// Returns the body files to remove, and what to `signal`, once it is committed; and how much
    /// room there is now.
    package static func replace(
        _ replaced: Replaced, at time: Timestamp, in transaction: any Transaction
    ) throws -> (files: [String], account: Int64, octets: Int) {
        guard let box = try find(replaced.mailbox.id, in: transaction) else {
            throw MailboxRefusal.nonexistent
        }
        let rows = try rows([replaced.uid...replaced.uid], of: box.id, in: transaction)
        guard !rows.isEmpty else { throw MailboxRefusal.messageGone }
        let files = try expunge(rows, in: box, keeps: replaced.keepsContent, at: time, transaction)
        return (files, box.account, rows.reduce(0) { $0 + $1.octets })
    }

    private static func messages(
        _ range: ClosedRange<UInt32>, of mailbox: Mailbox.ID, with mask: MessageFlags,
        in transaction: any Transaction
    ) throws(StorageFailure) -> [MessageRow] {
        try transaction.all(
            """
            SELECT uid, content_id, octets, internal_date, saved, flags,
                COALESCE(changed, modseq), prefix
            FROM mailbox_message
            WHERE mailbox_id = ? AND uid BETWEEN ? AND ? AND flags & ? = ? ORDER BY uid LIMIT ?
            """,
            [
                .integer(mailbox.value), .integer(Int64(range.lowerBound)),
                .integer(Int64(range.upperBound)), .integer(mask.rawValue),
                .integer(mask.rawValue), .integer(Int64(removedTogether)),
            ], MessageRow.init)
    }

    /// Moves the row to those that are gone; its reference goes with it or is the caller's.
    static func remove(
        _ message: MessageRow, from mailbox: Mailbox.ID, _ modSequence: Int64, keepsContent: Bool,
        at time: Timestamp, in transaction: any Transaction
    ) throws(StorageFailure) {
        try transaction.execute(
            "DELETE FROM mailbox_message WHERE mailbox_id = ? AND uid = ?",
            [.integer(mailbox.value), .integer(Int64(message.uid))])
        try transaction.execute(
            """
            INSERT INTO mailbox_expunged (mailbox_id, modseq, uid, content_id, octets,
                internal_date, flags, prefix, expunged_at)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                .integer(mailbox.value), .integer(modSequence), .integer(Int64(message.uid)),
                .integer(optional: keepsContent ? message.content.value : nil),
                .integer(Int64(message.octets)), .integer(message.internalDate.milliseconds),
                .integer(message.flags.rawValue), .text(message.prefix),
                .integer(time.milliseconds),
            ])
    }

    /// Takes messages that have gone out of the mailbox's counters.
    static func uncount(
        _ messages: [MessageRow], in mailbox: Mailbox.ID, _ modSequence: Int64,
        _ transaction: any Transaction
    ) throws(StorageFailure) {
        try forgetSeen(messages.map(\.uid), in: mailbox, transaction)
        let unseen = messages.count { !$0.flags.contains(.seen) }
        let deleted = messages.count { $0.flags.contains(.deleted) }
        let octets = messages.reduce(0) { $0 + Int64($1.octets) }
        let account = try transaction.first(
            """
            UPDATE mailbox SET highest_modseq = ?1, messages = messages - ?2,
                unseen = unseen - ?3, deleted = deleted - ?4, octets = octets - ?5,
                seen_below = CASE WHEN unseen = ?3 THEN uid_next ELSE seen_below END
            WHERE id = ?6 RETURNING account_id, is_counted
            """,
            [
                .integer(modSequence), .integer(Int64(messages.count)), .integer(Int64(unseen)),
                .integer(Int64(deleted)),
                .integer(octets), .integer(mailbox.value),
            ]
        ) { $0.integer(1) != 0 ? $0.integer(0) : nil }
        guard let account, let account else { return }
        try count(
            messages: -Int64(messages.count), octets: -octets, of: account, in: transaction)
    }

    /// Removes messages of a mailbox by name; returns how many were there.
    @discardableResult
    package func delete(
        _ uids: [UInt32], of account: Int64, mailbox name: String = inbox
    ) async throws -> Int {
        guard let mailbox = try find(name, of: account) else { return 0 }
        return try await expunge(Self.ranges(uids), in: mailbox.id, onlyDeleted: false).count
    }

    /// Neighbours in one range; for UIDs that rise.
    package static func ranges(_ uids: [UInt32]) -> [ClosedRange<UInt32>] {
        var ranges: [ClosedRange<UInt32>] = []
        for uid in uids {
            if let last = ranges.last, last.upperBound < .max, last.upperBound + 1 == uid {
                ranges[ranges.count - 1] = last.lowerBound...uid
            } else {
                ranges.append(uid...uid)
            }
        }
        return ranges
    }

    // MARK: - Gone for good

    /// Gives up what was removed before the undelete window; returns how many messages.
    @discardableResult
    package func purge() async throws -> Int {
        let limit = time.timestamp + (.zero - undeleteWindow)
        var total = 0
        while true {
            let (count, files) = try await store.write { transaction in
                let rows = try transaction.all(
                    """
                    SELECT mailbox_id, modseq, uid, content_id FROM mailbox_expunged
                    WHERE content_id IS NOT NULL AND expunged_at < ? LIMIT ?
                    """,
                    [.integer(limit.milliseconds), .integer(Int64(Self.removedTogether))]
                ) { row in (0..<4).map { row.integer($0) } }
                var files: [String] = []
                for row in rows {
                    try transaction.execute(
                        """
                        UPDATE mailbox_expunged SET content_id = NULL
                        WHERE mailbox_id = ? AND modseq = ? AND uid = ?
                        """,
                        row[..<3].map { .integer($0) })
                    let content = Content.ID(value: row[3])
                    if let file = try Content.release(content, in: transaction) {
                        files.append(file)
                    }
                }
                return (rows.count, files)
            }
            for file in files { try? await bodies.remove(file) }
            total += count
            if count < Self.removedTogether { return total }
        }
    }

    /// Removes the mailboxes that were abandoned and whose time to come back is over; returns how
    /// many messages there were, and their octets.
    ///
    /// In transactions of `removedTogether` messages, so that others are not kept waiting. What a
    /// crash leaves, the next call removes.
    @discardableResult
    package func deleteAbandoned() async throws -> (messages: Int, octets: Int) {
        let time = time.timestamp
        var total = (messages: 0, octets: 0)
        while true {
            let (count, octets, files) = try await store.write {
                try Self.deleteSome(at: time, $0)
            }
            // Should this fail, the files are orphans, and collected.
            for file in files { try? await bodies.remove(file) }
            total.messages += count
            total.octets += octets
            if count < Self.removedTogether { return total }
        }
    }

    private static func deleteSome(
        at time: Timestamp, _ transaction: any Transaction
    ) throws(StorageFailure) -> (count: Int, octets: Int, files: [String]) {
        let messages = try transaction.all(
            """
            SELECT message.mailbox_id, message.uid, message.content_id, message.octets
            FROM mailbox JOIN mailbox_message message ON message.mailbox_id = mailbox.id
            WHERE mailbox.account_id < 0 AND mailbox.abandoned_until <= ? LIMIT ?
            """,
            [.integer(time.milliseconds), .integer(Int64(removedTogether))]
        ) {
            (
                mailbox: $0.integer(0), uid: $0.integer(1), content: $0.integer(2),
                octets: Int($0.integer(3))
            )
        }
        var files: [String] = []
        for message in messages {
            try transaction.execute(
                "DELETE FROM mailbox_message WHERE mailbox_id = ? AND uid = ?",
                [.integer(message.mailbox), .integer(message.uid)])
            let content = Content.ID(value: message.content)
            if let file = try Content.release(content, in: transaction) { files.append(file) }
        }
        if messages.count < removedTogether {
            files += try deleteRemains(at: time, transaction)
        }
        return (messages.count, messages.reduce(0) { $0 + $1.octets }, files)
    }

    /// Abandoned mailboxes without messages, and what was removed from them.
    private static func deleteRemains(
        at time: Timestamp, _ transaction: any Transaction
    ) throws(StorageFailure) -> [String] {
        let mailboxes = try transaction.all(
            "SELECT id FROM mailbox WHERE account_id < 0 AND abandoned_until <= ?",
            [.integer(time.milliseconds)]
        ) { $0.integer(0) }
        var files: [String] = []
        for mailbox in mailboxes {
            let contents = try transaction.all(
                """
                SELECT content_id FROM mailbox_expunged
                WHERE mailbox_id = ? AND content_id IS NOT NULL
                """,
                [.integer(mailbox)]
            ) { Content.ID(value: $0.integer(0)) }
            for content in contents {
                if let file = try Content.release(content, in: transaction) { files.append(file) }
            }
            try transaction.execute(
                "DELETE FROM mailbox_expunged WHERE mailbox_id = ?", [.integer(mailbox)])
            try transaction.execute(
                "DELETE FROM mailbox_keyword WHERE mailbox_id = ?", [.integer(mailbox)])
            try transaction.execute(
                "DELETE FROM mailbox_metadata WHERE mailbox_id = ?", [.integer(mailbox)])
            try transaction.execute(
                "DELETE FROM mailbox_import WHERE mailbox_id = ?", [.integer(mailbox)])
            try transaction.execute(
                "DELETE FROM mailbox_import_mark WHERE mailbox_id = ?", [.integer(mailbox)])
            try transaction.execute(
                "DELETE FROM mailbox_changed_range WHERE mailbox_id = ?", [.integer(mailbox)])
            try forgetReaders(of: mailbox, in: transaction)
            try transaction.execute("DELETE FROM mailbox WHERE id = ?", [.integer(mailbox)])
        }
        return files
    }
}
