// SPDX-License-Identifier: Apache-2.0

import Bytes
import Control
import Server
import Settings
import World

/// Carries a command out on the store itself, when no server is running.
enum Offline {
    static func perform(
        _ command: String, _ arguments: JSON, _ settings: ServerSettings
    ) async throws -> JSON {
        try await OpenedStore(settings).withNode { node in
            try await Administration(
                registry: node.registry, trace: node.trace, spooler: node.spooler,
                time: Live.surroundings.time, author: "command line"
            ).perform(command, arguments)
        }
    }
}
