// SPDX-License-Identifier: Apache-2.0

import Bytes
import Journal
import Mail
import Routing
import Spool
import World

/// `queue …`: what waits, and what an operator does about it.
struct QueueCommands {
    let spooler: Spooler
    let trace: Trace
    let time: any Time
    let author: String
    let delivery: Administration.Delivery
    let reader: ReaderLanguage

    /// Carries a command out.
    func perform(_ name: String, _ arguments: Arguments) async throws -> JSON {
        switch name {
        case "queue.list": return try await list(arguments)
        case "queue.count": return try await spooler.count(selection(arguments)).json
        case "queue.show": return try await show(arguments)
        case "queue.top": return try await top(arguments)
        case "queue.destinations": return try await destinations()
        case "queue.retry": return try await intervene(.retry, arguments)
        case "queue.hold": return try await intervene(.hold, arguments)
        case "queue.release": return try await intervene(.release, arguments)
        case "queue.delete": return try await intervene(.delete, arguments)
        case "queue.redirect":
            return try await intervene(.redirect(redirection(arguments)), arguments)
        case "queue.suspend": return try await suspend(arguments)
        case "queue.resume": return try await resume(arguments)
        case "queue.suspensions": return try await suspensions()
        default: throw ControlFailure.usage("unknown command `\(name)`")
        }
    }

    private func selection(_ arguments: Arguments) async throws -> Selection {
        try await SelectionArguments(trace: trace, time: time).selection(arguments)
    }

    // MARK: What is there

    private func list(_ arguments: Arguments) async throws -> JSON {
        let page = try await spooler.entries(
            selection(arguments), after: try after(arguments),
            limit: Int(clamping: arguments.number("limit") ?? Int64(Spooler.listLimit)))
        let language = try await reader.language(arguments)
        return [
            "messages": .array(page.entries.map { $0.json(in: language) }),
            "next": JSON(page.next?.description),
        ]
    }

    private func after(_ arguments: Arguments) throws(ControlFailure) -> QueueID? {
        arguments.json["after"]?.string == nil ? nil : try queueID(arguments, "after")
    }

    private func show(_ arguments: Arguments) async throws -> JSON {
        let name = try arguments.text("id")
        let found = try await spooler.entries(selection(arguments))
        guard let entry = found.entries.first else {
            throw ControlFailure.data(
                "no message \(name) is in the queue; `postreiter trace \(name)` tells what became"
                    + " of it")
        }
        return entry.json(in: try await reader.language(arguments))
    }

    private func top(_ arguments: Arguments) async throws -> JSON {
        let name = arguments.json["by"]?.string ?? Census.Trait.destination.rawValue
        guard let trait = Census.Trait(rawValue: name) else {
            throw ControlFailure.data("`\(name)` is none of destination, host and sender")
        }
        let limit = Int(clamping: arguments.number("limit") ?? 20)
        let census = try await spooler.census(
            by: trait, at: time.timestamp, limit: max(1, min(limit, 1_000)))
        var others = census.others.members
        others.append(("names", .integer(Int64(census.otherNames))))
        return [
            "by": .string(trait.rawValue),
            "age_limits_minutes": .array(
                QueueShare.ageLimits.map { .integer($0.nanoseconds / 60_000_000_000) }),
            "shares": .array(
                census.shares.map { .object([("name", .string($0.name))] + $0.members) }),
            "others": .object(others), "total": .object(census.total.members),
        ]
    }

    private func destinations() async throws -> JSON {
        let census = try await spooler.census(by: .destination, at: time.timestamp)
        return [
            "destinations": .array(
                census.shares.map {
                    [
                        "destination": .string($0.name), "waiting": .integer(Int64($0.waiting)),
                        "active": .integer(Int64($0.active)), "held": .integer(Int64($0.held)),
                        "oldest": JSON(time: $0.oldest), "next_attempt": JSON(time: $0.nextAttempt),
                    ]
                })
        ]
    }

