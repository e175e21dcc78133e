// SPDX-License-Identifier: Apache-2.0

import Access
import Bytes
package import DNS
import Delivery
import Journal
package import Logging
import Mail
package import NameService
import Reception
import SASL
import SMTP
package import Settings
import Spool
package import World

/// The composition root: puts one host's services together and runs them.
///
/// The same code serves the real network, the demo's loopback and the simulation.
package struct MailServer: Sendable {
    private let settings: ServerSettings
    private let node: Node
    private let surroundings: Surroundings
    private let identity: (any TLSIdentity)?
    private let names: NameServer
    private let intake: Intake
    private let deliverer: Deliverer
    private let resolver: any Resolver
    /// One for all listeners: who may connect.
    private let doorkeeper: Doorkeeper
    /// One for all listeners: it holds the maildrop locks (RFC 1939 §4).
    private let pop3: POP3Service
    private let log: Logger
    private let stopping = AsyncStream.makeStream(of: Void.self)

    /// How long deliveries under way may take to end when the server stops.
    static let stoppingGrace = Duration.seconds(30)
    /// Connections that are told at the same time that there are too many; further ones wait
    /// unaccepted.
    static let turnedAwayAtATime = 64
    /// How often the journal is pruned and orphaned bodies are collected.
    static let housekeepingInterval = Duration.hours(1)

    /// `identity` is this host's certificate; without one there is no TLS.
    ///
    /// `haste` is 1 but for trials: the pauses between attempts to deliver are shorter by it.
    package init(
        _ settings: ServerSettings, node: Node, surroundings: Surroundings,
        resolver: any Resolver, identity: (any TLSIdentity)?, zones: ZoneBox, log: Logger,
        haste: Int = 1
    ) {
        self.settings = settings
        self.node = node
        self.surroundings = surroundings
        self.identity = identity
        self.log = log
        self.resolver = resolver
        doorkeeper = Doorkeeper(settings.limits.admission, time: surroundings.time)
        names = NameServer(zones: zones, world: surroundings, log: log)
        let arrivals = Arrivals()
        intake = Intake(node.spooler, handover: arrivals)
        pop3 = POP3Service(
            .init(hostName: settings.hostName.name, identity: identity), registry: node.registry,
            mailboxes: node.mailboxes, surroundings: surroundings, logger: log)
        var delivery = settings.delivery
        delivery.shortenPauses(by: haste)
        deliverer = Deliverer(
            delivery, surroundings: surroundings, resolver: resolver,
            registry: node.registry, spooler: node.spooler, intake: intake, arrivals: arrivals,
            ids: node.ids, trace: node.trace, log: log)
    }

    /// The addresses that were taken, before anything is served on them.
    package struct Listening: Sendable, CustomStringConvertible {
        var streams: [(service: ServerSettings.Service, listener: any Listener)] = []
        var names: [(udp: any DatagramSocket, tcp: any Listener)] = []

        package var description: String {
            let streams = streams.map { "\($0.service.rawValue) on \($0.listener.address)" }
            let names = names.map { "dns on \($0.tcp.address)" }
            return (streams + names).joined(separator: ", ")
        }
    }

    /// Takes all addresses or none: a port in use shows before the first mail is accepted.
    package func listen() async throws(NetworkFailure) -> Listening {
        var listening = Listening()
        do throws(NetworkFailure) {
            for (service, address) in settings.listen.all {
                if service == .dns {
                    let tcp = try await surroundings.network.listen(on: address)
                    listening.names.append(
                        (try await surroundings.network.bind(to: tcp.address), tcp))
                } else {
                    listening.streams.append(
                        (service, try await surroundings.network.listen(on: address)))
                }
            }
        } catch {
            for (_, listener) in listening.streams { await listener.close() }
            for (udp, tcp) in listening.names {
                await udp.close()
                await tcp.close()
            }
            throw error
        }
        return listening
    }

    /// Serves until `stop`; cancelling the task instead breaks off what is under way.
    package func run(_ listening: Listening) async throws {
        try await deliverer.prepare()
        try await intake.collectOrphans()
        await withDiscardingTaskGroup { group in
            group.addTask { await deliverer.run() }
            await withDiscardingTaskGroup { services in
                start(listening, in: &services)
                for await _ in stopping.stream {}
                services.cancelAll()
            }
            deliverer.stop(within: Self.stoppingGrace)
        }
    }

    /// Nothing new begins: sessions are told 421, deliveries under way get `stoppingGrace`, then
    /// `run` returns.
    package func stop() { stopping.continuation.finish() }

    /// Looks into the queue now: an operator has changed something there.
    package func wake() { deliverer.wake() }

    private func start(_ listening: Listening, in services: inout DiscardingTaskGroup) {
        for (service, listener) in listening.streams {
            services.addTask { await serve(service, on: listener) }
        }
        for (udp, tcp) in listening.names {
            services.addTask { await names.run(udp: udp, tcp: tcp) }
        }
        services.addTask { await keepHouse() }
    }

    private func serve(_ service: ServerSettings.Service, on listener: any Listener) async {
        let limit = settings.limits.connections + Self.turnedAwayAtATime
        switch service {
        case .smtp, .submission, .submissions:
            let smtp = SMTPService(
                configuration(of: service), surroundings: surroundings, resolver: resolver,
                registry: node.registry, intake: intake, log: log)
            await listener.serve(limit: limit) { connection in
                await doorkeeper.admit(
                    connection.remoteAddress.host,
                    turnAway: { smtp.turnAway(connection, $0) },
                    serve: { await smtp.handle(connection) })
            }
        case .pop3, .pop3s:
            await listener.serve(limit: limit) { connection in
                let isImplicit = service == .pop3s
                await doorkeeper.admit(
                    connection.remoteAddress.host,
                    turnAway: { pop3.turnAway(connection, $0, implicitTLS: isImplicit) },
                    serve: { await pop3.handle(connection, implicitTLS: isImplicit) })
            }
        case .dns: preconditionFailure("the name server listens by itself")
        }
    }

    private func configuration(of service: ServerSettings.Service) -> SMTPService.Configuration {
        var session = ServerSession.Configuration(
            hostName: settings.hostName, service: service == .smtp ? .exchange : .submission,
            maximumMessageOctets: settings.limits.messageOctets)
        session.maximumRecipients = settings.limits.recipients
        // RFC 6409 §4.3: people prove who they are on the submission ports, servers nowhere.
        if service != .smtp { session.saslMechanisms = Mechanism.allCases.map(\.name) }
        var configuration = SMTPService.Configuration(
            session: session, identity: identity, isImplicitTLS: service == .submissions)
        configuration.ownAddresses = Set(settings.publicAddresses)
        return configuration
    }

    private func keepHouse() async {
        while !Task.isCancelled {
            do {
                while try await node.trace.prune(at: surroundings.time.timestamp) > 0 {}
                try await intake.collectOrphans()
            } catch {
                log.warning("housekeeping did not finish, it will be tried again: \(error)")
            }
            try? await surroundings.time.sleep(for: Self.housekeepingInterval)
        }
    }
}

extension ServerSettings.Limits {
    fileprivate var admission: Admission.Limits {
        Admission.Limits(
            connections: connections, perNetwork: connectionsPerNetwork,
            perNetworkAndMinute: connectionsPerNetworkAndMinute, exempt: exemptNetworks)
    }
}

extension ServerSettings {
    /// What delivery needs of them.
    fileprivate var delivery: DeliverySettings {
        let listening = listen.all.map(\.address.host).filter { !$0.isUnspecified }
        let names = alsoKnownAs.compactMap { try? Name($0.name) }
        var delivery = DeliverySettings(
            hostName: hostName, ownNames: Set(names),
            ownAddresses: Set(listening + publicAddresses))
        delivery.port = sending.port
        delivery.pollInterval = .seconds(sending.pollSeconds)
        delivery.language = language
        for source in sending.source {
            switch source {
            case .v4(let address): delivery.sourceIPv4 = address
            case .v6(let address): delivery.sourceIPv6 = address
            }
        }
        return delivery
    }
}
