// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail
import Routing
import SMTP
import Spool
import World

/// Carries messages to one destination: host by host, address by address, over one connection at a
/// time, which it keeps for the next message.
///
/// Used by one task.
final class Courier {
    private let deliverer: Deliverer
    private var connection: OutboundConnection?
    /// Of the last message: whether a host was ready for it, or none was, or none was asked.
    private(set) var ending = Queue<Job>.Ending.unknown

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
        let asked = await reuse(&attempt, route)
        let limit = now + Self.attemptLimit
        for host in route.hosts where host.exchange != asked {
            guard !attempt.isOver, now < limit else { break }
            for address in host.addresses {
                guard await open(host, address, &attempt) else { continue }
                await transact(&attempt)
                break
            }
        }
        return attempt.finish()
    }

    func close() async {
        await connection?.quit()
        connection = nil
    }

    // MARK: Connections

    /// Uses the connection of the message before, if it leads to a host of the route; returns the
    /// host if it answered.
    private func reuse(_ attempt: inout Attempt, _ route: Route) async -> Route.Exchange? {
        guard let open = connection else { return nil }
        let isOnRoute = route.hosts.contains { host in
            host.exchange == open.peer.exchange && host.security == open.peer.security
                && host.addresses.contains(open.peer.address.host)
        }
        guard isOnRoute else {
            await close()
            return nil
        }
        let wasAnswered = await transact(&attempt)
        if wasAnswered { ending = .answered }
        return wasAnswered ? open.peer.exchange : nil
    }

    /// Makes a connection on which a transaction can begin; a failure is noted.
    private func open(
        _ host: Route.Host, _ address: IPAddress, _ attempt: inout Attempt
    ) async -> Bool {
        let target = SocketAddress(address, port: host.port ?? deliverer.settings.port)
        let peer = OutboundConnection.Peer(
            exchange: host.exchange, address: target, security: host.security)
        if ending == .unknown { ending = .unreachable }
        switch await open(peer, .opportunistic, &attempt) {
        case .ready: break
        case .useless: return false
        case .withoutTLS:
            // RFC 7435: opportunistic security goes on in plain text where TLS fails.
            guard case .ready = await open(peer, .never, &attempt) else { return false }
        }
        ending = .answered
        await deliverer.noteSuccess(of: address)
        return true
    }

    private enum Opening {
        case ready
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
            connection = outbound
            return .ready
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
    private func transact(_ attempt: inout Attempt) async -> Bool {
        while let open = connection, !attempt.isOver {
            let wasUsed = open.transactions > 0
            let offered = attempt.pending
            let tls = open.tls
            let (report, isOpen) = await open.deliver(
                attempt.transaction(offered), deliverer.delivery(of: attempt.job))
            if !isOpen { connection = nil }
            guard let report else { return false }
            // A kept connection may have ended meanwhile: a fresh one may do.
            if wasUsed, !report.wasAnswered, !isOpen, report.results.allSatisfy(\.isHarmless) {
                return false
            }
            let isAnotherUseful = attempt.apply(report, to: offered, tls)
            guard isAnotherUseful else { return true }
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
