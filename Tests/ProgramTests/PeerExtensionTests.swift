// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

/// What extensions are for, with servers that know them and servers that do not.
@Suite("Extensions of SMTP do with Postfix and Exim what they are for", .serialized, .built)
struct PeerExtensionTests {
    private static let port = Postreiter.Port.smtp

    /// A whole transaction from nobody in particular; the last reply, or the first refusal.
    private static func send(
        _ server: String, _ port: Int, mail: String, recipients: [String], _ message: String
    ) async throws -> String {
        try await onThread {
            let wire = try Wire(server, port)
            _ = try wire.readReply()
            var reply = ""
            for command in ["EHLO client.test", "MAIL FROM:\(mail)"]
                + recipients.map({ "RCPT TO:\($0)" })
            {
                reply = try wire.ask(command)
                guard reply.hasPrefix("250") else { return reply }
            }
            _ = try wire.ask("DATA")
            reply = try wire.ask(message.replacing("\n", with: "\r\n") + "\r\n.")
            _ = try wire.ask("QUIT")
            return reply
        }
    }

    private static func relay(_ host: Postreiter, _ domains: String...) async throws {
        for domain in domains {
            let added = try await host.command("relay", "add", domain, "--all")
            #expect(added.status == 0, "\(added.output)")
        }
    }

    // MARK: What we do not offer

    /// Hides one extension after the other, and has the server send a message meanwhile.
    private func expectMail(
        from server: String, _ port: Int, to host: Postreiter, _ log: () -> String
    ) async throws {
        let original = try String(contentsOfFile: host.configuration, encoding: .utf8)
        let offers = Offer.allCases.filter { $0 != .extended }
        for (number, offer) in offers.enumerated() {
            try Data((original + "smtp:\n  hidden-extensions: \(offer.rawValue)\n").utf8)
                .write(to: URL(fileURLWithPath: host.configuration))
            let reload = try await host.command("reload")
            #expect(reload.status == 0, "\(reload.output)")
            let sent = try await Self.send(
                server, port, mail: "<bob@client.test>", recipients: ["<alice+all@own.test>"],
                """
                Subject: hidden \(offer.rawValue)
                MIME-Version: 1.0
                Content-Type: text/plain; charset=utf-8
                Content-Transfer-Encoding: 8bit

                Grüße
                ..dot
                \(String(repeating: "x", count: 900))
                """)
            #expect(sent.hasPrefix("250"), "\(sent)")
            let mailbox = try await host.mailbox(count: number + 1, within: .seconds(40))
            let message = mailbox.first { $0.contains("Subject: hidden \(offer.rawValue)\r\n") }
            guard let message else {
                Issue.record("hidden \(offer): nothing came\n\(log())")
                continue
            }
            #expect(message.contains("Grüße") || message.contains("Gr=C3=BC=C3=9Fe"), "\(message)")
            #expect(message.contains("\r\n.dot\r\n"), "\(message)")
            let protocolName = offer == .tls ? " with ESMTP\r\n" : " with ESMTPS\r\n"
            #expect(message.contains(protocolName), "hidden \(offer): \(message)")
        }
        #expect(try await host.mailbox().count == offers.count, "one came twice")
    }

