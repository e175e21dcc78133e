// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// A delegation signer (RFC 4034 §5).
    static let ds = Self("DS", 43, [.short, .algorithm, .octet, .hex])
}
