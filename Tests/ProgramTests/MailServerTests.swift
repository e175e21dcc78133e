// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

@Suite("Other mail servers exchange mail with us, whatever they lack", .serialized, .built)
struct MailServerTests {
    /// In two octets each where they are not written otherwise.
    private static let greeting = "Grüße, Ærøskøbing"

    /// Whether the greeting is there, as it is or in quoted-printable.
    static func isWhole(_ message: String) -> Bool {
        message.contains(greeting)
            || message.contains("Gr=C3=BC=C3=9Fe, =C3=86r=C3=B8sk=C3=B8bing")
    }

    /// The message, its text readable if it came in Base64, with lines ended by LF.
    static func readable(_ message: String) -> String {
        let message = message.replacing("\r\n", with: "\n")
        guard message.contains("\nContent-Transfer-Encoding: base64\n"),
            let split = message.firstRange(of: "\n\n"),
            let body = Data(
                base64Encoded: String(message[split.upperBound...]),
                options: .ignoreUnknownCharacters)
        else { return message }
        let text = String(decoding: body, as: UTF8.self).replacing("\r\n", with: "\n")
        return message[..<split.upperBound] + text
    }

    /// What the server that had the message last says of how it came, on one line.
    private static func lastReceived(_ message: String) -> String {
        let parts = message.components(separatedBy: "Received:")
        guard parts.count > 1 else { return "" }
        return parts[1].split(whereSeparator: \.isWhitespace).joined(separator: " ")
    }

    /// A body that shows what becomes of dots, long lines and 8-bit text.
    private static func options(_ subject: String) -> [String] {
        [
            "--header", "Subject: \(subject)", "--add-header", "MIME-Version: 1.0",
            "--add-header", "Content-Type: text/plain; charset=utf-8", "--add-header",
            "Content-Transfer-Encoding: 8bit", "--body", "\(greeting)\n.one\n..two\nend",
        ]
    }

    private func zones(_ domain: String, _ doors: [Door]) -> [String: String] {
        Dictionary(
            uniqueKeysWithValues: doors.map { door in
                let name = "\(door.without.name).\(domain)"
                return (name, Postreiter.zone(name, exchanger: door.address))
            })
    }

    // MARK: We send

    /// Sends to each door and looks what arrives; `expected` says which protocol it shows.
    private func expectArrival(
        _ doors: [Door], _ domain: String, from host: Postreiter,
        _ messages: () -> [String], _ log: () -> String
    ) async throws {
        for door in doors {
            let sent = try await host.submit(
                to: "bob@\(door.without.name).\(domain)", subject: "without \(door.without.name)",
                options: Self.options("without \(door.without.name)"))
            #expect(sent.status == 0, "\(sent.output)")
        }
        _ = await isTrue(within: .seconds(40)) { messages().count == doors.count }
        for door in doors {
            let name = door.without.name
            let message = messages().map(Self.readable)
                .first { $0.contains("Subject: without \(name)\n") }
            guard let message else {
                Issue.record("without \(name): nothing arrived\n\(host.log)\n\(log())")
                continue
            }
            #expect(Self.isWhole(message), "without \(name): \(message)")
            #expect(message.contains("\n.one\n..two\nend"), "without \(name): \(message)")
            // RFC 6152 §3: not offered, so no octet above 127 went out.
            let isConverted = door.without == .eightBit || door.without == .extended
            let raw = messages().first { $0.contains("Subject: without \(name)\n") } ?? ""
            #expect(raw.utf8.allSatisfy { $0 < 0x80 } == isConverted, "without \(name): \(raw)")
            let received = Self.lastReceived(message)
            let isSecured = received.contains("TLS1.3") || received.contains("TLSv1.3")
            #expect(isSecured == (door.without != .tls && door.without != .extended), "\(name)")
        }
        #expect(try await host.waitUntilDelivered() == "")
    }

    @Test(
        "A Postfix takes what we send, with and without each extension",
        .installed("swaks", "postfix", "openssl"), .asRoot)
    func toPostfix() async throws {
        try await withStage { stage in
            let doors = ([nil] + Offer.allCases).map {
                Door(address: stage.address(), without: $0)
            }
            let postfix = try await Postfix(
                stage, address: stage.address(), domain: "postfix.test", doors: doors)
            let host = try await Postreiter(stage, zones: zones("postfix.test", doors))
            try await expectArrival(
                doors, "postfix.test", from: host, { postfix.messages }, { postfix.log })
        }
    }

