// SPDX-License-Identifier: Apache-2.0

import Bytes
package import DKIM
package import World

/// Signatures and digests that behave as real ones do, cost nothing, and could be forged by
/// anybody.
///
/// The same chance gives the same keys, the same key over the same octets the same signature.
package struct SimulatedMailCryptography: MailCryptography, SigningKeyMaker {
    private let entropy: any Entropy

    /// Keys are made from `entropy`.
    package init(entropy: any Entropy) { self.entropy = entropy }

    package func digest(_ algorithm: HashAlgorithm) -> any RunningDigest {
        Digest(count: algorithm == .sha1 ? 20 : 32)
    }

    package func publicKey(_ kind: KeyKind, _ octets: [UInt8]) -> (any VerifyingKey)? {
        octets.count == Self.publicOctets(kind) ? PublicKey(kind: kind, octets: octets) : nil
    }

    package func makeKey(_ kind: KeyKind) -> (secret: [UInt8], key: any SigningKey) {
        let secret = entropy.octets(32)
        return (secret, PrivateKey(kind: kind, secret: secret))
    }

    package func key(_ kind: KeyKind, secret: [UInt8]) -> (any SigningKey)? {
        secret.count == 32 ? PrivateKey(kind: kind, secret: secret) : nil
    }

    private static func publicOctets(_ kind: KeyKind) -> Int { kind == .rsa ? 294 : 32 }

    private struct Digest: RunningDigest {
        let count: Int
        var hash = FowlerHash()

        mutating func update(_ octets: UnsafeRawBufferPointer) {
            for octet in octets { hash.add(octet) }
        }
        func value() -> [UInt8] { hash.stretched(count) }
    }

    private struct PublicKey: VerifyingKey {
        let kind: KeyKind
        let octets: [UInt8]
        var bits: Int { kind == .rsa ? 2048 : 256 }

        func verifies(
            _ signature: [UInt8], of octets: [UInt8], _ hash: HashAlgorithm
        ) -> Bool {
            signature == Self.signature(self.octets, octets, kind)
        }

        static func signature(
            _ publicKey: [UInt8], _ octets: [UInt8], _ kind: KeyKind
        ) -> [UInt8] {
            FowlerHash(publicKey + octets).stretched(kind == .rsa ? 256 : 64)
        }
    }

    private struct PrivateKey: SigningKey {
        let kind: KeyKind
        let secret: [UInt8]
        var publicKey: [UInt8] { FowlerHash(secret).stretched(publicOctets(kind)) }

        func signature(of octets: [UInt8]) -> [UInt8] {
            PublicKey.signature(publicKey, octets, kind)
        }
    }
}
