// SPDX-License-Identifier: Apache-2.0

import Bytes
import LiveWorld
import MIME
import World

/// 3. The first exchanger is down, the second holds the mail and hands it on.
struct BackupChapter {
    let world: DemoWorld
    let first: MailProgram.Letter
    private var story: Story { world.story }

    func tell() async throws {
        story.chapter(
            3, "The first exchanger is down, the second holds the mail",
            "Der erste Mailserver fällt aus, der zweite bewahrt die Post auf")
        story.say("mx1.iris.example is stopped.", "mx1.iris.example wird angehalten.")
        await world.mx1.stop()
        try await verifyDown()
        let letter = try world.letter(
            to: world.ben.address, subject: story.choose("Second post", "Zweite Post"),
            story.choose(
                "Dear Ben,\n\nthis one waits for you at mx2.\n\nAnna",
                "Lieber Ben,\n\ndiese wartet bei mx2 auf dich.\n\nAnna"))
        _ = try await world.program.submit([letter], as: world.anna)
        story.say("Anna writes again.", "Anna schreibt noch einmal.")
        try await verifyHeld(letter)
        try await returnFirst(letter)
    }

    private func verifyDown() async throws {
        let smtp = try DemoPlan.mx1.at(world.ports.smtp)
        var answer = ""
        do throws(NetworkFailure) {
            let connection = try await Live.network.connect(
                to: smtp, from: nil, deadline: world.time.now + .seconds(2))
            await connection.close()
        } catch {
            answer = "\(error)"
        }
        try story.verify(
            !answer.isEmpty, "nobody answers on \(smtp): \(answer)",
            "niemand antwortet auf \(smtp): \(answer)")
    }

    private func verifyHeld(_ letter: MailProgram.Letter) async throws {
        let held = try await world.wait(
            "a message that mx2 holds after an attempt",
            "eine Nachricht, die mx2 nach einem Versuch aufbewahrt"
        ) {
            let queue = try await world.queue(world.mx2)
            return queue.first?.recipient["attempts"]?.integer ?? 0 > 0 ? queue : nil
        }
        try story.verify(
            held.count == 1 && held[0]["message_id"]?.string?.contains(letter.messageID) == true
                && held[0].recipient["address"]?.string == world.ben.address,
            "mx2 took it, could not hand it on, and holds it",
            "mx2 nahm sie an, konnte sie nicht weitergeben und bewahrt sie auf",
            found: "\(held)")
        let isGone = try await world.wait(
            "an empty queue at post", "eine leere Warteschlange bei post"
        ) {
            try await world.queue(world.post).isEmpty ? true : nil
        }
        try story.verify(
            isGone, "nothing waits at post any more", "bei post wartet nichts mehr")
        for fact in try await world.trace(letter.messageID, at: world.mx2)["facts"]?.array ?? [] {
            story.quote(fact["sentence"]?.string ?? "")
        }
    }

    private func returnFirst(_ letter: MailProgram.Letter) async throws {
        story.say(
            "mx1 returns, with the same store. (A server tries again after a minute; at mx2, for"
                + " this story, a minute lasts a second.)",
            "mx1 kehrt zurück, mit demselben Speicher. (Ein Server versucht es nach einer Minute"
                + " wieder; bei mx2 dauert für diese Geschichte eine Minute eine Sekunde.)")
        let begin = world.time.now
        try await world.mx1.start(in: world.tasks)
        _ = try await world.read(world.ben, until: 2)
        let took = story.duration(world.time.now - begin)
        let isEmpty = try await world.wait(
            "an empty queue at mx2", "eine leere Warteschlange bei mx2"
        ) {
            try await world.queue(world.mx2).isEmpty ? true : nil
        }
        try story.verify(
            isEmpty, "mx2 delivered it \(took) after mx1 returned, and holds nothing any more",
            "mx2 stellte sie \(took) nach der Rückkehr von mx1 zu und bewahrt nichts mehr auf")
        // Longer than the pause between the first attempts of mx2.
        try await world.time.sleep(for: .milliseconds(1500))
        let mailbox = try await world.program.read(world.ben)
        let found = mailbox.map(\.messageID)
        try story.verify(
            found == ["<\(first.messageID)>", "<\(letter.messageID)>"],
            "Ben has both messages, each of them once: "
                + mailbox.map(\.subject).joined(separator: ", "),
            "Ben hat beide Nachrichten, jede genau einmal: "
                + mailbox.map(\.subject).joined(separator: ", "),
            found: found.joined(separator: ", "))
        let stamps = mailbox[1].message.header.all("Received").map(\.decoded)
        try story.verify(
            stamps.count == 3 && stamps[1].contains("by mx2.iris.example"),
            "the second came by mx2", "die zweite kam über mx2",
            found: stamps.joined(separator: " / "))
    }
}

extension JSON {
    /// The only or first recipient of a message in a queue.
    var recipient: JSON { self["recipients"]?.array?.first ?? [:] }
}
