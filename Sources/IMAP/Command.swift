// SPDX-License-Identifier: Apache-2.0

/// What a client asks for, with its arguments read and checked for form.
///
/// The session answers those of the first group itself; the others come out of it as
/// `Step.perform`, in a state in which they are allowed.
package enum Command: Hashable, Sendable {
    case capability
    case logout
    case startTLS
    case login(user: [UInt8], password: [UInt8])
    case authenticate(mechanism: String, initialResponse: [UInt8]?)
    /// Names as written, in upper case.
    case enable([String])
    /// RFC 2971: what the client says of itself.
    case identify([IdentificationField])
    case idle
    /// RFC 4978, with DEFLATE.
    case compress

    /// NOOP and CHECK: say what is new (RFC 9051 §6.1.2).
    case noOperation
    case select(Select)
    /// CREATE with the attributes the new mailbox shall have (RFC 6154 §3).
    case create(MailboxName, uses: [SpecialUse])
    case delete(MailboxName)
    case rename(MailboxName, to: MailboxName)
    case subscribe(MailboxName)
    case unsubscribe(MailboxName)
    case list(List)
    case namespace
    case status(MailboxName, [StatusItem])
    case getQuota(root: String)
    case getQuotaRoot(MailboxName)
    case setQuota(root: String, [QuotaLimit])
    case setACL(MailboxName, identifier: String, ACLChange)
    case deleteACL(MailboxName, identifier: String)
    case getACL(MailboxName)
    case listRights(MailboxName, identifier: String)
    case myRights(MailboxName)
    case getMetadata(GetMetadata)
    case setMetadata(MailboxName?, [MetadataChange])
    /// RFC 5465; nil is NOTIFY NONE.
    case notify(Notify?)

    /// CLOSE: expunge without a word, and leave the mailbox (RFC 9051 §6.4.1).
    case close
    case unselect
    /// EXPUNGE, or UID EXPUNGE with the UIDs it is confined to.
    case expunge(uids: SequenceSet?)
    case search(Search)
    case sort(Sort)
    case thread(Thread)
    case fetch(Fetch)
    case store(Store)
    case copy(Transfer)
    case move(Transfer)

    /// SELECT or EXAMINE of what cannot be a mailbox: the one that is selected is left all the same
    /// (RFC 9051 §6.3.2).
    case refusedSelect(Completion)
    /// SEARCH with SAVE that is well said and cannot be done: `$` is empty afterwards (§6.4.4.1).
    case refusedSave(Completion)
}

/// One of the pairs of ID (RFC 2971 §3.3).
package struct IdentificationField: Hashable, Sendable {
    package var field: String
    package var value: String?

    package init(_ field: String, _ value: String?) {
        self.field = field
        self.value = value
    }
}

/// SELECT or EXAMINE.
package struct Select: Hashable, Sendable {
    package var mailbox: MailboxName
    /// EXAMINE.
    package var isReadOnly: Bool
    /// The CONDSTORE or QRESYNC parameter was given (RFC 7162 §3.1.8).
    package var wantsModificationSequences = false
    package var resynchronization: Resynchronization?

    package init(_ mailbox: MailboxName, isReadOnly: Bool) {
        self.mailbox = mailbox
        self.isReadOnly = isReadOnly
    }
}

/// What a client with QRESYNC remembers of a mailbox (RFC 7162 §3.2.5).
package struct Resynchronization: Hashable, Sendable {
    package var uidValidity: UInt32
    package var modificationSequence: UInt64
    /// nil: all.
    package var knownUIDs: NumberSet?
    /// Sequence numbers and their UIDs, as many of the one as of the other (§3.2.5.2).
    package var match: Match?

    /// Pairs that the client knows to belong together.
    package struct Match: Hashable, Sendable {
        package var numbers: NumberSet
        package var uids: NumberSet
    }
}

/// What a mailbox is for (RFC 6154 §2, RFC 8457).
package enum SpecialUse: String, Hashable, Sendable, CaseIterable {
    case all = #"\All"#
    case archive = #"\Archive"#
    case drafts = #"\Drafts"#
    case flagged = #"\Flagged"#
    case important = #"\Important"#
    case junk = #"\Junk"#
    case sent = #"\Sent"#
    case trash = #"\Trash"#
}

/// LIST (RFC 9051 §6.3.9, RFC 5258) and LSUB (RFC 3501 §6.3.9).
package struct List: Hashable, Sendable {
    /// Which mailboxes are listed (RFC 5258 §3.1, RFC 6154 §2).
    package struct Selection: OptionSet, Hashable, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }
        package static let subscribed = Self(rawValue: 1)
        package static let remote = Self(rawValue: 2)
        package static let recursiveMatch = Self(rawValue: 4)
        package static let specialUse = Self(rawValue: 8)
    }

    /// What is said of each mailbox (RFC 5258 §3.2).
    package struct Returns: OptionSet, Hashable, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }
        package static let subscribed = Self(rawValue: 1)
        package static let children = Self(rawValue: 2)
        package static let specialUse = Self(rawValue: 4)
        /// RFC 8440.
        package static let myRights = Self(rawValue: 8)
    }

    /// LSUB: answers are `* LSUB`, selected by subscription alone.
    package var isSubscribedList = false
    /// Options, several patterns or RETURN were given (RFC 5258 §3).
    package var isExtended = false
    package var selection: Selection = []
    package var reference = ""
    /// Decoded, with wildcards; an empty one asks for the delimiter.
    package var patterns: [String] = []
    package var returns: Returns = []
    /// RETURN (STATUS (...)), RFC 5819.
    package var status: [StatusItem] = []
    /// RETURN (METADATA (...)), RFC 9590.
    package var metadata: [String] = []

    package init() {}
}

