// SPDX-License-Identifier: Apache-2.0

import Bytes
import LiveWorld
import Testing
import World

@Suite("Datagrams of the real network")
struct DatagramTests {
    let network = LiveNetwork(threads: 2)

    @Test("Datagrams arrive whole, with their sender", arguments: [loopback(3), sixLoopback])
    func arrive(_ address: SocketAddress) async throws {
        let server = try await network.bind(to: address)
        let client = try await network.bind(to: address)
        #expect(server.address.port != 0 && server.address.port != client.address.port)
        let sent = (0..<100).map { number in
            Datagram(peer: server.address, octets: [UInt8](repeating: UInt8(number), count: 40))
        }
        client.send(sent)
        var received: [Datagram] = []
        while received.count < 100 {
            let some = try await server.receive(limit: 7, deadline: soon(2))
            #expect((1...7).contains(some.count))
            received += some
        }
        #expect(received.map(\.octets) == sent.map(\.octets))
        #expect(received.allSatisfy { $0.peer == client.address })
        server.send([Datagram(peer: client.address, octets: octets("answer"))])
        let answer = try await client.receive(limit: 10, deadline: soon(2))
        #expect(answer.map(\.octets) == [octets("answer")])
        await server.close()
        await client.close()
    }

    @Test("Waiting ends with the deadline, the task or the socket")
    func waiting() async throws {
        let socket = try await network.bind(to: loopback())
        await #expect(throws: NetworkFailure.deadlinePassed) {
            _ = try await socket.receive(limit: 1, deadline: soon(0.05))
        }
        for close in [false, true] {
            let task = Task { () -> NetworkFailure? in
                do throws(NetworkFailure) {
                    _ = try await socket.receive(limit: 1, deadline: soon())
                    return nil
                } catch {
                    return error
                }
            }
            try await time.sleep(for: .milliseconds(50))
            if close { await socket.close() } else { task.cancel() }
            #expect(await task.value == (close ? .disconnected : .cancelled))
        }
    }

    @Test("An address that is taken is named")
    func taken() async throws {
        let socket = try await network.bind(to: loopback())
        await #expect(throws: NetworkFailure.addressInUse(socket.address)) {
            _ = try await network.bind(to: socket.address)
        }
        await socket.close()
    }
}
