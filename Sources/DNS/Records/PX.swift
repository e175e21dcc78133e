// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// X.400 mail mapping (RFC 2163 §4).
    static let px = Self("PX", 26, [.short, .oldName, .oldName])
}
