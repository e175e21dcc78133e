// SPDX-License-Identifier: Apache-2.0

import Summary
import Testing

@Suite("RFC 8970 previews")
struct PreviewTests {
    private static func preview(_ message: String) -> String {
        String(decoding: MessageSummary(Messages.octets(message)).preview, as: UTF8.self)
    }

    @Test(
        "The first words that are new",
        arguments: [
            ("\nHello\n\n  world\t!\n", "Hello world !"),
            ("\nOn Friday, Joe wrote:\n\n> old\n> older\n\nNew\n", "New"),
            ("\n> only\n> quoted\n", "> only > quoted"),
            ("\nText\n-- \nSignature\n", "Text"),
            ("\nText\n-----Original Message-----\nFrom: x\n", "Text"),
            (
                "Content-Type: text/html\n\n<style>p {}</style><p>One&nbsp;&amp;<br>two</p>",
                "One & two"
            ),
            (
                "Content-Type: text/html; charset=iso-8859-1\nContent-Transfer-Encoding: "
                    + "quoted-printable\n\n<b>Gr=FC=DFe</b><blockquote>x</blockquote>",
                "Gr\u{FC}\u{DF}e"
            ),
            ("Content-Transfer-Encoding: base64\n\nSGFsbG8=\n", "Hallo"),
            ("Content-Type: image/png\n\nx\n", ""),
            ("Content-Disposition: attachment\n\nx\n", ""), ("\n", ""), ("", ""),
            (
                "Content-Type: multipart/alternative; boundary=a\n\n--a\n\n \n--a\n"
                    + "Content-Type: text/html\n\n<p>html</p>\n--a--\n", "html"
            ),
            (
                "Content-Type: multipart/mixed; boundary=a\n\n--a\nContent-Type: message/rfc822\n"
                    + "\n\ninner\n--a\n\nouter\n--a--\n", "outer"
            ),
            ("Content-Type: message/rfc822\n\nSubject: x\n\ninner\n", "inner"),
        ])
    func words(message: String, preview: String) { #expect(Self.preview(message) == preview) }

    @Test("Two hundred characters, not octets")
    func length() {
        let text = String(repeating: "\u{E4}\u{1F600}", count: 500)
        let preview = Self.preview("Content-Type: text/plain; charset=utf-8\n\n\(text)")
        #expect(preview.unicodeScalars.count == 200)
        #expect(text.hasPrefix(preview))
    }

    @Test("What stands far behind styles is found")
    func styles() {
        let style = String(repeating: ".a { color: red }\n", count: 1000)
        #expect(
            Self.preview("Content-Type: text/html\n\n<head><style>\(style)</style></head><p>x")
                == "x")
    }
}
