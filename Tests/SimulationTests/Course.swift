// SPDX-License-Identifier: Apache-2.0

import SimulatedWorld
import World

/// The life of one town: some days of weather, and what comes after.
struct Course {
    let simulation: Simulation
    private let kind: Weather.Kind
    private let seen = Seen()

    /// What there was to be seen at the end.
    var coverage: Witness.Coverage { seen.coverage }

    private final class Seen: @unchecked Sendable {
        var coverage = Witness.Coverage()
    }

    init(seed: UInt64) {
        simulation = Simulation(seed: seed)
        kind = Weather.Kind.allCases[Int(seed % 4)]
    }

    /// Letters are written as long as the weather lasts.
    private static let season = Duration.hours(8)
    /// The lifetime of the last letter, its last pause, and the way of its notice.
    private static let horizon = Duration.days(6)
    private static let letterCount = 32
    private static let claimCount = 14

    /// What is broken; empty if every promise held.
    ///
    /// `after` is called when all has come to rest, and says what it finds.
    func run(_ after: @escaping @Sendable (Town) async throws -> [String] = { _ in [] })
        -> [String]
    {
        do {
            let town = try Town(simulation)
            return try simulation.run(limit: .days(30), jobs: 20_000_000) { [kind, seen] in
                let witness = Witness(town)
                let faults = try await Self.live(town, Weather(town: town, kind: kind), witness)
                seen.coverage = try await witness.coverage()
                return try await faults + after(town)
            }
        } catch {
            return ["\(error)"]
        }
    }

    private static func live(
        _ town: Town, _ weather: Weather, _ witness: Witness
    ) async throws -> [String] {
        await town.open()
        let faults = try await withThrowingTaskGroup(of: [String].self) { group in
            group.addTask {
                async let storm: Void = weather.rage(for: season)
                async let claims: Void = town.writeClaims(claimCount, over: season)
                try await town.writeLetters(letterCount, over: season)
                try await claims
                try await storm
                return []
            }
            group.addTask {
                try await weather.repair()
                return []
            }
            group.addTask {
                try await town.keepZone()
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
