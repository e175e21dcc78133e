// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("Floods, proxies and local programs", .built)
struct HardCasesFloodTests {
    @Test("Too many connections are told so, from one network or in all, on all ports together")
    func limits() async throws {
        try await withStage { stage in
            let server = try await Postreiter(
                stage,
                environment: [
                    "POSTREITER_LIMITS_CONNECTIONS": "4",
                    "POSTREITER_LIMITS_CONNECTIONS_PER_NETWORK": "2",
                    "POSTREITER_LIMITS_EXEMPT_NETWORKS": "127.0.0.1",
                ])
            let address = server.address
            // 127.0.0.1 is exempt; the test's own address decides who it is.
            try await onThread {
                let complaint = try soon {
                    let crowd = try [
                        (Postreiter.Port.smtp, "220"), (Postreiter.Port.submission, "220"),
                        (Postreiter.Port.smtp, "220"), (Postreiter.Port.pop3, "+OK"),
                    ].map { try (Wire(address, $0.0), $0.1) }
                    for (wire, greeting) in crowd {
                        let line = try wire.readReply() ?? ""
                        guard line.hasPrefix(greeting) else { return line }
                    }
                    let refused = try Wire(address, Postreiter.Port.smtp)
                    #expect(try refused.readReply()?.hasPrefix("421 4.3.2") == true)
                    #expect(try refused.readReply() == nil)
                    let pop3 = try Wire(address, Postreiter.Port.pop3)
                    #expect(try pop3.readReply()?.hasPrefix("-ERR [SYS/TEMP]") == true)
                    _ = try crowd[0].0.ask("QUIT")
                    return try soon {
                        let line = try Wire(address, Postreiter.Port.smtp).readReply() ?? ""
                        return line.hasPrefix("220") ? nil : "the place is not free: \(line)"
                    }
                }
                #expect(complaint == nil)
            }
        }
        try await withStage { stage in
            let server = try await Postreiter(
                stage,
                environment: [
                    "POSTREITER_LIMITS_CONNECTIONS_PER_NETWORK": "2",
                    "POSTREITER_LIMITS_EXEMPT_NETWORKS": "192.0.2.0/24",
                ])
            let address = server.address
            try await onThread {
                let complaint = try soon {
                    let wires = try (0..<3).map { _ in try Wire(address, Postreiter.Port.smtp) }
                    let replies = try wires.map { String((try $0.readReply() ?? "").prefix(9)) }
                    let isRight = replies.sorted() == ["220 mx1.o", "220 mx1.o", "421 4.7.0"]
                    return isRight ? nil : "\(replies)"
                }
                #expect(complaint == nil)
            }
        }
    }

    /// Tries again until nothing is said against it; returns the last complaint.
    ///
    /// That an earlier connection has gone, the server hears a moment later.
    private func soon(_ attempt: () throws -> String?) rethrows -> String? {
        for _ in 0..<99 {
            if try attempt() == nil { return nil }
            Thread.sleep(forTimeInterval: 0.1)
        }
        return try attempt()
    }

