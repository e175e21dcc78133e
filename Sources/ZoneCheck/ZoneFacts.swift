// SPDX-License-Identifier: Apache-2.0

package import DNS

/// What is known beside the zone, by who operates the hosts that it names.
package struct ZoneFacts: Sendable {
    /// A certificate as TLSA records speak of it (RFC 6698 §2.1).
    package struct Certificate: Sendable {
        /// The names it is valid for; a first label `*` stands for one label.
        package var names: [String]
        /// The whole certificate in DER.
        package var certificate: [UInt8]
        /// Its SubjectPublicKeyInfo in DER.
        package var publicKey: [UInt8]

        package init(names: [String], certificate: [UInt8], publicKey: [UInt8]) {
            self.names = names
            self.certificate = certificate
            self.publicKey = publicKey
        }
    }

    /// The certificates that our servers show, with those they show beside them.
    package var certificates: [Certificate] = []
    /// The policy files that are served at `https://mta-sts.DOMAIN/.well-known/mta-sts.txt`.
    package var policies: [(domain: Name, text: [UInt8])] = []

    package init() {}
}

/// Digests and signatures, which the cores do not compute themselves.
package protocol ZoneCryptography: Sendable {
    /// Nil for a kind that is not known.
    func digest(_ kind: DigestKind, of octets: [UInt8]) -> [UInt8]

    /// Whether the signature is the key's over the octets (RFC 4034 §3.1.8.1).
    ///
    /// Nil for an algorithm that is not known or too weak to be computed; a key that cannot be
    /// read verifies nothing.
    func verifies(
        _ signature: [UInt8], over octets: [UInt8], algorithm: UInt8, publicKey: [UInt8]
    ) -> Bool?
}

/// The digests that DNSSEC and DANE use.
package enum DigestKind: Sendable {
    case sha1
    case sha256
    case sha384
    case sha512
}
