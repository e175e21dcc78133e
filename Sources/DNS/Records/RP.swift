// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// The responsible person (RFC 1183 §2.2).
    static let rp = Self("RP", 17, [.oldName, .oldName])
}
