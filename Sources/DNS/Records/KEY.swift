// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// A public key (RFC 2535 §3.1).
    static let key = Self("KEY", 25, [.short, .octet, .algorithm, .optionalBase64])
}
