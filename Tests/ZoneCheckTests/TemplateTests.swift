// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Mail
import Testing

@testable import ZoneCheck

@Suite("The mail records of a hosted domain, and whose they are")
struct TemplateTests {
    private static let bare = """
        $TTL 3600
        @       SOA ns1 hostmaster 1 7200 900 1209600 300
                NS  ns1
        ns1     A 192.0.2.1
        www     A 192.0.2.80

        """
    private let origin: Name

    private static let services = MailFacts.Service.allCases.map(\.rawValue)

    init() throws { origin = try Name("example.org") }

    private func records(_ more: String = "") -> [ResourceRecord] {
        MasterFile.parse(Array((Self.bare + more).utf8), origin: origin).records
    }

    private func facts(_ domain: String = "example.org") throws -> MailFacts {
        let host = try Name("mx1.example.org")
        var facts = MailFacts(
            domain: try Name(domain), exchangers: [.init(host: host, preference: 10)])
        facts.offers = [
            .init(.submissions, host: host, port: 465), .init(.pop3s, host: host, port: 995),
            // Listened for twice, on two addresses.
            .init(.pop3s, host: host, port: 995),
        ]
        facts.reportsTo = "postmaster@\(domain)"
        return facts
    }

    private func hosts() throws -> [HostFacts] {
        [
            HostFacts(
                try Name("mx1.example.org"),
                addresses: [IPAddress("192.0.2.3"), IPAddress("2001:db8::3")].compactMap { $0 })
        ]
    }

    private func plan(
        _ facts: [MailFacts], _ records: [ResourceRecord], _ marks: [ManagedRecord] = [],
        restoring: Bool = false
    ) throws -> TemplatePlan {
        TemplatePlan(
            for: facts, hosts: try hosts(), records: records, origin: origin, marks: marks,
            restoring: restoring)
    }

    /// The records after the plan, which must be one that can be made.
    private func after(
        _ plan: TemplatePlan, _ records: [ResourceRecord]
    ) throws -> [ResourceRecord] {
        guard !plan.edits.isEmpty else { return records }
        return try ZoneChange(plan.edits, in: records, origin: origin).applied(to: records)
    }

    private func told(_ records: [ResourceRecord]) -> [String] {
        MasterFile.canonicalOrder(of: records).map {
            "\($0.owner) \($0.type) \($0.data.text(as: $0.type))"
        }
    }

    private func told(_ plan: TemplatePlan) -> [String] {
        plan.notes.filter { $0.reason != .absent }.map {
            "\($0.reason.rawValue) \($0.purpose.rawValue) \($0.owner)"
        }
    }

