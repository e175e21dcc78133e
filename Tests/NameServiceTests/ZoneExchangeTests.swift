// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Logging
import NameService
import SimulatedWorld
import Storage
import Testing
import World
import ZoneCheck
import ZoneStore
import ZoneTransfer

private let text = """
    $TTL 3600
    @ SOA ns hostmaster 1 600 60 7200 300
    @ NS ns
    ns A 192.0.2.53
    @ MX 10 mx1
    mx1 A 192.0.2.25

    """
    + (0..<100).map { "host\($0) A 192.0.2.\($0)\nhost\($0) TXT \"number \($0)\"\n" }.joined()

/// A name server with its store on one host of the simulated network.
private struct Site: Sendable {
    static let secretKey = SecretKey([UInt8](repeating: 9, count: SecretKey.octetCount))

    let host: SimulatedHost
    let simulation: Simulation
    let box = ZoneBox()
    let zones: Zones
    let peers: ZonePeers
    let exchange: ZoneExchange
    let publisher: ZonePublisher
    let names: NameServer
    let address: SocketAddress

    init(_ host: SimulatedHost, _ simulation: Simulation, _ store: any Store) {
        self.host = host
        self.simulation = simulation
        address = SocketAddress(host.addresses[0], port: 53)
        let world = Surroundings(time: simulation, entropy: simulation, network: host.network)
        let log = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        zones = Zones(store: store, time: simulation)
        peers = ZonePeers(
            store: store, time: simulation, entropy: simulation, secretKey: Self.secretKey)
        let exchange = ZoneExchange(
            box: box, zones: zones, peers: peers, hash: SimulatedKeyedHash(), world: world,
            sources: [host.addresses[0]], log: log)
        self.exchange = exchange
        publisher = ZonePublisher(
            zones: zones, box: box, time: simulation, log: log,
            whenPublished: { exchange.announce($0.map(\.origin)) })
        names = NameServer(zones: box, world: world, log: log, exchange: exchange)
    }

    /// Serves until the task is cancelled.
    func run() async throws {
        try await serve(names, exchange, publisher, on: host, at: address, simulation)
    }

    func put(_ origin: String, _ text: String) async throws {
        let plan = try await zones.plan(replacing: Name(origin), with: Array(text.utf8))
        try await zones.commit([plan], by: "test", "put")
    }

    func add(_ name: String, _ type: RecordType, _ data: String) async throws {
        let owner = try Name(name)
        let origin = try await zones.zone(above: owner).origin
        let record = ResourceRecord(
            owner: owner, type: type, ttl: 60, data: try RecordData(type, text: data))
        try await zones.commit(
            [try await zones.plan([.addRecord(record)], for: origin)], by: "test", "added")
    }

    func records(_ origin: String) throws -> Set<ResourceRecord> {
        Set(box.zones[try Name(origin)]?.records ?? [])
    }

    /// Waits, in the simulation's time, until something is so.
    func isTrue(within limit: Duration, _ condition: () async throws -> Bool) async throws -> Bool {
        let end = simulation.now + limit
        while simulation.now < end {
            if try await condition() { return true }
            try await simulation.sleep(for: .milliseconds(100))
        }
        return try await condition()
    }

    /// Asks another site, signed with a key or not, over UDP or TCP.
    func ask(
        _ octets: [UInt8], at server: Site, key: TransactionKey? = nil, isStream: Bool = true
    ) async throws -> [Message] {
        var signed = octets
        if let key {
            var signer = MessageSigner(key, SimulatedKeyedHash())
            signed = signer.sign(octets, atSeconds: UInt64(simulation.timestamp.seconds))
        }
        guard isStream else {
            let socket = try await host.network.bind(
                to: SocketAddress(host.addresses[0], port: 0))
            socket.send([Datagram(peer: server.address, octets: signed)])
            let replies = try await socket.receive(
                limit: 1, deadline: simulation.now + .seconds(5))
            await socket.close()
            return try replies.map { try Message(parsing: $0.octets) }
        }
        let connection = try await host.network.connect(
            to: server.address, from: nil, deadline: simulation.now + .seconds(5))
        connection.write(MessageFrames.frame(signed))
        var frames = MessageFrames()
        var messages: [Message] = []
        // The server ends the connection when it has been idle.
        while let octets = try? await connection.receive(deadline: simulation.now + .seconds(60)) {
            frames.append(octets)
            while let message = frames.next() { messages.append(try Message(parsing: message)) }
        }
        await connection.close()
        return messages
    }
}

