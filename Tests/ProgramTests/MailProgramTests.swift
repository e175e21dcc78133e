// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("Real mail programs agree with Postreiter", .serialized, .built)
struct MailProgramTests {
    @Test("swaks submits with each AUTH, and curl reads it by POP3", .installed("swaks", "curl"))
    func submission() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            let ways = [
                (Postreiter.Port.submission, "PLAIN"), (Postreiter.Port.submission, "LOGIN"),
                (Postreiter.Port.submissions, "PLAIN"), (Postreiter.Port.submissions, "LOGIN"),
            ]
            for (number, way) in ways.enumerated() {
                let sent = try await host.submit(
                    to: host.account, subject: "number \(number) by \(way.1)", port: way.0,
                    mechanism: way.1)
                #expect(sent.status == 0, "\(sent.output)")
            }
            let messages = try await host.mailbox(count: ways.count)
            #expect(messages.count == ways.count)
            for (number, way) in ways.enumerated() {
                let message = messages.first {
                    $0.contains("Subject: number \(number) by \(way.1)\r\n")
                }
                #expect(message?.contains("ESMTPSA") == true, "\(messages)")
                #expect(message?.contains("TLSv1.3") == true, "\(messages)")
            }
            let upgraded = try await stage.curl(
                "pop3", server: host.address, port: Postreiter.Port.pop3, user: host.account,
                password: host.password, options: ["--ssl-reqd"])
            #expect(upgraded.output.split(whereSeparator: \.isNewline).count == ways.count)
        }
    }

    @Test(
        "Wrong passwords, strange senders and open relaying are refused", .installed("swaks"))
    func refusals() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            let wrong = try await host.submit(
                to: host.account, subject: "x", password: "incorrect")
            #expect(wrong.output.contains("<~* 535 5.7.8"), "\(wrong.output)")
            let stranger = try await host.submit(
                to: host.account, subject: "x", from: "someone@else.test")
            #expect(stranger.status != 0 && stranger.output.contains(" 55"), "\(stranger.output)")
            let plain = try await stage.swaks(
                server: host.address, port: Postreiter.Port.submission, from: host.account,
                to: host.account, ["--auth", "PLAIN", "--auth-user", "x", "--auth-password", "y"])
            #expect(plain.status != 0, "a password went out without TLS: \(plain.output)")
            let relay = try await stage.swaks(
                server: host.address, port: Postreiter.Port.smtp, from: "a@client.test",
                to: "b@elsewhere.test")
            #expect(relay.output.contains("<** 550 5.7.1"), "\(relay.output)")
            let unknown = try await stage.swaks(
                server: host.address, port: Postreiter.Port.smtp, from: "a@client.test",
                to: "nobody@\(host.domain)")
            #expect(unknown.output.contains("<** 550 5.1.1"), "\(unknown.output)")
            #expect(try await host.mailbox().isEmpty)
        }
    }

    @Test(
        "fetchmail takes everything by POP3, over TLS and STLS", .installed("swaks", "fetchmail"),
        arguments: [true, false])
    func fetchmail(_ implicit: Bool) async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            for number in 1...3 {
                let sent = try await host.submit(
                    to: host.account, subject: "number \(number)",
                    options: ["--body", ".a line with a dot\n..and two\nend"])
                #expect(sent.status == 0, "\(sent.output)")
            }
            _ = try await host.mailbox(count: 3)
            let fetched = try await stage.fetchmail(
                server: host.address,
                port: implicit ? Postreiter.Port.pop3s : Postreiter.Port.pop3,
                user: host.account, password: host.password,
                ssl: implicit ? "ssl no sslcertck" : "sslproto \"auto\" no sslcertck")
            #expect(fetched.status == 0, "\(fetched.output)")
            for number in 1...3 { #expect(fetched.mail.contains("Subject: number \(number)\n")) }
            #expect(fetched.mail.contains("\n.a line with a dot\n..and two\nend\n"))
            #expect(try await host.mailbox().isEmpty)
        }
    }

    @Test(
        "What we relay reaches smtp-sink and, over TLS, a Postfix",
        .installed("swaks", "smtp-sink", "postfix", "openssl"), .asRoot)
    func relaying() async throws {
        try await withStage { stage in
            let sink = try await SMTPSink(stage, address: stage.address())
            let postfix = try await Postfix(
                stage, address: stage.address(), domain: "postfix.test")
            let host = try await Postreiter(
                stage,
                zones: [
                    "sink.test": Postreiter.zone("sink.test", exchanger: sink.address),
                    "postfix.test": Postreiter.zone("postfix.test", exchanger: postfix.address),
                ])
            for domain in ["sink.test", "postfix.test"] {
                let sent = try await host.submit(
                    to: "bob@\(domain)", subject: "for \(domain)",
                    options: ["--body", "one\n.two\nthree"])
                #expect(sent.status == 0, "\(sent.output)")
            }
            let arrived = await isTrue(within: .seconds(30)) {
                sink.messages.first?.contains("three") == true && !postfix.messages.isEmpty
            }
            #expect(arrived, "\(host.log)\n\(postfix.log)")
            let inSink = try #require(sink.messages.first)
            #expect(inSink.contains("Subject: for sink.test"))
            #expect(inSink.contains("bob@sink.test"))
            let inPostfix = try #require(postfix.messages.first)
            #expect(inPostfix.contains("Subject: for postfix.test"))
            #expect(inPostfix.contains("Return-Path: <\(host.account)>"))
            #expect(inPostfix.contains("\none\n.two\nthree\n"))
            #expect(inPostfix.contains("using TLSv1.3"), "\(inPostfix)")
            let isEmpty = await isTrue(within: .seconds(10)) {
                (try? await host.command("queue", "list"))?.output.contains("empty") == true
            }
            #expect(isEmpty)
        }
    }

    @Test(
        "A recipient refused by the other side comes back as a notification",
        .installed("swaks", "smtp-sink", "curl"))
    func notification() async throws {
        try await withStage { stage in
            let sink = try await SMTPSink(
                stage, address: stage.address(), options: ["-f", "RCPT"])
            let host = try await Postreiter(
                stage, zones: ["sink.test": Postreiter.zone("sink.test", exchanger: sink.address)])
            let sent = try await host.submit(to: "bob@sink.test", subject: "refused")
            #expect(sent.status == 0, "\(sent.output)")
            let messages = try await host.mailbox(count: 1)
            let notification = try #require(messages.first, "\(host.log)")
            #expect(notification.contains("multipart/report"))
            #expect(notification.contains("Final-Recipient: rfc822;"))
            #expect(notification.contains("bob@sink.test"))
            #expect(notification.contains("Action: failed"))
            #expect(notification.contains("Return-Path: <>"))
        }
    }

    @Test(
        "A recipient put off by the other side waits, and trace says why",
        .installed("swaks", "smtp-sink"))
    func waiting() async throws {
        try await withStage { stage in
            let sink = try await SMTPSink(
                stage, address: stage.address(), options: ["-r", "RCPT"])
            let host = try await Postreiter(
                stage, zones: ["sink.test": Postreiter.zone("sink.test", exchanger: sink.address)])
            let sent = try await host.submit(to: "bob@sink.test", subject: "put off")
            #expect(sent.status == 0, "\(sent.output)")
            var told = ""
            let isTold = await isTrue(within: .seconds(20)) {
                told = (try? await host.command("trace", "bob@sink.test"))?.output ?? ""
                return told.contains("450")
            }
            #expect(isTold, "\(told)\n\(host.log)")
            let queue = try await host.command("queue", "list")
            #expect(queue.output.contains("bob@sink.test"), "\(queue.output)")
            #expect(try await host.mailbox().isEmpty)
        }
    }

    @Test("smtp-source delivers over many connections, and all arrives", .installed("smtp-source"))
    func incoming() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            let sent = try await stage.smtpSource(
                server: host.address, port: Postreiter.Port.smtp, from: "a@client.test",
                to: host.account, messages: 60, octets: 10_240, sessions: 10)
            #expect(sent.status == 0, "\(sent.output)")
            #expect(try await host.waitUntilDelivered() == "")
            let list = try await stage.curl(
                "pop3s", server: host.address, port: Postreiter.Port.pop3s, user: host.account,
                password: host.password)
            #expect(list.output.split(whereSeparator: \.isNewline).count == 60)
        }
    }

    @Test("dig gets its answers over UDP and TCP", .installed("dig"))
    func names() async throws {
        try await withStage { stage in
            let many = (1...60).map { "many TXT \"record number \($0) of a long set\"\n" }.joined()
            let zone = Postreiter.zone("other.test", exchanger: "192.0.2.1") + many
            let host = try await Postreiter(stage, zones: ["other.test": zone])
            let port = Postreiter.Port.dns
            for tcp in [false, true] {
                let mx = try await stage.dig(host.address, port: port, host.domain, "MX", tcp: tcp)
                #expect(mx == "10 \(host.hostName).\n")
                let a = try await stage.dig(host.address, port: port, "mx.other.test", tcp: tcp)
                #expect(a == "192.0.2.1\n")
                let absent = try await stage.dig(
                    host.address, port: port, "no.other.test", "A", tcp: tcp, full: true)
                #expect(absent.contains("status: NXDOMAIN") && absent.contains("SOA"))
                let foreign = try await stage.dig(
                    host.address, port: port, "example.org", "A", tcp: tcp, full: true)
                #expect(foreign.contains("status: REFUSED"))
            }
            // What does not fit into a datagram is asked again by TCP (RFC 7766 §5).
            let long = try await stage.run(
                "dig",
                [
                    "@\(host.address)", "-p", "\(port)", "+short", "+time=3", "many.other.test",
                    "TXT",
                ]
            )
            #expect(long.output.split(whereSeparator: \.isNewline).count == 60, "\(long.output)")
        }
    }

    @Test("openssl finds TLS 1.3 and our certificate on every port", .installed("openssl"))
    func tls() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            let services: [(port: Int, startTLS: String?)] = [
                (Postreiter.Port.smtp, "smtp"), (Postreiter.Port.submission, "smtp"),
                (Postreiter.Port.submissions, nil), (Postreiter.Port.pop3, "pop3"),
                (Postreiter.Port.pop3s, nil),
            ]
            for service in services {
                let found = try await stage.openssl(
                    server: host.address, port: service.port, startTLS: service.startTLS,
                    name: host.hostName, trusting: host.certificate)
                #expect(found.contains("Verify return code: 0 (ok)"), "\(service): \(found)")
                #expect(found.contains("TLSv1.3"), "\(service): \(found)")
            }
        }
    }

    @Test("A port in use and an unknown key are named when the server cannot start")
    func cannotStart() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            let file = try stage.write(
                """
                host-name: mx2.own.test
                data-folder: \(try stage.makeFolder("other"))
                tls:
                  certificate: \(host.certificate)
                  private-key: \(host.privateKey)
                listen:
                  smtp: ["\(host.address):2525"]

                """, to: "other.yaml")
            let second = try await stage.run(Postreiter.binary, ["serve", "--config", file])
            #expect((64...78).contains(second.status ?? 0), "\(second)")
            #expect(second.output.contains("\(host.address):2525 is already in use"), "\(second)")
            let wrong = try stage.write("host-nam: mx2.own.test\n", to: "wrong.yaml")
            let refused = try await stage.run(Postreiter.binary, ["serve", "--config", wrong])
            #expect((64...78).contains(refused.status ?? 0), "\(refused)")
            #expect(refused.output.contains("wrong.yaml:1"), "\(refused)")
            #expect(refused.output.contains("host-name"), "\(refused)")
        }
    }

    @Test("SIGTERM ends the server in order, and it starts again with everything it had")
    func restart() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            let sent = try await host.submit(to: host.account, subject: "before the restart")
            #expect(sent.status == 0, "\(sent.output)")
            await host.stop()
            #expect(await host.hasLogged("stopped"), "\(host.log)")
            try await host.start()
            let messages = try await host.mailbox(count: 1)
            #expect(messages.first?.contains("Subject: before the restart") == true)
        }
    }
}
