// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// Text (RFC 1035 §3.3.14).
    static let txt = Self("TXT", 16, [.strings])
}
