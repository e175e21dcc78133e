// SPDX-License-Identifier: Apache-2.0

import Bytes
package import Mail
import SASL
package import Storage
import World

/// Accounts: listed, added, changed, removed.
extension Registry {
    /// Shorter ones are guessed; NIST SP 800-63B §5.1.1.1 asks for eight characters.
    package static let minimumPasswordCharacters = 8
    /// Further addresses of one account: far more than anyone has, less than a nuisance.
    package static let maximumAddresses = 1000

    /// Accounts in order of their logins; of one domain or of all.
    package func accounts(in domain: Domain? = nil) async throws(DirectoryFailure) -> [Account] {
        try await read { try $0.accounts(in: domain) }
    }

    /// The account that logs in with this address; nil if there is none.
    package func account(login: Address) async throws(DirectoryFailure) -> Account? {
        guard let key = AddressKey(login) else { return nil }
        return try await read { try $0.record(login: key)?.account }
    }

    /// The same on the spot: one look-up by key.
    package func find(login: Address) throws(DirectoryFailure) -> Account? {
        guard let key = AddressKey(login) else { return nil }
        return try lookUp { lookup throws(StorageFailure) -> Account? in
            try lookup.record(login: key)?.account
        }
    }

    /// The account that has this address, be it its login or a further one, on the spot.
    package func find(address: Address) throws(DirectoryFailure) -> Account? {
        guard let key = AddressKey(address) else { return nil }
        return try lookUp { lookup throws(StorageFailure) -> Account? in
            guard let state = try lookup.account(at: key) else { return nil }
            return try lookup.record(state.id)?.account
        }
    }

    /// The account with this number, on the spot.
    package func find(_ id: AccountID) throws(DirectoryFailure) -> Account? {
        try lookUp { lookup throws(StorageFailure) -> Account? in
            try lookup.record(id)?.account
        }
    }

    /// The account with this number; nil if there is none.
    package func account(_ id: AccountID) async throws(DirectoryFailure) -> Account? {
        try await read { try $0.record(id)?.account }
    }

    /// The domain of an account's login; nil if there is no such account.
    package func domain(of id: AccountID) throws(DirectoryFailure) -> Domain? {
        try lookUp { lookup throws(StorageFailure) in
            try lookup.record(id)?.account.login.domain
        }
    }

    /// All addresses of an account, its login among them.
    package func addresses(of account: AccountID) async throws(DirectoryFailure) -> [Address] {
        try await read { try $0.addresses(of: account).compactMap(\.address) }
    }

    /// Makes an account; the first one on a server becomes its postmaster.
    @discardableResult
    package func addAccount(
        _ login: Address, displayName: String = "", language: Language? = nil, password: String,
        by author: String
    ) async throws(DirectoryFailure) -> Account {
        try Self.check(displayName: displayName)
        let keys = try await deriveKeys(password)
        return try await addAccount(
            login, displayName: displayName, language: language, keys: keys, by: author)
    }

    /// Makes an account with which nobody logs in, for mailboxes that several share.
    @discardableResult
    package func addSharedAccount(
        _ login: Address, displayName: String = "", language: Language? = nil, by author: String
    ) async throws(DirectoryFailure) -> Account {
        try await addAccount(
            login, displayName: displayName, language: language, keys: closedKeys(),
            isShared: true, by: author)
    }

    private func addAccount(
        _ login: Address, displayName: String, language: Language?, keys: PasswordKeys,
        isShared: Bool = false, by author: String
    ) async throws(DirectoryFailure) -> Account {
        let key = try Self.localKey(login)
        try Self.check(displayName: displayName)
        return try await change(by: author, "added account \(key.text)") { lookup, revision in
            try lookup.checkIsFree(key, login)
            let id = AccountID(rawValue: try Revision.next("account", lookup.transaction))
            guard let login = key.address else { throw DirectoryFailure.unknownAddress(login) }
            let account = Account(
                id: id, login: login, displayName: displayName, isEnabled: true,
                language: language, isShared: isShared)
            try revision.add(.account(AccountRecord(account: account, keys: keys)))
            try revision.add(.address(key, id))
            if try lookup.postmaster() == nil { try revision.add(.postmaster(login)) }
            return account
        }
    }

