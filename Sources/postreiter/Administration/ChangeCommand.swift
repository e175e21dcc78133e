// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes

/// The commands `postreiter change …`.
struct ChangeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "change", abstract: "What was changed, by whom, when; and undoing it.",
        subcommands: [List.self, Undo.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the latest changes.")
        @OptionGroup var server: ServerOptions
        @OptionGroup var output: JSONOption
        @Option(help: "How many.") var limit: Int64 = 50

        func run() async throws {
            let answer = try await server.perform("change.list", ["limit": .integer(limit)])
            guard !output.json else { return Output.json(answer) }
            Output.table(
                [["CHANGE", "TIME", "BY", "WHAT"]]
                    + (answer["changes"]?.array ?? []).map {
                        [
                            "\($0["change"]?.integer ?? 0)", $0["time"]?.string ?? "",
                            $0["author"]?.string ?? "", $0["summary"]?.string ?? "",
                        ]
                    })
        }
    }

    struct Undo: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Undo one change.")
        @OptionGroup var server: ServerOptions
        @Argument var change: Int64

        func run() async throws {
            let answer = try await server.perform("change.undo", ["change": .integer(change)])
            for account in answer["without_password"]?.array ?? [] {
                let login = account.string ?? ""
                Output.line(
                    "\(login) needs a new password: `postreiter account password \(login)`")
            }
        }
    }
}
