// SPDX-License-Identifier: Apache-2.0

import Bytes
import Foundation
import Testing

@Suite("Exchangers are drained and watched on the program itself", .built, .installed("dig"))
struct ExchangerCommandTests {
    private static let zone = """
        $TTL 60
        @   SOA ns1 hostmaster 1 7200 900 1209600 300
            NS  ns1
            MX  10 mx1.own.test.
            MX  20 mx2
        ns1 A 192.0.2.1
        mx2 A 192.0.2.4

        """

    private static func done(_ host: Postreiter, _ arguments: String...) async throws -> String {
        let result = try await host.command(arguments)
        try #require(result.status == 0, "\(arguments): \(result.output)")
        return result.output
    }

    private static func json(_ host: Postreiter, _ arguments: String...) async throws -> JSON {
        let result = try await host.command(arguments)
        try #require(result.status == 0, "\(arguments): \(result.output)")
        return try JSON(parsing: Array(result.output.utf8))
    }

    private static func dig(
        _ stage: Stage, _ host: Postreiter, _ name: String, _ type: String
    ) async throws -> [String] {
        let answer = try await stage.run(
            "dig",
            [
                "@\(host.address)", "-p", "\(Postreiter.Port.dns)", "+noall", "+answer", "+tries=1",
                "+time=10", name, type,
            ])
        try #require(answer.status == 0, "\(answer.output)")
        return answer.output.split(separator: "\n").map {
            $0.split(whereSeparator: \.isWhitespace).dropFirst().joined(separator: " ")
        }.sorted()
    }

    private static func imported(_ stage: Stage, _ host: Postreiter, _ zone: String) async throws {
        let file = try stage.write(zone, to: "customer.example.zone")
        _ = try await done(host, "zone", "import", file)
    }

