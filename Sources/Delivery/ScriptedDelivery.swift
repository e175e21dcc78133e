// SPDX-License-Identifier: Apache-2.0

import Bytes
import Directory
import Journal
import KeyRing
import Logging
import MIME
import Mail
import MessageStore
import ScriptStore
import Sieve
import Spool
import Storage
import Tenancy
import World

/// Where a script puts a message, and what it sends.
struct Sorting: Sendable {
    var copies: [Mailboxes.Sorted] = []
    /// On to other addresses, as it came.
    var continuation: Settlement.Continuation?
    /// On with another header, and answers.
    var notices: [Conclusion.Notice] = []
    var record: (@Sendable (any Transaction) throws(StorageFailure) -> Void)?
    /// For the journal.
    var explanation: String?
}

// As the recipient's own script wants it.
extension Deliverer {
    /// A larger message is delivered as if there were no script: a script reads it whole.
    private static let maximumScriptedOctets = 64 << 20

    /// Runs the account's active script; false if there is none, and the message is to be
    /// delivered as usual.
    ///
    /// Whatever goes wrong keeps the message (RFC 5228 §2.10.6).
    func sort(
        _ recipient: DueRecipient, to account: AccountID, _ conclusions: inout Conclusions
    ) async -> Bool {
        guard let scripts, recipient.message.octets <= Self.maximumScriptedOctets else {
            return false
        }
        do {
            guard
                let active = try await scripts.active(
                    of: account.rawValue, in: { try registry.domain(of: account) })
            else { return false }
            var incoming = try await incoming(recipient, account)
            if active.traits.contains(.asksFilters),
                let findings = try await scripts.findings(of: recipient.message.id)
            {
                incoming.take(findings)
            }
            let run = try await scripts.run(active.script, over: incoming, of: account.rawValue)
            if let failure = run.verdict.failure {
                log.warning(
                    "the script of \(recipient.address) fails, the message is kept: \(failure)",
                    metadata: ["id": "\(recipient.message.id)"])
            }
            if run.suppressed > 0 {
                log.notice(
                    """
                    \(recipient.address) is not notified of a message: \
                    \(Scripts.notificationsPerHour) notifications have gone within an hour
                    """, metadata: ["id": "\(recipient.message.id)"])
            }
            await carryOut(run, recipient, account, incoming, &conclusions)
            return true
        } catch {
            log.error(
                "the script of \(recipient.address) cannot be run, the message is kept: \(error)",
                metadata: ["id": "\(recipient.message.id)"])
            return false
        }
    }

    private func incoming(
        _ recipient: DueRecipient, _ account: AccountID
    ) async throws -> Incoming {
        let message = recipient.message
        var octets: [UInt8] = []
        octets.reserveCapacity(message.octets)
        var reader = spooler.read(message)
        while let piece = try await reader.next() { octets += piece }
        var incoming = Incoming(
            message: octets, sender: message.reversePath.description,
            recipient: (recipient.original ?? recipient.address).description,
            now: time.timestamp)
        incoming.ownAddresses =
            try await registry.addresses(of: account).map(\.description)
            + [recipient.address.description]
        // What filters found suspicious is put aside; more is not known here.
        incoming.spamPercent = message.requests.isJunk ? 100 : nil
        incoming.doubt = message.requests.doubt
        incoming.setEnvironment(
            host: settings.hostName.name, domain: recipient.address.domain?.name ?? "")
        return incoming
    }

    // MARK: Actions

