// SPDX-License-Identifier: Apache-2.0

package import Feedback
package import Storage
package import World

// What we report to others.
extension Reports {
    /// The periods whose reports are due, the first one first.
    package func due(limit: Int = 100) async throws -> [Period] {
        let now = time.timestamp
        return try await store.read { transaction in
            try transaction.all(
                """
                SELECT kind, domain, day FROM report_period
                WHERE ended IS NULL AND due <= ? ORDER BY due, kind, domain, day LIMIT ?
                """, [.integer(now.milliseconds), .integer(Int64(limit))]
            ) { row in
                Period.Kind(rawValue: row.text(0)).map {
                    Period(kind: $0, domain: row.text(1), day: row.integer(2))
                }
            }.compactMap(\.self)
        }
    }

    /// When the next report is due, if one is waiting.
    package func nextDue() async throws -> Timestamp? {
        try await store.read { transaction in
            try transaction.first("SELECT MIN(due) FROM report_period WHERE ended IS NULL") {
                $0.optionalInteger(0)
            } ?? nil
        }.map { Timestamp(milliseconds: $0) }
    }

    /// What a day's messages came to, without who reports; and where the domain wants it.
    package func aggregate(
        of period: Period
    ) async throws -> (report: AggregateReport, addresses: [String])? {
        guard let (about, entries) = try await entries(of: period) else { return nil }
        let (policy, addresses) = StoredEntry.policy(about, of: period.domain)
        var report = AggregateReport(organization: "", policy: policy)
        report.begin = period.begin
        report.end = period.end
        report.records = entries.compactMap { .init(stored: $0.text, count: $0.count) }
        return report.records.isEmpty ? nil : (report, addresses)
    }

    /// What a day's sessions came to, without who reports.
    package func transport(of period: Period) async throws -> TLSReport? {
        guard let (_, entries) = try await entries(of: period) else { return nil }
        var report = TLSReport(organization: "", reportID: "")
        report.begin = period.begin
        report.end = period.end
        for entry in entries {
            guard let seen = SessionObservation(stored: entry.text, domain: period.domain) else {
                continue
            }
            report.add(seen, count: entry.count)
        }
        return report.policies.isEmpty ? nil : report
    }

    private func entries(
        of period: Period
    ) async throws -> (about: String, entries: [(text: String, count: Int64)])? {
        try await store.read { transaction in
            guard
                let about = try transaction.first(
                    """
                    SELECT about FROM report_period
                    WHERE kind = ? AND domain = ? AND day = ? AND ended IS NULL
                    """, period.key, { $0.text(0) })
            else { return nil }
            let entries = try transaction.all(
                """
                SELECT entry, messages FROM report_entry
                WHERE kind = ? AND domain = ? AND day = ? ORDER BY messages DESC, entry LIMIT ?
                """, period.key + [.integer(Self.maximumEntries)]
            ) { (text: $0.text(0), count: $0.integer(1)) }
            return (about, entries)
        }
    }

    /// Ends a period within the transaction that accepts its report into the spool, so that no
    /// report is ever made twice; throws if it has ended already.
    package static func end(
        _ period: Period, _ outcome: String, at now: Timestamp, in transaction: any Transaction
    ) throws(StorageFailure) {
        let count = try transaction.execute(
            """
            UPDATE report_period SET ended = ?, outcome = ?
            WHERE kind = ? AND domain = ? AND day = ? AND ended IS NULL
            """, [.integer(now.milliseconds), .text(outcome)] + period.key)
        guard count == 1 else { throw .constraint("the report was sent before") }
        try transaction.execute(
            "DELETE FROM report_entry WHERE kind = ? AND domain = ? AND day = ?", period.key)
    }

    /// Ends a period about which nothing is sent.
    package func end(_ period: Period, _ outcome: String) async throws {
        let now = time.timestamp
        try await store.write { transaction in
            try Self.end(period, outcome, at: now, in: transaction)
        }
    }

    /// Looks at a period again later.
    package func postpone(_ period: Period, by pause: Duration) async throws {
        let due = time.timestamp + pause
        try await store.write { transaction in
            try transaction.execute(
                "UPDATE report_period SET due = ? WHERE kind = ? AND domain = ? AND day = ?",
                [.integer(due.milliseconds)] + period.key)
        }
    }
}

extension TLSReport {
    /// Counts sessions that were alike.
    fileprivate mutating func add(_ seen: SessionObservation, count: Int64) {
        var index = policies.firstIndex {
            $0.type == seen.type && $0.text == seen.policyText && $0.exchangers == seen.exchangers
        }
        if index == nil {
            var policy = PolicyResult(type: seen.type, domain: seen.domain)
            policy.text = seen.policyText
            policy.exchangers = seen.exchangers
            policies.append(policy)
            index = policies.count - 1
        }
        guard let index else { return }
        if var failure = seen.failure {
            failure.sessions = count
            policies[index].failures += count
            policies[index].details.append(failure)
        } else {
            policies[index].successes += count
        }
    }
}
