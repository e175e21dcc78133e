// SPDX-License-Identifier: Apache-2.0

import Bytes
import IMAP
import MessageStore
import Tenancy
import World

/// Commands about mailboxes as a whole (RFC 9051 §6.3).
extension IMAPVisit {
    /// Performs a command; writes what it answers before its tagged response, and returns that.
    mutating func obey(_ command: Command) async throws -> Completion {
        switch command {
        case .noOperation: return .ok()
        case .notify(let notify): return try await self.notify(notify)
        case .getMetadata(let get): return try getMetadata(get)
        case .setMetadata(let name, let changes): return try await setMetadata(name, changes)
        case .select(let select): return try await open(select)
        case .refusedSelect(let refusal):
            await leave()
            return refusal
        case .create(let name, let uses): return try await create(name, uses)
        case .delete(let name): return try await delete(name)
        case .rename(let name, let newName):
            // RFC 9051 §6.3.6: not below itself.
            guard !name.isAncestor(of: newName) else {
                return .no(.cannot, "a mailbox cannot be moved below itself")
            }
            try await service.sharing.rename(name, to: newName, for: reader)
            return .ok()
        case .subscribe(let name):
            try await service.sharing.subscribe(true, to: name, for: reader)
            return .ok()
        case .unsubscribe(let name):
            try await service.sharing.subscribe(false, to: name, for: reader)
            return .ok()
        case .list(let list): return try self.list(list)
        case .namespace:
            writer.namespaces(
                personal: [Namespace(prefix: "")],
                others: [Namespace(prefix: SharedMailboxes.Space.others.prefix)],
                shared: [Namespace(prefix: SharedMailboxes.Space.shared.prefix)])
            return .ok()
        case .status(let name, let items):
            let mailbox = try service.sharing.require(.read, of: name, for: reader).mailbox
            writer.status(name, try values(of: mailbox, items))
            return .ok()
        case .getACL(let name): return try getACL(name)
        case .setACL(let name, let identifier, let change):
            return try await setACL(name, identifier, change)
        case .deleteACL(let name, let identifier): return try await deleteACL(name, identifier)
        case .listRights(let name, let identifier): return try listRights(name, identifier)
        case .myRights(let name): return try myRights(name)
        case .getQuota(let root): return try await getQuota(root)
        case .getQuotaRoot(let name): return try await getQuotaRoots(of: name)
        case .setQuota: return .no(.noPerm, "quotas are set by the operator")
        case .close: return try await close()
        case .unselect:
            await leave()
            return .ok()
        default: return try await obeyAboutMessages(command)
        }
    }

    // MARK: - SELECT

    /// RFC 9051 §6.3.2 and §6.3.3.
    private mutating func open(_ select: Select) async throws -> Completion {
        await leave()
        let (seen, opening) = try await service.sharing.open(select.mailbox, for: reader)
        let mailbox = opening.mailbox
        var open = OpenMailbox(
            opening, seen, select.mailbox, reader: owner, isReadOnly: select.isReadOnly)
        let isRevision2 = session.enabled.contains(.imap4rev2)
        writer.exists(open.view.count)
        if !isRevision2 { try await tellRecent(&open, opening) }
        writer.flags(open.view.keywords, permanent: open.permanentFlags)
        writer.untagged(.ok(.uidValidity(mailbox.uidValidity), "UIDs are valid"))
        writer.untagged(.ok(.uidNext(mailbox.uidNext), "the next UID"))
        writer.untagged(
            .ok(
                .highestModificationSequence(UInt64(mailbox.highestModSequence)),
                "the latest change"))
        writer.untagged(.ok(.mailboxID(Self.identifier(mailbox)), "its name for ever"))
        if isRevision2 {
            writer.list(select.mailbox, [], uses: ListCandidate(seen).uses)
        }
        if let known = select.resynchronization, known.uidValidity == mailbox.uidValidity {
            try await resynchronize(known, open, opening)
        }
        selected = open
        if !open.isOwn { watchOthers() }
        return .ok(
            open.isReadOnly ? .readOnly : .readWrite,
            open.isReadOnly ? "the mailbox is open, read-only" : "the mailbox is open")
    }

    /// RFC 3501 §6.3.1: RECENT, and the first message that is unseen.
    private mutating func tellRecent(
        _ open: inout OpenMailbox, _ opening: Mailboxes.Opening
    ) async throws {
        let first = try firstRecent(opening.mailbox, told: 1, isReadOnly: open.leavesRecent)
        if let first { open.view.noteRecent(from: first) }
        writer.recent(UInt32(open.view.recent.count))
        guard let uid = try await service.mailboxes.firstUnseen(of: opening, by: owner),
            let number = open.view.uids.number(of: uid)
        else { return }
        writer.untagged(.ok(.unseen(number), "the first that is unseen"))
    }

    static func identifier(_ mailbox: Mailbox) -> String { "m\(mailbox.id.value)" }

    /// What has happened since the client last looked (RFC 7162 §3.2.5.1).
    private mutating func resynchronize(
        _ known: Resynchronization, _ open: OpenMailbox, _ opening: Mailboxes.Opening
    ) async throws {
        let since = Int64(clamping: known.modificationSequence)
        let expunged = try await service.mailboxes.expunged(from: open.id, since: since)
        writer.vanished(
            known.vanished(
                expunged: NumberSet(expunged), present: open.view.uids, uidNext: open.uidNext),
            isEarlier: true)
        for message in try await service.mailboxes.changed(
            in: open.id, since: since, by: open.reader)
        {
            guard known.knownUIDs?.contains(message.uid) ?? true else { continue }
            open.view.tell(
                SelectedMailbox.Message(message), session.enabled, isUID: true, to: &writer)
            try await sendIfMuch()
        }
    }

