// SPDX-License-Identifier: Apache-2.0

import World

/// 4. Exchangers of equal preference share the mail.
struct BalanceChapter {
    let world: DemoWorld
    private var story: Story { world.story }

    private static let messages = 200
    /// Chance alone leaves this range once in a hundred million times.
    private static let fair = 60...140

    func tell() async throws {
        story.chapter(
            4, "Two exchangers share the mail", "Zwei Mailserver teilen sich die Post")
        story.quote(DemoPlan.lines(of: "tandem"))
        let count = Self.messages
        let letters = try (1...count).map {
            try world.letter(to: world.claraLeft.address, subject: "\($0) / \(count)", "…")
        }
        let begin = world.time.now
        let receipts = try await world.program.submit(letters, as: world.anna)
        let submitted = story.duration(world.time.now - begin)
        try story.verify(
            receipts.count == count, "\(count) messages to Clara are submitted in \(submitted)",
            "\(count) Nachrichten an Clara sind in \(submitted) abgegeben",
            found: "\(receipts.count)")
        try await verifyShares(letters, since: begin)
    }

    private func verifyShares(_ letters: [MailProgram.Letter], since begin: Instant) async throws {
        _ = try await world.wait(
            "\(Self.messages) messages with both together",
            "\(Self.messages) Nachrichten bei beiden zusammen", within: .seconds(30)
        ) {
            let left = try await world.program.count(world.claraLeft)
            let right = try await world.program.count(world.claraRight)
            return left + right >= Self.messages ? true : nil
        }
        let took = story.duration(world.time.now - begin)
        let left = try await world.program.read(world.claraLeft)
        let right = try await world.program.read(world.claraRight)
        try story.verify(
            left.count + right.count == Self.messages,
            "all of them have arrived after \(took): \(left.count) at left, \(right.count) at right",
            "nach \(took) sind alle da: \(left.count) bei left, \(right.count) bei right",
            found: "\(left.count) + \(right.count)")
        try story.verify(
            Self.fair.contains(left.count) && Self.fair.contains(right.count),
            "that is about half for each", "das ist für jeden etwa die Hälfte",
            found: "\(left.count) : \(right.count)")
        let found = Set((left + right).map(\.messageID))
        try story.verify(
            found == Set(letters.map { "<\($0.messageID)>" }),
            "every message is there exactly once", "jede Nachricht ist genau einmal da",
            found: "\(found.count)")
    }
}
