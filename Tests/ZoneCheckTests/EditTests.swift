// SPDX-License-Identifier: Apache-2.0

import DNS
import Mail
import Testing

@testable import ZoneCheck

@Suite("Edits of a zone, told before they are made")
struct EditTests {
    private let origin: Name
    private let records: [ResourceRecord]

    init() throws {
        origin = try Name("example.org")
        records = MasterFile.parse(Array(Zones.sound.utf8), origin: origin).records
    }

    private func name(_ text: String) throws -> Name {
        text == "@" ? origin : try Name("\(text).example.org")
    }

    private func told(_ change: ZoneChange) -> [String] {
        (change.removed.map { "-\($0.text)" } + change.added.map { "+\($0.text)" })
            .map { $0.split(separator: "\t").joined(separator: " ") }
    }

    private func preview(_ edits: ZoneEdit...) async throws -> ZonePreview {
        let change = try ZoneChange(edits, in: records, origin: origin)
        return await ZonePreview.of(
            change, to: records, origin: origin, examiner: ZoneExaminer())
    }

    @Test("The preference is 10 for the first exchanger, then 20, then ten more than the last")
    func preferences() throws {
        let mx3 = try name("mx3")
        let domain = try name("new")
        var change = try ZoneChange(
            [
                .addExchange(of: domain, host: mx3, preference: nil, ttl: nil),
                .addExchange(of: domain, host: try name("mx1"), preference: nil, ttl: nil),
                .addExchange(of: origin, host: mx3, preference: nil, ttl: nil),
                .addExchange(of: origin, host: try name("mx4"), preference: 5, ttl: nil),
            ], in: records, origin: origin)
        #expect(
            told(change) == [
                "+new.example.org. 3600 IN MX 10 mx3.example.org.",
                "+new.example.org. 3600 IN MX 20 mx1.example.org.",
                "+example.org. 3600 IN MX 30 mx3.example.org.",
                "+example.org. 3600 IN MX 5 mx4.example.org.",
            ])
        change.bumpSerial(of: records, .counter)
        #expect(change.added.count == 5)
        #expect(change.applied(to: records).count == records.count + 4)
    }

    @Test("A Null MX takes the place of exchangers, and an exchanger that of a Null MX")
    func nullMX() async throws {
        let preview = try await preview(.nullMX(origin))
        #expect(
            told(preview.change) == [
                "-example.org. 3600 IN MX 10 mx1.example.org.",
                "-example.org. 3600 IN MX 20 mx2.example.org.", "+example.org. 3600 IN MX 0 .",
            ])
        #expect(preview.text(.english).contains("mail for example.org is refused (Null MX)"))
        // Whoever says so means it.
        #expect(!preview.losesMail)
        let without = preview.change.applied(to: records)
        let back = try ZoneChange(
            [.addExchange(of: origin, host: try name("mx1"), preference: nil, ttl: 60)],
            in: without, origin: origin)
        #expect(
            told(back) == [
                "-example.org. 3600 IN MX 0 .", "+example.org. 60 IN MX 10 mx1.example.org.",
            ])
    }

    @Test("An exchanger without an address is refused, in words")
    func lost() async throws {
        let preview = try await preview(
            .addExchange(of: origin, host: try name("mx3"), preference: nil, ttl: nil))
        #expect(preview.losesMail && !preview.isRefused)
        #expect(
            preview.text(.english) == """
                + example.org.\t3600\tIN\tMX\t30 mx3.example.org.
                after this, mail for example.org goes to mx1.example.org (10), mx2.example.org (20) \
                and mx3.example.org (30), which has no address
                error [exchange-without-address]: The exchanger mx3.example.org of example.org has \
                no address: mail to it would be lost. Add an A or AAAA record for mx3.example.org, \
                or remove it from the MX records.
                refused, because mail would be lost; --force does it all the same
                """)
        #expect(
            preview.text(.german).contains(
                "danach: Mail für example.org geht an mx1.example.org (10), mx2.example.org (20) "
                    + "und mx3.example.org (30), das keine Adresse hat"))
    }

    @Test("Only about names that somebody here knows is anybody asked")
    func neighbours() async throws {
        let known = try Name("known.example.net")
        var examiner = ZoneExaminer()
        examiner.resolver = ZoneResolver(records: [])
        examiner.askedNames = [known]
        for (host, loses) in [(known, true), (try Name("elsewhere.example.net"), false)] {
            let change = try ZoneChange(
                [.addExchange(of: origin, host: host, preference: nil, ttl: nil)], in: records,
                origin: origin)
            let preview = await ZonePreview.of(
                change, to: records, origin: origin, examiner: examiner)
            #expect(preview.losesMail == loses)
        }
    }

    @Test("With its address in the same change it is taken")
    func together() async throws {
        let mx3 = try name("mx3")
        let preview = try await preview(
            .addExchange(of: origin, host: mx3, preference: nil, ttl: nil),
            .setRecords(
                mx3, .a, [try RecordData(.a, text: "192.0.2.9")], ttl: nil),
            .setRecords(mx3, .aaaa, [try RecordData(.aaaa, text: "2001:db8::9")], ttl: nil))
        #expect(!preview.losesMail && preview.caused.isEmpty)
    }

    @Test(
        "Taking an exchanger's address away loses mail; the last exchanger too, if nothing is left")
    func removals() async throws {
        let address = try await preview(.removeRecords(try name("mx1"), .a, nil))
        #expect(address.caused.map(\.code) == [.onlyIPv6])
        let both = try await preview(
            .removeRecords(try name("mx1"), .a, nil), .removeRecords(try name("mx1"), .aaaa, nil))
        #expect(both.losesMail)
        let all = try await preview(.removeRecords(origin, .mx, nil))
        #expect(all.losesMail)
        #expect(all.text(.english).contains("is returned: there is no exchanger and no address"))
    }

    @Test("What no name server loads is refused for good")
    func refused() async throws {
        let preview = try await preview(
            .setRecords(origin, .cname, [.cname(try name("www"))], ttl: nil))
        #expect(preview.isRefused)
        #expect(preview.text(.german).contains("Kein Nameserver würde diese Zone laden"))
    }

    @Test("Edits that cannot be made say why")
    func impossible() throws {
        let (origin, records) = (origin, records)
        func refusal(_ edit: ZoneEdit) -> ZoneEditRefusal? {
            do {
                _ = try ZoneChange([edit], in: records, origin: origin)
                return nil
            } catch {
                return error
            }
        }
        let mx1 = try name("mx1")
        #expect(
            refusal(.addExchange(of: origin, host: mx1, preference: nil, ttl: nil))?
                .text(.english) == "example.org has this MX record already.")
        #expect(
            refusal(.removeExchange(of: origin, host: try name("mx9")))
                == .exchangeNotThere(try name("mx9"), of: origin))
        #expect(refusal(.removeRecords(mx1, .txt, nil)) == .notThere(mx1, .txt))
        #expect(refusal(.removeRecords(origin, .soa, nil)) == .startOfAuthority)
        #expect(refusal(.nullMX(try Name("example.com"))) == .outside(try Name("example.com")))
        #expect(
            refusal(.setExchange(of: origin, host: mx1, preference: 10, ttl: nil)) == .nothingToDo)
    }

    @Test("A set has one TTL: a new one is for all of it")
    func ttl() throws {
        let change = try ZoneChange(
            [.setExchange(of: origin, host: try name("mx2"), preference: nil, ttl: 60)],
            in: records, origin: origin)
        #expect(
            Set(change.applied(to: records).filter { $0.type == .mx }.map(\.ttl)) == [60])
    }

    @Test(
        "Serials only rise (RFC 1982)",
        arguments: [
            (1, SerialStyle.counter, 2), (UInt32.max, .counter, 1),
            (1, .date(year: 2026, month: 11, day: 21), 2_026_112_100),
            (2_026_112_100, .date(year: 2026, month: 11, day: 21), 2_026_112_101),
            (2_026_112_199, .date(year: 2026, month: 11, day: 21), 2_026_112_200),
            (2_026_112_205, .date(year: 2026, month: 11, day: 21), 2_026_112_206),
            // Below half of the circle further a date counts as older, beyond it as newer.
            (2_500_000_000, .date(year: 2026, month: 11, day: 21), 2_500_000_001),
            (4_200_000_000, .date(year: 2026, month: 11, day: 21), 2_026_112_100),
        ])
    func serials(old: UInt32, style: SerialStyle, new: UInt32) {
        #expect(style.serial(after: old) == new)
    }

    @Test("Differences are those of diff -u")
    func difference() {
        let before = (1...20).map(String.init)
        var after = before
        after[4] = "five"
        after.remove(at: 15)
        after.append("21")
        let text = UnifiedDifference.text(
            from: before, to: after, named: (before: "old", after: "new"))
        #expect(
            text == """
                --- old
                +++ new
                @@ -2,7 +2,7 @@
                 2
                 3
                 4
                -5
                +five
                 6
                 7
                 8
                @@ -13,8 +13,8 @@
                 13
                 14
                 15
                -16
                 17
                 18
                 19
                 20
                +21

                """)
        #expect(
            UnifiedDifference.text(from: before, to: before, named: (before: "", after: "")) == "")
    }
}
