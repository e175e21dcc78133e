// SPDX-License-Identifier: Apache-2.0

import Storage
import World

/// All mailboxes of an account as of one moment, and mailboxes that are made as they once were.
extension Mailboxes {
    /// All that an account has here.
    package struct AccountSnapshot: Sendable {
        package let mailboxes: [Snapshot]
        /// Names that it subscribed to and that have no mailbox any more.
        package let subscriptions: [String]
        /// The account's own ones of the server.
        package let annotations: [Annotation]
    }

    /// A mailbox and what is known of its messages.
    package struct Snapshot: Sendable {
        package let mailbox: Mailbox
        package let keywords: Keywords
        /// The first UID that no session was told of.
        package let recentUID: UInt32
        /// Everybody's, and the account's own ones.
        package let annotations: [Annotation]
        /// By rising UID.
        package let messages: [MessageRow]
    }

    /// All mailboxes of an account with what it keeps beside them, all of one moment.
    ///
    /// Contents never change: they can be read later, unless they have gone by then.
    package func snapshot(of account: Int64) async throws -> AccountSnapshot {
        try await store.read { [recents] transaction in
            let mailboxes = try Self.all(of: account, in: transaction).map { mailbox in
                Snapshot(
                    mailbox: mailbox,
                    keywords: try Self.keywords(of: mailbox.id, in: transaction),
                    recentUID: try recents.first(of: mailbox.id)
                        ?? Self.storedRecent(of: mailbox.id, in: transaction),
                    annotations: try Self.annotations(
                        of: mailbox.id, for: account, in: transaction),
                    messages: try Self.rows([1...UInt32.max], of: mailbox.id, in: transaction))
            }
            return AccountSnapshot(
                mailboxes: mailboxes,
                subscriptions: try Self.subscriptions(of: account, in: transaction),
                annotations: try Self.annotations(of: nil, for: account, in: transaction)
                    .filter { !$0.isShared })
        }
    }

    /// What a mailbox of an account that comes back is made with.
    package struct Wish: Hashable, Sendable {
        package let name: String
        package let use: String?
        package let isSubscribed: Bool
        package let annotations: [Annotation]

        package init(
            name: String, use: String?, isSubscribed: Bool, annotations: [Annotation]
        ) {
            self.name = name
            self.use = use
            self.isSubscribed = isSubscribed
            self.annotations = annotations
        }
    }

    /// Makes just these mailboxes for an account that has none, and keeps these subscriptions and
    /// annotations of the server; says whether it did.
    package func furnish(
        _ account: Int64, with wishes: [Wish], subscriptions: [String],
        annotations: [Annotation]
    ) async throws -> Bool {
        let time = time.timestamp
        guard wishes.count <= Self.mailboxLimit, subscriptions.count <= Self.mailboxLimit,
            (wishes.map(\.name) + subscriptions).allSatisfy({
                (1...Self.nameLimitOctets).contains($0.utf8.count)
            })
        else { throw MailboxRefusal.limit }
        let isDone = try await store.write { transaction in
            guard try Self.all(of: account, in: transaction).isEmpty else { return false }
            var (names, uses) = (Set<String>(), Set<String>())
            for wish in wishes where names.insert(wish.name).inserted {
                let use = wish.use.flatMap { uses.insert($0).inserted ? $0 : nil }
                try Self.insert(wish.name, use, account, time, transaction)
                let made = try Self.find(wish.name, of: account, in: transaction)
                try Self.keep(wish.annotations, of: made?.id, for: account, in: transaction)
                guard !wish.isSubscribed else { continue }
                try transaction.execute(
                    "UPDATE mailbox SET is_subscribed = 0 WHERE account_id = ? AND name = ?",
                    [.integer(account), .text(wish.name)])
            }
            for name in subscriptions where !names.contains(name) {
                try transaction.execute(
                    """
                    INSERT INTO mailbox_subscription (account_id, name) VALUES (?, ?)
                    ON CONFLICT DO NOTHING
                    """,
                    [.integer(account), .text(name)])
            }
            try Self.keep(annotations, of: nil, for: account, in: transaction)
            return true
        }
        changes.signal(account)
        return isDone
    }

    /// A mailbox as it was elsewhere, or here before.
    package struct Past: Hashable, Sendable {
        package var uidValidity: UInt32
        /// That of its latest change.
        package var highestModSequence: Int64
        package var keywords: [String]

        package init(uidValidity: UInt32, highestModSequence: Int64, keywords: [String]) {
            self.uidValidity = uidValidity
            self.highestModSequence = highestModSequence
            self.keywords = keywords
        }
    }

    /// Modification sequences left out where a mailbox comes back: more changes than clients can
    /// have seen between the backup and its loss.
    ///
    /// All that comes back is newer than whatever they know, so that they ask for all flags once
    /// (RFC 7162 §3.1.2.1): theirs may be newer than ours.
    private static let skippedModSequences: Int64 = 1 << 32
    /// A sequence has 63 bits (RFC 7162 §3.1.1); room for as many returns as anybody makes.
    private static let largestModSequence: Int64 = 1 << 60

