// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import Storage
package import World

/// What the defence counts in memory, written down now and then so that a restart does not forget
/// it.
///
/// The running server is the only writer.
package struct Counts: Sendable {
    /// What is counted; the raw values are stored.
    package enum Kind: String, Hashable, Sendable, CaseIterable {
        case rates
        case offences
    }

    private let store: any Store
    private let time: any Time

    package init(_ store: any Store, time: any Time) {
        self.store = store
        self.time = time
    }

    /// Writes all of it down, in one transaction, instead of what was there.
    package func keep(_ counts: [(kind: Kind, value: JSON)]) async throws {
        let now = time.timestamp
        let rows = counts.map { ($0.kind.rawValue, $0.value.description) }
        try await store.write { transaction in
            for (name, value) in rows {
                try transaction.execute(
                    """
                    INSERT INTO defence_count (name, at_milliseconds, value) VALUES (?, ?, ?)
                    ON CONFLICT (name) DO UPDATE SET at_milliseconds = excluded.at_milliseconds,
                        value = excluded.value
                    """, [.text(name), .integer(now.milliseconds), .text(value)])
            }
        }
    }

    /// What was written down last, and how long ago; nil if nothing was.
    ///
    /// By a calendar that was set back it was just now.
    package func kept(_ kind: Kind) async throws -> (value: JSON, elapsed: Duration)? {
        let row = try await store.read { transaction in
            try transaction.first(
                "SELECT at_milliseconds, value FROM defence_count WHERE name = ?",
                [.text(kind.rawValue)]
            ) { (Timestamp(milliseconds: $0.integer(0)), $0.text(1)) }
        }
        guard let (written, text) = row, let value = try? JSON(parsing: text.utf8) else {
            return nil
        }
        return (value, max(.zero, time.timestamp - written))
    }
}
