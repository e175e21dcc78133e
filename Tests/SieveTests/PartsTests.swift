// SPDX-License-Identifier: Apache-2.0

import Sieve
import Testing

@Suite("RFC 5703: the parts of a message, one by one")
struct PartsTests {
    private static let head = """
        require ["foreverypart", "mime", "extracttext", "variables", "fileinto", "relational",
            "comparator-i;ascii-numeric", "editheader", "index", "imap4flags"];

        """

    /// A mixed of an alternative, an attachment and a message within.
    private static let message = """
        From: Wile <coyote@desert.example>
        Subject: parts
        Content-Type: multipart/mixed; boundary=a

        --a
        Content-Type: multipart/alternative; boundary=b

        --b
        Content-Type: text/plain; charset=iso-8859-1
        Content-Transfer-Encoding: quoted-printable

        Gr=FC=DFe
        --b
        Content-Type: text/html

        <b>hello</b>
        --b--
        --a
        Content-Type: application/pdf; name="plan.pdf"
        Content-Disposition: attachment; filename*=utf-8''pl%C3%A4ne.pdf; size=12
        Content-From: <tim@example.com>

        JVBERg==
        --a
        Content-Type: message/rfc822

        Subject: within
        Content-Type: text/plain; charset=x-unknown

        inner
        --a--

        """.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\r\n")

    private static func run(_ script: String, message: String = message) throws -> [String] {
        let verdict = try RunTests.run(head + script, message: message)
        #expect(verdict.failure == nil, "\(verdict.failure?.message ?? "")")
        return RunTests.places(verdict)
    }

    /// Adds a flag for each part that a loop comes to.
    private static let each = """
        set "n" "";
        foreverypart {
            if header :mime :contenttype :matches "Content-Type" "*/*" { addflag "${2}"; }
        }

        """

