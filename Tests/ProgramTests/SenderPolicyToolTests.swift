// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("RFC 7208 appendix A, by `spf check`", .built)
struct SenderPolicyToolTests {
    private static let zone = """
        example.com. 60 MX 10 mail-a.example.com.
        example.com. 60 MX 20 mail-b.example.com.
        example.com. 60 A 192.0.2.10
        example.com. 60 A 192.0.2.11
        amy.example.com. 60 A 192.0.2.65
        bob.example.com. 60 A 192.0.2.66
        mail-a.example.com. 60 A 192.0.2.129
        mail-b.example.com. 60 A 192.0.2.130
        example.org. 60 MX 10 mail-c.example.org.
        mail-c.example.org. 60 A 192.0.2.140
        65.2.0.192.in-addr.arpa. 60 PTR amy.example.com.
        140.2.0.192.in-addr.arpa. 60 PTR mail-c.example.org.
        4.0.0.10.in-addr.arpa. 60 PTR bob.example.com.
        example.net. 60 TXT "v=spf1 a:mail-c.example.org -all"
        la.example.com. 60 TXT "v=spf1 redirect=example.com"

        """

    /// A record of example.com, and the clients that pass; all others fail.
    private static let rows: [(policy: String, passing: Set<String>)] = [
        ("v=spf1 +all", Set(clients)), ("v=spf1 a -all", ["192.0.2.10", "192.0.2.11"]),
        ("v=spf1 a:example.org -all", []), ("v=spf1 mx -all", ["192.0.2.129", "192.0.2.130"]),
        ("v=spf1 mx:example.org -all", ["192.0.2.140"]),
        ("v=spf1 mx mx:example.org -all", ["192.0.2.129", "192.0.2.130", "192.0.2.140"]),
        (
            "v=spf1 mx/30 mx:example.org/30 -all",
            ["192.0.2.129", "192.0.2.130", "192.0.2.131", "192.0.2.140"]
        ),
        ("v=spf1 ptr -all", ["192.0.2.65"]),
        (
            "v=spf1 ip4:192.0.2.128/28 -all",
            ["192.0.2.129", "192.0.2.130", "192.0.2.131", "192.0.2.140"]
        ),
        ("v=spf1 include:example.net -all", ["192.0.2.140"]),
    ]

    private static let clients = [
        "192.0.2.10", "192.0.2.11", "192.0.2.65", "192.0.2.129", "192.0.2.130", "192.0.2.131",
        "192.0.2.140", "10.0.0.4",
    ]

    @Test("a domain is named as people write it, in any script (RFC 8616)")
    func international() async throws {
        try await withStage { stage in
            let file = try stage.write(
                """
                {"format":"dns-fixture-1","records":{
                "xn--bcher-kva.example":[{"type":"TXT","data":["v=spf1 ip4:192.0.2.1 -all"]}],
                "_dmarc.xn--bcher-kva.example":[{"type":"TXT","data":["v=DMARC1; p=reject"]}]}}
                """, to: "dns.json")
            for (client, passes) in [("192.0.2.1", true), ("192.0.2.2", false)] {
                for sender in ["anna@bücher.example", "änne@BÜCHER.example"] {
                    let (status, output) = try await stage.run(
                        Postreiter.binary,
                        [
                            "spf", "check", "--dns", file, "--ip", client, "--helo",
                            "mail.bücher.example", "--mail-from", sender,
                        ])
                    #expect(status == (passes ? 0 : 1), "\(client) \(sender): \(output)")
                    let message = try stage.write(
                        "From: Anna <\(sender)>\r\n\r\nHello\r\n", to: "letter.eml")
                    let judged = try await stage.run(
                        Postreiter.binary,
                        [
                            "dmarc", "check", "--dns", file, "--ip", client, "--helo",
                            "mail.bücher.example", "--mail-from", sender, message, "--json",
                        ])
                    #expect(judged.status == 0, "\(judged.output)")
                    for part in [
                        #""result":"\#(passes ? "pass" : "fail")""#,
                        #""policy_domain":"xn--bcher-kva.example""#,
                        #""disposition":"\#(passes ? "none" : "reject")""#,
                    ] { #expect(judged.output.contains(part), "\(part): \(judged.output)") }
                }
            }
            let told = try await stage.run(
                Postreiter.binary,
                [
                    "dmarc", "check", "--dns", file, "--from-domain", "bücher.example", "--spf",
                    "pass:xn--bcher-kva.example",
                ])
            #expect(told.status == 0, "\(told.output)")
        }
    }

    @Test("the examples pass and fail as they say, also by a redirect, and JSON says why")
    func examples() async throws {
        try await withStage { stage in
            for (index, row) in Self.rows.enumerated() {
                let file = try stage.write(
                    Self.zone + "example.com. 60 TXT \"\(row.policy)\"\n", to: "\(index).zone")
                for (client, domain) in Self.clients.flatMap({
                    [($0, "example.com"), ($0, "la.example.com")]
                }) {
                    let (status, output) = try await stage.run(
                        Postreiter.binary,
                        [
                            "spf", "check", "--zone", file, "--ip", client, "--helo",
                            "mail.example.com", "--mail-from", "user@\(domain)",
                        ])
                    #expect(
                        status == (row.passing.contains(client) ? 0 : 1),
                        "\(row.policy) \(client) \(domain): \(output)")
                }
            }
            let file = try stage.write(
                Self.zone + "example.com. 60 TXT \"v=spf1 mx -all\"\n", to: "json.zone")
            let (status, output) = try await stage.run(
                Postreiter.binary,
                [
                    "spf", "check", "--zone", file, "--ip", "192.0.2.129", "--helo", "x.example",
                    "--mail-from", "user@example.com", "--json",
                ])
            #expect(status == 0)
            #expect(output.hasPrefix(#"{"result":"pass","mechanism":"mx","explanation":null"#))
        }
    }

    @Test("wrong usage is told from an answer")
    func usage() async throws {
        try await withStage { stage in
            let (status, _) = try await stage.run(
                Postreiter.binary,
                ["spf", "check", "--ip", "nonsense", "--helo", "x", "--mail-from", "y@z.example"])
            #expect(status == 64)
        }
    }

    @Test("the reverse-path may stand in brackets, the null one too, which means the client's name")
    func brackets() async throws {
        try await withStage { stage in
            let file = try stage.write(
                Self.zone + "example.com. 60 TXT \"v=spf1 ip4:192.0.2.1 -all\"\n", to: "names.zone")
            for sender in ["user@example.com", "<user@example.com>", "<>", ""] {
                let (status, output) = try await stage.run(
                    Postreiter.binary,
                    [
                        "spf", "check", "--zone", file, "--ip", "192.0.2.1", "--helo",
                        "example.com", "--mail-from", sender,
                    ])
                #expect(status == 0, "\(sender): \(output)")
            }
        }
    }
}
