// SPDX-License-Identifier: Apache-2.0

import Bytes
import Testing
import World

@testable import SimulatedWorld

@Suite("Connections, hosts and processes end before their time")
struct FaultsTests {
    /// Client and server say ten octets each in turn, five times; counts what each one read.
    private func dialogue(
        _ pair: Pair
    ) throws -> (read: [Int], failures: [NetworkFailure?], took: Duration) {
        let far = Box((0, NetworkFailure?.none))
        let near = try pair.talk { connection in
            far.value = await Self.turns(pair, connection, speaksFirst: true)
        } _: { connection in
            await Self.turns(pair, connection, speaksFirst: false)
        }
        return (
            [near.0, far.value.0], [near.1, far.value.1],
            pair.simulation.now - Instant(nanoseconds: 0)
        )
    }

    private static func turns(
        _ pair: Pair, _ connection: any Connection, speaksFirst: Bool
    ) async -> (Int, NetworkFailure?) {
        var read = 0
        do throws(NetworkFailure) {
            for _ in 0..<5 {
                if speaksFirst { connection.write([UInt8](repeating: 1, count: 10)) }
                let wanted = read + 10
                while read < wanted {
                    let octets = try await connection.receive(deadline: pair.deadline(30))
                    guard let octets else { return (read, nil) }
                    read += octets.count
                }
                if !speaksFirst { connection.write([UInt8](repeating: 2, count: 10)) }
            }
            try await connection.flush(deadline: pair.deadline(30))
            return (read, nil)
        } catch {
            return (read, error)
        }
    }