    /// Replaces the password; fails if it is too short to be safe.
    package func setPassword(
        _ password: String, of login: Address, by author: String
    ) async throws(DirectoryFailure) {
        let keys = try await deriveKeys(password)
        try await modify(login, by: author, "set the password of \(login)") {
            try $0.account.checkLogsIn()
            $0.keys = keys
        }
    }

    /// Lets an account be used, or refuses its logins and its mail.
    package func setEnabled(
        _ isEnabled: Bool, _ login: Address, by author: String
    ) async throws(DirectoryFailure) {
        try await modify(login, by: author, "\(isEnabled ? "enabled" : "disabled") \(login)") {
            $0.account.isEnabled = isEnabled
        }
    }

    /// Changes the name of the person.
    package func setDisplayName(
        _ name: String, of login: Address, by author: String
    ) async throws(DirectoryFailure) {
        try Self.check(displayName: name)
        try await modify(login, by: author, "renamed \(login)") { $0.account.displayName = name }
    }

    /// In which language the person is told of messages; nil: as the server does.
    package func setLanguage(
        _ language: Language?, of login: Address, by author: String
    ) async throws(DirectoryFailure) {
        let name = language?.rawValue ?? "the server's"
        try await modify(login, by: author, "set the language of \(login) to \(name)") {
            $0.account.language = language
        }
    }

    /// Takes the account and its addresses out of the directory.
    ///
    /// What `also` does to its mail stands in the same transaction. Returns the number that the
    /// account had.
    @discardableResult
    package func remove(
        account login: Address, by author: String,
        also: @escaping @Sendable (AccountID, any Transaction) throws -> Void = { _, _ in }
    ) async throws(DirectoryFailure) -> AccountID {
        try await change(by: author, "removed account \(login)") { lookup, revision in
            let record = try lookup.existing(login)
            let keys = try lookup.addresses(of: record.account.id)
            for key in keys { try lookup.checkIsNotNeeded(key, login) }
            for key in keys { try revision.remove(.address(key, record.account.id)) }
            if let rules = try lookup.rules(.account(record.account.id)) {
                try revision.remove(.rules(rules))
            }
            try lookup.removeAppPasswords(of: record.account.id)
            try revision.remove(.account(record))
            try also(record.account.id, lookup.transaction)
            return record.account.id
        }
    }

    /// Gives an account one more address.
    package func add(
        address: Address, to login: Address, by author: String
    ) async throws(DirectoryFailure) {
        let key = try Self.localKey(address)
        try await change(by: author, "added \(address) to \(login)") { lookup, revision in
            let account = try lookup.existing(login).account
            try lookup.checkIsFree(key, address)
            guard try lookup.addresses(of: account.id).count < Self.maximumAddresses else {
                throw DirectoryFailure.tooMany(
                    "addresses of one account", limit: Self.maximumAddresses)
            }
            try revision.add(.address(key, account.id))
        }
    }

    /// Takes a further address away; the login stays as long as the account.
    package func remove(address: Address, by author: String) async throws(DirectoryFailure) {
        try await change(by: author, "removed \(address)") { lookup, revision in
            guard let key = AddressKey(address), let state = try lookup.account(at: key) else {
                throw DirectoryFailure.unknownAddress(address)
            }
            if try lookup.record(login: key) != nil { throw DirectoryFailure.isLogin(address) }
            try lookup.checkIsNotNeeded(key, address)
            try revision.remove(.address(key, state.id))
        }
    }

