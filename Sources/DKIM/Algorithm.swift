// SPDX-License-Identifier: Apache-2.0

/// The hashes of DKIM (RFC 6376 §3.3).
package enum HashAlgorithm: String, Hashable, Sendable {
    case sha1
    case sha256
}

/// The kinds of keys (RFC 6376 §3.3, RFC 8463 §3).
package enum KeyKind: String, Hashable, Sendable {
    case rsa
    case ed25519
}

/// How a signature is made: a kind of key, and a hash.
package enum Algorithm: String, Hashable, Sendable {
    /// No verifier counts it any more (RFC 8301 §3.1).
    case rsaSHA1 = "rsa-sha1"
    case rsaSHA256 = "rsa-sha256"
    case ed25519SHA256 = "ed25519-sha256"

    package var kind: KeyKind { self == .ed25519SHA256 ? .ed25519 : .rsa }
    package var hash: HashAlgorithm { self == .rsaSHA1 ? .sha1 : .sha256 }
}

/// The mathematics, which stands outside: signatures and digests.
package protocol MailCryptography: Sendable {
    /// A new digest, of nothing so far.
    func digest(_ algorithm: HashAlgorithm) -> any RunningDigest

    /// A key as `p=` has it: for RSA SubjectPublicKeyInfo or RSAPublicKey in DER, for Ed25519 the
    /// 32 octets (RFC 8463 §4.2); nil if it cannot be used.
    func publicKey(_ kind: KeyKind, _ octets: [UInt8]) -> (any VerifyingKey)?
}

/// A digest that takes its input in pieces.
package protocol RunningDigest: Sendable {
    /// Takes the next piece.
    mutating func update(_ octets: UnsafeRawBufferPointer)
    /// The digest of all pieces.
    func value() -> [UInt8]
}

/// The public half of a key pair.
package protocol VerifyingKey: Sendable {
    /// Of an RSA key's modulus; 256 for Ed25519.
    var bits: Int { get }
    /// Whether the other half signed the octets: RSA by PKCS#1 v1.5 (RFC 8017 §8.2), Ed25519 the
    /// hash of the octets (RFC 8463 §3).
    func verifies(_ signature: [UInt8], of octets: [UInt8], _ hash: HashAlgorithm) -> Bool
}

/// The private half.
package protocol SigningKey: Sendable {
    var kind: KeyKind { get }
    /// As `p=` has it.
    var publicKey: [UInt8] { get }
    /// Signs the octets by way of their SHA-256.
    func signature(of octets: [UInt8]) throws -> [UInt8]
}
