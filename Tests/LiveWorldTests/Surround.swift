// SPDX-License-Identifier: Apache-2.0

import Bytes
import LiveWorld
import World

let time = LiveTime()

/// A deadline so many seconds from now.
func soon(_ seconds: Double = 10) -> Instant { time.now + .seconds(seconds) }

func loopback(_ last: UInt8 = 1, port: UInt16 = 0) -> SocketAddress {
    SocketAddress(.v4(IPv4Address(127, 0, 0, last)), port: port)
}

let sixLoopback = SocketAddress(.v6(IPv6Address(high: 0, low: 1)), port: 0)

func octets(_ text: String) -> [UInt8] { Array(text.utf8) }

func text(_ octets: [UInt8]?) -> String? { octets.map { String(decoding: $0, as: UTF8.self) } }

/// Runs `body` against a listener whose connections are handled by `handle`, then ends both.
func withServer(
    on address: SocketAddress = loopback(), limit: Int = 10_000, network: LiveNetwork,
    _ handle: @escaping @Sendable (any Connection) async throws -> Void,
    _ body: (any Listener) async throws -> Void
) async throws {
    let listener = try await network.listen(on: address)
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
            await listener.serve(limit: limit) { connection in try? await handle(connection) }
        }
        try await body(listener)
        group.cancelAll()
    }
    await listener.close()
}

/// Gives everything back until the peer ends its side.
@Sendable func echo(_ connection: any Connection) async throws {
    while let octets = try await connection.receive(deadline: soon(60)) {
        connection.write(octets)
        try await connection.flush(deadline: soon(60))
    }
}

extension Connection {
    /// Receives until `count` octets are there or the peer ends its side.
    func receive(count: Int) async throws -> [UInt8] {
        var all: [UInt8] = []
        while all.count < count, let part = try await receive(deadline: soon()) { all += part }
        return all
    }
}

extension LiveNetwork {
    func connect(to address: SocketAddress) async throws(NetworkFailure) -> any Connection {
        try await connect(to: address, from: nil, deadline: soon())
    }
}