    @Test(
        "An Exim takes what we send, with and without each extension",
        .installed("swaks", "openssl"), .exim, .asRoot)
    func toExim() async throws {
        try await withStage { stage in
            let offers: [Offer?] = [nil, .pipelining, .chunking, .dsn, .international, .tls]
            let doors = offers.map { Door(address: stage.address(), without: $0) }
            let exim = try await Exim(stage, domain: "exim.test", doors: doors)
            let host = try await Postreiter(stage, zones: zones("exim.test", doors))
            try await expectArrival(
                doors, "exim.test", from: host, { exim.messages }, { exim.log })
        }
    }

    @Test(
        "A Dovecot takes what we deliver by LMTP, and answers for each recipient",
        .installed("swaks", "dovecot", "curl"), .asRoot, arguments: [false, true])
    func toDovecot(overSocket: Bool) async throws {
        try await withStage { stage in
            let dovecot = try await Dovecot(
                stage, address: stage.address(), people: ["bob", "carol"], domain: "dovecot.test")
            let host = try await Postreiter(stage)
            let place =
                overSocket ? "unix:\(dovecot.socket)" : "\(dovecot.address):\(Dovecot.port)"
            let way = try await host.command("transport", "add", "dovecot.test", "lmtp", place)
            #expect(way.status == 0, "\(way.output)")
            let sent = try await host.submit(
                to: "bob@dovecot.test,nobody@dovecot.test,carol@dovecot.test", subject: "by LMTP",
                options: Self.options("by LMTP"))
            #expect(sent.status == 0, "\(sent.output)")
            let isThere = await isTrue(within: .seconds(30)) {
                !dovecot.messages(of: "bob").isEmpty && !dovecot.messages(of: "carol").isEmpty
            }
            #expect(isThere, "\(host.log)\n\(dovecot.log)")
            for person in ["bob", "carol"] {
                let messages = dovecot.messages(of: person)
                #expect(messages.count == 1)
                #expect(Self.isWhole(Self.readable(messages.first ?? "")))
                #expect(messages.first?.contains("Subject: by LMTP") == true)
            }
            // Who does not exist there is told of alone.
            let notices = try await host.mailbox(count: 1)
            #expect(notices.count == 1 && notices[0].contains("nobody@dovecot.test"))
            #expect(!notices[0].contains("Final-Recipient: rfc822; bob@"), "\(notices)")
            #expect(try await host.waitUntilDelivered() == "")
        }
    }

    // MARK: They send

    private func expectMail(
        from server: String, _ port: Int, _ ways: [Offer?], to host: Postreiter, _ stage: Stage,
        _ log: () -> String
    ) async throws {
        for way in ways {
            let sent = try await stage.swaks(
                server: server, port: port, from: "bob@client.test",
                to: "alice+\(way.name)@own.test",
                Self.options("without \(way.name)"))
            #expect(sent.status == 0, "\(sent.output)")
        }
        let messages = try await host.mailbox(count: ways.count, within: .seconds(40))
        #expect(messages.count == ways.count, "\(log())")
        for way in ways {
            let message = messages.map(Self.readable)
                .first { $0.contains("Subject: without \(way.name)\n") }
            guard let message else { continue }
            #expect(Self.isWhole(message), "without \(way.name): \(message)")
            #expect(message.contains("\n.one\n..two\nend"), "without \(way.name)")
            let received = Self.lastReceived(message)
            let keyword =
                switch way {
                case .extended: " with SMTP "
                case .tls: " with ESMTP "
                default: " with ESMTPS "
                }
            #expect(received.contains(keyword), "without \(way.name): \(received)")
        }
    }

