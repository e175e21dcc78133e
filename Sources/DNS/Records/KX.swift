// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// A key exchanger (RFC 2230 §3.1).
    static let kx = Self("KX", 36, [.short, .oldName])
}
