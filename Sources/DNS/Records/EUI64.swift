// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// A 64-bit hardware address (RFC 7043 §4).
    static let eui64 = Self("EUI64", 109, [.hardware(8)])
}
