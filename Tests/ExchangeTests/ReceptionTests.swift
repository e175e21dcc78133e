// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Mail
import Reception
import SMTP
import SimulatedWorld
import Spool
import Storage
import Testing
import World

@Suite("Reception: what is accepted, from whom, and how long it may take")
struct ReceptionTests {
    /// Says nothing in time.
    private struct SilentResolver: Resolver {
        let time: any Time

        func resolve(_ name: Name, _ type: RecordType) async -> Answer {
            try? await time.sleep(for: .hours(1))
            return Answer(.failure(.timeout))
        }
    }

    /// What is said to the commands behind EHLO.
    private static func replies(_ said: [String]) -> [String] {
        Array(said.drop { !$0.hasPrefix("250 ") }.dropFirst())
    }

    @Test("a sender whose domain has a Null MX is refused; no fault of the DNS refuses anybody")
    func nullMX() throws {
        let world = try ReceptionWorld(
            zone: "none.example MX 0 .\nodd.example MX 5 .\nbad.example MX timeout")
        try world.run { world in
            let said = try await world.talk(
                "EHLO a", "MAIL FROM:<x@none.example>", "MAIL FROM:<x@odd.example>", "RSET",
                "MAIL FROM:<x@bad.example>", "RSET", "MAIL FROM:<x@nowhere.example>", "RSET",
                "MAIL FROM:<>")
            #expect(
                Self.replies(said).map { String($0.prefix(10)) } == [
                    "550 5.7.27", "250 2.1.0 ", "250 2.0.0 ", "250 2.1.0 ", "250 2.0.0 ",
                    "250 2.1.0 ", "250 2.0.0 ", "250 2.1.0 ", "221 2.0.0 ",
                ])
            let start = world.simulation.now
            world.simulation.tell("the resolver falls silent")
            #expect(world.simulation.now == start)
        }
        let silent = try ReceptionWorld()
        silent.resolver = SilentResolver(time: silent.simulation)
        try silent.run { world in
            let start = world.simulation.now
            let said = try await world.talk(
                "EHLO a", "MAIL FROM:<x@slow.example>", "RSET", "MAIL FROM:<x@slow.example>")
            #expect(Self.replies(said).map { $0.prefix(3) } == ["250", "250", "250", "221"])
            #expect(world.simulation.now - start < .seconds(10))
        }
    }

    @Test("mail for a relay domain that has a Null MX is refused at once (556)")
    func nullMXRecipient() throws {
        try ReceptionWorld(zone: "none.example MX 0 .").run { world in
            let said = try await world.talk(
                "EHLO a", "MAIL FROM:<x@far.example>", "RCPT TO:<x@none.example>")
            #expect(
                Self.replies(said).map { String($0.prefix(10)) } == [
                    "250 2.1.0 ", "556 5.1.10", "221 2.0.0 ",
                ])
        }
    }

    @Test("the postmaster is known without a domain and at our own address, where nobody else is")
    func postmaster() throws {
        let world = try ReceptionWorld()
        world.configuration.ownAddresses = [.v4(IPv4Address(203, 0, 113, 9))]
        try world.run { world in
            let said = try await world.talk(
                "EHLO a", "MAIL FROM:<>", "RCPT TO:<Postmaster>",
                "RCPT TO:<postMASTER@[192.0.2.100]>",
                "RCPT TO:<postmaster@[203.0.113.9]>",
                "RCPT TO:<postmaster@[IPv6:::ffff:192.0.2.100]>",
                "RCPT TO:<anna@[192.0.2.100]>", "RCPT TO:<postmaster@[192.0.2.101]>")
            #expect(
                Self.replies(said).dropFirst().map { String($0.prefix(9)) } == [
                    "250 2.1.5", "250 2.1.5", "250 2.1.5", "250 2.1.5", "550 5.1.1", "550 5.7.1",
                    "221 2.0.0",
                ])
        }
    }

    @Test("what a sender asks for is in the spool, and in Received what belongs there")
    func requests() throws {
        let world = try ReceptionWorld()
        world.configuration.priorityNetworks = [
            IPNetwork(of: .v4(IPv4Address(192, 0, 2, 1)), prefixLength: 32)
        ]
        try world.run { world in
            let said = try await world.talk(
                "EHLO client.example",
                "MAIL FROM:<x@far.example> SMTPUTF8 BODY=8BITMIME RET=HDRS ENVID=a+2Bb"
                    + " BY=3600;NT MT-PRIORITY=3",
                "RCPT TO:<ben@here.example> NOTIFY=SUCCESS,DELAY ORCPT=utf-8;bén@old.example",
                "DATA", "Subject: grüße", "", "x", ".")
            #expect(Self.replies(said).allSatisfy { !$0.hasPrefix("5") }, "\(said)")
            let accepted = try await world.accepted()
            let (recipient, text) = try #require(accepted.first)
            let requests = recipient.message.requests
            #expect(accepted.count == 1)
            #expect(recipient.message.isInternational && recipient.message.body == .eightBitMIME)
            #expect(requests.returned == .header && requests.envelopeID == "a+b")
            #expect(requests.deliverBy?.mode == .notify && requests.deliverBy?.isTraced == true)
            #expect(requests.priority == 3)
            #expect(recipient.notify == [.success, .delay])
            #expect(
                recipient.originalRecipient
                    == Envelope.OriginalRecipient(addressType: "utf-8", address: "bén@old.example"))
            #expect(text.contains("Received: from client.example ([192.0.2.1])\r\n"))
            #expect(text.contains(" with UTF8SMTP\r\n"))
            #expect(text.contains("for <ben@here.example>\r\n\tPRIORITY 3;"))
        }
    }

    @Test("what is asked of an alias with two targets is handed on (RFC 3461 §5.2.7.3)")
    func alias() throws {
        try ReceptionWorld().run { world in
            _ = try await world.talk(
                "EHLO a", "MAIL FROM:<x@far.example>",
                "RCPT TO:<all@here.example> NOTIFY=FAILURE ORCPT=rfc822;team@old.example",
                "DATA", "", "x", ".")
            let recipients = try await world.accepted().map(\.recipient)
            #expect(recipients.map(\.address.localPart.value) == ["anna", "ben"])
            #expect(recipients.map(\.notify) == [[.failure], [.failure]])
            #expect(recipients.allSatisfy { $0.originalRecipient?.address == "team@old.example" })
        }
    }

    @Test("eight bits that nobody declared are found; a header that claims UTF-8 must be UTF-8")
    func eightBit() throws {
        try ReceptionWorld().run { world in
            let connection = try await world.connect()
            var octets = Array(
                "EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<ben@here.example>\r\nDATA\r\n".utf8)
            octets +=
                Array("Subject: \u{FF}\r\n\r\nplain\r\n".utf8) + [0xFF] + Array("\r\n.\r\n".utf8)
            octets += Array("MAIL FROM:<> SMTPUTF8\r\nRCPT TO:<ben@here.example>\r\nDATA\r\n".utf8)
            octets +=
                Array("Subject: ".utf8) + [0xC3, 0x28] + Array("\r\n\r\nx\r\n.\r\nQUIT\r\n".utf8)
            connection.write(octets)
            let said = Self.replies(try await world.hear(connection))
            #expect(
                said.map { String($0.prefix(9)) }.filter { !$0.hasPrefix("354") } == [
                    "250 2.1.0", "250 2.1.5", "250 2.0.0", "250 2.1.0", "250 2.1.5", "554 5.6.0",
                    "221 2.0.0",
                ])
            #expect(try await world.accepted().map(\.recipient.message.body) == [.eightBitMIME])
            await connection.close()
        }
    }

    @Test("a submission loses its blind copies, and a Sender that is somebody else")
    func submission() throws {
        let world = try ReceptionWorld()
        world.configuration.session.saslMechanisms = ["PLAIN"]
        world.configuration.session.requiresTLSForAuthentication = false
        try world.run { world in
            let login = Base64.encode(Array("\0anna@here.example\0a long password".utf8))
            let said = try await world.talk(
                "EHLO a", "AUTH PLAIN \(login)", "MAIL FROM:<anna@here.example>",
                "RCPT TO:<ben@here.example>", "DATA", "From: anna@here.example",
                "bcc: ben@here.example,",
                "\tcarl@here.example", "Sender: mallory@far.example", "Subject: x", "Bcc:", "",
                "Bcc: kept",
                ".")
            #expect(said.contains { $0.hasPrefix("250 2.0.0 queued") }, "\(said)")
            let text = try #require(try await world.accepted().first?.text)
            #expect(!text.contains("carl") && !text.contains("mallory") && !text.contains("bcc:"))
            #expect(text.contains("\r\nSender: anna@here.example\r\n"))
            #expect(
                text.hasSuffix("From: anna@here.example\r\nSubject: x\r\n\r\nBcc: kept\r\n"),
                "\(text)")
        }
    }

    @Test("TLS-Required: No is carried on; REQUIRETLS outweighs it (RFC 8689 §4.1)")
    func tlsRequired() throws {
        try ReceptionWorld().run { world in
            for (field, subject) in [("TLS-Required: No", "1"), ("TLS-Required: Yes", "2")] {
                let said = try await world.talk(
                    "EHLO a", "MAIL FROM:<x@far.example>", "RCPT TO:<ben@here.example>", "DATA",
                    "Subject: \(subject)", field, "", "TLS-Required: No", ".")
                #expect(said.contains { $0.hasPrefix("250 2.0.0 queued") }, "\(said)")
            }
            let accepted = try await world.accepted()
            #expect(accepted.count == 2)
            for (recipient, text) in accepted {
                let requests = recipient.message.requests
                #expect(requests.waivesTLSPolicy == text.contains("Subject: 1\r\n"))
                #expect(!requests.requiresTLS)
                #expect(text.contains("\r\nTLS-Required: "), "the field stays")
            }
        }
        let world = try ReceptionWorld()
        world.configuration.identity = try world.here.network.identity(
            certificateChain: Array("here.example".utf8), privateKey: [])
        world.configuration.isImplicitTLS = true
        try world.run { world in
            let connection = try await world.connect()
            try await connection.startTLS(
                .client(serverName: "here.example", verify: false),
                deadline: world.simulation.now + .minutes(1))
            connection.write(
                Array(
                    """
                    EHLO a\r\nMAIL FROM:<x@far.example> REQUIRETLS\r
                    RCPT TO:<ben@here.example>\r\nDATA\r
                    TLS-Required: No\r\n\r\nx\r\n.\r\nQUIT\r\n
                    """.utf8))
            let said = try await world.hear(connection)
            await connection.close()
            let requests = try #require(try await world.accepted().first, "\(said)").recipient
                .message.requests
            #expect(requests.requiresTLS && !requests.waivesTLSPolicy)
        }
    }

    @Test("XCLIENT's DESTADDR is an address of ours, for the postmaster's literal")
    func destination() throws {
        let world = try ReceptionWorld()
        world.configuration.xclientNetworks = [
            IPNetwork(of: .v4(IPv4Address(192, 0, 2, 1)), prefixLength: 32)
        ]
        try world.run { world in
            let commands = [
                "EHLO a", "MAIL FROM:<>", "RCPT TO:<postmaster@[203.0.113.25]>",
                "RCPT TO:<anna@[203.0.113.25]>",
            ]
            let before = try await world.talk(commands)
            #expect(Self.replies(before).contains { $0.hasPrefix("550 5.7.1") }, "\(before)")
            let behind = try await world.talk(
                ["XCLIENT ADDR=203.0.113.5 DESTADDR=203.0.113.25 DESTPORT=25"] + commands)
            #expect(behind.contains { $0.hasPrefix("250 2.1.5") }, "\(behind)")
            #expect(behind.contains { $0.hasPrefix("550 5.1.1") }, "\(behind)")
        }
    }

    @Test("XCLIENT's client is whom policy and Received see")
    func client() throws {
        let world = try ReceptionWorld()
        world.configuration.xclientNetworks = [
            IPNetwork(of: .v4(IPv4Address(192, 0, 2, 1)), prefixLength: 32)
        ]
        try world.run { world in
            _ = try await world.talk(
                "XCLIENT ADDR=203.0.113.5 NAME=mail.far.example HELO=far LOGIN=anna@here.example",
                "MAIL FROM:<anna@here.example>", "RCPT TO:<x@elsewhere.example>", "DATA",
                "From: anna@here.example", "", ".")
            let text = try #require(try await world.accepted().first?.text)
            #expect(text.contains("Received: from far (mail.far.example [203.0.113.5])\r\n"))
            #expect(text.contains(" with ESMTPA\r\n"))
            let said = try await world.talk("XCLIENT LOGIN=nobody@here.example")
            #expect(said.contains { $0.hasPrefix("454 4.7.0") }, "\(said)")
        }
    }

    /// Octets in intervals of a minute, and what is said at the end; how long it took.
    private func drip(
        _ world: ReceptionWorld, after opening: String, octet: UInt8
    ) async throws -> (last: String?, time: Duration) {
        let connection = try await world.connect()
        connection.write(Array(opening.utf8))
        let start = world.simulation.now
        var said: [UInt8] = []
        while world.simulation.now - start < .hours(10) {
            do throws(NetworkFailure) {
                let deadline = world.simulation.now + .minutes(1)
                guard let octets = try await connection.receive(deadline: deadline) else { break }
                said += octets
            } catch {
                guard error == .deadlinePassed else { break }
                connection.write([octet])
            }
        }
        await connection.close()
        let last = String(lossy: said).split(separator: "\r\n").last.map(String.init)
        return (last, world.simulation.now - start)
    }

    @Test("an octet a minute is not silence, and still comes to an end")
    func dripping() throws {
        try ReceptionWorld().run { world in
            let timedOut = "421 4.4.2 Nothing came for too long, closing"
            let command = try await drip(world, after: "", octet: 65)
            #expect(command.last == timedOut && command.time < .minutes(7))
            #expect(command.time >= .minutes(5))
            let envelope = "EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<ben@here.example>\r\n"
            let data = try await drip(world, after: envelope + "DATA\r\n", octet: 65)
            #expect(data.last == timedOut && data.time < .minutes(12))
            #expect(data.time >= .minutes(10))
            let chunk = try await drip(world, after: envelope + "BDAT 1000000\r\n", octet: 65)
            #expect(chunk.last == timedOut && chunk.time < .minutes(12))
            #expect(try await world.accepted().isEmpty)
        }
    }

    @Test("chunks of an octet a minute are one message, whose time ends too")
    func drippingChunks() throws {
        try ReceptionWorld().run { world in
            let connection = try await world.connect()
            connection.write(
                Array("EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<ben@here.example>\r\n".utf8))
            let start = world.simulation.now
            var said: [UInt8] = []
            while true {
                do throws(NetworkFailure) {
                    let deadline = world.simulation.now + .minutes(1)
                    guard let octets = try await connection.receive(deadline: deadline) else {
                        break
                    }
                    said += octets
                } catch {
                    guard error == .deadlinePassed else { break }
                    connection.write(Array("BDAT 1\r\nx".utf8))
                }
            }
            #expect(world.simulation.now - start < .minutes(13))
            #expect(
                String(lossy: said).hasSuffix("421 4.4.2 Nothing came for too long, closing\r\n"))
            await connection.close()
        }
    }

    @Test("a slow client that goes on is waited for, however long it takes")
    func slow() throws {
        try ReceptionWorld().run { world in
            let connection = try await world.connect()
            connection.write(
                Array("EHLO a\r\nMAIL FROM:<>\r\nRCPT TO:<ben@here.example>\r\nDATA\r\n\r\n".utf8))
            let line = [UInt8](repeating: 65, count: 60) + [13, 10]
            // A line each 0.1 seconds: 620 octets a second, for 20 minutes.
            for _ in 0..<12_000 {
                connection.write(line)
                try await connection.flush(deadline: world.simulation.now + .minutes(1))
                try await world.simulation.sleep(for: .milliseconds(100))
            }
            connection.write(Array(".\r\nQUIT\r\n".utf8))
            let said = try await world.hear(connection)
            #expect(said.contains { $0.hasPrefix("250 2.0.0 queued") }, "\(said.suffix(3))")
            await connection.close()
        }
    }

    @Test("a client that asks for much and reads nothing is left, and costs little")
    func neverReads() throws {
        try ReceptionWorld().run { world in
            let connection = try await world.connect()
            let start = world.simulation.now
            do throws(NetworkFailure) {
                for _ in 0..<400 {
                    connection.write(Array(String(repeating: "EHLO a\r\n", count: 8).utf8))
                    try await connection.flush(deadline: world.simulation.now + .hours(1))
                }
            } catch {
                #expect(error != .deadlinePassed, "the server waits for ever")
            }
            await connection.close()
            #expect(world.simulation.now - start < .minutes(30))
        }
    }

    /// Says the same password again and again, and returns what is said until the server leaves.
    private func guess(_ world: ReceptionWorld, _ password: String) async throws -> [String] {
        let connection = try await world.connect()
        let command = "AUTH PLAIN \(password)\r\n"
        connection.write(Array(("EHLO a\r\n" + String(repeating: command, count: 6)).utf8))
        var said: [UInt8] = []
        let deadline = world.simulation.now + .hours(1)
        while let octets = try? await connection.receive(deadline: deadline) { said += octets }
        await connection.close()
        return String(lossy: said).split(separator: "\r\n").map(String.init)
    }

    @Test(
        "a thousand wrong passwords cost their network the door, and the owner comes in by another")
    func passwords() throws {
        let world = try ReceptionWorld()
        world.configuration.session.service = .submission
        world.configuration.session.requiresAuthentication = true
        world.configuration.session.requiresTLSForAuthentication = false
        world.configuration.session.saslMechanisms = ["PLAIN"]
        let home = world.network.host("home", .v4(IPv4Address(198, 51, 100, 1)))
        try world.run { world in
            let wrong = Base64.encode(Array("\0anna@here.example\0a wrong password".utf8))
            let right = Base64.encode(Array("\0anna@here.example\0a long password".utf8))
            let start = world.simulation.now
            var (replies, connections): ([String], Int) = ([], 0)
            while replies.count < 1000, connections < 1000 {
                let said = try await guess(world, wrong)
                replies += said.filter {
                    $0.hasPrefix("535 ") || $0.hasPrefix("454 ") || $0.hasPrefix("421 ")
                }
                connections += 1
            }
            let took = world.simulation.now - start
            #expect(!replies.contains { $0.hasPrefix("235") })
            #expect(replies.count { $0.hasPrefix("535 5.7.8") } < 400, "\(replies.prefix(40))")
            #expect(took > .minutes(10), "\(took)")
            // From there not even the right one is looked at, from elsewhere it is, and at once.
            let refused = try await world.talk("EHLO a", "AUTH PLAIN \(right)")
            #expect(!refused.contains { $0.hasPrefix("235 ") }, "\(refused)")
            let begin = world.simulation.now
            let connection = try await home.network.connect(
                to: SocketAddress(world.here.addresses[0], port: 25), from: nil,
                deadline: begin + .minutes(1))
            connection.write(Array("EHLO b\r\nAUTH PLAIN \(right)\r\nQUIT\r\n".utf8))
            let said = try await world.hear(connection)
            await connection.close()
            #expect(said.contains { $0.hasPrefix("235 2.7.0") }, "\(said)")
            #expect(world.simulation.now - begin < .seconds(5))
        }
    }

    @Test("while each commit takes ten seconds sessions wait and share it, and nothing is lost")
    func slowDisk() throws {
        let world = try ReceptionWorld()
        let simulation = world.simulation
        try world.run { world in
            try await world.simulation.sleep(for: .seconds(1))
            world.disk.setFaults(
                before: {
                    try? await simulation.sleep(for: .seconds(10))
                }, after: { world.noteCommit() })
            let start = simulation.now
            try await withThrowingTaskGroup(of: [String].self) { group in
                // The listener of this world takes ten at a time.
                for number in 0..<10 {
                    group.addTask {
                        try await world.talk(
                            ["EHLO a"]
                                + (0..<5).flatMap {
                                    [
                                        "MAIL FROM:<>", "RCPT TO:<ben@here.example>", "DATA",
                                        "Subject: \(number) \($0)", "", ".",
                                    ]
                                })
                    }
                }
                for try await said in group {
                    #expect(said.count { $0.hasPrefix("250 2.0.0 queued") } == 5, "\(said)")
                }
            }
            // Five messages, one behind the other, in each of ten sessions: not fifty commits.
            #expect((5...15).contains(world.commits), "\(world.commits)")
            #expect(simulation.now - start < .seconds(10 * 16))
            world.disk.setFaults()
            let quick = simulation.now
            let said = try await world.talk(
                "EHLO a", "MAIL FROM:<>", "RCPT TO:<ben@here.example>", "DATA", "Subject: last", "",
                ".")
            #expect(said.contains { $0.hasPrefix("250 2.0.0 queued") })
            #expect(simulation.now - quick < .seconds(5))
            let subjects = try await world.accepted().compactMap { accepted in
                accepted.text.split(separator: "\r\n").first { $0.hasPrefix("Subject: ") }
            }
            #expect(subjects.count == 51 && Set(subjects).count == 51)
        }
    }
}
