// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// The next hashed name (RFC 5155 §3).
    static let nsec3 = Self("NSEC3", 50, [.octet, .octet, .short, .salt, .base32, .types])
}
