// SPDX-License-Identifier: Apache-2.0

import Bytes
import MIME
import Testing

@Suite("RFC 2045 §6 transfer encodings")
struct TransferEncodingTests {
    private static let base64: [(String, String, Bool)] = [
        ("Zm9vYmFy", "foobar", true),
        ("Zm9v\r\nYmE=\r\n", "fooba", true),
        ("Zg==", "f", true),
        ("", "", true),
        ("Zg", "f", false),
        ("Zm9vYg=", "foob", false),
        ("Zm9v!YmFy", "foobar", false),
        ("Zg==Zg==", "ff", false),
        ("Zm9vYmFyZ", "foobar", false),
        ("====", "", false),
        ("Zg===", "f", false),
        ("Zm8=\n-- \nlist footer", "fo", false),
    ]

    @Test("Base64 is read through dirt", arguments: base64)
    func readsBase64(_ text: String, _ expected: String, _ isClean: Bool) {
        var defects = DefectList()
        let octets = TransferEncoding.base64.decode(
            Array(text.utf8)[...], defects: &defects, at: "")
        #expect(octets.starts(with: expected.utf8))
        if isClean { #expect(octets.count == expected.utf8.count) }
        #expect(defects.defects.isEmpty == isClean)
    }

    @Test("Uuencoded content is read")
    func uuencode() {
        var defects = DefectList()
        let text = "text before\r\nbegin 644 cat.txt\r\n#0V%T\r\n`\r\nend\r\n"
        let octets = TransferEncoding.uuencode.decode(
            Array(text.utf8)[...], defects: &defects, at: "")
        #expect(String(lossy: octets) == "Cat")
        #expect(defects.defects.isEmpty)
    }

    private static let names: [(String, TransferEncoding?)] = [
        ("7bit", .sevenBit), ("8BIT", .eightBit), (" base64 ", .base64), ("binary", .binary),
        ("Quoted-Printable (text)", .quotedPrintable), ("x-uuencode", .uuencode),
        ("base64;", .base64), ("nonesuch", nil),
    ]

    @Test("The mechanism is found by its name", arguments: names)
    func finds(_ text: String, _ expected: TransferEncoding?) {
        #expect(TransferEncoding(Array(text.utf8)[...]) == expected)
    }

    @Test("What is encoded in Base64 is decoded again, in lines of at most 76")
    func roundTrip() {
        var generator = SeededGenerator(seed: 1)
        for count in [0, 1, 2, 3, 56, 57, 58, 114, 1000] {
            let octets = generator.octets(count)
            let text = TransferEncoding.encodeBase64(octets)
            #expect(text.split(separator: 0x0A).allSatisfy { $0.count <= 77 })
            var defects = DefectList()
            #expect(
                Array(TransferEncoding.base64.decode(text[...], defects: &defects, at: ""))
                    == octets)
            #expect(defects.defects.isEmpty)
        }
    }

    @Test("Line ends become CRLF, whatever they were")
    func canonical() {
        let text = Array("a\nb\r\nc\rd\n\r\n".utf8)
        #expect(
            String(lossy: TransferEncoding.canonicalLines(text)) == "a\r\nb\r\nc\r\nd\r\n\r\n")
    }
}
