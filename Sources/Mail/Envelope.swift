// SPDX-License-Identifier: Apache-2.0

package import World

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
    /// `BODY=`: what octets the content may hold.
    package var body: Body
    /// `SMTPUTF8` (RFC 6531 §3.4): addresses or header may hold UTF-8.
    package var isInternational: Bool
    /// What the sender asks for besides, by extensions of SMTP.
    package var requests = Requests()

    /// One recipient of an envelope.
    package struct Recipient: Hashable, Sendable {
        /// Where the message goes.
        package var address: Address
        /// What the sender wrote, if an alias led elsewhere.
        package var original: Address?
        /// `NOTIFY=` (RFC 3461 §4.1); nil if the sender did not say.
        package var notify: Notify?
        /// `ORCPT=` (RFC 3461 §4.2).
        package var originalRecipient: OriginalRecipient?

        package init(
            _ address: Address, original: Address? = nil, notify: Notify? = nil,
            originalRecipient: OriginalRecipient? = nil
        ) {
            self.address = address
            self.original = original
            self.notify = notify
            self.originalRecipient = originalRecipient
        }
    }

    package init(
        from reversePath: ReversePath, to recipients: [Recipient] = [], body: Body = .sevenBit,
        isInternational: Bool = false, requests: Requests = Requests()
    ) {
        self.reversePath = reversePath
        self.recipients = recipients
        self.body = body
        self.isInternational = isInternational
        self.requests = requests
    }
}

extension Envelope {
    /// `BODY=` (RFC 6152 §2, RFC 3030 §3).
    package enum Body: String, Hashable, Sendable {
        case sevenBit = "7BIT"
        case eightBitMIME = "8BITMIME"
        case binaryMIME = "BINARYMIME"
    }

    /// `NOTIFY=` (RFC 3461 §4.1): upon which ends the sender wants to hear; none of them is `NEVER`.
    package struct Notify: OptionSet, Hashable, Sendable, CustomStringConvertible {
        package let rawValue: UInt8
        package init(rawValue: UInt8) { self.rawValue = rawValue }

        package static let success = Notify(rawValue: 1)
        package static let failure = Notify(rawValue: 2)
        package static let delay = Notify(rawValue: 4)
        package static let never: Notify = []

        private static let words: [(word: String, end: Notify)] = [
            ("SUCCESS", .success), ("FAILURE", .failure), ("DELAY", .delay),
        ]

        /// The value of the parameter, as `description` writes it.
        package init?(_ text: String) {
            self = []
            if text == "NEVER" { return }
            for word in text.split(separator: ",", omittingEmptySubsequences: false) {
                guard let known = Self.words.first(where: { $0.word == word }) else { return nil }
                insert(known.end)
            }
        }

        /// The value of the parameter: `NEVER`, or `SUCCESS,DELAY`.
        package var description: String {
            isEmpty
                ? "NEVER"
                : Self.words.filter { contains($0.end) }.map(\.word).joined(separator: ",")
        }
    }

    /// `ORCPT=` (RFC 3461 §4.2): the recipient as its first sender wrote it, xtext undone.
    package struct OriginalRecipient: Hashable, Sendable {
        /// `rfc822`, `utf-8` (RFC 6533 §3), or another registered type.
        package var addressType: String
        package var address: String

        package init(addressType: String, address: String) {
            self.addressType = addressType
            self.address = address
        }
    }

    /// What extensions of SMTP let a sender ask for a whole message.
    package struct Requests: Hashable, Sendable {
        /// `RET=` (RFC 3461 §4.3): what of the message a failure notification returns.
        package var returned: Returned?
        /// `ENVID=` (RFC 3461 §4.4), xtext undone.
        package var envelopeID: String?
        /// `REQUIRETLS` (RFC 8689): only over verified TLS, to hosts that promise the same.
        package var requiresTLS = false
        /// `TLS-Required: No` in the header (RFC 8689 §3): TLS where the host offers it, whatever
        /// policy the recipient's domain states.
        ///
        /// Never together with `requiresTLS`.
        package var waivesTLSPolicy = false
        /// `HOLDFOR=` or `HOLDUNTIL=` (RFC 4865): not to be delivered before.
        package var holdUntil: Timestamp?
        /// `BY=` (RFC 2852).
        package var deliverBy: DeliverBy?
        /// Ours, not the sender's: local delivery puts it aside (RFC 6154 §2 \Junk).
        package var isJunk = false
        /// Ours, not the sender's: nothing answers the reverse-path, which the checks take for forged.
        package var forgery: Forgery?
        /// `MT-PRIORITY=` (RFC 6710), -9 … 9; 0 is usual.
        package var priority = 0

        package init() {}
    }

    /// The check by which a reverse-path counts as forged.
    ///
    /// The raw values are stored: never change one.
    package enum Forgery: String, Hashable, Sendable {
        /// DMARC fails for who says that he wrote the message, whatever his domain asks for then.
        case dmarc = "DMARC"
        /// The reverse-path's domain says that the client may not send for it (RFC 7208 §2.6.4),
        /// and nothing that passes vouches for that domain.
        case spf = "SPF"
    }

    /// `RET=` (RFC 3461 §4.3).
    package enum Returned: String, Hashable, Sendable {
        case full = "FULL"
        case header = "HDRS"
    }

    /// `BY=` (RFC 2852 §4): by when the message is to be delivered, and what happens if it is not.
    package struct DeliverBy: Hashable, Sendable {
        package var deadline: Timestamp
        package var mode: Mode
        /// `T`: every relay that passes it on reports so.
        package var isTraced: Bool

        /// What happens when the time has passed.
        package enum Mode: String, Hashable, Sendable {
            /// `R`: it is returned as failed.
            case `return` = "R"
            /// `N`: it goes on, and the sender is told.
            case notify = "N"
        }

        package init(deadline: Timestamp, mode: Mode, isTraced: Bool = false) {
            self.deadline = deadline
            self.mode = mode
            self.isTraced = isTraced
        }
    }
}
