// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// A pointer to another name (RFC 1035 §3.3.12).
    static let ptr = Self("PTR", 12, [.compressedName])
}
