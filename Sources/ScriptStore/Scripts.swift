// SPDX-License-Identifier: Apache-2.0

import Bytes
import MessageStore
package import Sieve
package import Storage
import Synchronization
package import World

/// The scripts of accounts; at most one of an account is active.
package final class Scripts: Sendable {
    let store: any Store
    let time: any Time
    private let cache = Mutex(Cache())

    /// What delivery asks for each message: whose script is active, and what it is.
    private struct Cache {
        /// Nil: not yet looked up.
        var accounts: Set<Int64>?
        var compiled: [Int64: Script] = [:]
        /// Rises with each change, so that nothing older is kept.
        var generation = 0
    }

    /// In the place of an account: whose scripts all may include (`:global`, RFC 6609 §3.2).
    package static let everyone: Int64 = 0
    /// An account needs a few; a program that makes them may need some more.
    package static let maximumScripts = 100
    /// Compiled scripts kept in memory.
    private static let maximumCompiled = 1000

    package init(store: any Store, time: any Time) {
        self.store = store
        self.time = time
    }

    /// Why a script is not stored or made active.
    package enum Refusal: Error, Hashable, Sendable, CustomStringConvertible {
        case badName(String)
        case invalid(InvalidScript)
        case nonexistent(String)
        case exists(String)
        case active(String)
        case tooMany
        case tooLarge

        package var description: String {
            switch self {
            case .badName(let name): "`\(name)` cannot be the name of a script"
            case .invalid(let script):
                "the script is not valid: "
                    + script.errors.prefix(5).map(\.description).joined(separator: "; ")
            case .nonexistent(let name): "there is no script `\(name)`"
            case .exists(let name): "there is a script `\(name)` already"
            case .active(let name): "the script `\(name)` is active; deactivate it first"
            case .tooMany: "an account has at most \(Scripts.maximumScripts) scripts"
            case .tooLarge: "a script has at most \(Limit.scriptOctets) octets"
            }
        }
    }

    /// One script of an account.
    package struct Entry: Hashable, Sendable {
        package let name: String
        package let octets: Int
        package let isActive: Bool
    }

    // MARK: Keeping

    /// Stores a script that is valid, in the place of one with the same name; throws `Refusal`.
    ///
    /// Returns what its author should know all the same.
    @discardableResult
    package func put(
        _ name: String, _ octets: [UInt8], of account: Int64
    ) async throws -> [Diagnostic] {
        guard ScriptName.isValid(name) else { throw Refusal.badName(name) }
        let warnings = try Self.check(octets)
        try await store.write { transaction in
            try Self.checkSpace(for: name, of: account, in: transaction)
            try transaction.execute(
                """
                INSERT INTO sieve_script (account_id, name, script, is_active) VALUES (?, ?, ?, 0)
                ON CONFLICT (account_id, name) DO UPDATE SET script = excluded.script
                """,
                [.integer(account), .text(name), .blob(octets)])
        }
        forget()
        return warnings
    }

    /// What the author of a script should know, if it is valid; throws `Refusal`.
    package static func check(_ octets: [UInt8]) throws(Refusal) -> [Diagnostic] {
        guard octets.count <= Limit.scriptOctets else { throw .tooLarge }
        do throws(InvalidScript) {
            return try Script(octets).warnings
        } catch {
            throw .invalid(error)
        }
    }

    /// Throws `Refusal` if a script of that name and size would not be stored.
    package func checkSpace(for name: String, octets: Int, of account: Int64) async throws {
        guard ScriptName.isValid(name) else { throw Refusal.badName(name) }
        guard octets <= Limit.scriptOctets else { throw Refusal.tooLarge }
        try await store.read { try Self.checkSpace(for: name, of: account, in: $0) }
    }

    private static func checkSpace(
        for name: String, of account: Int64, in transaction: any Transaction
    ) throws {
        let others = try entries(of: account, in: transaction).filter { $0.name != name }
        guard others.count < maximumScripts else { throw Refusal.tooMany }
    }

    /// Gives a script another name; it stays active if it was.
    ///
    /// Throws `Refusal`.
    package func rename(_ old: String, to new: String, of account: Int64) async throws {
        guard ScriptName.isValid(new) else { throw Refusal.badName(new) }
        try await store.write { transaction in
            let names = try Self.entries(of: account, in: transaction).map(\.name)
            guard names.contains(old) else { throw Refusal.nonexistent(old) }
            guard !names.contains(new) else { throw Refusal.exists(new) }
            try transaction.execute(
                "UPDATE sieve_script SET name = ? WHERE account_id = ? AND name = ?",
                [.text(new), .integer(account), .text(old)])
        }
        forget()
    }

    /// Takes a script away that is not active; throws `Refusal`.
    package func remove(_ name: String, of account: Int64) async throws {
        try await store.write { transaction in
            guard
                let entry = try Self.entries(of: account, in: transaction)
                    .first(where: { $0.name == name })
            else { throw Refusal.nonexistent(name) }
            guard !entry.isActive else { throw Refusal.active(name) }
            try transaction.execute(
                "DELETE FROM sieve_script WHERE account_id = ? AND name = ?",
                [.integer(account), .text(name)])
        }
        forget()
    }

    /// Makes a script the one that sorts the account's mail; nil: none does.
    ///
    /// Throws `Refusal`.
    package func activate(_ name: String?, of account: Int64) async throws {
        try await store.write { transaction in
            let entries = try Self.entries(of: account, in: transaction)
            if let name, !entries.contains(where: { $0.name == name }) {
                throw Refusal.nonexistent(name)
            }
            try transaction.execute(
                "UPDATE sieve_script SET is_active = (name = ?) WHERE account_id = ?",
                [.text(name ?? ""), .integer(account)])
        }
        forget()
    }

    /// The scripts of an account by name.
    package func list(of account: Int64) async throws -> [Entry] {
        try await store.read { try Self.entries(of: account, in: $0) }
    }

    /// The text of a script; nil if there is none.
    package func text(of name: String, of account: Int64) async throws -> [UInt8]? {
        try await store.read { try Self.text(of: name, of: account, in: $0) }
    }

    /// Takes all scripts away from an account that goes, in the transaction that removes it.
    package static func abandon(
        _ account: Int64, in transaction: any Transaction
    ) throws(StorageFailure) {
        try transaction.execute(
            "DELETE FROM sieve_script WHERE account_id = ?", [.integer(account)])
        try transaction.execute(
            "DELETE FROM sieve_memory WHERE account_id = ?", [.integer(account)])
    }

    /// To be called when scripts were changed by `abandon`.
    package func forget() {
        cache.withLock {
            $0.accounts = nil
            $0.compiled = [:]
            $0.generation += 1
        }
    }

    static func entries(
        of account: Int64, in transaction: any Transaction
    ) throws(StorageFailure) -> [Entry] {
        try transaction.all(
            """
            SELECT name, length(script), is_active FROM sieve_script
            WHERE account_id = ? ORDER BY name LIMIT 1000
            """,
            [.integer(account)]
        ) { Entry(name: $0.text(0), octets: Int($0.integer(1)), isActive: $0.integer(2) != 0) }
    }

    static func text(
        of name: String, of account: Int64, in transaction: any Transaction
    ) throws(StorageFailure) -> [UInt8]? {
        try transaction.first(
            "SELECT script FROM sieve_script WHERE account_id = ? AND name = ?",
            [.integer(account), .text(name)]
        ) { $0.blob(0) }
    }

    // MARK: Using

    /// The active script of an account; nil without one, which costs no look into the store.
    package func active(of account: Int64) async throws -> Script? {
        let (accounts, known, generation) = cache.withLock {
            ($0.accounts, $0.compiled[account], $0.generation)
        }
        if let known { return known }
        if let accounts {
            guard accounts.contains(account) else { return nil }
        } else {
            let found = try await store.read { transaction in
                try transaction.all("SELECT account_id FROM sieve_script WHERE is_active = 1") {
                    $0.integer(0)
                }
            }
            cache.withLock { if $0.generation == generation { $0.accounts = Set(found) } }
            guard found.contains(account) else { return nil }
        }
        let text = try await store.read { transaction in
            try transaction.first(
                "SELECT script FROM sieve_script WHERE account_id = ? AND is_active = 1",
                [.integer(account)]
            ) { $0.blob(0) }
        }
        guard let text else { return nil }
        let script = try Script(text)
        cache.withLock {
            guard $0.generation == generation else { return }
            if $0.compiled.count >= Self.maximumCompiled { $0.compiled = [:] }
            $0.compiled[account] = script
        }
        return script
    }
}
