// SPDX-License-Identifier: Apache-2.0

import Bytes
import Directory
import Mail
import ScriptStore
import Sieve

/// `sieve.…`: the scripts that sort the mail of accounts.
struct ScriptCommands {
    let scripts: Scripts
    let registry: Registry

    static let prefix = "sieve."

    func perform(_ name: String, _ arguments: Arguments) async throws -> JSON {
        if name.hasPrefix(Self.standardPrefix) { return try await standard(name, arguments) }
        let account = try await self.account(try arguments.text("account"))
        if account == Scripts.everyone, name == "sieve.activate" || arguments.flag("activate") {
            throw ControlFailure.usage(
                "scripts for all accounts are included by those of accounts, and not active")
        }
        do {
            return try await perform(name, arguments, account)
        } catch let refusal as Scripts.Refusal {
            throw ControlFailure.usage(refusal.description)
        }
    }

    // MARK: For accounts without a script

    private static let standardPrefix = "sieve.default."
    /// What stands for the whole server instead of a domain.
    private static let wholeServer = "all"

    private func standard(_ name: String, _ arguments: Arguments) async throws -> JSON {
        if name == "sieve.default.list" {
            return [
                "defaults": .array(
                    try await scripts.standards().map {
                        [
                            "domain": .string($0.domain ?? Self.wholeServer),
                            "octets": .integer(Int64($0.octets)),
                        ]
                    })
            ]
        }
        let domain =
            try arguments.text("domain") == Self.wholeServer
            ? nil : try arguments.domain("domain")
        switch name {
        case "sieve.default.get":
            guard let text = try await scripts.standard(for: domain?.name) else {
                throw Self.noStandard(domain)
            }
            return ["script": .string(String(lossy: text))]
        case "sieve.default.put": return try await putStandard(domain, arguments)
        case "sieve.default.remove":
            guard try await scripts.removeStandard(for: domain?.name) else {
                throw Self.noStandard(domain)
            }
            return [:]
        default: throw ControlFailure.usage("the command \(name) is unknown")
        }
    }

    private func putStandard(_ domain: Domain?, _ arguments: Arguments) async throws -> JSON {
        if let domain, try await !registry.domains().contains(where: { $0.name == domain }) {
            throw ControlFailure.usage("\(domain) is no domain of this server")
        }
        do {
            let warnings = try await scripts.setStandard(
                Array(try arguments.text("script").utf8), for: domain?.name)
            return ["warnings": JSON(warnings.map(\.description))]
        } catch let refusal as Scripts.Refusal {
            throw ControlFailure.usage(refusal.description)
        }
    }

    private static func noStandard(_ domain: Domain?) -> ControlFailure {
        .usage("there is no default script for \(domain?.name ?? "the whole server")")
    }

    /// The domain whose script sorts the mail of an account that has none of its own.
    private func standard(of account: Int64) async throws -> JSON {
        let active = try await scripts.active(
            of: account,
            in: { [registry] in try registry.domain(of: AccountID(rawValue: account)) })
        guard case .domain(let name)? = active?.origin else { return .null }
        return .string(name ?? Self.wholeServer)
    }

    // MARK: Of accounts

    /// `global` instead of an account means the scripts that all may include.
    private func account(_ name: String) async throws -> Int64 {
        if name == "global" { return Scripts.everyone }
        let login = try Address(name)
        guard let account = try await registry.account(login: login)?.id.rawValue else {
            throw ControlFailure.usage("there is no account \(login)")
        }
        return account
    }

    private func perform(
        _ name: String, _ arguments: Arguments, _ account: Int64
    ) async throws -> JSON {
        switch name {
        case "sieve.list":
            return [
                "scripts": .array(
                    try await scripts.list(of: account).map {
                        [
                            "name": .string($0.name), "octets": .integer(Int64($0.octets)),
                            "active": .bool($0.isActive),
                        ]
                    }),
                "default": account == Scripts.everyone ? .null : try await standard(of: account),
            ]
        case "sieve.get":
            let script = try arguments.text("name")
            guard let text = try await scripts.text(of: script, of: account) else {
                throw Scripts.Refusal.nonexistent(script)
            }
            return ["name": .string(script), "script": .string(String(lossy: text))]
        case "sieve.put":
            let script = try arguments.text("name")
            try await scripts.put(script, Array(try arguments.text("script").utf8), of: account)
            if arguments.flag("activate") { try await scripts.activate(script, of: account) }
        case "sieve.remove":
            try await scripts.remove(try arguments.text("name"), of: account)
        case "sieve.activate":
            try await scripts.activate(try arguments.text("name"), of: account)
        case "sieve.deactivate": try await scripts.activate(nil, of: account)
        default: throw ControlFailure.usage("the command \(name) is unknown")
        }
        return [:]
    }
}
