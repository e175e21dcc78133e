// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Logging
import NameService
import SimulatedWorld
import Testing
import World

/// A name server on one host, a client on another.
private struct Stage {
    let simulation: Simulation
    let network: SimulatedNetwork
    let server: SimulatedHost
    let client: SimulatedHost
    let address = SocketAddress(.v4(IPv4Address(192, 0, 2, 53)), port: 53)
    let box: ZoneBox
    let names: NameServer

    static let text = """
        $TTL 3600
        @ SOA ns hostmaster 1 7200 3600 1209600 300
        @ NS ns
        ns A 192.0.2.53
        @ MX 10 mx1
        mx1 A 192.0.2.25
        www CNAME mx1
        """

    init(seed: UInt64, extra: String = "", _ faults: Faults = .none) throws {
        simulation = Simulation(seed: seed)
        network = SimulatedNetwork(simulation)
        network.faults = faults
        server = network.host("ns", .v4(IPv4Address(192, 0, 2, 53)))
        client = network.host("client", .v4(IPv4Address(192, 0, 2, 1)))
        box = ZoneBox()
        box.publish(try Self.zone(Self.text + "\n" + extra))
        names = NameServer(
            zones: box,
            world: Surroundings(time: simulation, entropy: simulation, network: server.network),
            log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    }

    static func zone(_ text: String) throws -> Zone {
        let origin = try Name("example.org")
        return try Zone(
            origin: origin, records: MasterFile.parse(Array(text.utf8), origin: origin).records)
    }

    func world(_ host: SimulatedHost) -> Surroundings {
        Surroundings(time: simulation, entropy: simulation, network: host.network)
    }

    /// Runs the server beside `body`.
    func run<Result: Sendable>(
        _ body: @escaping @Sendable (Stage) async throws -> Result
    ) throws -> Result {
        let names = names
        return try simulation.run { [self] in
            let udp = try await server.network.openDoor(at: address)
            let tcp = try await server.network.listen(on: address)
            return try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await names.run(udp: udp, tcp: tcp) }
                let result: Swift.Result<Result, any Error>
                do { result = .success(try await body(self)) } catch { result = .failure(error) }
                await udp.close()
                await tcp.close()
                group.cancelAll()
                return try result.get()
            }
        }
    }

    func query(_ name: String, _ type: RecordType, id: UInt16) throws -> [UInt8] {
        var writer = MessageWriter()
        writer.begin(Header(id: id), limit: 512)
        _ = writer.write(Question(name: try Name(name), type: type))
        return writer.octets
    }
}

@Suite("RFC 1035 §4.2 a name server over UDP and TCP, in the simulated world")
struct NameServerTests {
    @Test("The stub resolver finds records, aliases and absence")
    func lookUps() throws {
        let stage = try Stage(seed: 1)
        try stage.run { stage in
            let resolver = StubResolver(servers: [stage.address], world: stage.world(stage.client))
            let mx = try await resolver.resolve(Name("example.org"), .mx)
            #expect(mx.outcome == .records)
            #expect(mx.ttl == 3600)
            let alias = try await resolver.resolve(Name("www.example.org"), .a)
            #expect(try alias.aliases == [Name("mx1.example.org")])
            #expect(alias.records.map(\.data) == [.a(IPv4Address(192, 0, 2, 25))])
            let none = try await resolver.resolve(Name("no.example.org"), .a)
            #expect(none.outcome == .nameError)
            #expect(none.ttl == 300)
            #expect(try await resolver.resolve(Name("mx1.example.org"), .mx).outcome == .noData)
            let foreign = try await resolver.resolve(Name("example.com"), .mx)
            #expect(foreign.outcome == .failure(.refused))
        }
    }

    @Test("A large answer comes over TCP, cut into single octets as it may be")
    func overStream() throws {
        let extra = (0..<40).map { "big TXT \"\($0) \(String(repeating: "x", count: 60))\"" }
            .joined(separator: "\n")
        for seed in 1...20 as ClosedRange<UInt64> {
            let stage = try Stage(seed: seed, extra: extra, .none)
            try stage.run { stage in
                let resolver = StubResolver(
                    servers: [stage.address], world: stage.world(stage.client))
                let answer = try await resolver.resolve(Name("big.example.org"), .txt)
                #expect(answer.records.count == 40)
            }
        }
    }

