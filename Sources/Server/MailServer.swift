// SPDX-License-Identifier: Apache-2.0

import Access
import Autoconfiguration
import Bytes
package import DKIM
package import DNS
package import DNSSEC
import Defence
import Delivery
package import Directory
import Filtering
import Journal
import KeyLife
import KeyRing
package import Logging
package import Mail
import Maintenance
import MessageAuthentication
import MessageStore
import Metering
package import NameService
package import Reception
import SASL
import SMTP
package import SearchIndex
package import Settings
package import Spool
package import Storage
import Tenancy
import TransportSecurity
package import World
import ZoneStore

/// The composition root: puts one host's services together and runs them.
///
/// The same code serves the real network, the demo's loopback and the simulation.
package struct MailServer: Sendable {
    private let offering: Offering
    private let node: Node
    private let surroundings: Surroundings
    private let identity: (any TLSIdentity)?
    private let names: NameServer
    /// Makes of the zones that are kept what `names` answers.
    package let publisher: ZonePublisher
    /// Signs them.
    package let security: ZoneSecurity
    /// Looks after the keys that sign mail.
    package let keys: KeyKeeper
    /// Watches the hosts of zones that ask for it.
    package let health: HealthWatch
    /// Takes exchangers out of zones, and brings them back.
    package let drains: DrainKeeper
    /// Who came to port 25 lately.
    private let arrivals: ArrivalBook
    /// What `names` has to do with other name servers.
    package let exchange: ZoneExchange
    /// Where messages come in.
    package let intake: Intake
    private let deliverer: Deliverer
    private let reporters: Reporters
    private let resolver: any Resolver
    /// Verifies signatures; nil: nobody asks who sends what strangers bring.
    private let cryptography: (any MailCryptography)?
    private let doorway: Doorway
    private let gatekeeper: Gatekeeper
    /// One for all listeners: it holds the maildrop locks (RFC 1939 §4).
    private let imap: IMAPService
    private let pop3: POP3Service
    private let manageSieve: ManageSieveService
    private let scriptedRefusal: ScriptedRefusal
    private let log: Logger
    private let haste: Int
    private let meters: Meters
    /// Where programs of this machine leave messages; nil: nowhere.
    package let maildrop: Maildrop?
    /// What is to be served besides; its end is the end of serving.
    private let openings = AsyncStream.makeStream(of: [Listening.Door].self)
    private let open = OpenDoors()

    /// How long transactions and deliveries under way may take to end when the server stops.
    static let stoppingGrace = Duration.seconds(30)
    /// Connections that are told at the same time that there are too many; further ones wait
    /// unaccepted.
    static let turnedAwayAtATime = 64
    /// Senders that fetch a policy, and programs that are set up, at the same time; the next ones
    /// wait.
    static let webConnections = 200
    /// How often the journal is pruned and orphaned bodies are collected.
    static let housekeepingInterval = Duration.hours(1)

    /// `identity` is this host's certificate; without one there is no TLS.
    ///
    /// `cookieSecrets` are those of `NameServer.Settings`.
    /// Without `signing` no zone can be signed.
    /// Without `cryptography` it is not examined who sends what strangers bring.
    /// Without `index` texts are looked for in the messages themselves.
    /// `meters` is what the listener for metrics shows.
    /// `certificateEnd` is when the certificate ends that is shown to everybody.
    /// `haste` is 1 but for trials: the pauses between attempts to deliver are shorter by it.
    package init(
        _ settings: ServerSettings, node: Node, surroundings: Surroundings,
        resolver: any Resolver, identity: (any TLSIdentity)?, zones: ZoneBox, log: Logger,
        haste: Int = 1, drops: DropFolder? = nil,
        userName: @escaping @Sendable (UInt32) -> String? = { _ in nil },
        meters: Meters = Meters(), cookieSecrets: [[UInt8]] = [],
        signing: (any ZoneSigningCryptography)? = nil,
        cryptography: (any MailCryptography)? = nil, index: TextIndex? = nil,
        certificateEnd: @escaping @Sendable () -> Timestamp? = { nil }
    ) {
        self.meters = meters
        self.haste = haste
        offering = Offering(settings)
        self.node = node
        self.surroundings = surroundings
        self.identity = identity
        self.log = log
        self.resolver = resolver
        self.cryptography = cryptography
        let gatekeeper = Gatekeeper(
            settings.gatekeeping, records: node.defence, surroundings: surroundings,
            resolver: resolver, log: log)
        self.gatekeeper = gatekeeper
        node.registry.watchLogins { host, hasSucceeded in
            if hasSucceeded {
                await gatekeeper.loggedIn(from: host)
            } else {
                await gatekeeper.note(.wrongPassword, by: host)
            }
        }
        doorway = Doorway(settings, gatekeeper: gatekeeper, time: surroundings.time, log: log)
        var naming = NameServer.Settings()
        naming.identity = settings.nameServer.identity
        naming.responsesPerSecond = settings.nameServer.responsesPerSecond
        naming.cookieSecrets = cookieSecrets
        let exchange = ZoneExchange(
            box: zones, zones: node.zones, peers: node.peers, hash: SystemKeyedHash(),
            world: surroundings, sources: settings.listen.dns.map(\.host), log: log)
        self.exchange = exchange
        names = NameServer(
            zones: zones, world: surroundings, log: log, settings: naming, exchange: exchange)
        let security = ZoneSecurity(
            zones: node.zones, cryptography: signing, secretKey: node.secretKey,
            resolver: resolver, time: surroundings.time, entropy: surroundings.entropy, log: log)
        self.security = security
        keys = KeyKeeper(
            keys: node.signingKeys, zones: node.zones, peers: node.peers, exchange: exchange,
            resolver: resolver,
            authorities: settings.authorities(zones, surroundings, resolver),
            time: surroundings.time, log: log, settings: settings.signing.keeping,
            hosted: { [registry = node.registry] in try await registry.domains().map(\.name) })
        let upkeep = Upkeep(
            settings, node: node, surroundings: surroundings, resolver: resolver, box: zones,
            log: log, certificateEnd: certificateEnd)
        (arrivals, health, drains) = (upkeep.arrivals, upkeep.health, upkeep.drains)
        publisher = ZonePublisher(
            zones: node.zones, box: zones, time: surroundings.time, log: log,
            transformations: [{ [health] in await health.transform($0, $1) }],
            signer: { try await security.sign($0, $1, $2) },
            whenPublished: { exchange.announce($0.map(\.origin)) })
        let arrivals = Arrivals()
        let intake = Intake(node.spooler, handover: arrivals)
        self.intake = intake
        maildrop = drops.map {
            node.maildrop(
                $0, hostName: settings.hostName, intake: intake, time: surroundings.time, log: log,
                userName: userName)
        }
        imap = IMAPService(
            .init(hostName: settings.hostName.name, identity: identity),
            limits: .init(settings.limits), registry: node.registry, mailboxes: node.mailboxes,
            intake: intake, quotas: node.quotas, index: index,
            reach: SharingReach(settings.sharing), surroundings: surroundings, logger: log)
        pop3 = POP3Service(
            .init(hostName: settings.hostName.name, identity: identity), registry: node.registry,
            mailboxes: node.mailboxes, surroundings: surroundings, logger: log)
        manageSieve = ManageSieveService(
            .init(identity: identity), registry: node.registry, scripts: node.scripts,
            surroundings: surroundings, logger: log)
        scriptedRefusal = ScriptedRefusal(node.scripts, registry: node.registry)
        node.spooler.lifetimes.change(to: settings.sending.lifetimes)
        node.registry.changeDefaults(to: settings.mailboxes.rules)
        node.registry.offersSCRAMSHA1 = settings.offersSCRAMSHA1
        node.mailboxes.undeleteWindow = .days(settings.mailboxes.undeleteDays)
        let reporters = Reporters(
            settings, node: node, intake: intake, resolver: resolver, surroundings: surroundings,
            cryptography: cryptography, log: log)
        self.reporters = reporters
        var delivery = settings.delivery
        delivery.shortenPauses(by: haste)
        deliverer = Deliverer(
            delivery, surroundings: surroundings, resolver: resolver,
            registry: node.registry, spooler: node.spooler, intake: intake, arrivals: arrivals,
            ids: node.ids, trace: node.trace, signingKeys: node.signingKeys,
            scripts: node.scripts, quotas: node.quotas, watch: reporters.watch, log: log)
    }

    /// Takes all addresses or none: a port in use shows before the first mail is accepted.
    package func listen() async throws(NetworkFailure) -> Listening {
        try await Listening.take(offering.settings.listen.all, on: surroundings.network)
    }

    /// Serves until `stop`; cancelling the task instead breaks off what is under way.
    package func run(_ listening: Listening) async throws {
        try await deliverer.prepare()
        try await intake.collectOrphans()
        // Weak: the publisher signs by it, and a circle would keep the store open.
        try await security.begin { [weak publisher] in await publisher?.publish($0) }
        try await publisher.begin()
        try await exchange.begin()
        await gatekeeper.resume()
        openings.continuation.yield(listening.doors)
        await withDiscardingTaskGroup { group in
            group.addTask { await deliverer.run() }
            await withDiscardingTaskGroup { services in
                services.addTask { await keepHouse() }
                services.addTask { await keepUses() }
                services.addTask { await reporters.run() }
                services.addTask { await security.run() }
                services.addTask { await keys.run() }
                services.addTask { await health.run { await publisher.publish($0) } }
                services.addTask { await drains.run() }
                services.addTask { await exchange.run() }
                services.addTask { await maildrop?.run() }
                for await doors in openings.stream { serve(doors, in: &services) }
                // Sessions may finish their transaction while deliveries end.
                deliverer.stop(within: Self.stoppingGrace)
                services.cancelAll()
            }
            await gatekeeper.keepCounts()
            await writeUses()
            await reporters.finish()
        }
    }

    /// Applies what has changed in `settings` and can change while serving: addresses, limits.
    ///
    /// An address that cannot be taken changes nothing at all. Connections under way keep what
    /// they were offered.
    package func change(to settings: ServerSettings) async throws(NetworkFailure) {
        let wanted = settings.listen.all
        let known = offering.settings.listen.all
        let added = wanted.filter { one in !known.contains { $0 == one } }
        let listening = try await Listening.take(added, on: surroundings.network)
        for (service, address) in known where !wanted.contains(where: { $0 == (service, address) })
        {
            await open.take(service, address)?.close()
        }
        offering.change(to: settings)
        node.spooler.lifetimes.change(to: settings.sending.lifetimes)
        node.registry.changeDefaults(to: settings.mailboxes.rules)
        node.registry.offersSCRAMSHA1 = settings.offersSCRAMSHA1
        node.mailboxes.undeleteWindow = .days(settings.mailboxes.undeleteDays)
        imap.reach.change(to: settings.sharing)
        imap.change(to: .init(settings.limits))
        var schedule = settings.sending.schedule
        schedule.shortenPauses(by: haste)
        deliverer.change(schedule: schedule)
        doorway.change(to: settings)
        gatekeeper.change(to: settings.gatekeeping)
        for door in open.all where ![.dns, .metrics, .https, .http].contains(door.service) {
            door.listener.changeLimit(to: settings.limits.connections + Self.turnedAwayAtATime)
        }
        openings.continuation.yield(listening.doors)
    }

    /// Nothing new begins: sessions are told 421, deliveries under way get `stoppingGrace`, then
    /// `run` returns.
    package func stop() { openings.continuation.finish() }

    /// Looks into the queue now: an operator has changed something there.
    ///
    /// `retrying`: destinations that someone wants tried now.
    package func wake(retrying destinations: [Destination] = []) {
        deliverer.wake(retrying: destinations)
    }

    /// Gives back to the spool what waits for its turn in memory, so that an operator can change
    /// it.
    package func recall(_ selection: Selection) async { await deliverer.recall(selection) }

    private func serve(_ doors: [Listening.Door], in services: inout DiscardingTaskGroup) {
        for door in doors {
            open.add(door)
            services.addTask {
                switch door.socket {
                case .stream(let listener): await serve(door.service, on: listener)
                case .names(let udp, let tcp): await names.run(udp: udp, tcp: tcp)
                }
            }
        }
    }

    private func serve(_ service: ServerSettings.Service, on listener: any Listener) async {
        let limit = offering.settings.limits.connections + Self.turnedAwayAtATime
        let connections = ConnectionMeters(service: service.rawValue)
        switch service {
        case .smtp, .submission, .submissions, .lmtp:
            // Not this whole value for each connection.
            let (doorway, offering) = (doorway, offering)
            let make = { @Sendable in makeSMTP($0, $1) }
            await listener.serve(limit: limit) { connection in
                let smtp = offering.smtp(service, make)
                await doorway.enter(
                    connection, beginsWithTLS: service == .submissions,
                    turnAway: { smtp.turnAway($0, $1) },
                    serve: { inner in await connections.count { await smtp.handle(inner) } })
            }
        case .imap, .imaps:
            let (doorway, imap, isImplicit) = (doorway, imap, service == .imaps)
            await listener.serve(limit: limit) { connection in
                await doorway.enter(
                    connection, beginsWithTLS: isImplicit,
                    turnAway: { imap.turnAway($0, $1, implicitTLS: isImplicit) },
                    serve: { inner in
                        await connections.count {
                            await imap.handle(inner, implicitTLS: isImplicit)
                        }
                    })
            }
        case .pop3, .pop3s:
            let (doorway, pop3, isImplicit) = (doorway, pop3, service == .pop3s)
            await listener.serve(limit: limit) { connection in
                await doorway.enter(
                    connection, beginsWithTLS: isImplicit,
                    turnAway: { pop3.turnAway($0, $1, implicitTLS: isImplicit) },
                    serve: { inner in
                        await connections.count {
                            await pop3.handle(inner, implicitTLS: isImplicit)
                        }
                    })
            }
        case .managesieve:
            await listener.serve(limit: limit) { connection in
                await doorway.enter(
                    connection, beginsWithTLS: false,
                    turnAway: { manageSieve.turnAway($0, $1) },
                    serve: { inner in
                        await connections.count { await manageSieve.handle(inner) }
                    })
            }
        case .metrics:
            let metrics = meters.service(
                of: node, deliverer, names, security, keys, surroundings.time)
            await listener.serve(limit: Meters.maximumConnections) { connection in
                await connections.count { await metrics.handle(connection) }
            }
        case .https:
            // Without a certificate there is nothing to be said.
            guard let identity else { return await listener.close() }
            await serveWeb(identity, on: listener, connections)
        case .http: await serveWeb(nil, on: listener, connections)
        case .dns: preconditionFailure("the name server listens by itself")
        }
    }

    private func serveWeb(
        _ identity: (any TLSIdentity)?, on listener: any Listener, _ connections: ConnectionMeters
    ) async {
        let (policies, registry, offering) = (Policies(node.zones), node.registry, offering)
        let host = WebHost(
            identity: identity, time: surroundings.time,
            knowledge: .init(
                policy: { try await policies.policy(of: $0)?.policy.text },
                setup: { domain in
                    let isHosted = try await registry.domains().contains { $0.name == domain }
                    return isHosted ? MailSetup(domain, offering.settings) : nil
                }))
        await listener.serve(limit: Self.webConnections) { connection in
            await connections.count { await host.handle(connection) }
        }
    }

    private func makeSMTP(
        _ service: ServerSettings.Service, _ settings: ServerSettings
    ) -> SMTPService {
        SMTPService(
            configuration(of: service, settings), surroundings: surroundings, resolver: resolver,
            registry: node.registry, intake: intake, signingKeys: node.signingKeys,
            quotas: node.quotas, scriptedRefusal: scriptedRefusal, log: log)
    }

    private func configuration(
        of service: ServerSettings.Service, _ settings: ServerSettings
    ) -> SMTPService.Configuration {
        var session = ServerSession.Configuration(
            hostName: settings.hostName, service: service.session,
            maximumMessageOctets: settings.limits.messageOctets)
        session.maximumRecipients = settings.limits.recipients
        session.maximumTransactions = settings.limits.transactions
        session.maximumHoldSeconds = settings.limits.holdHours * 3600
        session.hiddenExtensions = settings.hiddenExtensions
        // RFC 6409 §4.3: people prove who they are on the submission ports, servers nowhere.
        if session.service == .submission {
            session.saslMechanisms = node.registry.mechanisms(for: .smtp).map(\.name)
        }
        var configuration = SMTPService.Configuration(
            session: session, identity: identity, isImplicitTLS: service == .submissions)
        configuration.ownAddresses = Set(settings.publicAddresses)
        configuration.asksForCertificate =
            settings.asksForClientCertificate && service == .smtp
        configuration.xclientNetworks = settings.trust.xclient
        configuration.priorityNetworks = settings.trust.priority
        configuration.ownNetworks = settings.trust.networks
        configuration.gatekeeper = gatekeeper
        if service == .smtp {
            configuration.inspector = inspector(settings)
            configuration.arrivals = arrivals
            let starter = QueueStarter(
                node: node, deliverer: deliverer, time: surroundings.time, log: log)
            configuration.startQueue = { await starter.start($0) }
        }
        return configuration
    }

    private func inspector(_ settings: ServerSettings) -> Inspector? {
        guard let cryptography else { return nil }
        let wanted = settings.authentication
        var policy = InboundPolicy()
        policy.isEnforced = wanted.isEnforced
        policy.trustedSealers = wanted.trustedSealers
        policy.knownForwarders = wanted.forwarders
        policy.ownNetworks = settings.trust.networks
        let examiner = MessageExaminer(
            authservID: wanted.id ?? settings.hostName.name, resolver: resolver,
            time: surroundings.time, cryptography: cryptography, executor: node.workExecutor)
        var inspector = Inspector(examiner, policy: policy, log: log)
        inspector.requiresSenderDomain = wanted.requiresSenderDomain
        inspector.sealer = { [keys = node.signingKeys, time = surroundings.time] domain in
            keys.sealer(of: domain, at: time.timestamp)
        }
        reporters.attend(&inspector)
        return inspector
    }

    /// Writes when app passwords were used: not with each login.
    private func keepUses() async {
        while !Task.isCancelled {
            try? await surroundings.time.sleep(for: .minutes(1))
            await writeUses()
        }
    }

    private func writeUses() async {
        do {
            try await node.registry.writeUses()
        } catch {
            log.warning("the last use of app passwords cannot be kept: \(error)")
        }
    }

    private func keepHouse() async {
        let retainer = Retainer(
            registry: node.registry, mailboxes: node.mailboxes, time: surroundings.time, log: log)
        while !Task.isCancelled {
            do {
                while try await node.trace.prune(at: surroundings.time.timestamp) > 0 {}
                try await intake.collectOrphans()
                await gatekeeper.keepCounts()
                try await gatekeeper.prune(
                    verdictsBefore: surroundings.time.timestamp + .days(-node.trace.days))
                try await retainer.run()
                try await node.mailboxes.deleteAbandoned()
                try await node.mailboxes.purge()
                try await reporters.prune()
            } catch {
                log.warning("housekeeping did not finish, it will be tried again: \(error)")
            }
            try? await surroundings.time.sleep(for: Self.housekeepingInterval)
        }
    }
}