    @Test("A bare zone gets every record that something answers for, and it is in order")
    func bare() async throws {
        let plan = try plan([facts()], records())
        let after = try after(plan, records())
        #expect(
            told(after.filter { !records().contains($0) }) == [
                "example.org MX 10 mx1.example.org.", #"example.org TXT "v=spf1 mx -all""#,
                #"_dmarc.example.org TXT "v=DMARC1; p=none; rua=mailto:postmaster@example.org""#,
                "_imap._tcp.example.org SRV 0 0 0 .", "_imaps._tcp.example.org SRV 0 0 0 .",
                "_pop3._tcp.example.org SRV 0 0 0 .",
                "_pop3s._tcp.example.org SRV 10 1 995 mx1.example.org.",
                "_sieve._tcp.example.org SRV 0 0 0 .", "_submission._tcp.example.org SRV 0 0 0 .",
                "_submissions._tcp.example.org SRV 0 1 465 mx1.example.org.",
                #"_smtp._tls.example.org TXT "v=TLSRPTv1; rua=mailto:postmaster@example.org""#,
                "mx1.example.org A 192.0.2.3", "mx1.example.org AAAA 2001:db8::3",
            ])
        #expect(plan.marks.count == 13)
        #expect(plan.notes.map(\.purpose) == [.signingKey, .transportPolicy, .autoconfiguration])
        let report = await ZoneExaminer().report(on: after, origin: origin)
        #expect(report.findings.filter { $0.severity != .notice }.isEmpty)
    }

    @Test("Keys, a policy and a web server each bring their records; without them they go again")
    func everything() async throws {
        var full = try facts()
        full.signingKeys = [
            .init(
                selector: "s1.mail",
                text: "v=DKIM1; k=rsa; p=" + String(repeating: "QUJD", count: 90))
        ]
        let host = try Name("web.example.net")
        full.transportPolicy = .init(identifier: "20261121", host: host)
        full.autoconfigurationHost = host
        full.disposition = .quarantine
        let first = try plan([full], records())
        let published = try after(first, records())
        let lines = told(published)
        #expect(lines.contains(#"_mta-sts.example.org TXT "v=STSv1; id=20261121;""#))
        #expect(lines.contains("mta-sts.example.org CNAME web.example.net."))
        for label in ["autoconfig", "autodiscover", "ua-auto-config"] {
            #expect(lines.contains("\(label).example.org CNAME web.example.net."))
        }
        #expect(lines.contains("_autodiscover._tcp.example.org SRV 0 1 443 web.example.net."))
        #expect(lines.contains { $0.contains("v=DMARC1; p=quarantine;") })
        let key = published.first { "\($0.owner)" == "s1.mail._domainkey.example.org" }
        #expect(key?.data.text?.count == 378)
        #expect(first.notes.isEmpty)
        let second = try plan([facts()], published, first.marks)
        #expect(
            told(try after(second, published))
                == told(try after(try plan([facts()], records()), records())))
        // The domain is not hosted any more: everything goes that came.
        let third = TemplatePlan(
            for: [], hosts: [], records: published, origin: origin, marks: first.marks)
        #expect(told(try after(third, published)) == told(records()))
        #expect(third.marks.isEmpty)
    }

    @Test(
        "What a person has written stays, and is told if the template wants something else",
        arguments: [
            ("@ MX 5 mail.example.net.", ["kept mx example.org"]),
            ("@ MX 5 mx1\n@ MX 50 mail.example.net.", []),
            ("@ MX 0 .", ["kept mx example.org"]),
            ("@ TXT \"v=spf1 include:_spf.example.net -all\"", ["kept spf example.org"]),
            ("@ TXT \"v=spf1 ip4:192.0.2.0/24 mx ~all\"", []),
            ("@ TXT \"site-verification=1\"", []),
            ("_dmarc TXT \"v=DMARC1; p=reject\"", []),
            ("_dmarc CNAME _dmarc.example.net.", ["blocked dmarc _dmarc.example.org"]),
            ("_tcp NS ns1", services.map { "blocked srv _\($0)._tcp.example.org" }),
            ("_pop3s._tcp SRV 0 0 0 .", ["kept srv _pop3s._tcp.example.org"]),
            ("mx1 A 192.0.2.99", ["kept address mx1.example.org"]),
            ("mx1 A 192.0.2.99\nmx1 A 192.0.2.3", []),
        ])
    func own(line: String, notes: [String]) throws {
        let before = records(line + "\n")
        let plan = try plan([facts()], before)
        let after = try after(plan, before)
        #expect(told(plan) == notes)
        for record in before { #expect(after.contains(record), "\(record.text)") }
        #expect(try self.plan([facts()], after, plan.marks).edits.isEmpty)
    }

    @Test("A record that a person edits is theirs from then on, its neighbours too")
    func edited() throws {
        var two = try facts()
        two.exchangers.append(.init(host: try Name("mx2.example.net"), preference: 20))
        let first = try plan([two], records())
        let published = try after(first, records())
        let edited = try ZoneChange(
            [
                .setExchange(
                    of: origin, host: try Name("mx2.example.net"), preference: 5, ttl: nil)
            ], in: published, origin: origin
        ).applied(to: published)
        let second = try plan([facts()], edited, first.marks)
        #expect(second.edits.isEmpty)
        #expect(!second.marks.contains { $0.type == .mx })
        #expect(told(second).isEmpty)
        // A TTL alone makes nobody an author.
        let slower = published.map { record in
            var record = record
            record.ttl = 60
            return record
        }
        #expect(
            told(
                try after(try plan([facts()], slower, first.marks), slower).filter {
                    $0.type == .mx
                })
                == ["example.org MX 10 mx1.example.org."])
    }

    @Test("What a person removes stays away until it is asked back")
    func removed() throws {
        let first = try plan([facts()], records())
        let published = try after(first, records())
        let without = published.filter { $0.type != .srv }
        let second = try plan([facts()], without, first.marks)
        #expect(second.edits.isEmpty)
        #expect(
            told(second) == Self.services.map { "declined srv _\($0)._tcp.example.org" })
        let third = try plan([facts()], without, second.marks, restoring: true)
        #expect(told(try after(third, without)) == told(published))
    }

    @Test("Two domains in one zone share the host and not the rest")
    func shared() throws {
        let both = [try facts(), try facts("sub.example.org")]
        let first = try plan(both, records())
        let published = try after(first, records())
        #expect(told(published).filter { $0.hasPrefix("mx1.") }.count == 2)
        let second = try plan([facts()], published, first.marks)
        #expect(
            told(try after(second, published))
                == told(try after(try plan([facts()], records()), records())))
    }

    @Test("Marks are kept as text, and anything else is no mark")
    func marks() throws {
        var full = try facts()
        full.signingKeys = [.init(selector: "s", text: String(repeating: "a\"\\;", count: 200))]
        let plan = try plan([full], records())
        for mark in plan.marks { #expect(ManagedRecord(mark.text) == mark) }
        for text in ["", "a", "example.org.\tMX", "example.org.\tMX\t10", "a..b.\tA\t192.0.2.1"] {
            #expect(ManagedRecord(text) == nil)
        }
    }

    @Test("Sentences name what stays and what to do, in both languages")
    func sentences() throws {
        let plan = try plan([facts()], records("@ MX 5 mail.example.net.\n"))
        let note = try #require(plan.notes.first { $0.reason == .kept })
        #expect(
            note.line(.english) == """
                mx: example.org has MX records of its own, which stay: `5 mail.example.net.`. Mail \
                comes here only with `10 mx1.example.org.`: see `postreiter zone mx`.
                """)
        #expect(
            note.line(.german).hasPrefix(
                "mx: example.org hat eigene MX-Einträge, die bleiben: `5 mail.example.net.`."))
    }

    @Test(
        "Whatever people and templates do in turn: no record of a person is touched",
        arguments: 0..<200)
    func mixed(seed: UInt64) throws {
        var random = Seeded(state: seed)
        var records = records()
        var marks: [ManagedRecord] = []
        var written = Set(records.map { ManagedRecord($0) })
        for _ in 0..<12 {
            if random.next(2) == 0 {
                let (before, marked) = (records, marks)
                let plan = try plan(
                    try someFacts(&random), records, marks, restoring: random.next(8) == 0)
                records = try after(plan, records)
                marks = plan.marks
                // Who puts back by hand what the template had there has undone the removal.
                let places = Dictionary(grouping: before) { TemplatePlace(ManagedRecord($0)) }
                for (place, own) in places
                where Set(own.map { ManagedRecord($0) })
                    == Set(marked.filter { TemplatePlace($0) == place })
                {
                    for record in own { written.remove(ManagedRecord(record)) }
                }
                for record in before where written.contains(ManagedRecord(record)) {
                    #expect(records.contains(record), "seed \(seed): \(record.text)")
                }
                let there = Set(records.map { ManagedRecord($0) })
                written = there.intersection(written)
                // Every record is somebody's.
                for record in there where !written.contains(record) {
                    #expect(marks.contains(record), "seed \(seed): \(record.text)")
                }
            } else {
                try edit(&records, &written, &random)
            }
        }
        // Planned twice, done once.
        let last = try someFacts(&random)
        let plan = try plan(last, records, marks)
        let done = try after(plan, records)
        let again = try self.plan(last, done, plan.marks)
        #expect(again.edits.isEmpty && Set(again.marks) == Set(plan.marks), "seed \(seed)")
    }

    private func someFacts(_ random: inout Seeded) throws -> [MailFacts] {
        try ["example.org", "sub.example.org"].filter { _ in random.next(3) > 0 }.map { domain in
            var facts = try facts(domain)
            if random.next(2) == 0 {
                facts.exchangers.append(.init(host: try Name("mx2.example.net"), preference: 20))
            }
            if random.next(2) == 0 { facts.offers.removeLast(2) }
            if random.next(2) == 0 { facts.reportsTo = nil }
            if random.next(2) == 0 {
                facts.transportPolicy = .init(
                    identifier: "\(random.next(3))", host: try Name("web.example.net"))
            }
            return facts
        }
    }

    /// A person's edit of something that the template cares for.
    private func edit(
        _ records: inout [ResourceRecord], _ written: inout Set<ManagedRecord>,
        _ random: inout Seeded
    ) throws {
        if random.next(2) == 0, records.count > 4 {
            let gone = records.remove(at: 4 + Int(random.next(UInt64(records.count - 4))))
            written.remove(ManagedRecord(gone))
            // What stands beside it has lost its author too.
            for record in records
            where TemplatePlace(ManagedRecord(record)) == TemplatePlace(ManagedRecord(gone)) {
                written.insert(ManagedRecord(record))
            }
            return
        }
        let choices = [
            "@ MX 30 mx\(random.next(3)).example.net.", "@ TXT \"v=spf1 -all\"", "@ TXT \"x\"",
            "_dmarc TXT \"v=DMARC1; p=reject\"", "mx1 A 192.0.2.\(random.next(9))",
            "_pop3s._tcp SRV 0 0 0 .", "sub MX 10 mx1", "_mta-sts TXT \"v=STSv1; id=1;\"",
        ]
        let line = choices[Int(random.next(UInt64(choices.count)))]
        let text = Self.bare + line + "\n"
        guard let record = MasterFile.parse(Array(text.utf8), origin: origin).records.last,
            !records.contains(where: { ManagedRecord($0) == ManagedRecord(record) })
        else { return }
        records.append(record)
        for record in records
        where TemplatePlace(ManagedRecord(record))
            == TemplatePlace(ManagedRecord(records[records.count - 1]))
        {
            written.insert(ManagedRecord(record))
        }
    }

    private struct Seeded {
        var state: UInt64

        mutating func next(_ bound: UInt64) -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (state >> 33) % bound
        }
    }
}
