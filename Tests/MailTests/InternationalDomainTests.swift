// SPDX-License-Identifier: Apache-2.0

import Bytes
import Testing

@testable import Mail

@Suite("RFC 3492 and RFC 5891 domain names")
struct InternationalDomainTests {
    /// RFC 3492 §7.1 (A) to (S).
    private static let samples: [(String, String)] = [
        ("ليهمابتكلموشعربي؟", "egbpdaj6bu4bxfgehfvwxn"),
        ("他们为什么不说中文", "ihqwcrb4cv8a8dqg056pqjye"),
        ("他們爲什麽不說中文", "ihqwctvzc91f659drss3x8bo0yb"),
        ("Pročprostěnemluvíčesky", "Proprostnemluvesky-uyb24dma41a"),
        ("למההםפשוטלאמדבריםעברית", "4dbcagdahymbxekheh6e0a7fei0b"),
        ("यहलोगहिन्दीक्योंनहींबोलसकतेहैं", "i1baa7eci9glrd9b2ae1bj0hfcgg6iyaf8o0a1dig0cd"),
        ("なぜみんな日本語を話してくれないのか", "n8jok5ay5dzabd5bym9f0cm5685rrjetr6pdxa"),
        ("почемужеонинеговорятпорусски", "b1abfaaepdrnnbgefbadotcwatmq2g4l"),
        (
            "PorquénopuedensimplementehablarenEspañol",
            "PorqunopuedensimplementehablarenEspaol-fmd56a"
        ),
        ("TạisaohọkhôngthểchỉnóitiếngViệt", "TisaohkhngthchnitingVit-kjcr8268qyxafd2f1b9g"),
        ("3年B組金八先生", "3B-ww4c5e180e575a65lsy2b"),
        ("安室奈美恵-with-SUPER-MONKEYS", "-with-SUPER-MONKEYS-pc58ag80a8qai00g7n9n"),
        ("Hello-Another-Way-それぞれの場所", "Hello-Another-Way--fc4qua05auwb3674vfr0b"),
        ("ひとつ屋根の下2", "2-u9tlzr9756bt3uc0v"),
        ("MajiでKoiする5秒前", "MajiKoi5-783gue6qz075azm5e"),
        ("パフィーdeルンバ", "de-jg4avhby1noc0d"),
        ("そのスピードで", "d9juau41awczczp"),
    ]

    @Test("The RFC's samples hold in both directions", arguments: samples)
    func punycode(_ text: String, _ encoded: String) {
        #expect(Punycode.encode(text) == encoded)
        #expect(
            Punycode.decode(encoded[...])?.unicodeScalars.elementsEqual(text.unicodeScalars) == true
        )
    }

    @Test(
        "What is no Punycode is refused, whatever it claims",
        arguments: ["é", "a b", "99999999999", "zzzzzzzzzzzzzzzzzzzz", "a-!", "---é", "xn--"])
    func hostile(_ text: String) {
        if let decoded = Punycode.decode(text[...]) { #expect(decoded.unicodeScalars.count <= 64) }
    }

    private static let names: [(String, String, String)] = [
        ("example.org", "example.org", "example.org"),
        ("EXAMPLE.Org.", "example.org", "example.org"),
        ("bücher.example", "xn--bcher-kva.example", "bücher.example"),
        ("BÜCHER.example", "xn--bcher-kva.example", "bücher.example"),
        // NFC: u and a combining diaeresis
        ("bu\u{308}cher.example", "xn--bcher-kva.example", "bücher.example"),
        ("例え。テスト", "xn--r8jz45g.xn--zckzah", "例え.テスト"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example", "bücher.example"),
        ("XN--BCHER-KVA.example", "xn--bcher-kva.example", "bücher.example"),
        // Decodes, but not back to itself: shown as it is
        ("xn--abc-.example", "", ""),
    ]

    @Test("A name is held as A-labels and shown as U-labels", arguments: names)
    func domains(_ text: String, _ ascii: String, _ unicode: String) throws {
        guard !ascii.isEmpty else {
            #expect(throws: SyntaxError.self) { try Domain(text) }
            return
        }
        let domain = try Domain(text)
        #expect(domain.name == ascii)
        #expect(domain.unicode == unicode)
    }

    private static let wrong = [
        "", ".", "..", "a..b", "-a.b", "a-.b", "a b", "a_b", "a\0b", "ü-", "a/b",
        String(repeating: "a", count: 64), String(repeating: "ü", count: 64),
        String(repeating: "abcd.", count: 51) + "x",
    ]

    @Test("What is no domain is refused", arguments: wrong)
    func refuses(_ text: String) { #expect(throws: SyntaxError.self) { try Domain(text) } }
}
