// SPDX-License-Identifier: Apache-2.0

import DNS
import Foundation
import Maintenance
import NameService
import Server
import SimulatedWorld
import Testing
import World
import ZoneCheck
import ZoneStore

/// Exchangers are taken out, die and come back, while senders with caches write on.
///
/// `make simulate SEEDS=n` runs more seeds, `make simulate SEED=n` one of them with its story.
@Suite("Work on exchangers loses no mail, and keeps its order")
struct RoadworksTests {
    /// What `make test` affords for each kind of work.
    private static let usualSeeds: UInt64 = 3

    private static let single = number(of: "SIMULATION_SEED")
    private static let seeds =
        single.map { [$0] } ?? Array(0..<(number(of: "SIMULATION_SEEDS") ?? usualSeeds))

    private static func number(of variable: String) -> UInt64? {
        ProcessInfo.processInfo.environment[variable].flatMap { UInt64($0) }
    }

    private static let host = (try? Name("mx1.example")) ?? .root

    /// Runs one kind of work beside the senders and says what is broken.
    private func run(
        _ seed: UInt64, writing duration: Duration, mayDouble: Bool = false,
        _ work: @escaping @Sendable (Road) async throws -> [String]
    ) {
        let simulation = Simulation(seed: seed)
        var faults: [String]
        do {
            faults = try simulation.run(limit: .days(5), jobs: 20_000_000) {
                let road = try Road(simulation)
                try await road.open()
                let found = try await withThrowingTaskGroup(of: [String].self) { group in
                    group.addTask {
                        try await road.write(for: duration)
                        return []
                    }
                    group.addTask { try await work(road) }
                    return try await group.reduce(into: []) { $0 += $1 }
                }
                return try await found + road.faults(mayDouble: mayDouble)
            }
        } catch {
            faults = ["\(error)"]
        }
        if Self.single != nil {
            let story = simulation.story.joined(separator: "\n") + "\n"
            FileHandle.standardError.write(Data(story.utf8))
        }
        let last = simulation.story.suffix(40).joined(separator: "\n  ")
        #expect(
            faults.isEmpty,
            Comment(
                rawValue: "seed \(seed): \(faults.joined(separator: "; "))\n"
                    + "to replay it: make simulate SEED=\(seed)\n  \(last)"))
    }

    @Test("a drained host may be stopped when it is said to be safe", arguments: seeds)
    func drain(seed: UInt64) {
        run(seed, writing: .hours(5)) { road in
            let (simulation, site) = (road.simulation, road.exchangers[0])
            try await simulation.sleep(
                for: simulation.faults.duration(in: .minutes(1) ... .minutes(20)))
            _ = try await Self.keeper(site).drain(
                Self.host, manner: simulation.faults.happens(0.5) ? .remove : .raise,
                isForced: false, by: "simulation")
            // The name server, which is the host itself, is started again in between.
            try await simulation.sleep(
                for: simulation.faults.duration(in: .seconds(1) ... .minutes(40)))
            await site.stop()
            try await simulation.sleep(
                for: simulation.faults.duration(in: .seconds(1) ... .minutes(3)))
            await site.boot()
            try await road.wait(for: "its start") { site.running != nil }
            try await road.wait(for: "safety") { try await Self.phase(site) == .safe }
            let safe = simulation.timestamp
            try await site.change(takesMail: false)
            try await simulation.sleep(for: .minutes(45))
            let back = simulation.timestamp
            try await site.change(takesMail: true)
            _ = try await Self.keeper(site).undrain(Self.host, by: "simulation")
            try await road.wait(for: "the end") { try await Self.phase(site) == nil }
            var faults: [String] = []
            // Behind the others it is asked only if those do not answer.
            let callers = road.callers(of: site, from: safe, to: back)
            if !callers.isEmpty { faults.append("\(callers.map(\.name)) came after it was safe") }
            if road.answered != ["mx1.example", "mx2.example"] {
                faults.append("the zone names \(road.answered)")
            }
            let later = simulation.timestamp
            try await simulation.sleep(for: .hours(2))
            if road.callers(of: site, from: later, to: simulation.timestamp).isEmpty {
                faults.append("nobody came back")
            }
            return faults
        }
    }

    @Test("an exchanger that dies and flaps leaves the answers, and never all do", arguments: seeds)
    func health(seed: UInt64) {
        run(seed, writing: .hours(4), mayDouble: true) { road in
            let simulation = road.simulation
            try await Self.server(road.exchangers[0]).zones.set(
                HealthOverlay.option, to: "on", of: Road.origin, by: "simulation")
            try await simulation.sleep(for: .minutes(3))
            return try await withThrowingTaskGroup(of: [String].self) { group in
                group.addTask { try await Self.watch(road) }
                group.addTask {
                    try await Self.afflict(road.exchangers[1], simulation)
                    try await road.wait(for: "the end of the pause") { road.answered.count == 2 }
                    return []
                }
                // Watching ends with the first fault only.
                let first = try await group.next() ?? []
                group.cancelAll()
                return first
            }
        }
    }

    /// Dies for a while, flaps for a while, and dies once more.
    private static func afflict(_ site: Site, _ simulation: Simulation) async throws {
        for _ in 0..<2 {
            site.crash(simulation.faults.happens(0.5) ? .reset : .vanish)
            try await simulation.sleep(
                for: simulation.faults.duration(in: .minutes(5) ... .minutes(15)))
            for _ in 0..<simulation.faults.number(in: 1...4) {
                await site.boot()
                try await simulation.sleep(
                    for: simulation.faults.duration(in: .seconds(20) ... .minutes(4)))
                site.crash(.reset)
                try await simulation.sleep(
                    for: simulation.faults.duration(in: .seconds(20) ... .minutes(4)))
            }
            await site.boot()
            try await simulation.sleep(
                for: simulation.faults.duration(in: .minutes(2) ... .minutes(20)))
        }
        await site.boot()
    }

    /// Looks at the answers all the time: never empty, never too quick, not too late.
    private static func watch(_ road: Road) async throws -> [String] {
        let simulation = road.simulation
        let dying = road.exchangers[1]
        var leftOut: Instant?
        var deadSince: Instant?
        while true {
            try await simulation.sleep(for: .seconds(15))
            let answered = road.answered
            if !answered.contains("mx1.example") { return ["the answers are \(answered)"] }
            deadSince = dying.isServing ? nil : deadSince ?? simulation.now
            if let deadSince, simulation.now - deadSince > .minutes(5), answered.count > 1 {
                return ["a dead host is named after five minutes"]
            }
            if answered.count == 1 {
                leftOut = leftOut ?? simulation.now
            } else if let since = leftOut {
                // Two minutes, seen every quarter of one.
                if simulation.now - since < .seconds(105) { return ["it was back too early"] }
                leftOut = nil
            }
        }
    }

    @Test("who waits for the TTL of an edit may stop the host that it took out", arguments: seeds)
    func edit(seed: UInt64) {
        run(seed, writing: .hours(4)) { road in
            let (simulation, gone) = (road.simulation, road.exchangers[1])
            let zones = try Self.server(road.exchangers[0]).zones
            try await simulation.sleep(
                for: simulation.faults.duration(in: .minutes(1) ... .minutes(20)))
            let name = try Name("mx2.example")
            func edit(_ edit: ZoneEdit) async throws {
                try await zones.commit(
                    [try await zones.plan([edit], for: Road.origin)], by: "simulation", "edit")
            }
            try await edit(.removeExchange(of: Road.domain, host: name))
            // The longest TTL of the zone, and a transaction that was under way.
            try await simulation.sleep(for: .seconds(3600) + .minutes(2))
            let stopped = simulation.timestamp
            await gone.stop()
            try await simulation.sleep(for: .minutes(30))
            let back = simulation.timestamp
            await gone.boot()
            try await simulation.sleep(for: .seconds(10))
            try await edit(
                .addExchange(of: Road.domain, host: name, preference: 5, ttl: nil))
            try await road.wait(for: "mail for the host that is back") {
                !road.callers(of: gone, from: back, to: simulation.timestamp).isEmpty
            }
            let callers = road.callers(of: gone, from: stopped, to: back)
            return callers.isEmpty ? [] : ["\(callers.map(\.name)) came after the TTL"]
        }
    }

    // MARK: -

    private struct NotServing: Error {}

    private static func server(_ site: Site) throws -> Site.Running {
        guard let running = site.running else { throw NotServing() }
        return running
    }

    private static func keeper(_ site: Site) throws -> DrainKeeper {
        try server(site).server.drains
    }

    private static func phase(_ site: Site) async throws -> Drain.Phase? {
        try await keeper(site).status().first?.drain.phase
    }
}
