// SPDX-License-Identifier: Apache-2.0

package import Storage

extension Migrations {
    /// Scripts of accounts, and what they remember; times in milliseconds since 1970.
    package static let scriptStore = Migrations(
        module: "ScriptStore",
        [
            """
            CREATE TABLE sieve_script (
                account_id INTEGER NOT NULL,
                name TEXT NOT NULL,
                script BLOB NOT NULL,
                is_active INTEGER NOT NULL,
                PRIMARY KEY (account_id, name)
            );
            CREATE TABLE sieve_memory (
                account_id INTEGER NOT NULL,
                kind TEXT NOT NULL,
                identity BLOB NOT NULL,
                expires INTEGER NOT NULL,
                PRIMARY KEY (account_id, kind, identity)
            ) WITHOUT ROWID;
            """,
            """
            CREATE TABLE sieve_default (
                domain TEXT PRIMARY KEY NOT NULL,
                script BLOB NOT NULL
            ) WITHOUT ROWID;
            """,
        ])
}
