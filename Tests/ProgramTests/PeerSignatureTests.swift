// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite(
    "DKIM and DMARC end to end, with Postfix, OpenDKIM and OpenDMARC", .built, .asRoot,
    .installed("postfix", "opendkim", "opendmarc", "unbound", "openssl", "swaks", "curl"))
struct PeerSignatureTests {
    /// An RSA key in a file, and the text of its record.
    private static func key(_ stage: Stage) async throws -> (file: String, record: String) {
        let file = stage.path("rsa.pem")
        _ = try await stage.run("openssl", ["genrsa", "-out", file, "2048"])
        let (_, text) = try await stage.run("openssl", ["rsa", "-in", file, "-pubout"])
        let digits = text.split(separator: "\n").drop { !$0.hasPrefix("-----BEGIN") }
            .dropFirst().prefix { !$0.hasPrefix("-----") }.joined()
        return (file, "v=DKIM1; k=rsa; p=" + digits)
    }

    /// Starts a milter and returns how Postfix calls it.
    private static func milter(
        _ stage: Stage, _ program: String, _ settings: [String], names: String? = nil
    ) async throws -> String {
        let address = stage.address()
        let file = try stage.write(
            (settings + ["Socket inet:8891@\(address)", "Syslog no"]).map { $0 + "\n" }.joined(),
            to: "\(program).conf")
        let arguments = ["-f", program == "opendkim" ? "-x" : "-c", file]
        // Both read the system's resolver: they are given ours in a mount of their own.
        let child =
            if let names {
                try stage.start(
                    "unshare",
                    [
                        "-m", "sh", "-c",
                        "mount --bind \"$0\" /etc/resolv.conf; exec \"$@\"", names, program,
                    ] + arguments)
            } else {
                try stage.start(program, arguments)
            }
        let isUp = await isListening(address, 8891)
        try #require(isUp, "\(program) did not start: \(child.output)")
        return "inet:\(address):8891"
    }

