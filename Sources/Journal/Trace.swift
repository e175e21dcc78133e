// SPDX-License-Identifier: Apache-2.0

package import Mail
package import Storage
package import World

/// What happened to each message: one row per fact, found by queue id, Message-ID or address.
package struct Trace: Sendable {
    private let store: any Store
    /// How long facts are kept, counted from the acceptance of their message.
    package let days: Int

    /// `days`: how long to keep facts.
    package init(store: any Store, days: Int = Self.keptDays) {
        self.store = store
        self.days = days
    }

    /// How long facts are kept unless configured otherwise.
    package static let keptDays = 30
    /// No answer holds more facts than this: a message to 1,000 recipients with some attempts each.
    package static let factLimit = 10_000
    /// No answer holds more messages than this.
    package static let messageLimit = 1_000

    /// Writes facts in the transaction that makes them true.
    package static func record(
        _ facts: [Fact], in transaction: any Transaction
    ) throws(StorageFailure) {
        for fact in facts {
            try transaction.execute(
                """
                INSERT INTO fact (queue_id, time, kind, recipient, host, status, text, fields)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                """,
                [
                    .integer(fact.queueID.value), .integer(fact.time.milliseconds),
                    .text(fact.kind.rawValue), .text(optional: fact.recipient?.description),
                    .text(optional: line(fact.host)),
                    .text(optional: fact.status?.description), .text(optional: line(fact.text)),
                    .text(fact.fields.stored),
                ])
            guard fact.isIndexed else { continue }
            for key in fact.traceKeys {
                try transaction.execute(
                    """
                    INSERT INTO trace_key (key, queue_id) VALUES (?, ?)
                    ON CONFLICT (key, queue_id) DO NOTHING
                    """,
                    [.text(key), .integer(fact.queueID.value)])
            }
        }
    }

    /// How many rows there are at most, by the numbers of the oldest and the newest: they are not
    /// counted one by one, and what was forgotten in between leaves holes.
    package func rowsAtMost() async throws -> Int {
        try await store.read { transaction in
            try transaction.first(
                "SELECT COALESCE((SELECT max(id) FROM fact) - (SELECT min(id) FROM fact) + 1, 0)"
            ) { Int($0.integer(0)) } ?? 0
        }
    }

    /// All that is known of one message, in the order in which it happened.
    package func facts(of queueID: QueueID) async throws -> [Fact] {
        try await store.read { transaction in
            try transaction.all(
                """
                SELECT queue_id, time, kind, recipient, host, status, text, fields
                FROM fact WHERE queue_id = ? ORDER BY time, id LIMIT ?
                """,
                [.integer(queueID.value), .integer(Int64(Self.factLimit))]
            ) { Fact(row: $0) }
            .compactMap { $0 }
        }
    }

    /// The messages with this Message-ID (with or without angle brackets), latest first.
    package func queueIDs(messageID: String) async throws -> [QueueID] {
        try await queueIDs(key: Fact.key(messageID: messageID))
    }

    /// The messages from or to this address, latest first.
    package func queueIDs(address: Address) async throws -> [QueueID] {
        try await queueIDs(key: Fact.key(address: address.description))
    }

    /// What a person typed: a queue id, an address, a Message-ID, or what was suspended.
    ///
    /// Latest first.
    package func queueIDs(matching text: String) async throws -> [QueueID] {
        if let queueID = QueueID(text) {
            let facts = try await facts(of: queueID)
            if !facts.isEmpty { return [queueID] }
        }
        let found = try await queueIDs(messageID: text)
        if !found.isEmpty { return found }
        if let address = try? Address(text) {
            let found = try await queueIDs(address: address)
            if !found.isEmpty { return found }
        }
        return try await queueIDs(key: Fact.key(subject: text))
    }

    private func queueIDs(key: String) async throws -> [QueueID] {
        try await store.read { transaction in
            try transaction.all(
                "SELECT queue_id FROM trace_key WHERE key = ? ORDER BY queue_id DESC LIMIT ?",
                [.text(key), .integer(Int64(Self.messageLimit))]
            ) { QueueID(value: $0.integer(0)) }
        }
    }

    /// Forgets messages accepted more than `days` days before `now`, at most `limit` of them;
    /// returns how many there were, so that the caller goes on while there are more.
    package func prune(at now: Timestamp, limit: Int = 200) async throws -> Int {
        let oldest = QueueID(earliestAt: now + .days(-days))
        return try await store.write { transaction in
            let old = try transaction.all(
                "SELECT DISTINCT queue_id FROM fact WHERE queue_id < ? ORDER BY queue_id LIMIT ?",
                [.integer(oldest.value), .integer(Int64(limit))]
            ) { $0.integer(0) }
            for queueID in old { try Self.forget(queueID, in: transaction) }
            return old.count
        }
    }

    private static func forget(
        _ queueID: Int64, in transaction: any Transaction
    ) throws(StorageFailure) {
        let facts = try transaction.all(
            """
            SELECT queue_id, time, kind, recipient, host, status, text, fields
            FROM fact WHERE queue_id = ?
            """,
            [.integer(queueID)]
        ) { Fact(row: $0) }
        for fact in facts {
            guard let fact, fact.isIndexed else { continue }
            for key in fact.traceKeys {
                try transaction.execute(
                    "DELETE FROM trace_key WHERE key = ? AND queue_id = ?",
                    [.text(key), .integer(queueID)])
            }
        }
        try transaction.execute("DELETE FROM fact WHERE queue_id = ?", [.integer(queueID)])
    }

    private static func line(_ text: String?) -> String? {
        text?.oneLine(limit: Fact.maximumTextCharacters)
    }
}

