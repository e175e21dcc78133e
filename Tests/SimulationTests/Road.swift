// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Directory
import Mail
import NameService
import SMTP
import Server
import SimulatedWorld
import Storage
import World
import ZoneCheck

/// Senders that cache, two exchangers side by side, and the store behind them.
///
/// `mx1.example` and `mx2.example` take mail for `town.example` and hand it to `store.example`,
/// which no MX record names. `mx1` is the name server too, and keeps the zone. Three senders write
/// all the time; the resolver of the third stretches short TTLs.
final class Road: @unchecked Sendable {
    let simulation: Simulation
    let network: SimulatedNetwork
    let ledger = Ledger()
    let exchangers: [Site]
    let store: Site
    let senders: [Site]
    private let client: SimulatedHost
    private let ttl: Int

    static let origin = (try? Name("example")) ?? .root
    static let domain = (try? Name("town.example")) ?? .root
    static let stretchedTTL: UInt32 = 280

    init(_ simulation: Simulation) throws {
        self.simulation = simulation
        let network = SimulatedNetwork(simulation)
        self.network = network
        func host(_ name: String, _ address: String) -> SimulatedHost {
            network.host(name, addresses: [address].compactMap { IPAddress($0) })
        }
        let names = [host("mx1", "192.0.2.1")]
        let nameServers = names.map { SocketAddress($0.addresses[0], port: 53) }
        ttl = simulation.faults.pick([120, 600, 1800, 3600])
        exchangers = [
            Site(
                "mx1.example", on: names[0], in: simulation, nameServers: nameServers,
                provision: Self.provisionExchanger),
            Site(
                "mx2.example", on: host("mx2", "192.0.2.2"), in: simulation,
                nameServers: nameServers, provision: Self.provisionExchanger),
        ]
        store = Site(
            "store.example", on: host("store", "198.51.100.9"), in: simulation,
            nameServers: nameServers, provision: Self.provisionStore)
        senders = (1...3).map { number in
            Site(
                "out\(number).example", on: host("out\(number)", "203.0.113.\(number)"),
                in: simulation, nameServers: nameServers
            ) { registry in
                try await registry.add(
                    domain: LocalDomain(try Domain("out\(number).example")), by: "simulation")
                try await registry.addAccount(
                    try Address("dora@out\(number).example"), password: Town.password,
                    by: "simulation")
            }
        }
        senders[2].shortestTTL = Self.stretchedTTL
        client = host("client", "203.0.113.200")
        exchangers[0].zone = (Self.origin, zoneText)
        // The one name server is an exchanger that is taken away: nothing can be examined then.
        for site in exchangers + [store] + senders { site.examinesSenders = false }
    }

    private var zoneText: String {
        """
        $TTL 3600
        @ SOA mx1 hostmaster 1 7200 900 1209600 60
        @ NS mx1
        mx1 A 192.0.2.1
        mx2 A 192.0.2.2
        mx3 A 192.0.2.2
        store A 198.51.100.9
        town \(ttl) MX 10 mx1
        town \(ttl) MX 10 mx2
        $GENERATE 1-3 out$ A 203.0.113.$

        """
    }

    @Sendable private static func provisionExchanger(_ registry: Registry) async throws {
        try await registry.add(
            relay: RelayDomain(try Domain("town.example"), host: "store.example"),
            recipients: [try Address("alice@town.example")], by: "simulation")
    }

    @Sendable private static func provisionStore(_ registry: Registry) async throws {
        try await registry.add(domain: LocalDomain(try Domain("town.example")), by: "simulation")
        try await registry.addAccount(
            try Address("alice@town.example"), password: Town.password, by: "simulation")
    }

    func open() async throws {
        for site in exchangers + [store] + senders { await site.boot() }
        // Until all listen.
        try await simulation.sleep(for: .seconds(10))
    }

    // MARK: - Senders

