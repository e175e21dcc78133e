// SPDX-License-Identifier: Apache-2.0

import Bytes
import Journal
import Mail
import Spool
import World

/// `queue …`: what waits, and what an operator does about it.
struct QueueCommands {
    let spooler: Spooler
    let time: any Time

    /// Carries a command out.
    func perform(_ name: String, _ arguments: Arguments) async throws -> JSON {
        switch name {
        case "queue.list": return try await list(arguments)
        case "queue.destinations": return try await destinations()
        case "queue.show": return try await show(arguments)
        case "queue.retry":
            return try await change(arguments) { try await spooler.hasten($0, at: $1) }
        case "queue.hold": return try await change(arguments) { try await spooler.hold($0, at: $1) }
        case "queue.release":
            return try await change(arguments) { try await spooler.release($0, at: $1) }
        case "queue.delete":
            return try await change(arguments) {
                try await spooler.delete($0, reason: "by an operator", at: $1)
            }
        default: throw ControlFailure.usage("unknown command `\(name)`")
        }
    }

    private func list(_ arguments: Arguments) async throws -> JSON {
        let entries = try await spooler.entries(
            to: arguments.optionalDomain("domain")?.name, after: try after(arguments))
        return ["messages": .array(entries.map(\.json))]
    }

    private func after(_ arguments: Arguments) throws(ControlFailure) -> QueueID? {
        arguments.json["after"]?.string == nil ? nil : try queueID(arguments, "after")
    }

    private func destinations() async throws -> JSON {
        let counts = try await spooler.destinationCounts()
        return [
            "destinations": .array(
                counts.map {
                    [
                        "destination": .string($0.destination),
                        "waiting": .integer(Int64($0.waiting)),
                        "active": .integer(Int64($0.active)), "held": .integer(Int64($0.held)),
                        "oldest": .string(CalendarDate($0.oldest).internetFormat),
                        "next_attempt": JSON(time: $0.nextAttempt),
                    ]
                })
        ]
    }

    private func show(_ arguments: Arguments) async throws -> JSON {
        let id = try queueID(arguments, "id")
        guard let entry = try await spooler.entry(id) else {
            throw ControlFailure.data(
                "no message \(id) is in the queue; `postreiter trace \(id)` tells what became of it"
            )
        }
        return entry.json
    }

    private func change(
        _ arguments: Arguments, _ body: (QueueID, Timestamp) async throws -> Int
    ) async throws -> JSON {
        let id = try queueID(arguments, "id")
        let count = try await body(id, time.timestamp)
        guard count > 0 else {
            throw ControlFailure.data(
                "nothing to change: \(id) is not in the queue, or is being tried this moment")
        }
        return ["recipients": .integer(Int64(count))]
    }

    private func queueID(_ arguments: Arguments, _ key: String) throws(ControlFailure) -> QueueID {
        let text = try arguments.text(key)
        guard let id = QueueID(text) else {
            throw .data("`\(text)` is no queue id: those have 13 letters and digits")
        }
        return id
    }
}

extension QueueEntry {
    /// As `queue list --json` and `queue show --json` print it.
    var json: JSON {
        [
            "id": .string(id.description), "sender": .string(reversePath.description),
            "accepted": .string(CalendarDate(accepted).internetFormat),
            "expires": .string(CalendarDate(expires).internetFormat),
            "octets": .integer(Int64(octets)), "message_id": JSON(messageID),
            "body": .string(body.rawValue), "international": .bool(isInternational),
            "requests": requests.json,
            "source": .object(source.map { ($0.key.rawValue, .string($0.value)) }),
            "recipients": .array(recipients.map(\.json)),
        ]
    }
}

extension QueueEntry.Recipient {
    var json: JSON {
        [
            "address": .string(address), "original": JSON(original),
            "notify": JSON(notify?.description),
            "original_recipient": JSON(originalRecipient?.text),
            "destination": .string(destination), "state": .string(state.rawValue),
            "attempts": .integer(Int64(attempts)), "next_attempt": JSON(time: nextAttempt),
            "last_attempt": JSON(time: lastAttempt), "status": JSON(lastStatus?.description),
            "text": JSON(lastText), "host": JSON(lastHost),
        ]
    }
}

extension JSON {
    /// A time by RFC 3339, or `null` for none.
    init(time: Timestamp?) { self.init(time.map { CalendarDate($0).internetFormat }) }
}
