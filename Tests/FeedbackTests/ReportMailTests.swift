// SPDX-License-Identifier: Apache-2.0

import Bytes
import Feedback
import MIME
import Mail
import Testing
import World

/// Numbers that follow each other.
private final class CountingEntropy: Entropy, @unchecked Sendable {
    private var number: UInt64 = 0

    func next() -> UInt64 {
        number += 1
        return number &* 0x9E37_79B9_7F4A_7C15
    }
}

@Suite("The mail that carries a report")
struct ReportMailTests {
    private static func mail() throws -> ReportMail {
        ReportMail(
            from: try Address("noreply-dmarc@mx1.example.net"),
            to: [try Address("dmarc@example.org")], host: try Domain("mx1.example.net"),
            at: Timestamp(seconds: 1_700_100_000))
    }

    @Test("RFC 9990 §3.5.2: subject, file name and type of an aggregate report")
    func aggregate() throws {
        var report = try AggregateReportTests.parse(AggregateReportTests.sample)
        report.reportID = "302832000-example.com@mx1.example.net"
        let octets = try Self.mail().message(report, entropy: CountingEntropy())
        let message = Message(octets)
        #expect(message.defects.defects.isEmpty)
        #expect(
            message.header.first("Subject")?.decoded
                == "Report Domain: example.com Submitter: mx1.example.net "
                + "Report-ID: <302832000-example.com@mx1.example.net>")
        let part = try #require(message.parts.last)
        #expect(part.contentType.description == "application/gzip")
        #expect(part.filename == "mx1.example.net!example.com!302832000!302918399.xml.gz")
        guard case .aggregate(let again) = try IncomingReport(opening: octets) else {
            return #expect(Bool(false), "it is another report")
        }
        #expect(again == report)
    }

    @Test("RFC 8460 §5.3: subject, fields, file name and type of a report on TLS")
    func transport() throws {
        let report = try TLSReportTests.parse(TLSReportTests.sample)
        let octets = try Self.mail().message(
            report, about: "company-y.example", entropy: CountingEntropy())
        let message = Message(octets)
        #expect(
            message.root.contentType.parameters["report-type"] == "tlsrpt"
                && message.root.contentType.description == "multipart/report")
        #expect(message.header.first("TLS-Report-Domain")?.decoded == "company-y.example")
        #expect(message.header.first("TLS-Report-Submitter")?.decoded == "mx1.example.net")
        #expect(message.header.first("TLS-Required")?.decoded == "No")
        let part = try #require(message.parts.last)
        #expect(part.contentType.description == "application/tlsrpt+gzip")
        #expect(
            part.filename == "mx1.example.net!company-y.example!1459468800!1459555199.json.gz")
        guard case .transport(let again) = try IncomingReport(opening: octets) else {
            return #expect(Bool(false), "it is another report")
        }
        #expect(again.json == report.json)
    }

    @Test("RFC 9991 §4: a failure report is read as it was meant")
    func failure() throws {
        var report = FeedbackReport(kind: "auth-failure")
        report.userAgent = "Postreiter/1"
        report.arrival = Timestamp(seconds: 1_700_000_000)
        report.source = IPAddress("2001:db8::7")
        report.incidents = 3
        report.reportingMTA = "mx1.example.net"
        report.originalMailFrom = "redacted-1@example.org"
        report.originalRecipients = ["redacted-2@example.net"]
        report.authenticationResults = ["mx1.example.net; dmarc=fail header.from=example.org"]
        report.reportedDomains = ["example.org"]
        report.original = Array("From: redacted-1@example.org\r\n\r\n".utf8)
        var failure = FeedbackReport.AuthenticationFailure(type: "dmarc")
        failure.unaligned = ["spf"]
        failure.deliveryResult = "reject"
        report.failure = failure
        let octets = try Self.mail().message(
            report, about: "example.org", entropy: CountingEntropy())
        guard case .feedback(var again) = try IncomingReport(opening: octets) else {
            return #expect(Bool(false), "it is another report")
        }
        #expect(String(lossy: again.original).hasPrefix("From: redacted-1@example.org"))
        again.original = report.original
        #expect(again == report)
    }
}
