// SPDX-License-Identifier: Apache-2.0

import Bytes
import MIME
import Testing

@Suite("RFC 2046 structure")
struct MessageTests {
    /// `path type "text"` for each leaf.
    private static func parts(_ text: String) -> [String] {
        let message = Message(Array(text.utf8))
        return message.parts.map { part in
            var defects = DefectList()
            return "\(part.path) \(part.contentType) \(part.text(defects: &defects))"
        }
    }

    private static func codes(_ text: String) -> [Defect.Code] {
        Message(Array(text.utf8)).defects.defects.map(\.code)
    }

    private static func lines(_ text: String, _ end: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: end)
    }

    /// RFC 2046 §5.1.1.
    private static let simple = """
        From: Nathaniel Borenstein <nsb@bellcore.com>
        To: Ned Freed <ned@innosoft.com>
        Date: Sun, 21 Mar 1993 23:56:48 -0800 (PST)
        Subject: Sample message
        MIME-Version: 1.0
        Content-type: multipart/mixed; boundary="simple boundary"

        This is the preamble.  It is to be ignored.

        --simple boundary

        This is implicitly typed plain US-ASCII text.
        It does NOT end with a linebreak.
        --simple boundary
        Content-type: text/plain; charset=us-ascii

        This is explicitly typed plain US-ASCII text.
        It DOES end with a linebreak.

        --simple boundary--

        This is the epilogue.  It is also to be ignored.

        """

    @Test("The RFC's own example has two parts, whatever the line ends", arguments: ["\n", "\r\n"])
    func example(_ end: String) {
        let text = Self.lines(Self.simple, end)
        #expect(
            Self.parts(text) == [
                "1 text/plain This is implicitly typed plain US-ASCII text.\(end)"
                    + "It does NOT end with a linebreak.",
                "2 text/plain This is explicitly typed plain US-ASCII text.\(end)"
                    + "It DOES end with a linebreak.\(end)",
            ])
        #expect(Self.codes(text) == [])
    }

    @Test("RFC 2049 appendix A: a complex message is taken apart")
    func complex() {
        let text = """
            MIME-Version: 1.0
            From: Nathaniel Borenstein <nsb@nsb.fv.com>
            Content-Type: multipart/mixed;
                 boundary=unique-boundary-1

            preamble
            --unique-boundary-1

            ... Some text appears here ...
            --unique-boundary-1
            Content-type: text/plain; charset=US-ASCII

            explicit
            --unique-boundary-1
            Content-Type: multipart/parallel; boundary=unique-boundary-2

            --unique-boundary-2
            Content-Type: audio/basic
            Content-Transfer-Encoding: base64

            YXVkaW8=

            --unique-boundary-2
            Content-Type: image/jpeg
            Content-Transfer-Encoding: base64

            aW1hZ2U=

            --unique-boundary-2--

            --unique-boundary-1
            Content-type: text/enriched

            rich
            --unique-boundary-1
            Content-Type: message/rfc822

            From: (mailbox in US-ASCII)
            Subject: (subject in US-ASCII)
            Content-Type: Text/plain; charset=ISO-8859-1
            Content-Transfer-Encoding: Quoted-printable

            =E4
            --unique-boundary-1--
            """
        let parts = Self.parts(text)
        #expect(
            parts.filter { !$0.hasPrefix("5 ") } == [
                "1 text/plain ... Some text appears here ...", "2 text/plain explicit",
                "3.1 audio/basic audio", "3.2 image/jpeg image", "4 text/enriched rich",
                "5.1 text/plain ä",
            ])
        #expect(parts.contains { $0.hasPrefix("5 message/rfc822 From: (mailbox") })
        #expect(Self.codes(text) == [])
    }

    private static let head = "Content-Type: multipart/mixed; boundary=b\n\n"

    private static let odd: [(String, [String], [Defect.Code])] = [
        // The closing delimiter is missing
        (
            head + "--b\n\none\n--b\n\ntwo\n", ["1 text/plain one", "2 text/plain two\n"],
            [.multipartNotClosed]
        ),
        // The boundary never comes: the body is text
        (head + "only text\n", [" multipart/mixed only text\n"], [.boundaryNotFound]),
        // No boundary at all
        (
            "Content-Type: multipart/mixed\n\ntext\n", [" multipart/mixed text\n"],
            [.boundaryMissing]
        ),
        (
            "Content-Type: multipart/mixed; boundary=\"\"\n\nx", [" multipart/mixed x"],
            [.boundaryMissing]
        ),
        // The inner multipart is not closed: the outer boundary ends it
        (
            head
                + "--b\nContent-Type: multipart/alternative; boundary=c\n\n--c\n\nx\n--b\n\ny\n--b--",
            ["1.1 text/plain x", "2 text/plain y"], [.multipartNotClosed]
        ),
        // One boundary begins with another
        (
            head
                + "--b\nContent-Type: multipart/mixed; boundary=bb\n\n--bb\n\nx\n--bb--\n--b\n\ny\n--b--",
            ["1.1 text/plain x", "2 text/plain y"], []
        ),
        // Both use the same: the inner one takes it until it is closed
        (
            head
                + "--b\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--\n--b\n\ny\n--b--",
            ["1.1 text/plain x", "2 text/plain y"], []
        ),
        // White space behind a delimiter; similar lines are content
        (head + "--b \t\n\n--bx\n-- b\n--b- -\n--b--  \n", ["1 text/plain --bx\n-- b\n--b- -"], []),
        // Two delimiters in a row, an empty part, a part of header alone
        (
            head + "--b\n--b\n\n--b\nContent-Type: text/html\n--b--",
            ["1 text/plain ", "2 text/html "], []
        ),
        (head + "--b--\n", [" multipart/mixed --b--\n"], [.boundaryNotFound]),
        // Nothing behind the closing delimiter counts
        (head + "--b\n\nx\n--b--\n--b\n\ny\n--b--\n", ["1 text/plain x"], []),
        // A digest's parts are messages
        (
            "Content-Type: multipart/digest; boundary=d\n\n--d\n\nSubject: a\n\nbody\n--d--\n",
            ["1 message/rfc822 Subject: a\n\nbody", "1.1 text/plain body"], []
        ),
        // A message within in Base64, which RFC 2046 §5.2.1 forbids
        (
            "Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\nU3ViamVjdDogYQoKaGk=\n",
            [" message/rfc822 Subject: a\n\nhi", "1 text/plain hi"], [.transferEncodingForbidden]
        ),
        // The header ends without an empty line
        ("Subject: x\nno field\nmore\n", [" text/plain no field\nmore\n"], [.headerEndMissing]),
        ("Subject: x", [" text/plain "], []),
        ("", [" text/plain "], []),
        ("\n", [" text/plain "], []),
        ("\n\nbody", [" text/plain \nbody"], []),
        ("just a line\n", [" text/plain just a line\n"], [.headerEndMissing]),
        (" continued\nSubject: x\n\nb", [" text/plain b"], [.firstLineContinued]),
        (": no name\nSubject: x\n\nb", [" text/plain b"], [.fieldNameMissing]),
        ("From joe Sat Jan 1\nSubject: x\n\nb", [" text/plain b"], []),
        ("Subject: x\nFrom joe Sat Jan 1\nTo: y\n\nb", [" text/plain b"], [.envelopeLine]),
        (
            "Content-Type: text/plain\nContent-Transfer-Encoding: x-foo\n\nb", [" text/plain b"],
            [.transferEncodingUnknown]
        ),
    ]

    @Test("Odd structures are read as far as they go", arguments: odd)
    func oddStructures(_ text: String, _ expected: [String], _ codes: [Defect.Code]) {
        #expect(Self.parts(text) == expected)
        #expect(Self.codes(text) == codes)
        let crlf = Self.lines(text, "\r\n")
        #expect(Self.parts(crlf).map { $0.replacing("\r\n", with: "\n") }.count == expected.count)
        #expect(Self.codes(crlf) == codes)
    }

    private static let texts: [(String, [UInt8], String, [Defect.Code])] = [
        ("text/plain", Array("plain".utf8), "plain", []),
        ("text/plain; charset=utf-8", Array("ö".utf8), "ö", []),
        ("text/plain; charset=iso-8859-1", [0xF6], "ö", []),
        ("text/plain", Array("ö".utf8), "ö", [.charsetWrong]),
        ("text/plain; charset=us-ascii", [0xF6], "ö", [.charsetWrong]),
        ("text/plain; charset=utf-8", [0x61, 0xF6], "a\u{FFFD}", [.charsetWrong]),
        ("text/plain; charset=nonesuch", [0x61, 0xF6], "a\u{FFFD}", [.charsetUnknown]),
    ]

    @Test("Text is decoded by its charset", arguments: texts)
    func charsets(_ type: String, _ body: [UInt8], _ expected: String, _ codes: [Defect.Code]) {
        let message = Message(Array("Content-Type: \(type)\n\n".utf8) + body)
        var defects = DefectList()
        #expect(message.root.text(defects: &defects) == expected)
        #expect(defects.defects.map(\.code) == codes)
    }
}

