// SPDX-License-Identifier: Apache-2.0

import Bytes
import Delivery
import MIME
import Mail
import SimulatedWorld
import Testing
import World

@Suite("RFC 8098 message disposition notifications")
struct DispositionNotificationTests {
    private static let message = Array(
        """
        Message-ID: <1@client.example>\r
        References: <0@client.example>\r
        Subject: hello\r
        Disposition-Notification-To: joe@example.org\r
        \r
        body\r

        """.utf8)

    private static func notification(
        of recipient: String = "anna@here.example", reason: String = "Not this.",
        returning returned: Notification.Returned = .message(message),
        language: Language = .english
    ) throws -> DispositionNotification {
        DispositionNotification(
            to: try Address("joe@example.org"), of: try Address(recipient),
            at: try Domain("mx1.here.example"), reason: reason, returning: returned,
            language: language)
    }

    private static func compose(_ notification: DispositionNotification) -> (Message, [UInt8]) {
        let octets = notification.compose(
            at: Timestamp(seconds: 1_795_241_497), entropy: Simulation(seed: 1))
        return (Message(octets), octets)
    }

    private static func text(_ entity: Entity) -> String {
        var defects = DefectList()
        let text = entity.text(defects: &defects)
        #expect(defects.defects.isEmpty)
        return text
    }

    @Test("A refusal says so to people, and to programs which message was deleted for whom")
    func parts() throws {
        var notification = try Self.notification()
        notification.originalRecipient = .init(addressType: "rfc822", address: "Anna@Here.example")
        let (message, octets) = Self.compose(notification)
        #expect(message.defects.defects.isEmpty)
        let fields = message.header.fields.map { "\($0.name): \($0.decoded)" }
        for field in [
            "From: anna@here.example", "To: joe@example.org", "Subject: Your message was refused",
            "Auto-Submitted: auto-replied", "In-Reply-To: <1@client.example>",
            "References: <0@client.example> <1@client.example>", "MIME-Version: 1.0",
        ] { #expect(fields.contains(field), "\(field) in \(fields)") }
        // RFC 8098 §3: it asks for none itself, and has an identifier of its own.
        #expect(!fields.contains { $0.hasPrefix("Disposition-Notification-To") })
        #expect(!fields.contains("Message-ID: <1@client.example>"))
        #expect(message.root.contentType.description == "multipart/report")
        #expect(message.root.contentType.parameters["report-type"] == "disposition-notification")
        #expect(
            message.root.children.map(\.contentType.description) == [
                "text/plain", "message/disposition-notification", "message/rfc822",
            ])
        let people = Self.text(message.root.children[0])
        #expect(people.hasPrefix("Your message to anna@here.example was refused by"))
        #expect(people.hasSuffix("\r\n\r\nNot this.\r\n"))
        #expect(
            Self.text(message.root.children[1]) == """
                Reporting-UA: Postreiter\r
                Original-Recipient: rfc822; Anna@Here.example\r
                Final-Recipient: rfc822; anna@here.example\r
                Original-Message-ID: <1@client.example>\r
                Disposition: automatic-action/MDN-sent-automatically; deleted\r

                """)
        #expect(String(lossy: octets).contains("\r\n\r\nbody\r\n"))
    }

    @Test("What is not known is left out")
    func unknown() throws {
        let (message, _) = Self.compose(
            try Self.notification(returning: .header(Array("Subject: x\r\n\r\n".utf8))))
        #expect(
            Self.text(message.root.children[1]) == """
                Reporting-UA: Postreiter\r
                Final-Recipient: rfc822; anna@here.example\r
                Disposition: automatic-action/MDN-sent-automatically; deleted\r

                """)
        #expect(message.header.first("In-Reply-To") == nil)
        #expect(message.root.children[2].contentType.description == "text/rfc822-headers")
    }

    @Test("The reason is kept as it was written, in any script, and bounded")
    func reason() throws {
        let (message, octets) = Self.compose(
            try Self.notification(reason: "Bitte nicht.\n\nSchöne Grüße", language: .german))
        #expect(octets.allSatisfy { $0 < 0x80 })
        let people = Self.text(message.root.children[0])
        #expect(people.hasSuffix("Bitte nicht.\r\n\r\nSchöne Grüße\r\n"))
        #expect(message.header.first("Subject")?.decoded == "Ihre Nachricht wurde abgelehnt")
        let (_, long) = Self.compose(
            try Self.notification(reason: String(repeating: "ü", count: 1 << 20)))
        #expect(long.count < 1 << 20)
    }

    @Test("An international address has a part of its own kind (RFC 6533 §4)")
    func international() throws {
        let (message, octets) = Self.compose(try Self.notification(of: "jörg@例え.jp"))
        #expect(
            message.root.children[1].contentType.description
                == "message/global-disposition-notification")
        #expect(Self.text(message.root.children[1]).contains("utf-8; jörg@"))
        #expect(!octets.isEmpty)
    }

    @Test(
        "No such notification answers its like",
        arguments: [
            ("multipart/report; report-type=disposition-notification; boundary=x", true),
            ("Multipart/Report;\r\n Report-Type=\"Disposition-Notification\"; boundary=x", true),
            ("multipart/report; report-type=delivery-status; boundary=x", false),
            ("text/plain", false),
        ])
    func likes(_ type: String, _ isOne: Bool) {
        let message = Array("Content-Type: \(type)\r\n\r\n".utf8)
        #expect(DispositionNotification.isOne(message) == isOne)
    }
}
