// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Foundation
import LiveWorld
import Testing
import TransportSecurity
import World

@Suite("RFC 8461 §3.3 fetching a policy by HTTPS")
struct PolicySourceTests {
    private static let policy =
        "version: STSv1\r\nmode: enforce\r\nmx: *.example.org\r\nmax_age: 86400\r\n"

    /// What is fetched for `example.org` from a server that answers with `response`.
    private func fetch(
        _ response: String, certificateFor name: String = "mta-sts.example.org"
    ) async throws -> Result<STSPolicy, STSFetchFailure> {
        let certificate = try SelfSignedCertificate(names: [name])
        let roots = NSTemporaryDirectory() + "roots-\(UUID().uuidString).pem"
        try Data(certificate.certificate).write(to: URL(fileURLWithPath: roots))
        defer { remove(roots) }
        let network = LiveNetwork(threads: 1)
        let identity = try network.identity(
            certificateChain: certificate.certificate, privateKey: certificate.privateKey)
        var outcome = Result<STSPolicy, STSFetchFailure>.failure(.tooLong)
        try await withServer(network: network) { connection in
            try await connection.startTLS(.server(identity), deadline: soon())
            var request = ""
            while !request.hasSuffix("\r\n\r\n") {
                guard let part = try await connection.receive(deadline: soon()) else { return }
                request += text(part) ?? ""
            }
            let path = request.hasPrefix("GET /.well-known/mta-sts.txt HTTP/1.1\r\n")
            connection.write(octets(path ? response : "HTTP/1.1 404 Not Found\r\n\r\n"))
            try await connection.flush(deadline: soon())
            await connection.close()
        } _: { listener in
            let resolver = try Fixture(
                parsing: octets(
                    #"{"format":"dns-fixture-1","records":{"mta-sts.example.org":[{"type":"A","#
                        + #""ttl":60,"data":"127.0.0.1"}]}}"#))
            let source = LivePolicySource(
                resolver: resolver, port: listener.address.port, patience: .seconds(20),
                trustRoots: roots)
            do throws(STSFetchFailure) {
                outcome = .success(try await source.policy(of: "example.org"))
            } catch {
                outcome = .failure(error)
            }
        }
        await network.shutdown()
        return outcome
    }

    private static func response(
        _ status: String = "200 OK", _ type: String = "text/plain; charset=utf-8",
        _ body: String = policy
    ) -> String {
        "HTTP/1.1 \(status)\r\nContent-Type: \(type)\r\nContent-Length: \(body.utf8.count)\r\n"
            + "Location: https://mta-sts.example.org/elsewhere\r\nConnection: close\r\n\r\n\(body)"
    }

    @Test("a policy of text/plain is read", .timeLimit(.minutes(1)))
    func fetched() async throws {
        let policy = try await fetch(Self.response()).get()
        #expect(policy.mode == .enforce)
        #expect(policy.lists("mx1.example.org"))
    }

    @Test(
        "what is no policy is refused with its reason", .timeLimit(.minutes(1)),
        arguments: [
            (response("404 Not Found"), STSFetchFailure.status(404)),
            // §3.3: redirects are not followed.
            (response("301 Moved"), .status(301)),
            (response("200 OK", "text/html"), .type("text/html")),
            (response("200 OK", "text/plain", String(repeating: "a", count: 65_537)), .tooLong),
        ])
    func refused(response: String, failure: STSFetchFailure) async throws {
        await #expect(throws: failure) { try await fetch(response).get() }
    }

    @Test("a certificate for another name is refused", .timeLimit(.minutes(1)))
    func wrongName() async throws {
        await #expect {
            try await fetch(Self.response(), certificateFor: "www.example.org").get()
        } throws: { error in
            if case STSFetchFailure.unreachable = error { true } else { false }
        }
    }

    @Test("without checks the whole chain that a server shows is kept", .timeLimit(.minutes(1)))
    func chain() async throws {
        let own = try SelfSignedCertificate(names: ["mx1.example.org"])
        let other = try SelfSignedCertificate(names: ["authority.example.org"])
        let network = LiveNetwork(threads: 1)
        let identity = try network.identity(
            certificateChain: own.certificate + other.certificate, privateKey: own.privateKey)
        try await withServer(network: network) { connection in
            try await connection.startTLS(.server(identity), deadline: soon())
            _ = try await connection.receive(deadline: soon())
        } _: { listener in
            let client = try await network.connect(to: listener.address)
            try await client.startTLS(
                .client(serverName: "mx1.example.org", verify: false, keepsCertificate: true),
                deadline: soon())
            #expect(client.tls?.chain.count == 2)
            await client.close()
        }
        await network.shutdown()
    }
}
