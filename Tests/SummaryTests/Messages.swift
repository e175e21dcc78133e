// SPDX-License-Identifier: Apache-2.0

/// Messages of many kinds: written ones, and what chance makes of them.
enum Messages {
    /// Lines with LF, which becomes CRLF.
    static func octets(_ text: String) -> [UInt8] {
        Array(
            text.split(separator: "\n", omittingEmptySubsequences: false)
                .joined(separator: "\r\n").utf8)
    }

    static let written: [String] = [
        """
        Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)
        From: Terry Gray <gray@cac.washington.edu>
        Subject: IMAP4rev2 WG mtg summary and minutes
        To: imap@cac.washington.edu
        cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@MIT.EDU>
        Message-Id: <B27397-0100000@cac.washington.edu>
        MIME-Version: 1.0
        Content-Type: TEXT/PLAIN; CHARSET=US-ASCII

        Text
        """,
        """
        From: "Joe Q. Public" <john.q.public@example.com>
        To: Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>
        Cc: <boss@nil.test>, "Giant; \\"Big\\" Box" <sysservices@example.net>
        Bcc: A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;
        Reply-To: "Mary Smith: Personal Account" <smith@home.example>
        Sender: =?utf-8?q?J=C3=B6rg_M=C3=BCller?= <joerg@example.org>
        Date: Tue, 1 Jul 2003 10:52:37 +0200
        In-Reply-To: <1234@local.machine.example>
        Message-ID: <5678.21-Nov-1997@example.com>
        Subject: =?iso-8859-1?q?a?=
         =?iso-8859-1?q?b?=
        \tc
        Content-Type: text/html; charset="utf-8"; format=flowed
        Content-Transfer-Encoding: quoted-printable
        Content-ID: <a@b>
        Content-Description: what it is
        Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==
        Content-Language: de, en
        Content-Location: http://example.org/a
        Content-Disposition: inline; filename="a \\"b\\".html"

        <p>Gr=C3=BC=C3=9Fe
        """,
        """
        From: Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>
        To:A Group(Some people)
             :Chris Jones <c@(Chris's host.)public.example>,
                 joe@example.org,
          John <jdoe@one.test> (my dear friend); (the end of the group)
        Cc:(Empty list)(start)Hidden recipients  :(nobody(that I know))  ;
        Subject:
        Date:

        x
        """,
        """
        From: a@example.org
        Content-Type: multipart/mixed; boundary="=_1"

        preamble
        --=_1
        Content-Type: text/plain

        one
        two
        --=_1
        Content-Type: multipart/alternative; boundary=b2

        --b2

        plain
        --b2
        Content-Type: text/html

        <b>
        --b2--
        --=_1
        Content-Type: message/rfc822
        Content-Disposition: attachment; filename*=utf-8''%c3%a4.eml

        From: inner@example.org
        Subject: inner
        Content-Type: multipart/mixed; boundary=b3

        --b3
        Content-Type: application/octet-stream; name*0="a"; name*1="b"
        Content-Transfer-Encoding: base64

        SGFsbG8=
        --b3
        Content-Type: image/png
        Content-Transfer-Encoding: BASE64

        SGFsbG8=
        --b3--
        --=_1--
        epilogue

        """,
        """
        Content-Type: multipart/digest; boundary=x

        --x

        From: a@b.example
        Subject: one

        first
        --x
        Content-Type: text/plain

        second
        --x--

        """,
        """
        Content-Type: multipart/report; report-type=delivery-status; boundary=x

        --x

        It failed.
        --x
        Content-Type: message/delivery-status

        Reporting-MTA: dns; example.org

        Final-Recipient: rfc822; a@example.org
        --x
        Content-Type: text/rfc822-headers

        Subject: x
        --x--

        """,
    ]

    /// Damaged, obsolete and hostile ones.
    static let odd: [[UInt8]] =
        [
            "", "\n", "Subject: no body", "no header at all\nbut lines\n",
            "Content-Type: multipart/mixed\n\n--x\n\ntext\n",
            "Content-Type: multipart/mixed; boundary=x\n\nno part\n",
            "Content-Type: multipart/mixed; boundary=x\n\n--x\n\nnot closed\n",
            "Content-Type: text\n\nx\n", "Content-Type: text/plain; charset=\n\nx\n",
            "Content-Type: /; a=b\n\nx\n",
            "Content-Type: message/rfc822\n\nSubject: in\n\ntext\n",
            "From: a@b, ,, c@d,\nTo: nobody\nCc: undisclosed-recipients:;\n\n",
            "Subject: =?utf-8?q?\u{FC}?= \u{FC}\nFrom: \"\u{FC}\" <a@b>\n\n",
            "Content-Type: text/plain; charset=utf-8;\n name=a.txt;\n x=\"y\\\"z\"\n\nx\n",
            "Content-Transfer-Encoding: x-unknown\n\nx\n",
            "Content-Disposition: attachment\nContent-Language: en\n\nx\n",
            "Content-Type: application/pdf\nContent-Transfer-Encoding: base64\n\nAA==\n",
        ].map(octets)

