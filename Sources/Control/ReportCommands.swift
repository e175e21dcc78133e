// SPDX-License-Identifier: Apache-2.0

import Bytes
import Directory
import Feedback
import Mail
import ReportStore
import Reporting
import World

/// `dmarc.report`, `dmarc.import`, `tlsrpt.report`: what others report about the domains here.
struct ReportCommands {
    let reports: Reports
    let registry: Registry
    let time: any Time

    static let names: Set<String> = ["dmarc.report", "dmarc.import", "tlsrpt.report"]

    /// A week, unless somebody wants more.
    private static let usualDays: Int64 = 7

    func perform(_ name: String, _ arguments: Arguments) async throws -> JSON {
        switch name {
        case "dmarc.import": try await take(arguments)
        case "tlsrpt.report": try await show(.transport, arguments)
        default: try await show(.aggregate, arguments)
        }
    }

    private func show(_ kind: Period.Kind, _ arguments: Arguments) async throws -> JSON {
        let domain = try arguments.domain("domain")
        let days = arguments.number("days") ?? Self.usualDays
        guard (1...Int64(Reports.keptDays)).contains(days) else {
            throw ControlFailure.usage("`days` is a number from 1 to \(Reports.keptDays)")
        }
        let now = time.timestamp
        // Whole days, today's included.
        let since = Timestamp(seconds: (now.seconds / 86_400 - days + 1) * 86_400)
        let summary = try await reports.summary(kind, of: domain.name, since: since)
        var answer: [(String, JSON)] = [
            ("domain", .string(domain.name)),
            ("since", .string(CalendarDate(since).internetFormat)),
            ("reports", .integer(Int64(summary.reports))),
            ("authentic", .integer(Int64(summary.authentic))),
            ("reporters", JSON(summary.reporters)),
            ("days", .array(summary.days.map { Self.day($0, kind) })),
            (
                kind == .aggregate ? "sources" : "hosts",
                .array(summary.sources.map { Self.source($0, kind) })
            ),
        ]
        if kind == .aggregate {
            let complaints = try await reports.summary(.feedback, of: domain.name, since: since)
            answer.append(
                ("complaints", .array(complaints.sources.map { Self.source($0, .feedback) })))
        }
        return .object(answer)
    }

    private static func day(_ day: ReportSummary.Day, _ kind: Period.Kind) -> JSON {
        .object(
            [("day", .string(String(CalendarDate(day.begin).internetFormat.prefix(10))))]
                + members(of: day.count, kind))
    }

    private static func source(_ source: ReportSummary.Source, _ kind: Period.Kind) -> JSON {
        let names: (String, String, String) =
            switch kind {
            case .aggregate: ("source", "from", "reasons")
            case .transport: ("host", "policy", "failures")
            case .feedback: ("source", "kind", "failures")
            }
        return .object(
            [
                (names.0, .string(source.name)), (names.1, .string(source.about)),
            ] + members(of: source.count, kind) + [(names.2, JSON(source.details))])
    }

    private static func members(
        of count: ReportSummary.Count, _ kind: Period.Kind
    ) -> [(String, JSON)] {
        switch kind {
        case .aggregate:
            [
                ("messages", .integer(count.all)), ("passed", .integer(count.passed)),
                ("dkim", .integer(count.dkim)), ("spf", .integer(count.spf)),
                ("failed", .integer(count.failed)), ("quarantined", .integer(count.quarantined)),
                ("rejected", .integer(count.rejected)),
            ]
        case .transport:
            [("sessions", .integer(count.all)), ("failed", .integer(count.failed))]
        case .feedback: [("incidents", .integer(count.all))]
        }
    }

    private func take(_ arguments: Arguments) async throws -> JSON {
        guard let octets = Base64.decode(Array(try arguments.text("octets").utf8)) else {
            throw ControlFailure.data("`octets` is not Base64")
        }
        do {
            let filing = ReportFiling(reports: reports, registry: registry)
            switch try await filing.file(octets) {
            case .kept?: return ["kept": true]
            case .duplicate?: return ["kept": false, "reason": "duplicate"]
            case .notOurs?, nil:
                throw ControlFailure.data("the report is about no domain that is hosted here")
            case .full?:
                throw ControlFailure.unavailable("there are too many reports about that domain")
            }
        } catch let failure as ReportFailure {
            throw ControlFailure.data("this is no report: \(failure)")
        }
    }
}
