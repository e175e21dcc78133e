// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Testing

@Suite("RFC 1034 §6.2 example standard queries to C.ISI.EDU")
struct ScenarioTests {
    static let isiReferral = [
        "ns ISI.EDU 172800 NS VAXA.ISI.EDU.", "ns ISI.EDU 172800 NS A.ISI.EDU.",
        "ns ISI.EDU 172800 NS VENERA.ISI.EDU.", "ar VAXA.ISI.EDU 172800 A 10.2.0.27",
        "ar VAXA.ISI.EDU 172800 A 128.9.0.33", "ar A.ISI.EDU 172800 A 26.3.0.103",
        "ar VENERA.ISI.EDU 172800 A 10.1.0.52", "ar VENERA.ISI.EDU 172800 A 128.9.0.32",
    ]
    static let denial =
        "ns . 86400 SOA SRI-NIC.ARPA. HOSTMASTER.SRI-NIC.ARPA. 870611 1800 300 604800 86400"

    @Test(
        "The response is the one the RFC prints",
        arguments: [
            (
                "SRI-NIC.ARPA", RecordType.a,
                ["0 AA", "an SRI-NIC.ARPA 86400 A 26.0.0.73", "an SRI-NIC.ARPA 86400 A 10.0.0.51"]
            ),
            (
                "SRI-NIC.ARPA", .mx,
                [
                    "0 AA", "an SRI-NIC.ARPA 86400 MX 0 SRI-NIC.ARPA.",
                    "ar SRI-NIC.ARPA 86400 A 26.0.0.73", "ar SRI-NIC.ARPA 86400 A 10.0.0.51",
                ]
            ),
            ("SRI-NIC.ARPA", .ns, ["0 AA", denial]),
            ("SIR-NIC.ARPA", .a, ["3 AA", denial]),
            ("0.26.IN-ADDR.ARPA", .ptr, ["0 AA", denial]),
            (
                "BRL.MIL", .a,
                [
                    "0", "ns MIL 86400 NS SRI-NIC.ARPA.", "ns MIL 86400 NS A.ISI.EDU.",
                    "ar SRI-NIC.ARPA 86400 A 26.0.0.73", "ar SRI-NIC.ARPA 86400 A 10.0.0.51",
                    "ar A.ISI.EDU 86400 A 26.3.0.103",
                ]
            ),
            (
                "USC-ISIC.ARPA", .a,
                ["0 AA", "an USC-ISIC.ARPA 86400 CNAME C.ISI.EDU."] + isiReferral
            ),
            ("USC-ISIC.ARPA", .cname, ["0 AA", "an USC-ISIC.ARPA 86400 CNAME C.ISI.EDU."]),
            ("ISI.EDU", .mx, ["0"] + isiReferral),
        ])
    func examples(name: String, type: RecordType, expected: [String]) throws {
        #expect(try Scenario.ask(name, type, Scenario.zones()).told == expected)
    }

    @Test("Everything at a name: one set in a datagram (RFC 8482 §4.1), all over a stream")
    func any() throws {
        let zones = try Scenario.zones()
        let one = try Scenario.ask("SRI-NIC.ARPA", .any, zones)
        #expect(one.answers.map(\.type) == [.a, .a])
        let all = try Scenario.ask("SRI-NIC.ARPA", .any, zones, isStream: true)
        #expect(all.answers.map(\.type) == [.a, .a, .mx, .hinfo])
        #expect(all.additionals == [])
    }
}

@Suite("RFC 1034 §4.3.2 answering from zones")
struct ResponderTests {
    static let text = """
        $TTL 3600
        $ORIGIN example.org.
        @ SOA ns1 hostmaster 1 7200 3600 1209600 300
        @ NS ns1
        @ NS ns2.elsewhere.example.
        @ MX 10 mx1
        @ MX 20 mx2
        _submission._tcp SRV 0 1 587 mx1
        ns1 A 192.0.2.1
        mx1 A 192.0.2.25
        mx1 AAAA 2001:db8::25
        mx2 A 192.0.2.26
        www CNAME web
        web CNAME mx1
        out CNAME host.elsewhere.example.
        gone CNAME nothing
        loop CNAME pool
        pool CNAME loop
        *.wild MX 5 mx1
        *.wild TXT "any"
        sub.wild A 192.0.2.7
        *.alias CNAME mx2
        old DNAME new
        host.new A 192.0.2.99
        child NS ns.child
        child NS ns1
        child DS 1 13 2 aabb
        ns.child A 192.0.2.53
        """

    static func zones() throws -> ZoneSet { ZoneSet([try Scenario.zone("example.org", text)]) }

