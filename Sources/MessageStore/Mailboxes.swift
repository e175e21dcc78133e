// SPDX-License-Identifier: Apache-2.0

package import Storage
package import World

/// The mailboxes of all accounts and the messages in them.
package struct Mailboxes: Sendable {
    let store: any Store
    let bodies: any BodyFiles
    /// Tells who looks at them of each change.
    package let changes: MailboxChanges
    let uidCache = UIDCache()
    let recents = Recents()
    let time: any Time
    /// How long what was removed can be brought back; its octets are kept as long.
    package var undeleteWindow: Duration {
        get { window.value }
        nonmutating set { window.value = newValue }
    }
    private let window = UndeleteWindow()

    /// The one mailbox every account has (RFC 9051 §5.1).
    package static let inbox = "INBOX"
    /// Where mail is put aside that is probably none (RFC 6154 §2).
    package static let junk = "Junk"
    /// No listing holds more messages: POP3 clients read them all into memory, as do we.
    package static let listLimit = 100_000

    /// `changes` is told by whoever delivers into them.
    package init(
        store: any Store, bodies: any BodyFiles, time: any Time,
        changes: MailboxChanges = MailboxChanges()
    ) {
        self.store = store
        self.bodies = bodies
        self.time = time
        self.changes = changes
    }

    /// One message in a mailbox.
    package struct Message: Hashable, Sendable {
        /// Rises with each message of the mailbox and is never given twice (RFC 9051 §2.3.1.1).
        package let uid: UInt32
        /// As a client reads it, `prefix` included.
        package let octets: Int
        package let content: Content.ID
        /// When it was delivered.
        package let internalDate: Timestamp
        /// The header fields final delivery puts in front (RFC 5321 §4.4 Return-Path).
        package let prefix: String
        /// Names this message for ever, 1 to 70 printable characters (RFC 1939 §7 UIDL).
        package let uniqueID: String
    }

    /// Puts a content into an account's mailbox, making the mailbox if it is the first message.
    ///
    /// Part of the transaction that takes the message out of the spool. `prefix` is whole header
    /// lines with CRLF. The mailbox's reference is a further one, or, if the caller gives its own
    /// up, that. Returns the UID.
    @discardableResult
    package static func deliver(
        _ content: Content.ID, octets: Int, prefix: String = "", to account: Int64,
        mailbox name: String = inbox, at time: Timestamp, passingReference: Bool = false,
        in transaction: any Transaction
    ) throws(StorageFailure) -> UInt32 {
        let size = octets + prefix.utf8.count
        let place = try nextPlace(account, name, octets: size, time, transaction)
        if !passingReference { try Content.retain(content, in: transaction) }
        try insert(
            Arrival(
                content: content, octets: size, flags: [], internalDate: time, prefix: prefix),
            at: place, saved: time, in: transaction)
        return UInt32(truncatingIfNeeded: place.uid)
    }

    /// A message on its way into a mailbox.
    struct Arrival {
        let content: Content.ID
        /// As clients read it, `prefix` included.
        let octets: Int
        var flags: MessageFlags
        let internalDate: Timestamp
        let prefix: String
    }

    /// Where it goes.
    struct Place {
        let mailbox: Int64
        let uid: Int64
        let modSequence: Int64
    }

    static func insert(
        _ arrival: Arrival, at place: Place, saved: Timestamp, in transaction: any Transaction
    ) throws(StorageFailure) {
        try transaction.execute(
            """
            INSERT INTO mailbox_message (mailbox_id, uid, content_id, octets, internal_date, flags,
                prefix, modseq, saved)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                .integer(place.mailbox), .integer(place.uid), .integer(arrival.content.value),
                .integer(Int64(arrival.octets)), .integer(arrival.internalDate.milliseconds),
                .integer(arrival.flags.rawValue), .text(arrival.prefix),
                .integer(place.modSequence), .integer(saved.milliseconds),
            ])
    }

    /// Counts an unseen message into the mailbox, making it if it is the first.
    private static func nextPlace(
        _ account: Int64, _ name: String, octets: Int, _ time: Timestamp,
        _ transaction: any Transaction
    ) throws(StorageFailure) -> Place {
        while true {
            let found = try transaction.first(
                """
                UPDATE mailbox SET uid_next = uid_next + 1, highest_modseq = highest_modseq + 1,
                    messages = messages + 1, unseen = unseen + 1, octets = octets + ?
                WHERE account_id = ? AND name = ?
                RETURNING id, uid_next, highest_modseq, is_counted
                """,
                [.integer(Int64(octets)), .integer(account), .text(name)]
            ) {
                (
                    place: Place(
                        mailbox: $0.integer(0), uid: $0.integer(1) - 1, modSequence: $0.integer(2)),
                    isCounted: $0.integer(3) != 0
                )
            }
            if let found {
                if found.isCounted {
                    try count(messages: 1, octets: Int64(octets), of: account, in: transaction)
                }
                return found.place
            }
            try insert(name, nil, account, time, transaction)
        }
    }

    /// The messages of a mailbox by rising UID; none if there is no such mailbox.
    package func list(
        of account: Int64, mailbox name: String = inbox
    ) async throws -> [Message] {
        try await store.read { transaction in
            try transaction.all(
                """
                SELECT message.uid, message.octets, message.content_id, message.internal_date,
                    message.prefix, mailbox.uid_validity
                FROM mailbox JOIN mailbox_message message ON message.mailbox_id = mailbox.id
                WHERE mailbox.account_id = ? AND mailbox.name = ?
                ORDER BY message.uid LIMIT ?
                """,
                [.integer(account), .text(name), .integer(Int64(Self.listLimit))]
            ) { row in
                Message(
                    uid: UInt32(row.integer(0)), octets: Int(row.integer(1)),
                    content: Content.ID(value: row.integer(2)),
                    internalDate: Timestamp(milliseconds: row.integer(3)), prefix: row.text(4),
                    uniqueID: "\(row.integer(5)).\(row.integer(0))")
            }
        }
    }

    /// Reads a message; with `top` its header and that many lines of its body.
    package func read(_ message: Message, top lines: Int? = nil) -> ContentReader {
        ContentReader(
            message.content, store: store, bodies: bodies, prefix: Array(message.prefix.utf8),
            top: lines)
    }

    /// Takes all mailboxes away from an account that goes, in the transaction that removes it.
    ///
    /// Nobody finds them any more; `deleteAbandoned` removes them.
    package static func abandon(
        _ account: Int64, in transaction: any Transaction
    ) throws(StorageFailure) {
        precondition(account > 0, "an account has a number")
        // The name makes room for another one, should the account come back and go again.
        try transaction.execute(
            """
            DELETE FROM mailbox_access
            WHERE mailbox_id IN (SELECT id FROM mailbox WHERE account_id = ?)
            """,
            [.integer(account)])
        try transaction.execute(
            """
            UPDATE mailbox SET account_id = -account_id, name = name || '#' || id,
                abandoned_until = 0
            WHERE account_id = ?
            """,
            [.integer(account)])
        try uncount(account, in: transaction)
        try transaction.execute(
            "DELETE FROM mailbox_shared WHERE account_id = ?", [.integer(account)])
        try transaction.execute(
            "DELETE FROM mailbox_metadata WHERE account_id = ?", [.integer(account)])
        try transaction.execute(
            "DELETE FROM mailbox_subscription WHERE account_id = ?", [.integer(account)])
        try forgetReader(account, in: transaction)
    }

    /// How many messages an account has, and their octets, over all its mailboxes.
    package func usage(of account: Int64) async throws -> (messages: Int, octets: Int) {
        try await store.read { transaction in
            try transaction.first(
                """
                SELECT COALESCE(sum(messages), 0), COALESCE(sum(octets), 0)
                FROM mailbox WHERE account_id = ?
                """,
                [.integer(account)]
            ) { (messages: Int($0.integer(0)), octets: Int($0.integer(1))) }
                ?? (messages: 0, octets: 0)
        }
    }
}

extension Migrations {
    /// Contents and mailboxes.
    ///
    /// Bodies stand apart from their reference counts, so that counting does not rewrite them.
    package static let messageStore = Migrations(
        module: "MessageStore",
        [
            """
            CREATE TABLE content (
                id INTEGER NOT NULL PRIMARY KEY,
                octets INTEGER NOT NULL,
                file TEXT,
                reference_count INTEGER NOT NULL
            );
            CREATE TABLE content_body (
                content_id INTEGER NOT NULL PRIMARY KEY,
                body BLOB NOT NULL
            );
            CREATE TABLE mailbox (
                id INTEGER NOT NULL PRIMARY KEY,
                account_id INTEGER NOT NULL,
                name TEXT NOT NULL,
                uid_validity INTEGER NOT NULL,
                uid_next INTEGER NOT NULL,
                UNIQUE (account_id, name)
            );
            CREATE TABLE mailbox_message (
                mailbox_id INTEGER NOT NULL,
                uid INTEGER NOT NULL,
                content_id INTEGER NOT NULL,
                octets INTEGER NOT NULL,
                internal_date INTEGER NOT NULL,
                flags INTEGER NOT NULL,
                prefix TEXT NOT NULL,
                PRIMARY KEY (mailbox_id, uid)
            ) WITHOUT ROWID;
            """,
            // Octets of `content_body` that come before those of the file.
            "ALTER TABLE content ADD COLUMN head_octets INTEGER NOT NULL DEFAULT 0",
            // What IMAP knows of mailboxes: counters, changes in their order, what is gone.
            """
            ALTER TABLE mailbox ADD COLUMN highest_modseq INTEGER NOT NULL DEFAULT 1;
            ALTER TABLE mailbox ADD COLUMN messages INTEGER NOT NULL DEFAULT 0;
            ALTER TABLE mailbox ADD COLUMN unseen INTEGER NOT NULL DEFAULT 0;
            ALTER TABLE mailbox ADD COLUMN deleted INTEGER NOT NULL DEFAULT 0;
            ALTER TABLE mailbox ADD COLUMN octets INTEGER NOT NULL DEFAULT 0;
            ALTER TABLE mailbox ADD COLUMN special_use TEXT;
            ALTER TABLE mailbox ADD COLUMN is_subscribed INTEGER NOT NULL DEFAULT 1;
            ALTER TABLE mailbox ADD COLUMN abandoned_until INTEGER NOT NULL DEFAULT 0;
            ALTER TABLE mailbox_message ADD COLUMN modseq INTEGER NOT NULL DEFAULT 1;
            ALTER TABLE mailbox_message ADD COLUMN changed INTEGER;
            ALTER TABLE mailbox_message ADD COLUMN saved INTEGER NOT NULL DEFAULT 0;
            UPDATE mailbox_message SET saved = internal_date;
            UPDATE mailbox SET special_use = '\\Junk' WHERE name = 'Junk';
            UPDATE mailbox SET
                messages = (SELECT count(*) FROM mailbox_message WHERE mailbox_id = mailbox.id),
                unseen = (SELECT count(*) FROM mailbox_message WHERE mailbox_id = mailbox.id),
                octets = (SELECT COALESCE(sum(octets), 0) FROM mailbox_message
                    WHERE mailbox_id = mailbox.id);
            CREATE INDEX mailbox_message_changed ON mailbox_message (mailbox_id, changed)
                WHERE changed IS NOT NULL;
            CREATE TABLE mailbox_keyword (
                mailbox_id INTEGER NOT NULL,
                bit INTEGER NOT NULL,
                name TEXT NOT NULL,
                PRIMARY KEY (mailbox_id, bit)
            ) WITHOUT ROWID;
            CREATE TABLE mailbox_expunged (
                mailbox_id INTEGER NOT NULL,
                modseq INTEGER NOT NULL,
                uid INTEGER NOT NULL,
                content_id INTEGER,
                octets INTEGER NOT NULL,
                internal_date INTEGER NOT NULL,
                flags INTEGER NOT NULL,
                prefix TEXT NOT NULL,
                expunged_at INTEGER NOT NULL,
                PRIMARY KEY (mailbox_id, modseq, uid)
            ) WITHOUT ROWID;
            """,
            // What was computed of a content, so that nobody has to read it again for that.
            """
            CREATE TABLE content_summary (
                content_id INTEGER NOT NULL PRIMARY KEY,
                format INTEGER NOT NULL,
                header_octets INTEGER NOT NULL,
                envelope BLOB NOT NULL,
                structure BLOB NOT NULL,
                layout BLOB NOT NULL,
                facts BLOB NOT NULL,
                fields BLOB NOT NULL,
                preview BLOB NOT NULL
            );
            """,
            // What accounts keep for which there is a quota, and pools of accounts.
            """
            CREATE TABLE mailbox_usage (
                account_id INTEGER NOT NULL PRIMARY KEY,
                pool TEXT,
                messages INTEGER NOT NULL,
                octets INTEGER NOT NULL,
                warned INTEGER NOT NULL
            );
            CREATE TABLE mailbox_pool (
                name TEXT NOT NULL PRIMARY KEY,
                messages INTEGER NOT NULL,
                octets INTEGER NOT NULL,
                warned INTEGER NOT NULL
            );
            """,
            // So that what can be brought back no longer is found without reading the rest.
            """
            CREATE INDEX mailbox_expunged_kept ON mailbox_expunged (expunged_at)
                WHERE content_id IS NOT NULL;
            """,
            // So that delivery learns in passing whether its account is counted.
            """
            ALTER TABLE mailbox ADD COLUMN is_counted INTEGER NOT NULL DEFAULT 0;
            UPDATE mailbox SET is_counted = 1
                WHERE account_id IN (SELECT account_id FROM mailbox_usage);
            """,
            // Which messages are recent, and annotations; mailbox 0 is the server, account 0 is
            // everybody's, a value of NULL is gone. The last UIDVALIDITY of an account, at
            // account 0 the last mailbox, and what somebody subscribed to that is there no more.
            """
            ALTER TABLE mailbox ADD COLUMN recent_uid INTEGER NOT NULL DEFAULT 1;
            UPDATE mailbox SET recent_uid = uid_next;
            CREATE TABLE mailbox_metadata (
                mailbox_id INTEGER NOT NULL,
                account_id INTEGER NOT NULL,
                entry TEXT NOT NULL,
                value BLOB,
                version INTEGER NOT NULL,
                PRIMARY KEY (mailbox_id, account_id, entry)
            ) WITHOUT ROWID;
            CREATE INDEX mailbox_metadata_version ON mailbox_metadata (version);
            CREATE TABLE mailbox_last (
                account_id INTEGER NOT NULL PRIMARY KEY,
                value INTEGER NOT NULL
            );
            INSERT INTO mailbox_last (account_id, value)
            SELECT abs(account_id), max(uid_validity) FROM mailbox GROUP BY abs(account_id);
            INSERT INTO mailbox_last (account_id, value)
            SELECT 0, COALESCE(max(id), 0) FROM mailbox;
            CREATE TABLE mailbox_subscription (
                account_id INTEGER NOT NULL,
                name TEXT NOT NULL,
                PRIMARY KEY (account_id, name)
            ) WITHOUT ROWID;
            """,
            // Whence messages came that were brought here from elsewhere.
            """
            CREATE TABLE mailbox_import (
                mailbox_id INTEGER NOT NULL,
                source TEXT NOT NULL,
                uid INTEGER NOT NULL,
                hash BLOB NOT NULL,
                flags TEXT NOT NULL,
                PRIMARY KEY (mailbox_id, source)
            ) WITHOUT ROWID;
            """,
            // Who may do what with whose mailboxes, and accounts whose mailboxes nobody has alone.
            """
            CREATE TABLE mailbox_access (
                mailbox_id INTEGER NOT NULL,
                identifier TEXT NOT NULL,
                rights INTEGER NOT NULL,
                PRIMARY KEY (mailbox_id, identifier)
            ) WITHOUT ROWID;
            CREATE INDEX mailbox_access_identifier ON mailbox_access (identifier, mailbox_id);
            CREATE TABLE mailbox_shared (account_id INTEGER NOT NULL PRIMARY KEY);
            """,
            // How far other servers' folders were that were brought into a mailbox.
            """
            CREATE TABLE mailbox_import_mark (
                mailbox_id INTEGER NOT NULL,
                source TEXT NOT NULL,
                mark TEXT NOT NULL,
                PRIMARY KEY (mailbox_id, source)
            ) WITHOUT ROWID;
            """,
            // Below which UID all messages have \Seen, or further down; with all seen the next UID.
            """
            ALTER TABLE mailbox ADD COLUMN seen_below INTEGER NOT NULL DEFAULT 1;
            UPDATE mailbox SET seen_below = uid_next WHERE unseen = 0;
            """,
            // What those have seen who look into others' mailboxes, and how much of each. The
            // columns have names of their own, to be joined with those of messages.
            """
            CREATE TABLE mailbox_seen (
                reader_id INTEGER NOT NULL,
                seen_mailbox_id INTEGER NOT NULL,
                seen_uid INTEGER NOT NULL,
                is_seen INTEGER NOT NULL,
                seen_modseq INTEGER NOT NULL,
                PRIMARY KEY (reader_id, seen_mailbox_id, seen_uid)
            ) WITHOUT ROWID;
            CREATE INDEX mailbox_seen_modseq
                ON mailbox_seen (reader_id, seen_mailbox_id, seen_modseq);
            CREATE TABLE mailbox_reader (
                mailbox_id INTEGER NOT NULL,
                account_id INTEGER NOT NULL,
                seen INTEGER NOT NULL,
                PRIMARY KEY (mailbox_id, account_id)
            ) WITHOUT ROWID;
            """,
            // Below which UID a reader has seen all messages, or further down. The last change of a
            // message but for its owner's \Seen, which is private; NULL: the last one of all.
            """
            ALTER TABLE mailbox_reader ADD COLUMN seen_below INTEGER NOT NULL DEFAULT 1;
            ALTER TABLE mailbox_message ADD COLUMN changed_for_others INTEGER;
            """,
            // The last change again, where it is listed: not one of many messages. Such a one is
            // kept as a range, reader 0 being everybody; what is there already is one of these.
            """
            ALTER TABLE mailbox_message ADD COLUMN listed_change INTEGER;
            ALTER TABLE mailbox_seen ADD COLUMN listed_mark INTEGER;
            DROP INDEX mailbox_message_changed;
            DROP INDEX mailbox_seen_modseq;
            CREATE INDEX mailbox_message_listed ON mailbox_message (mailbox_id, listed_change)
                WHERE listed_change IS NOT NULL;
            CREATE INDEX mailbox_seen_listed
                ON mailbox_seen (reader_id, seen_mailbox_id, listed_mark)
                WHERE listed_mark IS NOT NULL;
            CREATE TABLE mailbox_changed_range (
                mailbox_id INTEGER NOT NULL,
                reader_id INTEGER NOT NULL,
                modseq INTEGER NOT NULL,
                first_uid INTEGER NOT NULL,
                last_uid INTEGER NOT NULL,
                PRIMARY KEY (mailbox_id, reader_id, modseq, first_uid)
            ) WITHOUT ROWID;
            INSERT INTO mailbox_changed_range (mailbox_id, reader_id, modseq, first_uid, last_uid)
            SELECT id, 0, highest_modseq, 1, uid_next - 1 FROM mailbox WHERE uid_next > 1;
            INSERT INTO mailbox_changed_range (mailbox_id, reader_id, modseq, first_uid, last_uid)
            SELECT id, reader.account_id, highest_modseq, 1, uid_next - 1
            FROM mailbox_reader reader JOIN mailbox ON id = reader.mailbox_id WHERE uid_next > 1;
            """,
        ])
}