extension MailSetup {
    /// What programs need for the accounts of a domain that is hosted here.
    fileprivate init(_ domain: Domain, _ settings: ServerSettings) {
        let listen = settings.listen
        let offered: [(Service, [SocketAddress])] = [
            (.imaps, listen.imaps), (.imap, listen.imap), (.pop3s, listen.pop3s),
            (.pop3, listen.pop3), (.submissions, listen.submissions),
            (.submission, listen.submission), (.managesieve, listen.managesieve),
        ]
        self.init(
            domain: domain, host: settings.hostName,
            servers: offered.flatMap { service, addresses in
                addresses.map { Server(service, port: $0.port) }
            })
    }
}

extension ServerSettings.Service {
    fileprivate var session: ServerSession.Service {
        switch self {
        case .lmtp: .local
        case .submission, .submissions: .submission
        default: .exchange
        }
    }
}

extension IMAPService.Limits {
    fileprivate init(_ limits: ServerSettings.Limits) {
        self.init(
            appendOctets: limits.messageOctets, messagesPerCommand: limits.messagesPerCommand)
    }
}

extension ServerSettings.Mailboxes {
    /// As the directory takes them.
    package var rules: MailboxRules {
        var rules = MailboxRules()
        rules.octets = quotaOctets.map { .at($0) }
        rules.messages = quotaMessages.map { .at($0) }
        rules.retention = retention.isEmpty ? nil : retention
        rules.subaddressFolders = subaddressFolders == .no ? nil : subaddressFolders
        return rules
    }
}