    static let denial =
        "ns example.org 300 SOA ns1.example.org. hostmaster.example.org. 1 7200 3600 1209600 300"
    static let childReferral = [
        "ns child.example.org 3600 NS ns.child.example.org.",
        "ns child.example.org 3600 NS ns1.example.org.",
        "ar ns.child.example.org 3600 A 192.0.2.53", "ar ns1.example.org 3600 A 192.0.2.1",
    ]

    @Test(
        "Each case of the algorithm",
        arguments: [
            (
                "example.org", RecordType.mx,
                [
                    "0 AA", "an example.org 3600 MX 10 mx1.example.org.",
                    "an example.org 3600 MX 20 mx2.example.org.",
                    "ar mx1.example.org 3600 A 192.0.2.25",
                    "ar mx1.example.org 3600 AAAA 2001:db8::25",
                    "ar mx2.example.org 3600 A 192.0.2.26",
                ]
            ),
            (
                "_submission._tcp.example.org", .srv,
                [
                    "0 AA",
                    "an _submission._tcp.example.org 3600 SRV 0 1 587 mx1.example.org.",
                    "ar mx1.example.org 3600 A 192.0.2.25",
                    "ar mx1.example.org 3600 AAAA 2001:db8::25",
                ]
            ),
            ("_tcp.example.org", .srv, ["0 AA", denial]),
            (
                "WWW.Example.ORG", .a,
                [
                    "0 AA", "an WWW.Example.ORG 3600 CNAME web.example.org.",
                    "an web.example.org 3600 CNAME mx1.example.org.",
                    "an mx1.example.org 3600 A 192.0.2.25",
                ]
            ),
            (
                "out.example.org", .a,
                ["0 AA", "an out.example.org 3600 CNAME host.elsewhere.example."]
            ),
            (
                "gone.example.org", .a,
                ["3 AA", "an gone.example.org 3600 CNAME nothing.example.org.", denial]
            ),
            ("x.y.wild.example.org", .txt, ["0 AA", #"an x.y.wild.example.org 3600 TXT "any""#]),
            ("x.wild.example.org", .a, ["0 AA", denial]),
            ("sub.wild.example.org", .txt, ["0 AA", denial]),
            ("x.sub.wild.example.org", .txt, ["3 AA", denial]),
            (
                "x.alias.example.org", .a,
                [
                    "0 AA", "an x.alias.example.org 3600 CNAME mx2.example.org.",
                    "an mx2.example.org 3600 A 192.0.2.26",
                ]
            ),
            (
                "host.old.example.org", .a,
                [
                    "0 AA", "an old.example.org 3600 DNAME new.example.org.",
                    "an host.old.example.org 3600 CNAME host.new.example.org.",
                    "an host.new.example.org 3600 A 192.0.2.99",
                ]
            ),
            (
                "old.example.org", .dname,
                ["0 AA", "an old.example.org 3600 DNAME new.example.org."]
            ),
            ("a.b.child.example.org", .a, ["0"] + childReferral),
            ("child.example.org", .ns, ["0"] + childReferral),
            ("child.example.org", .ds, ["0 AA", "an child.example.org 3600 DS 1 13 2 aabb"]),
            ("example.com", .a, ["5"]),
            ("example.org", .axfr, ["5"]),
            ("example.org", .opt, ["1"]),
        ])
    func cases(name: String, type: RecordType, expected: [String]) throws {
        #expect(try Scenario.ask(name, type, Self.zones()).told == expected)
    }

    @Test("Aliases in a circle end")
    func circle() throws {
        let message = try Scenario.ask("loop.example.org", .a, Self.zones())
        #expect(
            message.told == [
                "0 AA", "an loop.example.org 3600 CNAME pool.example.org.",
                "an pool.example.org 3600 CNAME loop.example.org.",
            ])
    }

    @Test("What does not fit sets TC; EDNS makes room up to 1232 octets, a stream for all")
    func truncation() throws {
        let strings = (0..<20).map { "many TXT \"\($0) \(String(repeating: "x", count: 50))\"" }
        let text = Self.text + "\n" + strings.joined(separator: "\n")
        let zones = ZoneSet([try Scenario.zone("example.org", text)])
        let plain = try #require(
            answer(Scenario.query("many.example.org", .txt), ZoneSnapshot(zones)))
        #expect(plain.count <= 512)
        #expect(try Message(parsing: plain).header.isTruncated)
        let query = try Scenario.query(
            "many.example.org", .txt, edns: ExtendedDNS(payloadOctets: 4096))
        let extended = try #require(answer(query, ZoneSnapshot(zones)))
        #expect(extended.count <= 1232)
        #expect(try Message(parsing: extended).header.isTruncated)
        // RFC 2181 §9: a part of a set is worth nothing.
        #expect(try Message(parsing: extended).answers == [])
        #expect(try Message(parsing: extended).edns != nil)
        let stream = try Scenario.ask("many.example.org", .txt, zones, isStream: true)
        #expect(stream.answers.count == 20)
        #expect(!stream.header.isTruncated)
    }

