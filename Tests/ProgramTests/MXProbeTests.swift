// SPDX-License-Identifier: Apache-2.0

import Testing

@Suite("mx probe meets real exchangers")
struct MXProbeTests {
    @Test("One with a certificate of its own and one that is down are told apart, in a table")
    func probe() async throws {
        try await withStage { stage in
            let server = try await Postreiter(stage)
            let fixture = try stage.write(
                """
                {"format":"dns-fixture-1","records":{
                 "probed.test":[{"type":"MX","ttl":60,"data":"10 mx1.own.test"},
                                {"type":"MX","ttl":60,"data":"20 mx2.probed.test"}],
                 "mx1.own.test":[{"type":"A","ttl":60,"data":"\(server.address)"}],
                 "mx2.probed.test":[{"type":"A","ttl":60,"data":"\(stage.address())"}]}}
                """, to: "names.json")
            let arguments = [
                "mx", "probe", "probed.test", "--dns", fixture, "--port",
                "\(Postreiter.Port.smtp)",
            ]
            let table = try await stage.run(
                Postreiter.binary, arguments, environment: ["LC_ALL": "C"])
            #expect(table.status == 1, "\(table.output)")
            for word in [
                "mx1.own.test ESMTP", "TLSv1.3", "untrusted", "certificate-untrusted",
                "cannot be reached: connection refused", "exchanger-unreachable",
            ] { #expect(table.output.contains(word), "\(word): \(table.output)") }
            let german = try await stage.run(
                Postreiter.binary, arguments, environment: ["LC_ALL": "de_DE.UTF-8"])
            #expect(german.output.contains("ist nicht zu erreichen"), "\(german.output)")
            let json = try await stage.run(Postreiter.binary, arguments + ["--json"])
            #expect(json.status == 0 && json.output.contains(#""certificate":"untrusted""#))
            let nobody = try await stage.run(
                Postreiter.binary, ["mx", "probe", "none.test", "--dns", fixture])
            #expect(nobody.status == 2, "\(nobody.output)")
        }
    }
}
