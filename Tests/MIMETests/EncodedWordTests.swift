// SPDX-License-Identifier: Apache-2.0

import Bytes
import MIME
import Testing

@Suite("RFC 2047 encoded words")
struct EncodedWordTests {
    private static func decode(_ octets: [UInt8]) -> (String, [Defect.Code]) {
        var defects = DefectList()
        let field = HeaderField(name: "Subject", value: octets[...])
        let text = field.decoded(defects: &defects)
        return (text, defects.defects.map(\.code))
    }

    private static let table: [(String, String, [Defect.Code])] = [
        // §8
        (
            "=?ISO-8859-1?B?SWYgeW91IGNhbiByZWFkIHRoaXMgeW8=?=\r\n "
                + "=?ISO-8859-2?B?dSB1bmRlcnN0YW5kIHRoZSBleGFtcGxlLg==?=",
            "If you can read this you understand the example.", []
        ),
        ("=?US-ASCII?Q?Keith_Moore?=", "Keith Moore", []),
        ("=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?=", "Keld Jørn Simonsen", []),
        ("=?ISO-8859-1?Q?Andr=E9?= Pirard", "André Pirard", []),
        ("=?iso-8859-8?b?7eXs+SDv4SDp7Oj08A==?=", "םולש ןב ילטפנ", []),
        ("(=?ISO-8859-1?Q?a?=)", "(a)", []),
        ("(=?ISO-8859-1?Q?a?= b)", "(a b)", []),
        ("(=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=)", "(ab)", []),
        ("(=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=)", "(ab)", []),
        ("(=?ISO-8859-1?Q?a?=\r\n    =?ISO-8859-1?Q?b?=)", "(ab)", []),
        ("(=?ISO-8859-1?Q?a_b?=)", "(a b)", []),
        ("(=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=)", "(a b)", []),
        // RFC 2231 §5: a language
        ("=?US-ASCII*EN?Q?Keith_Moore?=", "Keith Moore", []),
        // A character split between two words; letters of either case
        ("=?utf-8?b?w?= =?UTF-8?B?w7w=?=", "ü", [.encodedWordInvalid]),
        ("=?utf-8?q?J=C3?= =?UTF-8?Q?=B6rg?=", "Jörg", []),
        ("=?utf-8?Q?=c3=b6?=", "ö", []),
        // No encoded words, kept as they are
        ("=?utf-8?x?abc?=", "=?utf-8?x?abc?=", []),
        ("=?utf-8?q?abc", "=?utf-8?q?abc", []),
        ("=?utf-8?q?abc?", "=?utf-8?q?abc?", []),
        ("=?", "=?", []),
        ("=??q?a?=", "=??q?a?=", []),
        ("a = b ?= c", "a = b ?= c", []),
        // Empty text, and an underline in Base64's place
        ("=?utf-8?q??=", "", []),
        ("a =?utf-8?q??= b", "a  b", []),
        // What programs write against the rules
        ("a=?utf-8?q?b?=c", "abc", [.encodedWordMisplaced]),
        ("=?utf-8?q?a?==?utf-8?q?b?=", "ab", [.encodedWordMisplaced]),
        ("=?utf-8?q?a b?=", "a b", [.encodedWordMisplaced]),
        ("=?utf-8?q?a=ZZ?=", "a=ZZ", [.encodedWordInvalid]),
        ("=?utf-8?b?YWJj!ZGVm?=", "abcdef", [.encodedWordInvalid]),
        ("=?utf-8?b?YWI?=", "ab", [.encodedWordInvalid]),
        ("=?nonesuch?q?a=E4b?=", "a\u{FFFD}b", [.encodedWordInvalid]),
        ("=?gb2312?b?xOO6ww==?=", "你好", []),
        ("=?iso-2022-jp?b?GyRCRnxLXDhsGyhC?=", "日本語", []),
    ]

    @Test("Each text is shown as its writer meant it", arguments: table)
    func decodes(_ text: String, _ expected: String, _ codes: [Defect.Code]) {
        let (found, defects) = Self.decode(Array(text.utf8))
        #expect(found == expected)
        #expect(defects == codes)
    }

    @Test("Octets that are not UTF-8 are read as windows-1252 and noted")
    func rawOctets() {
        let (text, defects) = Self.decode([0x4A, 0xF6, 0x72, 0x67])
        #expect(text == "Jörg")
        #expect(defects == [.headerNotUTF8])
        #expect(Self.decode(Array("Jörg".utf8)) == ("Jörg", []))
    }

    @Test(
        "What is encoded is decoded to the same text, in words of at most 75 octets",
        arguments: [
            "ö", "Grüße aus München", "日本語の件名は長くても読めなければならない、何度でも",
            String(repeating: "ä", count: 500), String(repeating: "a", count: 2000),
            "plain ö plain  two spaces ü", " =?utf-8?q?x?= ", "🐎📯 Postreiter", "a_b=c?d ö",
            "tab\tö",
        ])
    func roundTrip(_ text: String) throws {
        let words = EncodedWord.encode(text)
        #expect(words.allSatisfy { $0.utf8.count <= 75 && $0.isASCII })
        let joined = words.joined(separator: "\r\n ")
        #expect(Self.decode(Array(joined.utf8)) == (text, []))
    }

    @Test("A field full of beginnings without an end is read in linear time")
    func hostile() {
        let text = String(repeating: "=?utf-8?q?a", count: 100_000)
        #expect(Self.decode(Array(text.utf8)).0 == text)
    }
}
