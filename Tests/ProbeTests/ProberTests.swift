// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Mail
import Routing
import SimulatedWorld
import Synchronization
import Testing
import TransportSecurity
import World
import ZoneCheck

@testable import Probe

@Suite("mx probe looks at every exchanger as a sender does")
struct ProberTests {
    private static let hello = "250-mx\r\n250-PIPELINING\r\n250 STARTTLS\r\n"
    private static let plain = "250-mx\r\n250 SIZE 1000\r\n"

    @Test("a good exchanger is reported with banner, extensions, TLS and a trusted certificate")
    func good() throws {
        let report = try probe([.init(hello: Self.hello, certificate: "mx1.a.example")])
        let host = try #require(report.hosts.first)
        #expect(host.banner == "mx ready" && host.keywords == ["PIPELINING", "STARTTLS"])
        #expect(host.failure == nil && host.certificate == .trusted && host.dane == .none)
        #expect(host.tls?.version == "TLSv1.3")
        #expect(report.findings.isEmpty && report.exitCode == 0)
    }

    @Test(
        "what is wrong with an exchanger is found",
        arguments: [
            (Server(isDown: true), "exchanger-unreachable", 2),
            (Server(greeting: "554 5.7.1 go away\r\n"), "exchanger-refuses", 2),
            (Server(greeting: "HTTP/1.1 400 Bad Request\r\n"), "not-smtp", 2),
            (Server(greeting: ""), "exchanger-silent", 2),
            (Server(greeting: "(closes)"), "connection-cut", 2),
            (Server(hello: plain), "no-starttls", 1),
            (Server(hello: hello, certificate: "other.example"), "certificate-untrusted", 1),
            (Server(hello: hello, startTLS: "454 4.7.0 not now\r\n"), "exchanger-refuses", 2),
        ])
    func findings(server: Server, code: String, exitCode: Int32) throws {
        let report = try probe([server])
        #expect(report.findings.map(\.code).contains(code), "\(report.findings.map(\.code))")
        #expect(report.exitCode == exitCode)
        let isAlone = report.findings.contains { $0.code == "no-exchanger-answers" }
        #expect(isAlone == (exitCode == 2))
    }

    @Test("one that is down beside one that answers is a warning")
    func oneDown() throws {
        let report = try probe([
            .init(isDown: true), .init(hello: Self.hello, certificate: "mx2.a.example"),
        ])
        #expect(report.hosts.map { $0.failure == nil } == [false, true])
        #expect(report.findings.map(\.code) == ["exchanger-unreachable"])
        #expect(report.exitCode == 1)
    }

