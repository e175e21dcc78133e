// SPDX-License-Identifier: Apache-2.0

import Logging
import Spool
import Synchronization

/// The recipients whose address this release cannot read: each is told of once, and not each time
/// the spool is looked through.
final class UnreadableMemory: Sendable {
    private let known = Mutex<Set<RecipientKey>>([])

    /// So many are told of; the queue shows the others.
    private static let maximum = 1_000
    /// Of an address that may be anything, that much is told.
    private static let shownCharacters = 200

    /// In the order of their messages.
    var keys: [RecipientKey] { known.withLock { $0.sorted() } }

    /// Tells the log of those that it has not been told of.
    func tell(_ found: [Spooler.UnreadableRecipient], to log: Logger) {
        for recipient in found where isNew(recipient.key) {
            log.error(
                """
                the stored address "\(recipient.address.prefix(Self.shownCharacters))" cannot be \
                read by this release, its recipient is not tried: update, or see `queue show` and \
                give it another address by `queue redirect --to-address`
                """, metadata: ["id": "\(recipient.key.message)"])
        }
    }

    private func isNew(_ key: RecipientKey) -> Bool {
        known.withLock { known in
            guard known.count < Self.maximum else { return false }
            return known.insert(key).inserted
        }
    }
}
