// SPDX-License-Identifier: Apache-2.0

import Bytes
import DKIM
import DNS
import KeyLife
import KeyRing
import Logging
import Mail
import NameService
import SimulatedWorld
import Storage
import Synchronization
import Testing
import World
import ZoneCheck
import ZoneStore
import ZoneTransfer

/// A host with a name server and, on the first one, the keys of domains.
private struct KeySite: Sendable {
    static let secretKey = SecretKey([UInt8](repeating: 9, count: SecretKey.octetCount))
    static let schema: [Migrations] = [.zoneStore, .zonePeers, .keyRing]

    let host: SimulatedHost
    let store: SQLiteStore
    let simulation: Simulation
    let box = ZoneBox()
    let zones: Zones
    let peers: ZonePeers
    let exchange: ZoneExchange
    let publisher: ZonePublisher
    let names: NameServer
    let address: SocketAddress
    let world: Surroundings
    private let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    init(_ host: SimulatedHost, _ simulation: Simulation) throws {
        self.host = host
        self.simulation = simulation
        store = try SQLiteStore(on: MemoryDisk(), schema: Self.schema)
        address = SocketAddress(host.addresses[0], port: 53)
        world = Surroundings(time: simulation, entropy: simulation, network: host.network)
        zones = Zones(store: store, time: simulation)
        peers = ZonePeers(
            store: store, time: simulation, entropy: simulation, secretKey: Self.secretKey)
        let exchange = ZoneExchange(
            box: box, zones: zones, peers: peers, hash: SimulatedKeyedHash(), world: world,
            sources: [host.addresses[0]], log: log)
        self.exchange = exchange
        publisher = ZonePublisher(zones: zones, box: box, time: simulation, log: log)
        names = NameServer(zones: box, world: world, log: log, exchange: exchange)
    }

    func run() async throws {
        try await serve(names, exchange, publisher, on: host, at: address, simulation)
    }

    func put(_ origin: String) async throws {
        let text = """
            $TTL 3600
            @ SOA ns.example.net. hostmaster 1 600 60 7200 300
            @ NS ns.example.net.
            @ MX 10 mx1

            """
        let plan = try await zones.plan(replacing: Name(origin), with: Array(text.utf8))
        try await zones.commit([plan], by: "test", "put")
    }

    /// The TXT records below `_domainkey`.
    func records(_ origin: String) throws -> [String] {
        (box.zones[try Name(origin)]?.records ?? []).filter { $0.type == .txt }.map { record in
            guard case .txt(let strings) = record.data else { return "" }
            let text = String(lossy: strings.flatMap { $0 }.prefix(24))
            let label = String(lossy: record.owner.labels.first ?? [])
            return "\(label) \(text)"
        }.sorted()
    }

    func signingKeys() -> SigningKeys {
        SigningKeys(
            store: store, secretKey: Self.secretKey, entropy: simulation,
            cryptography: SimulatedMailCryptography(entropy: simulation))
    }

    func keeper(
        _ keys: SigningKeys, _ resolver: any Resolver, _ domains: [Domain],
        _ authorities: AuthorityCheck? = nil
    ) -> KeyKeeper {
        KeyKeeper(
            keys: keys, zones: zones, peers: peers, exchange: exchange, resolver: resolver,
            authorities: authorities, time: simulation, log: log, hosted: { domains })
    }
}

/// Asks the server that keeps a zone, over the network.
private struct Routes: Resolver {
    let servers: [(suffix: Name, resolver: StubResolver)]
    let asked = Asked()

    final class Asked: Sendable { let count = Atomic<Int>(0) }

    func resolve(_ name: Name, _ type: RecordType) async -> Answer {
        asked.count.add(1, ordering: .relaxed)
        guard let server = servers.first(where: { name.isEqualOrBelow($0.suffix) }) else {
            return Answer(.failure(.timeout))
        }
        return await server.resolver.resolve(name, type)
    }
}

/// A host with keys, whose domain `example.org` has its zone there, and one that keeps the zones of
/// `pushed.example`, by our updates, and of `hand.example`.
private struct KeyStage: Sendable {
    let here: KeySite
    let there: KeySite
    let keys: SigningKeys
    let keeper: KeyKeeper
    let routes: Routes
    let domains: [Domain]
    var simulation: Simulation { here.simulation }

