// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// A geographical position (RFC 1712 §3).
    static let gpos = Self("GPOS", 27, [.string, .string, .string])
}
