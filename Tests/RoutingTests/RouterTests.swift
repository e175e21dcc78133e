// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Mail
import Routing
import Testing

/// One line for a decision: `route 10 mx1.example[192.0.2.1]; …`, `local` or a status.
func summary(_ decision: Decision) -> String {
    switch decision.verdict {
    case .local: return "local"
    case .permanent(let reason), .transient(let reason): return "\(reason.status)"
    case .route(let route):
        return route.hosts.map { host in
            "\(host.preference) \(host.exchange) "
                + host.addresses.map(\.description).joined(separator: ",")
        }.joined(separator: "; ")
    }
}

func decide(
    _ destination: String, _ zone: String, selves: [String] = [], local: [String] = [],
    relay: [String] = [], fallback: Bool = false, down: Set<IPAddress> = [], seed: UInt64 = 1
) async throws -> Decision {
    var context = try RoutingContext(
        selves: selves, local: local, relay: relay, usesAddressFallback: fallback)
    context.isDown = { down.contains($0) }
    let router = Router(resolver: TableResolver(zone), context: context)
    var generator = SeededGenerator(seed: seed)
    return await router.route(try Destination(destination), using: &generator)
}

struct Row: Sendable, CustomTestStringConvertible {
    let title: String
    let destination: String
    let zone: String
    let expected: String
    var codes: [String] = []
    var selves: [String] = []
    var local: [String] = []
    var relay: [String] = []
    var testDescription: String { title }

    init(
        _ title: String, _ destination: String, _ zone: String, _ expected: String,
        finds codes: [String] = [], selves: [String] = [], local: [String] = [],
        relay: [String] = []
    ) {
        self.title = title
        self.destination = destination
        self.zone = zone
        self.expected = expected
        self.codes = codes
        self.selves = selves
        self.local = local
        self.relay = relay
    }
}

@Suite("RFC 5321 §5.1 Locating the Target Host")
struct RouterTests {
    static let two = """
        example.org MX 20 mx2.example.org
        example.org MX 10 mx1.example.org
        mx1.example.org A 192.0.2.1
        mx2.example.org A 192.0.2.2
        """

