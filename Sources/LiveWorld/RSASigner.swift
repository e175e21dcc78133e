// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// The private half of an RSA key, for signing much: by the system's libcrypto.
///
/// Its RSA knows the vector instructions of today's processors (AVX-512 IFMA) and signs more than
/// twice as fast as the library that is built in; libunbound brings it along anyway.
final class RSASigner: Sendable {
    /// What each signature begins from: key, padding and digest are set.
    ///
    /// It is only ever copied, which any number of threads may do at once.
    private nonisolated(unsafe) let prototype: OpaquePointer
    private let octets: Int

    /// A refusal of the library, which a sound key never meets.
    struct Failure: Error, CustomStringConvertible {
        let description = "libcrypto does not sign with this RSA key"
    }

    /// Reads DER, PKCS#1 or PKCS#8; nil if it holds no RSA key.
    init?(der: [UInt8]) {
        let key = der.withUnsafeBufferPointer { der in
            var start = der.baseAddress
            return d2i_AutoPrivateKey(nil, &start, der.count)
        }
        guard let key else { return nil }
        // The context keeps the key.
        defer { EVP_PKEY_free(key) }
        guard EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA,
            let context = EVP_PKEY_CTX_new(key, nil)
        else { return nil }
        // RSASSA-PKCS1-v1_5 (RFC 8017 §8.2) of a SHA-256.
        guard EVP_PKEY_sign_init(context) == 1,
            EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1,
            EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) == 1
        else {
            EVP_PKEY_CTX_free(context)
            return nil
        }
        prototype = context
        octets = Int(EVP_PKEY_get_size(key))
    }

    deinit { EVP_PKEY_CTX_free(prototype) }

    /// The signature of a SHA-256.
    func signature(of digest: [UInt8]) throws -> [UInt8] {
        guard let context = EVP_PKEY_CTX_dup(prototype) else { throw Failure() }
        defer { EVP_PKEY_CTX_free(context) }
        return try [UInt8](unsafeUninitializedCapacity: octets) { result, count in
            count = octets
            guard
                EVP_PKEY_sign(context, result.baseAddress, &count, digest, digest.count) == 1
            else {
                count = 0
                throw Failure()
            }
        }
    }
}
