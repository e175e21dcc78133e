// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Directory
import MIME
import Mail
import MessageStore
import Routing
import SASL
import SMTP
import Spool
import World

/// A connection to a host that takes mail: performs what the client's session asks for.
///
/// Used by one task. The only place where delivery waits for a peer.
final class OutboundConnection {
    /// Where it leads, and on which terms: a connection serves only for a peer that is equal.
    struct Peer: Hashable {
        var exchange: Route.Exchange
        var end: End
        var security: Route.Security
        var dialect: Route.Dialect
        var account: Transport.Account?

        /// What is connected to.
        enum End: Hashable {
            case address(SocketAddress)
            case socket(String)

            var host: IPAddress? { if case .address(let end) = self { end.host } else { nil } }
        }

        init(
            _ host: Route.Host, _ end: End, _ security: Route.Security,
            account: Transport.Account?
        ) {
            exchange = host.exchange
            self.end = end
            self.security = security
            dialect = host.dialect
            self.account = account
        }

        /// `mx1.example.org [192.0.2.1]`.
        var name: String {
            guard exchange.name != nil, let host = end.host else { return exchange.description }
            return "\(exchange) [\(host)]"
        }

        /// For SNI and the certificate; empty for an address.
        var serverName: String { exchange.name.map { $0.lowercased.description } ?? "" }

        /// An operator's certificate is checked; on the open net any is better than plain text
        /// (RFC 7435 §3).
        var verifies: Bool { security == .required || security == .implicit }
    }

    /// What the caller has to know.
    enum Event {
        case idle
        case finished(ClientSession.Report)
        case unusable(ClientSession.Reason, Outcome.Evidence)
        case closed
    }

    let peer: Peer
    /// How many transactions were begun.
    private(set) var transactions = 0
    private let maximumTransactions: Int
    private let connection: any Connection
    private let time: any Time
    private let entropy: any Entropy
    private var session: ClientSession
    private var exchange: ClientExchange?
    /// Which reply is waited for, and since when.
    private var waiting: (reply: UInt64, since: Instant)?

    /// The best first: with the first two the password itself never crosses the line.
    private static let mechanisms: [Mechanism] = [.scramSHA256, .scramSHA1, .plain, .login]

    /// From where it was made, if that says anything to others: not the side of a translator
    /// that they do not see.
    var visibleSource: IPAddress? {
        let host = connection.localAddress.host
        return host.isPrivate || host.isUnusable ? nil : host
    }

    /// Connects, and with implicit TLS shakes hands.
    init(
        to peer: Peer, withoutTLS: Bool, _ deliverer: Deliverer
    ) async throws(NetworkFailure) {
        let settings = deliverer.settings
        let deadline = deliverer.time.now + settings.connectTimeout
        switch peer.end {
        case .address(let address):
            connection = try await deliverer.network.connect(
                to: address, from: settings.source(towards: address.host), deadline: deadline)
        case .socket(let path):
            connection = try await deliverer.network.connect(toSocket: path, deadline: deadline)
        }
        if peer.security == .implicit {
            do throws(NetworkFailure) {
                try await connection.startTLS(
                    .client(serverName: peer.serverName, verify: true), deadline: deadline)
            } catch {
                await connection.close()
                throw error
            }
        }
        self.peer = peer
        maximumTransactions = settings.queue.messagesPerConnection
        time = deliverer.time
        entropy = deliverer.entropy
        let policy: ClientSession.TLSPolicy =
            switch peer.security {
            case .opportunistic: withoutTLS ? .never : .opportunistic
            case .none: .never
            case .required, .implicit: .required
            }
        var configuration = ClientSession.Configuration(
            hostName: settings.hostName, remoteHost: peer.name, tls: policy)
        configuration.timeouts = settings.timeouts
        configuration.dialect = peer.dialect == .lmtp ? .lmtp : .smtp
        if peer.account != nil { configuration.mechanisms = Self.mechanisms.map(\.name) }
        session = ClientSession(configuration, tls: connection.tls)
    }

    /// The TLS version, nil in plain text.
    var tls: String? { session.tls?.version }
    /// What the host offers now.
    var extensions: Extensions { session.extensions }
    /// Whether another message may go over this connection: the host takes it, and it is not in
    /// use for so long that it keeps the host from balancing its load.
    var takesMore: Bool { session.takesMore && transactions < maximumTransactions }

    /// Goes on to the next event; after `closed` there is none.
    func advance(_ content: inout Delivery?) async -> Event {
        while true {
            while let step = session.next() {
                switch step {
                case .send(let octets): connection.write(octets)
                case .startTLS: await startTLS()
                case .sendContent: await send(&content)
                case .authenticate(let mechanism): authenticate(by: mechanism)
                case .challenge(let octets): respond(to: octets)
                case .idle: return .idle
                case .finished(let report): return .finished(report)
                case .unusable(let reason, let evidence): return .unusable(reason, evidence)
                case .close:
                    await connection.close()
                    return .closed
                }
            }
            await receive()
        }
    }

    /// Until the host is ready for mail, or of no use.
    func open() async -> Event {
        var nothing: Delivery?
        let event = await advance(&nothing)
        if case .unusable = event { await drain() }
        return event
    }

