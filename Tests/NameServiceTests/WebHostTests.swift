// SPDX-License-Identifier: Apache-2.0

import Autoconfiguration
import Bytes
import DNS
import Mail
import NameService
import SimulatedWorld
import Testing
import World

@Suite("RFC 8461 §3.3 policies by HTTPS, and how programs are set up")
struct WebHostTests {
    private static let text = "version: STSv1\r\nmode: none\r\nmax_age: 86400\r\n"

    /// What is answered to a request, in pieces of so many octets.
    private func ask(
        _ request: String, piece: Int = .max, isPlain: Bool = false
    ) throws -> String {
        let simulation = Simulation(seed: 1)
        return try simulation.run {
            let network = SimulatedNetwork(simulation)
            let address = try #require(IPAddress("192.0.2.1"))
            let server = network.host("server", address)
            let client = network.host("client", try #require(IPAddress("192.0.2.2")))
            let identity = try server.network.identity(
                certificateChain: Array("mta-sts.example.org".utf8), privateKey: [])
            let host = WebHost(
                identity: isPlain ? nil : identity, time: simulation,
                knowledge: .init(
                    policy: { $0 == (try Name("example.org")) ? Self.text : nil },
                    setup: { domain in
                        guard domain == (try Domain("example.org")) else { return nil }
                        return MailSetup(
                            domain: domain, host: try Domain("mx1.example.org"),
                            servers: [.init(.imaps, port: 993), .init(.submissions, port: 465)])
                    }))
            let listener = try await server.network.listen(on: SocketAddress(address, port: 443))
            return try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await listener.serve(limit: 5) { await host.handle($0) } }
                let connection = try await client.network.connect(
                    to: listener.address, from: nil, deadline: simulation.now + .seconds(5))
                let deadline = simulation.now + .seconds(50)
                if !isPlain {
                    try await connection.startTLS(
                        .client(serverName: "mta-sts.example.org", verify: true),
                        deadline: deadline)
                }
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

    private static func get(_ host: String, _ path: String) -> String {
        "GET \(path) HTTP/1.1\r\nHost: \(host)\r\n\r\n"
    }

    private static func post(_ address: String, _ fields: String = "") -> String {
        let body = "<EMailAddress>\(address)</EMailAddress>"
        return "POST /AutoDiscover/AutoDiscover.xml HTTP/1.1\r\nHost: autodiscover.example.org\r\n"
            + "Content-Length: \(body.utf8.count)\r\n\(fields)\r\n\(body)"
    }

    @Test(
        "Programs find their documents at the names where they look",
        arguments: [
            ("autoconfig.example.org", "/mail/config-v1.1.xml?emailaddress=a%40example.org", "xml"),
            ("example.org", "/.well-known/autoconfig/mail/config-v1.1.xml", "xml"),
            ("autoconfig.example.org", "/.well-known/autoconfig/mail/config-v1.1.xml", "xml"),
            ("mx1.example.org", "/mail/config-v1.1.xml?emailaddress=a%40EXAMPLE.org", "xml"),
            ("ua-auto-config.example.org", "/.well-known/user-agent-configuration.json", "json"),
            (
                "autoconfig.example.org", "/mail/apple.mobileconfig?emailaddress=a@example.org",
                "aspen"
            ),
            ("autodiscover.example.org", "/autodiscover/autodiscover.json?Protocol=x", "json"),
            ("mx1.example.org", "/autodiscover/autodiscover.json?Email=a%40example.org", "json"),
            ("mx1.example.org", "/Autodiscover/Autodiscover.json/v1.0/a%40example.org", "json"),
            (
                "autodiscover.example.org",
                "/autodiscover/autodiscover.json/v1.0/a@example.org?Protocol=AutodiscoverV1", "json"
            ),
        ])
    func documents(host: String, path: String, type: String) throws {
        let answer = try ask(Self.get(host, path))
        #expect(answer.hasPrefix("HTTP/1.1 200 OK\r\nContent-Type: "))
        let field = answer.split(separator: "\r\n").first { $0.hasPrefix("Content-Type: ") }
        #expect(field?.contains(type) == true)
        #expect(answer.contains("example.org"))
    }

    @Test(
        "Of other domains, and of paths that nobody has, nothing is told",
        arguments: [
            ("autoconfig.other.example", "/mail/config-v1.1.xml"),
            ("autoconfig.other.example", "/mail/config-v1.1.xml?emailaddress=a%40b.example"),
            ("autoconfig.example.org", "/mail/apple.mobileconfig?emailaddress=a@other.example"),
            ("autoconfig.example.org", "/mail/apple.mobileconfig"),
            ("ua-auto-config.", "/.well-known/user-agent-configuration.json"),
            ("autoconfig.example.org", "/mail/../mail/config-v1.1.xml"),
            ("autoconfig.example.org", "/"),
        ])
    func unknown(host: String, path: String) throws {
        #expect(try ask(Self.get(host, path)).hasPrefix("HTTP/1.1 404 "))
    }

    @Test("Outlook posts, whatever the pieces, and is answered by its schema or with a code")
    func autodiscover() throws {
        for piece in [Int.max, 1, 50] {
            let answer = try ask(Self.post("anna@example.org"), piece: piece)
            #expect(answer.contains("<LoginName>anna@example.org</LoginName>"))
            #expect(answer.contains("outlook/responseschema/2006a"))
        }
        let patient = try ask(Self.post("anna@example.org", "Expect: 100-continue\r\n"), piece: 60)
        #expect(patient.contains("<LoginName>anna@example.org</LoginName>"))
        #expect(try ask(Self.post("anna@other.example")).contains("<ErrorCode>603</ErrorCode>"))
        #expect(try ask(Self.post("anna")).contains("<ErrorCode>600</ErrorCode>"))
        let bare = Self.get("autodiscover.example.org", "/autodiscover/autodiscover.xml")
        #expect(try ask(bare).contains("<ErrorCode>600</ErrorCode>"))
    }

    @Test(
        "Bodies without measure are not read",
        arguments: [
            ("Content-Length: 65537", 413), ("Content-Length: -1", 400),
            ("Content-Length: 99999999999999999999", 400), ("Transfer-Encoding: chunked", 411),
            ("Content-Length: 5\r\nContent-Length: 6", 400),
        ])
    func bodies(field: String, status: Int) throws {
        let request =
            "POST /autodiscover/autodiscover.xml HTTP/1.1\r\nHost: example.org\r\n\(field)\r\n\r\n"
        #expect(try ask(request).hasPrefix("HTTP/1.1 \(status) "))
    }

    @Test("Without TLS only Thunderbird's document is told; others are found at HTTPS")
    func plain() throws {
        let document = Self.get("autoconfig.example.org", "/mail/config-v1.1.xml")
        #expect(try ask(document, isPlain: true).hasPrefix("HTTP/1.1 200 "))
        let place = Self.get("autodiscover.example.org", "/Autodiscover/Autodiscover.xml")
        let referred = try ask(place, isPlain: true)
        #expect(referred.hasPrefix("HTTP/1.1 302 "))
        #expect(
            referred.contains(
                "Location: https://autodiscover.example.org/autodiscover/autodiscover.xml\r\n"))
        #expect(try ask(Self.good, isPlain: true).hasPrefix("HTTP/1.1 302 "))
        let stranger = Self.get("autodiscover.other.example", "/autodiscover/autodiscover.xml")
        #expect(try ask(stranger, isPlain: true).hasPrefix("HTTP/1.1 421 "))
    }
}
