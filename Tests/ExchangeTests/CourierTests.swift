// SPDX-License-Identifier: Apache-2.0

import Bytes
import Delivery
import Directory
import Journal
import Mail
import Routing
import SASL
import SimulatedWorld
import Spool
import Testing
import World

private let zone = """
    one.example MX 10 mx1.one.example
    one.example A 192.0.2.2
    two.example MX 10 mx1.one.example
    two.example MX 20 mx2.one.example
    mx1.one.example A 192.0.2.1
    mx2.one.example A 192.0.2.2
    smart.example A 192.0.2.3
    """

private func envelope(
    to recipients: [String] = ["x@one.example"], _ change: (inout Envelope) -> Void = { _ in }
) throws -> Envelope {
    var envelope = Envelope(
        from: .address(try Address("anna@here.example")),
        to: try recipients.map { Envelope.Recipient(try Address($0)) })
    change(&envelope)
    return envelope
}

private let eightBit =
    "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
    + "Content-Transfer-Encoding: 8bit\r\n\r\nViele Grüße von hier nach dort.\r\n"

@Suite("Couriers: what a next hop can and cannot carry")
struct CourierTests {
    @Test("an 8-bit message goes as it is, or is converted, or comes back")
    func eightBitMIME() throws {
        let world = try DeliveryWorld(seed: 1, zone: zone)
        let sink = world.sink(1)
        try world.run { world in
            let eight = try envelope { $0.body = .eightBitMIME }
            try await world.accept(eight, content: eightBit)
            #expect(try await world.wait(.minutes(1)) { try await world.isSpoolEmpty() })
            #expect(sink.messages.last?.content == eightBit)
            #expect(sink.commands.contains { $0.hasSuffix(" BODY=8BITMIME") })
            sink.keywords = ["PIPELINING"]
            try await world.sleep(.minutes(10))
            try await world.accept(eight, content: eightBit)
            #expect(try await world.wait(.minutes(1)) { try await world.isSpoolEmpty() })
            #expect(
                sink.messages.last?.content
                    == "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n"
                    + "Content-Transfer-Encoding: quoted-printable\r\n\r\n"
                    + "Viele Gr=C3=BC=C3=9Fe von hier nach dort.\r\n")
            let signed =
                "Content-Type: multipart/signed; boundary=b\r\n\r\n--b\r\n\r\nä\r\n--b--\r\n"
            try await world.accept(eight, content: signed)
            #expect(try await world.wait(.minutes(1)) { try await world.isSpoolEmpty() })
            #expect(sink.messages.count == 2)
            let texts = try await world.mailbox("anna@here.example")
            #expect(texts.count == 1)
            #expect(texts.first?.contains("Status: 5.6.3") == true)
        }
    }

    @Test("binary content goes by BDAT, or is converted")
    func binary() throws {
        let world = try DeliveryWorld(seed: 2, zone: zone)
        let sink = world.sink(1)
        sink.keywords = ["PIPELINING", "8BITMIME", "CHUNKING", "BINARYMIME"]
        let head = "MIME-Version: 1.0\r\nContent-Type: image/png\r\n"
        let content = head + "Content-Transfer-Encoding: binary\r\n\r\n\u{0}\n.\n"
        try world.run { world in
            let binary = try envelope { $0.body = .binaryMIME }
            try await world.accept(binary, content: content)
            #expect(try await world.wait(.minutes(1)) { try await world.isSpoolEmpty() })
            #expect(sink.messages.last?.content == content)
            #expect(sink.commands.contains("BDAT \(content.utf8.count) LAST"))
            sink.keywords = ["PIPELINING", "8BITMIME"]
            try await world.sleep(.minutes(10))
            try await world.accept(binary, content: content)
            #expect(try await world.wait(.minutes(1)) { try await world.isSpoolEmpty() })
            #expect(
                sink.messages.last?.content
                    == head + "Content-Transfer-Encoding: base64\r\n\r\nAAouCg==\r\n")
        }
    }

    @Test("a large message goes in chunks to a host that offers CHUNKING")
    func chunks() throws {
        let world = try DeliveryWorld(seed: 3, zone: zone)
        let sink = world.sink(1)
        sink.keywords = ["PIPELINING", "CHUNKING"]
        let content = "Subject: x\r\n\r\n" + String(repeating: ".line\r\n", count: 300_000)
        try world.run { world in
            try await world.accept(try envelope(), content: content)
            #expect(try await world.wait(.minutes(10)) { try await world.isSpoolEmpty() })
            #expect(sink.messages.first?.content == content)
            #expect(sink.commands.count { $0.hasPrefix("BDAT") } > 5)
            #expect(sink.commands.count { $0.hasSuffix(" LAST") } == 1)
        }
    }

    @Test("another exchanger may have the extension that the first lacks")
    func nextHost() throws {
        let world = try DeliveryWorld(seed: 4, zone: zone)
        let (first, second) = (world.sink(1), world.sink(2))
        second.keywords.append("SMTPUTF8")
        try world.run { world in
            try await world.accept(to: ["jürgen@two.example"])
            #expect(try await world.wait(.minutes(1)) { try await world.isSpoolEmpty() })
            #expect(first.messages.isEmpty && second.messages.count == 1)
            #expect(second.commands.contains("MAIL FROM:<anna@here.example> SMTPUTF8"))
            // The other is away: it might have it.
            second.host.stop()
            try await world.sleep(.minutes(10))
            let id = try await world.accept(to: ["jürgen@two.example"])
            try await world.sleep(.seconds(50))
            let kinds = try await world.kinds(id)
            #expect(kinds.contains(.deferred) && !kinds.contains(.bounced))
        }
    }

    @Test("nobody has it: it comes back with 5.6.7, the others have it")
    func international() throws {
        let world = try DeliveryWorld(seed: 5, zone: zone)
        let sink = world.sink(1)
        try world.run { world in
            // A header of ASCII needs no SMTPUTF8, whatever was announced.
            let both = try envelope(to: ["x@one.example", "jürgen@one.example"]) {
                $0.isInternational = true
            }
            try await world.accept(both, content: "Subject: x\r\n\r\nx\r\n")
            #expect(try await world.wait(.minutes(1)) { try await world.isSpoolEmpty() })
            #expect(sink.messages.map(\.recipients) == [["x@one.example"]])
            let header = try envelope { $0.isInternational = true }
            try await world.accept(header, content: "Subject: ä\r\n\r\nx\r\n")
            #expect(try await world.wait(.minutes(1)) { try await world.isSpoolEmpty() })
            let texts = try await world.mailbox("anna@here.example")
            #expect(texts.count == 2)
            #expect(texts.allSatisfy { $0.contains("Status: 5.6.7") })
        }
    }

    @Test("too many recipients: the rest goes at once, on the same connection")
    func split() throws {
        let world = try DeliveryWorld(seed: 6, zone: zone)
        let sink = world.sink(1)
        var inTransaction = 0
        sink.reply = { line in
            if line.hasPrefix("MAIL") { inTransaction = 0 }
            guard line.hasPrefix("RCPT") else { return nil }
            inTransaction += 1
            return inTransaction > 3 ? "451 4.5.3 too many" : nil
        }
        try world.run { world in
            let id = try await world.accept(to: (0..<10).map { "x\($0)@one.example" })
            #expect(try await world.wait(.seconds(30)) { try await world.isSpoolEmpty() })
            #expect(sink.messages.map(\.recipients.count) == [3, 3, 3, 1])
            #expect(sink.connections == 1)
            let facts = try await world.trace.facts(of: id)
            #expect(!facts.contains { $0.kind == .deferred || $0.kind == .attempted })
        }
    }

    @Test(
        "LIMITS are kept before they are hit",
        arguments: [("RCPTMAX=4", [4, 4, 2], 1), ("RCPTMAX=4 MAILMAX=1", [4, 4, 2], 3)])
    func limits(_ limits: String, _ sizes: [Int], _ connections: Int) throws {
        let world = try DeliveryWorld(seed: 7, zone: zone)
        let sink = world.sink(1)
        sink.keywords.append("LIMITS \(limits)")
        try world.run { world in
            try await world.accept(to: (0..<10).map { "x\($0)@one.example" })
            #expect(try await world.wait(.seconds(30)) { try await world.isSpoolEmpty() })
            #expect(sink.messages.map(\.recipients.count) == sizes)
            #expect(sink.connections == connections)
        }
    }

    @Test("one domain on a connection, if the host wants it so")
    func domains() throws {
        let world = try DeliveryWorld(seed: 8, zone: "b.example MX 10 mx1.one.example\n" + zone)
        let sink = world.sink(1)
        sink.keywords.append("LIMITS RCPTDOMAINMAX=1")
        try world.run { world in
            try await world.accept(to: ["a@one.example", "b@b.example", "c@one.example"])
            #expect(try await world.wait(.seconds(30)) { try await world.isSpoolEmpty() })
            #expect(
                sink.messages.map(\.recipients) == [
                    ["a@one.example", "c@one.example"], ["b@b.example"],
                ])
            #expect(sink.connections == 2)
        }
    }

    @Test("REQUIRETLS: verified TLS to a host that promises it too, or back with 5.7.30, 5.7.10")
    func requiredTLS() throws {
        let world = try DeliveryWorld(seed: 9, zone: zone)
        let sink = world.sink(1)
        sink.offersTLS = true
        sink.certificate = "mx1.one.example"
        sink.keywords.append("REQUIRETLS")
        try world.run { world in
            let required = try envelope { $0.requests.requiresTLS = true }
            let content = "Subject: x\r\n\r\nx\r\n"
            try await world.accept(required, content: content)
            #expect(try await world.wait(.minutes(1)) { try await world.isSpoolEmpty() })
            #expect(sink.messages.map(\.isProtected) == [true])
            #expect(sink.commands.contains { $0.hasSuffix(" REQUIRETLS") })
            for (certificate, keywords, status) in [
                ("mx1.one.example", ["8BITMIME"], "5.7.30"),
                ("other.example", ["REQUIRETLS"], "5.7.10"),
            ] {
                (sink.certificate, sink.keywords) = (certificate, keywords)
                try await world.sleep(.minutes(10))
                try await world.accept(required, content: content)
                #expect(try await world.wait(.minutes(1)) { try await world.isSpoolEmpty() })
                let texts = try await world.mailbox("anna@here.example")
                #expect(texts.last?.contains("Status: \(status)") == true)
            }
            #expect(sink.messages.count == 1)
        }
    }
}

