// SPDX-License-Identifier: Apache-2.0

import Bytes
import Directory
import Logging
import MessageStore
import POP3
import SASL
import World

/// One client from its greeting to its end: the loop that performs the session's steps.
struct POP3Visit: ~Copyable {
    private let service: POP3Service
    private let connection: any Connection
    private var logger: Logger
    private var session: ServerSession
    private var authentication: Authentication?
    private var account: Account?
    /// Whether this session holds the maildrop's lock.
    private var isOpen = false
    private var messages: [Mailboxes.Message] = []
    private var unsentOctets = 0
    /// Which line is waited for, and since when.
    private var waiting: (line: UInt64, since: Instant)?
    private var retrieved = 0
    private var removed = 0

    /// Why the loop ends; the peer gets no more answer.
    private enum Ending: Error {
        /// The session said so.
        case closed
        case network(NetworkFailure)
        /// A message broke off half sent: only the end of the connection can tell the client.
        case unreadable(String)
    }

    init(_ service: POP3Service, _ connection: any Connection, _ logger: Logger) {
        self.service = service
        self.connection = connection
        self.logger = logger
        session = ServerSession(service.policy, isProtected: connection.tls != nil)
    }

    mutating func run() async {
        do throws(Ending) {
            while true {
                while let step = session.next() { try await perform(step) }
                guard let octets = try await receive() else { break }
                session.receive(octets)
            }
        } catch {
            switch error {
            case .closed: break
            case .network(let failure): logger.info("POP3 connection ended: \(failure)")
            case .unreadable(let reason): logger.error("a message cannot be read: \(reason)")
            }
        }
        guard isOpen, let account else { return }
        service.locks.release(account.id)
        logger.info(
            "POP3 session ended",
            metadata: ["retrieved": "\(retrieved)", "removed": "\(removed)"])
    }

    private mutating func perform(_ step: ServerSession.Step) async throws(Ending) {
        switch step {
        case .send(let octets): try await send(octets)
        case .startTLS: try await startTLS()
        case .authenticate(let name, let initialResponse):
            await begin(name, initialResponse)
        case .respond(let response):
            guard var exchange = authentication else { return session.refuse(.wrongPassword) }
            let progress = await exchange.respond(response)
            authentication = exchange
            conclude(progress)
        case .cancelAuthentication: authentication = nil
        case .openMailbox: await openMailbox()
        case .content(let message, let lines): try await sendContent(messages[message], lines)
        case .remove(let indices): await remove(indices)
        case .close: throw .closed
        }
    }

    private mutating func receive() async throws(Ending) -> [UInt8]? {
        let now = service.surroundings.time.now
        let line = session.linesRead
        if waiting?.line != line { waiting = (line, now) }
        do {
            return try await connection.receive(
                deadline: (waiting?.since ?? now) + ServerSession.idleTimeout)
        } catch {
            throw .network(error)
        }
    }

    private var deadline: Instant { service.surroundings.time.now + ServerSession.idleTimeout }

    /// Writes, and waits for the client when it is behind.
    private mutating func send(_ octets: consuming [UInt8]) async throws(Ending) {
        unsentOctets += octets.count
        connection.write(octets)
        guard unsentOctets >= POP3Service.unsentLimitOctets else { return }
        unsentOctets = 0
        do {
            try await connection.flush(deadline: deadline)
        } catch {
            throw .network(error)
        }
    }

    private mutating func startTLS() async throws(Ending) {
        guard let identity = service.configuration.identity else { throw .closed }
        do {
            try await connection.startTLS(
                .server(identity),
                deadline: service.surroundings.time.now + POP3Service.handshakeTimeout)
        } catch {
            throw .network(error)
        }
        session.tlsStarted()
    }
}

// MARK: - Logging in

extension POP3Visit {
    private mutating func begin(_ name: String, _ initialResponse: [UInt8]?) async {
        guard let mechanism = Mechanism(named: name) else {
            return session.refuse(.wrongPassword)
        }
        var exchange = Authentication(
            mechanism, registry: service.registry, peer: connection.remoteAddress.host,
            service: .pop3)
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
            session.authenticated()
        case .refused(let failure):
            logger.notice(
                "POP3 login refused: \(failure)",
                metadata: ["name": "\(authentication?.claimedName ?? "")"])
            session.refuse(.wrongPassword)
        case .tooManyFailures:
            logger.notice(
                "POP3 login refused: too many wrong passwords",
                metadata: ["name": "\(authentication?.claimedName ?? "")"])
            session.refuse(.temporarilyUnavailable)
        case .temporarilyUnavailable(let reason):
            logger.error("POP3 login impossible: \(reason)")
            session.refuse(.temporarilyUnavailable)
        }
        authentication = nil
    }
}

// MARK: - The maildrop

extension POP3Visit {
    private mutating func openMailbox() async {
        guard let account, service.locks.take(account.id) else {
            return session.refuse(.mailboxInUse)
        }
        do {
            messages = try await service.mailboxes.list(of: account.id.rawValue)
        } catch {
            service.locks.release(account.id)
            logger.error("the mailbox cannot be listed: \(error)")
            return session.refuse(.temporarilyUnavailable)
        }
        isOpen = true
        session.opened(
            messages.map { Maildrop.Message(octets: $0.octets, uniqueID: $0.uniqueID) })
        logger.info("POP3 login", metadata: ["messages": "\(messages.count)"])
    }

    private mutating func sendContent(
        _ message: Mailboxes.Message, _ lines: Int?
    ) async throws(Ending) {
        var reader = service.mailboxes.read(message, top: lines)
        var piece: [UInt8]?
        do {
            piece = try await reader.next()
        } catch {
            logger.error("a message cannot be read: \(error)", metadata: ["uid": "\(message.uid)"])
            return session.contentUnavailable()
        }
        try await send(ServerSession.opening(octets: message.octets))
        var encoder = ContentEncoder()
        while let octets = piece {
            try await send(encoder.encode(octets))
            do {
                piece = try await reader.next()
            } catch {
                throw .unreadable("\(error)")
            }
        }
        try await send(encoder.finish())
        if lines == nil { retrieved += 1 }
    }

    private mutating func remove(_ indices: [Int]) async {
        guard let account else { return session.removed(false) }
        do {
            removed = try await service.mailboxes.delete(
                indices.map { messages[$0].uid }, of: account.id.rawValue)
            session.removed(true)
        } catch {
            logger.error("messages cannot be removed: \(error)")
            session.removed(false)
        }
    }
}
