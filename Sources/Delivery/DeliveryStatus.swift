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

    private var words: ReportText { ReportText(isGlobal: isGlobal) }

    /// RFC 3464 §2.2, with those of RFC 2852 §5 and RFC 4865 §5.1.2.
    private var perMessageFields: HeaderWriter {
        var fields = HeaderWriter()
        // RFC 3461 §6.3 (a): if and only if there was an ENVID, and exactly so.
        if let identifier = original.requests.envelopeID {
            fields.field("Original-Envelope-Id", verbatim: ReportText.ascii(identifier))
        }
        fields.field("Reporting-MTA", verbatim: "dns; \(reportingHost.name)")
        if let name = original.clientName {
            // RFC 3464 §2.2.4: the name in EHLO, the address as a comment.
            let comment = original.clientAddress.map { " ([\(ReportText.ascii($0))])" } ?? ""
            fields.field("Received-From-MTA", verbatim: "dns; \(ReportText.ascii(name))\(comment)")
        }
        fields.field("Arrival-Date", date: original.accepted)
        if let deliverBy = original.requests.deliverBy {
            fields.field("Deliver-By-Date", date: deliverBy.deadline)
        }
        if let time = original.requests.holdUntil {
            fields.field(
                "Future-Release-Request", verbatim: "until;\(CalendarDate(time).internetFormat)")
        }
        fields.field("X-Postreiter-Queue-Id", verbatim: ReportText.ascii(original.queueIdentifier))
        return fields
    }

    /// RFC 3464 §2.3, in the order of its grammar.
    private func perRecipientFields(_ recipient: Recipient) -> HeaderWriter {
        var fields = HeaderWriter()
        // RFC 3461 §6.3 (d): if and only if there was an ORCPT, and exactly so.
        if let original = recipient.originalRecipient {
            fields.field("Original-Recipient", verbatim: words.typed(original))
        }
        // RFC 3464 §2.3.2: as it was when we accepted the message, whatever an alias made of it.
        fields.field("Final-Recipient", verbatim: words.typed(recipient.accepted))
        fields.field("Action", structured: action)
        fields.field("Status", structured: recipient.evidence.status.description)
        let host = recipient.evidence.host?.split(separator: " ").first.map(String.init)
        if let host {
            fields.field("Remote-MTA", verbatim: "dns; \(ReportText.ascii(host))")
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
            fields.field(
                "SMTP-Remote-Recipient", verbatim: words.text(recipient.address.description))
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
            return "smtp; " + words.text(NotificationWording.shortened(reply.text))
        }
        switch kind {
        case .success, .expanded: return nil
        case .failure, .delay, .relayed:
            return "x-postreiter; " + words.text(NotificationWording.shortened(evidence.text))
        }
    }
}
