// SPDX-License-Identifier: Apache-2.0

package import Storage

extension Migrations {
    /// What the first defence remembers.
    package static let defence = Migrations(
        module: "Defence",
        [
            // Of a greylisted network as such the recipient is empty, which no recipient is.
            """
            CREATE TABLE defence_ban (
                network TEXT NOT NULL PRIMARY KEY,
                cause TEXT NOT NULL,
                since_milliseconds INTEGER NOT NULL,
                until_milliseconds INTEGER NOT NULL,
                author TEXT
            );
            CREATE TABLE defence_greylist (
                network TEXT NOT NULL,
                sender TEXT NOT NULL,
                recipient TEXT NOT NULL,
                first_milliseconds INTEGER NOT NULL,
                last_milliseconds INTEGER NOT NULL,
                passes INTEGER NOT NULL,
                PRIMARY KEY (network, sender, recipient)
            );
            CREATE INDEX defence_greylist_last ON defence_greylist (last_milliseconds);
            CREATE TABLE defence_login_network (
                network TEXT NOT NULL PRIMARY KEY,
                last_milliseconds INTEGER NOT NULL
            );
            CREATE TABLE defence_correspondent (
                own TEXT NOT NULL,
                other TEXT NOT NULL,
                last_milliseconds INTEGER NOT NULL,
                PRIMARY KEY (own, other)
            );
            CREATE INDEX defence_correspondent_last ON defence_correspondent (last_milliseconds);
            CREATE TABLE defence_verdict (
                message_id INTEGER NOT NULL PRIMARY KEY,
                at_milliseconds INTEGER NOT NULL,
                verdict TEXT NOT NULL
            );
            CREATE INDEX defence_verdict_at ON defence_verdict (at_milliseconds);
            """,
            // What is counted in memory, as it was written down last.
            """
            CREATE TABLE defence_count (
                name TEXT NOT NULL PRIMARY KEY,
                at_milliseconds INTEGER NOT NULL,
                value TEXT NOT NULL
            );
            """,
            // A queue id begins with its time: each message spares the second place.
            "DROP INDEX defence_verdict_at",
        ])
}
