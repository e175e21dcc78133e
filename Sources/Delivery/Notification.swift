// SPDX-License-Identifier: Apache-2.0

import Bytes
import MIME
package import Mail
package import World

/// A delivery status notification (RFC 3464): tells a sender what became of a message.
///
/// Pure: the facts in, the octets of a message out. It can only be addressed to an `Address`, so
/// that no notification answers a notification (RFC 5321 §4.5.5).
package struct Notification: Sendable {
    /// What became of the message.
    package enum Kind: Hashable, Sendable {
        /// Given up.
        case failure
        /// Not yet delivered; tried until that time.
        case delay(until: Timestamp)
        /// Delivered to the mailbox.
        case success
        /// Handed on to a system that will not tell more (RFC 3461 §5.2.2).
        case relayed
        /// Passed on to the addresses behind an alias (RFC 3461 §5.2.7.3).
        case expanded

        /// All words for it, as metrics name them; a refusal is a notification of another kind
        /// (`DispositionNotification`).
        static let names = ["failure", "delay", "success", "relayed", "expanded", "refusal"]

        /// The word for it, as the journal keeps it.
        package var name: String {
            switch self {
            case .failure: "failure"
            case .delay: "delay"
            case .success: "success"
            case .relayed: "relayed"
            case .expanded: "expanded"
            }
        }
    }

    /// To whom it goes.
    package enum Audience: Hashable, Sendable {
        /// The sender of the message.
        case sender
        /// This server's postmaster, about a message that has no sender to tell.
        case postmaster
    }

    /// What is known of the message it is about.
    package struct Original: Hashable, Sendable {
        package var queueIdentifier: String
        package var accepted: Timestamp
        /// ENVID, RET, BY and what else its sender asked for.
        package var requests = Envelope.Requests()
        /// Whether it came with SMTPUTF8.
        package var isInternational = false
        /// Who sent it to us: the name in EHLO.
        package var clientName: String?
        /// Who sent it to us: the IP address.
        package var clientAddress: String?

        package init(queueIdentifier: String, accepted: Timestamp) {
            self.queueIdentifier = queueIdentifier
            self.accepted = accepted
        }
    }

    /// One try to hand the message on.
    package struct Attempt: Hashable, Sendable {
        package var time: Timestamp
        /// Name and address of the host, if one was reached.
        package var host: String?
        /// What was said or found, one line.
        package var text: String

        package init(time: Timestamp, host: String?, text: String) {
            self.time = time
            self.host = host
            self.text = text
        }
    }

    /// What became of one recipient.
    package struct Recipient: Hashable, Sendable {
        /// Where it was to go in the end.
        package var address: Address
        /// What the sender wrote, if an alias led elsewhere.
        package var original: Address?
        /// `ORCPT=` (RFC 3461 §4.2).
        package var originalRecipient: Envelope.OriginalRecipient?
        package var evidence: Outcome.Evidence
        /// In the order of time; only the last ones are shown.
        package var attempts: [Attempt]

        package init(
            _ address: Address, original: Address? = nil,
            originalRecipient: Envelope.OriginalRecipient? = nil, evidence: Outcome.Evidence,
            attempts: [Attempt] = []
        ) {
            self.address = address
            self.original = original
            self.originalRecipient = originalRecipient
            self.evidence = evidence
            self.attempts = attempts
        }

        /// As it stood in the envelope when we accepted the message.
        package var accepted: Address { original ?? address }
    }

    /// What is returned of the message.
    package enum Returned: Hashable, Sendable {
        /// Its header alone, up to the empty line or with it.
        case header([UInt8])
        /// All of it; if it is too long or cannot travel as it is, its header alone.
        case message([UInt8])
    }

    package var kind: Kind
    /// The reverse-path of the message, or the postmaster.
    package var addressee: Address
    package var audience = Audience.sender
    /// The name of this host.
    package var reportingHost: Domain
    package var original: Original
    /// At least one, at most `maximumRecipients`.
    package var recipients: [Recipient]
    package var returned: Returned
    package var language: Language

    /// In one notification; the others are told of in another.
    package static let maximumRecipients = 100
    /// A header beyond this is cut behind the last field that fits.
    package static let maximumHeaderOctets = 64 << 10
    /// Attempts shown per recipient; the earlier ones are counted.
    package static let maximumAttempts = 10
    /// Where many recipients share a notification, as many as they then need to be readable.
    package static let maximumAttemptsOfMany = 2
    /// A message longer than this is not returned whole: notifications are stored in rows.
    package static let maximumMessageOctets = 256 << 10
    /// What a host said is cut behind this, in characters.
    package static let maximumReplyCharacters = 1000

    package init(
        _ kind: Kind, to addressee: Address, from reportingHost: Domain, about original: Original,
        recipients: [Recipient], returning returned: Returned, language: Language
    ) {
        precondition(
            (1...Self.maximumRecipients).contains(recipients.count),
            "a notification is about at least one recipient, and not about too many")
        self.kind = kind
        self.addressee = addressee
        self.reportingHost = reportingHost
        self.original = original
        self.recipients = recipients
        self.returned = returned
        self.language = language
    }

    /// The language the sender reads, by `Content-Language` (RFC 3282) or else `Accept-Language`
    /// of the message; `fallback` if neither names one of ours.
    package static func language(of header: [UInt8], else fallback: Language) -> Language {
        for name in ["Content-Language", "Accept-Language"] {
            guard let value = HeaderScan.value(of: name, in: header[...]) else { continue }
            for tag in value.prefix(1000).split(separator: UInt8(ascii: ",")) {
                let primary = tag.drop { $0.isWhitespace }.prefix(while: \.isAlpha)
                if let language = Language(rawValue: String(lossy: primary).asciiLowercased) {
                    return language
                }
            }
        }
        return fallback
    }

    /// The message and its envelope: a null reverse-path, the addressee as recipient.
    ///
    /// With the priority of the message (RFC 6710 §4.6), and protected like it (RFC 8689 §5).
    package func compose(
        at time: Timestamp, entropy: some Entropy
    ) -> (envelope: Envelope, octets: [UInt8]) {
        let octets = composition(at: time, entropy: entropy).message(entropy: entropy)
        // No NOTIFY but NEVER is allowed (RFC 3461 §6.1); it marks what goes to the postmaster,
        // about whose failure nobody is told.
        let notify: Envelope.Notify? = audience == .postmaster ? .never : nil
        var envelope = Envelope(
            from: .null, to: [Envelope.Recipient(addressee, notify: notify)],
            body: octets.contains { $0 >= 0x80 } ? .eightBitMIME : .sevenBit,
            isInternational: addressee.isInternational)
        envelope.requests.priority = original.requests.priority
        envelope.requests.requiresTLS = original.requests.requiresTLS
        envelope.requests.waivesTLSPolicy = original.requests.waivesTLSPolicy
        return (envelope, octets)
    }

    private func composition(at time: Timestamp, entropy: some Entropy) -> Composition {
        let wording = NotificationWording(self)
        var header = HeaderWriter()
        header.field("Date", date: time)
        header.field(
            "From",
            participants: [
                Participant(
                    name: "Mail Delivery System", localPart: "MAILER-DAEMON",
                    domain: reportingHost.name)
            ])
        header.field("To", participants: [Participant(addressee)])
        header.field("Subject", text: wording.subject)
        header.field(
            "Message-ID",
            identifiers: [.make(at: time, by: reportingHost, entropy: entropy)])
        let returned = returnedMessage
        returned.addReferences(to: &header)
        // RFC 3834 §5.2: what answers a message is "auto-replied"; the postmaster did not send it.
        header.field(
            "Auto-Submitted",
            structured: audience == .sender ? "auto-replied" : "auto-generated")
        header.field("Content-Language", structured: language.rawValue)
        let parts = [
            Composition(.text(wording.text, subtype: "plain")), statusPart, returned.part,
        ]
        return Composition(
            header: header,
            .multipart(
                subtype: "report", parameters: [("report-type", "delivery-status")], parts))
    }

    // MARK: The second part

    /// Whether the status says more than `message/delivery-status` can (RFC 6533 §4).
    var isGlobal: Bool {
        recipients.contains { recipient in
            !recipient.accepted.description.isASCII || !recipient.address.description.isASCII
                || recipient.originalRecipient?.address.isASCII == false
        }
    }

    private var statusPart: Composition {
        guard isGlobal else {
            return Composition(
                .lines(deliveryStatus, type: "message/delivery-status", parameters: []))
        }
        return returnedMessage.global(deliveryStatus, type: "message/global-delivery-status")
    }

    // MARK: The third part

    /// The header of the message, cut to size.
    var originalHeader: [UInt8] { returnedMessage.header }

    private var returnedMessage: ReturnedMessage {
        ReturnedMessage(
            returned: returned, isInternational: original.isInternational, addressee: addressee)
    }
}
