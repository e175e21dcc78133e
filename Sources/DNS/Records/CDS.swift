// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// A child's copy of its DS record (RFC 7344 §3.1).
    static let cds = Self("CDS", 59, [.short, .algorithm, .octet, .hex])
}