    static let rows: [Row] = [
        // Literals and domains of one's own
        Row("an IPv4 literal is that host", "[192.0.2.9]", "", "0 [192.0.2.9] 192.0.2.9"),
        Row(
            "an IPv6 literal is that host", "[IPv6:2001:db8::1]", "",
            "0 [IPv6:2001:db8::1] 2001:db8::1"),
        Row("a literal of an unknown kind is no host", "[x400:abc]", "", "5.1.2"),
        Row("one's own literal is a loop", "[192.0.2.9]", "", "5.4.6", selves: ["192.0.2.9"]),
        Row("the literal 0.0.0.0 is no host", "[0.0.0.0]", "", "5.1.2"),
        Row("a local domain needs no DNS", "example.org", two, "local", local: ["Example.ORG."]),
        Row(
            "local wins over relay", "example.org", two, "local", local: ["example.org"],
            relay: ["example.org"]),
        // The MX question
        Row("NXDOMAIN is permanent", "nowhere.example", "", "5.1.2"),
        Row("SERVFAIL is transient", "a.example", "a.example MX !servfail", "4.4.3"),
        Row("REFUSED is transient", "a.example", "a.example MX !refused", "4.4.3"),
        Row("a timeout is transient", "a.example", "a.example MX !timeout", "4.4.3"),
        Row("a bogus answer is transient", "a.example", "a.example MX !bogus", "4.4.3"),
        Row(
            "an alias to nowhere is permanent", "a.example", "a.example CNAME b.example", "5.1.2",
            finds: ["domain-is-alias"]),
        Row(
            "an alias in a circle is transient", "a.example",
            "a.example CNAME b.example\nb.example CNAME a.example", "4.4.3"),
        // Null MX
        Row(
            "Null MX is permanent", "a.example", "a.example MX 0 .\na.example A 192.0.2.1", "5.1.10"
        ),
        Row(
            "Null MX by way of an alias", "a.example",
            "a.example CNAME b.example\nb.example MX 0 .",
            "5.1.10", finds: ["domain-is-alias"]),
        Row(
            "Null MX among others is ignored and said so", "a.example",
            "a.example MX 0 .\na.example MX 10 m.example\nm.example A 192.0.2.1",
            "10 m.example 192.0.2.1", finds: ["null-mx-among-others", "only-ipv4"]),
        Row(
            "a dot with another preference is no Null MX", "a.example", "a.example MX 10 .",
            "5.4.4", finds: ["null-mx-preference"]),
        Row(
            "preference 0 with a host is an ordinary MX", "a.example",
            "a.example MX 0 m.example\nm.example A 192.0.2.1", "0 m.example 192.0.2.1",
            finds: ["only-ipv4"]),
        // Implicit MX
        Row(
            "without MX the A record counts", "a.example", "a.example A 192.0.2.1",
            "0 a.example 192.0.2.1", finds: ["only-ipv4"]),
        Row(
            "without MX both families count", "a.example",
            "a.example A 192.0.2.1\na.example AAAA 2001:db8::1",
            "0 a.example 2001:db8::1,192.0.2.1"),
        Row("neither MX nor address is permanent", "a.example", "b.a.example A 192.0.2.1", "5.1.2"),
        Row(
            "no MX and a timeout is transient", "a.example",
            "a.example TXT x\na.example A !timeout", "4.4.4", finds: ["exchange-unknown"]),
        Row(
            "no MX, AAAA times out, A is enough", "a.example",
            "a.example A 192.0.2.1\na.example AAAA !timeout", "0 a.example 192.0.2.1",
            finds: ["family-unknown"]),
        Row(
            "an alias leads to the implicit MX", "a.example",
            "a.example CNAME b.example\nb.example A 192.0.2.1", "0 b.example 192.0.2.1",
            finds: ["domain-is-alias", "only-ipv4"]),
        // MX
        Row(
            "ascending preference", "example.org", two,
            "10 mx1.example.org 192.0.2.1; 20 mx2.example.org 192.0.2.2", finds: ["only-ipv4"]),
        Row(
            "letter case and final dot make no difference", "EXAMPLE.org.", two,
            "10 mx1.example.org 192.0.2.1; 20 mx2.example.org 192.0.2.2", finds: ["only-ipv4"]),
        Row(
            "an alias leads to MX records", "a.example", "a.example CNAME example.org\n" + two,
            "10 mx1.example.org 192.0.2.1; 20 mx2.example.org 192.0.2.2",
            finds: ["domain-is-alias", "only-ipv4"]),
        Row(
            "a domain in another script", "bücher.example",
            "xn--bcher-kva.example MX 10 m.example\nm.example A 192.0.2.1",
            "10 m.example 192.0.2.1", finds: ["only-ipv4"]),
        Row(
            "the domain itself may be an exchanger", "a.example",
            "a.example MX 10 A.example\na.example A 192.0.2.1", "10 a.example 192.0.2.1",
            finds: ["only-ipv4"]),
        Row(
            "an exchanger that is an alias is followed and flagged", "a.example",
            "a.example MX 10 m.example\nm.example CNAME h.example\nh.example A 192.0.2.1",
            "10 m.example 192.0.2.1", finds: ["exchange-is-alias", "only-ipv4"]),
        Row(
            "an exchanger written as an address is skipped", "a.example",
            "a.example MX 5 192.0.2.7\n192.0.2.7 A 192.0.2.7\na.example MX 10 m.example\n"
                + "m.example A 192.0.2.1", "10 m.example 192.0.2.1",
            finds: ["exchange-is-address", "only-ipv4"]),
        Row(
            "only an exchanger written as an address is no way", "a.example",
            "a.example MX 5 192.0.2.7\na.example A 192.0.2.1", "5.4.4",
            finds: ["exchange-is-address"]),
        Row(
            "an exchanger written as an IPv6 address is skipped", "a.example",
            "a.example MX 5 2001:db8::7", "5.4.4", finds: ["exchange-is-address"]),
        Row(
            "an exchanger that does not exist is skipped", "a.example",
            "a.example MX 5 no.example\na.example MX 10 m.example\nm.example A 192.0.2.1",
            "10 m.example 192.0.2.1", finds: ["exchange-without-address", "only-ipv4"]),
        Row(
            "no exchanger with an address is permanent", "a.example",
            "a.example MX 5 no.example\na.example MX 10 m.example\nm.example TXT x\n"
                + "a.example A 192.0.2.1", "5.4.4",
            finds: ["exchange-without-address", "exchange-without-address"]),
        Row(
            "one fault among definite answers is transient", "a.example",
            "a.example MX 5 no.example\na.example MX 10 m.example\nm.example A !timeout",
            "4.4.4", finds: ["exchange-without-address", "exchange-unknown"]),
        Row(
            "a fault of one family alone is transient", "a.example",
            "a.example MX 10 m.example\nm.example TXT x\nm.example AAAA !servfail", "4.4.4",
            finds: ["exchange-unknown"]),
        Row(
            "all but one time out", "a.example",
            "a.example MX 5 x.example\nx.example A !timeout\nx.example AAAA !timeout\n"
                + "a.example MX 10 m.example\nm.example A 192.0.2.1", "10 m.example 192.0.2.1",
            finds: ["exchange-unknown", "only-ipv4"]),
        Row(
            "a forgotten final dot is recognized", "a.example",
            "a.example MX 10 mx.a.example.a.example", "5.4.4",
            finds: ["exchange-without-address", "origin-twice"]),
        Row(
            "the same exchanger twice counts once", "a.example",
            "a.example MX 20 m.example\na.example MX 10 M.example\nm.example A 192.0.2.1",
            "10 m.example 192.0.2.1", finds: ["duplicate-exchange", "only-ipv4"]),
        Row(
            "two exchangers at one address", "a.example",
            "a.example MX 10 m.example\na.example MX 20 n.example\nm.example A 192.0.2.1\n"
                + "n.example A 192.0.2.1", "10 m.example 192.0.2.1; 20 n.example 192.0.2.1",
            finds: ["only-ipv4", "shared-address"]),
        Row(
            "families are interleaved, IPv6 first", "a.example",
            "a.example MX 10 m.example\nm.example A 192.0.2.1\nm.example A 192.0.2.2\n"
                + "m.example A 192.0.2.3\nm.example AAAA 2001:db8::1\nm.example AAAA 2001:db8::2",
            "10 m.example 2001:db8::1,192.0.2.1,2001:db8::2,192.0.2.2,192.0.2.3"),
        Row(
            "only IPv6", "a.example", "a.example MX 10 m.example\nm.example AAAA 2001:db8::1",
            "10 m.example 2001:db8::1", finds: ["only-ipv6"]),
        Row(
            "an address no host can have is no address", "a.example",
            "a.example MX 10 m.example\nm.example A 0.0.0.0", "5.4.4",
            finds: ["unusable-address", "exchange-without-address"]),
        Row(
            "a private address is used and flagged", "a.example",
            "a.example MX 10 m.example\nm.example A 10.1.2.3", "10 m.example 10.1.2.3",
            finds: ["private-address", "only-ipv4"]),
        // Loops
        Row(
            "one's own name drops equals and worse", "example.org", two,
            "10 mx1.example.org 192.0.2.1",
            finds: ["own-exchange", "only-ipv4"], selves: ["MX2.example.org."],
            relay: ["example.org"]),
        Row(
            "one's own address drops equals and worse", "example.org", two,
            "10 mx1.example.org 192.0.2.1",
            finds: ["own-exchange", "not-responsible", "only-ipv4"], selves: ["192.0.2.2"]),
        Row(
            "the best exchanger is oneself", "example.org", two, "5.4.6",
            finds: ["own-exchange", "not-responsible"], selves: ["mx1.example.org"]),
        Row(
            "the best exchanger of a relay domain is oneself", "example.org", two, "5.4.6",
            finds: ["own-exchange", "relay-is-best"], selves: ["192.0.2.1"],
            relay: ["example.org"]),
        Row(
            "equals of oneself are dropped", "a.example",
            "a.example MX 10 m.example\na.example MX 10 n.example\nm.example A 192.0.2.1\n"
                + "n.example A 192.0.2.2", "5.4.6", finds: ["own-exchange", "not-responsible"],
            selves: ["n.example"]),
        Row(
            "the implicit MX is oneself", "a.example", "a.example A 192.0.2.1", "5.4.6",
            finds: ["own-exchange", "not-responsible"], selves: ["a.example"]),
        Row(
            "the implicit MX has one's own address", "a.example", "a.example A 192.0.2.1",
            "5.4.6", finds: ["own-exchange", "not-responsible"], selves: ["192.0.2.1"]),
        Row(
            "oneself behind an alias", "a.example",
            "a.example MX 10 m.example\nm.example CNAME me.example\nme.example A 192.0.2.1",
            "5.4.6", finds: ["own-exchange", "not-responsible"], selves: ["me.example"]),
        Row(
            "one's own address written as an exchanger", "a.example",
            "a.example MX 10 192.0.2.1\na.example MX 20 m.example\nm.example A 192.0.2.2",
            "5.4.6", finds: ["exchange-is-address", "own-exchange", "not-responsible"],
            selves: ["192.0.2.1"]),
        Row(
            "one's own address in its IPv6-mapped form", "a.example",
            "a.example MX 10 m.example\nm.example AAAA ::ffff:192.0.2.1", "5.4.6",
            finds: ["own-exchange", "not-responsible"], selves: ["192.0.2.1"]),
        Row(
            "a better exchanger that is not known now keeps the mail waiting", "example.org",
            "example.org MX 10 mx1.example.org\nexample.org MX 20 mx2.example.org\n"
                + "mx1.example.org A !timeout\nmx2.example.org A 192.0.2.2", "4.4.4",
            finds: ["exchange-unknown", "own-exchange"], selves: ["mx2.example.org"],
            relay: ["example.org"]),
        Row(
            "a relay domain that does not name us", "example.org", two,
            "10 mx1.example.org 192.0.2.1; 20 mx2.example.org 192.0.2.2",
            finds: ["relay-not-listed", "only-ipv4"], selves: ["other.example"],
            relay: ["example.org"]),
    ]

