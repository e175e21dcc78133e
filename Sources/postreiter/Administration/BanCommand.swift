// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes

/// The commands `postreiter ban …`.
struct BanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ban",
        abstract: "Networks that may not connect, each with a cause and an end.",
        subcommands: [Add.self, List.self, Remove.self])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Refuse the connections of a network for a while.")
        @OptionGroup var server: ServerOptions
        @Argument(help: "An address, or a network such as 192.0.2.0/24.") var network: String
        @Option(help: "Why; the client is told.") var cause: String?
        @Option(help: "For how long; default 24.") var hours: Int64?

        func run() async throws {
            let ban = try await server.perform(
                "ban.add",
                [
                    "network": .string(network), "cause": JSON(cause),
                    "hours": hours.map { .integer($0) } ?? .null,
                ])
            Output.line(
                "\(ban["network"]?.string ?? "") is banned until \(ban["until"]?.string ?? "")")
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List who is banned, why, by whom, and until when.")
        @OptionGroup var server: ServerOptions
        @OptionGroup var output: JSONOption

        func run() async throws {
            let answer = try await server.perform("ban.list", [:])
            guard !output.json else { return Output.json(answer) }
            Output.table(
                [["NETWORK", "UNTIL", "BY", "CAUSE"]]
                    + (answer["bans"]?.array ?? []).map { ban in
                        [
                            ban["network"]?.string ?? "", ban["until"]?.string ?? "",
                            ban["author"]?.string ?? "the server", ban["cause"]?.string ?? "",
                        ]
                    })
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let a network connect again.")
        @OptionGroup var server: ServerOptions
        @Argument(help: "As `ban list` shows it.") var network: String

        func run() async throws {
            _ = try await server.perform("ban.remove", ["network": .string(network)])
        }
    }
}
