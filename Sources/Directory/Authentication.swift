// SPDX-License-Identifier: Apache-2.0

package import Bytes
import CoreMetrics
import Mail
package import SASL
import Storage
import World

/// One attempt to log in over a protocol, decided by the directory.
///
/// The driver hands in what the client sent and sends what comes back; failures are answered
/// late when the client's network fails often, so the driver need not slow anyone down itself.
package struct Authentication: Sendable {
    /// What the driver has to do next.
    package enum Progress: Sendable, Equatable {
        /// Send this and hand the answer to `respond`.
        case challenge([UInt8])
        case succeeded(Account)
        /// Wrong (535 5.7.8, `[AUTH]`); the reason is for the log.
        case refused(AuthenticationFailure)
        /// Too many were wrong for this account from this network: none is looked at for a while
        /// (454 4.7.0, `[SYS/TEMP]`).
        case tooManyFailures
        /// The store does not answer (454 4.7.0, `[SYS/TEMP]`).
        case temporarilyUnavailable
    }

    private let registry: Registry
    private let peer: IPAddress
    private var exchange: ServerExchange
    /// The account whose keys were handed out; nil behind a decoy.
    private var candidate: Account?
    /// The name the client gives, once it has given one: for the log only.
    package private(set) var claimedName: String?

    package init(_ mechanism: Mechanism, registry: Registry, peer: IPAddress) {
        self.registry = registry
        self.peer = peer
        exchange = ServerExchange(
            mechanism, nonce: registry.entropy.octets(ServerExchange.nonceOctets))
    }

    /// Begins, with the initial response if the client sent one with the command.
    package mutating func begin(initialResponse: [UInt8]?) async -> Progress {
        await follow(exchange.begin(initialResponse: initialResponse))
    }

    /// Takes the answer to a challenge, decoded from Base 64.
    package mutating func respond(_ response: [UInt8]) async -> Progress {
        await follow(exchange.step(response: response))
    }

    private mutating func follow(_ first: ServerExchange.Step) async -> Progress {
        var step = first
        do throws(DirectoryFailure) {
            while true {
                switch step {
                case .challenge(let octets): return .challenge(octets)
                case .verify(let claim):
                    claimedName = claim.user
                    guard !isRefused(claim.user) else { return await turnAway() }
                    candidate = try await registry.verify(
                        login: claim.user, password: claim.password)
                    step = exchange.verified(candidate != nil)
                case .needsKeys(let user):
                    claimedName = user
                    guard !isRefused(user) else { return await turnAway() }
                    let credentials = try registry.credentials(login: user)
                    candidate = credentials.account
                    step = exchange.provide(credentials.keys)
                case .succeeded(let identity): return await conclude(identity)
                case .failed(let failure): return await refuse(failure)
                }
            }
        } catch {
            return .temporarilyUnavailable
        }
    }

    private func conclude(_ identity: ServerExchange.Identity) async -> Progress {
        guard let candidate else { return await refuse(.refused) }
        // RFC 4616 §2: nobody acts for somebody else here; to name oneself again is no harm.
        if let other = identity.authorization,
            (try? Address(other)).flatMap({ AddressKey($0) }) != AddressKey(candidate.login)
        {
            return await refuse(.refused)
        }
        registry.counters.succeeded.increment()
        if let claimedName { registry.failures.succeed(claimedName, from: peer) }
        await registry.noteLogin(from: peer, hasSucceeded: true)
        return .succeeded(candidate)
    }

    private func isRefused(_ name: String) -> Bool {
        registry.failures.isRefused(name, from: peer, at: registry.time.now)
    }

    private func refuse(_ failure: AuthenticationFailure) async -> Progress {
        await registry.noteLogin(from: peer, hasSucceeded: false)
        await pause()
        return .refused(failure)
    }

    private func turnAway() async -> Progress {
        await pause()
        return .tooManyFailures
    }

    private func pause() async {
        registry.counters.failed.increment()
        let pause = registry.failures.add(claimedName, from: peer, at: registry.time.now)
        if pause > .zero { try? await registry.time.sleep(for: pause) }
    }
}

/// How attempts to log in ended, for metrics.
struct AuthenticationCounters: Sendable {
    let succeeded = counter("succeeded")
    let failed = counter("failed")

    private static func counter(_ result: String) -> Counter {
        Counter(label: "postreiter_authentications_total", dimensions: [("result", result)])
    }
}

extension Registry {
    /// The keys for a name, and the account if the name is one that may log in.
    ///
    /// For any other name the keys are decoys, the same each time.
    package func credentials(
        login: String
    ) throws(DirectoryFailure) -> (keys: SCRAMKeys, account: Account?) {
        let key = (try? Address(login)).flatMap { AddressKey($0) }
        if let key {
            let record = try lookUp { lookup throws(StorageFailure) in
                try lookup.record(login: key)
            }
            if let record, record.account.isEnabled { return (record.keys, record.account) }
        }
        let name = key?.text ?? login.asciiLowercased
        return (SCRAMKeys(decoyFor: name, secret: decoySecret, iterations: iterations), nil)
    }

    /// The account of that name, if it may log in: for whom a trusted proxy has authenticated.
    package func enabledAccount(login: String) async -> Account? {
        (try? credentials(login: login))?.account
    }

    /// The account, if this is its password and it may log in.
    ///
    /// Takes some milliseconds on the password executor, unless the same password was right
    /// lately; an unknown name takes as long as a wrong password.
    package func verify(
        login: String, password: PreparedString
    ) async throws(DirectoryFailure) -> Account? {
        let (keys, account) = try credentials(login: login)
        if let account {
            let record = AccountRecord(account: account, keys: keys)
            if passwords.contains(password, of: record) { return account }
        }
        let isRight = await onPasswordExecutor { keys.verify(password) }
        guard let account, isRight else { return nil }
        passwords.insert(password, of: AccountRecord(account: account, keys: keys))
        return account
    }

    func onPasswordExecutor<Result: Sendable>(
        _ work: @escaping @Sendable () -> Result
    ) async -> Result {
        guard let passwordExecutor else { return work() }
        return await withTaskExecutorPreference(passwordExecutor) {
            await Self.perform(work)
        }
    }

    /// Leaves the caller's actor, so that the preferred executor applies.
    @concurrent private static func perform<Result: Sendable>(
        _ work: @escaping @Sendable () -> Result
    ) async -> Result {
        work()
    }
}
