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
        /// Handed on to a system that will not tell more (RFC 3461 §6.2.5).
        case relayed
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
        /// As the envelope has it.
        package var address: Address
        /// What the sender wrote, if that was another (RFC 3461 ORCPT).
        package var original: Address?
        package var evidence: Outcome.Evidence
        /// In the order of time; only the last ones are shown.
        package var attempts: [Attempt]

        package init(
            _ address: Address, original: Address? = nil, evidence: Outcome.Evidence,
            attempts: [Attempt] = []
        ) {
            self.address = address
            self.original = original
            self.evidence = evidence
            self.attempts = attempts
        }
    }

    /// What is returned of the message.
    package enum Returned: Hashable, Sendable {
        /// Its header alone, up to the empty line or with it.
        case header([UInt8])
        /// All of it; if it is too long or cannot travel as it is, its header alone.
        case message([UInt8])
    }

    package var kind: Kind
    /// The reverse-path of the message.
    package var sender: Address
    /// The name of this host.
    package var reportingHost: Domain
    package var queueIdentifier: String
    /// ENVID (RFC 3461 §4.4), decoded.
    package var envelopeIdentifier: String?
    package var accepted: Timestamp
    /// At least one.
    package var recipients: [Recipient]
    package var returned: Returned
    package var language: Language

    /// A header beyond this is cut behind the last field that fits.
    package static let maximumHeaderOctets = 64 << 10
    /// Attempts shown per recipient; the earlier ones are counted.
    package static let maximumAttempts = 10
    /// A message longer than this is not returned whole.
    package static let maximumMessageOctets = 1 << 20
    /// What a host said is cut behind this, in characters.
    package static let maximumReplyCharacters = 1000

    package init(
        _ kind: Kind, to sender: Address, from reportingHost: Domain, queueIdentifier: String,
        envelopeIdentifier: String? = nil, accepted: Timestamp, recipients: [Recipient],
        returning returned: Returned, language: Language
    ) {
        precondition(!recipients.isEmpty, "a notification is about at least one recipient")
        self.kind = kind
        self.sender = sender
        self.reportingHost = reportingHost
        self.queueIdentifier = queueIdentifier
        self.envelopeIdentifier = envelopeIdentifier
        self.accepted = accepted
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

    /// The message and its envelope: a null reverse-path, the sender as recipient.
    package func compose(
        at time: Timestamp, entropy: some Entropy
    ) -> (envelope: Envelope, octets: [UInt8]) {
        let octets = composition(at: time, entropy: entropy).message(entropy: entropy)
        let envelope = Envelope(
            from: .null, to: [Envelope.Recipient(sender)],
            body: octets.contains { $0 >= 0x80 } ? .eightBitMIME : .sevenBit,
            isInternational: sender.isInternational)
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
        header.field("To", participants: [Participant(sender)])
        header.field("Subject", text: wording.subject)
        header.field(
            "Message-ID",
            identifiers: [.make(at: time, by: reportingHost, entropy: entropy)])
        let original = originalIdentifiers
        header.field("In-Reply-To", identifiers: Array(original.suffix(1)))
        header.field("References", identifiers: original)
        // RFC 3834 §3.1.7, and §5.2: a report on a message is "auto-replied".
        header.field("Auto-Submitted", structured: "auto-replied")
        header.field("Content-Language", structured: language.rawValue)
        let parts = [
            Composition(.text(wording.text, subtype: "plain")),
            Composition(
                .lines(deliveryStatus, type: "message/delivery-status", parameters: [])),
            returnedPart,
        ]
        return Composition(
            header: header,
            .multipart(
                subtype: "report", parameters: [("report-type", "delivery-status")], parts))
    }

    /// RFC 5322 §3.6.4: the references of the message and then itself.
    private var originalIdentifiers: [MessageIdentifier] {
        // A thread's references need not grow for ever.
        let maximum = 20
        let header = originalHeader[...]
        guard let own = HeaderScan.value(of: "Message-ID", in: header),
            let identifier = MessageIdentifier.parse(own).first
        else { return [] }
        let references = HeaderScan.value(of: "References", in: header) ?? []
        return MessageIdentifier.parse(references).suffix(maximum - 1) + [identifier]
    }

    // MARK: The third part

    /// The header of the message, cut to size.
    var originalHeader: [UInt8] {
        let octets =
            switch returned {
            case .header(let octets), .message(let octets): octets
            }
        let end = HeaderScan(octets[...]).headerEnd ?? octets.count
        guard end > Self.maximumHeaderOctets else { return Array(octets[..<end]) }
        // A field that is cut would say something else.
        var cut = Self.maximumHeaderOctets
        while cut > 0, octets[cut - 1] != .lineFeed || octets[cut].isWhitespace { cut -= 1 }
        return Array(octets[..<cut])
    }

    private var returnedPart: Composition {
        if case .message(let octets) = returned, octets.count <= Self.maximumMessageOctets {
            let lines = TransferEncoding.canonicalLines(octets)
            // What 8BITMIME can carry (RFC 6152 §2): no NUL, no line of more than 998 octets.
            if TransferEncoding.isEightBit(lines) {
                return Composition(.lines(lines, type: "message/rfc822", parameters: []))
            }
        }
        return Composition(.encodableLines(originalHeader, type: "text/rfc822-headers"))
    }
}
