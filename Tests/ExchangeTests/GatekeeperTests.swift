// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Defence
import DefenceStore
import Filtering
import Journal
import Mail
import MessageAuthentication
import Milter
import SMTP
import SimulatedWorld
import Spool
import Storage
import Testing
import World

@Suite("The first defence, at the door")
struct GatekeeperTests {
    /// The client is 192.0.2.1.
    private static let zone = """
        1.2.0.192.in-addr.arpa PTR mail.good.example
        mail.good.example A 192.0.2.1
        mail.good.example TXT v=spf1 a -all
        good.example MX 10 mail.good.example
        good.example TXT v=spf1 ip4:192.0.2.1 -all
        strict.example MX 10 mail.good.example
        strict.example TXT v=spf1 -all
        1.2.0.192.bl.test A 127.0.0.2
        1.2.0.192.bl.test TXT see http://bl.test/
        1.2.0.192.wl.test A 127.0.0.3
        strict.example.dbl.test A 127.0.1.2
        1.2.0.192.slow.test A timeout
        1.2.0.192.old.test A 203.0.113.9
        """

    private static func world(
        _ change: (inout Gatekeeper.Settings) throws -> Void = { _ in }
    ) throws -> ReceptionWorld {
        let world = try ReceptionWorld(zone: zone)
        var policy = InboundPolicy()
        policy.isEnforced = false
        world.inboundPolicy = policy
        var settings = Gatekeeper.Settings()
        settings.hostName = "here.example"
        try change(&settings)
        world.defence = settings
        return world
    }

