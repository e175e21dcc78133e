// SPDX-License-Identifier: Apache-2.0

package import Storage

/// Annotations of mailboxes and of the server (RFC 5464).
extension Mailboxes {
    /// An annotation: its entry in lower case, `/private/...` or `/shared/...`, and its value.
    package struct Annotation: Hashable, Sendable {
        package let entry: String
        package let value: [UInt8]

        package init(entry: String, value: [UInt8]) {
            self.entry = entry
            self.value = value
        }

        /// Whether everybody sees it who sees the mailbox.
        package var isShared: Bool { entry.hasPrefix(sharedPrefix) }
    }

    /// Octets of one value; RFC 5464 §4.1 wants 1024 at least.
    package static let annotationLimitOctets = 64 << 10
    /// Of one mailbox or of the server, those of everybody and those of one user counted apart;
    /// RFC 5464 §4.1 wants 10 at least.
    package static let annotationLimit = 200

    /// What stands for the server instead of a mailbox, and for everybody instead of an account.
    private static let nobody: Int64 = 0
    private static let sharedPrefix = "/shared/"

    private static func reader(of entry: String, _ account: Int64) -> Int64 {
        entry.hasPrefix(sharedPrefix) ? nobody : account
    }

    /// The annotations that an account sees, by entry; nil is the server.
    package func annotations(
        of mailbox: Mailbox.ID?, for account: Int64
    ) throws -> [Annotation] {
        try store.lookUp { try Self.annotations(of: mailbox, for: account, in: $0) }
    }

    static func annotations(
        of mailbox: Mailbox.ID?, for account: Int64, in transaction: any Transaction
    ) throws(StorageFailure) -> [Annotation] {
        try transaction.all(
            """
            SELECT entry, value FROM mailbox_metadata
            WHERE mailbox_id = ? AND account_id IN (?, ?) AND value IS NOT NULL ORDER BY entry
            """,
            [.integer(mailbox?.value ?? nobody), .integer(account), .integer(nobody)]
        ) { Annotation(entry: $0.text(0), value: $0.blob(1)) }
    }

    /// The value of one annotation that an account sees, as a transaction sees it; nil is the
    /// server instead of a mailbox's name.
    ///
    /// `entry` is in lower case. Nil: there is none, or no such mailbox.
    package static func annotation(
        _ entry: String, of name: String?, for account: Int64, in transaction: any Transaction
    ) throws(StorageFailure) -> [UInt8]? {
        var id = nobody
        if let name {
            guard let mailbox = try find(canonical(name), of: account, in: transaction) else {
                return nil
            }
            // RFC 6154 §5.4.
            if entry == "/private/specialuse" { return mailbox.specialUse.map { Array($0.utf8) } }
            id = mailbox.id.value
        }
        return try transaction.first(
            """
            SELECT value FROM mailbox_metadata
            WHERE mailbox_id = ? AND account_id = ? AND entry = ? AND value IS NOT NULL
            """,
            [.integer(id), .integer(reader(of: entry, account)), .text(entry)]
        ) { $0.blob(0) }
    }

    /// Sets annotations, all or none; a nil value removes one.
    ///
    /// Throws `MailboxRefusal`.
    /// `owner` is whose mailbox it is, and is told of it.
    package func annotate(
        _ mailbox: Mailbox.ID?, _ changes: [(entry: String, value: [UInt8]?)], for account: Int64,
        owner: Int64? = nil
    ) async throws {
        let id = mailbox?.value ?? Self.nobody
        for change in changes where change.value?.count ?? 0 > Self.annotationLimitOctets {
            throw MailboxRefusal.annotationTooLarge(Self.annotationLimitOctets)
        }
        try await store.write { transaction in
            if let mailbox, try Self.find(mailbox, in: transaction) == nil {
                throw MailboxRefusal.nonexistent
            }
            let version = try Self.annotationVersion(in: transaction) + 1
            for change in changes {
                let reader = Self.reader(of: change.entry, account)
                try transaction.execute(
                    """
                    INSERT INTO mailbox_metadata (mailbox_id, account_id, entry, value, version)
                    VALUES (?, ?, ?, ?, ?)
                    ON CONFLICT (mailbox_id, account_id, entry)
                    DO UPDATE SET value = excluded.value, version = excluded.version
                    """,
                    [
                        .integer(id), .integer(reader), .text(change.entry),
                        change.value.map { .blob($0) } ?? .null, .integer(version),
                    ])
            }
            for reader in [account, Self.nobody] {
                try Self.bound(id, reader, in: transaction)
            }
            // RFC 7162 §3.2: who resynchronizes sees that something has changed.
            try transaction.execute(
                "UPDATE mailbox SET highest_modseq = highest_modseq + 1 WHERE id = ?",
                [.integer(id)])
        }
        self.changes.signal(account)
        if let owner, owner != account { self.changes.signal(owner) }
    }

