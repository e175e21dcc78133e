// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Testing

@Suite("DNS fixture: a closed world in one JSON object")
struct FixtureTests {
    static let text = ##"""
        {"format":"dns-fixture-1",
         "records":{
          "example.org":[{"type":"MX","ttl":300,"data":"10 mx1.example.org"},
                         {"type":"MX","ttl":200,"data":"20 mx2.example.org"},
                         {"type":"TXT","ttl":300,"data":["v=spf1 mx","\u00ff -all"]}],
          "Alias.example.org":[{"type":"CNAME","ttl":60,"data":"example.org"}],
          "a.loop.example":[{"type":"CNAME","ttl":60,"data":"b.loop.example"}],
          "b.loop.example":[{"type":"CNAME","ttl":60,"data":"a.loop.example"}],
          "deep.empty.example":[{"type":"A","ttl":60,"data":"192.0.2.1"}],
          "dot\\.ted.example":[{"type":"AAAA","ttl":60,"data":"2001:db8::1"}],
          "slow.example":[{"type":"A","ttl":60,"data":"192.0.2.2"}],
          "odd.example":[{"type":"TYPE65534","ttl":60,"data":"\\# 3 abcdef"},
                         {"type":"SPF","ttl":60,"data":["v=spf1 -all"]}]},
         "secure":["example.org"],
         "timeout":[{"name":"slow.example","type":"*"}],
         "servfail":[{"name":"broken.example","type":"MX"}, {"name":"slow.example","type":"MX"}]}
        """##

    private func resolve(_ name: String, _ type: RecordType) async throws -> Answer {
        try await Fixture(parsing: Array(Self.text.utf8)).resolve(Name(name), type)
    }

    @Test("Records are found without regard to case, and are secure where it says so")
    func records() async throws {
        let answer = try await resolve("EXAMPLE.org", .mx)
        #expect(answer.outcome == .records)
        #expect(answer.isSecure)
        #expect(answer.ttl == 200)
        #expect(
            try answer.records.map(\.data) == [
                .mx(MX(preference: 10, exchange: Name("mx1.example.org"))),
                .mx(MX(preference: 20, exchange: Name("mx2.example.org"))),
            ])
        let text = try await resolve("example.org", .txt)
        #expect(
            text.records.map(\.data) == [
                .txt([Array("v=spf1 mx".utf8), [0xFF] + Array(" -all".utf8)])
            ])
    }

    @Test("An alias is followed, and an insecure alias makes the answer insecure")
    func alias() async throws {
        let answer = try await resolve("alias.example.org", .mx)
        #expect(try answer.aliases == [Name("example.org")])
        #expect(answer.records.count == 2)
        #expect(!answer.isSecure)
        #expect(answer.ttl == 60)
        #expect(try await resolve("alias.example.org", .a).outcome == .noData)
        #expect(try await resolve("alias.example.org", .cname).records.count == 1)
        guard case .failure(.malformed) = try await resolve("a.loop.example", .a).outcome else {
            Issue.record("aliases in a circle must fail")
            return
        }
    }

    @Test(
        "What it does not hold does not exist",
        arguments: [
            ("example.org", RecordType.a, Answer.Outcome.noData),
            ("empty.example", .a, .noData),
            ("deep.empty.example", .a, .records),
            ("nothing.example", .a, .nameError),
            ("dot\\.ted.example", .aaaa, .records),
            ("dot.ted.example", .aaaa, .nameError),
            ("slow.example", .a, .records),
            ("slow.example", .txt, .failure(.timeout)),
            ("slow.example", .mx, .failure(.serverFailure)),
            ("broken.example", .mx, .failure(.serverFailure)),
            ("broken.example", .a, .nameError),
            ("odd.example", RecordType(rawValue: 65534), .records),
            ("odd.example", .spf, .records),
        ])
    func outcomes(name: String, type: RecordType, expected: Answer.Outcome) async throws {
        #expect(try await resolve(name, type).outcome == expected)
    }

    @Test("A text may be empty or longer than a string can be; a last name may be the root")
    func latitude() async throws {
        let long = String(repeating: "k", count: 600)
        let text = """
            {"format":"dns-fixture-1","records":{
             "key.example":[{"type":"TXT","data":["p=","\(long)"]},{"type":"TXT","data":[]}],
             "null.example":[{"type":"MX","data":"0 "}], "away.example":[{"type":"CNAME","data":""}]}}
            """
        let fixture = try Fixture(parsing: Array(text.utf8))
        let answer = try await fixture.resolve(Name("key.example"), .txt)
        #expect(
            answer.records.map(\.data) == [
                .txt([
                    Array("p=".utf8), Array(long.utf8.prefix(255)), Array(long.utf8.prefix(255)),
                    Array(long.utf8.prefix(90)),
                ]), .txt([[]]),
            ])
        let null = try await fixture.resolve(Name("null.example"), .mx).records.first?.data
        #expect(null == .mx(MX(preference: 0, exchange: .root)))
        let alias = try await fixture.resolve(Name("away.example"), .cname).records.first?.data
        #expect(alias == .cname(.root))
    }

    @Test(
        "What is no fixture is refused with a reason",
        arguments: [
            "", "[]", #"{"format":"dns-fixture-2"}"#,
            #"{"format":"dns-fixture-1","records":{"a..b":[]}}"#,
            #"{"format":"dns-fixture-1","records":{"a":[{"type":"MX","data":"x y"}]}}"#,
            #"{"format":"dns-fixture-1","records":{"a":[{"type":"TXT","data":["\u0100"]}]}}"#,
            #"{"format":"dns-fixture-1","records":{"a":[{"type":"NOPE","data":"x"}]}}"#,
            #"{"format":"dns-fixture-1","timeout":["a"]}"#,
        ])
    func refusals(text: String) {
        #expect(throws: Fixture.Fault.self) { try Fixture(parsing: Array(text.utf8)) }
    }
}

@Suite("RFC 4592 wildcards in zone files given to a tool")
struct ZoneResolverTests {
    static let zone = """
        $TTL 300
        example. SOA ns.example. host.example. 1 2 3 4 60
        example. MX 10 mx.example.
        *.example. A 192.0.2.9
        a.b.example. A 192.0.2.1
        """

    @Test(
        "A wildcard speaks only for names that do not exist",
        arguments: [
            ("x.example", RecordType.a, Answer.Outcome.records),
            ("x.y.example", .a, .records),
            ("b.example", .a, .noData),
            ("x.b.example", .a, .nameError),
            ("x.example", .mx, .noData),
            ("elsewhere", .a, .nameError),
        ])
    func wildcards(name: String, type: RecordType, expected: Answer.Outcome) async throws {
        let file = MasterFile.parse(Array(Self.zone.utf8), origin: .root)
        #expect(file.faults == [])
        let answer = try await ZoneResolver(records: file.records).resolve(Name(name), type)
        #expect(answer.outcome == expected)
        if expected == .records { #expect(try answer.records[0].owner == Name(name)) }
        if expected == .nameError, name != "elsewhere" { #expect(answer.ttl == 60) }
    }
}
