// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Foundation
import Testing

@Suite("Zones are kept by command, on the program itself", .built, .installed("dig"))
struct ZoneCommandTests {
    private static let customer = """
        ; Zone of a customer, kept by hand since 1999
        $TTL 3600
        $ORIGIN customer.example.
        @   SOA ns1 hostmaster 2020010101 7200 900 1209600 300 ; count this up!
            NS  ns1          ; ours
        ; mail
            MX  10 mx1       ; the main one
            TXT "v=spf1 mx -all"
        ns1 A 192.0.2.1
        mx1 A 192.0.2.3      ; in the cellar
        mx2 A 192.0.2.4
        www A 192.0.2.80

        """

    /// The data of the answer's records, sorted.
    private static func dig(
        _ stage: Stage, _ host: Postreiter, _ name: String, _ type: String
    ) async throws -> [String] {
        let answer = try await stage.run(
            "dig",
            [
                "@\(host.address)", "-p", "\(Postreiter.Port.dns)", "+short", "+tries=1",
                "+time=10", name, type,
            ])
        try #require(answer.status == 0, "\(answer.output)")
        return answer.output.split(separator: "\n").map(String.init).sorted()
    }

    /// A command of which nothing else is asked than that it works.
    @discardableResult
    private static func done(_ host: Postreiter, _ arguments: String...) async throws -> String {
        let result = try await host.command(arguments)
        try #require(result.status == 0, "\(arguments): \(result.output)")
        return result.output
    }

    private static func imported(_ stage: Stage, _ host: Postreiter) async throws {
        let file = try stage.write(customer, to: "customer.example.zone")
        try await done(host, "zone", "import", file)
    }

