// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import SimulatedWorld
import Testing
import World

@testable import SPF

/// A small world of names: `name TYPE data` a line; `TIMEOUT` and `SERVFAIL` are faults.
struct NameTable: Resolver {
    private var records: [Name: [ResourceRecord]] = [:]
    private var faults: [Name: Answer.Failure] = [:]

    init(_ text: String) throws {
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: " ", maxSplits: 2).map(String.init)
            let owner = try Name(parts[0])
            switch parts[1] {
            case "TIMEOUT": faults[owner] = .timeout
            case "SERVFAIL": faults[owner] = .serverFailure
            default:
                let data: (RecordType, RecordData)
                switch parts[1] {
                case "TXT":
                    data = (
                        .txt, .txt(parts[2].split(separator: "|").map { Array($0.utf8) })
                    )
                default:
                    let file = MasterFile.parse(
                        Array("@ 60 \(parts[1]) \(parts[2])\n".utf8), origin: .root)
                    let record = try #require(file.records.first, "\(line)")
                    data = (record.type, record.data)
                }
                records[owner, default: []]
                    .append(ResourceRecord(owner: owner, type: data.0, ttl: 60, data: data.1))
            }
        }
    }

    func resolve(_ name: Name, _ type: RecordType) async -> Answer {
        if let fault = faults[name] { return Answer(.failure(fault)) }
        guard let all = records[name] else { return Answer(.nameError) }
        if case .cname(let target)? = all.first?.data, type != .cname {
            return await resolve(target, type)
        }
        let found = all.filter { $0.type == type }
        return found.isEmpty ? Answer(.noData) : Answer(.records, records: found)
    }
}

/// One check: `policy` is the record of example.org.
struct CheckCase: CustomTestStringConvertible, Sendable {
    let policy: String
    let result: SPFResult
    var ip = "192.0.2.1"
    var sender = "user@example.org"
    var explanation: String?

    init(
        _ policy: String, _ result: SPFResult, ip: String = "192.0.2.1",
        sender: String = "user@example.org", explanation: String? = nil
    ) {
        self.policy = policy
        self.result = result
        self.ip = ip
        self.sender = sender
        self.explanation = explanation
    }

    var testDescription: String { "\(policy) \(ip) \(sender)" }
}

private let others = """
    mail.example.org A 192.0.2.1
    mail.example.org AAAA 2001:db8::1
    other.example.org A 198.51.100.7
    two.example.org A 198.51.100.7
    two.example.org A 192.0.2.1
    alias.example.org CNAME mail.example.org.
    empty.example.org MX 10 other.example.org.
    mx.example.org MX 10 other.example.org.
    mx.example.org MX 20 mail.example.org.
    null.example.org MX 0 .
    1.2.0.192.in-addr.arpa PTR mail.example.org.
    1.2.0.192.in-addr.arpa PTR liar.example.net.
    liar.example.net A 203.0.113.9
    pass.example.org TXT v=spf1 ip4:192.0.2.1 -all
    fail.example.org TXT v=spf1 -all
    soft.example.org TXT v=spf1 ~all
    neutral.example.org TXT v=spf1 ?all
    broken.example.org TXT v=spf1 nonsense
    slow.example.org TIMEOUT x
    down.example.org SERVFAIL x
    loop.example.org TXT v=spf1 include:loop.example.org -all
    ring.example.org TXT v=spf1 redirect=ring.example.org
    why.example.org TXT %{i} is not one of %{d}'s: ask %{r}
    spaced.example.org TXT two |strings
    twice.example.org TXT one
    twice.example.org TXT two
    bad.example.org TXT %{q} means nothing
    redirected.example.org TXT v=spf1 -all exp=own.example.org
    own.example.org TXT says %{d} of %{o}
    user._at.example.org A 127.0.0.2
    192.0.2.1._ip.example.org A 127.0.0.2
    org._tld.example.org A 127.0.0.2
    b-a._split.example.org A 127.0.0.2
    foo:bar/baz.example.org A 192.0.2.1
    in-addr._v.example.org A 127.0.0.2
    mail.example.org._p.example.org A 127.0.0.2
    """

