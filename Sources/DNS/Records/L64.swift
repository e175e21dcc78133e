// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// A 64-bit locator (RFC 6742 §2.3).
    static let l64 = Self("L64", 106, [.short, .locator])
}
