// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// An ISDN address (RFC 1183 §3.2).
    static let isdn = Self("ISDN", 20, [.string, .optionalString])
}