@Suite("RFC 7208 check_host()")
struct HostCheckTests {
    private func verdict(
        _ names: String, ip: String, sender: String, hello: String = "mail.example.org"
    ) async throws -> HostCheck.Verdict {
        let simulation = Simulation(seed: 1)
        let table = try NameTable(names)
        let address = try #require(IPAddress(ip))
        return try simulation.run {
            var check = HostCheck(resolver: table, time: simulation, receiver: "mx.example.com")
            check.explains = true
            return await check.verdict(
                on: .init(address: address, hello: hello, sender: sender))
        }
    }

    @Test(
        "what a record says of a client",
        arguments: [
            // §4.7 default, §5.1 all.
            CheckCase("v=spf1", .neutral), .init("v=spf1 -all", .fail), .init("v=spf1 all", .pass),
            .init("v=spf1 ~all", .softfail), .init("v=spf1 ?all", .neutral),
            .init("V=SPF1 -ALL", .fail), .init("v=spf1  -all ", .fail),
            .init("v=spf10 -all", .none), .init("v=spf1\t-all", .none), .init("spf1 -all", .none),
            .init("v=spf1 -all:x", .permerror), .init("v=spf1 all.", .permerror),
            .init("v=spf1 all/8", .permerror), .init("v=spf1 -all ~all", .fail),
            // §4.6: a fault anywhere spoils all.
            .init("v=spf1 ip4:192.0.2.1 nonsense", .permerror),
            .init("v=spf1 ip4:192.0.2.1 moo=%{q}", .permerror),
            .init("v=spf1 ip4:192.0.2.1 moo=%{d}", .pass), .init("v=spf1 =x -all", .permerror),
            .init("v=spf1 -all redirect=a.example redirect=b.example", .permerror),
            .init("v=spf1 -all exp=", .permerror), .init("v=spf1 -all default=pass", .fail),
            .init("v=spf1 1x=y -all", .permerror),
            // §5.2 include.
            .init("v=spf1 include:pass.example.org -all", .pass),
            .init("v=spf1 -include:pass.example.org +all", .fail),
            .init("v=spf1 include:fail.example.org ~all", .softfail),
            .init("v=spf1 include:soft.example.org -all", .fail),
            .init("v=spf1 include:neutral.example.org -all", .fail),
            .init("v=spf1 include:other.example.org -all", .permerror),
            .init("v=spf1 include:nothing.example.org -all", .permerror),
            .init("v=spf1 include:broken.example.org -all", .permerror),
            .init("v=spf1 include:slow.example.org -all", .temperror),
            .init("v=spf1 include:loop.example.org -all", .permerror),
            .init("v=spf1 include -all", .permerror), .init("v=spf1 include: -all", .permerror),
            .init("v=spf1 include:pass.example.org/24 -all", .permerror),
            // §5.3 a.
            .init("v=spf1 a:mail.example.org -all", .pass),
            .init("v=spf1 a:two.example.org -all", .pass),
            .init("v=spf1 a:alias.example.org -all", .pass),
            .init("v=spf1 a:other.example.org -all", .fail),
            .init("v=spf1 a:other.example.org/0 -all", .pass),
            .init("v=spf1 a:other.example.org/0 -all", .fail, ip: "2001:db8::1"),
            .init("v=spf1 a:mail.example.org//0 -all", .pass, ip: "2001:db8:ffff::"),
            .init("v=spf1 a:mail.example.org//64 -all", .pass, ip: "2001:db8::2"),
            .init("v=spf1 a:mail.example.org/24//64 -all", .pass, ip: "192.0.2.77"),
            .init("v=spf1 a:mail.example.org/25//129 -all", .permerror),
            .init("v=spf1 a:mail.example.org/33 -all", .permerror),
            .init("v=spf1 a:mail.example.org/024 -all", .permerror),
            .init("v=spf1 a/abc -all", .permerror), .init("v=spf1 a: -all", .permerror),
            .init("v=spf1 a:museum -all", .permerror), .init("v=spf1 a:museum. -all", .permerror),
            .init("v=spf1 a:111.222.33.44 -all", .permerror),
            .init("v=spf1 a:example.org:8080 -all", .permerror),
            .init("v=spf1 a:foo.foo-bar -all", .fail),
            .init("v=spf1 a:foo:bar/baz.example.org -all", .pass),
            .init("v=spf1 a:down.example.org -all", .temperror),
            .init("v=spf1 a -all", .fail),
            // §5.4 mx.
            .init("v=spf1 mx:mx.example.org -all", .pass),
            .init("v=spf1 mx:empty.example.org -all", .fail),
            .init("v=spf1 mx:mail.example.org -all", .fail),
            .init("v=spf1 mx:null.example.org -all", .fail),
            .init("v=spf1 mx:mx.example.org//64 -all", .pass, ip: "2001:db8::5"),
            // §5.5 ptr.
            .init("v=spf1 ptr -all", .pass), .init("v=spf1 ptr:mail.example.org -all", .pass),
            .init("v=spf1 ptr:MAIL.Example.ORG -all", .pass),
            .init("v=spf1 ptr:ail.example.org -all", .fail),
            .init("v=spf1 ptr:example.net -all", .fail), .init("v=spf1 ptr/24 -all", .permerror),
            .init("v=spf1 ptr: -all", .permerror),
            // §5.6 ip4, ip6.
            .init("v=spf1 ip4:192.0.2.0/24 -all", .pass),
            .init("v=spf1 ip4:192.0.2.2/31 -all", .fail),
            .init("v=spf1 ip4:1.1.1.1/0 -all", .pass),
            .init("v=spf1 ip4:192.0.2.1/33 -all", .permerror),
            .init("v=spf1 ip4:192.0.2.1/032 -all", .permerror),
            .init("v=spf1 ip4:192.0.2.1//32 -all", .permerror),
            .init("v=spf1 ip4:192.0.2 -all", .permerror),
            .init("v=spf1 ip4:192.0.2.1:25 -all", .permerror),
            .init("v=spf1 ip4 -all", .permerror), .init("v=spf1 ip6 -all", .permerror),
            .init("v=spf1 ip4:192.0.2.1 -all", .pass, ip: "::ffff:192.0.2.1"),
            .init("v=spf1 ip6:::1.1.1.1/0 ~all", .softfail),
            .init("v=spf1 ip6:2001:db8::/32 -all", .pass, ip: "2001:db8:1::1"),
            .init("v=spf1 ip6:2001:db8:8000::/33 -all", .fail, ip: "2001:db8:1::1"),
            .init("v=spf1 ip6:2001:db8::/129 -all", .permerror),
            // §5.7 exists.
            .init("v=spf1 exists:mail.example.org -all", .pass),
            .init("v=spf1 exists:mail.example.org -all", .pass, ip: "2001:db8::99"),
            .init("v=spf1 exists:nothing.example.org -all", .fail),
            .init("v=spf1 exists:slow.example.org -all", .temperror),
            .init("v=spf1 exists -all", .permerror),
            // A brace that ends no macro ends no domain.
            .init("v=spf1 exists:%%{d} -all", .permerror),
            .init("v=spf1 a:mail.example.org} -all", .permerror),
            .init("v=spf1 exists:{d} -all", .permerror),
            .init("v=spf1 exists:%{d}} -all", .permerror),
            .init("v=spf1 exists:nothing.%% -all", .fail),
            .init("v=spf1 exists:mail.example.org/32 -all", .permerror),
            // §6.1 redirect.
            .init("v=spf1 redirect=pass.example.org", .pass),
            .init("v=spf1 redirect=other.example.org", .permerror),
            .init("v=spf1 redirect=ring.example.org", .permerror),
            .init("v=spf1 redirect=fail.example.org ip4:192.0.2.1", .pass),
            .init("v=spf1 redirect=", .permerror),
        ])
    func results(_ example: CheckCase) async throws {
        let names = "example.org TXT \(example.policy)\n" + others
        let verdict = try await verdict(names, ip: example.ip, sender: example.sender)
        #expect(verdict.result == example.result, "\(verdict.problem ?? "") \(verdict.steps)")
    }

