// SPDX-License-Identifier: Apache-2.0

import Bytes
import World

@testable import SimulatedWorld

/// Two hosts and a wire.
struct Pair {
    let simulation: Simulation
    let network: SimulatedNetwork
    let alpha: SimulatedHost
    let beta: SimulatedHost
    let target: SocketAddress

    init(seed: UInt64, _ faults: Faults = .none) {
        simulation = Simulation(seed: seed)
        network = SimulatedNetwork(simulation)
        network.faults = faults
        alpha = network.host("alpha", .v4(IPv4Address(192, 0, 2, 1)))
        beta = network.host("beta", .v4(IPv4Address(192, 0, 2, 2)))
        target = SocketAddress(.v4(IPv4Address(192, 0, 2, 2)), port: 25)
    }

    func deadline(_ seconds: Int64 = 60) -> Instant { simulation.now + .seconds(seconds) }

    /// Serves `handle` on beta while `client` talks to it from alpha.
    func talk<Result: Sendable>(
        limit: Int = 10,
        _ handle: @escaping @Sendable (any Connection) async throws -> Void,
        _ client: @escaping @Sendable (any Connection) async throws -> Result
    ) throws -> Result {
        try simulation.run { [self] in
            let listener = try await beta.network.listen(on: target)
            return try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    await listener.serve(limit: limit) { try? await handle($0) }
                }
                let near = try await alpha.network.connect(
                    to: target, from: nil, deadline: deadline())
                let result: Swift.Result<Result, any Error>
                do { result = .success(try await client(near)) } catch { result = .failure(error) }
                await near.close()
                await listener.close()
                try await group.waitForAll()
                return try result.get()
            }
        }
    }

    /// Reads until the peer ends its side.
    @Sendable func readAll(_ connection: any Connection) async throws -> [UInt8] {
        var all: [UInt8] = []
        while let octets = try await connection.receive(deadline: deadline()) { all += octets }
        return all
    }

    /// Sends back whatever comes.
    @Sendable func echo(_ connection: any Connection) async throws {
        while let octets = try await connection.receive(deadline: deadline(3600)) {
            connection.write(octets)
        }
    }
}

/// What the body threw, nil when it threw nothing.
func fault<Result>(
    _ body: () async throws(NetworkFailure) -> Result
) async -> NetworkFailure? {
    do throws(NetworkFailure) {
        _ = try await body()
        return nil
    } catch {
        return error
    }
}
