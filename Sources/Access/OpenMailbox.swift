// SPDX-License-Identifier: Apache-2.0

import IMAP
import MessageStore
import Tenancy
import World

/// The mailbox that a session has selected: which one, and what its client knows of it.
struct OpenMailbox {
    let id: Mailbox.ID
    let uidValidity: UInt32
    let name: MailboxName
    /// Whose it is.
    let owner: Int64
    let isOwn: Bool
    /// Who looks into it, and has seen there what he has seen; nil: its owner.
    let reader: Int64?
    /// What the client may do there.
    var rights: AccessRights
    /// What the client has been told.
    var view: SelectedMailbox
    /// Below it all messages are in `view`, or were.
    var uidNext: UInt32

    init(
        _ opening: Mailboxes.Opening, _ seen: SharedMailboxes.Seen, _ name: MailboxName,
        reader: Int64, isReadOnly: Bool
    ) {
        self.reader = seen.isOwn ? nil : reader
        owner = opening.mailbox.account
        isOwn = seen.isOwn
        rights = seen.rights
        id = opening.mailbox.id
        uidValidity = opening.mailbox.uidValidity
        self.name = name
        uidNext = opening.mailbox.uidNext
        view = SelectedMailbox(
            uids: NumberSet(opening.uids), keywords: KeywordTable(opening.keywords),
            modificationSequence: UInt64(opening.mailbox.highestModSequence),
            isReadOnly: isReadOnly)
    }

    /// What can be changed for good (RFC 4314 §5.1.1); nothing of what EXAMINE opened.
    var permanentFlags: FlagSet { view.isReadOnly ? [] : rights.changeableFlags }
    /// RFC 4314 §5.2: nothing can be changed at all.
    var isReadOnly: Bool { view.isReadOnly || !rights.allowsChanges }
    /// RFC 3501 §6.3.2: what is recent is so for others, too.
    var leavesRecent: Bool { isReadOnly }

    /// Writes what the client may hear of what the store tells.
    ///
    /// `wanted`: what it has asked to hear of by NOTIFY (RFC 5465 §5.1: with UIDs); nil: all.
    mutating func tell(
        _ changes: Mailboxes.Changes, _ occasion: SelectedMailbox.Occasion,
        _ enabled: EnabledExtensions, firstRecent: UInt32?, wanted: Notify.Events? = nil,
        to writer: inout ResponseWriter
    ) {
        if let keywords = changes.keywords.map({ KeywordTable($0) }), keywords != view.keywords {
            view.keywords = keywords
            // RFC 9051 §7.3.5: flags that were not there before.
            writer.flags(keywords, permanent: permanentFlags)
        }
        var arrived = NumberSet()
        var changed: [SelectedMailbox.Message] = []
        for message in changes.changed {
            if message.uid >= uidNext {
                arrived.append(message.uid)
            } else if wanted?.contains(.flagChange) ?? true {
                changed.append(SelectedMailbox.Message(message))
            }
        }
        view.tell(
            SelectedMailbox.Changes(
                arrived: arrived, changed: changed, expunged: NumberSet(changes.expunged),
                modificationSequence: UInt64(changes.mailbox.highestModSequence)),
            occasion, enabled, firstRecent: firstRecent, withUIDs: wanted != nil, to: &writer)
        uidNext = max(uidNext, changes.mailbox.uidNext)
    }
}

extension SelectedMailbox.Message {
    init(_ message: (uid: UInt32, flags: MessageFlags, modSequence: Int64)) {
        self.init(
            uid: message.uid, flags: FlagSet(message.flags),
            modificationSequence: UInt64(message.modSequence))
    }
}

extension FlagSet {
    /// The bits mean the same in protocol and store.
    init(_ flags: MessageFlags) { self.init(rawValue: UInt64(bitPattern: flags.rawValue)) }
}

extension FlagList {
    /// As the store takes them: by name.
    var names: [String] {
        MessageFlags.common.filter {
            known.contains(FlagSet($0.flag))
        }.map(\.name) + keywords
    }
}

extension KeywordTable {
    init(_ keywords: Keywords) {
        self.init(
            keywords.names.enumerated().map { (bit: Self.firstBit + $0.offset, name: $0.element) })
    }
}