extension ServerSettings.Signing {
    /// What looking after the keys needs of them.
    package var keeping: KeyKeeper.Settings {
        var settings = KeyKeeper.Settings()
        settings.isAutomatic = isAutomatic
        settings.rules.lifetime = rotationDays.map { Int64($0) * 86400 }
        settings.rules.confirmation = Int64(confirmationMinutes) * 60
        return settings
    }
}

extension ServerSettings {
    /// Who asks the name servers of zones themselves.
    fileprivate func authorities(
        _ zones: ZoneBox, _ surroundings: Surroundings, _ resolver: any Resolver
    ) -> AuthorityCheck {
        let names = ([hostName] + alsoKnownAs).compactMap { try? Name($0.name) }
        let served = listen.dns.map(\.host).filter { !$0.isUnspecified }
        let addresses = listen.dns.isEmpty ? [] : served + publicAddresses
        var policy = StubSession.Policy()
        policy.asksAuthorities = true
        return AuthorityCheck(
            resolver: resolver, ownNames: listen.dns.isEmpty ? [] : Set(names),
            ownAddresses: Set(addresses)
        ) { name in
            var origin: Name? = name
            while let place = origin {
                if let zone = zones.zones[place] {
                    let records = zone.records.filter { $0.type == .txt && $0.owner == name }
                    return Answer(records.isEmpty ? .noData : .records, records: records)
                }
                origin = place.parent
            }
            return Answer(.failure(.refused))
        } ask: { [policy] server, name in
            await StubResolver(servers: [server], world: surroundings, policy: policy)
                .resolve(name, .txt)
        }
    }

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
        delivery.tellsPostmaster = sending.tellsPostmaster
        delivery.rewritesSenders = sending.rewritesSenders
        delivery.schedule = sending.schedule
        for source in sending.source {
            switch source {
            case .v4(let address): delivery.sourceIPv4 = address
            case .v6(let address): delivery.sourceIPv6 = address
            }
        }
        return delivery
    }
}
