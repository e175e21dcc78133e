// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Mail
import MessageStore
import Routing
import SMTP
import World

/// A connection to a host that takes mail: performs what the client's session asks for.
///
/// Used by one task. The only place where delivery waits for a peer.
final class OutboundConnection {
    /// Where it leads.
    struct Peer: Hashable {
        var exchange: Route.Exchange
        var address: SocketAddress
        var security: Route.Security

        /// `mx1.example.org [192.0.2.1]`.
        var name: String {
            exchange.name == nil ? exchange.description : "\(exchange) [\(address.host)]"
        }
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
    private let connection: any Connection
    private let time: any Time
    private var session: ClientSession

    init(
        _ connection: any Connection, to peer: Peer,
        _ configuration: ClientSession.Configuration, time: any Time
    ) {
        self.connection = connection
        self.peer = peer
        self.time = time
        session = ClientSession(configuration)
    }

    /// The TLS version, nil in plain text.
    var tls: String? { session.tls?.version }

    /// Goes on to the next event; after `closed` there is none.
    func advance(_ content: inout Delivery?) async -> Event {
        while true {
            while let step = session.next() {
                switch step {
                case .send(let octets): connection.write(octets)
                case .startTLS: await startTLS()
                case .sendContent: await send(&content)
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
            if let octets = try await connection.receive(deadline: time.now + session.timeout) {
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

    private func startTLS() async {
        do throws(NetworkFailure) {
            // Opportunistic: any certificate is better than plain text (RFC 7435 §3).
            let name = peer.exchange.name.map { $0.lowercased.description } ?? ""
            try await connection.startTLS(
                .client(serverName: name, verify: false), deadline: time.now + session.timeout)
            session.secured(connection.tls ?? TLSFacts(version: "TLS", cipher: ""))
        } catch {
            session.tlsFailed("\(error)")
        }
    }

    // MARK: The message

    /// A message on its way out, piece by piece.
    struct Delivery {
        var content: ContentReader
        /// Asked between pieces: keeps the claim, for a message that takes its time.
        var keepAlive: () async -> Void
    }

    private func send(_ delivery: inout Delivery?) async {
        guard var content = delivery?.content, let keepAlive = delivery?.keepAlive else {
            return session.contentFailed("there is no message")
        }
        do {
            while let piece = try await content.next() {
                connection.write(session.encodeContent(piece))
                try await connection.flush(deadline: time.now + session.timeout)
                await keepAlive()
                guard session.isSendingContent else { return }
            }
            connection.write(session.endContent())
        } catch let failure as NetworkFailure {
            await takeLastWord(failure)
        } catch {
            session.contentFailed("the message cannot be read: \(error)")
        }
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
