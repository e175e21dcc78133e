// SPDX-License-Identifier: Apache-2.0

import Bytes
import World

/// An address on which simulated connections arrive.
final class SimulatedListener: Listener, @unchecked Sendable {
    /// As many as a system keeps unaccepted; more are not answered.
    private static let backlogLimit = 128

    let address: SocketAddress
    let stack: NetworkStack
    private var backlog: [SimulatedConnection] = []
    private var isClosed = false
    private var active = 0
    private var limit = 0
    private var waiter: Waiter?

    private var simulation: Simulation { stack.host.world.simulation }

    init(_ address: SocketAddress, _ stack: NetworkStack) {
        self.address = address
        self.stack = stack
    }

    var hasRoom: Bool { backlog.count < Self.backlogLimit }

    func arrive(_ connection: SimulatedConnection) {
        backlog.append(connection)
        waiter?.wake()
    }

    func serve(
        limit: Int, _ handle: @escaping @Sendable (any Connection) async -> Void
    ) async {
        self.limit = limit
        await withDiscardingTaskGroup { group in
            while let connection = await next() {
                active += 1
                group.addTask {
                    await handle(connection)
                    await connection.close()
                    self.active -= 1
                    self.waiter?.wake()
                }
            }
        }
    }

    /// The next connection as soon as a handler is free; nil when it is over.
    private func next() async -> SimulatedConnection? {
        while !isClosed, !Task.isCancelled {
            if active < limit, !backlog.isEmpty { return backlog.removeFirst() }
            do {
                let never = Instant(nanoseconds: .max)
                try await simulation.wait("listening on", .address(address), until: never) {
                    waiter = $0
                }
            } catch {
                return nil
            }
        }
        return nil
    }

    func changeLimit(to limit: Int) {
        self.limit = limit
        waiter?.wake()
    }

    func close() async { shut() }

    func die() { shut() }

    private func shut() {
        guard !isClosed else { return }
        isClosed = true
        stack.host.listeners[address] = nil
        for connection in backlog { connection.die(.reset) }
        backlog = []
        waiter?.wake()
    }
}
