// SPDX-License-Identifier: Apache-2.0

import Bytes
import Foundation
import Testing

@Suite("RFC 9989, by `dmarc check` and `dmarc parse-record`", .built)
struct AlignmentToolTests {
    private static let fixture = """
        {"format":"dns-fixture-1","records":{
        "_dmarc.example.org":[{"type":"TXT","data":["v=DMARC1; p=reject; ","sp=quarantine; np=reject; t=y"]}],
        "example.org":[{"type":"TXT","data":["v=spf1 ip4:192.0.2.1 -all"]}],
        "there.example.org":[{"type":"A","data":"192.0.2.2"}],
        "_dmarc.strict.example":[{"type":"TXT","data":["hello"]},
            {"type":"TXT","data":["v=DMARC1; p=quarantine; aspf=s"]}]},
        "timeout":[{"name":"_dmarc.slow.example","type":"TXT"}]}
        """

    private static func keys(_ names: [String], of output: String) throws -> [String] {
        let object = try JSON(parsing: output.utf8)
        return names.map { name in
            let value = object[name]
            return value?.string ?? value?.bool.map { "\($0)" }
                ?? value?.array?.compactMap(\.string).joined(separator: ",")
                ?? (value == .null ? "null" : "missing")
        }
    }

    private static let results = [
        "result", "policy", "disposition", "policy_domain", "spf_aligned", "dkim_aligned",
    ]

