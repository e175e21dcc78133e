// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// A zone's public key (RFC 4034 §2).
    static let dnskey = Self("DNSKEY", 48, [.short, .octet, .algorithm, .base64])
}