    /// Letters from everywhere, for so long.
    func write(for duration: Duration, pause longest: Duration = .minutes(12)) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for sender in senders {
                group.addTask { [self] in
                    let end = simulation.now + duration
                    while simulation.now < end {
                        try await simulation.sleep(
                            for: simulation.faults.duration(in: .seconds(5)...longest))
                        try await send(from: sender)
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    private func send(from site: Site) async throws {
        let author = try Address("dora@\(site.name)")
        let recipient = try Address("alice@town.example")
        let letter = ledger.write { number in
            Letter(
                number, from: .address(author), author: author, to: [recipient], octets: 100,
                isFromStranger: false, &simulation.faults)
        }
        try await MailProgram(
            simulation: simulation, network: client.network, ledger: ledger,
            server: SocketAddress(site.host.addresses[0], port: 587),
            credentials: (name: author.description, password: Town.password)
        ).post(letter)
    }

    // MARK: - The zone

    /// The exchangers as they are answered, the best first.
    var answered: [String] {
        (exchangers[0].box.zones[Self.origin]?.records ?? []).compactMap { record in
            guard record.owner == Self.domain, case .mx(let mx) = record.data else { return nil }
            return "\(mx.exchange)"
        }.sorted()
    }

    /// Waits until something is so, for some hours at most.
    func wait(
        hours: Int = 12, for what: String, _ isSo: () async throws -> Bool
    ) async throws {
        let end = simulation.now + .hours(hours)
        while simulation.now < end {
            if try await isSo() { return }
            try await simulation.sleep(for: .seconds(20))
        }
        throw Late(what: what)
    }

    struct Late: Error, CustomStringConvertible {
        let what: String
        var description: String { "\(what) did not come about" }
    }

    // MARK: - What must hold

    /// What is lost, doubled, bounced or put off, when all has come to rest.
    ///
    /// `mayDouble`: connections were cut after the final dot.
    func faults(mayDouble: Bool = false) async throws -> [String] {
        var faults: [String] = []
        let end = simulation.now + .hours(8)
        while simulation.now < end {
            let waiting = try (exchangers + [store] + senders).map { try spooled(at: $0) }
            if waiting.allSatisfy({ $0 == 0 }) { break }
            try await simulation.sleep(for: .minutes(5))
        }
        let arrived = try await texts(at: store)
        for letter in ledger.letters {
            let mark = Array(letter.mark.utf8)
            let copies = arrived.count { Self.holds($0, mark) }
            if letter.answers == [.acknowledged], copies == 0 {
                faults.append("letter \(letter.number) is lost")
            }
            if copies > 1, !mayDouble {
                faults.append("letter \(letter.number) arrived \(copies) times")
            }
        }
        if !ledger.letters.contains(where: { $0.answers == [.acknowledged] }) {
            faults.append("nobody has written")
        }
        for sender in senders {
            for text in try await texts(at: sender) {
                for action in ["failed", "delayed"]
                where Self.holds(text, Array("Action: \(action)".utf8)) {
                    faults.append("a letter of \(sender.name) is \(action)")
                }
            }
        }
        return faults
    }

    /// Senders that asked a host for its mail within some time.
    func callers(of host: Site, from begin: Timestamp, to end: Timestamp) -> [Site] {
        let addresses = Set(host.host.addresses.map { "\($0)" })
        return senders.filter { sender in
            sender.attempts.contains {
                addresses.contains($0.address) && $0.time > begin && $0.time < end
            }
        }
    }

    private func spooled(at site: Site) throws -> Int64 {
        try site.inspect { transaction in
            try transaction.first("SELECT count(*) FROM recipient", []) { $0.integer(0) } ?? 0
        }
    }

    private func texts(at site: Site) async throws -> [[UInt8]] {
        let contents = try site.inspect { transaction in
            try transaction.all(
                """
                SELECT message.content_id, content.file FROM mailbox_message message
                LEFT JOIN content ON content.id = message.content_id
                ORDER BY message.content_id
                """, []
            ) { ($0.integer(0), $0.optionalText(1)) }
        }
        var texts: [[UInt8]] = []
        for (content, file) in contents {
            texts.append(try await site.body(of: content, file: file))
        }
        return texts
    }

    private static func holds(_ text: [UInt8], _ part: [UInt8]) -> Bool {
        guard text.count >= part.count, let first = part.first else { return false }
        return text.indices.dropLast(part.count - 1).contains { index in
            text[index] == first && text[index..<index + part.count].elementsEqual(part)
        }
    }
}
