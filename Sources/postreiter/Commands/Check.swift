// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes
import Control
import DNS
import Glibc
import LiveWorld
import Mail
import Routing
import Server
import Settings
import World

/// Says whether the server would run, and whether mail would arrive.
struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Validate configuration, certificate, ports, store and DNS.")
    @OptionGroup var server: ServerOptions
    @OptionGroup var output: JSONOption
    @Flag(help: "List every key of the configuration file instead.") var keys = false

    func run() async throws {
        if keys {
            return Output.table(
                [["KEY", "ENVIRONMENT", "MEANING"]]
                    + SettingKey.all.map { [$0.name, $0.environmentVariable, $0.summary] })
        }
        let settings = try server.settings()
        var findings = [Finding(.fine, "configuration", "\(server.config) can be used")]
        findings.append(certificate(settings))
        findings += await ports(settings)
        findings += try await mail(settings)
        if output.json {
            Output.json([
                "ok": .bool(!findings.contains { $0.severity == .error }),
                "findings": .array(findings.map(\.json)),
            ])
        } else {
            for finding in findings { Output.line(finding.text) }
        }
        if !output.json, findings.contains(where: { $0.severity == .error }) {
            throw ExitCode(1)
        }
    }

    private func certificate(_ settings: ServerSettings) -> Finding {
        do throws(CommandFailure) {
            _ = try ServerIdentity.load(settings)
            return Finding(.fine, "certificate", "\(settings.certificate) and its key can be used")
        } catch {
            return Finding(.error, "certificate", error.text)
        }
    }

    /// Whether each port can be taken; a running server of ours holds them, which is fine.
    private func ports(_ settings: ServerSettings) async -> [Finding] {
        if await isRunning(settings) {
            return [Finding(.fine, "ports", "the server is running")]
        }
        var findings: [Finding] = []
        for (service, address) in settings.listen.all {
            do {
                let listener = try await Live.network.listen(on: address)
                await listener.close()
                findings.append(Finding(.fine, "ports", "\(service) can listen on \(address)"))
            } catch {
                findings.append(Finding(.error, "ports", "\(service): \(error)"))
            }
        }
        return findings
    }

    private func isRunning(_ settings: ServerSettings) async -> Bool {
        guard access(settings.controlSocket, F_OK) == 0 else { return false }
        return (try? await ControlClient(path: settings.controlSocket).perform("domain.list", [:]))
            != nil
    }

    /// Whether the MX records of our domains lead here.
    private func mail(_ settings: ServerSettings) async throws -> [Finding] {
        let answer = try await server.perform("domain.list", [:])
        let domains = (answer["domains"]?.array ?? []).compactMap { $0["domain"]?.string }
        guard !domains.isEmpty else {
            return [
                Finding(
                    .warning, "domains",
                    "no domain is set up; `postreiter domain add DOMAIN` adds one")
            ]
        }
        let resolver = try makeResolver(settings)
        var findings: [Finding] = []
        for domain in domains {
            guard let name = try? Name(domain) else { continue }
            findings.append(await mx(of: name, settings, resolver))
        }
        return findings
    }

    private func mx(
        of domain: Name, _ settings: ServerSettings, _ resolver: any Resolver
    ) async -> Finding {
        let answer = await resolver.resolve(domain, .mx)
        let own = ([settings.hostName] + settings.alsoKnownAs).compactMap { try? Name($0.name) }
        switch answer.outcome {
        case .failure(let failure):
            return Finding(.warning, "dns", "the MX records of \(domain) are not known: \(failure)")
        case .nameError: return Finding(.error, "dns", "\(domain) does not exist in the DNS")
        case .noData:
            return Finding(
                .error, "dns",
                "\(domain) has no MX record; publish: \(domain). MX 10 \(settings.hostName).")
        case .records:
            let exchanges = answer.records.compactMap { record -> Name? in
                if case .mx(let mx) = record.data { mx.exchange } else { nil }
            }
            if exchanges.contains(where: own.contains) {
                return Finding(.fine, "dns", "the MX records of \(domain) name this host")
            }
            let names = exchanges.map(\.description).sorted().joined(separator: ", ")
            return Finding(
                .error, "dns",
                "the MX records of \(domain) name \(names), not \(settings.hostName):"
                    + " mail will not arrive here")
        }
    }

    /// One thing that was looked at.
    struct Finding {
        enum Severity: String { case fine, warning, error }
        let severity: Severity
        let code: String
        private let message: String

        init(_ severity: Severity, _ code: String, _ message: String) {
            self.severity = severity
            self.code = code
            self.message = message
        }

        var text: String {
            "\((severity == .fine ? "ok" : severity.rawValue).padded(7)) \(message)"
        }

        var json: JSON {
            [
                "code": .string(code), "severity": .string(severity.rawValue),
                "text": .string(message),
            ]
        }
    }
}

extension String {
    fileprivate func padded(_ width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}
