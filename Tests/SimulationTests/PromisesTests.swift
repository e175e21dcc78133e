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
    private static let usualSeeds: UInt64 = 80

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

    @Test("the weather is bad enough: everything that can go wrong does")
    func coverage() {
        var seen = Witness.Coverage()
        // Large letters are rare: one must come within the seeds that are always run.
        for seed in 0..<Self.usualSeeds where seed < 12 || seen.bodyFiles == 0 {
            let course = Course(seed: seed)
            _ = course.run()
            seen.add(course.coverage)
        }
        #expect(seen.acknowledged > 200)
        #expect(seen.refused > 20)
        #expect(seen.ambiguous > 0)
        #expect(seen.doubled > 0)
        #expect(seen.noticed > 50)
        #expect(seen.succeeded > 50)
        #expect(seen.buried > 0)
        #expect(seen.bodyFiles > 0)
        #expect(seen.mishaps > 20)
        #expect(seen.ways > 300)
        #expect(seen.forgeriesRefused > 10)
        #expect(seen.claimsDelivered > 20)
        #expect(seen.returned > 5)
        for result in ["spf=pass", "spf=fail", "spf=temperror", "dkim=pass", "dmarc=temperror"] {
            #expect(seen.examinations.contains { $0.contains(result) }, "\(result)")
        }
        #expect(seen.examinations.contains { $0.contains("arc=pass") })
        // Equals share the load about evenly.
        let equals = seen.firstOfEquals.values.sorted()
        #expect(equals.count == 2 && equals[0] * 2 > equals[1], "\(seen.firstOfEquals)")
    }

    @Test("a seed replays exactly")
    func replay() {
        for seed in [UInt64(3), 7] {
            let first = Course(seed: seed)
            let second = Course(seed: seed)
            #expect(first.run() == second.run())
            #expect(first.simulation.trace == second.simulation.trace)
            #expect(!first.coverage.examinations.isEmpty)
            #expect(first.coverage.examinations == second.coverage.examinations)
        }
    }
}
