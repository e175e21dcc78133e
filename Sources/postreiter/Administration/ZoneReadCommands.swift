// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes
import Mail

/// What the zones hold, and what was changed.
extension ZoneCommand {
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the zones kept here.")
        @OptionGroup var server: ServerOptions
        @OptionGroup var output: JSONOption

        func run() async throws {
            let answer = try await server.perform("zone.list", ["language": language])
            guard !output.json else { return Output.json(answer) }
            Output.table(
                [["ZONE", "KIND", "SERIAL", "VERSION", "CHANGED", "OCTETS"]]
                    + (answer["zones"]?.array ?? []).map {
                        [
                            $0["zone"]?.string ?? "", $0["kind"]?.string ?? "",
                            $0["serial"]?.integer.map { "\($0)" } ?? "-",
                            "\($0["version"]?.integer ?? 0)", $0["changed"]?.string ?? "-",
                            "\($0["octets"]?.integer ?? 0)",
                        ]
                    })
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show a zone: its state and its records.",
            discussion: "A record marked * is one that we keep as the domain's template says.")
        @OptionGroup var server: ServerOptions
        @OptionGroup var output: JSONOption
        @Argument var zone: String

        func run() async throws {
            let answer = try await server.perform(
                "zone.show", ["zone": .string(zone), "language": language])
            guard !output.json else { return Output.json(answer) }
            let number = { (key: String) in answer[key]?.integer.map { "\($0)" } ?? "-" }
            let text = { (key: String) in answer[key]?.string ?? "-" }
            Output.line("zone     \(text("zone")) (\(text("kind")))")
            Output.line(
                "version  \(number("version")), \(text("changed")), by \(text("author"))")
            Output.line(
                "serial   \(number("serial")); answered: \(number("served_serial"))"
                    + " (\(text("state")))")
            for (name, value) in answer["options"]?.object ?? [] {
                Output.line("option   \(name) = \(value.string ?? "")")
            }
            for line in answer["health"]?.array ?? [] {
                Output.line("health   \(line.string ?? "")")
            }
            Output.line("")
            ZoneCommand.table(answer)
        }
    }

    struct Export: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Print a zone as a master file, with its remarks.",
            discussion: """
                With --canonical the text depends on nothing but the records: the same zone, the \
                same octets.
                """)
        @OptionGroup var server: ServerOptions
        @Argument var zone: String
        @Flag(help: "One line for each record, in canonical order.") var canonical = false
        @Option(help: "As it was in this version.") var version: Int64?

        func run() async throws {
            let text = try await Self.text(
                of: zone, server, canonical: canonical, version: version)
            Output.octets(text)
        }

        /// The text of a zone that is kept.
        static func text(
            of zone: String, _ server: ServerOptions, canonical: Bool = false,
            version: Int64? = nil
        ) async throws -> [UInt8] {
            let answer = try await server.perform(
                "zone.export",
                [
                    "zone": .string(zone), "canonical": .bool(canonical),
                    "version": version.map(JSON.integer) ?? .null, "language": language,
                ])
            if let text = answer["text"]?.string { return Array(text.utf8) }
            return Base64.decode((answer["base64"]?.string ?? "").utf8) ?? []
        }
    }

    struct History: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List a zone's versions, newest first: when, by whom, what.")
        @OptionGroup var server: ServerOptions
        @OptionGroup var output: JSONOption
        @Argument var zone: String
        @Option(help: "How many.") var limit: Int64 = 50

        func run() async throws {
            let answer = try await server.perform(
                "zone.history",
                ["zone": .string(zone), "limit": .integer(limit), "language": language])
            guard !output.json else { return Output.json(answer) }
            Output.table(
                [["VERSION", "TIME", "BY", "WHAT"]]
                    + (answer["versions"]?.array ?? []).map {
                        [
                            "\($0["version"]?.integer ?? 0)", $0["time"]?.string ?? "",
                            $0["author"]?.string ?? "", $0["summary"]?.string ?? "",
                        ]
                    })
        }
    }

    struct Diff: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "What changed from one version of a zone to another.",
            discussion: "Without versions: what the latest change changed.")
        @OptionGroup var server: ServerOptions
        @OptionGroup var output: JSONOption
        @Argument var zone: String
        @Argument(help: "A version; default: the one before TO.") var from: Int64?
        @Argument(help: "A version; default: the latest.") var to: Int64?

        func run() async throws {
            let answer = try await server.perform(
                "zone.diff",
                [
                    "zone": .string(zone), "from": from.map(JSON.integer) ?? .null,
                    "to": to.map(JSON.integer) ?? .null, "language": language,
                ])
            guard !output.json else { return Output.json(answer) }
            Output.octets(Array((answer["difference"]?.string ?? "").utf8))
        }
    }

    /// In which language the server tells what is wrong.
    static var language: JSON { JSON(Live.locale?.rawValue) }

    /// Records as columns; a star marks those of a template.
    static func table(_ answer: JSON) {
        Output.table(
            [["", "NAME", "TTL", "TYPE", "DATA"]]
                + (answer["records"]?.array ?? []).map {
                    [
                        $0["managed"]?.bool == true ? "*" : "", $0["name"]?.string ?? "",
                        "\($0["ttl"]?.integer ?? 0)", $0["type"]?.string ?? "",
                        $0["data"]?.string ?? "",
                    ]
                })
    }
}
