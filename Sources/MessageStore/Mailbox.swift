// SPDX-License-Identifier: Apache-2.0

import Storage

/// One mailbox of an account, as STATUS tells it (RFC 9051 §6.3.11).
package struct Mailbox: Hashable, Sendable {
    /// Names a mailbox for as long as it lives, under whatever name (RFC 8474 MAILBOXID).
    package struct ID: Hashable, Comparable, Sendable {
        package let value: Int64
        package init(value: Int64) { self.value = value }
        package static func < (one: Self, other: Self) -> Bool { one.value < other.value }
    }

    package let id: ID
    /// Whose it is.
    package let account: Int64
    /// UTF-8, levels parted by `/`.
    package let name: String
    package let uidValidity: UInt32
    /// The UID that the next message gets.
    package private(set) var uidNext: UInt32
    /// That of the latest change (RFC 7162 HIGHESTMODSEQ).
    package private(set) var highestModSequence: Int64
    package private(set) var messages: Int
    package private(set) var unseen: Int
    /// Messages with `\Deleted`.
    package private(set) var deleted: Int
    /// Of all messages, as clients read them.
    package private(set) var octets: Int64
    /// The use it is for, as `\Sent` (RFC 6154 §2).
    package let specialUse: String?
    package let isSubscribed: Bool

    init(_ row: any Row) {
        id = ID(value: row.integer(0))
        account = row.integer(1)
        name = row.text(2)
        uidValidity = UInt32(truncatingIfNeeded: row.integer(3))
        uidNext = UInt32(truncatingIfNeeded: row.integer(4))
        highestModSequence = row.integer(5)
        messages = Int(row.integer(6))
        unseen = Int(row.integer(7))
        deleted = Int(row.integer(8))
        octets = row.integer(9)
        specialUse = row.optionalText(10)
        isSubscribed = row.integer(11) != 0
    }

    /// As it is when a message has been filed there.
    mutating func count(_ flags: MessageFlags, octets: Int) {
        uidNext += 1
        highestModSequence += 1
        messages += 1
        if !flags.contains(.seen) { unseen += 1 }
        if flags.contains(.deleted) { deleted += 1 }
        self.octets += Int64(octets)
    }
}

/// Why something cannot be done with a mailbox.
package enum MailboxRefusal: Error, Hashable, Sendable {
    /// There is one of this name (RFC 5530 ALREADYEXISTS).
    case exists
    /// There is none (RFC 5530 NONEXISTENT).
    case nonexistent
    /// INBOX stays (RFC 9051 §6.3.5).
    case inbox
    /// Another mailbox has this use (RFC 6154 §3 USEATTR).
    case useTaken
    /// All keywords of the mailbox are taken, or it holds as much as it can (RFC 5530 LIMIT).
    case limit
    /// More than may be kept (RFC 5530 OVERQUOTA).
    case overQuota
    /// The message that was meant has gone.
    case messageGone
    /// More annotations than a mailbox or the server has (RFC 5464 §4.3 TOOMANY).
    case tooManyAnnotations
    /// An annotation larger than that many octets (RFC 5464 §4.3 MAXSIZE).
    case annotationTooLarge(Int)
    /// More lines in its access control list than a mailbox has.
    case tooManyGrants
    /// One who sees the mailbox may not do that (RFC 5530 NOPERM).
    case notPermitted
}
