// SPDX-License-Identifier: Apache-2.0

import Bytes
import World

/// 7. Who sent this: a message that its domain stands behind, and one of somebody who only says so.
struct AuthorChapter {
    let world: DemoWorld
    private var story: Story { world.story }

    func tell() async throws {
        story.chapter(7, "Who sent this?", "Von wem ist das?")
        story.quote("lotus.example.         TXT  \"\(DemoPlan.lotusSenders)\"")
        story.quote("_dmarc.lotus.example.  TXT  \"\(DemoPlan.lotusPolicy)\"")
        try await examineTrueOne()
        try await refuseForgery()
    }

    private func examineTrueOne() async throws {
        let letter = try world.letter(to: world.dora.address, subject: "7", "…")
        _ = try await world.program.submit([letter], as: world.anna)
        let id = "<\(letter.messageID)>"
        let found = try await world.wait("Dora has it", "Dora hat sie") {
            try await world.program.read(world.dora).first { $0.messageID == id }
        }
        let results = found.field("Authentication-Results")
        story.quote("Authentication-Results: " + results.replacing(";\t", with: ";\n    "))
        try story.verify(
            results.hasPrefix("plain.example;") && results.contains("spf=pass")
                && results.contains("dmarc=pass"),
            "plain.example has asked: lotus.example stands behind what post.lotus.example brings",
            "plain.example hat gefragt: lotus.example steht hinter dem, was post.lotus.example bringt",
            found: results)
    }

    private func refuseForgery() async throws {
        let reply = try await world.program.pretend(
            at: DemoPlan.plain, from: world.anna.address, to: world.dora.address)
        try story.verify(
            reply.hasPrefix("550 5.7.1") && reply.contains("lotus.example"),
            "a stranger who writes as Anna is refused: \(reply)",
            "ein Fremder, der als Anna schreibt, wird abgewiesen: \(reply)", found: reply)
    }
}