/// A primary on 192.0.2.1 and a secondary on 192.0.2.2, with one key.
private func withSites(
    seed: UInt64 = 1, _ faults: Faults = .none,
    _ body: @escaping @Sendable (Site, Site, SimulatedNetwork) async throws -> Void
) throws {
    let simulation = Simulation(seed: seed)
    let network = SimulatedNetwork(simulation)
    network.faults = faults
    let hosts = [
        network.host("primary", .v4(IPv4Address(192, 0, 2, 1))),
        network.host("secondary", .v4(IPv4Address(192, 0, 2, 2))),
    ]
    try simulation.run {
        let stores = try hosts.map { _ in
            try SQLiteStore(on: MemoryDisk(), schema: [.zoneStore, .zonePeers])
        }
        let sites = zip(hosts, stores).map { Site($0, simulation, $1) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for store in stores { group.addTask { await store.run() } }
            for site in sites { group.addTask { try await site.run() } }
            // Until both listen.
            try await simulation.sleep(for: .seconds(1))
            let key = try await sites[0].peers.addKey(Name("a.key"))
            try await sites[1].peers.addKey(key.name, key.algorithm, secret: key.secret)
            try await body(sites[0], sites[1], network)
            group.cancelAll()
        }
    }
}

/// Lets the secondary copy example.org with the key, and be told of changes.
private func pair(_ primary: Site, _ secondary: Site) async throws {
    let (origin, key) = (try Name("example.org"), try Name("a.key"))
    try await primary.put("example.org", text)
    let access = try #require(TransferAccess(network: nil, key: key))
    try await primary.peers.allow(access, for: origin)
    try await primary.peers.addNotified(ZonePeer(secondary.address, key: key), for: nil)
    try await secondary.peers.setPrimaries([ZonePeer(primary.address, key: key)], of: origin)
    try await secondary.zones.addSecondary(origin, by: "test")
}

@Suite("Secondary zones, notifications and updates, in the simulated world")
struct ZoneExchangeTests {
    @Test("A secondary copies the zone, is told of each change, and follows by differences")
    func follow() throws {
        for seed in 1...5 as ClosedRange<UInt64> {
            try withSites(seed: seed) { primary, secondary, _ in
                try await pair(primary, secondary)
                let isCopied = try await secondary.isTrue(within: .seconds(30)) {
                    try secondary.records("example.org") == primary.records("example.org")
                }
                #expect(isCopied)
                for number in 1...5 {
                    try await primary.add("new\(number).example.org", .a, "192.0.2.200")
                    let isThere = try await secondary.isTrue(within: .seconds(10)) {
                        try secondary.records("example.org") == primary.records("example.org")
                    }
                    #expect(isThere, "the notification leads to the copy within seconds")
                }
                // What came is kept as differences, for those who copy from there.
                let origin = try Name("example.org")
                let kept = try await secondary.zones.differences(of: origin, from: 1)
                #expect(kept?.count == 5)
                #expect(kept?.allSatisfy { $0.added.count == 2 } == true)
            }
        }
    }

    @Test("On a network on which everything goes wrong the copy still follows")
    func rough() throws {
        for seed in 1...8 as ClosedRange<UInt64> {
            try withSites(seed: seed, .rough) { primary, secondary, network in
                try await pair(primary, secondary)
                for number in 1...3 {
                    try await primary.add("new\(number).example.org", .txt, "\"x\"")
                    try await primary.simulation.sleep(for: .seconds(7))
                }
                network.faults = .none
                let isThere = try await secondary.isTrue(within: .hours(2)) {
                    try secondary.records("example.org") == primary.records("example.org")
                }
                #expect(isThere, "seed \(seed)")
            }
        }
    }

