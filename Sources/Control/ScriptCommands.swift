// SPDX-License-Identifier: Apache-2.0

import Bytes
import Directory
import Mail
import ScriptStore

/// `sieve.…`: the scripts that sort the mail of accounts.
struct ScriptCommands {
    let scripts: Scripts
    let registry: Registry

    static let prefix = "sieve."

    func perform(_ name: String, _ arguments: Arguments) async throws -> JSON {
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
                    })
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
