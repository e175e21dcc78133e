// SPDX-License-Identifier: Apache-2.0

package import Storage

extension Migrations {
    /// Accepted messages and those of their recipients that are not done.
    ///
    /// What is due is found by `next_attempt`; a held recipient has none. A claimed recipient's
    /// `next_attempt` is the end of the claim, so what a vanished node had is due again by itself.
    /// Only what has failed before is found by destination: mail on its way leaves that index alone.
    package static let spool = Migrations(
        module: "Spool",
        [
            """
            CREATE TABLE message (
                id INTEGER NOT NULL PRIMARY KEY,
                accepted INTEGER NOT NULL,
                expires INTEGER NOT NULL,
                reverse_path TEXT NOT NULL,
                content_id INTEGER NOT NULL,
                octets INTEGER NOT NULL,
                is_8bit INTEGER NOT NULL,
                is_international INTEGER NOT NULL,
                message_id TEXT,
                source TEXT NOT NULL
            );
            CREATE TABLE recipient (
                message_id INTEGER NOT NULL,
                ordinal INTEGER NOT NULL,
                address TEXT NOT NULL,
                original TEXT,
                destination TEXT NOT NULL,
                next_attempt INTEGER,
                claim INTEGER,
                claim_node TEXT,
                attempts INTEGER NOT NULL,
                first_attempt INTEGER,
                last_attempt INTEGER,
                last_status TEXT,
                last_text TEXT,
                last_host TEXT,
                is_delay_notified INTEGER NOT NULL,
                PRIMARY KEY (message_id, ordinal)
            ) WITHOUT ROWID;
            CREATE INDEX recipient_due ON recipient (next_attempt);
            CREATE INDEX recipient_waiting ON recipient (destination) WHERE attempts > 0;
            """,
            // What senders ask for by extensions of SMTP (`StoredParameters`); usual mail asks for
            // nothing. What is urgent is found apart from the rest, which leaves its index alone.
            """
            ALTER TABLE message ADD COLUMN parameters TEXT;
            ALTER TABLE recipient ADD COLUMN parameters TEXT;
            ALTER TABLE recipient ADD COLUMN priority INTEGER NOT NULL DEFAULT 0;
            CREATE INDEX recipient_urgent ON recipient (next_attempt) WHERE priority > 0;
            """,
            // What operators want not to be delivered for the time being.
            """
            CREATE TABLE suspension (
                scope TEXT NOT NULL,
                subject TEXT NOT NULL,
                since INTEGER NOT NULL,
                author TEXT NOT NULL,
                reason TEXT,
                PRIMARY KEY (scope, subject)
            );
            """,
            // The host to which an operator has sent it instead of where it would go; mostly none.
            """
            ALTER TABLE recipient ADD COLUMN via TEXT;
            """,
        ])
}
