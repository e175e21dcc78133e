// SPDX-License-Identifier: Apache-2.0

import DNS
import Testing

@Suite("Names as mail programs write them")
struct DottedNameTests {
    private static let long = String(repeating: "a", count: 63)

    @Test(
        "Labels stand between dots, and one dot may end them",
        arguments: [
            ("example.com", "\u{7}example\u{3}com\u{0}"),
            ("example.com.", "\u{7}example\u{3}com\u{0}"),
            ("a", "\u{1}a\u{0}"),
            ("_dmarc.Example", "\u{6}_dmarc\u{7}Example\u{0}"),
            ("a b.c", "\u{3}a b\u{1}c\u{0}"),
            (long, "\u{3f}" + long + "\u{0}"),
        ])
    func read(_ text: String, _ wire: String) {
        #expect(Name(dotted: text.utf8)?.wire == Array(wire.utf8))
        // What does not lie in one piece is read as well.
        #expect(Name(dotted: text.utf8.lazy.map { $0 })?.wire == Array(wire.utf8))
    }

    @Test(
        "Empty labels and what is too long are no names",
        arguments: [
            "", ".", "a..b", ".a", "a..", long + "a", "x." + long + "a.com",
            [long, long, long, long].joined(separator: "."),
            String(repeating: "a.", count: 127) + "a",
        ])
    func refused(_ text: String) { #expect(Name(dotted: text.utf8) == nil) }

    @Test("The longest name has 255 octets")
    func longest() {
        let text = String(repeating: "a.", count: 126) + "a"
        #expect(Name(dotted: text.utf8)?.wire.count == 255)
        #expect(Name(dotted: (text + ".").utf8)?.wire.count == 255)
    }
}
