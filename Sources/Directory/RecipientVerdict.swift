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