@Suite("Transports: ways out that MX records do not name")
struct TransportTests {
    @Test("a smarthost takes what is for elsewhere, over one line of connections")
    func smarthost() throws {
        let world = try DeliveryWorld(seed: 1, zone: zone)
        let (direct, smart) = (world.sink(1), world.sink(3))
        smart.port = 2525
        try world.run { world in
            try await world.registry.set(
                transport: Transport(.everything, host: "smart.example:2525"), by: "test")
            for name in ["one", "two", "no-such", "three"] {
                try await world.accept(to: ["x@\(name).example"])
            }
            try await world.accept(to: ["ben@here.example"])
            #expect(try await world.wait(.minutes(1)) { try await world.isSpoolEmpty() })
            #expect(smart.messages.count == 4 && direct.messages.isEmpty)
            #expect(smart.connections < 4)
            #expect(try await world.mailbox("ben@here.example").count == 1)
            // Undone, it goes by MX again.
            try await world.registry.remove(transport: .everything, by: "test")
            try await world.accept(to: ["x@one.example"])
            #expect(try await world.wait(.minutes(1)) { try await world.isSpoolEmpty() })
            #expect(direct.messages.count == 1)
        }
    }

    private static func deliverBySmarthost(_ world: DeliveryWorld) async throws {
        let account = Transport.Account(name: "anna", password: "secret")
        try await world.registry.set(
            transport: Transport(
                .everything, host: "smart.example", security: .required, account: account),
            by: "test")
        try await world.accept(to: ["x@one.example"])
        #expect(try await world.wait(.minutes(1)) { try await world.isSpoolEmpty() })
    }

