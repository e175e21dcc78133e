// SPDX-License-Identifier: Apache-2.0

import Bytes
import Testing
import World

@testable import SimulatedWorld

@Suite("Simulated TLS is declared, and keeps what was plain apart from what is protected")
struct SimulatedTLSTests {
    private let pair: Pair

    init() { pair = Pair(seed: 5) }

    private func identity(_ names: String) throws -> any TLSIdentity {
        try pair.beta.network.identity(certificateChain: Array(names.utf8), privateKey: [])
    }

    @Test("both sides find what was agreed, and octets go on")
    func facts() throws {
        let identity = try identity("mx1.example\nmx2.example")
        let (facts, echoed) = try pair.talk { connection in
            try await connection.startTLS(.server(identity), deadline: pair.deadline())
            #expect(connection.tls?.serverName == "mx2.example")
            try await pair.echo(connection)
        } _: { connection in
            #expect(connection.tls == nil)
            try await connection.startTLS(
                .client(serverName: "mx2.example", verify: true), deadline: pair.deadline())
            connection.write([1])
            return (connection.tls, try await connection.receive(deadline: pair.deadline()))
        }
        #expect(facts?.version == "TLSv1.3")
        #expect(echoed == [1])
    }

    @Test(
        "a client that verifies takes only a name of the certificate",
        arguments: [
            ("mx1.example", "mx1.example", true), ("mx1.example", "MX1.Example", true),
            ("*.example", "mx1.example", true), ("*.example", "a.mx1.example", false),
            ("mx1.example", "mx2.example", false), ("-----BEGIN", "mx1.example", false),
        ])
    func verification(names: String, asked: String, isAccepted: Bool) throws {
        let identity = try identity(names)
        for verify in [true, false] {
            let pair = Pair(seed: 5)
            let failure = try pair.talk { connection in
                try await connection.startTLS(.server(identity), deadline: pair.deadline())
                try await pair.echo(connection)
            } _: { connection in
                await fault { () async throws(NetworkFailure) in
                    try await connection.startTLS(
                        .client(serverName: asked, verify: verify), deadline: pair.deadline())
                }
            }
            if verify, !isAccepted {
                #expect(failure == .tls("the certificate is not valid for \(asked)"))
            } else {
                #expect(failure == nil)
            }
        }
    }

    @Test("plain octets that came before the handshake are never handed out after it")
    func injection() throws {
        let identity = try identity("mx1.example")
        let seen = try pair.talk { connection in
            // The client has pipelined: both commands are there before the handshake starts.
            try await pair.simulation.sleep(for: .seconds(5))
            try await connection.startTLS(.server(identity), deadline: pair.deadline())
            connection.write(try await connection.receive(deadline: pair.deadline()) ?? [])
        } _: { connection in
            connection.write(Array("STARTTLS\r\nMAIL FROM:<evil@example>\r\n".utf8))
            try await connection.startTLS(
                .client(serverName: "mx1.example", verify: false), deadline: pair.deadline())
            connection.write(Array("QUIT".utf8))
            return String(decoding: try await pair.readAll(connection), as: UTF8.self)
        }
        #expect("QUIT".hasPrefix(seen) && !seen.isEmpty)
    }

    @Test("plain text where a handshake should be fails it")
    func plainText() throws {
        let failure = try pair.talk { connection in
            try await pair.simulation.sleep(for: .seconds(1))
            connection.write(Array("220 hello\r\n".utf8))
            let heard = try await pair.readAll(connection)
            #expect(heard.starts(with: [0x16, 0x03]))
        } _: { connection in
            await fault { () async throws(NetworkFailure) in
                try await connection.startTLS(
                    .client(serverName: "a", verify: false), deadline: pair.deadline())
            }
        }
        #expect(failure == .tls("plain text instead of a handshake"))
    }

    @Test("who does not expect a handshake reads a TLS record; who waits for one gives up in time")
    func unexpected() throws {
        let failure = try pair.talk { connection in
            let octets = try await connection.receive(deadline: pair.deadline()) ?? []
            #expect(octets.starts(with: [0x16, 0x03]))
            try await pair.simulation.sleep(for: .seconds(100))
        } _: { connection in
            await fault { () async throws(NetworkFailure) in
                try await connection.startTLS(
                    .client(serverName: "a", verify: false), deadline: pair.deadline())
            }
        }
        #expect(failure == .deadlinePassed)
    }

    @Test("a failed handshake is told to both sides, and the connection is of no use any more")
    func failing() throws {
        var faults = Faults.none
        faults.handshakeFailureProbability = 1
        let pair = Pair(seed: 1, faults)
        let identity = try identity("mx1.example")
        let far = Box<NetworkFailure?>(nil)
        let failures = try pair.talk { connection in
            far.value = await fault { () async throws(NetworkFailure) in
                try await connection.startTLS(.server(identity), deadline: pair.deadline())
            }
        } _: { connection in
            let first = await fault { () async throws(NetworkFailure) in
                try await connection.startTLS(
                    .client(serverName: "a", verify: false), deadline: pair.deadline())
            }
            connection.write([1])
            return (
                first,
                await fault { () async throws(NetworkFailure) in
                    try await connection.flush(deadline: pair.deadline())
                }
            )
        }
        #expect(far.value == .tls("handshake failure"))
        #expect(failures.0 == .tls("the other side says: handshake failure"))
        #expect(failures.1 == .disconnected)
    }
}
