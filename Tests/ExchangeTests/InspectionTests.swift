// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Mail
import MessageAuthentication
import SMTP
import SimulatedWorld
import Spool
import Testing
import World

@Suite("RFC 8601, RFC 9989: who sent this, and what is done with it")
struct InspectionTests {
    /// The client is 192.0.2.1.
    private static let zone = """
        1.2.0.192.in-addr.arpa PTR mail.good.example
        mail.good.example A 192.0.2.1
        mail.good.example TXT v=spf1 a -all
        good.example MX 10 mail.good.example
        good.example TXT v=spf1 ip4:192.0.2.1 -all
        _dmarc.good.example TXT v=DMARC1; p=reject
        strict.example MX 10 mail.good.example
        strict.example TXT v=spf1 -all
        _dmarc.strict.example TXT v=DMARC1; p=reject
        soft.example MX 10 mail.good.example
        soft.example TXT v=spf1 -all
        _dmarc.soft.example TXT v=DMARC1; p=quarantine
        watched.example MX 10 mail.good.example
        watched.example TXT v=spf1 -all
        _dmarc.watched.example TXT v=DMARC1; p=none
        plain.example MX 10 mail.good.example
        plain.example TXT v=spf1 -all
        tilde.example MX 10 mail.good.example
        tilde.example TXT v=spf1 ~all
        bare.example TXT nothing
        slow.example MX timeout
        fog.example MX 10 mail.good.example
        fog.example TXT v=spf1 ip4:192.0.2.1 -all
        _dmarc.fog.example TXT timeout
        haze.example MX 10 mail.good.example
        haze.example TXT v=spf1 include:x.haze.example -all
        x.haze.example TXT timeout
        _dmarc.haze.example TXT v=DMARC1; p=reject
        mist.example MX 10 mail.good.example
        mist.example TXT v=spf1 include:x.haze.example -all
        _dmarc.mist.example TXT v=DMARC1; p=quarantine
        here.example MX 10 here.here.example
        here.here.example A 192.0.2.100
        """

    private static func world(_ policy: InboundPolicy = InboundPolicy()) throws -> ReceptionWorld {
        let world = try ReceptionWorld(zone: zone)
        world.inboundPolicy = policy
        return world
    }

    /// The last reply but the one to QUIT, to a message of that author.
    private static func reply(
        _ world: ReceptionWorld, from sender: String, author: String, _ fields: String...
    ) async throws -> String {
        let said = try await world.talk(
            ["EHLO mail.good.example", "MAIL FROM:<\(sender)>", "RCPT TO:<anna@here.example>"]
                + ["DATA"] + fields + ["From: <\(author)>", "", "Hi.", "."])
        return said.dropLast().last ?? ""
    }

