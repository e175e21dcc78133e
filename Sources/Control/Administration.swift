// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import Directory
package import Journal
package import Spool
package import World

/// Carries commands out, whether they come over the socket or from a command line beside a
/// server that is not running: a name such as `account.add`, arguments and answer as JSON.
package struct Administration: Sendable {
    private let registry: Registry
    private let trace: Trace
    private let spooler: Spooler
    private let time: any Time
    private let author: String
    private let wake: @Sendable () -> Void

    /// `author` is who the changes are recorded for; `wake` has delivery look at the queue.
    package init(
        registry: Registry, trace: Trace, spooler: Spooler, time: any Time, author: String,
        wake: @escaping @Sendable () -> Void = {}
    ) {
        self.registry = registry
        self.trace = trace
        self.spooler = spooler
        self.time = time
        self.author = author
        self.wake = wake
    }

    /// The answer to a command, or one sentence on why it was not carried out.
    package func perform(_ name: String, _ json: JSON) async throws(ControlFailure) -> JSON {
        let arguments = Arguments(json: json)
        do {
            if name == "trace" {
                return try await TraceCommand(trace: trace, spooler: spooler).perform(arguments)
            }
            if name.hasPrefix("queue.") {
                defer { wake() }
                return try await QueueCommands(spooler: spooler, time: time)
                    .perform(name, arguments)
            }
            return try await DirectoryCommands(registry: registry, author: author)
                .perform(name, arguments)
        } catch {
            throw ControlFailure(error)
        }
    }
}
