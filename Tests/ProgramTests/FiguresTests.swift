// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// What idle connections, large messages and long queues cost; `make bench-memory` runs it.
@Suite(
    "Figures of memory and of long queues", .serialized, .built,
    .enabled(if: ProcessInfo.processInfo.environment["FIGURES"] != nil, "make bench-memory"))
struct FiguresTests {
    private func report(_ what: String, _ figure: String, goal: String) {
        print("figure: \(what): \(figure) (goal \(goal))")
    }

    @Test("Idle connections")
    func idleConnections() async throws {
        let count = 5000
        var limit = rlimit(rlim_cur: 0, rlim_max: 0)
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = min(limit.rlim_max, 16384)
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        try await withStage { stage in
            let server = try await Postreiter(
                stage, environment: ["POSTREITER_LIMITS_CONNECTIONS": "6000"])
            let address = server.address
            // Once around, so that what is made only once is made.
            try await onThread {
                for _ in 0..<100 { try Self.greet(Wire(address, Postreiter.Port.smtp)) }
            }
            let before = try server.memory("VmRSS")
            let process = try #require(server.server).id
            let after = try await onThread {
                var wires: [Wire] = []
                for _ in 0..<count {
                    let wire = try Wire(address, Postreiter.Port.smtp)
                    try Self.greet(wire)
                    wires.append(wire)
                }
                defer { withExtendedLifetime(wires) {} }
                return try String(contentsOfFile: "/proc/\(process)/statm", encoding: .utf8)
            }
            let pages = try #require(Int(after.split(separator: " ")[1]))
            let each = Double(pages * 4 - before) / Double(count)
            report(
                "\(count) idle connections", String(format: "%.1f KiB each", each),
                goal: "below 30 KiB")
        }
    }

    private static func greet(_ wire: Wire) throws {
        _ = try wire.readReply()
        guard try wire.ask("EHLO client.test").hasPrefix("250") else {
            throw Wire.Broken("no greeting")
        }
    }

    @Test("Large messages at the same time", .installed("smtp-source"))
    func largeMessages() async throws {
        try await withStage { stage in
            let server = try await Postreiter(stage)
            let begin = ContinuousClock().now
            let sent = try await stage.run(
                "smtp-source",
                [
                    "-m", "20", "-s", "20", "-l", "\(49 << 20)", "-f", "a@client.test", "-t",
                    server.account, "\(server.address):\(Postreiter.Port.smtp)",
                ], within: .seconds(110))
            #expect(sent.status == 0, "\(sent.output)")
            let took = ContinuousClock().now - begin
            report(
                "20 sessions of 50 MiB each",
                "\(try server.memory("VmHWM") >> 10) MiB at most, "
                    + "in \(took)", goal: "below 150 MiB")
        }
    }

    /// How long after the filling of a queue its first messages are due.
    private static let settlingSeconds = 25