    @Test(
        "what Postfix and OpenDKIM sign passes here, in each form; changed, DMARC refuses it",
        arguments: ["simple/simple", "simple/relaxed", "relaxed/simple", "relaxed/relaxed"])
    func theirs(form: String) async throws {
        try await withStage { stage in
            let (key, record) = try await Self.key(stage)
            let text = stride(from: 0, to: record.count, by: 200).map {
                "\"\(record.dropFirst($0).prefix(200))\""
            }.joined(separator: " ")
            let zone =
                Postreiter.zone("signer.test", exchanger: "192.0.2.1") + """
                    @ TXT "v=spf1 -all"
                    _dmarc TXT "v=DMARC1; p=reject"
                    test._domainkey TXT \(text)

                    """
            let server = try await Postreiter(
                stage, zones: ["signer.test": zone],
                environment: ["POSTREITER_TRUST_NETWORKS": "192.0.2.0/24"])
            let milter = try await Self.milter(
                stage, "opendkim",
                [
                    "Mode s", "Domain signer.test", "Selector test", "KeyFile \(key)",
                    "Canonicalization \(form)", "RequireSafeKeys no", "OversignHeaders From",
                    "InternalHosts 127.0.0.0/8",
                ])
            let postfix = try await Postfix(
                stage, address: stage.address(), domain: "signer.test", relayDomain: server.domain,
                next: "\(server.address):\(Postreiter.Port.smtp)",
                settings: ["smtpd_milters = \(milter)"])
            let message = """
                From: Joe <joe@signer.test>\r
                To: alice@own.test\r
                Subject:  a  subject\r
                 \tthat is folded\r
                Date: Sat, 21 Nov 2026 12:00:00 +0000\r
                Message-ID: <1@signer.test>\r
                \r
                Hello,  \r
                \ttabs \t and  spaces.\r
                \r
                \r

                """
            let file = try stage.write(message, to: "message.eml")
            let sent = try await stage.swaks(
                server: postfix.address, port: postfix.port, from: "joe@signer.test",
                to: "alice+all@own.test", ["--data", "@" + file])
            #expect(sent.output.contains("250 2.0.0"), "\(sent.output)")
            let arrived = try #require(
                try await server.mailbox(count: 1).first, "\(postfix.log) \(server.log)")
            for part in ["dkim=pass", "header.d=signer.test", "dmarc=pass", "c=\(form)"] {
                #expect(arrived.contains(part), "\(part): \(arrived)")
            }
            // The same once more, from the signature on, with a word changed.
            let start = try #require(arrived.range(of: "DKIM-Signature:"))
            let rest = String(arrived[start.lowerBound...])
            let changed = try stage.write(
                rest.replacing("Hello", with: "Hallo"), to: "changed.eml")
            let refused = try await stage.swaks(
                server: server.address, port: Postreiter.Port.smtp, from: "joe@signer.test",
                to: server.account, ["--data", "@" + changed])
            #expect(refused.output.contains("550 5.7.1"), "\(refused.output)")
        }
    }

    @Test("what an account of ours sends, signed by itself, OpenDKIM and OpenDMARC let pass")
    func ours() async throws {
        try await withStage { stage in
            let (host, mx) = (stage.address(), stage.address())
            let server = try await Postreiter(
                stage, zones: ["peer.test": Postreiter.zone("peer.test", exchanger: mx)],
                address: host, environment: ["POSTREITER_DKIM_CONFIRMATION_MINUTES": "0"])
            for command in [
                ["domain", "add", "sender.test"], ["zone", "create", "sender.test"],
                ["account", "add", "joe@sender.test", "--password-file"]
                    + [try stage.write("a word to get in\n", to: "word")],
            ] {
                let done = try await server.command(command)
                try #require(done.status == 0, "\(done.output)")
            }
            // Keys are looked after once a minute, and at each start.
            var status = ""
            for _ in 0..<5 where status.components(separatedBy: " active ").count < 3 {
                await server.stop()
                try await server.start()
                _ = await isTrue(within: .seconds(5)) {
                    status =
                        (try? await server.command("dkim", "status", "sender.test").output) ?? ""
                    return status.components(separatedBy: " active ").count == 3
                }
            }
            try #require(status.components(separatedBy: " active ").count == 3, "\(status)")

            let names = try await Unbound(
                stage, address: stage.address(), port: 53,
                stubs: [
                    "sender.test": "\(host)@\(Postreiter.Port.dns)",
                    "peer.test": "\(host)@\(Postreiter.Port.dns)",
                ])
            let resolver = try stage.write("nameserver \(names.address)\n", to: "resolv.conf")
            // Debian's OpenDKIM asks by libunbound, which does not read that file.
            let forwarding = try stage.write(
                """
                server:
                  do-not-query-localhost: no
                  local-zone: "test." nodefault
                forward-zone:
                  name: "."
                  forward-addr: \(names.address)

                """, to: "forwarding.conf")
            // OpenDMARC passes over what comes from this machine, unless others are named.
            let ignored = try stage.write("192.0.2.1\n", to: "ignored")
            let dkim = try await Self.milter(
                stage, "opendkim",
                [
                    "Mode v", "AuthservID mx.peer.test", "AlwaysAddARHeader yes",
                    "ResolverConfiguration \(forwarding)",
                ], names: resolver)
            let dmarc = try await Self.milter(
                stage, "opendmarc",
                [
                    "AuthservID mx.peer.test", "TrustedAuthservIDs mx.peer.test",
                    "SPFSelfValidate yes", "RejectFailures yes", "IgnoreHosts \(ignored)",
                ], names: resolver)
            let postfix = try await Postfix(
                stage, address: mx, domain: "peer.test",
                settings: ["smtpd_milters = \(dkim) \(dmarc)"])
            let sent = try await stage.swaks(
                server: host, port: Postreiter.Port.submission, from: "joe@sender.test",
                to: "box@peer.test",
                [
                    "--tls", "--auth", "PLAIN", "--auth-user", "joe@sender.test",
                    "--auth-password", "a word to get in", "--body", "Hello.\n\n\ttabs \t\n\n",
                ])
            #expect(sent.output.contains("250 2.0.0"), "\(sent.output)")
            let hasArrived = await isTrue(within: .seconds(30)) { !postfix.messages.isEmpty }
            try #require(hasArrived, "\(server.log) \(postfix.log)")
            let arrived = postfix.messages[0]
            for part in ["dkim=pass", "header.d=sender.test", "dmarc=pass"] {
                #expect(arrived.contains(part), "\(part): \(arrived)")
            }
            #expect(arrived.components(separatedBy: "DKIM-Signature:").count == 3, "\(arrived)")
        }
    }
}
