// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import DefenceStore
import Delivery
import Directory
import Journal
import Logging
import Mail
import MessageStore
import ScriptStore
import SimulatedWorld
import Spool
import Storage
import Tenancy
import World

/// A server that delivers, and hosts that take mail, in one simulation.
///
/// One thread runs all of it, so what is shared needs no lock.
final class DeliveryWorld: @unchecked Sendable {
    static let schema: [Migrations] = [
        .messageStore, .journal, .spool, .directory, .defence, .scriptStore,
    ]

    let simulation: Simulation
    let network: SimulatedNetwork
    let here: SimulatedHost
    let disk: MemoryDisk
    let resolver: MutableResolver
    var settings: DeliverySettings
    var sinks: [Sink] = []
    /// What the deliverer tells the log.
    let told = LogMemory()
    /// Commits until the disk crashes, for tests that let it.
    var commitsLeft = 0

    private struct Parts {
        let store: SQLiteStore
        let spooler: Spooler
        let intake: Intake
        let mailboxes: Mailboxes
        let trace: Trace
        let registry: Registry
        let deliverer: Deliverer
        let scripts: Scripts
        let answers: FailingStore
    }

    private var parts: Parts?
    private var running: Parts {
        guard let parts else { preconditionFailure("the server does not run yet") }
        return parts
    }
    var deliverer: Deliverer { running.deliverer }
    var spooler: Spooler { running.spooler }
    var intake: Intake { running.intake }
    var mailboxes: Mailboxes { running.mailboxes }
    var trace: Trace { running.trace }
    var registry: Registry { running.registry }
    var scripts: Scripts { running.scripts }
    /// What answers the questions of scripts, and those about domains, addresses, quotas and rights.
    var answers: FailingStore { running.answers }
    var store: SQLiteStore { running.store }

    /// `disk` may hold what another world has accepted.
    init(seed: UInt64, zone: String, disk: MemoryDisk = MemoryDisk()) throws {
        self.disk = disk
        simulation = Simulation(seed: seed)
        network = SimulatedNetwork(simulation)
        here = network.host("here", .v4(IPv4Address(192, 0, 2, 100)))
        resolver = MutableResolver(zone)
        settings = DeliverySettings(
            hostName: try Domain("here.example"),
            ownAddresses: [.v4(IPv4Address(192, 0, 2, 100))])
    }

    /// Adds a host that takes mail at 192.0.2.`number`.
    func sink(_ number: UInt8) -> Sink {
        let address = IPv4Address(192, 0, 2, number)
        let sink = Sink(network.host("host \(number)", .v4(address)), simulation)
        sinks.append(sink)
        return sink
    }

