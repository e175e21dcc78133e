// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Delivery
import Directory
import Journal
import Logging
import Mail
import Reception
import SMTP
import SPF
import SimulatedWorld
import Spool
import Storage
import Testing
import World

@Suite("Mail that an alias sends on: its reverse-path, and the way back (SRS)")
struct ForwardingTests {
    private static let zone = """
        there.example MX 10 mx.there.example
        mx.there.example A 192.0.2.1
        outside.example MX 10 mx.outside.example
        mx.outside.example A 192.0.2.2
        """

    private static let policies = """
        {"format":"dns-fixture-1","records":{
        "here.example":[{"type":"TXT","data":["v=spf1 ip4:192.0.2.100 -all"]}],
        "outside.example":[{"type":"TXT","data":["v=spf1 ip4:192.0.2.2 -all"]}]}}
        """

    /// A server that takes mail and delivers it, a host where aliases lead, and one outside.
    private struct Scene {
        let world: DeliveryWorld
        let there: Sink
        let outside: Sink

        /// Says all lines to the server, from that host; what it answers to those behind EHLO.
        func talk(_ from: Sink, _ lines: [String]) async throws -> [String] {
            let connection = try await from.host.network.connect(
                to: SocketAddress(world.here.addresses[0], port: 25), from: nil,
                deadline: world.simulation.now + .minutes(1))
            connection.write(
                Array((["EHLO x.example"] + lines + ["QUIT", ""]).joined(separator: "\r\n").utf8))
            var said: [UInt8] = []
            let deadline = world.simulation.now + .minutes(10)
            while let octets = try await connection.receive(deadline: deadline) { said += octets }
            await connection.close()
            return Array(
                String(lossy: said).split(separator: "\r\n").map(String.init)
                    .drop { !$0.hasPrefix("250 ") }.dropFirst().dropLast())
        }

        func send(_ from: Sink, _ sender: String, to recipient: String) async throws -> [String] {
            try await talk(
                from,
                [
                    "MAIL FROM:<\(sender)>", "RCPT TO:<\(recipient)>", "DATA", "Subject: x", "",
                    "Hello", ".",
                ])
        }

        func settle() async throws {
            #expect(try await world.wait(.minutes(10)) { try await world.isSpoolEmpty() })
        }

        /// What the host there thinks of a reverse-path with which we come.
        func verdict(on path: String) async throws -> SPFResult {
            try await HostCheck(
                resolver: Fixture(parsing: ForwardingTests.policies.utf8), time: world.simulation
            ).verdict(
                on: .init(
                    address: .v4(IPv4Address(192, 0, 2, 100)), hello: "here.example", sender: path)
            ).result
        }
    }

