// SPDX-License-Identifier: Apache-2.0

import Bytes
import SASL
import Storage
import Synchronization
import World

/// What is kept of one password: keys for each SCRAM mechanism.
struct PasswordKeys: Hashable, Sendable {
    /// They also verify the password when it comes by PLAIN or LOGIN.
    var sha256: SCRAMKeys
    /// Nil: none are wanted, or the password has not been at hand since they are.
    var sha1: SCRAMKeys?

    init(_ sha256: SCRAMKeys, sha1: SCRAMKeys? = nil) {
        self.sha256 = sha256
        self.sha1 = sha1
    }

    subscript(hash: SCRAMHash) -> SCRAMKeys? {
        switch hash {
        case .sha256: sha256
        case .sha1: sha1
        }
    }
}

/// In the tables: `salt, iterations, stored_key, server_key` for SHA-256 and `sha1_verifier`, text
/// or NULL, in this order wherever they are written or read.
extension PasswordKeys {
    var values: [Value] {
        [
            .blob(sha256.salt), .integer(Int64(sha256.iterations)), .blob(sha256.storedKey),
            .blob(sha256.serverKey), .text(optional: sha1?.verifier),
        ]
    }

    /// From columns that begin at a place.
    init(_ row: any Row, at first: Int) {
        self.init(
            SCRAMKeys(
                salt: row.blob(first), iterations: Int(row.integer(first + 1)),
                storedKey: row.blob(first + 2), serverKey: row.blob(first + 3)),
            sha1: row.optionalText(first + 4).flatMap { SCRAMKeys(verifier: $0, .sha1) })
    }
}

/// As text: in backups of an account, and those for SHA-1 in the tables.
extension SCRAMKeys {
    /// `MECHANISM$ITERATIONS$SALT$STOREDKEY$SERVERKEY`, the octets in Base64.
    var verifier: String {
        ([hash.mechanism.name, String(iterations)]
            + [salt, storedKey, serverKey].map { Base64.encode($0) }).joined(separator: "$")
    }

    /// Reads what `verifier` wrote; nil if it is not that, or of another hash.
    init?(verifier: String, _ hash: SCRAMHash) {
        let parts = verifier.split(separator: "$", omittingEmptySubsequences: false)
        guard parts.count == 5, parts[0] == hash.mechanism.name, let iterations = Int(parts[1]),
            (Self.minimumIterations...Self.maximumIterations).contains(iterations),
            let salt = Base64.decode(parts[2].utf8), salt.count >= 8,
            let stored = Base64.decode(parts[3].utf8), stored.count == hash.octetCount,
            let server = Base64.decode(parts[4].utf8), server.count == hash.octetCount
        else { return nil }
        self.init(
            hash: hash, salt: salt, iterations: iterations, storedKey: stored, serverKey: server)
    }
}

extension SCRAMHash {
    fileprivate var mechanism: Mechanism {
        switch self {
        case .sha256: .scramSHA256
        case .sha1: .scramSHA1
        }
    }
}

extension Registry {
    /// Whether SCRAM-SHA-1 is offered by ManageSieve, and keys for it are made.
    ///
    /// Without it those that are there go with the next change of their password.
    package var offersSCRAMSHA1: Bool {
        get { wantsSHA1.load(ordering: .relaxed) }
        set { wantsSHA1.store(newValue, ordering: .relaxed) }
    }

    private var sha1Iterations: Int { SCRAMHash.sha1.iterations(asExpensiveAs: iterations) }

    /// Derives all that is to be kept of a new password, where that holds nothing up.
    func deriveKeys(_ password: PreparedString) async -> PasswordKeys {
        let (salt, iterations) = (entropy.octets(SCRAMKeys.saltOctets), iterations)
        let sha1Salt = offersSCRAMSHA1 ? entropy.octets(SCRAMKeys.saltOctets) : nil
        let sha1Iterations = sha1Iterations
        return await onPasswordExecutor {
            PasswordKeys(
                SCRAMKeys(password: password, salt: salt, iterations: iterations),
                sha1: sha1Salt.map {
                    SCRAMKeys(
                        password: password, hash: .sha1, salt: $0, iterations: sha1Iterations)
                })
        }
    }

    /// Keys that no password opens, other ones each time.
    func closedKeys() -> PasswordKeys {
        PasswordKeys(
            SCRAMKeys(
                salt: entropy.octets(SCRAMKeys.saltOctets), iterations: iterations,
                storedKey: entropy.octets(SCRAMHash.sha256.octetCount),
                serverKey: entropy.octets(SCRAMHash.sha256.octetCount)))
    }

    /// With which a name is answered that has no keys for a mechanism: the same each time.
    func decoy(for name: String, _ hash: SCRAMHash) -> SCRAMKeys {
        SCRAMKeys(
            decoyFor: name, hash: hash, secret: decoySecret,
            iterations: hash.iterations(asExpensiveAs: iterations))
    }

    /// Makes the keys for SHA-1 that an older release did not, now that the right password is at
    /// hand.
    ///
    /// They take the salt of the decoy that stood in their place: nobody is to see from outside
    /// that there is such a name, because its salt has changed. Unless they can be written, the
    /// next login tries again.
    func addMissingKeys(
        of password: PreparedString, _ owner: VerifiedPasswords.Owner, _ keys: PasswordKeys,
        name: String
    ) async {
        guard offersSCRAMSHA1, keys.sha1 == nil else { return }
        let decoy = decoy(for: name, .sha1)
        let made = await onPasswordExecutor {
            SCRAMKeys(
                password: password, hash: .sha1, salt: decoy.salt, iterations: decoy.iterations)
        }
        let values = [
            Value.text(made.verifier), .integer(owner.appPassword ?? owner.account.rawValue),
            .blob(keys.sha256.storedKey),
        ]
        // The password may have been changed meanwhile: then these are keys of the old one.
        let statement: StaticString =
            owner.appPassword == nil
            ? "UPDATE directory_account SET sha1_verifier = ? WHERE id = ? AND stored_key = ?"
            : "UPDATE directory_app_password SET sha1_verifier = ? WHERE id = ? AND stored_key = ?"
        _ = try? await store.write { try $0.execute(statement, values) }
    }
}
