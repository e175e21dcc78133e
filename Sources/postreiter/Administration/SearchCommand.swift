// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes
import Control
import Settings

/// `postreiter search`: the index by which texts of messages are found.
struct SearchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "search", abstract: "The index by which texts of messages are found.",
        subcommands: [Status.self, Rebuild.self])

    /// How far the index is.
    struct Status: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show how many messages there are, and how many are indexed.")
        @OptionGroup var server: ServerOptions
        @OptionGroup var output: JSONOption

        func run() async throws { try await show("search.status", server, output) }
    }

    /// Makes it anew.
    struct Rebuild: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make the index anew, in the background.",
            discussion: "Searches read the messages meanwhile, and find the same.")
        @OptionGroup var server: ServerOptions
        @OptionGroup var output: JSONOption

        func run() async throws { try await show("search.rebuild", server, output) }
    }

    private static func show(
        _ command: String, _ server: ServerOptions, _ output: JSONOption
    ) async throws {
        let settings = try server.settings()
        guard
            let answer = try await ControlClient(path: settings.controlSocket)
                .perform(command, [:])
        else {
            throw CommandFailure.unavailable(
                "no server is running on \(settings.dataFolder), and it alone keeps the index")
        }
        guard !output.json else { return Output.json(answer) }
        Output.line(
            """
            \(answer["messages"]?.integer ?? 0) messages, \(answer["indexed"]?.integer ?? 0) \
            indexed (with some that have gone)
            """)
    }
}