    @Test("A loop walks through all parts, outer before inner, the message itself first")
    func order() throws {
        #expect(
            try Self.run(Self.each)
                == ["INBOX mixed alternative plain html pdf rfc822"])
        #expect(try Self.run(Self.each, message: "Subject: x\r\n\r\nx\r\n") == ["INBOX"])
        #expect(
            try Self.run(
                "foreverypart { if header :mime :type \"Content-Type\" \"multipart\" {"
                    + "foreverypart { addflag \"x\"; } addflag \"y\"; break; } }")
                == ["INBOX x y"])
        // Within a part without parts nothing is walked through.
        #expect(
            try Self.run(
                "foreverypart { foreverypart { addflag \"x\"; } }",
                message: "Subject: x\r\n\r\nx\r\n") == ["INBOX"])
    }

    @Test("break leaves the nearest loop, or the one of the name")
    func breaking() throws {
        #expect(
            try Self.run(
                """
                foreverypart :name "a" { foreverypart :name "b" { break :name "a"; }
                    addflag "not"; }
                foreverypart :name "a" { foreverypart :name "a" { break :name "a"; }
                    addflag "inner"; break; addflag "not"; }
                """) == ["INBOX inner"])
        #expect(
            try Self.run("foreverypart { stop; } fileinto \"Lists\";") == ["INBOX"])
    }

    @Test(
        "Tests look at the part, its fields' values and parameters, or at all within",
        arguments: [
            ("header :mime \"Subject\" \"parts\"", true),
            ("header :mime \"Subject\" \"within\"", false),
            ("header :mime :anychild \"Subject\" \"within\"", true),
            ("header :mime :type \"Content-Type\" \"multipart\"", true),
            ("header :mime :subtype \"Content-Type\" \"mixed\"", true),
            ("header :mime :contenttype \"Content-Type\" \"MULTIPART/mixed\"", true),
            ("header :mime :anychild :contenttype \"Content-Type\" \"text/html\"", true),
            ("header :mime :anychild :type \"Content-Disposition\" \"attachment\"", true),
            ("header :mime :anychild :contenttype \"Content-Disposition\" \"attachment\"", true),
            ("header :mime :anychild :subtype \"Content-Disposition\" \"\"", true),
            ("header :mime :type \"Subject\" \"\"", true),
            (
                "header :mime :anychild :param \"filename\" \"Content-Disposition\" \"pläne.pdf\"",
                true
            ),
            (
                "header :mime :anychild :param [\"x\", \"NAME\"] :contains"
                    + " [\"Content-Disposition\", \"Content-Type\"] \"PLAN\"", true
            ),
            ("header :mime :param \"boundary\" \"Content-Type\" \"a\"", true),
            ("header :mime :param \"boundary\" \"Content-Type\" \"b\"", false),
            ("header :mime :anychild :count \"eq\" :type \"Content-Type\" \"7\"", true),
            (
                "header :mime :anychild :count \"eq\" :param \"boundary\" \"Content-Type\" \"2\"",
                true
            ),
            ("exists :mime \"Content-From\"", false),
            ("exists :mime :anychild \"Content-From\"", true),
            ("exists :mime :anychild [\"Content-From\", \"Content-MD5\"]", false),
            ("address :mime :anychild \"content-from\" \"tim@example.com\"", true),
            ("address :mime :anychild :domain \"Content-From\" \"example.com\"", true),
            ("address :mime \"from\" \"coyote@desert.example\"", true),
            ("header :contenttype :mime \"X-None\" \"\"", false),
        ])
    func tests(_ test: String, _ outcome: Bool) throws {
        let flags = try Self.run("if \(test) { addflag \"yes\"; }")
        #expect(flags == [outcome ? "INBOX yes" : "INBOX"])
    }

    @Test("In a loop the tests without :mime still look at the message, and the others at the part")
    func scope() throws {
        #expect(
            try Self.run(
                """
                foreverypart {
                    if allof (header :mime :subtype "Content-Type" "pdf",
                        header "Subject" "parts", not header :mime "Subject" "parts",
                        header :mime :param "size" "Content-Disposition" "12",
                        not header :mime :anychild "Subject" "within") { addflag "found"; break; }
                }
                """) == ["INBOX found"])
        let verdict = try RunTests.run(
            Self.head
                + "addheader \"X-New\" \"1\"; foreverypart { if exists :mime \"X-New\" { stop; } discard; }",
            message: Self.message)
        #expect(!RunTests.places(verdict).contains("discard"))
    }

    @Test("extracttext takes text in its charset, as much as is wanted, and no other content")
    func extracting() throws {
        #expect(
            try Self.run(
                """
                foreverypart {
                    extracttext "t"; extracttext :first 2 :upper "s"; extracttext :length "n";
                    if string :contains "${t}" "Grüße" { addflag ["${s}", "${n}"]; }
                    if header :mime :type "Content-Type" ["multipart", "application"] {
                        if not string "${t}" "" { addflag "wrong"; }
                    }
                    if header :mime :param "charset" "Content-Type" "x-unknown" {
                        if string "${t}" "" { addflag "empty"; }
                    }
                }
                """) == ["INBOX GR 5 empty"])
    }

    @Test("Loops over thousands of parts end, and the message is kept")
    func bounds() throws {
        let parts = String(repeating: "--a\r\nX: y\r\n\r\nx\r\n", count: 3000)
        let flat = "Content-Type: multipart/mixed; boundary=a\r\n\r\n\(parts)--a--\r\n"
        let nested = try RunTests.run(
            Self.head + "foreverypart { foreverypart { foreverypart { keep; } } }", message: flat)
        #expect(RunTests.places(nested) == ["INBOX"])
        let greedy = try RunTests.run(
            Self.head
                + "foreverypart { "
                + String(
                    repeating: "if header :mime :anychild \"y\" \"z\" { discard; }", count: 60)
                + "}",
            message: flat)
        #expect(greedy.failure?.message == "the script's tests compare too much text")
        #expect(RunTests.places(greedy) == ["INBOX"])
        var deep = "x\r\n"
        for level in (0..<200).reversed() {
            deep =
                "Content-Type: multipart/mixed; boundary=b\(level)\r\n\r\n--b\(level)\r\n\(deep)"
                + "\r\n--b\(level)--\r\n"
        }
        let chain = try RunTests.run(
            Self.head
                + "foreverypart { foreverypart { foreverypart { foreverypart { keep; } } } }",
            message: deep)
        #expect(RunTests.places(chain) == ["INBOX"])
        let text = "Content-Type: text/plain\r\n\r\n" + String(repeating: "x", count: 9 << 20)
        let long = try RunTests.run(
            Self.head + "foreverypart { extracttext \"a\"; extracttext \"b\"; }", message: text)
        #expect(long.failure?.message.contains("too long in all") == true)
    }
}
