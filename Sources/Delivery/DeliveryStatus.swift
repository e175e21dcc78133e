// SPDX-License-Identifier: Apache-2.0

import Bytes
import MIME
import Mail
import World

extension Notification {
    /// The content of `message/delivery-status` (RFC 3464 §2.1), or of
    /// `message/global-delivery-status` (RFC 6533 §4.1) if `isGlobal`.
    ///
    /// ```abnf
    /// delivery-status-content = per-message-fields 1*( CRLF per-recipient-fields )
    /// ```
    var deliveryStatus: [UInt8] {
        var octets = perMessageFields.octets
        for recipient in recipients {
            octets += [.carriageReturn, .lineFeed]
            octets += perRecipientFields(recipient).octets
        }
        return octets
    }

    /// RFC 3464 §2.2, with those of RFC 2852 §5 and RFC 4865 §5.1.2.
    private var perMessageFields: HeaderWriter {
        var fields = HeaderWriter()
        // RFC 3461 §6.3 (a): if and only if there was an ENVID, and exactly so.
        if let identifier = original.requests.envelopeID {
            fields.field("Original-Envelope-Id", verbatim: Self.ascii(identifier))
        }
        fields.field("Reporting-MTA", verbatim: "dns; \(reportingHost.name)")
        if let name = original.clientName {
            // RFC 3464 §2.2.4: the name in EHLO, the address as a comment.
            let comment = original.clientAddress.map { " ([\(Self.ascii($0))])" } ?? ""
            fields.field("Received-From-MTA", verbatim: "dns; \(Self.ascii(name))\(comment)")
        }
        fields.field("Arrival-Date", date: original.accepted)
        if let deliverBy = original.requests.deliverBy {
            fields.field("Deliver-By-Date", date: deliverBy.deadline)
        }
        if let time = original.requests.holdUntil {
            fields.field(
                "Future-Release-Request", verbatim: "until;\(CalendarDate(time).internetFormat)")
        }
        fields.field("X-Postreiter-Queue-Id", verbatim: Self.ascii(original.queueIdentifier))
        return fields
    }

    /// RFC 3464 §2.3, in the order of its grammar.
    private func perRecipientFields(_ recipient: Recipient) -> HeaderWriter {
        var fields = HeaderWriter()
        // RFC 3461 §6.3 (d): if and only if there was an ORCPT, and exactly so.
        if let original = recipient.originalRecipient {
            fields.field(
                "Original-Recipient",
                verbatim: "\(Self.ascii(original.addressType)); "
                    + text(original.address, isInternational: original.isInternational))
        }
        // RFC 3464 §2.3.2: as it was when we accepted the message, whatever an alias made of it.
        fields.field("Final-Recipient", verbatim: typed(recipient.accepted))
        fields.field("Action", structured: action)
        fields.field("Status", structured: recipient.evidence.status.description)
        let host = recipient.evidence.host?.split(separator: " ").first.map(String.init)
        if let host {
            fields.field("Remote-MTA", verbatim: "dns; \(Self.ascii(host))")
        }
        if let diagnostic = diagnostic(recipient.evidence) {
            fields.field("Diagnostic-Code", structured: diagnostic)
        }
        if let last = recipient.attempts.last {
            fields.field("Last-Attempt-Date", date: last.time)
        }
        if case .delay(let until) = kind { fields.field("Will-Retry-Until", date: until) }
        if recipient.address != recipient.accepted, host != nil {
            // RFC 3461 §6.3 (j): what the other server was asked.
            fields.field("SMTP-Remote-Recipient", verbatim: text(recipient.address.description))
        }
        return fields
    }

    /// RFC 3464 §2.3.3.
    private var action: String {
        switch kind {
        case .failure: "failed"
        case .delay: "delayed"
        case .success: "delivered"
        case .relayed: "relayed"
        case .expanded: "expanded"
        }
    }

    /// `smtp` only for what a host answered (RFC 3464 §2.3.6); our own findings have a type of
    /// their own.
    ///
    /// Nothing where nobody was asked.
    private func diagnostic(_ evidence: Outcome.Evidence) -> String? {
        if let reply = PeerReply(evidence.text) {
            return "smtp; " + text(NotificationWording.shortened(reply.text))
        }
        switch kind {
        case .success, .expanded: return nil
        case .failure, .delay, .relayed:
            return "x-postreiter; " + text(NotificationWording.shortened(evidence.text))
        }
    }

    /// `address-type ";" generic-address`.
    private func typed(_ address: Address) -> String {
        let text = address.description
        guard text.isASCII else {
            return "utf-8; " + self.text(text, isInternational: true)
        }
        return "rfc822; \(text)"
    }

    /// In a global part UTF-8 as it is, else the form that any transport carries.
    ///
    /// An international address is one of type `utf-8`: RFC 6533 §3 escapes some of ASCII too.
    private func text(_ text: String, isInternational: Bool = false) -> String {
        isGlobal ? text : Self.ascii(text, isInternational: isInternational)
    }

    /// `EmbeddedUnicodeChar = %x5C.78 "{" HEXPOINT "}"` (RFC 6533 §3) for what is not ASCII, and
    /// in an international address for what xtext would have to encode.
    static func ascii(_ text: String, isInternational: Bool = false) -> String {
        guard isInternational || !text.isASCII else { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            if scalar.isASCII, !isInternational || !"\\+= ".unicodeScalars.contains(scalar) {
                result.unicodeScalars.append(scalar)
            } else {
                result += "\\x{\(String(scalar.value, radix: 16, uppercase: true))}"
            }
        }
        return result
    }
}

extension Envelope.OriginalRecipient {
    fileprivate var isInternational: Bool { addressType.lowercased() == "utf-8" }
}
