// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes
import Feedback
import World

extension DMARCCommand {
    /// What an aggregate report says.
    struct ParseReport: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Read an aggregate report (RFC 9990, RFC 7489).",
            discussion: """
                The file is XML, perhaps packed by gzip or zip, or the mail that carried it. The \
                exit status is 1 for what is no report; with --json it is 0 all the same.
                """)
        @OptionGroup var source: ReportSource

        func run() async throws {
            try source.show(
                "aggregate report", nothing: AggregateReport.nothing,
                summary: \.summary, table: AggregateReport.printTable
            ) { report in
                if case .aggregate(let report) = report { report } else { nil }
            }
        }
    }
}

extension AggregateReport {
    /// The keys of what is no such report.
    fileprivate static let nothing: [(String, JSON)] = [
        ("org_name", nil), ("report_id", nil), ("domain", nil), ("p", nil), ("records", 0),
        ("messages", 0),
    ]

    /// One object; keys may be added, none is ever renamed.
    fileprivate var summary: JSON {
        [
            "ok": true, "org_name": .string(organization), "report_id": JSON(reportID),
            "domain": .string(policy.domain), "p": JSON(policy.policy?.rawValue),
            "records": .integer(Int64(records.count)), "messages": .integer(messages),
            "email": JSON(email), "begin": JSON(begin.map(\.text)), "end": JSON(end.map(\.text)),
            "aligned": .integer(
                Self.sum(records.filter { $0.isDKIMAligned || $0.isSPFAligned })),
            "oddities": JSON(oddities),
        ]
    }

    private static func sum(_ records: [Record]) -> Int64 {
        records.reduce(0) { sum, record in
            let (total, isTooMany) = sum.addingReportingOverflow(record.count)
            return isTooMany ? .max : total
        }
    }

    fileprivate func printTable() {
        Output.line(
            "\(organization) reports on \(policy.domain)"
                + (policy.policy.map { ", whose policy is \($0.rawValue)" } ?? ""))
        if let begin, let end { Output.line("from \(begin.text) to \(end.text)") }
        Output.table(
            [["MESSAGES", "SOURCE", "FROM", "DKIM", "SPF", "DONE"]]
                + records.map { record in
                    [
                        "\(record.count)", record.source.description, record.headerFrom,
                        record.isDKIMAligned ? "pass" : "fail",
                        record.isSPFAligned ? "pass" : "fail", record.disposition.rawValue,
                    ]
                }, numbersFrom: 0, to: 0)
        for oddity in oddities { Output.error("odd: \(oddity)") }
    }
}

extension Timestamp {
    fileprivate var text: String { CalendarDate(self).internetFormat }
}
