// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Copies the write-ahead log into the database (https://sqlite.org/wal.html#ckpt) beside commits.
///
/// SQLite's own way is to do so within the commit that finds the log long, and all would wait for
/// it. Here a connection of its own copies, while commits go on, until only a little is left; the
/// committer copies that between two commits, as only a log that is copied to its end begins anew.
/// What fails is tried again later: it loses nothing, the log only grows.
final class Checkpointer: Sendable {
    private struct State {
        /// In the log, behind the last commit.
        var pages = 0
        /// From so many on there is something to do.
        var threshold = Checkpointer.longLog
        /// So little is left that the committer shall do it.
        var isAlmostDone = false
        var isCopying = false
        var isOpen = true
        var waiter: CheckedContinuation<Void, Never>?
    }

    /// 32 MiB: a message that is delivered soon is written once, not twice.
    static let longLog = 4096
    /// What the committer copies in a few milliseconds.
    static let shortRest = 256
    /// While a reader needs what is in the log, it is looked at again after so many pages more.
    private static let patience = 1024

    private let connection: Connection
    private let state = Mutex(State())

    init(path: String) throws(StorageFailure) {
        connection = try Connection(.writer(path: path))
    }

    /// Whether commits go on as if there were no copying.
    var isIdle: Bool { state.withLock { !$0.isCopying && !$0.isAlmostDone } }

    /// Takes note of a commit; says whether the committer shall copy what is left now.
    func note(pages: Int) -> Bool {
        let isLast = state.withLock { state in
            defer { state.isAlmostDone = false }
            return state.isAlmostDone
        }
        noteAside(pages: pages)
        return isLast
    }

    /// Takes note of a commit that is not the committer's: what is left waits for one of those.
    func noteAside(pages: Int) {
        state.withLock { state in
            // The log has begun anew.
            if pages < state.pages { state.threshold = Self.longLog }
            state.pages = pages
            let isLong = pages >= state.threshold && !state.isCopying && !state.isAlmostDone
            return isLong ? state.waiter.take() : nil
        }?.resume()
    }

    /// Copies whenever the log is long, until `close`.
    func run() async {
        while await isNeeded() {
            copy()
            state.withLock { state in
                state.isCopying = false
                state.threshold = max(Self.longLog, state.pages + Self.patience)
            }
        }
    }

    func close() {
        state.withLock { state in
            state.isOpen = false
            return state.waiter.take()
        }?.resume()
    }

    /// Pass after pass, each shorter than the one before, as what is committed meanwhile is less.
    private func copy() {
        var copied = 0
        while let end = try? connection.exclusively({ try connection.checkpoint() }), end > copied {
            copied = end
            let isDone = state.withLock { state in
                let rest = state.pages - end
                state.isAlmostDone = (1...Self.shortRest).contains(rest)
                return rest <= Self.shortRest
            }
            if isDone { return }
        }
    }

    /// Waits until the log is long; false once closed.
    private func isNeeded() async -> Bool {
        await withCheckedContinuation { continuation in
            let isReady = state.withLock { state in
                guard state.isOpen, state.pages < state.threshold else { return true }
                state.waiter = continuation
                return false
            }
            if isReady { continuation.resume() }
        }
        return state.withLock { state in
            state.isCopying = state.isOpen
            return state.isOpen
        }
    }
}
