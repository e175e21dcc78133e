// SPDX-License-Identifier: Apache-2.0

import Storage
import Synchronization

/// A store that does not answer some questions, as with a broken disk or a lost connection.
final class FailingStore: Store {
    private let store: any Store
    private let broken = Mutex<String?>(nil)

    init(_ store: any Store) { self.store = store }

    /// From now on every statement fails that holds this text; nil: none does.
    func fail(at text: String?) { broken.withLock { $0 = text } }

    func write<Result: Sendable>(
        by writer: WriterIdentity?, meanwhile: () -> Void,
        _ body: @escaping @Sendable (any Transaction) throws -> Result
    ) async throws -> Result {
        let broken = broken.withLock(\.self)
        return try await store.write(by: writer, meanwhile: meanwhile) {
            try body(FailingTransaction(transaction: $0, broken))
        }
    }

    func read<Result: Sendable>(
        _ body: @escaping @Sendable (any Transaction) throws -> Result
    ) async throws -> Result {
        let broken = broken.withLock(\.self)
        return try await store.read { try body(FailingTransaction(transaction: $0, broken)) }
    }

    func lookUp<Result>(_ body: (any Transaction) throws -> Result) throws -> Result {
        let broken = broken.withLock(\.self)
        return try store.lookUp { try body(FailingTransaction(transaction: $0, broken)) }
    }
}

private struct FailingTransaction: Transaction {
    private let transaction: any Transaction
    private let broken: String?

    init(transaction: any Transaction, _ broken: String?) {
        self.transaction = transaction
        self.broken = broken
    }

    func execute(_ sql: StaticString, _ values: [Value]) throws(StorageFailure) -> Int {
        try check(sql)
        return try transaction.execute(sql, values)
    }

    func scan(
        _ sql: StaticString, _ values: [Value], _ row: (any Row) -> Bool
    ) throws(StorageFailure) {
        try check(sql)
        try transaction.scan(sql, values, row)
    }

    private func check(_ sql: StaticString) throws(StorageFailure) {
        guard let broken, "\(sql)".contains(broken) else { return }
        throw .inputOutput("the disk is broken")
    }
}
