// SPDX-License-Identifier: Apache-2.0

private import Synchronization

/// The disk of a simulated host: it outlives the server that crashes on it.
///
/// Holds the database as it was last committed and the body files as they were last synced.
package final class MemoryDisk: Sendable {
    /// A point at which the simulation may wait, or crash the server.
    package typealias Fault = @Sendable () async -> Void

    private struct State {
        var connection: Connection?
        var before: Fault?
        var after: Fault?
        var failure: StorageFailure?
    }

    private let state = Mutex(State())
    private let mounted = Mutex<Mounted>(Mounted())
    /// The body files, as `MemoryBodyFiles` keeps them.
    package let bodies = MemoryBodyFiles()

    private struct Mounted {
        weak var store: SQLiteStore?
    }

    package init() {}

    /// Calls `before` ahead of each commit and `after` behind it, while the writers still wait.
    ///
    /// A `crash` in `before` leaves nothing of the batch; one in `after` leaves all of it, but
    /// nobody is told.
    package func setFaults(before: Fault? = nil, after: Fault? = nil) {
        state.withLock {
            $0.before = before
            $0.after = after
        }
    }

    /// Every write fails with this from now on (`.full`, say); nil lets them succeed again.
    package func fail(with failure: StorageFailure?) {
        state.withLock { $0.failure = failure }
        bodies.fail(with: failure)
    }

    /// The host loses power: the store is closed, and what was not synced is gone.
    ///
    /// Whoever waits gets `.closed`. Opening a store on the disk again is the restart.
    package func crash() {
        let store = mounted.withLock { mounted in
            defer { mounted.store = nil }
            return mounted.store
        }
        store?.close()
        bodies.crash()
    }

    func mount() throws(StorageFailure) -> Connection {
        crash()
        if let connection = state.withLock({ $0.connection }) {
            connection.exclusively { connection.rollback() }
            return connection
        }
        let connection = try Connection(.memory)
        state.withLock { $0.connection = connection }
        return connection
    }

    func attach(_ store: SQLiteStore) { mounted.withLock { $0.store = store } }

    func beforeCommit() async {
        let fault = state.withLock { $0.before }
        await fault?()
    }

    func afterCommit() async {
        let fault = state.withLock { $0.after }
        await fault?()
    }

    var failure: StorageFailure? { state.withLock { $0.failure } }
}
