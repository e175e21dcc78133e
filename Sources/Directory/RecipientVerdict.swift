// SPDX-License-Identifier: Apache-2.0

package import Mail

/// What we do with mail to an address.
package enum RecipientVerdict: Hashable, Sendable {
    /// Ours: these are all the places it goes to, at least one, none twice.
    case local([Target])
    /// A known recipient of a domain that we hold mail for.
    case relay(RelayDomain)
    /// Our domain, but nobody has this address (550 5.1.1).
    case unknownUser
    /// All who would get it are disabled (550 5.2.1).
    case mailboxDisabled
    /// Not our domain: only for clients who may relay.
    case notOurs
    /// The store does not answer, or no postmaster is set yet (451 4.3.0).
    case temporarilyUnknown
}

/// One final place for a message: a mailbox here or an address elsewhere.
package struct Target: Hashable, Sendable {
    /// How the address led here.
    package enum Path: Hashable, Sendable {
        /// It is an address of the account, perhaps with a subaddress.
        case address
        case alias
        case postmaster
        case catchAll
    }

    /// Whose mailbox; nil: it is routed by its domain.
    package let account: AccountID?
    /// With the subaddress, if there is one.
    package let address: Address
    /// What the sender wrote, if an alias led elsewhere.
    package let original: Address?
    package let path: Path

    /// As an envelope holds it.
    package var recipient: Envelope.Recipient { Envelope.Recipient(address, original: original) }
}

extension [Target] {
    /// The recipients that take the place of `recipient`, whose address led to these targets.
    ///
    /// If its sender wants to hear of success and there are several, it stays itself: delivery
    /// expands it, in one transaction with the notification that says so.
    package func recipients(for recipient: Envelope.Recipient) -> [Envelope.Recipient] {
        let isExpansionTold = count > 1 && recipient.notify?.contains(.success) == true
        return isExpansionTold ? [recipient] : expanded(from: recipient)
    }

    /// RFC 3461 §5.2.7.2: a single one inherits all that the sender asks for; §5.2.7.3 (c):
    /// several inherit all but SUCCESS, which the notification of the expansion answers.
    package func expanded(from recipient: Envelope.Recipient) -> [Envelope.Recipient] {
        map { target in
            var expanded = target.recipient
            // What the sender wrote, however often it was followed.
            expanded.original = recipient.original ?? expanded.original
            expanded.notify = recipient.notify
            if count > 1 { expanded.notify?.remove(.success) }
            expanded.originalRecipient = recipient.originalRecipient
            return expanded
        }
    }
}
