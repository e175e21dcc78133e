// SPDX-License-Identifier: Apache-2.0

import Bytes
import Foundation
import LiveWorld
import Synchronization
import Testing
import World

@Suite("A connection of the real network keeps the contract of World.Connection")
struct ConnectionTests {
    let network = LiveNetwork(threads: 2)

    @Test("Octets come back over IPv4 and IPv6", arguments: [loopback(2), sixLoopback])
    func echoes(_ address: SocketAddress) async throws {
        try await withServer(on: address, network: network, echo) { listener in
            #expect(listener.address.host == address.host)
            #expect(listener.address.port != 0)
            let client = try await network.connect(to: listener.address)
            #expect(client.remoteAddress == listener.address)
            client.write(octets("hello "))
            client.write(octets("world"))
            #expect(text(try await client.receive(count: 11)) == "hello world")
            #expect(client.tls == nil)
            await client.close()
        }
    }

    @Test("A source address is the one the peer sees")
    func sourceAddress() async throws {
        let seen = Mutex<SocketAddress?>(nil)
        try await withServer(network: network) { connection in
            seen.withLock { $0 = connection.remoteAddress }
            try await echo(connection)
        } _: { listener in
            let client = try await network.connect(
                to: listener.address, from: loopback(9).host, deadline: soon())
            client.write(octets("x"))
            _ = try await client.receive(deadline: soon())
            #expect(seen.withLock { $0 } == client.localAddress)
            #expect(client.localAddress.host == loopback(9).host)
            await client.close()
        }
    }

