// SPDX-License-Identifier: Apache-2.0

import Bytes
import Delivery
import MIME
import Mail
import Routing
import Testing
import World

/// The same numbers for every run.
private struct FixedEntropy: Entropy {
    func next() -> UInt64 { 0x0123_4567_89AB_CDEF }
}

@Suite("RFC 3464 delivery status notifications")
struct NotificationTests {
    private static let accepted = Timestamp(seconds: 1_795_241_497)
    private static let header = Array(
        ("Message-ID: <1@client.example>\r\nReferences: <0@client.example>\r\n"
            + "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\r\nFrom: joe@example.org\r\n\r\n").utf8)

    private static func notification(
        _ kind: Notification.Kind = .failure, to address: String = "ann@nowhere.example",
        status: EnhancedStatus = EnhancedStatus(5, 1, 2),
        text: String = "Host unknown: the domain nowhere.example does not exist",
        host: String? = nil, attempts: [Notification.Attempt] = [],
        returning returned: Notification.Returned = .header(header), language: Language = .english
    ) throws -> Notification {
        Notification(
            kind, to: try Address("joe@example.org"), from: try Domain("mx1.example.org"),
            queueIdentifier: "Q1", envelopeIdentifier: "ENV 1", accepted: accepted,
            recipients: [
                Notification.Recipient(
                    try Address(address), original: try Address("alias@example.org"),
                    evidence: Outcome.Evidence(status, text, host: host), attempts: attempts)
            ],
            returning: returned, language: language)
    }

    private static func compose(_ notification: Notification) -> (Envelope, Message, [UInt8]) {
        let (envelope, octets) = notification.compose(
            at: accepted + .hours(1), entropy: FixedEntropy())
        return (envelope, Message(octets), octets)
    }

    private static func text(_ entity: Entity) -> String {
        var defects = DefectList()
        let text = entity.text(defects: &defects)
        #expect(defects.defects.isEmpty)
        return text
    }

    @Test("A failure is a multipart/report whose header keeps it from being answered")
    func header() throws {
        let (envelope, message, octets) = Self.compose(try Self.notification())
        #expect(envelope.reversePath == .null)
        #expect(envelope.recipients.map(\.address.description) == ["joe@example.org"])
        #expect(envelope.body == .sevenBit)
        let fields = message.header.fields.map { "\($0.name): \($0.decoded)" }
        for field in [
            "From: Mail Delivery System <MAILER-DAEMON@mx1.example.org>", "To: joe@example.org",
            "Subject: Your message could not be delivered", "Auto-Submitted: auto-replied",
            "In-Reply-To: <1@client.example>",
            "References: <0@client.example> <1@client.example>",
            "Date: Sat, 21 Nov 2026 07:11:37 +0000", "MIME-Version: 1.0",
        ] { #expect(fields.contains(field)) }
        #expect(message.root.contentType.description == "multipart/report")
        #expect(message.root.contentType.parameters["report-type"] == "delivery-status")
        #expect(
            message.parts.map(\.contentType.description) == [
                "text/plain", "message/delivery-status", "text/rfc822-headers",
            ])
        #expect(message.defects.defects.isEmpty)
        #expect(octets.split(separator: .lineFeed).allSatisfy { $0.count <= 999 })
    }