    /// Runs the keeper for so long; of days, each quarter of an hour.
    func pass(_ duration: Duration) async throws {
        guard duration < .hours(3) else {
            let end = simulation.now + duration
            while simulation.now < end {
                await keeper.look()
                try await simulation.sleep(for: .minutes(15))
            }
            return
        }
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await keeper.run() }
            try? await simulation.sleep(for: duration)
            group.cancelAll()
        }
    }

    func states(_ domain: Int) -> [String] {
        (keys.keys(of: domains[domain])?.keys ?? []).map {
            "\($0.selector.dropFirst(6)) \($0.state.rawValue)"
        }
    }

    func codes(_ domain: Int) async throws -> [String] {
        try await keeper.status(of: domains[domain], looks: false).findings.map(\.code)
    }

    func use() {
        for domain in domains {
            _ = keys.signing([], for: domain, at: simulation.timestamp)
        }
    }
}

private func withKeyStage(
    _ body: @escaping @Sendable (KeyStage, SimulatedNetwork) async throws -> Void
) throws {
    let simulation = Simulation(seed: 1)
    let network = SimulatedNetwork(simulation)
    let hosts = [
        network.host("here", .v4(IPv4Address(192, 0, 2, 1))),
        network.host("there", .v4(IPv4Address(192, 0, 2, 2))),
    ]
    try simulation.run {
        let sites = try hosts.map { try KeySite($0, simulation) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for site in sites {
                group.addTask { await site.store.run() }
                group.addTask { try await site.run() }
            }
            // Until both listen.
            try await simulation.sleep(for: .seconds(1))
            let (here, there) = (sites[0], sites[1])
            try await here.put("example.org")
            try await there.put("pushed.example")
            try await there.put("hand.example")
            let key = try await here.peers.addKey(Name("a.key"))
            try await there.peers.addKey(key.name, key.algorithm, secret: key.secret)
            let pushed = try Name("pushed.example")
            try await there.peers.grant(UpdateGrant(key: key.name, scope: .zone), for: pushed)
            try await here.peers.setKeeper(ZonePeer(there.address, key: key.name), of: pushed)
            let near = StubResolver(servers: [here.address], world: here.world)
            let far = StubResolver(servers: [there.address], world: here.world)
            let routes = Routes(servers: [
                (try Name("example.org"), near), (try Name("example"), far),
            ])
            let domains = try ["example.org", "pushed.example", "hand.example"].map {
                try Domain($0)
            }
            let keys = here.signingKeys()
            let stage = KeyStage(
                here: here, there: there, keys: keys,
                keeper: here.keeper(keys, routes, domains), routes: routes, domains: domains)
            try await body(stage, network)
            group.cancelAll()
        }
    }
}