@Suite("Hostile messages")
struct HostileMessageTests {
    @Test("A thousand nested multiparts are read to the limit of depth")
    func nested() {
        var text = ""
        for level in 0..<1000 {
            text += "Content-Type: multipart/mixed; boundary=b\(level)\n\n--b\(level)\n"
        }
        text += "\ninnermost\n"
        let message = Message(Array(text.utf8))
        #expect(message.entities.count == Message.maximumDepth)
        #expect(message.defects.defects.contains(Defect(.tooDeep)))
    }

    @Test("A thousand messages within messages are read to the limit of depth")
    func nestedMessages() {
        let text = String(repeating: "Content-Type: message/rfc822\n\n", count: 1000) + "\nx"
        let message = Message(Array(text.utf8))
        #expect(message.entities.count == Message.maximumDepth)
        #expect(message.defects.defects.contains(Defect(.tooDeep)))
    }

    @Test("Messages within messages in Base64 share the limits")
    func nestedEncoded() {
        var octets = Array("\nx".utf8)
        for _ in 0..<20 {
            octets =
                Array("Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n".utf8)
                + TransferEncoding.encodeBase64(octets)
        }
        #expect(Message(octets).entities.count == 21)
    }

    @Test("Parts beyond the limit are not read, and that is said")
    func manyParts() {
        let text =
            "Content-Type: multipart/mixed; boundary=b\n\n"
            + String(repeating: "--b\n\n", count: 50_000)
        let message = Message(Array(text.utf8))
        #expect(message.entities.count == Message.maximumParts)
        #expect(message.defects.defects.contains(Defect(.tooManyParts)))
    }

