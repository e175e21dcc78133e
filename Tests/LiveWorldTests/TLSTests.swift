// SPDX-License-Identifier: Apache-2.0

import Bytes
import Foundation
import LiveWorld
import Synchronization
import Testing
import World

@Suite("RFC 3207 §4 TLS on the real network")
struct TLSTests {
    let certificate: SelfSignedCertificate
    let identity: any TLSIdentity
    let network: LiveNetwork
    let roots: String

    init() throws {
        certificate = try SelfSignedCertificate(
            names: ["mx.example.org", "mail.example.org"], addresses: [loopback().host])
        roots = NSTemporaryDirectory() + "roots-\(UUID().uuidString).pem"
        try Data(certificate.certificate).write(to: URL(fileURLWithPath: roots))
        network = LiveNetwork(threads: 2, trustRoots: roots)
        identity = try network.identity(
            certificateChain: certificate.certificate, privateKey: certificate.privateKey)
    }

    /// A server that offers STARTTLS and then echoes.
    @Sendable private func serveUpgrade(_ connection: any Connection) async throws {
        connection.write(octets("220 ready\r\n"))
        _ = try await connection.receive(deadline: soon())
        connection.write(octets("220 go ahead\r\n"))
        try await connection.startTLS(.server(identity), deadline: soon())
        let facts = connection.tls
        connection.write(octets("\(facts?.serverName ?? "none") \(facts?.cipher ?? "")\r\n"))
        try await echo(connection)
    }

    private func upgraded(
        _ address: SocketAddress, serverName: String, verify: Bool,
        commands: String = "STARTTLS\r\n"
    ) async throws -> any Connection {
        let client = try await network.connect(to: address)
        _ = try await client.receive(count: 11)
        client.write(octets(commands))
        _ = try await client.receive(count: 14)
        try await client.startTLS(
            .client(serverName: serverName, verify: verify), deadline: soon())
        return client
    }

    @Test("Both sides learn version, cipher and the server name")
    func facts() async throws {
        try await withServer(network: network, serveUpgrade) { listener in
            let client = try await upgraded(
                listener.address, serverName: "mail.example.org", verify: true)
            #expect(client.tls?.version == "TLSv1.3")
            let cipher = try #require(client.tls?.cipher)
            #expect(cipher.hasPrefix("TLS_"))
            let line = "mail.example.org \(cipher)\r\n"
            #expect(text(try await client.receive(count: line.utf8.count)) == line)
            let long = [UInt8](repeating: 65, count: 1_000_000)
            async let sent: Void = {
                client.write(long)
            }()
            await sent
            #expect(try await client.receive(count: long.count) == long)
            await client.close()
        }
    }

