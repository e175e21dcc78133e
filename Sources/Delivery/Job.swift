// SPDX-License-Identifier: Apache-2.0

import Journal
import Mail
import Spool
import World

/// A message for recipients who can be reached on the same way.
struct Job: Sendable {
    let message: SpooledMessage
    /// Where it is queued; with several domains on the same way, the first.
    let destination: Destination
    /// The host that an operator has chosen for the recipients.
    let via: String?
    /// The line of the queue: that of the destination, unless one host takes everything.
    var line: Destination
    /// At least one.
    var recipients: [DueRecipient]
    /// When the first of the claims ends: from then on the mail may be somebody else's.
    var claimEnds: Timestamp

    init(_ recipients: [DueRecipient], to destination: Destination) {
        precondition(!recipients.isEmpty, "a job has recipients")
        message = recipients[0].message
        self.destination = destination
        via = recipients[0].via
        line = destination
        self.recipients = recipients
        claimEnds = recipients.map(\.claim.expires).min() ?? recipients[0].claim.expires
    }

    /// Takes in the recipients of another domain that has the same way.
    mutating func merge(_ other: Job) {
        recipients += other.recipients
        claimEnds = min(claimEnds, other.claimEnds)
    }

    /// The domain of the alias that leads to the recipients; nil without one, and for a
    /// notification.
    var alias: Domain? { Self.alias(of: recipients[0]) }

    private static func alias(of recipient: DueRecipient) -> Domain? {
        recipient.message.reversePath == .null ? nil : recipient.original?.domain
    }

    /// The domains of the recipients, in their order.
    var destinations: [Destination] {
        var destinations: [Destination] = []
        for recipient in recipients
        where !destinations.contains(recipient.address.destination) {
            destinations.append(recipient.address.destination)
        }
        return destinations
    }

    /// One job for each message, domain, chosen host and alias's domain, in the order of the first
    /// recipient of each.
    static func group(_ recipients: [DueRecipient]) -> [Job] {
        struct Key: Hashable {
            let message: QueueID
            let destination: Destination
            let via: String?
            let alias: Domain?
        }
        var order: [Key] = []
        var groups: [Key: [DueRecipient]] = [:]
        for recipient in recipients {
            let key = Key(
                message: recipient.message.id, destination: recipient.address.destination,
                via: recipient.via, alias: alias(of: recipient))
            if groups[key] == nil { order.append(key) }
            groups[key, default: []].append(recipient)
        }
        return order.map { Job(groups[$0] ?? [], to: $0.destination) }
    }
}
