// SPDX-License-Identifier: Apache-2.0

import Bytes
import IMAP
import MIME
import MessageStore
import Spool
import Tenancy
import World

/// APPEND (RFC 9051 §6.3.12): messages that a client puts into a mailbox, all or none.
extension IMAPVisit {
    /// What has come of an APPEND so far.
    struct Appending: ~Copyable {
        var mailbox: Mailbox?
        /// What the client may do there.
        var rights = AccessRights()
        /// What may be kept there; nil: anything.
        var allowance: Mailboxes.Allowance?
        /// REPLACE: what goes when the message is there (RFC 8508).
        var replaced: Mailboxes.Replaced?
        var draft: Draft?
        var current: AppendedMessage?
        /// NUL is in it, which only a literal8 may hold.
        var hasNull = false
        var messages: [(message: Draft.Finished, flags: [String], internalDate: Timestamp)] = []
        /// Why nothing of it can be kept; the client still sends it to its end.
        var failure: (any Error)?
        /// How much of the messages so far waits in memory; large ones are in files.
        var heldOctets = 0
    }

    /// What a message takes besides its octets.
    private static let messageOverheadOctets = 512

    /// Of all messages of one MULTIAPPEND that are not in files.
    private static let heldLimitOctets = 64 << 20

    /// Of a message whose binary parts are encoded; it is held twice meanwhile.
    private static let encodedLimitOctets = 8 << 20

    /// Where APPEND goes that comes again and again: one's own mailbox, without a quota.
    struct KnownTarget {
        let name: MailboxName
        let seen: SharedMailboxes.Seen
        /// How many changes of mailboxes there were when it was looked up, and by us since then: one
        /// more may be its own new name.
        var changes: UInt64
        /// A quota may be set meanwhile.
        let until: Instant
    }

    mutating func beginAppend(_ append: Append) async {
        do {
            let seen: SharedMailboxes.Seen
            if let known = known(append.mailbox) {
                seen = known
            } else {
                seen = try await lookUp(append)
            }
            if let replaced = append.replaced { appending.replaced = try find(replaced) }
            appending.mailbox = seen.mailbox
            appending.rights = seen.rights
            session.acceptAppend()
        } catch {
            // What REPLACE meant is not left to the next command.
            await abortAppend()
            session.complete(refusal(error))
        }
    }

    private func known(_ name: MailboxName) -> SharedMailboxes.Seen? {
        guard let target = knownTarget, target.name == name,
            target.changes == service.mailboxes.changes.count,
            service.surroundings.time.now < target.until
        else { return nil }
        return target.seen
    }

    private mutating func lookUp(_ append: Append) async throws -> SharedMailboxes.Seen {
        let changes = service.mailboxes.changes.count
        let seen = try target(append.mailbox)
        knownTarget = nil
        if let standing = try await standing(of: seen.mailbox) {
            // Nothing fits: the client need not send it. RFC 8508 §3.4: what goes makes room.
            guard append.replaced != nil || standing.verdict(adding: 1) == .fits else {
                throw MailboxRefusal.overQuota
            }
            appending.allowance = standing.allowance
        } else if seen.isOwn {
            knownTarget = KnownTarget(
                name: append.mailbox, seen: seen, changes: changes,
                until: service.surroundings.time.now + .seconds(1))
        }
        return seen
    }

    /// The message that REPLACE names.
    private func find(_ replaced: Append.Replaced) throws -> Mailboxes.Replaced {
        guard let selected, let box = try service.mailboxes.find(selected.id) else {
            throw MailboxRefusal.nonexistent
        }
        try selected.requireRemoval()
        let uids = selected.view.uids
        // `*` stands for the last one.
        let number = replaced.number == 0 ? uids.last : replaced.number
        if replaced.isUID || replaced.number == 0 {
            guard let uid = number, uids.number(of: uid) != nil else {
                throw MailboxRefusal.messageGone
            }
            return service.mailboxes.replaced(uid, of: box)
        }
        guard replaced.number <= uids.count else {
            throw Completion.bad(nil, "there are only \(uids.count) messages")
        }
        return service.mailboxes.replaced(uids.uid(at: replaced.number), of: box)
    }

