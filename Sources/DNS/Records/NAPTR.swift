// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// A naming authority pointer (RFC 3403 §4.1).
    static let naptr = Self("NAPTR", 35, [.short, .short, .string, .string, .string, .oldName])
}
