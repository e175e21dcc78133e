// SPDX-License-Identifier: Apache-2.0

import Bytes
import CoreMetrics
import DNS
import Metering
import SimulatedWorld
import Synchronization
import Testing
import World

@Suite("The metrics listener")
struct ServiceTests {
    private struct Ailment: Error, CustomStringConvertible {
        let description = "the disk is gone"
    }

    /// What a client reads that sends `request`, in pieces of `piece` octets.
    private static func ask(
        _ requests: [String], piece: Int = 1_000, isWell: Bool = true,
        sampled: (@Sendable (Int) -> Void)? = nil
    ) throws -> [String] {
        let simulation = Simulation(seed: 1)
        let network = SimulatedNetwork(simulation)
        let server = network.host("server", .v4(IPv4Address(192, 0, 2, 1)))
        let client = network.host("client", .v4(IPv4Address(192, 0, 2, 2)))
        let address = SocketAddress(.v4(IPv4Address(192, 0, 2, 1)), port: 9125)
        let count = Mutex(0)
        let service = MetricsService(
            MeterRegistry(), time: simulation,
            sample: {
                let count = count.withLock {
                    $0 += 1
                    return $0
                }
                sampled?(count)
                return [Sample("postreiter_journal_rows_at_most", Double(count))]
            },
            check: { if !isWell { throw Ailment() } })
        return try simulation.run {
            let listener = try await server.network.listen(on: address)
            return try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await listener.serve(limit: 10) { await service.handle($0) } }
                var answers: [String] = []
                for request in requests {
                    let connection = try await client.network.connect(
                        to: address, from: nil, deadline: simulation.now + .seconds(10))
                    var rest = Array(request.utf8)[...]
                    while !rest.isEmpty {
                        connection.write(Array(rest.prefix(piece)))
                        rest = rest.dropFirst(piece)
                        try? await connection.flush(deadline: simulation.now + .seconds(60))
                    }
                    var answer: [UInt8] = []
                    while let octets = try? await connection.receive(
                        deadline: simulation.now + .seconds(60))
                    {
                        answer += octets
                    }
                    await connection.close()
                    answers.append(String(lossy: answer))
                }
                await listener.close()
                try await group.waitForAll()
                return answers
            }
        }
    }

    @Test("each request has its answer, also drop by drop", arguments: [1, 1_000])
    func answers(piece: Int) throws {
        let cases: [(request: String, status: String, body: String)] = [
            (
                "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n", "200 OK",
                "postreiter_journal_rows_at_most 1\n"
            ),
            ("GET /metrics?x=1 HTTP/1.0\r\n\r\n", "200 OK", "# TYPE postreiter_queue_"),
            ("GET /healthz HTTP/1.1\n\n", "200 OK", "ok\n"),
            ("GET / HTTP/1.1\r\n\r\n", "404 Not Found", "/metrics"),
            ("POST /metrics HTTP/1.1\r\n\r\n", "405 Method Not Allowed", "GET"),
            ("nonsense\r\n\r\n", "405 Method Not Allowed", "GET"),
        ]
        let answers = try Self.ask(cases.map(\.request), piece: piece)
        for (answer, expected) in zip(answers, cases) {
            #expect(answer.hasPrefix("HTTP/1.1 \(expected.status)\r\n"), "\(expected.request)")
            #expect(answer.contains(expected.body), "\(expected.request)")
            let parts = answer.split(separator: "\r\n\r\n", maxSplits: 1)
            #expect(answer.contains("Content-Length: \(parts[1].utf8.count)\r\n"))
        }
    }

    @Test("HEAD has no body; whoever is ill says so; an endless request ends")
    func corners() throws {
        let head = try Self.ask(["HEAD /healthz HTTP/1.1\r\n\r\n"])[0]
        #expect(head.hasSuffix("\r\n\r\n") && head.contains("Content-Length: 3"))
        let ill = try Self.ask(["GET /healthz HTTP/1.1\r\n\r\n"], isWell: false)[0]
        #expect(ill.hasPrefix("HTTP/1.1 503 ") && ill.hasSuffix("the disk is gone\n"))
        let endless = try Self.ask([
            "GET /metrics HTTP/1.1\r\n" + String(repeating: "a: b\r\n", count: 10_000)
        ])
        #expect(endless[0].isEmpty || endless[0].hasPrefix("HTTP/1.1 405 "))
        let silent = try Self.ask(["GET /metrics"])
        #expect(silent == [""])
    }

    @Test("the queue is not counted again for each reader")
    func kept() throws {
        let request = "GET /metrics HTTP/1.1\r\n\r\n"
        let count = Mutex(0)
        let answers = try Self.ask([request, request, request]) { latest in
            count.withLock { $0 = latest }
        }
        #expect(answers.allSatisfy { $0.contains("postreiter_journal_rows_at_most 1\n") })
        #expect(count.withLock { $0 } == 1)
    }
}
