// SPDX-License-Identifier: Apache-2.0

package import Storage

/// The octets of one message, stored once, whoever refers to them.
///
/// Immutable. Removed with its last reference, in the transaction that takes it.
package enum Content {
    /// The number of a content: its message's queue id at this node.
    package struct ID: Hashable, Sendable {
        package let value: Int64
        package init(value: Int64) { self.value = value }
    }

    /// Where the octets are.
    package enum Body: Sendable {
        /// In the row; at most `rowLimitOctets`.
        case octets([UInt8])
        /// In a body file, which is synced already, but for a head that was known only when the
        /// file had been written: at most `rowLimitOctets`.
        case file(String, head: [UInt8] = [])
    }

    /// Beyond this a body is a file: a row this large costs the database more than a file does.
    package static let rowLimitOctets = 1 << 20

    /// Stores a content with its first reference.
    package static func insert(
        _ id: ID, octets: Int, _ body: Body, in transaction: any Transaction
    ) throws(StorageFailure) {
        let (file, inRow) =
            switch body {
            case .octets(let octets): (String?.none, octets)
            case .file(let name, let head): (name, head)
            }
        precondition(inRow.count <= rowLimitOctets, "a large body belongs into a file")
        let headOctets = file == nil ? 0 : inRow.count
        try transaction.execute(
            """
            INSERT INTO content (id, octets, file, head_octets, reference_count)
            VALUES (?, ?, ?, ?, 1)
            """,
            [
                .integer(id.value), .integer(Int64(octets)), .text(optional: file),
                .integer(Int64(headOctets)),
            ])
        guard file == nil || headOctets > 0 else { return }
        try transaction.execute(
            "INSERT INTO content_body (content_id, body) VALUES (?, ?)",
            [.integer(id.value), .blob(inRow)])
    }

    /// One more refers to it.
    package static func retain(
        _ id: ID, in transaction: any Transaction
    ) throws(StorageFailure) {
        let changed = try transaction.execute(
            "UPDATE content SET reference_count = reference_count + 1 WHERE id = ?",
            [.integer(id.value)])
        precondition(changed == 1, "a content that is not there cannot be referred to")
    }

    /// One refers to it no longer; with the last the rows go.
    ///
    /// Returns the body file to remove once the transaction is committed. Should that not happen,
    /// the file is an orphan and is collected.
    package static func release(
        _ id: ID, in transaction: any Transaction
    ) throws(StorageFailure) -> String? {
        let rest = try transaction.first(
            """
            UPDATE content SET reference_count = reference_count - 1 WHERE id = ?
            RETURNING reference_count, file, head_octets
            """,
            [.integer(id.value)]
        ) { (count: $0.integer(0), file: $0.optionalText(1), head: $0.integer(2)) }
        guard let rest, rest.count <= 0 else { return nil }
        try transaction.execute("DELETE FROM content WHERE id = ?", [.integer(id.value)])
        try transaction.execute(
            "DELETE FROM content_summary WHERE content_id = ?", [.integer(id.value)])
        if rest.file == nil || rest.head > 0 {
            try transaction.execute(
                "DELETE FROM content_body WHERE content_id = ?", [.integer(id.value)])
        }
        return rest.file
    }

    /// All body files with their sizes: for backups and their examination.
    package static func files(
        in transaction: any Transaction
    ) throws(StorageFailure) -> [(name: String, octets: Int)] {
        try transaction.all(
            """
            SELECT file, octets - head_octets FROM content WHERE file IS NOT NULL ORDER BY file
            """, []
        ) { ($0.text(0), Int($0.integer(1))) }
    }

    /// Whether a body file of this name belongs to a content.
    package static func isReferred(
        file: String, of id: ID, in transaction: any Transaction
    ) throws(StorageFailure) -> Bool {
        try transaction.first("SELECT file FROM content WHERE id = ?", [.integer(id.value)]) {
            $0.text(0) == file
        } ?? false
    }
}
