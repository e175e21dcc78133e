// SPDX-License-Identifier: Apache-2.0

import Bytes
import NameService
import SimulatedWorld
import Storage
import World
import ZoneStore

/// Runs `body` with a store of zones in virtual time.
func withStore(
    _ body: @escaping @Sendable (SQLiteStore, Simulation) async throws -> Void
) throws {
    let simulation = Simulation(seed: 1)
    try simulation.run {
        let store = try SQLiteStore(on: MemoryDisk(), schema: [.zoneStore])
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await store.run() }
            try await body(store, simulation)
            group.cancelAll()
        }
    }
}

/// Serves zones on a host until the task is cancelled.
func serve(
    _ names: NameServer, _ exchange: ZoneExchange, _ publisher: ZonePublisher,
    on host: SimulatedHost, at address: SocketAddress, _ simulation: Simulation
) async throws {
    let udp = try await host.network.openDoor(at: address)
    let tcp = try await host.network.listen(on: address)
    try await exchange.begin()
    try await publisher.begin()
    await withTaskGroup(of: Void.self) { group in
        group.addTask { await names.run(udp: udp, tcp: tcp) }
        group.addTask { await exchange.run() }
        while !Task.isCancelled { try? await simulation.sleep(for: .hours(1)) }
        await udp.close()
        await tcp.close()
        group.cancelAll()
    }
}
