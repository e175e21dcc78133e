// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes

/// How long messages stay: shown, set.
struct RetentionOptions: ParsableArguments {
    @Option(
        name: .customLong("rule"),
        help: "Days and a mailbox, `30 Trash`, or a use, `14 \\Junk`; several times for several.")
    var rules: [String] = []
    @Flag(help: "Keep everything, whatever is set above it.") var none = false
    @Flag(help: "As it is set above it.") var `default` = false

    func perform(
        _ server: ServerOptions, _ output: JSONOption, for whom: [(String, JSON)]
    ) async throws {
        guard [!rules.isEmpty, none, `default`].count(where: \.self) <= 1 else {
            throw CommandFailure.usage("say one of --rule, --none and --default")
        }
        if !rules.isEmpty || none || `default` {
            _ = try await server.perform(
                "retention.set",
                .object(whom + [("rules", JSON(rules)), ("default", .bool(`default`))]))
        }
        try await Self.show(server, output, for: whom)
    }

    /// What would go now.
    static func show(
        _ server: ServerOptions, _ output: JSONOption, for whom: [(String, JSON)]
    ) async throws {
        let answer = try await server.perform("retention.show", .object(whom))
        guard !output.json else { return Output.json(answer) }
        Output.table(
            [["ACCOUNT", "MAILBOX", "DAYS", "MESSAGES", "OLDER", "STORAGE"]]
                + (answer["mailboxes"]?.array ?? []).map {
                    [
                        $0["account"]?.string ?? "", $0["mailbox"]?.string ?? "",
                        "\($0["days"]?.integer ?? 0)", "\($0["of"]?.integer ?? 0)",
                        "\($0["messages"]?.integer ?? 0)",
                        Output.size($0["octets"]?.integer ?? 0),
                    ]
                }, numbersFrom: 2, to: 5)
    }
}

extension AccountCommand {
    struct Retention: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show or set after how many days messages go.")
        @OptionGroup var server: ServerOptions
        @OptionGroup var output: JSONOption
        @OptionGroup var options: RetentionOptions
        @Argument var address: String

        func run() async throws {
            try await options.perform(server, output, for: [("address", .string(address))])
        }
    }

    struct Folders: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say whether user+folder@ leads into folder.")
        @OptionGroup var server: ServerOptions
        @Argument var address: String
        @Argument(help: "no, existing, create, or default.") var folders: String

        func run() async throws {
            _ = try await server.perform(
                "folders.set", ["address": .string(address), "folders": .string(folders)])
        }
    }
}

extension DomainCommand {
    struct Retention: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show or set after how many days messages of its accounts go.")
        @OptionGroup var server: ServerOptions
        @OptionGroup var output: JSONOption
        @OptionGroup var options: RetentionOptions
        @Argument var domain: String

        func run() async throws {
            try await options.perform(server, output, for: [("domain", .string(domain))])
        }
    }

    struct Folders: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say whether user+folder@ of its accounts leads into folder.")
        @OptionGroup var server: ServerOptions
        @Argument var domain: String
        @Argument(help: "no, existing, create, or default.") var folders: String

        func run() async throws {
            _ = try await server.perform(
                "folders.set", ["domain": .string(domain), "folders": .string(folders)])
        }
    }
}

extension MailboxCommand {
    struct Retention: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show which messages retention rules would remove now.")
        @OptionGroup var server: ServerOptions
        @OptionGroup var output: JSONOption
        @Argument(help: "Only of this account or domain.") var whom: String?

        func run() async throws {
            let key = whom?.contains("@") == true ? "address" : "domain"
            try await RetentionOptions.show(
                server, output, for: whom.map { [(key, .string($0))] } ?? [])
        }
    }

    struct Deleted: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List what was removed and can be brought back.")
        @OptionGroup var server: ServerOptions
        @OptionGroup var output: JSONOption
        @Option(help: "Only what was removed since then: 90s, 30m, 2h, 3d.") var since: Age?
        @Argument(help: "The account's login.") var account: String

        func run() async throws {
            let answer = try await server.perform(
                "undelete.list",
                [
                    "address": .string(account),
                    "since-seconds": since.map { .integer($0.seconds) } ?? .null,
                ])
            guard !output.json else { return Output.json(answer) }
            Output.table(
                [["MESSAGES", "STORAGE", "REMOVED FROM", "TO", "MAILBOX"]]
                    + (answer["removed"]?.array ?? []).map {
                        [
                            "\($0["messages"]?.integer ?? 0)",
                            Output.size($0["octets"]?.integer ?? 0), $0["first"]?.string ?? "",
                            $0["last"]?.string ?? "",
                            ($0["mailbox"]?.string ?? "")
                                + ($0["is_mailbox"]?.bool == true ? " (the whole mailbox)" : ""),
                        ]
                    }, numbersFrom: 0, to: 1)
        }
    }

    struct Undelete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Bring back what was removed, with new UIDs.")
        @OptionGroup var server: ServerOptions
        @OptionGroup var output: JSONOption
        @Option(help: "Only what was in this mailbox, or was it.") var mailbox: String?
        @Option(help: "Only what was removed since then: 90s, 30m, 2h, 3d.") var since: Age?
        @Argument(help: "The account's login.") var account: String

        func run() async throws {
            let answer = try await server.perform(
                "undelete",
                [
                    "address": .string(account), "mailbox": JSON(mailbox),
                    "since-seconds": since.map { .integer($0.seconds) } ?? .null,
                ])
            guard !output.json else { return Output.json(answer) }
            for one in answer["restored"]?.array ?? [] {
                let count = one["messages"]?.integer ?? 0
                Output.line(
                    "\(count) message\(count == 1 ? "" : "s") back in \(one["mailbox"]?.string ?? "")"
                        + (one["is_mailbox"]?.bool == true ? ", and the mailbox itself" : ""))
            }
        }
    }
}
