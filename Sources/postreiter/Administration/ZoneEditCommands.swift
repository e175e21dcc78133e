// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes

/// Changing what a zone holds: each command is one change set, looked at before it is made.
extension ZoneCommand {
    struct Exchangers: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "mx", abstract: "Which hosts take a domain's mail.",
            discussion: """
                A low preference is a high priority: the main server has 10, a backup 20. HOST is \
                a name, never an address, and must exist; a name without a dot stands below the \
                zone.
                """, subcommands: [Add.self, Change.self, Remove.self, List.self])

        /// An exchanger as it shall be.
        struct ExchangerOptions: ParsableArguments {
            @Argument var domain: String
            @Argument var host: String
            @Option(help: "0 to 65535; the lowest is tried first.") var preference: Int64?
            @Option(help: "Seconds for which the records may be remembered.") var ttl: Int64?
            @OptionGroup var change: ZoneChangeOptions

            func edit(_ kind: String) async throws {
                try await ZoneCommand.edit(
                    change, kind, domain,
                    [
                        ("host", .string(host)), ("preference", number(preference)),
                        ("ttl", number(ttl)),
                    ])
            }
        }

        struct Add: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Add an exchanger; the first gets preference 10, the next 20.")
            @OptionGroup var exchanger: ExchangerOptions

            func run() async throws { try await exchanger.edit("mx-add") }
        }

        struct Change: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                commandName: "set", abstract: "Give an exchanger another preference or TTL.")
            @OptionGroup var exchanger: ExchangerOptions

            func run() async throws { try await exchanger.edit("mx-set") }
        }

        struct Remove: AsyncParsableCommand {
            static let configuration = CommandConfiguration(abstract: "Take an exchanger out.")
            @Argument var domain: String
            @Argument var host: String
            @OptionGroup var change: ZoneChangeOptions

            func run() async throws {
                try await ZoneCommand.edit(
                    change, "mx-remove", domain, [("host", .string(host))])
            }
        }

        struct List: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "List a domain's exchangers, as its zone here says.")
            @Argument var domain: String
            @OptionGroup var server: ServerOptions
            @OptionGroup var output: JSONOption

            func run() async throws {
                try await ZoneCommand.records(at: domain, of: "MX", nil, server, output)
            }
        }
    }

    struct NullMX: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "null-mx", abstract: "Declare that a domain takes no mail (RFC 7505).")
        @Argument var domain: String
        @OptionGroup var change: ZoneChangeOptions

        func run() async throws { try await ZoneCommand.edit(change, "null-mx", domain, []) }
    }

    struct Record: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Records of any type.",
            discussion: """
                DATA is as in a zone file, but a name with a dot in it is whole, and TXT data \
                without quotes is one text. The zone is the nearest one kept here; with --zone, \
                names may leave it out.
                """, subcommands: [Add.self, Change.self, Remove.self, List.self])

        struct Add: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Add records to those of a name and type.")
            @OptionGroup var place: RecordPlace
            @Argument(help: "The data; its words make up one record.") var data: [String]
            @OptionGroup var also: FurtherData
            @OptionGroup var change: ZoneChangeOptions

            func run() async throws {
                try await ZoneCommand.edit(change, "add", place.name, place.members(data, also))
            }
        }

        struct Change: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                commandName: "set", abstract: "Put records in the place of all of a name and type.")
            @OptionGroup var place: RecordPlace
            @Argument(help: "The data; its words make up one record.") var data: [String]
            @OptionGroup var also: FurtherData
            @OptionGroup var change: ZoneChangeOptions

            func run() async throws {
                try await ZoneCommand.edit(change, "set", place.name, place.members(data, also))
            }
        }

        struct Remove: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Remove all records of a name and type, or the one with this data.")
            @Argument var name: String
            @Argument var type: String
            @Argument var data: [String] = []
            @Option(help: "The zone, if it is not the nearest one.") var zone: String?
            @OptionGroup var change: ZoneChangeOptions

            func run() async throws {
                var members: [(String, JSON)] = [("type", .string(type)), ("zone", JSON(zone))]
                if !data.isEmpty { members.append(("data", .string(words(data)))) }
                try await ZoneCommand.edit(change, "remove", name, members)
            }
        }

        struct List: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "List the records at a name; without --name those of the whole zone.")
            @Argument(help: "The zone, or a name in it.") var name: String
            @Argument(help: "Only of this type.") var type: String?
            @Flag(help: "Those of the whole zone, not of the name alone.") var all = false
            @OptionGroup var server: ServerOptions
            @OptionGroup var output: JSONOption

            func run() async throws {
                try await ZoneCommand.records(
                    at: all ? nil : name, of: type, all ? name : nil, server, output)
            }
        }
    }

    struct Edit: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make several edits at once, all or none.",
            discussion: """
                One edit a line, of one zone or of several:

                  add NAME [TTL] TYPE DATA
                  set NAME [TTL] TYPE DATA
                  remove NAME TYPE [DATA]
                  mx add|set|remove DOMAIN HOST [PREFERENCE [TTL]]
                  null-mx DOMAIN
                """)
        @Argument(help: "A file with the edits; - for standard input.") var file = "-"
        @Option(help: "The zone that all of them are for; names may then leave it out.")
        var zone: String?
        @OptionGroup var change: ZoneChangeOptions

        func run() async throws {
            let text = try Files.read(file)
            guard let lines = String(validating: text, as: UTF8.self) else {
                throw CommandFailure.data("\(file) is no text in UTF-8")
            }
            try await change.perform(
                "zone.edit", [("lines", .string(lines)), ("zone", JSON(zone))])
        }
    }

    /// One edit as a change set of its own.
    static func edit(
        _ change: ZoneChangeOptions, _ verb: String, _ name: String, _ members: [(String, JSON)]
    ) async throws {
        let zone = members.first { $0.0 == "zone" }?.1 ?? .null
        let edit: [(String, JSON)] =
            [("edit", .string(verb)), ("name", .string(name))]
            + members.filter { $0.0 != "zone" && $0.1 != .null }
        try await change.perform(
            "zone.edit", [("edits", .array([.object(edit)])), ("zone", zone)])
    }

    static func records(
        at name: String?, of type: String?, _ zone: String?, _ server: ServerOptions,
        _ output: JSONOption
    ) async throws {
        let answer = try await server.perform(
            "zone.records",
            .object(
                [
                    ("name", JSON(name)), ("type", JSON(type)), ("zone", JSON(zone)),
                    ("language", language),
                ].filter { $0.1 != .null }))
        guard !output.json else { return Output.json(answer) }
        table(answer)
    }
}

