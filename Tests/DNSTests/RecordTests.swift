// SPDX-License-Identifier: Apache-2.0

import Bytes
import Testing

@testable import DNS

@Suite("Record types: text and wire form, both ways")
struct RecordTests {
    private func origin() throws -> Name { try Name("example.org") }

    private func type(_ mnemonic: String) throws -> RecordType {
        try #require(RecordType(mnemonic: Array(mnemonic.utf8)))
    }

    @Test("Text is read to the wire form that others write")
    func textToWire() throws {
        for row in RecordVectors.rows {
            let data = try RecordData(type(row.type), text: row.text, origin: origin())
            #expect(Hexadecimal.encode(data.wire) == row.wire, "\(row.type) \(row.text)")
        }
    }

    @Test("Wire form is read, written as text, and read again to the same")
    func wireToText() throws {
        for row in RecordVectors.rows {
            let type = try type(row.type)
            let wire = try #require(Hexadecimal.decode(row.wire.utf8))
            var reader = WireReader(wire)
            let data = try RecordData(type, &reader)
            #expect(data.wire == wire)
            let text = data.text(as: type)
            #expect(!text.hasPrefix("\\#") || type.rawValue == 65534, "\(row.type) \(text)")
            #expect(try RecordData(type, text: text) == data, "\(row.type) \(text)")
        }
    }