    @Test(
        "TLSA records are held against the certificate, if DNSSEC vouches for them",
        arguments: [
            ("mx1.a.example", true, HostReport.DANEVerdict.matches),
            ("mx9.a.example", true, .differs), ("mx1.a.example", false, .notSecure),
        ])
    func dane(published: String, isSecure: Bool, verdict: HostReport.DANEVerdict) throws {
        let hex = Hexadecimal.encode(Array(published.utf8))
        let report = try probe(
            [.init(hello: Self.hello, certificate: "mx1.a.example")],
            more: ["_25._tcp.mx1.a.example": [("TLSA", "3 1 0 \(hex)")]], isSecure: isSecure)
        #expect(report.hosts.first?.dane == verdict)
        #expect(
            report.findings.map(\.code) == (verdict == .differs ? ["tlsa-mismatch"] : []))
    }

    private static let stsRecord = ["_mta-sts.a.example": [("TXT", "v=STSv1; id=1;")]]

    private static func sts(_ mode: String, _ host: String) -> String {
        "version: STSv1\nmode: \(mode)\nmx: \(host)\nmax_age: 86400\n"
    }

    @Test(
        "exchangers are held against the MTA-STS policy",
        arguments: [
            (sts("enforce", "mx1.a.example"), "mx1.a.example", [], 0),
            (sts("enforce", "*.a.example"), "mx1.a.example", [], 0),
            (sts("enforce", "mx2.a.example"), "mx1.a.example", ["mta-sts-host-unlisted"], 2),
            (sts("testing", "mx2.a.example"), "mx1.a.example", ["mta-sts-host-unlisted"], 1),
            (sts("none", "mx2.a.example"), "mx1.a.example", [], 0),
            (
                sts("enforce", "mx1.a.example"), "other.example",
                ["certificate-untrusted", "mta-sts-host-unfit"], 2
            ),
            ("nonsense", "mx1.a.example", ["mta-sts-policy-unavailable"], 1),
        ])
    func strictTransport(policy: String, certificate: String, codes: [String], exit: Int32) throws {
        let report = try probe(
            [.init(hello: Self.hello, certificate: certificate)], more: Self.stsRecord,
            policy: .success(policy))
        #expect(report.findings.map(\.code) == codes)
        #expect(report.exitCode == exit)
    }

    @Test("without a record there is no policy, and one that says nothing is found")
    func strictTransportRecord() throws {
        let good = Server(hello: Self.hello, certificate: "mx1.a.example")
        let policy = Self.sts("enforce", "mx2.a.example")
        #expect(try probe([good], policy: .success(policy)).findings.isEmpty)
        let twice = ["_mta-sts.a.example": [("TXT", "v=STSv1; id=1;"), ("TXT", "v=STSv1; id=2;")]]
        for (records, codes) in [
            (twice, ["mta-sts-record-invalid"]),
            (["_mta-sts.a.example": [("TXT", "v=STSv1;")]], ["mta-sts-record-invalid"]),
            (["_mta-sts.a.example": [("TXT", "v=spf1 -all")]], []),
            (Self.stsRecord, ["mta-sts-policy-unavailable"]),
        ] {
            #expect(try probe([good], more: records).findings.map(\.code) == codes)
        }
    }

    @Test("a domain without exchangers is an error, and its reason is said")
    func nowhere() throws {
        let report = try probe([])
        #expect(report.exitCode == 2 && report.hosts.isEmpty)
        #expect(report.json(.english).description.contains("\"outcome\":\"permanent\""))
    }

    // MARK: - A domain whose exchangers do as they are told

    struct Server: Sendable, CustomTestStringConvertible {
        var greeting = "220 mx ready\r\n"
        var hello = ""
        var startTLS = "220 go ahead\r\n"
        var certificate = ""
        var isDown = false

        var testDescription: String { "\(greeting)\(hello)\(startTLS)\(certificate) \(isDown)" }

        func serve(_ connection: any Connection, _ identity: any TLSIdentity, _ time: any Time)
            async throws
        {
            guard greeting != "(closes)" else { return }
            connection.write(Array(greeting.utf8))
            var hello = hello
            var deadline: Instant { time.now + .hours(1) }
            var line = ""
            while let octets = try await connection.receive(deadline: deadline) {
                line += String(decoding: octets, as: UTF8.self)
                guard line.utf8.last == UInt8(ascii: "\n") else { continue }
                defer { line = "" }
                switch line.prefix(4) {
                case "EHLO":
                    connection.write(Array((hello.isEmpty ? "250 mx\r\n" : hello).utf8))
                case "STAR":
                    connection.write(Array(startTLS.utf8))
                    guard startTLS.hasPrefix("2") else { continue }
                    try await connection.startTLS(.server(identity), deadline: deadline)
                    hello = "250 mx\r\n"
                default:
                    connection.write(Array("221 bye\r\n".utf8))
                    return
                }
            }
        }
    }

    private func probe(
        _ servers: [Server], more: [String: [(String, String)]] = [:], isSecure: Bool = false,
        policy: Result<String, STSFetchFailure> = .failure(.status(404))
    ) throws -> ProbeReport {
        let simulation = Simulation(seed: 7)
        let network = SimulatedNetwork(simulation)
        let client = network.host("client", .v4(IPv4Address(192, 0, 2, 100)))
        var records = more
        for number in servers.indices {
            records["a.example", default: []]
                .append(("MX", "\(number + 1)0 mx\(number + 1).a.example"))
            records["mx\(number + 1).a.example"] = [("A", "198.51.100.\(number + 1)")]
        }
        let resolver = try Fixture(parsing: Self.fixture(records, isSecure: isSecure))
        return try simulation.run {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (number, server) in servers.enumerated() where !server.isDown {
                    let address = IPAddress.v4(IPv4Address(198, 51, 100, UInt8(number + 1)))
                    let host = network.host("mx\(number + 1)", address)
                    let identity = try host.network.identity(
                        certificateChain: Array(server.certificate.utf8), privateKey: [])
                    let listener = try await host.network.listen(
                        on: SocketAddress(address, port: 25))
                    group.addTask {
                        await listener.serve(limit: 10) {
                            try? await server.serve($0, identity, simulation)
                        }
                    }
                }
                let context = try RoutingContext(selves: [], local: [], relay: [])
                var generator = SeededGenerator(seed: 1)
                let decision = await Router(resolver: resolver, context: context)
                    .route(try Destination("a.example"), using: &generator)
                let prober = Prober(
                    Surroundings(time: simulation, entropy: simulation, network: client.network),
                    resolver: resolver, cryptography: NoCryptography(),
                    policies: Policies(answer: policy))
                let hosts = await prober.look(at: decision.route ?? Route([]))
                let policy = await prober.policy(of: try Domain("a.example"))
                group.cancelAll()
                return ProbeReport(decision, hosts, policy: policy)
            }
        }
    }

    private static func fixture(
        _ records: [String: [(String, String)]], isSecure: Bool
    ) -> [UInt8] {
        let names = records.sorted { $0.key < $1.key }.map { name, records in
            let list = records.map { type, data in
                // Of TXT, the data is a list of strings.
                let value = type == "TXT" ? "[\"\(data)\"]" : "\"\(data)\""
                return #"{"type":"\#(type)","ttl":300,"data":\#(value)}"#
            }
            return "\"\(name)\":[\(list.joined(separator: ","))]"
        }
        let secure = isSecure ? records.keys.sorted().map { "\"\($0)\"" } : []
        return Array(
            #"{"format":"dns-fixture-1","records":{\#(names.joined(separator: ","))},"#.utf8)
            + Array(#""secure":[\#(secure.joined(separator: ","))]}"#.utf8)
    }

    /// Hands out one policy, or one failure.
    private struct Policies: STSPolicySource {
        let answer: Result<String, STSFetchFailure>

        func policy(of domain: String) async throws(STSFetchFailure) -> STSPolicy {
            let text = try answer.get()
            do {
                return try STSPolicy(parsing: Array(text.utf8))
            } catch {
                throw .unreadable(error)
            }
        }
    }

    private struct NoCryptography: ZoneCryptography {
        func digest(_ kind: DigestKind, of octets: [UInt8]) -> [UInt8] { [] }
        func verifies(
            _ signature: [UInt8], over octets: [UInt8], algorithm: UInt8, publicKey: [UInt8]
        ) -> Bool? { nil }
    }
}
