// SPDX-License-Identifier: Apache-2.0

import Bytes
import Testing
import World

@testable import Defence

@Suite("What a message weighs")
struct ScoreTests {
    @Test(
        "Points are read and written with two places",
        arguments: [
            ("0", "0.00"), ("4", "4.00"), ("-4.5", "-4.50"), ("0.05", "0.05"), ("-0.01", "-0.01"),
            ("1000", "1000.00"), ("1001", nil), ("1.234", nil), ("", nil), ("-", nil), (".5", nil),
            ("1.", nil), ("+1", nil), ("1e3", nil), ("٣", nil),
        ] as [(String, String?)])
    func points(text: String, written: String?) {
        #expect(Points(text)?.description == written)
    }

    @Test("Numbers from elsewhere are taken as far as they are numbers")
    func rounding() {
        #expect(Points(rounding: .nan) == 0 && Points(rounding: .infinity) == 0)
        #expect(Points(rounding: 1e300) == Points.maximum)
        #expect(Points(rounding: -0.104).description == "-0.10")
    }

    @Test("The sum is the sum of what is shown, and asks for what its thresholds say")
    func sums() {
        var score = Score()
        for _ in 0..<10 { score.add(Score.Test("a", 0.1, "")) }
        #expect(score.sum == 1)
        var thresholds = Score.Thresholds()
        thresholds.postpone = 15
        for (sum, action) in [
            (-5, Score.Action.accept), (4.99, .accept), (5, .mark), (7.99, .mark), (8, .junk),
            (14.99, .junk), (15, .deferred), (19.99, .deferred), (20, .reject), (500, .reject),
        ] as [(Points, Score.Action)] {
            #expect(Score([Score.Test("a", sum, "")]).action(thresholds) == action, "\(sum)")
        }
        thresholds.mark = nil
        thresholds.reject = nil
        #expect(Score([Score.Test("a", 6, "")]).action(thresholds) == .accept)
        #expect(Score([Score.Test("a", 99, "")]).action(thresholds) == .deferred)
    }

    @Test("What is kept is read again")
    func kept() throws {
        var thresholds = Score.Thresholds()
        thresholds.reject = nil
        let verdict = Verdict(
            Score([Score.Test("spf=fail", 3, "for \"x\"\n"), Score.Test("known=yes", -4, "")]),
            thresholds, action: .junk, reason: "policy of example.org")
        let text = verdict.json.description
        #expect(try Verdict(json: JSON(parsing: text.utf8)) == verdict)
        #expect(verdict.score.tests[0].input == "for \"x\"?")
        #expect(verdict.score.sum == -1)
        #expect(Verdict(json: ["tests": []]) == nil && Verdict(json: 3) == nil)
    }

    @Test("Hostile inputs stay short, and so does their list")
    func bounded() {
        var score = Score()
        for _ in 0..<1_000 {
            score.add(Score.Test("a", 1, String(repeating: "é", count: 10_000)))
        }
        #expect(score.tests.count == 200 && score.sum == 200)
        #expect(score.tests[0].input.utf8.count <= 203)
    }

    struct Hello: CustomTestStringConvertible, Sendable {
        let argument: String
        let name: String?
        var testDescription: String { argument }
        init(_ argument: String, _ name: String?) {
            self.argument = argument
            self.name = name
        }
    }

    @Test(
        "What is odd about a greeting is found",
        arguments: [
            Hello("mail.example.net", nil), Hello("mail.example.net.", nil),
            Hello("xn--bcher-kva.example", nil), Hello("under_score.example", nil),
            Hello("MX.Example.ORG", "ours"), Hello("mx.example.org.", "ours"),
            Hello("[192.0.2.1]", "literal"), Hello("[IPv6:::ffff:192.0.2.1]", "literal"),
            Hello("[192.0.2.9]", "literal-mismatch"), Hello("[198.51.100.1]", "ours"),
            Hello("[nonsense]", "malformed"), Hello("192.0.2.1", "malformed"),
            Hello("localhost", "unqualified"), Hello("a..b", "malformed"),
            Hello("a b.example", "malformed"), Hello("", "malformed"), Hello(".", "malformed"),
            Hello("[]", "malformed"),
        ])
    func hello(_ hello: Hello) {
        let finding = HelloFinding(
            hello.argument, client: .v4(IPv4Address(192, 0, 2, 1)),
            isOurs: { $0 == "mx.example.org" }, ownAddresses: [.v4(IPv4Address(198, 51, 100, 1))])
        #expect(finding?.parts.name == hello.name)
    }

    @Test("Facts become tests with their weights, in a fixed order")
    func facts() throws {
        let now = Timestamp(seconds: 1_800_000_000)
        var facts = MessageFacts(received: now)
        facts.authentication = [
            .init("spf", "fail", "for example.org"), .init("dkim", "none", ""),
        ]
        facts.hello = .unqualified("pc")
        let list = try #require(DNSList("bl.example weight=2.5"))
        facts.listings = [
            DNSListing(list, subject: "192.0.2.1", codes: [IPv4Address(127, 0, 0, 2)])
        ]
        facts.date = .at(now + .days(2))
        facts.fromFields = 2
        facts.defects = (0..<20).map { ("field-repeated", "\($0)") }
        facts.knownCorrespondent = "anna@example.org"
        facts.foreign = [Score.Test("rspamd:GTUBE", 15, "")]
        let tests = facts.tests(Weights(["rspamd:GTUBE": 1, "defect=field-repeated": 0.1]))
        #expect(
            tests.map { "\($0.name) \($0.weight) \($0.input)" } == [
                "spf=fail 3.00 for example.org", "dkim=none 0.00 ", "hello=unqualified 1.50 pc",
                "list=bl.example 2.50 192.0.2.1 in bl.example: 127.0.0.2",
                "date=future 1.50 2027-01-17T08:00:00Z", "from=several 1.00 2 fields",
            ] + (0..<6).map { "defect=field-repeated 0.10 \($0)" } + [
                "known=yes -4.00 anna@example.org", "rspamd:GTUBE 1.00 ",
            ])
    }

    @Test("One fault of an honest server marks nothing")
    func honest() {
        let mark = Score.Thresholds().mark ?? 0
        for (name, weight, _) in Weights.defaults where name != "hello=ours" {
            #expect(weight < mark, "\(name)")
        }
    }
}
