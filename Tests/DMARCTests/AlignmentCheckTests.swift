// SPDX-License-Identifier: Apache-2.0

import Bytes
import DKIM
import DNS
import SPF
import Synchronization
import Testing
import World

@testable import DMARC

/// Records by name, `NAME: TEXT` a line (`|` between several); counts what is asked.
///
/// `NAME: TIMEOUT` and `NAME: SERVFAIL` are faults, `NAME: -` exists without a record.
final class PolicyTable: Resolver {
    private let answers: [Name: Answer]
    private let asked = Mutex<[String]>([])

    init(_ text: String) throws {
        var answers: [Name: Answer] = [:]
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 1)
            let name = try Name(parts[0].drop(while: \.isWhitespace))
            let value = String(parts[1].drop(while: \.isWhitespace))
            switch value {
            case "TIMEOUT": answers[name] = Answer(.failure(.timeout))
            case "SERVFAIL": answers[name] = Answer(.failure(.serverFailure))
            case "-": answers[name] = Answer(.noData)
            default:
                let records = value.split(separator: "|").map { text in
                    // In two strings, as long ones are.
                    let octets = Array(text.utf8)
                    return ResourceRecord(
                        owner: name, type: .txt, ttl: 60,
                        data: .txt([Array(octets.prefix(7)), Array(octets.dropFirst(7))]))
                }
                answers[name] = Answer(.records, records: records)
            }
        }
        self.answers = answers
    }

    var questions: [String] { asked.withLock { $0 } }

    func resolve(_ name: Name, _ type: RecordType) async -> Answer {
        asked.withLock { $0.append("\(name) \(type)") }
        if let answer = answers[name] {
            return type == .txt || answer.outcome != .records ? answer : Answer(.noData)
        }
        let isThere = answers.keys.contains { $0.isEqualOrBelow(name) }
        return Answer(isThere ? .noData : .nameError)
    }
}

/// One message: who wrote it, and `RESULT:DOMAIN` of SPF and of each signature.
struct Letter: Sendable {
    var from: [String]
    var spf: String?
    var dkim: [String] = []

