// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Feedback
import LiveWorld
import ReportStore
import SimulatedWorld
import Storage
import Synchronization
import Testing
import World

@testable import Reporting

@Suite("RFC 8460 §5.4: reports on TLS by HTTPS")
struct PostingTests {
    /// What a server was asked, and what it answers in turn; the last answer again and again.
    private final class Desk: Sendable {
        private let answers: [String]
        private let asked = Mutex<[(head: String, body: [UInt8])]>([])

        init(_ answers: [String]) { self.answers = answers }

        var requests: [(head: String, body: [UInt8])] { asked.withLock { $0 } }

        @Sendable func serve(_ connection: any Connection, _ deadline: Instant) async throws {
            let end: [UInt8] = [.carriageReturn, .lineFeed, .carriageReturn, .lineFeed]
            var octets: [UInt8] = []
            while true {
                if let head = octets.firstRange(of: end) {
                    let text = String(lossy: octets[..<head.lowerBound])
                    let length =
                        text.split(separator: "\r\n").compactMap { line in
                            line.hasPrefix("Content-Length: ") ? Int(line.dropFirst(16)) : nil
                        }.first ?? 0
                    let body = octets[head.upperBound...]
                    if body.count >= length {
                        let index = asked.withLock { asked in
                            asked.append((text, Array(body)))
                            return asked.count - 1
                        }
                        let answer = answers[min(index, answers.count - 1)]
                        connection.write(Array("\(answer)\r\nContent-Length: 0\r\n\r\n".utf8))
                        return try await connection.flush(deadline: deadline)
                    }
                }
                guard let more = try await connection.receive(deadline: deadline) else { return }
                octets += more
            }
        }
    }

