// SPDX-License-Identifier: Apache-2.0

import Directory
import Synchronization

/// Which maildrops are open: each in one session at a time (RFC 1939 §4).
final class MaildropLocks: Sendable {
    private let held = Mutex(Set<AccountID>())

    /// Whether the maildrop was free and is now the caller's.
    func take(_ account: AccountID) -> Bool { held.withLock { $0.insert(account).inserted } }

    func release(_ account: AccountID) { _ = held.withLock { $0.remove(account) } }
}
