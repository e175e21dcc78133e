// SPDX-License-Identifier: Apache-2.0

import Bytes
package import Feedback
import Storage
import World

// What others report to us.
extension Reports {
    /// Rows of one report that are kept; those with the most messages.
    static let maximumKeptEntries = 5000
    /// Reports about one domain that are kept.
    static let maximumKeptReports: Int64 = 50_000
    /// How long reports are kept: a year, so that a season can be compared with the last one.
    package static let keptDays = 400

    /// What became of a report that came.
    package enum Filing: Hashable, Sendable {
        case kept
        /// The same reporter has sent one with this identifier before (RFC 9990 §3.5.4).
        case duplicate
        /// It is about no domain of ours.
        case notOurs
        /// There are too many of this domain.
        case full
    }

    /// Keeps a report about one of our domains.
    ///
    /// `isOurs` says which are; `isAuthentic` whether the mail that carried it was signed by its
    /// sender.
    package func file(
        _ report: IncomingReport, isAuthentic: Bool, isOurs: (String) throws -> Bool
    ) async throws -> Filing {
        var kept: Kept
        switch report {
        case .aggregate(let report): kept = Kept(report)
        case .transport(let report): kept = try Kept(report, isOurs)
        case .feedback(let report): kept = try Kept(report, isOurs)
        }
        guard try isOurs(kept.domain) else { return .notOurs }
        let now = time.timestamp
        kept.normalize(at: now)
        return try await insert(kept, isAuthentic, at: now)
    }