    @Test("A header of a hundred thousand fields is cut, and its body still found")
    func headerBomb() {
        let text = String(repeating: "X-A: b\n", count: 100_000) + "\nbody"
        let message = Message(Array(text.utf8))
        #expect(message.header.fields.count == Header.maximumFields)
        #expect(String(lossy: message.root.body) == "body")
        #expect(message.defects.defects == [Defect(.headerTooLarge)])
    }

    @Test("A field of two megabytes is skipped, and what comes before it is kept")
    func longField() {
        let text =
            "Subject: a\nX-Long: " + String(repeating: "x ", count: 1 << 20) + "\n\nbody"
        let message = Message(Array(text.utf8))
        #expect(message.header.fields.map(\.name) == ["Subject"])
        #expect(String(lossy: message.root.body) == "body")
    }

    @Test("Lines that look like delimiters cost no more than others")
    func manyDashes() {
        let line = "--" + String(repeating: "b", count: 60) + "\n"
        let text =
            "Content-Type: multipart/mixed; boundary=\(String(repeating: "b", count: 61))\n\n"
            + String(repeating: line, count: 50_000)
        #expect(Message(Array(text.utf8)).parts.count == 1)
    }

    @Test(
        "What is never terminated is read to the end",
        arguments: [
            "From: \"a", "From: (a", "From: <a", "From: a:", "From: [", "From: a@[", "From: \\",
            "From: \"\\", "Content-Type: text/plain; a=\"", "Content-Type: text/plain; a",
            "Content-Type: multipart/mixed; boundary=\"b\n\n--b", "Subject: =?utf-8?b?",
            "Date: (", "Message-ID: <", "Content-Disposition: ;", "Content-Type: (", "\0", "a:\0",
        ])
    func unterminated(_ text: String) {
        // Every prefix too: a message may end anywhere.
        let octets = Array(text.utf8)
        for end in 0...octets.count {
            let summary = Message.summary(of: Array(octets[..<end]))
            #expect(summary["parts"]?.array?.count == 1)
        }
    }

    @Test("Repeated openings in an address list take linear time")
    func openings() {
        for opening in ["\"", "(", "<", "[", "a:", "\\", "=?utf-8?q?", ",", ";", "@", "\"a\" "] {
            let list = AddressList(String(repeating: opening, count: 100_000))
            #expect(list.participants.count <= AddressList.maximumAddresses)
        }
    }

    /// Pieces from which a hostile message is most likely made.
    private static let pieces = [
        "Content-Type: ", "multipart/mixed; boundary=", "b", "--", "\n", "\r\n", "\r", "\n\n",
        "--b",
        "--b--", "\0", "\"", "(", ")", "<", ">", "@", ";", ":", ",", "=?utf-8?q?", "?=", "=?x?b?",
        "From: ", "To: ", "Date: ", "Subject: ", "Content-Transfer-Encoding: base64\n", "\t", " ",
        "message/rfc822", "text/plain", "; charset=", "iso-2022-jp", "utf-7", "*0*=", "%C3", "''",
        "Content-Disposition: attachment; filename", "=", "\u{FFFD}", "ö", "quoted-printable",
    ]

    @Test("Any mixture of pieces and octets is read, by every reader", arguments: 0..<8)
    func random(_ seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<300 {
            var octets: [UInt8] = []
            for _ in 0..<Int.random(in: 1...80, using: &generator) {
                if Int.random(in: 0...3, using: &generator) == 0 {
                    octets += generator.octets(Int.random(in: 1...6, using: &generator))
                } else if let piece = Self.pieces.randomElement(using: &generator) {
                    octets += piece.utf8
                }
            }
            let text = Message.summary(of: octets).description
            #expect(try JSON(parsing: text.utf8)["parts"] != nil)
            _ = HeaderScan(octets[...])
            let message = Message(octets)
            for entity in message.entities {
                #expect(entity.body.startIndex >= 0)
                for field in entity.header.fields {
                    var defects = DefectList()
                    _ = field.addresses(defects: &defects)
                    _ = field.identifiers
                    _ = DateTime.parse(field.value)
                    _ = ContentType(field.value, defects: &defects, at: "")
                }
            }
        }
    }
}
