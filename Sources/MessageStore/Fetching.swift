// SPDX-License-Identifier: Apache-2.0

import Storage
import World

/// A message as it is read for a client, valid only within the call it is handed to.
///
/// What is asked of it is read from its row where it lies: nothing is copied twice.
package struct FetchedMessage {
    package let row: MessageRow
    fileprivate let columns: any Row
    fileprivate let depth: Mailboxes.FetchDepth

    fileprivate enum Column {
        static let format = 8
        static let envelope = 9
        static let structure = 10
        static let layout = 11
        static let facts = 12
        static let fields = 13
        static let preview = 14
        static let file = 15
        static let body = 16
    }

    /// Of which format its summary is; nil if there is none.
    package var summaryFormat: Int? {
        depth == .row ? nil : columns.optionalInteger(Column.format).map { Int($0) }
    }

    /// Appends ENVELOPE as it is sent.
    package func appendEnvelope(to octets: inout [UInt8]) {
        columns.append(Column.envelope, to: &octets)
    }

    /// Appends BODYSTRUCTURE as it is sent.
    package func appendStructure(to octets: inout [UInt8]) {
        columns.append(Column.structure, to: &octets)
    }

    package var structure: [UInt8] { columns.blob(Column.structure) }
    package var layout: [UInt8] { columns.blob(Column.layout) }
    /// Lends what SORT, THREAD and searches by date compare.
    package func withFacts<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        columns.withOctets(Column.facts, body)
    }

    /// Lends the texts of header fields that were kept for searches.
    package func withFields<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
        columns.withOctets(Column.fields, body)
    }

    package var preview: [UInt8] { columns.blob(Column.preview) }

    /// Whether the octets are at hand; else they are in a file.
    package var hasOctets: Bool { columns.isNull(Column.file) }

    /// The size of the content, without `row.prefix`.
    package var contentOctets: Int { row.octets - row.prefix.utf8.count }

    /// Appends octets of the content, which must be at hand.
    package func appendOctets(_ range: Range<Int>, to octets: inout [UInt8]) {
        columns.append(Column.body, range, to: &octets)
    }
}

extension Mailboxes {
    /// How much of messages is read.
    package enum FetchDepth: Comparable, Sendable {
        case row
        /// With what searches and SORT compare, but nothing that is sent.
        case facts
        case summary, octets
    }

    /// Hands messages of a range to `take` by rising UID, until it says no or `limit` is reached.
    ///
    /// Returns what `take` has made of `state`, and the last UID that it took. All of one moment;
    /// `onThread` spares the way to the reading thread for what is short. `account` is who looks;
    /// nil: the owner.
    package func fetch<State: Sendable>(
        _ range: ClosedRange<UInt32>, of mailbox: Mailbox.ID, _ depth: FetchDepth, limit: Int,
        onThread: Bool, by account: Int64? = nil, into state: State,
        _ take: @escaping @Sendable (FetchedMessage, inout State) -> Bool
    ) async throws -> (state: State, last: UInt32?) {
        let work: @Sendable (any Transaction) throws -> (state: State, last: UInt32?) = {
            transaction in
            try Self.fetch(
                range, of: mailbox, depth, limit: limit,
                by: Self.reader(account, of: mailbox, in: transaction), state, take, transaction)
        }
        return onThread ? try store.lookUp(work) : try await store.read(work)
    }

    private static func fetch<State>(
        _ range: ClosedRange<UInt32>, of mailbox: Mailbox.ID, _ depth: FetchDepth, limit: Int,
        by reader: Reader?, _ initial: State,
        _ take: (FetchedMessage, inout State) -> Bool, _ transaction: any Transaction
    ) throws(StorageFailure) -> (state: State, last: UInt32?) {
        var (state, last) = (initial, UInt32?.none)
        var marks = try reader.map { reader throws(StorageFailure) in
            try SeenMarks(of: reader, [range], in: mailbox, limit: limit, transaction)
        }
        let values: [Value] = [
            .integer(mailbox.value), .integer(Int64(range.lowerBound)),
            .integer(Int64(range.upperBound)), .integer(Int64(limit)),
            .integer(reader == nil ? 0 : 1),
        ]
        func row(_ columns: any Row) -> Bool {
            var row = MessageRow(columns)
            marks?.apply(to: &row)
            guard take(FetchedMessage(row: row, columns: columns, depth: depth), &state) else {
                return false
            }
            last = row.uid
            return true
        }
        switch depth {
        case .row:
            try transaction.scan(
                """
                SELECT uid, content_id, octets, internal_date, saved, flags,
                    COALESCE(CASE WHEN ?5 THEN changed_for_others END, changed, modseq), prefix
                FROM mailbox_message
                WHERE mailbox_id = ?1 AND uid BETWEEN ?2 AND ?3
                ORDER BY uid LIMIT ?4
                """, values, row)
        case .facts:
            try transaction.scan(
                """
                SELECT uid, message.content_id, octets, internal_date, saved, flags,
                    COALESCE(CASE WHEN ?5 THEN changed_for_others END, changed, modseq), prefix,
                    format, NULL, NULL, NULL, facts, fields
                FROM mailbox_message message
                    LEFT JOIN content_summary summary ON summary.content_id = message.content_id
                WHERE mailbox_id = ?1 AND uid BETWEEN ?2 AND ?3
                ORDER BY uid LIMIT ?4
                """, values, row)
        case .summary:
            try transaction.scan(
                """
                SELECT uid, message.content_id, octets, internal_date, saved, flags,
                    COALESCE(CASE WHEN ?5 THEN changed_for_others END, changed, modseq), prefix,
                    format, envelope, structure, layout, facts, fields, preview
                FROM mailbox_message message
                    LEFT JOIN content_summary summary ON summary.content_id = message.content_id
                WHERE mailbox_id = ?1 AND uid BETWEEN ?2 AND ?3
                ORDER BY uid LIMIT ?4
                """, values, row)
        case .octets:
            try transaction.scan(
                """
                SELECT uid, message.content_id, message.octets, internal_date, saved, flags,
                    COALESCE(CASE WHEN ?5 THEN changed_for_others END, changed, modseq), prefix,
                    format, envelope, structure, layout, facts, fields, preview, file, body
                FROM mailbox_message message
                    JOIN content ON content.id = message.content_id
                    LEFT JOIN content_summary summary ON summary.content_id = message.content_id
                    LEFT JOIN content_body body ON body.content_id = message.content_id
                WHERE mailbox_id = ?1 AND uid BETWEEN ?2 AND ?3
                ORDER BY uid LIMIT ?4
                """, values, row)
        }
        return (state, last)
    }

    /// Keeps what was computed of contents, all in one transaction.
    package func keep(
        _ summaries: [(content: Content.ID, summary: StoredSummary)]
    ) async throws {
        guard !summaries.isEmpty else { return }
        try await store.write { transaction in
            for (content, summary) in summaries {
                try summary.insert(of: content, in: transaction)
            }
        }
    }
}
