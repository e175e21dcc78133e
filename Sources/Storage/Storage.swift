// SPDX-License-Identifier: Apache-2.0

/// One value in a row.
package enum Value: Hashable, Sendable {
    case null
    case integer(Int64)
    case text(String)
    case blob([UInt8])
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

/// Statements within one transaction; SQL is kept to what SQLite and PostgreSQL share.
///
/// Synchronous on purpose: who holds a transaction holds the writer.
package protocol Transaction {
    /// Runs a statement with `?` parameters and returns the number of rows it changed.
    @discardableResult
    func execute(_ sql: StaticString, _ values: [Value]) throws(StorageFailure) -> Int

    /// Runs a query; `row` sees each row in turn.
    func query(
        _ sql: StaticString, _ values: [Value], _ row: (Row) -> Void
    ) throws(StorageFailure)
}

/// One row of a result, valid only within the call it is handed to.
///
/// Columns count from 0.
package protocol Row {
    func integer(_ column: Int) -> Int64
    func text(_ column: Int) -> String
    func blob(_ column: Int) -> [UInt8]
    func isNull(_ column: Int) -> Bool
}

/// The durable state of a node: SQLite is behind it, PostgreSQL can be.
package protocol Store: Sendable {
    /// Runs `body` in a transaction and returns once it is committed and synced.
    ///
    /// Whoever waits at that moment shares the commit, each behind a savepoint of its own: an
    /// error thrown by `body` undoes only what `body` did. Cancelling the task does not undo.
    func write<Result: Sendable>(
        _ body: @escaping @Sendable (any Transaction) throws -> Result
    ) async throws -> Result

    /// Runs `body` on a snapshot of what is committed.
    func read<Result: Sendable>(
        _ body: @escaping @Sendable (any Transaction) throws -> Result
    ) async throws -> Result
}
