// SPDX-License-Identifier: Apache-2.0

import Storage
import World

/// Mailboxes as a whole: made, found, named, given up.
extension Mailboxes {
    /// Parts the levels of a name.
    package static let delimiter: Character = "/"
    /// More would make each LIST a burden.
    package static let mailboxLimit = 10_000
    /// Octets of a name in UTF-8.
    package static let nameLimitOctets = 1000

    /// What every account finds when it first looks (RFC 6154 §2).
    package static let initial: [(name: String, use: String)] = [
        ("Drafts", "\\Drafts"), ("Sent", "\\Sent"), ("Junk", "\\Junk"), ("Trash", "\\Trash"),
        ("Archive", "\\Archive"),
    ]

    /// All mailboxes of an account, by name in the order of octets.
    package func all(of account: Int64) throws -> [Mailbox] {
        try store.lookUp { try Self.all(of: account, in: $0) }
    }

    static func all(
        of account: Int64, in transaction: any Transaction
    ) throws(StorageFailure) -> [Mailbox] {
        try transaction.all(
            """
            SELECT id, account_id, name, uid_validity, uid_next, highest_modseq, messages, unseen,
                deleted, octets, special_use, is_subscribed
            FROM mailbox WHERE account_id = ? ORDER BY name
            """,
            [.integer(account)], Mailbox.init)
    }

    /// How many mailboxes an account has.
    package func count(of account: Int64) throws -> Int {
        try store.lookUp { transaction in
            try transaction.first(
                "SELECT count(*) FROM mailbox WHERE account_id = ?", [.integer(account)]
            ) { Int($0.integer(0)) } ?? 0
        }
    }

    /// The octets of messages with `\Deleted`; reads the mailbox if there are any.
    package func deletedOctets(in mailbox: Mailbox) throws -> Int64 {
        guard mailbox.deleted > 0 else { return 0 }
        return try store.lookUp { transaction in
            try transaction.first(
                """
                SELECT COALESCE(sum(octets), 0) FROM mailbox_message
                WHERE mailbox_id = ? AND flags & ? <> 0
                """,
                [.integer(mailbox.id.value), .integer(MessageFlags.deleted.rawValue)]
            ) { $0.integer(0) } ?? 0
        }
    }

    /// The mailbox of a name; nil if there is none.
    package func find(_ name: String, of account: Int64) throws -> Mailbox? {
        try store.lookUp { try Self.find(name, of: account, in: $0) }
    }

    static func find(
        _ name: String, of account: Int64, in transaction: any Transaction
    ) throws(StorageFailure) -> Mailbox? {
        try transaction.first(
            """
            SELECT id, account_id, name, uid_validity, uid_next, highest_modseq, messages, unseen,
                deleted, octets, special_use, is_subscribed
            FROM mailbox WHERE account_id = ? AND name = ?
            """,
            [.integer(account), .text(name)], Mailbox.init)
    }

    /// The mailbox as it is now; nil if it is gone.
    package func find(_ id: Mailbox.ID) throws -> Mailbox? {
        try store.lookUp { try Self.find(id, in: $0) }
    }

    static func find(
        _ id: Mailbox.ID, in transaction: any Transaction
    ) throws(StorageFailure) -> Mailbox? {
        try transaction.first(
            """
            SELECT id, account_id, name, uid_validity, uid_next, highest_modseq, messages, unseen,
                deleted, octets, special_use, is_subscribed
            FROM mailbox WHERE id = ? AND account_id >= 0
            """,
            [.integer(id.value)], Mailbox.init)
    }

    /// Makes INBOX and the mailboxes of `initial` for an account that has no mailbox but INBOX.
    package func furnish(_ account: Int64) async throws {
        let time = time.timestamp
        let names = try all(of: account).map(\.name)
        guard names.allSatisfy({ $0 == Self.inbox || $0 == Self.junk }) else { return }
        try await store.write { transaction in
            if try Self.find(Self.inbox, of: account, in: transaction) == nil {
                try Self.insert(Self.inbox, nil, account, time, transaction)
            }
            for (name, use) in Self.initial
            where try Self.find(name, of: account, in: transaction) == nil {
                try Self.insert(name, use, account, time, transaction)
            }
        }
        changes.signal(account)
    }

