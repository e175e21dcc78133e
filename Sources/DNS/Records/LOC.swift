// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// A location (RFC 1876 §2).
    static let loc = Self("LOC", 29, [.location])
}