    @Test(
        "We take what a Postfix sends, with and without each extension",
        .installed("swaks", "postfix", "openssl", "curl"), .asRoot)
    func fromPostfix() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            let postfix = try await Postfix(
                stage, address: stage.address(), domain: "postfix.test", relayDomain: "own.test",
                next: "\(host.address):\(Postreiter.Port.smtp)")
            try await expectMail(
                from: postfix.address, postfix.port, Postfix.ways, to: host, stage
            ) { postfix.log }
        }
    }

    @Test(
        "We take what an Exim sends, with and without each extension",
        .installed("swaks", "openssl", "curl"), .exim, .asRoot)
    func fromExim() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            let door = Door(address: stage.address())
            let ways: [Offer?] = [nil, .pipelining, .chunking, .tls, .extended]
            let exim = try await Exim(
                stage, domain: "exim.test", doors: [door], ways: ways,
                next: "\(host.address):\(Postreiter.Port.smtp)")
            try await expectMail(from: door.address, Exim.port, ways, to: host, stage) { exim.log }
        }
    }

    // MARK: Servers that fail

    /// What becomes of mail to a server that fails in one way.
    private enum End: String {
        /// It comes back.
        case bounced
        /// It waits.
        case deferred
    }

    /// smtp-sink's options (smtp-sink(1)): `-f` refuses a command for good, `-r` for now, `-q`
    /// ends the connection without a reply, `-Q` with 421.
    private static let failures: [(options: [String], end: End)] =
        ["MAIL", "RCPT", "DATA", "."].map { (["-f", $0], .bounced) }
        + ["MAIL", "RCPT", "DATA", "."].map { (["-r", $0], .deferred) }
        + ["EHLO", "MAIL", "RCPT", "DATA", "."].map { (["-q", $0], .deferred) }
        + ["CONNECT", "EHLO", "MAIL", "."].map { (["-Q", $0], .deferred) }

    @Test(
        "Mail to servers that fail comes back or waits, and is never lost",
        .installed("swaks", "smtp-sink", "curl"))
    func failingServers() async throws {
        try await withStage { stage in
            var zones: [String: String] = [:]
            for (number, failure) in Self.failures.enumerated() {
                let sink = try await SMTPSink(
                    stage, address: stage.address(), options: failure.options)
                let domain = "sink\(number).test"
                zones[domain] = Postreiter.zone(domain, exchanger: sink.address)
            }
            let host = try await Postreiter(stage, zones: zones)
            for number in Self.failures.indices {
                let sent = try await host.submit(
                    to: "bob@sink\(number).test", subject: "to sink \(number)")
                #expect(sent.status == 0, "\(sent.output)")
            }
            let bounced = Self.failures.count { $0.end == .bounced }
            let notices = try await host.mailbox(count: bounced)
            #expect(notices.count == bounced, "\(host.log)")
            for (number, failure) in Self.failures.enumerated() {
                let address = "bob@sink\(number).test"
                let isTold = await isTrue(within: .seconds(30)) {
                    let story = (try? await host.command("trace", address, "--json"))?.output ?? ""
                    return story.contains("\"\(failure.end.rawValue)\"")
                }
                let trace = try await host.command("trace", address).output
                #expect(isTold, "\(failure.options): \(trace)")
                let isNoticed = notices.contains { $0.contains("<\(address)>") }
                #expect(isNoticed == (failure.end == .bounced), "\(failure.options)")
                if failure.options == ["-q", "."] {
                    #expect(trace.contains("may arrive twice"), "\(trace)")
                }
            }
        }
    }

    @Test(
        "smtp-source's many sessions and recipients all arrive once",
        .installed("smtp-source", "smtp-sink"))
    func manyRecipients() async throws {
        try await withStage { stage in
            let sink = try await SMTPSink(stage, address: stage.address())
            let host = try await Postreiter(
                stage, zones: ["sink.test": Postreiter.zone("sink.test", exchanger: sink.address)])
            let relay = try await host.command("relay", "add", "sink.test", "--all")
            #expect(relay.status == 0, "\(relay.output)")
            // -r: recipients of each message; -f: their sender; -s: sessions at a time.
            let sent = try await stage.run(
                "smtp-source",
                [
                    "-d", "-m", "40", "-s", "8", "-r", "5", "-l", "3000", "-f", "a@client.test",
                    "-t", "b@sink.test", "\(host.address):\(Postreiter.Port.smtp)",
                ], within: .seconds(60))
            #expect(sent.status == 0, "\(sent.output)")
            #expect(try await host.waitUntilDelivered() == "")
            // smtp-sink may write its file after its reply.
            let count = {
                sink.messages.reduce(0) { count, message in
                    count + message.components(separatedBy: "X-Rcpt-Args: ").count - 1
                }
            }
            #expect(
                await isTrue(within: .seconds(10)) { count() >= 200 } && count() == 200,
                "\(count()): \(sink.messages.first ?? "")")
        }
    }
}
