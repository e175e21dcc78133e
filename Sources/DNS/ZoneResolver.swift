// SPDX-License-Identifier: Apache-2.0

/// A `Resolver` over the records of zone files, as if they were the whole of the DNS.
///
/// Wildcards speak for names that do not exist (RFC 4592); delegations are not followed, since
/// what lies behind them stands in the files or nowhere. It never touches the network.
package struct ZoneResolver: Resolver {
    private var catalog = RecordCatalog()

    /// The records of one file or of several; their origin may be the root.
    package init(records: some Sequence<ResourceRecord>) {
        for record in records where record.class == .internet { catalog.add(record) }
    }

    package func resolve(_ name: Name, _ type: RecordType) async -> Answer {
        catalog.resolve(name, type, hasWildcards: true)
    }
}