    // MARK: What is done about it

    private func intervene(
        _ intervention: Intervention, _ arguments: Arguments
    ) async throws -> JSON {
        let selection = try await selection(arguments)
        guard !selection.isEverything || arguments.flag("all") else {
            throw ControlFailure.usage(
                "say which messages: by id, domain, host, sender, recipient, age or state;"
                    + " or that you mean all")
        }
        if arguments.flag("dry-run") { return try await spooler.count(selection).json }
        await delivery.recall(selection)
        let tally = try await spooler.intervene(
            intervention, selection, by: author, reason: try reason(arguments))
        if intervention == .retry { delivery.wake(try await destinations(of: selection)) }
        guard tally.recipients > 0 || arguments.json["id"]?.string == nil else {
            let id = try arguments.text("id")
            throw ControlFailure.data(
                tally.active > 0
                    ? "\(id) is being tried this moment: ask again when that has ended"
                    : "nothing to change: \(id) is not in the queue, or not in that state")
        }
        return tally.json
    }

    /// Whom a retry is about, as far as that is said: a host that is wanted tried now is tried,
    /// although its pause is not over.
    private func destinations(of selection: Selection) async throws -> [Destination] {
        if let destination = selection.destination {
            return (try? Destination(destination)).map { [$0] } ?? []
        }
        guard selection.messages != nil else { return [] }
        let entries = try await spooler.entries(selection).entries
        let recipients = entries.flatMap(\.recipients)
        let hosts = Set(recipients.compactMap(\.via)).sorted()
        return Set(recipients.map(\.destination)).sorted().compactMap { try? Destination($0) }
            + hosts.map { DueRecipient.line(via: $0) }
    }

    private func reason(_ arguments: Arguments) throws(ControlFailure) -> String? {
        guard let reason = arguments.json["reason"]?.string, !reason.isEmpty else { return nil }
        guard reason.utf8.count <= Fact.maximumTextCharacters else {
            throw .data("a reason has at most \(Fact.maximumTextCharacters) octets")
        }
        return reason
    }

    private func redirection(_ arguments: Arguments) throws(ControlFailure) -> Redirection {
        if arguments.json["to-address"]?.string != nil {
            return .address(try arguments.address("to-address"))
        }
        if arguments.json["to-domain"]?.string != nil {
            return .domain(try arguments.domain("to-domain"))
        }
        if let host = arguments.json["to-host"]?.string { return .host(try Self.chosen(host)) }
        throw .usage("say where to: `to-address`, `to-domain` or `to-host`")
    }

    /// A host that takes mail by SMTP; nil for `none`.
    private static func chosen(_ text: String) throws(ControlFailure) -> String? {
        let text = text.asciiLowercased
        guard text != "none" else { return nil }
        guard (try? RelayHost(text)) != nil, !text.hasPrefix("unix:") else {
            throw .data(
                "`\(text)` is no host: a name or an address, perhaps with a port; or `none`")
        }
        return text
    }

    // MARK: Suspensions

    private func suspend(_ arguments: Arguments) async throws -> JSON {
        let (scope, subject) = try scope(arguments)
        let suspension = Suspension(
            scope, subject, since: time.timestamp, author: author, reason: try reason(arguments))
        guard try await spooler.suspend(suspension) else {
            throw ControlFailure.data("\(subject) is suspended already")
        }
        return suspension.json
    }

    private func resume(_ arguments: Arguments) async throws -> JSON {
        let (scope, subject) = try scope(arguments)
        guard let count = try await spooler.resume(scope, subject, by: author) else {
            throw ControlFailure.data(
                "\(subject) is not suspended; `queue suspensions` lists what is")
        }
        return [
            "scope": .string(scope.rawValue), "subject": .string(subject),
            "recipients": .integer(Int64(count)),
        ]
    }

