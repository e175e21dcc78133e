// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import NameService
import SimulatedWorld
import Testing
import World

@Suite("RFC 8461 §3.3 policies by HTTPS")
struct PolicyHostTests {
    private static let text = "version: STSv1\r\nmode: none\r\nmax_age: 86400\r\n"

    /// What is answered to a request, in pieces of so many octets.
    private func ask(_ request: String, piece: Int = .max) throws -> String {
        let simulation = Simulation(seed: 1)
        return try simulation.run {
            let network = SimulatedNetwork(simulation)
            let address = try #require(IPAddress("192.0.2.1"))
            let server = network.host("server", address)
            let client = network.host("client", try #require(IPAddress("192.0.2.2")))
            let identity = try server.network.identity(
                certificateChain: Array("mta-sts.example.org".utf8), privateKey: [])
            let host = PolicyHost(identity: identity, time: simulation) { domain in
                domain == (try Name("example.org")) ? Self.text : nil
            }
            let listener = try await server.network.listen(on: SocketAddress(address, port: 443))
            return try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await listener.serve(limit: 5) { await host.handle($0) } }
                let connection = try await client.network.connect(
                    to: listener.address, from: nil, deadline: simulation.now + .seconds(5))
                let deadline = simulation.now + .seconds(50)
                try await connection.startTLS(
                    .client(serverName: "mta-sts.example.org", verify: true), deadline: deadline)
                var rest = Array(request.utf8)[...]
                while !rest.isEmpty {
                    connection.write(Array(rest.prefix(piece)))
                    try await connection.flush(deadline: deadline)
                    rest = rest.dropFirst(piece == .max ? rest.count : piece)
                }
                var octets: [UInt8] = []
                while let more = try? await connection.receive(deadline: deadline) {
                    octets += more
                }
                group.cancelAll()
                return String(lossy: octets)
            }
        }
    }

    private static let good =
        "GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: mta-sts.example.org\r\n\r\n"

    @Test("A domain's policy is plain text, however the request is cut")
    func policy() throws {
        for piece in [Int.max, 1, 7] {
            let answer = try ask(Self.good, piece: piece)
            #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\n"))
            #expect(answer.contains("\r\nContent-Type: text/plain; charset=utf-8\r\n"))
            #expect(answer.contains("\r\nContent-Length: \(Self.text.utf8.count)\r\n"))
            #expect(answer.hasSuffix("\r\n\r\n" + Self.text))
        }
    }

    @Test(
        "Everything else is refused",
        arguments: [
            ("GET / HTTP/1.1\nHost: mta-sts.example.org\n\n", 404),
            ("GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: mta-sts.other.example\r\n\r\n", 404),
            ("GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: example.org\r\n\r\n", 421),
            ("GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: mta-sts.\r\n\r\n", 421),
            ("GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost:\r\n\r\n", 421),
            ("GET /.well-known/mta-sts.txt HTTP/1.1\r\n\r\n", 400),
            ("GET /.well-known/mta-sts.txt HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
            ("GET  HTTP/1.1\r\n\r\n", 400),
            ("\r\n\r\n", 400),
            ("GET /.well-known/mta-sts.txt HTTP/2\r\nHost: mta-sts.example.org\r\n\r\n", 505),
            ("POST /.well-known/mta-sts.txt HTTP/1.1\r\nHost: mta-sts.example.org\r\n\r\n", 405),
            (String(repeating: "x", count: 20_000), 431),
        ])
    func refused(_ request: String, _ status: Int) throws {
        #expect(try ask(request).hasPrefix("HTTP/1.1 \(status) "))
    }

    @Test("The absolute form, a port, other letter case and HEAD are understood")
    func forms() throws {
        let absolute =
            "GET https://MTA-STS.example.org:443/.well-known/mta-sts.txt?x HTTP/1.1\r\nhost: x\r\n\r\n"
        #expect(try ask(absolute).hasPrefix("HTTP/1.1 200 "))
        let head = try ask(Self.good.replacing("GET", with: "HEAD"))
        #expect(head.hasPrefix("HTTP/1.1 200 ") && head.hasSuffix("\r\n\r\n"))
    }
}