    @Test("Help that does not fit is left out without TC")
    func additionalDoesNotFit() throws {
        let text =
            Self.text + "\n"
            + (0..<30).map { "big MX \($0) h\($0)\nh\($0) A 192.0.2.8" }
            .joined(separator: "\n")
        let zones = ZoneSet([try Scenario.zone("example.org", text)])
        let query = try Scenario.query(
            "big.example.org", .mx, edns: ExtendedDNS(payloadOctets: 900))
        let message = try Message(parsing: try #require(answer(query, ZoneSnapshot(zones))))
        #expect(message.answers.count == 30)
        #expect(!message.header.isTruncated)
        #expect((1..<30).contains(message.additionals.count))
    }

    @Test("EDNS: an unknown version is BADVERS, DO comes back, RD comes back, RA never")
    func extended() throws {
        let zones = try Self.zones()
        let future = try Scenario.ask("example.org", .mx, zones, edns: ExtendedDNS(version: 1))
        #expect(future.responseCode == .badVersion)
        #expect(future.edns?.version == 0)
        #expect(future.answers == [])
        let secure = try Scenario.ask(
            "example.org", .mx, zones, edns: ExtendedDNS(wantsSignatures: true))
        #expect(secure.edns?.wantsSignatures == true)
        let query = try Scenario.query("example.org", .mx, flags: 0x0110)
        let message = try Message(parsing: try #require(answer(query, ZoneSnapshot(zones))))
        #expect(message.header.flags == 0x8500)
    }

    @Test(
        "Queries that ask nothing get the code that says why, or no reply",
        arguments: [
            ("", nil), ("123400", nil),
            ("1234 8000 0001 0000 0000 0000 00 0001 0001", nil),
            ("1234 0000 0000 0000 0000 0000", 1),
            ("1234 0000 0001 0000 0000 0000", 1),
            ("1234 0000 0002 0000 0000 0000 00 0001 0001 00 0001 0001", 1),
            ("1234 0000 0001 0001 0000 0000 00 0001 0001 00 0001 0001 00000000 0000", 1),
            ("1234 0000 0001 0000 0000 0001 00 0001 0001", 1),
            ("1234 2800 0000 0000 0000 0000", 4),
            ("1234 0000 0001 0000 0000 0000 c00c 0001 0001", 1),
            // Two OPT records; one below a name.
            (
                "1234 0000 0001 0000 0000 0002 00 0001 0001 00 0029 1000 00000000 0000 00 0029 "
                    + "1000 00000000 0000", 1
            ),
            ("1234 0000 0001 0000 0000 0001 00 0001 0001 0161 00 0029 1000 00000000 0000", 1),
            // Class CH.
            ("1234 0000 0001 0000 0000 0000 00 0001 0003", 5),
        ] as [(String, UInt16?)])
    func malformed(text: String, code: UInt16?) throws {
        let octets = try #require(Hexadecimal.decode(text.utf8.filter { $0 != 0x20 }))
        let response = answer(octets, ZoneSnapshot(try Self.zones()))
        #expect(try response.map { try Message(parsing: $0).responseCode.rawValue } == code)
    }

    @Test("No single changed or missing octet of a query breaks the server")
    func mutations() throws {
        let zones = try Self.zones()
        let query = try Scenario.query("www.example.org", .a, edns: ExtendedDNS())
        for index in query.indices {
            _ = answer(Array(query[..<index]), ZoneSnapshot(zones))
            for octet in UInt8.min...UInt8.max {
                var changed = query
                changed[index] = octet
                if let response = answer(changed, ZoneSnapshot(zones)) {
                    #expect(throws: Never.self) { try Message(parsing: response) }
                    #expect(response.count <= 1232)
                }
            }
        }
    }

    @Test(
        "Records that are no zone are refused, each fault said",
        arguments: [
            ("@ NS a", ["example.org has 0 SOA records instead of one"]),
            ("@ SOA a b 1 2 3 4 5", ["example.org has no NS record"]),
            (
                "@ SOA a b 1 2 3 4 5\n@ NS a\nx CNAME y\nx A 192.0.2.1\nx.example.com. A 192.0.2.1",
                [
                    "x.example.com A stands outside of example.org",
                    "x.example.org has a CNAME and also A",
                ]
            ),
        ])
    func invalid(text: String, faults: [String]) throws {
        let origin = try Name("example.org")
        let file = MasterFile.parse(Array(("$TTL 1\n" + text).utf8), origin: origin)
        #expect(file.faults == [])
        #expect(throws: Zone.Invalid(faults: faults)) {
            try Zone(origin: origin, records: file.records)
        }
    }
}
