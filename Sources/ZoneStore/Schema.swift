// SPDX-License-Identifier: Apache-2.0

package import Storage

extension Migrations {
    /// The zones that this host keeps, their versions, and what of them is answered.
    ///
    /// A zone that was removed keeps its row, with no text, so that its versions lead back to it.
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
            """
        ])
}
