// SPDX-License-Identifier: Apache-2.0

import Bytes
package import DNS
package import Maintenance
import Storage

/// The drains that are under way, so that the next start goes on where the last one ended.
package struct Drains: Sendable {
    private let zones: Zones

    /// Keeps them beside the zones, in a store made with `Migrations.maintenance`.
    package init(_ zones: Zones) { self.zones = zones }

    /// All of them, by their hosts.
    package func all() async throws(ZoneFailure) -> [Drain] {
        try await zones.read { transaction in
            try transaction.all("SELECT host, state FROM drain ORDER BY host") {
                ($0.text(0), $0.text(1))
            }.map { host, state in
                guard let json = try? JSON(parsing: state.utf8), let drain = Drain(stored: json)
                else { throw StorageFailure.corrupt("the drain of \(host) cannot be read") }
                return drain
            }
        }
    }

    /// Keeps one as it is now.
    package func keep(_ drain: Drain) async throws(ZoneFailure) {
        try await write { transaction in
            let host = Self.key(drain.host)
            try transaction.execute("DELETE FROM drain WHERE host = ?", [host])
            try transaction.execute(
                "INSERT INTO drain (host, state) VALUES (?, ?)",
                [host, .text(drain.stored.description)])
        }
    }

    /// Forgets one that is over.
    package func remove(_ host: Name) async throws(ZoneFailure) {
        try await write { try $0.execute("DELETE FROM drain WHERE host = ?", [Self.key(host)]) }
    }

    private static func key(_ host: Name) -> Value { .text(host.lowercased.description) }

    private func write(
        _ body: @escaping @Sendable (any Transaction) throws -> Void
    ) async throws(ZoneFailure) {
        do {
            try await zones.store.write(body)
        } catch {
            throw ZoneFailure(error)
        }
    }
}
