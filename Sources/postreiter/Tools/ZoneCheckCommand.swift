// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes
import DNS
import LiveWorld
import Mail
import World
import ZoneCheck

extension ZoneCommand {
    /// Everything that a name server refuses and everything that breaks mail.
    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Check a zone: what a name server refuses, and what breaks mail.",
            discussion: """
                Hosts outside of the zone are looked up only with --resolver, --dns or --zone. \
                Without --json the exit status is 1 if there is an error. What is no file is the \
                name of a zone that is kept here.
                """)
        @Argument(help: "A zone file, - for standard input, or the name of a zone kept here.")
        var file: String
        @Option(
            help: "The zone's name; without it that of its SOA record, else of the file.")
        var origin: String?
        @Flag(help: "The zone is signed: check keys, signatures and denial of existence.")
        var dnssec = false
        @Option(help: "A certificate (PEM) that our servers show, for TLSA records (repeatable).")
        var certificate: [String] = []
        @Option(help: "The MTA-STS policy file that is served for the zone.")
        var mtaStsPolicy: String?
        @OptionGroup var server: ServerOptions
        @OptionGroup var names: NameOptions
        @OptionGroup var output: JSONOption

        func run() async throws {
            let isName = file != "-" && !file.contains("/") && !Files.exists(file)
            let isKept = isName && Files.exists(server.config)
            let text =
                isKept ? try await Export.text(of: file, server) : try Files.read(file)
            let origin =
                isKept
                ? try ZoneCommand.name(file)
                : try ZoneFiles.origin(of: text, in: file, given: origin)
            let zone = MasterFile.parse(
                text, origin: origin, include: ZoneFiles.include(beside: file))
            let report = try await examiner(facts(of: origin)).report(on: zone, origin: origin)
            if output.json { return Output.json(report.json()) }
            if !report.findings.isEmpty { Output.line(report.text(Live.language, file: file)) }
            guard report.isOK else { throw ExitCode(1) }
            Output.line(
                Live.language.choose(
                    "\(origin): \(zone.entries.count) records, no errors",
                    "\(origin): \(zone.entries.count) Einträge, keine Fehler"))
        }

        private func examiner(_ facts: ZoneFacts) throws -> ZoneExaminer {
            let cryptography = LiveZoneCryptography()
            let seconds = Live.surroundings.time.timestamp.seconds
            let validation = ZoneExaminer.Validation(
                cryptography: cryptography, now: UInt32(truncatingIfNeeded: seconds))
            return ZoneExaminer(
                resolver: names.isGiven ? try names.makeResolver(Live.surroundings) : nil,
                facts: facts, cryptography: cryptography,
                validation: dnssec ? validation : nil)
        }

        private func facts(of origin: Name) throws -> ZoneFacts {
            var facts = ZoneFacts()
            for path in certificate {
                guard let chain = ZoneFacts.Certificate.chain(try Files.read(path)) else {
                    throw CommandFailure.data("\(path) holds no certificate in PEM")
                }
                facts.certificates += chain
            }
            if let mtaStsPolicy {
                facts.policies = [(origin, try Files.read(mtaStsPolicy))]
            }
            return facts
        }
    }

    /// A domain name from the command line.
    static func name(_ text: String) throws(CommandFailure) -> Name {
        do {
            return try Name(text)
        } catch {
            throw .usage("`\(text)` is no domain name: \(error)")
        }
    }
}
