// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("What operators ask and do, on the program itself", .built)
struct OperatorTests {
    /// Numbers of the metrics page by their series.
    private static func metrics(_ stage: Stage, _ host: Postreiter) async throws -> [String: Double]
    {
        let answer = try await stage.run(
            "curl",
            ["--silent", "--show-error", "--fail", "http://\(host.address):2125/metrics"])
        try #require(answer.status == 0, "\(answer.output)")
        var values: [String: Double] = [:]
        for line in answer.output.split(separator: "\n") where !line.hasPrefix("#") {
            let words = line.split(separator: " ")
            values[String(words[0])] = Double(words[1])
        }
        return values
    }

    @Test("the metrics listener counts what happens, and says that the server is well")
    func metrics() async throws {
        try await withStage { stage in
            let zone = Postreiter.zone("silent.test", exchanger: stage.address())
                .replacing("@ MX 10 mx", with: "@ MX 0 .")
            let host = try await Postreiter(stage, zones: ["silent.test": zone])
            let health = try await stage.run(
                "curl", ["--silent", "--fail", "http://\(host.address):2125/healthz"])
            #expect(health.status == 0 && health.output == "ok\n")
            let sent = try await host.submit(to: host.account, subject: "counted")
            #expect(sent.status == 0, "\(sent.output)")
            let lost = try await host.submit(to: "x@silent.test", subject: "in vain")
            #expect(lost.status == 0, "\(lost.output)")
            let wrong = try await host.submit(
                to: host.account, subject: "not counted", password: "wrong password")
            #expect(wrong.status != 0)
            #expect(try await host.waitUntilDelivered().isEmpty)
            let expected: [(String, ClosedRange<Double>)] = [
                ("postreiter_accepted_messages_total{service=\"submission\"}", 2...2),
                ("postreiter_delivered_recipients_total", 2...2),
                ("postreiter_queue_recipients{state=\"waiting\"}", 0...0),
                ("postreiter_connections_total{service=\"submission\"}", 3...3),
                ("postreiter_connections{service=\"metrics\"}", 1...1),
                ("postreiter_authentications_total{result=\"succeeded\"}", 2...2),
                ("postreiter_authentications_total{result=\"failed\"}", 1...10),
                ("postreiter_commit_seconds_count", 2...1_000),
                ("postreiter_commit_writes_sum", 2...1_000),
                ("postreiter_journal_rows_at_most", 2...100),
                ("postreiter_notifications_total{kind=\"failure\"}", 1...1),
                ("postreiter_notifications_total{kind=\"delay\"}", 0...0),
                ("process_resident_memory_bytes", 1e6...1e9),
                ("process_cpu_seconds_total", 0...100),
            ]
            // Counted beside the work, and connections are gone a moment after their last octet.
            var page: [String: Double] = [:]
            _ = await isTrue(within: .seconds(10)) {
                page = (try? await Self.metrics(stage, host)) ?? [:]
                return expected.allSatisfy { page[$0.0].map($0.1.contains) == true }
            }
            for (series, range) in expected {
                let value = try #require(page[series], "\(series) is missing")
                #expect(range.contains(value), "\(series) is \(value)")
            }
        }
    }

