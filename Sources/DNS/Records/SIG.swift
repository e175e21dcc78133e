// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// A signature as RFC 2535 §4.1 wrote it.
    static let sig = Self(
        "SIG", 24, [.type, .algorithm, .octet, .long, .time, .time, .short, .oldName, .base64])
}
