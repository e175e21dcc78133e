// SPDX-License-Identifier: Apache-2.0

extension RecordFormat {
    /// An SSH host key's fingerprint (RFC 4255 §3.1).
    static let sshfp = Self("SSHFP", 44, [.octet, .octet, .hex])
}
