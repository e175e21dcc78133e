// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// Host information (RFC 1035 §3.3.2).
    static let hinfo = Self("HINFO", 13, [.string, .string])
}
