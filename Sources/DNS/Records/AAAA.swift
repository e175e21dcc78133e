// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// A host's IPv6 address (RFC 3596 §2.1).
    static let aaaa = Self("AAAA", 28, [.ipv6])
}
