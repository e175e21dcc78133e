// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Directory
import Logging
import Mail
import NameService
import SMTP
import SimulatedWorld
import Testing
import World

@Suite("No destination waits beyond its turn")
struct FairnessTests {
    /// Each with a line of its own; together they take all connections there are.
    private static let slowDomains = 15
    private static let messages = 60
    private static let slowness = Duration.seconds(60)
    /// While others wait a connection takes 10 messages, and the wait begins within one of them.
    private static let bound = slowness * 11

    @Test("a crowd for slow hosts keeps mail for a quick one waiting for one turn at most")
    func crowd() throws {
        let simulation = Simulation(seed: 1)
        let waited = try simulation.run(limit: .days(1), jobs: 20_000_000) {
            let street = try await Street(simulation, slowDomains: Self.slowDomains)
            street.slow.slowness = Self.slowness
            for _ in 0..<Self.messages {
                try await street.send(
                    to: (1...Self.slowDomains).map { "a@slow\($0).example" })
            }
            try await simulation.sleep(for: .minutes(5))
            #expect(street.slow.messages.count > 200)
            let sent = simulation.now
            try await street.send(to: ["b@quick.example"])
            for _ in 0..<1000 where street.quick.messages.isEmpty {
                try await simulation.sleep(for: .seconds(10))
            }
            #expect(
                street.slow.messages.count < Self.slowDomains * Self.messages,
                "the crowd had gone before")
            return try #require(street.quick.messages.first).time - sent
        }
        #expect(waited <= Self.bound, "it waited for \(waited)")
        // Were there no crowd, this would prove nothing.
        #expect(waited > .seconds(10), "it waited for \(waited)")
    }
}

/// A server, a slow host with many domains, and a quick one.
private final class Street: Sendable {
    let slow: ForeignHost
    let quick: ForeignHost
    private let site: Site
    private let client: SimulatedHost
    private let ledger = Ledger()
    private let simulation: Simulation

    init(_ simulation: Simulation, slowDomains: Int) async throws {
        self.simulation = simulation
        let network = SimulatedNetwork(simulation)
        func host(_ name: String, _ address: String) -> SimulatedHost {
            network.host(name, addresses: [address].compactMap { IPAddress($0) })
        }
        let names = host("ns", "192.0.2.53")
        let nameServer = SocketAddress(names.addresses[0], port: 53)
        client = host("client", "203.0.113.200")
        slow = ForeignHost(simulation, name: "slow.example")
        quick = ForeignHost(simulation, name: "quick.example")
        site = Site(
            "out.example", on: host("out", "203.0.113.1"), in: simulation,
            nameServers: [nameServer]
        ) { registry in
            try await registry.add(domain: LocalDomain(try Domain("out.example")), by: "test")
            try await registry.addAccount(
                try Address("dora@out.example"), password: Town.password, by: "test")
        }
        let text = """
            $TTL 300
            @ SOA ns hostmaster 1 7200 900 1209600 300
            @ NS ns
            ns A 192.0.2.53
            $GENERATE 1-\(slowDomains) slow$ MX 10 mail.slow$
            $GENERATE 1-\(slowDomains) mail.slow$ A 203.0.113.25
            quick MX 10 mail.quick
            mail.quick A 203.0.113.26

            """
        let origin = try Name("example")
        let file = MasterFile.parse(Array(text.utf8), origin: origin)
        try #require(file.faults.isEmpty, "\(file.faults)")
        let zones = ZoneBox()
        zones.publish(try Zone(origin: origin, records: file.records))
        _ = simulation.process("ns", on: names) { surroundings in
            let server = NameServer(
                zones: zones, world: surroundings,
                log: Logger(label: "ns") { _ in SwiftLogNoOpLogHandler() })
            let udp = try await surroundings.network.openDoor(at: nameServer)
            let tcp = try await surroundings.network.listen(on: nameServer)
            await server.run(udp: udp, tcp: tcp)
        }
        for (host, foreigner) in [
            (host("slow", "203.0.113.25"), slow), (host("quick", "203.0.113.26"), quick),
        ] {
            let address = SocketAddress(host.addresses[0], port: 25)
            _ = simulation.process(host.name, on: host) {
                try await foreigner.run($0.network, at: address, limit: 1000)
            }
        }
        await site.boot()
        // Until it listens.
        try await simulation.sleep(for: .seconds(10))
    }

    /// One message, acknowledged.
    func send(to names: [String]) async throws {
        let author = try Address("dora@out.example")
        let recipients = try names.map { try Address($0) }
        let letter = ledger.write { number in
            Letter(
                number, from: .address(author), author: author, to: recipients, octets: 100,
                isFromStranger: false, &simulation.faults)
        }
        try await MailProgram(
            simulation: simulation, network: client.network, ledger: ledger,
            server: SocketAddress(site.host.addresses[0], port: 587),
            credentials: (name: author.description, password: Town.password)
        ).post(letter)
        let answers = Set(ledger.letters[letter.number].answers)
        try #require(answers == [.acknowledged], "\(answers)")
    }
}