    @Test("Cut off, it serves until the zone expires, then SERVFAIL; reunited, it serves again")
    func expiry() throws {
        try withSites { primary, secondary, network in
            try await pair(primary, secondary)
            let origin = try Name("example.org")
            _ = try await secondary.isTrue(within: .seconds(30)) {
                try !secondary.records("example.org").isEmpty
            }
            network.partition(primary.host, secondary.host)
            try await primary.simulation.sleep(for: .seconds(6600))
            #expect(secondary.box.zones[origin]?.isExpired == false)
            try await primary.simulation.sleep(for: .seconds(1300))
            #expect(secondary.box.zones[origin]?.isExpired == true)
            let query = TransferQuery.startOctets(origin: origin, id: 1)
            for isStream in [false, true] {
                let reply = try await secondary.ask(query, at: secondary, isStream: isStream)
                #expect(reply.map(\.responseCode) == [.serverFailure])
                #expect(reply.first?.header.isAuthoritative == false)
            }
            network.heal()
            let isBack = try await secondary.isTrue(within: .hours(1)) {
                try secondary.records("example.org") == primary.records("example.org")
            }
            #expect(isBack)
        }
    }

    @Test("A restart serves what was kept, and forgets nothing of its age")
    func restart() throws {
        try withSites { primary, secondary, network in
            try await pair(primary, secondary)
            _ = try await secondary.isTrue(within: .seconds(30)) {
                try !secondary.records("example.org").isEmpty
            }
            network.partition(primary.host, secondary.host)
            // The same store behind another server, which does not even listen.
            let again = Site(secondary.host, secondary.simulation, secondary.zones.store)
            try await again.exchange.begin()
            #expect(try again.records("example.org") == primary.records("example.org"))
            let status = try #require(await again.exchange.secondaries.statuses().first)
            #expect(status.serial == 1 && !status.isExpired)
            try await primary.simulation.sleep(for: .hours(3))
            let late = Site(secondary.host, secondary.simulation, secondary.zones.store)
            try await late.exchange.begin()
            #expect(late.box.zones[try Name("example.org")]?.isExpired == true)
        }
    }

    @Test("Without a copy it is asked again and again; a zone given up is not answered")
    func without() throws {
        try withSites { primary, secondary, _ in
            let origin = try Name("example.org")
            try await secondary.peers.setPrimaries([ZonePeer(primary.address)], of: origin)
            try await secondary.zones.addSecondary(origin, by: "test")
            try await secondary.simulation.sleep(for: .seconds(60))
            let status = try #require(await secondary.exchange.secondaries.statuses().first)
            #expect(status.serial == nil && status.failure?.contains("REFUSED") == true)
            #expect(secondary.box.zones[origin]?.isExpired == true)
            try await secondary.zones.remove(origin, by: "test")
            #expect(secondary.box.zones[origin] == nil)
            #expect(await secondary.exchange.secondaries.statuses().isEmpty)
        }
    }