    @Test("each case of the table", arguments: rows)
    func table(_ row: Row) async throws {
        let decision = try await decide(
            row.destination, row.zone, selves: row.selves, local: row.local, relay: row.relay)
        #expect(summary(decision) == row.expected)
        #expect(decision.findings.map(\.code).sorted() == row.codes.sorted())
        for language in Language.allCases {
            #expect(decision.steps.allSatisfy { $0.text(language).hasSuffix(".") })
            #expect(decision.findings.allSatisfy { $0.text(language).hasSuffix(".") })
        }
    }

    @Test("a name that does not exist is called an unknown host, in every language")
    func hostUnknown() async throws {
        for zone in ["", "b.a.example A 192.0.2.1"] {
            let decision = try await decide("a.example", zone)
            for language in Language.allCases {
                #expect(decision.reason?.text(language).contains("Host unknown") == true)
            }
        }
    }

    @Test("Null MX is refused with 556 by a receiver")
    func nullMXCode() async throws {
        let decision = try await decide("a.example", "a.example MX 0 .")
        #expect(decision.reason?.replyCode == 556)
    }

    @Test("implicit is said only without MX records")
    func implicit() async throws {
        #expect(try await decide("a.example", "a.example A 192.0.2.1").isImplicit)
        #expect(try await decide("a.example", "b.a.example A 192.0.2.1").isImplicit)
        #expect(try await !decide("example.org", Self.two).isImplicit)
        #expect(try await !decide("a.example", "").isImplicit)
    }

