// SPDX-License-Identifier: Apache-2.0

import Crypto

/// What is kept of a password (RFC 5802 §3; with SHA-256 by RFC 7677).
///
/// Neither the password nor a way to log in follows from it, short of guessing. The same keys
/// answer SCRAM and verify a password that came by PLAIN or LOGIN.
package struct SCRAMKeys: Hashable, Sendable {
    package let hash: SCRAMHash
    package let salt: [UInt8]
    package let iterations: Int
    /// `H(ClientKey)`: as long as a digest.
    package let storedKey: [UInt8]
    /// `HMAC(SaltedPassword, "Server Key")`: as long as a digest.
    package let serverKey: [UInt8]

    /// With SHA-256: RFC 7677 §4 asks for at least 4,096 and says that 15,000 is better.
    ///
    /// A login by PLAIN costs the server this many HMACs, 3 to 5 ms; many more would let a few
    /// logins per second hold up the mail, and mail programs log in every minute.
    package static let defaultIterations = 15_000
    package static let minimumIterations = 4096
    /// What a client agrees to compute: more is an attack on its processor.
    package static let maximumIterations = 1_000_000
    package static let saltOctets = 16

    package init(
        hash: SCRAMHash = .sha256, salt: [UInt8], iterations: Int, storedKey: [UInt8],
        serverKey: [UInt8]
    ) {
        self.hash = hash
        self.salt = salt
        self.iterations = iterations
        self.storedKey = storedKey
        self.serverKey = serverKey
    }

    /// Derives the keys of a password; blocks for `iterations` HMACs (some milliseconds).
    package init(
        password: PreparedString, hash: SCRAMHash = .sha256, salt: [UInt8],
        iterations: Int = Self.defaultIterations
    ) {
        let salted = SaltedPassword(password, hash, salt: salt, iterations: iterations)
        self.init(
            hash: hash, salt: salt, iterations: iterations, storedKey: salted.storedKey,
            serverKey: salted.serverKey)
    }

    /// Keys that no password opens, the same each time for the same name.
    ///
    /// With them an unknown name is answered like a known one, so that nobody learns by asking
    /// which names exist. `secret` is kept with the directory: salts that change would tell. So
    /// would the same salt with each hash, which no password has.
    package init(
        decoyFor name: String, hash: SCRAMHash = .sha256, secret: [UInt8],
        iterations: Int = Self.defaultIterations
    ) {
        let key = SymmetricKey(data: secret)
        let scope = hash == .sha256 ? "" : "sha1-"
        let part = { (purpose: String, count: Int) in
            let text = Array("\(scope)\(purpose):\(name)".utf8)
            return Array(HMAC<SHA256>.authenticationCode(for: text, using: key).prefix(count))
        }
        self.init(
            hash: hash, salt: part("salt", Self.saltOctets), iterations: iterations,
            storedKey: part("stored", hash.octetCount), serverKey: part("server", hash.octetCount))
    }

    /// Whether this is the password; blocks for `iterations` HMACs, whatever the answer.
    package func verify(_ password: PreparedString) -> Bool {
        let salted = SaltedPassword(password, hash, salt: salt, iterations: iterations)
        return salted.storedKey.equalsInConstantTime(storedKey)
    }

    /// Whether who signed `authMessage` with `proof` has the password (RFC 5802 §3).
    func verify(proof: [UInt8], of authMessage: [UInt8]) -> Bool {
        guard proof.count == hash.octetCount else { return false }
        let signature = hash.hmac(storedKey, authMessage)
        let clientKey = zip(proof, signature).map { $0 ^ $1 }
        return hash.digest(clientKey).equalsInConstantTime(storedKey)
    }

    /// `ServerSignature`: this side's proof (RFC 5802 §3).
    func sign(_ authMessage: [UInt8]) -> [UInt8] { hash.hmac(serverKey, authMessage) }
}

/// `Hi(Normalize(password), salt, i)` and what follows from it.
struct SaltedPassword {
    let hash: SCRAMHash
    let octets: [UInt8]

    init(_ password: PreparedString, _ hash: SCRAMHash, salt: [UInt8], iterations: Int) {
        self.hash = hash
        octets = hash.saltedPassword(password.octets, salt: salt, iterations: iterations)
    }

    var clientKey: [UInt8] { hash.hmac(octets, Array("Client Key".utf8)) }
    var storedKey: [UInt8] { hash.digest(clientKey) }
    var serverKey: [UInt8] { hash.hmac(octets, Array("Server Key".utf8)) }
}

extension [UInt8] {
    /// Equality whose duration tells nothing but the lengths.
    package func equalsInConstantTime(_ other: [UInt8]) -> Bool {
        guard count == other.count else { return false }
        return zip(self, other).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
    }
}
