// SPDX-License-Identifier: Apache-2.0

import Bytes
import MIME
import Testing

@Suite("RFC 5322 §2.2 header")
struct HeaderTests {
    private static let text =
        "Received: from a\r\n\tby b\r\nreceived: from c\r\nSubject: This\r\n is a test \r\n"
        + "DATE : Fri, 21 Nov 1997 09:55:06 -0600\r\nFrom: joe@example.org\r\n"
        + "Message-Id: <1@x>\r\nX-Empty:\r\n\r\nbody\r\nDate: no\r\n"

    @Test("Fields keep their names and their values are unfolded")
    func fields() {
        var bodyStart = 0
        var defects = DefectList()
        let octets = Array(Self.text.utf8)
        let header = Header(octets[...], bodyStart: &bodyStart, defects: &defects)
        #expect(
            header.fields.map { "\($0.name)|\($0.decoded)" } == [
                "Received|from a\tby b", "received|from c", "Subject|This is a test",
                "DATE|Fri, 21 Nov 1997 09:55:06 -0600", "From|joe@example.org",
                "Message-Id|<1@x>", "X-Empty|",
            ])
        #expect(String(lossy: octets[bodyStart...].prefix(4)) == "body")
        #expect(defects.defects.isEmpty)
        #expect(header.all("RECEIVED").count == 2)
        #expect(header.first("subject")?.name == "Subject")
    }

    @Test("The scan finds what acceptance must know", arguments: ["\r\n", "\n"])
    func scan(_ end: String) {
        let octets = Array(Self.text.replacing("\r\n", with: end).utf8)
        let scan = HeaderScan(octets[...])
        #expect(scan.hasDate && scan.hasFrom && scan.hasMessageIdentifier)
        #expect(scan.receivedCount == 2)
        #expect(!scan.isInternational)
        #expect(scan.bodyStart.map { String(lossy: octets[$0...].prefix(4)) } == "body")
        #expect(scan.headerEnd.map { octets[..<$0].last } == .lineFeed)
        let subject = HeaderScan.value(of: "subject", in: octets[...])
        #expect(subject.map { String(lossy: $0) } == " This\(end) is a test ")
        #expect(HeaderScan.value(of: "To", in: octets[...]) == nil)
    }

    @Test("RFC 5322 §3.6: the scan names fields that stand there too often, each time")
    func repeated() {
        let text =
            "From: a\r\nSubject: b\r\nFROM: c\r\nsubject: d\r\nReceived: e\r\n"
            + "Received: f\r\nSubject: g\r\nReply-To: h\r\nReferences: i\r\nDate: j\r\n"
            + "Date: k\r\nMessage-ID:\r\n <l@m>\r\n\r\nTo: n\r\nTo: o\r\n"
        let scan = HeaderScan(Array(text.utf8)[...])
        #expect(scan.repeated == [.from, .subject, .subject, .date])
        #expect(scan.fromCount == 2)
        #expect(scan.date.map { String(lossy: $0) } == " j")
        #expect(scan.messageIdentifier.map { String(lossy: $0) } == "\r\n <l@m>")
        #expect(!scan.hasSender && !scan.hasBlindCopies)
    }

    private static let ends: [(String, Int?, Int?)] = [
        ("A: b\r\n\r\nx", 6, 8), ("A: b\r\n", nil, nil), ("A: b", nil, nil), ("", nil, nil),
        ("\r\nx", 0, 2), ("A: b\r\nnone\r\n", 6, 6), ("A: b\nnone", nil, nil), ("\nx", 0, 1),
    ]

    @Test("The end of the header is found, or that it has not come yet", arguments: ends)
    func end(_ text: String, _ headerEnd: Int?, _ bodyStart: Int?) {
        let scan = HeaderScan(Array(text.utf8)[...])
        #expect(scan.headerEnd == headerEnd)
        #expect(scan.bodyStart == bodyStart)
    }

    @Test("RFC 6532: a header with UTF-8 needs SMTPUTF8")
    func international() {
        #expect(HeaderScan(Array("Subject: ö\r\n\r\n".utf8)[...]).isInternational)
        #expect(!HeaderScan(Array("Subject: o\r\n\r\nö".utf8)[...]).isInternational)
    }

    private static let waivers: [(String, Bool)] = [
        ("TLS-Required: No", true), ("tls-required:no", true), ("TLS-Required:\r\n no ", true),
        ("TLS-Required: Yes", false), ("TLS-Required:", false),
        ("TLS-Required: No (really)", false),
        ("TLS-Required: No\r\nTLS-Required: No", false), ("X-TLS-Required: No", false),
        ("Subject: TLS-Required: No", false),
    ]

    @Test("RFC 8689 §3: TLS-Required is `No`, once, or nothing", arguments: waivers)
    func tlsRequired(_ fields: String, _ isWaived: Bool) {
        let text = "Subject: x\r\n\(fields)\r\n\r\nTLS-Required: No\r\n"
        #expect(HeaderScan(Array(text.utf8)[...]).waivesTLSPolicy == isWaived)
    }

    private static let identifiers: [(String, [String])] = [
        ("<1234@local.machine.example>", ["1234@local.machine.example"]),
        (" <a@b>\r\n <c@d> (comment <x@y>)", ["a@b", "c@d"]),
        ("Message of <a@b> from \"<no@no>\"", ["a@b"]),
        ("a@b", ["a@b"]), ("<>", []), ("<a@b", []), ("", []), ("<a b@c>", ["ab@c"]),
        ("<no-at-sign>", ["no-at-sign"]), ("<a@b><c@d>", ["a@b", "c@d"]),
    ]

    @Test("RFC 5322 §3.6.4: identifiers are found", arguments: identifiers)
    func messageIdentifiers(_ text: String, _ expected: [String]) {
        #expect(MessageIdentifier.parse(Array(text.utf8)[...]).map(\.value) == expected)
    }
}
