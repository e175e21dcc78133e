// SPDX-License-Identifier: Apache-2.0

package import Storage

/// Messages that were brought here from elsewhere, and what is remembered of where they were.
extension Mailboxes {
    /// A message as it was at the place that it came from.
    package struct Origin: Hashable, Sendable {
        /// Names it there, at most `keyLimitOctets`.
        package var key: String
        /// SHA-256 of its octets.
        package var hash: [UInt8]
        /// Names of its flags there, sorted.
        package var flags: [String]

        /// The longest name of a file, with room for how it is told from others.
        package static let keyLimitOctets = 500

        package init(key: String, hash: [UInt8], flags: [String]) {
            self.key = key
            self.hash = hash
            self.flags = flags
        }

        var storedFlags: String { flags.joined(separator: " ") }
    }

    /// A message that was imported, under the UID that it was given here.
    package struct Imported: Hashable, Sendable {
        package let origin: Origin
        package let uid: UInt32
        /// Whether it is still in the mailbox.
        package let isThere: Bool
    }

    /// Remembers whence messages came, in the transaction that files them.
    ///
    /// Throws `StorageFailure.constraint` if one has come already: two runs bring the same, and
    /// only the first of them may file it.
    package static func remember(
        _ origins: [(origin: Origin, uid: UInt32)], in mailbox: Mailbox.ID,
        _ transaction: any Transaction
    ) throws(StorageFailure) {
        for (origin, uid) in origins {
            precondition(origin.key.utf8.count <= Origin.keyLimitOctets, "keys are short")
            try transaction.execute(
                """
                INSERT INTO mailbox_import (mailbox_id, source, uid, hash, flags)
                VALUES (?, ?, ?, ?, ?)
                """,
                [
                    .integer(mailbox.value), .text(origin.key), .integer(Int64(uid)),
                    .blob(origin.hash), .text(origin.storedFlags),
                ])
        }
    }

    /// Messages that were imported into a mailbox, by their keys: at most `limit` after one.
    package func imported(
        into mailbox: Mailbox.ID, after key: String, limit: Int
    ) async throws -> [Imported] {
        try await store.read { transaction in
            try transaction.all(
                """
                SELECT source, import.uid, hash, import.flags, message.uid
                FROM mailbox_import import LEFT JOIN mailbox_message message
                    ON message.mailbox_id = import.mailbox_id AND message.uid = import.uid
                WHERE import.mailbox_id = ? AND source > ? ORDER BY source LIMIT ?
                """,
                [.integer(mailbox.value), .text(key), .integer(Int64(limit))]
            ) { row in
                Imported(
                    origin: Origin(
                        key: row.text(0), hash: row.blob(2),
                        flags: row.text(3).split(separator: " ").map(String.init)),
                    uid: UInt32(truncatingIfNeeded: row.integer(1)), isThere: !row.isNull(4))
            }
        }
    }

    /// Octets of the name of a source, and of a mark.
    package static let markNameLimitOctets = 2000
    package static let markLimitOctets = 1 << 20
    /// Sources whose marks one mailbox keeps.
    private static let markLimit = 100

    /// How far a source was when all of it was in a mailbox, in the source's own words.
    package func mark(of source: String, in mailbox: Mailbox.ID) throws -> String? {
        try store.lookUp { transaction in
            try transaction.first(
                "SELECT mark FROM mailbox_import_mark WHERE mailbox_id = ? AND source = ?",
                [.integer(mailbox.value), .text(source)]
            ) { $0.text(0) }
        }
    }

    /// Keeps how far a source was; nil forgets it.
    package func keep(
        mark: String?, of source: String, in mailbox: Mailbox.ID
    ) async throws {
        precondition(source.utf8.count <= Self.markNameLimitOctets, "names are short")
        precondition(mark?.utf8.count ?? 0 <= Self.markLimitOctets, "marks are short")
        try await store.write { transaction in
            guard try Self.find(mailbox, in: transaction) != nil else {
                throw MailboxRefusal.nonexistent
            }
            try transaction.execute(
                "DELETE FROM mailbox_import_mark WHERE mailbox_id = ? AND source = ?",
                [.integer(mailbox.value), .text(source)])
            let others = try transaction.first(
                "SELECT count(*) FROM mailbox_import_mark WHERE mailbox_id = ?",
                [.integer(mailbox.value)]
            ) { $0.integer(0) }
            guard let mark, others ?? 0 < Int64(Self.markLimit) else { return }
            try transaction.execute(
                "INSERT INTO mailbox_import_mark (mailbox_id, source, mark) VALUES (?, ?, ?)",
                [.integer(mailbox.value), .text(source), .text(mark)])
        }
    }

    /// A message that has changed at the place that it came from.
    package struct OriginChange: Hashable, Sendable {
        package var key: String
        /// What it is called there now, if that is something else.
        package var newKey: String?
        /// Names of its flags there now, sorted.
        package var flags: [String]

        package init(key: String, newKey: String?, flags: [String]) {
            self.key = key
            self.newKey = newKey
            self.flags = flags
        }
    }

    /// Does to flags what was done to them at the place that messages came from, and leaves alone
    /// what was done here; returns how many messages it did something to.
    ///
    /// Hand over at most a thousand at once. Throws `MailboxRefusal`.
    package func follow(
        _ changes: [OriginChange], in mailbox: Mailbox.ID
    ) async throws -> Int {
        let known = try await store.read { transaction in
            try changes.map { change in
                try transaction.first(
                    "SELECT uid, flags FROM mailbox_import WHERE mailbox_id = ? AND source = ?",
                    [.integer(mailbox.value), .text(change.key)]
                ) {
                    (
                        uid: UInt32(truncatingIfNeeded: $0.integer(0)),
                        flags: Set($0.text(1).split(separator: " ").map(String.init))
                    )
                }
            }
        }
        var (added, removed) = ([[String]: [UInt32]](), [[String]: [UInt32]]())
        for (change, known) in zip(changes, known) {
            guard let known else { continue }
            let now = Set(change.flags)
            added[now.subtracting(known.flags).sorted(), default: []].append(known.uid)
            removed[known.flags.subtracting(now).sorted(), default: []].append(known.uid)
        }
        var touched = Set<UInt32>()
        for (change, groups) in [(FlagChange.add, added), (.remove, removed)] {
            for (names, uids) in groups.sorted(by: { $0.key.lexicographicallyPrecedes($1.key) })
            where !names.isEmpty {
                let stored = try await store(
                    change, names, of: uids.sorted().map { $0...$0 }, in: mailbox)
                touched.formUnion(stored.messages.filter(\.hasChanged).map(\.uid))
            }
        }
        // Should this not happen, the same is done again, and changes nothing then.
        try await store.write { transaction in
            for change in changes {
                try transaction.execute(
                    """
                    UPDATE mailbox_import SET flags = ?, source = ?
                    WHERE mailbox_id = ? AND source = ?
                    """,
                    [
                        .text(change.flags.joined(separator: " ")),
                        .text(change.newKey ?? change.key), .integer(mailbox.value),
                        .text(change.key),
                    ])
            }
        }
        return touched.count
    }
}
