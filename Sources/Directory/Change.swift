// SPDX-License-Identifier: Apache-2.0

import Storage
package import World

/// One change to the directory: who, when, what.
package struct Change: Hashable, Sendable {
    package let id: Int64
    package let time: Timestamp
    package let author: String
    /// One line for people.
    package let summary: String
}

/// A change while it is made: entries are replaced, and each replacement is recorded.
struct Revision {
    let transaction: any Transaction
    let id: Int64
    private var position: Int64 = 0

    init(
        _ transaction: any Transaction, at time: Timestamp, by author: String, _ summary: String
    ) throws(StorageFailure) {
        self.transaction = transaction
        id = try Self.next("change", transaction)
        try transaction.execute(
            """
            INSERT INTO directory_change (id, at_milliseconds, author, summary)
            VALUES (?, ?, ?, ?)
            """,
            [.integer(id), .integer(time.milliseconds), .text(author), .text(summary)])
    }

    /// The next number of a kind, never given before.
    static func next(
        _ counter: String, _ transaction: any Transaction
    ) throws(StorageFailure) -> Int64 {
        try transaction.execute(
            "UPDATE directory_counter SET value = value + 1 WHERE name = ?", [.text(counter)])
        let value = try transaction.first(
            "SELECT value FROM directory_counter WHERE name = ?", [.text(counter)]
        ) { $0.integer(0) }
        guard let value else { throw .corrupt("the counter \(counter) is missing") }
        return value
    }

    mutating func add(_ entry: Entry) throws(StorageFailure) { try replace(nil, with: entry) }

    mutating func remove(_ entry: Entry) throws(StorageFailure) { try replace(entry, with: nil) }

    mutating func replace(_ before: Entry?, with after: Entry?) throws(StorageFailure) {
        guard before != after, let known = after ?? before else { return }
        if let before { try before.delete(transaction) }
        if let after { try after.insert(transaction) }
        try transaction.execute(
            """
            INSERT INTO directory_change_entry (change, position, kind, key, before, after)
            VALUES (?, ?, ?, ?, ?, ?)
            """,
            [
                .integer(id), .integer(position), .text(known.kind.rawValue), .text(known.key),
                .text(optional: before?.encoded), .text(optional: after?.encoded),
            ])
        position += 1
    }
}
