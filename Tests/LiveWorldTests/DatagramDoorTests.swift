// SPDX-License-Identifier: Apache-2.0

import Bytes
import LiveWorld
import Synchronization
import Testing
import World

/// Sends back what came, reversed; nothing to a datagram that begins with 0.
private final class Mirror: DatagramAnswerer {
    let maximumReplyOctets = 512

    func begin() {}

    func reply(
        to datagram: UnsafeRawBufferPointer, from peer: IPAddress,
        into reply: UnsafeMutableRawBufferPointer
    ) -> Int {
        guard datagram.first != 0, peer.isLoopback else { return 0 }
        let octets = datagram.prefix(reply.count).reversed()
        reply.copyBytes(from: Array(octets))
        return octets.count
    }
}

@Suite("Doors for datagrams of the real network")
struct DatagramDoorTests {
    let network = LiveNetwork(threads: 2)

    private func withDoor(
        at address: SocketAddress, _ body: (any DatagramDoor) async throws -> Void
    ) async throws {
        let door = try await network.openDoor(at: address)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await door.serve(at: time) { Mirror() } }
            try await body(door)
            await door.close()
            try await group.waitForAll()
        }
    }

    @Test("Each datagram is answered to its sender", arguments: [loopback(4), sixLoopback])
    func answers(_ address: SocketAddress) async throws {
        try await withDoor(at: address) { door in
            for _ in 0..<20 {
                let client = try await network.bind(to: address)
                client.send(
                    (1...50).map { Datagram(peer: door.address, octets: [$0, 2, 3]) })
                var received: [Datagram] = []
                while received.count < 50 {
                    received += try await client.receive(limit: 64, deadline: soon(5))
                }
                #expect(received.map(\.octets) == (1...50).map { [3, 2, $0] })
                #expect(received.allSatisfy { $0.peer == door.address })
                await client.close()
            }
        }
    }

    @Test("Bound to every address, it answers from the one that was asked")
    func wildcard() async throws {
        let anywhere = SocketAddress(.v4(IPv4Address(rawValue: 0)), port: 0)
        try await withDoor(at: anywhere) { door in
            let client = try await network.bind(to: loopback(5))
            for host in [6, 7, 8] as [UInt8] {
                let asked = SocketAddress(
                    .v4(IPv4Address(127, 0, 0, host)), port: door.address.port)
                client.send([Datagram(peer: asked, octets: [1, 2])])
                let received = try await client.receive(limit: 1, deadline: soon(5))
                #expect(received.map(\.peer) == [asked])
            }
            await client.close()
        }
        let everywhere = SocketAddress(.v6(IPv6Address(high: 0, low: 0)), port: 0)
        try await withDoor(at: everywhere) { door in
            let client = try await network.bind(to: sixLoopback)
            let asked = SocketAddress(.v6(IPv6Address(high: 0, low: 1)), port: door.address.port)
            client.send([Datagram(peer: asked, octets: [1, 2])])
            #expect(
                try await client.receive(limit: 1, deadline: soon(5)).map(\.peer) == [asked])
            await client.close()
        }
    }

    @Test("What deserves no answer gets none; empty and long datagrams do no harm")
    func silence() async throws {
        try await withDoor(at: loopback(4)) { door in
            let client = try await network.bind(to: loopback(4))
            client.send([
                Datagram(peer: door.address, octets: []),
                Datagram(peer: door.address, octets: [0, 1]),
                Datagram(
                    peer: door.address, octets: [UInt8](repeating: 9, count: 20_000)),
                Datagram(peer: door.address, octets: [7]),
            ])
            var received: [Datagram] = []
            while received.count < 2 {
                received += try await client.receive(limit: 9, deadline: soon(5))
            }
            #expect(received.map(\.octets) == [[UInt8](repeating: 9, count: 512), [7]])
            await client.close()
        }
    }

    @Test("An address that is taken is named, though several sockets share it")
    func taken() async throws {
        try await withDoor(at: loopback(4)) { door in
            await #expect(throws: NetworkFailure.addressInUse(door.address)) {
                _ = try await network.openDoor(at: door.address)
            }
            await #expect(throws: NetworkFailure.addressInUse(door.address)) {
                _ = try await network.bind(to: door.address)
            }
        }
        let unserved = try await network.openDoor(at: loopback(4))
        await unserved.close()
        let again = try await network.openDoor(at: unserved.address)
        await again.close()
    }

    @Test("Cancelling ends the serving; the address can be taken again")
    func cancelled() async throws {
        let door = try await network.openDoor(at: loopback(4))
        let task = Task { try? await door.serve(at: time) { Mirror() } }
        try await time.sleep(for: .milliseconds(20))
        task.cancel()
        await task.value
        await door.close()
        let again = try await network.openDoor(at: door.address)
        await again.close()
    }
}
