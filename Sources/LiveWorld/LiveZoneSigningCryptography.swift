// SPDX-License-Identifier: Apache-2.0

import Crypto
package import DNSSEC

/// Keys and digests of signed zones, by the system's cryptography.
package struct LiveZoneSigningCryptography: ZoneSigningCryptography {
    package init() {}

    package func digest(_ kind: DelegationDigest, of octets: [UInt8]) -> [UInt8] {
        switch kind {
        case .sha256: Array(SHA256.hash(data: octets))
        case .sha384: Array(SHA384.hash(data: octets))
        }
    }

    package func key(_ algorithm: SigningAlgorithm, secret: [UInt8]) -> (any ZoneSigningKey)? {
        switch algorithm {
        case .ecdsaP256:
            (try? P256.Signing.PrivateKey(rawRepresentation: secret)).map(CurveKey.init)
        case .ed25519:
            (try? Curve25519.Signing.PrivateKey(rawRepresentation: secret)).map(EdwardsKey.init)
        }
    }

    /// RFC 6605 §4: the two numbers of key and signature, each of full length.
    private struct CurveKey: ZoneSigningKey {
        let key: P256.Signing.PrivateKey
        let publicKey: [UInt8]
        var algorithm: SigningAlgorithm { .ecdsaP256 }

        init(_ key: P256.Signing.PrivateKey) {
            self.key = key
            publicKey = Array(key.publicKey.rawRepresentation)
        }

        func sign(_ octets: [UInt8]) -> [UInt8] {
            guard let signature = try? key.signature(for: SHA256.hash(data: octets)) else {
                preconditionFailure("a key signs whatever there is")
            }
            return Array(signature.rawRepresentation)
        }
    }

    /// RFC 8080 §3, §4.
    private struct EdwardsKey: ZoneSigningKey {
        let key: Curve25519.Signing.PrivateKey
        let publicKey: [UInt8]
        var algorithm: SigningAlgorithm { .ed25519 }

        init(_ key: Curve25519.Signing.PrivateKey) {
            self.key = key
            publicKey = Array(key.publicKey.rawRepresentation)
        }

        func sign(_ octets: [UInt8]) -> [UInt8] {
            guard let signature = try? key.signature(for: octets) else {
                preconditionFailure("a key signs whatever there is")
            }
            return Array(signature)
        }
    }
}