    @Test("a domain longer than any name in the DNS does not exist")
    func longDomain() async throws {
        let label = String(repeating: "a", count: 63)
        let domain = [label, label, label, String(repeating: "b", count: 63)]
            .joined(separator: ".")
        #expect(domain.utf8.count == 255)
        #expect(summary(try await decide(domain, "")) == "5.1.2")
    }
}

@Suite("RFC 5321 §5.1 The order of trying")
struct OrderTests {
    static let equals = """
        a.example MX 10 m1.example
        a.example MX 10 m2.example
        a.example MX 10 m3.example
        a.example MX 20 m4.example
        m1.example A 192.0.2.1
        m2.example A 192.0.2.2
        m3.example A 192.0.2.3
        m4.example A 192.0.2.4
        """

    private func firsts(_ router: Router, _ generator: inout SeededGenerator) async throws
        -> [String: Int]
    {
        var counts: [String: Int] = [:]
        for _ in 0..<600 {
            let decision = await router.route(
                try Destination("a.example"), using: &generator)
            let hosts = try #require(decision.route).hosts
            counts[hosts[0].exchange.description, default: 0] += 1
            #expect(hosts.last?.exchange.description == "m4.example")
        }
        return counts
    }

    @Test("exchangers of equal preference share the load evenly, fresh at each call")
    func even() async throws {
        let router = Router(
            resolver: TableResolver(Self.equals), context: RoutingContext())
        var generator = SeededGenerator(seed: 7)
        let counts = try await firsts(router, &generator)
        #expect(counts.keys.sorted() == ["m1.example", "m2.example", "m3.example"])
        for count in counts.values { #expect((140...260).contains(count)) }
    }

    @Test("the same seed gives the same order, whatever the order of the records")
    func seeded() async throws {
        let backwards = Self.equals.split(separator: "\n").reversed().joined(separator: "\n")
        var orders: Set<String> = []
        for seed in 0..<20 as Range<UInt64> {
            let first = summary(try await decide("a.example", Self.equals, seed: seed))
            #expect(summary(try await decide("a.example", backwards, seed: seed)) == first)
            orders.insert(first)
        }
        #expect(orders.count > 3)
    }

    @Test("at most five hosts and ten addresses, one address each before a second")
    func limits() async throws {
        var zone = ""
        for host in 1...7 {
            zone += "a.example MX \(host) m\(host).example\n"
            for address in 1...4 { zone += "m\(host).example A 192.0.\(host).\(address)\n" }
        }
        let hosts = try #require(try await decide("a.example", zone).route).hosts
        #expect(hosts.map(\.preference) == [1, 2, 3, 4, 5])
        #expect(hosts.map(\.addresses.count) == [2, 2, 2, 2, 2])
        zone = "a.example MX 1 m.example\n"
        for address in 1...14 { zone += "m.example A 192.0.2.\(address)\n" }
        let one = try #require(try await decide("a.example", zone).route).hosts
        #expect(one.map(\.addresses.count) == [10])
    }

    @Test("a thousand exchangers cost a bounded number of questions")
    func bounded() async throws {
        var zone = ""
        for host in 1...1000 { zone += "a.example MX \(host) m\(host).example\n" }
        let resolver = TableResolver(zone)
        let router = Router(resolver: resolver, context: RoutingContext())
        var generator = SeededGenerator(seed: 1)
        let decision = await router.route(try Destination("a.example"), using: &generator)
        #expect(resolver.questions.count == 41)
        // Not all were asked, so nothing is certain.
        #expect(summary(decision) == "4.4.4")
        #expect(decision.findings.contains(.tooManyExchangers(1000)))
    }

    @Test("one's own name is found among a thousand exchangers")
    func ownAmongMany() async throws {
        var zone = "a.example MX 1 m1.example\nm1.example A 192.0.2.1\n"
        for host in 2...1000 { zone += "a.example MX \(host) m\(host).example\n" }
        let decision = try await decide("a.example", zone, selves: ["m2.example"])
        #expect(summary(decision) == "1 m1.example 192.0.2.1")
    }

    @Test("a host that is down goes behind worse hosts that are up, and stays")
    func down() async throws {
        let decision = try await decide(
            "example.org", RouterTests.two, down: [.v4(IPv4Address(192, 0, 2, 1))])
        #expect(
            summary(decision) == "20 mx2.example.org 192.0.2.2; 10 mx1.example.org 192.0.2.1")
        #expect(decision.findings.map(\.code).contains("host-down"))
    }

