// SPDX-License-Identifier: Apache-2.0

import IMAP
import MessageStore
import Tenancy

/// Who may do what with a mailbox (RFC 4314 §3).
extension IMAPVisit {
    mutating func getACL(_ name: MailboxName) throws -> Completion {
        let seen = try service.sharing.require(.administer, of: name, for: reader)
        writer.accessList(
            name,
            try service.sharing.list(of: seen.mailbox).map { ($0.identifier, $0.rights.text) })
        return .ok()
    }

    mutating func setACL(
        _ name: MailboxName, _ identifier: String, _ change: ACLChange
    ) async throws -> Completion {
        let seen = try service.sharing.require(.administer, of: name, for: reader)
        try await service.sharing.change(rightsOf: identifier, to: seen.mailbox, by: change)
        return .ok()
    }

    mutating func deleteACL(
        _ name: MailboxName, _ identifier: String
    ) async throws -> Completion {
        let seen = try service.sharing.require(.administer, of: name, for: reader)
        try await service.sharing.remove(identifier, from: seen.mailbox)
        return .ok()
    }

    mutating func listRights(_ name: MailboxName, _ identifier: String) throws -> Completion {
        let seen = try service.sharing.require(.administer, of: name, for: reader)
        let rights = try service.sharing.grantable(to: identifier, of: seen.mailbox)
        // RFC 4314 §3.4: the identifier as the client has written it.
        writer.rights(
            name, identifier: identifier, required: rights.required.text,
            optional: rights.optional.separateTexts)
        return .ok()
    }

    mutating func myRights(_ name: MailboxName) throws -> Completion {
        let seen = try service.sharing.require(anyOf: .telling, of: name, for: reader)
        writer.myRights(name, seen.rights.text)
        return .ok()
    }

    /// Where messages are to be put (RFC 4314 §4 APPEND, COPY).
    func target(_ name: MailboxName) throws -> SharedMailboxes.Seen {
        do {
            return try service.sharing.require(.insert, of: name, for: reader)
        } catch MailboxRefusal.nonexistent {
            // RFC 9051 §6.3.12: only what the client could make.
            let mayCreate = try service.sharing.mayCreate(name, for: reader)
            throw Completion.no(
                mayCreate ? .tryCreate : .nonExistent, "there is no such mailbox")
        }
    }
}

extension OpenMailbox {
    /// RFC 6851 §4.2, RFC 8508 §4.1: what is taken out is marked and expunged.
    func requireRemoval() throws(MailboxRefusal) {
        guard rights.isSuperset(of: [.deleteMessages, .expunge]) else { throw .notPermitted }
    }

    /// The flags of a STORE that may be changed.
    ///
    /// RFC 4314 §4: it fails only if none of those it names may be.
    func changeable(of store: Store) throws(MailboxRefusal) -> FlagList {
        guard rights != .all else { return store.flags }
        let flags = store.flags.permitted(by: rights)
        let isNothing = flags.isEmpty && (!store.flags.isEmpty || rights.changeableFlags.isEmpty)
        guard !isNothing else { throw .notPermitted }
        return flags
    }
}

extension Completion {
    /// Why a list is not changed.
    init(_ failure: AccessListFailure) {
        self =
            switch failure {
            // RFC 4314 §3.
            case .malformed: .bad(nil, failure.description)
            case .unknown, .owner: .no(.cannot, failure.description)
            case .outOfReach: .no(.noPerm, failure.description)
            }
    }
}
