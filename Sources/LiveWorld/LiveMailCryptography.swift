// SPDX-License-Identifier: Apache-2.0

import Bytes
import Crypto
import CryptoExtras
package import DKIM
import SwiftASN1
import Synchronization

/// Digests and signatures of mail (RFC 6376 §3.3, RFC 8463), by the system's cryptography.
package final class LiveMailCryptography: MailCryptography, SigningKeyMaker {
    /// Keys that were read lately: most mail comes from few domains.
    private let known = Mutex<[Place: any VerifyingKey]>([:])

    private struct Place: Hashable {
        let kind: KeyKind
        let octets: [UInt8]
    }

    /// A megabyte or two; when it is full it begins anew.
    private static let maximumKnown = 2000

    package init() {}

    package func digest(_ algorithm: HashAlgorithm) -> any RunningDigest {
        switch algorithm {
        case .sha1: Running<Insecure.SHA1>()
        case .sha256: Running<SHA256>()
        }
    }

    package func publicKey(_ kind: KeyKind, _ octets: [UInt8]) -> (any VerifyingKey)? {
        let place = Place(kind: kind, octets: octets)
        if let key = known.withLock({ $0[place] }) { return key }
        guard let key = Self.read(kind, octets) else { return nil }
        known.withLock { known in
            if known.count >= Self.maximumKnown { known.removeAll() }
            known[place] = key
        }
        return key
    }

    package func makeKey(_ kind: KeyKind) throws -> (secret: [UInt8], key: any SigningKey) {
        let key = try LiveSigningKey(new: kind)
        return (key.secret, key)
    }

    package func key(_ kind: KeyKind, secret: [UInt8]) -> (any SigningKey)? {
        LiveSigningKey(kind, secret: secret)
    }

    private static func read(_ kind: KeyKind, _ octets: [UInt8]) -> (any VerifyingKey)? {
        switch kind {
        case .ed25519:
            (try? Curve25519.Signing.PublicKey(rawRepresentation: octets)).map { EdwardsKey($0) }
        case .rsa: RSAKey(octets)
        }
    }
}

private struct Running<Hash: HashFunction & Sendable>: RunningDigest {
    private var hash = Hash()

    mutating func update(_ octets: UnsafeRawBufferPointer) { hash.update(bufferPointer: octets) }
    func value() -> [UInt8] { Array(hash.finalize()) }
}

private struct EdwardsKey: VerifyingKey {
    private let key: Curve25519.Signing.PublicKey
    let bits = 256

    init(_ key: Curve25519.Signing.PublicKey) { self.key = key }

    /// RFC 8463 §3: signed is the hash.
    func verifies(_ signature: [UInt8], of octets: [UInt8], _ hash: HashAlgorithm) -> Bool {
        key.isValidSignature(signature, for: Array(SHA256.hash(data: octets)))
    }
}

private struct RSAKey: VerifyingKey {
    /// Nil: it is too short for the library.
    private let key: _RSA.Signing.PublicKey?
    private let weak: ShortRSAKey?
    let bits: Int

    /// SubjectPublicKeyInfo (RFC 5280 §4.1.2.7), or RSAPublicKey alone (RFC 8017 appendix A.1.1).
    init?(_ octets: [UInt8]) {
        guard let numbers = RSANumbers(octets) else { return nil }
        bits = numbers.bits
        if let key = try? _RSA.Signing.PublicKey(unsafeDERRepresentation: numbers.keyInfo) {
            self.key = key
            weak = nil
        } else {
            key = nil
            guard let weak = ShortRSAKey(numbers) else { return nil }
            self.weak = weak
        }
    }

    func verifies(_ signature: [UInt8], of octets: [UInt8], _ hash: HashAlgorithm) -> Bool {
        switch hash {
        case .sha1: verifies(signature, Insecure.SHA1.hash(data: octets), hash)
        case .sha256: verifies(signature, SHA256.hash(data: octets), hash)
        }
    }

    private func verifies(
        _ signature: [UInt8], _ digest: some Digest, _ hash: HashAlgorithm
    ) -> Bool {
        guard let key else { return weak?.verifies(signature, Array(digest), hash) ?? false }
        return key.isValidSignature(
            _RSA.Signing.RSASignature(rawRepresentation: signature), for: digest,
            padding: .insecurePKCS1v1_5)
    }
}

/// The modulus and the exponent of an RSA key.
struct RSANumbers {
    let modulus: ArraySlice<UInt8>
    let exponent: ArraySlice<UInt8>
    /// SubjectPublicKeyInfo in DER.
    let keyInfo: [UInt8]

    init?(_ octets: [UInt8]) {
        guard let root = try? DER.parse(octets) else { return nil }
        let rsaEncryption: ASN1ObjectIdentifier = [1, 2, 840, 113549, 1, 1, 1]
        let inner = try? DER.sequence(root, identifier: .sequence) { nodes in
            guard let first = nodes.next() else {
                throw ASN1Error.invalidASN1Object(reason: "no algorithm")
            }
            let isRSA = try DER.sequence(first, identifier: .sequence) { algorithm in
                let object = try ASN1ObjectIdentifier(derEncoded: &algorithm)
                while algorithm.next() != nil {}
                return object == rsaEncryption
            }
            guard isRSA else { throw ASN1Error.invalidASN1Object(reason: "another algorithm") }
            return try ASN1BitString(derEncoded: &nodes)
        }
        let key = inner.map { Array($0.bytes) } ?? octets
        let integers = try? DER.sequence(try DER.parse(key), identifier: .sequence) { nodes in
            (
                try ArraySlice<UInt8>(derEncoded: &nodes), try ArraySlice<UInt8>(derEncoded: &nodes)
            )
        }
        guard let integers else { return nil }
        modulus = integers.0.drop { $0 == 0 }
        exponent = integers.1.drop { $0 == 0 }
        guard !modulus.isEmpty, (1...8).contains(exponent.count) else { return nil }
        if inner != nil {
            keyInfo = octets
        } else {
            var info = DER.Serializer()
            do {
                try info.appendConstructedNode(identifier: .sequence) { coder in
                    try coder.appendConstructedNode(identifier: .sequence) { coder in
                        try coder.serialize(rsaEncryption)
                        try coder.serialize(ASN1Null())
                    }
                    try coder.serialize(ASN1BitString(bytes: octets[...]))
                }
            } catch {
                return nil
            }
            keyInfo = info.serializedBytes
        }
    }

    var bits: Int { modulus.count * 8 - (modulus.first?.leadingZeroBitCount ?? 0) }
}
