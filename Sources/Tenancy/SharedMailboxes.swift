// SPDX-License-Identifier: Apache-2.0

import Bytes
package import Directory
package import IMAP
import Mail
package import MessageStore
import SASL

/// The mailboxes that an account sees: its own, and those that others share with it (RFC 4314).
///
/// Here, and nowhere else, it is said what a name means to an account. One's own mailboxes have
/// their own names; those of other people are below `Other Users/LOGIN`, those of shared accounts
/// below `Shared/LOGIN`, which is itself the INBOX of that account.
package struct SharedMailboxes: Sendable {
    let registry: Registry
    let mailboxes: Mailboxes
    /// Whom those who change lists may name there; nil: the administrator, who may name anybody.
    let reach: SharingReach?

    package init(registry: Registry, mailboxes: Mailboxes, reach: SharingReach? = nil) {
        self.registry = registry
        self.mailboxes = mailboxes
        self.reach = reach
    }

    /// A mailbox as an account sees it.
    package struct Seen: Sendable {
        package let mailbox: Mailbox
        /// What it is called there.
        package let name: MailboxName
        /// What the account may do with it.
        package let rights: AccessRights
        /// The account is its owner.
        package let isOwn: Bool
        package let isSubscribed: Bool
    }

    /// Below what the mailboxes of others stand (RFC 2342 §5).
    package enum Space: String, CaseIterable, Sendable {
        case others = "Other Users"
        case shared = "Shared"

        /// The one a name is in, be it its root.
        package init?(of name: MailboxName) {
            guard
                let space = Self.allCases.first(where: {
                    name.text.hasPrefix($0.rawValue)
                        && (name.text.utf8.count == $0.rawValue.utf8.count
                            || name.text.hasPrefix("\($0.rawValue)/"))
                })
            else { return nil }
            self = space
        }

        /// The prefix that NAMESPACE tells.
        package var prefix: String { "\(rawValue)/" }
    }

    /// Where a name leads.
    private struct Place {
        let owner: Int64
        /// What the owner calls it.
        let local: String
        /// What the account calls it.
        let name: MailboxName
        let isOwn: Bool
    }

    /// Nil: nothing can be there.
    private func place(of name: MailboxName, for account: Account) throws -> Place? {
        let own = Place(owner: account.id.rawValue, local: name.text, name: name, isOwn: true)
        guard let space = Space(of: name) else { return own }
        // Somebody may have had one of that name before it meant others.
        if try mailboxes.find(name.text, of: own.owner) != nil { return own }
        let parts = name.text.split(separator: Mailboxes.delimiter, maxSplits: 2)
        guard parts.count > 1, let login = try? Address(String(parts[1])),
            let owner = try registry.find(login: login), owner.id != account.id,
            owner.isShared == (space == .shared)
        else { return nil }
        guard let local = try? MailboxName(parts.count > 2 ? String(parts[2]) : Mailboxes.inbox),
            let canonical = Self.name(local.text, of: owner)
        else { return nil }
        return Place(owner: owner.id.rawValue, local: local.text, name: canonical, isOwn: false)
    }

    /// What others call a mailbox; nil if it is too long, or would be something else.
    private static func name(_ local: String, of owner: Account) -> MailboxName? {
        let login = "\(owner.login)"
        guard !login.contains(Mailboxes.delimiter) else { return nil }
        let space = owner.isShared ? Space.shared : .others
        let rest = local == Mailboxes.inbox ? "" : "\(Mailboxes.delimiter)\(local)"
        return try? MailboxName(space.prefix + login + rest)
    }

    /// By what an account is meant in lists.
    private static func grantee(_ account: Account) -> Mailboxes.Grantee {
        Mailboxes.Grantee(
            login: "\(account.login)", domain: account.login.domain?.name ?? "")
    }
}

// MARK: - Looking

extension SharedMailboxes {
    /// What an account may do with a mailbox.
    package func rights(to mailbox: Mailbox, for account: Account) throws -> AccessRights {
        guard mailbox.account != account.id.rawValue else { return .all }
        return try mailboxes.rights(to: mailbox.id, of: Self.grantee(account))
    }

