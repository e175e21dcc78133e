// SPDX-License-Identifier: Apache-2.0

package import Journal
package import Mail
package import MessageStore
import Storage
package import World

/// An accepted message as delivery needs it; its octets are read by `Spooler.read`.
package struct SpooledMessage: Hashable, Sendable {
    package let id: QueueID
    package let reversePath: ReversePath
    package let accepted: Timestamp
    /// When we give up (RFC 5321 §4.5.4.1).
    package let expires: Timestamp
    package let content: Content.ID
    package let octets: Int
    package let body: Envelope.Body
    package let isInternational: Bool
    /// What its sender asks for by extensions of SMTP.
    package let requests: Envelope.Requests

    package init(
        id: QueueID, reversePath: ReversePath, accepted: Timestamp, expires: Timestamp,
        content: Content.ID, octets: Int, body: Envelope.Body, isInternational: Bool,
        requests: Envelope.Requests = Envelope.Requests()
    ) {
        self.id = id
        self.reversePath = reversePath
        self.accepted = accepted
        self.expires = expires
        self.content = content
        self.octets = octets
        self.body = body
        self.isInternational = isInternational
        self.requests = requests
    }

    package var is8BitMIME: Bool { body != .sevenBit }

    /// When it may first be delivered: at once, or when the sender wants it (RFC 4865).
    ///
    /// Lifetime and delay count from here.
    package var released: Timestamp { max(accepted, requests.holdUntil ?? accepted) }
}

/// A recipient this node has claimed: to be tried now, and then settled.
package struct DueRecipient: Hashable, Sendable {
    package let message: SpooledMessage
    /// Its place in the envelope.
    package let ordinal: Int
    package let address: Address
    /// What the sender wrote, if an alias led elsewhere.
    package let original: Address?
    /// `NOTIFY=` (RFC 3461 §4.1); nil if the sender did not say.
    package let notify: Envelope.Notify?
    /// `ORCPT=` (RFC 3461 §4.2).
    package let originalRecipient: Envelope.OriginalRecipient?
    /// The domain in A-labels, or the address literal.
    package let destination: String
    /// The host, `NAME[:PORT]` or `ADDRESS[:PORT]`, that takes it by an operator's will, whatever
    /// its domain's own way is; nil for nearly all.
    package let via: String?
    /// How often it has been tried.
    package let attempts: Int
    /// When it was first tried.
    package let firstAttempt: Timestamp?
    /// What the sender has been told of its waiting.
    package let told: DelayNotices
    /// What names the claim: who settles must still hold it.
    package let claim: Claim

    package init(
        message: SpooledMessage, ordinal: Int, _ recipient: Envelope.Recipient,
        via: String? = nil, attempts: Int = 0, firstAttempt: Timestamp? = nil,
        told: DelayNotices = [], claim: Claim
    ) {
        self.message = message
        self.ordinal = ordinal
        address = recipient.address
        original = recipient.original
        notify = recipient.notify
        originalRecipient = recipient.originalRecipient
        destination = recipient.address.destination.description
        self.via = via
        self.attempts = attempts
        self.firstAttempt = firstAttempt
        self.told = told
        self.claim = claim
    }

    /// As the envelope has it.
    package var asked: Envelope.Recipient {
        Envelope.Recipient(
            address, original: original, notify: notify, originalRecipient: originalRecipient)
    }

    /// The line that mail for a host of an operator's choice stands in: however many domains it is
    /// for, and whatever becomes of their own hosts.
    package static func line(via host: String) -> Destination {
        .literal(.general(tag: "via", content: host))
    }

    package var key: RecipientKey { RecipientKey(message: message.id, ordinal: ordinal) }
}

/// Which notifications of a delay have gone to the sender.
///
/// The raw values are stored: never change one.
package struct DelayNotices: OptionSet, Hashable, Sendable {
    package let rawValue: Int64
    package init(rawValue: Int64) { self.rawValue = rawValue }

    /// That it waits unusually long (RFC 3461 §5.2.5).
    package static let waiting = DelayNotices(rawValue: 1)
    /// That the time within which it was to be delivered has passed (RFC 2852 §4.1.3).
    package static let overdue = DelayNotices(rawValue: 2)
}

/// Names one recipient of one message.
package struct RecipientKey: Hashable, Comparable, Sendable {
    package let message: QueueID
    package let ordinal: Int

    package init(message: QueueID, ordinal: Int) {
        self.message = message
        self.ordinal = ordinal
    }

    package static func < (left: Self, right: Self) -> Bool {
        (left.message, left.ordinal) < (right.message, right.ordinal)
    }
}

/// The right to try some recipients, until it expires; given once, never again.
package struct Claim: Hashable, Sendable {
    package let token: Int64
    package let expires: Timestamp
}
