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
        /// Nobody can tell now, for this reason (454 4.7.0, `[SYS/TEMP]`).
        case temporarilyUnavailable(String)
    }

    private let registry: Registry
    private let peer: IPAddress
    private var exchange: ServerExchange
    /// The account whose keys were handed out; nil behind a decoy.
    private var candidate: Account?
    /// With which of its app passwords; nil: with its own.
    private var appPassword: AppPassword?
    /// There is such an account, and nothing to prove its password by: it was a decoy, too.
    private var lacksKeys = false
    private let service: LoginService?
    /// It has been told so, and counts already.
    private var hasBeenRefused = false
    /// The name the client gives, once it has given one: for the log only.
    package private(set) var claimedName: String?

    /// `service` is what is logged in for: an app password may be for others only.
    package init(
        _ mechanism: Mechanism, registry: Registry, peer: IPAddress, service: LoginService? = nil
    ) {
        self.service = service
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
                    let found = try await registry.verify(
                        login: claim.user, password: claim.password, for: service)
                    (candidate, appPassword) = (found?.account, found?.appPassword)
                    step = exchange.verified(candidate != nil)
                case .needsKeys(let user):
                    claimedName = user
                    guard !isRefused(user) else { return await turnAway() }
                    step = exchange.provide(try keys(of: user))
                case .examine(let claim):
                    claimedName = claim.user
                    if let user = claim.user, isRefused(user) { return await turnAway() }
                    switch try await registry.examine(claim) {
                    case .unavailable(let reason): return .temporarilyUnavailable(reason)
                    case .owner(let account):
                        (candidate, claimedName) = (account, account.login.description)
                        step = exchange.examined(
                            owner: account.login.description, refusal: TokenRefusal(reason: ""))
                    case .refused(let refusal):
                        step = exchange.examined(owner: nil, refusal: refusal)
                        // Who hangs up instead of hearing the end has failed as well.
                        hasBeenRefused = true
                        await count()
                    }
                case .succeeded(let identity): return await conclude(identity)
                case .failed(let failure):
                    return hasBeenRefused
                        ? .refused(failure)
                        : await refuse(
                            failure == .refused && lacksKeys ? .lacksKeys : failure)
                }
            }
        } catch {
            return .temporarilyUnavailable("the directory does not answer: \(error)")
        }
    }

    /// The keys for SCRAM, of the name or decoys, and notes whose they are.
    private mutating func keys(of user: String) throws(DirectoryFailure) -> SCRAMKeys {
        guard let hash = exchange.mechanism.scramHash else {
            preconditionFailure("keys for what is no SCRAM")
        }
        let credentials = try registry.credentials(login: user, for: service)
        guard let known = credentials.keys, let keys = known[hash] else {
            lacksKeys = credentials.keys != nil
            return registry.decoy(for: credentials.name, hash)
        }
        (candidate, appPassword) = (credentials.account, credentials.appPassword)
        return keys
    }

    private func conclude(_ identity: ServerExchange.Identity) async -> Progress {
        guard let candidate else { return await refuse(.refused) }
        // RFC 4616 §2: nobody acts for somebody else here; to name oneself again is no harm.
        if let other = identity.authorization,
            (try? Address(other)).flatMap({ AddressKey($0) }) != AddressKey(candidate.login)
        {
            return await refuse(.refused)
        }
        if let appPassword { registry.noteUse(of: appPassword, for: service, from: peer) }
        registry.counters.succeeded.increment()
        if let claimedName { registry.failures.succeed(claimedName, from: peer) }
        await registry.noteLogin(from: peer, hasSucceeded: true)
        return .succeeded(candidate)
    }

    private func isRefused(_ name: String) -> Bool {
        registry.failures.isRefused(name, from: peer, at: registry.time.now)
    }

    private func refuse(_ failure: AuthenticationFailure) async -> Progress {
        await count()
        return .refused(failure)
    }

    private func count() async {
        await registry.noteLogin(from: peer, hasSucceeded: false)
        await pause()
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
    /// Who logs in, and with what.
    struct Credentials: Sendable {
        /// By which decoys are made: the same for every spelling.
        let name: String
        /// Nil: nobody logs in by this name.
        var keys: PasswordKeys?
        var account: Account?
        /// Nil: with the account's own password.
        var appPassword: AppPassword?
    }

    /// Parts the login from the name of a device: `anna@example.org/phone`.
    private static let deviceSeparator: Character = "/"

    private static func name(_ key: AddressKey, device: Substring?) -> String {
        guard let device else { return key.text }
        return "\(key.text)\(deviceSeparator)\(String(device).asciiLowercased)"
    }

    /// The keys for a name, and the account if the name is one that may log in.
    ///
    /// Behind a slash stands the name of an app password, whose keys they are then: so it can be
    /// used with SCRAM, where a server has to choose the keys before it sees what the client knows.
    func credentials(
        login: String, for service: LoginService? = nil
    ) throws(DirectoryFailure) -> Credentials {
        let parts = login.split(
            separator: Self.deviceSeparator, maxSplits: 1, omittingEmptySubsequences: false)
        let key = parts.first.flatMap { try? Address($0) }.flatMap { AddressKey($0) }
        guard let key else { return Credentials(name: login.asciiLowercased) }
        var credentials = Credentials(
            name: Self.name(key, device: parts.count == 1 ? nil : parts[1]))
        let record = try lookUp { lookup throws(StorageFailure) in
            try lookup.record(login: key)
        }
        guard let record, record.account.isEnabled, !record.account.isShared else {
            return credentials
        }
        if parts.count == 1 {
            credentials.keys = record.keys
            credentials.account = record.account
            return credentials
        }
        let known = try lookUp { lookup throws(StorageFailure) in
            try lookup.appPasswords(of: record.account.id)
        }
        if let found = known.first(where: {
            $0.password.name == parts[1] && $0.password.allows(service)
        }) {
            credentials.keys = found.keys
            credentials.account = record.account
            credentials.appPassword = found.password
        }
        return credentials
    }

    /// The account of that name, if it may log in: for whom a trusted proxy has authenticated.
    package func enabledAccount(login: String) async -> Account? {
        (try? credentials(login: login))?.account
    }

    /// The account, if this is its password, or one of its app passwords for the service, and it
    /// may log in.
    ///
    /// Takes some milliseconds on the password executor, unless the same password was right
    /// lately; an unknown name takes as long as a wrong password.
    package func verify(
        login: String, password: PreparedString, for service: LoginService? = nil
    ) async throws(DirectoryFailure) -> (account: Account, appPassword: AppPassword?)? {
        let credentials = try credentials(login: login, for: service)
        guard let account = credentials.account, let keys = credentials.keys else {
            let decoy = decoy(for: credentials.name, .sha256)
            _ = await onPasswordExecutor { decoy.verify(password) }
            return nil
        }
        // What is typed for a device may lack its hyphens.
        if let secret = AppSecret(typed: password.value),
            let prepared = try? PreparedString(secret.text)
        {
            if let appPassword = credentials.appPassword {
                guard await verify(prepared, of: account, appPassword, keys) else { return nil }
                return (account, appPassword)
            }
            let known = try lookUp { lookup throws(StorageFailure) in
                try lookup.appPasswords(of: account.id)
            }
            for record in known
            where record.selector == secret.selector && record.password.allows(service) {
                if await verify(prepared, of: account, record.password, record.keys) {
                    return (account, record.password)
                }
            }
        }
        guard await verify(password, of: account, credentials.appPassword, keys) else {
            return nil
        }
        return (account, credentials.appPassword)
    }

    private func verify(
        _ password: PreparedString, of account: Account, _ appPassword: AppPassword?,
        _ keys: PasswordKeys
    ) async -> Bool {
        let owner = VerifiedPasswords.Owner(account: account.id, appPassword: appPassword?.id)
        if !passwords.contains(password, of: owner, keys.sha256) {
            guard await onPasswordExecutor({ keys.sha256.verify(password) }) else { return false }
            passwords.insert(password, of: owner, keys.sha256)
        }
        if let key = AddressKey(account.login) {
            let name = Self.name(key, device: appPassword?.name[...])
            await addMissingKeys(of: password, owner, keys, name: name)
        }
        return true
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
