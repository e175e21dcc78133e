// SPDX-License-Identifier: Apache-2.0

import Storage

extension Mailboxes {
    /// How far a mailbox reaches, for those who follow all of them.
    package struct Extent: Hashable, Sendable {
        package let id: Mailbox.ID
        package let uidValidity: UInt32
        /// The UID that the next message gets.
        package let uidNext: UInt32
        package let messages: Int
    }

    /// All mailboxes of all accounts, in the order of their making.
    package func extents() async throws -> [Extent] {
        try await store.read { transaction in
            try transaction.all(
                "SELECT id, uid_validity, uid_next, messages FROM mailbox WHERE account_id >= 0 ORDER BY id",
                []
            ) {
                Extent(
                    id: Mailbox.ID(value: $0.integer(0)),
                    uidValidity: UInt32(truncatingIfNeeded: $0.integer(1)),
                    uidNext: UInt32(truncatingIfNeeded: $0.integer(2)),
                    messages: Int($0.integer(3)))
            }
        }
    }
}

extension Mailboxes {
    /// Where the parts of a content stand (`Summary.Layout`, encoded); nil if it was not computed.
    package func summaryLayout(of content: Content.ID) async throws -> [UInt8]? {
        try await store.read { transaction in
            try transaction.first(
                "SELECT layout FROM content_summary WHERE content_id = ?",
                [.integer(content.value)]
            ) { $0.blob(0) }
        }
    }
}
