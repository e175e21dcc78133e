// SPDX-License-Identifier: Apache-2.0

import Bytes
import World

/// 6. The only exchanger is down: the message waits, and says so.
struct WaitingChapter {
    let world: DemoWorld
    private var story: Story { world.story }

    func tell() async throws {
        story.chapter(
            6, "The only exchanger is down: where is my message?",
            "Der einzige Mailserver ist aus: Wo ist meine Nachricht?")
        story.quote(DemoPlan.lines(of: "lonely"))
        let letter = try world.letter(
            to: "emil@lonely.example", subject: story.choose("Hello?", "Hallo?"), "…")
        _ = try await world.program.submit([letter], as: world.anna)
        let entry = try await world.wait(
            "a first attempt for emil@lonely.example",
            "ein erster Versuch für emil@lonely.example"
        ) {
            try await world.queue(world.post).first { $0.recipient["attempts"]?.integer == 1 }
        }
        let trace = try await world.trace(letter.messageID, at: world.post)
        story.say(
            "postreiter trace '<\(letter.messageID)>'", "postreiter trace '<\(letter.messageID)>'")
        story.quote(trace["id"]?.string ?? "")
        for fact in trace["facts"]?.array ?? [] {
            story.quote("  \(fact["time"]?.string ?? "")  \(fact["sentence"]?.string ?? "")")
        }
        story.quote("  \(trace["now"]?.string ?? "")")
        try verify(trace, entry)
    }

    private func verify(_ trace: JSON, _ entry: JSON) throws {
        let facts = trace["facts"]?.array ?? []
        let kinds = facts.compactMap { $0["kind"]?.string }
        try story.verify(
            trace["state"]?.string == "queued" && kinds.first == "accepted"
                && kinds.contains("attempted") && kinds.last == "deferred",
            "where: accepted, tried, and in the queue",
            "wo: angenommen, versucht, in der Warteschlange",
            found: kinds.joined(separator: ", "))
        let reason = entry.recipient["text"]?.string ?? ""
        try story.verify(
            reason.contains("mx.lonely.example") && reason.contains("refused"), "why: \(reason)",
            "warum: \(reason)", found: reason)
        let next = entry.recipient["next_attempt"]?.string ?? ""
        let now = world.time.timestamp
        let expected = (5...90).map { CalendarDate(now + .seconds($0)).internetFormat }
        try story.verify(
            expected.contains(next) && trace["now"]?.string?.contains(next) == true,
            "when: the next attempt is at \(next), about a minute after the first",
            "wann: der nächste Versuch ist um \(next), etwa eine Minute nach dem ersten",
            found: next)
    }
}