    @Test("what was found stands above the message, and nobody claims it in our name")
    func fields() throws {
        try Self.world().run { world in
            let reply = try await Self.reply(
                world, from: "x@good.example", author: "x@good.example",
                "Authentication-Results: here.example; spf=pass smtp.mailfrom=bank.example",
                "Authentication-Results: other.example; spf=pass smtp.mailfrom=bank.example")
            #expect(reply.hasPrefix("250 2.0.0 queued"))
            let text = try #require(try await world.accepted().first?.text)
            #expect(
                text.hasPrefix(
                    """
                    Authentication-Results: here.example;\r
                    \tspf=pass (ip4:192.0.2.1) smtp.mailfrom=good.example;\r
                    \tspf=pass (a) smtp.helo=mail.good.example;\r
                    \tiprev=pass (mail.good.example) policy.iprev=192.0.2.1;\r
                    \tdkim=none;\r
                    \tdmarc=pass (p=reject) header.from=good.example policy.dmarc=none\r
                    Received-SPF: pass (here.example: good.example designates 192.0.2.1 as\r
                    \tpermitted sender) receiver=here.example; client-ip=192.0.2.1;\r
                    \tenvelope-from=\"x@good.example\"; helo=mail.good.example;\r
                    \tidentity=mailfrom; mechanism=\"ip4:192.0.2.1\"\r
                    Received-SPF: pass (here.example: mail.good.example designates 192.0.2.1 as\r
                    \tpermitted sender) receiver=here.example; client-ip=192.0.2.1;\r
                    \tenvelope-from=\"x@good.example\"; helo=mail.good.example;\r
                    \tidentity=helo; mechanism=a\r
                    Received: from mail.good.example (mail.good.example [192.0.2.1])
                    """), "\(text)")
            #expect(text.components(of: "Authentication-Results:") == 2)
            #expect(text.contains("Authentication-Results: other.example;"))
        }
    }

    @Test("a domain's policy decides about what fails it, unless we know better")
    func policies() throws {
        var networks = InboundPolicy()
        networks.ownNetworks = [IPNetwork("192.0.2.0/24")].compactMap(\.self)
        var forwarders = InboundPolicy()
        forwarders.knownForwarders = ["good.example"]
        var noted = InboundPolicy()
        noted.isEnforced = false
        let usual = InboundPolicy()
        // policy, author, reply, whether it is put aside
        let rows: [(InboundPolicy, String, String, Bool)] = [
            (usual, "x@good.example", "250 2.0.0", false),
            (usual, "x@sub.good.example", "250 2.0.0", false),
            (usual, "x@strict.example", "550 5.7.1", false),
            (usual, "x@soft.example", "250 2.0.0", true),
            (usual, "x@nowhere.example", "250 2.0.0", false),
            (networks, "x@strict.example", "250 2.0.0", false),
            (forwarders, "x@strict.example", "250 2.0.0", false),
            (noted, "x@soft.example", "250 2.0.0", false),
        ]
        for (policy, author, expected, isJunk) in rows {
            try Self.world(policy).run { world in
                let reply = try await Self.reply(
                    world, from: "x@good.example", author: author)
                #expect(reply.hasPrefix(expected), "\(author): \(reply)")
                let accepted = try await world.accepted()
                #expect(accepted.count == (expected.hasPrefix("250") ? 1 : 0))
                #expect(accepted.allSatisfy { $0.recipient.message.requests.isJunk == isJunk })
            }
        }
    }

    @Test("Nothing is to answer what fails, whatever its domain asks for, but for our own networks")
    func forgeries() throws {
        var networks = InboundPolicy()
        networks.ownNetworks = [IPNetwork("192.0.2.0/24")].compactMap(\.self)
        let usual = InboundPolicy()
        // policy, reverse-path, author
        let rows: [(InboundPolicy, String, String, Envelope.Forgery?)] = [
            (usual, "x@good.example", "x@good.example", nil),
            (usual, "x@good.example", "x@nowhere.example", nil),
            (usual, "x@watched.example", "x@watched.example", .dmarc),
            (usual, "x@good.example", "x@watched.example", .dmarc),
            (usual, "x@soft.example", "x@soft.example", .dmarc),
            (usual, "x@plain.example", "x@plain.example", .spf),
            (usual, "x@tilde.example", "x@tilde.example", nil),
            (usual, "", "x@watched.example", nil),
            (networks, "x@watched.example", "x@watched.example", nil),
            (networks, "x@plain.example", "x@plain.example", nil),
        ]
        for (policy, sender, author, expected) in rows {
            try Self.world(policy).run { world in
                let reply = try await Self.reply(world, from: sender, author: author)
                #expect(reply.hasPrefix("250 2.0.0"), "\(sender): \(reply)")
                let accepted = try await world.accepted()
                #expect(
                    accepted.map(\.recipient.message.requests.forgery) == [expected],
                    "\(sender), \(author)")
            }
        }
    }

    @Test("another exchanger of the recipient's domain brings what it has judged itself")
    func fellows() throws {
        for (fellows, expected) in [("", "550 5.7.1"), ("mail.good.example", "250 2.0.0")] {
            let world = try Self.world()
            if !fellows.isEmpty {
                world.resolver = MutableResolver(Self.zone + "\nhere.example MX 20 \(fellows)")
            }
            try world.run { world in
                let reply = try await Self.reply(
                    world, from: "x@good.example", author: "x@strict.example")
                #expect(reply.hasPrefix(expected), "\(reply)")
            }
        }
    }

    @Test("what the DNS does not say now is asked for again, where a policy may reject")
    func faults() throws {
        var forwarders = InboundPolicy()
        forwarders.knownForwarders = ["haze.example"]
        var noted = InboundPolicy()
        noted.isEnforced = false
        let rows: [(InboundPolicy, sender: String, author: String, String)] = [
            // Its policy is not known.
            (InboundPolicy(), "x@good.example", "x@fog.example", "451 4.4.3"),
            (noted, "x@good.example", "x@fog.example", "250"),
            // SPF says that it is plainly its own.
            (InboundPolicy(), "x@fog.example", "x@fog.example", "250"),
            // Whether it passes is not known.
            (InboundPolicy(), "x@haze.example", "x@haze.example", "451 4.4.3"),
            (InboundPolicy(), "x@mist.example", "x@mist.example", "250"),
            // It fails; whether somebody trusted vouches for it is not known.
            (InboundPolicy(), "x@haze.example", "x@strict.example", "550 5.7.1"),
            (forwarders, "x@haze.example", "x@strict.example", "451 4.4.3"),
        ]
        for (policy, sender, author, expected) in rows {
            try Self.world(policy).run { world in
                let reply = try await Self.reply(world, from: sender, author: author)
                #expect(reply.hasPrefix(expected), "\(sender), \(author): \(reply)")
            }
        }
        let world = try Self.world()
        world.resolver = MutableResolver(
            Self.zone.replacing(
                "here.example MX 10 here.here.example", with: "here.example MX timeout"))
        try world.run { world in
            // Whether the client is our own backup is not known.
            let reply = try await Self.reply(
                world, from: "x@good.example", author: "x@strict.example")
            #expect(reply.hasPrefix("451 4.4.3"), "\(reply)")
        }
    }

    @Test("a stranger names a domain that is there; what cannot be looked up is asked for again")
    func senderDomains() throws {
        var networks = InboundPolicy()
        networks.ownNetworks = [IPNetwork("192.0.2.1")].compactMap(\.self)
        let rows = [
            ("x@good.example", "250"), ("x@nowhere.example", "550 5.1.8"),
            ("x@bare.example", "550 5.1.8"), ("x@mail.good.example", "250"),
            ("x@slow.example", "451 4.4.3"), ("x@here.example", "250"), ("x@[192.0.2.9]", "250"),
        ]
        for (sender, expected) in rows {
            for (policy, expected) in [(InboundPolicy(), expected), (networks, "250")] {
                try Self.world(policy).run { world in
                    let said = try await world.talk("EHLO a", "MAIL FROM:<\(sender)>")
                    #expect(said.dropLast().last?.hasPrefix(expected) == true, "\(said)")
                }
            }
        }
    }
}

extension String {
    fileprivate func components(of part: String) -> Int {
        var count = 0
        var rest = self[...]
        while let range = rest.firstRange(of: part) {
            count += 1
            rest = rest[range.upperBound...]
        }
        return count
    }
}
