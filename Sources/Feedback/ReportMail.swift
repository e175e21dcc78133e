// SPDX-License-Identifier: Apache-2.0

import Bytes
import MIME
package import Mail
package import World

/// The mail that carries a report of ours: who sends it, to whom, and as which host.
package struct ReportMail: Sendable {
    package var sender: Address
    package var recipients: [Address]
    /// The reporting host, in subjects and file names.
    package var host: Domain
    package var time: Timestamp

    package init(from sender: Address, to recipients: [Address], host: Domain, at time: Timestamp) {
        self.sender = sender
        self.recipients = recipients
        self.host = host
        self.time = time
    }

    /// An aggregate report, packed (RFC 9990 §3.5.2).
    ///
    /// The same report gives the same subject, file name and content again.
    package func message(_ report: AggregateReport, entropy: some Entropy) -> [UInt8] {
        let domain = report.policy.domain
        let identifier = report.reportID ?? ""
        var header = header(
            // dmarc-subject = "Report" FWS "Domain:" FWS domain-name FWS "Submitter:" FWS
            //                 domain-name FWS [ "Report-ID:" FWS ridtxt ]
            subject: "Report Domain: \(domain) Submitter: \(host) Report-ID: <\(identifier)>",
            entropy: entropy)
        header.field("Auto-Submitted", structured: "auto-generated")
        let text = """
            This is an aggregate report of DMARC about \(domain), by \(host).
            It covers \(Self.period(report.begin, report.end)) and \(report.messages) messages.

            """
        return Composition(
            header: header,
            .multipart(
                subtype: "mixed", parameters: [],
                [
                    Composition(.text(text, subtype: "plain")),
                    Composition(
                        .octets(
                            GzipFile.pack(report.xml), type: "application/gzip", parameters: []),
                        disposition: (
                            "attachment",
                            fileName(domain, report.begin, report.end, "xml.gz")
                        )),
                ])
        ).message(entropy: entropy)
    }

    /// A report on TLS, packed (RFC 8460 §5.3); the sender's domain is the submitter.
    package func message(
        _ report: TLSReport, about domain: String, entropy: some Entropy
    ) -> [UInt8] {
        var header = header(
            subject: "Report Domain: \(domain) Submitter: \(submitter) "
                + "Report-ID: <\(report.reportID)>", entropy: entropy)
        header.field("TLS-Report-Domain", structured: domain)
        header.field("TLS-Report-Submitter", structured: submitter)
        // RFC 8689 §5: reports come through despite all failures of TLS (RFC 8460 §3).
        header.field("TLS-Required", structured: "No")
        header.field("Auto-Submitted", structured: "auto-generated")
        let text = """
            This is an aggregate report on TLS about \(domain), by \(submitter).
            It covers \(Self.period(report.begin, report.end)), \(report.successes) successful and \
            \(report.failures) failed sessions.

            """
        return Composition(
            header: header,
            .multipart(
                subtype: "report", parameters: [("report-type", "tlsrpt")],
                [
                    Composition(.text(text, subtype: "plain")),
                    Composition(
                        .octets(Self.file(report), type: Self.packedTLSType, parameters: []),
                        disposition: (
                            "attachment",
                            fileName(domain, report.begin, report.end, "json.gz", submitter)
                        )),
                ])
        ).message(entropy: entropy)
    }

    /// RFC 8460 §6.5.
    package static let packedTLSType = "application/tlsrpt+gzip"

    /// A report on TLS as it is sent by mail or by HTTPS.
    package static func file(_ report: TLSReport) -> [UInt8] {
        var text: [UInt8] = []
        report.json.write(to: &text)
        return GzipFile.pack(text)
    }

    /// A report on a message that failed (RFC 6591, RFC 9991), or a complaint (RFC 5965).
    package func message(
        _ report: FeedbackReport, about domain: String, entropy: some Entropy
    ) -> [UInt8] {
        var header = header(subject: "DMARC failure report for \(domain)", entropy: entropy)
        header.field("Auto-Submitted", structured: "auto-generated")
        let text = """
            This is a report on mail that \(host) received in the name of \(domain), from
            \(report.source.map(\.description) ?? "an unknown host"), and that did not pass DMARC.
            Addresses in it have been made unrecognizable.

            """
        return Composition(
            header: header,
            .multipart(
                subtype: "report", parameters: [("report-type", "feedback-report")],
                report.parts(text: text))
        ).message(entropy: entropy)
    }

    private var submitter: String { sender.domain?.name ?? host.name }

    private func header(subject: String, entropy: some Entropy) -> HeaderWriter {
        var header = HeaderWriter()
        header.field("Date", date: time)
        header.field("From", participants: [Participant(sender)])
        header.field("To", participants: recipients.map { Participant($0) })
        header.field("Subject", text: subject)
        header.field(
            "Message-ID", identifiers: [.make(at: time, by: host, entropy: entropy)])
        return header
    }

    /// ```abnf
    /// filename = receiver "!" policy-domain "!" begin-timestamp "!" end-timestamp "." extension
    /// ```
    private func fileName(
        _ domain: String, _ begin: Timestamp?, _ end: Timestamp?, _ type: String,
        _ receiver: String? = nil
    ) -> String {
        let period = "\(begin?.seconds ?? 0)!\(end?.seconds ?? 0)"
        return "\(receiver ?? host.name)!\(domain)!\(period).\(type)"
    }

    private static func period(_ begin: Timestamp?, _ end: Timestamp?) -> String {
        [begin, end].map { CalendarDate($0 ?? Timestamp(seconds: 0)).internetFormat }
            .joined(separator: " to ")
    }
}
