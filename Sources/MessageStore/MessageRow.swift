// SPDX-License-Identifier: Apache-2.0

import Storage
package import World

/// What a mailbox knows of one of its messages.
package struct MessageRow: Hashable, Sendable {
    package let uid: UInt32
    package let content: Content.ID
    /// As clients read it, `prefix` included (RFC822.SIZE).
    package let octets: Int
    /// When it was received (RFC 9051 §2.3.3).
    package let internalDate: Timestamp
    /// When it came into this mailbox (RFC 8514 SAVEDATE).
    package let saved: Timestamp
    package internal(set) var flags: MessageFlags
    /// That of its last change (RFC 7162 MODSEQ).
    package internal(set) var modSequence: Int64
    /// The header fields final delivery puts in front (RFC 5321 §4.4 Return-Path).
    package let prefix: String

    init(_ row: any Row) {
        uid = UInt32(truncatingIfNeeded: row.integer(0))
        content = Content.ID(value: row.integer(1))
        octets = Int(row.integer(2))
        internalDate = Timestamp(milliseconds: row.integer(3))
        saved = Timestamp(milliseconds: row.integer(4))
        flags = MessageFlags(rawValue: row.integer(5))
        modSequence = row.integer(6)
        prefix = row.text(7)
    }
}
