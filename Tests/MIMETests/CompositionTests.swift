// SPDX-License-Identifier: Apache-2.0

import Bytes
import MIME
import Mail
import Testing
import World

/// The numbers of a seed.
private final class SeededEntropy: Entropy, @unchecked Sendable {
    private var generator: SeededGenerator
    init(seed: UInt64) { generator = SeededGenerator(seed: seed) }
    func next() -> UInt64 { generator.next() }
}

@Suite("Composing messages")
struct CompositionTests {
    private static func lines(_ octets: [UInt8]) -> [ArraySlice<UInt8>] {
        octets.split(separator: .lineFeed, omittingEmptySubsequences: false)
            .map { $0.last == .carriageReturn ? $0.dropLast() : $0 }
    }

    private static func header(_ write: (inout HeaderWriter) -> Void) -> Message {
        var writer = HeaderWriter()
        write(&writer)
        writer.finish()
        #expect(lines(writer.octets).allSatisfy { $0.count <= 998 })
        #expect(!String(lossy: writer.octets).replacing("\r\n", with: "").contains("\n"))
        return Message(writer.octets)
    }

    @Test(
        "A subject is read as it was written",
        arguments: [
            "Hello", "Grüße", "Re: [list] Größe =?utf-8?q?x?= done", "a  b  ü  ö c", "",
            String(repeating: "word ", count: 300) + "end", String(repeating: "x", count: 3000),
            String(repeating: "日本語", count: 200), "trailing ü", "ü leading", "a ü b ü c",
            "tabs\tare spaces",
        ])
    func subject(_ text: String) {
        let message = Self.header { $0.field("Subject", text: text) }
        #expect(message.header.first("Subject")?.decoded == text.replacing("\t", with: " "))
        #expect(message.header.fields.count == 1)
    }

    @Test("No value can begin a field of its own")
    func injection() {
        let evil = "x\r\nBcc: victim@example.org\n\nbody\0"
        let message = Self.header {
            $0.field("Subject", text: evil)
            $0.field("X-Structured", structured: evil)
            $0.field(
                "To", participants: [Participant(name: evil, localPart: evil, domain: evil)])
            $0.field("In-Reply-To", identifiers: [MessageIdentifier(evil)])
            $0.field("Content-Type", token: "a/b", parameters: [("name", evil)])
        }
        #expect(
            message.header.fields.map(\.name) == ["Subject", "X-Structured", "To", "Content-Type"])
        #expect(message.root.body.isEmpty)
    }

    @Test("A token that no line can hold is broken, and nothing is lost of it")
    func longToken() {
        let token = String(repeating: "\\x{E4}", count: 1000) + String(repeating: "ä", count: 999)
        let message = Self.header { $0.field("X-Long", structured: token) }
        #expect(message.header.first("X-Long")?.decoded.replacing(" ", with: "") == token)
    }

    private static let participants = [
        Participant(localPart: "joe", domain: "example.org"),
        Participant(name: "Joe Doe", localPart: "joe", domain: "example.org"),
        Participant(name: "Joe Q. \"The\" Public, Jr.", localPart: "j.q", domain: "example.org"),
        Participant(name: "Jörg Müller-Lüdenscheidt", localPart: "j", domain: "example.org"),
        Participant(name: "=?utf-8?q?x?=", localPart: "a b", domain: "[192.0.2.1]"),
        Participant(name: String(repeating: "Ä", count: 100), localPart: "jö", domain: "x.example"),
    ]

    @Test("Participants are read as they were written")
    func addresses() {
        let message = Self.header { $0.field("To", participants: Self.participants) }
        var defects = DefectList()
        let found = message.header.first("To")?.addresses(defects: &defects).participants
        #expect(found == Self.participants)
        #expect(defects.defects.isEmpty)
    }

    @Test(
        "Parameters are read as they were written",
        arguments: [
            "x", "", "a b.pdf", "a\"b\\c", "Übersicht.pdf", "=?utf-8?q?x?=",
            String(repeating: "long name ", count: 50), String(repeating: "ö", count: 200),
            "100%'*.txt",
        ])
    func parameters(_ value: String) {
        let message = Self.header {
            $0.field(
                "Content-Disposition", token: "attachment",
                parameters: [("filename", value), ("size", "1")])
        }
        #expect(message.root.disposition?.filename == value)
        #expect(message.root.disposition?.parameters["size"] == "1")
        #expect(message.defects.defects.isEmpty)
    }

    @Test("A whole message comes back part by part, in lines of at most 998 octets")
    func roundTrip() throws {
        let text = "Grüße\n.\nFrom here\nspace at end \n" + String(repeating: "lang", count: 400)
        var generator = SeededGenerator(seed: 5)
        let image = generator.octets(3000)
        let inner = Array("Subject: inner\n\nbody ö\n".utf8)
        var header = HeaderWriter()
        header.field("Date", date: Timestamp(seconds: 1_795_241_497))
        header.field("From", participants: [Self.participants[1]])
        header.field("Subject", text: "Grüße")
        header.field(
            "Message-ID",
            identifiers: [
                .make(
                    at: Timestamp(seconds: 1_795_241_497), by: try Domain("mx.example.org"),
                    entropy: SeededEntropy(seed: 3))
            ])
        let octets = Composition(
            header: header,
            .multipart(
                subtype: "mixed", parameters: [],
                [
                    Composition(.text("plain\n", subtype: "plain")),
                    Composition(.text(text, subtype: "plain")),
                    Composition(.text("日本語のテキスト", subtype: "plain")),
                    Composition(
                        .octets(image, type: "image/png", parameters: []),
                        disposition: ("attachment", "Übersicht.png")),
                    Composition(.lines(inner, type: "message/rfc822", parameters: [])),
                    Composition(.encodableLines(Array("X: ö\n".utf8), type: "text/rfc822-headers")),
                ])
        ).message(entropy: SeededEntropy(seed: 4))
        #expect(Self.lines(octets).allSatisfy { $0.count <= 998 })
        let message = Message(octets)
        #expect(message.defects.defects.isEmpty)
        #expect(
            message.parts.map {
                "\($0.path) \($0.contentType) \($0.transferEncoding?.rawValue ?? "")"
            }
                == [
                    "1 text/plain 7bit", "2 text/plain quoted-printable", "3 text/plain base64",
                    "4 image/png base64", "5 message/rfc822 8bit", "5.1 text/plain 7bit",
                    "6 text/rfc822-headers quoted-printable",
                ])
        var defects = DefectList()
        let parts = message.parts
        #expect(parts[1].text(defects: &defects) == text.replacing("\n", with: "\r\n"))
        #expect(parts[2].text(defects: &defects) == "日本語のテキスト")
        #expect(Array(parts[3].content(defects: &defects)) == image)
        #expect(parts[3].filename == "Übersicht.png")
        #expect(message.header.first("Message-ID")?.identifiers.count == 1)
        #expect(message.header.first("Message-ID")?.value.contains(UInt8(ascii: "@")) == true)
        #expect(
            message.header.first("Date")?.date(defects: &defects)?.timestamp.seconds
                == 1_795_241_497)
        #expect(defects.defects.isEmpty)
    }
}

