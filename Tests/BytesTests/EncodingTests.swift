// SPDX-License-Identifier: Apache-2.0

import Bytes
import Testing

@Suite("RFC 4648 Base64 and Base16")
struct EncodingTests {
    // §10
    private static let vectors = [
        ("", "", ""), ("f", "Zg==", "66"), ("fo", "Zm8=", "666f"), ("foo", "Zm9v", "666f6f"),
        ("foob", "Zm9vYg==", "666f6f62"), ("fooba", "Zm9vYmE=", "666f6f6261"),
        ("foobar", "Zm9vYmFy", "666f6f626172"),
    ]

    @Test("The RFC's vectors hold in both directions", arguments: vectors)
    func holds(_ text: String, _ base64: String, _ base16: String) {
        #expect(Base64.encode(Array(text.utf8)) == base64)
        #expect(Base64.decode(Array(base64.utf8)) == Array(text.utf8))
        #expect(Hexadecimal.encode(text.utf8) == base16)
        #expect(Hexadecimal.decode(base16.utf8) == Array(text.utf8))
        #expect(Hexadecimal.decode(base16.uppercased().utf8) == Array(text.utf8))
    }

    @Test(
        "What is no Base64 is refused",
        arguments: [
            "Z", "Zg", "Zg=", "Zg===", "=", "====", "Zh==", "Zm9=", "Zg==Zg==", "Zm9v\r\n", "Zm-_",
            "Zm9v ", "Z=m9", "Zm9vYg==\n",
        ])
    func wrongBase64(_ text: String) { #expect(Base64.decode(Array(text.utf8)) == nil) }

    @Test("What is no Base16 is refused", arguments: ["6", "6g", "666", " 66", "0x66"])
    func wrongBase16(_ text: String) { #expect(Hexadecimal.decode(text.utf8) == nil) }

    @Test("All octets survive")
    func all() {
        let octets = (0...255).map { UInt8($0) }
        for count in 0...octets.count {
            let part = Array(octets[..<count])
            #expect(Base64.decode(Array(Base64.encode(part).utf8)) == part)
        }
    }
}

@Suite("RFC 2045 §6.7 quoted-printable")
struct QuotedPrintableTests {
    private static let table: [(String, String, Bool)] = [
        (
            "Now's the time =\r\nfor all folk to come=\r\n to the aid of their country.",
            "Now's the time for all folk to come to the aid of their country.", true
        ),
        ("=3D=20=C3=B6", "= ö", true), ("=c3=b6", "ö", true), ("a=\nb", "ab", true),
        ("a= \t\r\nb", "ab", true), ("a \t\r\nb \n", "a\r\nb\n", true), ("a  ", "a", true),
        ("a=20\r\n", "a \r\n", true), ("a=", "a", true), ("", "", true), ("a b", "a b", true),
        ("a=ZZ", "a=ZZ", false), ("a=3", "a=3", false), ("=", "", true), ("==3D", "==", false),
        ("a=\rb", "ab", true), ("a\rb", "a\rb", true),
    ]

    @Test("Each text is decoded", arguments: table)
    func decodes(_ text: String, _ expected: String, _ isClean: Bool) {
        let (octets, clean) = QuotedPrintable.decode(Array(text.utf8)[...])
        #expect(String(lossy: octets) == expected)
        #expect(clean == isClean)
    }

    private static let encoded: [(String, String)] = [
        ("a=b", "a=3Db"), ("ö", "=C3=B6"), ("a \r\nb\t\r\n", "a=20\r\nb=09\r\n"),
        ("a\nb", "a\r\nb"), ("a\rb", "a=0Db"), ("a ", "a=20"), (".\r\n.a", "=2E\r\n=2Ea"),
        ("From x", "=46rom x"), ("", ""), ("\0", "=00"),
    ]

    @Test("Each text is encoded", arguments: encoded)
    func encodes(_ text: String, _ expected: String) {
        #expect(String(lossy: QuotedPrintable.encode(Array(text.utf8))) == expected)
    }

    @Test("No line is longer than 76 octets, and everything comes back", arguments: 0..<20)
    func roundTrip(_ seed: UInt64) {
        var state = seed
        let octets = (0..<2000).map { _ -> UInt8 in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let value = UInt8(truncatingIfNeeded: state >> 40)
            return seed % 2 == 0 ? value : [0x61, 0x20, 0x3D, 0xC3][Int(value % 4)]
        }
        let text = QuotedPrintable.encode(octets, isBinary: true)
        let lines = text.split(separator: .lineFeed, omittingEmptySubsequences: false)
        #expect(lines.allSatisfy { $0.count <= QuotedPrintable.maximumLineOctets + 1 })
        #expect(text.allSatisfy { $0 < 0x80 })
        let (decoded, isClean) = QuotedPrintable.decode(text[...])
        #expect(decoded == octets)
        #expect(isClean)
    }
}

@Suite("RFC 3986 §2.1 percent-encoding")
struct PercentEncodingTests {
    private static let pairs = [
        ("", ""), ("anna-1.x_~", "anna-1.x_~"), ("a b", "a%20b"), ("100 %", "100%20%25"),
        ("ä", "%C3%A4"), ("a+b@c", "a%2Bb%40c"), ("\r\n", "%0D%0A"), ("\0", "%00"),
    ]

    @Test("What is encoded is decoded again", arguments: pairs)
    func pair(_ text: String, _ encoded: String) {
        #expect(PercentEncoding.encode(text.utf8) == encoded)
        #expect(PercentEncoding.decode(encoded.utf8) == Array(text.utf8))
        #expect(PercentEncoding.decode(encoded.lowercased().utf8) == Array(text.lowercased().utf8))
    }

    @Test(
        "A sign without two digits is refused", arguments: ["%", "%4", "a%", "%g0", "%0g", "%%41"])
    func wrong(_ text: String) { #expect(PercentEncoding.decode(text.utf8) == nil) }
}
