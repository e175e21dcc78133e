// SPDX-License-Identifier: Apache-2.0

/// Why a simulation did not come to its end.
package enum SimulationFailure: Error, Equatable, Sendable {
    /// Nothing can happen any more, and the body has not returned: who waits, and for what.
    case deadlock(waiting: [String])
    /// Virtual time passed the limit: who waits, and for what.
    case timeLimit(waiting: [String])
    /// More steps than the limit: something turns in a circle without waiting.
    case runaway(jobs: Int)
}

extension SimulationFailure: CustomStringConvertible {
    package var description: String {
        switch self {
        case .deadlock(let waiting):
            "deadlock: nothing can happen any more; waiting are: \(Self.list(waiting))"
        case .timeLimit(let waiting):
            "the limit of virtual time has passed; waiting are: \(Self.list(waiting))"
        case .runaway(let jobs):
            "\(jobs) steps and no end: something turns in a circle"
        }
    }

    private static func list(_ waiting: [String]) -> String {
        waiting.isEmpty
            ? "only tasks that wait for other tasks" : waiting.joined(separator: "; ")
    }
}