    @Test(
        "macros make names and explanations (§7)",
        arguments: [
            CheckCase("v=spf1 exists:%{l}._at.%{d} -all", .pass),
            .init("v=spf1 exists:%{i}._ip.%{o} -all", .pass),
            .init("v=spf1 exists:%{d1}._tld.%{d2} -all", .pass),
            .init("v=spf1 exists:%{v}._v.%{d} -all", .pass),
            .init("v=spf1 exists:%{p}._p.%{d} -all", .pass),
            .init("v=spf1 exists:%{d0} -all", .permerror),
            .init("v=spf1 exists:%{x} -all", .permerror),
            .init("v=spf1 exists:%{i -all", .permerror), .init("v=spf1 exists:% -all", .permerror),
            .init("v=spf1 exists:%{c} -all", .permerror),
            .init("v=spf1 exists:a%b.org -all", .permerror),
            .init(
                "v=spf1 -all exp=why.example.org", .fail, ip: "192.0.2.9",
                explanation: "192.0.2.9 is not one of example.org's: ask mx.example.com"),
            .init("v=spf1 -all exp=spaced.example.org", .fail, explanation: "two strings"),
            .init("v=spf1 -all exp=twice.example.org", .fail),
            .init("v=spf1 -all exp=bad.example.org", .fail),
            .init("v=spf1 -all exp=nothing.example.org", .fail),
            .init("v=spf1 ~all exp=why.example.org", .softfail),
            .init(
                "v=spf1 redirect=redirected.example.org exp=why.example.org", .fail,
                explanation: "says redirected.example.org of example.org"),
            .init("v=spf1 include:redirected.example.org -all", .fail),
        ])
    func macros(_ example: CheckCase) async throws {
        let names = "example.org TXT \(example.policy)\n" + others
        let verdict = try await verdict(names, ip: example.ip, sender: example.sender)
        #expect(verdict.result == example.result, "\(verdict.problem ?? "") \(verdict.steps)")
        #expect(verdict.explanation == example.explanation)
    }