    private static func list(_ line: String) throws -> DNSList { try #require(DNSList(line)) }

    private static func letter(
        from sender: String = "x@good.example", to recipients: [String] = ["anna@here.example"],
        hello: String = "mail.good.example", body: String = "Hi."
    ) -> [String] {
        ["EHLO \(hello)", "MAIL FROM:<\(sender)>"] + recipients.map { "RCPT TO:<\($0)>" }
            + [
                "DATA", "From: <\(sender)>", "Date: Fri, 21 Nov 2025 19:00:00 +0000",
                "Message-ID: <1@good.example>", "", body, ".",
            ]
    }

    /// The reply to the letter's last line.
    private static func reply(_ said: [String]) -> String { said.dropLast().last ?? "" }

    @Test("An honest letter goes through as it would without a gatekeeper, octet by octet")
    func honest() throws {
        let texts = try [true, false].map { isWatched in
            let world = try Self.world()
            if !isWatched { world.defence = nil }
            let text = Collected()
            try world.run { world in
                #expect(try await Self.reply(world.talk(Self.letter())).hasPrefix("250 2.0.0"))
                let accepted = try await world.accepted()
                #expect(accepted.count == 1)
                #expect(accepted.first?.recipient.message.requests.isJunk == false)
                text.value = accepted.first?.text ?? ""
            }
            return text.value
        }
        #expect(texts[0] == texts[1] && texts[0].hasSuffix("Hi.\r\n"))
    }

    @Test("What speaks against a letter adds up, is said in it, kept, and puts it aside")
    func scored() throws {
        let world = try Self.world { $0.policy.lists = [try Self.list("bl.test weight=4.5")] }
        try world.run { world in
            let said = try await world.talk(
                Self.letter(from: "x@strict.example", hello: "localhost"))
            #expect(Self.reply(said).hasPrefix("250 2.0.0"))
            let accepted = try #require(try await world.accepted().first)
            #expect(accepted.recipient.message.requests.isJunk)
            #expect(accepted.text.contains("X-Spam-Status: Yes, score=9.00 required=5.00\r\n"))
            let records = try #require(world.gatekeeper?.records)
            let verdict = try #require(
                try await records.verdicts.verdict(of: accepted.recipient.message.id)?.verdict)
            #expect(verdict.action == .junk && verdict.score.sum == 9)
            let weighed = verdict.score.tests.filter { $0.weight != 0 }
            #expect(
                weighed.map { "\($0.name) \($0.weight) \($0.input)" } == [
                    "spf=fail 3.00 strict.example", "hello=unqualified 1.50 localhost",
                    "list=bl.test 4.50 192.0.2.1 in bl.test: 127.0.0.2",
                ])
        }
    }

    @Test("How a stranger's message is made counts, once for each kind of fault")
    func structure() throws {
        let world = try Self.world { $0.policy.thresholds.mark = 1 }
        try world.run { world in
            let said = try await world.talk(
                ["EHLO mail.good.example", "MAIL FROM:<x@good.example>"]
                    + ["RCPT TO:<anna@here.example>", "DATA", "From: <x@good.example>"]
                    + ["Content-Type: multipart/mixed; boundary=b", "", "--b"]
                    + ["Content-Transfer-Encoding: base64", "", "!", "--b"]
                    + ["Content-Transfer-Encoding: base64", "", "!", "."])
            #expect(Self.reply(said).hasPrefix("250 2.0.0"))
            let accepted = try #require(try await world.accepted().first)
            let records = try #require(world.gatekeeper?.records)
            let verdict = try #require(
                try await records.verdicts.verdict(of: accepted.recipient.message.id)?.verdict)
            let weighed = verdict.score.tests.filter { $0.weight != 0 }
            #expect(
                weighed.map { "\($0.name) \($0.weight) \($0.input)" } == [
                    "date=missing 0.50 ", "message-id=missing 0.50 ",
                    "defect=base64-invalid 0.50 1", "defect=multipart-not-closed 0.25 ",
                ])
        }
    }

    @Test("What strangers say of spam is taken out, of this site's own hosts it stays")
    func foreignVerdicts() throws {
        let fields = [
            "X-Spam-Status: No, score=-9", "x-spam-flag : NO", "X-Spam-Level:", " folded",
            "X-Spam: no", "X-Spam-Score: -9", "X-Spam-Checker-Version: 1", "X-Spammer: y",
        ]
        for isOwn in [false, true] {
            let world = try Self.world()
            if isOwn {
                let own = [try #require(IPNetwork("192.0.2.1"))]
                var policy = InboundPolicy()
                policy.ownNetworks = own
                world.inboundPolicy = policy
            }
            try world.run { world in
                let said = try await world.talk(
                    ["EHLO mail.good.example", "MAIL FROM:<x@good.example>"]
                        + ["RCPT TO:<anna@here.example>", "DATA"] + fields
                        + ["From: <x@good.example>", "", "X-Spam: body", "."])
                #expect(Self.reply(said).hasPrefix("250 2.0.0"))
                let text = try #require(try await world.accepted().first?.text)
                for field in fields {
                    let stays = isOwn || field.hasPrefix("X-Spam-C") || field.hasPrefix("X-Spammer")
                    #expect(text.contains(field) == stays, "\(field)")
                }
                #expect(text.hasSuffix("From: <x@good.example>\r\n\r\nX-Spam: body\r\n"))
            }
        }
    }

    @Test("From another sum on it is refused, with the name under which it is explained")
    func refused() throws {
        let world = try Self.world { $0.policy.thresholds.reject = 3 }
        try world.run { world in
            let said = Self.reply(try await world.talk(Self.letter(from: "x@strict.example")))
            #expect(said.hasPrefix("550 5.7.1 This message was taken for spam ("))
            #expect(try await world.accepted().isEmpty)
            let id = try #require(
                QueueID(said.drop { $0 != "(" }.dropFirst().prefix { $0 != ")" }.description))
            let records = try #require(world.gatekeeper?.records)
            #expect(try await records.verdicts.verdict(of: id)?.verdict.action == .reject)
        }
    }

    @Test("A list refuses with its own words, but not the postmaster; lists with faults do nothing")
    func lists() throws {
        // lists, sender, recipient, reply to RCPT
        let rows: [([String], String, String, String)] = [
            (
                ["slow.test action=reject", "old.test action=reject", "none.test action=reject"],
                "x@good.example", "anna@here.example", "250"
            ),
            (
                ["bl.test action=reject"], "x@good.example", "anna@here.example",
                "550 5.7.1 192.0.2.1 is listed in bl.test: see http://bl.test/"
            ),
            (["bl.test action=reject"], "x@good.example", "postmaster@here.example", "250"),
            (["bl.test action=note"], "x@good.example", "anna@here.example", "250"),
            (
                ["bl.test action=reject codes=127.0.0.9"], "x@good.example", "anna@here.example",
                "250"
            ),
            (
                ["bl.test action=reject", "wl.test action=bypass"], "x@good.example",
                "anna@here.example", "250"
            ),
            (
                ["dbl.test of=domain action=reject"], "x@strict.example", "anna@here.example",
                "550 5.7.1 strict.example is listed in dbl.test"
            ),
        ]
        for (lines, sender, recipient, expected) in rows {
            let world = try Self.world { $0.policy.lists = try lines.map(Self.list) }
            try world.run { world in
                let said = try await world.talk(
                    "EHLO mail.good.example", "MAIL FROM:<\(sender)>", "RCPT TO:<\(recipient)>")
                #expect(Self.reply(said).hasPrefix(expected), "\(lines): \(said)")
            }
        }
    }

    @Test("A stranger comes again after five minutes; who is of this site, or known, need not")
    func greylisting() throws {
        let world = try Self.world { $0.policy.greylist = Greylist() }
        try world.run { world in
            #expect(
                try await Self.reply(world.talk(Self.letter().prefix(3).map(\.self)))
                    .hasPrefix(
                        "451 4.7.1 Greylisted: we have not met yet, please come again in 300"))
            #expect(
                try await world.talk(Self.letter(to: ["postmaster@here.example"])).dropLast().last?
                    .hasPrefix("250") == true)
            try await world.simulation.sleep(for: .minutes(6))
            #expect(try await Self.reply(world.talk(Self.letter())).hasPrefix("250 2.0.0"))
            let records = try #require(world.gatekeeper?.records)
            let other = Self.letter(to: ["ben@here.example"])
            #expect(try await world.talk(other).contains { $0.hasPrefix("451 4.7.1") })
            // Ben has written to the sender, whom SPF confirms.
            let recording = try #require(
                records.correspondents.recording(from: "ben@here.example", to: ["x@good.example"]))
            try await world.store?.write { try recording($0) }
            #expect(try await Self.reply(world.talk(other)).hasPrefix("250 2.0.0"))
        }
        let own = try Self.world {
            $0.policy.greylist = Greylist()
            $0.policy.ownNetworks = [try #require(IPNetwork("192.0.2.1"))]
        }
        try own.run { world in
            let said = try await world.talk(Self.letter())
            #expect(Self.reply(said).hasPrefix("250 2.0.0"))
        }
    }

    @Test("More than a rate allows is put off, and comes through later")
    func rates() throws {
        let world = try Self.world { $0.policy.rates = [RateLimit(.network, 3, per: .minute)] }
        try world.run { world in
            let letter = Self.letter(to: ["anna@here.example", "ben@here.example"])
            #expect(try await Self.reply(world.talk(letter)).hasPrefix("250"))
            let second = try await world.talk(letter)
            #expect(
                second.contains { $0.hasPrefix("452 4.7.1 Too many recipients within a minute") })
            #expect(Self.reply(second).hasPrefix("250"), "the first of its recipients was taken")
            try await world.simulation.sleep(for: .minutes(2))
            #expect(try await world.talk(letter).allSatisfy { !$0.hasPrefix("452") })
        }
    }

    /// What is said until the connection is closed, before all lines are read.
    private static func guess(_ world: ReceptionWorld, _ lines: [String]) async -> [String] {
        var said: [UInt8] = []
        guard let connection = try? await world.connect() else { return [] }
        for line in lines {
            connection.write(Array((line + "\r\n").utf8))
            guard
                let octets = try? await connection.receive(
                    deadline: world.simulation.now + .hours(1))
            else { break }
            said += octets
        }
        await connection.close()
        return String(lossy: said).split(separator: "\r\n").map(String.init)
    }

    @Test("Who errs again and again waits, is sent away, and is banned in the end")
    func errors() throws {
        let world = try Self.world { $0.policy.maximumErrors = 12 }
        try world.run { world in
            let guesses = (0..<40).map { "RCPT TO:<nobody\($0)@here.example>" }
            let began = world.simulation.now
            let said = await Self.guess(world, ["EHLO a.example", "MAIL FROM:<>"] + guesses)
            #expect(said.last?.hasPrefix("421 4.7.0") == true)
            #expect(said.count { $0.hasPrefix("550 5.1.1") } == 12)
            let waited = world.simulation.now - began
            #expect(waited > .seconds(70) && waited < .seconds(90), "\(waited)")
            let gatekeeper = try #require(world.gatekeeper)
            let client = world.there.addresses[0]
            for _ in 0..<8 {
                #expect(gatekeeper.ban(of: client) == nil)
                _ = await Self.guess(world, ["EHLO a.example", "MAIL FROM:<>"] + guesses)
            }
            #expect(gatekeeper.ban(of: client)?.cause == "100 unknown recipients within an hour")
            try await world.simulation.sleep(for: .hours(1))
            #expect(gatekeeper.ban(of: client) == nil)
        }
    }
}