    @Test("a connection is cut at every octet, and no more than that arrives")
    func cutAtEveryOctet() throws {
        for octets in 0...100 {
            for seed in UInt64(0)..<3 {
                let pair = Pair(seed: seed)
                pair.network.cutNextConnection(afterOctets: octets, .reset)
                let (read, failures, _) = try dialogue(pair)
                #expect(read[0] + read[1] <= octets)
                // At the last octet all has been said, and nobody need notice.
                if octets < 100 { #expect(failures.contains(.disconnected)) }
            }
        }
    }

    @Test("a connection is cut at every turn, and the next word is lost whole")
    func cutAtEveryTurn() throws {
        for turns in 0..<10 {
            let pair = Pair(seed: 7)
            pair.network.cutNextConnection(afterTurns: turns, .vanish)
            let (read, _, _) = try dialogue(pair)
            #expect(read[0] + read[1] == turns * 10)
        }
    }

    @Test("a connection that vanishes keeps both sides waiting until their deadlines")
    func vanishing() throws {
        for octets in 0..<100 {
            let pair = Pair(seed: 9)
            pair.network.cutNextConnection(afterOctets: octets, .vanish)
            let (read, failures, took) = try dialogue(pair)
            #expect(read[0] + read[1] == octets)
            // Who has said the last word does not wait for anything.
            #expect(failures == [octets < 90 ? .deadlinePassed : nil, .deadlinePassed])
            #expect(took >= .seconds(30))
        }
    }

    @Test("connections are cut as often as they should be")
    func probability() throws {
        var faults = Faults.none
        faults.cutProbability = 0.5
        faults.cutRange = 1...50
        faults.cutTurns = 0...5
        var cut = 0
        for seed in UInt64(0)..<200 {
            let (_, failures, _) = try dialogue(Pair(seed: seed, faults))
            if failures != [nil, nil] { cut += 1 }
        }
        #expect((70...130).contains(cut))
    }

    @Test("a partition holds back what is under way, until it heals")
    func partition() throws {
        let pair = Pair(seed: 1)
        let (during, after, at) = try pair.talk { connection in
            try await pair.echo(connection)
        } _: { connection in
            pair.network.partition(pair.alpha, pair.beta)
            connection.write([1, 2, 3])
            let during = await fault { () async throws(NetworkFailure) in
                try await connection.receive(deadline: pair.deadline(600))
            }
            pair.network.heal()
            let healed = pair.simulation.now
            var after: [UInt8] = []
            while after.count < 3,
                let octets = try await connection.receive(deadline: pair.deadline(5))
            {
                after += octets
            }
            return (during, after, pair.simulation.now - healed)
        }
        #expect(during == .deadlinePassed)
        #expect(after == [1, 2, 3])
        #expect(at < .seconds(1))
    }

    @Test("connecting across a partition waits; it succeeds if it heals in time")
    func connectAcrossPartition() throws {
        for (heals, expected) in [(false, NetworkFailure.deadlinePassed), (true, nil)] {
            let pair = Pair(seed: 1)
            let failure = try pair.simulation.run {
                let listener = try await pair.beta.network.listen(on: pair.target)
                pair.network.partition(pair.beta, pair.alpha)
                async let failure = fault { () async throws(NetworkFailure) in
                    await
                        (try pair.alpha.network.connect(
                            to: pair.target, from: nil, deadline: pair.deadline(60))).close()
                }
                try await pair.simulation.sleep(for: .seconds(20))
                if heals { pair.network.heal(pair.alpha, pair.beta) }
                let result = await failure
                await listener.close()
                return result
            }
            #expect(failure == expected)
        }
    }

    @Test("a clogged way delays and loses nothing")
    func clog() throws {
        let pair = Pair(seed: 1)
        let (echoed, took) = try pair.talk { connection in
            try await pair.echo(connection)
        } _: { connection in
            pair.network.clog(pair.alpha, pair.beta, for: .seconds(40))
            let start = pair.simulation.now
            connection.write([1])
            let echoed = try await connection.receive(deadline: pair.deadline())
            return (echoed, pair.simulation.now - start)
        }
        #expect(echoed == [1])
        #expect(took >= .seconds(40) && took < .seconds(41))
    }

    @Test(
        "stopping a host resets its connections, frees its ports and shuts its old doors for ever")
    func stopping() throws {
        for seed in UInt64(0)..<10 {
            let pair = Pair(seed: seed)
            try pair.simulation.run {
                let old = pair.beta.network
                let listener = try await old.listen(on: pair.target)
                async let serving: Void = listener.serve(limit: 5) { try? await pair.echo($0) }
                let connection = try await pair.alpha.network.connect(
                    to: pair.target, from: nil, deadline: pair.deadline())
                pair.beta.stop()
                #expect(
                    await fault { () async throws(NetworkFailure) in
                        try await connection.receive(deadline: pair.deadline())
                    } == .disconnected)
                await serving
                pair.beta.start()
                await (try pair.beta.network.listen(on: pair.target)).close()
                #expect(
                    await fault { () async throws(NetworkFailure) in
                        try await old.listen(on: pair.target)
                    } == .system("this program has been ended"))
            }
        }
    }

    @Test("a crashed process reaches nobody, whatever its code still does")
    func crash() throws {
        for ending in [Ending.reset, .vanish] {
            for seed in UInt64(0)..<20 {
                let pair = Pair(seed: seed)
                let said = try pair.simulation.run {
                    let process = pair.simulation.process("server", on: pair.beta) { world in
                        let listener = try await world.network.listen(on: pair.target)
                        await listener.serve(limit: 5) { connection in
                            _ = try? await connection.receive(deadline: pair.deadline(3600))
                            connection.write(Array("last words".utf8))
                            try? await connection.flush(deadline: pair.deadline())
                        }
                        let other = SocketAddress(pair.beta.addresses[0], port: 26)
                        _ = try await world.network.listen(on: other)
                    }
                    try await pair.simulation.sleep(for: .seconds(1))
                    let connection = try await pair.alpha.network.connect(
                        to: pair.target, from: nil, deadline: pair.deadline())
                    process.crash(ending)
                    let said = Box<[UInt8]>([])
                    let failure = await fault { () async throws(NetworkFailure) in
                        said.value = try await connection.receive(deadline: pair.deadline()) ?? []
                    }
                    #expect(failure == (ending == .reset ? .disconnected : .deadlinePassed))
                    await process.ended()
                    #expect(!process.isRunning)
                    #expect(pair.beta.listeners.isEmpty)
                    return said.value
                }
                #expect(said.isEmpty)
            }
        }
    }

    @Test("processes that still run at the end are crashed, and must unwind")
    func leftOver() throws {
        let pair = Pair(seed: 1)
        let process = try pair.simulation.run {
            pair.simulation.process("server", on: pair.beta) { world in
                while true { try await world.time.sleep(for: .hours(1)) }
            }
        }
        #expect(!process.isRunning)
        #expect(process.failure == nil)

        let stubborn = Pair(seed: 1)
        let (stream, source) = AsyncStream.makeStream(of: Int.self)
        _ = source
        #expect(throws: SimulationFailure.deadlock(waiting: ["process stubborn"])) {
            try stubborn.simulation.run {
                _ = stubborn.simulation.process("stubborn", on: stubborn.beta) { _ in
                    await withTaskCancellationHandler {
                        await withCheckedContinuation { parked.value = $0 }
                    } onCancel: {
                    }
                }
                try await stubborn.simulation.sleep(for: .seconds(1))
            }
        }
        parked.value?.resume()
        _ = stream
    }

    @Test("a network that is rough in every way still keeps order and ends")
    func rough() throws {
        var outcomes: Set<[NetworkFailure?]> = []
        for seed in UInt64(0)..<200 {
            do {
                let (read, failures, _) = try dialogue(Pair(seed: seed, .rough))
                if failures == [nil, nil] { #expect(read == [50, 50]) }
                outcomes.insert(failures)
            } catch let failure as NetworkFailure {
                #expect(failure == .refused)
            }
        }
        #expect(outcomes.count >= 3)
    }
}

/// The continuation that the stubborn process waits at.
private let parked = Box<CheckedContinuation<Void, Never>?>(nil)
