// SPDX-License-Identifier: Apache-2.0

/// `MX` (RFC 1035 §3.3.9).
package struct MX: Hashable, Sendable {
    /// Lower is tried first.
    package var preference: UInt16
    /// The host that accepts mail; the root for a Null MX (RFC 7505 §3).
    package var exchange: Name

    package init(preference: UInt16, exchange: Name) {
        self.preference = preference
        self.exchange = exchange
    }
}

extension RecordFormat {
    /// A mail exchange (RFC 1035 §3.3.9).
    static let mx = Self("MX", 15, [.short, .compressedName])
}
