// SPDX-License-Identifier: Apache-2.0

import Access
import Bytes
import Directory
import Logging
import Mail
import MessageStore
import SASL
import SimulatedWorld
import Storage
import Testing
import World

/// A server with one account and a POP3 service on 110 and 995, and a client's host.
private struct Site: Sendable {
    let simulation: Simulation
    let network: SimulatedNetwork
    let store: SQLiteStore
    let disk: MemoryDisk
    let registry: Registry
    let mailboxes: Mailboxes
    let client: SimulatedHost
    let account: AccountID

    static let address = IPAddress.v4(IPv4Address(192, 0, 2, 10))

    /// Runs `body` while the service runs.
    static func run(
        faults: Faults = .none, seed: UInt64 = 1,
        _ body: @escaping @Sendable (Site) async throws -> Void
    ) throws {
        let simulation = Simulation(seed: seed)
        let network = SimulatedNetwork(simulation)
        network.faults = faults
        let server = network.host("mx", address)
        let client = network.host("client", .v4(IPv4Address(192, 0, 2, 99)))
        try simulation.run {
            let disk = MemoryDisk()
            let store = try SQLiteStore(on: disk, schema: [.directory, .messageStore])
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await store.run() }
                let registry = try await Registry(
                    store: store, time: simulation, entropy: simulation,
                    secretKey: SecretKey([UInt8](repeating: 7, count: SecretKey.octetCount)),
                    iterations: SCRAMKeys.minimumIterations)
                try await registry.add(domain: LocalDomain(Domain("example.org")), by: "test")
                let account = try await registry.addAccount(
                    Address("anna@example.org"), password: "correct horse", by: "test")
                let mailboxes = Mailboxes(
                    store: store, bodies: disk.bodies, time: simulation)
                let site = Site(
                    simulation: simulation, network: network, store: store, disk: disk,
                    registry: registry, mailboxes: mailboxes, client: client,
                    account: account.id)
                try await site.serve(on: server, in: &group)
                try await body(site)
                group.cancelAll()
            }
        }
    }

    private func serve(
        on host: SimulatedHost, in group: inout ThrowingTaskGroup<Void, any Error>
    ) async throws {
        let identity = try host.network.identity(
            certificateChain: Array("mx.example.org".utf8), privateKey: [])
        let service = POP3Service(
            POP3Service.Configuration(hostName: "mx.example.org", identity: identity),
            registry: registry, mailboxes: mailboxes,
            surroundings: Surroundings(
                time: simulation, entropy: simulation, network: host.network),
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        for port in [UInt16(110), 995] {
            let listener = try await host.network.listen(
                on: SocketAddress(Self.address, port: port))
            group.addTask {
                await listener.serve(limit: 100) {
                    await service.handle($0, implicitTLS: port == 995)
                }
            }
        }
    }

    func deliver(_ texts: String...) async throws {
        for text in texts {
            let octets = Array(text.utf8)
            let id = Content.ID(value: Int64(truncatingIfNeeded: simulation.next() >> 2))
            let (account, now) = (account.rawValue, simulation.timestamp)
            try await store.write { transaction in
                try Content.insert(id, octets: octets.count, .octets(octets), in: transaction)
                try Mailboxes.deliver(
                    id, octets: octets.count, to: account, at: now, in: transaction)
                _ = try Content.release(id, in: transaction)
            }
        }
    }

    func connect(_ port: UInt16 = 995) async throws -> POP3Client {
        let connection = try await client.network.connect(
            to: SocketAddress(Self.address, port: port), from: nil,
            deadline: simulation.now + .minutes(1))
        let client = POP3Client(connection, simulation)
        if port == 995 { try await client.startTLS() }
        _ = try await client.line()
        return client
    }

    func logIn() async throws -> POP3Client {
        let client = try await connect()
        _ = try await client.ask("USER anna@example.org")
        let reply = try await client.ask("PASS correct horse")
        #expect(reply.hasPrefix("+OK"))
        return client
    }
}

private final class POP3Client: @unchecked Sendable {
    private let connection: any Connection
    private let time: any Time
    private var input = InputBuffer()

    struct Closed: Error {}

    init(_ connection: any Connection, _ time: any Time) {
        self.connection = connection
        self.time = time
    }

    func startTLS() async throws {
        try await connection.startTLS(
            .client(serverName: "mx.example.org", verify: true), deadline: time.now + .minutes(1))
    }

    func line() async throws -> String {
        while true {
            if case .line(let octets)? = input.nextLine(limit: 100_000) {
                return String(lossy: octets)
            }
            guard let octets = try await connection.receive(deadline: time.now + .hours(1)) else {
                throw Closed()
            }
            input.append(octets)
        }
    }