    private func insert(
        _ kept: Kept, _ isAuthentic: Bool, at now: Timestamp
    ) async throws -> Filing {
        // Positive, as an identifier of rows.
        let id = Int64(newIdentifier >> 1)
        return try await store.write { transaction in
            let key: [Value] = [.text(kept.kind.rawValue), .text(kept.domain)]
            let isKnown = try transaction.first(
                """
                SELECT 1 FROM received_report
                WHERE kind = ? AND domain = ? AND organization = ? AND report_id = ?
                """, key + [.text(kept.organization), .text(kept.reportID)]
            ) { _ in true }
            guard isKnown == nil else { return .duplicate }
            let count = try transaction.first(
                "SELECT COUNT(*) FROM received_report WHERE kind = ? AND domain = ?", key
            ) { $0.integer(0) }
            guard count ?? 0 < Self.maximumKeptReports else { return .full }
            try transaction.execute(
                """
                INSERT INTO received_report
                    (id, kind, domain, organization, report_id, period_begin, period_end,
                     received, is_authentic, about)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
                [.integer(id)] + key + [
                    .text(kept.organization), .text(kept.reportID),
                    .integer(kept.begin.milliseconds), .integer(kept.end.milliseconds),
                    .integer(now.milliseconds), .integer(isAuthentic ? 1 : 0), .text(kept.about),
                ])
            for entry in kept.entries {
                try transaction.execute(
                    """
                    INSERT INTO received_entry
                        (report, source, author, is_dkim_aligned, is_spf_aligned, disposition,
                         detail, messages)
                    VALUES (?, ?, ?, ?, ?, ?, ?, ?)
                    """,
                    [
                        .integer(id), .text(entry.source), .text(entry.author),
                        .integer(entry.isDKIMAligned ? 1 : 0),
                        .integer(entry.isSPFAligned ? 1 : 0), .text(entry.disposition),
                        .text(entry.detail), .integer(entry.count),
                    ])
            }
            return .kept
        }
    }

    /// Forgets what is old; returns whether there may be more of it.
    package func prune() async throws -> Bool {
        let now = time.timestamp
        let (old, stale) = (now + .days(-Self.keptDays), now + .days(-30))
        return try await store.write { transaction in
            let ids = try transaction.all(
                "SELECT id FROM received_report WHERE received < ? ORDER BY received LIMIT 100",
                [.integer(old.milliseconds)]
            ) { $0.integer(0) }
            for id in ids {
                try transaction.execute(
                    "DELETE FROM received_entry WHERE report = ?", [.integer(id)])
                try transaction.execute("DELETE FROM received_report WHERE id = ?", [.integer(id)])
            }
            try transaction.execute(
                "DELETE FROM report_entry WHERE day < ?", [.integer(stale.day)])
            try transaction.execute(
                "DELETE FROM report_period WHERE day < ?", [.integer(stale.day)])
            return !ids.isEmpty
        }
    }
}

/// A report as it is kept.
struct Kept: Sendable {
    var kind: Period.Kind
    var domain: String
    var organization: String
    var reportID: String
    var begin: Timestamp
    var end: Timestamp
    var about: String
    var entries: [Entry] = []

    struct Entry: Sendable {
        var source = ""
        var author = ""
        var isDKIMAligned = false
        var isSPFAligned = false
        var disposition = ""
        var detail = ""
        var count: Int64
    }

    init(_ report: AggregateReport) {
        kind = .aggregate
        domain = report.policy.domain
        organization = report.organization
        begin = report.begin ?? Timestamp(seconds: -1)
        end = report.end ?? begin
        // Without an identifier: by its period.
        reportID = report.reportID ?? "\(begin.seconds)-\(end.seconds)"
        about = report.policy.policy?.rawValue ?? ""
        entries = report.records.map { record in
            Entry(
                source: record.source.description, author: record.headerFrom,
                isDKIMAligned: record.isDKIMAligned, isSPFAligned: record.isSPFAligned,
                disposition: record.disposition.rawValue,
                detail: record.reasons.map(\.type).joined(separator: ","), count: record.count)
        }
    }

    init(_ report: TLSReport, _ isOurs: (String) throws -> Bool) rethrows {
        kind = .transport
        domain = try report.policies.map(\.domain).first(where: isOurs) ?? ""
        organization = report.organization
        reportID = report.reportID
        begin = report.begin ?? Timestamp(seconds: -1)
        end = report.end ?? begin
        about = ""
        for policy in report.policies where policy.domain == domain {
            let type = policy.type.rawValue
            if policy.successes > 0 {
                entries.append(Entry(disposition: type, count: policy.successes))
            }
            for detail in policy.details {
                entries.append(
                    Entry(
                        source: detail.receivingHost ?? detail.receivingAddress?.description ?? "",
                        disposition: type, detail: detail.result, count: detail.sessions))
            }
            let told = policy.details.reduce(Int64(0)) { $0 &+ $1.sessions }
            if policy.failures > told, told >= 0 {
                entries.append(
                    Entry(
                        disposition: type, detail: "validation-failure",
                        count: policy.failures - told))
            }
        }
    }

    init(_ report: FeedbackReport, _ isOurs: (String) throws -> Bool) rethrows {
        kind = .feedback
        let authors = report.originalDomains
        domain = try (report.reportedDomains + authors).first(where: isOurs) ?? ""
        organization = report.reportingMTA ?? report.userAgent ?? ""
        begin = report.arrival ?? Timestamp(seconds: -1)
        end = begin
        reportID = report.fingerprint
        about = report.kind
        entries = [
            Entry(
                source: report.source?.description ?? "", author: authors.first ?? "",
                disposition: report.kind, detail: report.failure?.type ?? "",
                count: report.incidents)
        ]
    }

    /// Brings what a stranger wrote into bounds.
    mutating func normalize(at now: Timestamp) {
        // A period that cannot be is that of the day before it came.
        let earliest = now + .days(-Reports.keptDays)
        if begin < earliest || begin > now + .days(2) || end < begin || end > begin + .days(40) {
            begin = now + .days(-1)
            end = now
        }
        organization = Self.cut(organization)
        reportID = Self.cut(reportID)
        entries.sort { ($1.count, $0.source, $0.detail) < ($0.count, $1.source, $1.detail) }
        entries = entries.prefix(Reports.maximumKeptEntries).map { entry in
            var entry = entry
            entry.author = Self.cut(entry.author)
            entry.detail = Self.cut(entry.detail)
            entry.disposition = Self.cut(entry.disposition)
            entry.source = Self.cut(entry.source)
            // More than anybody sends; 50,000 reports of 5000 rows stay within 64 bits.
            entry.count = min(max(entry.count, 0), 1 << 34)
            return entry
        }
    }

    private static func cut(_ text: String) -> String { String(text.unicodeScalars.prefix(250)) }
}
