// SPDX-License-Identifier: Apache-2.0

import Storage
private import Synchronization

/// From which UID on no session has been told of a mailbox's messages (RFC 3501 §2.3.2 \Recent).
///
/// In memory, and kept in the mailbox's row when a session leaves it: neither SELECT nor delivery
/// waits for it, and after a crash some messages are recent once more, as the RFC allows.
final class Recents: Sendable {
    private struct Entry {
        /// The first UID nobody was told of.
        var next: UInt32
        /// What the row says.
        var kept: UInt32
    }

    /// Mailboxes that were opened lately; a full memory starts anew.
    private static let capacity = 1 << 16

    private let entries = Mutex<[Mailbox.ID: Entry]>([:])

    func first(of mailbox: Mailbox.ID) -> UInt32? { entries.withLock { $0[mailbox]?.next } }

    /// Everything below `uidNext` is told now; returns from where on it was not.
    func claim(_ mailbox: Mailbox.ID, stored: UInt32, below uidNext: UInt32) -> UInt32 {
        entries.withLock { entries in
            if entries.count >= Self.capacity { entries = [:] }
            var entry = entries[mailbox] ?? Entry(next: stored, kept: stored)
            let first = entry.next
            entry.next = max(first, uidNext)
            entries[mailbox] = entry
            return first
        }
    }

    /// What the row does not say yet.
    func unkept(_ mailbox: Mailbox.ID) -> UInt32? {
        entries.withLock { entries in
            entries[mailbox].flatMap { $0.next > $0.kept ? $0.next : nil }
        }
    }

    func noteKept(_ mailbox: Mailbox.ID, _ uid: UInt32) {
        entries.withLock { entries in
            guard var entry = entries[mailbox] else { return }
            entry.kept = max(entry.kept, uid)
            entries[mailbox] = entry
        }
    }
}

extension Mailboxes {
    /// Makes the messages below `uidNext` known to one session, which alone may call them recent;
    /// returns the first UID that nobody was told of before.
    package func claimRecent(of mailbox: Mailbox.ID, below uidNext: UInt32) throws -> UInt32 {
        let stored = try recents.first(of: mailbox) ?? storedRecent(of: mailbox)
        return recents.claim(mailbox, stored: stored, below: uidNext)
    }

    /// The first UID that no session was told of (RFC 3501 §6.3.2: EXAMINE changes nothing).
    package func firstRecent(of mailbox: Mailbox.ID) throws -> UInt32 {
        try recents.first(of: mailbox) ?? storedRecent(of: mailbox)
    }

    /// How many messages no session was told of.
    package func recentCount(of mailbox: Mailbox) throws -> Int {
        let first = try firstRecent(of: mailbox.id)
        guard first < mailbox.uidNext, mailbox.messages > 0 else { return 0 }
        if first <= 1 { return mailbox.messages }
        return try store.lookUp { transaction in
            try transaction.first(
                "SELECT count(*) FROM mailbox_message WHERE mailbox_id = ? AND uid >= ?",
                [.integer(mailbox.id.value), .integer(Int64(first))]
            ) { Int($0.integer(0)) } ?? 0
        }
    }

    /// Writes down what sessions were told of, when one leaves the mailbox.
    package func keepRecent(of mailbox: Mailbox.ID) async throws {
        guard let uid = recents.unkept(mailbox) else { return }
        try await store.write { transaction in
            try transaction.execute(
                "UPDATE mailbox SET recent_uid = ? WHERE id = ? AND recent_uid < ?",
                [.integer(Int64(uid)), .integer(mailbox.value), .integer(Int64(uid))])
        }
        recents.noteKept(mailbox, uid)
    }

    private func storedRecent(of mailbox: Mailbox.ID) throws -> UInt32 {
        try store.lookUp { try Self.storedRecent(of: mailbox, in: $0) }
    }

    static func storedRecent(
        of mailbox: Mailbox.ID, in transaction: any Transaction
    ) throws(StorageFailure) -> UInt32 {
        try transaction.first(
            "SELECT recent_uid FROM mailbox WHERE id = ?", [.integer(mailbox.value)]
        ) { UInt32(truncatingIfNeeded: $0.integer(0)) } ?? 1
    }
}