    private func modify(
        _ login: Address, by author: String, _ summary: String,
        _ body: @escaping @Sendable (inout AccountRecord) throws -> Void
    ) async throws(DirectoryFailure) {
        try await change(by: author, summary) { lookup, revision in
            let before = try lookup.existing(login)
            var after = before
            try body(&after)
            try revision.replace(.account(before), with: .account(after))
        }
    }

    private func deriveKeys(_ password: String) async throws(DirectoryFailure) -> PasswordKeys {
        guard password.count >= Self.minimumPasswordCharacters else {
            throw .unfit("the password", reason: "it has fewer than 8 characters")
        }
        let prepared: PreparedString
        do {
            prepared = try PreparedString(password)
        } catch {
            throw .unfit("the password", reason: "\(error)")
        }
        return await deriveKeys(prepared)
    }

    static func localKey(_ address: Address) throws(DirectoryFailure) -> AddressKey {
        guard let key = AddressKey(address) else {
            throw .unfit("\(address)", reason: "an address here is in a domain")
        }
        return key
    }

    static func check(displayName: String) throws(DirectoryFailure) {
        guard displayName.utf8.count <= Account.maximumDisplayNameOctets else {
            throw .unfit("the display name", reason: "it has more than 200 octets")
        }
        guard !displayName.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
            throw .unfit("the display name", reason: "it contains control characters")
        }
    }
}

extension Lookup {
    func accounts(in domain: Domain?) throws(StorageFailure) -> [Account] {
        let records =
            if let domain {
                try transaction.all(
                    """
                    SELECT id, login, display_name, is_enabled, language, is_shared, salt,
                        iterations, stored_key, server_key, sha1_verifier
                    FROM directory_account WHERE domain = ? ORDER BY login
                    """,
                    [.text(domain.name)]
                ) { Self.record($0)?.account }
            } else {
                try transaction.all(
                    """
                    SELECT id, login, display_name, is_enabled, language, is_shared, salt,
                        iterations, stored_key, server_key, sha1_verifier
                    FROM directory_account ORDER BY domain, login
                    """
                ) { Self.record($0)?.account }
            }
        return records.compactMap(\.self)
    }

    func existing(_ login: Address) throws -> AccountRecord {
        guard let key = AddressKey(login), let record = try record(login: key) else {
            throw DirectoryFailure.unknownAccount(login)
        }
        return record
    }

    /// An address belongs to one account or one alias, in a domain that is local.
    func checkIsFree(_ key: AddressKey, _ address: Address) throws {
        guard try localDomain(key.domain) != nil else {
            throw DirectoryFailure.unknownDomain(key.domain)
        }
        if let state = try account(at: key) {
            let owner = try record(state.id)?.account.login ?? address
            throw DirectoryFailure.addressTaken(address, by: owner)
        }
        guard try targets(of: key).isEmpty else {
            throw DirectoryFailure.addressTaken(address, by: address)
        }
    }

    /// Refuses to leave an alias, a postmaster or a catch-all without the one it leads to.
    func checkIsNotNeeded(_ key: AddressKey, _ address: Address) throws {
        var needed = try transaction.all(
            "SELECT DISTINCT address FROM directory_alias WHERE target_key = ? ORDER BY address",
            [.text(key.text)]
        ) { "alias \($0.text(0))" }
        for domain in try localDomains() {
            if domain.postmaster.flatMap({ AddressKey($0) }) == key {
                needed.append("the postmaster of \(domain.name)")
            }
            if domain.catchAll.flatMap({ AddressKey($0) }) == key {
                needed.append("the catch-all of \(domain.name)")
            }
        }
        if try postmaster().flatMap({ AddressKey($0) }) == key {
            needed.append("the server's postmaster")
        }
        guard needed.isEmpty else { throw DirectoryFailure.stillNeeded(address, by: needed) }
    }
}

extension Account {
    /// Refuses what is only for those who log in.
    func checkLogsIn() throws(DirectoryFailure) {
        guard !isShared else {
            throw .unfit("a password", reason: "\(login) is shared, nobody logs in with it")
        }
    }
}
