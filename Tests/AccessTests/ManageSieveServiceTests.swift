// SPDX-License-Identifier: Apache-2.0

import Access
import Bytes
import Directory
import Logging
import Mail
import MessageStore
import SASL
import ScriptStore
import Sieve
import SimulatedWorld
import Storage
import Testing
import World

/// A server with one account and ManageSieve on 4190, and a client's host.
private struct Site: Sendable {
    let simulation: Simulation
    let registry: Registry
    let scripts: Scripts
    let client: SimulatedHost
    let account: Int64

    static let address = IPAddress.v4(IPv4Address(192, 0, 2, 10))

    /// Runs `body` while the service runs.
    static func run(_ body: @escaping @Sendable (Site) async throws -> Void) throws {
        let simulation = Simulation(seed: 1)
        let network = SimulatedNetwork(simulation)
        let server = network.host("mx", address)
        let client = network.host("client", .v4(IPv4Address(192, 0, 2, 99)))
        try simulation.run {
            let store = try SQLiteStore(
                on: MemoryDisk(), schema: [.directory, .messageStore, .scriptStore])
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await store.run() }
                let registry = try await Registry(
                    store: store, time: simulation, entropy: simulation,
                    secretKey: SecretKey([UInt8](repeating: 7, count: SecretKey.octetCount)),
                    iterations: SCRAMKeys.minimumIterations)
                try await registry.add(domain: LocalDomain(Domain("example.org")), by: "test")
                let account = try await registry.addAccount(
                    Address("anna@example.org"), password: "correct horse", by: "test")
                let scripts = Scripts(store: store, time: simulation)
                let service = ManageSieveService(
                    .init(
                        identity: try server.network.identity(
                            certificateChain: Array("mx.example.org".utf8), privateKey: [])),
                    registry: registry, scripts: scripts,
                    surroundings: Surroundings(
                        time: simulation, entropy: simulation, network: server.network),
                    logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
                let listener = try await server.network.listen(
                    on: SocketAddress(address, port: 4190))
                group.addTask {
                    await listener.serve(limit: 10) { await service.handle($0) }
                }
                try await body(
                    Site(
                        simulation: simulation, registry: registry, scripts: scripts,
                        client: client,
                        account: account.id.rawValue))
                group.cancelAll()
            }
        }
    }

    func connect() async throws -> IMAPClient {
        let connection = try await client.network.connect(
            to: SocketAddress(Self.address, port: 4190), from: nil,
            deadline: simulation.now + .minutes(1))
        return IMAPClient(connection, simulation)
    }

    /// Over TLS, logged in with PLAIN.
    func logIn() async throws -> IMAPClient {
        let client = try await connect()
        _ = try await client.response()
        #expect(try await client.request("STARTTLS") == ["OK \"begin TLS\""])
        try await client.startTLS()
        #expect(
            try await client.response().contains(
                "\"SASL\" \"SCRAM-SHA-256 SCRAM-SHA-1 PLAIN LOGIN\""))
        let secret = Base64.encode(Array("\0anna@example.org\0correct horse".utf8))
        let answer = try await client.request("AUTHENTICATE \"PLAIN\" \"\(secret)\"")
        #expect(answer == ["OK \"logged in\""])
        return client
    }
}

extension IMAPClient {
    /// Lines up to the one that ends a response; what a literal holds counts as lines.
    fileprivate func response() async throws -> [String] {
        var lines: [String] = []
        while true {
            let line = try await line()
            lines.append(line)
            guard ["OK", "NO", "BYE"].contains(line.prefix { $0 != " " }), !line.hasSuffix("}")
            else { continue }
            return lines
        }
    }

    fileprivate func request(_ command: String) async throws -> [String] {
        write(command + "\r\n")
        return try await response()
    }
}