    @Test("a stuck queue is seen, held, redirected, suspended and emptied by command")
    func queue() async throws {
        try await withStage { stage in
            let dead = stage.address()
            let zones = [
                "dead.test": Postreiter.zone("dead.test", exchanger: dead),
                "gone.test": Postreiter.zone("gone.test", exchanger: dead),
            ]
            let host = try await Postreiter(stage, zones: zones)
            for number in 0..<12 {
                let domain = number < 9 ? "dead.test" : "gone.test"
                let sent = try await host.submit(
                    to: "x\(number)@\(domain)", subject: "number \(number)")
                try #require(sent.status == 0, "\(sent.output)")
            }
            var listed = ""
            let isStuck = await isTrue(within: .seconds(30)) {
                let list = try? await host.command("queue", "list", "--state", "waiting", "--json")
                listed = list?.output ?? ""
                return listed.components(separatedBy: "connection refused").count > 12
            }
            try #require(isStuck, "\(listed)")

            let language = try await host.command("account", "language", host.account, "de")
            #expect(language.status == 0, "\(language.output)")
            let german = try await host.command("queue", "list", "--for", host.account)
            #expect(german.output.contains("keine Verbindung zu"), "\(german.output)")
            let story = try await host.command("trace", "x0@dead.test", "--for", host.account)
            #expect(story.output.contains("Sie wartet für <x0@dead.test>"), "\(story.output)")
            let all = try await host.command("queue", "list", "--json")
            #expect(all.output.contains("\"code\":\"no-connection\""), "\(all.output)")
            let lines = all.output.split(separator: "\n")
            #expect(lines.count == 12, "\(all.output)")
            let ids = try lines.map { line -> String in
                let object = try JSONSerialization.jsonObject(with: Data(line.utf8))
                return try #require((object as? [String: Any])?["id"] as? String)
            }
            let some = try await host.command("queue", "list", "--limit", "5")
            #expect(some.output.contains("7 further messages: --all lists them"))
            let top = try await host.command("queue", "top")
            let row = try #require(
                top.output.split(separator: "\n").first { $0.hasPrefix("dead.") })
            #expect(row.split(separator: " ")[1...2] == ["9", "9"], "\(top.output)")

            let careless = try await host.command("queue", "delete", "--domain", "dead.test")
            #expect(careless.status == 64 && careless.output.contains("9 messages (9 recipients)"))
            let nothing = try await host.command("queue", "delete")
            #expect(nothing.status == 64)
            let held = try await host.command(
                "queue", "hold", ids[0], "--reason", "looks odd")
            #expect(held.output.contains("1 message (1 recipient) held"), "\(held.output)")
            let deleted = try await host.command(
                "queue", "delete", "--domain", "dead.test", "--state", "waiting", "--yes")
            #expect(deleted.output.contains("8 messages (8 recipients) deleted"))
            let elsewhere = "\(stage.address()):2526"
            let sent = try await host.command(
                "queue", "redirect", ids[0], "--to-host", elsewhere, "--reason", "they moved")
            #expect(sent.output.contains("1 message (1 recipient) redirected"), "\(sent.output)")
            let chosen = try await host.command("queue", "list", ids[0])
            #expect(chosen.output.contains("x0@dead.test via \(elsewhere)"), "\(chosen.output)")
            let told = try await host.command("trace", ids[0])
            #expect(
                told.output.contains("It goes for <x0@dead.test> by way of \(elsewhere)"),
                "\(told.output)")
            let usual = try await host.command("queue", "redirect", ids[0], "--to-host", "none")
            #expect(usual.output.contains("1 message (1 recipient) redirected"))
            let moved = try await host.command(
                "queue", "redirect", "--domain", "gone.test", "--to-address", host.account, "--yes")
            #expect(moved.output.contains("3 messages (3 recipients) redirected"))
            #expect(try await host.mailbox(count: 3).count == 3)
            let trace = try await host.command("trace", ids[0])
            #expect(trace.output.contains("It is held for <x0@dead.test>"), "\(trace.output)")
            #expect(trace.output.contains("(control socket): looks odd."), "\(trace.output)")
            #expect(trace.output.contains("It is in the queue: <x0@dead.test> is held"))

