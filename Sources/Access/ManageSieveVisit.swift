// SPDX-License-Identifier: Apache-2.0

import Bytes
import Directory
import Logging
import ManageSieve
import ScriptStore
import Sieve
import World

/// One client from its greeting to its end: the loop that performs the session's steps.
struct ManageSieveVisit: ~Copyable {
    private typealias Ending = ClientLine.Ending

    private let service: ManageSieveService
    private var line: ClientLine
    private var session: ServerSession
    private var account: Account?

    init(_ service: ManageSieveService, _ line: consuming ClientLine) {
        self.service = service
        session = ServerSession(service.policy, isProtected: line.connection.tls != nil)
        self.line = line
    }

    mutating func run() async {
        do throws(Ending) {
            while true {
                while let step = session.next() { try await perform(step) }
                try await listen()
            }
        } catch {
            if case .network(let failure) = error {
                line.logger.debug("ManageSieve connection ended: \(failure)")
            }
        }
        if account != nil { line.logger.info("ManageSieve session ended") }
    }

    private mutating func listen() async throws(Ending) {
        let deadline = line.deadline(
            ofLine: session.linesRead,
            patience: session.isAuthenticated
                ? ServerSession.idleTimeout : ServerSession.unauthenticatedTimeout)
        do {
            let octets = try await line.connection.receive(deadline: deadline)
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
        case .send(let octets): try await line.send(octets)
        case .startTLS:
            try await line.startTLS(service.configuration.identity)
            session.tlsStarted()
        case .authenticate(let name, let initialResponse):
            conclude(await line.logIn(name, initialResponse))
        case .respond(let response): conclude(await line.logIn(response))
        case .cancelAuthentication: line.cancelLogin()
        case .perform(let command): await answer(command)
        case .unauthenticate: account = nil
        case .close: throw .closed
        }
    }

    private mutating func conclude(_ login: ClientLine.Login) {
        switch login {
        case .challenge(let challenge): session.challenge(challenge)
        case .succeeded(let account):
            self.account = account
            line.logger.info("ManageSieve login")
            session.authenticated(as: "\(account.login)")
        case .refused: session.refuse()
        case .unavailable(let reason): session.refuse(.tryLater, reason)
        }
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
            line.logger.error("scripts cannot be used: \(error)")
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
            line.logger.info("script stored", metadata: ["script": "\(name)"])
            return session.complete(.ok(warnings))
        case .check(let script):
            return session.complete(.ok(try Scripts.check(script)))
        case .list:
            let entries = try await scripts.list(of: account)
            return session.complete(listing: entries.map { ($0.name, $0.isActive) })
        case .activate(let name):
            try await scripts.activate(name, of: account)
            line.logger.info("script activated", metadata: ["script": "\(name ?? "none")"])
        case .get(let name):
            guard let text = try await scripts.text(of: name, of: account) else {
                throw Scripts.Refusal.nonexistent(name)
            }
            return session.complete(script: text)
        case .delete(let name):
            try await scripts.remove(name, of: account)
            line.logger.info("script deleted", metadata: ["script": "\(name)"])
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