    /// Sends a message and says how it ended; the connection is idle or closed afterwards.
    func deliver(
        _ transaction: ClientSession.Transaction, _ delivery: Delivery
    ) async -> (report: ClientSession.Report?, isOpen: Bool) {
        var content: Delivery? = delivery
        var report: ClientSession.Report?
        transactions += 1
        session.begin(transaction)
        while true {
            switch await advance(&content) {
            case .finished(let found): report = found
            case .idle: return (report, true)
            case .unusable: continue
            case .closed: return (report, false)
            }
        }
    }

    /// Says goodbye.
    func quit() async {
        session.quit()
        await drain()
    }

    private func drain() async {
        var nothing: Delivery?
        while true {
            if case .closed = await advance(&nothing) { return }
        }
    }

    private func receive() async {
        do throws(NetworkFailure) {
            if let octets = try await connection.receive(deadline: replyDeadline()) {
                session.receive(octets)
            } else {
                session.receiveEnd()
            }
        } catch .deadlinePassed {
            session.expire()
        } catch {
            session.receiveEnd()
        }
    }

    /// When the host's time for the reply that is waited for is over.
    private func replyDeadline() -> Instant {
        let reply = session.repliesRead
        if waiting?.reply != reply { waiting = (reply, time.now) }
        return (waiting?.since ?? time.now) + session.timeout
    }

    private func startTLS() async {
        do throws(NetworkFailure) {
            try await connection.startTLS(
                .client(serverName: peer.serverName, verify: peer.verifies),
                deadline: time.now + session.timeout)
            session.secured(connection.tls ?? TLSFacts(version: "TLS", cipher: ""))
        } catch {
            session.tlsFailed("\(error)")
        }
    }

    // MARK: Authentication

    private func authenticate(by name: String) {
        guard let account = peer.account, let known = account.password else {
            return session.cancelAuthentication(
                Diagnosis.passwordSealed.text(peer.name))
        }
        guard let mechanism = Mechanism(named: name),
            let user = try? PreparedString(account.name),
            let password = try? PreparedString(known)
        else { return session.cancelAuthentication("the account cannot be used with \(name)") }
        var exchange = ClientExchange(
            mechanism, user: user, password: password,
            nonce: entropy.octets(ServerExchange.nonceOctets))
        let response = exchange.initialResponse()
        self.exchange = exchange
        session.authenticate(
            mechanism.name, initialResponse: response,
            isServerAuthentic: exchange.isServerAuthentic)
    }

    private func respond(to challenge: [UInt8]) {
        guard var exchange else { return session.cancelAuthentication("nothing was asked") }
        do throws(AuthenticationFailure) {
            let response = try exchange.respond(to: challenge)
            self.exchange = exchange
            session.respond(response, isServerAuthentic: exchange.isServerAuthentic)
        } catch {
            session.cancelAuthentication("\(peer.name): \(error)")
        }
    }

    // MARK: The message

    /// A message on its way out, piece by piece.
    struct Delivery {
        var content: ContentReader
        /// What is changed on the way, for a host that could not carry it as it is.
        var converter: TransportConverter?
        /// Asked between pieces: keeps the claim, for a message that takes its time.
        var keepAlive: () async -> Void
    }

    private func send(_ delivery: inout Delivery?) async {
        guard var content = delivery?.content, let keepAlive = delivery?.keepAlive else {
            return session.contentFailed("there is no message")
        }
        var converter = delivery?.converter
        do {
            var isFirst = true
            while let piece = try await content.next() {
                // The end goes out with the last piece: a message of the usual size in one go.
                if !isFirst { try await makeRoom() }
                isFirst = false
                guard session.isSendingContent else { return }
                write(converter?.convert(piece) ?? piece)
                await keepAlive()
            }
            if let rest = converter?.finish(), !rest.isEmpty { write(rest) }
            if session.awaitsChunkReply { try await makeRoom() }
            guard session.isSendingContent else { return }
            connection.write(session.endContent())
        } catch let failure as NetworkFailure {
            await takeLastWord(failure)
        } catch {
            session.contentFailed("the message cannot be read: \(error)")
        }
    }

    /// Waits until what was written is under way, and acknowledged if it was a chunk.
    private func makeRoom() async throws(NetworkFailure) {
        try await connection.flush(deadline: time.now + session.timeout)
        while session.awaitsChunkReply { try await receiveChunkReply() }
    }

    private func write(_ piece: consuming [UInt8]) {
        let encoded = session.encodeContent(piece)
        if !encoded.isEmpty { connection.write(encoded) }
    }

    private func receiveChunkReply() async throws(NetworkFailure) {
        let octets = try await connection.receive(deadline: replyDeadline())
        guard let octets else { throw .disconnected }
        session.receive(octets)
    }

    /// A peer that refuses the rest of a message says so before it closes.
    private func takeLastWord(_ failure: NetworkFailure) async {
        let deadline = time.now + .seconds(1)
        if let octets = try? await connection.receive(deadline: deadline) {
            session.receive(octets)
        }
        failure == .deadlinePassed ? session.expire() : session.receiveEnd()
    }
}
