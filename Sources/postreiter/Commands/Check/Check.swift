// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Bytes
import Control
import Glibc
import LiveWorld
import Settings
import World

/// Says whether the server would run, and whether mail would arrive.
struct Check: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Validate configuration, certificates, ports, data folder and DNS.")
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
        findings += await CertificateChecks(settings).findings()
        findings += await ports(settings)
        findings += DataFolderChecks(settings).findings()
        findings += await names(settings)
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

    /// Whether each port can be taken; a running server of ours holds them, which is fine.
    private func ports(_ settings: ServerSettings) async -> [Finding] {
        if await isRunning(settings) {
            return [Finding(.fine, "ports", "the server is running")]
        }
        var findings: [Finding] = []
        for (service, address) in settings.listen.all {
            do throws(NetworkFailure) {
                let listener = try await Live.network.listen(on: address)
                await listener.close()
                findings.append(Finding(.fine, "ports", "\(service) can listen on \(address)"))
            } catch {
                findings.append(
                    Finding(.error, "ports", "\(service): \(error)", advice: error.advice))
            }
        }
        if settings.listen.all.isEmpty {
            findings.append(
                Finding(
                    .error, "ports", "nothing is listened on",
                    advice: "name addresses under `listen`, such as smtp: [\"0.0.0.0:25\"]"))
        }
        return findings
    }

    private func isRunning(_ settings: ServerSettings) async -> Bool {
        guard access(settings.controlSocket, F_OK) == 0 else { return false }
        return (try? await ControlClient(path: settings.controlSocket).perform("domain.list", [:]))
            != nil
    }

    private func names(_ settings: ServerSettings) async -> [Finding] {
        do {
            let resolver = try makeResolver(settings)
            let checks = NameChecks(settings, resolver)
            let host = await checks.host()
            let answer = try await server.perform("domain.list", [:])
            let relays = try await server.perform("relay.list", [:])
            return host
                + (await checks.domains(
                    (answer["domains"]?.array ?? []).compactMap { $0["domain"]?.string },
                    relays: (relays["relays"]?.array ?? []).compactMap { $0["domain"]?.string }))
        } catch let failure as CommandFailure {
            return [Finding(.error, "store", failure.text)]
        } catch {
            return [Finding(.error, "store", "\(error)")]
        }
    }
}

/// One thing that was looked at.
struct Finding {
    enum Severity: String { case fine, warning, error }
    let severity: Severity
    let code: String
    private let message: String
    private let advice: String?

    init(_ severity: Severity, _ code: String, _ message: String, advice: String? = nil) {
        self.severity = severity
        self.code = code
        self.message = message
        self.advice = advice
    }

    var text: String {
        let label = severity == .fine ? "ok" : severity.rawValue
        let padding = String(repeating: " ", count: 8 - label.count)
        return label + padding + message + (advice.map { "\n        → \($0)" } ?? "")
    }

    var json: JSON {
        [
            "code": .string(code), "severity": .string(severity.rawValue),
            "text": .string(message), "advice": JSON(advice),
        ]
    }
}

extension NetworkFailure {
    fileprivate var advice: String? {
        switch self {
        case .addressInUse:
            "`ss -ltnp` shows by whom; on Debian mostly its own mail server (25) or resolver (53)"
        case .notPermitted:
            "ports below 1024 need root, or AmbientCapabilities=CAP_NET_BIND_SERVICE in the unit"
        case .unreachable: "name an address that this host has; `ip address` lists them"
        default: nil
        }
    }
}
