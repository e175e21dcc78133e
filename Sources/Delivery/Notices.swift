// SPDX-License-Identifier: Apache-2.0

import Bytes
import Directory
import Journal
import KeyRing
import MIME
import Mail
import MessageStore
import Spool
import Synchronization
import World

// Notifications: what they hold, and to whom they go.
extension Deliverer {
    /// A notification ready for the spool, and to whom it goes; nil if there is nobody.
    func notice(
        _ kind: Notification.Kind, of message: SpooledMessage,
        about concerned: [(recipient: DueRecipient, evidence: Outcome.Evidence)]
    ) async -> (notice: Conclusion.Notice, addressee: Address)? {
        guard let (addressee, audience, recipients) = await addressee(kind, of: message, concerned)
        else { return nil }
        let facts = (try? await trace.facts(of: message.id)) ?? []
        let returned = await returned(of: message, for: kind, audience)
        var notification = Notification(
            kind, to: addressee, from: settings.hostName, about: Self.original(message, facts),
            recipients: concerned.map { recipient, evidence in
                Notification.Recipient(
                    recipient.address, original: recipient.original,
                    originalRecipient: recipient.originalRecipient, evidence: evidence,
                    attempts: attempts(for: recipient, in: facts, evidence))
            }, returning: returned, language: settings.language)
        notification.audience = audience
        if audience == .sender {
            notification.language = await language(
                for: addressee, whoWrote: notification.originalHeader)
        }
        return (compose(notification, to: recipients, about: message), addressee)
    }

    private func compose(
        _ notification: Notification, to recipients: [Envelope.Recipient],
        about message: SpooledMessage
    ) -> Conclusion.Notice {
        let now = time.timestamp
        var (envelope, octets) = notification.compose(at: now, entropy: entropy)
        octets = signed(octets, at: now)
        if octets.count > Content.rowLimitOctets {
            // Encoding made it long.
            var shorter = notification
            shorter.returned = .header(notification.originalHeader)
            octets = signed(shorter.compose(at: now, entropy: entropy).octets, at: now)
        }
        envelope.recipients = recipients.map { recipient in
            Envelope.Recipient(
                recipient.address, original: recipient.original,
                notify: envelope.recipients[0].notify)
        }
        envelope.requests.holdUntil = pace(of: notification.addressee, at: now)
        return Conclusion.Notice(
            id: ids.next(), octets: octets,
            Acceptance(
                envelope, source: [.init(.about, message.id)]))
    }

    /// That a script of the recipient's refuses a message that was accepted (RFC 5429 §2.2.1), and
    /// who is told so; nil if there is nobody.
    func refusal(
        of message: SpooledMessage, _ octets: [UInt8], by recipient: DueRecipient,
        because reason: String
    ) async -> (notice: Conclusion.Notice, addressee: Address)? {
        guard let sender = message.reversePath.address else { return nil }
        let recipients = await recipients(for: sender)
        guard !recipients.isEmpty else { return nil }
        let now = time.timestamp
        let owner = recipient.original ?? recipient.address
        // RFC 5429 §2.2.1: the message goes back, unless it may not (RFC 3461 §4.3, RFC 8689 §5).
        let isWhole =
            message.requests.returned != .header && !message.requests.requiresTLS
            && octets.count <= Notification.maximumMessageOctets
        var notification = DispositionNotification(
            to: sender, of: owner, at: settings.hostName, reason: reason,
            returning: isWhole ? .message(octets) : .header(octets),
            language: await language(for: sender, whoWrote: octets))
        notification.originalRecipient = recipient.originalRecipient
        notification.isInternational = message.isInternational
        var composed = notification.compose(at: now, entropy: entropy)
        if composed.count > Content.rowLimitOctets - Self.maximumSignatureOctets {
            // Encoding made it long.
            notification.returned = .header(octets)
            composed = notification.compose(at: now, entropy: entropy)
        }
        var notice = notice(
            composed, of: owner,
            to: recipients.map {
                Envelope.Recipient($0.address, original: $0.original, notify: .never)
            }, about: message, at: now)
        notice.acceptance.envelope.requests.priority = message.requests.priority
        notice.acceptance.envelope.requests.requiresTLS = message.requests.requiresTLS
        notice.acceptance.envelope.requests.waivesTLSPolicy = message.requests.waivesTLSPolicy
        notice.acceptance.envelope.requests.holdUntil = pace(of: sender, at: now)
        return (notice, sender)
    }

    /// Far more than the fields of a few keys need.
    private static let maximumSignatureOctets = 16 << 10

    private func pace(of addressee: Address, at now: Timestamp) -> Timestamp? {
        noticePace.withLock { $0.place(for: addressee.description.asciiLowercased, at: now) }
    }

