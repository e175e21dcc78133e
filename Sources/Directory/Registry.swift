// SPDX-License-Identifier: Apache-2.0

package import Bytes
import Forwarding
package import Mail
import SASL
package import Storage
import Synchronization
package import World

/// Who is at home here: domains, accounts, their addresses, aliases and relay domains.
///
/// The running server is the only writer, so what it has looked up stays true until it changes
/// something itself: verdicts are kept in a bounded cache, which every change empties.
package final class Registry: Sendable {
    /// About 300 octets each; enough for the recipients of a busy hour.
    static let maximumCachedVerdicts = 20_000
    static let maximumCachedDomains = 5000
    static let maximumKeptSenders = 5000

    let store: any Store
    let time: any Time
    let entropy: any Entropy
    /// Where passwords are derived; nil: where the caller runs.
    let passwordExecutor: (any TaskExecutor)?
    let decoySecret: [UInt8]
    let rewriting: SenderRewriting
    /// Which senders are kept for forwarded mail, and the day that is kept with them.
    let keptSenders = Mutex(RecencyCache<String, Int64>(limit: maximumKeptSenders))
    /// With which passwords at other hosts are sealed.
    let secretKey: any SecretKeySource
    let cache = Mutex(Cache())
    let passwords: VerifiedPasswords
    /// When app passwords were used last, by number, until it is written and longer.
    let appPasswordUses = Mutex<[Int64: (use: AppPassword.Use, isWritten: Bool)]>([:])
    static let maximumKeptUses = 20_000
    let failures = LoginFailures()
    /// Who knows access tokens, and who issues them; nil: none are taken.
    let tokens = Mutex<(judge: any TokenJudge, issuer: TokenIssuer)?>(nil)
    /// Who is told of each attempt to log in.
    private let logins = Mutex(Logins())

    /// Is told from where, and whether it was right.
    package typealias LoginWatcher = @Sendable (IPAddress, Bool) async -> Void
    /// A field of its own, since a function that is itself what a `Mutex` holds is wrapped once
    /// more at each look, without end.
    private struct Logins {
        var watcher: LoginWatcher?
    }

    let counters = AuthenticationCounters()
    /// The work put into a password set from now on, with SHA-256.
    let iterations: Int
    let wantsSHA1 = Atomic(true)

    struct Cache {
        var verdicts = RecencyCache<Address, RecipientVerdict>(limit: maximumCachedVerdicts)
        var domains = RecencyCache<Domain, Responsibility>(limit: maximumCachedDomains)
        /// All of them, by scope; nil before they are asked for.
        var transports: [String: Transport]?
        /// All of them, by scope; nil before they are asked for.
        var rules: [String: MailboxRules]?
        /// What holds for accounts that were asked for lately.
        var effective = RecencyCache<AccountID, EffectiveRules>(limit: maximumCachedVerdicts)
        /// Of the settings.
        var defaults = MailboxRules()
        /// Counts the changes: what was looked up before one is not kept after it.
        var generation: UInt64 = 0
    }

    /// Opens the directory in a store made with `Migrations.directory`.
    ///
    /// `passwordExecutor` is where passwords are checked, which takes milliseconds of processor
    /// time: in the live world the global executor, so that no event loop waits; nil in the
    /// simulation. `iterations` is lower only in tests.
    package init(
        store: any Store, time: any Time, entropy: any Entropy, secretKey: any SecretKeySource,
        passwordExecutor: (any TaskExecutor)? = nil,
        iterations: Int = SCRAMKeys.defaultIterations
    ) async throws(DirectoryFailure) {
        self.store = store
        self.time = time
        self.entropy = entropy
        self.passwordExecutor = passwordExecutor
        self.iterations = iterations
        passwords = VerifiedPasswords(key: entropy.octets(VerifiedPasswords.keyOctets))
        self.secretKey = secretKey
        decoySecret = try await Self.secret("decoy", store, proposed: entropy.octets(32))
        rewriting = SenderRewriting(
            key: try await Self.secret("forwarding", store, proposed: entropy.octets(32)))
        do {
            try await Self.sealPasswords(in: store, with: secretKey, entropy: entropy)
        } catch {
            throw DirectoryFailure(error)
        }
    }

    /// Tells `watcher` from now on of each attempt to log in, by whatever protocol.
    package func watchLogins(_ watcher: @escaping LoginWatcher) {
        logins.withLock { $0.watcher = watcher }
    }

    func noteLogin(from peer: IPAddress, hasSucceeded: Bool) async {
        await logins.withLock { $0.watcher }?(peer, hasSucceeded)
    }

    /// A secret is made once: decoy salts that changed at a restart would give themselves away, and
    /// notifications of forwarded mail would not be known again.
    private static func secret(
        _ name: String, _ store: any Store, proposed: [UInt8]
    ) async throws(DirectoryFailure) -> [UInt8] {
        let find = { @Sendable (transaction: any Transaction) throws(StorageFailure) in
            try transaction.first(
                "SELECT value FROM directory_secret WHERE name = ?", [.text(name)]
            ) { $0.blob(0) }
        }
        do {
            if let secret = try await store.read(find) { return secret }
            return try await store.write { transaction in
                if let secret = try find(transaction) { return secret }
                try transaction.execute(
                    "INSERT INTO directory_secret (name, value) VALUES (?, ?)",
                    [.text(name), .blob(proposed)])
                return proposed
            }
        } catch {
            throw DirectoryFailure(error)
        }
    }

    /// What we do with mail to this address.
    ///
    /// About a microsecond when it was asked lately, else a few look-ups by key.
    package func judge(_ recipient: Address) async -> RecipientVerdict {
        let (known, generation) = cache.withLock {
            ($0.verdicts.value(for: recipient), $0.generation)
        }
        if let known { return known }
        guard
            let verdict = try? store.lookUp({ transaction in
                try Expansion.judge(recipient, in: Lookup(transaction))
            })
        else { return .temporarilyUnknown }
        cache.withLock {
            guard $0.generation == generation else { return }
            $0.verdicts.insert(verdict, for: recipient)
        }
        return verdict
    }

    /// As `judge`, also for `<Postmaster>` without a domain (RFC 5321 §4.5.1).
    package func judge(_ path: ForwardPath) async -> RecipientVerdict {
        switch path {
        case .address(let address): return await judge(address)
        case .postmaster:
            let postmaster = try? store.lookUp { try Lookup($0).postmaster() }
            guard let address = postmaster ?? nil else { return .temporarilyUnknown }
            return await judge(address)
        }
    }

    /// Who is responsible for a domain; throws when the store does not answer.
    package func responsibility(for domain: Domain) throws(DirectoryFailure) -> Responsibility {
        let (known, generation) = cache.withLock {
            ($0.domains.value(for: domain), $0.generation)
        }
        if let known { return known }
        let found = try lookUp { lookup throws(StorageFailure) in
            try lookup.responsibility(for: domain)
        }
        cache.withLock {
            guard $0.generation == generation else { return }
            $0.domains.insert(found, for: domain)
        }
        return found
    }

    /// Whether an account may write as `sender`: as itself, as an address or alias that leads to
    /// it alone, with or without subaddress, or as the postmaster it is; not by a catch-all.
    package func mayUse(_ account: AccountID, as sender: Address) async -> Bool {
        guard case .local(let targets) = await judge(sender) else { return false }
        return targets.allSatisfy { $0.account == account && $0.path != .catchAll }
    }

    func lookUp<Result>(
        _ body: (Lookup) throws(StorageFailure) -> Result
    ) throws(DirectoryFailure) -> Result {
        do {
            return try store.lookUp { try body(Lookup($0)) }
        } catch {
            throw DirectoryFailure(error)
        }
    }

    func read<Result: Sendable>(
        _ body: @escaping @Sendable (Lookup) throws -> Result
    ) async throws(DirectoryFailure) -> Result {
        do {
            return try await store.read { try body(Lookup($0)) }
        } catch {
            throw DirectoryFailure(error)
        }
    }

    /// Makes one change; when this returns it is committed, and nobody sees what was before.
    func change<Result: Sendable>(
        by author: String, _ summary: String,
        _ body: @escaping @Sendable (Lookup, inout Revision) throws -> Result
    ) async throws(DirectoryFailure) -> Result {
        let now = time.timestamp
        let outcome: Swift.Result<Result, DirectoryFailure>
        do {
            let result = try await store.write { transaction in
                var revision = try Revision(transaction, at: now, by: author, summary)
                return try body(Lookup(transaction), &revision)
            }
            outcome = .success(result)
        } catch {
            outcome = .failure(DirectoryFailure(error))
        }
        // Also after a failure: it may have come after the commit.
        cache.withLock {
            $0.verdicts.removeAll()
            $0.domains.removeAll()
            $0.transports = nil
            $0.rules = nil
            $0.effective.removeAll()
            $0.generation += 1
        }
        return try outcome.get()
    }
}

extension DirectoryFailure {
    /// What a transaction threw.
    init(_ error: any Error) {
        switch error {
        case let failure as DirectoryFailure: self = failure
        case let failure as StorageFailure: self = .storage(failure)
        default: self = .storage(.inputOutput("\(error)"))
        }
    }
}
