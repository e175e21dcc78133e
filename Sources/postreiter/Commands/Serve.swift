// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes
import Control
import CoreMetrics
import DNS
import Glibc
import Journal
import LiveWorld
import Logging
import Mail
import Metering
import NameService
import Reception
import Server
import Settings
import Storage
import World

/// `postreiter serve`: runs until it is told to stop.
struct Serve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "Run the server.")
    @OptionGroup var server: ServerOptions

    func run() async throws {
        // Whatever is made here is nobody else's; what others may use says so itself.
        umask(0o077)
        let manager = ServiceManager()
        let file = try server.settingsFile()
        var settings = try file.checkedSettings()
        let log = Log.make(level: settings.logLevel, format: settings.logFormat)
        defer { Log.flush() }
        let meters = MeterRegistry()
        MetricsSystem.bootstrap(meters)
        let signals = SignalSource()
        let parts = try ServerParts(settings)
        try DataFolderLock.refuseIfHeld(settings.dataFolder)
        settings.listen.add(manager.sockets, log)
        Live.network.adopt(manager.sockets)
        raiseDescriptorLimit(log)
        let listening: Listening
        do throws(NetworkFailure) {
            listening = try await Listening.take(settings.listen.all, on: Live.network)
        } catch {
            throw CommandFailure.unavailable(
                "cannot listen: \(error); see `listen` in \(server.config)")
        }
        try ServerIdentity.become(settings, log)
        let drops = DropFolder(settings.maildropFolder, on: ThreadExecutor())
        let (running, config) = (settings, server.config)
        try await OpenedStore(settings).withNode { node in
            do { try drops.prepare() } catch {
                log.warning("programs of this machine cannot leave messages: \(error)")
            }
            parts.tokens?.install(in: node.registry, resolver: parts.meteredResolver)
            let search = SearchStore(running, of: node.mailboxes, log)
            let mail = MailServer(
                running, node: node, surroundings: Live.surroundings,
                resolver: parts.meteredResolver, identity: parts.identity, zones: parts.zones,
                log: log, drops: drops, userName: UserNames.name,
                meters: .init(registry: meters, process: Self.processSamples),
                cookieSecrets: parts.cookieSecrets, signing: LiveZoneSigningCryptography(),
                cryptography: LiveMailCryptography(), index: search?.index,
                certificateEnd: { Self.certificateEnd(running) })
            let reloader = Reloader(
                server, mail: mail, parts: parts, started: file.values, settings: running,
                inherited: manager.sockets, manager: manager, log: log)
            let control = ControlServer(
                path: running.controlSocket,
                administration: Administration(
                    registry: node.registry, trace: node.trace, spooler: node.spooler,
                    mailboxes: node.mailboxes, zones: node.zones, peers: node.peers,
                    defence: node.defence,
                    service: ZoneService(mail.exchange), host: MailHost(running),
                    security: mail.security, keys: mail.keys,
                    time: Live.surroundings.time,
                    author: "control socket", language: running.language,
                    delivery: .init(
                        wake: { mail.wake(retrying: $0) }, recall: { await mail.recall($0) }),
                    exchangers: .init(drains: mail.drains, health: mail.health),
                    reports: node.reports, scripts: node.scripts, intake: mail.intake),
                ownCommands: [
                    "reload": { _ throws(ControlFailure) in try await reloader.reload().json },
                    "maildrop.take": { arguments throws(ControlFailure) in
                        try await Self.take(arguments, mail)
                    },
                    "search.status": { _ throws(ControlFailure) in
                        try await SearchStore.status(search)
                    },
                    "search.rebuild": { _ throws(ControlFailure) in
                        try await SearchStore.rebuild(search)
                    },
                ], log: log)
            try await withThrowingTaskGroup(of: Void.self) { group in
                // Who hears that we are ready may give commands at once.
                let (commands, areTaken) = AsyncStream.makeStream(of: Never.self)
                group.addTask {
                    defer { areTaken.finish() }
                    try await control.run { areTaken.finish() }
                }
                group.addTask { await heed(signals, mail, reloader, manager, log) }
                group.addTask { await keepAlive(node, manager) }
                group.addTask { await search?.run() }
                for await _ in commands {}
                log.notice("serving as \(running.hostName): \(listening.description)")
                manager.ready("serving as \(running.hostName) (\(config))")
                try await mail.run(listening)
                group.cancelAll()
            }
        }
        log.notice("stopped")
    }

    /// When the certificate ends that everybody is shown, by its file.
    private static func certificateEnd(_ settings: ServerSettings) -> Timestamp? {
        settings.certificates.first.flatMap { try? Files.read($0.chain) }
            .flatMap { CertificateFacts(chain: $0) }?.notAfter
    }

    /// What the process takes of the machine.
    @Sendable private static func processSamples() -> [Sample] {
        guard let figures = ProcessFigures() else { return [] }
        return [
            Sample("process_resident_memory_bytes", Double(figures.residentOctets)),
            Sample("process_cpu_seconds_total", figures.processorSeconds),
        ]
    }

    /// SIGHUP reads everything again; SIGTERM stops; a second one ends at once.
    private func heed(
        _ signals: SignalSource, _ mail: MailServer, _ reloader: Reloader,
        _ manager: ServiceManager, _ log: Logger
    ) async {
        var isStopping = false
        for await signal in signals.signals {
            switch signal {
            case .reload where !isStopping: _ = try? await reloader.reload()
            case .reload: break
            case .terminate where !isStopping:
                isStopping = true
                log.notice("stopping")
                manager.stopping("finishing what is under way")
                mail.stop()
            case .terminate:
                // Nothing that was acknowledged is lost by this: it is as safe as a crash.
                log.notice("ended at once, by a second signal")
                Log.flush()
                _exit(EX_TEMPFAIL)
            }
        }
    }

    /// A message that was just left need not wait for the next look.
    private static func take(
        _ arguments: JSON, _ mail: MailServer
    ) async throws(ControlFailure) -> JSON {
        guard let name = arguments["name"]?.string else { throw .usage("`name` is missing") }
        do {
            let id = try await mail.maildrop?.take(name)
            return ["id": JSON(id?.description)]
        } catch {
            throw .temporary("the message waits in the maildrop: \(error)")
        }
    }

    /// Tells the service manager that the store still answers.
    private func keepAlive(_ node: Node, _ manager: ServiceManager) async {
        guard let interval = manager.watchdogInterval else { return }
        while !Task.isCancelled {
            let isWell = try? await node.store.read { try $0.first("SELECT 1") { $0.integer(0) } }
            if isWell == 1 { manager.alive() }
            try? await Live.surroundings.time.sleep(for: interval)
        }
    }

    /// Connections, files and the store need descriptors: as many as the system allows.
    private func raiseDescriptorLimit(_ log: Logger) {
        let limit = DescriptorLimit.raise()
        if limit < Self.usefulDescriptors {
            log.warning(
                """
                only \(limit) files and connections can be open at a time; raise LimitNOFILE= of \
                the unit, or `ulimit -n`
                """)
        }
    }

    /// For thousands of mail programs that wait.
    private static let usefulDescriptors = 10_000
}