/// What a simulation hands out.
final class Collected: @unchecked Sendable { var value = "" }

@Suite("Filters of others: milters and rspamd")
struct FilterTests {
    private static let port: UInt16 = 8891

    /// A milter: answers by command, and keeps what it is sent.
    ///
    /// One thread runs all of a simulation, so what is shared needs no lock.
    final class FakeMilter: @unchecked Sendable {
        var answers: [Character: [String]]
        var heard: [String] = []
        var connections = 0
        /// Of the body, in all.
        var bodyOctets = 0
        var isSilentFrom: Character?
        /// What it asks leave for.
        var actions: UInt8 = 0x31

        init(_ answers: [Character: [String]]) { self.answers = answers }

        func serve(_ connection: any Connection, _ time: any Time) async {
            connections += 1
            var buffer: [UInt8] = []
            while let octets = try? await connection.receive(deadline: time.now + .hours(1)) {
                buffer += octets
                while buffer.count >= 4 {
                    let length = buffer[..<4].reduce(0) { $0 << 8 | Int($1) }
                    guard buffer.count >= 4 + length else { break }
                    let packet = Array(buffer[4..<4 + length])
                    buffer.removeFirst(4 + length)
                    await answer(packet, connection, time)
                }
            }
        }

        private func answer(
            _ packet: [UInt8], _ connection: any Connection, _ time: any Time
        ) async {
            let command = Character(UnicodeScalar(packet[0]))
            if command == "D" { return }
            if command == "B" {
                bodyOctets += packet.count - 1
            } else {
                heard.append(
                    String(lossy: packet.map { $0 == 0 ? UInt8(ascii: "|") : $0 }.prefix(200)))
            }
            if command == isSilentFrom { return }
            if command == "O" {
                write(
                    [UInt8(ascii: "O"), 0, 0, 0, 6, 0, 0, 0, actions, 0, 0, 0, 0], to: connection)
            } else if !"AQ".contains(command) {
                for text in answers[command] ?? ["c"] { write(Array(text.utf8), to: connection) }
            }
            try? await connection.flush(deadline: time.now + .minutes(1))
        }

