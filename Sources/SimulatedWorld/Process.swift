// SPDX-License-Identifier: Apache-2.0

package import World

/// A program that runs on a simulated host, and can be killed.
///
/// After `crash` its tasks are cancelled and every door it had to the network is shut: whatever
/// its code still does while it unwinds reaches nobody. Its store is crashed beside it by
/// whoever made it.
package final class Process: @unchecked Sendable {
    package let name: String
    package private(set) var isRunning = true
    /// What the body threw, unless it returned or was crashed.
    package private(set) var failure: (any Error)?

    private let simulation: Simulation
    private let stack: NetworkStack
    private var task: Task<Void, Never>?
    private var isCrashed = false

    init(
        _ name: String, _ simulation: Simulation, _ stack: NetworkStack,
        _ body: @escaping @Sendable (Surroundings) async throws -> Void
    ) {
        self.name = name
        self.simulation = simulation
        self.stack = stack
        let surroundings = Surroundings(time: simulation, entropy: simulation, network: stack)
        task = Task(executorPreference: simulation) { [self] in
            do {
                try await body(surroundings)
            } catch {
                if !isCrashed { failure = error }
            }
            isRunning = false
            stack.die(.reset)
            simulation.leave(self)
        }
    }

    /// Ends it as `kill -9` does or, with `vanish`, as pulling its host's plug does.
    package func crash(_ ending: Ending = .reset) {
        guard isRunning, !isCrashed else { return }
        isCrashed = true
        simulation.tell("\(name) crashes")
        stack.die(ending)
        task?.cancel()
    }

    /// Asks it to stop, as SIGTERM does: its tasks are cancelled, its network stays.
    package func stop() { task?.cancel() }

    /// Returns when its last task has ended.
    package func ended() async { await task?.value }
}

extension Simulation {
    /// Starts a program on a host: `body` is its `main`, given all it may touch.
    package func process(
        _ name: String, on host: SimulatedHost,
        _ body: @escaping @Sendable (Surroundings) async throws -> Void
    ) -> Process {
        let process = Process(name, self, host.stack(), body)
        enter(process)
        return process
    }
}
