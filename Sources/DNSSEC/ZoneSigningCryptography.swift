// SPDX-License-Identifier: Apache-2.0

package import DNS
package import World

/// Keys and digests for signing, which the cores do not compute themselves.
package protocol ZoneSigningCryptography: Sendable {
    /// As DS records have it (RFC 4034 §5.1.4).
    func digest(_ kind: DelegationDigest, of octets: [UInt8]) -> [UInt8]

    /// The key with these 32 secret octets; nil for octets that make none.
    func key(_ algorithm: SigningAlgorithm, secret: [UInt8]) -> (any ZoneSigningKey)?
}

/// A private key, ready for signing.
package protocol ZoneSigningKey: Sendable {
    var algorithm: SigningAlgorithm { get }
    /// As a DNSKEY record has it.
    var publicKey: [UInt8] { get }
    /// As an RRSIG record has it.
    func sign(_ octets: [UInt8]) -> [UInt8]
}

/// The digests of DS records that are to be used (RFC 9904 §2).
package enum DelegationDigest: UInt8, Sendable, CaseIterable {
    case sha256 = 2
    case sha384 = 4
}

extension ZoneSigningCryptography {
    /// The octets of a secret that a key is made of.
    package static var secretOctets: Int { 32 }

    /// Makes a key from chance; `isAllowed` may ask for another one, as when its tag is taken.
    package func makeKey(
        _ algorithm: SigningAlgorithm, from entropy: any Entropy,
        isAllowed: (any ZoneSigningKey) -> Bool = { _ in true }
    ) -> (secret: [UInt8], key: any ZoneSigningKey) {
        while true {
            let secret = entropy.octets(Self.secretOctets)
            if let key = key(algorithm, secret: secret), isAllowed(key) { return (secret, key) }
        }
    }

    /// The DS record that makes the zone above trust a key (RFC 4034 §5.1.4).
    package func delegationSigner(
        of key: DNSKEY, at origin: Name, _ kind: DelegationDigest = .sha256
    ) -> DS {
        DS(
            tag: key.tag, algorithm: key.algorithm, digestType: kind.rawValue,
            digest: digest(kind, of: origin.lowercased.wire + key.wire))
    }

    /// Whether a DS record, or one in CDS, is a key's.
    package func matches(_ ds: DS, _ key: DNSKEY, at origin: Name) -> Bool {
        guard let kind = DelegationDigest(rawValue: ds.digestType) else { return false }
        return ds == delegationSigner(of: key, at: origin, kind)
    }
}
