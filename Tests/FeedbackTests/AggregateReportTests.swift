// SPDX-License-Identifier: Apache-2.0

import Bytes
import Feedback
import Testing
import World

@Suite("RFC 9990 Aggregate reports")
struct AggregateReportTests {
    /// RFC 9990 appendix B.
    static let sample = """
        <feedback xmlns="urn:ietf:params:xml:ns:dmarc-2.0">
          <version>1.0</version>
          <report_metadata>
            <org_name>Sample Reporter</org_name>
            <email>report_sender@example-reporter.com</email>
            <extra_contact_info>...</extra_contact_info>
            <report_id>3v98abbp8ya9n3va8yr8oa3ya</report_id>
            <date_range><begin>302832000</begin><end>302918399</end></date_range>
            <generator>Example DMARC Aggregate Reporter v1.2</generator>
          </report_metadata>
          <policy_published>
            <domain>example.com</domain><p>quarantine</p><sp>none</sp><np>none</np>
            <testing>n</testing><discovery_method>treewalk</discovery_method>
          </policy_published>
          <record>
            <row>
              <source_ip>192.0.2.123</source_ip><count>123</count>
              <policy_evaluated>
                <disposition>pass</disposition><dkim>pass</dkim><spf>fail</spf>
              </policy_evaluated>
            </row>
            <identifiers>
              <envelope_from>example.com</envelope_from><header_from>example.com</header_from>
            </identifiers>
            <auth_results>
              <dkim>
                <domain>example.com</domain><result>pass</result><selector>abc123</selector>
              </dkim>
              <spf><domain>example.com</domain><result>fail</result></spf>
            </auth_results>
          </record>
        </feedback>
        """

    static func parse(_ text: String) throws(ReportFailure) -> AggregateReport {
        try AggregateReport(parsing: Array(text.utf8))
    }

