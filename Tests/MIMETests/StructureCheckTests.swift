// SPDX-License-Identifier: Apache-2.0

import Bytes
import Testing

@testable import MIME

@Suite("What is odd about a message is found while it comes")
struct StructureCheckTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let text: String
        var isInternational = false
        let found: [String]

        init(_ name: String, _ text: String, isInternational: Bool = false, _ found: [String]) {
            testDescription = name
            self.text = text
            self.isInternational = isInternational
            self.found = found
        }
    }

    private static let two = """
        --b
        Content-Type: text/plain

        eins
        --b
        Content-Type: image/png
        Content-Transfer-Encoding: base64

        QUJD
        REU=
        --b--
        epilogue=
        """

    static let cases = [
        Case("plain text", "Subject: x\n\n--b\n=\n", []),
        Case("an honest multipart", "Content-Type: multipart/mixed; boundary=b\n\n\(two)", []),
        Case(
            "no boundary", "Content-Type: multipart/mixed\n\n\(two)", ["boundary-missing "]),
        Case(
            "another boundary", "Content-Type: multipart/mixed; boundary=c\n\n\(two)",
            ["boundary-not-found "]),
        Case(
            "cut short", "Content-Type: multipart/mixed; boundary=b\n\n--b\n\neins\n",
            ["multipart-not-closed "]),
        Case(
            "cut within the header of a part",
            "Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Transfer-Encoding: zip",
            ["transfer-encoding-unknown 1", "multipart-not-closed "]),
        Case(
            "an inner multipart that its outer one ends",
            "Content-Type: multipart/mixed; boundary=b\n\n--b\n"
                + "Content-Type: multipart/alternative; boundary=bb\n\n--bb\n\nx\n--b--\n",
            ["multipart-not-closed 1"]),
        Case(
            "damaged Base64", "Content-Transfer-Encoding: base64\n\nQUJD\nQ!==\n",
            ["base64-invalid "]),
        Case(
            "Base64 that ends within a group", "Content-Transfer-Encoding: base64\n\nQUJDR\n",
            ["base64-invalid "]),
        Case(
            "Base64 behind its padding", "Content-Transfer-Encoding: base64\n\nQQ==QUJD\n",
            ["base64-invalid "]),
        Case(
            "sound quoted-printable",
            "Content-Transfer-Encoding: quoted-printable\n\nf=FCr=\nund=20x =\n", []),
        Case(
            "damaged quoted-printable",
            "Content-Transfer-Encoding: quoted-printable\n\nx\na=zz\n",
            ["quoted-printable-invalid "]),
        Case(
            "an encoded multipart",
            "Content-Type: multipart/mixed; boundary=b\nContent-Transfer-Encoding: base64\n\n\(two)",
            ["transfer-encoding-forbidden "]),
        Case("UTF-8 in the header", "Subject: für\n\n", ["header-eight-bit "]),
        Case("UTF-8 that was announced", "Subject: für\n\n", isInternational: true, []),
        Case("an address that is none", "From: <<\n\n", ["address-invalid From"]),
        Case(
            "a type that is none", "Content-Type: ;\n\nx\n", ["content-type-invalid Content-Type"]),
    ]

    @Test("in one piece and octet by octet", arguments: cases)
    func finds(_ one: Case) throws {
        let octets = Array(one.text.replacing("\n", with: "\r\n").utf8)
        let end = try #require(Self.headerEnd(octets))
        for size in [octets.count, 1, 7] {
            var check = StructureCheck(
                header: Array(octets[..<end]), isInternational: one.isInternational)
            var rest = octets[end...]
            while !rest.isEmpty {
                check.take(rest.prefix(size))
                rest = rest.dropFirst(size)
            }
            let found = check.finish().map { "\($0.code.rawValue) \($0.place)" }
            #expect(found == one.found, "in pieces of \(size)")
        }
    }

    private static func headerEnd(_ octets: [UInt8]) -> Int? {
        octets.indices.dropLast(3).first { octets[$0..<$0 + 4].elementsEqual([13, 10, 13, 10]) }
            .map { $0 + 4 }
    }

    @Test("what it finds of whole messages, the whole reading finds too")
    func agrees() throws {
        for one in Self.cases where !one.found.isEmpty && !one.text.contains("ü") {
            let octets = Array(one.text.replacing("\n", with: "\r\n").utf8)
            let defects = Message.summary(of: octets)["defects"]?.array ?? []
            let known = Set(defects.compactMap { $0["code"]?.string })
            for found in one.found {
                let code = String(found.prefix { $0 != " " })
                #expect(known.contains(code), "\(one.testDescription): \(code)")
            }
        }
    }

    @Test("memory and work are bounded: endless lines, headers, nesting and parts")
    func bounds() {
        let header = Array("Content-Type: multipart/mixed; boundary=b\r\n\r\n".utf8)
        var check = StructureCheck(header: header)
        let line = [UInt8](repeating: 0x2D, count: 100_000)
        for _ in 0..<20 { check.take(line[...]) }
        check.take([13, 10])
        for depth in 0..<100 {
            let part = "--b\r\nContent-Type: multipart/mixed; boundary=b\(depth)\r\n\r\n"
            check.take(Array(part.utf8)[...])
        }
        check.take(Array("--b\r\nX: ".utf8)[...])
        for _ in 0..<1000 {
            check.take([UInt8](repeating: 0x41, count: 100)[...])
            check.take([13, 10, 32])
        }
        let codes = Set(check.finish().map(\.code))
        #expect(codes.isSuperset(of: [.headerTooLarge, .boundaryNotFound, .multipartNotClosed]))
    }
}