    /// Without a line end.
    func drip(_ octet: UInt8) { connection.write([octet]) }

    func write(_ text: String) { connection.write(Array("\(text)\r\n".utf8)) }

    func ask(_ command: String) async throws -> String {
        write(command)
        return try await line()
    }

    /// The lines behind the first, up to the dot, with dots unstuffed.
    func lines() async throws -> [String] {
        var lines: [String] = []
        while true {
            let line = try await line()
            if line == "." { return lines }
            lines.append(line.hasPrefix(".") ? String(line.dropFirst()) : line)
        }
    }

    func close() async { await connection.close() }
}

@Suite("POP3 over the network")
struct POP3ServiceTests {
    @Test("Messages are read and removed, and what was not removed is there next time")
    func visit() throws {
        try Site.run { site in
            try await site.deliver(
                "Subject: one\r\n\r\n.dot\r\n", "Subject: two\r\n\r\nbody\r\nmore\r\n")
            let client = try await site.logIn()
            #expect(try await client.ask("STAT") == "+OK 2 50")
            #expect(try await client.ask("RETR 1") == "+OK 22 octets")
            #expect(try await client.lines() == ["Subject: one", "", ".dot"])
            #expect(try await client.ask("TOP 2 1") == "+OK 28 octets")
            #expect(try await client.lines() == ["Subject: two", "", "body"])
            _ = try await client.ask("UIDL")
            let uniqueIDs = try await client.lines()
            #expect(try await client.ask("DELE 1") == "+OK message 1 deleted")
            #expect(try await client.ask("QUIT") == "+OK bye")
            await #expect(throws: POP3Client.Closed.self) { try await client.line() }

            let second = try await site.logIn()
            #expect(try await second.ask("STAT") == "+OK 1 28")
            _ = try await second.ask("UIDL")
            let rest = try await second.lines()
            #expect(rest.map { $0.dropFirst(2) } == [uniqueIDs[1].dropFirst(2)])
        }
    }

