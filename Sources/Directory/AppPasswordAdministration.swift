// SPDX-License-Identifier: Apache-2.0

import Bytes
package import Mail
import SASL
import Storage
import Synchronization
import World

/// App passwords: made, listed, revoked, used.
extension Registry {
    /// Makes one and returns its text, which nobody can show again.
    package func addAppPassword(
        _ name: String, for services: Set<LoginService>, of login: Address, by author: String
    ) async throws(DirectoryFailure) -> String {
        guard AppPassword.isName(name) else {
            throw .unfit(
                "the name \(name)",
                reason: "it has 1 to 60 octets: letters, digits, blanks, `-`, `_` and `.`")
        }
        let secret = AppSecret(entropy: entropy.octets(AppSecret.entropyOctets))
        let prepared: PreparedString
        do {
            prepared = try PreparedString(secret.text)
        } catch {
            throw .unfit("the password", reason: "\(error)")
        }
        let keys = await deriveKeys(prepared)
        let now = time.timestamp
        try await change(by: author, "made the app password \(name) of \(login)") { lookup, _ in
            let owner = try lookup.existing(login).account
            try owner.checkLogsIn()
            let account = owner.id
            let known = try lookup.appPasswords(of: account)
            guard !known.contains(where: { $0.password.name == name }) else {
                throw DirectoryFailure.unfit(
                    "the name \(name)", reason: "an app password of \(login) has it")
            }
            guard known.count < AppPassword.maximumCount else {
                throw DirectoryFailure.tooMany("app passwords", limit: AppPassword.maximumCount)
            }
            try lookup.transaction.execute(
                """
                INSERT INTO directory_app_password (account, name, selector, services, created,
                    salt, iterations, stored_key, server_key, sha1_verifier)
                VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
                """,
                [
                    .integer(account.rawValue), .text(name), .text(secret.selector),
                    .text(services.map(\.rawValue).sorted().joined(separator: " ")),
                    .integer(now.milliseconds),
                ] + keys.values)
        }
        return secret.text
    }

    /// Those of an account by name, with what was noted of their use.
    package func appPasswords(
        of login: Address
    ) async throws(DirectoryFailure) -> [AppPassword] {
        let known = try await read { lookup in
            try lookup.appPasswords(of: lookup.existing(login).account.id).map(\.password)
        }
        let uses = appPasswordUses.withLock { $0 }
        return known.map { password in
            var password = password
            password.lastUse = uses[password.id]?.use ?? password.lastUse
            return password
        }
    }

    /// Nobody logs in with it any more; who has, stays until the connection ends.
    package func removeAppPassword(
        _ name: String, of login: Address, by author: String
    ) async throws(DirectoryFailure) {
        try await change(by: author, "revoked the app password \(name) of \(login)") {
            lookup, _ in
            let account = try lookup.existing(login).account.id
            let count = try lookup.transaction.execute(
                "DELETE FROM directory_app_password WHERE account = ? AND name = ?",
                [.integer(account.rawValue), .text(name)])
            guard count == 1 else {
                throw DirectoryFailure.unfit(
                    "the name \(name)", reason: "no app password of \(login) has it")
            }
        }
    }

    /// Keeps in memory that one was right; `writeUses` writes it.
    func noteUse(of password: AppPassword, for service: LoginService?, from peer: IPAddress) {
        let use = AppPassword.Use(time: time.timestamp, service: service, peer: peer)
        appPasswordUses.withLock { uses in
            if uses.count >= Self.maximumKeptUses { uses = uses.filter { !$0.value.isWritten } }
            guard uses.count < Self.maximumKeptUses || uses[password.id] != nil else { return }
            uses[password.id] = (use, false)
        }
    }

    /// Writes when app passwords were used last: once in a minute, in one transaction.
    package func writeUses() async throws(DirectoryFailure) {
        let due = appPasswordUses.withLock { uses in
            let due = uses.filter { !$0.value.isWritten }
            for id in due.keys { uses[id]?.isWritten = true }
            return due.map { (id: $0.key, use: $0.value.use) }.sorted { $0.id < $1.id }
        }
        guard !due.isEmpty else { return }
        do {
            try await store.write { transaction in
                for (id, use) in due {
                    try transaction.execute(
                        """
                        UPDATE directory_app_password
                        SET last_used = ?, last_service = ?, last_peer = ? WHERE id = ?
                        """,
                        [
                            .integer(use.time.milliseconds),
                            .text(optional: use.service?.rawValue),
                            .text(optional: use.peer?.description), .integer(id),
                        ])
                }
            }
        } catch {
            throw DirectoryFailure(error)
        }
    }
}

/// An app password with its keys.
struct AppPasswordRecord: Hashable, Sendable {
    let password: AppPassword
    let selector: String
    let keys: PasswordKeys

    fileprivate init(_ row: any Row) {
        let services = row.text(4).split(separator: " ").compactMap {
            LoginService(rawValue: String($0))
        }
        let lastUse = row.optionalInteger(6).map { time in
            AppPassword.Use(
                time: Timestamp(milliseconds: time),
                service: row.optionalText(7).flatMap(LoginService.init(rawValue:)),
                peer: row.optionalText(8).flatMap { IPAddress($0) })
        }
        password = AppPassword(
            id: row.integer(0), account: AccountID(rawValue: row.integer(1)), name: row.text(2),
            services: Set(services), created: Timestamp(milliseconds: row.integer(5)),
            lastUse: lastUse)
        selector = row.text(3)
        keys = PasswordKeys(row, at: 9)
    }
}

extension Lookup {
    func appPasswords(of account: AccountID) throws(StorageFailure) -> [AppPasswordRecord] {
        try transaction.all(
            """
            SELECT id, account, name, selector, services, created, last_used, last_service,
                last_peer, salt, iterations, stored_key, server_key, sha1_verifier
            FROM directory_app_password WHERE account = ? ORDER BY name
            """,
            [.integer(account.rawValue)], AppPasswordRecord.init)
    }

    /// With the account its app passwords go, and do not come back.
    func removeAppPasswords(of account: AccountID) throws(StorageFailure) {
        try transaction.execute(
            "DELETE FROM directory_app_password WHERE account = ?", [.integer(account.rawValue)])
    }
}
