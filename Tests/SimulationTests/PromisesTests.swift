// SPDX-License-Identifier: Apache-2.0

import Foundation
import SimulatedWorld
import Testing
import World

/// Whole servers in bad weather: what they promise must hold at every moment.
///
/// `make simulate SEEDS=n` runs more seeds, `make simulate SEED=n` one of them with its story.
@Suite("The promises hold whatever happens")
struct PromisesTests {
    /// What `make test` affords.
    private static let usualSeeds: UInt64 = 200

    /// The one seed that is to be replayed with its story.
    private static let single = number(of: "SIMULATION_SEED")

    private static let seeds =
        single.map { [$0] } ?? Array(0..<(number(of: "SIMULATION_SEEDS") ?? usualSeeds))

    private static func number(of variable: String) -> UInt64? {
        ProcessInfo.processInfo.environment[variable].flatMap { UInt64($0) }
    }

    @Test("no seed breaks a promise", arguments: seeds)
    func promises(seed: UInt64) {
        let course = Course(seed: seed)
        let faults = course.run()
        if Self.single != nil { FileHandle.standardError.write(Data(course.telling.utf8)) }
        #expect(faults.isEmpty, Comment(rawValue: course.report(faults)))
    }

    @Test("a seed replays exactly")
    func replay() {
        for seed in [UInt64(3), 7] {
            let first = Course(seed: seed)
            let second = Course(seed: seed)
            #expect(first.run() == second.run())
            #expect(first.simulation.trace == second.simulation.trace)
        }
    }
}

/// The life of one town: some days of weather, and what comes after.
struct Course {
    let simulation: Simulation
    private let kind: Weather.Kind

    init(seed: UInt64) {
        simulation = Simulation(seed: seed)
        kind = Weather.Kind.allCases[Int(seed % 4)]
    }

    /// Letters are written as long as the weather lasts.
    private static let season = Duration.hours(24)
    /// The lifetime of the last letter, its last pause, and the way of its notice.
    private static let horizon = Duration.days(6)
    private static let letterCount = 30

    /// What is broken; empty if every promise held.
    func run() -> [String] {
        do {
            let town = try Town(simulation)
            return try simulation.run(limit: .days(30), jobs: 20_000_000) { [kind] in
                try await Self.live(town, Weather(town: town, kind: kind))
            }
        } catch {
            return ["\(error)"]
        }
    }

    private static func live(_ town: Town, _ weather: Weather) async throws -> [String] {
        await town.open()
        let witness = Witness(town)
        let faults = try await withThrowingTaskGroup(of: [String].self) { group in
            group.addTask {
                async let storm: Void = weather.rage(for: season)
                try await town.writeLetters(letterCount, over: season)
                try await storm
                return []
            }
            group.addTask {
                try await weather.repair()
                return []
            }
            group.addTask { try await watch(witness, town) }
            // Either the season is over, or a promise is broken.
            let first = try await group.next() ?? []
            group.cancelAll()
            while let result = await group.nextResult() { _ = result }
            return first
        }
        guard faults.isEmpty else { return faults }
        return try await rest(town, witness)
    }

    /// Looks again and again, and returns with the first fault.
    private static func watch(_ witness: Witness, _ town: Town) async throws -> [String] {
        while true {
            let pause = town.simulation.faults.duration(in: .seconds(10) ... .hours(1))
            try await town.simulation.sleep(for: pause)
            let faults = try await witness.check()
            if !faults.isEmpty { return faults }
        }
    }

    /// Waits until nothing is under way any more, at most the retry horizon.
    private static func rest(_ town: Town, _ witness: Witness) async throws -> [String] {
        for site in town.sites {
            site.emptyDisk()
            await site.boot()
        }
        let end = town.simulation.now + horizon
        while town.simulation.now < end {
            try await town.simulation.sleep(for: .hours(2))
            let faults = try await witness.check()
            if !faults.isEmpty { return faults }
            if try await witness.look().spooled == 0 { break }
        }
        for site in town.sites {
            if !site.isServing { return ["\(site.name) has ended by itself"] }
        }
        return try await witness.checkEnd()
    }

    var telling: String {
        simulation.story.joined(separator: "\n") + "\n\(simulation.eventCount) events\n"
    }

    func report(_ faults: [String]) -> String {
        """
        seed \(simulation.seed) (\(kind)) broke a promise:
        \(faults.map { "  \($0)" }.joined(separator: "\n"))
        to replay it with its story: make simulate SEED=\(simulation.seed)
        the last of it:
        \(simulation.story.suffix(40).map { "  \($0)" }.joined(separator: "\n"))
        """
    }
}
