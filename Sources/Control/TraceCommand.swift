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

    /// Looks for a queue id, an address, a Message-ID, or what was suspended.
    func perform(_ arguments: Arguments, in language: Language) async throws -> JSON {
        let text = try arguments.text("text")
        let found = try await trace.queueIDs(matching: text)
        guard !found.isEmpty else {
            throw ControlFailure.data(
                "nothing is known of `\(text)`: give a queue id, a Message-ID or an address of"
                    + " the last \(trace.days) days")
        }
        let suspensions = try await spooler.suspensions()
        var stories: [JSON] = []
        var told: Set<QueueID> = []
        for id in found where stories.count < Self.maximumStories {
            // What belongs together is told together: what a notification is about, and what
            // continues a message.
            var chain = [id]
            while let next = chain.popLast(), stories.count < Self.maximumStories {
                guard told.insert(next).inserted else { continue }
                let facts = try await trace.facts(of: next)
                guard !facts.isEmpty else { continue }
                let links = Self.links(in: facts)
                stories.append(
                    try await story(
                        of: next, facts, links, suspensions, Narrator(language: language)))
                chain += links.map(\.id).reversed()
            }
        }
        let further = found.count { !told.contains($0) }
        return [
            "messages": .array(stories), "further": .integer(Int64(further)),
            "language": .string(language.rawValue),
        ]
    }

    private func story(
        of id: QueueID, _ facts: [Fact], _ links: [Link], _ suspensions: Suspensions,
        _ narrator: Narrator
    ) async throws -> JSON {
        let entry = try await spooler.entry(id)
        return [
            "id": .string(id.description),
            "links": .array(
                links.map {
                    ["relation": .string($0.relation), "id": .string($0.id.description)]
                }),
            "facts": .array(facts.map { Self.json($0, narrator) }),
            "state": .string(entry == nil ? "finished" : "queued"),
            "now": JSON(narrator.present(entry, facts, suspensions)),
        ]
    }

    private typealias Link = (relation: String, id: QueueID)

    /// Messages that this one continues or tells of, and the other way round.
    private static func links(in facts: [Fact]) -> [Link] {
        let relations: [(Fact.Key, String)] = [
            (.continues, "continues"), (.continuation, "continued_by"), (.about, "notifies_about"),
            (.notification, "notification"),
        ]
        var links: [Link] = []
        for fact in facts {
            for (key, relation) in relations {
                guard let id = fact[key].flatMap({ QueueID($0) }),
                    !links.contains(where: { $0.id == id })
                else { continue }
                links.append((relation, id))
            }
        }
        return links
    }

    private static func json(_ fact: Fact, _ narrator: Narrator) -> JSON {
        [
            "time": .string(CalendarDate(fact.time).internetFormat),
            "kind": .string(fact.kind.rawValue),
            "recipient": JSON(fact.recipient?.description), "host": JSON(fact.host),
            "status": JSON(fact.status?.description), "text": JSON(fact.text),
            "code": JSON(fact.text.flatMap { Diagnosis($0) }?.rawValue),
            "fields": .object(fact.fields.map { ($0.key.rawValue, .string($0.value)) }),
            "sentence": .string(narrator.sentence(fact)),
        ]
    }
}
