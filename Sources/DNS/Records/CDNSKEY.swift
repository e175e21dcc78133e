// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// A child's copy of its key (RFC 7344 §3.2).
    static let cdnskey = Self("CDNSKEY", 60, [.short, .octet, .algorithm, .base64])
}
