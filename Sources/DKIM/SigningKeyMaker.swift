// SPDX-License-Identifier: Apache-2.0

/// Makes the private keys that sign mail, and reads them again.
package protocol SigningKeyMaker: Sendable {
    /// A new key, RSA with 2048 bits (RFC 8301 §3.2), and the octets it is kept as.
    ///
    /// Takes up to some tenths of a second for RSA.
    func makeKey(_ kind: KeyKind) throws -> (secret: [UInt8], key: any SigningKey)

    /// The key that was kept as these octets; nil if they make none.
    func key(_ kind: KeyKind, secret: [UInt8]) -> (any SigningKey)?
}
