// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// The parameters of hashed denial (RFC 5155 §4).
    static let nsec3param = Self("NSEC3PARAM", 51, [.octet, .octet, .short, .salt])
}
