// SPDX-License-Identifier: Apache-2.0

import Access
import Bytes
import Compression
import Directory
import Journal
import Logging
import Mail
import MessageStore
import SASL
import SearchIndex
import SimulatedWorld
import Spool
import Storage
import Tenancy
import Testing
import World

/// A server with one account and IMAP on 143 and 993, and a client's host.
struct IMAPSite: Sendable {
    let simulation: Simulation
    let store: SQLiteStore
    let disk: MemoryDisk
    let mailboxes: Mailboxes
    let registry: Registry
    let index: TextIndex
    let client: SimulatedHost
    let account: Int64
    let reach: SharingReach

    static let address = IPAddress.v4(IPv4Address(192, 0, 2, 10))
    /// What APPEND takes at most.
    static let appendLimitOctets = 3 << 20

    /// Runs `body` while the service runs.
    static func run(
        seed: UInt64 = 1, faults: Faults = .none, messageLimit: Int = 1_000_000,
        _ body: @escaping @Sendable (IMAPSite) async throws -> Void
    ) throws {
        let simulation = Simulation(seed: seed)
        let network = SimulatedNetwork(simulation)
        network.faults = faults
        let server = network.host("mx", address)
        let client = network.host("client", .v4(IPv4Address(192, 0, 2, 99)))
        try simulation.run {
            let disk = MemoryDisk()
            let store = try SQLiteStore(
                on: disk, schema: [.directory, .messageStore, .searchIndex])
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await store.run() }
                try await serve(
                    simulation, server, client, disk, store, &group, messageLimit, body)
                group.cancelAll()
            }
        }
    }

    private static func serve(
        _ simulation: Simulation, _ server: SimulatedHost, _ client: SimulatedHost,
        _ disk: MemoryDisk, _ store: SQLiteStore,
        _ group: inout ThrowingTaskGroup<Void, any Error>, _ messageLimit: Int,
        _ body: (IMAPSite) async throws -> Void
    ) async throws {
        let registry = try await Registry(
            store: store, time: simulation, entropy: simulation,
            secretKey: SecretKey([UInt8](repeating: 7, count: SecretKey.octetCount)),
            iterations: SCRAMKeys.minimumIterations)
        try await registry.add(domain: LocalDomain(Domain("example.org")), by: "test")
        let account = try await registry.addAccount(
            Address("anna@example.org"), password: "correct horse", by: "test")
        let spooler = Spooler(
            store: store, bodies: disk.bodies,
            ids: QueueIDSource(time: simulation, entropy: simulation), time: simulation,
            node: "mx")
        let mailboxes = Mailboxes(
            store: store, bodies: disk.bodies, time: simulation, changes: spooler.mailboxChanges)
        let index = TextIndex(store, of: mailboxes)
        let identity = try server.network.identity(
            certificateChain: Array("mx.example.org".utf8), privateKey: [])
        let reach = SharingReach(SharingDomains(["*"]) ?? SharingDomains())
        let service = IMAPService(
            IMAPService.Configuration(hostName: "mx.example.org", identity: identity),
            limits: IMAPService.Limits(
                appendOctets: appendLimitOctets, messagesPerCommand: messageLimit),
            registry: registry, mailboxes: mailboxes, intake: Intake(spooler),
            quotas: Quotas(registry: registry, mailboxes: mailboxes), index: index,
            reach: reach,
            surroundings: Surroundings(
                time: simulation, entropy: simulation, network: server.network),
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
        for port in [UInt16(143), 993] {
            let listener = try await server.network.listen(on: SocketAddress(address, port: port))
            group.addTask {
                await listener.serve(limit: 100) {
                    await service.handle($0, implicitTLS: port == 993)
                }
            }
        }
        try await body(
            IMAPSite(
                simulation: simulation, store: store, disk: disk, mailboxes: mailboxes,
                registry: registry, index: index, client: client, account: account.id.rawValue,
                reach: reach))
    }

    /// As Delivery does it: one transaction, then the signal; to the first account, or another.
    func deliver(
        _ text: String, prefix: String = "", mailbox: String = Mailboxes.inbox,
        to other: Int64? = nil
    ) async throws {
        let octets = Array(text.utf8)
        let id = Content.ID(value: Int64(truncatingIfNeeded: simulation.next() >> 2))
        let (account, now) = (other ?? account, simulation.timestamp)
        try await store.write { transaction in
            try Content.insert(id, octets: octets.count, .octets(octets), in: transaction)
            try Mailboxes.deliver(
                id, octets: octets.count, prefix: prefix, to: account, mailbox: mailbox, at: now,
                in: transaction)
            _ = try Content.release(id, in: transaction)
        }
        mailboxes.changes.signal(account)
    }

    /// Past the greeting.
    func connect(_ port: UInt16 = 993) async throws -> IMAPClient {
        let connection = try await client.network.connect(
            to: SocketAddress(Self.address, port: port), from: nil,
            deadline: simulation.now + .minutes(1))
        let client = IMAPClient(connection, simulation)
        if port == 993 { try await client.startTLS() }
        client.greeting = try await client.line()
        return client
    }

    func logIn(_ login: String = "anna@example.org") async throws -> IMAPClient {
        let client = try await connect()
        let answer = try await client.ask("LOGIN \(login) \"correct horse\"")
        try #require(answer.last?.contains(" OK ") == true)
        return client
    }

    /// Whether the counters of every mailbox are what is in it, and that of the account all of it.
    func countersAreRight() async throws -> Bool {
        if let counted = try mailboxes.usage(counted: account)?.account {
            let usage = try await mailboxes.usage(of: account)
            guard counted.messages == usage.messages, counted.octets == usage.octets else {
                return false
            }
        }
        for mailbox in try mailboxes.all(of: account) {
            var rows: [MessageRow] = []
            while true {
                let start = (rows.last?.uid ?? 0) + 1
                let more = try await mailboxes.rows(start...UInt32.max, of: mailbox.id, limit: 500)
                rows += more
                if more.count < 500 { break }
            }
            guard let now = try mailboxes.find(mailbox.id),
                now.highestModSequence == mailbox.highestModSequence
            else { continue }
            guard mailbox.messages == rows.count,
                mailbox.unseen == rows.count(where: { !$0.flags.contains(.seen) }),
                mailbox.deleted == rows.count(where: { $0.flags.contains(.deleted) }),
                mailbox.octets == rows.reduce(0, { $0 + Int64($1.octets) }),
                rows.allSatisfy({ $0.modSequence <= mailbox.highestModSequence })
            else { return false }
        }
        return true
    }
}