/// What is read from files and can be replaced while the server runs.
struct ServerParts {
    let identity: ReplaceableIdentity
    let zones: ZoneBox
    /// With which the name server makes its cookies.
    let cookieSecrets: [[UInt8]]
    let resolver: ReplaceableResolver
    /// The same, counted.
    let meteredResolver: MeteredResolver
    /// Who knows access tokens; nil: nobody logs in with one.
    let tokens: TokenHook?

    init(_ settings: ServerSettings) throws {
        identity = ReplaceableIdentity(try ServerIdentity.load(settings.certificates))
        zones = try ZoneFolder.load(settings.zonesFolder)
        cookieSecrets =
            try settings.nameServer.cookieSecretsFile.map { try CookieSecrets.read($0) } ?? []
        tokens = try settings.tokens.map { try TokenHook($0) }
        resolver = ReplaceableResolver(try makeResolver(settings))
        meteredResolver = MeteredResolver(resolver, time: Live.surroundings.time)
    }
}

/// Names by the configured servers, or by libunbound.
func makeResolver(_ settings: ServerSettings) throws -> any Resolver {
    if settings.resolver.isEmpty {
        return CachingResolver(try UnboundResolver(), time: LiveTime())
    }
    return CachingResolver(
        StubResolver(servers: settings.resolver, world: Live.surroundings),
        time: Live.surroundings.time)
}