    /// The mailbox of a name, whatever may be done with it; nil if there is none.
    private func find(_ place: Place, for account: Account) throws -> Seen? {
        guard let mailbox = try mailboxes.find(place.local, of: place.owner) else { return nil }
        return Seen(
            mailbox: mailbox, name: place.name, rights: try rights(to: mailbox, for: account),
            isOwn: place.isOwn, isSubscribed: mailbox.isSubscribed && place.isOwn)
    }

    private func look(at name: MailboxName, for account: Account) throws -> Seen {
        guard let place = try place(of: name, for: account),
            let seen = try find(place, for: account)
        else { throw MailboxRefusal.nonexistent }
        return seen
    }

    /// The mailbox of a name with which the account may do all of this.
    ///
    /// Throws `MailboxRefusal`: to who may not look it up, it is not there (RFC 4314 §6).
    package func require(
        _ wanted: AccessRights, of name: MailboxName, for account: Account
    ) throws -> Seen {
        let seen = try look(at: name, for: account)
        try seen.require(wanted)
        return seen
    }

    /// The same, where any of these rights is enough; it is not there for who has none of them.
    package func require(
        anyOf wanted: AccessRights, of name: MailboxName, for account: Account
    ) throws -> Seen {
        let seen = try look(at: name, for: account)
        guard !seen.rights.isDisjoint(with: wanted) else { throw MailboxRefusal.nonexistent }
        return seen
    }

    /// Opens a mailbox that may be read (RFC 4314 §4 SELECT).
    package func open(
        _ name: MailboxName, for account: Account
    ) async throws -> (seen: Seen, opening: Mailboxes.Opening) {
        let seen = try require(.read, of: name, for: account)
        guard
            let opening = try await mailboxes.open(seen.mailbox.name, of: seen.mailbox.account),
            opening.mailbox.id == seen.mailbox.id
        else { throw MailboxRefusal.nonexistent }
        return (seen, opening)
    }

    /// All that LIST shows: one's own by name, then those of others by account and name.
    package func all(for account: Account) throws -> [Seen] {
        let own = try mailboxes.all(of: account.id.rawValue).compactMap { mailbox -> Seen? in
            guard let name = try? MailboxName(mailbox.name) else { return nil }
            return Seen(
                mailbox: mailbox, name: name, rights: .all, isOwn: true,
                isSubscribed: mailbox.isSubscribed)
        }
        let others = try others(for: account, anyOf: .lookup)
        guard !others.isEmpty else { return own }
        let names = Set(own.map(\.name))
        return own + others.filter { !names.contains($0.name) }
    }

    /// Mailboxes of others with which an account may do any of this, by account and name.
    func others(for account: Account, anyOf wanted: AccessRights) throws -> [Seen] {
        let shared = try mailboxes.shared(
            with: Self.grantee(account), besides: account.id.rawValue)
        guard !shared.isEmpty else { return [] }
        let subscribed = Set(try mailboxes.subscriptions(of: account.id.rawValue))
        var seen: [Seen] = []
        var owner: Account?
        for (mailbox, rights) in shared where !rights.isDisjoint(with: wanted) {
            if owner?.id.rawValue != mailbox.account {
                owner = try registry.find(AccountID(rawValue: mailbox.account))
            }
            guard let owner, let name = Self.name(mailbox.name, of: owner) else { continue }
            seen.append(
                Seen(
                    mailbox: mailbox, name: name, rights: rights, isOwn: false,
                    isSubscribed: subscribed.contains(name.text)))
        }
        return seen
    }
}

extension SharedMailboxes.Seen {
    /// Throws `MailboxRefusal` if not all of this may be done with it.
    package func require(_ wanted: AccessRights) throws(MailboxRefusal) {
        guard !rights.isSuperset(of: wanted) else { return }
        throw rights.contains(.lookup) ? .notPermitted : .nonexistent
    }
}

// MARK: - Changing

extension SharedMailboxes {
    /// Whether an account may make a mailbox of that name, if there is none.
    package func mayCreate(_ name: MailboxName, for account: Account) throws -> Bool {
        guard let place = try place(of: name, for: account) else { return false }
        return try mayCreate(at: place, for: account)
    }

