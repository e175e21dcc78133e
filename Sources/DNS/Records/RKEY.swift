// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// A key for NAPTR records (draft-reid-dnsext-rkey).
    static let rkey = Self("RKEY", 57, [.short, .octet, .algorithm, .base64])
}