/// A data item of STATUS.
package enum StatusItem: String, Hashable, Sendable, CaseIterable {
    case messages = "MESSAGES"
    case uidNext = "UIDNEXT"
    case uidValidity = "UIDVALIDITY"
    case unseen = "UNSEEN"
    case deleted = "DELETED"
    /// RFC 8438.
    case size = "SIZE"
    /// RFC 3501; always 0 here.
    case recent = "RECENT"
    /// RFC 7162 §3.1.7.
    case highestModificationSequence = "HIGHESTMODSEQ"
    /// RFC 8474 §4.3.
    case mailboxID = "MAILBOXID"
    /// RFC 7889 §4.
    case appendLimit = "APPENDLIMIT"
    /// RFC 9208 §4.1.4.
    case deletedStorage = "DELETED-STORAGE"
}

/// One resource of SETQUOTA (RFC 9208 §4.1.3).
package struct QuotaLimit: Hashable, Sendable {
    /// In upper case: `STORAGE` (units of 1,024 octets), `MESSAGE`, `MAILBOX`.
    package var resource: String
    package var limit: UInt64
}

/// `mod-rights` (RFC 4314 §3.1).
package struct ACLChange: Hashable, Sendable {
    /// What becomes of what was there.
    package enum Manner: Hashable, Sendable { case replace, add, remove }
    package var manner: Manner
    package var rights: AccessRights

    package init(manner: Manner, rights: AccessRights) {
        self.manner = manner
        self.rights = rights
    }
}

/// One entry of SETMETADATA (RFC 5464 §4.3).
package struct MetadataChange: Hashable, Sendable {
    package var entry: String
    /// nil removes it.
    package var value: [UInt8]?
}

/// NOTIFY SET (RFC 5465 §3).
package struct Notify: Hashable, Sendable {
    /// Which mailboxes a group is about (RFC 5465 §6).
    package enum Filter: Hashable, Sendable {
        case selected, selectedDelayed, inboxes, personal, subscribed
        case subtree([MailboxName])
        case mailboxes([MailboxName])
    }

    /// What may happen to a mailbox or a message (RFC 5465 §5).
    package struct Events: OptionSet, Hashable, Sendable {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }
        package static let messageNew = Self(rawValue: 1)
        package static let messageExpunge = Self(rawValue: 2)
        package static let flagChange = Self(rawValue: 4)
        package static let mailboxName = Self(rawValue: 8)
        package static let subscriptionChange = Self(rawValue: 16)
        package static let mailboxMetadataChange = Self(rawValue: 32)
        package static let serverMetadataChange = Self(rawValue: 64)
    }

    /// Mailboxes, and what the client wants to hear of them.
    package struct Group: Hashable, Sendable {
        package var filter: Filter
        /// Empty: NONE.
        package var events: Events
        /// What to tell of a new message in the selected mailbox.
        package var items: [FetchItem] = []
    }

    /// Send STATUS for each mailbox at once (§3.1).
    package var wantsStatus: Bool
    package var groups: [Group]
}

/// COPY or MOVE, with sequence numbers or UIDs.
package struct Transfer: Hashable, Sendable {
    package var messages: SequenceSet
    package var isUID: Bool
    package var mailbox: MailboxName
}

/// STORE (RFC 9051 §6.4.6).
package struct Store: Hashable, Sendable {
    /// What becomes of what was there.
    package enum Manner: Hashable, Sendable { case replace, add, remove }
    package var messages: SequenceSet
    package var isUID: Bool
    package var manner: Manner
    package var isSilent: Bool
    package var flags: FlagList
    /// RFC 7162 §3.1.3.
    package var unchangedSince: UInt64?
}

/// FETCH (RFC 9051 §6.4.5).
package struct Fetch: Hashable, Sendable {
    package var messages: SequenceSet
    package var isUID: Bool
    /// Each once; with UID FETCH `uid` is always among them (RFC 9051 §6.4.9).
    package var items: [FetchItem]
    /// RFC 7162 §3.1.4.1; `modificationSequence` is then among the items.
    package var changedSince: UInt64?
    /// RFC 7162 §3.2.6.
    package var wantsVanished = false
    /// RFC 9394 §3.3.
    package var partial: PartialRange?

    /// Whether any item sets \Seen (in a mailbox that is not read-only).
    package var setsSeen: Bool { items.contains { $0.setsSeen } }
}

/// What APPEND and REPLACE say before the first message (RFC 9051 §6.3.12, RFC 8508).
package struct Append: Hashable, Sendable {
    /// The message that REPLACE removes.
    package struct Replaced: Hashable, Sendable {
        /// A UID, or the sequence number; 0 is `*`.
        package var number: UInt32
        package var isUID: Bool
    }

    package var mailbox: MailboxName
    /// REPLACE: the message of the selected mailbox that goes when the new one is there.
    package var replaced: Replaced?
}

/// What is said of one message before its octets.
package struct AppendedMessage: Hashable, Sendable {
    package var flags: FlagList
    /// INTERNALDATE, nil: now.
    package var date: InternalDate?
    package var octets: UInt64
    /// `~{...}`: the message may hold NUL (RFC 3516 §4.4).
    package var isBinary: Bool
}