    mutating func appendMessage(_ message: AppendedMessage) async {
        await finishMessage()
        guard appending.heldOctets < Self.heldLimitOctets else {
            await abortAppend()
            let limit = Self.heldLimitOctets >> 20
            return session.complete(
                .no(.limit, "no more than \(limit) MiB with one command: append the rest anew"))
        }
        appending.current = message
        appending.hasNull = false
        appending.draft = service.intake.open()
        session.acceptAppend()
    }

    mutating func appendContent(_ octets: [UInt8]) async {
        guard appending.failure == nil else { return }
        if appending.current?.isBinary == true, octets.holdsNull(from: 0) {
            appending.hasNull = true
        }
        do {
            try await appending.draft?.append(octets[...])
        } catch {
            appending.failure = error
        }
    }

    private mutating func finishMessage() async {
        guard var draft = appending.draft.take(), let current = appending.current else { return }
        guard appending.failure == nil else { return await draft.discard() }
        do {
            let date = current.date?.timestamp ?? service.surroundings.time.timestamp
            let flags = current.flags.permitted(by: appending.rights)
            if appending.hasNull { try await Self.encodeBinaryParts(of: &draft) }
            let message = try await draft.finish()
            appending.messages.append((message, flags.names, date))
            let isHeld = message.octets <= Content.rowLimitOctets
            appending.heldOctets += Self.messageOverheadOctets + (isHeld ? message.octets : 0)
        } catch {
            appending.failure = error
        }
    }

    /// RFC 3516 §6: parts that only BINARY[] could carry are encoded, and BODYSTRUCTURE says so.
    ///
    /// What no encoding reaches, a header or what is signed, stays as it came, and so does what is
    /// too large to be held in memory for it.
    private static func encodeBinaryParts(of draft: inout Draft) async throws {
        guard draft.octets <= encodedLimitOctets else { return }
        let octets = try await draft.contents()
        var survey = TransportSurvey()
        survey.scan(octets)
        guard let changes = try? survey.finish().changes(for: .eightBit), !changes.isEmpty else {
            return
        }
        var converter = TransportConverter(changes)
        let encoded = converter.convert(octets) + converter.finish()
        await draft.clear()
        try await draft.append(encoded[...])
    }

    mutating func endAppend() async throws(Ending) {
        await finishMessage()
        let messages = appending.messages
        let isReplacing = appending.replaced != nil
        var completion: Completion
        writer = ResponseWriter(session.enabled)
        do {
            if let failure = appending.failure { throw failure }
            guard let mailbox = appending.mailbox else { throw MailboxRefusal.nonexistent }
            appending.messages = []
            let uids = try await service.intake.file(
                messages, in: mailbox, at: service.surroundings.time.timestamp,
                within: appending.allowance, replacing: appending.replaced, by: owner,
                writer: identity)
            if appending.replaced == nil { knownTarget?.changes += 1 }
            // RFC 9051 §6.3.12: nothing of a mailbox that the client may not read.
            let code =
                appending.rights.contains(.read)
                ? ResponseCode.appendUID(validity: mailbox.uidValidity, NumberSet(uids)) : nil
            if isReplacing {
                // RFC 8508 §4.3: before the old one goes.
                if let code { writer.untagged(.ok(code, "the new one is there")) }
                notePending()
            }
            try adoptOwnMessages(uids, in: mailbox.id)
            completion = .ok(isReplacing ? nil : code)
        } catch {
            completion = refusal(error)
        }
        await abortAppend()
        if isReplacing, completion == .ok() {
            completion = try await removalCompletion()
        } else {
            try await tellNews()
        }
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