    /// Annotations of a mailbox that was just made; beyond the limits they are left out.
    static func keep(
        _ annotations: [Annotation], of mailbox: Mailbox.ID?, for account: Int64,
        in transaction: any Transaction
    ) throws(StorageFailure) {
        let version = try annotationVersion(in: transaction) + 1
        for one in annotations.prefix(annotationLimit)
        where one.value.count <= annotationLimitOctets {
            // What everybody sees of the server is not an account's to bring.
            guard mailbox != nil || !one.isShared else { continue }
            try transaction.execute(
                """
                INSERT INTO mailbox_metadata (mailbox_id, account_id, entry, value, version)
                VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING
                """,
                [
                    .integer(mailbox?.value ?? nobody), .integer(reader(of: one.entry, account)),
                    .text(one.entry), .blob(one.value), .integer(version),
                ])
        }
    }

    /// Throws if there are too many; what was removed makes room first.
    private static func bound(
        _ mailbox: Int64, _ reader: Int64, in transaction: any Transaction
    ) throws {
        let counts = try transaction.first(
            """
            SELECT count(*), count(value) FROM mailbox_metadata
            WHERE mailbox_id = ? AND account_id = ?
            """,
            [.integer(mailbox), .integer(reader)]
        ) { (all: $0.integer(0), there: $0.integer(1)) }
        guard let counts, counts.all > annotationLimit else { return }
        guard counts.there <= annotationLimit else { throw MailboxRefusal.tooManyAnnotations }
        // Whoever wants to hear of it looks at once.
        try transaction.execute(
            """
            DELETE FROM mailbox_metadata
            WHERE mailbox_id = ? AND account_id = ? AND value IS NULL
            """,
            [.integer(mailbox), .integer(reader)])
    }

    private static func annotationVersion(
        in transaction: any Transaction
    ) throws(StorageFailure) -> Int64 {
        try transaction.first("SELECT COALESCE(max(version), 0) FROM mailbox_metadata", []) {
            $0.integer(0)
        } ?? 0
    }

    /// RFC 5464 §4.1: the annotations stay with INBOX and are those of its heir, too.
    static func copyMetadata(
        from source: Mailbox.ID, to target: Mailbox.ID, in transaction: any Transaction
    ) throws(StorageFailure) {
        let version = try annotationVersion(in: transaction) + 1
        try transaction.execute(
            """
            INSERT INTO mailbox_metadata (mailbox_id, account_id, entry, value, version)
            SELECT ?, account_id, entry, value, ? FROM mailbox_metadata
            WHERE mailbox_id = ? AND value IS NOT NULL
            """,
            [.integer(target.value), .integer(version), .integer(source.value)])
    }

    /// What an account may hear of changed annotations: entries by mailbox, nil the server.
    package struct AnnotationNews: Sendable {
        package var version: Int64
        package var entries: [(mailbox: Mailbox.ID?, entry: String)] = []
    }

    /// Annotations that changed after `version`, those of others' private use left out; a nil
    /// `version` asks only how far it is.
    package func annotationNews(
        since version: Int64?, for account: Int64
    ) throws -> AnnotationNews {
        try store.lookUp { transaction in
            var news = AnnotationNews(version: try Self.annotationVersion(in: transaction))
            guard let version, version < news.version else { return news }
            news.entries = try transaction.all(
                """
                SELECT mailbox_id, entry FROM mailbox_metadata
                WHERE version > ? AND account_id IN (?, ?) ORDER BY mailbox_id, entry
                """,
                [.integer(version), .integer(account), .integer(Self.nobody)]
            ) {
                let id = $0.integer(0)
                return (id == Self.nobody ? nil : Mailbox.ID(value: id), $0.text(1))
            }
            return news
        }
    }
}
