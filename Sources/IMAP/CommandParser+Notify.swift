// SPDX-License-Identifier: Apache-2.0

import Bytes

extension CommandParser {
    /// ```abnf
    /// notify      = "NOTIFY" SP ("SET" [SP "STATUS"] SP event-groups / "NONE")   ; RFC 5465 §8
    /// event-group = "(" filter-mailboxes SP events ")"
    /// events      = ( "(" event *(SP event) ")" ) / "NONE"
    /// ```
    mutating func notify() throws(CommandFault) -> Notify? {
        try scanner.space()
        switch try scanner.word("SET or NONE") {
        case "NONE": return nil
        case "SET": break
        default: throw .syntax("expected SET or NONE")
        }
        try scanner.space()
        var notify = Notify(wantsStatus: false, groups: [])
        if scanner.skip(word: "STATUS") {
            notify.wantsStatus = true
            try scanner.space()
        }
        var hasSelected = false
        repeat {
            try Self.bound(notify.groups.count)
            let group = try eventGroup()
            if group.filter == .selected || group.filter == .selectedDelayed {
                // §8: only one of them.
                guard !hasSelected else { throw .syntax("the selected mailbox is named twice") }
                hasSelected = true
            }
            notify.groups.append(group)
        } while scanner.skip(UInt8.space)
        return notify
    }

    private mutating func eventGroup() throws(CommandFault) -> Notify.Group {
        try scanner.demand("(")
        let filter = try filter()
        try scanner.space()
        var group = Notify.Group(filter: filter, events: [])
        if !scanner.skip(word: "NONE") { try events(of: &group) }
        try scanner.demand(")")
        return group
    }

    /// ```abnf
    /// filter-mailboxes = "selected" / "selected-delayed" / "inboxes" / "personal" / "subscribed"
    ///                    / ("subtree" / "mailboxes") SP one-or-more-mailbox
    /// ```
    private mutating func filter() throws(CommandFault) -> Notify.Filter {
        switch try scanner.word("a filter") {
        case "SELECTED": return .selected
        case "SELECTED-DELAYED": return .selectedDelayed
        case "INBOXES": return .inboxes
        case "PERSONAL": return .personal
        case "SUBSCRIBED": return .subscribed
        case "SUBTREE": return .subtree(try mailboxes())
        case "MAILBOXES": return .mailboxes(try mailboxes())
        default: throw .syntax("unknown filter of mailboxes")
        }
    }

    private mutating func mailboxes() throws(CommandFault) -> [MailboxName] {
        try scanner.space()
        guard scanner.next == UInt8(ascii: "(") else { return [try scanner.mailbox()] }
        var names: [MailboxName] = []
        try scanner.list { scanner throws(CommandFault) in
            try Self.bound(names.count)
            names.append(try scanner.mailbox())
        }
        return names
    }

    private static let eventNames: [Word: Notify.Events] = [
        "MESSAGENEW": .messageNew, "MESSAGEEXPUNGE": .messageExpunge, "FLAGCHANGE": .flagChange,
        "MAILBOXNAME": .mailboxName, "SUBSCRIPTIONCHANGE": .subscriptionChange,
        "MAILBOXMETADATACHANGE": .mailboxMetadataChange,
        "SERVERMETADATACHANGE": .serverMetadataChange,
    ]

    private mutating func events(of group: inout Notify.Group) throws(CommandFault) {
        let isSelected = group.filter == .selected || group.filter == .selectedDelayed
        var events: Notify.Events = []
        var items: [FetchItem] = []
        var unknown: [String] = []
        try scanner.list { scanner throws(CommandFault) in
            let name = try scanner.atom("an event")
            guard let event = Word(name).flatMap({ Self.eventNames[$0] }) else {
                try Self.bound(unknown.count)
                unknown.append(String(lossy: name.prefix(40)))
                return
            }
            events.insert(event)
            guard event == .messageNew, scanner.next == UInt8.space else { return }
            let place = scanner.position
            try scanner.space()
            guard scanner.next == UInt8(ascii: "(") else { return scanner.move(to: place) }
            guard isSelected else {
                throw .syntax("items may be named for the selected mailbox alone")
            }
            var parser = CommandParser(scanner)
            items = try parser.fetchItems()
            scanner = parser.scanner
        }
        // §8: MessageNew and MessageExpunge go together, FlagChange only with both.
        let isBoth = events.isSuperset(of: [.messageNew, .messageExpunge])
        guard isBoth || events.isDisjoint(with: [.messageNew, .messageExpunge, .flagChange]) else {
            throw .syntax("MessageNew and MessageExpunge go together, FlagChange needs both")
        }
        guard unknown.isEmpty else {
            // §5.8: tell which events there are.
            throw .refused(
                .badEvent([
                    "MessageNew", "MessageExpunge", "FlagChange", "MailboxName",
                    "SubscriptionChange", "MailboxMetadataChange", "ServerMetadataChange",
                ]), "no such event: \(unknown.joined(separator: " "))")
        }
        guard !isSelected || events.isSubset(of: [.messageNew, .messageExpunge, .flagChange])
        else { throw .syntax("the selected mailbox has events of messages alone") }
        (group.events, group.items) = (events, items)
    }
}
