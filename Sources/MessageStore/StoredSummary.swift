// SPDX-License-Identifier: Apache-2.0

package import Storage
package import Summary
private import Synchronization

/// What was computed of a content and is kept beside it; the octets' meaning is the caller's.
package struct StoredSummary: Hashable, Sendable {
    /// One of another format is as none.
    package var format: Int
    package var headerOctets: Int
    package var envelope: [UInt8]
    package var structure: [UInt8]
    package var layout: [UInt8]
    package var facts: [UInt8]
    /// Texts of header fields, for searches.
    package var fields: [UInt8]
    package var preview: [UInt8]

    package init(
        format: Int, headerOctets: Int, envelope: [UInt8], structure: [UInt8], layout: [UInt8],
        facts: [UInt8], fields: [UInt8], preview: [UInt8]
    ) {
        self.format = format
        self.headerOctets = headerOctets
        self.envelope = envelope
        self.structure = structure
        self.layout = layout
        self.facts = facts
        self.fields = fields
        self.preview = preview
    }

    /// Computed from the octets of a message.
    package init(of octets: [UInt8]) { self.init(MessageSummary(octets)) }

    package init(_ summary: MessageSummary) {
        self.init(
            format: MessageSummary.format, headerOctets: summary.headerOctets,
            envelope: summary.envelope, structure: summary.structure,
            layout: summary.layout.encoded, facts: summary.facts.encoded,
            fields: summary.searchFields.encoded,
            preview: summary.preview)
    }

    /// Keeps it, in place of one that is there; nothing happens if the content has gone.
    package func insert(
        of content: Content.ID, in transaction: any Transaction
    ) throws(StorageFailure) {
        try transaction.execute(
            """
            INSERT INTO content_summary (content_id, format, header_octets, envelope, structure,
                layout, facts, fields, preview)
            SELECT ?, ?, ?, ?, ?, ?, ?, ?, ? WHERE EXISTS (SELECT 1 FROM content WHERE id = ?)
            ON CONFLICT (content_id) DO UPDATE SET format = excluded.format,
                header_octets = excluded.header_octets, envelope = excluded.envelope,
                structure = excluded.structure, layout = excluded.layout,
                facts = excluded.facts, fields = excluded.fields,
                preview = excluded.preview
            """,
            [
                .integer(content.value), .integer(Int64(format)),
                .integer(Int64(headerOctets)), .blob(envelope), .blob(structure),
                .blob(layout), .blob(facts), .blob(fields),
                .blob(preview), .integer(content.value),
            ])
    }
}

/// A summary that several threads may want: who wants it first makes it, others wait for him.
package final class PendingSummary: Sendable {
    private let octets: [UInt8]
    private let made: Mutex<StoredSummary?>

    /// Of a message that nobody has looked at yet.
    package init(of octets: [UInt8]) {
        self.octets = octets
        made = Mutex(nil)
    }

    /// One that is there already.
    package init(_ summary: StoredSummary) {
        octets = []
        made = Mutex(summary)
    }

    /// Makes it if nobody has done so.
    package var value: StoredSummary {
        made.withLock { made in
            let summary = made ?? StoredSummary(of: octets)
            made = summary
            return summary
        }
    }
}