/// One connection of a mail program.
final class IMAPClient: @unchecked Sendable {
    private let connection: any Connection
    private let time: any Time
    private var input = InputBuffer()
    private var compressor: Compressor?
    private let decompressor = Decompressor()
    /// What came and went on the wire.
    private(set) var octets = (received: 0, sent: 0)
    private var commands = 0
    var greeting = ""

    struct Closed: Error {}

    init(_ connection: any Connection, _ time: any Time) {
        self.connection = connection
        self.time = time
    }

    func startTLS() async throws {
        try await connection.startTLS(
            .client(serverName: "mx.example.org", verify: true), deadline: time.now + .minutes(1))
    }

    /// A line without its end; one of a literal as well.
    func line(within patience: Duration = .hours(1)) async throws -> String {
        while true {
            if case .line(let octets)? = input.nextLine(limit: 1 << 22) {
                return String(lossy: octets)
            }
            if compressor != nil, let octets = try decompressor.next() {
                input.append(octets)
                continue
            }
            guard let octets = try await connection.receive(deadline: time.now + patience) else {
                throw Closed()
            }
            self.octets.received += octets.count
            if compressor == nil { input.append(octets) } else { decompressor.receive(octets) }
        }
    }

    /// From here on both ways are compressed (RFC 4978).
    func compress() { compressor = Compressor() }

    /// The next line if one comes soon.
    func lineIfAny() async throws -> String? {
        do {
            return try await line(within: .seconds(5))
        } catch NetworkFailure.deadlinePassed {
            return nil
        }
    }

    func write(_ text: String) {
        var octets = Array(text.utf8)
        if let compressor {
            var packed: [UInt8] = []
            compressor.compress(octets, to: &packed)
            compressor.flush(to: &packed)
            octets = packed
        }
        self.octets.sent += octets.count
        connection.write(octets)
    }

    /// As it is, whatever was agreed on.
    func write(plain octets: [UInt8]) { connection.write(octets) }

    /// Everything up to the tagged response of a command.
    func ask(_ command: String) async throws -> [String] {
        commands += 1
        let tag = "t\(commands)"
        write("\(tag) \(command)\r\n")
        var lines: [String] = []
        while true {
            lines.append(try await line())
            if lines.last?.hasPrefix(tag + " ") == true { return lines }
        }
    }

    func close() async { await connection.close() }
}

