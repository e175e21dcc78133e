// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Testing

@testable import ZoneCheck

@Suite("What breaks mail: MX, SPF, DKIM, DMARC, MTA-STS, TLSA")
struct MailTests {
    @Test(
        "MX records",
        arguments: [
            ("@ MX 30 mx.example.com.", []),
            ("@ MX 30 al\nal CNAME mx1", ["error exchange-is-alias 18"]),
            ("@ MX 30 www", ["error exchange-is-alias 18", "error exchange-without-address 18"]),
            ("@ MX 30 nowhere", ["error exchange-without-address 18"]),
            (
                "a MX 10 nowhere",
                ["error exchange-without-address 18", "error no-exchanger-left 18"]
            ),
            ("@ MX 30 192.0.2.7", ["error exchange-is-address 18"]),
            ("@ MX 30 192.0.2.7.", ["error exchange-is-address 18"]),
            ("@ MX 30 2001:db8::7.", ["error exchange-is-address 18"]),
            ("@ MX 30 mx1.example.org", ["error origin-twice 18"]),
            ("@ MX 30 mx1", ["warning duplicate-exchange 5"]),
            ("@ MX 10 mx1", ["warning duplicate-record 18"]),
            ("@ MX 0 .", ["error null-mx-among-others 18"]),
            ("a MX 0 .", []),
            ("a MX 10 .", ["warning null-mx-preference 18"]),
            ("a MX 10 m_x\nm_x A 192.0.2.7\n AAAA 2001:db8::7", ["warning not-a-host-name 18"]),
            ("a MX 10 b\nb A 192.0.2.7", ["notice only-ipv4 18"]),
            ("a MX 10 b\nb AAAA 2001:db8::7", ["warning only-ipv6 18"]),
            (
                "a MX 10 b\nb A 10.0.0.1\n AAAA fd00::1",
                ["warning private-address 18", "warning private-address 18"]
            ),
            (
                "a MX 10 b\nb A 0.0.0.0\n AAAA ::",
                [
                    "error unusable-address 18", "error unusable-address 18",
                    "error no-exchanger-left 18",
                ]
            ),
            // Behind a delegation, nobody is asked; its glue is believed.
            ("a MX 10 mx.b\nb NS ns1", []),
            (
                "a MX 10 mx.b\nb NS ns1\nmx.b A 10.1.1.1",
                ["warning private-address 18", "notice only-ipv4 18"]
            ),
            // A wildcard gives an address to names that do not stand there.
            ("a MX 10 x.b\n*.b A 192.0.2.7\n AAAA 2001:db8::7", []),
        ])
    func exchangers(lines: String, found: [String]) async throws {
        #expect(Zones.told(try await Zones.report(on: Zones.sound + lines)) == found)
    }

    private struct Outside: Resolver {
        func resolve(_ name: Name, _ type: RecordType) async -> Answer {
            let text = name.description
            switch (text, type) {
            case ("alias.example.com", .a), ("good.example.com", .a):
                return Answer(
                    .records,
                    records: [
                        ResourceRecord(
                            owner: name, type: .a, ttl: 1, data: .a(IPv4Address(192, 0, 2, 8)))
                    ], aliases: text.hasPrefix("alias") ? [name] : [])
            case ("slow.example.com", _): return Answer(.failure(.timeout))
            case ("half.example.com", .a): return Answer(.failure(.timeout))
            case ("half.example.com", .aaaa):
                return Answer(
                    .records,
                    records: [
                        ResourceRecord(
                            owner: name, type: .aaaa, ttl: 1,
                            data: .aaaa(IPv6Address(high: 0x2001_0db8 << 32, low: 1)))
                    ])
            default: return Answer(.nameError)
            }
        }
    }

    @Test(
        "Hosts outside are asked for, if there is someone to ask",
        arguments: [
            ("good", ["notice only-ipv4 18"]),
            ("gone", ["error exchange-without-address 18"]),
            ("alias", ["error exchange-is-alias 18", "notice only-ipv4 18"]),
            ("slow", ["warning exchange-unknown 18"]),
            // What one family did not answer is not said to be missing.
            ("half", []),
        ])
    func outside(host: String, found: [String]) async throws {
        let text = Zones.sound + "@ MX 30 \(host).example.com."
        let report = try await Zones.report(on: text, examiner: ZoneExaminer(resolver: Outside()))
        #expect(Zones.told(report) == found)
    }

    static let elevenTerms = (0..<11).map { "include:s\($0).example" }.joined(separator: " ")