    @Test("A session that is cut removes nothing, and gives the mailbox free")
    func cut() throws {
        try Site.run { site in
            try await site.deliver("a\r\n")
            let client = try await site.logIn()
            _ = try await client.ask("DELE 1")
            let other = try await site.connect()
            _ = try await other.ask("USER anna@example.org")
            #expect(
                try await other.ask("PASS correct horse").hasPrefix("-ERR [IN-USE]"))
            await client.close()
            try await site.simulation.sleep(for: .seconds(1))
            _ = try await other.ask("USER anna@example.org")
            #expect(try await other.ask("PASS correct horse") == "+OK 1 messages, 3 octets")
        }
    }

    @Test("An idle session ends after ten minutes and removes nothing")
    func idle() throws {
        try Site.run { site in
            try await site.deliver("a\r\n")
            let client = try await site.logIn()
            _ = try await client.ask("DELE 1")
            let start = site.simulation.now
            await #expect(throws: (any Error).self) { try await client.line() }
            // Counted from the client's last word, which came before the answer did.
            #expect(site.simulation.now - start >= .minutes(10) - .seconds(1))
            #expect(site.simulation.now - start < .minutes(11))
            let second = try await site.logIn()
            #expect(try await second.ask("STAT") == "+OK 1 3")
        }
    }

    @Test("An octet a minute is no command: the session ends as if nothing had come")
    func dripping() throws {
        try Site.run { site in
            try await site.deliver("a\r\n")
            for isLoggedIn in [false, true] {
                let client = try await isLoggedIn ? site.logIn() : site.connect()
                let start = site.simulation.now
                let isOver = try await withThrowingTaskGroup(of: Bool.self) { group in
                    group.addTask {
                        for _ in 0..<60 {
                            client.drip(0x41)
                            try await site.simulation.sleep(for: .minutes(1))
                        }
                        return false
                    }
                    group.addTask {
                        _ = try? await client.line()
                        return true
                    }
                    let first = try await group.next()
                    group.cancelAll()
                    return first
                }
                #expect(isOver == true)
                #expect(site.simulation.now - start >= .minutes(10) - .seconds(1))
                #expect(site.simulation.now - start < .minutes(11))
            }
        }
    }

    @Test("A client that reads nothing of a large message is left, and gives the mailbox free")
    func neverReads() throws {
        try Site.run { site in
            let line = String(repeating: "x", count: 76) + "\r\n"
            try await site.deliver(
                "Subject: large\r\n\r\n" + String(repeating: line, count: 10_000))
            let client = try await site.logIn()
            for _ in 0..<10 { client.write("RETR 1") }
            try await site.simulation.sleep(for: .minutes(25))
            let second = try await site.logIn()
            #expect(try await second.ask("NOOP") == "+OK")
        }
    }

    @Test("Without TLS passwords are refused, SCRAM works, and STLS opens the rest")
    func startTLS() throws {
        try Site.run { site in
            let client = try await site.connect(110)
            #expect(try await client.ask("USER anna@example.org").hasPrefix("-ERR [SYS/PERM]"))
            #expect(try await client.ask("STLS") == "+OK begin TLS")
            try await client.startTLS()
            _ = try await client.ask("USER anna@example.org")
            #expect(try await client.ask("PASS correct horse") == "+OK 0 messages, 0 octets")
            _ = try await client.ask("QUIT")

            let second = try await site.connect(110)
            var exchange = ClientExchange(
                .scramSHA256, user: try PreparedString("anna@example.org"),
                password: try PreparedString("correct horse"), nonce: [1, 2, 3])
            var reply = try await second.ask(
                "AUTH SCRAM-SHA-256 \(Base64.encode(exchange.initialResponse() ?? []))")
            while reply.hasPrefix("+ ") {
                let challenge = try #require(Base64.decode(reply.dropFirst(2).utf8))
                reply = try await second.ask(Base64.encode(try exchange.respond(to: challenge)))
            }
            #expect(reply == "+OK 0 messages, 0 octets")
            #expect(exchange.isServerAuthentic)
        }
    }

    @Test("Wrong passwords are refused, later and later, and then the connection ends")
    func guesses() throws {
        try Site.run { site in
            let client = try await site.connect()
            let start = site.simulation.now
            for _ in 1...5 {
                _ = try await client.ask("USER anna@example.org")
                #expect(
                    try await client.ask("PASS wrong") == "-ERR [AUTH] wrong name or password")
            }
            await #expect(throws: POP3Client.Closed.self) { try await client.line() }
            #expect(site.simulation.now - start > .seconds(3))
        }
    }

    @Test("A large message is sent while it is read, as fast as the client takes it")
    func large() throws {
        try Site.run { site in
            let line = String(repeating: "x", count: 76)
            let body = (0..<10_000).map { "\($0 % 10 == 0 ? "." : "")\(line)\r\n" }.joined()
            try await site.deliver("Subject: large\r\n\r\n" + body)
            let client = try await site.logIn()
            client.write("RETR 1")
            client.write("NOOP")
            _ = try await client.line()
            let lines = try await client.lines()
            #expect(lines.count == 10_002)
            #expect(lines.dropFirst(2).map { $0 + "\r\n" }.joined() == body)
            #expect(try await client.line() == "+OK")
        }
    }

    @Test("A large listing and pipelined commands are answered whole and in order")
    func pipelined() throws {
        try Site.run { site in
            for _ in 0..<40 { try await site.deliver("a\r\n", "b\r\n", "c\r\n") }
            let client = try await site.logIn()
            for command in ["LIST", "RETR 120", "UIDL", "STAT", "QUIT"] { client.write(command) }
            _ = try await client.line()
            #expect(try await client.lines().count == 120)
            _ = try await client.line()
            #expect(try await client.lines() == ["c"])
            _ = try await client.line()
            #expect(try await client.lines().count == 120)
            #expect(try await client.line() == "+OK 120 360")
            #expect(try await client.line() == "+OK bye")
        }
    }

    @Test("When the store fails, the client learns that it is for now")
    func storeFails() throws {
        try Site.run { site in
            try await site.deliver("a\r\n")
            let client = try await site.logIn()
            _ = try await client.ask("DELE 1")
            site.disk.fail(with: .inputOutput("the disk is broken"))
            #expect(try await client.ask("QUIT").hasPrefix("-ERR [SYS/TEMP]"))
            site.disk.fail(with: nil)
            let second = try await site.logIn()
            #expect(try await second.ask("STAT") == "+OK 1 3")
        }
    }

    @Test("Over a rough network a message is removed only after QUIT was sent", arguments: 1...20)
    func rough(seed: UInt64) throws {
        try Site.run(faults: .rough, seed: seed) { site in
            try await site.deliver("Subject: a\r\n\r\nb\r\n")
            for attempt in 1...6 {
                // The first rounds only mark; the others also say QUIT.
                let quits = attempt > 3
                try? await Self.deleteFirst(site, quits: quits)
                let count = try await site.mailboxes.list(of: site.account.rawValue).count
                if !quits { #expect(count == 1) }
            }
        }
    }

    private static func deleteFirst(_ site: Site, quits: Bool) async throws {
        let client = try await site.connect()
        do {
            _ = try await client.ask("USER anna@example.org")
            _ = try await client.ask("PASS correct horse")
            _ = try await client.ask("DELE 1")
            if quits { _ = try await client.ask("QUIT") }
        } catch {}
        await client.close()
        try await site.simulation.sleep(for: .minutes(1))
    }
}