    /// Makes a mailbox (RFC 9051 §6.3.4); throws `MailboxRefusal`.
    ///
    /// `isForeign`: somebody else than its owner does it, for whom it is below INBOX.
    /// `isSubscribed`: whether it is subscribed to without anybody saying so.
    @discardableResult
    package func create(
        _ name: String, use: String? = nil, of account: Int64, isForeign: Bool = false,
        isSubscribed: Bool = true
    ) async throws -> Mailbox {
        let time = time.timestamp
        let mailbox = try await store.write { transaction in
            let all = try Self.all(of: account, in: transaction)
            guard !all.contains(where: { $0.name == name }) else { throw MailboxRefusal.exists }
            guard all.count < Self.mailboxLimit else { throw MailboxRefusal.limit }
            guard use == nil || !all.contains(where: { $0.specialUse == use }) else {
                throw MailboxRefusal.useTaken
            }
            try Self.insert(
                name, use, account, time, isForeign: isForeign, isSubscribed: isSubscribed,
                transaction)
            guard let made = try Self.find(name, of: account, in: transaction) else {
                throw StorageFailure.corrupt("a mailbox that was made is not there")
            }
            return made
        }
        changes.signal(account)
        return mailbox
    }

    /// `is_subscribed`: what no client made is, until somebody says otherwise.
    private static let subscribedByItself: Int64 = 1
    /// Somebody has said so: then its name stays subscribed even without it.
    private static let subscribed: Int64 = 2

    /// Names that were subscribed to and have no mailbox any more (RFC 9051 §6.3.7).
    package func subscriptions(of account: Int64) throws -> [String] {
        try store.lookUp { try Self.subscriptions(of: account, in: $0) }
    }

    static func subscriptions(
        of account: Int64, in transaction: any Transaction
    ) throws(StorageFailure) -> [String] {
        try transaction.all(
            "SELECT name FROM mailbox_subscription WHERE account_id = ? ORDER BY name",
            [.integer(account)]
        ) { $0.text(0) }
    }

    /// A name that is used anew gets a UIDVALIDITY above all that were (RFC 9051 §2.3.1.1).
    static func insert(
        _ name: String, _ use: String?, _ account: Int64, _ time: Timestamp,
        isForeign: Bool = false, isSubscribed: Bool = true, _ transaction: any Transaction
    ) throws(StorageFailure) {
        let validity = try next(of: account, atLeast: max(1, time.seconds), transaction)
        // RFC 8474 §4: no identifier is ever used again.
        let id = try next(of: 0, atLeast: 1, transaction)
        let isJunk = name == junk && use == nil
        let wasSubscribed = try takeSubscription(to: name, of: account, transaction)
        try transaction.execute(
            """
            INSERT INTO mailbox (id, account_id, name, uid_validity, uid_next, special_use,
                is_subscribed, is_counted)
            VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6,
                (SELECT count(*) FROM mailbox_usage WHERE account_id = ?2))
            """,
            [
                .integer(id), .integer(account), .text(name), .integer(validity),
                .text(optional: isJunk ? "\\Junk" : use),
                .integer(
                    wasSubscribed ? Self.subscribed : isSubscribed ? Self.subscribedByItself : 0),
            ])
        try inheritGrants(
            Mailbox.ID(value: id), named: name, of: account, orInbox: isForeign, in: transaction)
    }

    /// A mailbox of that name knows of the subscription from now on; false if there is none.
    private static func takeSubscription(
        to name: String, of account: Int64, _ transaction: any Transaction
    ) throws(StorageFailure) -> Bool {
        try transaction.execute(
            "DELETE FROM mailbox_subscription WHERE account_id = ? AND name = ?",
            [.integer(account), .text(name)]) > 0
    }

    /// A name stays subscribed to without its mailbox (RFC 9051 §6.3.7).
    private static func keepSubscription(
        to name: String, of account: Int64, _ transaction: any Transaction
    ) throws(StorageFailure) {
        try transaction.execute(
            """
            INSERT INTO mailbox_subscription (account_id, name) VALUES (?, ?)
            ON CONFLICT DO NOTHING
            """,
            [.integer(account), .text(name)])
    }

