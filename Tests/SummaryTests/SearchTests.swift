// SPDX-License-Identifier: Apache-2.0

import IMAP
import Summary
import Testing

@Suite("RFC 9051 §6.4.4 texts that are searched")
struct SearchTests {
    @Test(
        "Folding",
        arguments: [
            ("M\u{DC}LLER", "muller"), ("Stra\u{DF}e", "strasse"), ("STRASSE", "strasse"),
            ("Fran\u{E7}ois", "francois"),
            ("\u{39F}\u{394}\u{39F}\u{3A3}", "\u{3BF}\u{3B4}\u{3BF}\u{3C3}"),
            ("\u{3BF}\u{3B4}\u{3CC}\u{3C2}", "\u{3BF}\u{3B4}\u{3BF}\u{3C3}"),
            ("\u{401}\u{436}", "\u{435}\u{436}"), ("e\u{301}", "e"), ("\u{E9}", "e"),
            ("\u{FB01}n", "fin"), ("\u{FF21}\u{FF11}", "a1"), ("\u{130}I\u{131}i", "iiii"),
            ("\u{141}\u{F3}d\u{17A}", "lodz"), ("\u{C6}r\u{F8}", "aero"),
            ("\u{1D401}\u{1D7CF}", "b1"),
            ("a \t\r\n\u{A0}\u{3000}b", "a b"), ("soft\u{AD}hyphen\u{200B}", "softhyphen"),
            ("\u{201E}x\u{201C} \u{2013} \u{2026}", "\"x\" - ..."),
            ("\u{6F22}\u{5B57}", "\u{6F22}\u{5B57}"),
            ("\u{10400}", "\u{10428}"), ("", ""), ("=\u{2260}", "=\u{2260}"),
        ])
    func folding(text: String, folded: String) {
        #expect(Folding.folded(text) == folded)
        #expect(Folding.folded(folded) == folded)
    }

    private static let message = SearchText(
        Messages.octets(
            """
            From: =?utf-8?q?J=C3=B6rg_M=C3=BCller?= <joerg@example.org>
            To: "Bob \\"the\\" Builder" <bob@example.net>
            Cc:
            Subject: Re: =?iso-8859-1?q?Gr=FC=DFe?=
             =?iso-8859-1?q?_aus?= Wien
            X-Custom: Some  Value
            Content-Type: multipart/mixed; boundary=a

            --a
            Content-Type: text/plain; charset=iso-8859-1
            Content-Transfer-Encoding: quoted-printable

            Sch=F6ne Gr=FC=DF=
            e, wrapped
            over lines
            --a
            Content-Type: text/html

            <p>K&uuml;<b>hl</b>schrank</p><script>hidden</script>
            --a
            Content-Type: application/pdf
            Content-Disposition: attachment; filename*=utf-8''Bericht%20M%C3%A4rz.pdf
            Content-Transfer-Encoding: base64

            c2VjcmV0
            --a
            Content-Type: message/rfc822
            Content-Transfer-Encoding: base64

            U3ViamVjdDogaW5uZXIKCmRlZXAgdGV4dAo=
            --a--
            """), prefix: Array("Return-Path: <sender@example.org>\r\n".utf8))

    @Test(
        "A key matches where it is a substring of the text",
        arguments: [
            (.from, "m\u{FC}ller", true), (.from, "MULLER", true), (.from, "joerg@EXAMPLE", true),
            (.from, "bob", false), (.to, "\"the\" builder", true), (.to, "bob@", true),
            (.cc, "", true), (.cc, "x", false), (.bcc, "", false),
            (.subject, "gr\u{FC}\u{DF}e aus wien", true), (.subject, "grusse  AUS", true),
            (.subject, "re: g", true), (.subject, "iso-8859", false),
            (.header("x-custom"), "me val", true), (.header("X-CUSTOM"), "", true),
            (.header("x-none"), "", false), (.header("return-path"), "sender@", true),
            (.body, "sch\u{F6}ne gr\u{FC}\u{DF}e", true), (.body, "wrapped over", true),
            (.body, "k\u{FC}hlschrank", true), (.body, "hidden", false), (.body, "wien", false),
            (.body, "deep text", true), (.body, "subject: inner", true), (.body, "secret", false),
            (.body, "linesk", false), (.body, "", true), (.text, "wien", true),
            (.text, "bericht m\u{E4}rz", true), (.text, "x-custom: some", true),
            (.text, "k\u{FC}hl", true), (.text, "nowhere", false),
        ] as [(SearchKey.TextField, String, Bool)])
    func matches(field: SearchKey.TextField, key: String, isFound: Bool) {
        #expect(Self.message.matches(field, SearchText.key(key)) == isFound)
    }

    @Test("The usual fields are found without the message")
    func fields() throws {
        let summary = MessageSummary(
            Messages.octets("From: J\u{F6}rg <j@example.org>\nSubject: x\nTo:\n\nbody\n"))
        let fields = summary.searchFields
        #expect(fields.matches(.from, SearchText.key("JORG")) == true)
        #expect(fields.matches(.header("From"), SearchText.key("j@ex")) == true)
        #expect(fields.matches(.to, SearchText.key("")) == true)
        #expect(fields.matches(.cc, SearchText.key("")) == false)
        #expect(fields.matches(.body, SearchText.key("body")) == nil)
        #expect(fields.matches(.header("x"), SearchText.key("")) == nil)
        #expect(SearchFields(encoded: fields.encoded) == fields)
        let long = String(repeating: "a@b.example, ", count: 4000)
        let other = MessageSummary(Messages.octets("To: \(long)\n\n")).searchFields
        #expect(other.matches(.to, SearchText.key("zz")) == nil)
        let stored = other.encoded.withUnsafeBytes {
            SearchFields.matches(stored: $0, .to, SearchText.key("zz"))
        }
        #expect(stored == nil)
    }
}
