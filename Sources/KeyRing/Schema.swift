// SPDX-License-Identifier: Apache-2.0

package import Storage

extension Migrations {
    /// The keys that sign the mail of domains; times in milliseconds since 1970.
    ///
    /// The private half is sealed with `SecretKey`, and gone once a key is revoked.
    package static let keyRing = Migrations(
        module: "KeyRing",
        [
            """
            CREATE TABLE signing_domain (
                domain TEXT NOT NULL PRIMARY KEY,
                made_rsa INTEGER NOT NULL,
                made_ed25519 INTEGER NOT NULL,
                pending INTEGER NOT NULL
            );
            CREATE TABLE signing_key (
                domain TEXT NOT NULL,
                position INTEGER NOT NULL,
                selector TEXT NOT NULL,
                kind TEXT NOT NULL,
                public BLOB NOT NULL,
                sealed BLOB,
                state TEXT NOT NULL,
                made INTEGER NOT NULL,
                since INTEGER NOT NULL,
                right_since INTEGER,
                seen INTEGER,
                looked INTEGER,
                used INTEGER,
                fault TEXT,
                PRIMARY KEY (domain, selector)
            );
            """,
            "ALTER TABLE signing_domain ADD COLUMN departed INTEGER",
        ])
}
