// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// An X.25 address (RFC 1183 §3.1).
    static let x25 = Self("X25", 19, [.string])
}
