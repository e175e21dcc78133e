// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes

/// The commands `postreiter queue …`.
struct QueueCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "queue", abstract: "Messages that are not delivered yet.",
        subcommands: [
            List.self, Show.self, Top.self, Destinations.self, Retry.self, Hold.self,
            Release.self, Redirect.self, Delete.self, Suspend.self, Resume.self,
            Suspensions.self,
        ])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List what waits, the oldest first.")
        @OptionGroup var server: ServerOptions
        @Flag(help: "One JSON object on each line instead of text.") var json = false
        @OptionGroup var selection: SelectionOptions
        @OptionGroup var reader: ReaderOption
        @Option(help: "At most so many messages.") var limit = 1_000
        @Flag(help: "All messages, however many.") var all = false

        /// What is asked of the server at once.
        private static let pageMessages = 500

        func validate() throws {
            guard limit > 0 else { throw ValidationError("--limit is at least 1") }
        }

        func run() async throws {
            let asker = try server.asker()
            try await asker.run { asker in
                var listed = 0
                var place: JSON = .null
                repeat {
                    let rest = all ? Self.pageMessages : min(limit - listed, Self.pageMessages)
                    let answer = try await asker.perform(
                        "queue.list",
                        .object(
                            selection.arguments + reader.arguments
                                + [("after", place), ("limit", .integer(Int64(rest)))]))
                    let messages = answer["messages"]?.array ?? []
                    show(messages, isFirst: listed == 0)
                    listed += messages.count
                    place = answer["next"] ?? .null
                } while place != .null && (all || listed < limit)
                if place != .null { try await tellRest(listed, asker) }
            }
        }

        private func show(_ messages: [JSON], isFirst: Bool) {
            guard !json else { return messages.forEach { Output.json($0) } }
            guard !messages.isEmpty else {
                if isFirst {
                    Output.line(
                        selection.arguments.isEmpty
                            ? "The queue is empty." : "Nothing of that is in the queue.")
                }
                return
            }
            let heading = [
                "ID", "ACCEPTED", "OCTETS", "SENDER", "RECIPIENT", "STATE", "NEXT", "WHY",
            ]
            var rows = isFirst ? [heading] : []
            for message in messages {
                for recipient in message["recipients"]?.array ?? [] {
                    rows.append([
                        message["id"]?.string ?? "", message["accepted"]?.string ?? "",
                        "\(message["octets"]?.integer ?? 0)",
                        "<\(message["sender"]?.string ?? "")>",
                        (recipient["address"]?.string ?? "")
                            + (recipient["via"]?.string.map { " via \($0)" } ?? ""),
                        recipient["state"]?.string ?? "",
                        recipient["next_attempt"]?.string ?? "-",
                        String((recipient["told"]?.string ?? "").prefix(80)),
                    ])
                }
            }
            Output.table(rows)
        }

        /// Nothing is left out in silence.
        private func tellRest(_ listed: Int, _ asker: Asker) async throws {
            let count = try await asker.perform("queue.count", .object(selection.arguments))
            let rest = max(1, (count["messages"]?.integer ?? 0) - Int64(listed))
            Output.error("\(rest) further messages: --all lists them, --limit some of them")
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show one message.")
        @OptionGroup var server: ServerOptions
        @OptionGroup var output: JSONOption
        @OptionGroup var reader: ReaderOption
        @Argument(help: "Its queue id or Message-ID.") var id: String

        func run() async throws {
            let answer = try await server.perform(
                "queue.show", .object([("id", .string(id))] + reader.arguments))
            guard !output.json else { return Output.json(answer) }
            for (key, value) in answer.object ?? [] where key != "recipients" && key != "source" {
                Output.line("\(key): \(value.string ?? value.description)")
            }
            for (key, value) in answer["source"]?.object ?? [] {
                Output.line("  \(key): \(value.string ?? "")")
            }
            for recipient in answer["recipients"]?.array ?? [] {
                Output.line("recipient: \(recipient["address"]?.string ?? "")")
                for (key, value) in recipient.object ?? []
                where key != "address" && key != "text" && value != .null {
                    Output.line("  \(key): \(value.string ?? value.description)")
                }
            }
        }
    }

    struct Destinations: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Count what waits, by destination.")
        @OptionGroup var server: ServerOptions
        @OptionGroup var output: JSONOption

        func run() async throws {
            let answer = try await server.perform("queue.destinations", [:])
            guard !output.json else { return Output.json(answer) }
            Output.table(
                [["DESTINATION", "WAITING", "ACTIVE", "HELD", "OLDEST", "NEXT"]]
                    + (answer["destinations"]?.array ?? []).map {
                        [
                            $0["destination"]?.string ?? "", "\($0["waiting"]?.integer ?? 0)",
                            "\($0["active"]?.integer ?? 0)", "\($0["held"]?.integer ?? 0)",
                            $0["oldest"]?.string ?? "", $0["next_attempt"]?.string ?? "-",
                        ]
                    })
        }
    }

    struct Top: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show where most waits, and how old it is.",
            discussion: """
                Recipients by the age of their message in minutes, each column twice as old as \
                the one before.
                """)
        @OptionGroup var server: ServerOptions
        @OptionGroup var output: JSONOption
        @Option(help: "destination, host (the exchanger tried last) or sender.")
        var by = "destination"
        @Option(help: "How many lines.") var limit: Int64 = 20

        func run() async throws {
            let answer = try await server.perform(
                "queue.top", ["by": .string(by), "limit": .integer(limit)])
            guard !output.json else { return Output.json(answer) }
            let limits = (answer["age_limits_minutes"]?.array ?? []).compactMap(\.integer)
            let heading =
                [by.uppercased(), "TOTAL"] + limits.map { "\($0)" }
                + [limits.last.map { "\($0)+" } ?? "", "ACTIVE", "HELD", "OLDEST"]
            var rows = [heading]
            if let total = answer["total"] { rows.append(Self.row("(all)", total)) }
            for share in answer["shares"]?.array ?? [] {
                let name = share["name"]?.string ?? ""
                rows.append(Self.row(name.isEmpty ? (by == "sender" ? "<>" : "-") : name, share))
            }
            if let others = answer["others"], let names = others["names"]?.integer, names > 0 {
                rows.append(Self.row("(\(names) others)", others))
            }
            Output.table(rows, numbersFrom: 1, to: heading.count - 2)
        }

        private static func row(_ name: String, _ share: JSON) -> [String] {
            let number = { (key: String) in "\(share[key]?.integer ?? 0)" }
            return [name, number("total")]
                + (share["ages"]?.array ?? []).map { "\($0.integer ?? 0)" }
                + [number("active"), number("held"), share["oldest"]?.string ?? "-"]
        }
    }

    struct Retry: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Make messages due now.")
        @OptionGroup var intervention: InterventionOptions
        func run() async throws { try await intervention.run("queue.retry", "due now") }
    }

    struct Hold: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Keep messages until they are released.")
        @OptionGroup var intervention: InterventionOptions
        func run() async throws { try await intervention.run("queue.hold", "held") }
    }

    struct Release: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Let held messages go on.")
        @OptionGroup var intervention: InterventionOptions
        func run() async throws { try await intervention.run("queue.release", "released") }
    }

    struct Redirect: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Send messages to another address or domain, or by another host.",
            discussion: """
                --to-host leaves the addresses as they are and hands them to that host, whatever \
                MX records or transports say; if it is the host of a transport, then with its \
                security and password. --to-host none lets them go their usual way again.
                """)
        @OptionGroup var intervention: InterventionOptions
        @OptionGroup var consent: ConsentOption
        @Option(help: "The new recipient of all of them.") var toAddress: String?
        @Option(help: "The domain of the new recipients, with the same local parts.")
        var toDomain: String?
        @Option(help: "The host that takes them: NAME[:PORT] or ADDRESS[:PORT]; none: as usual.")
        var toHost: String?

        func validate() throws {
            guard [toAddress, toDomain, toHost].compactMap(\.self).count == 1 else {
                throw ValidationError("say where to: --to-address, --to-domain or --to-host")
            }
        }

        func run() async throws {
            try await intervention.run(
                "queue.redirect", "redirected", consent: consent,
                [
                    ("to-address", JSON(toAddress)), ("to-domain", JSON(toDomain)),
                    ("to-host", JSON(toHost)),
                ])
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Delete messages without telling their senders.")
        @OptionGroup var intervention: InterventionOptions
        @OptionGroup var consent: ConsentOption
        func run() async throws {
            try await intervention.run("queue.delete", "deleted", consent: consent)
        }
    }

    struct Suspend: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Deliver nothing to a domain or a host, or for a sender, until resumed.",
            discussion: "It outlasts restarts. What waits does not come back to its senders.")
        @OptionGroup var server: ServerOptions
        @OptionGroup var output: JSONOption
        @OptionGroup var subject: SuspensionOptions
        @Option(help: "Why: the trace of what waits says it.") var reason: String?

        func run() async throws {
            let answer = try await server.perform(
                "queue.suspend", .object(subject.arguments + [("reason", JSON(reason))]))
            if output.json { Output.json(answer) }
        }
    }

    struct Resume: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take a suspension back, and make due what waited.")
        @OptionGroup var server: ServerOptions
        @OptionGroup var output: JSONOption
        @OptionGroup var subject: SuspensionOptions

        func run() async throws {
            let answer = try await server.perform("queue.resume", .object(subject.arguments))
            guard !output.json else { return Output.json(answer) }
            Output.line("\(answer["recipients"]?.integer ?? 0) recipients are due now")
        }
    }

    struct Suspensions: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List what is suspended.")
        @OptionGroup var server: ServerOptions
        @OptionGroup var output: JSONOption

        func run() async throws {
            let answer = try await server.perform("queue.suspensions", [:])
            guard !output.json else { return Output.json(answer) }
            let all = answer["suspensions"]?.array ?? []
            guard !all.isEmpty else { return Output.line("Nothing is suspended.") }
            Output.table(
                [["SCOPE", "SUBJECT", "SINCE", "BY", "REASON"]]
                    + all.map { suspension in
                        ["scope", "subject", "since", "author", "reason"]
                            .map { suspension[$0]?.string ?? "" }
                    })
        }
    }
}

