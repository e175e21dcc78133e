// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// Mailbox information (RFC 1035 §3.3.7).
    static let minfo = Self("MINFO", 14, [.compressedName, .compressedName])
}
