// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes
import Mail

extension ZoneCommand {
    /// The commands `postreiter zone dnssec …`.
    struct Security: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "dnssec", abstract: "Sign zones (DNSSEC), and look after their keys.",
            subcommands: [
                Enable.self, Status.self, Entries.self, Roll.self, Confirm.self, Disable.self,
                Export.self,
            ])

        /// Asks the server, and shows the state afterwards.
        static func perform(
            _ command: String, _ zone: String, _ arguments: [(String, JSON)] = [],
            _ server: ServerOptions, _ output: JSONOption? = nil
        ) async throws {
            let answer = try await server.perform(
                "zone.dnssec.\(command)",
                .object([("zone", .string(zone)), ("language", ZoneCommand.language)] + arguments))
            guard output?.json != true else { return Output.json(answer) }
            show(answer)
        }

        static func show(_ answer: JSON) {
            let text = { (key: String) in answer[key]?.string ?? "-" }
            defer { Output.line(text("advice")) }
            guard answer["signed"]?.bool == true else { return }
            let algorithm = answer["algorithm"]?.integer ?? 0
            Output.line(
                "zone        \(text("zone")), algorithm \(algorithm), \(text("denial"))"
                    + (answer["ending"]?.bool == true ? ", ending" : ""))
            Output.line(
                "signatures  hold until \(text("signatures_expire"))"
                    + (answer["alarm"]?.bool == true ? " (ALARM)" : ""))
            if let parent = answer["parent"], parent["seen"] != nil {
                let tags = (parent["tags"]?.array ?? []).compactMap(\.integer).map { "\($0)" }
                Output.line(
                    "zone above  "
                        + (parent["failure"]?.string
                            ?? (tags.isEmpty
                                ? "no DS record" : "names \(tags.joined(separator: ", "))"))
                )
            }
            Output.line("")
            Output.table(
                [["TAG", "ROLE", "STATE", "SIGNS", "SINCE", "UNTIL"]]
                    + (answer["keys"]?.array ?? []).map { key in
                        [
                            "\(key["tag"]?.integer ?? 0)", key["role"]?.string ?? "",
                            key["state"]?.string ?? "",
                            key["signing"]?.bool == true ? "data" : "-",
                            key["since"]?.string ?? "", key["until"]?.string ?? "-",
                        ]
                    })
            Output.line("")
        }

        struct Enable: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Sign a zone; keys are made and replaced by themselves.")
            @OptionGroup var server: ServerOptions
            @OptionGroup var output: JSONOption
            @Argument var zone: String
            @Option(help: "13 is ECDSA P-256, 15 Ed25519.") var algorithm: Int64 = 13
            @Flag(help: "Deny names by NSEC3, so that they cannot be listed easily.")
            var nsec3 = false
            @Flag(help: "One key that signs everything, instead of two.") var singleKey = false

            func run() async throws {
                try await Security.perform(
                    "enable", zone,
                    [
                        ("algorithm", .integer(algorithm)), ("nsec3", .bool(nsec3)),
                        ("single-key", .bool(singleKey)),
                    ], server, output)
            }
        }

        struct Status: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Show keys, signatures, the zone above, and what is to be done.")
            @OptionGroup var server: ServerOptions
            @OptionGroup var output: JSONOption
            @Argument var zone: String

            func run() async throws {
                try await Security.perform("status", zone, [], server, output)
            }
        }

        struct Entries: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                commandName: "ds", abstract: "Print the DS record for the zone above.")
            @OptionGroup var server: ServerOptions
            @OptionGroup var output: JSONOption
            @Argument var zone: String

            func run() async throws {
                let answer = try await server.perform(
                    "zone.dnssec.ds",
                    ["zone": .string(zone), "language": ZoneCommand.language])
                guard !output.json else { return Output.json(answer) }
                let records = (answer["ds"]?.array ?? []).filter {
                    // SHA-256 is what every registrar takes.
                    $0["digest_type"]?.integer == 2
                }
                for record in records { Output.line(record["record"]?.string ?? "") }
                guard records.isEmpty else { return }
                Output.error(answer["advice"]?.string ?? "")
                throw ExitCode(1)
            }
        }

        struct Roll: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Begin to replace a key now: ksk, zsk, or csk where one signs all.")
            @OptionGroup var server: ServerOptions
            @OptionGroup var output: JSONOption
            @Argument var zone: String
            @Argument var role: String

            func run() async throws {
                try await Security.perform(
                    "roll", zone, [("role", .string(role))], server, output)
            }
        }

        struct Confirm: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Say that the zone above has the DS record, where it cannot be asked.")
            @OptionGroup var server: ServerOptions
            @OptionGroup var output: JSONOption
            @Argument var zone: String

            func run() async throws {
                try await Security.perform("confirm", zone, [], server, output)
            }
        }

        struct Disable: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Sign a zone no more, as soon as the zone above has no DS record.")
            @OptionGroup var server: ServerOptions
            @OptionGroup var output: JSONOption
            @Argument var zone: String
            @Flag(help: "At once: where the zone above has a DS record, the zone is lost.")
            var now = false

            func run() async throws {
                try await Security.perform(
                    "disable", zone, [("now", .bool(now))], server, output)
            }
        }

        struct Export: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Print a zone as it is answered, signatures included.")
            @OptionGroup var server: ServerOptions
            @Argument var zone: String

            func run() async throws {
                let answer = try await server.perform(
                    "zone.dnssec.export",
                    ["zone": .string(zone), "language": ZoneCommand.language])
                Output.octets(Array((answer["text"]?.string ?? "").utf8))
            }
        }
    }
}