/// What a suspension is about: one of the three.
struct SuspensionOptions: ParsableArguments {
    @Option(help: "A destination: the domain of recipients.") var domain: String?
    @Option(help: "An exchanger: the name or the address of a host.") var host: String?
    @Option(help: "A sender: an address, @DOMAIN, or <> for notifications.") var sender: String?

    func validate() throws {
        guard arguments.count == 1 else {
            throw ValidationError("say what: --domain, --host or --sender")
        }
    }

    var arguments: [(String, JSON)] {
        [("domain", domain), ("host", host), ("sender", sender)]
            .compactMap { key, text in text.map { (key, JSON.string($0)) } }
    }
}

/// What the commands share that change messages in the queue.
struct InterventionOptions: ParsableArguments {
    @OptionGroup var server: ServerOptions
    @OptionGroup var output: JSONOption
    @OptionGroup var selection: SelectionOptions
    @Flag(help: "Everything in the queue.") var all = false
    @Flag(help: "Only count what would be changed.") var dryRun = false
    @Option(help: "Why: the trace says it.") var reason: String?

    func validate() throws {
        guard all || !selection.arguments.isEmpty else {
            throw ValidationError(
                "say which messages: by id, --domain, --host, --sender, --recipient,"
                    + " --older-than, --newer-than or --state; or --all")
        }
    }

