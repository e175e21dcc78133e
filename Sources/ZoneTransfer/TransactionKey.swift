// SPDX-License-Identifier: Apache-2.0

package import DNS

/// A secret that two servers share, to sign what they tell each other (RFC 8945).
package struct TransactionKey: Hashable, Sendable {
    /// How a message authentication code is computed (RFC 8945 §6).
    ///
    /// HMAC-MD5 and HMAC-SHA1 are not among them, since they are too weak, nor HMAC-SHA224, which
    /// nobody uses: a key with these is as good as unknown.
    package enum Algorithm: String, CaseIterable, Hashable, Sendable {
        case sha256 = "hmac-sha256"
        case sha384 = "hmac-sha384"
        case sha512 = "hmac-sha512"

        /// The octets of a whole code.
        package var octetCount: Int {
            switch self {
            case .sha256: 32
            case .sha384: 48
            case .sha512: 64
            }
        }

        /// As it travels.
        package var name: Name {
            guard let name = Name(labels: [Array(rawValue.utf8)]) else {
                preconditionFailure("an algorithm's name is one label")
            }
            return name
        }

        package init?(name: Name) {
            guard let known = Self.allCases.first(where: { $0.name == name }) else { return nil }
            self = known
        }
    }

    package let name: Name
    package let algorithm: Algorithm
    package let secret: [UInt8]

    /// RFC 2104 §3: below the output's length a key weakens the code; 16 octets are the least that
    /// is taken from elsewhere.
    package static let minimumSecretOctets = 16
    /// More adds nothing; a block of SHA-512 has as many.
    package static let maximumSecretOctets = 128

    package init(name: Name, algorithm: Algorithm, secret: [UInt8]) {
        self.name = name
        self.algorithm = algorithm
        self.secret = secret
    }
}

/// Computes message authentication codes: HMAC (RFC 2104) with one of the SHA-2 family.
package protocol KeyedHash: Sendable {
    /// The whole code of `octets`, as long as the algorithm says.
    func code(
        _ algorithm: TransactionKey.Algorithm, secret: [UInt8], over octets: [UInt8]
    ) -> [UInt8]
}

/// Whether two codes are the same, in a time that does not tell where they differ.
func areEqualInConstantTime(_ left: some Collection<UInt8>, _ right: some Collection<UInt8>) -> Bool
{
    guard left.count == right.count else { return false }
    var difference: UInt8 = 0
    for (one, other) in zip(left, right) { difference |= one ^ other }
    return difference == 0
}
