// SPDX-License-Identifier: Apache-2.0

import Bytes
import Testing
import World

@testable import SimulatedWorld

@Suite("Simulated streams keep the contract of World.Network")
struct SimulatedStreamTests {
    @Test("octets arrive whole and in order, however they are cut")
    func order() throws {
        let sent = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
        for seed in UInt64(0)..<30 {
            let pair = Pair(seed: seed)
            let got = try pair.talk { connection in
                connection.write(Array(sent[..<100]))
                connection.write(Array(sent[100...]))
            } _: { connection in
                try await pair.readAll(connection)
            }
            #expect(got == sent)
        }
    }

    @Test("small writes arrive in different pieces")
    func pieces() throws {
        var sizes: Set<[Int]> = []
        for seed in UInt64(0)..<50 {
            let pair = Pair(seed: seed)
            sizes.insert(
                try pair.talk {
                    $0.write(Array("HELO alpha.example\r\n".utf8))
                } _: { connection in
                    var sizes: [Int] = []
                    while let some = try await connection.receive(deadline: pair.deadline()) {
                        sizes.append(some.count)
                    }
                    return sizes
                })
        }
        #expect(sizes.count > 8)
        #expect(sizes.contains([20]))
    }

    @Test("both ends know both addresses")
    func addresses() throws {
        let pair = Pair(seed: 1)
        let (near, far) = try pair.talk { connection in
            let remote = "\(connection.remoteAddress) \(connection.localAddress)"
            connection.write(Array(remote.utf8))
        } _: { connection in
            let near = "\(connection.localAddress) \(connection.remoteAddress)"
            return (near, String(decoding: try await pair.readAll(connection), as: UTF8.self))
        }
        #expect(near == far)
        #expect(near.hasPrefix("192.0.2.1:") && near.hasSuffix(" 192.0.2.2:25"))
    }

    @Test("a deadline leaves the connection usable")
    func deadline() throws {
        let pair = Pair(seed: 1)
        let (first, second) = try pair.talk { connection in
            try await pair.simulation.sleep(for: .seconds(10))
            connection.write([1])
        } _: { connection in
            let first = await fault { () async throws(NetworkFailure) in
                try await connection.receive(deadline: pair.deadline(5))
            }
            return (first, try await connection.receive(deadline: pair.deadline()))
        }
        #expect(first == .deadlinePassed)
        #expect(second == [1])
    }

    @Test("a writer is held back by a reader that does not take")
    func backPressure() throws {
        let pair = Pair(seed: 1)
        let sent = [UInt8](repeating: 7, count: 300_000)
        let (stuck, count) = try pair.talk { connection in
            try await pair.simulation.sleep(for: .seconds(100))
            let all = try await pair.readAll(connection)
            #expect(all.count == sent.count)
        } _: { connection in
            connection.write(sent)
            let stuck = await fault { () async throws(NetworkFailure) in
                try await connection.flush(deadline: pair.deadline(50))
            }
            try await connection.flush(deadline: pair.deadline(100))
            return (stuck, pair.simulation.now)
        }
        #expect(stuck == .deadlinePassed)
        #expect(count >= Instant(nanoseconds: 0) + .seconds(100))
    }

    @Test("two sides that both write more than the window and then read do not lock each other")
    func bothWrite() throws {
        let pair = Pair(seed: 1)
        let much = [UInt8](repeating: 7, count: 200_000)
        let exchange: @Sendable (any Connection) async throws -> Int = { connection in
            connection.write(much)
            var count = 0
            while count < much.count,
                let octets = try await connection.receive(deadline: pair.deadline())
            {
                count += octets.count
            }
            return count
        }
        let count = try pair.talk {
            _ = try await exchange($0)
        } _: {
            try await exchange($0)
        }
        #expect(count == much.count)
    }

