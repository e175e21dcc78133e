// SPDX-License-Identifier: Apache-2.0

import Bytes
import MIME
package import Mail
package import World

/// A message disposition notification (RFC 8098): tells a sender that a script has refused a message
/// (RFC 5429 §2.2.1).
///
/// Pure, as `Notification` is: the facts in, the octets of a message out.
package struct DispositionNotification: Sendable {
    /// The reverse-path of the message.
    package var addressee: Address
    /// Whose script it was, as the address stood in the envelope.
    package var recipient: Address
    /// `ORCPT=` of the message (RFC 3461 §4.2).
    package var originalRecipient: Envelope.OriginalRecipient?
    /// The script's own words.
    package var reason: String
    /// Where the notification is made, in its Message-ID if `recipient` has no domain.
    package var host: Domain
    package var returned: Notification.Returned
    /// Whether the message came with SMTPUTF8.
    package var isInternational = false
    package var language: Language

    /// A reason is cut behind so many octets: encoded, it still has to fit into a row.
    package static let maximumReasonOctets = 128 << 10

    package init(
        to addressee: Address, of recipient: Address, at host: Domain, reason: String,
        returning returned: Notification.Returned, language: Language
    ) {
        self.addressee = addressee
        self.recipient = recipient
        self.host = host
        self.reason = reason
        self.returned = returned
        self.language = language
    }

    /// Whether a message is such a notification: none is sent in response to one (RFC 8098 §2.1).
    package static func isOne(_ message: [UInt8]) -> Bool {
        guard let type = HeaderScan.value(of: "Content-Type", in: message[...]) else {
            return false
        }
        let text = String(lossy: type.prefix(1000)).asciiLowercased
        return text.contains("multipart/report") && text.contains("disposition-notification")
    }

    /// The octets of the whole message, for an envelope with the null reverse-path (RFC 8098 §3).
    package func compose(at time: Timestamp, entropy: some Entropy) -> [UInt8] {
        let original = ReturnedMessage(
            returned: returned, isInternational: isInternational, addressee: addressee)
        var header = HeaderWriter()
        header.field("Date", date: time)
        // RFC 8098 §3: who did not want it, and not this server.
        header.field("From", participants: [Participant(recipient)])
        header.field("To", participants: [Participant(addressee)])
        header.field("Subject", text: subject)
        header.field(
            "Message-ID",
            identifiers: [.make(at: time, by: recipient.domain ?? host, entropy: entropy)])
        original.addReferences(to: &header)
        // RFC 3834 §5.2.
        header.field("Auto-Submitted", structured: "auto-replied")
        header.field("Content-Language", structured: language.rawValue)
        let status =
            isGlobal
            ? original.global(fields(original), type: "message/global-disposition-notification")
            : Composition(
                .lines(
                    fields(original), type: "message/disposition-notification", parameters: []))
        return Composition(
            header: header,
            .multipart(
                subtype: "report", parameters: [("report-type", "disposition-notification")],
                [Composition(.text(text, subtype: "plain")), status, original.part])
        ).message(entropy: entropy)
    }

    // MARK: The first part

    private var subject: String {
        language.choose("Your message was refused", "Ihre Nachricht wurde abgelehnt")
    }

    /// RFC 5429 §2.2.1: that it was a filter, and the reason as it was written.
    private var text: String {
        let address = NotificationWording.readable(recipient)
        let sentence = language.choose(
            "Your message to \(address) was refused by the recipient's mail filtering program. "
                + "The reason given was as follows:",
            "Ihre Nachricht an \(address) wurde vom Mailfilter des Empfängers abgelehnt. "
                + "Als Grund ist angegeben:")
        return sentence + "\n\n" + String(lossy: reason.utf8.prefix(Self.maximumReasonOctets))
            + "\n"
    }

    // MARK: The second part

    private var isGlobal: Bool {
        !recipient.description.isASCII || originalRecipient?.address.isASCII == false
    }

    /// RFC 8098 §3.1, in the order of its grammar.
    private func fields(_ original: ReturnedMessage) -> [UInt8] {
        let words = ReportText(isGlobal: isGlobal)
        var fields = HeaderWriter()
        fields.field("Reporting-UA", verbatim: "Postreiter")
        // §3.2.3: if and only if it is known.
        if let originalRecipient {
            fields.field("Original-Recipient", verbatim: words.typed(originalRecipient))
        }
        fields.field("Final-Recipient", verbatim: words.typed(recipient))
        // §3.2.5: if and only if the message has one.
        if let identifier = original.identifier {
            fields.field("Original-Message-ID", identifiers: [identifier])
        }
        // RFC 5429 §2.2.1: no other one.
        fields.field(
            "Disposition", structured: "automatic-action/MDN-sent-automatically; deleted")
        return fields.octets
    }
}