    @Test(
        "A Postfix sends us its mail, whichever extension we do not offer",
        .installed("postfix", "openssl", "curl"), .asRoot)
    func hiddenFromPostfix() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            let postfix = try await Postfix(
                stage, address: stage.address(), domain: "postfix.test", relayDomain: "own.test",
                next: "\(host.address):\(Self.port)")
            try await expectMail(from: postfix.address, postfix.port, to: host) { postfix.log }
        }
    }

    @Test(
        "An Exim sends us its mail, whichever extension we do not offer; by BDAT if we offer that",
        .installed("openssl", "curl"), .exim, .asRoot)
    func hiddenFromExim() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            let door = Door(address: stage.address())
            let exim = try await Exim(
                stage, domain: "exim.test", doors: [door], ways: [nil],
                next: "\(host.address):\(Self.port)")
            try await expectMail(from: door.address, Exim.port, to: host) { exim.log }
            // K: it went in chunks. All but the one for which CHUNKING was hidden.
            let deliveries = exim.log.split(separator: "\n").filter { $0.contains(" => ") }
            #expect(deliveries.count == 7, "\(exim.log)")
            #expect(deliveries.count { $0.contains(" K ") } == 6, "\(exim.log)")
        }
    }

    @Test(
        "An Exim that lacks SIZE, 8BITMIME or EHLO takes what we send",
        .installed("openssl"), .exim, .asRoot, arguments: [Offer.size, .eightBit, .extended])
    func filteredExim(_ offer: Offer) async throws {
        try await withStage { stage in
            let door = Door(address: stage.address())
            let exim = try await Exim(stage, domain: "exim.test", doors: [door])
            let filtered = Door(address: stage.address(), without: offer)
            let filter = try EHLOFilter(filtered, port: Self.port, to: door.address, Exim.port)
            let host = try await Postreiter(
                stage,
                zones: ["exim.test": Postreiter.zone("exim.test", exchanger: filtered.address)])
            try await Self.relay(host, "exim.test")
            let sent = try await Self.send(
                host.address, Self.port, mail: "<a@own.test> BODY=8BITMIME",
                recipients: ["<bob@exim.test>"],
                """
                Subject: filtered
                MIME-Version: 1.0
                Content-Type: text/plain; charset=utf-8
                Content-Transfer-Encoding: 8bit

                Grüße
                ..dot
                """)
            #expect(sent.hasPrefix("250"), "\(sent)")
            #expect(
                await isTrue(within: .seconds(40)) { exim.messages.count == 1 },
                "\(host.log)\n\(exim.log)")
            let message = exim.messages.first ?? ""
            // RFC 6152 §3: where 8BITMIME is not offered, no octet above 127.
            let isConverted = offer != .size
            #expect(message.utf8.allSatisfy { $0 < 0x80 } == isConverted, "\(message)")
            let text = MailServerTests.readable(message)
            #expect(text.contains("Gr=C3=BC=C3=9Fe") || text.contains("Grüße"), "\(message)")
            #expect(text.contains("\n.dot\n"), "\(message)")
            #expect(exim.log.contains(offer == .extended ? "P=smtp " : "P=esmtp "), "\(exim.log)")
            withExtendedLifetime(filter) {}
        }
    }

    // MARK: SIZE

    @Test(
        "Too large for a Postfix: known from SIZE before it is sent, or told behind it; returned once",
        .installed("postfix", "openssl", "curl"), .asRoot)
    func size() async throws {
        try await withStage { stage in
            let limit = ["message_size_limit=20000"]
            let doors = [
                Door(address: stage.address(), options: limit),
                Door(address: stage.address(), without: .size, options: limit),
            ]
            let postfix = try await Postfix(
                stage, address: stage.address(), domain: "postfix.test", doors: doors)
            let host = try await Postreiter(
                stage,
                zones: Dictionary(
                    uniqueKeysWithValues: doors.map {
                        let name = "\($0.without.name).postfix.test"
                        return (name, Postreiter.zone(name, exchanger: $0.address))
                    }))
            try await Self.relay(host, "all.postfix.test", "size.postfix.test")
            let body = String(repeating: String(repeating: "x", count: 70) + "\n", count: 400)
            for name in ["all", "size"] {
                let sent = try await Self.send(
                    host.address, Self.port, mail: "<\(host.account)>",
                    recipients: ["<bob@\(name).postfix.test>"], "Subject: large\n\n" + body)
                #expect(sent.hasPrefix("250"), "\(sent)")
            }
            let notices = try await host.mailbox(count: 2, within: .seconds(40))
            #expect(notices.count == 2, "\(host.log)\n\(postfix.log)")
            for name in ["all", "size"] {
                let notice = notices.first { $0.contains("bob@\(name).postfix.test") } ?? ""
                #expect(notice.contains("Status: 5.3.4"), "\(name): \(notice)")
            }
            // Postfix has seen the octets of one of them only.
            #expect(postfix.log.components(separatedBy: "queue file size limit").count <= 2)
            #expect(postfix.messages.isEmpty)
        }
    }

    // MARK: DSN

    /// A message through us to two doors of a server, one of which does not know DSN; what the
    /// sender hears comes back to us.
    private func expectNotifications(
        _ host: Postreiter, _ domain: String, _ log: () -> String
    ) async throws {
        try await Self.relay(host, "all.\(domain)", "dsn.\(domain)")
        for name in ["all", "dsn"] {
            let sent = try await Self.send(
                host.address, Self.port, mail: "<alice+all@own.test> RET=HDRS ENVID=id-\(name)",
                recipients: [
                    "<bob@\(name).\(domain)> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;first@old.test"
                ],
                "Subject: tell me of \(name)\n\nx")
            #expect(sent.hasPrefix("250"), "\(sent)")
        }
        let notices = try await host.mailbox(count: 2, within: .seconds(60))
        #expect(notices.count == 2, "\(host.log)\n\(log())")
        for (name, action) in [("all", "delivered"), ("dsn", "relayed")] {
            let notice = notices.first { $0.contains("id-\(name)") } ?? ""
            let text = notice.lowercased()
            #expect(text.contains("action: \(action)"), "\(name): \(notice)\n\(log())")
            let original = /original-recipient: rfc822; ?first@old\.test/
            #expect(text.firstMatch(of: original) != nil, "\(notice)")
            // The server that delivered it says so itself; of the other nobody but us can tell.
            let isOurs = text.contains("reporting-mta: dns; mx1.own.test")
            #expect(isOurs == (name == "dsn"), "\(name): \(notice)")
        }
        #expect(try await host.mailbox().count == 2)
    }

    @Test(
        "A Postfix reports success where it is asked to; where it does not know DSN we say relayed",
        .installed("postfix", "openssl", "curl"), .asRoot)
    func notificationsOfPostfix() async throws {
        try await withStage { stage in
            let doors = [nil, Offer.dsn].map { Door(address: stage.address(), without: $0) }
            let address = stage.address()
            let host = try await Postreiter(
                stage, zones: zones("postfix.test", doors), address: address)
            let postfix = try await Postfix(
                stage, address: stage.address(), domain: "postfix.test", doors: doors,
                relayDomain: "own.test", next: "\(address):\(Self.port)")
            try await expectNotifications(host, "postfix.test") { postfix.log }
        }
    }

    @Test(
        "An Exim reports success where it is asked to; where it does not know DSN we say relayed",
        .installed("openssl", "curl"), .exim, .asRoot)
    func notificationsOfExim() async throws {
        try await withStage { stage in
            let doors = [nil, Offer.dsn].map { Door(address: stage.address(), without: $0) }
            let address = stage.address()
            let host = try await Postreiter(
                stage, zones: zones("exim.test", doors), address: address)
            let exim = try await Exim(
                stage, domain: "exim.test", doors: doors, ways: [nil],
                next: "\(address):\(Self.port)")
            try await expectNotifications(host, "exim.test") { exim.log }
        }
    }

    @Test(
        "Asked by a Postfix for a report we send it; when we hide DSN the Postfix sends its own",
        .installed("postfix", "openssl", "smtp-sink"), .asRoot)
    func reportToPostfix() async throws {
        try await withStage { stage in
            let sink = try await SMTPSink(stage, address: stage.address())
            let host = try await Postreiter(
                stage,
                zones: ["client.test": Postreiter.zone("client.test", exchanger: sink.address)])
            let postfix = try await Postfix(
                stage, address: stage.address(), domain: "postfix.test", relayDomain: "own.test",
                next: "\(host.address):\(Self.port)")
            // The Postfix leaves DSN out itself for the second.
            for way in ["all", "dsn"] {
                let sent = try await Self.send(
                    postfix.address, postfix.port, mail: "<x@client.test> ENVID=id-\(way)",
                    recipients: ["<alice+\(way)@own.test> NOTIFY=SUCCESS"],
                    "Subject: by \(way)\n\nx")
                #expect(sent.hasPrefix("250"), "\(sent)")
            }
            #expect(try await host.mailbox(count: 2).count == 2, "\(postfix.log)")
            #expect(
                await isTrue(within: .seconds(30)) {
                    sink.messages.first?.contains("id-all") == true
                }, "\(host.log)\n\(postfix.log)")
            #expect(sink.messages.count == 1)
            let report = sink.messages.first?.lowercased() ?? ""
            #expect(report.contains("action: delivered"), "\(report)")
            #expect(report.contains("reporting-mta: dns; mx1.own.test"), "\(report)")
            #expect(
                await isTrue(within: .seconds(20)) {
                    postfix.log.contains("sender delivery status notification")
                }, "\(postfix.log)")
        }
    }

    // MARK: SMTPUTF8

    private func zones(_ domain: String, _ doors: [Door]) -> [String: String] {
        Dictionary(
            uniqueKeysWithValues: doors.map { door in
                let name = "\(door.without.name).\(domain)"
                return (name, Postreiter.zone(name, exchanger: door.address))
            })
    }

    /// To an address that is not ASCII: it arrives where SMTPUTF8 is known, and comes back else.
    private func expectInternational(
        _ host: Postreiter, _ domain: String, _ messages: () -> [String], _ log: () -> String
    ) async throws {
        try await Self.relay(host, "all.\(domain)", "smtputf8.\(domain)")
        for name in ["all", "smtputf8"] {
            let sent = try await Self.send(
                host.address, Self.port, mail: "<\(host.account)> SMTPUTF8 BODY=8BITMIME",
                recipients: ["<jürgen@\(name).\(domain)>"],
                "Subject: Grüße an \(name)\n\nGrüße")
            #expect(sent.hasPrefix("250"), "\(sent)")
        }
        #expect(
            await isTrue(within: .seconds(40)) {
                messages().contains { $0.contains("Subject: Grüße an all\n") }
            }, "\(host.log)\n\(log())")
        let notices = try await host.mailbox(count: 1)
        #expect(notices.count == 1, "\(host.log)")
        // RFC 6531 §3.5, RFC 6533: what could not be said to the next host is returned.
        #expect(notices.first?.contains("Status: 5.6.7") == true, "\(notices)")
        #expect(messages().count == 1)
    }

    @Test(
        "An address in Unicode reaches a Postfix, and comes back from one without SMTPUTF8",
        .installed("postfix", "openssl", "curl"), .asRoot)
    func internationalToPostfix() async throws {
        try await withStage { stage in
            let doors = [nil, Offer.international].map {
                Door(address: stage.address(), without: $0)
            }
            let postfix = try await Postfix(
                stage, address: stage.address(), domain: "postfix.test", doors: doors)
            let host = try await Postreiter(stage, zones: zones("postfix.test", doors))
            try await expectInternational(
                host, "postfix.test", { postfix.messages }, { postfix.log })
        }
    }

    @Test(
        "An address in Unicode reaches an Exim, and comes back from one without SMTPUTF8",
        .installed("openssl", "curl"), .exim, .asRoot)
    func internationalToExim() async throws {
        try await withStage { stage in
            let doors = [nil, Offer.international].map {
                Door(address: stage.address(), without: $0)
            }
            let exim = try await Exim(stage, domain: "exim.test", doors: doors)
            let host = try await Postreiter(stage, zones: zones("exim.test", doors))
            try await expectInternational(host, "exim.test", { exim.messages }, { exim.log })
        }
    }

    @Test(
        "A Postfix brings us mail with a header and a sender in Unicode",
        .installed("postfix", "openssl", "curl"), .asRoot)
    func internationalFromPostfix() async throws {
        try await withStage { stage in
            let host = try await Postreiter(stage)
            let postfix = try await Postfix(
                stage, address: stage.address(), domain: "postfix.test", relayDomain: "own.test",
                next: "\(host.address):\(Self.port)")
            let sent = try await Self.send(
                postfix.address, postfix.port, mail: "<jürgen@client.test> SMTPUTF8 BODY=8BITMIME",
                recipients: ["<alice+all@own.test>"],
                "From: Jürgen <jürgen@client.test>\nSubject: Grüße\n\nGrüße")
            #expect(sent.hasPrefix("250"), "\(sent)")
            let message = try await host.mailbox(count: 1, within: .seconds(40)).first ?? ""
            #expect(message.contains("Return-Path: <jürgen@client.test>\r\n"), "\(postfix.log)")
            #expect(message.contains("Subject: Grüße\r\n"), "\(message)")
            #expect(message.contains(" with UTF8SMTPS"), "\(message)")
        }
    }
}
