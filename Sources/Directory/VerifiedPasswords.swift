// SPDX-License-Identifier: Apache-2.0

import Crypto
import SASL
import Synchronization
import World

/// Passwords that were right a while ago, so that a mail program that logs in every minute does
/// not cost milliseconds each time.
///
/// Kept as a code under a key of this process, over the stored key and the password: a password
/// that was changed no longer matches, and nothing here outlives the process.
final class VerifiedPasswords: Sendable {
    /// About 150 octets each.
    static let limit = 10_000
    static let keyOctets = 32

    /// Whose password: the account's own, or that of a device.
    struct Owner: Hashable, Sendable {
        let account: AccountID
        var appPassword: Int64?
    }

    private let key: SymmetricKey
    private let codes = Mutex(RecencyCache<Owner, [UInt8]>(limit: limit))

    init(key: [UInt8]) { self.key = SymmetricKey(data: key) }

    private func code(_ password: PreparedString, _ keys: SCRAMKeys) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: keys.storedKey + password.octets, using: key))
    }

    func contains(_ password: PreparedString, of owner: Owner, _ keys: SCRAMKeys) -> Bool {
        let known = codes.withLock { $0.value(for: owner) }
        return known?.equalsInConstantTime(code(password, keys)) ?? false
    }

    func insert(_ password: PreparedString, of owner: Owner, _ keys: SCRAMKeys) {
        let code = code(password, keys)
        codes.withLock { $0.insert(code, for: owner) }
    }
}
