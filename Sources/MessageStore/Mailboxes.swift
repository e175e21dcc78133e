// SPDX-License-Identifier: Apache-2.0

package import Storage
package import World

/// The mailboxes of all accounts and the messages in them.
package struct Mailboxes: Sendable {
    private let store: any Store
    private let bodies: any BodyFiles

    /// The one mailbox every account has (RFC 9051 §5.1).
    package static let inbox = "INBOX"
    /// Where mail is put aside that is probably none (RFC 6154 §2).
    package static let junk = "Junk"
    /// No listing holds more messages: POP3 clients read them all into memory, as do we.
    package static let listLimit = 100_000

    package init(store: any Store, bodies: any BodyFiles) {
        self.store = store
        self.bodies = bodies
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
        let (mailbox, uid) = try nextUID(account, name, time, transaction)
        if !passingReference { try Content.retain(content, in: transaction) }
        try transaction.execute(
            """
            INSERT INTO mailbox_message
                (mailbox_id, uid, content_id, octets, internal_date, flags, prefix)
            VALUES (?, ?, ?, ?, ?, 0, ?)
            """,
            [
                .integer(mailbox), .integer(uid), .integer(content.value),
                .integer(Int64(octets + prefix.utf8.count)), .integer(time.milliseconds),
                .text(prefix),
            ])
        return UInt32(uid)
    }

    private static func nextUID(
        _ account: Int64, _ name: String, _ time: Timestamp, _ transaction: any Transaction
    ) throws(StorageFailure) -> (mailbox: Int64, uid: Int64) {
        while true {
            let found = try transaction.first(
                """
                UPDATE mailbox SET uid_next = uid_next + 1 WHERE account_id = ? AND name = ?
                RETURNING id, uid_next
                """,
                [.integer(account), .text(name)]
            ) { (mailbox: $0.integer(0), uid: $0.integer(1) - 1) }
            if let found { return found }
            try transaction.execute(
                """
                INSERT INTO mailbox (account_id, name, uid_validity, uid_next)
                VALUES (?, ?, ?, 1)
                """,
                [.integer(account), .text(name), .integer(max(1, time.seconds))])
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

    /// Removes messages, all in one transaction; returns how many were there.
    @discardableResult
    package func delete(
        _ uids: [UInt32], of account: Int64, mailbox name: String = inbox
    ) async throws -> Int {
        let (count, files) = try await store.write { transaction in
            var files: [String] = []
            var count = 0
            for uid in uids {
                let content = try transaction.first(
                    """
                    DELETE FROM mailbox_message WHERE uid = ? AND mailbox_id =
                        (SELECT id FROM mailbox WHERE account_id = ? AND name = ?)
                    RETURNING content_id
                    """,
                    [.integer(Int64(uid)), .integer(account), .text(name)]
                ) { Content.ID(value: $0.integer(0)) }
                guard let content else { continue }
                count += 1
                if let file = try Content.release(content, in: transaction) { files.append(file) }
            }
            return (count, files)
        }
        // Should this fail, the files are orphans, and collected.
        for file in files { try? await bodies.remove(file) }
        return count
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
            UPDATE mailbox SET account_id = -account_id, name = name || '#' || id
            WHERE account_id = ?
            """,
            [.integer(account)])
    }

    /// Removes what was abandoned; returns how many messages there were, and their octets.
    ///
    /// In transactions of `deletedTogether` messages, so that others are not kept waiting. What a
    /// crash leaves, the next call removes.
    @discardableResult
    package func deleteAbandoned() async throws -> (messages: Int, octets: Int) {
        var total = (messages: 0, octets: 0)
        while true {
            let (count, octets, files) = try await store.write { try Self.deleteSome($0) }
            // Should this fail, the files are orphans, and collected.
            for file in files { try? await bodies.remove(file) }
            total.messages += count
            total.octets += octets
            if count < Self.deletedTogether { return total }
        }
    }

    static let deletedTogether = 500

    private static func deleteSome(
        _ transaction: any Transaction
    ) throws(StorageFailure) -> (count: Int, octets: Int, files: [String]) {
        let messages = try transaction.all(
            """
            SELECT message.mailbox_id, message.uid, message.content_id, message.octets
            FROM mailbox JOIN mailbox_message message ON message.mailbox_id = mailbox.id
            WHERE mailbox.account_id < 0 LIMIT ?
            """,
            [.integer(Int64(deletedTogether))]
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
        if messages.count < deletedTogether {
            try transaction.execute("DELETE FROM mailbox WHERE account_id < 0", [])
        }
        return (messages.count, messages.reduce(0) { $0 + $1.octets }, files)
    }

    /// How many messages an account has, and their octets, over all its mailboxes.
    package func usage(of account: Int64) async throws -> (messages: Int, octets: Int) {
        try await store.read { transaction in
            try transaction.first(
                """
                SELECT count(*), COALESCE(sum(message.octets), 0)
                FROM mailbox JOIN mailbox_message message ON message.mailbox_id = mailbox.id
                WHERE mailbox.account_id = ?
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
        ])
}
