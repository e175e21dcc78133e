// SPDX-License-Identifier: Apache-2.0

import Summary
import Testing

@Suite("RFC 9051 §7.5.2 BODYSTRUCTURE and BODY")
struct StructureTests {
    private static func summary(_ message: String) -> (structure: String, body: String) {
        let summary = MessageSummary(Messages.octets(message))
        return (
            String(decoding: summary.structure, as: UTF8.self),
            String(decoding: MessageSummary.body(of: summary.structure), as: UTF8.self)
        )
    }

    @Test("The example of §7.5.2: a text and a base64-encoded attachment")
    func example() {
        let lines = String(repeating: "SGFsbG8=\n", count: 73)
        let (structure, body) = Self.summary(
            """
            Content-Type: MULTIPART/MIXED; BOUNDARY=x

            --x
            Content-Type: TEXT/PLAIN; CHARSET=US-ASCII

            one
            two

            --x
            Content-Type: TEXT/PLAIN; CHARSET=US-ASCII; NAME="cc.diff"
            Content-ID: <960723163407.20117h@cac.washington.edu>
            Content-Description: Compiler diff
            Content-Transfer-Encoding: BASE64

            \(lines)
            --x--
            """)
        #expect(
            body == """
                (("TEXT" "PLAIN" ("CHARSET" "US-ASCII") NIL NIL "7BIT" 10 2)\
                ("TEXT" "PLAIN" ("CHARSET" "US-ASCII" "NAME" "cc.diff") \
                "<960723163407.20117h@cac.washington.edu>" "Compiler diff" \
                "BASE64" 730 73) "MIXED")
                """)
        #expect(structure.hasSuffix(#""MIXED" ("BOUNDARY" "x") NIL NIL NIL)"#))
    }

    @Test(
        "Parts that are not what they should be",
        arguments: [
            // Without parts a multipart is text.
            (
                "Content-Type: multipart/mixed; boundary=x\n\nno part\n",
                #"("text" "plain" ("boundary" "x" "charset" "us-ascii") NIL NIL "7BIT" 9 1)"#
            ),
            ("", #"("text" "plain" ("charset" "us-ascii") NIL NIL "7BIT" 0 0)"#),
            (
                "Content-Type: text/plain; name*0=a; name*1=\"b c\"\n\n",
                #"("text" "plain" ("name" "ab c" "charset" "us-ascii") NIL NIL "7BIT" 0 0)"#
            ),
            (
                "Content-Type: a/b; name*1*=%20c; name*0*=utf-8''x\n\n",
                #"("a" "b" ("name*" "utf-8''x%20c") NIL NIL "7BIT" 0)"#
            ),
            (
                "Content-Type: a/b; name=\"\u{FC}\"\n\n",
                "(\"a\" \"b\" (\"name\" {2}\r\n\u{FC}) NIL NIL \"7BIT\" 0)"
            ),
            (
                "Content-Type: message/rfc822\n\nSubject: x\n",
                #"("message" "rfc822" NIL NIL NIL "7BIT" 12 (NIL "x" NIL NIL NIL NIL NIL NIL NIL"#
                    + #" NIL) ("text" "plain" ("charset" "us-ascii") NIL NIL "7BIT" 0 0) 1)"#
            ),
        ])
    func odd(message: String, body: String) { #expect(Self.summary(message).body == body) }
}