    /// RFC 9051 §6.4.1: what is deleted goes without a word; RFC 4314 §4: or stays without one.
    private mutating func close() async throws -> Completion {
        let open = selected
        await leave()
        if let open, !open.view.isReadOnly, open.rights.contains(.expunge) {
            try await service.mailboxes.expunge([1...UInt32.max], in: open.id)
        }
        return .ok()
    }

    // MARK: - CREATE, LIST, STATUS

    /// RFC 9051 §6.3.4, RFC 6154 §3, RFC 8474 §4.2.
    private mutating func create(
        _ name: MailboxName, _ uses: [SpecialUse]
    ) async throws -> Completion {
        guard uses.count < 2 else { return .no(.useAttribute, "one use for a mailbox") }
        let mailbox = try await service.sharing.create(
            name, use: uses.first?.rawValue, for: reader)
        return .ok(.mailboxID(Self.identifier(mailbox)))
    }

    /// RFC 9051 §6.3.5; who has it selected has none then.
    private mutating func delete(_ name: MailboxName) async throws -> Completion {
        let id = try service.sharing.require(.remove, of: name, for: reader).mailbox.id
        let isSelected = selected?.id == id
        try await service.sharing.remove(name, for: reader)
        if isSelected {
            selected = nil
            session.leaveMailbox()
        }
        return .ok()
    }

    private mutating func list(_ list: List) throws -> Completion {
        guard !list.asksForDelimiter else {
            writer.listDelimiter(isSubscribedList: list.isSubscribedList)
            return .ok()
        }
        var byName: [String: SharedMailboxes.Seen] = [:]
        var candidates: [ListCandidate] = []
        for seen in try service.sharing.all(for: reader) {
            byName[seen.name.text] = seen
            candidates.append(ListCandidate(seen))
        }
        for text in try service.mailboxes.subscriptions(of: owner) {
            guard let name = try? MailboxName(text), byName[name.text] == nil else { continue }
            candidates.append(ListCandidate(name, exists: false, isSubscribed: true))
        }
        let isRevision2 = session.enabled.contains(.imap4rev2)
        for answer in list.answers(over: candidates, isRevision2: isRevision2) {
            let seen = answer.isSelectable ? byName[answer.mailbox.text] : nil
            var attributes = answer.attributes
            // RFC 5819 §2: there will be no STATUS.
            if let seen, !list.status.isEmpty, !seen.rights.contains(.read) {
                attributes.insert(.noSelect)
            }
            writer.list(
                answer.mailbox, attributes, uses: answer.uses,
                isSubscribedList: list.isSubscribedList,
                hasSubscribedChild: answer.hasSubscribedChild)
            if let seen { try tell(seen, list) }
        }
        return .ok()
    }

    /// What LIST was asked to say of each mailbox.
    private mutating func tell(_ seen: SharedMailboxes.Seen, _ list: List) throws {
        // RFC 5819 §2.
        if !list.status.isEmpty, seen.rights.contains(.read) {
            writer.status(seen.name, try values(of: seen.mailbox, list.status))
        }
        // RFC 8440 §3.
        if list.returns.contains(.myRights) { writer.myRights(seen.name, seen.rights.text) }
        // RFC 9590 §3.
        if !list.metadata.isEmpty, seen.rights.allowsAnnotations {
            let get = GetMetadata(mailbox: seen.name, entries: list.metadata)
            writer.metadata(seen.name, get.answers(try annotations(of: seen)).entries)
        }
    }

    private func values(of mailbox: Mailbox, _ items: [StatusItem]) throws -> [StatusValue] {
        try items.map { item in
            switch item {
            case .messages: .number(item, UInt64(mailbox.messages))
            case .uidNext: .number(item, UInt64(mailbox.uidNext))
            case .uidValidity: .number(item, UInt64(mailbox.uidValidity))
            case .unseen:
                .number(
                    item, UInt64(try service.mailboxes.unseen(in: mailbox, by: owner)))
            case .deleted: .number(item, UInt64(mailbox.deleted))
            case .size: .number(item, UInt64(mailbox.octets))
            case .deletedStorage:
                .number(item, UInt64(try service.mailboxes.deletedOctets(in: mailbox)))
            case .recent: .number(item, UInt64(try service.mailboxes.recentCount(of: mailbox)))
            case .highestModificationSequence: .number(item, UInt64(mailbox.highestModSequence))
            case .mailboxID: .mailboxID(Self.identifier(mailbox))
            case .appendLimit: .appendLimit(session.policy.appendLimit)
            }
        }
    }

    /// Sends what is written when it is much.
    mutating func sendIfMuch() async throws(Ending) {
        if writer.octets.count >= IMAPService.unsentLimitOctets { try await send() }
    }
}

extension ListCandidate {
    init(_ seen: SharedMailboxes.Seen) {
        self.init(seen.name, isSubscribed: seen.isSubscribed, uses: seen.uses)
    }
}

extension SharedMailboxes.Seen {
    /// What it is for; what others do with theirs is not what one does oneself.
    var uses: [SpecialUse] {
        guard isOwn else { return [] }
        return mailbox.specialUse.flatMap(SpecialUse.init(rawValue:)).map { [$0] } ?? []
    }
}
