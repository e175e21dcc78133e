// SPDX-License-Identifier: Apache-2.0

/// The formats of one module's tables, oldest first: version 1 is made by the first script, each
/// further script leads from one version to the next.
///
/// A script that was in a release never changes again. Scripts hold DDL, which differs between
/// databases; what modules say in `execute` and `query` does not.
package struct Migrations: Sendable {
    package let module: String
    package let scripts: [String]

    package init(module: String, _ scripts: [String]) {
        self.module = module
        self.scripts = scripts
    }

    /// The newest format this release knows.
    package var version: Int { scripts.count }
}

extension Connection {
    /// Brings all modules' tables to this release's format, in one transaction.
    func migrate(_ modules: [Migrations]) throws(StorageFailure) {
        try run("BEGIN IMMEDIATE")
        do throws(StorageFailure) {
            try run(
                """
                CREATE TABLE IF NOT EXISTS schema_version (
                    module TEXT NOT NULL PRIMARY KEY,
                    version INTEGER NOT NULL
                )
                """)
            for module in modules { try migrate(module) }
            try run("COMMIT")
        } catch {
            rollback()
            throw error
        }
    }

    private func migrate(_ module: Migrations) throws(StorageFailure) {
        let found =
            try first(
                "SELECT version FROM schema_version WHERE module = ?", [.text(module.module)]
            ) { Int($0.integer(0)) } ?? 0
        guard found <= module.version else {
            throw .newerFormat(module: module.module, found: found, known: module.version)
        }
        guard found < module.version else { return }
        for script in module.scripts[found...] { try run(script) }
        try execute(
            """
            INSERT INTO schema_version (module, version) VALUES (?, ?)
            ON CONFLICT (module) DO UPDATE SET version = excluded.version
            """,
            [.text(module.module), .integer(Int64(module.version))])
    }
}
