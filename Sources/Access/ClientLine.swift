// SPDX-License-Identifier: Apache-2.0

import Bytes
import Directory
import Logging
import SASL
import World

/// The way to one mail program, and who is at its other end: the same in every protocol.
struct ClientLine: ~Copyable {
    /// Why a visit ends; the client gets no more answer.
    enum Ending: Error {
        /// The session said so.
        case closed
        case network(NetworkFailure)
        /// A message broke off half sent: only the end of the connection can tell the client.
        case unreadable(String)
    }

    /// Longer than any honest handshake over a bad line.
    private static let handshakeTimeout = Duration.seconds(30)
    /// What is written ahead of what the client has taken.
    private static let unsentLimitOctets = 64 << 10

    private(set) var connection: any Connection
    private(set) var logger: Logger
    private let time: any Time
    /// How long a client may take nothing of what is sent to it.
    private let silence: Duration
    private let service: LoginService
    private let registry: Registry
    private var authentication: Authentication?
    private var unsentOctets = 0
    /// Which line is waited for, and since when.
    private var waiting: (line: UInt64, since: Instant)?

    init(
        _ connection: any Connection, for service: LoginService, registry: Registry,
        silence: Duration, _ surroundings: Surroundings, _ logger: Logger
    ) {
        self.connection = connection
        self.service = service
        self.registry = registry
        self.silence = silence
        time = surroundings.time
        self.logger = logger
        self.logger[metadataKey: "session"] =
            "\(Hexadecimal.encode(surroundings.entropy.octets(4)))"
        self.logger[metadataKey: "peer"] = "\(connection.remoteAddress)"
    }

    /// Until when a line is waited for, of which parts may have come before.
    ///
    /// To be asked before each `receive`; what was written goes out with that.
    mutating func deadline(ofLine line: UInt64, patience: Duration) -> Instant {
        let now = time.now
        if waiting?.line != line { waiting = (line, now) }
        unsentOctets = 0
        return (waiting?.since ?? now) + patience
    }

    /// Writes, and waits for the client when it is behind.
    mutating func send(_ octets: consuming [UInt8]) async throws(Ending) {
        unsentOctets += octets.count
        connection.write(octets)
        if unsentOctets >= Self.unsentLimitOctets { try await push() }
    }

    /// Sends all that is written now.
    mutating func push() async throws(Ending) {
        unsentOctets = 0
        do {
            try await connection.flush(deadline: time.now + silence)
        } catch {
            throw .network(error)
        }
    }

    /// Shakes hands before the greeting (RFC 8314 §3); false if that came to nothing.
    func beginTLS(_ identity: (any TLSIdentity)?) async -> Bool {
        guard identity != nil else {
            logger.error("\(service.title) over TLS is configured without a certificate")
            return false
        }
        do throws(Ending) {
            try await startTLS(identity)
            return true
        } catch {
            if case .network(let failure) = error {
                logger.info("\(service.title) session ended before it began: \(failure)")
            }
            return false
        }
    }

    /// Shakes hands; without a certificate, which no session offers, this is the end.
    func startTLS(_ identity: (any TLSIdentity)?) async throws(Ending) {
        guard let identity else { throw .closed }
        do {
            try await connection.startTLS(
                .server(identity), deadline: time.now + Self.handshakeTimeout)
        } catch {
            throw .network(error)
        }
    }

    /// From here on both ways are packed.
    mutating func compress() { connection = CompressedConnection(connection, time: time) }
}

// MARK: - Logging in

extension ClientLine {
    /// What the session is to be told of an attempt to log in; the log has been.
    enum Login {
        case challenge([UInt8])
        case succeeded(Account)
        case refused
        /// For a while, and why.
        case unavailable(String)
    }

    mutating func logIn(_ mechanism: String, _ initialResponse: [UInt8]?) async -> Login {
        guard let mechanism = Mechanism(named: mechanism) else { return .refused }
        var exchange = Authentication(
            mechanism, registry: registry, peer: connection.remoteAddress.host, service: service)
        let progress = await exchange.begin(initialResponse: initialResponse)
        return follow(progress, exchange)
    }

    /// Takes the answer to a challenge.
    mutating func logIn(_ response: [UInt8]) async -> Login {
        guard var exchange = authentication else { return .refused }
        let progress = await exchange.respond(response)
        return follow(progress, exchange)
    }

    mutating func cancelLogin() { authentication = nil }

    private mutating func follow(
        _ progress: Authentication.Progress, _ exchange: Authentication
    ) -> Login {
        authentication = nil
        let name: Logger.Metadata = ["name": "\(exchange.claimedName ?? "")"]
        switch progress {
        case .challenge(let challenge):
            authentication = exchange
            return .challenge(challenge)
        case .succeeded(let account):
            logger[metadataKey: "account"] = "\(account.login)"
            return .succeeded(account)
        case .refused(let failure):
            logger.notice("\(service.title) login refused: \(failure)", metadata: name)
            return .refused
        case .tooManyFailures:
            logger.notice(
                "\(service.title) login refused: too many wrong passwords", metadata: name)
            return .unavailable("too many wrong passwords, try again later")
        case .temporarilyUnavailable(let reason):
            logger.error("\(service.title) login impossible: \(reason)", metadata: name)
            return .unavailable("logging in is not possible at the moment")
        }
    }
}

extension LoginService {
    /// As the log names it.
    fileprivate var title: String {
        switch self {
        case .imap: "IMAP"
        case .pop3: "POP3"
        case .smtp: "SMTP"
        case .managesieve: "ManageSieve"
        }
    }
}
