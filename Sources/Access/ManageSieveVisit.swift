// SPDX-License-Identifier: Apache-2.0

import Bytes
import Directory
import Logging
import ManageSieve
import SASL
import ScriptStore
import Sieve
import World

/// One client from its greeting to its end: the loop that performs the session's steps.
struct ManageSieveVisit: ~Copyable {
    private let service: ManageSieveService
    private let connection: any Connection
    private var logger: Logger
    private var session: ServerSession
    private var authentication: Authentication?
    private var account: Account?
    private var unsentOctets = 0
    /// Which line is waited for, and since when.
    private var waiting: (line: UInt64, since: Instant)?

    /// Why the loop ends; the peer gets no more answer.
    private enum Ending: Error {
        /// The session said so.
        case closed
        case network(NetworkFailure)
    }

    init(_ service: ManageSieveService, _ connection: any Connection, _ logger: Logger) {
        self.service = service
        self.connection = connection
        self.logger = logger
        session = ServerSession(service.policy, isProtected: connection.tls != nil)
    }

    mutating func run() async {
        do throws(Ending) {
            while true {
                while let step = session.next() { try await perform(step) }
                try await listen()
            }
        } catch {
            if case .network(let failure) = error {
                logger.debug("ManageSieve connection ended: \(failure)")
            }
        }
        if account != nil { logger.info("ManageSieve session ended") }
    }

    private mutating func listen() async throws(Ending) {
        let now = service.surroundings.time.now
        let line = session.linesRead
        if waiting?.line != line { waiting = (line, now) }
        let patience =
            session.isAuthenticated
            ? ServerSession.idleTimeout : ServerSession.unauthenticatedTimeout
        unsentOctets = 0
        do {
            let octets = try await connection.receive(
                deadline: (waiting?.since ?? now) + patience)
            if let octets { session.receive(octets) } else { session.receiveEnd() }
        } catch {
            switch error {
            case .deadlinePassed: session.terminate(nil, "nothing came for too long")
            case .cancelled: session.terminate(.tryLater, "the server stops, come back soon")
            default: throw .network(error)
            }
        }
    }

    private mutating func perform(_ step: ServerSession.Step) async throws(Ending) {
        switch step {
        case .send(let octets): try await send(octets)
        case .startTLS: try await startTLS()
        case .authenticate(let name, let initialResponse): await begin(name, initialResponse)
        case .respond(let response):
            guard var exchange = authentication else { return session.refuse() }
            let progress = await exchange.respond(response)
            authentication = exchange
            conclude(progress)
        case .cancelAuthentication: authentication = nil
        case .perform(let command): await answer(command)
        case .unauthenticate: account = nil
        case .close: throw .closed
        }
    }

    /// Writes, and waits for the client when it is behind.
    private mutating func send(_ octets: consuming [UInt8]) async throws(Ending) {
        unsentOctets += octets.count
        connection.write(octets)
        guard unsentOctets >= ManageSieveService.unsentLimitOctets else { return }
        unsentOctets = 0
        do {
            try await connection.flush(
                deadline: service.surroundings.time.now + ServerSession.idleTimeout)
        } catch {
            throw .network(error)
        }
    }

    private mutating func startTLS() async throws(Ending) {
        guard let identity = service.configuration.identity else { throw .closed }
        do {
            try await connection.startTLS(
                .server(identity),
                deadline: service.surroundings.time.now + ManageSieveService.handshakeTimeout)
        } catch {
            throw .network(error)
        }
        session.tlsStarted()
    }
}

// MARK: - Logging in

extension ManageSieveVisit {
    private mutating func begin(_ name: String, _ initialResponse: [UInt8]?) async {
        guard let mechanism = Mechanism(named: name) else { return session.refuse() }
        var exchange = Authentication(
            mechanism, registry: service.registry, peer: connection.remoteAddress.host,
            service: .managesieve)
        let progress = await exchange.begin(initialResponse: initialResponse)
        authentication = exchange
        conclude(progress)
    }

    private mutating func conclude(_ progress: Authentication.Progress) {
        switch progress {
        case .challenge(let challenge): return session.challenge(challenge)
        case .succeeded(let account):
            self.account = account
            logger[metadataKey: "account"] = "\(account.login)"
            logger.info("ManageSieve login")
            session.authenticated(as: "\(account.login)")
        case .refused(let failure):
            logger.notice(
                "ManageSieve login refused: \(failure)",
                metadata: ["name": "\(authentication?.claimedName ?? "")"])
            session.refuse()
        case .tooManyFailures:
            logger.notice(
                "ManageSieve login refused: too many wrong passwords",
                metadata: ["name": "\(authentication?.claimedName ?? "")"])
            session.refuse(.tryLater, "too many wrong passwords, try again later")
        case .temporarilyUnavailable(let reason):
            logger.error("ManageSieve login impossible: \(reason)")
            session.refuse(.tryLater, "logging in is not possible at the moment")
        }
        authentication = nil
    }
}

// MARK: - Scripts

extension ManageSieveVisit {
    /// Performs a command and ends it; a refusal is an end, too.
    private mutating func answer(_ command: Command) async {
        guard let account else { preconditionFailure("a command before login") }
        do {
            try await obey(command, of: account.id.rawValue)
        } catch let refusal as Scripts.Refusal {
            session.complete(.no(refusal.code, refusal.explanation))
        } catch {
            logger.error("scripts cannot be used: \(error)")
            session.complete(
                .no(.tryLater, "the scripts cannot be used at the moment, try again later"))
        }
    }

    private mutating func obey(_ command: Command, of account: Int64) async throws {
        let scripts = service.scripts
        switch command {
        case .haveSpace(let name, let octets):
            try await scripts.checkSpace(for: name, octets: octets, of: account)
        case .put(let name, let script):
            let warnings = try await scripts.put(name, script, of: account)
            logger.info("script stored", metadata: ["script": "\(name)"])
            return session.complete(.ok(warnings))
        case .check(let script):
            return session.complete(.ok(try Scripts.check(script)))
        case .list:
            let entries = try await scripts.list(of: account)
            return session.complete(listing: entries.map { ($0.name, $0.isActive) })
        case .activate(let name):
            try await scripts.activate(name, of: account)
            logger.info("script activated", metadata: ["script": "\(name ?? "none")"])
        case .get(let name):
            guard let text = try await scripts.text(of: name, of: account) else {
                throw Scripts.Refusal.nonexistent(name)
            }
            return session.complete(script: text)
        case .delete(let name):
            try await scripts.remove(name, of: account)
            logger.info("script deleted", metadata: ["script": "\(name)"])
        case .rename(let old, let new): try await scripts.rename(old, to: new, of: account)
        }
        session.complete(.ok())
    }
}

extension Response {
    /// RFC 5804 §1.3, WARNINGS: the script is valid and stored, and its author should know more.
    fileprivate static func ok(_ warnings: [Diagnostic]) -> Response {
        guard !warnings.isEmpty else { return .ok() }
        return .ok(.warnings, warnings.map(\.description).joined(separator: "\r\n"))
    }
}

extension Scripts.Refusal {
    fileprivate var code: Response.Code? {
        switch self {
        case .nonexistent: .nonexistent
        case .exists: .alreadyExists
        case .active: .active
        case .tooMany: .quotaScripts
        case .tooLarge: .quotaSize
        case .badName, .invalid: nil
        }
    }

    /// Each error of a script on a line of its own (RFC 5804 §2.6).
    fileprivate var explanation: String {
        guard case .invalid(let script) = self else { return description }
        return script.errors.map(\.description).joined(separator: "\r\n")
    }
}
