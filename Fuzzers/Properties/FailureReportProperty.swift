// SPDX-License-Identifier: Apache-2.0

import Bytes
import Feedback
import Mail
import SimulatedWorld
import World

extension Property {
    /// Reports on single messages (RFC 5965, RFC 6591): fields of a stranger are read, and what we
    /// tell of a stranger's message can be read and gives nobody away.
    ///
    /// The input is taken for the machine's part of a report, and for the header of a message.
    package static let failureReport = Property("FailureReport") { input throws(Broken) in
        try expectReadable(input)
        try expectDiscreet(input)
    }

    private static func open(_ mail: [UInt8]) -> FeedbackReport? {
        guard case .feedback(let report)? = try? IncomingReport(opening: mail) else { return nil }
        return report
    }

    private static func mail(_ report: FeedbackReport) throws(Broken) -> [UInt8] {
        guard let sender = try? Address("postmaster@mx.example.net"), let host = sender.domain,
            let recipient = try? Address("dmarc@example.org")
        else { throw Broken("an address is none") }
        return ReportMail(
            from: sender, to: [recipient], host: host, at: Timestamp(seconds: 1_000_000)
        ).message(report, about: "example.org", entropy: Simulation(seed: 1))
    }

    private static func expectReadable(_ fields: [UInt8]) throws(Broken) {
        let head = """
            Content-Type: multipart/report; report-type=feedback-report; boundary=b\r
            \r
            --b\r
            Content-Type: message/feedback-report\r
            \r

            """
        let tail =
            "\r\n--b\r\nContent-Type: text/rfc822-headers\r\n\r\nFrom: a@example.com\r\n--b--"
        guard let report = open(Array(head.utf8) + fields + Array(tail.utf8)) else { return }
        try expect(report.incidents > 0, "\(report.incidents) incidents")
        try expect(report.authenticationResults.count <= 100, "too many of one field")
        try expect(!report.fingerprint.isEmpty, "it has no fingerprint")
        guard let second = open(try mail(report)) else { throw Broken("it cannot be read again") }
        try expect(second.incidents == report.incidents, "\(second.incidents) incidents")
        try expect(second.source == report.source, "another source")
        guard let third = open(try mail(second)) else { throw Broken("nor once more") }
        try expect(third == second, "\(second) becomes \(third)")
    }

    private static func expectDiscreet(_ header: [UInt8]) throws(Broken) {
        // Somebody whose name nobody has by chance.
        let secret = "s3cr3tpers0n"
        let addressed = Array("From: <\(secret)@example.org>\r\nTo: \(secret)@x.example\r\n".utf8)
        let redaction = Redaction(key: Array(0..<16))
        let redacted = redaction.redact(header: addressed + header)
        try expect(redacted.hasWholeLineEnds, "a line that is none: \(String(lossy: redacted))")
        try expect(
            !String(lossy: redacted).contains(secret) || String(lossy: header).contains(secret),
            "it gives away who it is")
        var report = FeedbackReport(kind: "auth-failure")
        report.failure = .init(type: "dmarc")
        report.original = redacted
        guard let second = open(try mail(report)) else { throw Broken("it cannot be read") }
        try expect(second.kind == report.kind, "another kind")
        try expect(second.originalDomains.first == "example.org", "\(second.originalDomains)")
    }
}
