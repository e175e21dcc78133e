// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// A signature over a set of records (RFC 4034 §3).
    static let rrsig = Self(
        "RRSIG", 46, [.type, .algorithm, .octet, .long, .time, .time, .short, .name, .base64])
}
