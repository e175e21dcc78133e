// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// A host's IPv4 address (RFC 1035 §3.4.1).
    static let a = Self("A", 1, [.ipv4])
}
