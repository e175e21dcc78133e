// SPDX-License-Identifier: Apache-2.0

package import Journal
import MessageStore
import Storage
private import Synchronization

/// Where messages come in: opens drafts, and cleans up after those that were never finished.
package final class Intake: Sendable {
    let spooler: Spooler
    let handover: (any Handover)?
    /// Names of the body files that drafts are writing at the moment.
    private let openFiles = Mutex(Set<String>())

    /// With a `handover`, delivery is handed what was accepted as soon as it is committed, as
    /// long as it takes more; without one, and beyond that, messages wait in the spool.
    package init(_ spooler: Spooler, handover: (any Handover)? = nil) {
        self.spooler = spooler
        self.handover = handover
    }

    /// How long what says nothing itself may wait.
    package var lifetimes: Lifetimes { spooler.lifetimes }

    /// Begins a message.
    ///
    /// Its id is known at once: the Received field names it.
    package func open() -> Draft { Draft(self, spooler.ids.next()) }

    /// Keeps what happened to a message that was not accepted.
    ///
    /// A failure is to be told, and changes nothing else: nothing was promised to anybody.
    package func note(_ facts: [Fact]) async throws {
        try await spooler.store.write { try Trace.record(facts, in: $0) }
    }

    /// Removes body files that no message refers to: drafts that a crash or a failed commit left.
    ///
    /// At the start, and now and then. Returns how many there were.
    @discardableResult
    package func collectOrphans() async throws -> Int {
        let names = try await spooler.bodies.list()
        let open = openFiles.withLock { $0 }
        var count = 0
        for name in names where !open.contains(name) {
            guard let id = QueueID(name) else { continue }
            let isReferred = try await spooler.store.read { transaction in
                try Content.isReferred(
                    file: name, of: Content.ID(value: id.value), in: transaction)
            }
            guard !isReferred else { continue }
            try await spooler.bodies.remove(name)
            count += 1
        }
        return count
    }

    func noteOpen(file name: String) { openFiles.withLock { _ = $0.insert(name) } }
    func noteClosed(file name: String) { openFiles.withLock { _ = $0.remove(name) } }
}

/// Takes freshly accepted recipients for delivery, so that mail on its way is not read back from
/// the spool first.
///
/// Bounded: it says beforehand whether it takes more.
package protocol Handover: Sendable {
    /// Keeps room for this many recipients, or says that there is none.
    func reserve(_ count: Int) -> Bool

    /// They are committed, and this node's; uses the room reserved for them.
    func accept(_ recipients: [DueRecipient])

    /// They were not accepted after all: gives the room back.
    func cancel(_ count: Int)
}
