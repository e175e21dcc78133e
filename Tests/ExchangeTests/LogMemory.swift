// SPDX-License-Identifier: Apache-2.0

import Logging
import Synchronization

/// Keeps what the log is told, for tests that look.
final class LogMemory: LogHandler {
    private let kept = Mutex<[(level: Logger.Level, text: String)]>([])

    /// What was told as an error or worse, with the queue id that it is about.
    var errors: [String] { kept.withLock { $0.filter { $0.level >= .error }.map(\.text) } }

    // All that is told goes to one place.
    var metadata: Logger.Metadata {
        get { [:] }
        set {}
    }
    var logLevel: Logger.Level {
        get { .info }
        set {}
    }
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { nil }
        set {}
    }

    func log(event: LogEvent) {
        let id = event.metadata?["id"].map { " \($0)" } ?? ""
        kept.withLock { $0.append((event.level, "\(event.message)\(id)")) }
    }
}
