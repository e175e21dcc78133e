// SPDX-License-Identifier: Apache-2.0

import Bytes
import Testing

@testable import DNS

@Suite("Zones as text: canonical, and as they were written")
struct ZoneDocumentTests {
    private func origin() throws -> Name { try Name("example.org") }

    private func record(_ line: String) throws -> ResourceRecord {
        let file = MasterFile.parse(Array(line.utf8), origin: try origin())
        #expect(file.faults == [])
        return try #require(file.records.first)
    }

    @Test("Canonical text: the SOA, then names and types in their order, whatever order they had")
    func canonical() throws {
        let text = """
            z 1 A 192.0.2.1
            @ 1 MX 20 b
            a.z 1 A 192.0.2.1
            @ 1 NS ns1
            @ 1 MX 10 a
            @ 1 A 192.0.2.1
            \\200.z 1 A 192.0.2.1
            Z.a 1 A 192.0.2.1
            @ 1 SOA a b 1 2 3 4 5
            *.z 1 A 192.0.2.1
            @ 1 MX 10 a
            """
        let lines = text.split(separator: "\n").map(String.init)
        let expected = """
            example.org.\t1\tIN\tSOA\ta.example.org. b.example.org. 1 2 3 4 5
            example.org.\t1\tIN\tNS\tns1.example.org.
            example.org.\t1\tIN\tA\t192.0.2.1
            example.org.\t1\tIN\tMX\t10 a.example.org.
            example.org.\t1\tIN\tMX\t20 b.example.org.
            Z.a.example.org.\t1\tIN\tA\t192.0.2.1
            z.example.org.\t1\tIN\tA\t192.0.2.1
            *.z.example.org.\t1\tIN\tA\t192.0.2.1
            a.z.example.org.\t1\tIN\tA\t192.0.2.1
            \\200.z.example.org.\t1\tIN\tA\t192.0.2.1

            """
        for order in [lines, lines.reversed(), lines.sorted()] {
            let records = try order.map(record)
            #expect(String(lossy: MasterFile.canonicalText(of: records)) == expected)
        }
    }

    @Test("What is exported is read back as it was, for every type of record")
    func roundTrip() throws {
        var records: [ResourceRecord] = []
        for row in RecordVectors.rows {
            let type = try #require(RecordType(mnemonic: Array(row.type.utf8)))
            let data = try RecordData(type, text: row.text, origin: origin())
            records.append(
                ResourceRecord(
                    owner: try Name("\\@x\\.\(records.count).example.org"), type: type, ttl: 7,
                    data: data))
        }
        let text = MasterFile.canonicalText(of: records)
        let again = MasterFile.parse(text, origin: .root)
        #expect(again.faults == [])
        #expect(again.records == MasterFile.canonicalOrder(of: records))
        #expect(MasterFile.canonicalText(of: again.records.reversed()) == text)
    }

    private static let written = """
        ; the zone of the example
        $TTL 1h
        @   IN SOA ns1 host (
                2026112101 ; serial: count it up
                2h 15m 2w 5m )
            NS ns1   ; here
            NS ns2

        ; mail
            MX 10 mx1 ; the main server
            MX 20 mx2
        mx1 A 192.0.2.1
            AAAA 2001:db8::1
        mx2 A 192.0.2.2 ; the backup
        $GENERATE 1-3 h$ A 192.0.2.$
            TXT "; no comment"
        """

    private struct Edit: Sendable, CustomTestStringConvertible {
        var removed: [String] = []
        var added: [String] = []
        /// Lines that go, with a `-`, and that come, with a `+`.
        var difference: [String]
        var testDescription: String { "\(removed) \(added)" }
    }

