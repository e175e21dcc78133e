// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// A mail rename domain name (RFC 1035 §3.3.8).
    static let mr = Self("MR", 9, [.compressedName])
}
