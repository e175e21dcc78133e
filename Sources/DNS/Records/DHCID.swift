// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// A DHCP identity (RFC 4701 §3).
    static let dhcid = Self("DHCID", 49, [.base64])
}