    /// A number above all that were given before.
    private static func next(
        of account: Int64, atLeast least: Int64, _ transaction: any Transaction
    ) throws(StorageFailure) -> Int64 {
        let next = try transaction.first(
            """
            INSERT INTO mailbox_last (account_id, value) VALUES (?, ?)
            ON CONFLICT (account_id) DO UPDATE SET value = CASE
                WHEN mailbox_last.value < excluded.value THEN excluded.value
                ELSE mailbox_last.value + 1 END
            RETURNING value
            """,
            [.integer(account), .integer(least)]
        ) { $0.integer(0) }
        guard let next else { throw .corrupt("a number that was taken is not there") }
        return next
    }

    /// Gives a mailbox and those below it another name (RFC 9051 §6.3.6).
    ///
    /// INBOX itself stays: its messages move into a new mailbox of that name.
    package func rename(
        _ name: String, to newName: String, of account: Int64
    ) async throws {
        let time = time.timestamp
        try await store.write { transaction in
            let all = try Self.all(of: account, in: transaction)
            let mailbox = all.first { $0.name == name }
            let below = all.filter { $0.name.hasPrefix(name + String(Self.delimiter)) }
            // A level without a mailbox of its own is there as long as something is below it.
            guard mailbox != nil || !below.isEmpty else { throw MailboxRefusal.nonexistent }
            guard !all.contains(where: { $0.name == newName }) else {
                throw MailboxRefusal.exists
            }
            if name == Self.inbox, let mailbox {
                try Self.insert(
                    newName, nil, account, time, isSubscribed: false, transaction)
                guard let target = try Self.find(newName, of: account, in: transaction) else {
                    throw StorageFailure.corrupt("a mailbox that was made is not there")
                }
                try Self.moveAll(of: mailbox, to: target, at: time, in: transaction)
                try Self.copyMetadata(from: mailbox.id, to: target.id, in: transaction)
                return
            }
            let names = Set(all.map(\.name))
            guard below.allSatisfy({ !names.contains(newName + $0.name.dropFirst(name.count)) })
            else { throw MailboxRefusal.exists }
            for child in [mailbox].compactMap({ $0 }) + below {
                let suffix = child.name.dropFirst(name.count)
                guard (newName + suffix).utf8.count <= Self.nameLimitOctets else {
                    throw MailboxRefusal.limit
                }
                try Self.rename(child, to: newName + suffix, transaction)
            }
        }
        changes.signal(account)
    }

    /// RFC 9051 §6.3.6: subscriptions stay with the old name, and count for the new one only if
    /// somebody subscribed to it before.
    private static func rename(
        _ mailbox: Mailbox, to name: String, _ transaction: any Transaction
    ) throws(StorageFailure) {
        let wasSubscribed = try takeSubscription(to: name, of: mailbox.account, transaction)
        let before = try transaction.first(
            "SELECT is_subscribed FROM mailbox WHERE id = ?", [.integer(mailbox.id.value)]
        ) { $0.integer(0) }
        if before == subscribed {
            try keepSubscription(to: mailbox.name, of: mailbox.account, transaction)
        }
        let after = wasSubscribed ? subscribed : before == subscribed ? 0 : before ?? 0
        try transaction.execute(
            "UPDATE mailbox SET name = ?, is_subscribed = ? WHERE id = ?",
            [.text(name), .integer(after), .integer(mailbox.id.value)])
    }

