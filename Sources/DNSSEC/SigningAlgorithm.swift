// SPDX-License-Identifier: Apache-2.0

/// How keys sign: the two algorithms that are recommended for signing (RFC 9904 §2).
package enum SigningAlgorithm: UInt8, Sendable, CaseIterable {
    /// ECDSA on the curve P-256 with SHA-256 (RFC 6605).
    case ecdsaP256 = 13
    /// RFC 8080.
    case ed25519 = 15

    /// As the registry has it.
    package var mnemonic: String {
        switch self {
        case .ecdsaP256: "ECDSAP256SHA256"
        case .ed25519: "ED25519"
        }
    }
}
