// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// A 32-bit locator (RFC 6742 §2.2).
    static let l32 = Self("L32", 105, [.short, .ipv4])
}