    @Test("Any type may be written as \\# with its octets (RFC 3597 §5), if they are valid")
    func generic() throws {
        for row in RecordVectors.rows where !row.wire.isEmpty {
            let type = try type(row.type)
            let text = "\\# \(row.wire.utf8.count / 2) \(row.wire)"
            #expect(Hexadecimal.encode(try RecordData(type, text: text).wire) == row.wire)
            #expect(throws: MasterFile.Fault.self) {
                try RecordData(type, text: "\\# \(row.wire.utf8.count / 2 + 1) \(row.wire)")
            }
        }
        #expect(throws: MasterFile.Fault.self) { try RecordData(.a, text: "\\# 5 0102030405") }
        #expect(throws: MasterFile.Fault.self) { try RecordData(.mx, text: "\\# 3 0001ff") }
        #expect(try RecordData(RecordType(rawValue: 731), text: "\\# 0") == .unknown([]))
    }

    @Test("Octets that are cut short or changed never bring a reader down")
    func hostile() throws {
        for row in RecordVectors.rows {
            let type = try type(row.type)
            let wire = try #require(Hexadecimal.decode(row.wire.utf8))
            for index in wire.indices {
                var changed = wire
                changed[index] ^= 0xFF
                for octets in [Array(wire[..<index]), changed, wire + [0xC0]] {
                    var reader = WireReader(octets)
                    guard let data = try? RecordData(type, &reader) else { continue }
                    #expect(!data.text(as: type).isEmpty || octets.isEmpty)
                }
            }
        }
    }

    @Test("Every type has a row, and each mnemonic is read back")
    func complete() throws {
        let rows = Set(RecordVectors.rows.map(\.type))
        let missing = RecordFormat.all.map(\.mnemonic).filter { !rows.contains($0) }
        // Their forms are those of other types: NS, DNSKEY, DS, RRSIG; the rest is tested below.
        #expect(
            missing == [
                "MD", "MF", "MB", "MG", "MR", "WKS", "MINFO", "NSAP-PTR", "SIG", "KEY", "NXT",
                "EID", "NIMLOC",
                "RKEY", "TALINK", "DOA", "TA",
            ])
        for format in RecordFormat.all {
            #expect(RecordType(mnemonic: Array(format.mnemonic.lowercased().utf8)) == format.type)
            #expect(format.type.description == format.mnemonic)
        }
        #expect(RecordType(mnemonic: Array("type65280".utf8))?.description == "TYPE65280")
        #expect(RecordType(mnemonic: Array("TYPE1".utf8)) == .a)
        for wrong in ["TYPE65536", "TYPE", "TYPE-1", "TYPE1x", "MXX", ""] {
            #expect(RecordType(mnemonic: Array(wrong.utf8)) == nil)
        }
        #expect(RecordClass(mnemonic: Array("class32".utf8))?.description == "CLASS32")
        #expect(RecordClass(mnemonic: Array("CLASS1".utf8)) == .internet)
    }

    @Test(
        "Types of older times",
        arguments: [
            ("WKS", "10.0.0.1 tcp smtp 23", "0a000001060000" + "0140", "10.0.0.1 6 23 25"),
            ("MINFO", "a. b.", "016100016200", "a. b."),
            ("NXT", "b. A MX", "0162004001", "b. A MX"),
            ("KEY", "49152 3 5", "c0000305", "49152 3 5"),
            ("DOA", "1 2 3 \"text/plain\" -", "0000000100000002030a746578742f706c61696e", nil),
            ("ISDN", "\"1\"", "0131", "\"1\""),
        ] as [(String, String, String, String?)])
    func old(mnemonic: String, text: String, wire: String, written: String?) throws {
        let type = try type(mnemonic)
        let data = try RecordData(type, text: text)
        #expect(Hexadecimal.encode(data.wire) == wire)
        if let written { #expect(data.text(as: type) == written) }
    }

    @Test(
        "Canonical text",
        arguments: [
            ("MX", "10 mx1", "10 mx1.example.org."),
            ("SOA", "a b 1 2h 3m 4w 5", "a.example.org. b.example.org. 1 7200 180 2419200 5"),
            ("TXT", "a \"b c\" \\255", "\"a\" \"b c\" \"\\255\""),
            (
                "NSEC3", "1 0 0 - 2T7B4G4VSA5SMI47K61MV5BV1A22BOJR A TYPE1234",
                "1 0 0 - 2t7b4g4vsa5smi47k61mv5bv1a22bojr A TYPE1234"
            ),
            (
                "RRSIG", "MX 13 2 3600 1700000000 20200101000000 1 example. AAAA",
                "MX 13 2 3600 20231114221320 20200101000000 1 example. AAAA"
            ),
            (
                "LOC", "42 21 54 N 71 06 18 W -24m 30m",
                "42 21 54.000 N 71 6 18.000 W -24.00m 30.00m 10000.00m 10.00m"
            ),
            ("SVCB", "1 . port=1 alpn=\"h\\\\,3\"", "1 . alpn=\"h\\\\,3\" port=1"),
            ("CERT", "1 2 RSASHA256 AAAA", "PKIX 2 8 AAAA"),
            ("APL", "!2:2001:db8::/32", "!2:2001:db8::/32"),
        ])
    func canonical(mnemonic: String, text: String, written: String) throws {
        let type = try type(mnemonic)
        #expect(try RecordData(type, text: text, origin: origin()).text(as: type) == written)
    }

    @Test(
        "What a type does not allow is a fault at its place",
        arguments: [
            ("A", "192.0.2.256", 1), ("A", "192.0.2", 1), ("A", "192.0.2.1 x", 11), ("A", "", 1),
            ("AAAA", "2001:db8:::1", 1), ("AAAA", "192.0.2.1", 1),
            ("MX", "mx1", 1), ("MX", "65536 a", 1), ("MX", "10", 3), ("MX", "10 a..b", 4),
            ("MX", "-1 a", 1), ("NS", "\"\"", 1),
            ("TXT", "\\256", 1), ("TXT", "\\25", 1), ("TXT", "", 1),
            ("SOA", "a b 1 2 3 4", 12), ("SOA", "a b 4294967296 2 3 4 5", 5),
            ("SRV", "0 0 587", 8),
            ("CAA", "0 is-sue x", 3), ("CAA", "256 issue x", 1),
            ("TLSA", "3 1 1 abc", 7), ("TLSA", "3 1 1", 6), ("TLSA", "3 1 1 xy", 7),
            ("DNSKEY", "257 3 13 AAA", 10), ("DNSKEY", "257 3 NOSUCH AAAA", 7),
            ("NSEC", "a. NOTYPE", 4), ("NSEC3", "1 0 0 abc 00 A", 7),
            ("RRSIG", "A 5 3 1 20201301000000 1 1 a. AAAA", 9),
            ("LOC", "91 N 0 E 0", 1), ("LOC", "1 60 N 0 E 0", 3),
            ("SVCB", "1 . alpn=h2 alpn=h3", 13), ("SVCB", "1 . no-default-alpn", 5),
            ("SVCB", "1 . alpn", 5), ("SVCB", "1 . mandatory=port", 5),
            ("SVCB", "1 . mandatory=mandatory", 5), ("SVCB", "1 . port", 5),
            ("SVCB", "1 . key65536=a", 5), ("SVCB", "1 . no-default-alpn=x alpn=h2", 5),
            ("SVCB", "1 . mandatory=alpn,alpn alpn=h2", 5), ("SVCB", "1 . ipv4hint=", 5),
            ("URI", "1 1 \"\"", 5), ("EUI48", "00-00-5e-00-53", 1),
            ("HINFO", "one", 4), ("IPSECKEY", "10 4 2 x AAAA", 6),
            ("TYPE999", "whatever", 1), ("TYPE999", "\\# 2 00", 6), ("TYPE999", "\\# x", 4),
        ])
    func faults(mnemonic: String, text: String, column: Int) throws {
        let type = try type(mnemonic)
        do {
            let data = try RecordData(type, text: text)
            Issue.record("\(mnemonic) \(text) was read as \(data)")
        } catch {
            #expect(error.column == column, "\(mnemonic) \(text): \(error)")
        }
    }
}
