// SPDX-License-Identifier: Apache-2.0

import Summary
import Testing

@Suite("RFC 9051 §7.5.2 ENVELOPE")
struct EnvelopeTests {
    private static func envelope(_ header: String) -> String {
        let message = header.split(separator: "\n", omittingEmptySubsequences: false)
            .joined(separator: "\r\n")
        return String(
            decoding: MessageSummary(Array("\(message)\r\n\r\nText\r\n".utf8)).envelope,
            as: UTF8.self)
    }

    @Test("The example of RFC 9051 §8")
    func example() {
        let envelope = Self.envelope(
            """
            Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)
            From: Terry Gray <gray@cac.washington.edu>
            Subject: IMAP4rev2 WG mtg summary and minutes
            To: imap@cac.washington.edu
            cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>
            Message-Id: <B27397-0100000@cac.washington.edu>
            """)
        #expect(
            envelope == """
                ("Wed, 17 Jul 1996 02:23:25 -0700 (PDT)" \
                "IMAP4rev2 WG mtg summary and minutes" \
                (("Terry Gray" NIL "gray" "cac.washington.edu")) \
                (("Terry Gray" NIL "gray" "cac.washington.edu")) \
                (("Terry Gray" NIL "gray" "cac.washington.edu")) \
                ((NIL NIL "imap" "cac.washington.edu")) \
                ((NIL NIL "minutes" "CNRI.Reston.VA.US")\
                ("John Klensin" NIL "KLENSIN" "MIT.EDU")) NIL NIL \
                "<B27397-0100000@cac.washington.edu>")
                """)
    }
}
