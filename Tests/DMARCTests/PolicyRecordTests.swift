// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail
import Testing

@testable import DMARC

@Suite("RFC 9989 §4.7, §4.8: DMARC records")
struct PolicyRecordTests {
    private static func record(_ text: String) -> PolicyRecord? {
        PolicyRecord(parsing: Array(text.utf8))
    }

    @Test(
        "what begins with v=DMARC1 is a record, and nothing else",
        arguments: [
            ("v=DMARC1", true), ("v=DMARC1;", true), ("V=DMARC1; p=none", true),
            ("v = DMARC1 ; p=none", true), ("v\t=\tDMARC1\t;p=none", true),
            ("v=DMARC1;p=none", true), ("v=DMARC1 ", true),
            ("", false), ("v", false), ("v=", false), ("v=DMARC", false), ("v=DMARC12", false),
            ("v=dmarc1; p=none", false), ("v=Dmarc1; p=none", false), ("v=DMARC1 p=none", false),
            (" v=DMARC1; p=none", false), (";v=DMARC1; p=none", false),
            ("p=none; v=DMARC1", false), ("v=DMARC1.0; p=none", false),
            ("v=\"DMARC1\"; p=none", false), ("v==DMARC1", false), ("vv=DMARC1", false),
            ("v=spf1 -all", false), ("v=DMARC1=; p=none", false),
        ])
    func version(text: String, isRecord: Bool) {
        #expect(PolicyRecord.isRecord(Array(text.utf8)) == isRecord)
        #expect((Self.record(text) != nil) == isRecord)
    }

    /// The tags `p`, `sp` and `np` as they come to be, and how they stand.
    @Test(
        "policies fall back to one another, and what is wrong with one of them counts for all",
        arguments: [
            ("p=none", "none none none complete"),
            ("p=reject", "reject reject reject complete"),
            ("P=Reject", "reject reject reject complete"),
            ("p = quarantine ", "quarantine quarantine quarantine complete"),
            ("p=reject; sp=none", "reject none none complete"),
            ("p=reject; np=none", "reject reject none complete"),
            ("sp=quarantine; np=none; p=reject", "reject quarantine none complete"),
            ("p=none; sp=reject; np=quarantine", "none reject quarantine complete"),
            ("p=reject;;", "reject reject reject complete"),
            (";p=reject", "reject reject reject complete"),
            ("p=reject; unknown=1; x9=2; y", "reject reject reject complete"),
            ("p=reject; pct=0; ri=x; rf=afrf", "reject reject reject complete"),
            ("p=reject; adkim=x; t=maybe; psd=z; fo=9", "reject reject reject complete"),
            ("", "none none none unusable"),
            ("sp=reject", "none none none unusable"),
            ("p=", "none none none unusable"),
            ("p", "none none none unusable"),
            ("p=monitor", "none none none unusable"),
            ("p=reject; sp=", "none none none unusable"),
            ("p=reject; sp=no", "none none none unusable"),
            ("p=reject; np=no", "none none none unusable"),
            ("p=rejected; rua=x", "none none none unusable"),
            ("p=reject\u{0}", "none none none unusable"),
            ("rua=mailto:a@example.org", "none none none monitoring"),
            ("p=monitor; rua=mailto:a@example.org", "none none none monitoring"),
            ("p=reject; sp=no; rua=mailto:a@example.org", "none none none monitoring"),
            ("p=reject; np=; rua=https://example.org/", "none none none monitoring"),
            ("sp=reject; rua=x,mailto:a@example.org", "none none none monitoring"),
            ("p=none; p=reject", "none none none repetitive"),
            ("p=reject; p=reject", "none none none repetitive"),
            ("p=reject; x=1; X=2", "none none none repetitive"),
            ("p=reject; v=DMARC1", "none none none repetitive"),
        ])
    func policies(tags: String, expected: String) throws {
        let record = try #require(Self.record("v=DMARC1; " + tags))
        let text =
            "\(record.policy.rawValue) \(record.subdomainPolicy.rawValue) "
            + "\(record.nonexistentPolicy.rawValue) \(record.standing)"
        #expect(text == expected)
        #expect(record.isUsable == (expected.hasSuffix("complete") || expected.hasSuffix("ing")))
    }