    @Test(
        "An edit changes only the lines of its records",
        arguments: [
            Edit(
                added: ["@ 3600 MX 30 mx3"],
                difference: ["+example.org.\t3600\tIN\tMX\t30 mx3.example.org."]),
            Edit(removed: ["@ 3600 MX 20 mx2"], difference: ["-    MX 20 mx2"]),
            Edit(
                removed: ["@ 3600 MX 10 mx1"], added: ["@ 60 MX 15 mx1"],
                difference: [
                    "-    MX 10 mx1 ; the main server",
                    "+example.org.\t60\tIN\tMX\t15 mx1.example.org. ; the main server",
                ]),
            // The owner moves to the line that left it unsaid.
            Edit(
                removed: ["mx1 3600 A 192.0.2.1"],
                difference: [
                    "-mx1 A 192.0.2.1", "-    AAAA 2001:db8::1", "+mx1    AAAA 2001:db8::1",
                ]),
            Edit(
                removed: ["@ 300 SOA ns1 host 2026112101 7200 900 1209600 300"],
                added: ["@ 300 SOA ns1 host 2026112102 7200 900 1209600 300"], difference: []),
            Edit(
                removed: ["@ 3600 SOA ns1 host 2026112101 7200 900 1209600 300"],
                added: ["@ 3600 SOA ns1 host 2026112102 7200 900 1209600 300"],
                difference: [
                    "-        2026112101 ; serial: count it up",
                    "+        2026112102 ; serial: count it up",
                ]),
            Edit(
                removed: ["h2 3600 A 192.0.2.2"],
                difference: [
                    "-$GENERATE 1-3 h$ A 192.0.2.$",
                    "+h1.example.org.\t3600\tIN\tA\t192.0.2.1",
                    "+h3.example.org.\t3600\tIN\tA\t192.0.2.3",
                ]),
            Edit(
                added: ["new 1 A 192.0.2.9", "mx2 1 HINFO a b"],
                difference: [
                    "+mx2.example.org.\t1\tIN\tHINFO\t\"a\" \"b\"",
                    "+new.example.org.\t1\tIN\tA\t192.0.2.9",
                ]),
            Edit(
                removed: ["h3 3600 TXT \"; no comment\""], added: ["h3 3600 TXT new"],
                difference: [
                    "-    TXT \"; no comment\"", "+h3.example.org.\t3600\tIN\tTXT\t\"new\"",
                ]),
        ])
    private func edit(_ edit: Edit) throws {
        var document = try ZoneDocument(
            parsing: Array(Self.written.utf8), origin: try origin())
        let isThere = try edit.removed.map(record).allSatisfy(document.records.contains)
        guard isThere else {
            // A record that is not there is passed over; then its successor is a second SOA.
            return #expect(edit.difference == [])
        }
        let count = document.records.count
        try document.apply(
            removing: try edit.removed.map(record), adding: try edit.added.map(record))
        #expect(document.records.count == count - edit.removed.count + edit.added.count)
        let before = Self.written.split(separator: "\n", omittingEmptySubsequences: false)
            .map(String.init)
        let after = String(lossy: document.text)
            .split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        let lines = after.last == "" ? after.dropLast() : after[...]
        #expect(
            before.filter { !lines.contains($0) }.map { "-\($0)" }
                + lines.filter { !before.contains($0) }.map { "+\($0)" } == edit.difference,
            "\(String(lossy: document.text))")
    }

    @Test("Any record may go, and any may come, and the others are what they were")
    func everyEdit() throws {
        let document = try ZoneDocument(
            parsing: Array(Self.written.utf8), origin: try origin())
        let new = try record("mx1 9 TXT new")
        for record in document.records {
            var changed = document
            do {
                try changed.apply(removing: [record], adding: [new])
                var expected = document.records.filter { $0 != record }
                expected.append(new)
                #expect(
                    MasterFile.canonicalOrder(of: changed.records)
                        == MasterFile.canonicalOrder(of: expected))
                try changed.apply(removing: [new], adding: [record])
                #expect(
                    MasterFile.canonicalOrder(of: changed.records)
                        == MasterFile.canonicalOrder(of: document.records))
            } catch {
                Issue.record("\(record.text): \(error)\n\(String(lossy: changed.text))")
            }
        }
    }

    @Test("A text with faults or included files is refused")
    func refused() throws {
        let origin = try origin()
        #expect(throws: ZoneDocument.Refusal.includes(line: 2)) {
            try ZoneDocument(parsing: Array("\n$include x".utf8), origin: origin)
        }
        do {
            _ = try ZoneDocument(parsing: Array("a A\nb A\n".utf8), origin: origin)
            Issue.record("a text with faults was taken")
        } catch {
            guard case .unreadable(let faults) = error else { throw error }
            #expect(faults.map(\.line) == [1, 2])
        }
    }
}
