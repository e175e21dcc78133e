// SPDX-License-Identifier: Apache-2.0

import Bytes
import Crypto
import CryptoExtras
package import DKIM

/// The private half of a DKIM key, by the system's cryptography.
package struct LiveSigningKey: SigningKey {
    private enum Key: Sendable {
        case rsa(_RSA.Signing.PrivateKey, RSASigner)
        case edwards(Curve25519.Signing.PrivateKey)

        /// Nil if libcrypto does not take it.
        init?(_ key: _RSA.Signing.PrivateKey) {
            guard let signer = RSASigner(der: Array(key.derRepresentation)) else { return nil }
            self = .rsa(key, signer)
        }
    }

    private let key: Key

    /// Before the 32 octets of an Ed25519 key in PKCS#8 (RFC 8410 §7).
    private static let edwardsPrefix: [UInt8] = [
        0x30, 0x2E, 2, 1, 0, 0x30, 5, 6, 3, 0x2B, 0x65, 0x70, 4, 0x22, 4, 0x20,
    ]

    /// Reads PEM, PKCS#8 or PKCS#1; nil if it cannot be used.
    ///
    /// For Ed25519 also the 32 octets in Base64, as RFC 8463 prints them.
    package init?(pem text: String) {
        let digits = text.split(whereSeparator: \.isNewline).filter { !$0.hasPrefix("-----") }
            .joined().filter { !$0.isWhitespace }
        guard let octets = Base64.decode(digits.utf8) else { return nil }
        let edwards =
            octets.count == 32
            ? octets
            : octets.starts(with: Self.edwardsPrefix)
                ? Array(octets.dropFirst(Self.edwardsPrefix.count).prefix(32)) : nil
        if let edwards {
            guard let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: edwards) else {
                return nil
            }
            self.key = .edwards(key)
        } else {
            guard let key = try? _RSA.Signing.PrivateKey(unsafePEMRepresentation: text),
                let key = Key(key)
            else { return nil }
            self.key = key
        }
    }

    /// A new key: RSA with 2048 bits (RFC 8301 §3.2), or Ed25519.
    package init(new kind: KeyKind) throws {
        switch kind {
        case .rsa:
            let key = try _RSA.Signing.PrivateKey(keySize: .bits2048)
            guard let key = Key(key) else { throw RSASigner.Failure() }
            self.key = key
        case .ed25519: key = .edwards(Curve25519.Signing.PrivateKey())
        }
    }

    /// Reads what `secret` is.
    package init?(_ kind: KeyKind, secret: [UInt8]) {
        switch kind {
        case .rsa:
            guard let key = try? _RSA.Signing.PrivateKey(derRepresentation: secret),
                let key = Key(key)
            else { return nil }
            self.key = key
        case .ed25519:
            guard let key = try? Curve25519.Signing.PrivateKey(rawRepresentation: secret) else {
                return nil
            }
            self.key = .edwards(key)
        }
    }

    /// The private half: DER of an RSA key, the 32 octets of an Ed25519 key.
    package var secret: [UInt8] {
        switch key {
        case .rsa(let key, _): Array(key.derRepresentation)
        case .edwards(let key): Array(key.rawRepresentation)
        }
    }

    /// The private half in PEM, as PKCS#8.
    package var pem: String {
        switch key {
        case .rsa(let key, _): return key.pkcs8PEMRepresentation + "\n"
        case .edwards(let key):
            let octets = Self.edwardsPrefix + Array(key.rawRepresentation)
            return "-----BEGIN PRIVATE KEY-----\n\(Base64.encode(octets))\n"
                + "-----END PRIVATE KEY-----\n"
        }
    }

    package var kind: KeyKind {
        switch key {
        case .rsa: .rsa
        case .edwards: .ed25519
        }
    }

    package var publicKey: [UInt8] {
        switch key {
        case .rsa(let key, _): Array(key.publicKey.derRepresentation)
        case .edwards(let key): Array(key.publicKey.rawRepresentation)
        }
    }

    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 6376 §3.3.2), or Ed25519 of the SHA-256 (RFC 8463 §3).
    package func signature(of octets: [UInt8]) throws -> [UInt8] {
        let digest = Array(SHA256.hash(data: octets))
        switch key {
        case .rsa(_, let signer): return try signer.signature(of: digest)
        case .edwards(let key): return Array(try key.signature(for: digest))
        }
    }
}
