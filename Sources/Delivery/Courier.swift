// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail
import Routing
import SMTP
import Spool
import World

/// Carries messages to one destination, one after another, host by host and address by address.
///
/// It keeps a connection to each host that it has used, for the next message: each message takes
/// the hosts in an order of its own, so that equals share the load. Used by one task.
final class Courier {
    private let deliverer: Deliverer
    /// To different hosts, the oldest first.
    private var connections: [OutboundConnection] = []
    /// Of the last message: whether a host was ready for it, or none was, or none was asked.
    private(set) var ending = Queue<Job>.Ending.unknown

    /// As many as a route has hosts; more would be hosts that it had before.
    private static let maximumConnections = Route.maximumHosts
    /// Beyond this no further host is tried: the claim must outlast the attempt.
    private static let attemptLimit = Duration.minutes(45)

    init(_ deliverer: Deliverer) { self.deliverer = deliverer }

    private var now: Instant { deliverer.time.now }

    /// Tries everything that may be tried now.
    func deliver(_ job: Job) async -> DispatchReport {
        ending = .unknown
        let decision = await deliverer.decide(job.destination)
        if case .transient = decision.verdict { ending = .unreachable }
        guard let route = decision.route else {
            let outcome = decision.outcome ?? .transient(.init(EnhancedStatus(4, 3, 5), "at home"))
            let result = DispatchReport.Result(outcome: outcome)
            return DispatchReport(
                begun: deliverer.time.timestamp, results: job.recipients.map { _ in result })
        }
        var attempt = Attempt(job, time: deliverer.time)
        attempt.report.route = route.hosts
            .map { "\($0.preference) \($0.exchange)" }.joined(separator: ", ")
        let limit = now + Self.attemptLimit
        for host in route.hosts {
            guard !attempt.isOver, now < limit else { break }
            if await reuse(host, &attempt) { continue }
            for address in host.addresses {
                guard let open = await open(host, address, &attempt) else { continue }
                await transact(open, &attempt)
                break
            }
        }
        return attempt.finish()
    }

    func close() async {
        for connection in connections { await connection.quit() }
        connections = []
    }

    // MARK: Connections

    /// Uses the connection that a message before has left, if there is one to this host with the
    /// same security; says whether the host answered.
    private func reuse(_ host: Route.Host, _ attempt: inout Attempt) async -> Bool {
        let kept = connections.first {
            $0.peer.exchange == host.exchange && $0.peer.security == host.security
                && host.addresses.contains($0.peer.address.host)
        }
        guard let kept else { return false }
        let wasAnswered = await transact(kept, &attempt)
        if wasAnswered { ending = .answered }
        return wasAnswered
    }

    /// Makes a connection on which a transaction can begin; a failure is noted.
    private func open(
        _ host: Route.Host, _ address: IPAddress, _ attempt: inout Attempt
    ) async -> OutboundConnection? {
        let target = SocketAddress(address, port: host.port ?? deliverer.settings.port)
        let peer = OutboundConnection.Peer(
            exchange: host.exchange, address: target, security: host.security)
        if ending == .unknown { ending = .unreachable }
        var opening = await open(peer, .opportunistic, &attempt)
        // RFC 7435: opportunistic security goes on in plain text where TLS fails.
        if case .withoutTLS = opening { opening = await open(peer, .never, &attempt) }
        guard case .ready(let open) = opening else { return nil }
        ending = .answered
        await keep(open)
        await deliverer.noteSuccess(of: address, for: attempt.job.destinations)
        return open
    }

    /// The newest ones are the likeliest to be of use.
    private func keep(_ open: OutboundConnection) async {
        connections.append(open)
        if connections.count > Self.maximumConnections { await connections.removeFirst().quit() }
    }

    private enum Opening {
        case ready(OutboundConnection)
        case withoutTLS
        case useless
    }