        private func write(_ data: [UInt8], to connection: any Connection) {
            let length = UInt32(data.count)
            connection.write(
                [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: length >> $0) } + data)
        }
    }

    /// A server that asks this milter, and what became of a letter.
    private static func run(
        _ milter: FakeMilter, filter: String = "", body: [String] = ["Hi."], letters: Int = 1,
        _ check: @escaping @Sendable (ReceptionWorld, [String]) async throws -> Void
    ) throws {
        let world = try ReceptionWorld()
        var settings = Gatekeeper.Settings()
        settings.hostName = "here.example"
        settings.filters = [
            try #require(MilterFilter("inet:192.0.2.100:\(port) timeout=10 \(filter)"))
        ]
        world.defence = settings
        try world.run { world in
            let listener = try await world.here.network.listen(
                on: SocketAddress(world.here.addresses[0], port: port))
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    await listener.serve(limit: 10) { await milter.serve($0, world.simulation) }
                }
                var lines = ["EHLO a.example"]
                for _ in 0..<letters {
                    lines += [
                        "MAIL FROM:<x@good.example>", "RCPT TO:<anna@here.example>",
                        "RCPT TO:<ben@here.example>", "DATA", "Subject: s", "X-Old: 1",
                    ]
                    lines += ["To: a,", "\tb", ""] + body + ["."]
                }
                let said = try await world.talk(lines)
                // The filter is told goodbye behind our back.
                try await world.simulation.sleep(for: .seconds(1))
                try await check(world, said)
                group.cancelAll()
            }
        }
    }

    @Test("A filter hears a session in order, and its changes of the header are made")
    func changes() throws {
        let milter = FakeMilter([
            "E": [
                "p", "hX-Scanned\0clean\0", "m\0\0\0\u{1}X-Old\0\0", "i\0\0\0\0X-First\01\0", "c",
            ]
        ])
        try Self.run(milter, letters: 2) { world, said in
            #expect(said.count { $0.hasPrefix("250 2.0.0 queued") } == 2)
            let accepted = try await world.accepted()
            #expect(accepted.count == 4)
            let text = try #require(accepted.first?.text)
            let lines = text.split(separator: "\r\n", omittingEmptySubsequences: false)
            let first = try #require(lines.firstIndex(of: "X-First: 1"))
            #expect(lines[0].hasPrefix("Received: ") && first > 0)
            #expect(
                lines[first...].map(String.init) == [
                    "X-First: 1", "Subject: s", "To: a,", "\tb", "X-Scanned: clean", "", "Hi.", "",
                ])
        }
        #expect(milter.connections == 1)
        #expect(
            Array(milter.heard.dropFirst(2).prefix(9)) == [
                "Ha.example|", "M<x@good.example>|",
                "R<anna@here.example>|", "R<ben@here.example>|", "T", "LSubject|s|", "LX-Old|1|",
                "LTo|a,\n\tb|", "N",
            ])
        #expect(
            milter.heard[1].hasPrefix("C[192.0.2.1]|4") && milter.heard[1].hasSuffix("192.0.2.1|"))
        #expect(milter.heard.last == "Q")
    }

    @Test("A filter changes the sender and the recipients, and whom it adds may be anywhere")
    func envelope() throws {
        // answers, reply, sender, recipients
        let rows: [([String], String, String, [String])] = [
            (
                ["-<anna@here.example>\0", "+<y@far.example>\0", "+z@far.example\0"], "250 2.0.0",
                "x@good.example", ["ben@here.example", "y@far.example", "z@far.example"]
            ),
            // An alias of ours leads where it leads; whoever is there already is there once.
            (
                ["-<anna@here.example>\0", "+<all@here.example>\0"], "250 2.0.0", "x@good.example",
                ["ben@here.example", "anna@here.example"]
            ),
            // Unknown here: the others have it.
            (
                ["+<nobody@here.example>\0"], "250 2.0.0", "x@good.example",
                ["anna@here.example", "ben@here.example"]
            ),
            (
                ["2<y@far.example>\0NOTIFY=NEVER\0", "e<new@here.example>\0ENVID=7\0"], "250 2.0.0",
                "new@here.example", ["anna@here.example", "ben@here.example", "y@far.example"]
            ),
            (["e<>\0"], "250 2.0.0", "", ["anna@here.example", "ben@here.example"]),
            (["-<anna@here.example>\0", "-<ben@here.example>\0"], "550 5.7.1", "", []),
            (["+not an address\0"], "451 4.7.1", "", []),
            (["e<a@b>\0X=1\0"], "451 4.7.1", "", []),
        ]
        for (answers, reply, sender, recipients) in rows {
            let milter = FakeMilter(["E": answers + ["c"]])
            milter.actions = 0xFF
            try Self.run(milter) { world, said in
                #expect(said.contains { $0.hasPrefix(reply) && $0 != said.last }, "\(said)")
                let accepted = try await world.accepted()
                #expect(
                    Set(accepted.map { "\($0.recipient.address)" }) == Set(recipients),
                    "\(answers)")
                #expect(accepted.count == recipients.count)
                #expect(
                    accepted.allSatisfy { "\($0.recipient.message.reversePath)" == sender },
                    "\(answers)")
                let added = accepted.first { "\($0.recipient.address)" == "y@far.example" }
                if answers[0].hasPrefix("2") {
                    #expect(added?.recipient.notify == .never)
                    #expect(added?.recipient.message.requests.envelopeID == "7")
                }
                guard let first = accepted.first, let store = world.store else { return }
                let facts = try await Trace(store: store).facts(of: first.recipient.message.id)
                #expect(facts.contains { $0[.filtered] != nil })
                let isTaken = answers[0] == "-<anna@here.example>\0"
                #expect(
                    facts.contains {
                        $0.kind == .deleted && $0.recipient?.description == "anna@here.example"
                    } == isTaken)
            }
        }
    }

    @Test("A filter writes a new body, long or short, whatever ends its lines")
    func body() throws {
        let long = Array(repeating: String(repeating: "x", count: 98), count: 9_000)
        for body in [["Hi."], long] {
            let milter = FakeMilter([
                "E": ["bone\ntw", "bo\r\nthr\0ee\rfour \u{FC}", "m\0\0\0\u{1}X-Old\02\0", "c"]
            ])
            milter.actions = 0xFF
            try Self.run(milter, body: body) { world, said in
                #expect(said.contains { $0.hasPrefix("250 2.0.0 queued") })
                let accepted = try #require(try await world.accepted().first)
                #expect(
                    accepted.text.hasSuffix(
                        "X-Old: 2\r\nTo: a,\r\n\tb\r\n\r\n"
                            + "one\r\ntwo\r\nthree\r\nfour \u{FC}\r\n"),
                    "\(accepted.text.suffix(300))")
                #expect(accepted.text.utf8.count < 1_000)
                #expect(accepted.recipient.message.octets == accepted.text.utf8.count)
                #expect(accepted.recipient.message.body == .eightBitMIME)
            }
        }
    }

    @Test("A long body comes in pieces, and the header is still changed")
    func long() throws {
        let milter = FakeMilter(["E": ["hX-Scanned\0clean\0", "c"]])
        let body = Array(repeating: String(repeating: "x", count: 98), count: 9_000)
        try Self.run(milter, body: body) { world, said in
            #expect(said.contains { $0.hasPrefix("250 2.0.0 queued") })
            let text = try #require(try await world.accepted().first?.text)
            #expect(text.contains("X-Scanned: clean\r\n\r\nxxx"))
            #expect(text.utf8.count > 900_000)
        }
        #expect(milter.bodyOctets == 900_000)
    }

    @Test("What a filter says is said to the client; to be put aside or discarded is to be junk")
    func answers() throws {
        // command, answers, reply, accepted recipients, junk
        let rows: [(Character, [String], String, Int, Bool)] = [
            ("M", ["r"], "550 5.7.1", 0, false), ("T", ["t"], "451 4.7.1", 0, false),
            ("E", ["y554 5.7.9 A virus\0"], "554 5.7.9 A virus", 0, false),
            ("E", ["qvirus\0", "c"], "250", 2, true), ("E", ["d"], "250", 2, true),
            ("B", ["d"], "250", 2, true), ("C", ["a"], "250", 2, false),
            ("L", ["a"], "250", 2, false), ("L", ["r"], "550 5.7.1", 0, false),
            ("B", ["s"], "250", 2, false),
        ]
        for (command, answers, reply, count, isJunk) in rows {
            try Self.run(FakeMilter([command: answers])) { world, said in
                #expect(
                    said.contains { $0.hasPrefix(reply) && $0 != said.last }, "\(command): \(said)")
                let accepted = try await world.accepted()
                #expect(accepted.count == count, "\(command)")
                #expect(accepted.allSatisfy { $0.recipient.message.requests.isJunk == isJunk })
            }
        }
    }

    @Test("One recipient may be refused, and the others not")
    func recipients() throws {
        let milter = FakeMilter(["R": ["y550 5.1.1 Not here\0"]])
        try Self.run(milter) { world, said in
            #expect(said.count { $0.hasPrefix("550 5.1.1 Not here") } == 2)
            let accepted = try await world.accepted()
            #expect(accepted.isEmpty)
        }
    }

    @Test("A filter that is away, silent or mad puts mail off, or lets it pass if it may")
    func failures() throws {
        let mad = FakeMilter(["E": ["bnew body", "c"]])
        let silent = FakeMilter([:])
        silent.isSilentFrom = "N"
        let away = FakeMilter([:])
        away.isSilentFrom = "O"
        for milter in [mad, silent, away] {
            for (filter, reply, count) in [("", "451 4.7.1", 0), ("fail=accept", "250 2.0.0", 2)] {
                try Self.run(milter, filter: filter) { world, said in
                    #expect(said.contains { $0.hasPrefix(reply) }, "\(said)")
                    let accepted = try await world.accepted()
                    #expect(accepted.count == count)
                }
            }
        }
    }

    /// What rspamd is told, and what it says.
    final class FakeRspamd: @unchecked Sendable {
        var report = ""
        var request = ""

        func serve(_ connection: any Connection, _ time: any Time) async {
            var octets: [UInt8] = []
            while !String(lossy: octets).hasSuffix("Hi.\r\n"),
                let piece = try? await connection.receive(deadline: time.now + .minutes(1))
            {
                octets += piece
            }
            request = String(lossy: octets)
            connection.write(
                Array(
                    "HTTP/1.1 200 OK\r\nContent-Length: \(report.utf8.count)\r\n\r\n\(report)".utf8)
            )
            try? await connection.flush(deadline: time.now + .minutes(1))
        }
    }

    @Test("rspamd is asked with the envelope, its symbols count, and its action is followed")
    func rspamd() throws {
        // report, configuration, reply, junk, whether it listens
        let spam = #"{"action":"reject","score":15,"symbols":{"GTUBE":{"score":15}}}"#
        let header = #"{"action":"add header","symbols":{"A":{"score":9.25}}}"#
        let rows: [(String, String, String, Bool, Bool)] = [
            (spam, "", "550 5.7.1", false, true), (spam, "action=score", "250", true, true),
            (header, "", "250", true, true),
            (#"{"action":"no action","symbols":{}}"#, "", "250", false, true),
            (#"{"action":"soft reject"}"#, "", "451 4.7.1", false, true),
            ("nonsense", "", "250", false, true), ("nonsense", "fail=tempfail", "451", false, true),
            ("", "", "250", false, false), ("", "fail=tempfail", "451", false, false),
        ]
        for (report, line, expected, isJunk, listens) in rows {
            let rspamd = FakeRspamd()
            rspamd.report = report
            let world = try ReceptionWorld()
            var settings = Gatekeeper.Settings()
            settings.policy.scanner = DefencePolicy.Scanner("192.0.2.100:11333 \(line)")
            try #require(settings.policy.scanner != nil)
            world.defence = settings
            try world.run { world in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    if listens {
                        let listener = try await world.here.network.listen(
                            on: SocketAddress(world.here.addresses[0], port: 11_333))
                        group.addTask {
                            await listener.serve(limit: 10) { connection in
                                await rspamd.serve(connection, world.simulation)
                            }
                        }
                    }
                    let said = try await world.talk(
                        "EHLO a.example", "MAIL FROM:<x@good.example>",
                        "RCPT TO:<anna@here.example>", "DATA", "From: <x@good.example>",
                        "Date: Fri, 21 Nov 2025 19:00:00 +0000", "", "Hi.", ".")
                    #expect(said.dropLast().last?.hasPrefix(expected) == true, "\(report): \(said)")
                    let accepted = try await world.accepted()
                    #expect(accepted.count == (expected == "250" ? 1 : 0))
                    #expect(accepted.allSatisfy { $0.recipient.message.requests.isJunk == isJunk })
                    group.cancelAll()
                }
            }
            guard listens else { continue }
            #expect(rspamd.request.hasPrefix("POST /checkv2 HTTP/1.1\r\n"))
            for field in [
                "IP: 192.0.2.1", "Helo: a.example", "From: x@good.example",
                "Rcpt: anna@here.example",
            ] {
                #expect(rspamd.request.contains("\r\n\(field)\r\n"), "\(field)")
            }
            #expect(rspamd.request.contains("\r\n\r\nFrom: <x@good.example>\r\n"))
        }
    }
}