@Suite("RFC 6376 §3.6: a server that looks after its keys")
struct KeyKeeperTests {
    @Test(
        "Keys are made, published here and by update, seen, and then they sign",
        .timeLimit(.minutes(1)))
    func begins() throws {
        try withKeyStage { stage, _ in
            try await stage.pass(.minutes(3))
            #expect(try stage.here.records("example.org").count == 2)
            #expect(
                try stage.there.records("pushed.example").allSatisfy {
                    $0.contains("v=DKIM1; k=")
                })
            #expect(try stage.there.records("pushed.example").count == 2)
            #expect(stage.states(0) == ["a-rsa visible", "a-ed visible"])
            #expect(!stage.keys.signs(for: stage.domains[0]))
            #expect(try await stage.codes(0) == ["unsigned"])
            try await stage.pass(.minutes(12))
            for domain in 0..<2 {
                #expect(stage.states(domain) == ["a-rsa active", "a-ed active"])
                #expect(stage.keys.signs(for: stage.domains[domain]))
                #expect(try await stage.codes(domain) == [])
            }
            #expect(stage.states(2) == ["a-rsa made", "a-ed made"])
            #expect(try await stage.codes(2) == ["unsigned", "to-publish", "to-publish"])
            let marks = try await stage.here.zones.zone(Name("example.org")).managed
            #expect(marks.count == 2, "they are ours")
        }
    }

    @Test("A zone kept elsewhere by hand is followed", .timeLimit(.minutes(1)))
    func byHand() throws {
        try withKeyStage { stage, _ in
            try await stage.pass(.minutes(2))
            let origin = try Name("hand.example")
            let keys = try #require(stage.keys.keys(of: stage.domains[2]))
            for key in keys.keys {
                let record = ResourceRecord(
                    owner: try #require(key.name(of: stage.domains[2])), type: .txt, ttl: 60,
                    data: .txt(ManagedRecord.cut(Array(key.record.utf8))))
                let plan = try await stage.there.zones.plan([.addRecord(record)], for: origin)
                try await stage.there.zones.commit([plan], by: "a person", "pasted")
            }
            try await stage.pass(.minutes(15))
            #expect(stage.states(2) == ["a-rsa active", "a-ed active"])
            #expect(try await stage.codes(2) == [])
            // Somebody drops one there.
            let name = try #require(keys.keys[0].name(of: stage.domains[2]))
            let plan = try await stage.there.zones.plan(
                [.removeRecords(name, .txt, nil)], for: origin)
            try await stage.there.zones.commit([plan], by: "a person", "dropped")
            try await stage.pass(.hours(7))
            #expect(stage.keys.keys(of: stage.domains[2])?.signing(.rsa) == nil)
            #expect(stage.keys.keys(of: stage.domains[2])?.signing(.ed25519) != nil)
            #expect(
                try await stage.codes(2) == ["unsigned-kind", "record-wrong", "to-publish"])
            #expect(await stage.keeper.alarmCount == 1)
        }
    }

    @Test("A rotation ends with the old keys revoked, then gone", .timeLimit(.minutes(1)))
    func rotation() throws {
        try withKeyStage { stage, _ in
            try await stage.pass(.minutes(15))
            try await stage.keeper.makeKeys(of: stage.domains[0], [.rsa, .ed25519])
            try await stage.keeper.makeKeys(of: stage.domains[1], [.rsa])
            #expect(try stage.here.records("example.org").count == 4)
            #expect(try stage.there.records("pushed.example").count == 3)
            stage.use()
            #expect(stage.keys.keys(of: stage.domains[0])?.signing(.rsa)?.selector.last == "a")
            try await stage.pass(.minutes(20))
            #expect(
                stage.states(0) == [
                    "a-rsa retired", "a-ed retired", "b-rsa active", "b-ed active",
                ])
            try await stage.pass(.hours(24 * 8))
            #expect(
                stage.states(0) == [
                    "a-rsa revoked", "a-ed revoked", "b-rsa active", "b-ed active",
                ])
            let year = try #require(stage.keys.keys(of: stage.domains[0])?.keys.first?.selector)
                .dropLast(5)
            #expect(
                try stage.here.records("example.org").contains("\(year)a-rsa v=DKIM1; k=rsa; p="))
            #expect(
                try stage.there.records("pushed.example")
                    .contains("\(year)a-rsa v=DKIM1; k=rsa; p="))
            try await stage.pass(.hours(24 * 31))
            #expect(stage.states(0) == ["b-rsa active", "b-ed active"])
            #expect(try stage.here.records("example.org").count == 2)
            #expect(try stage.there.records("pushed.example").count == 2)
        }
    }

    @Test("While no name server answers, everything stays as it is", .timeLimit(.minutes(1)))
    func partition() throws {
        try withKeyStage { stage, network in
            try await stage.pass(.minutes(15))
            network.partition(stage.here.host, stage.there.host)
            try await stage.pass(.hours(24))
            #expect(stage.keys.signs(for: stage.domains[1]))
            #expect(try await stage.codes(1) == [])
            // What is to be published waits for the server.
            await #expect(throws: KeyKeeper.Failure.self) {
                try await stage.keeper.makeKeys(of: stage.domains[1], [.rsa])
            }
            try await stage.pass(.hours(1))
            #expect(stage.keys.keys(of: stage.domains[1])?.keys.last?.state == .made)
            #expect(
                try await stage.keeper.status(of: stage.domains[1], looks: false).trouble != nil)
            network.heal(stage.here.host, stage.there.host)
            try await stage.pass(.hours(1))
            #expect(stage.keys.keys(of: stage.domains[1])?.keys.last?.state == .active)
            #expect(
                try await stage.keeper.status(of: stage.domains[1], looks: false).trouble == nil)
        }
    }

    @Test(
        "A record that a person takes out stays out until it is asked for", .timeLimit(.minutes(1)))
    func takenOut() throws {
        try withKeyStage { stage, _ in
            try await stage.pass(.minutes(15))
            let origin = try Name("example.org")
            let key = try #require(stage.keys.keys(of: stage.domains[0])?.keys.first)
            let name = try #require(key.name(of: stage.domains[0]))
            let plan = try await stage.here.zones.plan(
                [.removeRecords(name, .txt, nil)], for: origin)
            try await stage.here.zones.commit([plan], by: "a person", "dropped")
            try await stage.pass(.hours(7))
            #expect(try stage.here.records("example.org").count == 1)
            #expect(try await stage.codes(0) == ["unsigned-kind", "record-wrong"])
            try await stage.keeper.publish(stage.domains[0])
            #expect(try stage.here.records("example.org").count == 2)
            try await stage.pass(.minutes(20))
            #expect(try await stage.codes(0) == [])
            // Every change is in the history of the zone, and can be undone there.
            let history = try await stage.here.zones.history(of: origin)
            #expect(history.contains { $0.summary == "published the DKIM keys of example.org" })
        }
    }

    @Test(
        "The keys of a domain that is gone end with what they have signed", .timeLimit(.minutes(1)))
    func departure() throws {
        try withKeyStage { stage, _ in
            try await stage.pass(.minutes(15))
            // By update, and never used.
            _ = stage.keys.signing([], for: stage.domains[0], at: stage.simulation.timestamp)
            let alone = stage.here.keeper(stage.keys, stage.routes, [])
            await alone.look()
            #expect(stage.states(0) == ["a-rsa active", "a-ed active"])
            #expect(!stage.keys.signs(for: stage.domains[0]))
            #expect(stage.keys.sealer(of: stage.domains[0], at: stage.simulation.timestamp) == nil)
            #expect(try stage.here.records("example.org").count == 2)
            #expect(stage.keys.keys(of: stage.domains[1]) == nil)
            #expect(try stage.there.records("pushed.example").isEmpty)
            #expect(stage.keys.domains == [stage.domains[0]])
            // It comes back, and everything goes on.
            try await stage.pass(.minutes(15))
            #expect(stage.keys.signs(for: stage.domains[0]))
            // After a restart it is still known that it is gone.
            await alone.look()
            let keys = stage.here.signingKeys()
            try await keys.load()
            #expect(!keys.signs(for: stage.domains[0]))
            let later = stage.here.keeper(keys, stage.routes, [])
            try await stage.simulation.sleep(for: .days(6))
            await later.look()
            #expect(try stage.here.records("example.org").count == 2)
            try await stage.simulation.sleep(for: .days(1))
            await later.look()
            #expect(try stage.here.records("example.org").isEmpty)
            #expect(keys.domains.isEmpty)
            let empty = stage.here.signingKeys()
            try await empty.load()
            #expect(empty.domains.isEmpty)
        }
    }

    /// The name servers of `example.org`: two elsewhere, and this host.
    private struct Registrar: Resolver {
        let addresses: [String: String]

        func resolve(_ name: Name, _ type: RecordType) async -> Answer {
            let data: [RecordData] =
                switch type {
                case .ns where name == (try? Name("example.org")):
                    addresses.keys.sorted().compactMap { try? .ns(Name($0)) }
                case .a:
                    addresses["\(name)"].flatMap { IPv4Address($0) }.map { [.a($0)] } ?? []
                default: []
                }
            guard !data.isEmpty else { return Answer(.noData) }
            return Answer(
                .records,
                records: data.map { ResourceRecord(owner: name, type: type, ttl: 60, data: $0) })
        }
    }

    @Test(
        "A key waits until each name server shows it that can be asked, and it is said which does not",
        .timeLimit(.minutes(1)))
    func everyServer() throws {
        try withKeyStage { stage, _ in
            let late = Mutex(Answer(.nameError))
            let asked = Mutex<Set<String>>([])
            let routes = stage.routes
            let check = AuthorityCheck(
                resolver: Registrar(addresses: [
                    "a.test": "192.0.2.51", "b.test": "192.0.2.52", "c.test": "192.0.2.53",
                    "ns.here.test": "192.0.2.54", "ns.there.test": "192.0.2.55",
                ]), ownNames: [try Name("ns.here.test")],
                ownAddresses: [.v4(IPv4Address(192, 0, 2, 55))]
            ) {
                await routes.resolve($0, .txt)
            } ask: { server, name in
                asked.withLock { _ = $0.insert("\(server)") }
                switch "\(server.host)" {
                case "192.0.2.51": return await routes.resolve(name, .txt)
                case "192.0.2.52":
                    let answer = late.withLock { $0 }
                    return answer.outcome == .records ? await routes.resolve(name, .txt) : answer
                default: return Answer(.failure(.timeout))
                }
            }
            let keeper = stage.here.keeper(stage.keys, stage.routes, [stage.domains[0]], check)
            func look(_ minutes: Int) async throws {
                for _ in 0..<minutes {
                    await keeper.look()
                    try await stage.simulation.sleep(for: .minutes(1))
                }
            }
            try await look(30)
            #expect(stage.states(0) == ["a-rsa published", "a-ed published"])
            let status = try await keeper.status(of: stage.domains[0], looks: true)
            let key = try #require(status.keys.keys.first)
            #expect(
                status.servers[key.selector]?.map { "\($0.server) \($0.sighting)" } == [
                    "ns.here.test right", "ns.there.test right", "a.test right",
                    "b.test wrong(KeyLife.DomainKey.Fault.missing)",
                    "c.test failure(no name server answered in time)",
                ])
            #expect(
                asked.withLock { $0.sorted() } == [
                    "192.0.2.51:53", "192.0.2.52:53", "192.0.2.53:53",
                ])
            late.withLock { $0 = Answer(.records) }
            try await look(15)
            #expect(stage.states(0) == ["a-rsa active", "a-ed active"])
            // Nobody is asked for what signs already.
            asked.withLock { $0 = [] }
            try await look(5)
            #expect(asked.withLock { $0.isEmpty })
        }
    }

    @Test("Where no name server can be asked, the resolver's word counts", .timeLimit(.minutes(1)))
    func noServer() throws {
        try withKeyStage { stage, _ in
            for addresses in [[:], ["c.test": "192.0.2.53"]] {
                let keys = stage.here.signingKeys()
                let check = AuthorityCheck(
                    resolver: Registrar(addresses: addresses), ownNames: []
                ) { _ in
                    Answer(.failure(.refused))
                } ask: { _, _ in
                    Answer(.failure(.timeout))
                }
                let keeper = stage.here.keeper(
                    keys, stage.routes, [stage.domains[addresses.count]], check)
                for _ in 0..<15 {
                    await keeper.look()
                    try await stage.simulation.sleep(for: .minutes(1))
                }
                #expect(keys.signs(for: stage.domains[addresses.count]))
            }
        }
    }

    @Test("After a restart everything goes on", .timeLimit(.minutes(1)))
    func restart() throws {
        try withKeyStage { stage, _ in
            try await stage.pass(.minutes(15))
            let keys = stage.here.signingKeys()
            try await keys.load()
            #expect(keys.signs(for: stage.domains[0]) && keys.signs(for: stage.domains[1]))
            let keeper = stage.here.keeper(keys, stage.routes, stage.domains)
            await keeper.look()
            #expect(keys.keys(of: stage.domains[0])?.keys.count == 2)
            let before = stage.routes.asked.count.load(ordering: .relaxed)
            await keeper.look()
            let asked = stage.routes.asked.count.load(ordering: .relaxed) - before
            #expect(asked <= 2, "nobody asks for what was seen just before")
        }
    }
}