    @Test("an address that is down goes behind the others of its host")
    func addressDown() async throws {
        let decision = try await decide(
            "a.example", "a.example A 192.0.2.1\na.example A 192.0.2.2",
            down: [.v4(IPv4Address(192, 0, 2, 1))])
        #expect(summary(decision) == "0 a.example 192.0.2.2,192.0.2.1")
        #expect(!decision.findings.map(\.code).contains("host-down"))
    }

    @Test("the domain's own address comes last, only when asked for, and said so")
    func fallback() async throws {
        let zone = RouterTests.two + "\nexample.org A 192.0.2.80\n"
        let plain = try await decide("example.org", zone)
        #expect(plain.route?.hosts.count == 2)
        let with = try await decide("example.org", zone, fallback: true)
        #expect(summary(with).hasSuffix("; 65536 example.org 192.0.2.80"))
        #expect(with.findings.map(\.code).contains("address-fallback"))
        #expect(with.steps.map(\.rule).contains("address-fallback"))
        let own = try await decide(
            "example.org", zone, selves: ["192.0.2.80"], fallback: true)
        #expect(own.route?.hosts.count == 2)
        let dead = try await decide(
            "a.example", "a.example MX 10 no.example\na.example A 192.0.2.1", fallback: true)
        #expect(summary(dead) == "5.4.4")
    }
}

