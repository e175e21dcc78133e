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
    package let is8BitMIME: Bool
    package let isInternational: Bool

    package init(
        id: QueueID, reversePath: ReversePath, accepted: Timestamp, expires: Timestamp,
        content: Content.ID, octets: Int, is8BitMIME: Bool, isInternational: Bool
    ) {
        self.id = id
        self.reversePath = reversePath
        self.accepted = accepted
        self.expires = expires
        self.content = content
        self.octets = octets
        self.is8BitMIME = is8BitMIME
        self.isInternational = isInternational
    }
}

/// A recipient this node has claimed: to be tried now, and then settled.
package struct DueRecipient: Hashable, Sendable {
    package let message: SpooledMessage
    /// Its place in the envelope.
    package let ordinal: Int
    package let address: Address
    /// What the sender wrote, if an alias led elsewhere.
    package let original: Address?
    /// The queue it stands in: the domain in A-labels, or the address literal.
    package let destination: String
    /// How often it has been tried.
    package let attempts: Int
    /// When it was first tried.
    package let firstAttempt: Timestamp?
    /// Whether the sender has been told that it waits.
    package let isDelayNotified: Bool
    /// What names the claim: who settles must still hold it.
    package let claim: Claim

    package init(
        message: SpooledMessage, ordinal: Int, address: Address, original: Address?,
        attempts: Int, firstAttempt: Timestamp?, isDelayNotified: Bool, claim: Claim
    ) {
        self.message = message
        self.ordinal = ordinal
        self.address = address
        self.original = original
        destination = address.destination.description
        self.attempts = attempts
        self.firstAttempt = firstAttempt
        self.isDelayNotified = isDelayNotified
        self.claim = claim
    }

    package var key: RecipientKey { RecipientKey(message: message.id, ordinal: ordinal) }
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