    @Test("a smarthost that wants a password gets it within verified TLS only")
    func password() throws {
        let world = try DeliveryWorld(seed: 2, zone: zone)
        let smart = world.sink(3)
        smart.offersTLS = true
        smart.certificate = "smart.example"
        smart.keywords.append("AUTH PLAIN LOGIN")
        smart.reply = { line in
            if line == "AUTH PLAIN AGFubmEAc2VjcmV0" { return "235 2.7.0 welcome" }
            return line.hasPrefix("AUTH") ? "535 5.7.8 no" : nil
        }
        try world.run { world in
            try await Self.deliverBySmarthost(world)
            #expect(smart.messages.map(\.isProtected) == [true])
            smart.certificate = "other.example"
            try await world.sleep(.minutes(10))
            let id = try await world.accept(to: ["x@one.example"])
            try await world.sleep(.seconds(30))
            #expect(smart.messages.count == 1)
            #expect(smart.commands.count { $0.hasPrefix("AUTH") } == 1)
            #expect(try await world.kinds(id).contains(.deferred))
        }
    }

    @Test(
        "a smarthost that can judge a proof gets one instead of the password",
        arguments: [
            ("AUTH PLAIN SCRAM-SHA-1", Mechanism.scramSHA1, SCRAMHash.sha1),
            ("AUTH SCRAM-SHA-1 SCRAM-SHA-256", .scramSHA256, .sha256),
        ])
    func proof(offer: String, mechanism: Mechanism, hash: SCRAMHash) throws {
        let world = try DeliveryWorld(seed: 2, zone: zone)
        let smart = world.sink(3)
        smart.offersTLS = true
        smart.certificate = "smart.example"
        smart.keywords.append(offer)
        let keys = SCRAMKeys(
            password: try PreparedString("secret"), hash: hash, salt: [1, 2, 3, 4],
            iterations: SCRAMKeys.minimumIterations)
        let begin = "AUTH \(mechanism.name) "
        var exchange: ServerExchange?
        smart.reply = { line in
            if line.hasPrefix(begin) { exchange = ServerExchange(mechanism, nonce: [1, 2, 3]) }
            guard let message = Base64.decode((line.split(separator: " ").last ?? "").utf8),
                var step = exchange?.step(response: message)
            else { return nil }
            if case .needsKeys("anna") = step { step = exchange?.provide(keys) ?? step }
            if case .challenge(let challenge) = step { return "334 \(Base64.encode(challenge))" }
            exchange = nil
            guard case .succeeded = step else { return "535 5.7.8 no" }
            return "235 2.7.0 welcome"
        }
        try world.run { world in
            try await Self.deliverBySmarthost(world)
            #expect(smart.messages.count == 1)
            #expect(smart.commands.contains { $0.hasPrefix(begin) })
        }
    }