    /// Does it, and says how much was changed; with `consent`, asks before many are.
    func run(
        _ command: String, _ done: String, consent: ConsentOption? = nil,
        _ further: [(String, JSON)] = []
    ) async throws {
        let arguments =
            selection.arguments + further + [("all", .bool(all)), ("reason", JSON(reason))]
        if let consent, !dryRun, !selection.isOneMessage {
            let count = try await server.perform(
                command, .object(arguments + [("dry-run", true)]))
            if count["messages"]?.integer ?? 0 > 1 {
                try consent.ask(
                    "\(Self.text(count)) would be \(done)", else: "--dry-run only counts them")
            }
        }
        let answer = try await server.perform(
            command, .object(arguments + [("dry-run", .bool(dryRun))]))
        guard !output.json else { return Output.json(answer) }
        var text = Self.text(answer) + (dryRun ? " would be \(done)" : " \(done)")
        if let active = answer["active"]?.integer, active > 0 {
            text += "; \(active) recipients are being tried this moment and left alone"
        }
        Output.line(text)
    }

    private static func text(_ tally: JSON) -> String {
        let messages = tally["messages"]?.integer ?? 0
        let recipients = tally["recipients"]?.integer ?? 0
        return "\(messages) message\(messages == 1 ? "" : "s")"
            + " (\(recipients) recipient\(recipients == 1 ? "" : "s"))"
    }
}
