// SPDX-License-Identifier: Apache-2.0

import Crypto
import CryptoExtras

/// What is kept of a password (RFC 5802 §3, with SHA-256 by RFC 7677).
///
/// Neither the password nor a way to log in follows from it, short of guessing. The same keys
/// answer SCRAM and verify a password that came by PLAIN or LOGIN.
package struct SCRAMKeys: Hashable, Sendable {
    package let salt: [UInt8]
    package let iterations: Int
    /// `H(ClientKey)`, 32 octets.
    package let storedKey: [UInt8]
    /// `HMAC(SaltedPassword, "Server Key")`, 32 octets.
    package let serverKey: [UInt8]

    /// RFC 7677 §4 asks for at least 4,096 and says that 15,000 is better.
    ///
    /// A login by PLAIN costs the server this many HMACs, 3 to 5 ms; many more would let a few
    /// logins per second hold up the mail, and mail programs log in every minute.
    package static let defaultIterations = 15_000
    package static let minimumIterations = 4096
    /// What a client agrees to compute: more is an attack on its processor.
    package static let maximumIterations = 1_000_000
    package static let saltOctets = 16
    package static let keyOctets = 32

    package init(salt: [UInt8], iterations: Int, storedKey: [UInt8], serverKey: [UInt8]) {
        self.salt = salt
        self.iterations = iterations
        self.storedKey = storedKey
        self.serverKey = serverKey
    }

    /// Derives the keys of a password; blocks for `iterations` HMACs (some milliseconds).
    package init(
        password: PreparedString, salt: [UInt8], iterations: Int = Self.defaultIterations
    ) {
        let salted = SaltedPassword(password, salt: salt, iterations: iterations)
        self.init(
            salt: salt, iterations: iterations, storedKey: salted.storedKey,
            serverKey: salted.serverKey)
    }

    /// Keys that no password opens, the same each time for the same name.
    ///
    /// With them an unknown name is answered like a known one, so that nobody learns by asking
    /// which names exist. `secret` is kept with the directory: salts that change would tell.
    package init(decoyFor name: String, secret: [UInt8], iterations: Int = Self.defaultIterations) {
        let key = SymmetricKey(data: secret)
        let part = { (purpose: String) in
            Array(HMAC<SHA256>.authenticationCode(for: Array((purpose + name).utf8), using: key))
        }
        self.init(
            salt: Array(part("salt:").prefix(Self.saltOctets)), iterations: iterations,
            storedKey: part("stored:"), serverKey: part("server:"))
    }

    /// Whether this is the password; blocks for `iterations` HMACs, whatever the answer.
    package func verify(_ password: PreparedString) -> Bool {
        let salted = SaltedPassword(password, salt: salt, iterations: iterations)
        return salted.storedKey.equalsInConstantTime(storedKey)
    }

    /// Whether who signed `authMessage` with `proof` has the password (RFC 5802 §3).
    func verify(proof: [UInt8], of authMessage: [UInt8]) -> Bool {
        guard proof.count == Self.keyOctets else { return false }
        let signature = hmac(storedKey, authMessage)
        let clientKey = zip(proof, signature).map { $0 ^ $1 }
        return Array(SHA256.hash(data: clientKey)).equalsInConstantTime(storedKey)
    }

    /// `ServerSignature`: this side's proof (RFC 5802 §3).
    func sign(_ authMessage: [UInt8]) -> [UInt8] { hmac(serverKey, authMessage) }
}

/// `Hi(Normalize(password), salt, i)` and what follows from it.
struct SaltedPassword {
    let octets: [UInt8]

    init(_ password: PreparedString, salt: [UInt8], iterations: Int) {
        // Hi() is PBKDF2 with HMAC and one block of output (RFC 5802 §2.2).
        guard
            let key = try? KDF.Insecure.PBKDF2.deriveKey(
                from: password.octets, salt: salt, using: .sha256,
                outputByteCount: SCRAMKeys.keyOctets, unsafeUncheckedRounds: iterations)
        else { preconditionFailure("PBKDF2 fails only for lack of memory") }
        octets = key.withUnsafeBytes { Array($0) }
    }

    var clientKey: [UInt8] { hmac(octets, Array("Client Key".utf8)) }
    var storedKey: [UInt8] { Array(SHA256.hash(data: clientKey)) }
    var serverKey: [UInt8] { hmac(octets, Array("Server Key".utf8)) }
}

func hmac(_ key: [UInt8], _ message: [UInt8]) -> [UInt8] {
    Array(HMAC<SHA256>.authenticationCode(for: message, using: SymmetricKey(data: key)))
}

extension [UInt8] {
    /// Equality whose duration tells nothing but the lengths.
    package func equalsInConstantTime(_ other: [UInt8]) -> Bool {
        guard count == other.count else { return false }
        return zip(self, other).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
