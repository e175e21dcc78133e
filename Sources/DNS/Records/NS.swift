// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// An authoritative name server (RFC 1035 §3.3.11).
    static let ns = Self("NS", 2, [.compressedName])
}
