// SPDX-License-Identifier: Apache-2.0

package import Storage

extension Migrations {
    /// The zones that this host keeps, their versions, and what of them is answered.
    ///
    /// A zone that was removed keeps its row, with no text, so that its versions lead back to it.
    /// The keys of signed zones have their private half sealed with `SecretKey`.
    /// A version's `undoing` leads from its text to that of the version before.
    package static let zoneStore = Migrations(
        module: "ZoneStore",
        [
            """
            CREATE TABLE zone (
                origin TEXT NOT NULL PRIMARY KEY,
                kind TEXT NOT NULL,
                version INTEGER NOT NULL,
                text BLOB,
                managed BLOB NOT NULL
            );
            CREATE TABLE zone_version (
                origin TEXT NOT NULL,
                version INTEGER NOT NULL,
                at_milliseconds INTEGER NOT NULL,
                author TEXT NOT NULL,
                summary TEXT NOT NULL,
                undoing BLOB NOT NULL,
                PRIMARY KEY (origin, version)
            );
            CREATE TABLE zone_option (
                origin TEXT NOT NULL,
                name TEXT NOT NULL,
                value TEXT NOT NULL,
                PRIMARY KEY (origin, name)
            );
            CREATE TABLE zone_served (
                origin TEXT NOT NULL PRIMARY KEY,
                serial INTEGER NOT NULL,
                version INTEGER NOT NULL,
                records BLOB
            );
            CREATE TABLE zone_difference (
                origin TEXT NOT NULL,
                position INTEGER NOT NULL,
                old_serial INTEGER NOT NULL,
                new_serial INTEGER NOT NULL,
                removed BLOB NOT NULL,
                added BLOB NOT NULL,
                PRIMARY KEY (origin, position)
            );
            """,
            """
            CREATE TABLE zone_signing (
                origin TEXT NOT NULL PRIMARY KEY,
                denial TEXT NOT NULL,
                goal TEXT NOT NULL,
                algorithm INTEGER NOT NULL,
                combined INTEGER NOT NULL,
                zone_lifetime INTEGER,
                entry_lifetime INTEGER,
                key_ttl INTEGER NOT NULL,
                propagation INTEGER NOT NULL,
                parent_propagation INTEGER NOT NULL,
                parent_ttl INTEGER NOT NULL,
                next_number INTEGER NOT NULL,
                cached_until INTEGER NOT NULL,
                keys_cached_until INTEGER NOT NULL,
                longest_ttl INTEGER NOT NULL,
                seen_parent_ttl INTEGER NOT NULL,
                without_entry INTEGER
            );
            CREATE TABLE zone_key (
                origin TEXT NOT NULL,
                number INTEGER NOT NULL,
                role TEXT NOT NULL,
                algorithm INTEGER NOT NULL,
                public BLOB NOT NULL,
                sealed BLOB NOT NULL,
                state TEXT NOT NULL,
                since INTEGER NOT NULL,
                published INTEGER NOT NULL,
                due INTEGER,
                signing INTEGER NOT NULL,
                signatures_end INTEGER,
                PRIMARY KEY (origin, number)
            );
            """,
        ])
}
