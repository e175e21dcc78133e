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

    private let key: SymmetricKey
    private let codes = Mutex(RecencyCache<AccountID, [UInt8]>(limit: limit))

    init(key: [UInt8]) { self.key = SymmetricKey(data: key) }

    private func code(_ password: PreparedString, _ keys: SCRAMKeys) -> [UInt8] {
        Array(HMAC<SHA256>.authenticationCode(for: keys.storedKey + password.octets, using: key))
    }

    func contains(_ password: PreparedString, of record: AccountRecord) -> Bool {
        let known = codes.withLock { $0.value(for: record.account.id) }
        return known?.equalsInConstantTime(code(password, record.keys)) ?? false
    }

    func insert(_ password: PreparedString, of record: AccountRecord) {
        let code = code(password, record.keys)
        codes.withLock { $0.insert(code, for: record.account.id) }
    }
}
