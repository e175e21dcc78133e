// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Logging
import Maintenance
import NameService
import SimulatedWorld
import Storage
import Testing
import World
import ZoneCheck
import ZoneStore

/// A name server's zones, published, with hosts that greet as mail servers do.
struct ExchangerStage: Sendable {
    let simulation: Simulation
    let network: SimulatedNetwork
    let zones: Zones
    let box = ZoneBox()
    let watch: HealthWatch
    let publisher: ZonePublisher
    let arrivals: ArrivalBook
    let keeper: DrainKeeper

    static let text = """
        $TTL 3600
        @ SOA ns hostmaster 5 7200 3600 1209600 300
        @ NS ns
        ns A 192.0.2.53
        @ MX 10 mx1
        @ MX 20 mx2
        mx1 A 192.0.2.25
        mx2 A 192.0.2.26
        mail A 192.0.2.25
        """

    init(_ store: any Store, _ simulation: Simulation, _ network: SimulatedNetwork) throws {
        let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        self.simulation = simulation
        self.network = network
        let server = network.host("server", addresses: [IPAddress("192.0.2.53")].compactMap(\.self))
        let world = Surroundings(time: simulation, entropy: simulation, network: server.network)
        let (zones, box) = (Zones(store: store, time: simulation), box)
        self.zones = zones
        let watch = HealthWatch(world: world, resolver: Nobody(), log: log)
        self.watch = watch
        publisher = ZonePublisher(
            zones: zones, box: box, time: simulation, log: log,
            transformations: [{ await watch.transform($0, $1) }])
        let arrivals = ArrivalBook(time: simulation)
        self.arrivals = arrivals
        keeper = Self.keeper(zones, box, simulation, arrivals, watch)
    }

    /// As a server that starts has one.
    static func keeper(
        _ zones: Zones, _ box: ZoneBox, _ simulation: Simulation, _ arrivals: ArrivalBook,
        _ watch: HealthWatch
    ) -> DrainKeeper {
        DrainKeeper(
            zones: zones, box: box, time: simulation,
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            ownNames: [name("mx1.example.org")], arrivals: arrivals, spread: nil,
            isDown: { await watch.isDown($0) })
    }

    static func name(_ text: String) -> Name { (try? Name(text)) ?? .root }

    func put(_ text: String = ExchangerStage.text, _ origin: String = "example.org") async throws {
        let plan = try await zones.plan(replacing: Self.name(origin), with: Array(text.utf8))
        try await zones.commit([plan], by: "test", "put")
    }

    /// `ttl preference host` as it is answered.
    func exchangers(_ origin: String = "example.org") -> [String] {
        (box.zones[Self.name(origin)]?.records ?? []).compactMap { record in
            if case .mx(let mx) = record.data {
                "\(record.ttl) \(mx.preference) \(mx.exchange)"
            } else {
                nil
            }
        }.sorted()
    }

    /// The addresses of a name as they are answered.
    func addresses(_ text: String) -> [String] {
        (box.zones[Self.name("example.org")]?.records ?? [])
            .filter { $0.owner == Self.name(text) }.compactMap { $0.address.map { "\($0)" } }
    }

    /// A host that greets on a port until its process ends.
    func greet(_ host: SimulatedHost, port: UInt16 = 25, _ line: String = "220 hello")
        -> SimulatedWorld.Process
    {
        let address = SocketAddress(host.addresses[0], port: port)
        return simulation.process(host.name, on: host) { surroundings in
            let listener = try await surroundings.network.listen(on: address)
            await listener.serve(limit: 10) { connection in
                connection.write(Array("\(line)\r\n".utf8))
                _ = try? await connection.receive(deadline: surroundings.time.now + .seconds(30))
            }
        }
    }

    /// Waits until something is so; fails the test after so many virtual hours.
    func wait(
        hours: Int = 30, for what: String, _ isSo: () async throws -> Bool
    ) async throws {
        let end = simulation.now + .hours(hours)
        while simulation.now < end {
            if try await isSo() { return }
            try await simulation.sleep(for: .seconds(1))
        }
        Issue.record("\(what) did not come about in \(hours) hours")
    }

    /// Runs a test with watch and keeper at work.
    static func run(
        seed: UInt64 = 1, _ body: @escaping @Sendable (ExchangerStage) async throws -> Void
    ) throws {
        let simulation = Simulation(seed: seed)
        try simulation.run {
            let store = try SQLiteStore(on: MemoryDisk(), schema: [.zoneStore, .maintenance])
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await store.run() }
                let stage = try ExchangerStage(store, simulation, SimulatedNetwork(simulation))
                try await stage.publisher.begin()
                group.addTask { await stage.watch.run { await stage.publisher.publish($0) } }
                try await body(stage)
                group.cancelAll()
            }
        }
    }

    /// All names are in the zones.
    private struct Nobody: Resolver {
        func resolve(_ name: Name, _ type: RecordType) async -> Answer {
            Answer(.failure(.serverFailure))
        }
    }
}
