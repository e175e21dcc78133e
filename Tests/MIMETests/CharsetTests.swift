// SPDX-License-Identifier: Apache-2.0

import Bytes
import MIME
import Testing

@Suite("Charsets")
struct CharsetTests {
    private static let table: [(String, [UInt8], String, Bool)] = [
        ("utf-8", [0xC3, 0xB6], "ö", true),
        ("UTF8", [0xC3], "\u{FFFD}", false),
        ("us-ascii", [0x61, 0x80], "a\u{FFFD}", false),
        ("ISO-8859-1", [0xE4, 0x80], "ä€", true),
        ("windows-1252", [0x93, 0x81], "“\u{81}", true),
        ("iso-8859-2", [0xB1], "ą", true),
        ("iso_8859-15", [0xA4], "€", true),
        ("iso-8859-9", [0xFD], "ı", true),
        ("windows-1251", [0xCF, 0xF0], "Пр", true),
        ("koi8-r", [0xF0, 0xD2], "Пр", true),
        ("cp437", [0x84], "ä", true),
        ("gb2312", [0xC4, 0xE3], "你", true),
        ("hz-gb-2312", Array("~{<:Ky2;~}~~a".utf8), "己所不~a", true),
        ("big5", [0xA7, 0x41], "你", true),
        ("shift_jis", [0x93, 0xFA, 0x96, 0x7B], "日本", true),
        ("euc-jp", [0xC6, 0xFC], "日", true),
        ("iso-2022-jp", [0x1B, 0x24, 0x42, 0x46, 0x7C, 0x1B, 0x28, 0x42], "日", true),
        ("ks_c_5601-1987", [0xB0, 0xA1], "가", true),
        ("iso-2022-kr", [0x1B, 0x24, 0x29, 0x43, 0x0E, 0x30, 0x21, 0x0F], "가", true),
        ("windows-1255", [0xF9], "ש", true),
        ("tis-620", [0xA1], "ก", true),
        ("utf-7", Array("Hi +Jjo-".utf8), "Hi ☺", true),
        ("utf-16", [0xFF, 0xFE, 0x61, 0x00], "a", true),
        ("utf-16", [0x00, 0x61], "a", true),
        ("utf-16le", [0x61, 0x00], "a", true),
        ("utf-16be", [0x00, 0x61, 0x00], "a\u{FFFD}", false),
        ("shift_jis", [0x61, 0xFF, 0x62], "a\u{FFFD}b", false),
        ("euc-kr", [0x61, 0xB0], "a\u{FFFD}", false),
    ]

    @Test("Octets become text, and what means nothing U+FFFD", arguments: table)
    func decodes(_ name: String, _ octets: [UInt8], _ expected: String, _ isExact: Bool) throws {
        let charset = try #require(Charset(name))
        let (text, exact) = charset.decode(octets)
        #expect(text == expected)
        #expect(exact == isExact)
    }

    @Test(
        "Names that are no charset, or try to reach the C library's options, are unknown",
        arguments: ["", "x", "nonesuch", "utf-8//TRANSLIT", "UTF-8//IGNORE", "../../x", "wchar_t"])
    func unknown(_ name: String) { #expect(Charset(name) == nil) }

    @Test("Random octets in every charset give some text")
    func random() {
        var generator = SeededGenerator(seed: 7)
        for name in [
            "utf-8", "us-ascii", "iso-8859-1", "iso-8859-6", "windows-1253", "windows-1258", "big5",
            "big5-hkscs", "gb18030", "hz", "shift_jis", "euc-jp", "iso-2022-jp", "iso-2022-jp-2",
            "iso-2022-kr", "euc-kr", "utf-7", "utf-16", "utf-32", "viscii", "tcvn", "euc-tw",
        ] {
            guard let charset = Charset(name) else {
                Issue.record("\(name) is not known")
                continue
            }
            for _ in 0..<50 {
                let octets = generator.octets(Int.random(in: 1...400, using: &generator))
                #expect(charset.decode(octets).text.utf8.count < 20 * octets.count + 20)
            }
        }
    }
}

/// SplitMix64: the same numbers for the same seed on every machine.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }

    mutating func octets(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in UInt8.random(in: 0...255, using: &self) }
    }
}