    @Test("Lost and doubled datagrams are asked again, within the two seconds")
    func loss() throws {
        var faults = Faults.none
        faults.datagramLossProbability = 0.3
        faults.datagramDuplicationProbability = 0.3
        var found = 0
        for seed in 1...40 as ClosedRange<UInt64> {
            let stage = try Stage(seed: seed, faults)
            found += try stage.run { stage in
                let began = stage.simulation.now
                let resolver = StubResolver(
                    servers: [stage.address], world: stage.world(stage.client))
                let answer = try await resolver.resolve(Name("example.org"), .mx)
                #expect(stage.simulation.now - began <= .seconds(2))
                #expect(answer.outcome == .records || answer.outcome == .failure(.timeout))
                return answer.outcome == .records ? 1 : 0
            }
        }
        #expect(found >= 30)
    }

    @Test("A server that is down: timeout after two seconds; a second one answers in time")
    func down() throws {
        let stage = try Stage(seed: 3)
        try stage.run { stage in
            let dead = SocketAddress(.v4(IPv4Address(192, 0, 2, 77)), port: 53)
            let began = stage.simulation.now
            let alone = StubResolver(servers: [dead], world: stage.world(stage.client))
            let answer = try await alone.resolve(Name("example.org"), .mx)
            #expect(answer.outcome == .failure(.timeout))
            #expect(stage.simulation.now - began <= .milliseconds(2001))
            let both = StubResolver(
                servers: [dead, stage.address], world: stage.world(stage.client))
            #expect(try await both.resolve(Name("example.org"), .mx).outcome == .records)
        }
    }

