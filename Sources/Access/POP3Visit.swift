// SPDX-License-Identifier: Apache-2.0

import Bytes
import Directory
import Logging
import MessageStore
import POP3
import World

/// One client from its greeting to its end: the loop that performs the session's steps.
struct POP3Visit: ~Copyable {
    private typealias Ending = ClientLine.Ending

    private let service: POP3Service
    private var line: ClientLine
    private var session: ServerSession
    private var account: Account?
    /// Whether this session holds the maildrop's lock.
    private var isOpen = false
    private var messages: [Mailboxes.Message] = []
    private var retrieved = 0
    private var removed = 0

    init(_ service: POP3Service, _ line: consuming ClientLine) {
        self.service = service
        session = ServerSession(service.policy, isProtected: line.connection.tls != nil)
        self.line = line
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
            case .network(let failure): line.logger.info("POP3 connection ended: \(failure)")
            case .unreadable(let reason): line.logger.error("a message cannot be read: \(reason)")
            }
        }
        guard isOpen, let account else { return }
        service.locks.release(account.id)
        line.logger.info(
            "POP3 session ended",
            metadata: ["retrieved": "\(retrieved)", "removed": "\(removed)"])
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
        case .openMailbox: await openMailbox()
        case .content(let message, let lines): try await sendContent(messages[message], lines)
        case .remove(let indices): await remove(indices)
        case .close: throw .closed
        }
    }

    private mutating func receive() async throws(Ending) -> [UInt8]? {
        let deadline = line.deadline(
            ofLine: session.linesRead, patience: ServerSession.idleTimeout)
        do {
            return try await line.connection.receive(deadline: deadline)
        } catch {
            throw .network(error)
        }
    }

    private mutating func conclude(_ login: ClientLine.Login) {
        switch login {
        case .challenge(let challenge): session.challenge(challenge)
        case .succeeded(let account):
            self.account = account
            session.authenticated()
        case .refused: session.refuse(.wrongPassword)
        case .unavailable: session.refuse(.temporarilyUnavailable)
        }
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
            line.logger.error("the mailbox cannot be listed: \(error)")
            return session.refuse(.temporarilyUnavailable)
        }
        isOpen = true
        session.opened(
            messages.map { Maildrop.Message(octets: $0.octets, uniqueID: $0.uniqueID) })
        line.logger.info("POP3 login", metadata: ["messages": "\(messages.count)"])
    }

    private mutating func sendContent(
        _ message: Mailboxes.Message, _ lines: Int?
    ) async throws(Ending) {
        var reader = service.mailboxes.read(message, top: lines)
        var piece: [UInt8]?
        do {
            piece = try await reader.next()
        } catch {
            line.logger.error(
                "a message cannot be read: \(error)", metadata: ["uid": "\(message.uid)"])
            return session.contentUnavailable()
        }
        try await line.send(ServerSession.opening(octets: message.octets))
        var encoder = ContentEncoder()
        while let octets = piece {
            try await line.send(encoder.encode(octets))
            do {
                piece = try await reader.next()
            } catch {
                throw .unreadable("\(error)")
            }
        }
        try await line.send(encoder.finish())
        if lines == nil { retrieved += 1 }
    }

    private mutating func remove(_ indices: [Int]) async {
        guard let account else { return session.removed(false) }
        do {
            removed = try await service.mailboxes.delete(
                indices.map { messages[$0].uid }, of: account.id.rawValue)
            session.removed(true)
        } catch {
            line.logger.error("messages cannot be removed: \(error)")
            session.removed(false)
        }
    }
}
