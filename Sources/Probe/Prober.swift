// SPDX-License-Identifier: Apache-2.0

import Bytes
package import DNS
package import Mail
package import Routing
import SMTP
package import TransportSecurity
package import World
package import ZoneCheck

/// Connects to every exchanger of a domain, as a sender would, and says what it found.
package struct Prober: Sendable {
    private let world: Surroundings
    private let resolver: any Resolver
    private let cryptography: any ZoneCryptography
    private let policies: (any STSPolicySource)?
    /// Where exchangers listen; another port serves for tests.
    package var port: UInt16 = 25
    /// For each connection, from its first packet to its last reply.
    package var patience = Duration.seconds(15)

    /// Connections at a time: those of two usual domains.
    private static let concurrency = 8

    /// Without `policies` none is fetched: it is only said whether there should be one.
    package init(
        _ world: Surroundings, resolver: any Resolver, cryptography: any ZoneCryptography,
        policies: (any STSPolicySource)? = nil
    ) {
        self.world = world
        self.resolver = resolver
        self.cryptography = cryptography
        self.policies = policies
    }

    /// Looks at all addresses of a route, some at a time.
    ///
    /// `progress` is told of each when it is done. The reports stand in the order of trying.
    package func look(
        at route: Route, progress: @escaping @Sendable (HostReport) -> Void = { _ in }
    ) async -> [HostReport] {
        let blanks = route.hosts.flatMap { host in
            host.addresses.map {
                HostReport(preference: host.preference, exchange: host.exchange, address: $0)
            }
        }
        return await withTaskGroup(of: (Int, HostReport).self) { group in
            var reports = blanks
            func take(_ done: (Int, HostReport)) {
                reports[done.0] = done.1
                progress(done.1)
            }
            for (index, blank) in blanks.enumerated() {
                if index >= Self.concurrency, let done = await group.next() { take(done) }
                group.addTask { (index, await look(at: blank)) }
            }
            for await done in group { take(done) }
            return reports
        }
    }

    /// Fetches the policy of a domain, as a sender does that honours it (RFC 8461 §3).
    package func policy(of domain: Domain) async -> PolicyReport {
        guard let owner = try? Name("_mta-sts.\(domain.name)") else { return .none }
        let answer = await resolver.resolve(owner, .txt)
        if case .failure = answer.outcome { return .unknown }
        let records = answer.records.compactMap { record -> [UInt8]? in
            guard case .txt(let strings) = record.data else { return nil }
            let text = Array(strings.joined())
            return text.starts(with: "v=STSv1;".utf8) ? text : nil
        }
        // §3.1: none, or more than one, and there is no policy.
        guard let text = records.first else { return .none }
        guard records.count == 1 else {
            return .invalidRecord(
                Wording("there are \(records.count) of them", "es gibt \(records.count) davon"))
        }
        do {
            _ = try STSRecord(parsing: text)
        } catch {
            return .invalidRecord(
                Wording("expected \(error.expected)", "erwartet: \(error.expected)"))
        }
        guard let policies else { return .unknown }
        do throws(STSFetchFailure) {
            return .policy(try await policies.policy(of: domain.name))
        } catch {
            return .unavailable(error)
        }
    }

    private func look(at blank: HostReport) async -> HostReport {
        let begin = world.time.now
        var report = await look(at: blank, checkingName: true)
        if case .untrusted = report.certificate {
            // Most senders take any certificate (RFC 7435): is there one at all?
            let second = await look(at: blank, checkingName: false)
            if case .untrusted(let reason) = second.certificate {
                report.certificate = .handshakeFailed(reason)
            }
            report.tls = second.tls
            report.failure = second.failure
        }
        report.duration = world.time.now - begin
        report.dane = await dane(report, blank)
        return report
    }

    private func look(at blank: HostReport, checkingName: Bool) async -> HostReport {
        var report = blank
        let deadline = world.time.now + patience
        let connection: any Connection
        do throws(NetworkFailure) {
            connection = try await world.network.connect(
                to: SocketAddress(blank.address, port: port), from: nil, deadline: deadline)
        } catch {
            report.failure = .connection(error)
            return report
        }
        // RFC 5321 §4.1.4: who has no name says its address.
        var session = ProbeSession(name: connection.localAddress.host.literal)
        var isSilent = false
        talk: while true {
            while let step = session.next() {
                switch step {
                case .send(let octets): connection.write(octets)
                case .startTLS:
                    await shakeHands(connection, checkingName, deadline, &session, &report)
                case .close: break talk
                }
            }
            do throws(NetworkFailure) {
                if let octets = try await connection.receive(deadline: deadline) {
                    session.receive(octets)
                } else {
                    session.receiveEnd()
                }
            } catch {
                isSilent = error == .deadlinePassed
                session.receiveEnd()
            }
        }
        await connection.close()
        report.take(session, isSilent: isSilent)
        return report
    }

    private func shakeHands(
        _ connection: any Connection, _ checkingName: Bool, _ deadline: Instant,
        _ session: inout ProbeSession, _ report: inout HostReport
    ) async {
        let name = report.exchange.name?.lowercased.description ?? ""
        do throws(NetworkFailure) {
            try await connection.startTLS(
                .client(serverName: name, verify: checkingName, keepsCertificate: true),
                deadline: deadline)
            report.tls = connection.tls
            report.certificate = .trusted
            session.secured()
        } catch {
            let reason = if case .tls(let reason) = error { reason } else { "\(error)" }
            report.certificate = .untrusted(reason)
            session.tlsFailed()
        }
    }

    /// RFC 7672 §2.2: the records at `_25._tcp.` of the exchanger's name.
    private func dane(_ report: HostReport, _ blank: HostReport) async -> HostReport.DANEVerdict {
        guard let host = report.exchange.name, let owner = try? Name("_25._tcp.\(host)") else {
            return .none
        }
        let answer = await resolver.resolve(owner, .tlsa)
        if case .failure = answer.outcome { return .unknown }
        let records = answer.records.compactMap { record -> TLSA? in
            if case .tlsa(let tlsa) = record.data { tlsa } else { nil }
        }
        guard !records.isEmpty else { return .none }
        guard answer.isSecure else { return .notSecure }
        // RFC 7672 §3.1: DANE-TA(2) and DANE-EE(3) alone.
        let usable = records.filter { $0.usage == 2 || $0.usage == 3 }
        guard !usable.isEmpty else { return .unusable }
        guard let tls = report.tls else { return .unknown }
        if fits(tls.chain, usable) { return .matches }
        guard usable.contains(where: { $0.usage == 2 }), report.certificate == .trusted else {
            return .differs
        }
        // An issuer's certificate stands further up in the chain, which is only told without checks.
        guard let chain = await look(at: blank, checkingName: false).tls?.chain else {
            return .unknown
        }
        return fits(chain, usable) ? .matches : .differs
    }

    private func fits(_ chain: [ServerCertificate], _ records: [TLSA]) -> Bool {
        chain.enumerated().contains { index, shown in
            records.contains { tlsa in
                (tlsa.usage == 2 || index == 0)
                    && tlsa.matches(
                        certificate: shown.certificate, publicKey: shown.publicKey, cryptography)
            }
        }
    }
}

extension HostReport {
    fileprivate mutating func take(_ session: ProbeSession, isSilent: Bool) {
        banner = session.greeting?.lines.first
        keywords = session.keywords
        offersTLS = session.offersTLS
        if let greeting = session.greeting, !greeting.isPositiveCompletion {
            failure = .refused("\(greeting)")
        } else if let refusal = session.refusal {
            failure = .refused("\(refusal)")
        } else if let fault = session.fault {
            failure = .notSMTP(fault.text)
        } else if isSilent {
            failure = .silence
        } else if session.isCutShort {
            failure = .cutShort
        }
    }
}

extension IPAddress {
    /// RFC 5321 §4.1.3.
    fileprivate var literal: String { isIPv4 ? "[\(self)]" : "[IPv6:\(self)]" }
}
