// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// A list of address prefixes (RFC 3123 §4).
    static let apl = Self("APL", 42, [.prefixes])
}
