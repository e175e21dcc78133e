// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail
import Storage

/// The directory as one transaction sees it.
struct Lookup {
    let transaction: any Transaction

    init(_ transaction: any Transaction) { self.transaction = transaction }

    struct AccountState: Sendable {
        let id: AccountID
        let isEnabled: Bool
    }

    func responsibility(for name: Domain) throws(StorageFailure) -> Responsibility {
        if let domain = try localDomain(name) { return .local(domain) }
        if let relay = try relayDomain(name) { return .relay(relay) }
        return .elsewhere
    }

    func localDomain(_ name: Domain) throws(StorageFailure) -> LocalDomain? {
        let row = try transaction.first(
            "SELECT name, postmaster, catch_all FROM directory_domain WHERE name = ?",
            [.text(name.name)]
        ) { Self.domain($0) }
        return try Self.readable(row, "domain \(name)")
    }

    func localDomains() throws(StorageFailure) -> [LocalDomain] {
        let rows = try transaction.all(
            "SELECT name, postmaster, catch_all FROM directory_domain ORDER BY name"
        ) { Self.domain($0) }
        return rows.compactMap(\.self)
    }

    func relayDomain(_ name: Domain) throws(StorageFailure) -> RelayDomain? {
        let row = try transaction.first(
            """
            SELECT name, accepts_all, host, lifetime_seconds FROM directory_relay WHERE name = ?
            """,
            [.text(name.name)]
        ) { Self.relay($0) }
        return try Self.readable(row, "relay domain \(name)")
    }

    func relayDomains() throws(StorageFailure) -> [RelayDomain] {
        let rows = try transaction.all(
            "SELECT name, accepts_all, host, lifetime_seconds FROM directory_relay ORDER BY name"
        ) { Self.relay($0) }
        return rows.compactMap(\.self)
    }

    /// RFC 5321 §4.5.1: also a relay takes mail for the postmaster of the domains it serves.
    func isKnown(_ key: AddressKey, to relay: RelayDomain) throws(StorageFailure) -> Bool {
        if relay.acceptsAllRecipients || key.isPostmaster { return true }
        for candidate in [key, key.base].compactMap(\.self)
        where try isRelayRecipient(candidate) { return true }
        return false
    }

    func isRelayRecipient(_ key: AddressKey) throws(StorageFailure) -> Bool {
        try transaction.first(
            "SELECT 1 FROM directory_relay_recipient WHERE address = ?", [.text(key.text)]
        ) { _ in true } ?? false
    }

    func relayRecipients(of name: Domain) throws(StorageFailure) -> [AddressKey] {
        try transaction.all(
            "SELECT address FROM directory_relay_recipient WHERE domain = ? ORDER BY address",
            [.text(name.name)]
        ) { AddressKey(stored: $0.text(0)) }.compactMap(\.self)
    }

    func account(at key: AddressKey) throws(StorageFailure) -> AccountState? {
        try transaction.first(
            """
            SELECT a.id, a.is_enabled FROM directory_address d
            JOIN directory_account a ON a.id = d.account WHERE d.address = ?
            """,
            [.text(key.text)]
        ) { AccountState(id: AccountID(rawValue: $0.integer(0)), isEnabled: $0.integer(1) != 0) }
    }

    func targets(of key: AddressKey) throws(StorageFailure) -> [Address] {
        try transaction.all(
            "SELECT target FROM directory_alias WHERE address = ? ORDER BY position",
            [.text(key.text)]
        ) { try? Address($0.text(0)) }.compactMap(\.self)
    }

    func postmaster() throws(StorageFailure) -> Address? {
        try transaction.first("SELECT address FROM directory_postmaster") {
            try? Address($0.text(0))
        } ?? nil
    }

    func record(login key: AddressKey) throws(StorageFailure) -> AccountRecord? {
        let row = try transaction.first(
            """
            SELECT id, login, display_name, is_enabled, language, is_shared, salt, iterations,
                stored_key, server_key, sha1_verifier
            FROM directory_account WHERE login = ?
            """,
            [.text(key.text)]
        ) { Self.record($0) }
        return try Self.readable(row, "account \(key.text)")
    }

    func record(_ id: AccountID) throws(StorageFailure) -> AccountRecord? {
        let row = try transaction.first(
            """
            SELECT id, login, display_name, is_enabled, language, is_shared, salt, iterations,
                stored_key, server_key, sha1_verifier
            FROM directory_account WHERE id = ?
            """,
            [.integer(id.rawValue)]
        ) { Self.record($0) }
        return try Self.readable(row, "account number \(id.rawValue)")
    }

    func addresses(of id: AccountID) throws(StorageFailure) -> [AddressKey] {
        try transaction.all(
            "SELECT address FROM directory_address WHERE account = ? ORDER BY address",
            [.integer(id.rawValue)]
        ) { AddressKey(stored: $0.text(0)) }.compactMap(\.self)
    }

    /// A row that is there but makes no sense is damage, not absence.
    private static func readable<Entry>(
        _ row: Entry??, _ what: String
    ) throws(StorageFailure) -> Entry? {
        guard let row else { return nil }
        guard let row else { throw .corrupt("the entry of \(what) cannot be read") }
        return row
    }

    private static func domain(_ row: any Row) -> LocalDomain? {
        guard let name = try? Domain(row.text(0)) else { return nil }
        return LocalDomain(
            name, postmaster: row.optionalText(1).flatMap { try? Address($0) },
            catchAll: row.optionalText(2).flatMap { try? Address($0) })
    }

    private static func relay(_ row: any Row) -> RelayDomain? {
        guard let name = try? Domain(row.text(0)) else { return nil }
        return RelayDomain(
            name, acceptsAllRecipients: row.integer(1) != 0, host: row.optionalText(2),
            lifetimeSeconds: row.optionalInteger(3))
    }

    static func record(_ row: any Row) -> AccountRecord? {
        guard let login = AddressKey(stored: row.text(1))?.address else { return nil }
        let account = Account(
            id: AccountID(rawValue: row.integer(0)), login: login, displayName: row.text(2),
            isEnabled: row.integer(3) != 0,
            language: row.optionalText(4).flatMap { Language(rawValue: $0) },
            isShared: row.integer(5) != 0)
        return AccountRecord(account: account, keys: PasswordKeys(row, at: 6))
    }
}