    @Test("An address is not sent as a server name")
    func addressIsNoName() async throws {
        try await withServer(network: network, serveUpgrade) { listener in
            let client = try await upgraded(
                listener.address, serverName: "127.0.0.1", verify: true)
            #expect(
                text(try await client.receive(deadline: soon()))?.hasPrefix("none TLS_") == true)
            await client.close()
        }
    }

    @Test("A wrong name fails with the reason when it is to be verified, and passes else")
    func wrongName() async throws {
        try await withServer(network: network, serveUpgrade) { listener in
            do throws(NetworkFailure) {
                let client = try await network.connect(to: listener.address)
                _ = try await client.receive(deadline: soon())
                client.write(octets("STARTTLS\r\n"))
                _ = try await client.receive(deadline: soon())
                try await client.startTLS(
                    .client(serverName: "other.example", verify: true), deadline: soon())
                Issue.record("the handshake succeeded")
            } catch {
                guard case .tls(let reason) = error else {
                    Issue.record("\(error)")
                    return
                }
                #expect(!reason.contains("/"), "no file names for readers: \(reason)")
            }
            let client = try await upgraded(
                listener.address, serverName: "other.example", verify: false)
            #expect(client.tls != nil)
            await client.close()
        }
    }

    @Test("Octets sent in plain text behind STARTTLS never come out as protected ones")
    func injection() async throws {
        let injected = AsyncStream.makeStream(of: Void.self)
        try await withServer(network: network) { connection in
            connection.write(octets("220 ready\r\n"))
            var command: [UInt8] = []
            while command.count < 10 {
                guard let part = try await connection.receive(deadline: soon()) else { return }
                command += part
            }
            // What arrives now is read ahead and must be dropped.
            for await _ in injected.stream { break }
            try await time.sleep(for: .milliseconds(200))
            connection.write(octets("220 go ahead\r\n"))
            try await connection.startTLS(.server(identity), deadline: soon())
            connection.write(octets("first: "))
            connection.write(try await connection.receive(deadline: soon()) ?? [])
        } _: { listener in
            let client = try await network.connect(to: listener.address)
            _ = try await client.receive(count: 11)
            client.write(octets("STARTTLS\r\n"))
            try await client.flush(deadline: soon())
            try await time.sleep(for: .milliseconds(100))
            client.write(octets("MAIL FROM:<evil@example>\r\n"))
            try await client.flush(deadline: soon())
            injected.continuation.yield()
            _ = try await client.receive(count: 14)
            try await client.startTLS(
                .client(serverName: "mx.example.org", verify: true), deadline: soon())
            client.write(octets("EHLO again\r\n"))
            #expect(text(try await client.receive(count: 19)) == "first: EHLO again\r\n")
            await client.close()
        }
    }

    @Test("TLS from the first octet, with a client that speaks at once")
    func implicit() async throws {
        try await withServer(network: network) { connection in
            // The ClientHello is there before we look.
            try await time.sleep(for: .milliseconds(100))
            try await connection.startTLS(.server(identity), deadline: soon())
            try await echo(connection)
        } _: { listener in
            let client = try await network.connect(to: listener.address)
            try await client.startTLS(
                .client(serverName: "mx.example.org", verify: true), deadline: soon())
            client.write(octets("secret"))
            #expect(text(try await client.receive(count: 6)) == "secret")
            await client.close()
        }
    }

    @Test("A peer that says nothing does not hold a handshake for ever")
    func silentPeer() async throws {
        let outcome = AsyncStream.makeStream(of: NetworkFailure?.self)
        try await withServer(network: network) { connection in
            do throws(NetworkFailure) {
                try await connection.startTLS(.server(identity), deadline: soon(0.2))
                outcome.continuation.yield(nil)
            } catch {
                outcome.continuation.yield(error)
            }
        } _: { listener in
            let client = try await network.connect(to: listener.address)
            for await failure in outcome.stream {
                #expect(failure == .deadlinePassed)
                break
            }
            await client.close()
        }
    }

    @Test("A peer that talks plain text gets a failed handshake, explained")
    func plainPeer() async throws {
        let outcome = AsyncStream.makeStream(of: NetworkFailure?.self)
        try await withServer(network: network) { connection in
            do throws(NetworkFailure) {
                try await connection.startTLS(.server(identity), deadline: soon())
                outcome.continuation.yield(nil)
            } catch {
                outcome.continuation.yield(error)
            }
        } _: { listener in
            let client = try await network.connect(to: listener.address)
            client.write(octets("EHLO plain.example\r\n"))
            try await client.flush(deadline: soon())
            for await failure in outcome.stream {
                guard case .tls(let reason) = failure else {
                    Issue.record("\(String(describing: failure))")
                    break
                }
                #expect(!reason.contains("/") && !reason.isEmpty)
                break
            }
            await client.close()
        }
    }

    @Test("What is no PEM, or does not belong together, is refused in words")
    func identities() throws {
        let other = try SelfSignedCertificate(names: ["other.example"])
        for (chain, key, reason) in [
            (octets("no certificate"), certificate.privateKey, "the certificate chain"),
            (certificate.certificate, octets("no key"), "the private key is not PEM"),
            (certificate.certificate, other.privateKey, "do not belong together"),
        ] {
            do throws(NetworkFailure) {
                _ = try network.identity(certificateChain: chain, privateKey: key)
                Issue.record("accepted; expected \(reason)")
            } catch {
                #expect("\(error)".contains(reason))
            }
        }
    }

    @Test(
        "openssl s_client agrees, by STARTTLS and from the first octet",
        .enabled(if: Program.path("openssl") != nil, "openssl is not installed"),
        arguments: [true, false])
    func openssl(_ startTLS: Bool) async throws {
        try await withServer(network: network) { connection in
            if startTLS {
                connection.write(octets("220 mx.example.org ESMTP\r\n"))
                _ = try await connection.receive(deadline: soon())
                connection.write(octets("250-mx.example.org\r\n250 STARTTLS\r\n"))
                _ = try await connection.receive(deadline: soon())
                connection.write(octets("220 go ahead\r\n"))
            }
            try await connection.startTLS(.server(identity), deadline: soon())
            let name = connection.tls?.serverName ?? "none"
            connection.write(octets("you asked for \(name)\r\n"))
            _ = try await connection.receive(deadline: soon())
        } _: { listener in
            let upgrade = startTLS ? ["-starttls", "smtp"] : []
            let client = try Program(
                "openssl",
                [
                    "s_client", "-connect", "\(listener.address)", "-servername",
                    "mail.example.org", "-CAfile", roots, "-verify_return_error", "-ign_eof",
                    "-verify_hostname", "mail.example.org",
                ] + upgrade)
            client.write("QUIT\n")
            let output = await client.output()
            #expect(output.contains("Verify return code: 0 (ok)"), "\(output)")
            #expect(output.contains("TLSv1.3"), "\(output)")
            #expect(output.contains("you asked for mail.example.org"), "\(output)")
        }
    }
}
