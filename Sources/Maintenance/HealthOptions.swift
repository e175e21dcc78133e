// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS

/// How health is set for a zone: the options `health` and `failover` of the store.
extension HealthOverlay {
    /// The name of the option that says `on`.
    package static let option = "health"
    /// The name of the option that holds failovers.
    package static let failoverOption = "failover"
    /// Names of one zone with a backup.
    package static let maximumFailovers = 100
    /// Addresses of one backup.
    package static let maximumBackups = 8

    /// What is not understood counts as not set.
    package init(options: [String: String]) {
        self.init()
        watchesExchangers = options[Self.option] == "on"
        failovers = Self.failovers(options[Self.failoverOption] ?? "")
    }

    /// `mail.example.org=198.51.100.1,2001:db8::9#587` each, separated by spaces.
    package static func failovers(_ text: String) -> [Failover] {
        text.split(separator: " ").prefix(maximumFailovers).compactMap { part in
            let sides = part.split(separator: "=", maxSplits: 1)
            let values = sides.last?.split(separator: "#", maxSplits: 1) ?? []
            guard sides.count == 2, values.count == 2, let name = try? Name(sides[0]),
                let port = UInt16(values[1])
            else { return nil }
            let backups = values[0].split(separator: ",").compactMap { IPAddress($0) }
            guard !backups.isEmpty, backups.count <= maximumBackups else { return nil }
            return Failover(name: name, backups: backups, port: port)
        }
    }

    /// What `failovers` reads; nil for none.
    package static func text(of failovers: [Failover]) -> String? {
        guard !failovers.isEmpty else { return nil }
        return failovers.map {
            "\($0.name)=\($0.backups.map { "\($0)" }.joined(separator: ","))#\($0.port)"
        }.joined(separator: " ")
    }
}