/// Whose records, of which type.
struct RecordPlace: ParsableArguments {
    @Argument var name: String
    @Argument(help: "Such as A, AAAA, TXT or SRV.") var type: String
    @Option(help: "Seconds; default: that of the records there, else 3600.") var ttl: Int64?
    @Option(help: "The zone, if it is not the nearest one.") var zone: String?

    fileprivate func members(_ data: [String], _ also: FurtherData) -> [(String, JSON)] {
        [
            ("type", .string(type)), ("ttl", number(ttl)), ("zone", JSON(zone)),
            ("data", JSON([words(data)] + also.also)),
        ]
    }
}

/// `--also` of what takes more than one record.
struct FurtherData: ParsableArguments {
    @Option(help: "The data of one more record (repeatable).") var also: [String] = []
}

private func number(_ value: Int64?) -> JSON { value.map(JSON.integer) ?? .null }

/// Words of a command line as data: what the shell took quotes from gets them back.
private func words(_ words: [String]) -> String {
    guard words.count > 1 else { return words.first ?? "" }
    return words.map { word in
        guard word.contains(where: \.isWhitespace), !word.hasPrefix("\"") else { return word }
        var quoted = "\""
        for character in word {
            if character == "\"" || character == "\\" { quoted.append("\\") }
            quoted.append(character)
        }
        return quoted + "\""
    }.joined(separator: " ")
}
