// SPDX-License-Identifier: Apache-2.0

import Bytes
import Testing
import World

@testable import SimulatedWorld

@Suite("A simulation is one thread, one clock and one seed")
struct SimulationTests {
    private actor Ledger {
        private(set) var lines: [String] = []
        func add(_ line: String) { lines.append(line) }
    }

    /// A bit of everything that Swift's concurrency offers, each leaving a line.
    private static func mixture(_ simulation: Simulation) async -> [String] {
        let ledger = Ledger()
        let (stream, source) = AsyncStream.makeStream(of: Int.self)
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<5 {
                group.addTask {
                    await ledger.add("child \(number)")
                    await Task.yield()
                    await ledger.add("child \(number) again")
                    source.yield(number)
                }
            }
            group.addTask {
                await withDiscardingTaskGroup { inner in
                    for number in 0..<3 {
                        inner.addTask {
                            let pause = simulation.next() % 1000
                            try? await simulation.sleep(for: .milliseconds(Int64(pause)))
                            await ledger.add("sleeper \(number)")
                        }
                    }
                }
                source.finish()
            }
            group.addTask {
                for await number in stream { await ledger.add("streamed \(number)") }
            }
        }
        async let left: Void = ledger.add("left")
        async let right: Void = ledger.add("right")
        _ = await (left, right)
        await withCheckedContinuation { $0.resume() }
        return await ledger.lines
    }

    private static func replay(_ seed: UInt64) throws -> (lines: [String], trace: UInt64) {
        let simulation = Simulation(seed: seed)
        let lines = try simulation.run { await mixture(simulation) }
        return (lines, simulation.trace)
    }

    @Test("the same seed gives the same run, another seed another order")
    func determinism() throws {
        var orders: Set<[String]> = []
        var traces: Set<UInt64> = []
        for seed in UInt64(0)..<100 {
            let first = try Self.replay(seed)
            let second = try Self.replay(seed)
            #expect(first.lines == second.lines)
            #expect(first.trace == second.trace)
            #expect(first.lines.count == 20)
            orders.insert(first.lines)
            traces.insert(first.trace)
        }
        #expect(orders.count == 100)
        #expect(traces.count == 100)
    }

    // The number changes with the module, and may with a new Swift; else something here depends
    // on the process (hashing, addresses, real time) or on the optimiser.
    @Test("a seed means the same in every process, in debug and in release")
    func anchor() throws {
        let trace = try Self.replay(42).trace
        #expect(trace == 15_541_208_266_885_363_713)
    }

    @Test("a thousand hours pass in no time")
    func speed() throws {
        let simulation = Simulation(seed: 1)
        let clock = ContinuousClock()
        let elapsed = try clock.measure {
            try simulation.run {
                for _ in 0..<1000 { try await simulation.sleep(for: .hours(1)) }
            }
        }
        #expect(simulation.now == Instant(nanoseconds: 0) + .hours(1000))
        #expect(simulation.timestamp == Simulation.start + .hours(1000))
        #expect(elapsed < .seconds(5))
    }

    @Test("sleepers wake in order of time, whatever the seed")
    func sleepers() throws {
        for seed in UInt64(0)..<20 {
            let simulation = Simulation(seed: seed)
            let woken = try simulation.run {
                let ledger = Ledger()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for minutes in [3, 1, 2] {
                        group.addTask {
                            try await simulation.sleep(for: .minutes(minutes))
                            await ledger.add("\(minutes)")
                        }
                    }
                    try await group.waitForAll()
                }
                return await ledger.lines
            }
            #expect(woken == ["1", "2", "3"])
        }
    }

    @Test("the calendar may jump, the clock does not")
    func calendar() {
        let simulation = Simulation(seed: 1)
        #expect(
            CalendarDate(simulation.timestamp).internetMessageFormat
                == "Sun, 1 Nov 2026 12:00:00 +0000")
        simulation.jumpCalendar(by: .days(-1))
        #expect(simulation.timestamp == Simulation.start + .days(-1))
        #expect(simulation.now == Instant(nanoseconds: 0))
    }

    @Test("cancelling ends a sleep at once")
    func cancelledSleep() throws {
        let simulation = Simulation(seed: 1)
        let outcome = try simulation.run {
            await withTaskGroup(of: String.self) { group in
                group.addTask {
                    do throws(CancellationError) {
                        try await simulation.sleep(for: .days(1))
                        return "slept"
                    } catch {
                        return "cancelled"
                    }
                }
                try? await simulation.sleep(for: .seconds(1))
                group.cancelAll()
                return await group.next()
            }
        }
        #expect(outcome == "cancelled")
        #expect(simulation.now == Instant(nanoseconds: 0) + .seconds(1))
    }

    @Test("a body that waits for what can never come is a deadlock that says who waits")
    func deadlock() {
        let simulation = Simulation(seed: 1)
        let host = SimulatedNetwork(simulation).host("mx1", .v4(IPv4Address(192, 0, 2, 1)))
        let network = host.network
        #expect(
            throws: SimulationFailure.deadlock(waiting: ["receiving at 192.0.2.1:53"])
        ) {
            try simulation.run {
                let address = SocketAddress(host.addresses[0], port: 53)
                let socket = try await network.bind(to: address)
                _ = try await socket.receive(limit: 1, deadline: Instant(nanoseconds: .max))
            }
        }
    }

    @Test("a circle without a pause, and time without end, are found")
    func limits() {
        #expect(throws: SimulationFailure.runaway(jobs: 1000)) {
            try Simulation(seed: 1).run(jobs: 1000) {
                while !Task.isCancelled { await Task.yield() }
            }
        }
        let simulation = Simulation(seed: 1)
        #expect(throws: SimulationFailure.timeLimit(waiting: ["sleeping"])) {
            try simulation.run(limit: .hours(1)) { try await simulation.sleep(for: .hours(2)) }
        }
    }

    @Test("what the body throws is thrown")
    func failure() {
        struct Fault: Error, Equatable {}
        #expect(throws: Fault()) { try Simulation(seed: 1).run { throw Fault() } }
    }

    @Test("chance is fair enough and its streams differ")
    func chance() {
        var chance = Chance(seed: 7)
        var counts = [Int](repeating: 0, count: 10)
        for _ in 0..<10_000 { counts[chance.below(10)] += 1 }
        #expect(counts.allSatisfy { (850...1150).contains($0) })
        var other = Chance(seed: 7, stream: 1)
        var again = Chance(seed: 7)
        #expect(other.next() != again.next())
        let lengths = (0..<1000).map { _ in chance.duration(in: .seconds(1) ... .seconds(2)) }
        #expect(lengths.allSatisfy { $0 >= .seconds(1) && $0 <= .seconds(2) })
        #expect(!chance.happens(0) && chance.happens(1))
    }
}
