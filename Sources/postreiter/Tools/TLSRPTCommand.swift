// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes
import Feedback
import TransportSecurity
import World

/// The commands `postreiter tlsrpt …` (RFC 8460).
struct TLSRPTCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tlsrpt", abstract: "Reports on TLS between servers (RFC 8460).",
        subcommands: [Report.self, ParseReport.self, ParseRecord.self])

    /// What a report says.
    struct ParseReport: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Read a report on TLS.",
            discussion: """
                The file is JSON, perhaps packed by gzip or zip, or the mail that carried it. The \
                exit status is 1 for what is no report; with --json it is 0 all the same.
                """)
        @OptionGroup var source: ReportSource

        func run() async throws {
            try source.show(
                "report on TLS", nothing: TLSReport.nothing, summary: \.summary,
                table: TLSReport.printTable
            ) { report in
                if case .transport(let report) = report { report } else { nil }
            }
        }
    }

    struct ParseRecord: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Read the text of a record at _smtp._tls.DOMAIN.")
        @Argument var record: String
        @OptionGroup var output: JSONOption

        func run() async throws {
            do throws(SyntaxError) {
                let addresses = try TLSReportingRecord(parsing: record.utf8).addresses
                guard !output.json else {
                    return Output.json(["valid": true, "rua": JSON(addresses)])
                }
                for address in addresses { Output.line("rua \(address)") }
            } catch {
                guard output.json else { throw CommandFailure.data("\(error)") }
                Output.json(["valid": false, "rua": []])
            }
        }
    }
}

extension TLSReport {
    /// The keys of what is no such report.
    fileprivate static let nothing: [(String, JSON)] = [
        ("organization", nil), ("report_id", nil), ("policies", 0), ("failures", 0),
    ]

    /// One object; keys may be added, none is ever renamed.
    fileprivate var summary: JSON {
        [
            "ok": true, "organization": .string(organization), "report_id": .string(reportID),
            "policies": .integer(Int64(policies.count)), "failures": .integer(failures),
            "successes": .integer(successes), "contact": JSON(contact),
            "begin": JSON(begin.map { CalendarDate($0).internetFormat }),
            "end": JSON(end.map { CalendarDate($0).internetFormat }), "oddities": JSON(oddities),
        ]
    }

    fileprivate func printTable() {
        Output.line("\(organization) reports on TLS, \(reportID)")
        if let begin, let end {
            Output.line(
                "from \(CalendarDate(begin).internetFormat) to \(CalendarDate(end).internetFormat)")
        }
        Output.table(
            [["SESSIONS", "FAILED", "DOMAIN", "POLICY"]]
                + policies.map { policy in
                    [
                        "\(policy.successes)", "\(policy.failures)", policy.domain,
                        policy.type.rawValue,
                    ]
                }, numbersFrom: 0, to: 1)
        let details = policies.flatMap(\.details)
        guard !details.isEmpty else { return }
        Output.line("")
        Output.table(
            [["FAILED", "WHY", "AT", "REASON"]]
                + details.map { detail in
                    [
                        "\(detail.sessions)", detail.result,
                        detail.receivingHost ?? detail.receivingAddress?.description ?? "",
                        detail.reasonCode ?? "",
                    ]
                }, numbersFrom: 0, to: 0)
    }
}