    /// By this host's domain, or the nearest above it that has keys.
    private func signed(_ octets: [UInt8], at now: Timestamp) -> [UInt8] {
        (signingKeys?.fields(above: octets, of: settings.hostName, at: now) ?? []) + octets
    }

    // MARK: To whom

    /// The sender; the postmaster, if that is wanted and there is no sender to tell.
    private func addressee(
        _ kind: Notification.Kind, of message: SpooledMessage,
        _ concerned: [(recipient: DueRecipient, evidence: Outcome.Evidence)]
    ) async -> (Address, Notification.Audience, [Envelope.Recipient])? {
        if let sender = message.reversePath.address {
            let recipients = await recipients(for: sender)
            if !recipients.isEmpty { return (sender, .sender, recipients) }
        }
        guard kind == .failure, settings.tellsPostmaster,
            // What has gone to the postmaster once is told to nobody.
            concerned.allSatisfy({ $0.recipient.notify != .never }),
            case .local(let targets) = await registry.judge(ForwardPath.postmaster)
        else { return nil }
        let postmaster = Address(Self.postmaster, at: settings.hostName)
        return (postmaster, .postmaster, targets.map(\.recipient))
    }

    static let postmaster: LocalPart = {
        guard let name = try? LocalPart("postmaster") else {
            preconditionFailure("it is a local part")
        }
        return name
    }()

    /// What a sender reads, as far as his account here or the header of his message says.
    private func language(for sender: Address, whoWrote header: [UInt8]) async -> Language {
        await language(of: sender) ?? Notification.language(of: header, else: settings.language)
    }

    /// What a person who is at home here has chosen.
    private func language(of sender: Address) async -> Language? {
        guard case .local(let targets) = await registry.judge(sender), targets.count == 1,
            let id = targets[0].account
        else { return nil }
        return (try? await registry.account(id))?.language
    }

    /// A sender at home here may be an alias; it is followed now, as at the reception of a message.
    private func recipients(for sender: Address) async -> [Envelope.Recipient] {
        switch await registry.judge(sender) {
        case .local(let targets): targets.map(\.recipient)
        case .relay, .notOurs, .temporarilyUnknown: [Envelope.Recipient(sender)]
        case .unknownUser, .mailboxDisabled: []
        }
    }

    // MARK: About what

    private static func original(
        _ message: SpooledMessage, _ facts: [Fact]
    ) -> Notification.Original {
        var original = Notification.Original(
            queueIdentifier: message.id.description, accepted: message.accepted)
        original.requests = message.requests
        original.isInternational = message.isInternational
        let accepted = facts.first { $0.kind == .accepted }
        original.clientName = accepted?[.helo]
        original.clientAddress = accepted?[.client]
        return original
    }

    /// What was tried before, as the journal keeps it, and at last.
    private func attempts(
        for recipient: DueRecipient, in facts: [Fact], _ evidence: Outcome.Evidence
    ) -> [Notification.Attempt] {
        var attempts: [Notification.Attempt] = []
        for fact in facts
        where fact.kind == .attempted || fact.kind == .deferred {
            guard fact.recipient == nil || fact.recipient == recipient.address,
                let text = fact.text
            else { continue }
            // What a host said is kept once for the host and once for each recipient.
            let isKnown =
                fact.kind == .deferred && attempts.last?.text == text
                && attempts.last?.host == fact.host
            if !isKnown { attempts.append(.init(time: fact.time, host: fact.host, text: text)) }
        }
        return attempts
            + [.init(time: time.timestamp, host: evidence.host, text: evidence.text)]
    }

    /// What goes back of the message (RFC 3461 §6.2): all of it only where it failed, its sender
    /// wants that, and it is not too long.
    ///
    /// RFC 8689 §5: whoever requires TLS gets the header alone, whatever else he asks for.
    private func returned(
        of message: SpooledMessage, for kind: Notification.Kind, _ audience: Notification.Audience
    ) async -> Notification.Returned {
        let isWanted = audience == .postmaster || message.requests.returned == .full
        guard kind == .failure, isWanted, !message.requests.requiresTLS,
            message.octets <= Notification.maximumMessageOctets
        else { return .header(await header(of: message)) }
        var reader = spooler.read(message)
        var octets: [UInt8] = []
        octets.reserveCapacity(message.octets)
        do {
            while let piece = try await reader.next() { octets += piece }
        } catch {
            return .header(await header(of: message))
        }
        return .message(octets)
    }

    /// The header of a message, as far as a notification returns it.
    private func header(of message: SpooledMessage) async -> [UInt8] {
        var reader = spooler.read(message)
        var octets: [UInt8] = []
        while octets.count < Notification.maximumHeaderOctets, let piece = try? await reader.next()
        {
            octets += piece
            if let end = HeaderScan(octets[...]).headerEnd { return Array(octets[..<end]) }
        }
        return octets
    }
}
