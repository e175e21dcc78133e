// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// An endpoint identifier (draft-ietf-nimrod-dns).
    static let eid = Self("EID", 31, [.hex])
}
