// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite(
    "RFC 8617 and SRS: what an alias passes on to another host, on the program itself", .built,
    .installed("swaks"))
struct ForwardingProgramTests {
    private static let message = """
        From: Joe <joe@author.test>\r
        To: fan@own.test\r
        Subject: passed on\r
        Date: Sat, 21 Nov 2026 12:00:00 +0000\r
        Message-ID: <1@author.test>\r
        \r
        Hello.\r

        """

    private static func zones(_ far: String) -> [String: String] {
        [
            "far.test": Postreiter.zone("far.test", exchanger: far),
            "author.test": Postreiter.zone("author.test", exchanger: "192.0.2.1") + """
                @ TXT "v=spf1 ip4:127.0.0.1 -all"
                _dmarc TXT "v=DMARC1; p=reject"

                """,
        ]
    }

    @Test(
        "It is sealed, its reverse-path is ours, who trusts us takes it, and bounces come back",
        .timeLimit(.minutes(20)))
    func forwarded() async throws {
        try await withStage { stage in
            let (near, far) = (stage.address(), stage.address())
            let strangers = ["POSTREITER_TRUST_NETWORKS": "192.0.2.0/24"]
            let host = try await Postreiter(
                stage, zones: Self.zones(far), address: near,
                environment: strangers.merging(
                    ["POSTREITER_DKIM_CONFIRMATION_MINUTES": "0"], uniquingKeysWith: { $1 }))
            let other = try await Postreiter(
                stage, domain: "far.test", address: far,
                environment: strangers.merging(
                    [
                        "POSTREITER_RESOLVER": "\(near):\(Postreiter.Port.dns)",
                        "POSTREITER_AUTHENTICATION_TRUSTED_SEALERS": "own.test",
                    ], uniquingKeysWith: { $1 }))
            let added = try await host.command("alias", "add", "fan@own.test", other.account)
            try #require(added.status == 0, "\(added.output)")
            let signs = await isTrue(within: .seconds(100)) {
                let status = try? await host.command("dkim", "status", "own.test", "--json")
                return status?.output.contains("\"signing\":true,") == true
            }
            try #require(signs, "\(host.log)")
            let file = try stage.write(Self.message, to: "sent.eml")
            let sent = try await stage.swaks(
                server: near, port: Postreiter.Port.smtp, from: "joe@author.test",
                to: "fan@own.test", ["--data", "@" + file])
            #expect(sent.output.contains("250 2.0.0"), "\(sent.output)")

            let arrived = try #require(try await other.mailbox(count: 1).first, "\(host.log)")
            for part in [
                "ARC-Seal: i=1; a=rsa-sha256; cv=none; d=own.test;",
                "ARC-Authentication-Results: i=1; mx1.own.test;", "arc=pass",
                "(sealed by own.test)", "dmarc=fail", "Return-Path: <SRS0=",
            ] { #expect(arrived.contains(part), "\(part): \(arrived)") }
            let path = try #require(
                arrived.firstMatch(of: /Return-Path: <(SRS0=[^>]*@own\.test)>/)?.1)
            let bounce = try await stage.swaks(
                server: near, port: Postreiter.Port.smtp, from: "<>", to: String(path))
            #expect(bounce.output.contains("250 2.0.0"), "\(bounce.output)")
            let forged = String(path).replacing("joe@", with: "jim@")
            let refused = try await stage.swaks(
                server: near, port: Postreiter.Port.smtp, from: "<>", to: forged)
            #expect(refused.output.contains("550 5.1.1"), "\(refused.output)")
            let story = try await host.command("trace", "joe@author.test").output
            #expect(story.contains("joe@author.test"), "\(story)")
        }
    }
}
