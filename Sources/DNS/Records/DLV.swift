// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// Look-aside validation, obsolete, in the form of DS (RFC 4431 §2).
    static let dlv = Self("DLV", 32769, [.short, .algorithm, .octet, .hex])
}
