// SPDX-License-Identifier: Apache-2.0

import Bytes
import IMAP
import MessageStore
import Tenancy
import World

/// What a client has asked to hear of, all the time and of all mailboxes (RFC 5465 NOTIFY).
struct Notification {
    /// Of the mailbox that is selected; nil: nothing (§3.1).
    var selected: Notify.Group?
    /// Of the others; nil: nothing.
    var watch: MailboxWatch?
    /// Up to which change of annotations the client knows all.
    var annotationVersion: Int64 = 0
    /// Whose mailboxes are watched besides one's own.
    var owners = Set<Int64>()
    /// Messages of the selected mailbox that the client has put there itself.
    var own = NumberSet()

    /// Whether the client wants to be woken.
    var wakes: Bool { selected != nil || watch != nil }
}

extension IMAPVisit {
    /// NOTIFY SET and NOTIFY NONE (RFC 5465 §3).
    mutating func notify(_ notify: Notify?) async throws -> Completion {
        guard let notify else {
            try await endNotification()
            return .ok()
        }
        let (states, owners) = try watchable()
        guard !MailboxWatch.isTooMuch(notify, states) else {
            return .no(.notificationOverflow, "there are too many mailboxes to watch them all")
        }
        // §3: what there is to tell is told first, as it was asked for before.
        try await tellNews()
        var notification = Notification(selected: notify.selected)
        notification.watch = MailboxWatch(notify, states)
        notification.owners = notification.watch == nil ? [] : owners
        notification.watch?.tellInaccessible(states, to: &writer)
        notification.annotationVersion =
            try service.mailboxes.annotationNews(since: nil, for: owner).version
        if notify.wantsStatus {
            notification.watch?.tellStatus(states, selected: selected?.id.value, to: &writer)
        }
        self.notification = notification
        watchOthers()
        wakeAsWanted()
        // What was not told before may be wanted now.
        lookAgain()
        return .ok()
    }

    private mutating func endNotification() async throws {
        try await tellNews()
        notification = Notification()
        watchOthers()
        wakeAsWanted()
    }

    /// What can be watched: one's own, and what of others may be listed (RFC 5465 §3.1); and who
    /// these others are.
    private func watchable() throws -> (states: [MailboxWatch.State], owners: Set<Int64>) {
        var owners = Set<Int64>()
        let states = try service.sharing.all(for: reader).compactMap { seen in
            guard seen.rights.contains(.lookup) else { return nil as MailboxWatch.State? }
            if !seen.isOwn { owners.insert(seen.mailbox.account) }
            return MailboxWatch.State(seen)
        }
        return (states, owners)
    }

    private func mailboxStates() throws -> [MailboxWatch.State] { try watchable().states }

    /// Writes what has happened in mailboxes that are not selected.
    mutating func tellWatched() throws {
        guard var notification, let watch = notification.watch else { return }
        let (states, owners) = try watchable()
        guard states.count <= MailboxWatch.limit else {
            // RFC 5465 §5.8.
            writer.untagged(.ok(.notificationOverflow, "there are too many mailboxes now"))
            self.notification = Notification()
            watchOthers()
            return wakeAsWanted()
        }
        notification.owners = owners
        let hidden = try watch.lost(states).filter {
            try service.mailboxes.find(Mailbox.ID(value: $0)) != nil
        }
        notification.watch?.tell(
            states, hidden: hidden, selected: selected?.id.value, session.enabled, to: &writer)
        if watch.wantsAnnotations { try tellAnnotations(&notification, watch, states) }
        self.notification = notification
        watchOthers()
    }

    /// §5.6, §5.7: the names of entries, not what they say.
    private mutating func tellAnnotations(
        _ notification: inout Notification, _ watch: MailboxWatch, _ states: [MailboxWatch.State]
    ) throws {
        let news = try service.mailboxes.annotationNews(
            since: notification.annotationVersion, for: owner)
        notification.annotationVersion = news.version
        let names = Dictionary(states.map { ($0.id, $0) }, uniquingKeysWith: { $1 })
        var rest = news.entries[...]
        while let first = rest.first {
            let group = rest.prefix { $0.mailbox == first.mailbox }
            rest = rest.dropFirst(group.count)
            let entries = group.map(\.entry)
            guard let id = first.mailbox else {
                if watch.wantsServerAnnotations { writer.metadataChanged(nil, entries) }
                continue
            }
            guard let state = names[id.value], state.isReadable,
                watch.events(of: state).contains(.mailboxMetadataChange)
            else { continue }
            writer.metadataChanged(state.name, entries)
        }
    }

    /// What this client does to mailboxes and annotations it is not told (§5).
    mutating func adoptOwnChanges() throws {
        guard notification?.watch != nil else { return }
        let states = try mailboxStates()
        let version = try service.mailboxes.annotationNews(since: nil, for: owner).version
        notification?.watch?.adoptNames(states)
        notification?.annotationVersion = version
    }

    /// Messages that this client has put somewhere itself (§5).
    mutating func adoptOwnMessages(_ uids: [UInt32], in target: Mailbox.ID) throws {
        guard notification != nil, !uids.isEmpty else { return }
        if target == selected?.id {
            let own = (notification?.own ?? NumberSet()).union(NumberSet(uids))
            notification?.own = own
        }
        guard notification?.watch != nil,
            let state = try mailboxStates().first(where: { $0.id == target.value })
        else { return }
        notification?.watch?.adopt(state, added: uids.count)
    }

    /// What the client wants to hear of the mailbox that is selected; nil: everything, as ever.
    var wantedEvents: Notify.Events? { notification.map { $0.selected?.events ?? [] } }

    /// §5.2: what the client wants to know of messages that are new, but for its own.
    mutating func tellNewMessages(_ uids: NumberSet) async throws {
        guard let items = notification?.selected?.items, !items.isEmpty, let selected else {
            return
        }
        let others = uids.subtracting(notification?.own ?? NumberSet())
        notification?.own = NumberSet()
        guard !others.isEmpty else { return }
        try await fetch(items, of: others, selected)
    }
}

extension MailboxWatch.State {
    init(_ seen: SharedMailboxes.Seen) {
        let mailbox = seen.mailbox
        self.init(
            id: mailbox.id.value, name: seen.name, uidValidity: mailbox.uidValidity,
            uidNext: mailbox.uidNext, messages: UInt64(mailbox.messages),
            unseen: UInt64(mailbox.unseen),
            modificationSequence: UInt64(mailbox.highestModSequence),
            isSubscribed: seen.isSubscribed, isPersonal: seen.isOwn,
            isReadable: seen.rights.contains(.read), uses: seen.uses)
    }
}
