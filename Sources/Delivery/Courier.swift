// SPDX-License-Identifier: Apache-2.0

import Bytes
import Directory
import Mail
import Routing
import SMTP
import Spool
import World

/// Carries messages to one destination, one after another, host by host and address by address.
///
/// It keeps a connection to each host that it has used, for the next message: each message takes
/// the hosts in an order of its own, so that equals share the load.
///
/// Unchecked: used by one task at a time; `RestingCouriers` hands it on under a lock.
final class Courier: @unchecked Sendable {
    private let deliverer: Deliverer
    /// To different hosts, the oldest first.
    private var connections: [OutboundConnection] = []
    /// Of the last message: whether a host was ready for it, or none was, or none was asked.
    private(set) var ending = Queue<Job>.Ending.unknown

    /// As many as a route has hosts; more would be hosts that it had before.
    private static let maximumConnections = Route.maximumHosts
    /// For one message to one host that takes few recipients on each.
    private static let maximumConnectionsPerHost = 20
    /// Beyond this no further host is tried: the claim must outlast the attempt.
    private static let attemptLimit = Duration.minutes(45)

    init(_ deliverer: Deliverer) { self.deliverer = deliverer }

    private var now: Instant { deliverer.time.now }

    /// Tries everything that may be tried now.
    func deliver(_ job: Job) async -> DispatchReport {
        ending = .unknown
        let (decision, account) = await deliverer.way(to: job.destination, via: job.via)
        if case .transient = decision.verdict { ending = .unreachable }
        guard let route = decision.route else {
            let outcome = decision.outcome ?? .transient(.init(EnhancedStatus(4, 3, 5), "at home"))
            let result = DispatchReport.Result(outcome: outcome)
            return DispatchReport(
                begun: deliverer.time.timestamp, results: job.recipients.map { _ in result })
        }
        var attempt = Attempt(
            job, account: account, returnPath: await deliverer.returnPath(of: job, by: route),
            time: deliverer.time)
        attempt.report.route = route.hosts
            .map { "\($0.preference) \($0.exchange)" }.joined(separator: ", ")
        let limit = now + Self.attemptLimit
        for host in route.hosts where !attempt.isOver {
            guard now < limit else {
                attempt.hasUnaskedHost = true
                break
            }
            await serve(host, &attempt)
        }
        return attempt.finish()
    }

    /// Whether the last message found a host that takes another on the same connection.
    var isReady: Bool { ending == .answered && connections.contains(where: \.takesMore) }

    /// What the last message taught says nothing about the next one.
    func rest() { ending = .unknown }

    func close() async {
        for connection in connections { await connection.quit() }
        connections = []
    }

    // MARK: Hosts

    private func serve(_ host: Route.Host, _ attempt: inout Attempt) async {
        if let kept = await kept(for: host, attempt) {
            switch await transact(kept, &attempt) {
            case .done:
                ending = .answered
                return
            case .wantsConnection: ending = .answered
            case .unheard: break
            }
        }
        for peer in Self.peers(host, attempt, port: deliverer.settings.port) {
            guard let first = await open(peer, &attempt) else { continue }
            var end = await transact(first, &attempt)
            var more = Self.maximumConnectionsPerHost - 1
            while end == .wantsConnection, more > 0, let next = await open(peer, &attempt) {
                end = await transact(next, &attempt)
                more -= 1
            }
            return
        }
        attempt.hasUnaskedHost = true
    }

    /// The ends to connect to, in the order of trying.
    private static func peers(
        _ host: Route.Host, _ attempt: Attempt, port: UInt16
    ) -> [OutboundConnection.Peer] {
        let security = attempt.security(host)
        var peers: [OutboundConnection.Peer] = []
        if case .socket(let path) = host.exchange {
            peers = [.init(host, .socket(path), security, account: attempt.account)]
        }
        for address in host.addresses {
            let end = SocketAddress(address, port: host.port ?? port)
            peers.append(.init(host, .address(end), security, account: attempt.account))
        }
        return peers
    }

    // MARK: Connections

    /// The connection that a message before has left, if there is one to this host with the
    /// same security, and the host takes more on it.
    private func kept(
        for host: Route.Host, _ attempt: Attempt
    ) async -> OutboundConnection? {
        let peers = Self.peers(host, attempt, port: deliverer.settings.port)
        guard let index = connections.firstIndex(where: { peers.contains($0.peer) }) else {
            return nil
        }
        if connections[index].takesMore { return connections[index] }
        await connections.remove(at: index).quit()
        return nil
    }

    /// Makes a connection on which a transaction can begin; a failure is noted.
    private func open(
        _ peer: OutboundConnection.Peer, _ attempt: inout Attempt
    ) async -> OutboundConnection? {
        if ending == .unknown { ending = .unreachable }
        var opening = await open(peer, withoutTLS: false, &attempt)
        // RFC 7435: opportunistic security goes on in plain text where TLS fails.
        if case .withoutTLS(let source) = opening {
            let words = attempt.report.trials.last?.evidence.text ?? ""
            note(peer, .failed(words), from: source, attempt)
            opening = await open(peer, withoutTLS: true, &attempt)
        } else if case .ready(let open) = opening {
            note(
                peer, open.tls == nil ? .notOffered : .protected, from: open.visibleSource, attempt)
        }
        guard case .ready(let open) = opening else { return nil }
        ending = .answered
        await keep(open)
        if let address = peer.end.host {
            await deliverer.noteSuccess(of: address, for: attempt.job.destinations)
        }
        return open
    }