    @Test(
        "SPF records",
        arguments: [
            ("a TXT \"v=spf1 -all\"", []),
            ("a TXT \"V=SPF1 MX IP4:192.0.2.0/24 -ALL\"", []),
            ("a TXT \"v=spf1 \" \"ip4:192.0.2.1 \" \"~all\"", []),
            ("@ TXT \"v=spf1 -all\"", ["error spf-twice 7"]),
            ("a TXT \"v=spf1; a -all\"", ["error spf-syntax 18"]),
            ("a TXT \"v=spf2 -all\"", ["error spf-syntax 18"]),
            ("a TXT \"v=spf1 ip4:192.0.2.256 -all\"", ["error spf-syntax 18"]),
            ("a TXT \"v=spf1 ip4:192.0.2.0/33 -all\"", ["error spf-syntax 18"]),
            ("a TXT \"v=spf1 ip6:192.0.2.1 -all\"", ["error spf-syntax 18"]),
            ("a TXT \"v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all\"", []),
            ("a TXT \"v=spf1 nosuch -all\"", ["error spf-syntax 18"]),
            ("a TXT \"v=spf1 all:x\"", ["error spf-syntax 18"]),
            ("a TXT \"v=spf1 include -all\"", ["error spf-syntax 18"]),
            ("a TXT \"v=spf1 a:%{q}.example.com -all\"", ["error spf-syntax 18"]),
            ("a TXT \"v=spf1 exists:%{ir}.%{l1r-}.example.com -all\"", []),
            (
                "a TXT \"v=spf1 redirect=x.example.com redirect=y.example.com\"",
                ["error spf-syntax 18"]
            ),
            ("a TXT \"v=spf1 moo=x a:mx1.example.org/24//64 -all\"", []),
            ("a TXT \"v=spf1 a:mx1.example.org/024 -all\"", ["error spf-syntax 18"]),
            ("a TXT \"v=spf1 +all\"", ["warning spf-allows-all 18"]),
            ("a TXT \"v=spf1 \(elevenTerms) -all\"", ["error spf-too-many-lookups 18"]),
            // Behind `all` nothing counts.
            ("a TXT \"v=spf1 -all \(elevenTerms)\"", []),
            (
                "a TXT \"v=spf1 a:x.example.org a:y.example.org mx:z.example.org -all\"",
                ["error spf-void-lookups 18"]
            ),
            ("a TXT \"v=spf1 a:x.example.org mx:z.example.org -all\"", []),
            ("a TXT \"v=spf1 include:mx1.example.org -all\"", ["error spf-include-missing 18"]),
            ("a TXT \"v=spf1 include:a.example.org -all\"", ["error spf-circle 18"]),
            ("a TXT \"v=spf1 redirect=example.org\"", []),
            ("a SPF \"v=spf1 -all\"", ["warning spf-type 18"]),
            (
                "a TXT \"v=spf1 include:b.example.org include:b.example.org -all\"\nb TXT \"v=spf1 "
                    + "a:mx1.example.org a:mx2.example.org a:ns1.example.org a:ns2.example.org -all\"",
                []
            ),
            (
                "a TXT \"v=spf1 include:b.example.org include:b.example.org mx:example.org -all\"\n"
                    + "b TXT \"v=spf1 a:mx1.example.org a:mx2.example.org a:ns1.example.org "
                    + "a:ns2.example.org -all\"",
                ["error spf-too-many-lookups 18"]
            ),
        ])
    func spf(lines: String, found: [String]) async throws {
        let text = Zones.sound + lines
        #expect(Zones.told(try await Zones.report(on: text)) == found, "\(lines)")
    }

    static let rsa1024 =
        "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQCyROon2yl8QtVp6BL63v3/5pzZDU7iQjVG5XpvBXL9"
        + "PDANZkkSXdVumAXZ/5zdBAtK1rT0V9ryiblklVnRAXSHOZe7GvQ9+leX/8N9NcCH2+YumInljwwxjWvn"
        + "j1kn+9CBcgzP69iTeSdXQ58VMhJCk34UNfAhLYsQIfyFJVgwFwIDAQAB"
    static let rsa512 =
        "MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAOR/Ae/36Yebt8umTQ57PHlFTh/AC2aYPZgmieLpDc1XfHmU"
        + "CMRsGaugSi9T/FA7qXoQAp6lXPq0gY1pa0G8JfMCAwEAAQ=="

