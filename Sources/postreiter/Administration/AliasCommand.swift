// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes

/// The commands `postreiter alias …`.
struct AliasCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "alias", abstract: "Addresses that lead to others.",
        subcommands: [Add.self, List.self, Remove.self])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let an address lead to others, here or elsewhere.")
        @OptionGroup var server: ServerOptions
        @Argument var address: String
        @Argument var targets: [String]

        func run() async throws {
            _ = try await server.perform(
                "alias.add", ["address": .string(address), "targets": JSON(targets)])
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the aliases.")
        @OptionGroup var server: ServerOptions
        @OptionGroup var output: JSONOption
        @Argument(help: "Only those of this domain.") var domain: String?

        func run() async throws {
            let answer = try await server.perform("alias.list", ["domain": JSON(domain)])
            guard !output.json else { return Output.json(answer) }
            Output.table(
                [["ALIAS", "LEADS TO"]]
                    + (answer["aliases"]?.array ?? []).map {
                        [
                            $0["alias"]?.string ?? "",
                            ($0["targets"]?.array ?? []).compactMap(\.string)
                                .joined(separator: " "),
                        ]
                    })
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Remove an alias.")
        @OptionGroup var server: ServerOptions
        @Argument var address: String

        func run() async throws {
            _ = try await server.perform("alias.remove", ["address": .string(address)])
        }
    }
}