    func verdict(_ table: PolicyTable, explains: Bool = false) async throws
        -> AlignmentCheck.Verdict
    {
        var check = AlignmentCheck(resolver: table)
        check.explains = explains
        let header = "From: " + from.map { "x@\($0)" }.joined(separator: ", ") + "\r\n"
        return await check.verdict(
            authors: AuthorDomains(FieldList(Array(header.utf8))),
            sender: try spf.map { text in
                let (word, domain) = try Self.split(text)
                return .init(try #require(SPFResult(rawValue: word)), domain)
            },
            signatures: try dkim.map { text in
                let (word, domain) = try Self.split(text)
                return .init(try #require(DKIMResult(rawValue: word)), domain)
            })
    }

    private static func split(_ text: String) throws -> (String, Name) {
        let parts = text.split(separator: ":").map(String.init)
        return (parts[0], try #require(Name(mailDomain: parts[1])))
    }
}

extension AlignmentCheck.Verdict {
    /// Result, policy, disposition, policy domain, and what is aligned.
    fileprivate var summary: String {
        "\(result.rawValue) \(policy?.rawValue ?? "-") \(disposition.rawValue) "
            + "\(policyDomain?.description ?? "-") \(spfAligned ? "spf" : "-") "
            + "\(dkimAligned ? "dkim" : "-")"
    }
}

private func summary(
    _ zone: String, _ from: String, _ spf: String?, _ dkim: [String] = []
) async throws -> String {
    try await Letter(from: [from], spf: spf, dkim: dkim).verdict(PolicyTable(zone)).summary
}

@Suite("RFC 9989 §4.10: the DNS Tree Walk")
struct TreeWalkTests {
    @Test(
        "a walk comes by eight names at most",
        arguments: [
            (
                "a.mail.example.com",
                ["a.mail.example.com", "mail.example.com", "example.com", "com"]
            ),
            ("com", ["com"]),
            (
                "a.b.c.d.e.f.g.h.i.j.mail.example.com",
                [
                    "a.b.c.d.e.f.g.h.i.j.mail.example.com", "g.h.i.j.mail.example.com",
                    "h.i.j.mail.example.com", "i.j.mail.example.com", "j.mail.example.com",
                    "mail.example.com", "example.com", "com",
                ]
            ),
            (
                "1.2.3.4.5.6.7.8",
                [
                    "1.2.3.4.5.6.7.8", "2.3.4.5.6.7.8", "3.4.5.6.7.8", "4.5.6.7.8", "5.6.7.8",
                    "6.7.8", "7.8", "8",
                ]
            ),
            (
                "1.2.3.4.5.6.7.8.9",
                [
                    "1.2.3.4.5.6.7.8.9", "3.4.5.6.7.8.9", "4.5.6.7.8.9", "5.6.7.8.9", "6.7.8.9",
                    "7.8.9", "8.9", "9",
                ]
            ),
        ])
    func way(domain: String, names: [String]) throws {
        #expect(TreeWalk.way(from: try Name(domain)).map(\.description) == names)
    }

    @Test("a name to which no label can be added has no record")
    func longName() async throws {
        let name = try Name(
            (0..<4).map { _ in String(repeating: "a", count: 61) }.joined(separator: ".") + ".x")
        let table = try PolicyTable("x: -")
        var walk = TreeWalk(resolver: table, explains: false)
        #expect(try await walk.organization(of: name).domain == name)
        #expect(table.questions.count == 4)
    }

    /// §4.10.2's examples, B.4.1 to B.4.3, and the corners between them.
    @Test(
        "the Organizational Domain",
        arguments: [
            (
                "a.mail.example.com", "example.com",
                "_dmarc.mail.example.com: v=DMARC1\n_dmarc.example.com: v=DMARC1"
            ),
            (
                "a.mail.example.com", "mail.example.com",
                "_dmarc.mail.example.com: v=DMARC1; psd=n\n_dmarc.example.com: v=DMARC1"
            ),
            ("a.mail.example.com", "example.com", "_dmarc.com: v=DMARC1; psd=y"),
            ("a.mail.example.com", "com", "_dmarc.com: v=DMARC1"),
            ("a.mail.example.com", "a.mail.example.com", "com: -"),
            ("example.com", "example.com", "_dmarc.example.com: v=DMARC1; psd=y\n"),
            (
                "mail.example.com", "mail.example.com",
                "_dmarc.example.com: v=DMARC1; psd=y\n_dmarc.com: v=DMARC1"
            ),
            (
                "a.b.example.com", "example.com",
                "_dmarc.a.b.example.com: v=DMARC1\n_dmarc.b.example.com: v=DMARC1\n"
                    + "_dmarc.com: v=DMARC1; psd=y"
            ),
            (
                "a.example.com", "a.example.com",
                "_dmarc.a.example.com: v=DMARC1; psd=n\n_dmarc.example.com: v=DMARC1"
            ),
            // Two records are none, and so is what is not DMARC's.
            (
                "a.example.com", "a.example.com",
                "_dmarc.example.com: v=DMARC1; p=none|v=DMARC1; p=none"
            ),
            ("a.example.com", "a.example.com", "_dmarc.example.com: v=spf1 -all|hello"),
            ("a.example.com", "example.com", "_dmarc.example.com: v=spf1 -all|v=DMARC1|x"),
            // The walk passes by what the shortcut leaves out.
            (
                "1.2.3.4.5.6.7.8.9", "2.3.4.5.6.7.8.9",
                "_dmarc.3.4.5.6.7.8.9: v=DMARC1; psd=y"
            ),
            (
                "1.2.3.4.5.6.7.8.9", "1.2.3.4.5.6.7.8.9",
                "_dmarc.2.3.4.5.6.7.8.9: v=DMARC1; psd=n"
            ),
            (
                "a.b.c.d.e.f.g.h.i.j.k.example.com", "example.com",
                "_dmarc.example.com: v=DMARC1\n_dmarc.signing.example.com: v=DMARC1"
            ),
            (
                "giant.bank.example", "giant.bank.example",
                "_dmarc.bank.example: v=DMARC1; psd=y\n_dmarc.giant.bank.example: v=DMARC1"
            ),
            (
                "mail.giant.bank.example", "giant.bank.example",
                "_dmarc.bank.example: v=DMARC1; psd=y\n_dmarc.giant.bank.example: v=DMARC1"
            ),
            (
                "mail.mega.bank.example", "mega.bank.example",
                "_dmarc.bank.example: v=DMARC1; psd=y\n_dmarc.giant.bank.example: v=DMARC1"
            ),
        ])
    func organization(domain: String, expected: String, zone: String) async throws {
        let table = try PolicyTable(zone)
        var walk = TreeWalk(resolver: table, explains: false)
        let name = try Name(domain)
        #expect(try await walk.organization(of: name).domain.description == expected)
        #expect(table.questions.count <= 8)
        // What was asked once is not asked again.
        let asked = table.questions.count
        _ = try await walk.organization(of: name)
        #expect(table.questions.count == asked)
    }
}

@Suite("RFC 9989 §5.3: what comes of a message")
struct AlignmentCheckTests {
    @Test(
        "identifiers are aligned, or not",
        arguments: [
            // B.1.1 and B.1.2.
            (
                "p=reject", "example.com", "pass:example.com", "",
                "pass reject none example.com spf -"
            ),
            (
                "p=reject", "example.com", "pass:child.example.com", "",
                "pass reject none example.com spf -"
            ),
            (
                "p=reject", "child.example.com", "pass:example.net", "",
                "fail reject reject example.com - -"
            ),
            (
                "p=reject", "child.example.com", "", "pass:example.com",
                "pass reject none example.com - dkim"
            ),
            (
                "p=reject", "child.example.com", "", "pass:example.net",
                "fail reject reject example.com - -"
            ),
            // Between siblings, and in any letter case.
            (
                "p=reject", "news.example.com", "pass:foo.example.com", "pass:BAR.Example.Com",
                "pass reject none example.com spf dkim"
            ),
            // Strict.
            (
                "p=reject; aspf=s", "example.com", "pass:a.example.com", "pass:a.example.com",
                "pass reject none example.com - dkim"
            ),
            (
                "p=reject; adkim=s", "example.com", "pass:a.example.com", "pass:a.example.com",
                "pass reject none example.com spf -"
            ),
            (
                "p=reject; adkim=s; aspf=s", "example.com", "pass:a.example.com",
                "pass:a.example.com", "fail reject reject example.com - -"
            ),
            (
                "p=reject; adkim=s; aspf=s", "a.example.com", "pass:a.example.com",
                "pass:example.com pass:A.example.com", "pass reject none example.com spf dkim"
            ),
            // Only what passes counts.
            (
                "p=quarantine", "example.com", "fail:example.com", "fail:example.com",
                "fail quarantine quarantine example.com - -"
            ),
            (
                "p=quarantine", "example.com", "softfail:example.com", "permerror:example.com",
                "fail quarantine quarantine example.com - -"
            ),
            (
                "p=quarantine", "example.com", "neutral:example.com", "policy:example.com",
                "fail quarantine quarantine example.com - -"
            ),
            (
                "p=quarantine", "example.com", "", "fail:example.com pass:example.com",
                "pass quarantine none example.com - dkim"
            ),
            (
                "p=quarantine", "example.com", "none:example.com",
                "pass:example.net pass:b.example.com fail:example.com",
                "pass quarantine none example.com - dkim"
            ),
            ("p=none", "example.com", "", "", "fail none none example.com - -"),
            // A name that only looks like being below.
            (
                "p=reject", "example.com", "pass:notexample.com", "pass:example.com.evil.net",
                "fail reject reject example.com - -"
            ),
            ("p=reject", "example.com", "pass:com", "", "fail reject reject example.com - -"),
        ])
    func alignment(
        tags: String, from: String, spf: String, dkim: String, expected: String
    ) async throws {
        let summary = try await summary(
            "_dmarc.example.com: v=DMARC1; \(tags)\nexample.com: -\na.example.com: -\n"
                + "child.example.com: -\nnews.example.com: -", from, spf.isEmpty ? nil : spf,
            dkim.split(separator: " ").map(String.init))
        #expect(summary == expected)
    }

    @Test(
        "which policy is asked for: p, sp or np, of the author's domain, of that above, of the suffix",
        arguments: [
            (
                "example.com", "p=reject; sp=none; np=quarantine",
                "fail reject reject example.com - -"
            ),
            (
                "there.example.com", "p=reject; sp=quarantine; np=none",
                "fail quarantine quarantine example.com - -"
            ),
            (
                "no.example.com", "p=none; sp=quarantine; np=reject",
                "fail reject reject example.com - -"
            ),
            (
                "no.example.com", "p=none; sp=quarantine",
                "fail quarantine quarantine example.com - -"
            ),
            ("no.example.com", "p=quarantine", "fail quarantine quarantine example.com - -"),
            ("no.example.com", "p=none; np=reject", "fail reject reject example.com - -"),
            ("there.example.com", "p=none; np=reject", "fail none none example.com - -"),
            // Its record has no sp; that of the domain itself counts.
            (
                "own.example.com", "p=reject; sp=reject",
                "fail quarantine quarantine own.example.com - -"
            ),
            // Above a domain with a record of its own there is no other that counts.
            ("x.own.example.com", "p=reject; sp=none", "fail none none example.com - -"),
            // Its existence is known from what stands below it.
            (
                "parent.example.com", "p=reject; sp=quarantine; np=none",
                "fail quarantine quarantine example.com - -"
            ),
            ("example.com", "p=reject; t=y", "fail reject quarantine example.com - -"),
            ("example.com", "p=quarantine; t=y", "fail quarantine none example.com - -"),
            ("example.com", "p=none; t=y", "fail none none example.com - -"),
            ("no.example.com", "p=none; np=reject; t=y", "fail reject quarantine example.com - -"),
            // RFC 9989 has no pct.
            ("example.com", "p=reject; pct=0", "fail reject reject example.com - -"),
            (
                "example.com", "p=reject; pct=50; rf=afrf; ri=3600",
                "fail reject reject example.com - -"
            ),
            (
                "example.com", "p=nonsense; rua=mailto:a@example.com",
                "fail none none example.com - -"
            ),
            (
                "there.example.com", "p=reject; sp=nonsense; rua=mailto:a@example.com",
                "fail none none example.com - -"
            ),
            ("example.com", "p=nonsense", "permerror - none example.com - -"),
            ("example.com", "p=reject; sp=nonsense", "permerror - none example.com - -"),
            ("there.example.com", "p=none; p=none", "permerror - none example.com - -"),
            ("example.org", "p=reject", "none - none - - -"),
        ])
    func policy(from: String, tags: String, expected: String) async throws {
        let summary = try await summary(
            """
            _dmarc.example.com: v=DMARC1; \(tags)
            _dmarc.own.example.com: v=DMARC1; p=quarantine; sp=none
            there.example.com: -
            own.example.com: -
            deep.parent.example.com: -
            """, from, "fail:example.com")
        #expect(summary == expected)
    }

    @Test(
        "a public suffix says what holds for domains below that say nothing",
        arguments: [
            (
                "giant.bank.example", "pass:mail.giant.bank.example", "pass:mail.mega.bank.example",
                "pass quarantine none giant.bank.example spf -"
            ),
            (
                "giant.bank.example", "fail:giant.bank.example", "pass:mail.mega.bank.example",
                "fail quarantine quarantine giant.bank.example - -"
            ),
            // No record: that of the suffix, whose own p is not meant.
            (
                "mega.bank.example", "pass:giant.bank.example", "",
                "fail none none bank.example - -"
            ),
            (
                "a.mega.bank.example", "pass:b.mega.bank.example", "",
                "pass none none bank.example spf -"
            ),
            ("nobody.bank.example", "", "", "fail reject reject bank.example - -"),
            // The suffix itself writes mail.
            ("bank.example", "pass:bank.example", "", "pass quarantine none bank.example spf -"),
            (
                "bank.example", "pass:mail.bank.example", "",
                "fail quarantine quarantine bank.example - -"
            ),
            // A record between the two, which is not the organization's, says nothing.
            ("x.dept.corp.bank.example", "", "", "fail none none bank.example - -"),
        ])
    func publicSuffix(from: String, spf: String, dkim: String, expected: String) async throws {
        let summary = try await summary(
            """
            _dmarc.bank.example: v=DMARC1; p=quarantine; sp=none; np=reject; psd=y
            _dmarc.giant.bank.example: v=DMARC1; p=quarantine
            _dmarc.dept.corp.bank.example: v=DMARC1; p=reject
            mega.bank.example: -
            a.mega.bank.example: -
            x.dept.corp.bank.example: -
            """, from, spf.isEmpty ? nil : spf, dkim.isEmpty ? [] : [dkim])
        #expect(summary == expected)
    }

    /// What cannot be looked up is neither a pass nor a fail (§5.3.6), but only where it matters.
    @Test(
        "faults of the DNS",
        arguments: [
            // The record itself.
            (
                "_dmarc.example.com: TIMEOUT", "example.com", "pass:example.com", "",
                "temperror - none - - -"
            ),
            (
                "_dmarc.example.com: SERVFAIL", "a.example.com", "pass:a.example.com", "",
                "temperror - none - - -"
            ),
            (
                "_dmarc.a.example.com: TIMEOUT\n_dmarc.example.com: v=DMARC1; p=reject",
                "a.example.com", "", "", "temperror - none - - -"
            ),
            // A record is there, but the walk to the Organizational Domain fails.
            (
                "_dmarc.example.com: v=DMARC1; p=reject\n_dmarc.com: TIMEOUT", "example.com",
                "pass:a.example.com", "", "temperror reject none example.com - -"
            ),
            (
                "_dmarc.example.com: v=DMARC1; p=reject\n_dmarc.com: TIMEOUT", "example.com",
                "pass:example.com", "", "pass reject none example.com spf -"
            ),
            (
                "_dmarc.example.com: v=DMARC1; p=reject\n_dmarc.com: TIMEOUT", "example.com",
                "pass:a.example.com", "pass:example.com", "pass reject none example.com - dkim"
            ),
            (
                "_dmarc.example.com: v=DMARC1; p=reject; psd=n\n_dmarc.com: TIMEOUT", "example.com",
                "pass:a.example.com", "", "pass reject none example.com spf -"
            ),
            (
                "_dmarc.example.com: v=DMARC1; p=reject\n_dmarc.com: TIMEOUT", "example.com",
                "pass:example.net", "fail:example.com", "fail reject reject example.com - -"
            ),
            // Strict alignment asks nothing.
            (
                "_dmarc.example.com: v=DMARC1; p=reject; aspf=s\n_dmarc.com: TIMEOUT",
                "example.com", "pass:a.example.com", "", "fail reject reject example.com - -"
            ),
            // The identifier's walk.
            (
                "_dmarc.example.com: v=DMARC1; p=reject\n_dmarc.a.example.com: SERVFAIL",
                "example.com", "pass:a.example.com", "", "temperror reject none example.com - -"
            ),
            (
                "_dmarc.example.com: v=DMARC1; p=reject\n_dmarc.a.example.com: SERVFAIL",
                "example.com", "pass:a.example.com", "pass:b.example.com",
                "pass reject none example.com - dkim"
            ),
            // SPF and DKIM themselves, but not of somebody else.
            (
                "_dmarc.example.com: v=DMARC1; p=reject", "example.com", "temperror:example.com",
                "",
                "temperror reject none example.com - -"
            ),
            (
                "_dmarc.example.com: v=DMARC1; p=reject", "example.com", "fail:example.com",
                "temperror:a.example.com", "temperror reject none example.com - -"
            ),
            (
                "_dmarc.example.com: v=DMARC1; p=reject", "example.com", "temperror:example.net",
                "temperror:example.org", "fail reject reject example.com - -"
            ),
            (
                "_dmarc.example.com: v=DMARC1; p=reject", "example.com", "temperror:example.com",
                "pass:example.com", "pass reject none example.com - dkim"
            ),
            // Whether the author's domain exists.
            (
                "_dmarc.example.com: v=DMARC1; p=none; np=reject\na.example.com: TIMEOUT\n"
                    + "_dmarc.a.example.com: -", "a.example.com", "", "",
                "fail none none example.com - -"
            ),
            (
                "_dmarc.example.com: v=DMARC1; p=none; np=reject\nb.example.com: TIMEOUT",
                "b.example.com", "", "", "temperror none none example.com - -"
            ),
            (
                "_dmarc.example.com: v=DMARC1; p=none; np=reject\nb.example.com: TIMEOUT",
                "b.example.com", "pass:example.com", "", "pass none none example.com spf -"
            ),
        ])
    func faults(
        zone: String, from: String, spf: String, dkim: String, expected: String
    ) async throws {
        let summary = try await summary(
            zone, from, spf.isEmpty ? nil : spf, dkim.isEmpty ? [] : [dkim])
        #expect(summary == expected)
    }

    private static let several = """
        _dmarc.one.example: v=DMARC1; p=reject
        _dmarc.two.example: v=DMARC1; p=quarantine
        _dmarc.none.example: v=DMARC1; p=none
        _dmarc.slow.example: TIMEOUT
        """

    @Test(
        "with several author domains the strictest policy of those that fail counts (§11.5)",
        arguments: [
            (["two.example", "one.example"], "", "fail reject reject one.example - -"),
            (["none.example", "two.example"], "", "fail quarantine quarantine two.example - -"),
            (
                ["one.example", "two.example"], "one.example",
                "fail quarantine quarantine two.example - -"
            ),
            (
                ["one.example", "two.example"], "one.example two.example",
                "pass reject none one.example - dkim"
            ),
            (["one.example", "ONE.example"], "one.example", "pass reject none one.example - dkim"),
            (["one.example", "unknown.example"], "one.example", "none - none - - -"),
            (["one.example", "unknown.example"], "", "fail reject reject one.example - -"),
            (["one.example", "slow.example"], "one.example", "temperror - none - - -"),
            (["slow.example", "none.example"], "", "fail none none none.example - -"),
        ])
    func severalAuthors(from: [String], passing: String, expected: String) async throws {
        let verdict = try await Letter(
            from: from, dkim: passing.split(separator: " ").map { "pass:\($0)" }
        ).verdict(PolicyTable(Self.several))
        #expect(verdict.summary == expected)
    }

    @Test("of very many author domains a few are looked at, and the rest never make a pass")
    func manyAuthors() async throws {
        let table = try PolicyTable("_dmarc.example.com: v=DMARC1; p=none")
        let from = (0..<500).map { "a\($0).example.com" }
        let verdict = try await Letter(
            from: from, dkim: from.prefix(20).map { "pass:\($0)" }
        ).verdict(table)
        #expect(verdict.result == .permerror)
        #expect(table.questions.count <= 9 * AuthorDomains.maximumDomains)
    }

    @Test("of very many signatures only so many are looked at")
    func manySignatures() async throws {
        let table = try PolicyTable(
            "_dmarc.example.com: v=DMARC1; p=reject\n"
                + (0..<100).map { "_dmarc.s\($0).example.com: v=DMARC1; psd=n\n" }.joined())
        let verdict = try await Letter(
            from: ["example.com"], dkim: (0..<100).map { "pass:s\($0).example.com" }
        ).verdict(table)
        #expect(verdict.result == .fail)
        #expect(table.questions.count <= 2 + AlignmentCheck.maximumSignatures)
    }

    @Test("no more is asked than is needed")
    func questions() async throws {
        let zone = "_dmarc.example.com: v=DMARC1; p=reject"
        let rows: [(Letter, [String])] = [
            (
                Letter(from: ["example.com"], spf: "pass:example.com", dkim: ["pass:example.com"]),
                ["_dmarc.example.com TXT"]
            ),
            (
                Letter(from: ["example.com"], spf: "pass:example.net", dkim: ["pass:x.org"]),
                ["_dmarc.example.com TXT"]
            ),
            (
                Letter(from: ["example.com"], spf: "pass:other.com"),
                ["_dmarc.example.com TXT", "_dmarc.com TXT"]
            ),
            (
                Letter(from: ["example.com"], spf: "pass:a.example.com"),
                ["_dmarc.example.com TXT", "_dmarc.com TXT", "_dmarc.a.example.com TXT"]
            ),
            (Letter(from: ["example.com"], spf: "fail:a.example.com"), ["_dmarc.example.com TXT"]),
        ]
        for (letter, expected) in rows {
            let table = try PolicyTable(zone)
            _ = try await letter.verdict(table)
            #expect(table.questions == expected)
        }
    }

    @Test("every verdict is told in sentences, if somebody wants to read them")
    func steps() async throws {
        let table = try PolicyTable("_dmarc.example.com: v=DMARC1; p=reject; t=y; pct=10")
        let letter = Letter(from: ["a.example.com"], spf: "pass:evil.com")
        #expect(try await letter.verdict(table).steps.isEmpty)
        #expect(
            try await letter.verdict(table, explains: true).steps == [
                "_dmarc.a.example.com has no DMARC record",
                "_dmarc.example.com: v=DMARC1; p=reject; t=y; pct=10",
                "_dmarc.com has no DMARC record",
                "the Organizational Domain of a.example.com is example.com",
                "SPF passes for evil.com, which is not aligned with the author's domain (relaxed)",
                "the tag pct is historic and has no effect",
                "fail: the record at example.com asks for reject by sp",
                "t=y lowers that to quarantine",
            ])
    }
}

@Suite("RFC 9989 §5.3.1: the author's domain")
struct AuthorDomainTests {
    @Test(
        "the domains of From, each once",
        arguments: [
            ("From: a@Example.ORG\r\n", "example.org"),
            ("FROM: \"x@evil.example\" <a@example.org>\r\n", "example.org"),
            (
                "From: A <a@example.org>,\r\n B <b@EXAMPLE.org>, c@example.com\r\n",
                "example.org example.com"
            ),
            ("From: a@bücher.example\r\n", "xn--bcher-kva.example"),
            ("From: a@xn--bcher-kva.example\r\n", "xn--bcher-kva.example"),
            ("From: Group: a@example.org, b@example.com;\r\n", "example.org example.com"),
            ("From: Nobody:;\r\n", ""), ("From: \r\n", ""), ("From: a\r\n", ""),
            ("From: a@[192.0.2.1]\r\n", ""), ("From: a@example.org.\r\n", "example.org"),
            ("From: a (comment) @ example.org (x@evil.example)\r\n", "example.org"),
            ("From: <@relay.example:a@example.org>\r\n", "example.org"),
            ("From: \"a@evil.example\"@example.org\r\n", "example.org"),
            ("From: a@evil.example <b@example.org>\r\n", "example.org"),
            // What can be shown as one or the other counts as both, and the last `@` as the one.
            ("From: <a@evil.example><b@example.org>\r\n", "evil.example example.org"),
            ("From: a@evil.example@example.org\r\n", "example.org"),
            ("To: a@example.org\r\n", ""),
            ("From: a@example.org\r\nFrom: b@example.com\r\n", "example.org example.com"),
            ("X: y\r\nFrom : a@example.org\r\nTo: c@d\r\n", "example.org"),
        ])
    func domains(header: String, expected: String) {
        let authors = AuthorDomains(FieldList(Array(header.utf8)))
        #expect(authors.domains.map(\.description).joined(separator: " ") == expected)
        #expect(!authors.isIncomplete)
    }

    @Test("a domain that is none, and too many, are said")
    func incomplete() {
        let rows = [
            "From: a@b..example\r\n",
            String(repeating: "From: a@example.org\r\n", count: 5),
            "From: " + (0..<9).map { "a@d\($0).example" }.joined(separator: ",") + "\r\n",
        ]
        for row in rows { #expect(AuthorDomains(FieldList(Array(row.utf8))).isIncomplete) }
    }

    @Test("without an author there is nothing to check, and that is said")
    func nobody() async throws {
        let table = try PolicyTable("example.org: -")
        let check = AlignmentCheck(resolver: table)
        for (header, problem) in [
            ("To: x@example.org\r\n", "the message has no From field"),
            ("From: undisclosed:;\r\n", "the From field names no domain"),
        ] {
            let verdict = await check.verdict(
                authors: AuthorDomains(FieldList(Array(header.utf8))), sender: nil, signatures: [])
            #expect(verdict.result == .none)
            #expect(verdict.problem == problem)
        }
        #expect(table.questions.isEmpty)
    }
}
