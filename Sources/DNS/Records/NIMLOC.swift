// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// A Nimrod locator (draft-ietf-nimrod-dns).
    static let nimloc = Self("NIMLOC", 32, [.hex])
}
