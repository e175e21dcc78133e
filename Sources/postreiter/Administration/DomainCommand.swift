// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes
import Mail

/// The commands `postreiter domain …`.
struct DomainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "domain", abstract: "Domains whose mailboxes are here.",
        subcommands: [
            Add.self, List.self, Setup.self, Remove.self, Quota.self, Retention.self, Folders.self,
        ])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Take mail for a domain.")
        @OptionGroup var server: ServerOptions
        @Argument var domain: String
        @Option(help: "Who reads mail to postmaster; default: the server's postmaster.")
        var postmaster: String?
        @Option(help: "Who gets mail to addresses that nobody has; default: it is refused.")
        var catchAll: String?
        @Flag(help: "Leave its zone alone, even if that is kept here.") var noZone = false

        func run() async throws {
            let answer = try await server.perform(
                "domain.add",
                [
                    "domain": .string(domain), "postmaster": JSON(postmaster),
                    "catch-all": JSON(catchAll), "no-zone": .bool(noZone),
                    "language": JSON(Live.locale?.rawValue),
                ])
            if let publish = answer["publish"] {
                Output.line(
                    Live.language.choose(
                        "publish in the zone of \(domain):",
                        "in der Zone von \(domain) zu veröffentlichen:"))
                let outcome = ZoneOutcome(publish)
                for record in outcome.publishedRecords { Output.line("  \(record)") }
                outcome.noteLines.forEach(Output.line)
            }
            if let failure = answer["zone_failure"]?.string {
                return Output.error("the domain is added, its zone not changed: \(failure)")
            }
            guard let zone = answer["zone"] else { return }
            let outcome = ZoneOutcome(zone)
            outcome.lines.forEach(Output.line)
            if let reason = outcome.reason {
                Output.error(
                    "the domain is added, its zone not changed: \(reason); see `postreiter zone "
                        + "template apply \(domain)`")
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "List the domains.")
        @OptionGroup var server: ServerOptions
        @OptionGroup var output: JSONOption

        func run() async throws {
            let answer = try await server.perform("domain.list", [:])
            guard !output.json else { return Output.json(answer) }
            Output.table(
                [["DOMAIN", "POSTMASTER", "CATCH-ALL"]]
                    + (answer["domains"]?.array ?? []).map {
                        [
                            $0["domain"]?.string ?? "", $0["postmaster"]?.string ?? "-",
                            $0["catch-all"]?.string ?? "-",
                        ]
                    })
        }
    }

    struct Setup: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say what people type into a mail program for accounts of a domain.",
            discussion: """
                Programs that look for it are told the same by HTTPS, where `listen.https` is set, \
                and find the servers by the domain's SRV records.
                """)

        enum Document: String, ExpressibleByArgument, CaseIterable {
            case autoconfig, autodiscover, pacc, mobileconfig
        }

        @OptionGroup var server: ServerOptions
        @Argument(help: "A domain; for autodiscover and mobileconfig an address.") var domain:
            String
        @Option(help: "Print a document instead: autoconfig, autodiscover, pacc or mobileconfig.")
        var document: Document?
        @OptionGroup var output: JSONOption

        func run() async throws {
            let at = domain.lastIndex(of: "@")
            let answer = try await server.perform(
                DomainCommand.setupName,
                [
                    "domain": .string(
                        at.map { String(domain[domain.index(after: $0)...]) } ?? domain),
                    "address": JSON(at.map { _ in domain }),
                    "language": JSON(Live.locale?.rawValue),
                ])
            guard !output.json else { return Output.json(answer) }
            guard let document else {
                let lines = answer["instructions"]?.array ?? []
                return Output.table(
                    lines.map { [$0["label"]?.string ?? "", $0["text"]?.string ?? ""] })
            }
            guard let text = answer[document.rawValue]?.string else {
                throw ValidationError("\(document.rawValue) is made for an address, not a domain")
            }
            Output.octets(Array(text.utf8))
        }
    }

    private static let setupName = "domain.setup"

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Take no more mail for it.")
        @OptionGroup var server: ServerOptions
        @Argument var domain: String

        func run() async throws {
            let answer = try await server.perform("domain.remove", ["domain": .string(domain)])
            if let queued = answer["queued"]?.integer, queued > 0 {
                Output.line(
                    "removed \(domain); \(queued) recipients there still wait in the queue: see"
                        + " `postreiter queue list --domain \(domain)`")
            }
        }
    }
}
