// SPDX-License-Identifier: Apache-2.0

import Bytes
import MIME
import Mail
import World

extension Notification {
    /// The content of `message/delivery-status` (RFC 3464 §2.1).
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

    /// RFC 3464 §2.2.
    private var perMessageFields: HeaderWriter {
        var fields = HeaderWriter()
        if let envelopeIdentifier, !envelopeIdentifier.isEmpty {
            fields.field("Original-Envelope-Id", structured: Self.ascii(envelopeIdentifier))
        }
        fields.field("Reporting-MTA", structured: "dns; \(reportingHost.name)")
        fields.field("Arrival-Date", date: accepted)
        fields.field("X-Postreiter-Queue-Id", structured: Self.ascii(queueIdentifier))
        return fields
    }

    /// RFC 3464 §2.3, in the order of its grammar.
    private func perRecipientFields(_ recipient: Recipient) -> HeaderWriter {
        var fields = HeaderWriter()
        if let original = recipient.original {
            fields.field("Original-Recipient", structured: Self.typed(original))
        }
        fields.field("Final-Recipient", structured: Self.typed(recipient.address))
        fields.field("Action", structured: action)
        fields.field("Status", structured: recipient.evidence.status.description)
        let host = recipient.evidence.host?.split(separator: " ").first.map(String.init)
        if let host {
            fields.field("Remote-MTA", structured: "dns; \(Self.ascii(host))")
        }
        if kind != .success {
            fields.field(
                "Diagnostic-Code", structured: Self.diagnostic(recipient.evidence, host: host))
        }
        if let last = recipient.attempts.last {
            fields.field("Last-Attempt-Date", date: last.time)
        }
        if case .delay(let until) = kind { fields.field("Will-Retry-Until", date: until) }
        return fields
    }

    private var action: String {
        switch kind {
        case .failure: "failed"
        case .delay: "delayed"
        case .success: "delivered"
        case .relayed: "relayed"
        }
    }

    /// `smtp` only for what a host answered (§2.3.6); our own findings have a type of their own.
    private static func diagnostic(_ evidence: Outcome.Evidence, host: String?) -> String {
        let text = ascii(NotificationWording.shortened(evidence.text))
        let isReply =
            text.utf8.count >= 3 && text.utf8.prefix(3).allSatisfy(\.isDigit)
            && (text.utf8.count == 3 || text.utf8.dropFirst(3).first == .space
                || text.utf8.dropFirst(3).first == UInt8(ascii: "-"))
        return isReply ? "smtp; \(text)" : "x-postreiter; \(text)"
    }

    /// `address-type ";" generic-address`; beyond ASCII in the form of RFC 6533 §3 that any
    /// transport carries.
    private static func typed(_ address: Address) -> String {
        let text = address.description
        guard text.isASCII else { return "utf-8; \(ascii(text))" }
        return "rfc822; \(text)"
    }

    /// `EmbeddedUnicodeChar = %x5C.78 "{" HEXPOINT "}"` (RFC 6533 §3) for what is not ASCII.
    static func ascii(_ text: String) -> String {
        guard !text.isASCII else { return text }
        var result = ""
        for scalar in text.unicodeScalars {
            if scalar.isASCII {
                result.unicodeScalars.append(scalar)
            } else {
                result += "\\x{\(String(scalar.value, radix: 16, uppercase: true))}"
            }
        }
        return result
    }
}
