// SPDX-License-Identifier: Apache-2.0

import Bytes
import DKIM
import DNS
import Directory
import KeyLife
import KeyRing
import Logging
import Mail
import NameService
import Server
import Settings
import SimulatedWorld
import Storage
import World
import ZoneStore

/// A host with a disk, and a Postreiter that runs on it most of the time.
final class Site: @unchecked Sendable {
    let name: String
    let host: SimulatedHost
    let disk = MemoryDisk()
    let simulation: Simulation
    /// Crashes and failures of the disk, so far.
    private(set) var mishaps = 0

    private let nameServers: [SocketAddress]
    private let provision: @Sendable (Registry) async throws -> Void
    private var isProvisioned = false
    private var process: SimulatedWorld.Process?
    private var store: SQLiteStore?
    /// A zone that is kept here and answered on port 53; nil: no name server.
    var zone: (origin: Name, text: String)?
    /// No answer is kept for less by its resolver: some stretch short TTLs.
    var shortestTTL: UInt32 = 0
    /// The program, while it serves.
    private(set) var running: Running?

    struct Running {
        let server: MailServer
        let zones: Zones
        let signingKeys: SigningKeys
    }
    /// Whether it examines who sends what strangers bring, and signs what its accounts send.
    var examinesSenders = true
    /// Whose ARC seals it believes.
    var trustedSealers: Set<String> = []
    /// Whether it listens for mail.
    private(set) var takesMail = true
    /// What it has asked to be said of the zone by its name server.
    let box = ZoneBox()
    /// How likely the resolver answers SERVFAIL, or nothing for a while.
    var nameFailureProbability = 0.0
    var nameTimeoutProbability = 0.0
    /// How likely it hears of names of addresses what is not so.
    var nameLieProbability = 0.0
    /// Whom it has asked to take mail, and when.
    private(set) var attempts: [Attempt] = []

    struct Attempt {
        let address: String
        let time: Timestamp
        /// Whether there was a connection; it may have ended soon after.
        let isConnected: Bool
    }

    fileprivate func note(_ address: SocketAddress, isConnected: Bool) {
        guard address.port == 25 else { return }
        attempts.append(
            Attempt(
                address: "\(address.host)", time: simulation.timestamp, isConnected: isConnected))
    }

    init(
        _ name: String, on host: SimulatedHost, in simulation: Simulation,
        nameServers: [SocketAddress],
        provision: @escaping @Sendable (Registry) async throws -> Void
    ) {
        self.name = name
        self.host = host
        self.simulation = simulation
        self.nameServers = nameServers
        self.provision = provision
    }

    /// Whether the program runs and has not been told to end.
    private(set) var isServing = false
    /// Finishing it asks the program to stop.
    private var bell: AsyncStream<Void>.Continuation?

    /// Starts the program unless it runs; one that has crashed must have unwound before.
    func boot() async {
        guard !isServing else { return }
        await process?.ended()
        guard !isServing else { return }
        isServing = true
        simulation.tell("\(name) boots")
        host.start()
        let (stopping, bell) = AsyncStream.makeStream(of: Void.self)
        self.bell = bell
        process = simulation.process(name, on: host) { [self] given in
            let surroundings = Surroundings(
                time: given.time, entropy: given.entropy,
                network: WatchedNetwork(network: given.network, site: self))
            defer { isServing = false }
            do {
                try await main(surroundings, stopping)
            } catch  where isServing {
                // As a full disk does at the start: whoever supervises it will start it again.
                simulation.tell("\(name) ends: \(error)")
            }
        }
    }

    /// The plug is pulled, or the program is killed: what was not committed is gone.
    func crash(_ ending: Ending) {
        guard isServing else { return }
        mishaps += 1
        isServing = false
        store = nil
        disk.crash()
        process?.crash(ending)
        if ending == .vanish { host.stop(.vanish) }
    }

    /// From now on every write fails, until `emptyDisk`.
    func fillDisk() {
        simulation.tell("the disk of \(name) is full")
        mishaps += 1
        disk.fail(with: .full)
    }

    func emptyDisk() { disk.fail(with: nil) }

    /// As SIGTERM does; returns when the program has ended.
    func stop() async {
        guard isServing else { return }
        simulation.tell("\(name) is asked to stop")
        bell?.finish()
        await process?.ended()
    }

    private func main(
        _ surroundings: Surroundings, _ stopping: AsyncStream<Void>
    ) async throws {
        let store = try SQLiteStore(on: disk, schema: Node.schema)
        self.store = store
        defer { if self.store === store { self.store = nil } }
        try await withThrowingTaskGroup(of: Void.self) { committer in
            committer.addTask { await store.run() }
            defer { committer.cancelAll() }
            try await withThrowingTaskGroup(of: Void.self) { server in
                defer { server.cancelAll() }
                server.addTask { try await self.serve(store, surroundings) }
                server.addTask { for await _ in stopping {} }
                try await server.next()
            }
        }
        simulation.tell("\(name) has ended after \(store.commitCounts.commits) commits")
    }

    private func serve(_ store: SQLiteStore, _ surroundings: Surroundings) async throws {
        let node = try await Node(
            store: store, bodies: disk.bodies, surroundings: surroundings, name: name,
            secretKey: SecretKey([UInt8](repeating: 7, count: SecretKey.octetCount)),
            mailCryptography: mailCryptography)
        if !isProvisioned {
            try await provision(node.registry)
            if let zone {
                let plan = try await node.zones.plan(
                    replacing: zone.origin, with: Array(zone.text.utf8))
                try await node.zones.commit([plan], by: "simulation", "first")
            }
            isProvisioned = true
        }
        let resolver = MoodyResolver(
            CachingResolver(
                StretchingResolver(
                    resolver: StubResolver(servers: nameServers, world: surroundings),
                    shortestTTL: shortestTTL), time: simulation),
            site: self)
        let identity = try surroundings.network.identity(
            certificateChain: Array(name.utf8), privateKey: [])
        let server = MailServer(
            try settings(), node: node, surroundings: surroundings, resolver: resolver,
            identity: identity, zones: box, log: SimulationLog.logger(self),
            cryptography: mailCryptography)
        running = Running(
            server: server, zones: node.zones, signingKeys: node.signingKeys)
        defer { running = nil }
        try await server.run(try await server.listen())
    }

