// SPDX-License-Identifier: Apache-2.0

import Bytes
import Journal
import Mail
import Spool
import World

/// `trace`: what happened to a message, one sentence for each step.
struct TraceCommand {
    let trace: Trace
    let spooler: Spooler

    /// More messages than these are told as a list, not as stories.
    static let maximumStories = 20

    /// Looks for a queue id, an address or a Message-ID.
    func perform(_ arguments: Arguments) async throws -> JSON {
        let text = try arguments.text("text")
        let language = Language(rawValue: arguments.json["language"]?.string ?? "") ?? .english
        let found = try await trace.queueIDs(matching: text)
        guard !found.isEmpty else {
            throw ControlFailure.data(
                "nothing is known of `\(text)`: give a queue id, a Message-ID or an address of"
                    + " the last \(Trace.keptDays) days")
        }
        var stories: [JSON] = []
        for id in found.prefix(Self.maximumStories) {
            stories.append(try await story(of: id, Narrator(language: language)))
        }
        return [
            "messages": .array(stories),
            "further": .integer(Int64(found.count - stories.count)),
        ]
    }

    private func story(of id: QueueID, _ narrator: Narrator) async throws -> JSON {
        let facts = try await trace.facts(of: id)
        let entry = try await spooler.entry(id)
        return [
            "id": .string(id.description),
            "facts": .array(facts.map { Self.json($0, narrator) }),
            "state": .string(entry == nil ? "finished" : "queued"),
            "now": .string(narrator.present(entry)),
        ]
    }

    private static func json(_ fact: Fact, _ narrator: Narrator) -> JSON {
        [
            "time": .string(CalendarDate(fact.time).internetFormat),
            "kind": .string(fact.kind.rawValue),
            "recipient": JSON(fact.recipient?.description), "host": JSON(fact.host),
            "status": JSON(fact.status?.description), "text": JSON(fact.text),
            "fields": .object(fact.fields.map { ($0.key.rawValue, .string($0.value)) }),
            "sentence": .string(narrator.sentence(fact)),
        ]
    }
}