/// The certificates and keys of this host, and the user that it runs as.
enum ServerIdentity {
    static func load(
        _ certificates: [ServerSettings.CertificateFiles]
    ) throws(CommandFailure) -> any TLSIdentity {
        var pairs: [(certificateChain: [UInt8], privateKey: [UInt8])] = []
        for files in certificates {
            let pair = (try Files.read(files.chain), try Files.read(files.privateKey))
            do {
                _ = try Live.network.identity(pairs: [pair])
            } catch {
                throw .configuration(
                    "\(files.chain) and \(files.privateKey) cannot be used: \(error)")
            }
            pairs.append(pair)
        }
        do {
            return try Live.network.identity(pairs: pairs)
        } catch {
            throw .configuration("the certificates cannot be used: \(error)")
        }
    }

    /// The configured user, if this process could become that user.
    static func user(_ settings: ServerSettings) throws(CommandFailure) -> ServerUser? {
        guard ServerUser.isRoot, let name = settings.user else { return nil }
        do {
            return try ServerUser(user: name, group: settings.group)
        } catch {
            throw .configuration("\(error)")
        }
    }

    /// Becomes the configured user for good; the data folder must be that user's.
    static func become(_ settings: ServerSettings, _ log: Logger) throws(CommandFailure) {
        guard let name = settings.user else {
            if ServerUser.isRoot {
                log.warning("running as root; the key `user` names whom to become instead")
            }
            return
        }
        do {
            let user = try ServerUser(user: name, group: settings.group)
            guard !user.isCurrent else { return }
            guard ServerUser.isRoot else {
                throw CommandFailure.configuration(
                    "`user` is \(name), but only root can become another user: run it as \(name)")
            }
            try DataFolderLock.prepare(settings.dataFolder, for: user)
            try user.become()
            log.notice("running as \(name)")
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            throw .configuration("\(error)")
        }
    }
}

extension ServerSettings.Listen {
    /// Sockets that the service manager has opened, by the services that they are named after.
    mutating func add(_ sockets: [InheritedSocket], _ log: Logger) {
        for socket in sockets {
            guard let service = ServerSettings.Service(rawValue: socket.name) else {
                log.warning(
                    """
                    the socket \(socket.address) was handed over as `\(socket.name)`, which is no \
                    service: name it with FileDescriptorName=smtp, submission, submissions, lmtp, \
                    imap, imaps, pop3, pop3s, managesieve, dns, metrics, https or http
                    """)
                continue
            }
            let isKnown = all.contains { $0 == (service, socket.address) }
            if !isKnown, !socket.isDatagram { add(socket.address, to: service) }
        }
    }

    private mutating func add(_ address: SocketAddress, to service: ServerSettings.Service) {
        switch service {
        case .smtp: smtp.append(address)
        case .submission: submission.append(address)
        case .submissions: submissions.append(address)
        case .lmtp: lmtp.append(address)
        case .imap: imap.append(address)
        case .imaps: imaps.append(address)
        case .pop3: pop3.append(address)
        case .pop3s: pop3s.append(address)
        case .managesieve: managesieve.append(address)
        case .dns: dns.append(address)
        case .metrics: metrics.append(address)
        case .https: https.append(address)
        case .http: http.append(address)
        }
    }
}