@Suite("A relay domain with a host of its own")
struct RelayHostTests {
    @Test(
        "names and addresses, with and without port",
        arguments: [
            ("mx.example", "mx.example"), ("mx.example:2525", "mx.example:2525"),
            ("192.0.2.1", "[192.0.2.1]"), ("192.0.2.1:26", "[192.0.2.1]:26"),
            ("[192.0.2.1]", "[192.0.2.1]"), ("[2001:db8::1]:26", "[IPv6:2001:db8::1]:26"),
            ("2001:db8::1", "[IPv6:2001:db8::1]"),
        ])
    func parse(_ text: String, _ shown: String) throws {
        #expect(try RelayHost(text).description == shown)
    }

    @Test("what is no host is refused", arguments: ["mx.example:0", "mx.example:x", "a..b"])
    func refuse(_ text: String) {
        #expect(throws: SyntaxError.self) { try RelayHost(text) }
    }

    @Test("the host is asked for its addresses, not for MX records")
    func route() async throws {
        let resolver = TableResolver("mx.example A 192.0.2.1\nmx.example AAAA 2001:db8::1")
        let router = Router(resolver: resolver, context: RoutingContext())
        let decision = await router.route(
            try Destination("a.example"), by: try RelayHost("mx.example:26"))
        #expect(summary(decision) == "0 mx.example 2001:db8::1,192.0.2.1")
        #expect(decision.route?.hosts[0].port == 26)
        #expect(resolver.questions.sorted() == ["mx.example A", "mx.example AAAA"])
    }

    @Test("a host that does not exist keeps the mail waiting; oneself is a loop")
    func faults() async throws {
        let context = try RoutingContext(selves: ["192.0.2.1"], local: [], relay: [])
        let router = Router(resolver: TableResolver("me.example A 192.0.2.1"), context: context)
        let there = try Destination("a.example")
        #expect(summary(await router.route(there, by: try RelayHost("no.example"))) == "4.4.4")
        #expect(summary(await router.route(there, by: try RelayHost("me.example"))) == "5.4.6")
    }
}