    /// What the owner of the domain may want to hear (RFC 8460 §4): of hosts that its MX records
    /// name, and not of the reports themselves (§3).
    private func note(
        _ peer: OutboundConnection.Peer, _ outcome: SessionFact.Outcome, from source: IPAddress?,
        _ attempt: Attempt
    ) {
        guard let domain = attempt.job.destination.domain, attempt.job.via == nil,
            peer.dialect == .smtp, attempt.account == nil,
            peer.security == .opportunistic || peer.security == .required,
            !attempt.job.message.requests.waivesTLSPolicy
        else { return }
        let address = peer.end.host
        deliverer.watch.session(
            SessionFact(
                domain: domain, host: peer.exchange.description, address: address,
                source: address.flatMap { deliverer.settings.source(towards: $0) } ?? source,
                outcome: outcome))
    }

    /// The newest ones are the likeliest to be of use.
    private func keep(_ open: OutboundConnection) async {
        connections.append(open)
        if connections.count > Self.maximumConnections { await connections.removeFirst().quit() }
    }

    private enum Opening {
        case ready(OutboundConnection)
        /// TLS failed on a connection from there.
        case withoutTLS(IPAddress?)
        case useless
    }

    private func open(
        _ peer: OutboundConnection.Peer, withoutTLS: Bool, _ attempt: inout Attempt
    ) async -> Opening {
        let outbound: OutboundConnection
        do throws(NetworkFailure) {
            outbound = try await OutboundConnection(
                to: peer, withoutTLS: withoutTLS, deliverer)
        } catch {
            let isTLS = if case .tls = error { true } else { false }
            let text = (isTLS ? Diagnosis.atHost : .noConnection).text(peer.name, "\(error)")
            attempt.note(
                Outcome.Evidence(
                    isTLS ? EnhancedStatus(4, 7, 5) : EnhancedStatus(4, 4, 1), text,
                    host: peer.name), nil)
            if isTLS { attempt.noteLackOfTLS() }
            noteFailure(of: peer, attempt)
            return .useless
        }
        guard case .unusable(let reason, let evidence) = await outbound.open() else {
            return .ready(outbound)
        }
        attempt.note(evidence, outbound.tls)
        if reason == .tls {
            if peer.security == .opportunistic { return .withoutTLS(outbound.visibleSource) }
            attempt.noteLackOfTLS()
        }
        // A host that says no is not down.
        if reason == .connectionLost { noteFailure(of: peer, attempt) }
        return .useless
    }

    private func noteFailure(of peer: OutboundConnection.Peer, _ attempt: Attempt) {
        guard let address = peer.end.host else { return }
        deliverer.noteFailure(of: address, for: attempt.job.destinations)
    }

    // MARK: Transactions

    private enum TransactionsEnd {
        /// The host was heard; whoever still waits may try another.
        case done
        /// Others were served, and the host wants a fresh connection for the rest.
        case wantsConnection
        /// A kept connection had ended meanwhile: a fresh one may do.
        case unheard
    }

    /// Sends the message for those who still wait.
    private func transact(
        _ open: OutboundConnection, _ attempt: inout Attempt
    ) async -> TransactionsEnd {
        let carriage = await deliverer.carriage(
            of: attempt.job.message, over: open.extensions, &attempt.findings)
        let form: Carriage.Form
        switch carriage {
        case .form(let found): form = found
        case .refused(let result):
            attempt.refuse(result, open)
            return .done
        }
        while !attempt.isOver {
            let wasUsed = open.transactions > 0
            let offered = attempt.pending
            let (report, isOpen) = await open.deliver(
                attempt.transaction(offered, form),
                deliverer.delivery(of: attempt.job, changes: form.changes))
            if !isOpen { connections.removeAll { $0 === open } }
            guard let report else { return .unheard }
            if wasUsed, !report.wasAnswered, !isOpen, report.results.allSatisfy(\.isHarmless) {
                return .unheard
            }
            switch attempt.apply(report, to: offered, open.tls) {
            case .nothing: return .done
            case .transaction where isOpen && open.takesMore: continue
            case .transaction, .connection:
                if isOpen { await dismiss(open) }
                return .wantsConnection
            }
        }
        return .done
    }

    private func dismiss(_ open: OutboundConnection) async {
        connections.removeAll { $0 === open }
        await open.quit()
    }
}

extension ClientSession.Result {
    /// Nothing has happened yet, and it may be tried elsewhere at once.
    fileprivate var isHarmless: Bool {
        if case .transient = outcome { advice == .nextHost } else { false }
    }
}