    @Test("The RFC's own example is read")
    func example() throws {
        let report = try Self.parse(Self.sample)
        #expect(report.organization == "Sample Reporter")
        #expect(report.reportID == "3v98abbp8ya9n3va8yr8oa3ya")
        #expect(report.begin == Timestamp(seconds: 302_832_000))
        #expect(report.policy.policy == .quarantine)
        #expect(report.policy.subdomainPolicy == AggregateReport.Disposition.none)
        #expect(report.policy.discovery == .treeWalk)
        #expect(report.policy.isTesting == false)
        #expect(report.messages == 123)
        #expect(report.oddities.isEmpty)
        let record = try #require(report.records.first)
        #expect(record.source == IPAddress("192.0.2.123"))
        #expect(record.disposition == .pass)
        #expect(record.isDKIMAligned && !record.isSPFAligned)
        #expect(
            record.signatures == [
                .init(domain: "example.com", selector: "abc123", result: "pass")
            ])
        #expect(
            record.senderPolicies == [.init(domain: "example.com", scope: nil, result: "fail")])
    }

    /// The example with something in it changed.
    private static func changed(_ old: String, _ new: String) -> String {
        let pieces = sample.split(separator: old, omittingEmptySubsequences: false)
        return pieces.joined(separator: new)
    }

    /// What large receivers send, each with what is read there.
    static let oddFiles: [(String, String, @Sendable (AggregateReport) -> Bool)] = [
        (
            "a prefix",
            changed("<feedback xmlns", "<d:feedback xmlns:d")
                .replacing("</feedback>", with: "</d:feedback>"), { $0.messages == 123 }
        ),
        (
            "no namespace", changed(" xmlns=\"urn:ietf:params:xml:ns:dmarc-2.0\"", ""),
            { $0.records.count == 1 }
        ),
        (
            "another namespace",
            changed("urn:ietf:params:xml:ns:dmarc-2.0", "http://dmarc.org/0.1"),
            { $0.records.count == 1 }
        ),
        (
            "a schema around it", "<?xml version='1.0'?>\n<xs:schema xmlns:xs='x'>" + sample,
            { $0.records.count == 1 }
        ),
        ("a mark of the byte order", "\u{FEFF}" + sample, { $0.records.count == 1 }),
        ("empty lines before it", "\r\n\n " + sample, { $0.records.count == 1 }),
        ("zeros behind it", sample + "\0\0\0", { $0.records.count == 1 }),
        (
            "no name", changed("<org_name>Sample Reporter</org_name>", ""),
            { $0.organization == "example-reporter.com" }
        ),
        (
            "a name with &", changed("Sample Reporter", "Smith & Wesson"),
            { $0.organization == "Smith & Wesson" }
        ),
        (
            "a name with references", changed("Sample Reporter", "A &amp;&#65;&#x42; &lt;x&gt;"),
            { $0.organization == "A &AB <x>" }
        ),
        (
            "a name as character data", changed("Sample Reporter", "<![CDATA[A <b> & c]]>"),
            { $0.organization == "A <b> & c" }
        ),
        (
            "control characters", changed("Sample Reporter", "A\u{1B}[31mB"),
            { $0.organization == "A [31mB" }
        ),
        (
            "no identifier", changed("<report_id>3v98abbp8ya9n3va8yr8oa3ya</report_id>", ""),
            { $0.reportID == nil && !$0.oddities.isEmpty }
        ),
        (
            "an identifier in brackets", changed("3v98abbp8ya9n3va8yr8oa3ya", "&lt;1@b&gt;"),
            { $0.reportID == "1@b" }
        ),
        (
            "no dates", changed("<begin>302832000</begin><end>302918399</end>", ""),
            { $0.begin == nil && $0.end == nil }
        ),
        (
            "milliseconds", changed("302832000", "1609459200000"),
            { $0.begin == Timestamp(seconds: 1_609_459_200) }
        ),
        (
            "a fraction", changed("302832000", "302832000.75"),
            { $0.begin == Timestamp(seconds: 302_832_000) }
        ),
        (
            "a date", changed("302832000", "1979-08-07 00:00:00"),
            { $0.begin == Timestamp(seconds: 302_832_000) }
        ),
        (
            "a day", changed("302832000", "1979-08-07"),
            { $0.begin == Timestamp(seconds: 302_832_000) }
        ),
        ("no time at all", changed("302832000", "yesterday"), { $0.begin == nil }),
        (
            "a time beyond all calendars", changed("302832000", "99999999999999999999"),
            { $0.begin == nil }
        ),
        (
            "begin behind the end", changed("302832000", "402832000"),
            { $0.oddities.contains("`begin` is later than `end`") }
        ),
        (
            "upper case",
            changed("<p>quarantine</p>", "<p>Quarantine</p>")
                .replacing("<dkim>pass</dkim>", with: "<dkim>PASS</dkim>"),
            { $0.policy.policy == .quarantine && $0.records[0].isDKIMAligned }
        ),
        (
            "upper-case elements", changed("<p>quarantine</p>", "<P>reject</P>"),
            { $0.policy.policy == .reject }
        ),
        (
            "an unknown policy", changed("<p>quarantine</p>", "<p>delete</p>"),
            { $0.policy.policy == nil && !$0.oddities.isEmpty }
        ),
        (
            "words for alignment", changed("<sp>none</sp>", "<adkim>relaxed</adkim><aspf>s</aspf>"),
            { $0.policy.dkimAlignment == .relaxed && $0.policy.spfAlignment == .strict }
        ),
        (
            "RFC 7489's pct", changed("<np>none</np>", "<pct>50</pct>"),
            { $0.policy.percent == 50 }
        ),
        (
            "elements nobody knows", changed("</row>", "<x:new xmlns:x='y'><z/></x:new></row>"),
            { $0.records.count == 1 }
        ),
        (
            "an extension", changed("<record>", "<extension><a:b>1</a:b></extension><record>"),
            { $0.records.count == 1 }
        ),
        (
            "an address in brackets", changed("192.0.2.123", "[IPv6:2001:DB8::1]"),
            { $0.records[0].source == IPAddress("2001:db8::1") }
        ),
        (
            "an address with zeros", changed("192.0.2.123", "192.000.002.010"),
            { $0.records[0].source == IPAddress("192.0.2.10") }
        ),
        (
            "an address with a prefix", changed("192.0.2.123", "192.0.2.123/32"),
            { $0.records[0].source == IPAddress("192.0.2.123") }
        ),
        (
            "an address with spaces", changed("192.0.2.123", "\n  ::FFFF:192.0.2.1 "),
            { $0.records[0].source == IPAddress("::ffff:192.0.2.1") }
        ),
        (
            "a count in fractions", changed("<count>123</count>", "<count>12.0</count>"),
            { $0.messages == 12 }
        ),
        (
            "a huge count", changed("<count>123</count>", "<count>9223372036854775807</count>"),
            { $0.messages == .max }
        ),
        (
            "a comment within a number",
            changed("<count>123</count>", "<count>1<!-- and -->2</count>"), { $0.messages == 12 }
        ),
        (
            "two policies",
            changed(
                "<record>",
                "<policy_published><domain>b.example</domain><p>none</p>"
                    + "</policy_published><record>"),
            { $0.policy.domain == "example.com" && $0.policy.policy == .quarantine }
        ),
        (
            "texts in a language",
            changed("<extra_contact_info>", "<extra_contact_info lang='de'>"),
            { $0.extraContact == "..." }
        ),
        (
            "an extension within a record",
            changed(
                "</auth_results>", "</auth_results><e:row xmlns:e='y'><e:count>9</e:count></e:row>"),
            { $0.messages == 123 }
        ),
        (
            "a date before 1970", changed("302832000", "-86400"),
            { $0.begin == nil && !$0.oddities.isEmpty }
        ),
        (
            "a period of years", changed("302918399", "1702918399"),
            { $0.oddities.contains("the period is longer than two days") }
        ),
        (
            "no identifiers",
            changed("<identifiers>", "<x>").replacing("</identifiers>", with: "</x>"),
            { $0.records[0].headerFrom == "example.com" && $0.records[0].envelopeFrom == nil }
        ),
        (
            "no author", changed("<header_from>example.com</header_from>", ""),
            { $0.records[0].headerFrom == "example.com" }
        ),
        (
            "a null reverse-path",
            changed("<envelope_from>example.com</envelope_from>", "<envelope_from/>"),
            { $0.records[0].envelopeFrom == "" }
        ),
        (
            "no results",
            changed("<auth_results>", "<auth_results/><other>")
                .replacing("</auth_results>", with: "</other>"),
            { $0.records[0].signatures.isEmpty && $0.records[0].senderPolicies.isEmpty }
        ),
        (
            "no verdict",
            changed("<policy_evaluated>", "<x>")
                .replacing("</policy_evaluated>", with: "</x>"),
            { $0.records[0].disposition == .none && !$0.records[0].isDKIMAligned }
        ),
        (
            "several signatures",
            changed(
                "<spf><domain>",
                "<dkim><domain>B.example</domain><result>TempError</result></dkim><spf><domain>"),
            {
                $0.records[0].signatures.map(\.result) == ["pass", "temperror"]
                    && $0.records[0].signatures[1].selector == nil
            }
        ),
        (
            "an empty signature", changed("<spf><domain>", "<dkim/><spf><domain>"),
            { $0.records[0].signatures.count == 1 }
        ),
        (
            "old words",
            changed("<result>fail</result>", "<scope>helo</scope><result>hardfail</result>"),
            {
                $0.records[0].senderPolicies[0].result == "fail"
                    && $0.records[0].senderPolicies[0].scope == "helo"
            }
        ),
        (
            "reasons",
            changed(
                "<spf>fail</spf>",
                "<spf>fail</spf><reason><type>Forwarded</type></reason><reason><type/>"
                    + "<comment>arc=pass</comment></reason><reason/>"),
            {
                $0.records[0].reasons == [
                    .init(type: "forwarded"),
                    .init(type: "other", comment: "arc=pass"),
                ]
            }
        ),
        (
            "one record of two is damaged",
            changed(
                "<record>",
                "<record><row><source_ip>nobody</source_ip><count>1</count></row>"
                    + "</record><record>"), { $0.records.count == 1 && !$0.oddities.isEmpty }
        ),
        (
            "an encoding of old",
            "<?xml version=\"1.0\" encoding=\"windows-1252\"?>"
                + sample, { $0.records.count == 1 }
        ),
    ]

    @Test("What is merely odd is read", arguments: oddFiles.indices)
    func odd(index: Int) throws {
        let (name, text, holds) = Self.oddFiles[index]
        let report = try Self.parse(text)
        #expect(holds(report), "\(name): \(report)")
        let again = try AggregateReport(parsing: report.xml)
        #expect(again.records.map(\.count) == report.records.map(\.count), "\(name)")
    }

    @Test("Octets that are no UTF-8 are read as the encoding says, or replaced")
    func encodings() throws {
        let name: [UInt8] = Array("Sample Reporter".utf8)
        func report(_ head: String, _ octets: [UInt8]) throws -> String {
            var file = Array((head + Self.sample).utf8)
            let start = try #require(file.firstRange(of: name)?.lowerBound)
            file.replaceSubrange(start..<(start + name.count), with: octets)
            return try AggregateReport(parsing: file).organization
        }
        #expect(try report("<?xml version='1.0' encoding='iso-8859-1'?>", [0xFC]) == "ü")
        #expect(try report("<?xml version='1.0' encoding='UTF-8'?>", [65, 0xFC]) == "A\u{FFFD}")
        #expect(try report("", [65, 0xC3, 0xBC]) == "Aü")
    }

    /// In UTF-16, low octets first or high ones.
    private static func wide(_ text: String, isLowFirst: Bool) -> [UInt8] {
        text.utf16.flatMap { unit -> [UInt8] in
            let octets = [UInt8(unit & 255), UInt8(unit >> 8)]
            return isLowFirst ? octets : octets.reversed()
        }
    }

    @Test(
        "UTF-16 is read either way round, with a mark or without, and hides nothing",
        arguments: [true, false])
    func wide(isLowFirst: Bool) throws {
        let mark: [UInt8] = isLowFirst ? [0xFF, 0xFE] : [0xFE, 0xFF]
        let text = "<?xml version='1.0' encoding='UTF-16'?>" + Self.sample
        for head in [mark, []] {
            let file = head + Self.wide(text, isLowFirst: isLowFirst)
            guard case .aggregate(let report) = try IncomingReport(opening: file) else {
                Issue.record("it is another report")
                return
            }
            #expect(report.organization == "Sample Reporter" && report.messages == 123)
            let evil =
                "<!DOCTYPE feedback [<!ENTITY x SYSTEM 'file:///etc/passwd'>]>"
                + Self.changed("Sample Reporter", "&x;")
            #expect(throws: ReportFailure.self) {
                try AggregateReport(
                    parsing: head + Self.wide(evil, isLowFirst: isLowFirst))
            }
            // Cut within a character.
            #expect(throws: ReportFailure.self) {
                try AggregateReport(parsing: file.dropLast(201))
            }
        }
    }

    static let wrongFiles: [(String, String, String)] = [
        ("nothing", "", "ends too early"),
        ("no XML", "hello", "does not begin as XML"),
        ("another root", "<html></html>", "its root is `html`"),
        ("cut short", String(sample.prefix(900)), "ends too early"),
        ("cut in a tag", String(sample.prefix(60)), "a tag in its XML"),
        ("tags that cross", "<feedback><a><b></a></b></feedback>", "closed that is not"),
        ("no domain", changed("<domain>example.com</domain><p>", "<p>"), "which domain"),
        (
            "no reporter",
            changed("<org_name>Sample Reporter</org_name>", "")
                .replacing("<email>report_sender@example-reporter.com</email>", with: ""),
            "who reports"
        ),
        (
            "no record",
            "<feedback><report_metadata><org_name>x</org_name></report_metadata>"
                + "<policy_published><domain>a</domain></policy_published></feedback>", "no record"
        ),
        ("a count below zero", changed("<count>123</count>", "<count>-1</count>"), "`count`"),
        (
            "a count beyond all numbers",
            changed("<count>123</count>", "<count>99999999999999999999</count>"), "`count`"
        ),
        ("a host's name", changed("192.0.2.123", "mail.example.com"), "`source_ip`"),
        (
            "an external entity",
            "<?xml version=\"1.0\"?><!DOCTYPE feedback [<!ENTITY x SYSTEM \"file:///etc/passwd\">]>"
                + changed("Sample Reporter", "&x;"), "document type"
        ),
        (
            "a billion laughs",
            "<!DOCTYPE lolz [<!ENTITY a \"lol\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]>"
                + changed("Sample Reporter", "&b;"), "document type"
        ),
        (
            "an external document type",
            "<!DOCTYPE feedback SYSTEM \"http://127.0.0.1/evil.dtd\">" + sample, "document type"
        ),
        ("an entity of its own", changed("Sample Reporter", "&lol;"), "an entity, `&lol;`"),
        ("a reference to no character", changed("Sample Reporter", "&#xD800;"), "no character"),
        ("too deep", "<feedback>" + String(repeating: "<a>", count: 100_000), "deep"),
        (
            "too much in one record",
            "<feedback><record>" + String(repeating: "<a></a>", count: 6000)
                + "</record></feedback>",
            "holds more than"
        ),
        ("no row", changed("<row>", "<r>").replacing("</row>", with: "</r>"), "`row`"),
        ("a count of words", changed("<count>123</count>", "<count>many</count>"), "`count`"),
        (
            "a document type behind a comment",
            "<?xml version='1.0'?><!-- x -->\n<!doctype feedback>" + sample, "document type"
        ),
        (
            "an entity by parameter",
            "<!DOCTYPE f [<!ENTITY % a SYSTEM 'http://127.0.0.1/a'>%a;]>" + sample, "document type"
        ),
        ("an unknown encoding", "<?xml version='1.0' encoding='x-klingon'?>" + sample, "charset"),
    ]

    @Test("What is wrong is refused, and says why", arguments: wrongFiles)
    func wrong(name: String, text: String, reason: String) {
        do throws(ReportFailure) {
            let report = try Self.parse(text)
            Issue.record("\(name) is read as \(report)")
        } catch {
            #expect(error.description.contains(reason), "\(name): \(error)")
        }
    }

    @Test("What is written is read as the same")
    func roundTrip() throws {
        var report = AggregateReport(
            organization: "Mail & <More>", policy: .init(domain: "example.org"))
        report.email = "noreply@mx.example.net"
        report.reportID = "1700000000-example.org@mx.example.net"
        report.begin = Timestamp(seconds: 1_700_006_400)
        report.end = Timestamp(seconds: 1_700_092_799)
        report.generator = "Postreiter"
        report.policy.policy = .reject
        report.policy.dkimAlignment = .strict
        report.policy.discovery = .treeWalk
        report.policy.failureOptions = "1:d"
        report.policy.isTesting = true
        for index in 0..<3 {
            var record = AggregateReport.Record(
                source: index == 1 ? .v6(IPv6Address(high: 1, low: 2)) : .v4(.init(192, 0, 2, 1)),
                count: Int64(index) + 1, disposition: [.none, .pass, .reject][index],
                isDKIMAligned: index == 0, isSPFAligned: index == 1, headerFrom: "example.org")
            record.envelopeFrom = index == 2 ? "" : "bounce.example.org"
            record.envelopeTo = "example.net"
            record.reasons = index == 0 ? [.init(type: "mailing_list", comment: "a \"list\"")] : []
            record.signatures = [
                .init(domain: "example.org", selector: "s1", result: "pass"),
                .init(domain: "esp.example", selector: "k", result: "fail", explanation: "body"),
            ]
            record.senderPolicies = [.init(domain: "bounce.example.org", result: "softfail")]
            report.records.append(record)
        }
        let xml = report.xml
        #expect(try AggregateReport(parsing: xml) == report)
        #expect(String(lossy: xml).contains("Mail &amp; &lt;More&gt;"))
        #expect(String(lossy: xml).contains(#"xmlns="urn:ietf:params:xml:ns:dmarc-2.0""#))
    }

    @Test("A report may have very many records, and no more than that")
    func manyRecords() throws {
        let record = "<record><row><source_ip>::1</source_ip><count>1</count></row></record>"
        func report(_ count: Int) -> String {
            "<feedback><report_metadata><org_name>x</org_name></report_metadata>"
                + "<policy_published><domain>a.example</domain></policy_published>"
                + String(repeating: record, count: count) + "</feedback>"
        }
        #expect(try Self.parse(report(2000)).messages == 2000)
        #expect(throws: ReportFailure.self) {
            try Self.parse(report(AggregateReport.maximumRecords + 1))
        }
    }
}