extension Migrations {
    /// The journal's tables.
    package static let journal = Migrations(
        module: "Journal",
        [
            """
            CREATE TABLE fact (
                id INTEGER NOT NULL PRIMARY KEY,
                queue_id INTEGER NOT NULL,
                time INTEGER NOT NULL,
                kind TEXT NOT NULL,
                recipient TEXT,
                host TEXT,
                status TEXT,
                text TEXT,
                fields TEXT NOT NULL
            );
            CREATE INDEX fact_queue_id ON fact (queue_id);
            CREATE TABLE trace_key (
                key TEXT NOT NULL,
                queue_id INTEGER NOT NULL,
                PRIMARY KEY (key, queue_id)
            ) WITHOUT ROWID;
            """
        ])
}

extension Fact {
    /// Nil for a row of a newer release, whose kind is unknown here.
    fileprivate init?(row: any Row) {
        guard let kind = Kind(rawValue: row.text(2)) else { return nil }
        self.init(
            kind, of: QueueID(value: row.integer(0)),
            at: Timestamp(milliseconds: row.integer(1)),
            recipient: row.optionalText(3).flatMap { try? Address($0) },
            host: row.optionalText(4), status: row.optionalText(5).flatMap { EnhancedStatus($0) },
            text: row.optionalText(6), fields: [Field](stored: row.text(7)))
    }

    /// Whether the message can be found by what this fact names.
    fileprivate var isIndexed: Bool {
        switch kind {
        case .accepted, .addressed, .refused, .redirected, .suspended, .resumed: true
        default: false
        }
    }

    fileprivate var traceKeys: [String] {
        var keys: [String] = []
        if let recipient { keys.append(Self.key(address: recipient.description)) }
        for field in fields {
            switch field.key {
            case .sender where !field.value.isEmpty, .original:
                keys.append(Self.key(address: field.value))
            case .messageID: keys.append(Self.key(messageID: field.value))
            case .subject: keys.append(Self.key(subject: field.value))
            default: break
            }
        }
        return keys
    }

    fileprivate static func key(subject: String) -> String { "s:" + subject.lowercased() }

    fileprivate static func key(address: String) -> String { "a:" + address.lowercased() }

    fileprivate static func key(messageID: String) -> String {
        var text = messageID[...]
        if text.hasPrefix("<") { text.removeFirst() }
        if text.hasSuffix(">") { text.removeLast() }
        return "m:" + text
    }
}
