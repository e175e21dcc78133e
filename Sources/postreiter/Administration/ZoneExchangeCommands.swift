// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes

/// What zones have to do with other name servers.
extension ZoneCommand {
    // MARK: - Keys

    struct Key: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Keys that are shared with other name servers (TSIG, RFC 8945).",
            subcommands: [Add.self, Show.self, List.self, Remove.self])

        /// What the other side's configuration needs.
        static func tell(_ answer: JSON, _ output: JSONOption) {
            guard !output.json else { return Output.json(answer) }
            for (word, key) in [("key", "key"), ("algorithm", "algorithm"), ("secret", "secret")] {
                Output.line("\(word) \(answer[key]?.string ?? "")")
            }
        }

        struct Add: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Add a key, made up here or read from a file, and print it.")
            @OptionGroup var server: ServerOptions
            @OptionGroup var output: JSONOption
            @Argument(help: "The key's name, the same on both sides.") var key: String
            @Option(help: "hmac-sha256 (the default), hmac-sha384 or hmac-sha512.")
            var algorithm: String?
            @Option(help: "A file with the secret in Base64; - for standard input.")
            var secretFile: String?
            @Flag(help: "In the place of one with that name.") var replace = false

            func run() async throws {
                let secret = try secretFile.map { file in
                    String(lossy: try Files.read(file)).filter { !$0.isWhitespace }
                }
                let answer = try await server.perform(
                    "zone.key.add",
                    [
                        "key": .string(key), "algorithm": JSON(algorithm), "secret": JSON(secret),
                        "replace": .bool(replace),
                    ])
                Key.tell(answer, output)
            }
        }

        struct Show: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Print a key with its secret.")
            @OptionGroup var server: ServerOptions
            @OptionGroup var output: JSONOption
            @Argument var key: String

            func run() async throws {
                Key.tell(
                    try await server.perform("zone.key.show", ["key": .string(key)]), output)
            }
        }

        struct List: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "List the keys, without their secrets.")
            @OptionGroup var server: ServerOptions
            @OptionGroup var output: JSONOption

            func run() async throws {
                let answer = try await server.perform("zone.key.list", [:])
                Output.list(answer, "keys", ["key", "algorithm"], output)
            }
        }

        struct Remove: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Forget a key that nothing uses.")
            @OptionGroup var server: ServerOptions
            @Argument var key: String

            func run() async throws {
                _ = try await server.perform("zone.key.remove", ["key": .string(key)])
            }
        }
    }

    // MARK: - Transfers

    struct Transfer: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Who may have zones whole (AXFR, IXFR); without any, nobody.",
            subcommands: [Allow.self, Deny.self, List.self])

        /// Who is meant.
        struct Who: ParsableArguments {
            @Argument(help: "A zone, or `*` for all.") var zone: String
            @Option(help: "From this address or network, such as 192.0.2.0/24.")
            var network: String?
            @Option(help: "With this key; with --network only both together count.")
            var key: String?

            var json: JSON {
                ["zone": .string(zone), "network": JSON(network), "key": JSON(key)]
            }

            func validate() throws {
                guard network != nil || key != nil else {
                    throw ValidationError("say who: --network, --key or both")
                }
            }
        }

        struct Allow: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Let somebody have a zone.")
            @OptionGroup var server: ServerOptions
            @OptionGroup var who: Who

            func run() async throws {
                _ = try await server.perform("zone.transfer.allow", who.json)
            }
        }

        struct Deny: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Take back what `allow` allowed.")
            @OptionGroup var server: ServerOptions
            @OptionGroup var who: Who

            func run() async throws {
                _ = try await server.perform("zone.transfer.deny", who.json)
            }
        }

        struct List: AsyncParsableCommand {
            static let configuration = CommandConfiguration(abstract: "List who may have what.")
            @OptionGroup var server: ServerOptions
            @OptionGroup var output: JSONOption

            func run() async throws {
                let answer = try await server.perform("zone.transfer.list", [:])
                Output.list(answer, "access", ["zone", "network", "key"], output)
            }
        }
    }

    // MARK: - Notifications

    struct Notify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Which servers are told when zones change (NOTIFY).",
            subcommands: [Add.self, Remove.self, List.self, Now.self])

        /// Who is meant.
        struct Who: ParsableArguments {
            @Argument(help: "A zone, or `*` for all.") var zone: String
            @Argument(help: "ADDRESS[:PORT].") var address: String
            @Option(help: "Sign with this key.") var key: String?

            var json: JSON {
                ["zone": .string(zone), "address": .string(address), "key": JSON(key)]
            }
        }

        struct Add: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Tell a server of changes from now on.")
            @OptionGroup var server: ServerOptions
            @OptionGroup var who: Who

            func run() async throws { _ = try await server.perform("zone.notify.add", who.json) }
        }

        struct Remove: AsyncParsableCommand {
            static let configuration = CommandConfiguration(abstract: "Tell a server no more.")
            @OptionGroup var server: ServerOptions
            @OptionGroup var who: Who

            func run() async throws {
                _ = try await server.perform("zone.notify.remove", who.json)
            }
        }

        struct Now: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Tell everyone of a zone once more.")
            @OptionGroup var server: ServerOptions
            @Argument var zone: String

            func run() async throws {
                _ = try await server.perform("zone.notify.now", ["zone": .string(zone)])
            }
        }

        struct List: AsyncParsableCommand {
            static let configuration = CommandConfiguration(abstract: "List who is told of what.")
            @OptionGroup var server: ServerOptions
            @OptionGroup var output: JSONOption

            func run() async throws {
                let answer = try await server.perform("zone.notify.list", [:])
                Output.list(answer, "notified", ["zone", "address", "key"], output)
            }
        }
    }

    // MARK: - Secondary zones

    struct Secondary: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Zones that are copied from other name servers.",
            subcommands: [Add.self, List.self, Refresh.self, Remove.self])

        struct Add: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Copy a zone from its primaries; again with others, from those.")
            @OptionGroup var server: ServerOptions
            @Argument var zone: String
            @Argument(help: "ADDRESS[:PORT], in the order of asking.") var primaries: [String]
            @Option(help: "Sign with this key, and believe only what is signed with it.")
            var key: String?

            func run() async throws {
                _ = try await server.perform(
                    "zone.secondary.add",
                    ["zone": .string(zone), "primaries": JSON(primaries), "key": JSON(key)])
            }
        }

        struct List: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "List the copies and how they are doing.")
            @OptionGroup var server: ServerOptions
            @OptionGroup var output: JSONOption

            func run() async throws {
                let answer = try await server.perform("zone.secondary.list", [:])
                Output.list(
                    answer, "secondaries",
                    ["zone", "primaries", "serial", "checked", "next_check", "expires", "failure"],
                    output)
            }
        }

        struct Refresh: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Ask the primaries now whether there is something new.")
            @OptionGroup var server: ServerOptions
            @Argument var zone: String
            @Flag(help: "Transfer the whole zone, whatever its serial says.") var whole = false

            func run() async throws {
                _ = try await server.perform(
                    "zone.secondary.refresh", ["zone": .string(zone), "whole": .bool(whole)])
            }
        }

        struct Remove: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Copy a zone no more, and answer for it no more.")
            @OptionGroup var server: ServerOptions
            @Argument var zone: String

            func run() async throws {
                _ = try await server.perform("zone.secondary.remove", ["zone": .string(zone)])
            }
        }
    }

    // MARK: - Dynamic updates

    struct Update: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Who may change zones from afar (dynamic update, RFC 2136).",
            subcommands: [Allow.self, Deny.self, List.self])

        /// What is meant.
        struct What: ParsableArguments {
            @Argument(help: "A zone, or `*` for all.") var zone: String
            @Argument(help: "The holder of this key.") var key: String
            @Flag(help: "Only the name that the key is called by.") var own = false
            @Option(help: "Only this name.") var name: String?
            @Option(help: "Only this name and what is below it.") var subtree: String?
            @Option(
                name: .customLong("type"),
                help: """
                    Only this type (repeatable); without any, all but SOA, NS, DS, DNSKEY, CDS, \
                    CDNSKEY and CSYNC.
                    """)
            var types: [String] = []

            func validate() throws {
                let count = (own ? 1 : 0) + (name == nil ? 0 : 1) + (subtree == nil ? 0 : 1)
                guard count <= 1 else {
                    throw ValidationError("--own, --name and --subtree exclude each other")
                }
            }

            var json: JSON {
                var scope = own ? "self" : "zone"
                if let name { scope = "name \(name)" }
                if let subtree { scope = "subtree \(subtree)" }
                return [
                    "zone": .string(zone), "key": .string(key), "scope": .string(scope),
                    "types": JSON(types),
                ]
            }
        }

        struct Allow: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Let the holder of a key change something in a zone.")
            @OptionGroup var server: ServerOptions
            @OptionGroup var what: What

            func run() async throws { _ = try await server.perform("zone.update.allow", what.json) }
        }

        struct Deny: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Take back what `allow` allowed.")
            @OptionGroup var server: ServerOptions
            @OptionGroup var what: What

            func run() async throws { _ = try await server.perform("zone.update.deny", what.json) }
        }

        struct List: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "List who may change what.")
            @OptionGroup var server: ServerOptions
            @OptionGroup var output: JSONOption

            func run() async throws {
                let answer = try await server.perform("zone.update.list", [:])
                Output.list(answer, "updates", ["zone", "key", "scope", "types"], output)
            }
        }
    }

    // MARK: - Zones that are kept elsewhere

    struct Push: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Our mail records in zones that another server keeps (dynamic update).",
            subcommands: [Set.self, Now.self, List.self, Remove.self])

        struct Set: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Say which server keeps a zone and takes updates.")
            @OptionGroup var server: ServerOptions
            @Argument var zone: String
            @Argument(help: "ADDRESS[:PORT] of the zone's primary server.") var address: String
            @Option(help: "Sign with this key.") var key: String?

            func run() async throws {
                _ = try await server.perform(
                    "zone.push.set",
                    ["zone": .string(zone), "address": .string(address), "key": JSON(key)])
            }
        }

        struct Now: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Bring a hosted domain's mail records there in line with the facts.")
            @OptionGroup var server: ServerOptions
            @OptionGroup var output: JSONOption
            @Argument var domain: String
            @OptionGroup var template: TemplateOptions
            @Flag(help: "Show what would change, and change nothing.") var dryRun = false

            func run() async throws {
                let answer = try await server.perform(
                    "zone.push.now",
                    .object(
                        [("domain", .string(domain)), ("dry-run", .bool(dryRun))]
                            + template.members))
                guard !output.json else { return Output.json(answer) }
                for (sign, key) in [("-", "removed"), ("+", "added")] {
                    for record in answer[key]?.array ?? [] {
                        Output.line("\(sign)\(record.string ?? "")")
                    }
                }
                for note in answer["notes"]?.array ?? [] {
                    Output.line(note["text"]?.string ?? "")
                }
            }
        }

        struct List: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "List the zones that are kept elsewhere.")
            @OptionGroup var server: ServerOptions
            @OptionGroup var output: JSONOption

            func run() async throws {
                let answer = try await server.perform("zone.push.list", [:])
                Output.list(
                    answer, "pushes", ["zone", "address", "key", "pushed", "records"], output)
            }
        }

        struct Remove: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Send nothing more there; what stands there stays.")
            @OptionGroup var server: ServerOptions
            @Argument var zone: String

            func run() async throws {
                _ = try await server.perform("zone.push.remove", ["zone": .string(zone)])
            }
        }
    }

    // MARK: - Catalogs

    struct Catalog: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Zones that list our zones, for secondary servers (RFC 9432).",
            subcommands: [Add.self, List.self, Group.self, Include.self, Exclude.self])

        struct Add: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Make a catalog of all primary zones; `zone remove` takes it out.")
            @OptionGroup var server: ServerOptions
            @Argument(help: "Its name, such as catalog.example.org.") var catalog: String

            func run() async throws {
                _ = try await server.perform("zone.catalog.add", ["zone": .string(catalog)])
            }
        }

        struct List: AsyncParsableCommand {
            static let configuration = CommandConfiguration(abstract: "List the catalogs.")
            @OptionGroup var server: ServerOptions
            @OptionGroup var output: JSONOption

            func run() async throws {
                let answer = try await server.perform("zone.catalog.list", [:])
                Output.list(answer, "catalogs", ["catalog", "members", "serial"], output)
            }
        }

        struct Group: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Tell consumers of a zone's group; without one, of none.")
            @OptionGroup var server: ServerOptions
            @Argument var zone: String
            @Argument var group: String?

            func run() async throws {
                _ = try await server.perform(
                    "zone.catalog.group", ["zone": .string(zone), "group": JSON(group)])
            }
        }

        struct Include: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "List a zone that was excluded.")
            @OptionGroup var server: ServerOptions
            @Argument var zone: String

            func run() async throws {
                _ = try await server.perform("zone.catalog.include", ["zone": .string(zone)])
            }
        }

        struct Exclude: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Leave a zone out of the catalogs.")
            @OptionGroup var server: ServerOptions
            @Argument var zone: String

            func run() async throws {
                _ = try await server.perform("zone.catalog.exclude", ["zone": .string(zone)])
            }
        }
    }
}

extension Output {
    /// A list as a table of these keys, or as JSON.
    fileprivate static func list(
        _ answer: JSON, _ list: String, _ keys: [String], _ output: JSONOption
    ) {
        guard !output.json else { return json(answer) }
        let heads = keys.map { $0.uppercased().replacing("_", with: " ") }
        table([heads] + (answer[list]?.array ?? []).map { row in keys.map { cell(row[$0]) } })
    }

    private static func cell(_ value: JSON?) -> String {
        switch value {
        case .string(let text)?: text
        case .integer(let number)?: "\(number)"
        case .array(let list)?: list.map { cell($0) }.joined(separator: " ")
        default: "-"
        }
    }
}