    /// Gives a mailbox up with all its messages (RFC 9051 §6.3.5); those below it stay.
    package func remove(_ name: String, of account: Int64) async throws {
        guard name != Self.inbox else { throw MailboxRefusal.inbox }
        let (window, time) = (undeleteWindow, time.timestamp)
        try await store.write { transaction in
            // The name makes room for another one.
            let gone = try transaction.first(
                """
                UPDATE mailbox SET account_id = -account_id, name = name || '#' || id,
                    abandoned_until = ?
                WHERE account_id = ? AND name = ?
                RETURNING messages, octets, is_subscribed, id
                """,
                [
                    .integer((time + window).milliseconds), .integer(account), .text(name),
                ]
            ) {
                (
                    messages: $0.integer(0), octets: $0.integer(1), subscribed: $0.integer(2),
                    id: $0.integer(3)
                )
            }
            guard let gone else { throw MailboxRefusal.nonexistent }
            // RFC 4314 §4 DELETE.
            try transaction.execute(
                "DELETE FROM mailbox_access WHERE mailbox_id = ?", [.integer(gone.id)])
            // RFC 9051 §6.3.7: the name stays where somebody subscribed to it.
            if gone.subscribed == Self.subscribed {
                try Self.keepSubscription(to: name, of: account, transaction)
            }
            try Self.count(
                messages: -gone.messages, octets: -gone.octets, of: account, in: transaction)
        }
        changes.signal(account)
        if window == .zero { try await deleteAbandoned() }
    }

    /// RFC 9051 §6.3.7 and §6.3.8; a name that never had a mailbox cannot be subscribed to, and
    /// is not.
    package func subscribe(
        _ isSubscribed: Bool, to name: String, of account: Int64
    ) async throws {
        try await store.write { transaction in
            let count = try transaction.execute(
                "UPDATE mailbox SET is_subscribed = ? WHERE account_id = ? AND name = ?",
                [.integer(isSubscribed ? Self.subscribed : 0), .integer(account), .text(name)])
            if count == 1 { return }
            let wasSubscribed = try Self.takeSubscription(to: name, of: account, transaction)
            guard isSubscribed else { return }
            guard wasSubscribed else { throw MailboxRefusal.nonexistent }
            try Self.keepSubscription(to: name, of: account, transaction)
        }
        changes.signal(account)
    }

    /// Names of others' mailboxes are kept for who subscribes to them, and no mailbox knows of it.
    ///
    /// Throws `MailboxRefusal.limit` if there are too many.
    package func subscribe(
        _ isSubscribed: Bool, toForeign name: String, of account: Int64
    ) async throws {
        try await store.write { transaction in
            guard isSubscribed else {
                _ = try Self.takeSubscription(to: name, of: account, transaction)
                return
            }
            let count = try transaction.first(
                "SELECT count(*) FROM mailbox_subscription WHERE account_id = ?",
                [.integer(account)]
            ) { Int($0.integer(0)) }
            guard count ?? 0 < Self.mailboxLimit else { throw MailboxRefusal.limit }
            try Self.keepSubscription(to: name, of: account, transaction)
        }
        changes.signal(account)
    }

    /// The keywords of a mailbox.
    package func keywords(of mailbox: Mailbox.ID) throws -> Keywords {
        try store.lookUp { try Self.keywords(of: mailbox, in: $0) }
    }

    static func keywords(
        of mailbox: Mailbox.ID, in transaction: any Transaction
    ) throws(StorageFailure) -> Keywords {
        Keywords(
            try transaction.all(
                "SELECT name FROM mailbox_keyword WHERE mailbox_id = ? ORDER BY bit",
                [.integer(mailbox.value)]
            ) { $0.text(0) })
    }

    /// The flags of these names, making keywords that are new; throws `.limit` if there are too
    /// many.
    static func flags(
        named names: [String], in mailbox: Mailbox.ID, _ transaction: any Transaction
    ) throws -> MessageFlags {
        var flags = MessageFlags()
        var keywords: Keywords?
        for name in names {
            if let common = Keywords().flag(named: name) {
                flags.insert(common)
                continue
            }
            var known = try keywords ?? Self.keywords(of: mailbox, in: transaction)
            if let flag = known.flag(named: name) {
                flags.insert(flag)
            } else {
                guard let flag = known.add(name) else { throw MailboxRefusal.limit }
                try transaction.execute(
                    "INSERT INTO mailbox_keyword (mailbox_id, bit, name) VALUES (?, ?, ?)",
                    [
                        .integer(mailbox.value),
                        .integer(Int64(flag.rawValue.trailingZeroBitCount)), .text(name),
                    ])
                flags.insert(flag)
            }
            keywords = known
        }
        return flags
    }
}
