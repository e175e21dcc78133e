// SPDX-License-Identifier: Apache-2.0

import Bytes
import IMAP
import MessageStore
import Spool
import Tenancy
import World

/// APPEND (RFC 9051 §6.3.12): messages that a client puts into a mailbox, all or none.
extension IMAPVisit {
    /// What has come of an APPEND so far.
    struct Appending: ~Copyable {
        var mailbox: Mailbox?
        /// What may be kept there; nil: anything.
        var allowance: Mailboxes.Allowance?
        var draft: Draft?
        var current: AppendedMessage?
        var messages: [(message: Draft.Finished, flags: [String], internalDate: Timestamp)] = []
        /// Why nothing of it can be kept; the client still sends it to its end.
        var failure: (any Error)?
    }

    mutating func beginAppend(_ append: Append) async {
        do {
            guard let mailbox = try service.mailboxes.find(append.mailbox.text, of: owner) else {
                return session.complete(.no(.tryCreate, "there is no such mailbox"))
            }
            if let standing = try await standing(of: mailbox) {
                // Nothing fits: the client need not send it.
                guard standing.verdict(adding: 1) == .fits else {
                    throw MailboxRefusal.overQuota
                }
                appending.allowance = standing.allowance
            }
            appending.mailbox = mailbox
            session.acceptAppend()
        } catch {
            session.complete(refusal(error))
        }
    }

    mutating func appendMessage(_ message: AppendedMessage) async {
        await finishMessage()
        appending.current = message
        appending.draft = service.intake.open()
        session.acceptAppend()
    }

    mutating func appendContent(_ octets: [UInt8]) async {
        guard appending.failure == nil else { return }
        do {
            try await appending.draft?.append(octets[...])
        } catch {
            appending.failure = error
        }
    }

    private mutating func finishMessage() async {
        guard let draft = appending.draft.take(), let current = appending.current else { return }
        guard appending.failure == nil else { return await draft.discard() }
        do {
            let date = current.date?.timestamp ?? service.surroundings.time.timestamp
            appending.messages.append((try await draft.finish(), current.flags.names, date))
        } catch {
            appending.failure = error
        }
    }

    mutating func endAppend() async throws(Ending) {
        await finishMessage()
        let messages = appending.messages
        let completion: Completion
        do {
            if let failure = appending.failure { throw failure }
            guard let mailbox = appending.mailbox else { throw MailboxRefusal.nonexistent }
            appending.messages = []
            let uids = try await service.intake.file(
                messages, in: mailbox, at: service.surroundings.time.timestamp,
                within: appending.allowance)
            completion = .ok(.appendUID(validity: mailbox.uidValidity, NumberSet(uids)))
        } catch {
            completion = refusal(error)
        }
        await abortAppend()
        writer = ResponseWriter(session.enabled)
        try await tellNews()
        try await send()
        session.complete(completion)
    }

    mutating func abortAppend() async {
        if let draft = appending.draft.take() { await draft.discard() }
        let messages = appending.messages.map(\.message)
        appending = Appending()
        await service.intake.discard(messages)
    }
}
