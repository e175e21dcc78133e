// SPDX-License-Identifier: Apache-2.0

import Delivery
import Directory
import Journal
import MIME
import Mail
import SimulatedWorld
import Spool
import Testing
import World

/// What a notification in a mailbox says to a machine.
private struct Told: Hashable, CustomStringConvertible {
    var recipient: String
    var action: String
    var status: String

    var description: String { "\(recipient) \(action) \(status)" }

    /// All that the notifications among `texts` tell, sorted.
    static func all(_ texts: [String]) -> [String] {
        texts.flatMap { text in
            let message = Message(Array(text.utf8))
            guard message.root.contentType.description == "multipart/report" else {
                return [Told]()
            }
            var defects = DefectList()
            let status = message.parts[1].text(defects: &defects)
            return status.split(separator: "\r\n\r\n").dropFirst().map { group in
                let value = { (name: String) in
                    group.split(separator: "\r\n").first { $0.hasPrefix(name + ": ") }
                        .map { String($0.dropFirst(name.count + 2)) } ?? "-"
                }
                return Told(
                    recipient: String(value("Final-Recipient").dropFirst("rfc822; ".count)),
                    action: value("Action"), status: value("Status"))
            }
        }
        .map(\.description).sorted()
    }
}

@Suite("RFC 3461 §4.1, §5.2 what a sender is told, and what not")
struct NotifyTests {
    private static let zone = """
        there.example MX 10 mx1.there.example
        mx1.there.example A 192.0.2.1
        down.example A 192.0.2.9
        null.example MX 0 .
        """

    private static func envelope(
        _ recipient: String, _ notify: Envelope.Notify?, from sender: String = "anna@here.example"
    ) throws -> Envelope {
        Envelope(
            from: sender.isEmpty ? .null : .address(try Address(sender)),
            to: [Envelope.Recipient(try Address(recipient), notify: notify)])
    }

    /// Recipient, NOTIFY, what is told in five days.
    private static let cases: [(String, Envelope.Notify?, [String])] = [
        ("ben@here.example", nil, []), ("ben@here.example", .never, []),
        ("ben@here.example", .failure, []),
        ("ben@here.example", .success, ["ben@here.example delivered 2.0.0"]),
        ("ben@here.example", [.success, .failure], ["ben@here.example delivered 2.0.0"]),
        ("x@there.example", nil, []), ("x@there.example", .never, []),
        ("x@there.example", .success, ["x@there.example relayed 2.0.0"]),
        ("x@null.example", nil, ["x@null.example failed 5.1.10"]),
        ("x@null.example", .failure, ["x@null.example failed 5.1.10"]),
        ("x@null.example", [.failure, .success], ["x@null.example failed 5.1.10"]),
        ("x@null.example", .never, []), ("x@null.example", .success, []),
        ("x@null.example", .delay, []),
        ("x@down.example", nil, ["x@down.example delayed 4.4.1", "x@down.example failed 5.4.7"]),
        (
            "x@down.example", [.delay, .failure],
            ["x@down.example delayed 4.4.1", "x@down.example failed 5.4.7"]
        ),
        ("x@down.example", .delay, ["x@down.example delayed 4.4.1"]),
        ("x@down.example", .failure, ["x@down.example failed 5.4.7"]),
        ("x@down.example", .never, []), ("x@down.example", .success, []),
        // Two people are behind it.
        ("all@here.example", nil, []), ("all@here.example", .failure, []),
        ("all@here.example", .never, []),
        ("all@here.example", .success, ["all@here.example expanded 2.0.0"]),
        // One is behind it: what is asked goes with the message.
        ("b@here.example", .success, ["b@here.example delivered 2.0.0"]),
        ("far@here.example", .success, ["far@here.example relayed 2.0.0"]),
        ("far@here.example", nil, []),
        ("lost@here.example", nil, ["lost@here.example failed 5.1.10"]),
        ("lost@here.example", .success, []),
    ]

