// SPDX-License-Identifier: Apache-2.0

import Bytes
import Directory
import Mail
import MessageStore
import Tenancy

/// `account quota` and `domain quota`: what may be kept, and what is.
extension DirectoryCommands {
    /// Whom the arguments mean: an account, each account of a domain, or a domain as a whole.
    func scope(of arguments: Arguments) async throws -> MailboxRules.Scope {
        if let domain = try arguments.optionalDomain("domain") {
            return arguments.flag("whole") ? .domain(domain) : .accounts(of: domain)
        }
        let login = try arguments.address("address")
        guard let account = try await registry.account(login: login) else {
            throw DirectoryFailure.unknownAccount(login)
        }
        return .account(account.id)
    }

    func setQuota(_ arguments: Arguments) async throws {
        let scope = try await scope(of: arguments)
        var rules = try await registry.rules(scope)
        var words: [String] = []
        if let text = arguments.json["storage"]?.string {
            words.append("storage \(text)")
            if text == "default" {
                rules.octets = nil
            } else {
                guard let bound = Bound(octets: text) else {
                    throw ControlFailure.data(
                        "`\(text)` is no size: write it as 500M or 2G, or none, or default")
                }
                rules.octets = bound
            }
        }
        if let text = arguments.json["messages"]?.string {
            words.append("messages \(text)")
            if text == "default" {
                rules.messages = nil
            } else {
                guard let bound = Bound(count: text) else {
                    throw ControlFailure.data("`\(text)` is no number, nor none or default")
                }
                rules.messages = bound
            }
        }
        let name = arguments.json["address"]?.string ?? arguments.json["domain"]?.string ?? ""
        let whom = arguments.flag("whole") ? "all of \(name)" : name
        try await registry.set(
            rules: rules, of: scope, by: author,
            "set the quota of \(whom): \(words.joined(separator: ", "))")
    }

    /// What an account or, for a domain, each of its accounts keeps and may keep.
    func showQuota(_ arguments: Arguments) async throws -> JSON {
        let quotas = Quotas(registry: registry, mailboxes: mailboxes)
        var accounts: [Account] = []
        if let domain = try arguments.optionalDomain("domain") {
            accounts = try await registry.accounts(in: domain)
        } else {
            let login = try arguments.address("address")
            guard let account = try await registry.account(login: login) else {
                throw DirectoryFailure.unknownAccount(login)
            }
            accounts = [account]
        }
        var list: [JSON] = []
        var shared: QuotaStanding.Root?
        for account in accounts {
            let standing = try await quotas.standing(of: account.id)
            shared = standing?.roots.first(where: \.isShared) ?? shared
            if let root = standing?.roots.first(where: { !$0.isShared }) {
                list.append(Self.json(root))
            } else {
                let usage = try await mailboxes.usage(of: account.id.rawValue)
                list.append(
                    Self.json(
                        QuotaStanding.Root(
                            name: account.login.description, quota: Quota(),
                            usage: .init(
                                messages: Int64(usage.messages), octets: Int64(usage.octets)))))
            }
        }
        if let shared { list.append(Self.json(shared)) }
        return ["quotas": .array(list)]
    }

    private static func json(_ root: QuotaStanding.Root) -> JSON {
        [
            "name": .string(root.name), "shared": .bool(root.isShared),
            "octets": .integer(root.usage.octets), "messages": .integer(root.usage.messages),
            "octet_limit": root.quota.octets.map(JSON.integer) ?? .null,
            "message_limit": root.quota.messages.map(JSON.integer) ?? .null,
            "percent": root.quota.isUnlimited ? .null : .integer(Int64(root.percent())),
        ]
    }
}