    /// Starts everything, runs `body` and ends it.
    func run(_ body: @escaping @Sendable (DeliveryWorld) async throws -> Void) throws {
        try simulation.run(limit: .days(30)) { [self] in
            let store = try SQLiteStore(on: disk, schema: Self.schema)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await store.run() }
                let deliverer = try await prepare(store)
                group.addTask { await deliverer.run() }
                for sink in sinks { group.addTask { await sink.serve() } }
                try await body(self)
                group.cancelAll()
            }
        }
    }

    private func prepare(_ store: SQLiteStore) async throws -> Deliverer {
        let ids = QueueIDSource(time: simulation, entropy: simulation)
        let spooler = Spooler(
            store: store, bodies: disk.bodies, ids: ids, time: simulation, node: "here")
        let arrivals = Arrivals()
        let intake = Intake(spooler, handover: arrivals)
        let trace = Trace(store: store)
        let answers = FailingStore(store)
        let registry = try await Registry(
            store: answers, time: simulation, entropy: simulation,
            secretKey: SecretKey([UInt8](repeating: 7, count: SecretKey.octetCount)), iterations: 1)
        if try await registry.domains().isEmpty { try await populate(registry) }
        let mailboxes = Mailboxes(
            store: store, bodies: disk.bodies, time: simulation, changes: spooler.mailboxChanges)
        let sharing = SharedMailboxes(registry: registry, mailboxes: mailboxes)
        let scripts = Scripts(
            store: answers, time: simulation,
            othersMailboxes: { try sharing.destinations(for: AccountID(rawValue: $0)) })
        let deliverer = Deliverer(
            settings,
            surroundings: Surroundings(
                time: simulation, entropy: simulation, network: here.network),
            resolver: resolver, registry: registry, spooler: spooler, intake: intake,
            arrivals: arrivals, ids: ids, trace: trace, scripts: scripts,
            quotas: Quotas(
                registry: registry,
                mailboxes: Mailboxes(
                    store: answers, bodies: disk.bodies, time: simulation,
                    changes: spooler.mailboxChanges)),
            log: Logger(label: "delivery") { [told] _ in told })
        try await deliverer.prepare()
        parts = Parts(
            store: store, spooler: spooler, intake: intake,
            mailboxes: mailboxes, trace: trace, registry: registry, deliverer: deliverer,
            scripts: scripts, answers: answers)
        return deliverer
    }

    private func populate(_ registry: Registry) async throws {
        try await registry.add(domain: LocalDomain(try Domain("here.example")), by: "test")
        for name in ["anna", "ben"] {
            _ = try await registry.addAccount(
                try Address("\(name)@here.example"), password: "a long password", by: "test")
        }
    }

    @discardableResult
    func accept(
        from sender: String = "anna@here.example", to recipients: [String],
        text: String = "Hello\r\n.dot\r\n", expires: Duration? = nil
    ) async throws -> QueueID {
        let envelope = Envelope(
            from: sender.isEmpty ? .null : .address(try Address(sender)),
            to: try recipients.map { Envelope.Recipient(try Address($0)) })
        return try await accept(envelope, text: text, expires: expires)
    }

    @discardableResult
    func accept(
        _ envelope: Envelope, text: String = "Hello\r\n.dot\r\n", expires: Duration? = nil
    ) async throws -> QueueID {
        var draft = intake.open()
        let content = "Subject: test\r\nMessage-ID: <1@here.example>\r\n\r\n" + text
        try await draft.append(Array(content.utf8)[...])
        return try await draft.commit(
            Acceptance(envelope, expires: expires.map { simulation.timestamp + $0 }))
    }

    /// Accepts a whole message with an envelope of the test's own.
    @discardableResult
    func accept(_ envelope: Envelope, content: String) async throws -> QueueID {
        var draft = intake.open()
        try await draft.append(Array(content.utf8)[...])
        return try await draft.commit(Acceptance(envelope))
    }

    func sleep(_ duration: Duration) async throws { try await simulation.sleep(for: duration) }

    /// Waits, in steps of a second or a minute, until it is so; false if that takes longer than `limit`.
    func wait(_ limit: Duration, until isSo: () async throws -> Bool) async throws -> Bool {
        let end = simulation.now + limit
        while simulation.now < end {
            if try await isSo() { return true }
            try await sleep(limit > .hours(1) ? .minutes(1) : .seconds(1))
        }
        return false
    }

    func isSpoolEmpty() async throws -> Bool { try await spooler.nextDue() == nil }

    /// The texts in someone's mailbox.
    func mailbox(_ login: String, _ name: String = "INBOX") async throws -> [String] {
        guard let account = try await registry.account(login: try Address(login)) else { return [] }
        var texts: [String] = []
        for message in try await mailboxes.list(
            of: account.id.rawValue, mailbox: name)
        {
            var reader = mailboxes.read(message)
            var octets: [UInt8] = []
            while let piece = try await reader.next() { octets += piece }
            texts.append(String(lossy: octets))
        }
        return texts
    }

    func kinds(_ id: QueueID) async throws -> [Fact.Kind] {
        try await trace.facts(of: id).map(\.kind)
    }
}

/// Records that a test can change: lines such as `example.org MX 10 mx.example.org`.
final class MutableResolver: Resolver, @unchecked Sendable {
    var zone: String

    init(_ zone: String) { self.zone = zone }

    func resolve(_ name: Name, _ type: RecordType) async -> Answer {
        var exists = false
        var records: [ResourceRecord] = []
        for line in zone.split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            guard words.count >= 3, (try? Name(words[0])) == name else { continue }
            exists = true
            let data: RecordData? =
                switch (words[1], type) {
                case (_, _) where words[2] == "timeout": nil
                case ("MX", .mx):
                    UInt16(words[2]).flatMap { preference in
                        (try? Name(words[3])).map {
                            .mx(MX(preference: preference, exchange: $0))
                        }
                    }
                case ("TXT", .txt):
                    .txt([Array(words[2...].joined(separator: " ").utf8)])
                case ("PTR", .ptr): (try? Name(words[2])).map { .ptr($0) }
                case ("A", .a): IPv4Address(words[2]).map { .a($0) }
                default: nil
                }
            if words[2] == "timeout" { return Answer(.failure(.timeout)) }
            if let data {
                records.append(ResourceRecord(owner: name, type: type, ttl: 60, data: data))
            }
        }
        if !records.isEmpty { return Answer(.records, records: records) }
        return Answer(exists ? .noData : .nameError)
    }
}
