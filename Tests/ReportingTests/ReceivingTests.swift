// SPDX-License-Identifier: Apache-2.0

import Bytes
import Directory
import Feedback
import Mail
import ReportStore
import Reporting
import Spool
import Testing
import World

@Suite("Reports that others send are read and summed up")
struct ReceivingTests {
    private static func aggregate(
        _ id: String = "1", by organization: String = "Big", about domain: String = "example.org",
        day: Int64 = 19_999
    ) -> AggregateReport {
        var policy = AggregateReport.PublishedPolicy(domain: domain)
        policy.policy = .quarantine
        var report = AggregateReport(organization: organization, policy: policy)
        report.email = "dmarc@big.example"
        report.reportID = id
        report.begin = Timestamp(seconds: day * 86_400)
        report.end = Timestamp(seconds: day * 86_400 + 86_399)
        for (source, count, isOurs) in [(UInt8(1), Int64(90), true), (2, 8, false), (3, 2, false)] {
            report.records.append(
                .init(
                    source: .v4(IPv4Address(192, 0, 2, source)), count: count,
                    disposition: isOurs ? .pass : .quarantine, isDKIMAligned: isOurs,
                    isSPFAligned: false, headerFrom: domain))
        }
        return report
    }

    private static func run(_ body: @escaping @Sendable (Office) async throws -> Void) async throws
    {
        try await Office.run { office in
            try await office.registry.add(
                domain: LocalDomain(try Domain("example.org")), by: "test")
            try await body(office)
        }
    }

    private static func filing(_ office: Office) throws -> ReportFiling {
        ReportFiling(
            reports: office.reports, registry: office.registry,
            authservID: "mx.here.example")
    }

    @Test("A report is kept once, and only about a domain that is hosted here")
    func filing() async throws {
        try await Self.run { office in
            let filing = try Self.filing(office)
            #expect(try await filing.file(Self.aggregate().xml) == .kept)
            #expect(try await filing.file(GzipFile.pack(Self.aggregate().xml)) == .duplicate)
            #expect(try await filing.file(Self.aggregate("2").xml) == .kept)
            #expect(try await filing.file(Self.aggregate(by: "Other").xml) == .kept)
            #expect(try await filing.file(Self.aggregate(about: "no.example").xml) == .notOurs)
            #expect((try? await filing.file([1, 2, 3])) == nil)
        }
    }

    @Test("What several reports say is summed up by day and by source")
    func summary() async throws {
        try await Self.run { office in
            let filing = try Self.filing(office)
            for (id, day) in [("1", Int64(19_998)), ("2", 19_999)] {
                _ = try await filing.file(Self.aggregate(id, day: day).xml)
            }
            _ = try await filing.file(Self.aggregate("1", by: "Other", day: 19_999).xml)
            // Too long ago to count.
            _ = try await filing.file(Self.aggregate("3", day: 19_900).xml)
            let summary = try await office.reports.summary(
                .aggregate, of: "example.org", since: Timestamp(seconds: 19_990 * 86_400))
            #expect(summary.reports == 3 && summary.reporters == ["Big", "Other"])
            #expect(summary.days.map(\.count.all) == [100, 200])
            #expect(summary.days.map(\.count.passed) == [90, 180])
            #expect(summary.days.map(\.begin.seconds) == [19_998 * 86_400, 19_999 * 86_400])
            #expect(summary.sources.map(\.name) == ["192.0.2.1", "192.0.2.2", "192.0.2.3"])
            #expect(summary.sources.map(\.count.all) == [270, 24, 6])
            #expect(summary.sources[1].count.quarantined == 24)
            #expect(summary.sources[1].count.failed == 24)
        }
    }

    @Test("A period that cannot be, and counts beyond all bounds, are brought into bounds")
    func bounds() async throws {
        try await Self.run { office in
            let filing = try Self.filing(office)
            var report = Self.aggregate()
            report.begin = Timestamp(seconds: 250_000_000_000)
            report.records[0].count = .max
            report.records[1].count = .max
            #expect(try await filing.file(report.xml) == .kept)
            let summary = try await office.reports.summary(
                .aggregate, of: "example.org", since: Office.noon + .days(-2))
            #expect(summary.days.count == 1)
            #expect(summary.days[0].count.all == 2 << 34 + 2)
        }
    }

