// SPDX-License-Identifier: Apache-2.0

/// Whom to tell about a failure (RFC 5321 §2.3.1): an address, or nobody.
package enum ReversePath: Hashable, Sendable, CustomStringConvertible {
    /// `<>`: a notification, which must not be answered by another (§4.5.5).
    case null
    case address(Address)

    package var address: Address? {
        if case .address(let address) = self { address } else { nil }
    }

    /// Without angle brackets; empty for the null path.
    package var description: String {
        switch self {
        case .null: ""
        case .address(let address): address.description
        }
    }
}

/// To whom (RFC 5321 §2.3.1).
package enum ForwardPath: Hashable, Sendable, CustomStringConvertible {
    /// `<Postmaster>` without a domain (§4.5.1): this server's postmaster.
    case postmaster
    case address(Address)

    package var description: String {
        switch self {
        case .postmaster: "Postmaster"
        case .address(let address): address.description
        }
    }
}

/// What travels with a message but is no part of it (RFC 5321 §2.3.1).
package struct Envelope: Hashable, Sendable {
    package var reversePath: ReversePath
    package var recipients: [Recipient]
    /// `BODY=8BITMIME` (RFC 6152): the content may hold octets above 127.
    package var is8BitMIME: Bool
    /// `SMTPUTF8` (RFC 6531 §3.4): addresses or header may hold UTF-8.
    package var isInternational: Bool

    /// One recipient of an envelope.
    package struct Recipient: Hashable, Sendable {
        /// Where the message goes.
        package var address: Address
        /// What the sender wrote, if an alias led elsewhere (RFC 3461 ORCPT).
        package var original: Address?

        package init(_ address: Address, original: Address? = nil) {
            self.address = address
            self.original = original
        }
    }

    package init(
        from reversePath: ReversePath, to recipients: [Recipient] = [], is8BitMIME: Bool = false,
        isInternational: Bool = false
    ) {
        self.reversePath = reversePath
        self.recipients = recipients
        self.is8BitMIME = is8BitMIME
        self.isInternational = isInternational
    }
}
