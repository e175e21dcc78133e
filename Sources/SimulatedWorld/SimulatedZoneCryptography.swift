// SPDX-License-Identifier: Apache-2.0

import Bytes
package import DNSSEC

/// Keys and digests that behave as real ones do, and that anybody could forge.
///
/// The same secret gives the same key, the same key over the same octets the same signature.
package struct SimulatedZoneCryptography: ZoneSigningCryptography {
    package init() {}

    package func digest(_ kind: DelegationDigest, of octets: [UInt8]) -> [UInt8] {
        Self.scramble([kind.rawValue] + octets, kind == .sha256 ? 32 : 48)
    }

    package func key(_ algorithm: SigningAlgorithm, secret: [UInt8]) -> (any ZoneSigningKey)? {
        guard secret.count == Self.secretOctets else { return nil }
        return Key(
            algorithm: algorithm,
            publicKey: Self.scramble(secret, algorithm == .ecdsaP256 ? 64 : 32))
    }

    /// Whether a signature is the key's over the octets.
    package func verifies(
        _ signature: [UInt8], over octets: [UInt8], publicKey: [UInt8]
    ) -> Bool {
        signature == Self.scramble(publicKey + octets, 64)
    }

    private struct Key: ZoneSigningKey {
        let algorithm: SigningAlgorithm
        let publicKey: [UInt8]
        func sign(_ octets: [UInt8]) -> [UInt8] { scramble(publicKey + octets, 64) }
    }

    private static func scramble(_ octets: [UInt8], _ count: Int) -> [UInt8] {
        FowlerHash(octets).stretched(count)
    }
}