            let suspended = try await host.command(
                "queue", "suspend", "--domain", "dead.test", "--reason", "they move")
            #expect(suspended.status == 0, "\(suspended.output)")
            await host.stop()
            try await host.start()
            let list = try await host.command("queue", "suspensions")
            #expect(list.output.contains("they move"))
            _ = try await host.command("queue", "release", ids[0])
            try #require(
                await isTrue(within: .seconds(10)) {
                    let trace = try? await host.command("trace", "x0@dead.test")
                    return trace?.output.contains("waits: deliveries to dead.test are suspended")
                        == true
                })
            let resumed = try await host.command("queue", "resume", "--domain", "dead.test")
            #expect(resumed.output == "1 recipients are due now\n", "\(resumed.output)")
            let last = try await host.command("queue", "delete", ids[0])
            #expect(last.status == 0 || last.output.contains("being tried"))
        }
    }

    @Test("a message and the notification about it are told together, from either end")
    func chain() async throws {
        try await withStage { stage in
            let zone = Postreiter.zone("silent.test", exchanger: stage.address())
                .replacing("@ MX 10 mx", with: "@ MX 0 .")
            let host = try await Postreiter(stage, zones: ["silent.test": zone])
            let sent = try await host.submit(to: "x@silent.test", subject: "in vain")
            try #require(sent.status == 0, "\(sent.output)")
            #expect(try await host.mailbox(count: 1).count == 1)
            let first = try await host.command("trace", "x@silent.test")
            let words = first.output.split(whereSeparator: { " (),\n".contains($0) })
            let place = try #require(
                words.firstIndex { $0 == "by" }, "no notification is named: \(first.output)")
            let id = String(words[0])
            let notification = String(words[place + 1])
            #expect(first.output.contains("\(notification)  (tells of \(id))"))
            #expect(first.output.contains("It is done: failed for <x@silent.test>."))
            let end = "It is done: delivered for <\(host.account)>."
            var second = try await host.command("trace", notification)
            _ = await isTrue(within: .seconds(10)) {
                if second.output.contains(end) { return true }
                second = (try? await host.command("trace", notification)) ?? second
                return second.output.contains(end)
            }
            #expect(second.output.hasPrefix("\(notification)  (tells of \(id))"))
            #expect(second.output.contains("\n\(id)  (told by \(notification))"))
            #expect(second.output.contains(end), "\(second.output)")
        }
    }

    @Test("an account goes with its mail, or leaves it for its return")
    func account() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            let password = try stage.write("another good one\n", to: "second")
            let second = "bob@\(host.domain)"
            let added = try await host.command(
                "account", "add", second, "--password-file", password)
            #expect(added.status == 0, "\(added.output)")
            #expect(try await host.submit(to: second, subject: "one").status == 0)
            #expect(try await host.waitUntilDelivered().isEmpty)
            let inUse = try await host.command("domain", "remove", host.domain)
            #expect(inUse.status == 65 && inUse.output.contains("account \(second)"))
            let asked = try await host.command("account", "remove", second)
            #expect(asked.status == 64 && asked.output.contains("has 1 message ("))
            let kept = try await host.command("account", "remove", second, "--keep-mail")
            #expect(kept.output.contains("1 message") && kept.output.contains("kept"))
            let changes = try await host.command("change", "list", "--limit", "1")
            let number = try #require(
                changes.output.split(separator: "\n").last?.split(separator: " ").first)
            #expect(changes.output.contains("(control socket)"), "\(changes.output)")
            let undone = try await host.command("change", "undo", String(number))
            #expect(undone.output.contains("\(second) needs a new password"))
            let set = try await host.command(
                "account", "password", second, "--password-file", password)
            #expect(set.status == 0)
            let read = try await stage.curl(
                "pop3s", server: host.address, port: Postreiter.Port.pop3s, user: second,
                password: "another good one", message: 1)
            #expect(read.output.contains("Subject: one"), "\(read.output)")
            let gone = try await host.command("account", "remove", second, "--yes")
            #expect(gone.output.contains("1 message") && gone.output.contains("removed with it"))
            await host.stop()
            let database = try await stage.run(
                "sqlite3",
                [
                    host.data + "/postreiter.sqlite",
                    "SELECT count(*) FROM mailbox_message; SELECT count(*) FROM content;",
                ])
            if database.status == 0 { #expect(database.output == "0\n0\n") }
        }
    }
}
