// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// A digest of the zone (RFC 8976 §2).
    static let zonemd = Self("ZONEMD", 63, [.long, .octet, .octet, .hex])
}