    @Test("2,000 idle connections leave room for one that works, and cost little")
    func idle() async throws {
        try await withStage { stage in
            let server = try await Postreiter(
                stage, environment: ["POSTREITER_LIMITS_CONNECTIONS": "2100"])
            let address = server.address
            let before = try server.memory("VmRSS")
            let process = try #require(server.server).id
            let during = try await onThread {
                let wires = try (0..<2000).map { _ in try Wire(address, Postreiter.Port.smtp) }
                for wire in wires { _ = try wire.readReply() }
                let worker = try Wire(address, Postreiter.Port.smtp)
                _ = try worker.readReply()
                _ = try worker.ask("EHLO client.test")
                _ = try worker.ask("MAIL FROM:<a@client.test>")
                _ = try worker.ask("RCPT TO:<alice@own.test>")
                _ = try worker.ask("DATA")
                #expect(try worker.ask("Subject: x\r\n\r\nx\r\n.").hasPrefix("250 2.0.0"))
                defer { withExtendedLifetime(wires) {} }
                return try String(contentsOfFile: "/proc/\(process)/statm", encoding: .utf8)
            }
            let pages = try #require(
                during.split(separator: " ").dropFirst().first.flatMap { Int($0) })
            let each = (pages * 4 - before) / 2000
            print("idle: \(each) KiB for each of 2,000 connections")
            #expect(each < 30, "KiB")
        }
    }

    @Test("Behind a proxy the client is whom Received and log name", .installed("swaks"))
    func proxy() async throws {
        try await withStage { stage in
            let server = try await Postreiter(
                stage, environment: ["POSTREITER_TRUST_PROXY_PROTOCOL": "127.0.0.0/8"])
            for (version, port, options) in [
                ("1", Postreiter.Port.smtp, []),
                ("2", Postreiter.Port.smtp, ["--tls"]),
            ] as [(String, Int, [String])] {
                let family = version == "1" ? "TCP4" : "AF_INET"
                let sent = try await stage.swaks(
                    server: server.address, port: port, from: "a@client.test", to: server.account,
                    [
                        "--proxy-version", version, "--proxy-family", family, "--proxy-source",
                        "203.0.113.\(version)", "--proxy-source-port", "4711", "--proxy-dest",
                        "192.0.2.1", "--proxy-dest-port", "25",
                    ] + options)
                #expect(sent.status == 0, "\(sent.output)")
            }
            // TLS from the first octet behind the header.
            let submitted = try await server.submit(
                to: server.account, subject: "tls", port: Postreiter.Port.submissions,
                options: [
                    "--proxy-version", "1", "--proxy-family", "TCP4", "--proxy-source",
                    "203.0.113.3", "--proxy-source-port", "4711", "--proxy-dest", "192.0.2.1",
                    "--proxy-dest-port", "465",
                ])
            #expect(submitted.status == 0, "\(submitted.output)")
            try await onThread {
                let wire = try Wire(server.address, Postreiter.Port.smtp)
                try wire.write("EHLO no.proxy\r\n")
                #expect(try wire.readReply() == nil)
            }
            #expect(
                await server.hasLogged(
                    "203.0.113.1", "203.0.113.3", "closed a connection of the proxy"),
                "\(server.log)")
        }
    }

    @Test("LMTP takes mail for whom there is a mailbox, with a reply for each", .installed("swaks"))
    func local() async throws {
        try await withStage { stage in
            let address = stage.address()
            let server = try await Postreiter(
                stage, environment: ["POSTREITER_LISTEN_LMTP": "\(address):2124"])
            let sent = try await stage.swaks(
                server: address, port: 2124, from: "a@client.test", to: server.account,
                ["--protocol", "LMTP"])
            #expect(sent.status == 0, "\(sent.output)")
            try await play(
                """
                S: 220
                C: LHLO client.test
                C: MAIL FROM:<a@client.test>
                C: RCPT TO:<alice@own.test>
                C: RCPT TO:<nobody@own.test>
                C: RCPT TO:<alice+tag@own.test>
                C: BDAT 12 LAST
                C: Subject: x
                S: 250
                S: 250 2.1.0
                S: 250 2.1.5
                S: 550 5.1.1
                S: 250 2.1.5
                S: 250 2.0.0 queued
                S: 250 2.0.0 queued
                C: RCPT TO:<x@elsewhere.test>
                S: 503 5.5.1
                C: QUIT
                S: 221
                """, address, 2124)
            #expect(try await server.waitUntilDelivered() == "")
        }
    }

    @Test("A client certificate that is asked for is named in Received", .installed("openssl"))
    func certificate() async throws {
        try await withStage { stage in
            let server = try await Postreiter(
                stage, environment: ["POSTREITER_TLS_ASK_CLIENT_CERTIFICATE": "yes"])
            let made = try await stage.run(
                "openssl",
                [
                    "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                    "-nodes", "-keyout", stage.path("client.key"), "-out", stage.path("client.pem"),
                    "-days", "2", "-subj", "/CN=mail.client.test",
                ])
            try #require(made.status == 0, "\(made.output)")
            for certificate in [
                ["-cert", stage.path("client.pem"), "-key", stage.path("client.key")], [],
            ] {
                let said = try await stage.run(
                    "openssl",
                    [
                        "s_client", "-connect", "\(server.address):\(Postreiter.Port.smtp)",
                        "-starttls", "smtp", "-ign_eof", "-quiet",
                    ] + certificate,
                    input: """
                        EHLO client.test\r
                        MAIL FROM:<a@client.test>\r
                        RCPT TO:<alice@own.test>\r
                        DATA\r
                        Subject: certificate \(certificate.count)\r
                        \r
                        .\r
                        QUIT\r

                        """)
                #expect(said.output.contains("250 2.0.0 queued"), "\(said.output)")
            }
            #expect(try await server.waitUntilDelivered() == "")
            let mail = try await server.mailbox(count: 2)
            let shown = try #require(mail.first { $0.contains("Subject: certificate 4") })
            #expect(
                shown.contains("client-certificate=\"CN=mail.client.test\" verify=no"), "\(shown)")
            let none = try #require(mail.first { $0.contains("Subject: certificate 0") })
            #expect(!none.contains("client-certificate"), "\(none)")
        }
    }
}
