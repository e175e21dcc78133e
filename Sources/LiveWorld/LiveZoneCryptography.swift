// SPDX-License-Identifier: Apache-2.0

import Crypto
import CryptoExtras
import SwiftASN1
import X509
package import ZoneCheck

/// Digests and signatures of DNSSEC and DANE, by the system's cryptography.
package struct LiveZoneCryptography: ZoneCryptography {
    package init() {}

    package func digest(_ kind: DigestKind, of octets: [UInt8]) -> [UInt8] {
        switch kind {
        case .sha1: Array(Insecure.SHA1.hash(data: octets))
        case .sha256: Array(SHA256.hash(data: octets))
        case .sha384: Array(SHA384.hash(data: octets))
        case .sha512: Array(SHA512.hash(data: octets))
        }
    }

    package func verifies(
        _ signature: [UInt8], over octets: [UInt8], algorithm: UInt8, publicKey: [UInt8]
    ) -> Bool? {
        switch algorithm {
        // RFC 3110, RFC 5155 §2: RSA/SHA-1.
        case 5, 7: verifiesRSA(signature, Insecure.SHA1.hash(data: octets), publicKey)
        // RFC 5702: RSA/SHA-256, RSA/SHA-512.
        case 8: verifiesRSA(signature, SHA256.hash(data: octets), publicKey)
        case 10: verifiesRSA(signature, SHA512.hash(data: octets), publicKey)
        // RFC 6605 §4: the two numbers of key and signature, each of full length.
        case 13:
            (try? P256.Signing.PublicKey(rawRepresentation: publicKey)).flatMap { key in
                (try? P256.Signing.ECDSASignature(rawRepresentation: signature)).map {
                    key.isValidSignature($0, for: SHA256.hash(data: octets))
                }
            } ?? false
        case 14:
            (try? P384.Signing.PublicKey(rawRepresentation: publicKey)).flatMap { key in
                (try? P384.Signing.ECDSASignature(rawRepresentation: signature)).map {
                    key.isValidSignature($0, for: SHA384.hash(data: octets))
                }
            } ?? false
        // RFC 8080 §3.
        case 15:
            (try? Curve25519.Signing.PublicKey(rawRepresentation: publicKey))
                .map { $0.isValidSignature(signature, for: octets) } ?? false
        default: nil
        }
    }

    /// RFC 3110 §2: the exponent with its length, then the modulus.
    private func verifiesRSA(
        _ signature: [UInt8], _ digest: some Digest, _ publicKey: [UInt8]
    ) -> Bool? {
        var rest = publicKey[...]
        guard var length = rest.popFirst().map(Int.init) else { return false }
        if length == 0 {
            length = rest.prefix(2).reduce(0) { $0 << 8 | Int($1) }
            rest = rest.dropFirst(2)
        }
        let exponent = rest.prefix(length).drop { $0 == 0 }
        let modulus = rest.dropFirst(length).drop { $0 == 0 }
        guard !exponent.isEmpty, exponent.count <= 512, modulus.count >= 64,
            let der = try? Self.subjectPublicKeyInfo(modulus, exponent)
        else { return false }
        // A key that is too short for the library to compute with is not judged.
        guard let key = try? _RSA.Signing.PublicKey(unsafeDERRepresentation: der) else {
            return nil
        }
        return key.isValidSignature(
            _RSA.Signing.RSASignature(rawRepresentation: signature), for: digest,
            padding: .insecurePKCS1v1_5)
    }

    /// RFC 5280 §4.1.2.7, RFC 8017 appendix A.1.
    private static func subjectPublicKeyInfo(
        _ modulus: ArraySlice<UInt8>, _ exponent: ArraySlice<UInt8>
    ) throws -> [UInt8] {
        var key = DER.Serializer()
        key.appendConstructedNode(identifier: .sequence) { coder in
            for number in [modulus, exponent] {
                // A leading zero keeps the number positive.
                let sign: [UInt8] = number.first.map { $0 & 0x80 != 0 } == true ? [0] : []
                coder.appendPrimitiveNode(identifier: .integer) { $0 += sign + number }
            }
        }
        var info = DER.Serializer()
        let octets = key.serializedBytes
        try info.appendConstructedNode(identifier: .sequence) { coder in
            try coder.appendConstructedNode(identifier: .sequence) { coder in
                try coder.serialize([1, 2, 840, 113549, 1, 1, 1] as ASN1ObjectIdentifier)
                try coder.serialize(ASN1Null())
            }
            try coder.serialize(ASN1BitString(bytes: octets[...]))
        }
        return info.serializedBytes
    }
}

extension ZoneFacts.Certificate {
    /// Each certificate of a PEM chain, for the names of the first; nil if one cannot be read.
    package static func chain(_ text: [UInt8]) -> [Self]? {
        let text = String(decoding: text, as: UTF8.self)
        guard let documents = try? PEMDocument.parseMultiple(pemString: text) else { return nil }
        let certificates = documents.filter { $0.discriminator == "CERTIFICATE" }
        guard let first = certificates.first, let leaf = try? Certificate(pemDocument: first) else {
            return nil
        }
        let names = ((try? leaf.extensions.subjectAlternativeNames) ?? SubjectAlternativeNames([]))
            .compactMap { if case .dnsName(let name) = $0 { name } else { nil } }
        var chain: [Self] = []
        for document in certificates {
            guard let certificate = try? Certificate(pemDocument: document) else { return nil }
            chain.append(
                Self(
                    names: names, certificate: Array(document.derBytes),
                    publicKey: Array(certificate.publicKey.subjectPublicKeyInfoBytes)))
        }
        return chain
    }
}
