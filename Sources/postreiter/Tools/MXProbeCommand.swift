// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes
import DNS
import LiveWorld
import Mail
import Probe
import Routing
import World

extension MXCommand {
    /// The MX check page that people look for, in a terminal.
    struct Probe: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Connect to every exchanger of a domain, and say what senders meet there.",
            discussion: """
                Nothing is sent. The exit status is 0 without findings, 1 for a warning and 2 for an \
                error; with --json it is 0 whenever there is an answer.
                """)
        @Argument var domain: String
        @Option(help: "Where the exchangers listen.") var port: UInt16 = 25
        @Option(help: ArgumentHelp("Where policies are served.", visibility: .hidden))
        var policyPort: UInt16 = 443
        @Option(help: "Seconds for each connection.") var timeout: Int = 15
        @OptionGroup var names: NameOptions
        @OptionGroup var output: JSONOption

        func validate() throws {
            guard (1...300).contains(timeout) else {
                throw ValidationError("--timeout is from 1 to 300 seconds")
            }
        }

        func run() async throws {
            let report = try await probe()
            if output.json { return Output.json(report.json(.english)) }
            Output.line(report.decision.summary(Live.language) + ".")
            if !report.hosts.isEmpty { Output.table(report.rows(Live.language)) }
            let findings = report.text(Live.language)
            if !findings.isEmpty { Output.line(findings) }
            guard report.exitCode == 0 else { throw ExitCode(report.exitCode) }
        }

        private func probe() async throws -> ProbeReport {
            let destination: Destination
            do {
                destination = try Destination(domain)
            } catch {
                throw CommandFailure.usage("`\(domain)` is no domain: \(error)")
            }
            let resolver = try names.makeResolver(Live.surroundings)
            let context = try RoutingContext(selves: [], local: [], relay: [])
            var generator = SeededGenerator(seed: Live.surroundings.entropy.next())
            let decision = await Router(resolver: resolver, context: context)
                .route(destination, using: &generator)
            var prober = Prober(
                Live.surroundings, resolver: resolver, cryptography: LiveZoneCryptography(),
                policies: LivePolicySource(
                    resolver: resolver, port: policyPort, patience: .seconds(Int64(timeout))))
            prober.port = port
            prober.patience = .seconds(Int64(timeout))
            let hosts = await prober.look(at: decision.route ?? Route([])) { report in
                Output.error("\(report.name): \(report.duration.nanoseconds / 1_000_000) ms")
            }
            guard let domain = destination.domain else { return ProbeReport(decision, hosts) }
            return ProbeReport(decision, hosts, policy: await prober.policy(of: domain))
        }
    }
}
