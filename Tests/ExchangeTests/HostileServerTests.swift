// SPDX-License-Identifier: Apache-2.0

import Bytes
import Delivery
import Journal
import Mail
import SimulatedWorld
import Testing
import World

@Suite("Hostile servers: delivery goes on, and soon")
struct HostileServerTests {
    private static let zone = """
        one.example MX 10 mx1.one.example
        one.example MX 20 mx2.one.example
        mx1.one.example A 192.0.2.1
        mx2.one.example A 192.0.2.2
        """

    /// Where the server misbehaves: the beginning of the line that it answers so.
    private static let phases = ["", "EHLO", "STARTTLS", "MAIL", "RCPT", "DATA"]

    @Test(
        "whatever the first exchanger does, the second gets the message, once, within the timeouts",
        arguments: phases,
        [
            "(closes)", "(hangs)", "(drips)", "(floods)", "(endless)", "421 4.3.2 closing",
            "250-one\r\n220 two",
            "Welcome!", "999 what",
        ])
    func mischief(_ phase: String, _ act: String) throws {
        let world = try DeliveryWorld(seed: 1, zone: Self.zone)
        let (first, second) = (world.sink(1), world.sink(2))
        first.offersTLS = true
        if phase.isEmpty {
            first.greeting = act
        } else {
            first.reply = { $0.hasPrefix(phase) ? act : nil }
        }
        try world.run { world in
            try await world.accept(to: ["x@one.example"])
            #expect(try await world.wait(.minutes(12)) { try await world.isSpoolEmpty() })
            #expect(first.messages.count + second.messages.count == 1)
            // STARTTLS that fails is done without.
            if phase != "STARTTLS" { #expect(second.messages.count == 1) }
            // Of a reply without end no more is read than a reply may have, and what is on its way.
            #expect(first.floodOctets < 1 << 20)
        }
    }

    @Test("what is said behind the reply to STARTTLS is nobody's word")
    func injection() throws {
        let world = try DeliveryWorld(seed: 2, zone: Self.zone)
        let first = world.sink(1)
        first.offersTLS = true
        // A second reply in the same breath: the client drops it and speaks TLS to nobody.
        first.reply = { $0 == "STARTTLS" ? "220 go\r\n250-evil\r\n250 SIZE 1" : nil }
        let second = world.sink(2)
        try world.run { world in
            try await world.accept(to: ["x@one.example"])
            #expect(try await world.wait(.minutes(30)) { try await world.isSpoolEmpty() })
            #expect(first.messages.count + second.messages.count == 1)
            #expect(!first.messages.contains { $0.isProtected })
        }
    }

    /// Where a server falls silent, and for how long it is waited for there (RFC 5321 §4.5.3.2).
    private static let silences: [(phase: String, minutes: Int)] = [
        ("", 5), ("EHLO", 5), ("STARTTLS", 5), ("MAIL", 5), ("RCPT", 5), ("DATA", 2), (".", 10),
    ]

    /// The first connection goes wrong at a phase in a way, the others do not.
    private func misbehaveOnce(_ sink: Sink, _ phase: String, _ act: String) {
        sink.offersTLS = true
        // Command by command, or all would be said before the silence.
        sink.keywords.removeAll { $0 == "PIPELINING" }
        switch phase {
        case "":
            sink.greeting = act
            sink.reply = { _ in nil }
        case ".": sink.final = { [sink] _ in sink.connections == 1 ? act : "250 2.0.0 taken" }
        default:
            sink.reply = { [sink] line in
                line.hasPrefix(phase) && sink.connections == 1 ? act : nil
            }
        }
    }

    @Test(
        "silence, and an octet a minute, are waited for as RFC 5321 says, and then it is tried again",
        arguments: silences, ["(hangs)", "(drips)"])
    func silence(_ silence: (phase: String, minutes: Int), _ act: String) throws {
        let world = try DeliveryWorld(
            seed: 3, zone: "one.example MX 10 mx1.one.example\n" + Self.mx1)
        let sink = world.sink(1)
        misbehaveOnce(sink, silence.phase, act)
        try world.run { world in
            let start = world.simulation.now
            let id = try await world.accept(to: ["x@one.example"])
            let patience = Duration.minutes(silence.minutes)
            // Until then nothing is decided, and nothing is tried beside it.
            try await world.sleep(patience - .seconds(2))
            #expect(sink.connections == 1 && sink.messages.isEmpty)
            let early = try await world.kinds(id)
            #expect(!early.contains(.attempted) && !early.contains(.deferred), "\(early)")
            #expect(
                try await world.wait(.minutes(1)) { try await world.kinds(id).contains(.deferred) })
            #expect(world.simulation.now - start < patience + .seconds(15))
            sink.greeting = "220 sink ESMTP"
            #expect(try await world.wait(.minutes(10)) { try await world.isSpoolEmpty() })
            #expect(sink.messages.count == 1)
            // Silence to STARTTLS is no reason for plain text.
            #expect(sink.messages.map(\.isProtected) == [true])
            let facts = try await world.trace.facts(of: id)
            let deferred = facts.filter { $0.kind == .deferred }
            #expect(deferred.count == 1 && facts.last?.kind == .delivered, "\(facts)")
            let isAmbiguous = deferred.contains { $0.text?.contains("may arrive twice") == true }
            #expect(isAmbiguous == (silence.phase == "."))
            #expect(
                deferred.first?.text?.contains("nothing came for too long") == true, "\(deferred)")
        }
    }

    @Test(
        "whatever comes instead of the reply to a message, it counts as sent, perhaps, and is tried again",
        arguments: [
            "(closes)", "(floods)", "(endless)", "250-one\r\n220 two", "Welcome!", "999 what",
            "354 go on", "199 yes", "\0\0",
        ])
    func strangeEnd(_ act: String) throws {
        let world = try DeliveryWorld(
            seed: 4, zone: "one.example MX 10 mx1.one.example\n" + Self.mx1)
        let sink = world.sink(1)
        misbehaveOnce(sink, ".", act)
        try world.run { world in
            let id = try await world.accept(to: ["x@one.example"])
            #expect(try await world.wait(.minutes(15)) { try await world.isSpoolEmpty() })
            #expect(sink.connections == 2 && sink.floodOctets < 1 << 20)
            let facts = try await world.trace.facts(of: id)
            let deferred = facts.filter { $0.kind == .deferred }
            #expect(deferred.count == 1 && facts.last?.kind == .delivered, "\(facts)")
            #expect(deferred.first?.text?.contains("may arrive twice") == true, "\(deferred)")
        }
    }

    @Test(
        "wrong codes in the middle are refusals of their kind, never acceptance",
        arguments: [
            ("MAIL", "354 go on"), ("RCPT", "354 go on"), ("DATA", "250 taken"),
            ("DATA", "221 bye"), ("MAIL", "220 again"), ("EHLO", "354 go on"),
        ])
    func wrongCodes(_ phase: String, _ act: String) throws {
        let world = try DeliveryWorld(
            seed: 5, zone: "one.example MX 10 mx1.one.example\n" + Self.mx1)
        let sink = world.sink(1)
        misbehaveOnce(sink, phase, act)
        try world.run { world in
            let id = try await world.accept(to: ["x@one.example"])
            #expect(try await world.wait(.minutes(15)) { try await world.isSpoolEmpty() })
            #expect(sink.messages.count == 1)
            let facts = try await world.trace.facts(of: id)
            #expect(facts.last?.kind == .delivered && !facts.contains { $0.kind == .bounced })
        }
    }

    private static let mx1 = "mx1.one.example A 192.0.2.1"
}