    @Test("A zone with remarks is taken in, edited, answered at once, and handed back with them")
    func life() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            try await Self.imported(stage, host)
            #expect(
                try await Self.dig(stage, host, "customer.example", "MX")
                    == ["10 mx1.customer.example."])
            let added = try await Self.done(
                host, "zone", "mx", "add", "customer.example", "mx2.customer.example")
            #expect(
                added.contains(
                    "after this, mail for customer.example goes to mx1.customer.example (10) and "
                        + "mx2.customer.example (20)"), "\(added)")
            // The command ends when the change is answered.
            #expect(
                try await Self.dig(stage, host, "customer.example", "MX")
                    == ["10 mx1.customer.example.", "20 mx2.customer.example."])
            try await Self.done(
                host, "zone", "record", "add", "txt.customer.example", "TXT",
                "one text; as it is \"meant\"")
            #expect(
                try await Self.dig(stage, host, "txt.customer.example", "TXT")
                    == [#""one text; as it is \"meant\"""#])
            let export = try await Self.done(host, "zone", "export", "customer.example")
            let expected =
                Self.customer
                .replacing("2020010101", with: "2020010103")
                .replacing(
                    "    TXT \"v=spf1 mx -all\"\n",
                    with: "    TXT \"v=spf1 mx -all\"\n"
                        + "customer.example.\t3600\tIN\tMX\t20 mx2.customer.example.\n")
                + "txt.customer.example.\t3600\tIN\tTXT\t"
                + "\"one text; as it is \\\"meant\\\"\"\n"
            #expect(export == expected)
            try await history(stage, host)
        }
    }

    private func history(_ stage: Stage, _ host: Postreiter) async throws {
        let history = try await Self.done(host, "zone", "history", "customer.example")
        let lines = history.split(separator: "\n")
        #expect(lines.count == 4)
        #expect(lines[1].hasPrefix("3 ") && lines[1].contains("(control socket)"), "\(history)")
        #expect(lines[3].hasSuffix("imported from a file"), "\(history)")
        let difference = try await Self.done(host, "zone", "diff", "customer.example", "1", "2")
        #expect(
            difference.contains("\n+customer.example.\t3600\tIN\tMX\t20 mx2.customer.example.\n")
                && !difference.contains("txt.customer"), "\(difference)")
        #expect(
            try await Self.done(host, "zone", "diff", "customer.example")
                .contains("+txt.customer.example."))
        try await Self.done(host, "zone", "rollback", "customer.example", "1")
        #expect(
            try await Self.dig(stage, host, "customer.example", "MX")
                == ["10 mx1.customer.example."])
        // What is older by its contents is newer by its serial (RFC 1982).
        let start = try await Self.dig(stage, host, "customer.example", "SOA")
        #expect(start.first?.contains(" 2020010104 ") == true, "\(start)")
        try await Self.done(host, "zone", "serial", "customer.example", "date")
        try await Self.done(host, "zone", "mx", "set", "customer.example", "mx1", "--ttl", "60")
        let dated = try await Self.dig(stage, host, "customer.example", "SOA").first ?? ""
        let serial = try #require(dated.split(separator: " ").dropFirst(2).first)
        #expect(serial.count == 10 && serial.hasSuffix("00") && serial > "2026", "\(dated)")
        let removed = try await Self.done(host, "zone", "remove", "customer.example")
        #expect(removed.contains("zone rollback customer.example"), "\(removed)")
        #expect(try await Self.dig(stage, host, "customer.example", "MX").isEmpty)
        try await Self.done(host, "zone", "rollback", "customer.example", "1")
        #expect(
            try await Self.dig(stage, host, "customer.example", "MX")
                == ["10 mx1.customer.example."])
    }

    @Test("What loses mail is refused with the reason, and done with --force; in German too")
    func refused() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            try await Self.imported(stage, host)
            let add = ["zone", "mx", "add", "customer.example", "mx3"]
            let refused = try await host.command(add)
            #expect(refused.status == 65)
            #expect(
                refused.output.contains("mx3.customer.example (20), which has no address")
                    && refused.output.contains("--force does it all the same"),
                "\(refused.output)")
            #expect(
                try await Self.dig(stage, host, "customer.example", "MX")
                    == ["10 mx1.customer.example."])
            let german = try await stage.run(
                Postreiter.binary, add + ["--config", host.configuration],
                environment: ["LC_ALL": "de_DE.UTF-8"])
            #expect(german.status == 65)
            #expect(
                german.output.contains("danach: Mail für customer.example geht an")
                    && german.output.contains("abgewiesen, weil Mail verloren ginge"),
                "\(german.output)")
            #expect(try await host.command(add + ["--force"]).status == 0)
            #expect(
                try await Self.dig(stage, host, "customer.example", "MX")
                    == ["10 mx1.customer.example.", "20 mx3.customer.example."])
            // What no name server loads is not done at all.
            let alias = try await host.command(
                "zone", "record", "add", "customer.example", "CNAME", "www.example.net",
                "--force")
            #expect(alias.status == 65)
            #expect(alias.output.contains("no name server would load this zone"))
            try await Self.done(host, "zone", "null-mx", "customer.example", "--dry-run")
            #expect(try await Self.dig(stage, host, "customer.example", "MX").count == 2)
            try await Self.done(host, "zone", "null-mx", "customer.example")
            #expect(try await Self.dig(stage, host, "customer.example", "MX") == ["0 ."])
            let json = try await host.command(
                "zone", "record", "list", "customer.example", "MX", "--json")
            let records = try JSON(parsing: Array(json.output.utf8))["records"]?.array
            #expect(records?.map { $0["data"]?.string } == ["0 ."])
        }
    }

    @Test("Edits of several zones are one change set, all or none")
    func together() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            try await Self.imported(stage, host)
            let other = try stage.write(
                Self.customer.replacing("customer.example", with: "other.example"),
                to: "other.example.zone")
            try await Self.done(host, "zone", "import", other)
            let edits = """
                ; a backup for both
                mx add customer.example backup.other.example 20 300
                mx add other.example backup.other.example
                add backup.other.example A 192.0.2.9
                """
            let faulty = try await host.command(
                "zone", "edit",
                try stage.write(edits + "\nadd x.other.example A 192.0.2\n", to: "faulty"))
            #expect(faulty.status == 65 && faulty.output.contains("192.0.2"), "\(faulty.output)")
            let unknown = try await host.command(
                "zone", "edit",
                try stage.write(edits + "\nadd x.nowhere.test A 192.0.2.1\n", to: "unknown"))
            #expect(unknown.status == 65 && unknown.output.contains("nowhere.test"))
            // The other zone has no such host yet, and it is known here.
            let alone = try await host.command(
                "zone", "mx", "add", "customer.example", "backup.other.example")
            #expect(
                alone.status == 65 && alone.output.contains("exchange-without-address"),
                "\(alone.output)")
            #expect(try await Self.dig(stage, host, "backup.other.example", "A").isEmpty)
            try await Self.done(host, "zone", "edit", try stage.write(edits, to: "edits"))
            #expect(try await Self.dig(stage, host, "backup.other.example", "A") == ["192.0.2.9"])
            for domain in ["customer.example", "other.example"] {
                #expect(
                    try await Self.dig(stage, host, domain, "MX").last
                        == "20 backup.other.example.")
            }
        }
    }

    @Test("What is changed beside a stopped server is answered by the next one")
    func offline() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage, serving: false)
            try await Self.imported(stage, host)
            try await Self.done(
                host, "zone", "record", "set", "www.customer.example", "A", "192.0.2.81",
                "--also", "192.0.2.82", "--ttl", "60")
            try await host.start()
            #expect(
                try await Self.dig(stage, host, "www.customer.example", "A")
                    == ["192.0.2.81", "192.0.2.82"])
            await host.stop()
            try await Self.done(
                host, "zone", "record", "remove", "www.customer.example", "A", "192.0.2.81")
            try await host.start()
            #expect(try await Self.dig(stage, host, "www.customer.example", "A") == ["192.0.2.82"])
            let show = try await Self.done(host, "zone", "show", "customer.example")
            #expect(show.contains("(served)"), "\(show)")
        }
    }

    @Test("Edits at the same time: all are made, or one is told plainly that it was not")
    func atOnce() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            try await Self.imported(stage, host)
            let children = try (1...12).map { number in
                try stage.start(
                    Postreiter.binary,
                    [
                        "zone", "record", "add", "h\(number).customer.example", "A",
                        "192.0.2.\(number)", "--config", host.configuration,
                    ])
            }
            var made = 0
            for (index, child) in children.enumerated() {
                let status = await child.status(within: .seconds(60))
                let there = try await Self.dig(
                    stage, host, "h\(index + 1).customer.example", "A")
                if status == 0 {
                    made += 1
                    #expect(there == ["192.0.2.\(index + 1)"])
                } else {
                    #expect(status == 75 && child.output.contains("somebody else changed"))
                    #expect(there.isEmpty)
                }
            }
            #expect(made > 0)
            let history = try await Self.done(host, "zone", "history", "customer.example")
            #expect(history.split(separator: "\n").count == 1 + 1 + made, "\(history)")
        }
    }

    @Test("All faults of all files are told with file, line and column, and nothing is taken in")
    func faults() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage, serving: false)
            try stage.write("inner A 192.0.2.300\n", to: "hosts")
            let bad = try stage.write(
                Self.customer + "x A 192.0.2\n$INCLUDE hosts\ny MX ten mx1\n", to: "bad.zone")
            let also = try stage.write("nothing here\n", to: "also.example.zone")
            let result = try await host.command("zone", "import", bad, also)
            #expect(result.status == 65)
            for place in ["\(bad):13:5", "hosts:1:9", "\(bad):15:6", "\(also):1:9"] {
                #expect(result.output.contains(place), "\(place): \(result.output)")
            }
            let kept = try await Self.done(host, "zone", "list", "--json")
            #expect(!kept.contains(".example"), "\(kept)")
        }
    }

    @Test("Included files are taken in with the file, and their remarks too")
    func includes() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage, serving: false)
            try stage.write("; hosts of the cellar\na A 192.0.2.7\n", to: "parts/hosts")
            let file = try stage.write(
                Self.customer + "$INCLUDE parts/hosts cellar.customer.example.\nb A 192.0.2.8\n",
                to: "customer.example.zone")
            try await Self.done(host, "zone", "import", file)
            let export = try await Self.done(host, "zone", "export", "customer.example")
            #expect(export.contains("; hosts of the cellar"))
            let canonical = try await Self.done(
                host, "zone", "export", "customer.example", "--canonical")
            #expect(canonical.contains("a.cellar.customer.example.\t3600\tIN\tA\t192.0.2.7\n"))
            #expect(canonical.contains("\nb.customer.example.\t3600\tIN\tA\t192.0.2.8\n"))
            let check = try await host.command("zone", "check", "customer.example")
            #expect(check.status == 0, "\(check.output)")
        }
    }

    @Test("A hosted domain's records come into its zone, and a person's own stay")
    func template() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            let mine = Self.customer.replacing("    MX  10 mx1       ; the main one\n", with: "")
                .replacing("mx -all", with: "ip4:192.0.2.0/24 ~all")
            try await Self.done(
                host, "zone", "import", try stage.write(mine, to: "customer.example.zone"))
            let added = try await Self.done(host, "domain", "add", "customer.example")
            #expect(
                added.contains("spf: customer.example has TXT records of its own, which stay"),
                "\(added)")
            #expect(
                try await Self.dig(stage, host, "customer.example", "MX")
                    == ["10 \(host.hostName)."])
            #expect(
                try await Self.dig(stage, host, "customer.example", "TXT")
                    == ["\"v=spf1 ip4:192.0.2.0/24 ~all\""])
            #expect(
                try await Self.dig(stage, host, "_submissions._tcp.customer.example", "SRV")
                    == ["0 1 2465 \(host.hostName)."])
            try await Self.done(
                host, "zone", "record", "remove", "_pop3._tcp.customer.example", "SRV")
            try await Self.done(
                host, "zone", "record", "set", "_dmarc.customer.example", "TXT",
                "v=DMARC1; p=reject")
            let again = try await Self.done(
                host, "zone", "template", "apply", "customer.example", "--dmarc", "quarantine")
            #expect(again.contains("was removed by hand"), "\(again)")
            #expect(
                try await Self.dig(stage, host, "_dmarc.customer.example", "TXT")
                    == ["\"v=DMARC1; p=reject\""])
            let show = try await Self.done(host, "zone", "show", "customer.example")
            #expect(show.contains("\n*  customer.example "), "\(show)")
            #expect(!show.contains("*  _dmarc"), "\(show)")
            // A policy's record is kept with its id, and goes with the policy.
            try await Self.done(host, "mta-sts", "set", "customer.example", "--mode", "testing")
            try await Self.done(host, "mta-sts", "set", "customer.example", "--max-age", "86400")
            try await Self.done(host, "zone", "template", "apply", "customer.example")
            #expect(
                try await Self.dig(stage, host, "_mta-sts.customer.example", "TXT").first?
                    .hasPrefix("\"v=STSv1; id=") == true)
            try await Self.done(host, "mta-sts", "remove", "customer.example", "--force")
            #expect(try await Self.dig(stage, host, "_mta-sts.customer.example", "TXT").isEmpty)
            let quiet = try await Self.done(host, "zone", "template", "show", "customer.example")
            #expect(quiet.contains("No MTA-STS record") && quiet.contains("nothing would change"))
            // An own zone is made with all of it.
            let created = try await Self.done(
                host, "domain", "add", "second.example")
            // What signs its mail is made at once, for wherever its zone is, and told once with all
            // the rest of what belongs there.
            let records = created.split(separator: "\n").filter { $0.hasPrefix("  ") }
            for record in [
                "second.example. 3600 IN MX 10 \(host.hostName).",
                "second.example. 3600 IN TXT \"v=spf1 mx -all\"",
                "_dmarc.second.example. 3600 IN TXT \"v=DMARC1; p=none",
                "_smtp._tls.second.example. 3600 IN TXT \"v=TLSRPTv1;",
                "_submissions._tcp.second.example. 3600 IN SRV 0 1 2465 \(host.hostName).",
                "a-rsa._domainkey.second.example. 3600 IN TXT \"v=DKIM1;",
            ] {
                // The name of a key begins with the host's.
                #expect(records.count { $0.contains(record) } == 1, "\(record): \(created)")
            }
            try await Self.done(host, "zone", "create", "second.example")
            #expect(
                try await Self.dig(stage, host, "second.example", "MX") == ["10 \(host.hostName)."])
            let taken = try await Self.done(
                host, "zone", "template", "remove", "second.example", "--force")
            #expect(taken.contains("- second.example."), "\(taken)")
            #expect(try await Self.dig(stage, host, "second.example", "MX").isEmpty)
        }
    }

    @Test("Whatever comes over the socket is answered, and the server goes on", .installed("curl"))
    func hostile() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            try await Self.imported(stage, host)
            let socket = host.data + "/control.sock"
            func ask(_ command: String, _ body: String) async throws -> String {
                let file = try stage.write(body, to: "body")
                return try await stage.run(
                    "curl",
                    [
                        "--silent", "--max-time", "50", "--unix-socket", socket,
                        "--data-binary", "@\(file)", "http://localhost/v1/\(command)",
                    ], within: .seconds(60)
                ).output
            }
            let noise = String(
                decoding: (0..<20_000).map { _ in UInt8.random(in: 0x20...0x7E) }, as: UTF8.self)
            let zones = [
                noise, "$INCLUDE /etc/passwd", String(repeating: "(", count: 100_000),
                String(repeating: "a A 192.0.2\n", count: 50_000),
                "$GENERATE 0-4294967295 a$ A 192.0.2.1", String(repeating: "a.", count: 50_000),
                "\"" + String(repeating: "x", count: 1_000_000),
            ]
            for zone in zones {
                let text = "$TTL 60\n@ SOA a b 1 2 3 4 5\n@ NS a.example.\n" + zone + "\n"
                let body = JSON.object([
                    ("zone", "hostile.example"), ("text", .string(text)),
                ]).description
                let answer = try await ask("zone.import", body)
                #expect(answer.hasPrefix("{\"error\":"), "\(answer.prefix(200))")
                #expect(answer.utf8.count < 1 << 20)
            }
            let edit =
                "{\"edit\":\"add\",\"name\":\"a.customer.example\",\"type\":\"A\","
                + "\"data\":\"192.0.2.1\"}"
            let bodies = [
                "", "{", "[]", "{\"zone\":1}",
                "{\"zone\":\"\(noise.prefix(300).filter { $0 != "\"" && $0 != "\\" })\"}",
                String(repeating: "[", count: 100_000),
                "{\"edits\":[\(Array(repeating: edit, count: 5001).joined(separator: ","))]}",
                "{\"edits\":[{\"edit\":\"add\",\"name\":\"a.customer.example\",\"type\":\"A\","
                    + "\"ttl\":-1,\"data\":\"192.0.2.1\"}]}",
                "{\"edits\":[{\"edit\":\"add\",\"name\":\"a.customer.example\",\"type\":\"ANY\","
                    + "\"data\":\"x\"}]}",
                "{\"zone\":\"customer.example\",\"base64\":\"!\",\"replace\":true}",
                "{\"zone\":\"customer.example\",\"from\":-9223372036854775808}",
                "{\"zone\":\"customer.example\",\"version\":9223372036854775807}",
            ]
            for command in [
                "zone.edit", "zone.import", "zone.diff", "zone.rollback", "zone.create",
            ] {
                for body in bodies {
                    // A difference or a new zone may be asked for with some of them.
                    let answer = try await ask(command, body)
                    #expect(answer.hasPrefix("{\""), "\(command) \(body.prefix(99)): \(answer)")
                }
            }
            // More than is read of any request.
            _ = try await ask("zone.import", String(repeating: " ", count: 70 << 20))
            #expect(
                try await Self.dig(stage, host, "customer.example", "MX")
                    == ["10 mx1.customer.example."])
            #expect(try await Self.dig(stage, host, "a.customer.example", "A").isEmpty)
        }
    }
}
