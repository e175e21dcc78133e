// SPDX-License-Identifier: Apache-2.0

import Bytes
import Feedback
import Testing
import World

@Suite("RFC 5965, RFC 6591, RFC 9991: reports on one message")
struct FeedbackReportTests {
    private static func mail(_ fields: String, original: String = "message/rfc822") -> [UInt8] {
        Array(
            """
            From: <abusedesk@example.com>
            Subject: FW: Earn money
            MIME-Version: 1.0
            Content-Type: multipart/report; report-type=feedback-report; boundary="part"

            --part
            Content-Type: text/plain; charset="US-ASCII"

            This is an email abuse report.

            --part
            Content-Type: message/feedback-report

            \(fields)

            --part
            Content-Type: \(original)
            Content-Disposition: inline

            From: <somespammer@example.net>
            Subject: Earn money

            Spam Spam Spam
            --part--

            """.utf8)
    }

    private static func parse(_ octets: [UInt8]) throws -> FeedbackReport {
        guard case .feedback(let report) = try IncomingReport(opening: octets) else {
            throw ReportFailure("it is another report")
        }
        return report
    }

    @Test("RFC 5965 appendix B.2 is read")
    func complaint() throws {
        let report = try Self.parse(
            Self.mail(
                """
                Feedback-Type: abuse
                User-Agent: SomeGenerator/1.0
                Version: 1
                Original-Mail-From: <somespammer@example.net>
                Original-Rcpt-To: <user@example.com>
                Arrival-Date: Thu, 8 Mar 2005 14:00:00 EDT
                Reporting-MTA: dns; mail.example.com
                Source-IP: 192.0.2.1
                Authentication-Results: mail.example.com;
                  spf=fail smtp.mail=somespammer@example.com
                Reported-Domain: example.net
                Reported-Uri: http://example.net/earn_money.html
                Reported-Uri: mailto:user@example.com
                Removal-Recipient: user@example.com
                """))
        #expect(report.kind == "abuse")
        #expect(report.originalMailFrom == "somespammer@example.net")
        #expect(report.originalRecipients == ["user@example.com"])
        #expect(report.arrival == Timestamp(internetFormat: "2005-03-08T18:00:00Z"))
        #expect(report.reportingMTA == "mail.example.com")
        #expect(report.source == IPAddress("192.0.2.1"))
        #expect(report.incidents == 1)
        #expect(report.reportedDomains == ["example.net"])
        #expect(report.reportedURIs.count == 2)
        #expect(report.authenticationResults.first?.contains("spf=fail") == true)
        #expect(report.failure == nil)
        #expect(report.isWholeOriginal)
        #expect(String(lossy: report.original).hasPrefix("From: <somespammer@example.net>"))
    }

    @Test("An authentication failure says which methods failed")
    func authenticationFailure() throws {
        let report = try Self.parse(
            Self.mail(
                """

                Feedback-Type: Auth-Failure (a comment)
                Version: 1
                Source-IP: [IPv6:2001:db8::1]
                Incidents: 17
                Auth-Failure: dmarc
                Identity-Alignment: dkim, SPF
                Delivery-Result: reject
                DKIM-Domain: example.org
                DKIM-Selector: s1
                SPF-DNS: txt : example.org : "v=spf1 -all"
                """, original: "text/rfc822-headers"))
        #expect(report.kind == "auth-failure" && report.incidents == 17)
        #expect(report.source == IPAddress("2001:db8::1"))
        #expect(!report.isWholeOriginal)
        let failure = try #require(report.failure)
        #expect(failure.type == "dmarc" && failure.unaligned == ["dkim", "spf"])
        #expect(failure.deliveryResult == "reject" && failure.dkimSelector == "s1")
        #expect(failure.senderPolicies == [#"txt : example.org : "v=spf1 -all""#])
    }

    @Test(
        "A report without a type, or with one twice, is refused",
        arguments: [
            ("Version: 1", "missing"), ("Feedback-Type:\nVersion: 1", "missing"),
            ("Feedback-Type: \0\0", "missing"), ("Feedback-Type: Beschwürde", "missing"),
            ("Feedback-Type: \(String(repeating: "a", count: 2000))", "missing"),
            ("Feedback-Type: abuse\nFeedback-Type: fraud", "twice"),
            ("Feedback-Type: abuse\nSource-IP: 192.0.2.1\nSource-IP: 192.0.2.2", "twice"),
        ])
    func wrong(fields: String, reason: String) {
        do {
            Issue.record("it is read: \(try Self.parse(Self.mail(fields)))")
        } catch {
            #expect("\(error)".contains(reason), "\(error)")
        }
    }

    @Test("What is taken out cannot be seen, and is the same again for the same person")
    func redaction() {
        let redaction = Redaction(key: [UInt8](repeating: 5, count: 16))
        let header = String(
            lossy: redaction.redact(
                header: Array(
                    """
                    Received: from x by y for <geheim@example.net>; Sat, 21 Nov 2026 06:11:37 +0000\r
                    From: Anna Privat <anna@example.org>\r
                    To: geheim@example.net,\r
                     "Noch wer" <noch.wer@example.com>\r
                    Subject: Kündigung\r
                    X-Unknown: geheim\r
                    Message-ID: <1.2@example.org>\r
                    \r
                    body
                    """.utf8)))
        for secret in ["geheim", "anna", "Anna", "Kündigung", "noch.wer", "Noch", "body"] {
            #expect(!header.contains(secret), "\(secret) in \(header)")
        }
        let name = redaction.redact(localPart: "geheim")
        #expect(header.components(of: "\(name)@example.net") == 2, "\(header)")
        #expect(redaction.redact(address: "geheim@example.net") == "\(name)@example.net")
        let other = Redaction(key: [UInt8](repeating: 6, count: 16))
        #expect(other.redact(localPart: "geheim") != name)
    }
}

extension String {
    /// How often the other text stands in this one.
    func components(of other: String) -> Int { split(separator: other).count - 1 }
}
