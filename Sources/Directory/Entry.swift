// SPDX-License-Identifier: Apache-2.0

import Mail
import SASL
import Storage

/// One entry of the directory, as it is stored, recorded and restored.
///
/// Every change is made of entries before and after, so that one function writes all of them
/// and undoing a change is the same function with the two exchanged.
enum Entry: Hashable, Sendable {
    case domain(LocalDomain)
    case account(AccountRecord)
    case address(AddressKey, AccountID)
    case alias(AddressKey, [Address])
    case relay(RelayDomain)
    case relayRecipient(AddressKey)
    case postmaster(Address)
    case transport(TransportRecord)
    case rules(RulesRecord)

    enum Kind: String, Sendable {
        case domain, account, address, alias, relay, postmaster, transport, rules
        case relayRecipient = "relay_recipient"
    }

    var kind: Kind {
        switch self {
        case .domain: .domain
        case .account: .account
        case .address: .address
        case .alias: .alias
        case .relay: .relay
        case .relayRecipient: .relayRecipient
        case .postmaster: .postmaster
        case .transport: .transport
        case .rules: .rules
        }
    }

    /// What identifies the entry among those of its kind.
    var key: String {
        switch self {
        case .domain(let domain): domain.name.name
        case .account(let record): String(record.account.id.rawValue)
        case .address(let key, _), .alias(let key, _), .relayRecipient(let key): key.text
        case .relay(let relay): relay.name.name
        case .postmaster: "postmaster"
        case .transport(let record): record.transport.scope.description
        case .rules(let record): record.scope.description
        }
    }
}

/// As text in the record of changes: fields between unit separators, which no value may hold.
///
/// Of an account without its keys, of a transport without its password: whoever reads the history
/// learns nothing of old passwords.
extension Entry {
    private static let separator: Character = "\u{1F}"

    var encoded: String {
        fields.joined(separator: String(Self.separator))
    }

    private var fields: [String] {
        switch self {
        case .domain(let domain):
            [
                domain.name.name, domain.postmaster?.description ?? "",
                domain.catchAll?.description ?? "",
            ]
        case .account(let record):
            [
                String(record.account.id.rawValue), record.account.login.description,
                record.account.displayName, record.account.isEnabled ? "1" : "0",
                record.account.language?.rawValue ?? "", record.account.isShared ? "1" : "0",
            ]
        case .address(let key, let account): [key.text, String(account.rawValue)]
        case .alias(let key, let targets): [key.text] + targets.map(\.description)
        case .relay(let relay):
            [
                relay.name.name, relay.acceptsAllRecipients ? "1" : "0", relay.host ?? "",
                relay.lifetimeSeconds.map { String($0) } ?? "",
            ]
        case .relayRecipient(let key): [key.text]
        case .postmaster(let address): [address.description]
        case .transport(let record): record.fields
        case .rules(let record): record.fields
        }
    }

    /// Reads what `encoded` wrote; throws if it is not that.
    init(_ kind: Kind, encoded text: String) throws {
        let fields = text.split(separator: Self.separator, omittingEmptySubsequences: false)
            .map { String($0) }
        let damaged = StorageFailure.corrupt("a recorded \(kind.rawValue) cannot be read: \(text)")
        let key = { (text: String) throws -> AddressKey in
            guard let key = AddressKey(stored: text) else { throw damaged }
            return key
        }
        switch (kind, fields.count) {
        case (.domain, 3):
            self = .domain(
                LocalDomain(
                    try Domain(fields[0]),
                    postmaster: fields[1].isEmpty ? nil : try Address(fields[1]),
                    catchAll: fields[2].isEmpty ? nil : try Address(fields[2])))
        // Of older releases without a language, or without saying whether it is shared.
        case (.account, 4...6):
            guard let id = Int64(fields[0]) else { throw damaged }
            let account = Account(
                id: AccountID(rawValue: id), login: try Address(fields[1]),
                displayName: fields[2], isEnabled: fields[3] == "1",
                language: fields.count > 4 ? Language(rawValue: fields[4]) : nil,
                isShared: fields.count > 5 && fields[5] == "1")
            self = .account(AccountRecord(account: account, keys: .notRecorded))
        case (.address, 2):
            guard let id = Int64(fields[1]) else { throw damaged }
            self = .address(try key(fields[0]), AccountID(rawValue: id))
        case (.alias, 2...):
            self = .alias(try key(fields[0]), try fields.dropFirst().map { try Address($0) })
        case (.relay, 4):
            self = .relay(
                RelayDomain(
                    try Domain(fields[0]), acceptsAllRecipients: fields[1] == "1",
                    host: fields[2].isEmpty ? nil : fields[2], lifetimeSeconds: Int64(fields[3])))
        case (.relayRecipient, 1): self = .relayRecipient(try key(fields[0]))
        case (.postmaster, 1): self = .postmaster(try Address(fields[0]))
        case (.transport, 6):
            guard let record = TransportRecord(fields: fields) else { throw damaged }
            self = .transport(record)
        case (.rules, 5):
            guard let record = RulesRecord(fields: fields) else { throw damaged }
            self = .rules(record)
        default: throw damaged
        }
    }
}

