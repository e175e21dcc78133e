// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Writes on their way to the next commit.
final class CommitQueue: Sendable {
    private struct State {
        var waiting: [PendingWrite] = []
        var committer: CheckedContinuation<Void, Never>?
        var isOpen = true
    }

    private let state = Mutex(State())

    /// How many writes may share a commit: it bounds how long the first of them waits.
    static let batchLimit = 512

    /// Whether nobody waits and the committer does; it still may be needed a moment later.
    var isIdle: Bool {
        state.withLock { $0.isOpen && $0.waiting.isEmpty && $0.committer != nil }
    }

    var count: Int { state.withLock { $0.waiting.count } }

    func append(_ write: PendingWrite) {
        let (isOpen, committer) = state.withLock { state in
            if state.isOpen { state.waiting.append(write) }
            return (state.isOpen, state.committer.take())
        }
        if !isOpen { write.finish(.closed) }
        committer?.resume()
    }

    /// Waits for writes, then takes those that are there by then; nil once closed and empty.
    func next() async -> [PendingWrite]? {
        while true {
            let (batch, isOpen) = state.withLock { state in
                let batch = Array(state.waiting.prefix(Self.batchLimit))
                state.waiting.removeFirst(batch.count)
                return (batch, state.isOpen)
            }
            if !batch.isEmpty { return batch }
            guard isOpen else { return nil }
            await withCheckedContinuation { continuation in
                let isReady = state.withLock { state in
                    precondition(state.committer == nil, "one committer runs at a time")
                    guard state.waiting.isEmpty, state.isOpen else { return true }
                    state.committer = continuation
                    return false
                }
                if isReady { continuation.resume() }
            }
        }
    }

    /// Takes no further writes; those that wait are still handed out.
    func close() {
        state.withLock { state in
            state.isOpen = false
            return state.committer.take()
        }?.resume()
    }

    /// Takes no further writes, and hands out those that wait now.
    func drain() -> [PendingWrite] {
        let (waiting, committer) = state.withLock { state in
            state.isOpen = false
            defer { state.waiting = [] }
            return (state.waiting, state.committer.take())
        }
        committer?.resume()
        return waiting
    }
}

/// A write that someone waits for.
class PendingWrite: @unchecked Sendable {
    /// Who writes, if that is one who may do it alone.
    let writer: WriterIdentity?

    init(by writer: WriterIdentity?) { self.writer = writer }

    /// Runs the statements; within a commit only.
    ///
    /// Perhaps more than once: what counts is what the last run did.
    func perform(in connection: Connection) {}
    /// Tells the waiter: its own result, or why the commit did not happen.
    func finish(_ failure: StorageFailure?) {}
    /// What the statements threw, if they did.
    var error: (any Error)? { nil }

    /// Runs the statements behind a savepoint, so that a failure undoes only what they did.
    final func performAlone(in connection: Connection) throws(StorageFailure) {
        try connection.control("SAVEPOINT one_write")
        perform(in: connection)
        // A full disk has ended the whole transaction already; the committer sees that.
        guard connection.isInTransaction else { return }
        if error != nil { try connection.control("ROLLBACK TO one_write") }
        try connection.control("RELEASE one_write")
    }
}

/// A write with its result and its waiter.
final class TypedWrite<Value: Sendable>: PendingWrite, @unchecked Sendable {
    private let body: @Sendable (any Transaction) throws -> Value
    private let waiter: CheckedContinuation<Value, any Error>
    private var result: Result<Value, any Error>?

    init(
        by writer: WriterIdentity?, _ body: @escaping @Sendable (any Transaction) throws -> Value,
        _ waiter: CheckedContinuation<Value, any Error>
    ) {
        self.body = body
        self.waiter = waiter
        super.init(by: writer)
    }

    override var error: (any Error)? {
        if case .failure(let error) = result { error } else { nil }
    }

    override func perform(in connection: Connection) {
        result = Result { try body(connection) }
    }

    override func finish(_ failure: StorageFailure?) {
        if let failure {
            waiter.resume(throwing: failure)
        } else {
            waiter.resume(with: result ?? .failure(StorageFailure.closed))
        }
    }
}