    /// So many of any structure, by chance from a seed.
    static func random(_ count: Int, seed: UInt64) -> [[UInt8]] {
        var chance = Chance(state: seed)
        return (0..<count).map { _ in octets(chance.header + chance.part(depth: 0)) }
    }
}

/// Writes messages by chance: allowed, but of the stranger kind.
private struct Chance {
    var state: UInt64

    mutating func number(_ limit: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(state >> 33) % limit
    }

    mutating func pick(_ choices: [String]) -> String { choices[number(choices.count)] }

    private static let addresses = [
        "a@b.example", "<a@b.example>", "Joe <joe@example.org>", "\"Q., J.\" <j@x.example>",
        "joe@example.org (Joe)", "\"a b\"@example.org", "=?utf-8?q?J=C3=B6rg?= <j@x.example>",
        "A. B. C. <abc@example.org>", "\"\\\"x\\\"\" <x@y.example>", "x@[192.0.2.1]",
        "<@a.example,@b.example:joe@c.example>", "G: a@b.example, c@d.example;", "G:;",
        "Joe\n\tFolded <joe@example.org>", "nobody",
    ]

    private mutating func list() -> String {
        (0...number(3)).map { _ in pick(Self.addresses) }.joined(separator: ", ")
    }

    var header: String {
        mutating get {
            var header = ""
            for name in ["From", "Sender", "Reply-To", "To", "Cc", "Bcc"] where number(3) > 0 {
                header += "\(name): \(list())\n"
            }
            let subjects = ["", "x", "a\n b", "\"quoted\" \\", "=?utf-8?b?w7w=?= x", "\u{FC}"]
            if number(4) > 0 { header += "Subject: \(pick(subjects))\n" }
            if number(3) > 0 { header += "Date: Fri, 21 Nov 1997 09:55:06 -0600\n" }
            if number(3) > 0 { header += "Message-ID: <\(number(1000))@example.org>\n" }
            if number(3) == 0 { header += "In-Reply-To: <a@b> <c@d>\n" }
            return header
        }
    }

    /// Fields of MIME, an empty line and a body.
    mutating func part(depth: Int) -> String {
        switch number(depth < 4 ? 5 : 3) {
        case 3:
            let boundary = "b\(depth)_\(number(1000))"
            var text = "Content-Type: multipart/\(pick(["mixed", "Alternative", "related"]));"
            text += " boundary=\"\(boundary)\"\n\(disposition())\npreamble\n"
            for _ in 0...number(3) { text += "--\(boundary)\n\(part(depth: depth + 1))\n" }
            return text + "--\(boundary)--\nepilogue\n"
        case 4:
            return "Content-Type: message/rfc822\n\(disposition())\n\(header)"
                + part(depth: depth + 1)
        default:
            let types = [
                "text/plain", "text/html; charset=utf-8", "TEXT/PLAIN; Charset=\"iso-8859-1\"",
                "application/pdf; name=\"a b.pdf\"", "image/png", "text/calendar; method=REQUEST",
                "application/x; name*0=a; name*1=\"b c\"", "application/y; name*=utf-8''%c3%bc",
                "application/z;\n\tname=folded; x=\"\"", "audio/x; a=\"\\\"\\\\\"",
            ]
            var text = "Content-Type: \(pick(types))\n\(disposition())"
            let encodings = ["7bit", "8BIT", "base64", "Quoted-Printable"]
            if number(2) == 0 { text += "Content-Transfer-Encoding: \(pick(encodings))\n" }
            text += "\n"
            for _ in 0..<number(5) { text += pick(["", "line", "-- ", "SGFsbG8=", "--"]) + "\n" }
            return text
        }
    }

    private mutating func disposition() -> String {
        var fields = ""
        let kinds = [
            "inline", "attachment; filename=a", "ATTACHMENT; filename*=utf-8''%c3%bc; x=y",
        ]
        if number(3) == 0 { fields += "Content-Disposition: \(pick(kinds))\n" }
        if number(4) == 0 { fields += "Content-ID: <\(number(1000))@x>\n" }
        if number(4) == 0 { fields += "Content-Description: d \"q\"\n" }
        if number(6) == 0 { fields += "Content-Language: de, en-US\n" }
        if number(6) == 0 { fields += "Content-Location: http://example.org/\n" }
        if number(6) == 0 { fields += "Content-MD5: Q2hlY2sgSW50ZWdyaXR5IQ==\n" }
        return fields
    }
}