/// In the tables.
extension Entry {
    func insert(_ transaction: any Transaction) throws(StorageFailure) {
        switch self {
        case .domain(let domain):
            try transaction.execute(
                "INSERT INTO directory_domain (name, postmaster, catch_all) VALUES (?, ?, ?)",
                [
                    .text(domain.name.name), .text(optional: domain.postmaster?.description),
                    .text(optional: domain.catchAll?.description),
                ])
        case .account(let record): try insert(record, transaction)
        case .address(let key, let account):
            try transaction.execute(
                "INSERT INTO directory_address (address, account) VALUES (?, ?)",
                [.text(key.text), .integer(account.rawValue)])
        case .alias(let key, let targets):
            for (position, target) in targets.enumerated() {
                try transaction.execute(
                    """
                    INSERT INTO directory_alias (address, position, domain, target, target_key)
                    VALUES (?, ?, ?, ?, ?)
                    """,
                    [
                        .text(key.text), .integer(Int64(position)), .text(key.domain.name),
                        .text(target.description), .text(AddressKey(target)?.text ?? ""),
                    ])
            }
        case .relay(let relay):
            try transaction.execute(
                """
                INSERT INTO directory_relay (name, accepts_all, host, lifetime_seconds)
                VALUES (?, ?, ?, ?)
                """,
                [
                    .text(relay.name.name), .integer(relay.acceptsAllRecipients ? 1 : 0),
                    .text(optional: relay.host), .integer(optional: relay.lifetimeSeconds),
                ])
        case .relayRecipient(let key):
            try transaction.execute(
                "INSERT INTO directory_relay_recipient (address, domain) VALUES (?, ?)",
                [.text(key.text), .text(key.domain.name)])
        case .transport(let record): try record.insert(transaction)
        case .rules(let record): try record.insert(transaction)
        case .postmaster(let address):
            try transaction.execute(
                "INSERT INTO directory_postmaster (id, address) VALUES (1, ?)",
                [.text(address.description)])
        }
    }

    private func insert(
        _ record: AccountRecord, _ transaction: any Transaction
    ) throws(StorageFailure) {
        let account = record.account
        try transaction.execute(
            """
            INSERT INTO directory_account
                (id, login, domain, display_name, is_enabled, language, is_shared,
                 salt, iterations, stored_key, server_key, sha1_verifier)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                .integer(account.id.rawValue), .text(AddressKey(account.login)?.text ?? ""),
                .text(account.login.domain?.name ?? ""), .text(account.displayName),
                .integer(account.isEnabled ? 1 : 0), .text(optional: account.language?.rawValue),
                .integer(account.isShared ? 1 : 0),
            ] + record.keys.values)
    }

    func delete(_ transaction: any Transaction) throws(StorageFailure) {
        let key = [Value.text(key)]
        switch self {
        case .domain: try transaction.execute("DELETE FROM directory_domain WHERE name = ?", key)
        case .account(let record):
            try transaction.execute(
                "DELETE FROM directory_account WHERE id = ?",
                [.integer(record.account.id.rawValue)])
        case .address:
            try transaction.execute("DELETE FROM directory_address WHERE address = ?", key)
        case .alias:
            try transaction.execute("DELETE FROM directory_alias WHERE address = ?", key)
        case .relay: try transaction.execute("DELETE FROM directory_relay WHERE name = ?", key)
        case .relayRecipient:
            try transaction.execute(
                "DELETE FROM directory_relay_recipient WHERE address = ?", key)
        case .postmaster: try transaction.execute("DELETE FROM directory_postmaster", [])
        case .transport:
            try transaction.execute("DELETE FROM directory_transport WHERE scope = ?", key)
        case .rules:
            try transaction.execute("DELETE FROM directory_rules WHERE scope = ?", key)
        }
    }
}

extension PasswordKeys {
    /// Of an account read from the record of changes, where keys do not stand.
    fileprivate static let notRecorded = Self(
        SCRAMKeys(salt: [], iterations: 0, storedKey: [], serverKey: []))
}