    @Test("what an operator sends to a transport's host goes with its password and verified TLS")
    func passwordOfChosenHost() throws {
        let world = try DeliveryWorld(seed: 2, zone: zone)
        let smart = world.sink(3)
        smart.offersTLS = true
        smart.certificate = "smart.example"
        smart.keywords.append("AUTH PLAIN LOGIN")
        smart.reply = { $0.hasPrefix("AUTH") ? "235 2.7.0 welcome" : nil }
        try world.run { world in
            try await world.registry.set(
                transport: Transport(
                    .domain(try Domain("two.example")), host: "Smart.example",
                    security: .required, account: .init(name: "anna", password: "secret")),
                by: "test")
            // Nobody listens there.
            let id = try await world.accept(to: ["x@[192.0.2.99]"])
            #expect(
                try await world.wait(.minutes(5)) {
                    try await world.kinds(id).contains(.deferred)
                })
            _ = try await world.spooler.intervene(
                .redirect(.host("smart.example")), Selection(id), by: "eva")
            world.deliverer.wake()
            #expect(try await world.wait(.minutes(1)) { try await world.isSpoolEmpty() })
            #expect(smart.messages.map(\.isProtected) == [true])
            #expect(smart.commands.contains("AUTH PLAIN AGFubmEAc2VjcmV0"))
        }
    }

    @Test("TLS from the first octet")
    func implicit() throws {
        let world = try DeliveryWorld(seed: 3, zone: zone)
        let smart = world.sink(3)
        smart.isImplicitTLS = true
        smart.port = 465
        smart.certificate = "smart.example"
        try world.run { world in
            try await world.registry.set(
                transport: Transport(
                    .domain(try Domain("one.example")), host: "smart.example:465",
                    security: .implicit), by: "test")
            try await world.accept(to: ["x@one.example"])
            #expect(try await world.wait(.minutes(1)) { try await world.isSpoolEmpty() })
            #expect(smart.messages.map(\.isProtected) == [true])
            #expect(!smart.commands.contains("STARTTLS"))
        }
    }

    @Test("LMTP: each recipient has an outcome of its own")
    func lmtp() throws {
        let world = try DeliveryWorld(seed: 4, zone: zone)
        let store = world.sink(3)
        store.isLMTP = true
        store.port = 24
        var isFull = true
        store.final = { message in
            guard message.recipients == ["full@one.example"], isFull else { return "250 2.0.0 ok" }
            isFull = false
            return "452 4.2.2 full"
        }
        try world.run { world in
            try await world.registry.set(
                transport: Transport(
                    .domain(try Domain("one.example")), .lmtp, host: "192.0.2.3:24"), by: "test")
            let id = try await world.accept(
                to: ["a@one.example", "full@one.example", "c@one.example"])
            #expect(try await world.wait(.minutes(3)) { try await world.isSpoolEmpty() })
            #expect(
                store.messages.map(\.recipients) == [
                    ["a@one.example", "c@one.example"], ["full@one.example"],
                ])
            let kinds = try await world.kinds(id)
            #expect(kinds.count { $0 == .delivered } == 3 && kinds.count { $0 == .deferred } == 1)
        }
    }

    @Test("the domain's own address is tried last where an operator wants it")
    func addressFallback() throws {
        let world = try DeliveryWorld(seed: 5, zone: zone)
        let (first, own) = (world.sink(1), world.sink(2))
        try world.run { world in
            first.host.stop()
            try await world.registry.set(
                transport: Transport(
                    .domain(try Domain("one.example")), usesAddressFallback: true), by: "test")
            try await world.accept(to: ["x@one.example"])
            #expect(try await world.wait(.minutes(2)) { try await world.isSpoolEmpty() })
            #expect(own.messages.count == 1)
        }
    }

    @Test("what makes no sense is refused")
    func refused() throws {
        let world = try DeliveryWorld(seed: 6, zone: zone)
        try world.run { world in
            let account = Transport.Account(name: "anna", password: "secret")
            for transport in [
                Transport(.everything),
                Transport(.everything, host: "a b"),
                Transport(.everything, host: "a.example", account: account),
                Transport(.everything, host: "a.example", usesAddressFallback: true),
                Transport(.everything, host: "unix:/run/x", security: .required),
                Transport(
                    .everything, host: "a.example", security: .required,
                    account: .init(name: "", password: "x")),
            ] {
                await #expect(throws: DirectoryFailure.self) {
                    try await world.registry.set(transport: transport, by: "test")
                }
            }
            #expect(try await world.registry.transports().isEmpty)
            // A change of it can be undone.
            try await world.registry.set(
                transport: Transport(.everything, host: "a.example"), by: "test")
            let change = try await world.registry.changes(limit: 1)
            try await world.registry.undo(change: change[0].id, by: "test")
            #expect(try await world.registry.transports().isEmpty)
        }
    }
}

@Suite("Host health, as someone asks for an attempt")
struct RetryTests {
    @Test("an attempt that a person asks for waits for no pause")
    func asked() throws {
        let world = try DeliveryWorld(seed: 1, zone: zone)
        let sink = world.sink(1)
        world.settings.queue.firstPause = .minutes(9)
        world.settings.queue.longestPause = .minutes(9)
        try world.run { world in
            sink.greeting = "421 4.3.2 not now"
            let id = try await world.accept(to: ["x@one.example"])
            try await world.sleep(.seconds(10))
            sink.greeting = "220 sink"
            try await world.spooler.intervene(.retry, Selection(id), by: "t")
            world.deliverer.wake()
            try await world.sleep(.seconds(10))
            #expect(sink.messages.isEmpty)
            world.deliverer.wake(retrying: [.domain(try Domain("one.example"))])
            #expect(try await world.wait(.seconds(10)) { try await world.isSpoolEmpty() })
            #expect(sink.messages.count == 1)
        }
    }
}