    /// A server with so many messages in its queue, of which `due` are soon due, and how it goes
    /// on from there.
    private func measure(
        queued: Int, due: Int, _ stage: Stage
    ) async throws -> (start: Duration, memory: Int, cost: Double) {
        let elsewhere = stage.address()
        let sink = try stage.start(
            "smtp-sink",
            ["-u", NSUserName(), "-h", "sink.test", "\(elsewhere):\(Postreiter.Port.smtp)", "200"])
        let server = try await Postreiter(
            stage, zones: ["sink.test": Postreiter.zone("sink.test", exchanger: elsewhere)],
            environment: ["POSTREITER_LOG_LEVEL": "warning"])
        let relay = try await server.command("relay", "add", "sink.test", "--all")
        try #require(relay.status == 0, "\(relay.output)")
        // One real message, whose rows are copied.
        await sink.crash()
        let one = try await stage.smtpSource(
            server: server.address, port: Postreiter.Port.smtp, from: "a@client.test",
            to: "b@sink.test", messages: 1, octets: 5120)
        #expect(one.status == 0, "\(one.output)")
        let database = server.data + "/postreiter.sqlite"
        _ = await isTrue(within: .seconds(20)) {
            let waits = try? await stage.run(
                "sqlite3", [database, "SELECT count(*) FROM recipient WHERE attempts > 0"])
            return waits?.output.hasPrefix("1") == true
        }
        await server.stop(within: .seconds(40))
        let fill = """
            CREATE TEMP TABLE m AS SELECT * FROM message;
            CREATE TEMP TABLE r AS SELECT * FROM recipient;
            CREATE TEMP TABLE n AS WITH RECURSIVE n(i) AS
                (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < \(queued - 1)) SELECT i FROM n;
            UPDATE r SET next_attempt = next_attempt + 86400000;
            CREATE TEMP TABLE start AS SELECT (SELECT id FROM m) AS id;
            \(try await copy("message", key: "id", of: "m", database, stage))
            \(try await copy("recipient", key: "message_id", of: "r", database, stage))
            UPDATE content SET reference_count = \(queued)
                WHERE id = (SELECT content_id FROM m);
            UPDATE recipient SET destination = 'dead' || (message_id % 1000) || '.test',
                address = 'b@dead' || (message_id % 1000) || '.test';
            UPDATE recipient SET destination = 'sink.test', address = 'b@sink.test',
                next_attempt = (CAST(strftime('%s', 'now') AS INTEGER)
                    + \(Self.settlingSeconds)) * 1000
                WHERE message_id IN
                (SELECT message_id FROM recipient ORDER BY message_id DESC LIMIT \(due));
            """
        let filled = try await stage.run(
            "sqlite3", [database], input: fill, within: .seconds(110))
        try #require(filled.status == 0 && filled.output.isEmpty, "\(filled.output)")
        _ = try stage.start(
            "smtp-sink",
            ["-u", NSUserName(), "-h", "sink.test", "\(elsewhere):\(Postreiter.Port.smtp)", "200"])
        let begin = ContinuousClock().now
        try await server.start()
        let address = server.address
        _ = try await onThread { try Wire(address, Postreiter.Port.smtp).readReply() }
        let start = ContinuousClock().now - begin
        // What the start itself costs is no part of what a message costs.
        try await Task.sleep(for: .seconds(Self.settlingSeconds - 2) - start)
        let idle = try cpuSeconds(of: server)
        let isDrained = await isTrue(within: .seconds(100)) {
            try? await Task.sleep(for: .milliseconds(500))
            let left = try? await stage.run(
                "sqlite3", [database, "SELECT count(*) FROM recipient"])
            return left.flatMap { Int($0.output.split(separator: "\n").first ?? "") } ?? .max
                <= queued - due
        }
        #expect(isDrained)
        let cost = (try cpuSeconds(of: server) - idle) / Double(due) * 1000
        let memory = try server.memory("VmHWM")
        await server.stop(within: .seconds(40))
        return (start, memory, cost)
    }

    /// Copies of a row with other keys, whatever its columns are.
    private func copy(
        _ table: String, key: String, of template: String, _ database: String, _ stage: Stage
    ) async throws -> String {
        let answer = try await stage.run(
            "sqlite3", [database, "SELECT group_concat(name) FROM pragma_table_info('\(table)')"])
        let columns = answer.output.trimmingCharacters(in: .whitespacesAndNewlines)
        let values = columns.split(separator: ",").map { $0 == key ? "\(key) + i" : String($0) }
        return """
            INSERT INTO \(table) (\(columns)) SELECT \(values.joined(separator: ", "))
                FROM \(template), n;
            """
    }

    private func cpuSeconds(of server: Postreiter) throws -> Double {
        let id = try #require(server.server).id
        let stat = try String(contentsOfFile: "/proc/\(id)/stat", encoding: .utf8)
        let fields = stat.split(separator: ")").last?.split(separator: " ") ?? []
        let ticks = try #require(Double(fields[11])) + #require(Double(fields[12]))
        return ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    @Test("A long queue", .installed("smtp-source", "smtp-sink", "sqlite3"))
    func longQueue() async throws {
        try await withStage { stage in
            let long = try await measure(queued: 100_000, due: 5000, stage)
            report(
                "start with 100,000 queued",
                "\(long.start), \(long.memory >> 10) MiB at most while 5,000 of them leave",
                goal: "2 seconds, 150 MiB")
        }
    }

    @Test("The cost of scheduling", .installed("smtp-source", "smtp-sink", "sqlite3"))
    func scheduling() async throws {
        try await withStage { stage in
            let short = try await measure(queued: 15_000, due: 5000, stage)
            let long = try await measure(queued: 1_000_000, due: 5000, stage)
            report(
                "CPU seconds per 1,000 messages that leave a queue of 10,000 and of 1,000,000",
                String(
                    format: "%.3f, %.3f: ratio %.2f", short.cost, long.cost, long.cost / short.cost)
                    + "; start with 1,000,000 \(long.start), \(long.memory >> 10) MiB",
                goal: "ratio 1.5")
        }
    }
}