    @Test("The machine's part has the fields of RFC 3464 in their order")
    func deliveryStatus() throws {
        let attempt = Notification.Attempt(
            time: Self.accepted + .minutes(1), host: "mx.example.net [192.0.2.1]",
            text: "550 5.1.1 no such user")
        let (_, message, _) = Self.compose(
            try Self.notification(
                to: "ann@example.net", status: EnhancedStatus(5, 1, 1),
                text: "550 5.1.1 no such user", host: "mx.example.net [192.0.2.1]",
                attempts: [attempt]))
        #expect(
            Self.text(message.parts[1])
                == """
                Original-Envelope-Id: ENV 1\r
                Reporting-MTA: dns; mx1.example.org\r
                Arrival-Date: Sat, 21 Nov 2026 06:11:37 +0000\r
                X-Postreiter-Queue-Id: Q1\r
                \r
                Original-Recipient: rfc822; alias@example.org\r
                Final-Recipient: rfc822; ann@example.net\r
                Action: failed\r
                Status: 5.1.1\r
                Remote-MTA: dns; mx.example.net\r
                Diagnostic-Code: smtp; 550 5.1.1 no such user\r
                Last-Attempt-Date: Sat, 21 Nov 2026 06:12:37 +0000\r

                """)
    }

    @Test("The first sentence says it plainly, then the route's own words are quoted")
    func plainSentence() throws {
        let (_, message, _) = Self.compose(try Self.notification())
        let text = Self.text(message.parts[0])
        #expect(
            text.hasPrefix(
                "Your message to alias@example.org could not be delivered: "
                    + "the domain nowhere.example does not exist (Host unknown).\r\n"))
        #expect(text.contains("5.1.2  Host unknown: the domain nowhere.example does not exist"))
        #expect(text.contains("ann@nowhere.example (for alias@example.org)"))
        #expect(
            Self.text(message.parts[1]).contains(
                "Diagnostic-Code: x-postreiter; Host unknown: the domain nowhere.example"))
    }

    @Test("It is told in German to whom reads German")
    func german() throws {
        let (_, message, octets) = Self.compose(try Self.notification(language: .german))
        #expect(message.header.first("Subject")?.decoded == "Ihre Nachricht war nicht zustellbar")
        let text = Self.text(message.parts[0])
        #expect(
            text.hasPrefix("Ihre Nachricht an alias@example.org konnte nicht zugestellt werden"))
        #expect(text.contains("prüfen Sie"))
        #expect(octets.allSatisfy { $0 < 0x80 })
    }

    private static let languages: [(String, Language)] = [
        ("Content-Language: de\r\n\r\n", .german), ("Content-Language: de-AT, en\r\n\r\n", .german),
        ("Accept-Language: fr, EN-GB;q=0.8, de\r\n\r\n", .english),
        ("Content-Language: fr\r\nAccept-Language: de\r\n\r\n", .german),
        ("Subject: x\r\n\r\nContent-Language: en", .german), ("", .german),
        ("Content-Language: ,;,\r\n\r\n", .german),
    ]

    @Test("The language is the sender's, else the configured one", arguments: languages)
    func language(_ header: String, _ expected: Language) {
        #expect(Notification.language(of: Array(header.utf8), else: .german) == expected)
    }

    @Test("A delay says until when it will be tried, and shows the last attempts")
    func delay() throws {
        let attempts = (0..<25).map {
            Notification.Attempt(
                time: Self.accepted + .minutes($0), host: "mx.example.net [192.0.2.1]",
                text: "421 busy \($0)")
        }
        let (_, message, _) = Self.compose(
            try Self.notification(
                .delay(until: Self.accepted + .days(5)), to: "ann@example.net",
                status: EnhancedStatus(4, 4, 1), text: "no answer in time", attempts: attempts))
        let status = Self.text(message.parts[1])
        #expect(status.contains("Action: delayed\r\nStatus: 4.4.1\r\n"))
        #expect(status.contains("Will-Retry-Until: Thu, 26 Nov 2026 06:11:37 +0000\r\n"))
        let text = Self.text(message.parts[0])
        #expect(text.contains("has not been delivered yet: no mail server of example.net could be"))
        #expect(text.contains("until 2026-11-26 06:11 UTC"))
        #expect(text.contains("15 earlier attempts are not shown."))
        #expect(text.contains("421 busy 24") && !text.contains("421 busy 14"))
    }

    @Test("What a host says can neither forge fields nor grow without bound")
    func hostileReply() throws {
        let evil =
            "550 no\r\nFinal-Recipient: rfc822; forged@example.org\r\n\r\n--"
            + String(repeating: "ä", count: 50_000)
        let (_, message, octets) = Self.compose(
            try Self.notification(
                to: "ann@example.net", status: EnhancedStatus(5, 0, 0), text: evil, host: evil,
                attempts: [Notification.Attempt(time: Self.accepted, host: evil, text: evil)]))
        #expect(message.parts.count == 3)
        let status = Self.text(message.parts[1])
        #expect(
            status.split(separator: "\r\n").filter { $0.hasPrefix("Final-Recipient") }.count == 1)
        #expect(octets.count < 1 << 20)
        #expect(octets.split(separator: .lineFeed).allSatisfy { $0.count <= 999 })
    }

    @Test("A recipient beyond ASCII is written so that any transport carries it (RFC 6533 §3)")
    func international() throws {
        let (_, message, octets) = Self.compose(
            try Self.notification(to: "jörg@example.net", status: EnhancedStatus(5, 1, 1)))
        #expect(
            Self.text(message.parts[1]).contains("Final-Recipient: utf-8; j\\x{F6}rg@example.net"))
        #expect(octets.allSatisfy { $0 < 0x80 })
    }

    private static let originals: [(Notification.Returned, String, Bool)] = [
        (.message(header + Array("body\n.\n".utf8)), "message/rfc822", false),
        (.message(header + Array("böse\n".utf8)), "message/rfc822", true),
        (.message(header + Array("\0".utf8)), "text/rfc822-headers", false),
        (.message(header + [UInt8](repeating: 0x61, count: 2000)), "text/rfc822-headers", false),
        (
            .message(header + Array(String(repeating: "line\r\n", count: 200_000).utf8)),
            "text/rfc822-headers", false
        ),
        (.header(Array("Subject: ö\r\n".utf8)), "text/rfc822-headers", false),
        (
            .header(Array(String(repeating: "X-A: b\r\n c\r\n", count: 20_000).utf8)),
            "text/rfc822-headers", false
        ),
        (.header([]), "text/rfc822-headers", false),
    ]

    @Test("What is returned travels safely and is bounded", arguments: originals)
    func returned(_ returned: Notification.Returned, _ type: String, _ is8Bit: Bool) throws {
        let (envelope, message, octets) = Self.compose(try Self.notification(returning: returned))
        let part = try #require(message.root.children.last)
        #expect(part.contentType.description == type)
        #expect((envelope.body == .eightBitMIME) == is8Bit)
        #expect(
            octets.split(separator: .lineFeed).allSatisfy { $0.count <= 999 && !$0.contains(0) })
        #expect(octets.count <= Notification.maximumMessageOctets + (8 << 10))
    }
}
