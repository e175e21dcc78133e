// SPDX-License-Identifier: Apache-2.0

package import Storage

extension Migrations {
    /// The directory's tables.
    package static let directory = Migrations(
        module: "Directory",
        [
            """
            CREATE TABLE directory_counter (
                name TEXT NOT NULL PRIMARY KEY,
                value INTEGER NOT NULL
            );
            INSERT INTO directory_counter (name, value) VALUES ('account', 0), ('change', 0);
            CREATE TABLE directory_secret (
                name TEXT NOT NULL PRIMARY KEY,
                value BLOB NOT NULL
            );
            CREATE TABLE directory_postmaster (
                id INTEGER NOT NULL PRIMARY KEY CHECK (id = 1),
                address TEXT NOT NULL
            );
            CREATE TABLE directory_domain (
                name TEXT NOT NULL PRIMARY KEY,
                postmaster TEXT,
                catch_all TEXT
            );
            CREATE TABLE directory_account (
                id INTEGER NOT NULL PRIMARY KEY,
                login TEXT NOT NULL UNIQUE,
                domain TEXT NOT NULL,
                display_name TEXT NOT NULL,
                is_enabled INTEGER NOT NULL,
                salt BLOB NOT NULL,
                iterations INTEGER NOT NULL,
                stored_key BLOB NOT NULL,
                server_key BLOB NOT NULL
            );
            CREATE INDEX directory_account_domain ON directory_account (domain, login);
            CREATE TABLE directory_address (
                address TEXT NOT NULL PRIMARY KEY,
                account INTEGER NOT NULL
            );
            CREATE INDEX directory_address_account ON directory_address (account);
            CREATE TABLE directory_alias (
                address TEXT NOT NULL,
                position INTEGER NOT NULL,
                domain TEXT NOT NULL,
                target TEXT NOT NULL,
                target_key TEXT NOT NULL,
                PRIMARY KEY (address, position)
            );
            CREATE INDEX directory_alias_domain ON directory_alias (domain, address);
            CREATE INDEX directory_alias_target ON directory_alias (target_key);
            CREATE TABLE directory_relay (
                name TEXT NOT NULL PRIMARY KEY,
                accepts_all INTEGER NOT NULL,
                host TEXT,
                lifetime_seconds INTEGER
            );
            CREATE TABLE directory_relay_recipient (
                address TEXT NOT NULL PRIMARY KEY,
                domain TEXT NOT NULL
            );
            CREATE INDEX directory_relay_recipient_domain
                ON directory_relay_recipient (domain, address);
            CREATE TABLE directory_change (
                id INTEGER NOT NULL PRIMARY KEY,
                at_milliseconds INTEGER NOT NULL,
                author TEXT NOT NULL,
                summary TEXT NOT NULL
            );
            CREATE TABLE directory_change_entry (
                change INTEGER NOT NULL,
                position INTEGER NOT NULL,
                kind TEXT NOT NULL,
                key TEXT NOT NULL,
                before TEXT,
                after TEXT,
                PRIMARY KEY (change, position)
            );
            CREATE INDEX directory_change_entry_key
                ON directory_change_entry (kind, key, change);
            """,
            """
            CREATE TABLE directory_transport (
                scope TEXT NOT NULL PRIMARY KEY,
                carrier TEXT NOT NULL,
                host TEXT,
                security TEXT NOT NULL,
                account TEXT,
                password TEXT,
                address_fallback INTEGER NOT NULL
            );
            """,
            // Takes the keys of old passwords out of the history: of each recorded account the
            // last four fields (salt, iterations, two keys), digits behind a unit separator.
            """
            UPDATE directory_change_entry SET before = substr(
                rtrim(before, '0123456789abcdefABCDEF'), 1,
                length(rtrim(before, '0123456789abcdefABCDEF')) - 1)
            WHERE kind = 'account' AND before IS NOT NULL;
            UPDATE directory_change_entry SET before = substr(
                rtrim(before, '0123456789abcdefABCDEF'), 1,
                length(rtrim(before, '0123456789abcdefABCDEF')) - 1)
            WHERE kind = 'account' AND before IS NOT NULL;
            UPDATE directory_change_entry SET before = substr(
                rtrim(before, '0123456789abcdefABCDEF'), 1,
                length(rtrim(before, '0123456789abcdefABCDEF')) - 1)
            WHERE kind = 'account' AND before IS NOT NULL;
            UPDATE directory_change_entry SET before = substr(
                rtrim(before, '0123456789abcdefABCDEF'), 1,
                length(rtrim(before, '0123456789abcdefABCDEF')) - 1)
            WHERE kind = 'account' AND before IS NOT NULL;
            UPDATE directory_change_entry SET after = substr(
                rtrim(after, '0123456789abcdefABCDEF'), 1,
                length(rtrim(after, '0123456789abcdefABCDEF')) - 1)
            WHERE kind = 'account' AND after IS NOT NULL;
            UPDATE directory_change_entry SET after = substr(
                rtrim(after, '0123456789abcdefABCDEF'), 1,
                length(rtrim(after, '0123456789abcdefABCDEF')) - 1)
            WHERE kind = 'account' AND after IS NOT NULL;
            UPDATE directory_change_entry SET after = substr(
                rtrim(after, '0123456789abcdefABCDEF'), 1,
                length(rtrim(after, '0123456789abcdefABCDEF')) - 1)
            WHERE kind = 'account' AND after IS NOT NULL;
            UPDATE directory_change_entry SET after = substr(
                rtrim(after, '0123456789abcdefABCDEF'), 1,
                length(rtrim(after, '0123456789abcdefABCDEF')) - 1)
            WHERE kind = 'account' AND after IS NOT NULL;
            """,
            // Passwords of transports: sealed from now on (`Registry.sealPasswords` moves those that
            // are there), and taken out of the history.
            "ALTER TABLE directory_transport ADD COLUMN sealed_password BLOB;"
                + withoutSixthField("before") + withoutSixthField("after"),
            // In which language a person is told what became of messages; NULL: the server's.
            "ALTER TABLE directory_account ADD COLUMN language TEXT;",
            // Senders of forwarded mail whose path does not fit into one of ours.
            """
            CREATE TABLE directory_forwarded_sender (
                token TEXT NOT NULL PRIMARY KEY,
                sender TEXT NOT NULL,
                day INTEGER NOT NULL
            );
            CREATE INDEX directory_forwarded_sender_day ON directory_forwarded_sender (day);
            """,
            // What bounds and sorts mailboxes; what is NULL is inherited, -1 is no bound.
            """
            CREATE TABLE directory_rules (
                scope TEXT NOT NULL PRIMARY KEY,
                octets INTEGER,
                messages INTEGER,
                retention TEXT,
                subaddress_folders TEXT
            );
            """,
            // Passwords of devices: not in the history, as no password is.
            """
            CREATE TABLE directory_app_password (
                id INTEGER NOT NULL PRIMARY KEY,
                account INTEGER NOT NULL,
                name TEXT NOT NULL,
                selector TEXT NOT NULL,
                services TEXT NOT NULL,
                created INTEGER NOT NULL,
                salt BLOB NOT NULL,
                iterations INTEGER NOT NULL,
                stored_key BLOB NOT NULL,
                server_key BLOB NOT NULL,
                last_used INTEGER,
                last_service TEXT,
                last_peer TEXT,
                UNIQUE (account, name)
            );
            """,
            // Accounts of several, with which nobody logs in.
            "ALTER TABLE directory_account ADD COLUMN is_shared INTEGER NOT NULL DEFAULT 0;",
            // Keys for SCRAM-SHA-1; NULL: none, or the password was not at hand since.
            """
            ALTER TABLE directory_account ADD COLUMN sha1_verifier TEXT;
            ALTER TABLE directory_app_password ADD COLUMN sha1_verifier TEXT;
            """,
        ])

    /// Of a recorded transport's seven fields, between unit separators, the sixth is its password:
    /// brought to the front by moving others behind, left out, and the rest moved on.
    private static func withoutSixthField(_ column: String) -> String {
        let condition = "WHERE kind = 'transport' AND \(column) IS NOT NULL;\n"
        let rest = "substr(\(column), instr(\(column), char(31)) + 1)"
        let first = "substr(\(column), 1, instr(\(column), char(31)) - 1)"
        let move =
            "UPDATE directory_change_entry SET \(column) = \(rest) || char(31) || \(first) "
            + condition
        let drop = "UPDATE directory_change_entry SET \(column) = \(rest) " + condition
        return "\n" + String(repeating: move, count: 5) + drop + move
    }
}
