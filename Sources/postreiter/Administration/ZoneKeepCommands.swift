// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes
import Control
import DNS
import Mail

/// Whole zones: made, taken in, brought back, taken out.
extension ZoneCommand {
    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a new zone.",
            discussion: """
                With the mail records of its domain, if that is hosted here (`postreiter domain \
                add`).
                """)
        @Argument var domain: String
        @Option(
            help: """
                A name server of the zone, with its addresses if it is in the zone: \
                NAME[=ADDRESS,…] (repeatable); default: this host.
                """)
        var ns: [String] = []
        @Option(help: "The mail address of who is responsible; default postmaster@DOMAIN.")
        var responsible: String?
        @Option(help: "Seconds for which records may be remembered.") var ttl: Int64?
        @Flag(help: "Without the mail records of the domain.") var plain = false
        @OptionGroup var template: TemplateOptions
        @OptionGroup var change: ZoneChangeOptions

        func run() async throws {
            try await change.perform(
                "zone.create",
                [
                    ("zone", .string(domain)), ("ns", JSON(ns)),
                    ("responsible", JSON(responsible)),
                    ("ttl", ttl.map(JSON.integer) ?? .null), ("plain", .bool(plain)),
                ] + template.members)
        }
    }

    struct Import: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take zones in from master files, with their remarks.",
            discussion: """
                A file's zone is that of its SOA record, else of the file's name. Several files \
                are taken in together, all or none.
                """)
        @Argument(help: "Master files; - for standard input.") var files: [String]
        @Option(help: "The zone's name, of a single file.") var origin: String?
        @Flag(help: "In the place of zones that are kept here already.") var replace = false
        @OptionGroup var change: ZoneChangeOptions

        func validate() throws {
            guard origin == nil || files.count == 1 else {
                throw ValidationError("--origin is for a single file")
            }
        }

        func run() async throws {
            var zones: [JSON] = []
            var faults: [String] = []
            for file in files {
                let text = try Files.read(file)
                let name = try ZoneFiles.origin(of: text, in: file, given: origin)
                let whole: (text: [UInt8], keepsRemarks: Bool)
                do throws(ZoneFiles.Faulty) {
                    whole = try ZoneFiles.whole(text, of: file, origin: name)
                } catch {
                    faults += error.faults.map { "\(file):\($0)" }
                    continue
                }
                if !whole.keepsRemarks {
                    Output.error(
                        "\(file): its $INCLUDE lines leave no way of keeping the remarks")
                }
                zones.append(
                    .object(
                        [("zone", .string(name.description))]
                            + TransportedText.members(whole.text)))
            }
            guard faults.isEmpty else {
                throw CommandFailure.data(faults.joined(separator: "\n"))
            }
            try await change.perform(
                "zone.import", [("zones", .array(zones)), ("replace", .bool(replace))])
        }
    }

    struct Rollback: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Bring an older version of a zone back, as a new version.")
        @Argument var zone: String
        @Argument(help: "As `zone history` lists them.") var version: Int64
        @OptionGroup var change: ZoneChangeOptions

        func run() async throws {
            try await change.perform(
                "zone.rollback", [("zone", .string(zone)), ("version", .integer(version))])
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Keep a zone no more; `zone rollback` brings it back.")
        @Argument var zone: String
        @OptionGroup var change: ZoneChangeOptions

        func run() async throws {
            let answer = try await change.server.perform(
                "zone.remove",
                [
                    "zone": .string(zone), "force": .bool(change.force),
                    "dry-run": .bool(change.dryRun), "language": language,
                ])
            guard !change.output.json else { return Output.json(answer) }
            let (name, version) = (
                answer["zone"]?.string ?? zone, answer["version"]?.integer ?? 0
            )
            Output.line(
                answer["applied"]?.bool == true
                    ? Live.language.choose(
                        "removed \(name); `postreiter zone rollback \(name) \(version)` brings it "
                            + "back",
                        "\(name) entfernt; `postreiter zone rollback \(name) \(version)` holt die "
                            + "Zone zurück")
                    : Live.language.choose("would remove \(name)", "würde \(name) entfernen"))
        }
    }

    struct Serial: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "How a zone's serial is counted: by date (YYYYMMDDnn) or one by one.")
        @OptionGroup var server: ServerOptions
        @Argument var zone: String
        @Argument(help: "date or counter") var style: String

        func run() async throws {
            _ = try await server.perform(
                "zone.serial",
                ["zone": .string(zone), "style": .string(style), "language": language])
        }
    }

    struct Template: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "The mail records of a hosted domain, kept as this host is.",
            discussion: """
                MX, SPF, DMARC, TLSRPT, SRV and the addresses of this host. Records that you have \
                written or changed yourself are left alone; what you remove stays away.
                """, subcommands: [Show.self, Apply.self, Remove.self])

        struct Show: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "What `apply` would change, and what it leaves alone.")
            @Argument var domain: String
            @OptionGroup var server: ServerOptions
            @OptionGroup var output: JSONOption

            func run() async throws {
                let answer = try await server.perform(
                    "zone.template.show", ["domain": .string(domain), "language": language])
                guard !output.json else { return Output.json(answer) }
                ZoneOutcome(answer).lines.forEach(Output.line)
            }
        }

        struct Apply: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Publish the records, and keep them up to date.")
            @Argument var domain: String
            @Flag(help: "Bring records back that somebody has removed.") var restore = false
            @OptionGroup var template: TemplateOptions
            @OptionGroup var change: ZoneChangeOptions

            func run() async throws {
                try await change.perform(
                    "zone.template.apply",
                    [("domain", .string(domain)), ("restore", .bool(restore))] + template.members)
            }
        }

        struct Remove: AsyncParsableCommand {
            static let configuration = CommandConfiguration(
                abstract: "Take the records back that the template has put there.")
            @Argument var domain: String
            @OptionGroup var change: ZoneChangeOptions

            func run() async throws {
                try await change.perform(
                    "zone.template.remove", [("domain", .string(domain))])
            }
        }
    }
}

/// What a template lets choose.
struct TemplateOptions: ParsableArguments {
    @Option(help: "A backup exchanger behind this host, with preference 20, 30, … (repeatable).")
    var backup: [String] = []
    @Option(help: "The DMARC policy: none, quarantine or reject; default none.")
    var dmarc: String?

    var members: [(String, JSON)] {
        (backup.isEmpty ? [] : [("backups", JSON(backup))])
            + (dmarc.map { [("dmarc", .string($0))] } ?? [])
    }
}
