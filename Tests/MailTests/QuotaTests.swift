// SPDX-License-Identifier: Apache-2.0

import Mail
import Testing

@Suite("Bounds as people write them")
struct QuotaTests {
    @Test(
        "A size is a number with a unit, powers of 1024, or none",
        arguments: [
            ("2G", 2 << 30), ("500M", 500 << 20), ("1.5 GiB", 3 << 29), ("1048576", 1 << 20),
            ("10 kb", 10 << 10), ("1T", 1 << 40), ("0", 0),
        ] as [(String, Int64)])
    func sizes(text: String, octets: Int64) {
        #expect(Bound(octets: text) == .at(octets))
    }

    @Test(
        "What is no size is none",
        arguments: ["", "G", "-1", "2X", "2GG", "1..5G", "many", "9999999999T", "2G!"])
    func wrongSizes(text: String) {
        #expect(Bound(octets: text) == nil)
    }

    @Test("No bound is said in a word")
    func noBound() {
        #expect(Bound(octets: "none") == Bound.none)
        #expect(Bound(count: "None") == Bound.none)
        #expect(Bound(count: "12") == .at(12))
        #expect(Bound(count: "-12") == nil)
        #expect(Bound(count: "12 M") == nil)
    }

    @Test("A retention rule is days and a name, blanks and all")
    func retention() {
        #expect(Retention("30 Trash")?.mailbox == "Trash")
        #expect(Retention("14 Old Mail/2020")?.mailbox == "Old Mail/2020")
        #expect(Retention("14 Old Mail/2020")?.text == "14 Old Mail/2020")
        for text in ["Trash", "30", "30 ", "-1 Trash", "99999 Trash", "1 a\u{1F}b"] {
            #expect(Retention(text) == nil, "\(text)")
        }
    }
}

@Suite("Domains that share mailboxes with each other")
struct SharingDomainsTests {
    @Test(
        "A setting is read whole or not at all",
        arguments: [
            ([], true), (["*"], true), (["a.example b.example"], true),
            (["a.example  b.example", "*"], true), (["a.example"], false), ([""], false),
            (["* a.example"], false), (["a.example b..example"], false), (["**"], false),
        ])
    func reading(items: [String], isRight: Bool) {
        #expect((SharingDomains(items) != nil) == isRight)
    }

    @Test("Each domain shares with itself, those in one group with each other, no further")
    func groups() throws {
        let (a, b, c) = (
            try Domain("a.example"), try Domain("b.example"), try Domain("c.example")
        )
        let domains = try #require(SharingDomains(["a.example b.example", "b.example c.example"]))
        #expect(domains.mayShare(a, with: a) && domains.mayShare(a, with: b))
        #expect(domains.mayShare(c, with: b) && !domains.mayShare(a, with: c))
        #expect(!SharingDomains().mayShare(a, with: b) && SharingDomains().mayShare(b, with: b))
        #expect(SharingDomains(["*"])?.mayShare(a, with: c) == true)
    }
}
