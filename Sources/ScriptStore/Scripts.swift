// SPDX-License-Identifier: Apache-2.0

import Bytes
package import Mail
import MessageStore
package import Sieve
package import Storage
import Synchronization
package import World

/// The scripts of accounts; at most one of an account is active.
package final class Scripts: Sendable {
    let store: any Store
    let time: any Time
    /// Tells for an account into which mailboxes of others it may put messages, by name.
    let othersMailboxes: OthersMailboxes?
    private let cache = Mutex(Cache())

    /// What is asked for each message: whose script is active, and what it is.
    private struct Cache {
        /// Accounts with an active script, and domains with one for the others; nil: not yet
        /// looked up.
        var holders: Holders?
        var known: [Int64: Knowledge] = [:]
        var compiled: [Origin: Script] = [:]
        /// Rises with each change, so that nothing older is kept.
        var generation = 0
    }

    private struct Holders {
        var accounts: Set<Int64>
        /// Names; the empty one is the whole server.
        var domains: Set<String>

        var isEmpty: Bool { accounts.isEmpty && domains.isEmpty }
    }

    /// Where the active script of an account comes from.
    package enum Origin: Hashable, Sendable {
        case account(Int64)
        /// Those of an account that has none: its domain's, or the server's for nil.
        case domain(String?)
    }

    /// What is known of an account: which script sorts its mail, and what that may do.
    private struct Knowledge {
        let origin: Origin?
        let traits: Traits
    }

    /// A script that sorts an account's mail.
    package struct Active: Sendable {
        package let script: Script
        package let origin: Origin
        /// With those of all that it includes.
        package let traits: Traits
    }

    /// In the place of an account: whose scripts all may include (`:global`, RFC 6609 §3.2).
    package static let everyone: Int64 = 0
    /// An account needs a few; a program that makes them may need some more.
    package static let maximumScripts = 100
    /// Compiled scripts kept in memory.
    private static let maximumCompiled = 1000
    /// Accounts of which it is known what their scripts may do: a few words each.
    private static let maximumKnown = 100_000

    /// Says of the names of others' mailboxes whether an account, whose number it is given, may put
    /// messages there, as of this moment.
    package typealias OthersMailboxes =
        @Sendable (_ account: Int64) throws -> @Sendable (String) -> Bool

    /// Without `othersMailboxes` scripts know only those of their account.
    package init(
        store: any Store, time: any Time, othersMailboxes: OthersMailboxes? = nil
    ) {
        self.store = store
        self.time = time
        self.othersMailboxes = othersMailboxes
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
            $0.holders = nil
            $0.known = [:]
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

    /// The script that sorts an account's mail: its own, that of its domain, or the server's.
    ///
    /// Nil without one, which costs no look into the store. `domain` is asked only where domains
    /// have scripts.
    package func active(
        of account: Int64, in domain: @Sendable () throws -> Domain?
    ) async throws -> Active? {
        let (known, generation) = cache.withLock { ($0.known[account], $0.generation) }
        let origin: Origin?
        if let known {
            origin = known.origin
        } else {
            origin = try await self.origin(for: account, in: domain)
        }
        guard let origin else {
            let hasDomains = cache.withLock { $0.holders?.domains.isEmpty == false }
            // Where only accounts have scripts, whoever has none is not to be remembered.
            if hasDomains { keep(Knowledge(origin: nil, traits: []), of: account, generation) }
            return nil
        }
        let script = try await compiled(origin)
        guard let script else { return nil }
        if let known { return Active(script: script, origin: origin, traits: known.traits) }
        let traits = try await store.read { transaction in
            try Self.traits(of: script, account: account, in: transaction)
        }
        keep(Knowledge(origin: origin, traits: traits), of: account, generation)
        return Active(script: script, origin: origin, traits: traits)
    }

    /// What the script that sorts an account's mail may do; nothing without one.
    ///
    /// Without a look into the store once it is known.
    package func traits(
        of account: Int64, in domain: @Sendable () throws -> Domain?
    ) async throws -> Traits {
        if let known = cache.withLock({ $0.known[account] }) { return known.traits }
        return try await active(of: account, in: domain)?.traits ?? []
    }

    /// Whether nobody's mail is sorted; false as long as that is not known.
    package var isIdle: Bool { cache.withLock { $0.holders?.isEmpty ?? false } }

    private func keep(_ knowledge: Knowledge, of account: Int64, _ generation: Int) {
        cache.withLock {
            guard $0.generation == generation else { return }
            if $0.known.count >= Self.maximumKnown { $0.known = [:] }
            $0.known[account] = knowledge
        }
    }

    private func origin(
        for account: Int64, in domain: @Sendable () throws -> Domain?
    ) async throws -> Origin? {
        let holders = try await holders()
        if holders.accounts.contains(account) { return .account(account) }
        guard !holders.domains.isEmpty else { return nil }
        if let name = try domain()?.name, holders.domains.contains(name) { return .domain(name) }
        return holders.domains.contains(Self.wholeServer) ? .domain(nil) : nil
    }

    private func holders() async throws -> Holders {
        let (known, generation) = cache.withLock { ($0.holders, $0.generation) }
        if let known { return known }
        let found = try await store.read { transaction in
            Holders(
                accounts: Set(
                    try transaction.all(
                        "SELECT account_id FROM sieve_script WHERE is_active = 1"
                    ) { $0.integer(0) }),
                domains: Set(
                    try transaction.all("SELECT domain FROM sieve_default") { $0.text(0) }))
        }
        cache.withLock { if $0.generation == generation { $0.holders = found } }
        return found
    }

    private func compiled(_ origin: Origin) async throws -> Script? {
        let (known, generation) = cache.withLock { ($0.compiled[origin], $0.generation) }
        if let known { return known }
        let text: [UInt8]?
        switch origin {
        case .account(let account):
            text = try await store.read { transaction in
                try transaction.first(
                    "SELECT script FROM sieve_script WHERE account_id = ? AND is_active = 1",
                    [.integer(account)]
                ) { $0.blob(0) }
            }
        case .domain(let name): text = try await standard(for: name)
        }
        guard let text else { return nil }
        let script = try Script(text)
        cache.withLock {
            guard $0.generation == generation else { return }
            if $0.compiled.count >= Self.maximumCompiled { $0.compiled = [:] }
            $0.compiled[origin] = script
        }
        return script
    }

    /// A script's own traits, and those of all that it may include.
    private static func traits(
        of script: Script, account: Int64, in transaction: any Transaction
    ) throws -> Traits {
        var traits = script.traits
        var seen: Set<Inclusion> = []
        var rest = script.inclusions
        while let next = rest.popLast(), seen.count < Limit.includes {
            guard seen.insert(next).inserted,
                let text = try text(
                    of: next.name, of: next.isGlobal ? everyone : account, in: transaction),
                // What is not valid cannot be included.
                let included = try? Script(text)
            else { continue }
            traits.formUnion(included.traits)
            rest += included.inclusions
        }
        return traits
    }
}