    @Test("nobody listens: refused; no such host: unreachable; wrong family: unreachable")
    func noWay() throws {
        let pair = Pair(seed: 1)
        let failures = try pair.simulation.run {
            var failures: [NetworkFailure?] = []
            for target in ["192.0.2.2:26", "192.0.2.3:25", "[2001:db8::1]:25"] {
                let address = try #require(SocketAddress(target))
                failures.append(
                    await fault { () async throws(NetworkFailure) in
                        try await pair.alpha.network.connect(
                            to: address, from: nil, deadline: pair.deadline())
                    })
            }
            return failures
        }
        #expect(failures[0] == .refused)
        #expect(failures[1] == .unreachable("no host has that address"))
        #expect(failures[2] == .unreachable("this host has no address of that family"))
    }

    @Test("a host that is down is unreachable, or silent when its plug was pulled")
    func down() throws {
        for (ending, expected) in [
            (Ending.reset, NetworkFailure.unreachable("the host is down")),
            (.vanish, .deadlinePassed),
        ] {
            let pair = Pair(seed: 1)
            let (failure, reached) = try pair.simulation.run {
                pair.beta.stop(ending)
                let failure = await fault { () async throws(NetworkFailure) in
                    try await pair.alpha.network.connect(
                        to: pair.target, from: nil, deadline: pair.deadline())
                }
                pair.beta.start()
                let listener = try await pair.beta.network.listen(on: pair.target)
                let connection = try await pair.alpha.network.connect(
                    to: pair.target, from: nil, deadline: pair.deadline())
                await connection.close()
                await listener.close()
                return (failure, connection.remoteAddress)
            }
            #expect(failure == expected)
            #expect(reached == pair.target)
        }
    }

    @Test("an address is taken once, and only an own one")
    func listening() throws {
        let pair = Pair(seed: 1)
        try pair.simulation.run {
            let network = pair.beta.network
            let listener = try await network.listen(on: pair.target)
            #expect(
                await fault { () async throws(NetworkFailure) in
                    try await network.listen(on: pair.target)
                } == .addressInUse(pair.target))
            await listener.close()
            await (try network.listen(on: pair.target)).close()
            let foreign = SocketAddress(pair.alpha.addresses[0], port: 25)
            #expect(
                await fault { () async throws(NetworkFailure) in
                    try await network.listen(on: foreign)
                } == .system("192.0.2.1 is not an address of this host"))
            let any = try #require(SocketAddress("0.0.0.0:0"))
            #expect(try await network.listen(on: any).address.port != 0)
        }
    }

    @Test("a listener serves no more at a time than it was told")
    func limit() throws {
        let pair = Pair(seed: 3)
        let most = Box(0)
        let now = Box(0)
        try pair.simulation.run {
            let listener = try await pair.beta.network.listen(on: pair.target)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    await listener.serve(limit: 2) { connection in
                        now.value += 1
                        most.value = max(most.value, now.value)
                        try? await pair.simulation.sleep(for: .seconds(1))
                        now.value -= 1
                    }
                }
                for _ in 0..<7 {
                    let connection = try await pair.alpha.network.connect(
                        to: pair.target, from: nil, deadline: pair.deadline())
                    group.addTask { _ = try await pair.readAll(connection) }
                }
                try await pair.simulation.sleep(for: .seconds(20))
                await listener.close()
                try await group.waitForAll()
            }
        }
        #expect(most.value == 2)
    }

    @Test("cancelling ends what waits, and what can be done at once is still done")
    func cancelling() throws {
        let pair = Pair(seed: 1)
        let words = try pair.simulation.run {
            let process = pair.simulation.process("server", on: pair.beta) { surroundings in
                let listener = try await surroundings.network.listen(on: pair.target)
                await listener.serve(limit: 1) { connection in
                    let failure = await fault { () async throws(NetworkFailure) in
                        try await connection.receive(deadline: pair.deadline(3600))
                    }
                    #expect(failure == .cancelled)
                    connection.write(Array("421 stopping".utf8))
                }
            }
            try await pair.simulation.sleep(for: .seconds(1))
            let connection = try await pair.alpha.network.connect(
                to: pair.target, from: nil, deadline: pair.deadline())
            try await pair.simulation.sleep(for: .seconds(1))
            process.stop()
            let words = try await pair.readAll(connection)
            await process.ended()
            return String(decoding: words, as: UTF8.self)
        }
        #expect(words == "421 stopping")
    }
}
