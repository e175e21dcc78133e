// SPDX-License-Identifier: Apache-2.0

import Control
import Server
import Settings
import World

/// Works on the store itself, when no server is running.
enum Offline {
    static func withAdministration<Result: Sendable>(
        _ settings: ServerSettings,
        _ body: @escaping @Sendable (Administration) async throws -> Result
    ) async throws -> Result {
        try await OpenedStore(settings).withNode { node in
            try await body(
                Administration(
                    registry: node.registry, trace: node.trace, spooler: node.spooler,
                    mailboxes: node.mailboxes, time: Live.surroundings.time,
                    author: "command line", language: settings.language))
        }
    }
}