    private func suspensions() async throws -> JSON {
        ["suspensions": .array(try await spooler.suspensions().all.map(\.json))]
    }

    /// One of `domain`, `host` and `sender`.
    private func scope(
        _ arguments: Arguments
    ) throws(ControlFailure) -> (Suspension.Scope, subject: String) {
        let json = arguments.json
        switch (json["domain"]?.string, json["host"]?.string, json["sender"]?.string) {
        case (let domain?, nil, nil):
            return (.destination, try SelectionArguments.destination(domain))
        case (nil, let host?, nil):
            guard let known = try? RelayHost(host), known.port == nil else {
                throw .data("`\(host)` is neither the name nor the address of a host")
            }
            return (.host, (IPAddress(host)?.description ?? host).asciiLowercased)
        case (nil, nil, let sender?): return (.sender, Selection.Pattern(sender).text)
        default: throw .usage("say what: a domain, a host or a sender")
        }
    }

    private func queueID(_ arguments: Arguments, _ key: String) throws(ControlFailure) -> QueueID {
        let text = try arguments.text(key)
        guard let id = QueueID(text) else {
            throw .data("`\(text)` is no queue id: those have 13 letters and digits")
        }
        return id
    }
}

extension Spooler.Tally {
    var json: JSON {
        [
            "messages": .integer(Int64(messages)), "recipients": .integer(Int64(recipients)),
            "active": .integer(Int64(active)),
        ]
    }
}

extension QueueShare {
    /// As `queue top --json` prints it, but for the name.
    var members: [(String, JSON)] {
        [
            ("total", .integer(Int64(total))), ("waiting", .integer(Int64(waiting))),
            ("active", .integer(Int64(active))), ("held", .integer(Int64(held))),
            ("ages", .array(ages.map { .integer(Int64($0)) })),
            ("oldest", total == 0 ? .null : JSON(time: oldest)),
            ("next_attempt", JSON(time: nextAttempt)),
        ]
    }
}

extension Suspension {
    /// As `queue suspensions --json` prints it.
    var json: JSON {
        [
            "scope": .string(scope.rawValue), "subject": .string(subject),
            "since": JSON(time: since), "author": .string(author), "reason": JSON(reason),
        ]
    }
}

extension QueueEntry {
    /// As `queue list --json` and `queue show --json` print it.
    func json(in language: Language) -> JSON {
        [
            "id": .string(id.description), "sender": .string(reversePath.description),
            "accepted": .string(CalendarDate(accepted).internetFormat),
            "expires": .string(CalendarDate(expires).internetFormat),
            "octets": .integer(Int64(octets)), "message_id": JSON(messageID),
            "body": .string(body.rawValue), "international": .bool(isInternational),
            "requests": requests.json,
            "source": .object(source.map { ($0.key.rawValue, .string($0.value)) }),
            "recipients": .array(recipients.map { $0.json(in: language) }),
        ]
    }
}

extension QueueEntry.Recipient {
    /// `text` is English or what others said, `told` the same in the reader's language.
    func json(in language: Language) -> JSON {
        [
            "address": .string(address), "original": JSON(original),
            "notify": JSON(notify?.description),
            "original_recipient": JSON(originalRecipient?.text),
            "destination": .string(destination), "state": .string(state.rawValue),
            "attempts": .integer(Int64(attempts)), "next_attempt": JSON(time: nextAttempt),
            "last_attempt": JSON(time: lastAttempt), "status": JSON(lastStatus?.description),
            "text": JSON(lastText),
            "code": JSON(lastText.flatMap { Diagnosis($0) }?.rawValue),
            "told": JSON(lastText.map { language.tell($0) }), "host": JSON(lastHost),
            "via": JSON(via),
        ]
    }
}

extension JSON {
    /// A time by RFC 3339, or `null` for none.
    init(time: Timestamp?) { self.init(time.map { CalendarDate($0).internetFormat }) }
}
