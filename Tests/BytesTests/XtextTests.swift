// SPDX-License-Identifier: Apache-2.0

import Bytes
import Testing

@Suite("RFC 3461 §4 xtext")
struct XtextTests {
    @Test(
        "Octets are written and read back",
        arguments: [
            ("", ""), ("plain@example.org", "plain@example.org"), ("a+b=c", "a+2Bb+3Dc"),
            ("with space", "with+20space"), ("grün", "gr+C3+BCn"), ("\t\u{7F}", "+09+7F"),
        ])
    func bothWays(plain: String, encoded: String) throws {
        #expect(Xtext.encode(plain.utf8) == encoded)
        #expect(try #require(Xtext.decode(encoded.utf8)) == Array(plain.utf8))
    }

    @Test(
        "What is no xtext is not read",
        arguments: ["a=b", "a b", "grün", "+", "+4", "+G0", "a+0", "\u{7F}"])
    func malformed(text: String) { #expect(Xtext.decode(text.utf8) == nil) }

    @Test("Lower-case digits are read") func lowerCase() {
        #expect(Xtext.decode("+3d".utf8) == [0x3D])
    }
}
