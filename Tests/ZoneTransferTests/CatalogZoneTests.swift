// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Testing
import ZoneTransfer

@Suite("RFC 9432 catalog zones")
struct CatalogZoneTests {
    private func catalog(_ members: [CatalogZone.Member]) throws -> [ResourceRecord] {
        let catalog = CatalogZone(origin: try Name("catalog.example"), members: members)
        let records = try #require(catalog.records(serial: 5))
        // It is a zone like others.
        _ = try Zone(origin: catalog.origin, records: records)
        return records
    }

    @Test("Version, name server and members stand where the RFC has them")
    func contents() throws {
        let records = try catalog([
            .init(origin: try Name("b.example"), group: "signed"),
            .init(origin: try Name("A.example")),
            .init(origin: try Name("a.example")),
        ])
        #expect(records.first?.serial == 5)
        #expect(
            records.contains {
                $0.data == .txt([[0x32]]) && "\($0.owner)" == "version.catalog.example"
            })
        #expect(try records.contains { $0.data == .ns(try Name("invalid")) })
        let members = records.filter { $0.type == .ptr }
        #expect(try members.map(\.data) == [.ptr(Name("a.example")), .ptr(Name("b.example"))])
        #expect(Set(members.map(\.owner)).count == 2)
        let group = try #require(records.last)
        #expect(group.data == .txt([Array("signed".utf8)]))
        #expect(group.owner.parent == members[1].owner)
    }

    @Test("A member's label is its own for ever")
    func labels() throws {
        let first = CatalogZone.label(of: try Name("example.org"))
        #expect(first == CatalogZone.label(of: try Name("EXAMPLE.org")))
        #expect(first.count == 32)
        // Another one would make every consumer set the zone up anew.
        #expect(String(lossy: first) == "ba08e719c2a290c66ddbbeeefeea83ba")
        let all = Set(try (0..<10_000).map { CatalogZone.label(of: try Name("z\($0).example")) })
        #expect(all.count == 10_000)
    }
}