    private func carryOut(
        _ run: ScriptRun, _ recipient: DueRecipient, _ account: AccountID, _ incoming: Incoming,
        _ conclusions: inout Conclusions
    ) async {
        var sorting = Sorting()
        var addresses: [Address] = []
        for action in run.verdict.actions {
            switch action {
            case .file(let filing):
                sorting.copies.append(copy(filing, recipient.message, incoming))
            case .redirect(let address, let header):
                if let octets = edited(incoming, header) {
                    sorting.notices.append(redirection(of: recipient, to: [address], octets))
                } else {
                    addresses.append(address)
                }
            case .discard: break
            case .reject(let reason, let isExtended):
                return await refuse(recipient, reason, isExtended, incoming, &conclusions)
            case .reply(let reply):
                let (notice, copied) = answer(reply, for: recipient, incoming)
                sorting.notices.append(notice)
                if let copied { sorting.copies.append(copied) }
            case .notify(let notification):
                let (notice, copied) = announcement(notification, for: recipient, incoming)
                sorting.notices.append(notice)
                if let copied { sorting.copies.append(copied) }
            }
        }
        guard let others = await place(&sorting.copies, of: recipient, for: account, &conclusions)
        else { return }
        let sizes = sorting.copies.filter { $0.others == nil }.map {
            size(of: $0, recipient.message, conclusions)
        }
        // Without room for its copies nothing of it is done: it is tried again as a whole.
        guard var crossings = await admit(sizes, of: recipient, to: account, &conclusions)
        else { return }
        crossings += others.crossings
        if !addresses.isEmpty {
            sorting.continuation = Settlement.Continuation(
                as: ids.next(), redirected(recipient, to: addresses))
        }
        let (memories, number, now) = (run.memories, account.rawValue, incoming.now)
        sorting.record = { transaction throws(StorageFailure) in
            try Scripts.remember(memories, of: number, at: now, in: transaction)
        }
        sorting.explanation = ([run.verdict.summary] + others.reasons).joined(separator: "; ")
        conclusions.sort(recipient, to: account.rawValue, sorting)
        conclusions.tell(crossings, await warnings(of: crossings))
    }

    /// By a notification, for the message was accepted: `ereject` by one of its failure (RFC 5429
    /// §2.1.2), `reject` by one that keeps its words (§2.2.1).
    private func refuse(
        _ recipient: DueRecipient, _ reason: String, _ isExtended: Bool, _ incoming: Incoming,
        _ conclusions: inout Conclusions
    ) async {
        let message = recipient.message
        let evidence = Outcome.Evidence(EnhancedStatus(5, 7, 1), String(reason.prefix(1000)))
        guard !isExtended, recipient.notify?.contains(.failure) != false else {
            return conclusions.add(recipient, .permanent(evidence))
        }
        // RFC 8098 §2.1: nothing of the kind answers its like, whatever the reverse-path says.
        guard !DispositionNotification.isOne(incoming.message) else {
            log.notice(
                "nobody is told that a disposition notification was refused",
                metadata: ["id": "\(message.id)"])
            return conclusions.refuse(recipient, evidence, nil)
        }
        let sent = await refusal(of: message, incoming.message, by: recipient, because: reason)
        guard let sent else { return conclusions.add(recipient, .permanent(evidence)) }
        conclusions.refuse(recipient, evidence, sent)
    }

    private func copy(
        _ filing: Filing, _ message: SpooledMessage, _ incoming: Incoming
    ) -> Mailboxes.Sorted {
        // Kept is where it would go without a script.
        let usual = message.requests.isJunk ? Mailboxes.junk : Mailboxes.inbox
        var copy = Mailboxes.Sorted(mailbox: filing.isKeep ? usual : filing.mailbox)
        copy.use = filing.specialUse
        copy.mailboxID = filing.mailboxID
        copy.creates = filing.creates
        copy.flags = filing.flags
        if let octets = edited(incoming, filing.header) {
            copy.replacement = Mailboxes.Replacement(
                Content.ID(value: ids.next().value), octets)
        }
        return copy
    }

    // MARK: Others' mailboxes

    /// As it will be kept.
    private func size(
        of copy: Mailboxes.Sorted, _ message: SpooledMessage, _ conclusions: borrowing Conclusions
    ) -> Int {
        (copy.replacement?.octets.count ?? message.octets) + conclusions.prefix.utf8.count
    }

