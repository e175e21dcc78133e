// SPDX-License-Identifier: Apache-2.0

package import Bytes
import NIOCore
import Synchronization
package import World

/// A listening TCP socket.
package final class LiveListener: Listener {
    package let address: Bytes.SocketAddress
    private let executor: LoopExecutor
    private let channel: any Channel
    private let gate: AcceptGate
    private let arrivals: Arrivals

    init(_ channel: any Channel, executor: LoopExecutor, gate: AcceptGate, arrivals: Arrivals) {
        address = Bytes.SocketAddress(channel.localAddress)
        self.executor = executor
        self.channel = channel
        self.gate = gate
        self.arrivals = arrivals
    }

    package func serve(
        limit: Int, _ handle: @escaping @Sendable (any Connection) async -> Void
    ) async {
        let (gate, arrivals) = (gate, arrivals)
        gate.open(limit: limit)
        await withTaskExecutorPreference(executor) {
            await withDiscardingTaskGroup { group in
                while let connection = await arrivals.next() {
                    group.addTask(executorPreference: connection.executor) {
                        await handle(connection)
                        await connection.close()
                        gate.leave()
                    }
                }
                await close()
            }
        }
    }

    package func changeLimit(to limit: Int) { gate.open(limit: limit) }

    package func close() async {
        try? await channel.close()
        for connection in arrivals.finish() { await connection.close() }
    }

    deinit { channel.close(promise: nil) }
}

/// The connections accepted but not yet handled, on their way from the loops to `serve`.
final class Arrivals: Sendable {
    private struct State {
        var connections: [LiveConnection] = []
        var waiter: CheckedContinuation<LiveConnection?, Never>?
        var isFinished = false
    }

    private let state = Mutex(State())

    func add(_ connection: LiveConnection) {
        let waiter = state.withLock { state -> CheckedContinuation<LiveConnection?, Never>? in
            guard let waiter = state.waiter else {
                state.connections.append(connection)
                return nil
            }
            state.waiter = nil
            return waiter
        }
        waiter?.resume(returning: connection)
    }

    /// The next one; nil after `finish` or when the task is cancelled.
    func next() async -> LiveConnection? {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let (connection, waits) = state.withLock { state -> (LiveConnection?, Bool) in
                    if state.isFinished || Task.isCancelled { return (nil, false) }
                    if !state.connections.isEmpty {
                        return (state.connections.removeFirst(), false)
                    }
                    state.waiter = continuation
                    return (nil, true)
                }
                if !waits { continuation.resume(returning: connection) }
            }
        } onCancel: {
            let waiter = state.withLock { state in
                defer { state.waiter = nil }
                return state.waiter
            }
            waiter?.resume(returning: nil)
        }
    }

    /// Ends `next` and returns those that nobody will handle.
    func finish() -> [LiveConnection] {
        let (waiter, rest) = state.withLock { state in
            defer {
                state.waiter = nil
                state.connections = []
                state.isFinished = true
            }
            return (state.waiter, state.connections)
        }
        waiter?.resume(returning: nil)
        return rest
    }
}
