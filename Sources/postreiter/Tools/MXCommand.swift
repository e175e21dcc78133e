// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes
import DNS
import LiveWorld
import Mail
import Routing
import World

/// The commands `postreiter mx …`.
struct MXCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mx", abstract: "Which exchangers take mail for a domain, and why.",
        subcommands: [Explain.self, Probe.self, Drain.self, Undrain.self])

    /// The routing table's path for one domain, from the function that delivery calls.
    struct Explain: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say where mail for a domain goes, step by step.")
        @Argument var domain: String
        @Option(
            name: .customLong("self"),
            help: "A name or address of this host (repeatable): loops are cut there.")
        var selves: [String] = []
        @Option(help: "A domain whose mailboxes are here (repeatable).") var local: [String] = []
        @Option(help: "A domain that mail is held for here (repeatable).")
        var relay: [String] = []
        @Option(help: "Puts exchangers of equal preference into a repeatable order.")
        var seed: UInt64?
        @OptionGroup var names: NameOptions
        @OptionGroup var output: JSONOption

        func run() async throws {
            let router = Router(
                resolver: try names.makeResolver(Live.surroundings), context: try context())
            var generator = SeededGenerator(seed: seed ?? Live.surroundings.entropy.next())
            let decision = await router.route(try destination(), using: &generator)
            if output.json { return Output.json(decision.json()) }
            Output.line(decision.explanation(Live.language))
            if decision.route == nil, decision.outcomeName != "local" { throw ExitCode(1) }
        }

        private func destination() throws(CommandFailure) -> Destination {
            do {
                return try Destination(domain)
            } catch {
                throw .usage("`\(domain)` is no domain: \(error)")
            }
        }

        private func context() throws(CommandFailure) -> RoutingContext {
            do {
                return try RoutingContext(selves: selves, local: local, relay: relay)
            } catch {
                throw .usage("--self, --local or --relay: \(error)")
            }
        }
    }
}