@Suite("RFC 5804 an account's scripts by ManageSieve")
struct ManageSieveServiceTests {
    @Test("What a client stores and activates sorts the account's mail")
    func scripts() throws {
        try Site.run { site in
            let client = try await site.logIn()
            #expect(try await client.request("LISTSCRIPTS") == ["OK"])
            #expect(
                try await client.request(
                    "PUTSCRIPT \"a\" {36+}\r\nrequire \"fileinto\"; fileinto \"Work\";")
                    == ["OK"])
            #expect(try await client.request("PUTSCRIPT \"b\" \"keep;\"") == ["OK"])
            #expect(try await client.request("SETACTIVE \"a\"") == ["OK"])
            #expect(
                try await client.request("LISTSCRIPTS") == ["\"a\" ACTIVE", "\"b\"", "OK"])
            let active = try await site.scripts.active(of: site.account, in: { nil })
            #expect(active?.script.capabilities == [.fileinto])
            #expect(try await client.request("RENAMESCRIPT \"a\" \"c\"") == ["OK"])
            #expect(
                try await client.request("RENAMESCRIPT \"c\" \"b\"")
                    == ["NO (ALREADYEXISTS) \"there is a script `b` already\""])
            #expect(
                try await client.request("LISTSCRIPTS") == ["\"b\"", "\"c\" ACTIVE", "OK"])
            #expect(
                try await client.request("DELETESCRIPT \"c\"")
                    == ["NO (ACTIVE) \"the script `c` is active; deactivate it first\""])
            #expect(try await client.request("SETACTIVE \"\"") == ["OK"])
            #expect(try await client.request("DELETESCRIPT \"c\"") == ["OK"])
            #expect(
                try await client.request("GETSCRIPT \"c\"")
                    == ["NO (NONEXISTENT) \"there is no script `c`\""])
            #expect(try await client.request("GETSCRIPT \"b\"") == ["{5}", "keep;", "OK"])
            #expect(try await site.scripts.active(of: site.account, in: { nil }) == nil)
            #expect(try await client.request("LOGOUT") == ["OK \"bye\""])
        }
    }

    @Test("A script that is wrong is not stored, and what is wrong told by line")
    func wrong() throws {
        try Site.run { site in
            let client = try await site.logIn()
            #expect(try await client.request("PUTSCRIPT \"a\" \"keep;\"") == ["OK"])
            let script = "# a comment\r\nfileinto \"x\";\r\nnonsense;\r\n"
            let length = script.utf8.count
            for command in ["PUTSCRIPT \"a\"", "CHECKSCRIPT"] {
                client.write("\(command) {\(length)+}\r\n\(script)\r\n")
                let head = try await client.line()
                #expect(head.hasPrefix("NO {"), "\(head)")
                #expect(try await client.line().hasPrefix("line 2: "))
                #expect(try await client.line().hasPrefix("line 3: "))
            }
            #expect(try await client.request("GETSCRIPT \"a\"") == ["{5}", "keep;", "OK"])
            #expect(try await client.request("CHECKSCRIPT \"discard;\"") == ["OK"])
            #expect(
                try await client.request("CHECKSCRIPT \"stop; keep;\"")
                    == ["OK (WARNINGS) \"line 1: this is never reached: the script ends before\""])
            #expect(try await client.request("LISTSCRIPTS") == ["\"a\"", "OK"])
        }
    }

    @Test("Scripts have a measure, and so have their number and their names")
    func quota() throws {
        try Site.run { site in
            let client = try await site.logIn()
            #expect(try await client.request("HAVESPACE \"a\" 1048576") == ["OK"])
            let large = try await client.request("HAVESPACE \"a\" 1048577")
            #expect(large.last?.hasPrefix("NO (QUOTA/MAXSIZE)") == true)
            for number in 0..<Scripts.maximumScripts {
                try await site.scripts.put("s\(number)", Array("keep;".utf8), of: site.account)
            }
            for command in ["HAVESPACE \"a\" 1", "PUTSCRIPT \"a\" \"keep;\""] {
                let answer = try await client.request(command)
                #expect(answer.last?.hasPrefix("NO (QUOTA/MAXSCRIPTS)") == true, "\(answer)")
            }
            #expect(try await client.request("PUTSCRIPT \"s1\" \"stop;\"") == ["OK"])
            let name = String(repeating: "n", count: 129)
            let answer = try await client.request("RENAMESCRIPT \"s1\" \"\(name)\"")
            #expect(answer.last?.hasPrefix("NO \"") == true)
        }
    }

    /// How an attempt by SCRAM on a new connection without TLS ends.
    private func attempt(
        _ mechanism: Mechanism, _ password: String, at site: Site
    ) async throws -> String? {
        let client = try await site.connect()
        _ = try await client.response()
        var exchange = ClientExchange(
            mechanism, user: try PreparedString("anna@example.org"),
            password: try PreparedString(password), nonce: [1, 2, 3])
        let first = Base64.encode(exchange.initialResponse() ?? [])
        client.write("AUTHENTICATE \"\(mechanism.name)\" \"\(first)\"\r\n")
        var line = try await client.line()
        while line.hasPrefix("\"") {
            let challenge = try #require(Base64.decode(line.utf8.dropFirst().dropLast()))
            let answer = Base64.encode(try exchange.respond(to: challenge))
            client.write("\"\(answer)\"\r\n")
            line = try await client.line()
        }
        #expect(exchange.isServerAuthentic == line.hasPrefix("OK"))
        return line
    }

    @Test("RFC 5804 §2.1: SCRAM-SHA-1 opens the account, unless the operator does not want it")
    func scramSHA1() throws {
        try Site.run { site in
            let isIn = "OK \"logged in\""
            for mechanism in [Mechanism.scramSHA256, .scramSHA1] {
                #expect(try await attempt(mechanism, "correct horse", at: site) == isIn)
                #expect(
                    try await attempt(mechanism, "wrong horse", at: site)
                        == "NO \"wrong name or password\"")
            }
            site.registry.offersSCRAMSHA1 = false
            let told = try await site.connect().response()
            #expect(told.contains("\"SASL\" \"SCRAM-SHA-256\""), "\(told)")
            #expect(
                try await attempt(.scramSHA1, "correct horse", at: site)
                    == "NO \"unknown mechanism\"")
            #expect(try await attempt(.scramSHA256, "correct horse", at: site) == isIn)
        }
    }

    @Test("A wrong password is refused, and who says nothing is let go")
    func refusals() throws {
        try Site.run { site in
            let client = try await site.connect()
            #expect(try await client.response().contains("\"STARTTLS\""))
            let answer = try await client.request("AUTHENTICATE \"PLAIN\" \"AGEAYg==\"")
            #expect(answer.last?.hasPrefix("NO (ENCRYPT-NEEDED)") == true)
            #expect(try await client.request("STARTTLS") == ["OK \"begin TLS\""])
            try await client.startTLS()
            _ = try await client.response()
            #expect(
                try await client.request("AUTHENTICATE \"PLAIN\" \"AGEAYg==\"")
                    == ["NO \"wrong name or password\""])
            #expect(
                try await client.response() == ["BYE \"nothing came for too long\""])
        }
    }
}
