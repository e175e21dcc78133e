// SPDX-License-Identifier: Apache-2.0

package import IMAP
package import MessageStore
package import Storage
import Summary
package import World

/// The texts of all messages, by which SEARCH BODY and SEARCH TEXT find them without reading them.
///
/// It follows the mailboxes in the background, from UID to UID, and knows how far it has come: what
/// is not indexed yet is not taken for missing. What was removed stays until the index is made
/// anew, and harms nobody meanwhile: who asks looks for what the mailbox has.
package struct TextIndex: Sendable {
    private let store: any Storage.Store
    private let mailboxes: Mailboxes

    /// Messages of one transaction, so that writers of the same store wait for milliseconds only.
    private static let batchMessages = 16
    /// Octets of text of one transaction: about 15 ms.
    private static let batchOctets = 64 << 10
    /// The tokens are of three letters; a shorter key has none.
    private static let minimumCharacters = 3
    /// A longer key would have more tokens than a query may have.
    private static let maximumCharacters = 500

    /// `store` holds the index (`Migrations.searchIndex`): that of the mailboxes or another.
    package init(_ store: any Storage.Store, of mailboxes: Mailboxes) {
        self.store = store
        self.mailboxes = mailboxes
    }

    // MARK: Asking

    /// What the index knows of a folded key in a mailbox; nil if it cannot help with such a key.
    ///
    /// Bounded by the number of texts that have the key. Only BODY and TEXT are indexed.
    package func matches(
        _ field: SearchKey.TextField, _ key: [UInt8], in mailbox: Mailbox.ID,
        uidValidity: UInt32
    ) async throws -> IndexedMatches? {
        guard field == .body || field == .text, let query = Self.query(field, key) else {
            return nil
        }
        let id = Value.integer(mailbox.value)
        return try await store.read { transaction in
            let indexed = try Self.indexedUID(
                of: mailbox, uidValidity: uidValidity, in: transaction)
            guard indexed > 0 else { return nil }
            var found = NumberSet()
            try transaction.query(
                """
                WITH found (number) AS MATERIALIZED
                    (SELECT rowid FROM search_text WHERE search_text MATCH ?)
                SELECT uid FROM search_message
                    WHERE mailbox_id = ? AND number IN (SELECT number FROM found)
                UNION SELECT uid FROM search_message
                    WHERE mailbox_id = ? AND prefix_number IN (SELECT number FROM found)
                ORDER BY uid
                """, [.text(query), id, id]
            ) { found.append(UInt32(truncatingIfNeeded: $0.integer(0))) }
            var incomplete = NumberSet()
            try transaction.query(
                """
                SELECT uid FROM search_message WHERE mailbox_id = ?
                    AND number IN (SELECT number FROM search_document WHERE is_whole = 0)
                ORDER BY uid
                """, [id]
            ) { incomplete.append(UInt32(truncatingIfNeeded: $0.integer(0))) }
            return IndexedMatches(indexedUID: indexed, found: found, incomplete: incomplete)
        }
    }

    /// The key as a phrase of FTS5, whose tokens follow each other as the key's letters do.
    private static func query(_ field: SearchKey.TextField, _ key: [UInt8]) -> String? {
        let text = String(decoding: key, as: UTF8.self)
        guard (minimumCharacters...maximumCharacters).contains(text.unicodeScalars.count) else {
            return nil
        }
        let quoted = text.split(separator: "\"", omittingEmptySubsequences: false)
            .joined(separator: "\"\"")
        return field == .body ? "body : \"\(quoted)\"" : "\"\(quoted)\""
    }

    private static func indexedUID(
        of mailbox: Mailbox.ID, uidValidity: UInt32, in transaction: any Transaction
    ) throws(StorageFailure) -> UInt32 {
        try transaction.first(
            """
            SELECT indexed_uid FROM search_mailbox WHERE mailbox_id = ? AND uid_validity = ?
            """,
            [.integer(mailbox.value), .integer(Int64(uidValidity))]
        ) { UInt32(truncatingIfNeeded: $0.integer(0)) } ?? 0
    }

    // MARK: Following

    /// Follows the mailboxes until the task is cancelled, looking once each `pause`.
    ///
    /// A mailbox that is being filled is left alone until nothing came for a pause, or for
    /// `maximumPauses`: indexing takes longer than taking a message in, and nobody searches yet.
    /// While any mailboxes change quickly, a batch comes only each second: on few cores those who
    /// wait for their mail would wait for the index. A failing store is tried again after the
    /// pause; `report` hears of each new failure once.
    package func run(
        time: any Time, pause: Duration = .seconds(2),
        report: @Sendable (any Error) -> Void = { _ in }
    ) async {
        var seen: [Mailbox.ID: (uidNext: UInt32, pauses: Int)] = [:]
        var (looks, told) = (0, "")
        let pace = Pace(mailboxes.changes, time)
        while !Task.isCancelled {
            looks += 1
            do {
                try await look(&seen, pace)
                if looks.isMultiple(of: Self.looksBetweenCounts) { try await forgetWhatHasGone() }
            } catch {
                // Once, not with every look.
                if !Task.isCancelled, told != "\(error)" { report(error) }
                told = "\(error)"
            }
            guard (try? await time.sleep(for: pause)) != nil else { return }
        }
    }

    /// Indexes the mailboxes that rest; `seen` is how the others were when they were last seen.
    private func look(
        _ seen: inout [Mailbox.ID: (uidNext: UInt32, pauses: Int)], _ pace: Pace
    ) async throws {
        var waiting: [Mailbox.ID: (uidNext: UInt32, pauses: Int)] = [:]
        for extent in try await backlog() {
            let before = seen[extent.id] ?? (0, 0)
            if before.uidNext == extent.uidNext || before.pauses >= Self.maximumPauses {
                _ = try await catchUp(with: extent, leaving: pace)
            } else {
                waiting[extent.id] = (extent.uidNext, before.pauses + 1)
            }
        }
        seen = waiting
    }

    /// For so many pauses a mailbox that is being filled is left alone.
    private static let maximumPauses = 60
    /// So seldom it is counted how much of the index is about what has gone.
    private static let looksBetweenCounts = 1000

    /// Indexes what is not indexed yet, in batches; returns the number of messages.
    @discardableResult
    package func catchUp() async throws -> Int {
        var count = 0
        for extent in try await backlog() { count += try await catchUp(with: extent) }
        return count
    }

    private func catchUp(
        with extent: Mailboxes.Extent, leaving pace: Pace? = nil
    ) async throws -> Int {
        var count = 0
        while !Task.isCancelled {
            try await pace?.leaveTime()
            guard let indexed = try await indexNext(of: extent) else { break }
            count += indexed
        }
        return count
    }

    /// The mailboxes with messages that are not indexed.
    private func backlog() async throws -> [Mailboxes.Extent] {
        let extents = try await mailboxes.extents()
        let indexed = try await store.read { transaction in
            try transaction.all(
                "SELECT mailbox_id, uid_validity, indexed_uid FROM search_mailbox", []
            ) { ($0.integer(0), $0.integer(1), $0.integer(2)) }
        }
        var known: [Int64: (validity: Int64, uid: Int64)] = [:]
        for (id, validity, uid) in indexed { known[id] = (validity, uid) }
        return extents.filter { extent in
            guard let state = known[extent.id.value],
                state.validity == Int64(extent.uidValidity)
            else { return extent.uidNext > 1 }
            return state.uid + 1 < Int64(extent.uidNext)
        }
    }

    /// One batch of a mailbox: how many messages it had; nil if there was nothing left.
    private func indexNext(of extent: Mailboxes.Extent) async throws -> Int? {
        let start = try await store.read { transaction in
            try Self.indexedUID(
                of: extent.id, uidValidity: extent.uidValidity, in: transaction)
        }
        guard start + 1 < extent.uidNext else { return nil }
        let last = extent.uidNext - 1
        let rows = try await mailboxes.rows(
            (start + 1)...last, of: extent.id, limit: Self.batchMessages)
        var messages: [(row: MessageRow, text: IndexedText?)] = []
        var octets = 0
        var end = rows.count < Self.batchMessages ? last : rows[rows.count - 1].uid
        for row in rows {
            if octets > Self.batchOctets {
                end = row.uid - 1
                break
            }
            let text = try await text(of: row)
            octets += text?.octets ?? 0
            messages.append((row, text))
        }
        try await keep(messages, through: end, of: extent)
        return messages.count
    }

    /// What is to be indexed of a message; nil if it is indexed already, or cannot be read.
    private func text(of row: MessageRow) async throws -> IndexedText? {
        let isKnown = try await store.read { transaction in
            try Self.number(of: row.content, in: transaction) != nil
        }
        guard !isKnown else { return nil }
        do {
            let content = try await SearchedContent(of: row, in: mailboxes)
            return IndexedText(content.octets, isWhole: content.isWhole)
        } catch StorageFailure.corrupt {
            return nil
        }
    }

    private func keep(
        _ messages: [(row: MessageRow, text: IndexedText?)], through uid: UInt32,
        of extent: Mailboxes.Extent
    ) async throws {
        let id = Value.integer(extent.id.value)
        let validity = Value.integer(Int64(extent.uidValidity))
        try await store.write { transaction in
            // RFC 9051 §2.3.1.1: the UIDs of another UIDVALIDITY meant other messages.
            try transaction.execute(
                """
                DELETE FROM search_message WHERE mailbox_id = ? AND EXISTS
                    (SELECT 1 FROM search_mailbox WHERE mailbox_id = ? AND uid_validity != ?)
                """, [id, id, validity])
            for (row, text) in messages {
                try Self.insert(row, text, in: extent.id, in: transaction)
            }
            try transaction.execute(
                """
                INSERT INTO search_mailbox (mailbox_id, uid_validity, indexed_uid)
                VALUES (?, ?, ?)
                ON CONFLICT (mailbox_id) DO UPDATE SET
                    uid_validity = excluded.uid_validity, indexed_uid = excluded.indexed_uid
                """, [id, validity, .integer(Int64(uid))])
        }
    }

    // MARK: Documents

    private static func insert(
        _ row: MessageRow, _ text: IndexedText?, in mailbox: Mailbox.ID,
        in transaction: any Transaction
    ) throws(StorageFailure) {
        var number = try number(of: row.content, in: transaction)
        if number == nil, let text {
            number = try insert(
                text, content: .integer(row.content.value), prefix: .null, in: transaction)
        }
        // What cannot be read has no text that anything could be found in.
        guard let number else { return }
        try transaction.execute(
            """
            INSERT INTO search_message (mailbox_id, uid, number, prefix_number)
            VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING
            """,
            [
                .integer(mailbox.value), .integer(Int64(row.uid)), .integer(number),
                try prefixNumber(row.prefix, in: transaction).map { .integer($0) } ?? .null,
            ])
    }

    private static func number(
        of content: Content.ID, in transaction: any Transaction
    ) throws(StorageFailure) -> Int64? {
        try transaction.first(
            "SELECT number FROM search_document WHERE content_id = ?", [.integer(content.value)]
        ) { $0.integer(0) }
    }

    /// The document of fields that stand before a content; many messages share them.
    private static func prefixNumber(
        _ prefix: String, in transaction: any Transaction
    ) throws(StorageFailure) -> Int64? {
        guard !prefix.isEmpty else { return nil }
        let known = try transaction.first(
            "SELECT number FROM search_document WHERE prefix = ?", [.text(prefix)]
        ) { $0.integer(0) }
        if let known { return known }
        return try insert(
            IndexedText(prefix: prefix), content: .null, prefix: .text(prefix), in: transaction)
    }

    private static func insert(
        _ text: IndexedText, content: Value, prefix: Value, in transaction: any Transaction
    ) throws(StorageFailure) -> Int64? {
        let number = try transaction.first(
            """
            INSERT INTO search_document (number, content_id, prefix, is_whole)
            VALUES ((SELECT COALESCE(max(number), 0) + 1 FROM search_document), ?, ?, ?)
            RETURNING number
            """, [content, prefix, .integer(text.isWhole ? 1 : 0)]
        ) { $0.integer(0) }
        guard let number else { return nil }
        try transaction.execute(
            "INSERT INTO search_text (rowid, header, body) VALUES (?, ?, ?)",
            [.integer(number), .text(text.header), .text(text.body)])
        return number
    }

    // MARK: Making anew

    /// Forgets everything: it is indexed again in the background.
    package func rebuild() async throws {
        try await store.write { transaction in
            try transaction.execute(
                "INSERT INTO search_text (search_text) VALUES ('delete-all')", [])
            try transaction.execute("DELETE FROM search_document", [])
            try transaction.execute("DELETE FROM search_message", [])
            try transaction.execute("DELETE FROM search_mailbox", [])
        }
    }

    /// Makes the index anew when most of it is about what has gone.
    private func forgetWhatHasGone() async throws {
        let sizes = try await sizes()
        if sizes.indexed > 2 * sizes.messages + Self.spareMessages { try await rebuild() }
    }

    /// So many messages more than there are harm nobody.
    private static let spareMessages = 100_000

    /// How many messages are in mailboxes, and how many are indexed, with some that have gone.
    package func sizes() async throws -> (messages: Int, indexed: Int) {
        let messages = try await mailboxes.extents().reduce(0) { $0 + $1.messages }
        let indexed = try await store.read { transaction in
            try transaction.first("SELECT count(*) FROM search_message", []) {
                Int($0.integer(0))
            } ?? 0
        }
        return (messages, indexed)
    }
}
