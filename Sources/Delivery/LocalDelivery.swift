// SPDX-License-Identifier: Apache-2.0

import Directory
import Journal
import Logging
import Mail
import MessageStore
import Spool
import Summary
import Tenancy
import World

// Into mailboxes here.
extension Deliverer {
    /// Recipients in one transaction: many share its cost, and none waits long for the others.
    private static let batchSize = 256

    /// The mailbox gets the message in the transaction that takes it out of the spool.
    func deliverLocally(_ recipients: [DueRecipient]) async {
        var rest = recipients[...]
        while !rest.isEmpty {
            let batch = rest.prefix(Self.batchSize)
            rest = rest.dropFirst(batch.count)
            await deliverBatch(batch)
        }
    }

    private func deliverBatch(_ recipients: ArraySlice<DueRecipient>) async {
        var conclusions: [Conclusion] = []
        var rest = recipients
        var tally = QuotaTally()
        while let first = rest.first {
            let message = first.message
            let together = rest.prefix { $0.message.id == message.id }
            rest = rest.dropFirst(together.count)
            var mine = Conclusions(self, message)
            mine.summary = await summary(of: message)
            mine.tally = tally
            for recipient in together { await deliver(recipient, &mine) }
            tally = mine.tally
            conclusions += await mine.finish()
        }
        await conclude(conclusions)
    }

    /// What mail programs ask of a message first, computed while its octets are at hand.
    ///
    /// Nil for large ones, and where they cannot be read: then it is done when it is asked for.
    private func summary(of message: SpooledMessage) async -> StoredSummary? {
        guard message.octets <= Content.rowLimitOctets else { return nil }
        var reader = spooler.read(message)
        var octets: [UInt8] = []
        do {
            while let piece = try await reader.next() {
                if octets.isEmpty { octets = piece } else { octets += piece }
            }
        } catch {
            log.warning("\(message.id) is not summarized, it cannot be read: \(error)")
            return nil
        }
        return StoredSummary(MessageSummary(octets))
    }

    private func deliver(_ recipient: DueRecipient, _ conclusions: inout Conclusions) async {
        guard !conclusions.isOverdue else { return conclusions.expire(recipient) }
        let address = recipient.address
        switch await registry.judge(address) {
        case .local(let targets):
            if targets.count == 1, let account = targets[0].account {
                watch.arrival(recipient.message, recipient.original ?? address)
                if await sort(recipient, to: account, &conclusions) { return }
                let size = recipient.message.octets + conclusions.prefix.utf8.count
                guard
                    let crossings = await admit([size], of: recipient, to: account, &conclusions)
                else { return }
                conclusions.deliver(
                    recipient, to: account.rawValue,
                    mailbox: mailbox(of: recipient, targets[0].path, account))
                conclusions.tell(crossings, await warnings(of: crossings))
            } else {
                conclusions.replace(recipient, by: continuation(of: recipient, to: targets))
            }
        case .unknownUser:
            conclusions.add(
                recipient,
                .permanent(
                    .init(EnhancedStatus(5, 1, 1), Diagnosis.noMailbox.text("\(address)"))))
        case .mailboxDisabled:
            conclusions.add(
                recipient,
                .permanent(
                    .init(EnhancedStatus(5, 2, 1), Diagnosis.mailboxDisabled.text("\(address)"))))
        case .temporarilyUnknown:
            conclusions.add(
                recipient,
                .transient(
                    .init(EnhancedStatus(4, 3, 0), Diagnosis.directorySilent.text())))
        case .relay, .notOurs:
            // No longer at home here: it is looked at afresh.
            conclusions.putOff(recipient, until: time.timestamp)
        }
    }

    /// Where it goes without a script: what is suspicious is put aside, and a subaddress (RFC 5233
    /// calls it detail) may name a mailbox.
    private func mailbox(
        of recipient: DueRecipient, _ path: Target.Path, _ account: AccountID
    ) -> String {
        guard !recipient.message.requests.isJunk else { return Mailboxes.junk }
        guard let quotas, path == .address, let detail = recipient.address.localPart.detail else {
            return Mailboxes.inbox
        }
        do {
            let rules = try registry.effectiveRules(of: account)
            guard let rules, rules.subaddressFolders != .no else { return Mailboxes.inbox }
            let named = try quotas.mailboxes.mailbox(
                named: detail, of: account.rawValue, creates: rules.subaddressFolders == .create)
            sortingFailures.forget()
            return named ?? Mailboxes.inbox
        } catch {
            if sortingFailures.isNew(error) {
                log.warning("mail to subaddresses goes to INBOX, not into folders: \(error)")
            }
            return Mailboxes.inbox
        }
    }

    /// The address is an alias, since the message was accepted or because its sender is to be told
    /// so: the same content goes on to others.
    private func continuation(
        of recipient: DueRecipient, to targets: [Target]
    ) -> Settlement.Continuation {
        let message = recipient.message
        var requests = message.requests
        // An operator may have let it go before its time; then it need not wait again.
        requests.holdUntil = requests.holdUntil.map { min($0, time.timestamp) }
        let envelope = Envelope(
            from: message.reversePath, to: targets.expanded(from: recipient.asked),
            body: message.body, isInternational: message.isInternational, requests: requests)
        return Settlement.Continuation(
            as: ids.next(),
            Acceptance(
                envelope, source: [.init(.continues, message.id)],
                expires: message.expires))
    }
}
