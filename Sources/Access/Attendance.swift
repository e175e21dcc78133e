// SPDX-License-Identifier: Apache-2.0

/// A visit from its greeting to its end, in turns of serving and listening.
///
/// Each turn of serving is a task of its own: what its deepest call took of memory goes back when
/// it ends, so that a client that is waited for, as most are most of the time, costs little.
///
/// Unchecked: the task that listens waits for the one that serves; one at a time has the visit.
final class Attendance: @unchecked Sendable {
    private var visit: IMAPVisit

    init(_ visit: consuming IMAPVisit) { self.visit = visit }

    func run() async {
        while true {
            if let ending = await turn() { return await visit.end(ending) }
            if let ending = await visit.listen() { return await visit.end(ending) }
        }
    }

    /// Ends with its task: a task lives as long as the scope that began it.
    private func turn() async -> IMAPVisit.Ending? {
        async let served = serve()
        return await served
    }

    private func serve() async -> IMAPVisit.Ending? { await visit.serve() }
}