    @Test("Several queries on one connection, octet by octet, answered in order")
    func pipelined() throws {
        let stage = try Stage(seed: 4)
        try stage.run { stage in
            let connection = try await stage.client.network.connect(
                to: stage.address, from: nil, deadline: stage.simulation.now + .seconds(5))
            var stream: [UInt8] = []
            for id in 1...3 as ClosedRange<UInt16> {
                stream += MessageFrames.frame(try stage.query("example.org", .mx, id: id))
            }
            let deadline = stage.simulation.now + .seconds(60)
            for octet in stream {
                connection.write([octet])
                try await connection.flush(deadline: deadline)
            }
            var frames = MessageFrames()
            var ids: [UInt16] = []
            while ids.count < 3 {
                frames.append(try #require(try await connection.receive(deadline: deadline)))
                while let message = frames.next() {
                    ids.append(try Message(parsing: message).header.id)
                }
            }
            #expect(ids == [1, 2, 3])
            // Then idle: the server ends the connection (RFC 7766 §6.2.3).
            let before = stage.simulation.now
            #expect(try await connection.receive(deadline: before + .seconds(60)) == nil)
            #expect(stage.simulation.now - before <= .seconds(11))
            await connection.close()
        }
    }

    @Test("A message that never ends is not waited for")
    func drip() throws {
        let stage = try Stage(seed: 5)
        try stage.run { stage in
            let connection = try await stage.client.network.connect(
                to: stage.address, from: nil, deadline: stage.simulation.now + .seconds(5))
            let before = stage.simulation.now
            var isOpen = true
            for octet in [0x01, 0x00] + [UInt8](repeating: 0, count: 30) where isOpen {
                connection.write([octet])
                do throws(NetworkFailure) {
                    isOpen =
                        try await connection.receive(
                            deadline: stage.simulation.now + .seconds(1)) != nil
                } catch {
                    isOpen = error == .deadlinePassed
                }
            }
            #expect(!isOpen)
            #expect(stage.simulation.now - before <= .seconds(13))
            await connection.close()
        }
    }

    @Test("Zones are exchanged while the server runs")
    func exchange() throws {
        let stage = try Stage(seed: 6)
        try stage.run { stage in
            let resolver = StubResolver(servers: [stage.address], world: stage.world(stage.client))
            stage.box.publish(
                try Stage.zone(Stage.text.replacing("192.0.2.25", with: "192.0.2.99")))
            let answer = try await resolver.resolve(Name("mx1.example.org"), .a)
            #expect(answer.records.map(\.data) == [.a(IPv4Address(192, 0, 2, 99))])
            stage.box.withdraw(try Name("example.org"))
            let gone = try await resolver.resolve(Name("mx1.example.org"), .a)
            #expect(gone.outcome == .failure(.refused))
        }
    }

    @Test("A flood from one network is answered a second's worth, then by TC or not at all")
    func flood() throws {
        let stage = try Stage(seed: 7)
        try stage.run { stage in
            let socket = try await stage.client.network.bind(
                to: SocketAddress(.v4(IPv4Address(192, 0, 2, 1)), port: 0))
            let query = try stage.query("example.org", .mx, id: 9)
            socket.send(
                (0..<1_000).map { _ in Datagram(peer: stage.address, octets: query) })
            var answers = 0
            var truncated = 0
            while true {
                do throws(NetworkFailure) {
                    let received = try await socket.receive(
                        limit: 100, deadline: stage.simulation.now + .seconds(5))
                    for datagram in received {
                        if datagram.octets[2] & 2 == 0 { answers += 1 } else { truncated += 1 }
                    }
                } catch {
                    break
                }
            }
            #expect((200...210).contains(answers))
            #expect((390...400).contains(truncated))
            await socket.close()
            // A true client goes on by TCP.
            let resolver = StubResolver(servers: [stage.address], world: stage.world(stage.client))
            #expect(try await resolver.resolve(Name("example.org"), .mx).outcome == .records)
        }
    }

    @Test(
        "Over TCP: octets of chance, messages of 65,535 octets, and one that asks and never reads")
    func hostileStreams() throws {
        let big = (0..<200).map { "big TXT \"\($0) \(String(repeating: "x", count: 200))\"" }
            .joined(separator: "\n")
        let stage = try Stage(seed: 8, extra: big)
        try stage.run { stage in
            let generator = stage.simulation.generator
            for number in 0..<40 {
                var generator = generator
                let connection = try await stage.client.network.connect(
                    to: stage.address, from: nil, deadline: stage.simulation.now + .seconds(5))
                var octets = (0..<500).map { _ in UInt8.random(in: 0...255, using: &generator) }
                if number.isMultiple(of: 2) {
                    octets = [0xFF, 0xFF] + [UInt8](repeating: UInt8(number), count: 65_535)
                }
                connection.write(octets)
                let deadline = stage.simulation.now + .seconds(60)
                do throws(NetworkFailure) {
                    while try await connection.receive(deadline: deadline) != nil {}
                } catch {
                    #expect(error != .deadlinePassed)
                }
                await connection.close()
            }
            let greedy = try await stage.client.network.connect(
                to: stage.address, from: nil, deadline: stage.simulation.now + .seconds(5))
            let query = MessageFrames.frame(try stage.query("big.example.org", .txt, id: 1))
            for _ in 0..<500 { greedy.write(query) }
            // It is given up when it takes nothing for as long as patience lasts.
            try await stage.simulation.sleep(for: .seconds(60))
            await greedy.close()
            let resolver = StubResolver(servers: [stage.address], world: stage.world(stage.client))
            #expect(try await resolver.resolve(Name("example.org"), .mx).outcome == .records)
        }
    }

    @Test("What is answered is counted by transport and code")
    func tally() throws {
        let stage = try Stage(seed: 10)
        try stage.run { stage in
            let resolver = StubResolver(servers: [stage.address], world: stage.world(stage.client))
            for _ in 0..<3 { _ = await resolver.resolve(try Name("example.org"), .mx) }
            _ = await resolver.resolve(try Name("no.example.org"), .mx)
            _ = await resolver.resolve(try Name("example.com"), .mx)
            let soon = stage.simulation.now + .seconds(60)
            let connection = try await stage.client.network.connect(
                to: stage.address, from: nil, deadline: soon)
            connection.write(MessageFrames.frame(try stage.query("example.org", .mx, id: 1)))
            #expect(try await connection.receive(deadline: soon) != nil)
            await connection.close()
        }
        let answers = stage.names.tally.answers
        #expect(answers.map(\.transport) == ["udp", "tcp"])
        let counts = answers.map {
            $0.byCode.filter { $0.count > 0 }.map { "\($0.code) \($0.count)" }
        }
        #expect(counts == [["NOERROR 3", "NXDOMAIN 1", "REFUSED 1"], ["NOERROR 1"]])
        #expect(answers.map(\.truncated) == [0, 0])
    }

    @Test("One network has 64 connections at a time; the next is ended at once, others are served")
    func crowd() throws {
        let stage = try Stage(seed: 9)
        try stage.run { stage in
            let other = stage.network.host("other", .v4(IPv4Address(198, 51, 100, 1)))
            var connections: [any Connection] = []
            let soon = stage.simulation.now + .seconds(60)
            for _ in 0..<65 {
                connections.append(
                    try await stage.client.network.connect(
                        to: stage.address, from: nil, deadline: soon))
            }
            #expect(try await connections[64].receive(deadline: soon) == nil)
            let query = MessageFrames.frame(try stage.query("example.org", .mx, id: 1))
            for connection in [
                connections[0],
                try await other.network.connect(to: stage.address, from: nil, deadline: soon),
            ] {
                connection.write(query)
                #expect(try await connection.receive(deadline: soon) != nil)
                await connection.close()
            }
            for connection in connections { await connection.close() }
        }
    }
}
