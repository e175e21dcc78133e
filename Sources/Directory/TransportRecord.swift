// SPDX-License-Identifier: Apache-2.0

import Storage
import World

/// A transport as it is stored: its password is sealed, and recorded nowhere.
struct TransportRecord: Hashable, Sendable {
    /// Without the password.
    var transport: Transport
    /// Nil: there is none, or, in the record of changes, it is not kept.
    var sealedPassword: [UInt8]?

    init(_ transport: Transport, sealedPassword: [UInt8]?) {
        self.transport = transport
        self.transport.account?.password = nil
        self.sealedPassword = sealedPassword
    }

    /// Seals the password for just this host and user name.
    init(
        sealing transport: Transport, with keys: any SecretKeySource, entropy: some Entropy
    ) throws(StorageFailure) {
        var sealed: [UInt8]?
        if let password = transport.account?.password, let key = try keys.key(making: true) {
            sealed = try key.seal(password, for: Self.purpose(transport), entropy: entropy)
        }
        self.init(transport, sealedPassword: sealed)
    }

    /// With its password; without it, if the key is not the one with which it was sealed.
    func opened(with keys: any SecretKeySource) -> Transport {
        var transport = transport
        if let sealedPassword, let key = try? keys.key(making: false) {
            let password = key.open(sealedPassword, for: Self.purpose(transport))
            transport.account?.password = password
        }
        return transport
    }

    private static func purpose(_ transport: Transport) -> String {
        [
            "transport", transport.scope.description, transport.host ?? "",
            transport.account?.name ?? "",
        ]
        .joined(separator: "\u{1F}")
    }

    // MARK: As a change records it

    init?(fields: [String]) {
        guard fields.count == 6, let scope = Transport.Scope(fields[0]),
            let carrier = Transport.Carrier(rawValue: fields[1]),
            let security = Transport.Security(rawValue: fields[3])
        else { return nil }
        transport = Transport(
            scope, carrier, host: fields[2].isEmpty ? nil : fields[2], security: security,
            account: fields[4].isEmpty ? nil : Transport.Account(name: fields[4], password: nil),
            usesAddressFallback: fields[5] == "1")
    }

    var fields: [String] {
        [
            transport.scope.description, transport.carrier.rawValue, transport.host ?? "",
            transport.security.rawValue, transport.account?.name ?? "",
            transport.usesAddressFallback ? "1" : "0",
        ]
    }

    // MARK: In the table

    /// Reads the columns of `Lookup`'s queries; nil for what this release cannot read.
    fileprivate init?(row: any Row) {
        self.init(fields: (0...5).map { $0 == 5 ? String(row.integer(5)) : row.text($0) })
        sealedPassword = row.isNull(6) ? nil : row.blob(6)
    }

    func insert(_ transaction: any Transaction) throws(StorageFailure) {
        try transaction.execute(
            """
            INSERT INTO directory_transport
                (scope, carrier, host, security, account, address_fallback, sealed_password)
            VALUES (?, ?, ?, ?, ?, ?, ?)
            """,
            [
                .text(transport.scope.description), .text(transport.carrier.rawValue),
                .text(optional: transport.host), .text(transport.security.rawValue),
                .text(optional: transport.account?.name),
                .integer(transport.usesAddressFallback ? 1 : 0),
                sealedPassword.map { .blob($0) } ?? .null,
            ])
    }
}

extension Lookup {
    func transports() throws(StorageFailure) -> [TransportRecord] {
        let rows = try transaction.all(
            """
            SELECT scope, carrier, host, security, account, address_fallback, sealed_password
            FROM directory_transport ORDER BY scope
            """
        ) { TransportRecord(row: $0) }
        return rows.compactMap(\.self)
    }

    func transport(_ scope: Transport.Scope) throws(StorageFailure) -> TransportRecord? {
        try transaction.first(
            """
            SELECT scope, carrier, host, security, account, address_fallback, sealed_password
            FROM directory_transport WHERE scope = ?
            """, [.text(scope.description)]
        ) { TransportRecord(row: $0) } ?? nil
    }
}

extension Registry {
    /// Seals passwords that an older release has left in clear.
    static func sealPasswords(
        in store: any Store, with keys: any SecretKeySource, entropy: some Entropy
    ) async throws {
        let clear = try await store.read { transaction in
            let passwords = try transaction.all(
                "SELECT scope, password FROM directory_transport WHERE password IS NOT NULL"
            ) { (scope: $0.text(0), password: $0.text(1)) }
            guard !passwords.isEmpty else { return [Transport]() }
            return try Lookup(transaction).transports().map { record in
                var transport = record.transport
                transport.account?.password =
                    passwords.first { $0.scope == transport.scope.description }?.password
                return transport
            }.filter { $0.account?.password != nil }
        }
        for transport in clear {
            let record = try TransportRecord(sealing: transport, with: keys, entropy: entropy)
            try await store.write { transaction in
                try transaction.execute(
                    """
                    UPDATE directory_transport SET sealed_password = ?, password = NULL
                    WHERE scope = ?
                    """,
                    [
                        record.sealedPassword.map { .blob($0) } ?? .null,
                        .text(transport.scope.description),
                    ])
            }
        }
    }
}