    /// Finds the mailboxes of others that are meant; what may not go there, or has no room there,
    /// goes into INBOX, as what is meant for a mailbox that there is not.
    ///
    /// Returns why, and what is to be told of the quotas of the others; nil: the store does not say
    /// where they are, nothing has been done, and it is concluded that all of it waits.
    private func place(
        _ copies: inout [Mailboxes.Sorted], of recipient: DueRecipient, for id: AccountID,
        _ conclusions: inout Conclusions
    ) async -> (reasons: [String], crossings: [QuotaCrossing])? {
        var (reasons, crossings) = ([String](), [QuotaCrossing]())
        guard let quotas else { return (reasons, crossings) }
        let sharing = SharedMailboxes(registry: registry, mailboxes: quotas.mailboxes)
        for index in copies.indices {
            let refusal: String
            do {
                guard let account = try registry.find(id) else { continue }
                switch try sharing.destination(copies[index].mailbox, for: account) {
                case .own: continue
                case .refused(let reason): refusal = reason
                case .others(let mailbox, let name, let permitted):
                    let (verdict, more) = try await room(
                        for: [size(of: copies[index], recipient.message, conclusions)],
                        of: AccountID(rawValue: mailbox.account), &conclusions)
                    if verdict == .fits {
                        copies[index].mailbox = name
                        copies[index].others = Mailboxes.Others(mailbox, permitted: permitted)
                        crossings += more
                        continue
                    }
                    refusal = "its owner's mailboxes are full"
                }
            } catch {
                log.error(
                    """
                    the mailbox of another, where the script of \(recipient.address) wants a \
                    message, cannot be looked up, it waits: \(error)
                    """, metadata: ["id": "\(recipient.message.id)"])
                conclusions.add(
                    recipient,
                    .transient(.init(EnhancedStatus(4, 3, 0), Diagnosis.directorySilent.text())))
                return nil
            }
            let name = String(copies[index].mailbox.prefix(Self.shownCharacters))
            reasons.append("not into \"\(name)\" but INBOX: \(refusal)")
            log.notice(
                """
                the script of \(recipient.address) wants a message in "\(name)", it goes into \
                INBOX: \(refusal)
                """, metadata: ["id": "\(recipient.message.id)"])
            copies[index].mailbox = Mailboxes.inbox
        }
        return (reasons, crossings)
    }

    /// Of a name that a script has made up, that much is told.
    private static let shownCharacters = 200

    /// The message with its header as edited; nil if it is as it came, or too large for that.
    private func edited(_ incoming: Incoming, _ header: [UInt8]?) -> [UInt8]? {
        guard let header else { return nil }
        var bodyStart = incoming.message.count
        var defects = DefectList()
        _ = Header(incoming.message[...], bodyStart: &bodyStart, defects: &defects)
        let octets = header + incoming.message[bodyStart...]
        guard octets.count <= Content.rowLimitOctets else {
            log.warning("a message of \(octets.count) octets keeps its header: it is too large")
            return nil
        }
        return octets
    }

    // MARK: Redirection

    /// The address here counts as an alias of the others, so that SPF passes there.
    private func redirected(_ recipient: DueRecipient, to addresses: [Address]) -> Acceptance {
        let message = recipient.message
        var requests = message.requests
        requests.holdUntil = nil
        requests.isJunk = false
        let recipients = addresses.map {
            Envelope.Recipient(
                $0, original: recipient.original ?? recipient.address, notify: recipient.notify,
                originalRecipient: recipient.originalRecipient)
        }
        return Acceptance(
            Envelope(
                from: message.reversePath, to: recipients, body: message.body,
                isInternational: message.isInternational, requests: requests),
            source: [.init(.continues, message.id)], expires: message.expires)
    }

    private func redirection(
        of recipient: DueRecipient, to addresses: [Address], _ octets: [UInt8]
    ) -> Conclusion.Notice {
        Conclusion.Notice(id: ids.next(), octets: octets, redirected(recipient, to: addresses))
    }

    // MARK: Answers

    /// An answer (RFC 5230 §5), and its copy for the mailbox that `:fcc` names (RFC 8580).
    private func answer(
        _ reply: AutoReply, for recipient: DueRecipient, _ incoming: Incoming
    ) -> (notice: Conclusion.Notice, copy: Mailboxes.Sorted?) {
        let sender = recipient.original ?? recipient.address
        let octets = compose(reply, from: sender, at: incoming.now)
        let notice = notice(
            octets, of: sender, to: [Envelope.Recipient(reply.recipient, notify: .never)],
            about: recipient.message, at: incoming.now)
        return (notice, reply.copy.map { self.copy(of: octets, $0) })
    }

    /// A message that speaks for somebody here: signed for his domain, and with the null path, so
    /// that nothing answers it (RFC 5230 §5.1, RFC 5436 §2.7).
    func notice(
        _ octets: [UInt8], of owner: Address, to recipients: [Envelope.Recipient],
        about message: SpooledMessage, at now: Timestamp
    ) -> Conclusion.Notice {
        let signature =
            owner.domain.flatMap { signingKeys?.fields(above: octets, of: $0, at: now) } ?? []
        let envelope = Envelope(
            from: .null, to: recipients,
            body: octets.contains { $0 >= 0x80 } ? .eightBitMIME : .sevenBit,
            isInternational: owner.isInternational
                || recipients.contains(where: \.address.isInternational))
        return Conclusion.Notice(
            id: ids.next(), octets: signature + octets,
            Acceptance(envelope, source: [.init(.about, message.id)]))
    }

