// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// An alias's canonical name (RFC 1035 §3.3.1).
    static let cname = Self("CNAME", 5, [.compressedName])
}
