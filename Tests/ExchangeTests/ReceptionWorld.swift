// SPDX-License-Identifier: Apache-2.0

import Bytes
import DKIM
import DNS
import Defence
import DefenceStore
import Directory
import Filtering
import Journal
import Logging
import Mail
import MessageAuthentication
import MessageStore
import Reception
import SMTP
import ScriptStore
import SimulatedWorld
import Spool
import Storage
import Tenancy
import World

/// A server that takes mail, and a client that talks to it line by line, in one simulation.
///
/// One thread runs all of it, so what is shared needs no lock.
final class ReceptionWorld: @unchecked Sendable {
    let simulation: Simulation
    let network: SimulatedNetwork
    let here: SimulatedHost
    let there: SimulatedHost
    let disk = MemoryDisk()
    var resolver: any Resolver
    var configuration: SMTPService.Configuration
    /// Set: it is examined who sends what.
    var inboundPolicy: InboundPolicy?
    /// Set: a gatekeeper watches.
    var defence: Gatekeeper.Settings?
    private(set) var gatekeeper: Gatekeeper?
    private(set) var store: SQLiteStore?
    private(set) var spooler: Spooler?
    private(set) var registry: Registry?
    private(set) var scripts: Scripts?
    /// How many commits a test has counted.
    private(set) var commits = 0
    func noteCommit() { commits += 1 }

    init(zone: String = "") throws {
        simulation = Simulation(seed: 1)
        network = SimulatedNetwork(simulation)
        here = network.host("here", .v4(IPv4Address(192, 0, 2, 100)))
        there = network.host("there", .v4(IPv4Address(192, 0, 2, 1)))
        resolver = MutableResolver(zone)
        configuration = SMTPService.Configuration(
            session: ServerSession.Configuration(
                hostName: try Domain("here.example"), service: .exchange,
                maximumMessageOctets: 1 << 20))
    }

    /// Starts everything, runs `body` and ends it.
    func run(_ body: @escaping @Sendable (ReceptionWorld) async throws -> Void) throws {
        try simulation.run(limit: .days(1)) { [self] in
            let store = try SQLiteStore(on: disk, schema: DeliveryWorld.schema)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await store.run() }
                let service = try await prepare(store)
                let listener = try await here.network.listen(
                    on: SocketAddress(here.addresses[0], port: 25))
                group.addTask { await listener.serve(limit: 10) { await service.handle($0) } }
                try await body(self)
                group.cancelAll()
            }
        }
    }

    private func prepare(_ store: SQLiteStore) async throws -> SMTPService {
        let ids = QueueIDSource(time: simulation, entropy: simulation)
        let spooler = Spooler(
            store: store, bodies: disk.bodies, ids: ids, time: simulation, node: "here")
        self.spooler = spooler
        self.store = store
        let registry = try await Registry(
            store: store, time: simulation, entropy: simulation,
            secretKey: SecretKey([UInt8](repeating: 7, count: SecretKey.octetCount)), iterations: 1)
        self.registry = registry
        try await registry.add(domain: LocalDomain(try Domain("here.example")), by: "test")
        for name in ["anna", "ben"] {
            _ = try await registry.addAccount(
                try Address("\(name)@here.example"), password: "a long password", by: "test")
        }
        try await registry.add(
            relay: RelayDomain(try Domain("none.example"), acceptsAllRecipients: true), by: "test")
        try await registry.add(
            relay: RelayDomain(try Domain("kept.example")),
            recipients: [Address("info@kept.example")], by: "test")
        try await registry.addAlias(
            Address("all@here.example"),
            to: [Address("anna@here.example"), Address("ben@here.example")], by: "test")
        var configuration = configuration
        if let inboundPolicy {
            configuration.ownNetworks = inboundPolicy.ownNetworks
            configuration.inspector = Inspector(
                MessageExaminer(
                    authservID: "here.example", resolver: resolver, time: simulation,
                    cryptography: NoCryptography()),
                policy: inboundPolicy, log: Logger(label: "x") { _ in SwiftLogNoOpLogHandler() })
        }
        let surroundings = Surroundings(
            time: simulation, entropy: simulation, network: here.network)
        let log = Logger(label: "x") { _ in SwiftLogNoOpLogHandler() }
        if let defence {
            let gatekeeper = Gatekeeper(
                defence, records: try await DefenceRecords(store, time: simulation),
                surroundings: surroundings, resolver: resolver, log: log)
            registry.watchLogins { host, hasSucceeded in
                if !hasSucceeded { await gatekeeper.note(.wrongPassword, by: host) }
            }
            configuration.gatekeeper = gatekeeper
            self.gatekeeper = gatekeeper
        }
        let scripts = Scripts(store: store, time: simulation)
        self.scripts = scripts
        return SMTPService(
            configuration, surroundings: surroundings,
            resolver: resolver, registry: registry, intake: Intake(spooler),
            quotas: Quotas(
                registry: registry,
                mailboxes: Mailboxes(store: store, bodies: disk.bodies, time: simulation)),
            scriptedRefusal: ScriptedRefusal(scripts, registry: registry),
            log: Logger(label: "reception") { _ in SwiftLogNoOpLogHandler() })
    }

    func connect() async throws -> any Connection {
        try await there.network.connect(
            to: SocketAddress(here.addresses[0], port: 25), from: nil,
            deadline: simulation.now + .minutes(1))
    }

    /// Writes all lines, and returns everything that comes until the server closes.
    func talk(_ lines: String...) async throws -> [String] { try await talk(lines) }

    func talk(_ lines: [String]) async throws -> [String] {
        let connection = try await connect()
        connection.write(Array((lines + ["QUIT", ""]).joined(separator: "\r\n").utf8))
        let said = try await hear(connection)
        await connection.close()
        return said
    }

    /// What comes until the server closes.
    func hear(_ connection: any Connection) async throws -> [String] {
        var said: [UInt8] = []
        while let octets = try await connection.receive(deadline: simulation.now + .hours(20)) {
            said += octets
        }
        return String(lossy: said).split(separator: "\r\n").map(String.init)
    }

    /// What has been accepted, with its octets.
    func accepted() async throws -> [(recipient: DueRecipient, text: String)] {
        guard let spooler else { return [] }
        var result: [(recipient: DueRecipient, text: String)] = []
        for due in try await spooler.claim(at: simulation.timestamp + .days(3), limit: 100)
            .recipients
        {
            var octets: [UInt8] = []
            var reader = spooler.read(due.message)
            while let piece = try await reader.next() { octets += piece }
            result.append((due, String(lossy: octets)))
        }
        return result
    }
}

/// No signature can be verified.
struct NoCryptography: MailCryptography {
    struct Digest: RunningDigest {
        mutating func update(_ octets: UnsafeRawBufferPointer) {}
        func value() -> [UInt8] { [] }
    }

    func digest(_ algorithm: HashAlgorithm) -> any RunningDigest { Digest() }
    func publicKey(_ kind: KeyKind, _ octets: [UInt8]) -> (any VerifyingKey)? { nil }
}
