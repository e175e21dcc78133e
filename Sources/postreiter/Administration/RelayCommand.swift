// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes

/// The commands `postreiter relay …`.
struct RelayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "relay", abstract: "Domains that this host is a backup MX for.",
        subcommands: [Add.self, List.self, Remove.self, Allow.self, Disallow.self])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Hold mail for a domain whose primary exchanger is elsewhere.")
        @OptionGroup var server: ServerOptions
        @Argument var domain: String
        @Option(
            name: .customLong("recipient"),
            help: "An address that the primary knows (repeatable); others are refused.")
        var recipients: [String] = []
        @Flag(
            help: "Take every address. Dangerous: mail to nobody will be bounced to forged senders."
        )
        var all = false
        @Option(help: "Hours to keep trying; default 120.") var lifetimeHours: Int64?
        @Option(
            help: "The primary, NAME or ADDRESS with an optional :PORT; default: by MX records.")
        var host: String?

        func validate() throws {
            guard all || !recipients.isEmpty else {
                throw ValidationError("name the known recipients with --recipient, or say --all")
            }
        }

        func run() async throws {
            _ = try await server.perform(
                "relay.add",
                [
                    "domain": .string(domain), "all": .bool(all), "recipients": JSON(recipients),
                    "host": JSON(host),
                    "lifetime-seconds": lifetimeHours.map { .integer($0 * 3600) } ?? .null,
                ])
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the relay domains.")
        @OptionGroup var server: ServerOptions
        @OptionGroup var output: JSONOption

        func run() async throws {
            let answer = try await server.perform("relay.list", [:])
            guard !output.json else { return Output.json(answer) }
            Output.table(
                [["DOMAIN", "HOURS", "RECIPIENTS"]]
                    + (answer["relays"]?.array ?? []).map {
                        [
                            $0["domain"]?.string ?? "",
                            $0["lifetime-seconds"]?.integer.map { "\($0 / 3600)" } ?? "120",
                            $0["all"]?.bool == true
                                ? "all"
                                : ($0["recipients"]?.array ?? []).compactMap(\.string)
                                    .joined(separator: " "),
                        ]
                    })
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Hold no more mail for it.")
        @OptionGroup var server: ServerOptions
        @Argument var domain: String

        func run() async throws {
            _ = try await server.perform("relay.remove", ["domain": .string(domain)])
        }
    }

    struct Allow: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Add a known recipient.")
        @OptionGroup var server: ServerOptions
        @Argument var address: String

        func run() async throws {
            _ = try await server.perform("relay.allow", ["address": .string(address)])
        }
    }

    struct Disallow: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Remove a known recipient.")
        @OptionGroup var server: ServerOptions
        @Argument var address: String

        func run() async throws {
            _ = try await server.perform("relay.disallow", ["address": .string(address)])
        }
    }
}
