// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// A mail forwarder, obsolete (RFC 1035 §3.3.5).
    static let mf = Self("MF", 4, [.compressedName])
}
