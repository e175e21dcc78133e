// SPDX-License-Identifier: Apache-2.0

import Bytes
package import Mail
import SASL
import Storage
package import World

/// An account as a backup keeps it, and as it comes back.
///
/// No password is in it: what is kept of passwords lets nobody in, but whoever has it can try
/// passwords.
package struct AccountCopy: Hashable, Sendable {
    package var login: Address
    package var displayName = ""
    package var language: Language?
    package var isEnabled = true
    /// Nobody logs in with it.
    package var isShared = false
    /// What is kept of the password, as text.
    package var verifier: String
    /// The same for SCRAM-SHA-1; nil: nothing, as in backups of older releases.
    package var sha1Verifier: String?
    /// Further ones.
    package var addresses: [Address] = []
    /// What was set for just this account.
    package var rules = MailboxRules()
    package var appPasswords: [Device] = []

    package init(login: Address, verifier: String) {
        self.login = login
        self.verifier = verifier
    }

    /// An app password.
    package struct Device: Hashable, Sendable {
        package var name: String
        package var services: Set<LoginService>
        package var created: Timestamp
        package var lastUse: AppPassword.Use?
        /// The beginning of its text, by which it is found.
        package var selector: String
        package var verifier: String
        package var sha1Verifier: String?

        package init(
            name: String, services: Set<LoginService>, created: Timestamp,
            lastUse: AppPassword.Use?, selector: String, verifier: String, sha1Verifier: String?
        ) {
            self.name = name
            self.services = services
            self.created = created
            self.lastUse = lastUse
            self.selector = selector
            self.verifier = verifier
            self.sha1Verifier = sha1Verifier
        }
    }
}

extension Registry {
    /// All that is known of an account, as of one moment.
    package func copy(of login: Address) async throws(DirectoryFailure) -> AccountCopy {
        var copy = try await read { lookup in
            let record = try lookup.existing(login)
            let account = record.account
            var copy = AccountCopy(login: account.login, verifier: record.keys.sha256.verifier)
            copy.sha1Verifier = record.keys.sha1?.verifier
            copy.displayName = account.displayName
            copy.language = account.language
            copy.isEnabled = account.isEnabled
            copy.isShared = account.isShared
            let own = AddressKey(account.login)
            copy.addresses = try lookup.addresses(of: account.id).filter { $0 != own }
                .compactMap(\.address)
            copy.rules = try lookup.rules(.account(account.id))?.rules ?? MailboxRules()
            copy.appPasswords = try lookup.appPasswords(of: account.id).map { known in
                AccountCopy.Device(
                    name: known.password.name, services: known.password.services,
                    created: known.password.created, lastUse: known.password.lastUse,
                    selector: known.selector, verifier: known.keys.sha256.verifier,
                    sha1Verifier: known.keys.sha1?.verifier)
            }
            return copy
        }
        // Uses are written once in a minute.
        let uses = try await appPasswords(of: login)
        for index in copy.appPasswords.indices {
            let name = copy.appPasswords[index].name
            copy.appPasswords[index].lastUse = uses.first { $0.name == name }?.lastUse
        }
        return copy
    }

    /// Makes an account that was one before, with everything, in one transaction.
    ///
    /// Addresses that are somebody else's by now, or in no domain of ours, are left out and
    /// returned.
    package func addAccount(
        _ copy: AccountCopy, by author: String
    ) async throws(DirectoryFailure) -> [DirectoryFailure] {
        guard let keys = keys(copy.verifier, copy.sha1Verifier) else {
            throw .unfit("what was kept of the password", reason: "it cannot be read")
        }
        let key = try Self.localKey(copy.login)
        try Self.check(displayName: copy.displayName)
        guard copy.addresses.count < Self.maximumAddresses else {
            throw .tooMany("addresses of one account", limit: Self.maximumAddresses)
        }
        guard copy.rules.retention?.count ?? 0 <= Retention.maximumCount else {
            throw .tooMany("retention rules", limit: Retention.maximumCount)
        }
        guard copy.appPasswords.count <= AppPassword.maximumCount else {
            throw .tooMany("app passwords", limit: AppPassword.maximumCount)
        }
        return try await change(by: author, "brought account \(key.text) back") {
            lookup, revision in
            try lookup.checkIsFree(key, copy.login)
            let id = AccountID(rawValue: try Revision.next("account", lookup.transaction))
            guard let login = key.address else {
                throw DirectoryFailure.unknownAddress(copy.login)
            }
            let account = Account(
                id: id, login: login, displayName: copy.displayName, isEnabled: copy.isEnabled,
                language: copy.language, isShared: copy.isShared)
            try revision.add(.account(AccountRecord(account: account, keys: keys)))
            try revision.add(.address(key, id))
            if try lookup.postmaster() == nil { try revision.add(.postmaster(login)) }
            var leftOut: [DirectoryFailure] = []
            for address in copy.addresses {
                do {
                    let key = try Self.localKey(address)
                    try lookup.checkIsFree(key, address)
                    try revision.add(.address(key, id))
                } catch let failure as DirectoryFailure {
                    leftOut.append(failure)
                }
            }
            if !copy.rules.isEmpty {
                try revision.add(.rules(RulesRecord(.account(id), copy.rules)))
            }
            for device in copy.appPasswords {
                guard AppPassword.isName(device.name),
                    let keys = self.keys(device.verifier, device.sha1Verifier)
                else {
                    throw DirectoryFailure.unfit(
                        "the app password \(device.name)", reason: "it cannot be read")
                }
                try lookup.insert(device, keys, of: id)
            }
            return leftOut
        }
    }

    /// Reads what is kept of a password, as far as it is wanted here; nil if it cannot be read.
    private func keys(_ sha256: String, _ sha1: String?) -> PasswordKeys? {
        guard let keys = SCRAMKeys(verifier: sha256, .sha256) else { return nil }
        guard let sha1, offersSCRAMSHA1 else { return PasswordKeys(keys) }
        return SCRAMKeys(verifier: sha1, .sha1).map { PasswordKeys(keys, sha1: $0) }
    }
}

extension Lookup {
    fileprivate func insert(
        _ device: AccountCopy.Device, _ keys: PasswordKeys, of account: AccountID
    ) throws {
        try transaction.execute(
            """
            INSERT INTO directory_app_password (account, name, selector, services, created,
                last_used, last_service, last_peer, salt, iterations, stored_key, server_key,
                sha1_verifier)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """,
            [
                .integer(account.rawValue), .text(device.name), .text(device.selector),
                .text(device.services.map(\.rawValue).sorted().joined(separator: " ")),
                .integer(device.created.milliseconds),
                .integer(optional: device.lastUse?.time.milliseconds),
                .text(optional: device.lastUse?.service?.rawValue),
                .text(optional: device.lastUse?.peer?.description),
            ] + keys.values)
    }
}