    @Test("without a message: the policy asked for, what to do now, and what is aligned")
    func told() async throws {
        let rows: [(arguments: [String], results: String, status: Int32)] = [
            (
                ["there.example.org", "--spf", "pass:example.org"],
                "pass quarantine none example.org true false", 0
            ),
            (
                ["There.Example.ORG", "--spf", "fail:example.org", "--dkim", "fail:example.org"],
                "fail quarantine none example.org false false", 1
            ),
            (["no.example.org"], "fail reject quarantine example.org false false", 1),
            (
                ["example.org", "--dkim", "pass:a.example", "--dkim", "PASS:x.example.org"],
                "pass reject none example.org false true", 0
            ),
            (
                ["strict.example", "--spf", "pass:a.strict.example"],
                "fail quarantine quarantine strict.example false false", 1
            ),
            (
                ["strict.example", "--spf", "none:"],
                "fail quarantine quarantine strict.example false false", 1
            ),
            (
                ["x.slow.example", "--spf", "pass:x.slow.example"],
                "temperror null none null false false", 1
            ),
            (
                ["nothing.example", "--spf", "pass:nothing.example"],
                "none null none null false false", 1
            ),
        ]
        try await withStage { stage in
            let fixture = try stage.write(Self.fixture, to: "dns.json")
            for row in rows {
                let arguments =
                    ["dmarc", "check", "--dns", fixture, "--from-domain"] + row.arguments
                let (status, text) = try await stage.run(Postreiter.binary, arguments)
                #expect(status == row.status, "\(row.arguments): \(text)")
                let (zero, output) = try await stage.run(Postreiter.binary, arguments + ["--json"])
                #expect(zero == 0)
                #expect(
                    try Self.keys(Self.results, of: output).joined(separator: " ") == row.results,
                    "\(row.arguments)")
                #expect(try Self.keys(["steps"], of: output) != [""])
            }
        }
    }

    @Test("with a message, SPF and DKIM are checked first, for the null reverse-path too")
    func messages() async throws {
        let rows: [(from: String, ip: String, sender: String, results: String)] = [
            (
                "a@there.example.org", "192.0.2.1", "b@example.org",
                "pass quarantine none example.org true false"
            ),
            (
                "a@example.org", "192.0.2.9", "b@example.org",
                "fail reject quarantine example.org false false"
            ),
            ("a@example.org", "192.0.2.1", "", "pass reject none example.org true false"),
            (
                "a@strict.example", "192.0.2.1", "b@example.org",
                "fail quarantine quarantine strict.example false false"
            ),
            (
                "a@nothing.example", "192.0.2.1", "b@example.org",
                "none null none null false false"
            ),
            (
                "group: a@example.org, b@strict.example;", "192.0.2.1", "b@example.org",
                "fail quarantine quarantine strict.example false false"
            ),
        ]
        try await withStage { stage in
            let fixture = try stage.write(Self.fixture, to: "dns.json")
            for (index, row) in rows.enumerated() {
                let message = try stage.write(
                    "From: \(row.from)\nSubject: x\n\nHello.\n", to: "\(index).eml")
                let (status, output) = try await stage.run(
                    Postreiter.binary,
                    [
                        "dmarc", "check", message, "--dns", fixture, "--ip", row.ip, "--helo",
                        "example.org", "--mail-from", row.sender, "--json",
                    ])
                #expect(status == 0)
                #expect(
                    try Self.keys(Self.results, of: output).joined(separator: " ") == row.results,
                    "\(row.from) \(row.ip)")
            }
        }
    }

    @Test(
        "a signature of the author's domain makes a message pass from anywhere, while it is fresh")
    func signed() async throws {
        try await withStage { stage in
            let key = stage.folder.appendingPathComponent("key.pem").path
            _ = try await stage.run(
                "openssl", ["genpkey", "-algorithm", "ed25519", "-out", key])
            let (_, text) = try await stage.run(
                "openssl", ["pkey", "-in", key, "-pubout", "-outform", "PEM"])
            let digits = text.split(separator: "\n").filter { !$0.hasPrefix("-") }.joined()
            let point = try #require(Data(base64Encoded: digits)).suffix(32).base64EncodedString()
            let zone = try stage.write(
                """
                _dmarc.example.org. 60 TXT "v=DMARC1; p=reject"
                s._domainkey.example.org. 60 TXT "v=DKIM1; k=ed25519; p=\(point)"

                """, to: "org.zone")
            let message = try stage.write(
                "From: a@mail.example.org\r\nSubject: x\r\n\r\nHello.\r\n", to: "plain.eml")
            let (signing, signed) = try await stage.run(
                Postreiter.binary,
                [
                    "dkim", "sign", message, "--domain", "example.org", "--selector", "s", "--key",
                    key,
                ])
            #expect(signing == 0)
            let whole = try stage.write(signed, to: "signed.eml")
            let broken = try stage.write(signed + "More.\r\n", to: "broken.eml")
            for (file, expected) in [
                (whole, "pass reject none example.org false true"),
                (broken, "fail reject reject example.org false false"),
            ] {
                let (_, output) = try await stage.run(
                    Postreiter.binary,
                    [
                        "dmarc", "check", file, "--zone", zone, "--ip", "2001:db8::1", "--helo",
                        "mx.example.com", "--mail-from", "x@example.com", "--json",
                    ])
                #expect(
                    try Self.keys(Self.results, of: output).joined(separator: " ") == expected)
            }
        }
    }

    @Test("records, with the defaults that receivers take")
    func records() async throws {
        let names = ["valid", "p", "sp", "np", "adkim", "aspf", "t", "psd", "rua", "ruf"]
        let rows = [
            ("v=DMARC1; p=reject", "true reject reject reject r r false default  "),
            (
                "v=DMARC1; p=none; sp=reject; np=quarantine; adkim=s; aspf=s; t=y; psd=y",
                "true none reject quarantine s s true y  "
            ),
            (
                "v=DMARC1;p=quarantine;rua=mailto:a@b.example!10m , mailto:c@d.example;ruf=mailto:e@f.example",
                "true quarantine quarantine quarantine r r false default "
                    + "mailto:a@b.example,mailto:c@d.example mailto:e@f.example"
            ),
            (
                "v=DMARC1; rua=mailto:a@b.example; psd=u",
                "true none none none r r false u mailto:a@b.example "
            ),
            ("v=DMARC1", "false null null null null null null null  "),
            ("v=DMARC1; p=reject; p=reject", "false null null null null null null null  "),
            ("v=dmarc1; p=none", "false null null null null null null null  "),
            ("", "false null null null null null null null  "),
        ]
        try await withStage { stage in
            for (record, expected) in rows {
                let (status, output) = try await stage.run(
                    Postreiter.binary, ["dmarc", "parse-record", record, "--json"])
                #expect(status == 0)
                #expect(try Self.keys(names, of: output).joined(separator: " ") == expected)
                let (plain, _) = try await stage.run(
                    Postreiter.binary, ["dmarc", "parse-record", record])
                #expect(plain == (expected.hasPrefix("true") ? 0 : 1), "\(record)")
            }
        }
    }

    @Test("wrong usage is told from an answer")
    func usage() async throws {
        let rows = [
            ["check"], ["check", "--ip", "192.0.2.1"],
            ["check", "--from-domain", "a..b"],
            ["check", "--from-domain", "example.org", "--spf", "maybe:example.org"],
            ["check", "--from-domain", "example.org", "--dkim", "pass"],
            ["check", "--from-domain", "example.org", "--ip", "192.0.2.1"],
            ["check", "--ip", "nonsense", "--helo", "x", "--mail-from", "y@z.example"],
            ["parse-record"],
        ]
        try await withStage { stage in
            for row in rows {
                let (status, _) = try await stage.run(Postreiter.binary, ["dmarc"] + row)
                #expect(status == 64, "\(row)")
            }
        }
    }
}
