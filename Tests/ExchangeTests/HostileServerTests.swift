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
            "(closes)", "(hangs)", "(floods)", "421 4.3.2 closing", "250-one\r\n220 two",
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
            #expect(second.messages.count == (phase == "STARTTLS" ? second.messages.count : 1))
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

    @Test("silence after the final dot is an ambiguous end, ten minutes later")
    func silence() throws {
        let world = try DeliveryWorld(seed: 3, zone: Self.zone)
        let first = world.sink(1)
        var isSilent = true
        first.reply = { line in
            guard isSilent, line == "DATA" else { return nil }
            isSilent = false
            return "354 go\r\n(hangs)"
        }
        first.final = { _ in "250 2.0.0 ok" }
        try world.run { world in
            let id = try await world.accept(to: ["x@one.example"])
            #expect(try await world.wait(.hours(1)) { try await world.isSpoolEmpty() })
            let facts = try await world.trace.facts(of: id)
            #expect(facts.last?.kind == .delivered)
        }
    }
}
