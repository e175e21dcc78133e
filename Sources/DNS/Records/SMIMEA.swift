// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// A certificate association for S/MIME (RFC 8162 §2).
    static let smimea = Self("SMIMEA", 53, [.octet, .octet, .octet, .hex])
}
