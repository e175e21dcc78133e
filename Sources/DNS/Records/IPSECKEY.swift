// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// A key for IPsec (RFC 4025 §2).
    static let ipseckey = Self("IPSECKEY", 45, [.octet, .octet, .octet, .gateway])
}
