// SPDX-License-Identifier: Apache-2.0

import Bytes
import MIME
import Testing

private func survey(_ text: String, cut: Int? = nil) -> TransportFindings {
    var survey = TransportSurvey()
    for piece in pieces(lines(text), cut) { survey.scan(piece) }
    return survey.finish()
}

private func lines(_ text: String) -> [UInt8] {
    Array(text.replacing("\n", with: "\r\n").utf8)
}

private func pieces(_ octets: [UInt8], _ cut: Int?) -> [[UInt8]] {
    let size = cut ?? max(1, octets.count)
    return stride(from: 0, to: octets.count, by: size).map {
        Array(octets[$0..<min($0 + size, octets.count)])
    }
}

private func convert(
    _ text: String, _ target: TransportFindings.Target = .sevenBit, cut: Int? = nil
) throws -> String {
    let changes = try survey(text, cut: cut).changes(for: target)
    var converter = TransportConverter(changes)
    var result: [UInt8] = []
    for piece in pieces(lines(text), cut) { result += converter.convert(piece) }
    result += converter.finish()
    #expect(abs(result.count - changes.estimatedOctets) < 60 + result.count / 5)
    return String(lossy: result).replacing("\r\n", with: "\n")
}

private let cuts: [Int?] = [nil, 1, 2, 3, 7, 64]

@Suite("RFC 6152 §3 from 8 bits to 7")
struct TransportTests {
    static let vectors: [(name: String, message: String, converted: String)] = [
        (
            "ASCII stays as it is, whatever it says",
            "Content-Transfer-Encoding: 8bit\n\nhello\n",
            "Content-Transfer-Encoding: 8bit\n\nhello\n"
        ),
        (
            "text becomes quoted-printable",
            """
            MIME-Version: 1.0
            Content-Type: text/plain; charset=utf-8
            content-transfer-encoding:
              8bit
            Subject: x

            Grüße an alle, die mitlesen = \u{20}
            .
            """,
            """
            MIME-Version: 1.0
            Content-Type: text/plain; charset=utf-8
            Subject: x
            Content-Transfer-Encoding: quoted-printable

            Gr=C3=BC=C3=9Fe an alle, die mitlesen =3D =20
            =2E
            """
        ),
        (
            "text that is mostly not ASCII becomes base64",
            "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\nпривет\n",
            "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
                + "Content-Transfer-Encoding: base64\n\n0L/RgNC40LLQtdGCDQo="
        ),
        (
            "a message without MIME gets it",
            "Subject: x\n\nJa, natürlich geht das so, und zwar heute.\n",
            "Subject: x\nMIME-Version: 1.0\nContent-Type: text/plain; charset=unknown-8bit\n"
                + "Content-Transfer-Encoding: quoted-printable\n\n"
                + "Ja, nat=C3=BCrlich geht das so, und zwar heute.\n"
        ),
        (
            "of a multipart only what must be",
            """
            MIME-Version: 1.0
            Content-Type: multipart/mixed; boundary="a b"
            Content-Transfer-Encoding: 8bit

            preamble
            --a b

            ascii
            --a b \u{20}
            Content-Type: application/octet-stream
            Content-Transfer-Encoding: 8bit

            ä
            --a b
            Content-Type: message/rfc822
            Content-Transfer-Encoding: 8bit

            Subject: inner
            Content-Type: text/plain; charset=utf-8

            Grüße von hier nach dort und zurück

            --a b--
            epilogue
            """,
            """
            MIME-Version: 1.0
            Content-Type: multipart/mixed; boundary="a b"
            Content-Transfer-Encoding: 7bit

            preamble
            --a b

            ascii
            --a b \u{20}
            Content-Type: application/octet-stream
            Content-Transfer-Encoding: base64

            w6Q=
            --a b
            Content-Type: message/rfc822
            Content-Transfer-Encoding: 7bit

            Subject: inner
            Content-Type: text/plain; charset=utf-8
            Content-Transfer-Encoding: quoted-printable

            Gr=C3=BC=C3=9Fe von hier nach dort und zur=C3=BCck

            --a b--
            epilogue
            """
        ),
        (
            "what is signed and ASCII does not hinder the rest",
            """
            MIME-Version: 1.0
            Content-Type: multipart/mixed; boundary=o

            --o
            Content-Type: multipart/signed; boundary=i

            --i

            signed
            --i
            Content-Type: application/pgp-signature

            xyz
            --i--
            --o
            Content-Type: text/plain; charset=utf-8

            ein Fußnotentext von einiger Länge, damit er lesbar bleibt
            --o--
            """,
            """
            MIME-Version: 1.0
            Content-Type: multipart/mixed; boundary=o

            --o
            Content-Type: multipart/signed; boundary=i

            --i

            signed
            --i
            Content-Type: application/pgp-signature

            xyz
            --i--
            --o
            Content-Type: text/plain; charset=utf-8
            Content-Transfer-Encoding: quoted-printable

            ein Fu=C3=9Fnotentext von einiger L=C3=A4nge, damit er lesbar bleibt
            --o--
            """
        ),
        (
            "parts without a header, and a header without an end",
            """
            MIME-Version: 1.0
            Content-Type: multipart/mixed; boundary=o

            --o

            ää
            --o
            X: y
            --o--
            """,
            """
            MIME-Version: 1.0
            Content-Type: multipart/mixed; boundary=o

            --o
            Content-Transfer-Encoding: base64

            w6TDpA==
            --o
            X: y
            --o--
            """
        ),
    ]

