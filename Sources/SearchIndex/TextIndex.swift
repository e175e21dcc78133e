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
/// anew, and harms nobody meanwhile, because only what a mailbox has is asked for.
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
    /// Bounded by the number of messages that have the key. Only BODY and TEXT are indexed.
    package func matches(
        _ field: SearchKey.TextField, _ key: [UInt8], in mailbox: Mailbox
    ) async throws -> IndexedMatches? {
        guard field == .body || field == .text, let query = Self.query(field, key) else {
            return nil
        }
        return try await store.read { transaction in
            let indexed = try Self.indexedUID(
                of: mailbox.id, uidValidity: mailbox.uidValidity, in: transaction)
            guard indexed > 0 else { return nil }
            var found: Set<Int64> = []
            try transaction.query(
                """
                SELECT content_id FROM search_content
                WHERE number IN (SELECT rowid FROM search_text WHERE search_text MATCH ?)
                """, [.text(query)]
            ) { found.insert($0.integer(0)) }
            let incomplete = try transaction.all(
                "SELECT content_id FROM search_content WHERE is_whole = 0", []
            ) { $0.integer(0) }
            return IndexedMatches(
                field: field, key: key, indexedUID: indexed, found: found,
                incomplete: Set(incomplete))
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

    /// Follows the mailboxes until the task is cancelled, pausing for `pause` when all is indexed.
    ///
    /// A failing store is tried again after the pause.
    package func run(time: any Time, pause: Duration = .seconds(5)) async {
        while !Task.isCancelled {
            _ = try? await catchUp()
            guard (try? await time.sleep(for: pause)) != nil else { return }
        }
    }

    /// Indexes what is not indexed yet, in batches; returns the number of messages.
    @discardableResult
    package func catchUp() async throws -> Int {
        var count = 0
        for extent in try await backlog() {
            while !Task.isCancelled, let indexed = try await indexNext(of: extent) {
                count += indexed
            }
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
        var texts: [(content: Int64, text: IndexedText)] = []
        var octets = 0
        var end = rows.count < Self.batchMessages ? last : rows[rows.count - 1].uid
        for row in rows {
            if octets > Self.batchOctets {
                end = row.uid - 1
                break
            }
            guard let text = try await text(of: row) else { continue }
            octets += text.octets
            texts.append((row.content.value, text))
        }
        try await keep(texts, through: end, of: extent)
        return rows.count
    }

    /// What is to be indexed of a message; nil if it is indexed already, or has gone.
    private func text(of row: MessageRow) async throws -> IndexedText? {
        let isKnown = try await store.read { transaction in
            try transaction.first(
                "SELECT 1 FROM search_content WHERE content_id = ?",
                [.integer(row.content.value)]
            ) { _ in true } ?? false
        }
        guard !isKnown else { return nil }
        var reader = mailboxes.readContent(of: row)
        var content: [UInt8] = []
        do {
            while let piece = try await reader.next() { content += piece }
        } catch StorageFailure.corrupt {
            return nil
        }
        return IndexedText(content)
    }

    private func keep(
        _ texts: [(content: Int64, text: IndexedText)], through uid: UInt32,
        of extent: Mailboxes.Extent
    ) async throws {
        try await store.write { transaction in
            for (content, text) in texts { try Self.insert(text, of: content, in: transaction) }
            try transaction.execute(
                """
                INSERT INTO search_mailbox (mailbox_id, uid_validity, indexed_uid)
                VALUES (?, ?, ?)
                ON CONFLICT (mailbox_id) DO UPDATE SET
                    uid_validity = excluded.uid_validity, indexed_uid = excluded.indexed_uid
                """,
                [
                    .integer(extent.id.value), .integer(Int64(extent.uidValidity)),
                    .integer(Int64(uid)),
                ])
        }
    }

    private static func insert(
        _ text: IndexedText, of content: Int64, in transaction: any Transaction
    ) throws(StorageFailure) {
        let number = try transaction.first(
            """
            INSERT INTO search_content (number, content_id, is_whole)
            VALUES ((SELECT COALESCE(max(number), 0) + 1 FROM search_content), ?, ?)
            ON CONFLICT (content_id) DO NOTHING RETURNING number
            """,
            [.integer(content), .integer(text.isWhole ? 1 : 0)]
        ) { $0.integer(0) }
        guard let number else { return }
        try transaction.execute(
            "INSERT INTO search_text (rowid, header, body) VALUES (?, ?, ?)",
            [.integer(number), .text(text.header), .text(text.body)])
    }

    // MARK: Making anew

    /// Forgets everything: it is indexed again in the background.
    package func rebuild() async throws {
        try await store.write { transaction in
            try transaction.execute(
                "INSERT INTO search_text (search_text) VALUES ('delete-all')", [])
            try transaction.execute("DELETE FROM search_content", [])
            try transaction.execute("DELETE FROM search_mailbox", [])
        }
    }

    /// How many contents are indexed, and how many messages there are: far fewer messages mean that
    /// most of the index is about what has gone, and should be made anew.
    package func sizes() async throws -> (contents: Int, messages: Int) {
        let messages = try await mailboxes.extents().reduce(0) { $0 + $1.messages }
        let contents = try await store.read { transaction in
            try transaction.first("SELECT count(*) FROM search_content", []) {
                Int($0.integer(0))
            } ?? 0
        }
        return (contents, messages)
    }
}
