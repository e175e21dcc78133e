// SPDX-License-Identifier: Apache-2.0

package import Storage

extension Migrations {
    /// What is to be reported to others, and what they report to us; times in milliseconds since
    /// 1970, days counted from then in UTC.
    package static let reportStore = Migrations(
        module: "ReportStore",
        [
            """
            CREATE TABLE report_period (
                kind TEXT NOT NULL,
                domain TEXT NOT NULL,
                day INTEGER NOT NULL,
                about TEXT NOT NULL,
                due INTEGER NOT NULL,
                entries INTEGER NOT NULL,
                ended INTEGER,
                outcome TEXT,
                PRIMARY KEY (kind, domain, day)
            );
            CREATE INDEX report_period_due ON report_period (due) WHERE ended IS NULL;
            CREATE TABLE report_entry (
                kind TEXT NOT NULL,
                domain TEXT NOT NULL,
                day INTEGER NOT NULL,
                entry TEXT NOT NULL,
                messages INTEGER NOT NULL,
                PRIMARY KEY (kind, domain, day, entry)
            );
            CREATE TABLE received_report (
                id INTEGER NOT NULL PRIMARY KEY,
                kind TEXT NOT NULL,
                domain TEXT NOT NULL,
                organization TEXT NOT NULL,
                report_id TEXT NOT NULL,
                period_begin INTEGER NOT NULL,
                period_end INTEGER NOT NULL,
                received INTEGER NOT NULL,
                is_authentic INTEGER NOT NULL,
                about TEXT NOT NULL,
                UNIQUE (kind, domain, organization, report_id)
            );
            CREATE INDEX received_report_begin ON received_report (kind, domain, period_begin);
            CREATE INDEX received_report_age ON received_report (received);
            CREATE TABLE received_entry (
                report INTEGER NOT NULL,
                source TEXT NOT NULL,
                author TEXT NOT NULL,
                is_dkim_aligned INTEGER NOT NULL,
                is_spf_aligned INTEGER NOT NULL,
                disposition TEXT NOT NULL,
                detail TEXT NOT NULL,
                messages INTEGER NOT NULL
            );
            CREATE INDEX received_entry_report ON received_entry (report);
            """
        ])
}