    private var mailCryptography: SimulatedMailCryptography? {
        examinesSenders ? SimulatedMailCryptography(entropy: simulation) : nil
    }

    /// What a postmaster would paste into the zone for its keys: names and their records.
    var keyRecords: [(name: Name, record: String)] {
        guard let keys = running?.signingKeys else { return [] }
        return keys.domains.flatMap { domain in
            (keys.keys(of: domain)?.keys ?? []).compactMap { key in
                key.name(of: domain).map { ($0, key.record) }
            }
        }
    }

    /// Whether it seals what an alias of that domain sends on.
    func seals(for domain: String) -> Bool {
        guard let domain = try? Domain(domain) else { return false }
        return running?.signingKeys.signs(for: domain) ?? false
    }

    /// Opens or shuts port 25, as whoever maintains the host does.
    func change(takesMail: Bool) async throws {
        simulation.tell("\(name) \(takesMail ? "takes" : "does not take") mail from now on")
        self.takesMail = takesMail
        try await running?.server.change(to: try settings())
    }

    private func settings() throws -> ServerSettings {
        var settings = ServerSettings(hostName: try Domain(name), dataFolder: "/simulated")
        for address in host.addresses {
            if takesMail { settings.listen.smtp.append(SocketAddress(address, port: 25)) }
            if zone != nil { settings.listen.dns.append(SocketAddress(address, port: 53)) }
            settings.listen.submission.append(SocketAddress(address, port: 587))
        }
        // Asking the spool without need, twice a minute for days, is most of a simulation.
        settings.sending.pollSeconds = 3600
        settings.publicAddresses = host.addresses
        settings.authentication.trustedSealers = trustedSealers
        return settings
    }
}

// MARK: - What lies on the disk

extension Site {
    /// Reads what is committed, whether the server runs or not.
    func inspect<Result>(_ body: (any Transaction) throws -> Result) throws -> Result {
        if let store { return try store.lookUp(body) }
        let store = try SQLiteStore(on: disk, schema: Node.schema)
        defer { store.close() }
        return try store.lookUp(body)
    }

    /// Changes what is committed behind the server's back.
    func tamper(
        _ body: @escaping @Sendable (any Transaction) throws -> Void
    ) async throws {
        try await store?.write(body)
    }

    func body(of content: Int64, file: String?) async throws -> [UInt8] {
        let inRow =
            try inspect { transaction in
                try transaction.first(
                    "SELECT body FROM content_body WHERE content_id = ?", [.integer(content)]
                ) { $0.blob(0) }
            } ?? []
        guard let file else { return inRow }
        return inRow + (try await disk.bodies.read(file, at: 0, count: .max))
    }
}

/// A resolver that sometimes says that the name server failed.
private struct MoodyResolver: Resolver {
    let resolver: any Resolver
    let site: Site

    init(_ resolver: any Resolver, site: Site) {
        self.resolver = resolver
        self.site = site
    }

    func resolve(_ name: Name, _ type: RecordType) async -> Answer {
        if site.simulation.faults.happens(site.nameFailureProbability) {
            return Answer(.failure(.serverFailure))
        }
        if site.simulation.faults.happens(site.nameTimeoutProbability) {
            try? await site.simulation.sleep(for: .seconds(10))
            return Answer(.failure(.timeout))
        }
        if type == .ptr, site.simulation.faults.happens(site.nameLieProbability),
            let lie = try? Name("mx1.example")
        {
            let record = ResourceRecord(owner: name, type: .ptr, ttl: 60, data: .ptr(lie))
            return Answer(.records, records: [record])
        }
        return await resolver.resolve(name, type)
    }
}

/// A resolver whose cache keeps nothing for less than some time.
private struct StretchingResolver: Resolver {
    let resolver: any Resolver
    let shortestTTL: UInt32

    func resolve(_ name: Name, _ type: RecordType) async -> Answer {
        var answer = await resolver.resolve(name, type)
        guard case .records = answer.outcome else { return answer }
        answer.ttl = max(answer.ttl, shortestTTL)
        for index in answer.records.indices {
            answer.records[index].ttl = max(answer.records[index].ttl, shortestTTL)
        }
        return answer
    }
}

/// The network as the program has it; what it does there is written down.
private struct WatchedNetwork: Network {
    let network: any Network
    let site: Site

    func listen(on address: SocketAddress) async throws(NetworkFailure) -> any Listener {
        try await network.listen(on: address)
    }

    func connect(
        to address: SocketAddress, from source: IPAddress?, deadline: Instant
    ) async throws(NetworkFailure) -> any Connection {
        do throws(NetworkFailure) {
            let connection = try await network.connect(
                to: address, from: source, deadline: deadline)
            site.note(address, isConnected: true)
            return connection
        } catch {
            site.note(address, isConnected: false)
            throw error
        }
    }

    func bind(to address: SocketAddress) async throws(NetworkFailure) -> any DatagramSocket {
        try await network.bind(to: address)
    }

    func identity(
        certificateChain: [UInt8], privateKey: [UInt8]
    ) throws(NetworkFailure) -> any TLSIdentity {
        try network.identity(certificateChain: certificateChain, privateKey: privateKey)
    }
}
