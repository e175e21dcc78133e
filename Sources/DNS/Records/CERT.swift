// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// A certificate (RFC 4398 §2).
    static let cert = Self("CERT", 37, [.certificateType, .short, .algorithm, .base64])
}
