// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// A relay for multicast (RFC 8777 §4).
    static let amtrelay = Self("AMTRELAY", 260, [.octet, .relay])
}
