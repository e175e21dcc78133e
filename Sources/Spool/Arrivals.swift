// SPDX-License-Identifier: Apache-2.0

private import Synchronization

/// The simplest handover: a bounded line from intake to delivery.
package final class Arrivals: Handover {
    private struct State {
        var line: [DueRecipient] = []
        /// Reserved or in line.
        var taken = 0
        var waiter: CheckedContinuation<Void, Never>?
        var isOpen = true
    }

    private let state = Mutex(State())
    private let limit: Int

    /// `limit` bounds the memory: a recipient takes about half a kilobyte.
    package init(limit: Int = 5_000) { self.limit = limit }

    package func reserve(_ count: Int) -> Bool {
        state.withLock { state in
            guard state.isOpen, state.taken + count <= limit else { return false }
            state.taken += count
            return true
        }
    }

    package func accept(_ recipients: [DueRecipient]) {
        state.withLock { state in
            state.line += recipients
            return state.waiter.take()
        }?.resume()
    }

    package func cancel(_ count: Int) { state.withLock { $0.taken -= count } }

    /// Waits until there are some, then takes all; nil when the task is cancelled.
    ///
    /// One caller at a time.
    package func next() async -> [DueRecipient]? {
        await withTaskCancellationHandler {
            while true {
                if let line = take() { return line.isEmpty ? nil : line }
                await withCheckedContinuation { wait($0) }
            }
        } onCancel: {
            state.withLock { state in
                state.isOpen = false
                return state.waiter.take()
            }?.resume()
        }
    }

    /// What is in line; empty when it has ended, nil when it is to be waited for.
    private func take() -> [DueRecipient]? {
        state.withLock { state in
            if state.line.isEmpty { return state.isOpen ? nil : [] }
            defer { state.line = [] }
            state.taken -= state.line.count
            return state.line
        }
    }

    private func wait(_ waiter: CheckedContinuation<Void, Never>) {
        let isReady = state.withLock { state in
            precondition(state.waiter == nil, "one task takes arrivals")
            guard state.line.isEmpty, state.isOpen else { return true }
            state.waiter = waiter
            return false
        }
        if isReady { waiter.resume() }
    }
}