    @Test(
        "the examples of §7.4",
        arguments: [
            ("%{s}", "strong-bad@email.example.com"), ("%{o}", "email.example.com"),
            ("%{d}", "email.example.com"), ("%{d4}", "email.example.com"),
            ("%{d3}", "email.example.com"), ("%{d2}", "example.com"), ("%{d1}", "com"),
            ("%{dr}", "com.example.email"), ("%{d2r}", "example.email"), ("%{l}", "strong-bad"),
            ("%{l-}", "strong.bad"), ("%{lr}", "strong-bad"), ("%{lr-}", "bad.strong"),
            ("%{l1r-}", "strong"), ("%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"),
            ("%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"),
            ("%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"),
            ("%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"),
            ("%{S}", "strong-bad%40email.example.com"), ("a%%b%_c%-d", "a%b c%20d"),
        ])
    func examples(macro: String, expanded: String) async throws {
        let names = """
            email.example.com TXT v=spf1 -all exp=x.example.com
            x.example.com TXT \(macro)
            """
        let verdict = try await verdict(
            names, ip: "192.0.2.3", sender: "strong-bad@email.example.com")
        #expect(verdict.explanation == expanded)
    }

    @Test("the IPv6 example of §7.4, and the nibbles of §7.3")
    func sixth() async throws {
        let names = """
            email.example.com TXT v=spf1 -all exp=x.example.com
            x.example.com TXT %{ir}.%{v}._spf.%{d2} %{c}
            """
        let verdict = try await verdict(
            names, ip: "2001:DB8::CB01", sender: "strong-bad@email.example.com")
        let expected =
            "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6._spf.example.com "
            + "2001:db8::cb01"
        #expect(verdict.explanation?.lowercased() == expected)
    }

    @Test("at most ten terms ask the DNS, and two of them may find nothing (§4.6.4)")
    func limits() async throws {
        func policy(_ terms: [String]) -> String {
            "example.org TXT v=spf1 \(terms.joined(separator: " ")) -all\n" + others
        }
        let asking = (0..<10).map { _ in "a:other.example.org" }
        let none = "a:nothing.example.org"
        for (terms, result) in [
            (asking, SPFResult.fail), (asking + ["mx:mx.example.org"], .permerror),
            ([none, none], .fail), ([none, none, none], .permerror),
            ([none, none, none, "ip4:192.0.2.1"], .permerror),
            (["ip4:192.0.2.1", none, none, none], .pass),
        ] {
            let verdict = try await verdict(
                policy(terms), ip: "192.0.2.1", sender: "user@example.org")
            #expect(verdict.result == result, "\(terms)")
        }
        for (count, result) in [(10, SPFResult.fail), (11, .permerror)] {
            let names =
                policy(["mx:many.example.org"]) + "\n"
                + (0..<count).map { "many.example.org MX \($0) other.example.org." }
                .joined(separator: "\n")
            let verdict = try await verdict(names, ip: "192.0.2.1", sender: "user@example.org")
            #expect(verdict.result == result)
        }
    }

