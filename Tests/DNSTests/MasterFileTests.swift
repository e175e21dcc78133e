// SPDX-License-Identifier: Apache-2.0

import Bytes
import Testing

@testable import DNS

@Suite("RFC 1035 §5 master files")
struct MasterFileTests {
    private func parse(
        _ text: String, files: [String: String] = [:]
    ) throws -> MasterFile {
        MasterFile.parse(Array(text.utf8), origin: try Name("example.org")) {
            name throws(MasterFile.Unreadable) in
            guard let text = files[name] else {
                throw MasterFile.Unreadable(reason: "no such file")
            }
            return Array(text.utf8)
        }
    }

    /// Owner, TTL, class, type and data of each record.
    private func told(_ file: MasterFile) -> [String] {
        file.records.map { $0.text.split(separator: "\t").joined(separator: " ") }
    }

    @Test("The example of RFC 1035 §5.3, with its included mailboxes")
    func example() throws {
        let file = MasterFile.parse(
            Array(
                #"""
                @   IN  SOA     VENERA      Action\.domains (
                                                 20     ; SERIAL
                                                 7200   ; REFRESH
                                                 600    ; RETRY
                                                 3600000; EXPIRE
                                                 60)    ; MINIMUM

                        NS      A.ISI.EDU.
                        NS      VENERA
                        NS      VAXA
                        MX      10      VENERA
                        MX      20      VAXA

                A       A       26.3.0.103

                VENERA  A       10.1.0.52
                        A       128.9.0.32

                VAXA    A       10.2.0.27
                        A       128.9.0.33

                $INCLUDE <SUBSYS>ISI-MAILBOXES.TXT
                """#.utf8), origin: try Name("ISI.EDU")
        ) { name throws(MasterFile.Unreadable) in
            #expect(name == "<SUBSYS>ISI-MAILBOXES.TXT")
            return Array("MOE MB A.ISI.EDU.\nSTOOGES MG MOE".utf8)
        }
        #expect(file.faults == [])
        let lines = told(file)
        #expect(lines.count == 13)
        #expect(
            lines[0]
                == "ISI.EDU. 60 IN SOA VENERA.ISI.EDU. Action\\.domains.ISI.EDU. 20 7200 600 3600000 60"
        )
        #expect(lines[3] == "ISI.EDU. 60 IN NS VAXA.ISI.EDU.")
        #expect(lines[8] == "VENERA.ISI.EDU. 60 IN A 128.9.0.32")
        #expect(lines[11] == "MOE.ISI.EDU. 60 IN MB A.ISI.EDU.")
        #expect(file.entries[11].file == "<SUBSYS>ISI-MAILBOXES.TXT")
        #expect(file.entries[0].line == 1)
        #expect(file.entries[1].line == 8)
    }

    @Test(
        "What a line leaves unsaid is taken from where the RFCs say",
        arguments: [
            ("a 60 IN A 192.0.2.1", ["a.example.org. 60 IN A 192.0.2.1"]),
            ("a IN 60 A 192.0.2.1", ["a.example.org. 60 IN A 192.0.2.1"]),
            ("a 1h30m A 192.0.2.1", ["a.example.org. 5400 IN A 192.0.2.1"]),
            ("a 1W2D a 192.0.2.1", ["a.example.org. 777600 IN A 192.0.2.1"]),
            ("a 0 A 192.0.2.1", ["a.example.org. 0 IN A 192.0.2.1"]),
            ("@ 1 A 192.0.2.1", ["example.org. 1 IN A 192.0.2.1"]),
            ("\\@ 1 A 192.0.2.1", ["\\@.example.org. 1 IN A 192.0.2.1"]),
            (". 1 A 192.0.2.1", [". 1 IN A 192.0.2.1"]),
            ("a\\.b.c 1 A 192.0.2.1", ["a\\.b.c.example.org. 1 IN A 192.0.2.1"]),
            ("a\\046b 1 A 192.0.2.1", ["a\\.b.example.org. 1 IN A 192.0.2.1"]),
            ("\\000\\255 1 A 192.0.2.1", ["\\000\\255.example.org. 1 IN A 192.0.2.1"]),
            // An owner may be called as a type, a class or a TTL.
            ("A 1 A 192.0.2.1", ["A.example.org. 1 IN A 192.0.2.1"]),
            ("IN 1 IN A 192.0.2.1", ["IN.example.org. 1 IN A 192.0.2.1"]),
            ("300 1 A 192.0.2.1", ["300.example.org. 1 IN A 192.0.2.1"]),
            // The TTL stated last, while there is nothing better.
            (
                "a 7 A 192.0.2.1\nb A 192.0.2.2",
                ["a.example.org. 7 IN A 192.0.2.1", "b.example.org. 7 IN A 192.0.2.2"]
            ),
            // $TTL stands before it, and holds only for what follows.
            (
                "a 7 A 192.0.2.1\n$TTL 1d\nb A 192.0.2.2\n$TTL 5\nc A 192.0.2.3",
                [
                    "a.example.org. 7 IN A 192.0.2.1", "b.example.org. 86400 IN A 192.0.2.2",
                    "c.example.org. 5 IN A 192.0.2.3",
                ]
            ),
            // Without it the minimum of the SOA counts, for the SOA itself too.
            (
                "@ SOA a b 1 2 3 4 99\n A 192.0.2.1",
                [
                    "example.org. 99 IN SOA a.example.org. b.example.org. 1 2 3 4 99",
                    "example.org. 99 IN A 192.0.2.1",
                ]
            ),
            (
                "@ 5 SOA a b 1 2 3 4 99\n A 192.0.2.1",
                [
                    "example.org. 5 IN SOA a.example.org. b.example.org. 1 2 3 4 99",
                    "example.org. 99 IN A 192.0.2.1",
                ]
            ),
            // The class stated last.
            (
                "a 1 CH A \\# 4 01020304\nb 1 TXT x",
                ["a.example.org. 1 CH A 1.2.3.4", "b.example.org. 1 CH TXT \"x\""]
            ),
            (
                "a 1 CLASS32 TYPE731 \\# 6 abcd ( ef 01 23 45 )",
                ["a.example.org. 1 CLASS32 TYPE731 \\# 6 abcdef012345"]
            ),
            // Origins, relative ones too.
            (
                "$ORIGIN sub\na 1 A 192.0.2.1\n$ORIGIN deep\nb 1 NS c\n$ORIGIN .\nd 1 NS e",
                [
                    "a.sub.example.org. 1 IN A 192.0.2.1",
                    "b.deep.sub.example.org. 1 IN NS c.deep.sub.example.org.", "d. 1 IN NS e.",
                ]
            ),
            // An owner stays what it was when the origin changes.
            (
                "a 1 A 192.0.2.1\n$ORIGIN sub\n 1 A 192.0.2.2",
                ["a.example.org. 1 IN A 192.0.2.1", "a.example.org. 1 IN A 192.0.2.2"]
            ),
            // Case is kept.
            ("WwW 1 CNAME Host.Example.COM.", ["WwW.example.org. 1 IN CNAME Host.Example.COM."]),
        ])
    func inheritance(text: String, expected: [String]) throws {
        let file = try parse(text)
        #expect(file.faults == [])
        #expect(told(file) == expected)
    }

    @Test(
        "Parentheses, comments, quotes and line ends, wherever they stand",
        arguments: [
            ("a 1 MX ( 10\n ; half way ( \" \n host ) ; end", "MX 10 host.example.org."),
            ("a 1 MX (10 host)", "MX 10 host.example.org."),
            ("a ( 1\nMX\n10\nhost\n)", "MX 10 host.example.org."),
            ("(a 1 MX 10 host)", "MX 10 host.example.org."),
            ("a 1 ((MX) (10\n(host)))", "MX 10 host.example.org."),
            ("a\t1\tMX\t10\thost\t\r", "MX 10 host.example.org."),
            ("\r\n; only a comment\r\n   \r\n\t;\r\na 1 MX 10 host\r\n", "MX 10 host.example.org."),
            (
                "a 1 TXT \"semi;colon\" \"par(en\" a\\;b \"\" \"q\\\"q\"",
                #"TXT "semi;colon" "par(en" "a;b" "" "q\"q""#
            ),
            ("a 1 TXT \"line\nend\"", #"TXT "line\010end""#),
            ("a 1 TXT \\065\\\\\\010", #"TXT "A\\\010""#),
            ("a 1 TXT \"a\"\"b\"", #"TXT "a" "b""#),
            ("a 1 TXT b;c", #"TXT "b""#),
            // A quote begins a new string, also behind an equals sign.
            ("a 1 TXT key=\"a b\"", #"TXT "key=" "a b""#),
            ("a 1 TXT key=\"a b\"c", #"TXT "key=" "a b" "c""#),
            ("a 1 HTTPS 1 . key667=\"a b\" port=\"53\"", #"HTTPS 1 . port=53 key667="a b""#),
            // RFC 9460 §2.1: a numbered key's value is its wire form.
            ("a 1 HTTPS 1 . key3=\\000\\053", "HTTPS 1 . port=53"),
            ("a 1 HTTPS 1 . key1=\\002h2", #"HTTPS 1 . alpn="h2""#),
            ("a 1 HTTPS 1 . docpath", "HTTPS 1 . docpath"),
            ("a 1 SVCB 1 . docpath=a,b", #"SVCB 1 . docpath="a,b""#),
            ("a 1 GPOS -22.6882 +116.8652 250", #"GPOS "-22.6882" "+116.8652" "250""#),
            ("a 1 GPOS -.5 5. 0", #"GPOS "-.5" "5." "0""#),
            (
                "a 1 ZONEMD 1 1 240 000102030405060708090a0b",
                "ZONEMD 1 1 240 000102030405060708090a0b"
            ),
            ("a 1 IPSECKEY 10 0 0 .", "IPSECKEY 10 0 0 ."),
            ("a 1 LOC 1 N 2 E .5", "LOC 1 0 0.000 N 2 0 0.000 E 0.50m 1.00m 10000.00m 10.00m"),
            ("a 1 TXT ( \"a\" ; x\n \"b\" )", #"TXT "a" "b""#),
            ("a 1 TXT @ \\# $x", ##"TXT "@" "#" "$x""##),
        ])
    func torture(text: String, expected: String) throws {
        let file = try parse(text)
        #expect(file.faults == [])
        #expect(told(file).map { $0.replacing("a.example.org. 1 IN ", with: "") } == [expected])
    }

    @Test(
        "A fault names its line, its column and the word that stands there",
        arguments: [
            ("a 1 A 192.0.2.300", 1, 7, "192.0.2.300"),
            ("\n\na 1 MX ten host", 3, 8, "ten"),
            ("a 1 MX 10", 1, 10, ""),
            ("a 1 MX ( 10\n  h..x )", 2, 3, "h..x"),
            ("a 1 A 192.0.2.1 )", 1, 17, ")"),
            ("a 1 A ( 192.0.2.1\nb 1 A 192.0.2.2\n", 1, 7, "("),
            ("a 1 TXT \"open", 1, 9, "\""),
            ("a 1 NOSUCH x", 1, 5, "NOSUCH"),
            ("a 1 1 A 192.0.2.1", 1, 5, "1"),
            ("a A 192.0.2.1", 1, 1, "a"),
            (" 1 A 192.0.2.1", 1, 2, "1"),
            ("a", 1, 2, ""),
            ("a 2147483648 A 192.0.2.1", 1, 3, "2147483648"),
            ("a 1x A 192.0.2.1", 1, 3, "1x"),
            ("$NOSUCH x", 1, 1, "$NOSUCH"),
            ("$TTL", 1, 5, ""),
            ("$TTL 1 2", 1, 8, "2"),
            ("$ORIGIN a..b", 1, 9, "a..b"),
            ("$INCLUDE nowhere", 1, 10, "nowhere"),
            ("a 1 ANY x", 1, 5, "ANY"),
            ("a\\", 1, 3, ""),
            ("a 1 TXT a\\\nb 1 TXT \"", 1, 11, ""),
            ("a 1 TXT a\\\r\n", 1, 11, ""),
            ("a 1 HTTPS 1 . \"key667=x\"", 1, 15, "key667=x"),
            ("a 1 HTTPS 1 . key667= \"x\"", 1, 15, "key667="),
            ("a 1 HTTPS 1 . key3=443", 1, 15, "key3=443"),
            ("a 1 HTTPS 1 . key1=h2", 1, 15, "key1=h2"),
            ("a 1 HTTPS 1 . key0=x", 1, 15, "key0=x"),
            ("a 1 HTTPS 1 . key0=\\000\\000", 1, 15, "key0=\\000\\000"),
            ("a 1 HTTPS 1 . key24= key48", 1, 15, "key24="),
            ("a 1 HTTPS 1 . port=\\053", 1, 15, "port=\\053"),
            ("a 1 HTTPS 1 . ipv4hint=192.0.2\\.1", 1, 15, "ipv4hint=192.0.2\\.1"),
            ("a 1 MX \\# 4 000aC000", 1, 8, "\\#"),
            ("a 1 GPOS 90.1 0 0", 1, 10, "90.1"),
            ("a 1 GPOS 0 180.1 0", 1, 10, "0"),
            ("a 1 GPOS . 0 0", 1, 10, "."),
            ("a 1 GPOS 0 0 a", 1, 10, "0"),
            ("a 1 ZONEMD 1 1 240 e2", 1, 12, "1"),
            ("a 1 ZONEMD 1 1 1 000102030405060708090a0b", 1, 12, "1"),
            ("a 1 ZONEMD 1 0 240 000102030405060708090a0b", 1, 12, "1"),
            // mandatory unsorted, mandatory that is missing, no-default-alpn alone.
            ("a 1 HTTPS \\# 24 0001000000000400030001000100030268320003000201bb", 1, 11, "\\#"),
            ("a 1 HTTPS \\# 11 0001000000000200010000", 1, 11, "\\#"),
            ("a 1 HTTPS \\# 7 00010000020000", 1, 11, "\\#"),
            ("a 1 IPSECKEY 10 0 2 .", 1, 22, ""),
            ("a\\25 1 A 192.0.2.1", 1, 1, "a\\25"),
            ("a 1 A 192.0.2.1 extra", 1, 17, "extra"),
            ("a 1 IN IN A 192.0.2.1", 1, 8, "IN"),
            (
                "\(String(repeating: "x", count: 64)) 1 A 192.0.2.1", 1, 1,
                String(repeating: "x", count: 60) + "…"
            ),
        ])
    func faults(text: String, line: Int, column: Int, token: String) throws {
        let file = try parse(text)
        #expect(file.entries == [])
        let fault = try #require(file.faults.first)
        #expect([fault.line, fault.column] == [line, column], "\(fault)")
        #expect(fault.token == token, "\(fault)")
    }

    @Test("Every fault of a file is told, and the good lines are read")
    func all() throws {
        let file = try parse(
            "$TTL 1\na A x\nb A 192.0.2.1\nc MX\n A 192.0.2.2\nd TXT \"a\" )\ne A 192.0.2.3")
        #expect(file.faults.map(\.line) == [2, 4, 6])
        #expect(
            told(file) == [
                "b.example.org. 1 IN A 192.0.2.1", "c.example.org. 1 IN A 192.0.2.2",
                "e.example.org. 1 IN A 192.0.2.3",
            ])
        #expect(file.faults[0].description == "2:5: expected an IPv4 address, found \"x\"")
        let many = try parse(String(repeating: "a A x\n", count: 1000))
        #expect(many.faults.count == MasterFile.maximumFaults)
    }

    @Test("A file is included relative to the folder of the file that includes it")
    func nestedFolders() throws {
        let file = try parse(
            "$INCLUDE in/a", files: ["in/a": "$INCLUDE b/c", "in/b/c": "x 1 NS y"])
        #expect(told(file) == ["x.example.org. 1 IN NS y.example.org."])
    }

    @Test("An included file has its own origin, and leaves owner, origin and TTL as they were")
    func include() throws {
        let file = try parse(
            "$TTL 9\na A 192.0.2.1\n$INCLUDE \"in ner\" sub ; why\n A 192.0.2.2\nb A 192.0.2.3",
            files: ["in ner": " A 192.0.2.7\n$ORIGIN deep\n$TTL 4\nx A 192.0.2.8\ny A bad"])
        #expect(
            told(file) == [
                "a.example.org. 9 IN A 192.0.2.1", "a.example.org. 9 IN A 192.0.2.7",
                "x.deep.sub.example.org. 4 IN A 192.0.2.8", "a.example.org. 9 IN A 192.0.2.2",
                "b.example.org. 9 IN A 192.0.2.3",
            ])
        #expect(
            file.faults.map(\.description) == [
                "in ner:5:5: expected an IPv4 address, found \"bad\""
            ])
    }

    @Test("Files that include each other in a circle are refused where the circle closes")
    func circles() throws {
        let circle = try parse("$INCLUDE a", files: ["a": "$INCLUDE b", "b": "\n $INCLUDE a"])
        #expect(
            circle.faults.map(\.description) == [
                "b:2:11: expected a file that does not include itself, found \"a\""
            ])
    }

    @Test("Files that include each other many times over end at a limit that is told")
    func multiplication() throws {
        var files: [String: String] = [:]
        for level in 0..<10 {
            files["f\(level)"] = String(repeating: "$INCLUDE f\(level + 1)\n", count: 9)
        }
        files["f10"] = "a 1 A 192.0.2.1\n"
        files["f9"] = files["f10"]
        let file = try parse("$INCLUDE f0", files: files)
        #expect(file.faults.count == 1)
        let told = file.faults[0].description
        #expect(told.contains("at most 10000 included files"), "\(told)")
    }

    @Test("Folders, deeper than anyone nests them, are refused")
    func depth() throws {
        var files: [String: String] = [:]
        for level in 0..<20 { files["f\(level)"] = "$INCLUDE f\(level + 1)\n" }
        let file = try parse("$INCLUDE f0", files: files)
        #expect(
            file.faults.map(\.description) == [
                "f9:1:10: expected at most 10 files within each other, found \"f10\""
            ])
    }

    @Test(
        "$GENERATE writes lines with a number",
        arguments: [
            (
                "1-3 $ 1 A 192.0.2.$",
                [
                    "1.example.org. 1 IN A 192.0.2.1", "2.example.org. 1 IN A 192.0.2.2",
                    "3.example.org. 1 IN A 192.0.2.3",
                ]
            ),
            (
                "0-4/2 h${10,4,x} 1 MX $ h\\$$",
                [
                    "h000a.example.org. 1 IN MX 0 h\\$0.example.org.",
                    "h000c.example.org. 1 IN MX 2 h\\$2.example.org.",
                    "h000e.example.org. 1 IN MX 4 h\\$4.example.org.",
                ]
            ),
            ("27-27 ${0,7,n} 1 PTR x", ["b.1.0.0.example.org. 1 IN PTR x.example.org."]),
            // An even width ends with a dot, as in BIND: the name is absolute.
            ("27-27 a 1 PTR x${0,4,N}", ["a.example.org. 1 IN PTR xB.1."]),
            ("27-27 ${0,1,n} 1 PTR x", ["b.1.example.org. 1 IN PTR x.example.org."]),
            ("1-1 a$$ 1 TXT $", [#"a\$.example.org. 1 IN TXT "1""#]),
            // Data with white space between quotes, as BIND has it.
            ("1-1 a$ 1 MX \"10 m$\"", ["a1.example.org. 1 IN MX 10 m1.example.org."]),
            ("1-1 a$ 1 TXT \"x y$\"", [#"a1.example.org. 1 IN TXT "x" "y1""#]),
        ])
    func generate(text: String, expected: [String]) throws {
        let file = try parse("$GENERATE " + text)
        #expect(file.faults == [])
        #expect(told(file) == expected)
    }

    @Test(
        "A $GENERATE that makes no sense is a fault",
        arguments: [
            "3-1 $ A 1", "1 $ 1 A 192.0.2.1", "1-999999 $ 1 A 192.0.2.1", "1-2 $ 1",
            "1-2/0 $ 1 A 192.0.2.1", "1-2 ${x} 1 A 192.0.2.1",
        ])
    func generateFaults(text: String) throws {
        #expect(try parse("$GENERATE " + text).faults.count >= 1)
    }

    @Test("No single changed or missing octet of a file brings the parser down")
    func mutations() throws {
        let text = Array(
            "$TTL 1h\n@ SOA a b ( 1 2 3 4 5 ) ; x\n\ta 1 TXT \"q\\\"\" \\065\n$ORIGIN b\n".utf8)
        for index in text.indices {
            _ = MasterFile.parse(Array(text[..<index]), origin: .root)
            for octet in Array("\"\\();\n\r \0$@.0".utf8) + [0xFF] {
                var changed = text
                changed[index] = octet
                _ = MasterFile.parse(changed, origin: .root)
            }
        }
    }

    @Test("What is written is read back the same")
    func roundTrip() throws {
        let file = try parse(
            "$TTL 7\n@ SOA a b 1 2 3 4 5\n\\@.x\\.y TXT \"\\000\\\"\" \\#\nz TYPE65280 \\# 2 0102")
        let again = MasterFile.parse(
            Array(MasterFile.text(of: file.records).utf8), origin: .root)
        #expect(again.faults == [])
        #expect(again.records == file.records)
    }

    @Test("zone parse prints a line for each record with its wire forms")
    func listing() throws {
        let file = try parse("WwW 1 MX 10 Mx")
        #expect(
            file.entries.map { $0.json.description } == [
                #"{"owner":"WwW.example.org.","owner_wire":"03577757076578616d706c65036f726700","#
                    + #""ttl":1,"class":"IN","type":"MX","#
                    + #""rdata_wire":"000a024d78076578616d706c65036f726700"}"#
            ])
    }

    @Test(
        "What people type outside of a file: a dot makes a name whole",
        arguments: [
            ("mx1", "10 mx1.example.org."), ("mail.example.org", "10 mail.example.org."),
            ("mail.example.org.", "10 mail.example.org."), ("@", "10 example.org."),
            (".", "10 ."), (#"a\.b"#, #"10 a\.b.example.org."#), ("mx1.", "10 mx1."),
        ])
    func typed(name: String, text: String) throws {
        let data = try RecordData(
            .mx, text: "10 \(name)", origin: try Name("example.org"), takesDottedNamesWhole: true)
        #expect(data.text(as: .mx) == text)
    }
}
