// SPDX-License-Identifier: Apache-2.0

import Bytes
import MIME
import Mail
import World

/// 2. A message is submitted, finds its exchanger by MX, and is read.
struct DeliveryChapter {
    let world: DemoWorld
    private var story: Story { world.story }

    func tell() async throws -> MailProgram.Letter {
        story.chapter(2, "A message finds its way", "Eine Nachricht findet ihren Weg")
        let letter = try world.letter(
            to: world.ben.address, subject: story.choose("First post", "Erste Post"),
            story.choose(
                """
                Dear Ben,

                by MX to you, over TLS, and into your mailbox.
                . (a line that begins with a dot)

                Anna
                """,
                """
                Lieber Ben,

                per MX zu dir, über TLS, und in dein Postfach: schöne Grüße!
                . (eine Zeile, die mit einem Punkt beginnt)

                Anna
                """))
        let begin = world.time.now
        try await submit(letter)
        let mailbox = try await world.read(world.ben, until: 1)
        let took = story.duration(world.time.now - begin)
        try story.verify(
            mailbox.count == 1,
            "Ben reads it at mx1 by POP3 over TLS, \(took) after it was sent: one message",
            "Ben liest sie bei mx1 per POP3 über TLS, \(took) nach dem Absenden: eine Nachricht",
            found: "\(mailbox.count)")
        try await examine(mailbox[0], letter)
        return letter
    }

    private func submit(_ letter: MailProgram.Letter) async throws {
        let port = world.ports.submissions
        story.say(
            "Anna's mail program logs in at post.lotus.example:\(port) and writes to Ben.",
            "Annas Mailprogramm meldet sich bei post.lotus.example:\(port) an und schreibt an Ben.")
        let receipts = try await world.program.submit([letter], as: world.anna)
        let receipt = receipts.first
        try story.verify(
            receipts.count == 1 && receipt?.tls.hasPrefix("TLSv1.") == true,
            "accepted over \(receipt?.tls ?? "?") with a password: \(receipt?.reply ?? "")",
            "angenommen über \(receipt?.tls ?? "?") mit Kennwort: \(receipt?.reply ?? "")")
    }

    private func examine(
        _ received: MailProgram.Received, _ letter: MailProgram.Letter
    ) async throws {
        story.quote(received.header)
        story.quote("\n" + received.text.trimmingSuffix("\n"))
        let sent = MailProgram.Received(letter.octets)
        try story.verify(
            received.messageID == sent.messageID && received.text == sent.text
                && received.subject == sent.subject,
            "it is what Anna wrote, letter for letter",
            "es ist Buchstabe für Buchstabe, was Anna schrieb", found: received.text)
        let stamps = received.message.header.all("Received").map(\.decoded)
        try story.verify(
            stamps.count == 2 && stamps[0].contains("by mx1.iris.example")
                && stamps[1].contains("by post.lotus.example"),
            "it came by post.lotus.example and mx1.iris.example",
            "sie kam über post.lotus.example und mx1.iris.example",
            found: stamps.joined(separator: " / "))
        let handover = try await world.handover(of: letter)
        let sentence = handover["sentence"]?.string ?? ""
        try story.verify(
            handover["host"]?.string?.hasPrefix("mx1.iris.example") == true,
            "post says: \(sentence)", "post sagt: \(sentence)", found: sentence)
    }
}

extension DemoWorld {
    /// A letter by Anna.
    func letter(
        to recipient: String, subject: String, _ text: String
    ) throws -> MailProgram.Letter {
        try program.write(
            from: anna, to: recipient, subject: subject, text + "\n",
            language: story.language.rawValue)
    }
}

extension String {
    func trimmingSuffix(_ suffix: String) -> String {
        var text = self
        while text.hasSuffix(suffix) { text.removeLast(suffix.count) }
        return text
    }
}
