// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite(
    "RFC 8601, RFC 9989: who sent this, asked by the program itself", .built,
    .installed("swaks", "openssl", "sqlite3"))
struct InspectionProgramTests {
    private static let message = """
        From: Joe <joe@signer.test>\r
        To: alice@own.test\r
        Subject: signed\r
        Date: Sat, 21 Nov 2026 12:00:00 +0000\r
        Message-ID: <1@signer.test>\r
        Authentication-Results: mx1.own.test; dkim=pass header.d=bank.test\r
        \r
        Hello.\r

        """

    /// Zones of three senders: the first signs, all say that nobody may send for them.
    private static func zones(_ record: String) -> [String: String] {
        let value = Array(record)
        let text = stride(from: 0, to: value.count, by: 200).map {
            "\"\(String(value[$0..<min($0 + 200, value.count)]))\""
        }.joined(separator: " ")
        var zones: [String: String] = [:]
        for (origin, policy) in [
            ("signer.test", "reject"), ("forged.test", "reject"), ("odd.test", "quarantine"),
        ] {
            zones[origin] =
                Postreiter.zone(origin, exchanger: "192.0.2.1") + """
                    @ TXT "v=spf1 -all"
                    _dmarc TXT "v=DMARC1; p=\(policy)"
                    test._domainkey TXT \(text)

                    """
        }
        return zones
    }

    @Test("A signed message passes, a forged one is refused, an odd one is put aside; trace tells")
    func inspected() async throws {
        try await withStage { stage in
            let key = stage.path("key.pem")
            _ = try await stage.run("openssl", ["genrsa", "-out", key, "2048"])
            let (_, text) = try await stage.run("openssl", ["rsa", "-in", key, "-pubout"])
            let digits = text.split(separator: "\n").drop { !$0.hasPrefix("-----BEGIN") }
                .dropFirst().prefix { !$0.hasPrefix("-----") }.joined()
            // The clients come from this machine, which is to be a stranger here.
            let server = try await Postreiter(
                stage, zones: Self.zones("v=DKIM1; k=rsa; p=" + digits),
                environment: ["POSTREITER_TRUST_NETWORKS": "192.0.2.0/24"])
            let plain = try stage.write(Self.message, to: "plain.eml")
            let signed = try await stage.run(
                Postreiter.binary,
                [
                    "dkim", "sign", plain, "--domain", "signer.test", "--selector", "test",
                    "--key", key,
                ]
            ).output
            try await send(signed, from: "joe@signer.test", "250 2.0.0", server, stage)
            let changed = signed.replacing("Hello.", with: "Hallo.")
            try await send(changed, from: "joe@signer.test", "550 5.7.1", server, stage)
            let forged = Self.message.replacing("signer.test>", with: "forged.test>")
            try await send(forged, from: "joe@signer.test", "550 5.7.1", server, stage)
            let odd = Self.message.replacing("signer.test>", with: "odd.test>")
            try await send(odd, from: "joe@odd.test", "250 2.0.0", server, stage)

            let arrived = try #require(try await server.mailbox(count: 1).first)
            for part in [
                "Authentication-Results: mx1.own.test;\r\n\tspf=fail (all)", "dkim=pass",
                "header.d=signer.test", "header.s=test", "dmarc=pass", "Received-SPF: fail",
            ] { #expect(arrived.contains(part), "\(part): \(arrived)") }
            #expect(!arrived.contains("bank.test"))
            #expect(try await server.waitUntilDelivered().isEmpty)
            let junk = try await stage.run(
                "sqlite3",
                [
                    server.data + "/postreiter.sqlite",
                    """
                    SELECT count(*) FROM mailbox JOIN mailbox_message ON mailbox_id = mailbox.id
                    WHERE name = 'Junk'
                    """,
                ])
            #expect(junk.output == "1\n", "\(junk.output)")
            for (id, words) in [
                ("<1@signer.test>", "dkim=pass (signer.test), dmarc=pass"),
                ("<1@odd.test>", "It is put aside (Junk)"),
                ("<1@forged.test>", "It was refused for <alice@own.test>"),
            ] {
                let story = try await server.command("trace", id).output
                #expect(story.contains(words), "\(id): \(story)")
            }
        }
    }

    private func send(
        _ message: String, from sender: String, _ reply: String, _ server: Postreiter,
        _ stage: Stage
    ) async throws {
        let file = try stage.write(message, to: "sent.eml")
        let sent = try await stage.swaks(
            server: server.address, port: Postreiter.Port.smtp, from: sender, to: server.account,
            ["--data", "@" + file])
        #expect(sent.output.contains(reply), "\(sent.output)")
    }
}
