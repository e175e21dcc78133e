// SPDX-License-Identifier: Apache-2.0

import Crypto
import CryptoExtras

/// The hash with which a SCRAM mechanism works (RFC 5802 §4).
package enum SCRAMHash: Hashable, Sendable {
    /// RFC 7677.
    case sha256
    /// RFC 5802 itself, for those who know nothing better.
    case sha1

    /// Of a digest, and so of every key.
    package var octetCount: Int {
        switch self {
        case .sha256: SHA256.byteCount
        case .sha1: Insecure.SHA1.byteCount
        }
    }

    /// How many iterations make each guess as expensive as `count` with SHA-256 do.
    ///
    /// Who has stolen the keys guesses against those that are cheaper. On graphics processors,
    /// which guess fastest, an iteration with SHA-1 costs less than half of one with SHA-256: two
    /// and a half times as many leave a margin.
    package func iterations(asExpensiveAs count: Int) -> Int {
        switch self {
        case .sha256: count
        case .sha1: count * Self.sha1IterationsPerTwo / 2
        }
    }

    private static let sha1IterationsPerTwo = 5

    func digest(_ message: [UInt8]) -> [UInt8] {
        switch self {
        case .sha256: Array(SHA256.hash(data: message))
        case .sha1: Array(Insecure.SHA1.hash(data: message))
        }
    }

    func hmac(_ key: [UInt8], _ message: [UInt8]) -> [UInt8] {
        let key = SymmetricKey(data: key)
        return switch self {
        case .sha256: Array(HMAC<SHA256>.authenticationCode(for: message, using: key))
        case .sha1: Array(HMAC<Insecure.SHA1>.authenticationCode(for: message, using: key))
        }
    }

    /// `Hi()`: PBKDF2 with HMAC and one block of output (RFC 5802 §2.2).
    func saltedPassword(_ password: [UInt8], salt: [UInt8], iterations: Int) -> [UInt8] {
        let function: KDF.Insecure.PBKDF2.HashFunction =
            switch self {
            case .sha256: .sha256
            case .sha1: .insecureSHA1
            }
        guard
            let key = try? KDF.Insecure.PBKDF2.deriveKey(
                from: password, salt: salt, using: function, outputByteCount: octetCount,
                unsafeUncheckedRounds: iterations)
        else { preconditionFailure("PBKDF2 fails only for lack of memory") }
        return key.withUnsafeBytes { Array($0) }
    }
}