    @Test(
        "who has no domain has no record (§4.3)",
        arguments: [
            "", "user@localhost", "user@[192.0.2.1]", "user@a..example", "user@", "nodomain",
            "user@\(String(repeating: "a", count: 64)).example.org", "user@unknown.example",
        ])
    func noDomain(sender: String) async throws {
        let verdict = try await verdict(
            others, ip: "192.0.2.1", sender: sender, hello: "OEMCOMPUTER")
        #expect(verdict.result == .none)
    }

    @Test("an empty sender is the host's own name, and no local part is postmaster's")
    func identities() async throws {
        let names = """
            mail.example.org TXT v=spf1 exists:%{l}.%{o}.x.example.org -all
            postmaster.mail.example.org.x.example.org A 127.0.0.2
            """
        for sender in ["", "@mail.example.org"] {
            let verdict = try await verdict(names, ip: "192.0.2.1", sender: sender)
            #expect(verdict.result == .pass)
            #expect(verdict.mechanism == "exists:%{l}.%{o}.x.example.org")
        }
    }

    @Test(
        "U-labels are asked for as A-labels, and no local part beyond ASCII matches (RFC 8616 §4)",
        arguments: [
            ("ip4:192.0.2.1", "user@bücher.example", SPFResult.pass),
            ("ip4:192.0.2.1", "user@BU\u{308}CHER.example", .pass),
            ("ip4:192.0.2.1", "jörg@bücher.example", .pass), ("ip4:192.0.2.1", "", .pass),
            ("ip4:192.0.2.1", "user@bucher.example", .none),
            ("ip4:192.0.2.1", "user@bücher-.example", .none),
            ("exists:%{o}.x.example.org", "user@bücher.example", .pass),
            ("exists:%{d}.x.example.org", "jörg@bücher.example", .pass),
            ("exists:%{h}.x.example.org", "user@bücher.example", .pass),
            ("include:%{l}.x.example.org", "user@bücher.example", .pass),
            ("exists:%{s}.x.example.org", "jörg@bücher.example", .fail),
            ("a:%{l}.x.example.org", "jörg@bücher.example", .fail),
            ("include:%{l}.x.example.org", "jörg@bücher.example", .fail),
            ("include:%{l}.x.example.org ip4:192.0.2.1", "jörg@bücher.example", .pass),
        ])
    func international(terms: String, sender: String, result: SPFResult) async throws {
        let names = """
            xn--bcher-kva.example TXT v=spf1 \(terms) -all
            xn--bcher-kva.example.x.example.org A 127.0.0.2
            user.x.example.org TXT v=spf1 ip4:192.0.2.1 -all
            jörg.x.example.org A 192.0.2.1
            jörg.x.example.org TXT v=spf1 ip4:192.0.2.1 -all
            """
        let verdict = try await verdict(
            names, ip: "192.0.2.1", sender: sender, hello: "bücher.example")
        #expect(verdict.result == result, "\(verdict.problem ?? "") \(verdict.steps)")
    }

    @Test("two records, or one that is not ASCII, are an error; others beside one are not")
    func selection() async throws {
        for (records, result) in [
            (["v=spf1 -all", "v=spf1 -all"], SPFResult.permerror),
            (["v=spf1 -all", "v=spf10"], .fail), (["v=spf1 a:é.example.org -all"], .permerror),
            (["é", "v=spf1 -all"], .fail), (["v=spf1 ip4:|192.0.2.1 -|all"], .pass), (["x"], .none),
        ] {
            let names = records.map { "example.org TXT \($0)" }.joined(separator: "\n")
            let verdict = try await verdict(names, ip: "192.0.2.1", sender: "user@example.org")
            #expect(verdict.result == result, "\(records)")
        }
        let slow = try await verdict(
            "example.org TIMEOUT x", ip: "192.0.2.1", sender: "user@example.org")
        #expect(slow.result == .temperror)
    }

    @Test("what a macro makes too long loses labels on the left (§7.3)")
    func truncation() async throws {
        let label = String(repeating: "x", count: 60)
        let long = [label, label, label, label, "example.org"].joined(separator: ".")
        let names = """
            example.org TXT v=spf1 exists:%{l}.x.example.org -all
            \([label, label, label, "example.org.x.example.org"].joined(separator: ".")) A 127.0.0.2
            """
        let verdict = try await verdict(names, ip: "192.0.2.1", sender: "\(long)@example.org")
        #expect(verdict.result == .pass)
    }
}
