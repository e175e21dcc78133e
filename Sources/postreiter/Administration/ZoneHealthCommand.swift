// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes
import Mail

extension ZoneCommand {
    /// `postreiter zone health ZONE on|off|status`.
    struct Health: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Leave exchangers that are down out of a zone's answers.",
            discussion: """
                Off by default. Exchangers are looked at on port 25; one that is down is left out \
                only while another of its set answers, and no set is ever emptied.
                """)

        enum Wish: String, ExpressibleByArgument, CaseIterable { case on, off, status }

        @Argument(help: "The zone's name.") var zone: String
        @Argument(help: "on, off or status.") var wish: Wish = .status
        @OptionGroup var server: ServerOptions
        @OptionGroup var reader: ReaderOption
        @OptionGroup var output: JSONOption

        func run() async throws {
            var arguments: [(String, JSON)] = [("zone", .string(zone))]
            if wish != .status { arguments.append(("on", .bool(wish == .on))) }
            let answer = try await server.perform(
                wish == .status ? "health.show" : "health.set",
                .object(arguments + reader.arguments))
            ZoneCommand.tellHealth(answer, asJSON: output.json)
        }
    }

    /// `postreiter zone failover add|remove ZONE NAME`.
    struct Failover: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Answer with a backup's addresses while those of a name are down.",
            subcommands: [Add.self, Remove.self])

        struct Add: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Name the backup of a host that mail programs connect to.")
            @Argument(help: "The zone's name.") var zone: String
            @Argument(help: "The name that mail programs connect to.") var name: String
            @Option(
                name: .customLong("backup"), help: "An address of the backup (repeatable).")
            var backups: [String]
            @Option(help: "The port that says whether a host is up; default 587.")
            var port: Int64?
            @OptionGroup var server: ServerOptions
            @OptionGroup var reader: ReaderOption
            @OptionGroup var output: JSONOption

            func run() async throws {
                let answer = try await server.perform(
                    "failover.add",
                    .object(
                        [
                            ("zone", .string(zone)), ("name", .string(name)),
                            ("backups", JSON(backups)),
                            ("port", port.map { .integer($0) } ?? .null),
                        ] + reader.arguments))
                ZoneCommand.tellHealth(answer, asJSON: output.json)
            }
        }

        struct Remove: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Answer with a name's own addresses, come what may.")
            @Argument(help: "The zone's name.") var zone: String
            @Argument(help: "The name.") var name: String
            @OptionGroup var server: ServerOptions
            @OptionGroup var reader: ReaderOption
            @OptionGroup var output: JSONOption

            func run() async throws {
                let answer = try await server.perform(
                    "failover.remove",
                    .object(
                        [("zone", .string(zone)), ("name", .string(name))] + reader.arguments))
                ZoneCommand.tellHealth(answer, asJSON: output.json)
            }
        }
    }

    fileprivate static func tellHealth(_ answer: JSON, asJSON: Bool) {
        guard !asJSON else { return Output.json(answer) }
        let isOn = answer["exchangers_watched"]?.bool == true
        Output.line(
            Live.language.choose(
                isOn ? "exchangers are watched" : "exchangers are not watched",
                isOn ? "Exchanger werden beobachtet" : "Exchanger werden nicht beobachtet"))
        for failover in answer["failovers"]?.array ?? [] {
            let backups = (failover["backups"]?.array ?? []).compactMap(\.string)
            let name = failover["name"]?.string ?? ""
            Output.line(
                Live.language.choose("backup of \(name): ", "Reserve von \(name): ")
                    + backups.joined(separator: ", ") + " (\(failover["port"]?.integer ?? 0))")
        }
        for line in answer["text"]?.array ?? [] { Output.line(line.string ?? "") }
    }
}
