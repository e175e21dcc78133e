// SPDX-License-Identifier: Apache-2.0

package import Storage

extension Migrations {
    /// Keys that are shared with other name servers, and what these may do.
    ///
    /// An `origin` that is empty stands for all zones, an `address` or `key` for any or none.
    package static let zonePeers = Migrations(
        module: "ZonePeers",
        [
            """
            CREATE TABLE zone_transaction_key (
                name TEXT NOT NULL PRIMARY KEY,
                algorithm TEXT NOT NULL,
                secret BLOB NOT NULL
            );
            CREATE TABLE zone_peer (
                origin TEXT NOT NULL,
                role TEXT NOT NULL,
                address TEXT NOT NULL,
                key TEXT NOT NULL,
                position INTEGER NOT NULL,
                PRIMARY KEY (origin, role, address, key)
            );
            CREATE TABLE zone_grant (
                origin TEXT NOT NULL,
                key TEXT NOT NULL,
                scope TEXT NOT NULL,
                types TEXT NOT NULL,
                PRIMARY KEY (origin, key, scope)
            );
            CREATE TABLE zone_copy (
                origin TEXT NOT NULL PRIMARY KEY,
                checked_milliseconds INTEGER NOT NULL
            );
            CREATE TABLE zone_pushed (
                origin TEXT NOT NULL PRIMARY KEY,
                at_milliseconds INTEGER NOT NULL,
                records BLOB NOT NULL
            );
            """
        ])
}
