// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("Reports of DMARC and TLS, on the program itself", .built)
struct ReportToolTests {
    private static func aggregate(about domain: String, day: Int = 20_000) -> String {
        """
        <?xml version="1.0"?>
        <feedback>
          <report_metadata>
            <org_name>Big &amp; Co</org_name><email>dmarc@big.example</email>
            <report_id>r-1</report_id>
            <date_range><begin>\(day * 86_400)</begin><end>\(day * 86_400 + 86_399)</end></date_range>
          </report_metadata>
          <policy_published><domain>\(domain)</domain><p>reject</p></policy_published>
          <record>
            <row><source_ip>192.0.2.1</source_ip><count>7</count><policy_evaluated>
              <disposition>none</disposition><dkim>pass</dkim><spf>fail</spf>
            </policy_evaluated></row>
            <identifiers><header_from>\(domain)</header_from></identifiers>
          </record>
          <record>
            <row><source_ip>203.0.113.9</source_ip><count>2</count><policy_evaluated>
              <disposition>reject</disposition><dkim>fail</dkim><spf>fail</spf>
            </policy_evaluated></row>
            <identifiers><header_from>\(domain)</header_from></identifiers>
          </record>
        </feedback>
        """
    }

    private static let transport = """
        {"organization-name":"Big","report-id":"t-1","policies":[{"policy":{"policy-type":"sts",
        "policy-domain":"example.org"},"summary":{"total-successful-session-count":4,
        "total-failure-session-count":3}}]}
        """

    @Test("a report is told in one object, whatever packs it, and what is none is told as such")
    func parse() async throws {
        try await withStage { stage in
            let plain = try stage.write(Self.aggregate(about: "example.org"), to: "r.xml")
            let copy = try stage.write(Self.aggregate(about: "example.org"), to: "c.xml")
            _ = try await stage.run("gzip", ["-9", copy])
            let tls = try stage.write(Self.transport, to: "t.json")
            let evil = try stage.write(
                "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><feedback>&e;</feedback>",
                to: "x.xml")
            let told = #"""
                {"ok":true,"org_name":"Big & Co","report_id":"r-1","domain":"example.org",\#
                "p":"reject","records":2,"messages":9
                """#
            let rows = [
                ("dmarc", plain, told), ("dmarc", copy + ".gz", told),
                ("dmarc", evil, #"{"ok":false,"org_name":null"#),
                ("dmarc", tls, #"{"ok":false"#),
                (
                    "tlsrpt", tls,
                    #"{"ok":true,"organization":"Big","report_id":"t-1","policies":1,"failures":3"#
                ),
                ("tlsrpt", plain, #"{"ok":false,"organization":null"#),
            ]
            for (command, file, beginning) in rows {
                let asked = try await stage.run(
                    Postreiter.binary, [command, "parse-report", "--json", file])
                #expect(asked.status == 0)
                #expect(asked.output.hasPrefix(beginning), "\(file): \(asked.output)")
                let read = try await stage.run(Postreiter.binary, [command, "parse-report", file])
                #expect(read.status == (beginning.hasPrefix(#"{"ok":true"#) ? 0 : 1), "\(file)")
            }
            let missing = try await stage.run(
                Postreiter.binary, ["dmarc", "parse-report", stage.path("nowhere")])
            #expect(missing.status == 66)
        }
    }

    @Test("records of TLS reporting are taken apart")
    func record() async throws {
        try await withStage { stage in
            for (record, told) in [
                (
                    "v=TLSRPTv1; rua=mailto:a@b.example,https://c.example/d",
                    #"{"valid":true,"rua":["mailto:a@b.example","https://c.example/d"]}"#
                ),
                ("v=TLSRPTv1;", #"{"valid":false,"rua":[]}"#),
            ] {
                let asked = try await stage.run(
                    Postreiter.binary, ["tlsrpt", "parse-record", "--json", record])
                #expect(asked.status == 0 && asked.output == told + "\n", "\(asked.output)")
            }
        }
    }

    @Test("a report is taken in once and summed up, if it is about a domain that is hosted here")
    func report() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            let today = Int(Date().timeIntervalSince1970) / 86_400
            let ours = try stage.write(
                Self.aggregate(about: host.domain, day: today - 1), to: "ours.xml")
            let others = try stage.write(
                Self.aggregate(about: "elsewhere.example", day: today - 1), to: "others.xml")
            // The first is not for us, which is told; the second is kept all the same.
            let first = try await host.command("dmarc", "import", others, ours, "--json")
            #expect(first.status == 65 && first.output.contains(others), "\(first.output)")
            #expect(first.output.contains(#"{"kept":true}"#), "\(first.output)")
            let second = try await host.command("dmarc", "import", ours, "--json")
            #expect(second.output.hasPrefix(#"{"kept":false"#), "\(second.output)")
            #expect(try await host.command("dmarc", "import", others).status == 65)
            let told = try await host.command("dmarc", "report", host.domain, "--json")
            for part in [
                #""reports":1"#, #""reporters":["Big & Co"]"#,
                #""messages":9,"passed":7,"dkim":7,"spf":0,"failed":2,"quarantined":0,"rejected":2"#,
                #"{"source":"192.0.2.1","from":"\#(host.domain)","messages":7,"passed":7"#,
            ] {
                #expect(told.output.contains(part), "\(part) in \(told.output)")
            }
            let table = try await host.command("dmarc", "report", host.domain)
            #expect(table.status == 0 && table.output.contains("203.0.113.9"), "\(table.output)")
            let empty = try await host.command("tlsrpt", "report", host.domain, "--json")
            #expect(empty.status == 0 && empty.output.contains(#""reports":0"#), "\(empty.output)")
        }
    }
}
