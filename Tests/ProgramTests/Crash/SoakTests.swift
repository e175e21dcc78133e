// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// SOAK_SECONDS sets how long, SOAK_SEED repeats the choices of a run (`make soak` sets them).
@Suite("Hours of load with peers that come and go", .built)
struct SoakTests {
    private static let environment = ProcessInfo.processInfo.environment
    /// Messages for a domain where nobody is at home.
    private static let unreachable = 20
    private static let seconds = environment["SOAK_SECONDS"].flatMap { Int($0) }

    @Test(
        "At the end all counts agree: accepted is delivered, notified or queued",
        .enabled(if: seconds != nil, "make soak runs it"), .installed("curl", "sqlite3"))
    func soak() async throws {
        let seed =
            Self.environment["SOAK_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 1..<1 << 32)
        try await withStage { stage in
            // Nobody is at home there: what is for it waits to the end.
            let (server, sink) = try await Postreiter.underLoad(
                stage,
                zones: ["dead.test": Postreiter.zone("dead.test", exchanger: stage.address())])
            try await server.start()
            var generator = SeededGenerator(seed: seed)
            let load = Generator(
                server.address, Postreiter.Port.smtp, local: server.account, remote: "b@sink.test",
                refused: "nobody@refused.test", connections: 8,
                pace: Generator.Pace(pause: .milliseconds(100), lines: 100, largeEvery: 500),
                seed: generator.next())
            let memory = try await disturb(server, sink, &generator)
            await load.stop()
            let clock = ContinuousClock()
            let end = clock.now + .seconds(300)
            var queued = Int.max
            while queued > Self.unreachable, clock.now < end {
                try await Task.sleep(for: .seconds(1))
                queued = try await count("SELECT count(*) FROM recipient", server, stage)
            }
            let balance = Balance(
                acknowledged: load.acknowledged, mailbox: try await server.wholeMailbox(),
                sink: sink.arrivals)
            print(
                """
                soak: \(Self.seconds ?? 0) seconds, seed \(seed)
                \(balance)
                  memory             \(memory)
                """)
            try await expectAgreement(balance, queued: queued, server, stage, sink)
            #expect(load.replies.isEmpty || load.replies.keys.allSatisfy { $0.hasPrefix("421") })
            await server.stop()
        }
    }

    /// Has peers stop and start, the server read its configuration anew and begin anew, until the
    /// time is over; returns what it had in memory then and when.
    private func disturb(
        _ server: Postreiter, _ sink: RecordingSink, _ generator: inout SeededGenerator
    ) async throws -> String {
        let clock = ContinuousClock()
        let begin = clock.now
        let end = begin + .seconds(Self.seconds ?? 0)
        var memory: [String] = []
        var stops = 0
        var restarts = 0
        var reloads = 0
        var isUp = true
        var sent = 0
        while clock.now < end {
            let pause = Int.random(in: 1000...5000, using: &generator)
            try await Task.sleep(for: .milliseconds(pause))
            #expect(server.server?.isRunning == true, "it ended by itself: \(server.log)")
            switch Int.random(in: 0..<12, using: &generator) {
            case 0..<6:
                if isUp { sink.stop() } else { try sink.start() }
                isUp.toggle()
                stops += 1
            case 6..<9:
                let done = try await server.command("reload")
                #expect(done.status == 0, "\(done.output)")
                reloads += 1
            case 9:
                await server.stop(within: .seconds(40))
                try await server.start()
                restarts += 1
            default:
                sent += 1
                if sent <= Self.unreachable { try await send(sent, to: server) }
            }
            if memory.count < 1 || clock.now > begin + .seconds(60 * memory.count) {
                memory.append("\(try server.memory("VmRSS") >> 10)")
            }
        }
        if !isUp { try sink.start() }
        while sent < Self.unreachable {
            sent += 1
            try await send(sent, to: server)
        }
        print(
            "soak: a peer stopped or started \(stops) times, \(reloads) reloads, "
                + "\(restarts) restarts")
        return "\(memory.joined(separator: ", ")) MiB minute by minute"
    }

    /// A message for the domain where nobody is at home.
    private func send(_ number: Int, to server: Postreiter) async throws {
        let sent = try await server.submit(to: "x@dead.test", subject: "dead \(number)")
        #expect(sent.status == 0, "\(sent.output)")
    }

    private func expectAgreement(
        _ balance: Balance, queued: Int, _ server: Postreiter, _ stage: Stage,
        _ sink: RecordingSink
    ) async throws {
        // What the clients know and what arrived.
        #expect(balance.lostLocally.isEmpty && balance.lostRemotely.isEmpty)
        #expect(balance.unnoticed.isEmpty && balance.falseNotices.isEmpty)
        #expect(balance.localDuplicates.isEmpty && balance.damaged == 0)
        #expect(balance.unacknowledged == 0, "stopping in peace leaves nobody without an answer")
        #expect(sink.arrivals.strangers == 0, "\(sink.arrivals.firstStranger)")
        // What the server's own journal tells.
        func facts(_ condition: String) async throws -> Int {
            try await count("SELECT count(*) FROM fact WHERE \(condition)", server, stage)
        }
        let accepted = try await facts("kind = 'accepted'")
        let notices = try await facts("kind = 'notified'")
        #expect(accepted == balance.acknowledged + Self.unreachable + notices, "accepted")
        let local = try await facts("kind = 'delivered' AND recipient LIKE '%@own.test'")
        let remote = try await facts("kind = 'delivered' AND recipient LIKE '%@sink.test'")
        let told = try await facts("kind = 'delivered' AND recipient LIKE '%@client.test'")
        let bounced = try await facts("kind = 'bounced'")
        #expect(local == balance.local, "delivered here")
        #expect(remote == balance.remote, "delivered elsewhere")
        #expect(bounced == balance.refused && notices == bounced && told == notices, "notified")
        #expect(queued == Self.unreachable, "queued")
        // A copy too many needs an end that nobody could know.
        let ambiguous = try await facts("text LIKE '%may arrive twice%'")
        #expect(balance.remoteDuplicates + balance.noticeDuplicates <= ambiguous)
        print(
            """
              journal            \(accepted) accepted, \(local) delivered here, \(remote) elsewhere, \
            \(bounced) refused and notified, \(queued) queued, \(ambiguous) ambiguous ends
            """)
    }

    private func count(
        _ question: String, _ server: Postreiter, _ stage: Stage
    ) async throws -> Int {
        let answer = try await stage.run(
            "sqlite3", [server.data + "/postreiter.sqlite", question], within: .seconds(120))
        return try #require(
            Int(answer.output.trimmingCharacters(in: .whitespacesAndNewlines)), "\(answer.output)")
    }
}