    private func copy(of octets: [UInt8], _ filing: Filing) -> Mailboxes.Sorted {
        var copy = Mailboxes.Sorted(mailbox: filing.mailbox)
        copy.use = filing.specialUse
        copy.creates = filing.creates
        copy.flags = filing.flags
        copy.replacement = Mailboxes.Replacement(Content.ID(value: ids.next().value), octets)
        return copy
    }

    // MARK: Notifications

    /// A notification (RFC 5436 §2.7), and its copy for the mailbox that `:fcc` names.
    private func announcement(
        _ notification: MailNotification, for recipient: DueRecipient, _ incoming: Incoming
    ) -> (notice: Conclusion.Notice, copy: Mailboxes.Sorted?) {
        let owner = recipient.original ?? recipient.address
        let octets = compose(notification, of: owner, at: incoming.now)
        let notice = notice(
            octets, of: owner,
            to: notification.recipients.map { Envelope.Recipient($0, notify: .never) },
            about: recipient.message, at: incoming.now)
        return (notice, notification.copy.map { copy(of: octets, $0) })
    }

    private func compose(
        _ notification: MailNotification, of owner: Address, at now: Timestamp
    ) -> [UInt8] {
        var header = HeaderWriter()
        // §2.7.1: whom to ask, should it not be wanted.
        let name = "\(owner)".flatMap { $0 == "\"" || $0 == "\\" ? ["\\", $0] : [$0] }
        header.field(
            "Auto-Submitted", structured: "auto-notified; owner-email=\"\(String(name))\"")
        header.field("Date", date: now)
        let from = notification.from.map { AddressList($0).participants } ?? []
        header.field("From", participants: from.isEmpty ? [Participant(owner)] : from)
        let copies = notification.copies
        let direct = notification.recipients.filter { !copies.contains($0) }
        if !direct.isEmpty { header.field("To", participants: direct.map { Participant($0) }) }
        if !copies.isEmpty { header.field("Cc", participants: copies.map { Participant($0) }) }
        header.field("Subject", text: String(notification.subject.prefix(500)))
        header.field(
            "Message-ID",
            identifiers: [.make(at: now, by: owner.domain ?? settings.hostName, entropy: entropy)])
        if let id = notification.messageID { header.field("References", structured: id) }
        if notification.importance != 2 {
            header.field(
                "Importance", structured: notification.importance == 1 ? "high" : "low")
        }
        let body = String(lossy: notification.body.utf8.prefix(Self.maximumReasonOctets))
        return Composition(header: header, .text(body, subtype: "plain"))
            .message(entropy: entropy)
    }

    private func compose(
        _ reply: AutoReply, from sender: Address, at now: Timestamp
    ) -> [UInt8] {
        var header = HeaderWriter()
        header.field("Date", date: now)
        let from = reply.from.map { AddressList($0).participants } ?? []
        header.field("From", participants: from.isEmpty ? [Participant(sender)] : from)
        header.field("To", participants: [Participant(reply.recipient)])
        header.field("Subject", text: String(reply.subject.prefix(500)))
        header.field(
            "Message-ID",
            identifiers: [.make(at: now, by: sender.domain ?? settings.hostName, entropy: entropy)])
        if let id = reply.messageID {
            // §5.8: as any answer.
            header.field("In-Reply-To", structured: id)
            let references = [reply.references, id].compactMap(\.self).joined(separator: " ")
            header.field("References", structured: references)
        }
        // RFC 3834 §5: "auto-replied"; nothing answers it.
        header.field("Auto-Submitted", structured: "auto-replied")
        header.field("Precedence", structured: "bulk")
        let reason = Array(reply.reason.utf8.prefix(Self.maximumReasonOctets))
        if reply.isMIME, reason.starts(with: "content-".utf8, by: { ($0 | 0x20) == $1 || $0 == $1 })
        {
            header.field("MIME-Version", structured: "1.0")
            return header.octets + TransferEncoding.canonicalLines(reason)
        }
        return Composition(header: header, .text(String(lossy: reason), subtype: "plain"))
            .message(entropy: entropy)
    }

    /// Encoded, it still has to fit into a row.
    private static let maximumReasonOctets = 128 << 10
}

extension Envelope.Requests {
    /// Who is said to have sent junk, or what fails the checks, most likely has not.
    fileprivate var doubt: Incoming.Doubt? {
        if isJunk { return .junk }
        return switch forgery {
        case .dmarc: .forged("DMARC fails")
        case .spf: .forged("SPF fails, and nothing vouches for the domain")
        case nil: nil
        }
    }
}
