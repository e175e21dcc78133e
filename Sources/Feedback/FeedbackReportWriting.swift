// SPDX-License-Identifier: Apache-2.0

import Bytes
import MIME
import World

extension FeedbackReport {
    /// The parts of `multipart/report; report-type=feedback-report` (RFC 5965 §2).
    func parts(text: String) -> [Composition] {
        let original =
            isWholeOriginal
            ? Composition(.lines(original, type: "message/rfc822", parameters: []))
            : Composition(.encodableLines(original, type: "text/rfc822-headers"))
        return [
            Composition(.text(text, subtype: "plain")),
            Composition(.lines(fields, type: Self.type, parameters: [])), original,
        ]
    }

    /// The machine's part.
    private var fields: [UInt8] {
        var writer = HeaderWriter()
        writer.field("Feedback-Type", structured: kind)
        writer.field("User-Agent", structured: userAgent ?? "Postreiter")
        writer.field("Version", structured: "1")
        func write(_ name: String, _ value: String?) {
            if let value, value.isASCII { writer.field(name, structured: value) }
        }
        write("Original-Envelope-Id", originalEnvelopeID)
        write("Original-Mail-From", originalMailFrom.map { "<\($0)>" })
        if let arrival { writer.field("Arrival-Date", date: arrival) }
        write("Reporting-MTA", reportingMTA.map { "dns; \($0)" })
        // RFC 5965 §3.2: as RFC 5321 §4.1.3 writes them, but real reports leave out the brackets.
        write("Source-IP", source?.description)
        if incidents > 1 { write("Incidents", "\(incidents)") }
        for result in authenticationResults { write("Authentication-Results", result) }
        for recipient in originalRecipients { write("Original-Rcpt-To", "<\(recipient)>") }
        for domain in reportedDomains { write("Reported-Domain", domain) }
        for uri in reportedURIs { write("Reported-URI", uri) }
        if let failure {
            write("Auth-Failure", failure.type)
            // RFC 9991 §4.
            write(
                "Identity-Alignment",
                failure.unaligned.isEmpty ? "none" : failure.unaligned.joined(separator: ", "))
            write("Delivery-Result", failure.deliveryResult)
            write("DKIM-Domain", failure.dkimDomain)
            write("DKIM-Identity", failure.dkimIdentity)
            write("DKIM-Selector", failure.dkimSelector)
            for policy in failure.senderPolicies { write("SPF-DNS", policy) }
        }
        return writer.octets
    }
}