@Suite("mail parse")
struct MessageSummaryTests {
    @Test("The summary tells everything in Unicode, with the keys that are promised")
    func summary() throws {
        let text =
            "From: =?utf-8?q?J=C3=B6rg?= <j@example.org>\r\nTo: a@example.org,\r\n \"B, C\" <b@example.org>\r\n"
            + "Subject: =?iso-8859-1?q?Gr=FC=DFe?=\r\nDate: Fri, 21 Nov 1997 09:55:06 -0600\r\n"
            + "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
            + "--b\r\nContent-Type: text/plain; charset=ISO-8859-1\r\n"
            + "Content-Transfer-Encoding: quoted-printable\r\n\r\n=E4\r\n"
            + "--b\r\nContent-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n"
            + "Content-Disposition: attachment; filename*=utf-8''%C3%B6.pdf\r\n\r\nJVBERg==\r\n--b--\r\n"
        let expected =
            #"{"headers":[["From","Jörg <j@example.org>"],"#
            + #"["To","a@example.org, \"B, C\" <b@example.org>"],["Subject","Grüße"],"#
            + #"["Date","Fri, 21 Nov 1997 09:55:06 -0600"],["MIME-Version","1.0"],"#
            + #"["Content-Type","multipart/mixed; boundary=b"]],"#
            + #""from":[{"name":"Jörg","address":"j@example.org"}],"#
            + #""to":[{"name":"","address":"a@example.org"},{"name":"B, C","address":"b@example.org"}],"#
            + #""subject":"Grüße","date":"1997-11-21T09:55:06-06:00","parts":["#
            + #"{"type":"text/plain","charset":"iso-8859-1","disposition":null,"filename":null,"#
            + #""size":1,"text":"ä"},{"type":"application/pdf","charset":null,"#
            + #""disposition":"attachment","filename":"ö.pdf","size":4,"text":null}],"defects":[]}"#
        #expect(Message.summary(of: Array(text.utf8)).description == expected)
        let feeds = text.replacing("\r\n", with: "\n")
        #expect(Message.summary(of: Array(feeds.utf8)).description == expected)
    }

    private static let odd: [(String, [String])] = [
        ("Subject: a\nSubject: b\n\n", ["field-repeated"]),
        ("Subject: a\0b\n\n", ["nul-octet"]),
        ("Date: tomorrow\n\n", ["date-invalid"]),
        ("From: Joe\n\n", ["address-invalid"]),
        ("Content-Type: text/plain; charset=x\n\nö", ["charset-unknown"]),
        ("Content-Transfer-Encoding: base64\n\n!", ["base64-invalid"]),
        ("X: y\n\n", []),
    ]

    @Test("What is odd is said", arguments: odd)
    func defects(_ text: String, _ codes: [String]) {
        let summary = Message.summary(of: Array(text.utf8))
        #expect(summary["defects"]?.array?.compactMap { $0["code"]?.string } == codes)
    }

    @Test("What is missing is null or empty")
    func missing() {
        #expect(
            Message.summary(of: []).description
                == #"{"headers":[],"from":[],"to":[],"subject":null,"date":null,"#
                + #""parts":[{"type":"text/plain","charset":null,"disposition":null,"filename":null,"#
                + #""size":0,"text":""}],"defects":[]}"#)
    }
}