    private static func play(
        _ change: (inout DeliverySettings) -> Void = { _ in },
        _ body: @escaping @Sendable (Scene) async throws -> Void
    ) throws {
        let world = try DeliveryWorld(seed: 3, zone: zone)
        change(&world.settings)
        let (there, outside) = (world.sink(1), world.sink(2))
        try world.run { world in
            for (alias, targets) in [
                ("far", ["x@there.example"]), ("lost", ["nobody@there.example"]),
                ("both", ["y@there.example", "ben@here.example"]),
            ] {
                try await world.registry.addAlias(
                    Address("\(alias)@here.example"), to: try targets.map { try Address($0) },
                    by: "test")
            }
            let service = SMTPService(
                SMTPService.Configuration(
                    session: ServerSession.Configuration(
                        hostName: try Domain("here.example"), service: .exchange,
                        maximumMessageOctets: 1 << 20)),
                surroundings: Surroundings(
                    time: world.simulation, entropy: world.simulation, network: world.here.network),
                resolver: world.resolver, registry: world.registry, intake: world.intake,
                log: Logger(label: "reception") { _ in SwiftLogNoOpLogHandler() })
            let listener = try await world.here.network.listen(
                on: SocketAddress(world.here.addresses[0], port: 25))
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await listener.serve(limit: 10) { await service.handle($0) } }
                try await body(Scene(world: world, there: there, outside: outside))
                group.cancelAll()
            }
        }
    }

    @Test("SPF passes for it there, and a notification finds its way back to the sender")
    func roundTrip() throws {
        try Self.play { scene in
            let accepted = try await scene.send(
                scene.outside, "Joe@outside.example", to: "far@here.example")
            #expect(accepted.last?.hasPrefix("250 ") == true)
            try await scene.settle()
            let sent = try #require(scene.there.messages.first)
            #expect(sent.recipients == ["x@there.example"])
            #expect(sent.reversePath.hasPrefix("SRS0="))
            #expect(sent.reversePath.hasSuffix("=outside.example=Joe@here.example"))
            #expect(try await scene.verdict(on: sent.reversePath) == .pass)
            #expect(try await scene.verdict(on: "Joe@outside.example") == .fail)

            let returned = try await scene.send(scene.there, "", to: sent.reversePath)
            #expect(returned.last?.hasPrefix("250 ") == true)
            try await scene.settle()
            #expect(
                scene.outside.messages.map(\.recipients) == [["Joe@outside.example"]])
            #expect(scene.outside.messages.map(\.reversePath) == [""])
        }
    }

    @Test("the journal tells both paths")
    func journal() throws {
        try Self.play { scene in
            let accepted = try await scene.send(
                scene.outside, "joe@outside.example", to: "far@here.example")
            try await scene.settle()
            let path = try #require(scene.there.messages.first).reversePath
            let word = try #require(accepted.last?.split(separator: " ").last)
            let id = try #require(QueueID(String(word)))
            let facts = try await scene.world.trace.facts(of: id)
            #expect(facts.compactMap { $0[.sender] } == ["joe@outside.example"])
            #expect(facts.compactMap { $0[.returnPath] } == [path])

            let returned = try await scene.send(scene.there, "", to: path)
            let back = try #require(
                returned.last?.split(separator: " ").last.flatMap { QueueID(String($0)) })
            let first = try #require(try await scene.world.trace.facts(of: back).first)
            #expect(first.recipient?.description == "joe@outside.example")
            #expect(first[.original] == path)
        }
    }

    @Test("nobody can make such a path, and none leads elsewhere: no open relay")
    func forgery() throws {
        try Self.play { scene in
            _ = try await scene.send(
                scene.outside, "joe@outside.example", to: "far@here.example")
            try await scene.settle()
            let path = try #require(scene.there.messages.first).reversePath
            let wrong = [
                path.replacingOnce("joe", "jim"),
                path.replacingOnce("outside.example", "there.example"),
                path.replacingOnce("SRS0=", "SRS0=A"),
                "SRS0=AAAAAAAA=RA=there.example=x@here.example",
                "SRS0=AAAAAAAAAAAAAAAA@here.example",
                "SRS1=AAAAAAAA=there.example==AAAAAAAA=RA=outside.example=joe@here.example",
            ]
            for address in wrong {
                let said = try await scene.talk(
                    scene.there, ["MAIL FROM:<>", "RCPT TO:<\(address)>"])
                #expect(
                    said.last?.hasPrefix("550 5.1.1 No such mailbox here: this return path")
                        == true, "\(address): \(said)")
            }
            // In a domain that is not ours it is like any other address.
            let elsewhere = path.replacingOnce("@here.example", "@there.example")
            let said = try await scene.talk(
                scene.there, ["MAIL FROM:<>", "RCPT TO:<\(elsewhere)>"])
            #expect(said.last?.hasPrefix("550 5.7.1") == true)
            #expect(scene.outside.messages.isEmpty)
        }
    }

    @Test("after three weeks it is refused, and that is said")
    func expiry() throws {
        try Self.play { scene in
            let long = "bounces+123456-abcdef-joe=example.net-and-more"
            for sender in ["joe@outside.example", "\(long)@outside.example"] {
                _ = try await scene.send(scene.outside, sender, to: "far@here.example")
            }
            try await scene.settle()
            let paths = scene.there.messages.map(\.reversePath)
            #expect(paths.count == 2)
            try await scene.world.sleep(.days(20))
            for path in paths {
                let said = try await scene.talk(
                    scene.there, ["MAIL FROM:<>", "RCPT TO:<\(path)>"])
                #expect(said.last?.hasPrefix("250") == true)
            }
            try await scene.world.sleep(.days(3))
            for path in paths {
                let said = try await scene.talk(
                    scene.there, ["MAIL FROM:<>", "RCPT TO:<\(path)>"])
                #expect(said.last?.hasPrefix("550 5.1.1 No such mailbox here any more") == true)
            }
        }
    }

    @Test("a sender that is too long for such a path is kept, and found again")
    func longSender() throws {
        try Self.play { scene in
            let sender = "bounces+1234567-ab12-anna=here.example@em4711.mail.outside.example"
            for _ in 0..<2 {
                _ = try await scene.send(scene.outside, sender, to: "far@here.example")
            }
            try await scene.settle()
            let paths = Set(scene.there.messages.map(\.reversePath))
            #expect(scene.there.messages.count == 2)
            // One stands for it, however often he writes.
            #expect(paths.count == 1)
            let path = try #require(paths.first)
            #expect(path.hasSuffix("@here.example"))
            #expect(path.utf8.count < 40)
            #expect(try await scene.verdict(on: path) == .pass)
            #expect(
                scene.world.registry.returnPath(try Address(path.lowercased()))
                    == .sender(try Address(sender)))
        }
    }

    @Test("who is at home here keeps the path, and so does a notification")
    func unchanged() throws {
        try Self.play { scene in
            let world = scene.world
            try await world.accept(from: "anna@here.example", to: ["far@here.example"])
            try await world.accept(from: "", to: ["far@here.example"])
            // No alias leads there.
            try await world.accept(from: "joe@outside.example", to: ["z@there.example"])
            try await scene.settle()
            #expect(
                Set(scene.there.messages.map(\.reversePath)) == [
                    "anna@here.example", "", "joe@outside.example",
                ])
        }
        try Self.play({ $0.rewritesSenders = false }) { scene in
            try await scene.world.accept(from: "joe@outside.example", to: ["far@here.example"])
            try await scene.settle()
            #expect(scene.there.messages.map(\.reversePath) == ["joe@outside.example"])
        }
    }

    @Test("of an alias with a mailbox here and a target elsewhere each gets the path that is his")
    func both() throws {
        try Self.play { scene in
            _ = try await scene.send(
                scene.outside, "joe@outside.example", to: "both@here.example")
            try await scene.settle()
            #expect(scene.there.messages.first?.reversePath.hasPrefix("SRS0=") == true)
            let text = try await scene.world.mailbox("ben@here.example").first
            #expect(text?.hasPrefix("Return-Path: <joe@outside.example>\r\n") == true)
        }
    }

    @Test("one message, by an alias and directly: in two transactions, each with its path")
    func mixed() throws {
        try Self.play { scene in
            try await scene.world.accept(
                Envelope(
                    from: .address(try Address("joe@outside.example")),
                    to: [
                        .init(try Address("z@there.example")),
                        .init(
                            try Address("x@there.example"),
                            original: try Address("far@here.example")),
                    ]))
            try await scene.settle()
            let seen = scene.there.messages.map {
                "\($0.reversePath.prefix(4)) \($0.recipients.joined(separator: " "))"
            }
            #expect(Set(seen) == ["joe@ z@there.example", "SRS0 x@there.example"])
        }
    }

    @Test("what the next host refuses, we tell the sender himself")
    func refused() throws {
        try Self.play { scene in
            scene.there.reply = { $0.hasPrefix("RCPT") ? "550 5.1.1 nobody" : nil }
            _ = try await scene.send(
                scene.outside, "joe@outside.example", to: "lost@here.example")
            try await scene.settle()
            let notice = try #require(scene.outside.messages.first)
            #expect(notice.reversePath.isEmpty)
            #expect(notice.recipients == ["joe@outside.example"])
            #expect(notice.content.contains("lost@here.example"))
        }
    }

    @Test("a path that another forwarder has made goes back to that one")
    func chain() throws {
        try Self.play { scene in
            let foreign = "SRS0+Ab1=XY=example.net=jim@outside.example"
            _ = try await scene.send(scene.outside, foreign, to: "far@here.example")
            try await scene.settle()
            let path = try #require(scene.there.messages.first).reversePath
            #expect(path.hasPrefix("SRS1="))
            _ = try await scene.send(scene.there, "", to: path)
            try await scene.settle()
            #expect(scene.outside.messages.map(\.recipients) == [[foreign]])
        }
    }

    @Test("an account or alias of that very name is not taken for a path, a catch-all is")
    func ownAddress() throws {
        try Self.play { scene in
            let registry = scene.world.registry
            try await registry.addAlias(
                Address("srs0=list@here.example"), to: [Address("ben@here.example")], by: "test")
            try await registry.update(
                domain: LocalDomain(
                    try Domain("here.example"), catchAll: try Address("anna@here.example")),
                by: "test")
            let own = try await scene.talk(
                scene.outside, ["MAIL FROM:<>", "RCPT TO:<srs0=list@here.example>"])
            #expect(own.last?.hasPrefix("250") == true)
            let forged = try await scene.talk(
                scene.outside, ["MAIL FROM:<>", "RCPT TO:<srs0=other@here.example>"])
            #expect(forged.last?.hasPrefix("550 5.1.1") == true)
        }
    }
}

extension String {
    fileprivate func replacingOnce(_ part: String, _ other: String) -> String {
        guard let range = firstRange(of: part) else { return self }
        return String(self[..<range.lowerBound]) + other + self[range.upperBound...]
    }
}
