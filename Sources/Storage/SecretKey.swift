// SPDX-License-Identifier: Apache-2.0

import Crypto
package import World

/// Seals what this host must read again, such as its password at a smarthost, so that whoever gets
/// hold of the database alone cannot.
package struct SecretKey: Sendable {
    /// How long a key is.
    package static let octetCount = 32

    /// Before what is sealed, so that another way of sealing can be told from this one.
    private static let format: UInt8 = 1
    private static let nonceOctets = 12

    private let key: SymmetricKey

    /// Takes `octetCount` octets that nobody can guess.
    package init(_ octets: [UInt8]) {
        precondition(octets.count == Self.octetCount, "a key has \(Self.octetCount) octets")
        key = SymmetricKey(data: octets)
    }

    /// ChaCha20-Poly1305 (RFC 8439); it opens for the same purpose only, so that what is moved to
    /// another row is of no use there.
    package func seal(
        _ secret: String, for purpose: String, entropy: some Entropy
    ) throws(StorageFailure) -> [UInt8] {
        try seal(Array(secret.utf8), for: purpose, entropy: entropy)
    }

    /// The same for octets.
    package func seal(
        _ secret: [UInt8], for purpose: String, entropy: some Entropy
    ) throws(StorageFailure) -> [UInt8] {
        do {
            let nonce = try ChaChaPoly.Nonce(data: entropy.octets(Self.nonceOctets))
            let box = try ChaChaPoly.seal(
                secret, using: key, nonce: nonce,
                authenticating: Array(purpose.utf8))
            return [Self.format] + Array(box.combined)
        } catch {
            throw .inputOutput("a secret could not be sealed: \(error)")
        }
    }

    /// The text that was sealed for this purpose with this key; nil if it was not.
    package func open(_ sealed: [UInt8], for purpose: String) -> String? {
        octets(in: sealed, for: purpose).flatMap { String(validating: $0, as: UTF8.self) }
    }

    /// The octets that were sealed for this purpose with this key; nil if they were not.
    package func octets(in sealed: [UInt8], for purpose: String) -> [UInt8]? {
        guard sealed.first == Self.format,
            let box = try? ChaChaPoly.SealedBox(combined: sealed.dropFirst()),
            let octets = try? ChaChaPoly.open(
                box, using: key, authenticating: Array(purpose.utf8))
        else { return nil }
        return Array(octets)
    }
}

/// Where the key is kept: apart from the database.
package protocol SecretKeySource: Sendable {
    /// The key; without one it is made if that is wished, else there is none.
    func key(making: Bool) throws(StorageFailure) -> SecretKey?
}

extension SecretKey: SecretKeySource {
    /// Itself, for stores that live in memory.
    package func key(making: Bool) -> SecretKey? { self }
}
