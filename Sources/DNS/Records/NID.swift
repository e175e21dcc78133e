// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// A node identifier (RFC 6742 §2.1).
    static let nid = Self("NID", 104, [.short, .locator])
}
