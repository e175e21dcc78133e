// SPDX-License-Identifier: Apache-2.0

import Foundation
import LiveWorld
import Testing
import World

@Suite("Certificates of a server, replaced and chosen while it runs")
struct CertificateTests {
    /// Whether a client that trusts nothing but `certificate` accepts what it is shown.
    private func isAccepted(
        _ identity: any TLSIdentity, for serverName: String, trusting certificate: [UInt8]
    ) async throws -> Bool {
        let roots = NSTemporaryDirectory() + "roots-\(UUID().uuidString).pem"
        try Data(certificate).write(to: URL(fileURLWithPath: roots))
        defer { remove(roots) }
        let network = LiveNetwork(threads: 1, trustRoots: roots)
        var isAccepted = false
        try await withServer(network: network) { connection in
            try await connection.startTLS(.server(identity), deadline: soon())
            _ = try await connection.receive(deadline: soon())
        } _: { listener in
            let client = try await network.connect(to: listener.address)
            do {
                try await client.startTLS(
                    .client(serverName: serverName, verify: true), deadline: soon())
                isAccepted = true
            } catch NetworkFailure.tls {
            }
            await client.close()
        }
        await network.shutdown()
        return isAccepted
    }

    @Test("A replaced identity is shown from the next handshake on", .timeLimit(.minutes(1)))
    func replaced() async throws {
        let old = try SelfSignedCertificate(names: ["mx1.example.org"])
        let new = try SelfSignedCertificate(names: ["mx1.example.org"])
        let network = LiveNetwork(threads: 1)
        let identity = ReplaceableIdentity(
            try network.identity(certificateChain: old.certificate, privateKey: old.privateKey))
        let name = "mx1.example.org"
        #expect(try await isAccepted(identity, for: name, trusting: old.certificate))
        identity.replace(
            by: try network.identity(
                certificateChain: new.certificate, privateKey: new.privateKey))
        #expect(try await isAccepted(identity, for: name, trusting: new.certificate))
        #expect(try await !isAccepted(identity, for: name, trusting: old.certificate))
        await network.shutdown()
    }

    @Test(
        "Of several certificates the one for the server name is shown, else the first",
        .timeLimit(.minutes(1)))
    func severalByServerName() async throws {
        let first = try SelfSignedCertificate(names: ["mx1.example.org"])
        let second = try SelfSignedCertificate(names: ["mail.example.net", "*.example.net"])
        let network = LiveNetwork(threads: 1)
        let identity = try network.identity(pairs: [
            (first.certificate, first.privateKey), (second.certificate, second.privateKey),
        ])
        for (name, trusted, isExpected) in [
            ("mx1.example.org", first, true), ("mail.example.net", second, true),
            ("imap.example.net", second, true), ("mail.example.net", first, false),
            ("other.example.com", second, false),
        ] {
            let shown = try await isAccepted(
                identity, for: name, trusting: trusted.certificate)
            #expect(shown == isExpected, "\(name)")
        }
        await network.shutdown()
    }

    @Test("A certificate says whom it is for, until when, and who vouches for it")
    func facts() async throws {
        let made = try SelfSignedCertificate(
            names: ["mx1.example.org", "*.example.net"], now: Timestamp(seconds: 1_800_000_000))
        let facts = try #require(CertificateFacts(chain: made.certificate))
        #expect(facts.names == ["mx1.example.org", "*.example.net"])
        #expect(facts.isFor("MX1.example.org") && facts.isFor("a.example.net"))
        #expect(!facts.isFor("example.org") && !facts.isFor("a.b.example.net"))
        #expect(facts.notBefore < Timestamp(seconds: 1_800_000_000))
        #expect(facts.notAfter == Timestamp(seconds: 1_800_000_000) + .days(3650))
        #expect(facts.isSelfSigned)
        #expect(await !facts.isTrusted())
        #expect(CertificateFacts(chain: Array("nothing".utf8)) == nil)
    }
}
