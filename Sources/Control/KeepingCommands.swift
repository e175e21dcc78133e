// SPDX-License-Identifier: Apache-2.0

import Bytes
import Directory
import Logging
import Mail
import MessageStore
import Tenancy
import World

/// How long mailboxes keep messages, how what was removed comes back, and where subaddresses lead.
extension DirectoryCommands {
    func setRetention(_ arguments: Arguments) async throws {
        let scope = try await scope(of: arguments)
        var rules = try await registry.rules(scope)
        if arguments.flag("default") {
            rules.retention = nil
        } else {
            rules.retention = try (arguments.json["rules"]?.array ?? []).map { item in
                guard let rule = Retention(item.string ?? "") else {
                    throw ControlFailure.data(
                        "`\(item.string ?? "")` is no rule: write days and a mailbox, as `30 Trash`"
                    )
                }
                return rule
            }
        }
        let words = rules.retention.map { $0.map(\.text).joined(separator: ", ") } ?? "default"
        try await registry.set(
            rules: rules, of: scope, by: author,
            "set the retention of \(name(of: arguments)): \(words.isEmpty ? "none" : words)")
    }

    func setFolders(_ arguments: Arguments) async throws {
        let scope = try await scope(of: arguments)
        let text = try arguments.text("folders")
        var rules = try await registry.rules(scope)
        rules.subaddressFolders = SubaddressFolders(rawValue: text)
        guard rules.subaddressFolders != nil || text == "default" else {
            throw ControlFailure.data("`\(text)` is none of no, existing, create and default")
        }
        try await registry.set(
            rules: rules, of: scope, by: author,
            "let subaddresses of \(name(of: arguments)) name mailboxes: \(text)")
    }

    private func name(of arguments: Arguments) -> String {
        arguments.json["address"]?.string ?? arguments.json["domain"]?.string ?? ""
    }

    /// What rules would remove now, of an account, a domain or everybody.
    func showRetention(_ arguments: Arguments) async throws -> JSON {
        var accounts: [Account]
        if arguments.json["address"]?.string != nil {
            accounts = [try await account(arguments)]
        } else {
            accounts = try await registry.accounts(in: arguments.optionalDomain("domain"))
        }
        let retainer = Retainer(
            registry: registry, mailboxes: mailboxes, time: time,
            log: Logger(label: "retention") { _ in SwiftLogNoOpLogHandler() })
        var list: [JSON] = []
        for account in accounts {
            for one in try retainer.cases(of: account) {
                let due = try await mailboxes.older(than: one.limit, in: one.mailbox.id)
                list.append([
                    "account": .string(one.login.description),
                    "mailbox": .string(one.mailbox.name), "days": .integer(Int64(one.rule.days)),
                    "messages": .integer(Int64(due.messages)), "octets": .integer(due.octets),
                    "of": .integer(Int64(one.mailbox.messages)),
                ])
            }
        }
        return ["mailboxes": .array(list)]
    }

    private func account(_ arguments: Arguments) async throws -> Account {
        let login = try arguments.address("address")
        guard let account = try await registry.account(login: login) else {
            throw DirectoryFailure.unknownAccount(login)
        }
        return account
    }

    private func start(_ arguments: Arguments) -> Timestamp {
        guard let seconds = arguments.number("since-seconds") else {
            return Timestamp(milliseconds: 0)
        }
        return time.timestamp + (.zero - .seconds(seconds))
    }

    func listRemoved(_ arguments: Arguments) async throws -> JSON {
        let account = try await account(arguments)
        let removed = try await mailboxes.removed(
            of: account.id.rawValue, since: start(arguments))
        return [
            "removed": .array(
                removed.map {
                    [
                        "mailbox": .string($0.name), "is_mailbox": .bool($0.isMailbox),
                        "messages": .integer(Int64($0.messages)), "octets": .integer($0.octets),
                        "first": .string(CalendarDate($0.first).internetFormat),
                        "last": .string(CalendarDate($0.last).internetFormat),
                    ]
                })
        ]
    }

    /// Mailboxes first: what was removed from them before comes back after them.
    func undelete(_ arguments: Arguments) async throws -> JSON {
        let account = try await account(arguments)
        let wanted = arguments.json["mailbox"]?.string
        let removed = try await mailboxes.removed(
            of: account.id.rawValue, since: start(arguments)
        ).filter { wanted == nil || $0.name == wanted }
        guard !removed.isEmpty else {
            throw ControlFailure.data("there is nothing that could be brought back")
        }
        var list: [JSON] = []
        for one in removed where one.isMailbox {
            let name = try await mailboxes.restore(one.mailbox)
            list.append([
                "mailbox": .string(name), "messages": .integer(Int64(one.messages)),
                "is_mailbox": .bool(true),
            ])
        }
        for one in removed where !one.isMailbox {
            let count = try await mailboxes.undelete(in: one.mailbox, since: start(arguments))
            list.append([
                "mailbox": .string(one.name), "messages": .integer(Int64(count)),
                "is_mailbox": .bool(false),
            ])
        }
        return ["restored": .array(list)]
    }
}
