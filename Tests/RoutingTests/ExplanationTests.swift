// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Mail
import Routing
import Testing

@Suite("mx explain")
struct ExplanationTests {
    static let fixture = """
        {"format":"dns-fixture-1",
         "records":{
          "example.org":[{"type":"MX","ttl":300,"data":"10 mx1.example.org"},
                         {"type":"MX","ttl":300,"data":"20 mx2.example.org"}],
          "mx1.example.org":[{"type":"A","ttl":300,"data":"192.0.2.1"},
                             {"type":"AAAA","ttl":300,"data":"2001:db8::1"}],
          "mx2.example.org":[{"type":"CNAME","ttl":300,"data":"host.example.org"}],
          "host.example.org":[{"type":"A","ttl":300,"data":"192.0.2.2"}],
          "null.example":[{"type":"MX","ttl":300,"data":"0 ."}],
          "slow.example":[{"type":"TXT","ttl":300,"data":["x"]}]},
         "timeout":[{"name":"slow.example","type":"*"}],
         "servfail":[{"name":"broken.example","type":"MX"}]}
        """

    private func explain(_ domain: String) async throws -> Decision {
        let router = Router(
            resolver: try Fixture(parsing: Array(Self.fixture.utf8)), context: RoutingContext())
        var generator = SeededGenerator(seed: 1)
        return await router.route(try Destination(domain), using: &generator)
    }

    @Test("a route as JSON has the promised keys, its hosts in the order of trying")
    func route() async throws {
        let text = try await explain("EXAMPLE.org").json().description
        let json = try JSON(parsing: Array(text.utf8))
        #expect(!text.contains("\n"))
        #expect(json["domain"] == "example.org")
        #expect(json["outcome"] == "route")
        #expect(json["status"] == .null)
        #expect(json["implicit"] == false)
        let expected: JSON = [
            [
                "preference": 10, "exchange": "mx1.example.org",
                "addresses": ["2001:db8::1", "192.0.2.1"], "security": "opportunistic",
            ],
            [
                "preference": 20, "exchange": "mx2.example.org", "addresses": ["192.0.2.2"],
                "security": "opportunistic",
            ],
        ]
        #expect(json["route"] == expected)
        let rules = json["steps"]?.array?.compactMap { $0["rule"]?.string }
        #expect(rules == ["mx", "addresses", "addresses", "order"])
        let finding = try #require(json["findings"]?.array?.first)
        #expect(finding["code"] == "exchange-is-alias")
        #expect(finding["severity"] == "error")
        #expect(finding["text"]?.string?.contains("host.example.org") == true)
    }

    @Test(
        "what cannot be delivered has a status, and an empty route",
        arguments: [
            ("null.example", "permanent", "5.1.10"), ("no.example", "permanent", "5.1.2"),
            ("slow.example", "transient", "4.4.3"), ("broken.example", "transient", "4.4.3"),
        ])
    func refusals(_ domain: String, _ outcome: String, _ status: String) async throws {
        let json = try await explain(domain).json()
        #expect(json["outcome"]?.string == outcome)
        #expect(json["status"]?.string == status)
        #expect(json["route"] == [])
    }

    @Test("the explanation for people, in both languages")
    func people() async throws {
        let english = try await explain("example.org").explanation(.english)
        #expect(
            english.hasPrefix(
                "Mail for example.org goes to mx1.example.org, then mx2.example.org.\n"
                    + "     10  mx1.example.org  [2001:db8::1, 192.0.2.1]\n"))
        #expect(english.contains("1. example.org has 2 MX records: 10 mx1.example.org and 20"))
        let german = try await explain("no.example").explanation(.german)
        #expect(german.hasPrefix("Host unknown: Die Domain no.example gibt es nicht (5.1.2).\n"))
    }
}
