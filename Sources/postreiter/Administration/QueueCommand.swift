// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes

/// The commands `postreiter queue …`.
struct QueueCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "queue", abstract: "Messages that are not delivered yet.",
        subcommands: [
            List.self, Show.self, Destinations.self, Retry.self, Hold.self, Release.self,
            Delete.self,
        ])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List what waits.")
        @OptionGroup var server: ServerOptions
        @OptionGroup var output: JSONOption
        @Option(help: "Only messages with a recipient there.") var domain: String?

        func run() async throws {
            let answer = try await server.perform("queue.list", ["domain": JSON(domain)])
            guard !output.json else { return Output.json(answer) }
            var rows = [
                ["ID", "ACCEPTED", "OCTETS", "SENDER", "RECIPIENT", "STATE", "NEXT", "WHY"]
            ]
            for message in answer["messages"]?.array ?? [] {
                for recipient in message["recipients"]?.array ?? [] {
                    rows.append([
                        message["id"]?.string ?? "", message["accepted"]?.string ?? "",
                        "\(message["octets"]?.integer ?? 0)",
                        "<\(message["sender"]?.string ?? "")>",
                        recipient["address"]?.string ?? "", recipient["state"]?.string ?? "",
                        recipient["next_attempt"]?.string ?? "-",
                        String((recipient["text"]?.string ?? "").prefix(80)),
                    ])
                }
            }
            guard rows.count > 1 else { return Output.line("The queue is empty.") }
            Output.table(rows)
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show one message.")
        @OptionGroup var server: ServerOptions
        @OptionGroup var output: JSONOption
        @Argument(help: "Its queue id.") var id: String

        func run() async throws {
            let answer = try await server.perform("queue.show", ["id": .string(id)])
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
                where key != "address" && value != .null {
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

    struct Retry: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Try a message now.")
        @OptionGroup var server: ServerOptions
        @Argument var id: String
        func run() async throws { _ = try await server.perform("queue.retry", ["id": .string(id)]) }
    }

    struct Hold: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Keep a message until it is released.")
        @OptionGroup var server: ServerOptions
        @Argument var id: String
        func run() async throws { _ = try await server.perform("queue.hold", ["id": .string(id)]) }
    }

    struct Release: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Let a held message go on.")
        @OptionGroup var server: ServerOptions
        @Argument var id: String
        func run() async throws {
            _ = try await server.perform("queue.release", ["id": .string(id)])
        }
    }

    struct Delete: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Delete a message without telling its sender.")
        @OptionGroup var server: ServerOptions
        @Argument var id: String
        func run() async throws {
            _ = try await server.perform("queue.delete", ["id": .string(id)])
        }
    }
}
