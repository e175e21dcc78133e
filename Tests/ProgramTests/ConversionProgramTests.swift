// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite(
    "RFC 6376 §5.3: what a host without 8BITMIME gets verifies, as dkimpy sees it", .built,
    .installed("swaks", "curl", "dig", "dkimverify", "postfix"), .asRoot)
struct ConversionProgramTests {
    /// Verifies all signatures of a message and its chain; keys come from our name server.
    private static let script =
        dkimNames + """
            message = open(sys.argv[1], 'rb').read().replace(b'\\r\\n', b'\\n').replace(b'\\n', b'\\r\\n')
            for index in range(message.split(b'\\r\\n\\r\\n')[0].count(b'\\r\\nDKIM-Signature:')):
                one = dkim.DKIM(message)
                result = one.verify(idx=index, dnsfunc=names)
                print('dkim', one.domain.decode(), 'pass' if result else 'fail')
            print('arc', dkim.arc_verify(message, dnsfunc=names)[0].decode())
            """

    private static let message = """
        From: <SENDER>\r
        To: x@far.test\r
        Subject: in eight bits\r
        Date: Sat, 21 Nov 2026 12:00:00 +0000\r
        Message-ID: <1@author.test>\r
        MIME-Version: 1.0\r
        Content-Type: text/plain; charset=utf-8\r
        Content-Transfer-Encoding: 8bit\r
        \r
        Viele herzliche Grüße von hier nach dort, und alles Gute.\r

        """

    private static func zones(_ far: String) -> [String: String] {
        [
            "far.test": Postreiter.zone("far.test", exchanger: far),
            "author.test": Postreiter.zone("author.test", exchanger: "192.0.2.1"),
        ]
    }

    /// What dkimpy says of each signature of a message, and of its chain.
    static func findings(
        _ message: String, _ host: Postreiter, _ stage: Stage
    ) async throws -> [String] {
        let script = try stage.write(Self.script, to: "verify.py")
        let file = try stage.write(message, to: "arrived.eml")
        let (_, output) = try await stage.run(
            "/usr/bin/python3", [script, file, host.address, "\(Postreiter.Port.dns)"])
        return output.split(separator: "\n").map(String.init)
    }

    @Test(
        "What was submitted is signed anew, and what is forwarded is sealed anew",
        .timeLimit(.minutes(20)))
    func converted() async throws {
        try await withStage { stage in
            let (near, far) = (stage.address(), stage.address())
            let postfix = try await Postfix(
                stage, address: far, domain: "far.test",
                settings: ["smtpd_discard_ehlo_keywords = 8bitmime, smtputf8, chunking"])
            let host = try await Postreiter(
                stage, zones: Self.zones(far), address: near,
                environment: [
                    "POSTREITER_TRUST_NETWORKS": "192.0.2.0/24",
                    "POSTREITER_DKIM_CONFIRMATION_MINUTES": "0",
                ])
            let added = try await host.command("alias", "add", "fan@own.test", "x@far.test")
            try #require(added.status == 0, "\(added.output)")
            let signs = await isTrue(within: .seconds(100)) {
                let status = try? await host.command("dkim", "status", "own.test", "--json")
                return (status?.output.components(separatedBy: "\"signing\":true,").count ?? 0) > 2
            }
            try #require(signs, "\(host.log)")
            let own = try stage.write(
                Self.message.replacing("SENDER", with: host.account), to: "own.eml")
            let sent = try await host.submit(
                to: "x@far.test", subject: "", options: ["--data", "@" + own])
            #expect(sent.output.contains("250 2.0.0"), "\(sent.output)")
            let foreign = try stage.write(
                Self.message.replacing("SENDER", with: "joe@author.test"), to: "foreign.eml")
            let passed = try await stage.swaks(
                server: near, port: Postreiter.Port.smtp, from: "joe@author.test",
                to: "fan@own.test", ["--data", "@" + foreign])
            #expect(passed.output.contains("250 2.0.0"), "\(passed.output)")
            let arrives = await isTrue(within: .seconds(60)) { postfix.messages.count == 2 }
            try #require(arrives, "\(host.log)\n\(postfix.log)")
            for message in postfix.messages {
                #expect(message.contains("Content-Transfer-Encoding: quoted-printable"))
                #expect(message.contains("Gr=C3=BC=C3=9Fe von hier nach dort"), "\(message)")
                let findings = try await Self.findings(message, host, stage)
                if message.contains("joe@author.test>\nTo") || message.contains("ARC-Seal") {
                    #expect(findings == ["arc pass"], "\(message)")
                } else {
                    #expect(
                        findings == ["dkim own.test pass", "dkim own.test pass", "arc none"],
                        "\(message)")
                }
            }
        }
    }
}