    @Test("Reports on TLS and complaints are summed up too")
    func others() async throws {
        try await Self.run { office in
            let filing = try Self.filing(office)
            let transport = """
                {"organization-name":"Big","report-id":"7","date-range":{"start-datetime":\
                "2024-10-03T00:00:00Z","end-datetime":"2024-10-03T23:59:59Z"},"policies":[\
                {"policy":{"policy-type":"sts","policy-domain":"other.example"},"summary":\
                {"total-successful-session-count":4,"total-failure-session-count":0}},\
                {"policy":{"policy-type":"sts","policy-domain":"example.org"},"summary":\
                {"total-successful-session-count":10,"total-failure-session-count":5},\
                "failure-details":[{"result-type":"certificate-expired",\
                "receiving-mx-hostname":"mx.here.example","failed-session-count":3}]}]}
                """
            #expect(try await filing.file(Array(transport.utf8)) == .kept)
            let since = Office.noon + .days(-3)
            let tls = try await office.reports.summary(
                .transport, of: "example.org", since: since)
            #expect(tls.days.map(\.count.all) == [15] && tls.days.map(\.count.failed) == [5])
            #expect(
                tls.sources.contains {
                    $0.name == "mx.here.example" && $0.details == ["certificate-expired"]
                        && $0.count.failed == 3
                })
            let complaint = """
                Content-Type: multipart/report; report-type=feedback-report; boundary=b

                --b
                Content-Type: message/feedback-report

                Feedback-Type: abuse
                Source-IP: 192.0.2.77
                Incidents: 3

                --b
                Content-Type: message/rfc822

                From: Someone <news@example.org>
                Message-ID: <1@example.org>

                hello
                --b--

                """
            #expect(try await filing.file(Array(complaint.utf8)) == .kept)
            #expect(try await filing.file(Array(complaint.utf8)) == .duplicate)
            let complaints = try await office.reports.summary(
                .feedback, of: "example.org", since: since)
            #expect(complaints.sources.map(\.name) == ["192.0.2.77"])
            #expect(complaints.sources.map(\.about) == ["abuse"])
            #expect(complaints.sources.map(\.count.all) == [3])
        }
    }

    @Test("A report on TLS counts only if we have seen that it is signed")
    func signatures() async throws {
        try await Self.run { office in
            let filing = try Self.filing(office)
            func mail(_ id: String, _ results: String) -> [UInt8] {
                Array(
                    """
                    Authentication-Results: \(results)
                    Content-Type: application/tlsrpt+json

                    {"organization-name":"Big","report-id":"\(id)","policies":[{"policy":\
                    {"policy-type":"sts","policy-domain":"example.org"},"summary":\
                    {"total-successful-session-count":1,"total-failure-session-count":0}}]}
                    """.utf8)
            }
            let ours = "mx.here.example; dkim="
            #expect(try await filing.file(mail("1", ours + "pass header.d=big.example")) == .kept)
            #expect(try await filing.file(mail("2", ours + "fail")) == nil)
            #expect(try await filing.file(mail("3", "mx.big.example; dkim=pass")) == .kept)
            let summary = try await office.reports.summary(
                .transport, of: "example.org", since: Office.noon + .days(-3))
            #expect(summary.reports == 2 && summary.authentic == 1)
        }
    }

    @Test(
        "Mail to the mailboxes for reports is looked at, and no other",
        arguments: [
            ("postmaster@example.org", true), ("Dmarc@example.org", true),
            ("dmarc+example.org@example.org", true), ("tlsrpt@here.example", true),
            ("anna@example.org", false), ("reports@example.org", false),
        ])
    func readers(address: String, isRead: Bool) throws {
        let settings = ReportingSettings(hostName: try Domain("mx.here.example"))
        #expect(settings.reads(try Address(address)) == isRead)
        var none = settings
        none.readsAt = []
        #expect(!none.reads(try Address(address)))
        none.readsAt = ["reports@example.org"]
        #expect(none.reads(try Address(address)) == (address == "reports@example.org"))
    }

    @Test("A message with a report, on its way into such a mailbox, is read")
    func reader() async throws {
        try await Self.run { office in
            var draft = office.intake.open()
            let packed = Base64.encode(GzipFile.pack(Self.aggregate().xml))
            let mail =
                "Content-Type: application/gzip\r\n"
                + "Content-Transfer-Encoding: base64\r\n\r\n\(packed)\r\n"
            try await draft.append(Array(mail.utf8)[...])
            let address = try Address("dmarc@example.org")
            try await draft.commit(Acceptance(Envelope(from: .null, to: [.init(address)])))
            let due = try await office.spooler.claim(
                at: office.clock.timestamp, limit: 10
            ).recipients
            let message = try #require(due.first?.message)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await office.reader.run() }
                office.reader.note(message, asked: try Address("anna@example.org"))
                office.reader.note(message, asked: address)
                var reports = 0
                let end = ContinuousClock.now + .seconds(60)
                while reports == 0, ContinuousClock.now < end {
                    try await Task.sleep(for: .milliseconds(5))
                    reports = try await office.reports.summary(
                        .aggregate, of: "example.org", since: Office.noon + .days(-3)
                    ).reports
                }
                #expect(reports == 1)
                group.cancelAll()
            }
        }
    }

    @Test("What is older than a year is forgotten")
    func pruning() async throws {
        try await Self.run { office in
            let filing = try Self.filing(office)
            _ = try await filing.file(Self.aggregate().xml)
            office.reports.note(Office.observation())
            try await office.reports.flush()
            office.clock.advance(.days(Reports.keptDays + 1))
            while try await office.reports.prune() {}
            #expect(try await office.reports.nextDue() == nil)
            let summary = try await office.reports.summary(
                .aggregate, of: "example.org", since: Timestamp(seconds: 0))
            #expect(summary.reports == 0 && summary.days.isEmpty)
            #expect(try await filing.file(Self.aggregate().xml) == .kept)
        }
    }
}
