// SPDX-License-Identifier: Apache-2.0

import Bytes
import IMAP
import MessageStore
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
        case .create(let name, let uses): return try await create(name, uses)
        case .delete(let name): return try await delete(name)
        case .rename(let name, let newName):
            // RFC 9051 §6.3.6: not below itself.
            guard !name.isAncestor(of: newName) else {
                return .no(.cannot, "a mailbox cannot be moved below itself")
            }
            try await service.mailboxes.rename(name.text, to: newName.text, of: owner)
            return .ok()
        case .subscribe(let name):
            try await service.mailboxes.subscribe(true, to: name.text, of: owner)
            return .ok()
        case .unsubscribe(let name):
            try await service.mailboxes.subscribe(false, to: name.text, of: owner)
            return .ok()
        case .list(let list): return try self.list(list)
        case .namespace:
            writer.namespaces(personal: [Namespace(prefix: "")], others: [], shared: [])
            return .ok()
        case .status(let name, let items):
            guard let mailbox = try service.mailboxes.find(name.text, of: owner) else {
                return Completion(.nonexistent)
            }
            writer.status(name, try values(of: mailbox, items))
            return .ok()
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
        guard let opening = try await service.mailboxes.open(select.mailbox.text, of: owner)
        else { return Completion(.nonexistent) }
        let mailbox = opening.mailbox
        var open = OpenMailbox(opening, select.mailbox, isReadOnly: select.isReadOnly)
        let isRevision2 = session.enabled.contains(.imap4rev2)
        writer.exists(open.view.count)
        if !isRevision2 { try await tellRecent(&open, opening) }
        writer.flags(open.view.keywords, isReadOnly: select.isReadOnly)
        writer.untagged(.ok(.uidValidity(mailbox.uidValidity), "UIDs are valid"))
        writer.untagged(.ok(.uidNext(mailbox.uidNext), "the next UID"))
        writer.untagged(
            .ok(
                .highestModificationSequence(UInt64(mailbox.highestModSequence)),
                "the latest change"))
        writer.untagged(.ok(.mailboxID(Self.identifier(mailbox)), "its name for ever"))
        if isRevision2 {
            let answer = ListCandidate(mailbox, select.mailbox)
            writer.list(select.mailbox, [], uses: answer.uses)
        }
        if let known = select.resynchronization, known.uidValidity == mailbox.uidValidity {
            try await resynchronize(known, open, opening)
        }
        selected = open
        return .ok(
            select.isReadOnly ? .readOnly : .readWrite,
            select.isReadOnly ? "the mailbox is open, read-only" : "the mailbox is open")
    }

    /// RFC 3501 §6.3.1: RECENT, and the first message that is unseen.
    private mutating func tellRecent(
        _ open: inout OpenMailbox, _ opening: Mailboxes.Opening
    ) async throws {
        let first = try firstRecent(opening.mailbox, told: 1, isReadOnly: open.view.isReadOnly)
        if let first { open.view.noteRecent(from: first) }
        writer.recent(UInt32(open.view.recent.count))
        guard let uid = try await service.mailboxes.firstUnseen(of: opening),
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
        for message in try await service.mailboxes.changed(in: open.id, since: since) {
            guard known.knownUIDs?.contains(message.uid) ?? true else { continue }
            open.view.tell(
                SelectedMailbox.Message(message), session.enabled, isUID: true, to: &writer)
            try await sendIfMuch()
        }
    }

    /// RFC 9051 §6.4.1: what is deleted goes without a word.
    private mutating func close() async throws -> Completion {
        let open = selected
        await leave()
        if let open, !open.view.isReadOnly {
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
        let mailbox = try await service.mailboxes.create(
            name.text, use: uses.first?.rawValue, of: owner)
        return .ok(.mailboxID(Self.identifier(mailbox)))
    }

    /// RFC 9051 §6.3.5; who has it selected has none then.
    private mutating func delete(_ name: MailboxName) async throws -> Completion {
        let isSelected =
            try selected.map { try service.mailboxes.find(name.text, of: owner)?.id == $0.id }
            ?? false
        try await service.mailboxes.remove(name.text, of: owner)
        if isSelected {
            selected = nil
            session.leaveMailbox()
        }
        return .ok()
    }

    private mutating func list(_ list: List) throws -> Completion {
        guard !list.asksForDelimiter else {
            writer.listDelimiter()
            return .ok()
        }
        let mailboxes = try service.mailboxes.all(of: owner)
        var byName: [String: Mailbox] = [:]
        var candidates: [ListCandidate] = []
        for mailbox in mailboxes {
            guard let name = try? MailboxName(mailbox.name) else { continue }
            byName[name.text] = mailbox
            candidates.append(ListCandidate(mailbox, name))
        }
        for text in try service.mailboxes.subscriptions(of: owner) {
            guard let name = try? MailboxName(text), byName[name.text] == nil else { continue }
            candidates.append(ListCandidate(name, exists: false, isSubscribed: true))
        }
        let isRevision2 = session.enabled.contains(.imap4rev2)
        for answer in list.answers(over: candidates, isRevision2: isRevision2) {
            writer.list(
                answer.mailbox, answer.attributes, uses: answer.uses,
                isSubscribedList: list.isSubscribedList,
                hasSubscribedChild: answer.hasSubscribedChild)
            guard answer.isSelectable, let mailbox = byName[answer.mailbox.text] else { continue }
            // RFC 5819 §2.
            if !list.status.isEmpty {
                writer.status(answer.mailbox, try values(of: mailbox, list.status))
            }
            // RFC 9590 §3.
            if !list.metadata.isEmpty {
                let get = GetMetadata(mailbox: answer.mailbox, entries: list.metadata)
                writer.metadata(
                    answer.mailbox, get.answers(try annotations(of: mailbox)).entries)
            }
        }
        return .ok()
    }

    private func values(of mailbox: Mailbox, _ items: [StatusItem]) throws -> [StatusValue] {
        try items.map { item in
            switch item {
            case .messages: .number(item, UInt64(mailbox.messages))
            case .uidNext: .number(item, UInt64(mailbox.uidNext))
            case .uidValidity: .number(item, UInt64(mailbox.uidValidity))
            case .unseen: .number(item, UInt64(mailbox.unseen))
            case .deleted: .number(item, UInt64(mailbox.deleted))
            case .size: .number(item, UInt64(mailbox.octets))
            case .deletedStorage:
                .number(item, UInt64(try service.mailboxes.deletedOctets(in: mailbox)))
            case .recent: .number(item, UInt64(try service.mailboxes.recentCount(of: mailbox)))
            case .highestModificationSequence: .number(item, UInt64(mailbox.highestModSequence))
            case .mailboxID: .mailboxID(Self.identifier(mailbox))
            case .appendLimit: .appendLimit(UInt64(service.configuration.appendLimitOctets))
            }
        }
    }

    /// Sends what is written when it is much.
    mutating func sendIfMuch() async throws(Ending) {
        if writer.octets.count >= IMAPService.unsentLimitOctets { try await send() }
    }
}

extension ListCandidate {
    init(_ mailbox: Mailbox, _ name: MailboxName) {
        self.init(
            name, isSubscribed: mailbox.isSubscribed,
            uses: mailbox.specialUse.flatMap(SpecialUse.init(rawValue:)).map { [$0] } ?? [])
    }
}
