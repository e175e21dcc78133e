// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// A 48-bit hardware address (RFC 7043 §3).
    static let eui48 = Self("EUI48", 108, [.hardware(6)])
}