    @Test("NOTIFY is honoured exactly", arguments: cases)
    func notify(_ recipient: String, _ notify: Envelope.Notify?, _ expected: [String]) throws {
        let world = try DeliveryWorld(seed: 1, zone: Self.zone)
        _ = world.sink(1)
        try world.run { world in
            try await Self.addAliases(world.registry)
            try await world.accept(try Self.envelope(recipient, notify))
            #expect(try await world.wait(.days(6)) { try await world.isSpoolEmpty() })
            #expect(Told.all(try await world.mailbox("anna@here.example")) == expected)
        }
    }

    private static func addAliases(_ registry: Registry) async throws {
        for (alias, targets) in [
            ("all", ["ben@here.example", "x@there.example"]), ("b", ["ben@here.example"]),
            ("far", ["x@there.example"]), ("lost", ["x@null.example"]),
        ] {
            try await registry.addAlias(
                try Address("\(alias)@here.example"), to: try targets.map { try Address($0) },
                by: "test")
        }
    }

    @Test("An alias of several goes to all of them, SUCCESS answered, the rest passed on")
    func expansion() throws {
        let world = try DeliveryWorld(seed: 2, zone: Self.zone)
        let sink = world.sink(1)
        try world.run { world in
            try await Self.addAliases(world.registry)
            var envelope = try Self.envelope("all@here.example", [.success, .failure])
            envelope.recipients[0].originalRecipient = .init(
                addressType: "rfc822", address: "ALL@here.example")
            sink.reply = { $0.hasPrefix("RCPT") ? "550 5.1.1 nobody" : nil }
            try await world.accept(envelope)
            #expect(try await world.wait(.minutes(1)) { try await world.isSpoolEmpty() })
            #expect(try await world.mailbox("ben@here.example").count == 1)
            let told = try await world.mailbox("anna@here.example")
            // What the sender wrote is what he is told of, not where it led.
            #expect(
                Told.all(told) == [
                    "all@here.example expanded 2.0.0", "all@here.example failed 5.1.1",
                ])
            #expect(
                told.allSatisfy {
                    $0.contains("\r\nOriginal-Recipient: rfc822; ALL@here.example\r\n")
                })
        }
    }

    @Test("Several recipients that fail together share one notification")
    func together() throws {
        let world = try DeliveryWorld(seed: 3, zone: Self.zone)
        let sink = world.sink(1)
        sink.reply = { $0.hasPrefix("RCPT") && $0.contains("no") ? "550 5.1.1 nobody" : nil }
        try world.run { world in
            var envelope = try Self.envelope("yes@there.example", .success)
            for number in 0..<150 {
                envelope.recipients.append(.init(try Address("no\(number)@there.example")))
            }
            envelope.recipients.append(.init(try Address("no@there.example"), notify: .never))
            try await world.accept(envelope)
            #expect(try await world.wait(.minutes(5)) { try await world.isSpoolEmpty() })
            let texts = try await world.mailbox("anna@here.example")
            #expect(Told.all(texts).count == 151)
            #expect(Set(Told.all(texts)).count == 151)
            #expect(texts.count <= 4)
        }
    }

    @Test(
        "RET=FULL returns all, HDRS and nothing the header, REQUIRETLS never more",
        arguments: [
            (Envelope.Returned?.none, false, 10, false), (.header, false, 10, false),
            (.full, false, 10, true), (.full, true, 10, false), (.full, false, 10_000, false),
        ])
    func returned(
        _ returned: Envelope.Returned?, _ requiresTLS: Bool, _ lines: Int, _ isWhole: Bool
    ) throws {
        let world = try DeliveryWorld(seed: 4, zone: Self.zone)
        try world.run { world in
            var envelope = try Self.envelope("x@null.example", nil)
            envelope.requests.returned = returned
            envelope.requests.requiresTLS = requiresTLS
            envelope.requests.envelopeID = "QQ314159"
            let text = String(repeating: "This is the body, and nothing else.\r\n", count: lines)
            try await world.accept(envelope, text: text)
            #expect(try await world.wait(.minutes(1)) { try await world.isSpoolEmpty() })
            let told = try #require(try await world.mailbox("anna@here.example").first)
            #expect(told.contains("This is the body") == isWhole)
            #expect(told.contains("\r\nOriginal-Envelope-Id: QQ314159\r\n"))
            #expect(told.contains("\r\nSubject: test\r\n"))
        }
    }

    @Test("A success is no reason to return the message")
    func successReturnsHeader() throws {
        let world = try DeliveryWorld(seed: 5, zone: Self.zone)
        try world.run { world in
            var envelope = try Self.envelope("ben@here.example", .success)
            envelope.requests.returned = .full
            try await world.accept(envelope, text: "This is the body.\r\n")
            #expect(try await world.wait(.minutes(1)) { try await world.isSpoolEmpty() })
            let told = try #require(try await world.mailbox("anna@here.example").first)
            #expect(!told.contains("This is the body"))
        }
    }

    @Test(
        "A null reverse-path is told nothing, whatever it asks for",
        arguments: [
            "ben@here.example", "x@null.example", "x@there.example", "x@down.example",
            "all@here.example",
        ])
    func nullPath(_ recipient: String) throws {
        let world = try DeliveryWorld(seed: 6, zone: Self.zone)
        let sink = world.sink(1)
        try world.run { world in
            try await Self.addAliases(world.registry)
            let id = try await world.accept(
                try Self.envelope(recipient, [.success, .failure, .delay], from: ""))
            #expect(try await world.wait(.days(6)) { try await world.isSpoolEmpty() })
            #expect(try await !world.kinds(id).contains(.notified))
            let kept = try await world.mailbox("ben@here.example")
            #expect(try await world.mailbox("anna@here.example").isEmpty)
            #expect((kept + sink.messages.map(\.content)).allSatisfy { $0.contains("Hello") })
        }
    }

    @Test("By choice the postmaster is told of a notification that failed, but of no more")
    func doubleBounce() throws {
        for isWanted in [false, true] {
            let world = try DeliveryWorld(seed: 7, zone: Self.zone)
            world.settings.tellsPostmaster = isWanted
            try world.run { world in
                try await world.registry.set(
                    postmaster: try Address("ben@here.example"), by: "test")
                // Its notification fails in turn.
                try await world.accept(
                    try Self.envelope("x@null.example", nil, from: "y@null.example"))
                #expect(try await world.wait(.minutes(5)) { try await world.isSpoolEmpty() })
                let told = try await world.mailbox("ben@here.example")
                #expect(Told.all(told) == (isWanted ? ["y@null.example failed 5.1.10"] : []))
                // What is for the postmaster and fails is told to nobody.
                try await world.accept(try Self.envelope("z@null.example", .never, from: ""))
                #expect(try await world.wait(.minutes(5)) { try await world.isSpoolEmpty() })
                #expect(try await world.mailbox("ben@here.example").count == told.count)
            }
        }
    }

    @Test("BY with R: returned when the time has passed, and not tried again")
    func deliverByReturn() throws {
        let world = try DeliveryWorld(seed: 8, zone: Self.zone)
        try world.run { world in
            var envelope = try Self.envelope("x@down.example", nil)
            let start = world.simulation.timestamp
            envelope.requests.deliverBy = .init(deadline: start + .minutes(17), mode: .return)
            let id = try await world.accept(envelope)
            #expect(try await world.wait(.hours(1)) { try await world.isSpoolEmpty() })
            let told = try await world.mailbox("anna@here.example")
            #expect(Told.all(told) == ["x@down.example failed 5.4.7"])
            let facts = try await world.trace.facts(of: id)
            let bounced = try #require(facts.first { $0.kind == .bounced })
            #expect((start + .minutes(17)...start + .minutes(18)).contains(bounced.time))
            #expect(facts.allSatisfy { $0.kind != .attempted || $0.time < start + .minutes(17) })
        }
    }

    @Test("BY with N: a delay is told at that time, with 4.4.7, and it goes on")
    func deliverByNotify() throws {
        let world = try DeliveryWorld(seed: 9, zone: Self.zone)
        let sink = world.sink(1)
        sink.host.stop()
        try world.run { world in
            var envelope = try Self.envelope("x@there.example", nil)
            envelope.requests.deliverBy = .init(
                deadline: world.simulation.timestamp + .minutes(10), mode: .notify)
            try await world.accept(envelope)
            try await world.sleep(.minutes(12))
            let told = ["x@there.example delayed 4.4.7"]
            #expect(Told.all(try await world.mailbox("anna@here.example")) == told)
            try await world.sleep(.hours(6))
            #expect(Told.all(try await world.mailbox("anna@here.example")) == told)
            sink.host.start()
            #expect(try await world.wait(.hours(6)) { try await world.isSpoolEmpty() })
            #expect(sink.messages.count == 1)
        }
    }

    @Test("BY with N or T: a host that knows nothing of it makes a notification of the relay")
    func deliverByRelayed() throws {
        for (mode, isTraced, notify, isTold) in [
            (Envelope.DeliverBy.Mode.notify, true, Envelope.Notify?.none, true),
            (.notify, true, .failure, true), (.notify, true, .never, false),
        ] {
            let world = try DeliveryWorld(seed: 10, zone: Self.zone)
            _ = world.sink(1)
            try world.run { world in
                var envelope = try Self.envelope("x@there.example", notify)
                envelope.requests.deliverBy = .init(
                    deadline: world.simulation.timestamp + .minutes(10), mode: mode,
                    isTraced: isTraced)
                try await world.accept(envelope)
                #expect(try await world.wait(.minutes(1)) { try await world.isSpoolEmpty() })
                #expect(
                    Told.all(try await world.mailbox("anna@here.example"))
                        == (isTold ? ["x@there.example relayed 2.0.0"] : []))
            }
        }
    }

    @Test("What its sender wants released later is delivered then, and its lifetime begins then")
    func futureRelease() throws {
        let world = try DeliveryWorld(seed: 11, zone: Self.zone)
        let sink = world.sink(1)
        try world.run { world in
            let start = world.simulation.timestamp
            for recipient in ["x@there.example", "y@down.example"] {
                var envelope = try Self.envelope(recipient, [.failure, .delay])
                envelope.requests.holdUntil = start + .days(10)
                try await world.accept(envelope)
            }
            try await world.sleep(.days(10) + .seconds(-60))
            #expect(sink.messages.isEmpty)
            try await world.sleep(.minutes(2))
            #expect(sink.messages.count == 1)
            #expect(try await world.mailbox("anna@here.example").isEmpty)
            #expect(try await world.wait(.days(6)) { try await world.isSpoolEmpty() })
            #expect(
                Told.all(try await world.mailbox("anna@here.example")) == [
                    "y@down.example delayed 4.4.1", "y@down.example failed 5.4.7",
                ])
            #expect(world.simulation.timestamp > start + .days(14))
        }
    }

    @Test("A flood of failures reaches a sender at a bounded pace, and in the end completely")
    func pace() throws {
        let world = try DeliveryWorld(seed: 12, zone: Self.zone)
        try world.run { world in
            for _ in 0..<150 { try await world.accept(to: ["x@null.example"]) }
            try await world.sleep(.seconds(30))
            let early = try await world.mailbox("anna@here.example").count
            #expect((100...105).contains(early))
            #expect(try await world.wait(.hours(1)) { try await world.isSpoolEmpty() })
            #expect(try await world.mailbox("anna@here.example").count == 150)
        }
    }
}