    /// RFC 4314 §4 CREATE: `k` on the nearest mailbox above, which at last is INBOX.
    private func mayCreate(at place: Place, for account: Account) throws -> Bool {
        guard !place.isOwn else { return Space(of: place.name) == nil }
        var above = place.local[...]
        while let end = above.lastIndex(of: Mailboxes.delimiter) {
            above = above[..<end]
            if let parent = try mailboxes.find(String(above), of: place.owner) {
                return try rights(to: parent, for: account).contains(.create)
            }
        }
        guard let inbox = try mailboxes.find(Mailboxes.inbox, of: place.owner) else { return false }
        return try rights(to: inbox, for: account).contains(.create)
    }

    /// Makes a mailbox that nobody has subscribed to; throws `MailboxRefusal`.
    ///
    /// Where others' are, nothing is said of what is there to who may not make any.
    package func create(
        _ name: MailboxName, use: String? = nil, for account: Account
    ) async throws -> Mailbox {
        guard let place = try place(of: name, for: account) else {
            throw MailboxRefusal.notPermitted
        }
        guard try mayCreate(at: place, for: account) else {
            let isThere = try place.isOwn && mailboxes.find(place.local, of: place.owner) != nil
            throw isThere ? MailboxRefusal.exists : .notPermitted
        }
        // What it is for is for its owner to say.
        guard use == nil || place.isOwn else { throw MailboxRefusal.useTaken }
        return try await mailboxes.create(
            place.local, use: use, of: place.owner, isForeign: !place.isOwn,
            isSubscribed: false)
    }

    /// Gives a mailbox up (RFC 4314 §4 DELETE); throws `MailboxRefusal`.
    package func remove(_ name: MailboxName, for account: Account) async throws {
        let seen = try require(.remove, of: name, for: account)
        try await mailboxes.remove(seen.mailbox.name, of: seen.mailbox.account)
    }

    /// Gives a mailbox another name, with those below it (RFC 4314 §4 RENAME: `x` on it, `k` on
    /// the new parent); throws `MailboxRefusal`.
    ///
    /// It stays with its account: messages are moved to another, mailboxes are not.
    package func rename(
        _ name: MailboxName, to newName: MailboxName, for account: Account
    ) async throws {
        guard let source = try place(of: name, for: account) else {
            throw MailboxRefusal.nonexistent
        }
        if !source.isOwn {
            try requireRemoval(source, for: account)
            guard source.local != Mailboxes.inbox else { throw MailboxRefusal.inbox }
        }
        guard let target = try place(of: newName, for: account), target.owner == source.owner,
            try mayCreate(at: target, for: account)
        else { throw MailboxRefusal.notPermitted }
        try await mailboxes.rename(source.local, to: target.local, of: source.owner)
    }

    /// A level without a mailbox of its own is what is below it.
    private func requireRemoval(_ place: Place, for account: Account) throws {
        if let seen = try find(place, for: account) { return try seen.require(.remove) }
        let below = try mailboxes.all(of: place.owner).filter {
            $0.name.hasPrefix("\(place.local)\(Mailboxes.delimiter)")
        }
        let rights = try below.map { try self.rights(to: $0, for: account) }
        guard rights.contains(where: { $0.contains(.lookup) }) else {
            throw MailboxRefusal.nonexistent
        }
        guard rights.allSatisfy({ $0.contains(.remove) }) else {
            throw MailboxRefusal.notPermitted
        }
    }

    /// Subscriptions are the subscriber's, also those to others' mailboxes (RFC 4314 §4: `l` is
    /// needed to subscribe, nothing to unsubscribe); throws `MailboxRefusal`.
    package func subscribe(
        _ isSubscribed: Bool, to name: MailboxName, for account: Account
    ) async throws {
        let place = try place(of: name, for: account)
        if let place, place.isOwn, Space(of: name) == nil {
            return try await mailboxes.subscribe(
                isSubscribed, to: place.local, of: place.owner)
        }
        if isSubscribed {
            let seen = try require(.lookup, of: name, for: account)
            guard !seen.isOwn else {
                return try await mailboxes.subscribe(
                    true, to: seen.mailbox.name, of: seen.mailbox.account)
            }
        } else if let place, place.isOwn {
            return try await mailboxes.subscribe(false, to: place.local, of: place.owner)
        }
        try await mailboxes.subscribe(
            isSubscribed, toForeign: (place?.name ?? name).text, of: account.id.rawValue)
    }
}