    @Test("each vector, in pieces of any size", arguments: vectors.indices, cuts)
    func vector(number: Int, cut: Int?) throws {
        let (name, message, converted) = Self.vectors[number]
        #expect(try convert(message, cut: cut) == converted, "\(name)")
    }

    static let refusals: [(message: String, obstacle: TransportObstacle)] = [
        (
            "Content-Type: multipart/signed; boundary=b\n\n--b\n\nä\n--b--\n", .signed
        ),
        (
            "Content-Type: multipart/encrypted; boundary=b\n\n--b\n"
                + "Content-Type: message/rfc822\n\nSubject: x\n\nä\n--b--\n", .signed
        ),
        ("Subject: ä\n\nä\n", .header),
        (
            "Content-Type: multipart/mixed; boundary=b\n\n--b\n"
                + "Content-Type: text/plain; name=ä\n\nä\n--b--\n", .header
        ),
        ("Content-Transfer-Encoding: base64\n\nä\n", .encoding),
        ("Content-Transfer-Encoding: x-own\n\nä\n", .encoding),
        ("Content-Type: message/partial\n\nä\n", .encoding),
        ("Content-Type: multipart/mixed\n\nä\n", .encoding),
        (
            "Content-Type: multipart/mixed; boundary=b\n\nä\n--b\n\nä\n--b--\n", .betweenParts
        ),
        (
            "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nx\n--b--\nä\n", .betweenParts
        ),
    ]

    @Test("what a change would break is left alone", arguments: refusals.indices, cuts)
    func refusal(number: Int, cut: Int?) {
        let (message, obstacle) = Self.refusals[number]
        let findings = survey(message, cut: cut)
        #expect(findings.needsConversion(for: .sevenBit))
        #expect(throws: obstacle) { try findings.changes(for: .sevenBit) }
    }

    @Test("binary parts become base64 for a peer of 8BITMIME, 8-bit text stays")
    func binary() throws {
        let message = """
            MIME-Version: 1.0
            Content-Type: multipart/mixed; boundary=b
            Content-Transfer-Encoding: binary

            --b
            Content-Type: text/plain; charset=utf-8
            Content-Transfer-Encoding: 8bit

            Grüße
            --b
            Content-Type: image/png
            Content-Transfer-Encoding: binary

            a\u{0}b
            --b--
            """
        #expect(
            try convert(message, .eightBit) == """
                MIME-Version: 1.0
                Content-Type: multipart/mixed; boundary=b
                Content-Transfer-Encoding: 8bit

                --b
                Content-Type: text/plain; charset=utf-8
                Content-Transfer-Encoding: 8bit

                Grüße
                --b
                Content-Type: image/png
                Content-Transfer-Encoding: base64

                YQBi
                --b--
                """)
        #expect(!survey("Subject: x\n\nä\n").needsConversion(for: .eightBit))
        #expect(survey("Subject: ä\n\nx\n").hasInternationalHeader)
        #expect(!survey("Subject: x\n\nä\n").hasInternationalHeader)
    }

    @Test("long base64 has lines of 76, and decodes to what was there", arguments: cuts)
    func long(cut: Int?) throws {
        let body = String(repeating: "привет, мир\n", count: 100)
        let converted = try convert(
            "MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n" + body, cut: cut)
        #expect(
            converted.split(separator: "\n").allSatisfy { line in
                line.utf8.count <= 76 && line.utf8.allSatisfy { $0 < 0x80 }
            })
        var defects = DefectList()
        let message = Message(Array(converted.utf8))
        #expect(
            message.root.content(defects: &defects).elementsEqual(
                body.replacing("\n", with: "\r\n").utf8))
    }

    @Test("hostile messages are given up, in bounded memory")
    func hostile() {
        var headerBomb = TransportSurvey()
        for _ in 0..<100 { headerBomb.scan([UInt8](repeating: 0x61, count: 10_000)) }
        headerBomb.scan(Array("\r\n\r\nä\r\n".utf8))
        #expect(throws: TransportObstacle.tooComplex) {
            try headerBomb.finish().changes(for: .sevenBit)
        }
        let parts = String(repeating: "--b\n\nä\n", count: 11_000)
        let partBomb = survey("Content-Type: multipart/mixed; boundary=b\n\n" + parts)
        #expect(throws: TransportObstacle.tooComplex) { try partBomb.changes(for: .sevenBit) }
        let nested = String(repeating: "Content-Type: message/rfc822\n\n", count: 200) + "\nä\n"
        #expect(throws: TransportObstacle.tooComplex) {
            try survey(nested).changes(for: .sevenBit)
        }
    }
}
