// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// A mail destination, obsolete (RFC 1035 §3.3.4).
    static let md = Self("MD", 3, [.compressedName])
}
