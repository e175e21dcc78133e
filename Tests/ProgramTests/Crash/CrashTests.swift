// SPDX-License-Identifier: Apache-2.0

import Bytes
import Foundation
import SASL
import Testing

/// CRASH_ROUNDS sets how often, CRASH_SEED repeats the choices of a run, TESTED_BINARY names
/// another program than the one beside the tests (`make crash-test` sets them).
@Suite("No acknowledged message is lost by kill -9, and none is delivered twice here", .built)
struct CrashTests {
    private static let environment = ProcessInfo.processInfo.environment
    private static let rounds = environment["CRASH_ROUNDS"].flatMap { Int($0) } ?? 3
    private static let seed =
        environment["CRASH_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 1..<1 << 32)

    @Test(
        "Killed at random moments under load, the server keeps every promise",
        .installed("smtp-source", "curl", "sqlite3"))
    func killed() async throws {
        let (rounds, seed) = (Self.rounds, Self.seed)
        try await withStage { stage in
            let (server, sink) = try await Postreiter.underLoad(stage)
            var generator = SeededGenerator(seed: seed)
            let load = Generator(
                server.address, Postreiter.Port.smtp, local: server.account, remote: "b@sink.test",
                refused: "nobody@refused.test", connections: 8, seed: generator.next())
            let clock = ContinuousClock()
            let begin = clock.now
            for round in 1...rounds {
                try await endure(server, stage, round, &generator)
            }
            let took = clock.now - begin
            await load.stop()
            try await server.start()
            let waiting = try await server.waitUntilDelivered(within: .seconds(180))
            if !waiting.isEmpty {
                let queue = try await server.command("queue", "list").output
                let lines = queue.split(separator: "\n").prefix(5).joined(separator: "\n")
                Issue.record("not delivered after 3 minutes, CRASH_SEED=\(seed): \(lines)")
            }
            let balance = Balance(
                acknowledged: load.acknowledged, mailbox: try await server.wholeMailbox(),
                sink: sink.arrivals)
            print("crash test: \(rounds) rounds in \(took), seed \(seed)\n\(balance)")
            #expect(balance.lostLocally.isEmpty, "CRASH_SEED=\(seed)")
            #expect(balance.lostRemotely.isEmpty, "CRASH_SEED=\(seed)")
            #expect(balance.localDuplicates.isEmpty, "CRASH_SEED=\(seed)")
            #expect(balance.unnoticed.isEmpty, "CRASH_SEED=\(seed)")
            #expect(balance.falseNotices.isEmpty, "CRASH_SEED=\(seed)")
            #expect(balance.damaged == 0, "CRASH_SEED=\(seed)")
            #expect(sink.arrivals.strangers == 0, "\(sink.arrivals.firstStranger)")
            #expect(load.replies.isEmpty || load.replies.keys.allSatisfy { $0.hasPrefix("421") })
            // A run in which nothing arrived would prove nothing.
            #expect(balance.local > 0 && balance.remote > 0 && balance.refused > 0)
            await server.stop()
            try await inspect(server, stage)
        }
    }

    /// Its messages are committed on its own thread (`LoneWriter`), which nobody else in these tests
    /// sees.
    @Test(
        "What a mail program alone appends, one after the other, is kept as well",
        .installed("curl", "sqlite3"))
    func appended() async throws {
        let (rounds, seed) = (Self.rounds, Self.seed)
        try await withStage { stage in
            let (server, sink) = try await Postreiter.underLoad(stage)
            var generator = SeededGenerator(seed: seed)
            var acknowledged: [NumberedMessage] = []
            var number = 1
            for _ in 1...rounds {
                try await server.start()
                let (first, lines) = (number, generator.next())
                async let appended = onThread { try Self.append(server, from: first, lines) }
                try await Task.sleep(
                    for: .milliseconds(Int.random(in: 50...600, using: &generator)))
                #expect(server.server?.isRunning == true, "it ended by itself: \(server.log)")
                await server.crash()
                let kept = try await appended
                acknowledged += kept
                // The one behind the last may be there or not.
                number = (kept.last?.number ?? first) + 2
            }
            try await server.start()
            let balance = Balance(
                acknowledged: acknowledged, mailbox: try await server.wholeMailbox(),
                sink: sink.arrivals)
            print("crash test: \(rounds) rounds of APPEND, seed \(seed)\n\(balance)")
            #expect(balance.local > 0 && balance.unacknowledged <= rounds)
            #expect(balance.lostLocally.isEmpty, "CRASH_SEED=\(seed)")
            #expect(balance.localDuplicates.isEmpty, "CRASH_SEED=\(seed)")
            #expect(balance.damaged == 0, "CRASH_SEED=\(seed)")
            await server.stop()
            try await inspect(server, stage)
        }
    }

    /// Appends one message after the other until the server is gone; returns those it has taken.
    private static func append(
        _ server: Postreiter, from first: Int, _ seed: UInt64
    ) throws -> [NumberedMessage] {
        var generator = SeededGenerator(seed: seed)
        var taken: [NumberedMessage] = []
        do {
            let wire = try Wire(server.address, Postreiter.Port.imap)
            try logIn(server, wire)
            for number in first... {
                let message = NumberedMessage(
                    number: number, lines: Int.random(in: 0...200, using: &generator),
                    isLocal: true, isRemote: false)
                let octets = message.octets
                try wire.write("b APPEND INBOX {\(octets.count)+}\r\n")
                try wire.write(octets + [0x0D, 0x0A])
                guard let line = try wire.readLine(), line.starts(with: "b OK".utf8) else { break }
                taken.append(message)
            }
        } catch is Wire.Broken {
            // It was killed.
        }
        return taken
    }

    /// SCRAM-SHA-256 needs no TLS.
    private static func logIn(_ server: Postreiter, _ wire: Wire) throws {
        var exchange = ClientExchange(
            .scramSHA256, user: try PreparedString(server.account),
            password: try PreparedString(server.password), nonce: Array(1...24))
        let first = exchange.initialResponse() ?? []
        _ = try wire.readLine()
        try wire.write("a AUTHENTICATE SCRAM-SHA-256 \(Base64.encode(first))\r\n")
        while let line = try wire.readLine(), line.starts(with: "+ ".utf8) {
            let answer = try exchange.respond(to: Base64.decode(line.dropFirst(2)) ?? [])
            try wire.write(Base64.encode(answer) + "\r\n")
        }
    }

    /// What lies in the data folder at the end is what the mailboxes refer to, and nothing else.
    private func inspect(_ server: Postreiter, _ stage: Stage) async throws {
        for (question, answer) in [
            ("PRAGMA integrity_check", "ok"),
            ("SELECT count(*) FROM message", "0"), ("SELECT count(*) FROM recipient", "0"),
            (
                """
                SELECT count(*) FROM content LEFT JOIN
                    (SELECT content_id, count(*) AS count FROM mailbox_message
                     GROUP BY content_id) AS used ON used.content_id = content.id
                WHERE content.reference_count IS NOT used.count
                """, "0"
            ),
            (
                """
                SELECT count(*) FROM content_body
                WHERE content_id NOT IN
                    (SELECT id FROM content WHERE file IS NULL OR head_octets > 0)
                """, "0"
            ),
        ] {
            #expect(try await ask(question, server, stage) == [answer], "\(question)")
        }
        let named = try await ask(
            "SELECT file FROM content WHERE file IS NOT NULL ORDER BY file", server, stage)
        let files = try FileManager.default.contentsOfDirectory(atPath: server.data + "/bodies")
        #expect(files.sorted() == named, "body files are missing, or left over")
    }

    private func ask(
        _ question: String, _ server: Postreiter, _ stage: Stage
    ) async throws -> [String] {
        let answer = try await stage.run(
            "sqlite3", [server.data + "/postreiter.sqlite", question], within: .seconds(120))
        return answer.output.split(whereSeparator: \.isNewline).map(String.init)
    }

    /// One life of the server: started, loaded, ended at a random moment.
    ///
    /// Every tenth time it is told to stop instead: that must not lose anything either.
    private func endure(
        _ server: Postreiter, _ stage: Stage, _ round: Int,
        _ generator: inout SeededGenerator
    ) async throws {
        try await server.start()
        let source = try stage.start(
            "smtp-source",
            [
                "-d", "-m", "1000", "-s", "4", "-l", "4096", "-f", "source@client.test", "-t",
                "load@own.test", "\(server.address):\(Postreiter.Port.smtp)",
            ])
        let life = Int.random(in: 50...1200, using: &generator)
        // Every third time it reads its configuration anew meanwhile.
        async let reload: Void = {
            if round % 3 == 0 { _ = try? await server.command("reload") }
        }()
        try await Task.sleep(for: .milliseconds(life))
        #expect(server.server?.isRunning == true, "it ended by itself: \(server.log)")
        if round % 10 == 0 { await server.stop() } else { await server.crash() }
        await reload
        await source.end()
    }
}

extension Postreiter {
    /// Our server with a mailbox, another for what nobody counts, and domains that it relays: of
    /// one every recipient is refused elsewhere, to another go the notifications.
    static func underLoad(
        _ stage: Stage, zones: [String: String] = [:]
    ) async throws -> (Postreiter, RecordingSink) {
        let elsewhere = stage.address()
        var zones = zones
        for domain in ["sink.test", "refused.test", "client.test"] {
            zones[domain] = Postreiter.zone(domain, exchanger: elsewhere)
        }
        let server = try await Postreiter(
            stage, zones: zones, environment: ["POSTREITER_LOG_LEVEL": "warning"],
            serving: false)
        let password = try stage.write(server.password, to: "password")
        for arguments in [
            ["account", "add", "load@\(server.domain)", "--password-file", password],
            ["relay", "add", "sink.test", "--all"], ["relay", "add", "refused.test", "--all"],
        ] {
            let done = try await server.command(arguments)
            try #require(done.status == 0, "\(done.output)")
        }
        return (server, try RecordingSink(elsewhere, Postreiter.Port.smtp))
    }
}
