// SPDX-License-Identifier: Apache-2.0

package import Storage

extension Migrations {
    /// What is under way with exchangers: drains, and the MTA-STS policies that are served.
    package static let maintenance = Migrations(
        module: "Maintenance",
        [
            """
            CREATE TABLE sts_policy (
                domain TEXT NOT NULL PRIMARY KEY,
                policy TEXT NOT NULL,
                id TEXT NOT NULL,
                changed_milliseconds INTEGER NOT NULL,
                author TEXT NOT NULL
            );
            CREATE TABLE drain (
                host TEXT NOT NULL PRIMARY KEY,
                state TEXT NOT NULL
            );
            """
        ])
}
