// SPDX-License-Identifier: Apache-2.0

/// One value in a row.
package enum Value: Hashable, Sendable {
    case null
    case integer(Int64)
    case text(String)
    case blob([UInt8])

    /// NULL where there is nothing.
    package static func integer(optional value: Int64?) -> Self {
        value.map { .integer($0) } ?? .null
    }

    /// NULL where there is nothing.
    package static func text(optional value: String?) -> Self {
        value.map { .text($0) } ?? .null
    }
}

/// The store does not do what it was asked: what happened, for people.
package enum StorageFailure: Error, Hashable, Sendable {
    /// No space left on the device; what was asked has not happened, later it may.
    case full
    /// Reading or writing failed.
    case inputOutput(String)
    /// The file is no database, or a damaged one.
    case corrupt(String)
    /// Made by a newer release: module, the version found, the newest known here.
    case newerFormat(module: String, found: Int, known: Int)
    /// Another process holds it.
    case locked(String)
    /// A constraint of the schema refused the change.
    case constraint(String)
    /// The store has been closed, or the server is stopping.
    case closed
}

extension StorageFailure: CustomStringConvertible {
    package var description: String {
        switch self {
        case .full: "no space left for the data folder"
        case .inputOutput(let reason): reason
        case .corrupt(let reason): reason
        case .newerFormat(let module, let found, let known):
            """
            the data folder was written by a newer release (\(module) has format \(found), this \
            release knows \(known)): install that release again, or restore an older backup
            """
        case .locked(let reason): reason
        case .constraint(let reason): reason
        case .closed: "the store is closed"
        }
    }
}

/// Statements within one transaction; SQL is kept to what SQLite and PostgreSQL share.
///
/// Synchronous on purpose: who holds a transaction holds the writer. Valid only within the call
/// it is handed to.
package protocol Transaction {
    /// Runs a statement with `?` parameters and returns the number of rows it changed.
    @discardableResult
    func execute(_ sql: StaticString, _ values: [Value]) throws(StorageFailure) -> Int

    /// Runs a query; `row` sees each row in turn until it says no: those behind are not looked for.
    func scan(
        _ sql: StaticString, _ values: [Value], _ row: (any Row) -> Bool
    ) throws(StorageFailure)
}

extension Transaction {
    /// Runs a query; `row` sees each row in turn.
    package func query(
        _ sql: StaticString, _ values: [Value], _ row: (any Row) -> Void
    ) throws(StorageFailure) {
        try scan(sql, values) {
            row($0)
            return true
        }
    }

    /// The first row of a query, as `row` reads it; nil when there is none.
    package func first<Result>(
        _ sql: StaticString, _ values: [Value] = [], _ row: (any Row) -> Result
    ) throws(StorageFailure) -> Result? {
        var result: Result?
        try query(sql, values) { if result == nil { result = row($0) } }
        return result
    }

    /// All rows of a query, as `row` reads them; bound it with LIMIT.
    package func all<Result>(
        _ sql: StaticString, _ values: [Value] = [], _ row: (any Row) -> Result
    ) throws(StorageFailure) -> [Result] {
        var results: [Result] = []
        try query(sql, values) { results.append(row($0)) }
        return results
    }
}

/// One row of a result, valid only within the call it is handed to.
///
/// Columns count from 0. NULL reads as 0, the empty text and no octets.
package protocol Row {
    func integer(_ column: Int) -> Int64
    func text(_ column: Int) -> String
    func blob(_ column: Int) -> [UInt8]
    func isNull(_ column: Int) -> Bool
    /// Lends the octets of a text or blob.
    func withOctets<Result>(
        _ column: Int, _ body: (UnsafeRawBufferPointer) throws -> Result
    ) rethrows -> Result
}

extension Row {
    /// The text of a column; nil for NULL.
    package func optionalText(_ column: Int) -> String? { isNull(column) ? nil : text(column) }
    /// Appends all octets of a text or blob without another copy.
    package func append(_ column: Int, to octets: inout [UInt8]) {
        withOctets(column) { octets.append(contentsOf: $0) }
    }

    /// Appends octets of a text or blob that has so many.
    package func append(_ column: Int, _ range: Range<Int>, to octets: inout [UInt8]) {
        withOctets(column) { octets.append(contentsOf: $0[range]) }
    }

    /// The number in a column; nil for NULL.
    package func optionalInteger(_ column: Int) -> Int64? {
        isNull(column) ? nil : integer(column)
    }
}

/// The durable state of a node: SQLite is behind it, PostgreSQL can be.
package protocol Store: Sendable {
    /// Runs `body` in a transaction and returns once it is committed and synced.
    ///
    /// Whoever waits at that moment shares the commit, and an error thrown by `body` undoes only
    /// what `body` did. `body` may run again (when another of the commit failed, or when there was
    /// no space for all), so it has no effect but its statements and its
    /// result. Cancelling the task does not undo.
    ///
    /// `meanwhile` runs on the caller's thread as soon as the write is in line: what `body` needs
    /// can be made while the store gets ready for it.
    ///
    /// `writer` is who writes the one small thing again and again, each after the other: as long
    /// as nobody else writes, the store may do it on the caller's thread. Nil: it never does.
    @discardableResult
    func write<Result: Sendable>(
        by writer: WriterIdentity?, meanwhile: () -> Void,
        _ body: @escaping @Sendable (any Transaction) throws -> Result
    ) async throws -> Result

    /// Runs `body` on a snapshot of what is committed, away from the caller's thread.
    func read<Result: Sendable>(
        _ body: @escaping @Sendable (any Transaction) throws -> Result
    ) async throws -> Result

    /// Runs `body` on a snapshot of what is committed, on the caller's thread: for a few rows
    /// found by their key.
    func lookUp<Result>(_ body: (any Transaction) throws -> Result) throws -> Result
}

extension Store {
    /// Runs `body` in a transaction, and nothing beside it.
    @discardableResult
    package func write<Result: Sendable>(
        _ body: @escaping @Sendable (any Transaction) throws -> Result
    ) async throws -> Result {
        try await write(by: nil, meanwhile: {}, body)
    }
}

/// One who waits for each write before the next, as the session of a mail program does.
package final class WriterIdentity: Sendable {
    package init() {}
}