    /// A real server on this machine, whose certificate is for somebody else and by nobody.
    private static func withServer(
        _ answers: [String],
        _ body: @escaping @Sendable (UInt16, LiveNetwork, Desk) async throws -> Void
    ) async throws {
        let desk = Desk(answers)
        let network = LiveNetwork(threads: 1)
        let certificate = try SelfSignedCertificate(names: ["somebody.else.example"])
        let identity = try network.identity(
            certificateChain: certificate.certificate, privateKey: certificate.privateKey)
        let listener = try await network.listen(
            on: SocketAddress(.v4(IPv4Address(127, 0, 0, 1)), port: 0))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                await listener.serve(limit: 10) { connection in
                    let deadline = LiveTime().now + .seconds(20)
                    do {
                        try await connection.startTLS(.server(identity), deadline: deadline)
                        try await desk.serve(connection, deadline)
                    } catch {}
                }
            }
            try await body(listener.address.port, network, desk)
            group.cancelAll()
        }
        await listener.close()
        await network.shutdown()
    }

    private static func records(_ uri: String) -> TextRecords {
        TextRecords([
            "_smtp._tls.example.org": "v=TLSRPTv1; rua=\(uri)",
            "reports.example": "=127.0.0.1",
        ])
    }

    private static func run(
        on disk: MemoryDisk = MemoryDisk(), clock: HandClock = HandClock(), _ uri: String,
        _ network: any Network, postsAnywhere: Bool = true,
        _ body: @escaping @Sendable (Office) async throws -> Void
    ) async throws {
        try await Office.run(
            on: disk, clock: clock, records: records(uri), network: network,
            change: { $0.postsToPrivateAddresses = postsAnywhere }, body)
    }

    private static func observe(_ office: Office) async throws {
        for _ in 0..<3 {
            office.reports.note(SessionObservation(domain: "example.org", type: .none))
        }
        try await office.reports.flush()
    }

    @Test("A server gets the report exactly once, whatever its certificate is")
    func once() async throws {
        try await Self.withServer(["HTTP/1.1 201 Created"]) { port, network, desk in
            let (disk, clock) = (MemoryDisk(), HandClock())
            let uri = "https://reports.example:\(port)/tls?for=example"
            try await Self.run(on: disk, clock: clock, uri, network) { office in
                try await Self.observe(office)
                await office.sender.sendDue()
                #expect(desk.requests.isEmpty, "the day is not over")
                clock.advance(.hours(20))
                await office.sender.sendDue()
                await office.sender.sendDue()
            }
            // Another start knows that it was sent.
            clock.advance(.hours(5))
            try await Self.run(on: disk, clock: clock, uri, network) { office in
                await office.sender.sendDue()
                let next = try await office.reports.nextDue()
                #expect(next == nil)
                #expect(try await office.spooled().isEmpty)
            }
            let requests = desk.requests
            try #require(requests.count == 1)
            let lines = requests[0].head.split(separator: "\r\n").map(String.init)
            #expect(lines.first == "POST /tls?for=example HTTP/1.1")
            #expect(lines.contains("Host: reports.example:\(port)"))
            #expect(lines.contains("Content-Type: application/tlsrpt+gzip"))
            let report = try TLSReport(parsing: GzipFile.unpack(requests[0].body))
            #expect(report.successes == 3 && report.reportID.contains("example.org"))
        }
    }

    /// What a server answers in turn, and how often it is asked until three days are over.
    static let answers: [(String, [String], ClosedRange<Int>)] = [
        ("taken", ["HTTP/1.1 200 OK"], 1...1),
        ("taken for later", ["HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 202 Accepted"], 1...1),
        ("moved", ["HTTP/1.1 302 Found\r\nLocation: https://reports.example/"], 1...1),
        ("unknown", ["HTTP/1.1 404 Not Found"], 1...1),
        ("too large", ["HTTP/1.1 413 Content Too Large"], 1...1),
        (
            "later", ["HTTP/1.1 503 No", "HTTP/1.1 429 Too Many", "nonsense", "HTTP/1.1 200 OK"],
            4...4
        ),
        // Ever more seldom, and not for ever.
        ("never", ["HTTP/1.1 500 No"], 4...8),
    ]

    @Test("What a server answers decides whether it is asked again", arguments: answers.indices)
    func answered(index: Int) async throws {
        let (name, answers, times) = Self.answers[index]
        try await Self.withServer(answers) { port, network, desk in
            try await Self.run("https://reports.example:\(port)", network) { office in
                try await Self.observe(office)
                office.clock.advance(.hours(13))
                for _ in 0..<72 {
                    await office.sender.sendDue()
                    office.clock.advance(.hours(1))
                }
                #expect(try await office.reports.nextDue() == nil, "\(name)")
                #expect(times.contains(desk.requests.count), "\(name): \(desk.requests.count)")
            }
        }
    }

    @Test("A stranger's record makes nobody talk to the hosts around")
    func around() async throws {
        try await Self.withServer(["HTTP/1.1 200 OK"]) { port, network, desk in
            let uri = "https://reports.example:\(port)/"
            try await Self.run(uri, network, postsAnywhere: false) { office in
                try await Self.observe(office)
                office.clock.advance(.hours(20))
                await office.sender.sendDue()
                #expect(try await office.reports.nextDue() == nil)
                #expect(desk.requests.isEmpty)
            }
        }
    }

    @Test("Who wants it both ways gets it both ways, and a server that fails is not in the way")
    func both() async throws {
        for answer in ["200 OK", "500 No"] {
            try await Self.withServer(["HTTP/1.1 \(answer)"]) { port, network, desk in
                let uri = "https://reports.example:\(port)/,mailto:tls@example.org"
                try await Self.run(uri, network) { office in
                    try await Self.observe(office)
                    office.clock.advance(.hours(20))
                    await office.sender.sendDue()
                    await office.sender.sendDue()
                    #expect(try await office.reports.nextDue() == nil)
                    #expect(try await office.spooled().map(\.recipients) == [["tls@example.org"]])
                    #expect(desk.requests.count == 1)
                }
            }
        }
    }

    @Test("The same runs in a simulated world, where hosts fail on purpose")
    func simulated() throws {
        let simulation = Simulation(seed: 5)
        let world = SimulatedNetwork(simulation)
        let here = world.host("here", .v4(IPv4Address(192, 0, 2, 1)))
        let there = world.host("there", .v4(IPv4Address(192, 0, 2, 2)))
        let desk = Desk(["HTTP/1.1 200 OK"])
        try simulation.run {
            let post = ReportPost(
                resolver: TextRecords(["reports.example": "=192.0.2.2", "silent.example": nil]),
                network: here.network, time: simulation, allowsPrivateAddresses: false)
            let far = there.network
            let identity = try far.identity(
                certificateChain: Array("somebody.else.example".utf8), privateKey: [])
            let listener = try await far.listen(
                on: SocketAddress(.v4(IPv4Address(192, 0, 2, 2)), port: 443))
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    await listener.serve(limit: 10) { connection in
                        let deadline = simulation.now + .seconds(20)
                        do {
                            try await connection.startTLS(.server(identity), deadline: deadline)
                            try await desk.serve(connection, deadline)
                        } catch {}
                    }
                }
                #expect(await post.hand([1, 2], to: "https://reports.example/x") == .accepted)
                #expect(desk.requests.map(\.body) == [[1, 2]])
                there.stop(.vanish)
                for uri in ["https://reports.example/", "https://silent.example/"] {
                    let began = simulation.now
                    if case .failed = await post.hand([1], to: uri) {
                    } else {
                        Issue.record("\(uri) has not failed")
                    }
                    #expect(simulation.now - began <= ReportPost.patience)
                }
                let outcome = await post.hand([1], to: "https://nobody.example/")
                #expect(outcome == .refused("it has no address"))
                group.cancelAll()
            }
        }
    }
}
