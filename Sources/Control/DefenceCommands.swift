// SPDX-License-Identifier: Apache-2.0

import Bytes
import Defence
import DefenceStore
import Journal
import Mail
import World

/// `ban …` and `explain.spam`: who may not connect, and what messages were taken for.
struct DefenceCommands {
    let records: DefenceRecords
    let trace: Trace
    let author: String
    let language: Language

    /// Without `hours` a ban of an operator's lasts so long.
    static let usualHours: Int64 = 24
    /// Of a Message-ID or an address so many messages are told of.
    static let maximumMessages = 20

    static func knows(_ name: String) -> Bool { name.hasPrefix("ban.") || name == "explain.spam" }

    func perform(_ name: String, _ arguments: Arguments) async throws -> JSON {
        switch name {
        case "ban.add": try await add(arguments)
        case "ban.remove": try await remove(arguments)
        case "ban.list": ["bans": .array(records.bans.all.map(Self.json))]
        case "explain.spam": try await explain(arguments)
        default: throw ControlFailure.usage("there is no command `\(name)`")
        }
    }

    private func network(_ arguments: Arguments) throws(ControlFailure) -> IPNetwork {
        let text = try arguments.text("network")
        guard let network = IPNetwork(text) else {
            throw .data(
                "`\(text)` is no network: write an address, or a network such as 192.0.2.0/24")
        }
        return network
    }

    private func add(_ arguments: Arguments) async throws -> JSON {
        let hours = arguments.number("hours") ?? Self.usualHours
        let longest = Bans.longest.components.seconds / 3_600
        guard (1...longest).contains(hours) else {
            throw ControlFailure.data("a ban lasts from 1 to \(longest) hours")
        }
        let cause = arguments.json["cause"]?.string ?? "banned by an operator"
        return Self.json(
            try await records.bans.add(
                try network(arguments), cause: cause, duration: .seconds(hours * 3_600),
                author: author))
    }

    private func remove(_ arguments: Arguments) async throws -> JSON {
        let network = try network(arguments)
        guard let ban = try await records.bans.remove(network) else {
            throw ControlFailure.data(
                "\(network) is not banned; `postreiter ban list` shows what is, as it is written")
        }
        return Self.json(ban)
    }

    private static func json(_ ban: Ban) -> JSON {
        [
            "network": .string(ban.network.description), "cause": .string(ban.cause),
            "since": .string(CalendarDate(ban.since).internetFormat),
            "until": .string(CalendarDate(ban.until).internetFormat),
            "author": JSON(ban.author),
        ]
    }

    private func explain(_ arguments: Arguments) async throws -> JSON {
        let text = try arguments.text("text")
        // What was refused has an id in the reply, and perhaps nothing in the journal.
        let found = try await trace.queueIDs(matching: text)
        let ids = found.isEmpty ? QueueID(text).map { [$0] } ?? [] : found
        var messages: [JSON] = []
        for id in ids.prefix(Self.maximumMessages) {
            guard let (time, verdict) = try await records.verdicts.verdict(of: id) else { continue }
            messages.append(
                .object(
                    [
                        ("id", .string(id.description)),
                        ("time", .string(CalendarDate(time).internetFormat)),
                    ] + told(verdict)))
        }
        guard !messages.isEmpty else {
            throw ControlFailure.data(ids.isEmpty ? nothingKnown(of: text) : notWeighed(text))
        }
        return ["messages": .array(messages), "language": .string(language.rawValue)]
    }

    private func nothingKnown(of text: String) -> String {
        language.choose(
            "nothing is known of `\(text)`: give a queue id, a Message-ID or an address",
            "von „\(text)“ ist nichts bekannt: eine Queue-ID, eine Message-ID oder eine Adresse")
    }

    private func notWeighed(_ text: String) -> String {
        language.choose(
            "`\(text)` was not weighed: only what strangers bring is",
            "„\(text)“ wurde nicht gewogen: das wird nur, was Fremde bringen")
    }

    /// As it is stored, with the reason in words of the reader's, and what each test means.
    private func told(_ verdict: Verdict) -> [(String, JSON)] {
        (verdict.json.object ?? []).map { key, value in
            switch key {
            case "reason":
                (
                    "reason",
                    .string(
                        language.choose(verdict.reason, VerdictReason.german(verdict.reason)))
                )
            case "tests": ("tests", .array((value.array ?? []).map(withMeaning)))
            default: (key, value)
            }
        }
    }

    private func withMeaning(_ test: JSON) -> JSON {
        let meaning = test["test"]?.string.flatMap { Weights.meaning(of: $0) }
        return .object(
            (test.object ?? []) + [
                ("meaning", JSON(meaning.map { language.choose($0.english, $0.german) }))
            ])
    }
}
