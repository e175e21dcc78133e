// SPDX-License-Identifier: Apache-2.0

import Logging
import SimulatedWorld

/// The logs of all servers, woven into the simulation's story.
struct SimulationLog: LogHandler {
    let simulation: Simulation
    let name: String
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.info

    static func logger(_ site: Site) -> Logger {
        Logger(label: site.name) { _ in
            SimulationLog(simulation: site.simulation, name: site.name)
        }
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        let metadata = metadata.merging(event.metadata ?? [:]) { $1 }
        let details = metadata.sorted { $0.key < $1.key }.map { " \($0.key)=\($0.value)" }
        simulation.tell("\(name): \(event.message)\(details.joined())")
    }
}
