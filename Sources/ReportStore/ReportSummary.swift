// SPDX-License-Identifier: Apache-2.0

import Storage
package import World

/// What all reports about a domain come to: by day, and by who sent.
package struct ReportSummary: Hashable, Sendable {
    package var reports = 0
    /// How many of them came in mail that its sender had signed.
    package var authentic = 0
    package var reporters: [String] = []
    package var days: [Day] = []
    package var sources: [Source] = []

    /// Sources that are named; the rest are the smallest.
    package static let maximumSources = 1000

    /// Messages, or sessions, of a day that begins in UTC.
    package struct Day: Hashable, Sendable {
        package var begin: Timestamp
        package var count = Count()
    }

    /// A host that sends, or for TLS one that receives, with what came of it.
    package struct Source: Hashable, Sendable {
        package var name: String
        /// The author's domain, the policy's type, or the kind of complaint.
        package var about: String
        /// The words for failures, if there are any.
        package var details: [String] = []
        package var count = Count()
    }

    /// How many of them came to what.
    package struct Count: Hashable, Sendable {
        package var all: Int64 = 0
        package var dkim: Int64 = 0
        package var spf: Int64 = 0
        /// By DKIM or SPF, or both; for TLS: protected as the policy has it.
        package var passed: Int64 = 0
        package var quarantined: Int64 = 0
        package var rejected: Int64 = 0

        package var failed: Int64 { all - passed }
    }
}

extension Reports {
    /// What the reports about a domain come to since a moment.
    package func summary(
        _ kind: Period.Kind, of domain: String, since: Timestamp
    ) async throws -> ReportSummary {
        try await store.read { transaction in
            let key: [Value] = [
                .text(kind.rawValue), .text(domain), .integer(since.milliseconds),
            ]
            var summary = ReportSummary()
            try transaction.query(
                """
                SELECT organization, COUNT(*), SUM(is_authentic) FROM received_report
                WHERE kind = ? AND domain = ? AND period_begin >= ?
                GROUP BY organization ORDER BY organization
                """, key
            ) { row in
                summary.reporters.append(row.text(0))
                summary.reports += Int(row.integer(1))
                summary.authentic += Int(row.integer(2))
            }
            var days: [Int64: ReportSummary.Count] = [:]
            var sources: [SourceKey: ReportSummary.Source] = [:]
            try transaction.query(
                """
                SELECT r.period_begin / 86400000, e.source, e.author, e.is_dkim_aligned,
                    e.is_spf_aligned, e.disposition, e.detail, SUM(e.messages)
                FROM received_report r JOIN received_entry e ON e.report = r.id
                WHERE r.kind = ? AND r.domain = ? AND r.period_begin >= ?
                GROUP BY 1, 2, 3, 4, 5, 6, 7
                """, key
            ) { row in
                let entry = Seen(row, kind)
                days[row.integer(0), default: .init()].add(entry)
                let about = kind == .aggregate ? entry.author : entry.disposition
                let key = SourceKey(name: entry.source, about: about)
                var source =
                    sources[key] ?? ReportSummary.Source(name: entry.source, about: about)
                source.count.add(entry)
                if !entry.detail.isEmpty, !source.details.contains(entry.detail),
                    source.details.count < 10
                {
                    source.details.append(entry.detail)
                }
                sources[key] = source
            }
            summary.days = days.sorted { $0.key < $1.key }.map {
                .init(begin: Timestamp(seconds: $0.key * 86_400), count: $0.value)
            }
            summary.sources = sources.values.sorted {
                ($1.count.all, $0.name, $0.about) < ($0.count.all, $1.name, $1.about)
            }.prefix(ReportSummary.maximumSources).map { source in
                var source = source
                source.details.sort()
                return source
            }
            return summary
        }
    }
}

private struct SourceKey: Hashable {
    var name: String
    var about: String
}

/// Messages of reports that were alike.
private struct Seen {
    let source: String
    let author: String
    let disposition: String
    let detail: String
    let isDKIMAligned: Bool
    let isSPFAligned: Bool
    let isPassed: Bool
    let count: Int64

    init(_ row: any Row, _ kind: Period.Kind) {
        source = row.text(1)
        author = row.text(2)
        isDKIMAligned = row.integer(3) == 1
        isSPFAligned = row.integer(4) == 1
        disposition = row.text(5)
        detail = row.text(6)
        count = row.integer(7)
        isPassed = kind == .aggregate ? isDKIMAligned || isSPFAligned : detail.isEmpty
    }
}

extension ReportSummary.Count {
    fileprivate mutating func add(_ seen: Seen) {
        all += seen.count
        if seen.isDKIMAligned { dkim += seen.count }
        if seen.isSPFAligned { spf += seen.count }
        if seen.isPassed { passed += seen.count }
        if seen.disposition == "quarantine" { quarantined += seen.count }
        if seen.disposition == "reject" { rejected += seen.count }
    }
}