    @Test(
        "DKIM keys",
        arguments: [
            ("v=DKIM1; k=rsa; p=\(rsa1024)", []),
            ("p=\(rsa1024)", []),
            ("v=DKIM1; k=rsa; p=\(rsa512)", ["error dkim-short-key 18"]),
            ("v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", []),
            ("v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg==", ["error dkim-unreadable 18"]),
            ("v=DKIM1; p=", ["notice dkim-revoked 18"]),
            ("v=DKIM1; k=rsa", ["error dkim-unreadable 18"]),
            ("k=rsa; v=DKIM1; p=\(rsa1024)", ["error dkim-unreadable 18"]),
            ("v=DKIM2; p=\(rsa1024)", ["error dkim-unreadable 18"]),
            ("v=DKIM1; p=\(rsa1024.dropLast(9))", ["error dkim-unreadable 18"]),
            ("v=DKIM1; p=!!!!", ["error dkim-unreadable 18"]),
            ("v=DKIM1; h=sha1; p=\(rsa1024)", ["error dkim-unreadable 18"]),
            ("v=DKIM1; s=tlsrpt; p=\(rsa1024)", ["error dkim-unreadable 18"]),
            ("v=DKIM1; t=y:s; p=\(rsa1024)", ["notice dkim-testing 18"]),
            ("v=DKIM1; k=dsa; p=\(rsa1024)", ["error dkim-unreadable 18"]),
            ("hello", ["error dkim-unreadable 18"]),
        ])
    func dkim(text: String, found: [String]) async throws {
        let strings = stride(from: 0, to: text.utf8.count, by: 200).map {
            "\"\(text.dropFirst($0).prefix(200))\""
        }.joined(separator: " ")
        let report = try await Zones.report(on: Zones.sound + "s._domainkey TXT \(strings)")
        #expect(Zones.told(report) == found, "\(text)")
    }

    @Test("Two keys under one selector")
    func twoKeys() async throws {
        let report = try await Zones.report(
            on: Zones.sound + "s._domainkey TXT \"p=\"\ns._domainkey TXT \"v=DKIM1; p=\"")
        #expect(Zones.told(report).first == "error dkim-twice 18")
    }

    @Test(
        "DMARC records",
        arguments: [
            ("v=DMARC1; p=none", []),
            ("V = DMARC1 ;P = Reject", []),
            (
                "v=DMARC1; p=reject; sp=quarantine; np=none; adkim=s; aspf=r; t=y; psd=n; fo=1:d:s",
                []
            ),
            ("v=DMARC1; p=none; x=anything", []),
            ("v=dmarc1; p=none", ["error dmarc-ignored 18"]),
            ("p=none; v=DMARC1", ["error dmarc-ignored 18"]),
            ("v=DMARC1", ["error dmarc-ignored 18"]),
            ("v=DMARC1; p=monitor", ["error dmarc-ignored 18", "warning dmarc-tag 18"]),
            (
                "v=DMARC1; rua=mailto:a@example.org",
                ["warning dmarc-ignored 18"]
            ),
            (
                "v=DMARC1; p=none; sp=no",
                ["error dmarc-ignored 18", "warning dmarc-tag 18"]
            ),
            ("v=DMARC1; p=none; rua=a@example.org", ["warning dmarc-tag 18"]),
            ("v=DMARC1; p=none; rua=mailto:a@example.org!10m,mailto:b@example.org", []),
            ("v=DMARC1; p=none; fo=0:1", ["warning dmarc-tag 18"]),
            (
                "v=DMARC1; p=none; p=reject",
                ["error dmarc-ignored 18", "warning dmarc-tag 18"]
            ),
            ("v=DMARC1; p=none; pct=50", ["notice dmarc-obsolete 18"]),
            ("v=DMARC1; p=none;;", []),
            ("v=DMARC1; p=none; =x", ["warning dmarc-tag 18"]),
        ])
    func dmarc(text: String, found: [String]) async throws {
        let report = try await Zones.report(on: Zones.sound + "_dmarc.a TXT \"\(text)\"")
        #expect(Zones.told(report) == found, "\(text)")
    }

    @Test("Two DMARC records, and one that only agrees to reports")
    func dmarcNames() async throws {
        let two = try await Zones.report(on: Zones.sound + "_dmarc TXT \"v=DMARC1; p=none\"")
        #expect(Zones.told(two) == ["error dmarc-twice 17"])
        let report = try await Zones.report(
            on: Zones.sound + "example.com._report._dmarc TXT \"v=DMARC1\"")
        #expect(Zones.told(report) == [])
    }

    @Test(
        "MTA-STS and TLS reporting",
        arguments: [
            ("_mta-sts TXT \"v=STSv1; id=20260101\"\nmta-sts CNAME mx1", []),
            ("_mta-sts TXT \"v=STSv1; id=20260101;\"", ["error mta-sts-host-missing 18"]),
            (
                "_mta-sts TXT \"v=STSv1; id=2026-01\"\nmta-sts CNAME mx1",
                ["error mta-sts-record 18"]
            ),
            ("_mta-sts TXT \"v=STSv1\"\nmta-sts CNAME mx1", ["error mta-sts-record 18"]),
            (
                "_mta-sts TXT \"v=STSv1; id=1\"\n_mta-sts TXT \"v=STSv1; id=2\"\nmta-sts CNAME mx1",
                ["error mta-sts-twice 18"]
            ),
            ("_smtp._tls TXT \"v=TLSRPTv1; rua=mailto:a@example.org\"", []),
            ("_smtp._tls TXT \"v=TLSRPTv1; rua=a@example.org\"", ["warning tlsrpt-record 18"]),
            (
                "_smtp._tls TXT \"v=TLSRPTv2; rua=mailto:a@example.org\"",
                ["warning tlsrpt-record 18"]
            ),
        ])
    func transport(lines: String, found: [String]) async throws {
        #expect(Zones.told(try await Zones.report(on: Zones.sound + lines)) == found, "\(lines)")
    }