    /// Lets a mailbox in which nothing ever was be the one that it was elsewhere: with that
    /// UIDVALIDITY and those keywords; says whether it is.
    package func resume(_ mailbox: Mailbox.ID, as past: Past) async throws -> Bool {
        try await store.write { transaction in
            guard let box = try Self.find(mailbox, in: transaction) else {
                throw MailboxRefusal.nonexistent
            }
            if box.uidValidity == past.uidValidity { return true }
            guard box.uidNext == 1, box.messages == 0 else { return false }
            let sequence =
                max(0, min(past.highestModSequence, Self.largestModSequence))
                + Self.skippedModSequences
            try transaction.execute(
                "UPDATE mailbox SET uid_validity = ?, highest_modseq = ? WHERE id = ?",
                [
                    .integer(Int64(past.uidValidity)), .integer(sequence),
                    .integer(mailbox.value),
                ])
            // Names that are used anew later get others (RFC 9051 §2.3.1.1).
            try transaction.execute(
                """
                INSERT INTO mailbox_last (account_id, value) VALUES (?, ?)
                ON CONFLICT (account_id) DO UPDATE SET value = excluded.value
                    WHERE mailbox_last.value < excluded.value
                """,
                [.integer(box.account), .integer(Int64(past.uidValidity))])
            _ = try Self.flags(named: past.keywords, in: mailbox, transaction)
            return true
        }
    }

    /// UIDs without a message that a mailbox remembers when it comes back: those given last.
    private static let rememberedGaps = 100_000

    /// Ends what `resume` began, when its messages are there: the next one gets the UID `uidNext`,
    /// unless larger ones were given already, and what lacks below it has been removed.
    ///
    /// Clients that knew such a message hear that it has gone (RFC 7162 §3.2.10). `recentUID` is
    /// the first that no session was told of.
    package func complete(
        _ mailbox: Mailbox.ID, uidNext: UInt32, recentUID: UInt32
    ) async throws {
        let time = time.timestamp
        let account = try await store.write { transaction -> Int64 in
            guard let box = try Self.find(mailbox, in: transaction) else {
                throw MailboxRefusal.nonexistent
            }
            try Self.advance(mailbox, to: uidNext, in: transaction)
            try transaction.execute(
                "UPDATE mailbox SET recent_uid = ?1 WHERE id = ?2 AND recent_uid < ?1",
                [.integer(Int64(recentUID)), .integer(mailbox.value)])
            let gone = try Self.gaps(in: mailbox, below: uidNext, transaction)
            guard !gone.isEmpty else { return box.account }
            let sequence = box.highestModSequence + 1
            for uid in gone {
                try transaction.execute(
                    """
                    INSERT INTO mailbox_expunged (mailbox_id, modseq, uid, content_id, octets,
                        internal_date, flags, prefix, expunged_at)
                    VALUES (?, ?, ?, NULL, 0, 0, 0, '', ?)
                    """,
                    [
                        .integer(mailbox.value), .integer(sequence), .integer(Int64(uid)),
                        .integer(time.milliseconds),
                    ])
            }
            try transaction.execute(
                "UPDATE mailbox SET highest_modseq = ? WHERE id = ?",
                [.integer(sequence), .integer(mailbox.value)])
            return box.account
        }
        changes.signal(account)
    }

    /// UIDs for which there is neither a message nor a record that it was removed, the largest.
    private static func gaps(
        in mailbox: Mailbox.ID, below uidNext: UInt32, _ transaction: any Transaction
    ) throws(StorageFailure) -> [UInt32] {
        let known = try transaction.all(
            """
            SELECT uid FROM mailbox_message WHERE mailbox_id = ?1
            UNION SELECT uid FROM mailbox_expunged WHERE mailbox_id = ?1 ORDER BY uid DESC
            """,
            [.integer(mailbox.value)]
        ) { UInt32(truncatingIfNeeded: $0.integer(0)) }
        var gaps: [UInt32] = []
        var end = uidNext
        for uid in known + [0] where uid < end {
            let first = uid + 1
            let room = UInt32(rememberedGaps - gaps.count)
            gaps += (max(first, end - min(end, room))..<end).reversed()
            end = uid
            if gaps.count >= rememberedGaps { break }
        }
        return gaps
    }

    static func advance(
        _ mailbox: Mailbox.ID, to uidNext: UInt32, in transaction: any Transaction
    ) throws(StorageFailure) {
        try transaction.execute(
            "UPDATE mailbox SET uid_next = ?1 WHERE id = ?2 AND uid_next < ?1",
            [.integer(Int64(uidNext)), .integer(mailbox.value)])
    }
}
