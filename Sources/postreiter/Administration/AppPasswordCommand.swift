// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes

/// The commands `postreiter account app-password …`.
struct AppPasswordCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "app-password", abstract: "Passwords for single devices and programs.",
        subcommands: [Create.self, List.self, Revoke.self])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make one, and show it once.")
        @OptionGroup var server: ServerOptions
        @OptionGroup var output: JSONOption
        @Option(
            name: .customLong("for"),
            help: "imap, pop3, smtp or managesieve; several times for several; default all.")
        var services: [String] = []
        @Argument(help: "The account's login.") var address: String
        @Argument(help: "What the person calls the device.") var name: String

        func run() async throws {
            let answer = try await server.perform(
                "app-password.add",
                [
                    "address": .string(address), "name": .string(name),
                    "services": JSON(services),
                ])
            guard !output.json else { return Output.json(answer) }
            Output.line(answer["password"]?.string ?? "")
            Output.error(
                "it is not shown again; log in as \(address), or with SCRAM as \(address)/\(name)")
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List them, with their last use.")
        @OptionGroup var server: ServerOptions
        @OptionGroup var output: JSONOption
        @Argument(help: "The account's login.") var address: String

        func run() async throws {
            let answer = try await server.perform(
                "app-password.list", ["address": .string(address)])
            guard !output.json else { return Output.json(answer) }
            Output.table(
                [["NAME", "FOR", "MADE", "LAST USED", "FOR", "FROM"]]
                    + (answer["passwords"]?.array ?? []).map {
                        let services = ($0["services"]?.array ?? []).compactMap(\.string)
                        return [
                            $0["name"]?.string ?? "",
                            services.isEmpty ? "all" : services.joined(separator: " "),
                            $0["created"]?.string ?? "", $0["last_used"]?.string ?? "never",
                            $0["last_service"]?.string ?? "-", $0["last_peer"]?.string ?? "-",
                        ]
                    })
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let nobody log in with it any more.")
        @OptionGroup var server: ServerOptions
        @Argument(help: "The account's login.") var address: String
        @Argument(help: "What the person calls the device.") var name: String

        func run() async throws {
            _ = try await server.perform(
                "app-password.remove", ["address": .string(address), "name": .string(name)])
        }
    }
}
