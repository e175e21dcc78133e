// SPDX-License-Identifier: Apache-2.0

/// Mailboxes that a client wants to hear of by NOTIFY without having selected them (RFC 5465).
///
/// Pure: it is shown all mailboxes as they are, remembers them, and writes what has changed since.
package struct MailboxWatch: Sendable {
    /// A mailbox as the store has it.
    package struct State: Hashable, Sendable {
        /// The same for as long as it lives, under whatever name.
        package var id: Int64
        package var name: MailboxName
        package var uidValidity: UInt32
        package var uidNext: UInt32
        package var messages: UInt64
        package var unseen: UInt64
        package var modificationSequence: UInt64
        package var isSubscribed: Bool
        /// In the personal namespace.
        package var isPersonal: Bool
        /// The client may not only look it up but read it, too: else nothing is told of what is in it.
        package var isReadable: Bool
        package var uses: [SpecialUse]

        package init(
            id: Int64, name: MailboxName, uidValidity: UInt32, uidNext: UInt32, messages: UInt64,
            unseen: UInt64, modificationSequence: UInt64, isSubscribed: Bool,
            isPersonal: Bool = true, isReadable: Bool = true, uses: [SpecialUse]
        ) {
            self.isReadable = isReadable
            self.id = id
            self.name = name
            self.uidValidity = uidValidity
            self.uidNext = uidNext
            self.messages = messages
            self.unseen = unseen
            self.modificationSequence = modificationSequence
            self.isSubscribed = isSubscribed
            self.isPersonal = isPersonal
            self.uses = uses
        }
    }

    /// More mailboxes are not watched (RFC 5465 §5.8): each change of any of them reads them all.
    package static let limit = 2000

    private let groups: [Notify.Group]
    private var known: [Int64: State] = [:]

    /// Nil if there are too many mailboxes, or none is watched.
    package init?(_ notify: Notify, _ states: [State]) {
        groups = notify.groups.filter { !$0.filter.isSelected && !$0.events.isEmpty }
        guard !groups.isEmpty else { return nil }
        remember(states)
    }

    /// Whether that many are too many.
    package static func isTooMuch(_ notify: Notify, _ states: [State]) -> Bool {
        states.count > limit
            && notify.groups.contains { !$0.filter.isSelected && !$0.events.isEmpty }
    }

    private mutating func remember(_ states: [State]) {
        known = Dictionary(states.map { ($0.id, $0) }, uniquingKeysWith: { $1 })
    }

    /// What the client wants to hear of a mailbox: of all groups that it belongs to.
    package func events(of state: State) -> Notify.Events {
        events(of: state.name, isSubscribed: state.isSubscribed, isPersonal: state.isPersonal)
    }

    private func events(
        of name: MailboxName, isSubscribed: Bool, isPersonal: Bool
    ) -> Notify.Events {
        groups.reduce(into: []) { events, group in
            if group.filter.includes(name, isSubscribed: isSubscribed, isPersonal: isPersonal) {
                events.formUnion(group.events)
            }
        }
    }

    /// Whether annotations of mailboxes or of the server are watched.
    package var wantsAnnotations: Bool {
        groups.contains {
            !$0.events.isDisjoint(with: [.mailboxMetadataChange, .serverMetadataChange])
        }
    }

    /// Whether those of the server are.
    package var wantsServerAnnotations: Bool {
        groups.contains { $0.events.contains(.serverMetadataChange) }
    }

    /// What NOTIFY SET STATUS answers (§3.1), for mailboxes that are not selected.
    package func tellStatus(
        _ states: [State], selected: Int64?, to writer: inout ResponseWriter
    ) {
        for state in states where state.id != selected && state.isReadable {
            let events = events(of: state)
            guard events.contains(.messageNew) else { continue }
            var values: [StatusValue] = [
                .number(.messages, state.messages), .number(.uidNext, UInt64(state.uidNext)),
                .number(.uidValidity, UInt64(state.uidValidity)),
            ]
            if events.contains(.flagChange) {
                values.append(.number(.highestModificationSequence, state.modificationSequence))
            }
            writer.status(state.name, values)
        }
    }

    /// What NOTIFY SET answers of mailboxes that are asked for and may only be looked up (§3.1).
    package func tellInaccessible(_ states: [State], to writer: inout ResponseWriter) {
        for state in states where !state.isReadable && !events(of: state).isEmpty {
            tell(state.name, .noAccess, of: states, to: &writer)
        }
    }

    /// Which of the mailboxes that are watched are not among those that are shown.
    package func lost(_ states: [State]) -> Set<Int64> {
        Set(known.keys).subtracting(states.map(\.id))
    }

    private func tell(
        _ name: MailboxName, _ attributes: MailboxAttributes, of states: [State],
        to writer: inout ResponseWriter
    ) {
        let hasChildren = states.contains { name.isAncestor(of: $0.name) }
        let state = states.first { $0.name == name }
        var attributes = attributes.union(hasChildren ? .hasChildren : .hasNoChildren)
        if state?.isSubscribed == true { attributes.insert(.subscribed) }
        writer.list(name, attributes, uses: state?.uses ?? [])
    }

    /// This client itself has changed mailboxes or subscriptions: it is not told (§5).
    ///
    /// What has happened to messages meanwhile is told all the same.
    package mutating func adoptNames(_ states: [State]) {
        var adopted: [Int64: State] = [:]
        for state in states {
            var old = known[state.id] ?? state
            (old.name, old.isSubscribed, old.uses) = (state.name, state.isSubscribed, state.uses)
            adopted[state.id] = old
        }
        known = adopted
    }

    /// This client itself has put messages into a mailbox; if that is all that happened there, it
    /// is not told.
    package mutating func adopt(_ state: State, added: Int) {
        guard let old = known[state.id], old.uidNext &+ UInt32(added) == state.uidNext,
            old.messages + UInt64(added) == state.messages
        else { return }
        known[state.id] = state
    }

    /// Writes what has changed since it was last called; `hidden` are those of `lost` that are
    /// there, for others.
    package mutating func tell(
        _ states: [State], hidden: Set<Int64> = [], selected: Int64?,
        _ enabled: EnabledExtensions, to writer: inout ResponseWriter
    ) {
        tellAccess(states, hidden, to: &writer)
        tellNames(states, to: &writer)
        for state in states where state.id != selected && state.isReadable {
            guard let old = known[state.id], old != state, old.isReadable else { continue }
            tell(state, since: old, enabled, to: &writer)
        }
        remember(states)
    }

    // MARK: - Messages

    /// §5.1 to §5.3: by STATUS, since it is not selected.
    private func tell(
        _ state: State, since old: State, _ enabled: EnabledExtensions,
        to writer: inout ResponseWriter
    ) {
        let events = events(of: state)
        let hasOthers = state.uidNext != old.uidNext || state.messages != old.messages
        let hasModificationSequences = enabled.contains(.condstore)
        var values: [StatusValue] = []
        if hasOthers, events.contains(.messageNew) {
            values += [
                .number(.messages, state.messages), .number(.uidNext, UInt64(state.uidNext)),
            ]
        }
        let isChanged = state.modificationSequence != old.modificationSequence
        let hasFlags = events.contains(.flagChange) && isChanged
        if hasFlags, state.unseen != old.unseen { values.append(.number(.unseen, state.unseen)) }
        guard !values.isEmpty || hasFlags && hasModificationSequences else { return }
        values.append(.number(.uidValidity, UInt64(state.uidValidity)))
        if hasModificationSequences {
            values.append(.number(.highestModificationSequence, state.modificationSequence))
        }
        writer.status(state.name, values)
    }

    // MARK: - Access

    /// §5.9: what the client may not look up or not read any more, and what it may read again.
    private mutating func tellAccess(
        _ states: [State], _ hidden: Set<Int64>, to writer: inout ResponseWriter
    ) {
        for id in hidden.sorted() {
            guard let old = known[id], !events(of: old).isEmpty else { continue }
            // §5.4: it is as if it had gone.
            tell(old.name, [.nonExistent, .noAccess], of: states, to: &writer)
            if let parent = old.name.parent, events(of: old).contains(.mailboxName) {
                let isThere = states.contains { $0.name == parent }
                tell(parent, isThere ? [] : .nonExistent, of: states, to: &writer)
            }
            known[id] = nil
        }
        for state in states {
            guard let old = known[state.id], old.isReadable != state.isReadable,
                !events(of: state).isEmpty
            else { continue }
            tell(state.name, state.isReadable ? [] : .noAccess, of: states, to: &writer)
        }
    }

    // MARK: - Names

    /// §5.4, §5.5: each name that is affected, once.
    private func tellNames(_ states: [State], to writer: inout ResponseWriter) {
        let there = Dictionary(states.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
        var parents = Set<MailboxName>()
        for state in states { parents.formUnion(state.name.superiors) }
        var told = Set<MailboxName>()
        func tell(_ name: MailboxName, oldName: MailboxName? = nil) {
            guard told.insert(name).inserted else { return }
            let state = there[name]
            var attributes: MailboxAttributes =
                parents.contains(name) ? .hasChildren : .hasNoChildren
            if state == nil { attributes.insert(.nonExistent) }
            if state?.isSubscribed == true { attributes.insert(.subscribed) }
            writer.list(name, attributes, uses: state?.uses ?? [], oldName: oldName)
        }
        func isWanted(
            _ name: MailboxName, _ event: Notify.Events, with state: State
        ) -> Bool {
            events(
                of: name, isSubscribed: there[name]?.isSubscribed ?? false,
                isPersonal: state.isPersonal
            ).contains(event)
        }
        let renamed = renames(states)
        for state in states {
            guard let old = known[state.id] else {
                for name in [state.name, state.name.parent].compactMap({ $0 })
                where isWanted(name, .mailboxName, with: state) { tell(name) }
                continue
            }
            if old.name != state.name, !Self.isImplied(old.name, state.name, by: renamed),
                isWanted(state.name, .mailboxName, with: state)
                    || isWanted(old.name, .mailboxName, with: state)
            {
                tell(state.name, oldName: old.name)
            }
            if old.isSubscribed != state.isSubscribed,
                isWanted(state.name, .subscriptionChange, with: state)
                    || events(
                        of: state.name, isSubscribed: old.isSubscribed,
                        isPersonal: state.isPersonal
                    ).contains(.subscriptionChange)
            {
                tell(state.name)
            }
        }
        let ids = Set(states.map(\.id))
        let gone = known.values.filter { !ids.contains($0.id) }.sorted { $0.id < $1.id }
        for old in gone {
            for name in [old.name, old.name.parent].compactMap({ $0 }) {
                let events = events(
                    of: name, isSubscribed: old.isSubscribed, isPersonal: old.isPersonal)
                if events.contains(.mailboxName) { tell(name) }
            }
        }
    }

    private typealias Rename = (old: MailboxName, new: MailboxName)

    private func renames(_ states: [State]) -> [Rename] {
        states.compactMap { state in
            known[state.id].flatMap { $0.name == state.name ? nil : ($0.name, state.name) }
        }
    }

    /// §5.4: with a mailbox those below it are renamed, and nothing is said of them.
    private static func isImplied(
        _ old: MailboxName, _ new: MailboxName, by renames: [Rename]
    ) -> Bool {
        renames.contains { rename in
            rename.old.isAncestor(of: old) && rename.new.isAncestor(of: new)
                && old.text.dropFirst(rename.old.text.count)
                    == new.text.dropFirst(rename.new.text.count)
        }
    }
}

extension Notify.Filter {
    /// Whether it is about the mailbox that is selected, whichever that is.
    package var isSelected: Bool { self == .selected || self == .selectedDelayed }

    /// Whether a mailbox that is not selected belongs to it (RFC 5465 §6).
    func includes(_ name: MailboxName, isSubscribed: Bool, isPersonal: Bool) -> Bool {
        switch self {
        case .selected, .selectedDelayed: false
        // §6.3: a script may deliver into any of them.
        case .inboxes, .personal: isPersonal
        case .subscribed: isSubscribed
        case .subtree(let names): names.contains { $0 == name || $0.isAncestor(of: name) }
        case .mailboxes(let names): names.contains(name)
        }
    }
}

extension Notify {
    /// What is wanted of the mailbox that is selected; nil: nothing (RFC 5465 §3.1).
    package var selected: Group? { groups.first { $0.filter.isSelected && !$0.events.isEmpty } }
}

extension MailboxName {
    /// The names above it.
    fileprivate var superiors: [MailboxName] {
        var names: [MailboxName] = []
        var name = self
        while let parent = name.parent {
            names.append(parent)
            name = parent
        }
        return names
    }
}