    @Test("Sending waits while the peer does not take, and nothing is lost")
    func backPressure() async throws {
        let mayRead = AsyncStream.makeStream(of: Void.self)
        let total = 16 * 1024 * 1024
        try await withServer(network: network) { connection in
            for await _ in mayRead.stream { break }
            var sum = 0
            while let part = try await connection.receive(deadline: soon()) {
                sum += part.count
            }
            connection.write(octets("\(sum)"))
        } _: { listener in
            let client = try await network.connect(to: listener.address)
            let piece = [UInt8](repeating: 7, count: 65536)
            var sent = 0
            await #expect(throws: NetworkFailure.deadlinePassed) {
                while sent < total {
                    client.write(piece)
                    sent += piece.count
                    try await client.flush(deadline: soon(0.3))
                }
            }
            #expect(sent < total, "the peer read nothing, yet \(sent) octets went out")
            mayRead.continuation.yield()
            try await client.flush(deadline: soon())
            await client.close()
        }
    }

    @Test("The peer that ends its side still gets our answer")
    func halfClose() async throws {
        try await withServer(network: network) { connection in
            var all: [UInt8] = []
            while let part = try await connection.receive(deadline: soon()) { all += part }
            connection.write(octets("got \(all.count)"))
        } _: { listener in
            let client = try RawSocket(port: listener.address.port)
            try client.send("12345")
            try client.endSending()
            #expect(await client.receiveAll() == "got 5")
            client.close()
        }
    }

    @Test("A deadline that passes leaves the connection usable")
    func deadline() async throws {
        try await withServer(network: network, echo) { listener in
            let client = try await network.connect(to: listener.address)
            let start = time.now
            await #expect(throws: NetworkFailure.deadlinePassed) {
                _ = try await client.receive(deadline: soon(0.1))
            }
            let waited = time.now - start
            #expect(waited >= .milliseconds(100) && waited < .seconds(20), "waited \(waited)")
            client.write(octets("still here"))
            #expect(text(try await client.receive(deadline: soon())) == "still here")
            await client.close()
        }
    }

    @Test("Cancelling the task ends its waiting")
    func cancellation() async throws {
        try await withServer(network: network, echo) { listener in
            let client = try await network.connect(to: listener.address)
            let start = time.now
            let task = Task { () -> NetworkFailure? in
                do throws(NetworkFailure) {
                    _ = try await client.receive(deadline: soon(30))
                    return nil
                } catch {
                    return error
                }
            }
            try await time.sleep(for: .milliseconds(50))
            task.cancel()
            #expect(await task.value == .cancelled)
            #expect(time.now - start < .seconds(25))
            await client.close()
        }
    }

    @Test("Ending serve cancels its handlers and waits for them")
    func serveEnds() async throws {
        let failures = Mutex<[NetworkFailure]>([])
        let listener = try await network.listen(on: loopback())
        let serving = Task {
            await listener.serve(limit: 10) { connection in
                do throws(NetworkFailure) {
                    _ = try await connection.receive(deadline: soon(30))
                } catch {
                    failures.withLock { $0.append(error) }
                }
            }
        }
        var clients: [any Connection] = []
        for _ in 0..<3 { clients.append(try await network.connect(to: listener.address)) }
        try await time.sleep(for: .milliseconds(100))
        serving.cancel()
        await serving.value
        #expect(failures.withLock { $0 } == [.cancelled, .cancelled, .cancelled])
        await #expect(throws: NetworkFailure.refused) {
            _ = try await network.connect(to: listener.address)
        }
        for client in clients {
            #expect(try await client.receive(deadline: soon()) == nil)
            await client.close()
        }
    }

    @Test("Closing the listener lets handlers under way go on")
    func listenerCloses() async throws {
        let listener = try await network.listen(on: loopback())
        let serving = Task { await listener.serve(limit: 10) { try? await echo($0) } }
        let client = try await network.connect(to: listener.address)
        client.write(octets("one"))
        #expect(text(try await client.receive(deadline: soon())) == "one")
        await listener.close()
        client.write(octets("two"))
        #expect(text(try await client.receive(deadline: soon())) == "two")
        await #expect(throws: NetworkFailure.refused) {
            _ = try await network.connect(to: listener.address)
        }
        await client.close()
        await serving.value
    }

    @Test("A reset by the peer is a lost connection")
    func reset() async throws {
        let outcome = AsyncStream.makeStream(of: NetworkFailure?.self)
        try await withServer(network: network) { connection in
            do throws(NetworkFailure) {
                while try await connection.receive(deadline: soon()) != nil {}
                outcome.continuation.yield(nil)
            } catch {
                outcome.continuation.yield(error)
            }
        } _: { listener in
            let client = try RawSocket(port: listener.address.port)
            try client.send("x")
            client.reset()
            for await failure in outcome.stream {
                #expect(failure == .disconnected)
                break
            }
        }
    }

    @Test("The last reply arrives even if octets of the peer were never read")
    func lastReply() async throws {
        try await withServer(network: network) { connection in
            _ = try await connection.receive(deadline: soon())
            connection.write(octets("421 too much\r\n"))
        } _: { listener in
            let client = try await network.connect(to: listener.address)
            client.write([UInt8](repeating: 65, count: 300_000))
            try? await client.flush(deadline: soon(1))
            #expect(text(try await client.receive(count: 14)) == "421 too much\r\n")
            await client.close()
        }
    }

    @Test("After its end a connection says so")
    func afterTheEnd() async throws {
        try await withServer(network: network) { _ in
        } _: { listener in
            let client = try await network.connect(to: listener.address)
            #expect(try await client.receive(deadline: soon()) == nil)
            await client.close()
            await client.close()
            client.write(octets("x"))
            await #expect(throws: NetworkFailure.disconnected) {
                try await client.flush(deadline: soon())
            }
        }
    }

    @Test("At most the limit is handled at a time, and the next ones wait")
    func limit() async throws {
        let state = Mutex((now: 0, most: 0, all: 0))
        try await withServer(limit: 3, network: network) { connection in
            state.withLock {
                $0.now += 1
                $0.all += 1
                $0.most = max($0.most, $0.now)
            }
            try await time.sleep(for: .milliseconds(20))
            state.withLock { $0.now -= 1 }
            connection.write(octets("done"))
        } _: { listener in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<20 {
                    group.addTask {
                        let client = try await network.connect(to: listener.address)
                        #expect(text(try await client.receive(deadline: soon())) == "done")
                        await client.close()
                    }
                }
                try await group.waitForAll()
            }
            #expect(state.withLock { $0.most } == 3)
            #expect(state.withLock { $0.all } == 20)
        }
    }

    @Test("A thousand connections at a time each get their own octets back")
    func thousand() async throws {
        try await withServer(network: network, echo) { listener in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<1000 {
                    group.addTask {
                        let client = try await network.connect(to: listener.address)
                        for round in 0..<3 {
                            let line = "\(number) in round \(round)\r\n"
                            client.write(octets(line))
                            #expect(text(try await client.receive(count: line.utf8.count)) == line)
                        }
                        await client.close()
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test("Failures of listening and connecting have their own words")
    func failures() async throws {
        let listener = try await network.listen(on: loopback())
        await #expect(throws: NetworkFailure.addressInUse(listener.address)) {
            _ = try await network.listen(on: listener.address)
        }
        let address = listener.address
        await listener.close()
        await #expect(throws: NetworkFailure.refused) {
            _ = try await network.connect(to: address)
        }
        await #expect(throws: NetworkFailure.deadlinePassed) {
            _ = try await network.connect(to: address, from: nil, deadline: time.now)
        }
        let foreign = IPAddress("192.0.2.1")
        do throws(NetworkFailure) {
            _ = try await network.connect(to: address, from: foreign, deadline: soon())
            Issue.record("connected from an address that is not ours")
        } catch {
            guard case .unreachable = error else {
                Issue.record("\(error)")
                return
            }
        }
    }
}
