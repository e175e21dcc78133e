// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// A mail group member (RFC 1035 §3.3.6).
    static let mg = Self("MG", 8, [.compressedName])
}