    @Test(
        "A served MTA-STS policy lists the exchangers",
        arguments: [
            ("enforce", ["mx1.example.org", "mx2.example.org"], []),
            ("enforce", ["*.example.org"], []),
            ("enforce", ["mx1.example.org"], ["warning mta-sts-unlisted 6"]),
            ("enforce", ["other.example.org"], ["error mta-sts-lists-none 5"]),
            ("testing", ["*.mx1.example.org"], ["warning mta-sts-lists-none 5"]),
            ("none", [], []),
            ("enforce", [], ["error mta-sts-policy 5"]),
            ("maybe", ["*.example.org"], ["error mta-sts-policy 5"]),
        ])
    func policy(mode: String, patterns: [String], found: [String]) async throws {
        var facts = ZoneFacts()
        let text =
            "version: STSv1\r\nmode: \(mode)\r\n"
            + patterns.map { "mx: \($0)\r\n" }.joined() + "max_age: 604800\r\n"
        facts.policies = [(try Name("example.org"), Array(text.utf8))]
        let report = try await Zones.report(on: Zones.sound, examiner: ZoneExaminer(facts: facts))
        #expect(Zones.told(report) == found)
    }

    @Test(
        "TLSA records and the certificates of our servers",
        arguments: [
            ("_25._tcp.mx1 TLSA 3 1 1 \(String(repeating: "a1", count: 32))", []),
            (
                "_25._tcp.mx1 TLSA 3 1 1 \(String(repeating: "b2", count: 32))",
                ["error tlsa-mismatch 18"]
            ),
            ("_25._tcp.mx2 TLSA 3 1 1 \(String(repeating: "b2", count: 32))", []),
            ("_25._tcp.mx1 TLSA 3 0 0 c3", []),
            (
                "_25._tcp.mx1 TLSA 3 1 1 \(String(repeating: "a1", count: 32))\n_25._tcp.mx1 TLSA "
                    + "3 1 1 \(String(repeating: "b2", count: 32))", []
            ),
            ("_443._tcp.mx2 TLSA 1 1 1 aa", ["error tlsa-invalid 18"]),
            (
                "_443._tcp.mx2 TLSA 4 1 1 \(String(repeating: "a1", count: 32))",
                ["error tlsa-invalid 18"]
            ),
            (
                "_25._tcp.mx2 TLSA 1 1 1 \(String(repeating: "a1", count: 32))",
                ["warning tlsa-usage 18"]
            ),
            ("_25._tcp.nowhere TLSA 3 0 0 c3", ["warning tlsa-without-host 18"]),
        ])
    func tlsa(lines: String, found: [String]) async throws {
        var facts = ZoneFacts()
        facts.certificates = [
            .init(names: ["MX1.example.org"], certificate: [0xC3], publicKey: [0xA1])
        ]
        let examiner = ZoneExaminer(facts: facts, cryptography: Repetition())
        let report = try await Zones.report(on: Zones.sound + lines, examiner: examiner)
        #expect(Zones.told(report) == found, "\(lines)")
    }

    /// A quarter second in a release; what grows with the square of a zone would not end in time.
    @Test("Ten thousand records are checked in a moment", .timeLimit(.minutes(20)))
    func pace() async throws {
        var text = Zones.sound
        for index in 0..<3000 {
            text += "h\(index) A 192.0.2.1\n AAAA 2001:db8::1\nd\(index) MX 10 h\(index)\n"
            text += " TXT \"v=spf1 mx -all\"\n"
        }
        #expect(try await Zones.report(on: text).findings == [])
    }
}

/// Digests that are the first octet over and over; no signature is ever valid.
private struct Repetition: ZoneCryptography {
    func digest(_ kind: DigestKind, of octets: [UInt8]) -> [UInt8] {
        [UInt8](repeating: octets.first ?? 0, count: kind == .sha512 ? 64 : 32)
    }

    func verifies(
        _ signature: [UInt8], over octets: [UInt8], algorithm: UInt8, publicKey: [UInt8]
    ) -> Bool? { nil }
}
