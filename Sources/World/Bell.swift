// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Wakes one waiting task; rung while nobody waits, it wakes the next who does, once.
package final class Bell: Sendable {
    private struct State {
        var isRung = false
        var waiter: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    package init() {}

    /// Wakes who waits, or the next who will.
    package func ring() {
        state.withLock { state in
            if state.waiter == nil { state.isRung = true }
            return state.waiter.take()
        }?.resume()
    }

    /// Returns when it is rung, or when the task is cancelled.
    package func wait() async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDone = state.withLock { state in
                    if state.isRung || Task.isCancelled {
                        state.isRung = false
                        return true
                    }
                    precondition(state.waiter == nil, "one task waits for a bell")
                    state.waiter = continuation
                    return false
                }
                if isDone { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiter.take() }?.resume()
        }
    }

    /// As `wait`, but not beyond `deadline`.
    package func wait(until deadline: Instant, on time: any Time) async {
        await withTaskGroup { group in
            group.addTask { try? await time.sleep(until: deadline) }
            group.addTask { await self.wait() }
            await group.next()
            group.cancelAll()
        }
    }
}
