// SPDX-License-Identifier: Apache-2.0

import Directory
import Journal
import MIME
import Mail
import MessageStore
import Spool
import World

// Notifications to senders: what they hold, and to whom they go.
extension Deliverer {
    /// A notification ready for the spool; nil if there is nobody it could go to.
    func notice(
        _ kind: Notification.Kind, to sender: Address, of message: SpooledMessage,
        about concerned: [(recipient: DueRecipient, evidence: Outcome.Evidence)]
    ) async -> Conclusion.Notice? {
        let recipients = await noticeRecipients(for: sender)
        guard !recipients.isEmpty else { return nil }
        let header = await header(of: message)
        let facts = (try? await trace.facts(of: message.id)) ?? []
        let notification = Notification(
            kind, to: sender, from: settings.hostName, queueIdentifier: message.id.description,
            accepted: message.accepted,
            recipients: concerned.map { recipient, evidence in
                Notification.Recipient(
                    recipient.address, original: recipient.original, evidence: evidence,
                    attempts: Self.attempts(for: recipient, in: facts)
                        + [.init(time: time.timestamp, host: evidence.host, text: evidence.text)])
            }, returning: .header(header),
            language: Notification.language(of: header, else: settings.language))
        var (envelope, octets) = notification.compose(at: time.timestamp, entropy: entropy)
        envelope.recipients = recipients
        return Conclusion.Notice(
            id: ids.next(), octets: octets,
            Acceptance(
                envelope,
                source: [.init(.reason, "notification about \(message.id)")]))
    }

    /// A sender at home here may be an alias; it is followed now, as at the reception of a message.
    private func noticeRecipients(for sender: Address) async -> [Envelope.Recipient] {
        switch await registry.judge(sender) {
        case .local(let targets): targets.map(\.recipient)
        case .relay, .notOurs, .temporarilyUnknown: [Envelope.Recipient(sender)]
        case .unknownUser, .mailboxDisabled: []
        }
    }

    /// What was tried before, as the journal keeps it.
    private static func attempts(
        for recipient: DueRecipient, in facts: [Fact]
    ) -> [Notification.Attempt] {
        facts.compactMap { fact in
            guard fact.kind == .attempted || fact.kind == .deferred,
                fact.recipient == nil || fact.recipient == recipient.address, let text = fact.text
            else { return nil }
            return Notification.Attempt(time: fact.time, host: fact.host, text: text)
        }
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