    @Test("Strangers get no zone; with the address, the key, or both it is given")
    func access() throws {
        try withSites { primary, secondary, _ in
            let origin = try Name("example.org")
            try await primary.put("example.org", text)
            let key = try #require(secondary.peers.book.keys[try Name("a.key")])
            let axfr = TransferQuery.octets(origin: origin, id: 7, from: nil)
            func code(_ key: TransactionKey?, isStream: Bool = true) async throws -> ResponseCode? {
                try await secondary.ask(axfr, at: primary, key: key, isStream: isStream).first?
                    .responseCode
            }
            #expect(try await code(nil) == .refused)
            #expect(try await code(key) == .refused)
            let network = try #require(IPNetwork("192.0.2.2"))
            let both = try #require(TransferAccess(network: network, key: key.name))
            try await primary.peers.allow(both, for: nil)
            #expect(try await code(nil) == .refused)
            #expect(try await code(key) == .noError)
            try await primary.peers.disallow(both, for: nil)
            #expect(try await code(key) == .refused)
            let address = try #require(TransferAccess(network: network, key: nil))
            try await primary.peers.allow(address, for: origin)
            let messages = try await secondary.ask(axfr, at: primary)
            #expect(
                messages.flatMap(\.answers).count
                    == primary.box.zones[origin]?.records.count.advanced(by: 1))
            // By datagram there is no AXFR (RFC 5936 §4.2).
            #expect(try await code(nil, isStream: false) == .formatError)
            let unknown = TransferQuery.octets(origin: try Name("other.example"), id: 7, from: nil)
            #expect(
                try await secondary.ask(unknown, at: primary).first?.responseCode == .refused)
        }
    }

    @Test("A signed query is answered and signed; a wrong signature is told, and gets nothing")
    func signedQueries() throws {
        try withSites { primary, secondary, _ in
            try await primary.put("example.org", text)
            let key = try #require(secondary.peers.book.keys[try Name("a.key")])
            let query = TransferQuery.startOctets(origin: try Name("example.org"), id: 1)
            for isStream in [false, true] {
                let reply = try #require(
                    try await secondary.ask(query, at: primary, key: key, isStream: isStream).first)
                #expect(reply.answers.count == 1 && reply.header.isAuthoritative)
                #expect(reply.additionals.last?.type == .tsig)
                let other = TransactionKey(
                    name: key.name, algorithm: key.algorithm,
                    secret: [UInt8](repeating: 1, count: 32))
                let refused = try #require(
                    try await secondary.ask(query, at: primary, key: other, isStream: isStream)
                        .first)
                #expect(refused.responseCode == .notAuthoritative && refused.answers.isEmpty)
            }
            // Too large for a datagram with its signature: TC, and no half answer (RFC 8945 §5.3).
            try await primary.put(
                "big.example",
                text
                    + (0..<9).map { "@ TXT \"\($0) \(String(repeating: "x", count: 50))\"\n" }
                    .joined())
            var writer = MessageWriter()
            writer.begin(Header(id: 3), limit: 512)
            _ = writer.write(Question(name: try Name("big.example"), type: .txt))
            let cut = try #require(
                try await secondary.ask(writer.octets, at: primary, key: key, isStream: false)
                    .first)
            #expect(cut.header.isTruncated && cut.answers.isEmpty)
            let whole = try #require(
                try await secondary.ask(writer.octets, at: primary, key: key).first)
            #expect(whole.answers.count == 9 && !whole.header.isTruncated)
        }
    }

    @Test("An update is a version of the zone, answered at once; refused ones change nothing")
    func updates() throws {
        try withSites { primary, secondary, _ in
            try await primary.put("example.org", text)
            let origin = try Name("example.org")
            let key = try #require(secondary.peers.book.keys[try Name("a.key")])
            let new = try Name("new.example.org")
            let record = ResourceRecord(
                owner: new, type: .a, ttl: 60, data: .a(IPv4Address(192, 0, 2, 99)))
            let request = UpdateRequest(
                header: Header(id: 4), origin: origin, prerequisites: [.nameNotInUse(new)],
                changes: [.add(record)])
            let octets = try #require(request.octets)
            func send(_ octets: [UInt8], _ key: TransactionKey?) async throws -> ResponseCode? {
                try await secondary.ask(octets, at: primary, key: key, isStream: false).first?
                    .responseCode
            }
            // Without a grant, and without a key, nobody learns anything.
            #expect(try await send(octets, nil) == .refused)
            #expect(try await send(octets, key) == .refused)
            try await primary.peers.grant(
                UpdateGrant(key: key.name, scope: .subtree(new)), for: origin)
            #expect(try await send(octets, nil) == .refused)
            #expect(try await send(octets, key) == .noError)
            #expect(try primary.records("example.org").contains(record))
            #expect(primary.box.zones[origin]?.soa.serial == 2)
            let version = try #require(try await primary.zones.history(of: origin).first)
            #expect(version.author == "key a.key")
            // The same octets once more, as when the response got lost: answered, not made again.
            #expect(try await send(octets, key) == .noError)
            #expect(primary.box.zones[origin]?.soa.serial == 2)
            // The same at another time: the name is in use now (YXDOMAIN).
            try await primary.simulation.sleep(for: .seconds(2))
            #expect(try await send(octets, key) == .nameTooLong)
            let elsewhere = UpdateRequest(
                header: Header(id: 5), origin: origin,
                changes: [.removeName(new), .removeName(try Name("mx1.example.org"))])
            #expect(try await send(try #require(elsewhere.octets), key) == .refused)
            #expect(try primary.records("example.org").contains(record))
            let other = UpdateRequest(
                header: Header(id: 6), origin: try Name("other.example"),
                changes: [.removeName(try Name("other.example"))])
            #expect(try await send(try #require(other.octets), key) == .refused)
            try await primary.peers.grant(UpdateGrant(key: key.name, scope: .zone), for: nil)
            #expect(try await send(try #require(other.octets), key) == .notAuthoritative)
        }
    }

    @Test("Many updates at a time are made one after the other, and none is lost")
    func concurrentUpdates() throws {
        try withSites { primary, secondary, _ in
            try await primary.put("example.org", text)
            let origin = try Name("example.org")
            let key = try #require(secondary.peers.book.keys[try Name("a.key")])
            try await primary.peers.grant(UpdateGrant(key: key.name, scope: .zone), for: origin)
            let counter = try Name("counter.example.org")
            // Of those who want to be the first, one is.
            let codes = await withTaskGroup(of: ResponseCode?.self) { group in
                for number in 0..<6 {
                    group.addTask {
                        let request = UpdateRequest(
                            header: Header(id: UInt16(number)), origin: origin,
                            prerequisites: [.nameNotInUse(counter)],
                            changes: [
                                .add(
                                    ResourceRecord(
                                        owner: counter, type: .txt, ttl: 1,
                                        data: .txt([Array("\(number)".utf8)])))
                            ])
                        guard let octets = request.octets else { return nil }
                        return try? await secondary.ask(
                            octets, at: primary, key: key, isStream: false
                        ).first?.responseCode
                    }
                }
                var codes: [ResponseCode?] = []
                for await code in group { codes.append(code) }
                return codes
            }
            #expect(codes.count { $0 == .noError } == 1)
            #expect(codes.count { $0 == .nameTooLong } == 5, "\(codes)")
        }
    }

    @Test("Notifications from others than a primary are refused, and start nothing")
    func strangersNotify() throws {
        try withSites { primary, secondary, network in
            try await pair(primary, secondary)
            _ = try await secondary.isTrue(within: .seconds(30)) {
                try !secondary.records("example.org").isEmpty
            }
            let start = try #require(primary.box.zones[try Name("example.org")]).start
            let octets = ZoneNotice.octets(start: start.withSerial(77), id: 8)
            // Unsigned from the right address, and signed with another key.
            let unsigned = try await primary.ask(octets, at: secondary, isStream: false)
            #expect(unsigned.map(\.responseCode) == [.refused])
            let key = try #require(secondary.peers.book.keys[try Name("a.key")])
            let other = try Name("other.key")
            try await secondary.peers.addKey(other)
            let elsewhere = try await primary.ask(
                octets, at: secondary, key: secondary.peers.book.keys[other])
            #expect(elsewhere.map(\.responseCode) == [.refused])
            let signed = try await primary.ask(octets, at: secondary, key: key)
            #expect(signed.map(\.responseCode) == [.noError])
            let foreign = ZoneNotice.octets(
                start: try Zone(
                    origin: Name("other.example"),
                    records: MasterFile.parse(Array(text.utf8), origin: Name("other.example"))
                        .records
                ).start, id: 9)
            let unknown = try await primary.ask(foreign, at: secondary, key: key)
            #expect(unknown.map(\.responseCode) == [.notAuthoritative])
        }
    }

    @Test("A reader that takes nothing is left alone; the zone can be had by others meanwhile")
    func slowReader() throws {
        try withSites { primary, secondary, _ in
            let origin = try Name("example.org")
            let many = (0..<20_000).map { "h\($0) TXT \"\(String(repeating: "y", count: 40))\"\n" }
            try await primary.put("example.org", text + many.joined())
            let network = try #require(IPNetwork("192.0.2.0/24"))
            try await primary.peers.allow(
                try #require(TransferAccess(network: network, key: nil)), for: origin)
            let axfr = MessageFrames.frame(TransferQuery.octets(origin: origin, id: 7, from: nil))
            let slow = try await secondary.host.network.connect(
                to: primary.address, from: nil, deadline: primary.simulation.now + .seconds(5))
            slow.write(axfr)
            try await slow.flush(deadline: primary.simulation.now + .seconds(5))
            let messages = try await secondary.ask(
                TransferQuery.octets(origin: origin, id: 8, from: nil), at: primary)
            #expect(messages.flatMap(\.answers).count > 20_000)
            // Half a minute later the server has given the slow one up.
            try await primary.simulation.sleep(for: .seconds(60))
            var octets = 0
            while let some = try? await slow.receive(
                deadline: primary.simulation.now + .seconds(5))
            {
                octets += some.count
            }
            #expect(octets < 400_000, "\(octets)")
            await slow.close()
        }
    }

    @Test("A catalog lists the zones that there are, and follows")
    func catalog() throws {
        try withSites { primary, _, _ in
            let catalog = try Name("catalog.example")
            let records = try #require(
                CatalogZone(origin: catalog, members: []).records(serial: 1))
            try await primary.put("example.org", text)
            let plan = try await primary.zones.plan(
                replacing: catalog, with: MasterFile.canonicalText(of: records))
            try await primary.zones.commit([plan], by: "test", "catalog")
            try await primary.zones.set("catalog", to: "yes", of: catalog, by: "test")
            func members() throws -> [String] {
                try primary.records("catalog.example").compactMap { record in
                    if case .ptr(let name) = record.data { "\(name)" } else { nil }
                }.sorted()
            }
            #expect(try members() == ["example.org"])
            try await primary.put("second.example", text)
            #expect(try members() == ["example.org", "second.example"])
            try await primary.zones.set(
                "catalog-group", to: "signed", of: Name("second.example"), by: "test")
            #expect(
                try primary.records("catalog.example").contains {
                    $0.owner.labels.first == Array("group".utf8)[...]
                })
            try await primary.zones.set(
                "catalog-member", to: "no", of: Name("example.org"), by: "test")
            #expect(try members() == ["second.example"])
            try await primary.zones.remove(Name("second.example"), by: "test")
            #expect(try members() == [])
            let serial = try #require(primary.box.zones[catalog]).soa.serial
            try await primary.add("www.example.org", .a, "192.0.2.1")
            #expect(primary.box.zones[catalog]?.soa.serial == serial, "nothing has changed in it")
        }
    }

    @Test("Records go to the server that keeps a zone, unless somebody else has changed them")
    func push() throws {
        try withSites { keeper, sender, _ in
            let origin = try Name("example.org")
            let key = try Name("a.key")
            try await keeper.put("example.org", text)
            try await keeper.peers.grant(UpdateGrant(key: key, scope: .zone), for: origin)
            try await sender.peers.setKeeper(ZonePeer(keeper.address, key: key), of: origin)
            let mx = try await sender.exchange.records(of: [(origin, .mx)], in: origin)
            #expect(mx.count == 1)
            let new = ResourceRecord(
                owner: origin, type: .mx, ttl: 60,
                data: .mx(MX(preference: 20, exchange: try Name("mx2.example.org"))))
            try await sender.exchange.update(origin, removing: [], adding: [new], before: mx)
            let mailRecords = try keeper.records("example.org").filter { $0.type == .mx }
            #expect(mailRecords.count == 2)
            // What was seen is not so any more.
            await #expect(throws: ZoneFailure.self) {
                try await sender.exchange.update(origin, removing: mx, adding: [], before: mx)
            }
            #expect(try keeper.records("example.org").filter { $0.type == .mx } == mailRecords)
        }
    }
}
