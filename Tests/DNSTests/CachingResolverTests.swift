// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import SimulatedWorld
import Synchronization
import Testing
import World

/// Answers after a second and counts what it was asked.
private final class SlowResolver: Resolver {
    let simulation: Simulation
    let asked = Mutex<[String]>([])

    init(_ simulation: Simulation) { self.simulation = simulation }

    func resolve(_ name: Name, _ type: RecordType) async -> Answer {
        asked.withLock { $0.append("\(name)") }
        try? await simulation.sleep(for: .seconds(1))
        let record = ResourceRecord(
            owner: name, type: .a, ttl: 60, data: .a(IPv4Address(192, 0, 2, 1)))
        switch name.description {
        case "gone": return Answer(.nameError, ttl: 30)
        case "broken": return Answer(.failure(.serverFailure))
        case "brief": return Answer(.records, records: [record], ttl: 0)
        default: return Answer(.records, records: [record], ttl: 60)
        }
    }

    var count: Int { asked.withLock(\.count) }
}

@Suite("RFC 2308 §5 remembered answers")
struct CachingResolverTests {
    private func with(
        capacity: Int = 10,
        _ body: @escaping @Sendable (Simulation, SlowResolver, CachingResolver) async throws -> Void
    ) throws {
        let simulation = Simulation(seed: 1)
        try simulation.run {
            let slow = SlowResolver(simulation)
            let cache = CachingResolver(slow, time: simulation, capacity: capacity)
            try await body(simulation, slow, cache)
        }
    }

    @Test("An answer is kept for its TTL, which shrinks with its age")
    func positive() throws {
        try with { simulation, slow, cache in
            let name = try Name("a.example")
            #expect(!cache.remembers(name, .a))
            _ = await cache.resolve(name, .a)
            #expect(cache.remembers(name, .a) && !cache.remembers(name, .mx))
            try await simulation.sleep(for: .seconds(20))
            let kept = try await cache.resolve(Name("A.EXAMPLE"), .a)
            #expect(slow.count == 1)
            #expect(kept.ttl == 40)
            #expect(kept.records.map(\.ttl) == [40])
            try await simulation.sleep(for: .seconds(41))
            #expect(!cache.remembers(name, .a))
            #expect(await cache.resolve(name, .a).ttl == 60)
            #expect(slow.count == 2)
            _ = await cache.resolve(name, .aaaa)
            #expect(slow.count == 3)
        }
    }

    @Test("Absence is kept for its TTL, a failure for a few seconds, TTL 0 not at all")
    func negative() throws {
        try with { simulation, slow, cache in
            for (text, seconds) in [("gone", 30), ("broken", 5), ("brief", 0)] {
                let name = try Name(text)
                let before = slow.count
                _ = await cache.resolve(name, .a)
                if seconds > 0 {
                    try await simulation.sleep(for: .seconds(seconds - 1))
                    _ = await cache.resolve(name, .a)
                    #expect(slow.count == before + 1)
                    try await simulation.sleep(for: .seconds(2))
                }
                _ = await cache.resolve(name, .a)
                #expect(slow.count == before + 2)
            }
        }
    }

    @Test("Who asks what is being asked waits for that answer")
    func once() throws {
        try with { _, slow, cache in
            let name = try Name("a.example")
            await withTaskGroup(of: Answer.Outcome.self) { group in
                for _ in 0..<20 { group.addTask { await cache.resolve(name, .a).outcome } }
                for await outcome in group { #expect(outcome == .records) }
            }
            #expect(slow.count == 1)
        }
    }

    @Test("Who waits for someone that was cancelled asks for himself")
    func cancelled() throws {
        try with { simulation, slow, cache in
            let name = try Name("a.example")
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    await withTaskGroup(of: Void.self) { inner in
                        inner.addTask { _ = await cache.resolve(name, .a) }
                        try? await simulation.sleep(for: .milliseconds(500))
                        inner.cancelAll()
                    }
                }
                group.addTask {
                    try? await simulation.sleep(for: .milliseconds(200))
                    #expect(await cache.resolve(name, .a).outcome == .records)
                }
            }
            #expect(slow.count == 2)
        }
    }

    @Test("The oldest go when there is no more room")
    func bounded() throws {
        try with(capacity: 10) { _, slow, cache in
            for number in 0..<100 { _ = try await cache.resolve(Name("h\(number)"), .a) }
            #expect(cache.count == 10)
            let before = slow.count
            for number in 90..<100 { _ = try await cache.resolve(Name("h\(number)"), .a) }
            #expect(slow.count == before)
        }
    }
}