/// Plays a dialogue of one or two clients, and compares every line.
///
/// `C: ` is sent with CRLF, `C> ` without; `S: ` is a line that comes, where `…` stands for
/// anything; `U: ` passes over lines up to that one; `D: ` delivers a message with that subject,
/// `E: ` one to team@example.org;
/// `T: ` shakes hands, `Z: ` compresses. What is there at first is recent to nobody unless
/// `isRecent`; one command treats `messageLimit` of them. `1` and `2` before a letter name a client, whose login `logins` may tell. At the end nothing
/// else comes.
func play(
    _ dialogue: String, port: UInt16 = 993, loggedIn: Bool = true, messages: [String] = [],
    isRecent: Bool = false, logins: [Character: String] = [:], messageLimit: Int = 1_000_000,
    setUp: @escaping @Sendable (IMAPSite) async throws -> Void = { _ in },
    sourceLocation: SourceLocation = #_sourceLocation,
    prepare: @escaping @Sendable (IMAPSite) async throws -> Void = { _ in }
) throws {
    try IMAPSite.run(messageLimit: messageLimit) { site in
        try await setUp(site)
        for message in messages { try await site.deliver(message) }
        if !isRecent, let inbox = try site.mailboxes.find("INBOX", of: site.account) {
            _ = try site.mailboxes.claimRecent(of: inbox.id, below: inbox.uidNext)
        }
        var clients: [Character: IMAPClient] = [:]
        let lines = dialogue.split(separator: "\n").map { String($0) }
        for name in Set(lines.map(clientName)).sorted() {
            clients[name] =
                try await loggedIn
                ? site.logIn(logins[name] ?? "anna@example.org") : site.connect(port)
        }
        try await prepare(site)
        var hasFault = false
        for line in lines {
            let client = try #require(clients[clientName(line)])
            // After a fault it goes on with what is said next.
            if hasFault, line.contains(/^\d?[SU]:/) { continue }
            let fault = try await perform(line, client, site)
            hasFault = fault != nil
            if let fault { Issue.record("\(fault)", sourceLocation: sourceLocation) }
        }
        for (name, client) in clients.sorted(by: { $0.key < $1.key }) {
            guard let rest = try? await client.lineIfAny() else { continue }
            Issue.record("client \(name) was told more: \(rest)", sourceLocation: sourceLocation)
        }
        #expect(try await site.countersAreRight(), sourceLocation: sourceLocation)
    }
}

private func clientName(_ line: String) -> Character {
    line.first.flatMap { $0.isNumber ? $0 : nil } ?? "1"
}

/// What went otherwise than the line of a dialogue says.
private func perform(
    _ line: String, _ client: IMAPClient, _ site: IMAPSite
) async throws -> String? {
    let line = line.first?.isNumber == true ? String(line.dropFirst()) : line
    let text = String(line.dropFirst(3))
    switch line.prefix(2) {
    case "C:": client.write(text + "\r\n")
    case "C>": client.write(text)
    case "D:": try await site.deliver("Subject: \(text)\r\n\r\nbody\r\n")
    case "E:":
        let team = try await site.registry.account(login: Address("team@example.org"))
        try await site.deliver("Subject: \(text)\r\n\r\nbody\r\n", to: team?.id.rawValue)
    case "T:": try await client.startTLS()
    case "Z:": client.compress()
    case "S:", "U:":
        var passed: [String] = []
        repeat {
            let heard: String?
            do {
                heard = try await client.lineIfAny()
            } catch {
                heard = text == "(end)" ? text : nil
            }
            guard let heard else {
                return "nothing came for: \(text)\nafter:\n\(passed.joined(separator: "\n"))"
            }
            if isMatch(heard[...], text[...]) { return nil }
            passed.append(heard)
        } while line.hasPrefix("U:") && passed.count < 10_000
        while let more = try? await client.lineIfAny(), passed.count < 40 { passed.append(more) }
        return "expected: \(text)\nheard:\n\(passed.joined(separator: "\n"))"
    default: return "no line of a dialogue: \(line)"
    }
    return nil
}

/// Whether the text is as the pattern, in which `…` stands for anything.
private func isMatch(_ text: Substring, _ pattern: Substring) -> Bool {
    guard let star = pattern.firstIndex(of: "…") else { return text == pattern }
    let (head, tail) = (pattern[..<star], pattern[pattern.index(after: star)...])
    guard text.hasPrefix(head) else { return false }
    var rest = text.dropFirst(head.count)
    while true {
        if isMatch(rest, tail) { return true }
        if rest.isEmpty { return false }
        rest = rest.dropFirst()
    }
}
