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
        var original = Notification.Original(queueIdentifier: "Q1", accepted: accepted)
        original.requests.envelopeID = "ENV  1"
        return Notification(
            kind, to: try Address("joe@example.org"), from: try Domain("mx1.example.org"),
            about: original,
            recipients: [
                Notification.Recipient(
                    try Address(address), original: try Address("alias@example.org"),
                    originalRecipient: .init(addressType: "rfc822", address: "Alias@Example.ORG"),
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
        let host = "mx.example.net [192.0.2.1]"
        let said = "\(host) said: 550 5.1.1 no such user (in reply to RCPT TO)"
        let attempt = Notification.Attempt(
            time: Self.accepted + .minutes(1), host: host, text: said)
        var notification = try Self.notification(
            to: "ann@example.net", status: EnhancedStatus(5, 1, 1), text: said, host: host,
            attempts: [attempt])
        notification.original.clientName = "client.example"
        notification.original.clientAddress = "192.0.2.9"
        notification.original.requests.holdUntil = Self.accepted + .hours(1)
        notification.original.requests.deliverBy = .init(
            deadline: Self.accepted + .hours(2), mode: .return)
        let (_, message, _) = Self.compose(notification)
        #expect(
            Self.text(message.parts[1])
                == """
                Original-Envelope-Id: ENV  1\r
                Reporting-MTA: dns; mx1.example.org\r
                Received-From-MTA: dns; client.example ([192.0.2.9])\r
                Arrival-Date: Sat, 21 Nov 2026 06:11:37 +0000\r
                Deliver-By-Date: Sat, 21 Nov 2026 08:11:37 +0000\r
                Future-Release-Request: until;2026-11-21T07:11:37Z\r
                X-Postreiter-Queue-Id: Q1\r
                \r
                Original-Recipient: rfc822; Alias@Example.ORG\r
                Final-Recipient: rfc822; alias@example.org\r
                Action: failed\r
                Status: 5.1.1\r
                Remote-MTA: dns; mx.example.net\r
                Diagnostic-Code: smtp; 550 5.1.1 no such user\r
                Last-Attempt-Date: Sat, 21 Nov 2026 06:12:37 +0000\r
                SMTP-Remote-Recipient: ann@example.net\r

                """)
    }

    @Test("What the sender did not give is not in the machine's part (RFC 3461 §6.3)")
    func absentFields() throws {
        var notification = try Self.notification()
        notification.original.requests.envelopeID = nil
        notification.recipients[0].originalRecipient = nil
        notification.recipients[0].original = nil
        let (_, message, _) = Self.compose(notification)
        #expect(
            Self.text(message.parts[1])
                == """
                Reporting-MTA: dns; mx1.example.org\r
                Arrival-Date: Sat, 21 Nov 2026 06:11:37 +0000\r
                X-Postreiter-Queue-Id: Q1\r
                \r
                Final-Recipient: rfc822; ann@nowhere.example\r
                Action: failed\r
                Status: 5.1.2\r
                Diagnostic-Code: x-postreiter; Host unknown: the domain nowhere.example does\r
                 not exist\r

                """)
    }

    @Test(
        "Each kind has its action, and of what was delivered no diagnosis is given",
        arguments: [
            (Notification.Kind.failure, "failed", true),
            (.delay(until: accepted), "delayed", true), (.success, "delivered", false),
            (.relayed, "relayed", true), (.expanded, "expanded", false),
        ])
    func actions(_ kind: Notification.Kind, _ action: String, _ isDiagnosed: Bool) throws {
        let (_, message, _) = Self.compose(try Self.notification(kind))
        let status = Self.text(message.parts[1])
        #expect(status.contains("\r\nAction: \(action)\r\n"))
        #expect(status.contains("\r\nDiagnostic-Code: ") == isDiagnosed)
        #expect(status.contains("Will-Retry-Until: ") == (action == "delayed"))
    }

    @Test("Several recipients share a notification, each with fields of its own")
    func severalRecipients() throws {
        var notification = try Self.notification()
        for number in 2...Notification.maximumRecipients {
            notification.recipients.append(
                Notification.Recipient(
                    try Address("r\(number)@nowhere.example"),
                    evidence: notification.recipients[0].evidence,
                    attempts: (0..<9).map {
                        .init(
                            time: Self.accepted + .minutes($0), host: nil,
                            text: String(repeating: "x", count: 1000))
                    }))
        }
        let (_, message, octets) = Self.compose(notification)
        let groups = Self.text(message.parts[1]).split(separator: "\r\n\r\n")
        #expect(groups.count == 1 + Notification.maximumRecipients)
        #expect(groups.dropFirst().allSatisfy { $0.contains("Final-Recipient: rfc822; ") })
        #expect(Self.text(message.parts[0]).contains("7 earlier attempts are not shown."))
        #expect(octets.count < 1 << 19)
    }

    @Test("The priority of the message and its need of TLS go with the notification")
    func envelope() throws {
        var notification = try Self.notification()
        notification.original.requests.priority = 4
        notification.original.requests.requiresTLS = true
        let (envelope, _, _) = Self.compose(notification)
        #expect(envelope.requests.priority == 4)
        #expect(envelope.requests.requiresTLS)
        #expect(envelope.requests.envelopeID == nil && envelope.requests.returned == nil)
        #expect(envelope.recipients.allSatisfy { $0.notify == nil })
    }

    @Test("What is sent to the postmaster says so, and is marked never to be told of")
    func postmaster() throws {
        var notification = try Self.notification(language: .german)
        notification.audience = .postmaster
        let (envelope, message, _) = Self.compose(notification)
        #expect(envelope.reversePath == .null)
        #expect(envelope.recipients.map(\.notify) == [.never])
        #expect(
            message.header.first("Subject")?.decoded == "Eine Benachrichtigung war nicht zustellbar"
        )
        #expect(message.header.first("Auto-Submitted")?.decoded == "auto-generated")
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

    @Test("What was tried stands in a table: time, host, address, answer")
    func table() throws {
        var notification = try Self.notification(language: .german)
        notification.recipients[0].attempts = [
            .init(
                time: Self.accepted, host: "mx1.example.net [192.0.2.1]",
                text: "no connection to mx1.example.net [192.0.2.1]: connection refused"),
            .init(
                time: Self.accepted + .minutes(5), host: "mx22.example.net [2001:db8::1]",
                text: "mx22.example.net [2001:db8::1] said: 550 5.1.1 unknown (in reply to RCPT TO)"
            ),
            .init(time: Self.accepted + .minutes(6), host: nil, text: "no host could be asked"),
        ]
        let (_, message, _) = Self.compose(notification)
        let lines = Self.text(message.parts[0]).split(separator: "\r\n")
            .filter { $0.hasPrefix("    ") }
        #expect(
            lines == [
                "    5.1.2  Host unknown: Die Domain nowhere.example gibt es nicht",
                "    Zeit (UTC)        Rechner           Adresse      Antwort",
                "    2026-11-21 06:11  mx1.example.net   192.0.2.1    keine Verbindung zu "
                    + "mx1.example.net [192.0.2.1]: Verbindung abgelehnt",
                "    2026-11-21 06:16  mx22.example.net  2001:db8::1  550 5.1.1 unknown",
                "    2026-11-21 06:17  -                 -            "
                    + "kein Rechner konnte gefragt werden",
            ])
    }

    @Test("It is told in German to whom reads German")
    func german() throws {
        let (_, message, octets) = Self.compose(try Self.notification(language: .german))
        #expect(message.header.first("Subject")?.decoded == "Ihre Nachricht war nicht zustellbar")
        let text = Self.text(message.parts[0])
        #expect(
            text.hasPrefix(
                "Ihre Nachricht an alias@example.org konnte nicht zugestellt werden: "))
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
        let running = text
        #expect(running.contains("has not been delivered yet: no mail server of example.net could"))
        #expect(running.contains("until 2026-11-26 06:11 UTC"))
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

    @Test("A recipient beyond ASCII has a global status, encoded for a sender in ASCII")
    func international() throws {
        var notification = try Self.notification(
            to: "jörg@example.net", status: EnhancedStatus(5, 1, 1))
        notification.recipients[0].original = nil
        notification.recipients[0].originalRecipient = .init(
            addressType: "utf-8", address: "jörg+a@example.net")
        let (envelope, message, octets) = Self.compose(notification)
        #expect(
            message.parts.map(\.contentType.description) == [
                "text/plain", "message/global-delivery-status", "text/rfc822-headers",
            ])
        let status = Self.text(message.parts[1])
        #expect(status.contains("\r\nOriginal-Recipient: utf-8; jörg+a@example.net\r\n"))
        #expect(status.contains("\r\nFinal-Recipient: utf-8; jörg@example.net\r\n"))
        #expect(octets.allSatisfy { $0 < 0x80 })
        #expect(envelope.body == .sevenBit && !envelope.isInternational)
    }

    @Test("To an international sender everything goes as it is (RFC 6533 §4)")
    func internationalSender() throws {
        let header = Array("Subject: Grüße\r\nFrom: jörg@example.org\r\n\r\n".utf8)
        for (returned, type) in [
            (Notification.Returned.header(header), "message/global-headers"),
            (.message(header + Array("Hallo\r\n".utf8)), "message/global"),
        ] {
            var notification = try Self.notification(to: "jörg@例え.jp", returning: returned)
            notification.addressee = try Address("jörg@example.org")
            notification.original.isInternational = true
            let (envelope, message, octets) = Self.compose(notification)
            #expect(
                message.root.children.map(\.contentType.description) == [
                    "text/plain", "message/global-delivery-status", type,
                ])
            #expect(envelope.isInternational && envelope.body == .eightBitMIME)
            #expect(String(decoding: octets, as: UTF8.self).contains("Subject: Grüße\r\n"))
            // The same for a sender in ASCII travels through any host.
            notification.addressee = try Address("joe@example.org")
            let (plain, encoded, plainOctets) = Self.compose(notification)
            #expect(encoded.root.children.last?.contentType.description == type)
            #expect(plain.body == .sevenBit && !plain.isInternational)
            #expect(plainOctets.allSatisfy { $0 < 0x80 })
        }
    }

    @Test("An ORCPT of type utf-8 in ASCII is kept in the form that any transport carries")
    func escapedOriginalRecipient() throws {
        var notification = try Self.notification()
        notification.recipients[0].originalRecipient = .init(
            addressType: "utf-8", address: "a+b@example.net")
        let (_, message, _) = Self.compose(notification)
        #expect(
            Self.text(message.parts[1]).contains(
                "\r\nOriginal-Recipient: utf-8; a\\x{2B}b@example.net\r\n"))
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
