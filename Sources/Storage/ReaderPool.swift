// SPDX-License-Identifier: Apache-2.0

private import Synchronization

/// Connections for reading: as many as threads read at a moment, few of them kept.
final class ReaderPool: Sendable {
    private let path: String?
    private let idle: Mutex<[Connection]>

    /// Two event loops, the reading thread and one to spare.
    private static let keptLimit = 4

    init(path: String) {
        self.path = path
        idle = Mutex([])
    }

    /// A database in memory has one connection for all.
    init(shared: Connection) {
        path = nil
        idle = Mutex([shared])
    }

    func read<Result>(_ body: (any Transaction) throws -> Result) throws -> Result {
        guard let path else {
            guard let shared = idle.withLock({ $0.first }) else { throw StorageFailure.closed }
            return try shared.snapshot(body)
        }
        let connection =
            try idle.withLock { $0.popLast() } ?? Connection(.reader(path: path))
        defer {
            idle.withLock { if $0.count < Self.keptLimit { $0.append(connection) } }
        }
        return try connection.snapshot(body)
    }
}
