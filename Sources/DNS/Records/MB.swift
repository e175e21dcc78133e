// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// A mailbox domain name (RFC 1035 §3.3.3).
    static let mb = Self("MB", 7, [.compressedName])
}