    private func open(
        _ peer: OutboundConnection.Peer, _ tls: ClientSession.TLSPolicy, _ attempt: inout Attempt
    ) async -> Opening {
        let settings = deliverer.settings
        let plain: any Connection
        do throws(NetworkFailure) {
            plain = try await deliverer.network.connect(
                to: peer.address, from: settings.source(towards: peer.address.host),
                deadline: now + settings.connectTimeout)
        } catch {
            let text = "no connection to \(peer.name): \(error)"
            attempt.note(Outcome.Evidence(EnhancedStatus(4, 4, 1), text, host: peer.name), nil)
            deliverer.noteFailure(of: peer.address.host, for: attempt.job.destinations)
            return .useless
        }
        var configuration = ClientSession.Configuration(
            hostName: settings.hostName, remoteHost: peer.name, tls: tls)
        configuration.timeouts = settings.timeouts
        let outbound = OutboundConnection(plain, to: peer, configuration, time: deliverer.time)
        guard case .unusable(let reason, let evidence) = await outbound.open() else {
            return .ready(outbound)
        }
        attempt.note(evidence, outbound.tls)
        if reason == .tls { return .withoutTLS }
        // A host that says no is not down.
        if reason == .connectionLost {
            deliverer.noteFailure(of: peer.address.host, for: attempt.job.destinations)
        }
        return .useless
    }

    // MARK: Transactions

    /// Sends the message for those who still wait; says whether the host answered at all.
    @discardableResult
    private func transact(_ open: OutboundConnection, _ attempt: inout Attempt) async -> Bool {
        while !attempt.isOver {
            let wasUsed = open.transactions > 0
            let offered = attempt.pending
            let tls = open.tls
            let (report, isOpen) = await open.deliver(
                attempt.transaction(offered), deliverer.delivery(of: attempt.job))
            if !isOpen { connections.removeAll { $0 === open } }
            guard let report else { return false }
            // A kept connection may have ended meanwhile: a fresh one may do.
            if wasUsed, !report.wasAnswered, !isOpen, report.results.allSatisfy(\.isHarmless) {
                return false
            }
            let isAnotherUseful = attempt.apply(report, to: offered, tls)
            guard isAnotherUseful, isOpen else { return true }
        }
        return true
    }

    /// One message on its way: who still waits, and what is known of the others.
    private struct Attempt {
        let job: Job
        var report: DispatchReport
        private let time: any Time
        private var results: [DispatchReport.Result?]
        /// What the last host said to those who may try another.
        private var soft: [DispatchReport.Result?]

        init(_ job: Job, time: any Time) {
            self.job = job
            self.time = time
            report = DispatchReport(begun: time.timestamp)
            results = job.recipients.map { _ in nil }
            soft = results
        }

        var pending: [Int] { results.indices.filter { results[$0] == nil } }
        var isOver: Bool { !results.contains { $0 == nil } }

        func transaction(_ offered: [Int]) -> ClientSession.Transaction {
            ClientSession.Transaction(
                from: job.message.reversePath, to: offered.map { job.recipients[$0].address },
                octets: job.message.octets, is8Bit: job.message.is8BitMIME)
        }

        mutating func note(_ evidence: Outcome.Evidence, _ tls: String?) {
            report.trials.append(.init(time: time.timestamp, evidence: evidence, tls: tls))
        }

        /// Returns whether another transaction on the same connection may serve more.
        mutating func apply(
            _ answer: ClientSession.Report, to offered: [Int], _ tls: String?
        ) -> Bool {
            var wereServed = false
            var wantAnother = false
            for (index, result) in zip(offered, answer.results) {
                let outcome = DispatchReport.Result(outcome: result.outcome, tls: tls)
                switch (result.outcome, result.advice) {
                case (.transient, .nextHost): soft[index] = outcome
                case (.transient, .anotherTransaction):
                    soft[index] = outcome
                    wantAnother = true
                default:
                    results[index] = outcome
                    wereServed = true
                }
            }
            let refused = offered.compactMap { soft[$0] }.first
            if let refused, !isOver { note(refused.outcome.evidence, tls) }
            // Without progress it would go round in a circle.
            return wantAnother && wereServed
        }

        consuming func finish() -> DispatchReport {
            let last = report.trials.last
            report.results = results.indices.map { index in
                if let result = results[index] ?? soft[index] { return result }
                let evidence =
                    last?.evidence
                    ?? Outcome.Evidence(EnhancedStatus(4, 4, 1), "no host could be asked")
                return DispatchReport.Result(outcome: .transient(evidence))
            }
            return report
        }
    }
}

extension ClientSession.Result {
    /// Nothing has happened yet, and it may be tried elsewhere at once.
    fileprivate var isHarmless: Bool {
        if case .transient = outcome { advice == .nextHost } else { false }
    }
}