    @Test("A drain lowers TTLs at once, goes on after a restart, and is undone")
    func drain() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            // The trial's own zone has this host alone.
            let refused = try await host.command("mx", "drain", "mx1.own.test")
            #expect(refused.status == 65)
            #expect(refused.output.contains("is the only exchanger of own.test"))
            try await Self.imported(
                stage, host, Self.zone.replacing("$TTL 60", with: "$TTL 7200"))
            let begun = try await Self.json(
                host, "mx", "drain", "mx1.own.test", "--force", "--json")
            #expect(begun["phase"]?.string == "waiting-old-ttl")
            let domains = (begun["domains"]?.array ?? []).map {
                "\($0["domain"]?.string ?? "") \($0["state"]?.string ?? "")"
            }
            #expect(domains.sorted() == ["customer.example named", "own.test kept"])
            let lowered = ["60 IN MX 10 mx1.own.test.", "60 IN MX 20 mx2.customer.example."]
            #expect(try await Self.dig(stage, host, "customer.example", "MX") == lowered)
            let again = try await host.command("mx", "drain", "mx1.own.test")
            #expect(again.status == 65 && again.output.contains("is being drained already"))
            await host.stop()
            // Beside a stopped server there is what it has kept.
            #expect(
                try await Self.done(host, "mx", "drain", "--status").contains(
                    "mx1.own.test: waiting until "))
            try await host.start()
            let status = try await Self.json(host, "mx", "drain", "--status", "--json")
            let drain = try #require(status["drains"]?.array?.first)
            #expect(drain["phase"]?.string == "waiting-old-ttl")
            #expect(drain["arrivals"]?.array?.count == 3)
            #expect(drain["safe"]?.bool == false)
            let back = try await Self.done(host, "mx", "undrain", "mx1.own.test")
            #expect(back.contains("mx1.own.test: back since "), "\(back)")
            #expect(
                try await Self.dig(stage, host, "customer.example", "MX") == [
                    "7200 IN MX 10 mx1.own.test.", "7200 IN MX 20 mx2.customer.example.",
                ])
            let history = try await Self.done(host, "zone", "history", "customer.example")
            #expect(history.contains("drain of mx1.own.test"), "\(history)")
            #expect(
                try await Self.done(host, "mx", "drain", "--status")
                    == "Nothing is being drained.\n")
        }
    }

    @Test("Health is switched by zone and shown; failover names a backup")
    func health() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            try await Self.imported(
                stage, host,
                Self.zone.replacing("$TTL 60", with: "$TTL 7200") + "mail A 192.0.2.9\n")
            let on = try await Self.done(host, "zone", "health", "customer.example", "on")
            #expect(on.hasPrefix("exchangers are watched\n"), "\(on)")
            #expect(
                try await Self.dig(stage, host, "customer.example", "MX") == [
                    "60 IN MX 10 mx1.own.test.", "60 IN MX 20 mx2.customer.example.",
                ])
            let failover = try await Self.json(
                host, "zone", "failover", "add", "customer.example", "mail.customer.example",
                "--backup", "192.0.2.10", "--json")
            #expect(failover["failovers"]?.array?.first?["port"]?.integer == 587)
            let shown = try await Self.json(host, "zone", "show", "customer.example", "--json")
            let lines = (shown["health"]?.array ?? []).compactMap(\.string)
            #expect(lines.contains { $0.hasPrefix("mx2.customer.example  ") }, "\(lines)")
            _ = try await Self.done(
                host, "zone", "failover", "remove", "customer.example", "mail.customer.example")
            let off = try await Self.done(host, "zone", "health", "customer.example", "off")
            #expect(off == "exchangers are not watched\n")
            #expect(
                try await Self.dig(stage, host, "customer.example", "MX").allSatisfy {
                    $0.hasPrefix("7200 ")
                })
        }
    }

    @Test("A policy is served by HTTPS, and its zone tells of it", .installed("curl"))
    func policy() async throws {
        try await withStage { stage in
            let address = stage.address()
            let host = try await Postreiter(
                stage, environment: ["POSTREITER_LISTEN_HTTPS": "\(address):2443"])
            try await Self.imported(stage, host, Self.zone)
            let set = try await Self.json(
                host, "mta-sts", "set", "customer.example", "--mode", "enforce", "--json")
            #expect(set["mx"] == ["mx1.own.test", "mx2.customer.example"])
            #expect(set["host_missing"]?.bool == true)
            let id = try #require(set["id"]?.string)
            #expect(
                try await Self.dig(stage, host, "_mta-sts.customer.example", "TXT")
                    == ["3600 IN TXT \"v=STSv1; id=\(id);\""])
            func curl(_ name: String, _ path: String) async throws -> String {
                try await stage.run(
                    "curl",
                    [
                        "-sk", "--max-time", "20", "-w", " %{http_code} %{content_type}",
                        "--resolve", "\(name):2443:\(address)", "https://\(name):2443\(path)",
                    ]
                ).output
            }
            let path = "/.well-known/mta-sts.txt"
            #expect(
                try await curl("mta-sts.customer.example", path)
                    == "version: STSv1\r\nmode: enforce\r\nmx: mx1.own.test\r\n"
                    + "mx: mx2.customer.example\r\nmax_age: 604800\r\n"
                    + " 200 text/plain; charset=utf-8")
            #expect(try await curl("mta-sts.own.test", path).contains(" 404 "))
            #expect(try await curl("own.test", path).contains(" 421 "))
            #expect(try await curl("mta-sts.customer.example", "/").contains(" 404 "))
            // A host that the policy does not list is told before it is added.
            let added = try await Self.done(
                host, "zone", "mx", "add", "customer.example", "ns1.customer.example", "--dry-run")
            #expect(added.contains("MTA-STS policy of customer.example does not list"), "\(added)")
            let less = try await host.command(
                "mta-sts", "set", "customer.example", "--mx", "mx1.own.test")
            #expect(less.status == 65 && less.output.contains("does not list mx2.customer.example"))
            let early = try await host.command("mta-sts", "remove", "customer.example")
            #expect(early.status == 65 && early.output.contains("--mode none"))
            _ = try await Self.done(host, "mta-sts", "remove", "customer.example", "--force")
            #expect(try await curl("mta-sts.customer.example", path).contains(" 404 "))
            #expect(try await Self.dig(stage, host, "_mta-sts.customer.example", "TXT").isEmpty)
        }
    }

    @Test("The tools of MTA-STS need no server")
    func tools() async throws {
        let policy = "version: STSv1\nmode: testing\nmx: *.Example.org\nmax_age: 60\n"
        let cases: [(arguments: [String], input: String?, output: String)] = [
            (
                ["parse-record", "v=STSv1; id=20160831085700Z;"], nil,
                #"{"valid":true,"id":"20160831085700Z"}"#
            ),
            (["parse-record", "v=STSv1; id=a-b"], nil, #"{"valid":false,"id":null}"#),
            (
                ["parse-policy"], policy,
                #"{"valid":true,"mode":"testing","mx":["*.example.org"],"max_age":60}"#
            ),
            (
                ["parse-policy"], "version: STSv1\n",
                #"{"valid":false,"mode":null,"mx":[],"max_age":null}"#
            ),
            (["match", "a.example.org", "*.example.org"], nil, #"{"match":true}"#),
            (["match", "example.org", "*.example.org"], nil, #"{"match":false}"#),
        ]
        try await withStage { stage in
            for (arguments, input, output) in cases {
                let result = try await stage.run(
                    Postreiter.binary, ["mta-sts"] + arguments + ["--json"], input: input)
                #expect(result.status == 0 && result.output == output + "\n", "\(result.output)")
            }
        }
    }
}
