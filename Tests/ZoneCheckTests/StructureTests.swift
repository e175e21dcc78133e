// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Mail
import Testing

@testable import ZoneCheck

@Suite("RFC 1034 §3.6.2, RFC 1035 §5.2: what a name server refuses")
struct StructureTests {
    private static let digest = String(repeating: "00", count: 20)

    /// What a line put behind the sound zone brings about; it stands in line 18.
    static let lines: [(line: String, found: [String])] = [
        ("a A 192.0.2.9", []),
        ("www A 192.0.2.9", ["error cname-and-other 16"]),
        ("www CNAME ns1", ["error cname-twice 16"]),
        ("@ CNAME ns1", ["error cname-and-other 18"]),
        ("www TYPE46 \\# 20 0005 0d 02 00000e10 00000000 00000000 0000 00 ff", []),
        ("other.example.com. A 192.0.2.9", ["error outside-zone 18"]),
        ("example.org.uk. A 192.0.2.9", ["error outside-zone 18"]),
        ("a CH TXT x", ["error class-not-in 18"]),
        ("@ SOA ns1 hostmaster 2 7200 900 1209600 300", ["error soa-twice 2"]),
        ("a SOA ns1 hostmaster 2 7200 900 1209600 300", ["error soa-below-origin 18"]),
        ("mx1 A 192.0.2.3", ["warning duplicate-record 18"]),
        ("MX1 A 192.0.2.3", ["warning duplicate-record 18"]),
        ("mx1 60 A 192.0.2.33", ["warning ttl-differs 12"]),
        ("a A 192.0.2", ["error syntax 18"]),
        ("a NS ns1", []),
        ("a NS ns.a", ["error glue-missing 18"]),
        ("a NS ns.a\nns.a A 192.0.2.9", []),
        ("a NS ns.b\nb NS ns.b\nns.b A 192.0.2.9", []),
        // Behind another delegation it may well exist.
        ("a NS ns.b\nb NS ns1", []),
        ("a NS nowhere", ["error ns-without-address 18"]),
        ("@ NS nowhere", ["error ns-without-address 18"]),
        ("@ NS ns.example.com.", []),
        ("@ NS www", ["error ns-is-alias 18"]),
        ("@ NS 192.0.2.1", ["error ns-is-address 18"]),
        ("@ NS 192.0.2.1.", ["error ns-is-address 18"]),
        ("a NS ns.a\n*.a A 192.0.2.9", []),
        ("a NS ns1\na A 192.0.2.9\nb.a TXT x", ["warning below-delegation 20"]),
        ("a NS ns1\na MX 10 nowhere", ["warning below-delegation 19"]),
        ("d DNAME example.com.", []),
        ("d DNAME example.com.\nd DNAME example.net.", ["error dname-twice 18"]),
        ("d DNAME example.com.\nx.d A 192.0.2.9", ["error below-dname 19"]),
        ("d DNAME example.com.\nd A 192.0.2.9", []),
        ("d DNAME example.com.\nd NS ns1", ["error dname-and-ns 18"]),
        ("d DNAME example.com.\nd CNAME ns1", ["error cname-and-other 19"]),
        ("d CNAME nowhere", ["warning alias-to-nothing 18"]),
        ("d CNAME e\ne CNAME d", ["error alias-circle 18", "error alias-circle 19"]),
        ("d CNAME www.example.org", ["error origin-twice 18"]),
        ("d CNAME www.example.com.", []),
        ("a.example.org A 192.0.2.9", ["warning origin-twice 18"]),
        ("a DS 1 13 1 \(digest)", ["warning ds-without-ns 18"]),
        ("a DS 1 13 2 \(digest)\na NS ns1", ["error ds-invalid 18"]),
        ("@ DS 1 13 1 \(digest)", ["warning ds-at-origin 18"]),
        ("_imap._tcp SRV 0 0 143 mx1", []),
        ("_imap._tcp SRV 0 0 143 .", []),
        ("_imap._tcp SRV 0 0 143 www", ["warning srv-target 18"]),
        ("_imap._tcp SRV 0 0 143 nowhere", ["warning srv-target 18"]),
        ("_imap._tcp SRV 0 0 143 mx.example.com.", []),
    ]

    @Test("What each line brings about, and nothing else", arguments: lines)
    func line(line: String, found: [String]) async throws {
        let report = try await Zones.report(on: Zones.sound + line)
        #expect(Zones.told(report) == found, "\(line)")
        #expect(report.isOK == !found.contains { $0.hasPrefix("error") })
    }

    @Test("A zone that is in order has no findings")
    func sound() async throws {
        #expect(Zones.told(try await Zones.report(on: Zones.sound)) == [])
    }

    @Test("A zone without a start or without name servers")
    func missing() async throws {
        #expect(
            Zones.told(try await Zones.report(on: "a 1 A 192.0.2.1")) == [
                "error soa-missing 0", "error ns-missing 0",
            ])
        #expect(
            Zones.told(try await Zones.report(on: "\n@ 1 SOA a b 1 2 3 4 5")) == [
                "error ns-missing 2"
            ])
        #expect(!(try await Zones.report(on: "")).isOK)
    }

    @Test("Every code is told in both languages, with what to do")
    func wording() async throws {
        for row in Self.lines {
            for finding in try await Zones.report(on: Zones.sound + row.line).findings {
                for language in [finding.text, finding.advice] {
                    #expect(language.english.hasSuffix("."), "\(finding)")
                    #expect(language.german.hasSuffix("."), "\(finding)")
                    #expect(language.english != language.german, "\(finding)")
                }
            }
        }
    }

    @Test("The JSON tells errors apart from warnings, each with its stable keys")
    func json() async throws {
        let report = try await Zones.report(on: Zones.sound + "www A 192.0.2.9\nmx1 A 192.0.2.3")
        let json = report.json()
        #expect(json["ok"]?.bool == false)
        #expect(json["errors"]?.array?.map { $0["code"]?.string } == ["cname-and-other"])
        let warning = try #require(json["warnings"]?.array?.first)
        #expect(warning["code"]?.string == "duplicate-record")
        #expect(warning["severity"]?.string == "warning")
        #expect(warning["line"]?.integer == 19)
        #expect(warning["text"]?.string == "mx1.example.org has the same A record twice.")
        #expect(warning["advice"]?.string == "Remove one of the two.")
        let text = report.text(.german, file: "a.zone")
        #expect(text.contains("a.zone:16: Fehler [cname-and-other]: www.example.org ist ein Alias"))
    }

    @Test("A flood of findings ends at a limit that is told")
    func flood() async throws {
        let text = (0..<1500).map { "h\($0) CNAME nowhere\n" }.joined()
        let report = try await Zones.report(on: Zones.sound + text)
        #expect(report.findings.count == Examination.maximumFindings + 1)
        #expect(report.findings.contains { $0.code == .tooManyFindings })
    }
}
