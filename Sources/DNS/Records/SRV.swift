// SPDX-License-Identifier: Apache-2.0

/// `SRV`, the location of a service (RFC 2782).
package struct SRV: Hashable, Sendable {
    /// Lower is tried first.
    package var priority: UInt16
    /// The share among equals.
    package var weight: UInt16
    package var port: UInt16
    /// The host; the root when the service is decidedly not offered.
    package var target: Name

    package init(priority: UInt16, weight: UInt16, port: UInt16, target: Name) {
        self.priority = priority
        self.weight = weight
        self.port = port
        self.target = target
    }
}

extension RecordFormat {
    /// The location of a service (RFC 2782).
    static let srv = Self("SRV", 33, [.short, .short, .short, .oldName])
}
