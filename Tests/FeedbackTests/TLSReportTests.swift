// SPDX-License-Identifier: Apache-2.0

import Bytes
import Feedback
import Testing
import World

@Suite("RFC 8460 Reports on TLS")
struct TLSReportTests {
    /// RFC 8460 appendix B, shortened.
    static let sample = """
        {"organization-name":"Company-X",
         "date-range":{"start-datetime":"2016-04-01T00:00:00Z",
                       "end-datetime":"2016-04-01T23:59:59Z"},
         "contact-info":"sts-reporting@company-x.example",
         "report-id":"5065427c-23d3-47ca-b6e0-946ea0e8c4be",
         "policies":[{"policy":{"policy-type":"sts",
             "policy-string":["version: STSv1","mode: testing",
                 "mx: *.mail.company-y.example","max_age: 86400"],
             "policy-domain":"company-y.example","mx-host":"*.mail.company-y.example"},
           "summary":{"total-successful-session-count":5326,"total-failure-session-count":303},
           "failure-details":[
             {"result-type":"certificate-expired","sending-mta-ip":"2001:db8:abcd:0012::1",
              "receiving-mx-hostname":"mx1.mail.company-y.example","failed-session-count":100},
             {"result-type":"starttls-not-supported","sending-mta-ip":"2001:db8:abcd:0013::1",
              "receiving-mx-hostname":"mx2.mail.company-y.example","receiving-ip":"203.0.113.56",
              "failed-session-count":200,
              "additional-information":"https://reports.company-x.example/report_info"},
             {"result-type":"validation-failure","receiving-ip":"203.0.113.58",
              "failed-session-count":3,
              "failure-reason-code":"X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED"}]}]}
        """

    static func parse(_ text: String) throws(ReportFailure) -> TLSReport {
        try TLSReport(parsing: Array(text.utf8))
    }

    private static func changed(_ old: String, _ new: String) -> String {
        sample.replacing(old, with: new)
    }

    @Test("The RFC's own example is read")
    func example() throws {
        let report = try Self.parse(Self.sample)
        #expect(report.organization == "Company-X")
        #expect(report.begin == Timestamp(seconds: 1_459_468_800))
        #expect(report.successes == 5326 && report.failures == 303)
        let policy = try #require(report.policies.first)
        #expect(policy.type == .sts && policy.domain == "company-y.example")
        #expect(policy.text.count == 4 && policy.exchangers == ["*.mail.company-y.example"])
        #expect(policy.details.map(\.sessions) == [100, 200, 3])
        #expect(policy.details[1].receivingAddress == IPAddress("203.0.113.56"))
        #expect(policy.details[2].reasonCode == "X509_V_ERR_PROXY_PATH_LENGTH_EXCEEDED")
    }

    static let oddFiles: [(String, String, @Sendable (TLSReport) -> Bool)] = [
        ("a mark of the byte order", "\u{FEFF}" + sample, { $0.failures == 303 }),
        (
            "an offset", changed("00:00:00Z", "00:00:00+00:00"),
            { $0.begin == Timestamp(seconds: 1_459_468_800) }
        ),
        (
            "no zone", changed("00:00:00Z", "00:00:00"),
            { $0.begin == Timestamp(seconds: 1_459_468_800) && !$0.oddities.isEmpty }
        ),
        ("no time", changed("2016-04-01T00:00:00Z", "April"), { $0.begin == nil }),
        ("counts as text", changed("5326", "\"5326\""), { $0.successes == 5326 }),
        ("no summary", changed("\"summary\"", "\"x\""), { $0.failures == 303 }),
        ("a type in capitals", changed("\"sts\"", "\"STS\""), { $0.policies[0].type == .sts }),
        (
            "several patterns",
            changed(
                "\"mx-host\":\"*.mail.company-y.example\"",
                "\"mx-host\":[\"a.example\",\"b.example\"]"),
            { $0.policies[0].exchangers == ["a.example", "b.example"] }
        ),
        ("no details", changed("\"failure-details\"", "\"x\""), { $0.failures == 303 }),
        (
            "no policies", #"{"organization-name":"x","report-id":"y","policies":[]}"#,
            { $0.policies.isEmpty && $0.failures == 0 }
        ),
        (
            "a result nobody knows", changed("validation-failure", "new-failure"),
            { $0.policies[0].details[2].result == "new-failure" }
        ),
        (
            "more sessions than can be counted", changed("303", "9223372036854775807"),
            { $0.failures == .max }
        ),
    ]

    @Test("What is merely odd is read", arguments: oddFiles.indices)
    func odd(index: Int) throws {
        let (name, text, holds) = Self.oddFiles[index]
        let report = try Self.parse(text)
        #expect(holds(report), "\(name): \(report)")
        #expect(try Self.parse(report.json.description).json == report.json, "\(name)")
    }

    @Test(
        "What is wrong is refused, and says why",
        arguments: [
            ("", "no JSON"), ("[]", "no object"), ("{}", "`organization-name`"),
            (#"{"organization-name":"x"}"#, "`report-id`"),
            (#"{"organization-name":"x","report-id":"y"}"#, "`policies`"),
            (changed("\"policies\":[", "\"policies\":{}, \"x\":["), "`policies`"),
            (changed("\"sts\"", "\"best-effort\""), "unknown type"),
            (changed("\"policy-domain\"", "\"x\""), "`policy-domain`"),
            (changed("5326", "-1"), "count"), (changed("5326", "1.5"), "count"),
            (changed("\"failed-session-count\":100", "\"x\":1"), "`failed-session-count`"),
            (String(sample.prefix(400)), "no JSON"), (sample + "}", "no JSON"),
            (String(repeating: "[", count: 100_000), "no JSON"),
        ])
    func wrong(text: String, reason: String) {
        do throws(ReportFailure) {
            Issue.record("it is read: \(try Self.parse(text))")
        } catch {
            #expect(error.description.contains(reason), "\(error)")
        }
    }
}
