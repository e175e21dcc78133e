// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// An AFS data base (RFC 1183 §1).
    static let afsdb = Self("AFSDB", 18, [.short, .oldName])
}