    @Test(
        "alignment, test mode and public suffixes have defaults, also for what is wrong",
        arguments: [
            ("", "r r false -"), ("adkim=s", "s r false -"), ("aspf=S", "r s false -"),
            ("adkim=r; aspf=r; t=n; psd=u", "r r false u"), ("t=y", "r r true -"),
            ("t=Y; psd=Y", "r r true y"), ("psd=n", "r r false n"),
            ("adkim=strict; aspf=; t=yes; psd=no", "r r false -"),
            ("adkim = s ; aspf = s", "s s false -"),
        ])
    func modes(tags: String, expected: String) throws {
        let record = try #require(Self.record("v=DMARC1; p=none; " + tags))
        #expect(
            "\(record.dkimAlignment.rawValue) \(record.spfAlignment.rawValue) \(record.isTesting) "
                + (record.publicSuffix?.rawValue ?? "-") == expected)
    }

    @Test(
        "reporting addresses are URIs, one beside the other",
        arguments: [
            ("mailto:a@example.org", ["mailto:a@example.org -> a@example.org"]),
            ("MAILTO:A@example.org", ["MAILTO:A@example.org -> A@example.org"]),
            (
                "mailto:a@example.org , mailto:b@example.com",
                [
                    "mailto:a@example.org -> a@example.org",
                    "mailto:b@example.com -> b@example.com",
                ]
            ),
            (
                "mailto:a@example.org!10m,mailto:b@example.org!0G,mailto:c@example.org!5",
                [
                    "mailto:a@example.org -> a@example.org",
                    "mailto:b@example.org -> b@example.org",
                    "mailto:c@example.org -> c@example.org",
                ]
            ),
            ("mailto:a%21@example.org", ["mailto:a%21@example.org -> a!@example.org"]),
            (
                "mailto:a@example.org?subject=x",
                ["mailto:a@example.org?subject=x -> a@example.org"]
            ),
            ("https://example.org/r", ["https://example.org/r -> -"]),
            ("a@example.org", []), ("mailto:", []), ("mailto:a", []), ("mailto:@b", []),
            ("mailto:a@example.org!", []), ("mailto:a@example.org!10p", []),
            ("mailto:a@example.org!m", []), ("mailto:a@example.org!10mm", []),
            ("mailto:a@exa mple.org", []), ("mailto:a%2@example.org", []),
            ("mailto:a%zz@example.org", []), ("1mailto:a@example.org", []), (":x", []),
            (",,", []), ("mailto:<a@example.org>", []),
            ("nonsense, mailto:a@example.org", ["mailto:a@example.org -> a@example.org"]),
        ])
    func reports(value: String, expected: [String]) throws {
        let record = try #require(
            Self.record("v=DMARC1; p=none; rua=\(value); ruf = \(value)"))
        let told = { (uri: ReportURI) in "\(uri) -> \(uri.address?.description ?? "-")" }
        #expect(record.aggregateReports.map(told) == expected)
        #expect(record.failureReports.map(told) == expected)
    }

    @Test("no more reporting addresses count than anybody needs")
    func manyReports() throws {
        let list = (0..<200).map { "mailto:a\($0)@example.org" }.joined(separator: ",")
        let record = try #require(Self.record("v=DMARC1; p=none; rua=\(list)"))
        #expect(record.aggregateReports.count == PolicyRecord.maximumURIs)
    }

    @Test("thousands of tags do no harm")
    func manyTags() throws {
        let list = (0..<20_000).map { "tag\($0)=1" }.joined(separator: ";")
        let record = try #require(Self.record("v=DMARC1; p=reject;" + list))
        #expect(record.policy == .reject)
        #expect(record.faulty.count <= 20)
    }

    @Test(
        "failure options",
        arguments: [
            ("0", 1), ("1", 2), ("d", 4), ("1:d:s", 14), ("S:D:0", 13), ("d : s", 12),
            // What is wrong has the default.
            ("0:1", 1), ("2", 1), ("d:d", 1), ("1:", 1), ("ds", 1), (":", 1),
        ])
    func failureOptions(value: String, expected: UInt8) throws {
        let record = try #require(Self.record("v=DMARC1; p=none; fo=\(value)"))
        #expect(record.failureOptions == .init(rawValue: expected))
    }

    @Test("what is faulty or historic is kept for those who look after the record")
    func remarks() throws {
        let record = try #require(
            Self.record("v=DMARC1; p=none; pct=20; ri=1; RF=afrf; adkim=q; =x; y; fo=7"))
        #expect(record.historic == ["pct", "ri", "rf"])
        #expect(record.faulty == ["adkim=q", "=x", "y", "fo=7"])
    }

    @Test("the octets of a record cut short, or with one of them changed, never stop the reader")
    func damaged() {
        let text = Array(
            "v=DMARC1; p=reject; sp=none; rua=mailto:a@example.org!10m; fo=1:d; psd=n; t=y".utf8)
        for length in 0...text.count { _ = PolicyRecord(parsing: Array(text.prefix(length))) }
        for index in text.indices {
            for octet in [UInt8(0), 0x3B, 0x3D, 0x2C, 0x21, 0x25, 0x80, 0xFF] {
                var changed = text
                changed[index] = octet
                if let record = PolicyRecord(parsing: changed), !record.isUsable {
                    #expect(record.policy == .none)
                }
            }
        }
    }
}
