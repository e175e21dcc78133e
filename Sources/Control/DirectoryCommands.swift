// SPDX-License-Identifier: Apache-2.0

import Bytes
import Directory
import Mail
import MessageStore
import Routing
import ScriptStore
import Spool
import World

/// `domain`, `account`, `alias`, `relay` and `change`: what the directory holds.
struct DirectoryCommands {
    let registry: Registry
    let mailboxes: Mailboxes
    let spooler: Spooler
    let time: any Time
    let author: String

    /// Carries a command out; one that only changes something answers with an empty object.
    func perform(_ name: String, _ arguments: Arguments) async throws -> JSON {
        switch name {
        case "address.check": return try await check(arguments)
        case "domain.list": return try await listDomains()
        case "account.add": return try await addAccount(arguments)
        case "account.list": return try await listAccounts(arguments)
        case "account.usage": return try await usage(arguments)
        case "account.remove": return try await removeAccount(arguments)
        case "domain.remove": return try await removeDomain(arguments)
        case "change.undo": return try await undo(arguments)
        case "alias.list": return try await listAliases(arguments)
        case "relay.list": return try await listRelays()
        case "transport.list": return try await listTransports()
        case "quota.show": return try await showQuota(arguments)
        case "app-password.add": return try await addAppPassword(arguments)
        case "app-password.list": return try await listAppPasswords(arguments)
        case "retention.show": return try await showRetention(arguments)
        case "undelete.list": return try await listRemoved(arguments)
        case "undelete": return try await undelete(arguments)
        case "change.list": return try await listChanges(arguments)
        default:
            try await change(name, arguments)
            return [:]
        }
    }

    private func change(_ name: String, _ arguments: Arguments) async throws {
        switch name {
        case "domain.add": try await addDomain(arguments)
        case "account.password":
            try await registry.setPassword(
                arguments.text("password"), of: arguments.address("address"), by: author)
        case "account.language": try await setLanguage(arguments)
        case "account.enable":
            try await registry.setEnabled(true, arguments.address("address"), by: author)
        case "account.disable":
            try await registry.setEnabled(false, arguments.address("address"), by: author)
        case "address.add":
            try await registry.add(
                address: arguments.address("address"), to: arguments.address("account"),
                by: author)
        case "address.remove":
            try await registry.remove(address: arguments.address("address"), by: author)
        case "alias.add":
            try await registry.addAlias(
                arguments.address("address"), to: arguments.addresses("targets"), by: author)
        case "alias.remove":
            try await registry.remove(alias: arguments.address("address"), by: author)
        case "relay.add": try await addRelay(arguments)
        case "relay.remove":
            try await registry.remove(relay: arguments.domain("domain"), by: author)
        case "relay.allow":
            try await registry.add(relayRecipient: arguments.address("address"), by: author)
        case "relay.disallow":
            try await registry.remove(relayRecipient: arguments.address("address"), by: author)
        case "quota.set": try await setQuota(arguments)
        case "retention.set": try await setRetention(arguments)
        case "app-password.remove":
            try await registry.removeAppPassword(
                arguments.text("name"), of: arguments.address("address"), by: author)
        case "folders.set": try await setFolders(arguments)
        case "transport.add": try await addTransport(arguments)
        case "transport.remove":
            try await registry.remove(transport: scope(arguments), by: author)
        default: throw ControlFailure.usage("unknown command `\(name)`")
        }
    }

    /// Which of some addresses are in our domains, or relay domains, and nobody's.
    private func check(_ arguments: Arguments) async throws -> JSON {
        var unknown: [String] = []
        for address in try arguments.addresses("addresses") {
            if case .unknownUser = await registry.judge(address) {
                unknown.append(address.description)
            }
        }
        return ["unknown": JSON(unknown)]
    }

    private func addDomain(_ arguments: Arguments) async throws {
        let domain = try LocalDomain(
            arguments.domain("domain"), postmaster: arguments.optionalAddress("postmaster"),
            catchAll: arguments.optionalAddress("catch-all"))
        try await registry.add(domain: domain, by: author)
    }

    private func listDomains() async throws -> JSON {
        var list: [JSON] = []
        for domain in try await registry.domains() {
            list.append([
                "domain": .string(domain.name.name),
                "postmaster": JSON(domain.postmaster?.description),
                "catch-all": JSON(domain.catchAll?.description),
            ])
        }
        return ["domains": .array(list)]
    }

    private func addAccount(_ arguments: Arguments) async throws -> JSON {
        if arguments.flag("shared") { return try await addSharedAccount(arguments) }
        let account = try await registry.addAccount(
            arguments.address("address"), displayName: arguments.json["name"]?.string ?? "",
            language: arguments.optionalLanguage("language"), password: arguments.text("password"),
            by: author)
        return ["account": .string(account.login.description)]
    }

    /// Its INBOX is there at once, so that rights to it can be given.
    private func addSharedAccount(_ arguments: Arguments) async throws -> JSON {
        let account = try await registry.addSharedAccount(
            arguments.address("address"), displayName: arguments.json["name"]?.string ?? "",
            language: arguments.optionalLanguage("language"), by: author)
        try await mailboxes.furnishShared(account.id.rawValue)
        return ["account": .string(account.login.description)]
    }

    private func setLanguage(_ arguments: Arguments) async throws {
        let isNone = arguments.json["language"]?.string == "none"
        guard isNone || arguments.json["language"]?.string != nil else {
            throw ControlFailure.usage("`language` is missing: en, de, or none for the server's")
        }
        try await registry.setLanguage(
            isNone ? nil : arguments.optionalLanguage("language"),
            of: arguments.address("address"), by: author)
    }

    private func usage(_ arguments: Arguments) async throws -> JSON {
        let login = try arguments.address("address")
        guard let account = try await registry.account(login: login) else {
            throw DirectoryFailure.unknownAccount(login)
        }
        let usage = try await mailboxes.usage(of: account.id.rawValue)
        return [
            "account": .string(account.login.description),
            "messages": .integer(Int64(usage.messages)), "octets": .integer(Int64(usage.octets)),
        ]
    }

    /// With the account goes its mail, in the same transaction out of everyone's sight and then
    /// bit by bit from the disk; unless it is to be kept for an account that comes back.
    private func removeAccount(_ arguments: Arguments) async throws -> JSON {
        let login = try arguments.address("address")
        let keepsMail = arguments.flag("keep-mail")
        // As it stands in the lists of others' mailboxes.
        let known = try await registry.account(login: login)?.login ?? login
        let id = try await registry.remove(account: login, by: author) { id, transaction in
            try Mailboxes.revoke(known.description, in: transaction)
            guard !keepsMail else { return }
            try Mailboxes.abandon(id.rawValue, in: transaction)
            try Scripts.abandon(id.rawValue, in: transaction)
        }
        let mail =
            keepsMail
            ? try await mailboxes.usage(of: id.rawValue) : try await mailboxes.deleteAbandoned()
        return [
            "account": .string(login.description), "mail": .string(keepsMail ? "kept" : "removed"),
            "messages": .integer(Int64(mail.messages)), "octets": .integer(Int64(mail.octets)),
        ]
    }

    /// Says what still waits for the domain: from now on it goes elsewhere, or comes back.
    private func removeDomain(_ arguments: Arguments) async throws -> JSON {
        let domain = try arguments.domain("domain")
        try await registry.remove(domain: domain, by: author)
        try await mailboxes.revoke("@\(domain.name)")
        var there = Selection()
        there.destination = domain.name
        return [
            "domain": .string(domain.name),
            "queued": .integer(Int64(try await spooler.count(there).recipients)),
        ]
    }

    private func undo(_ arguments: Arguments) async throws -> JSON {
        let locked = try await registry.undo(change: arguments.number("change") ?? 0, by: author)
        return ["without_password": JSON(locked.map(\.description))]
    }

    private func listAccounts(_ arguments: Arguments) async throws -> JSON {
        var list: [JSON] = []
        for account in try await registry.accounts(in: arguments.optionalDomain("domain")) {
            let addresses = try await registry.addresses(of: account.id)
            list.append([
                "account": .string(account.login.description),
                "name": .string(account.displayName), "enabled": .bool(account.isEnabled),
                "shared": .bool(account.isShared),
                "language": JSON(account.language?.rawValue),
                "addresses": JSON(addresses.map(\.description)),
            ])
        }
        return ["accounts": .array(list)]
    }

    private func listAliases(_ arguments: Arguments) async throws -> JSON {
        let aliases = try await registry.aliases(in: arguments.optionalDomain("domain"))
        return [
            "aliases": .array(
                aliases.map {
                    [
                        "alias": .string($0.address.description),
                        "targets": JSON($0.targets.map(\.description)),
                    ]
                })
        ]
    }

    private func addRelay(_ arguments: Arguments) async throws {
        if let host = arguments.json["host"]?.string, (try? RelayHost(host)) == nil {
            throw ControlFailure.data("`\(host)` is no host name or address with a port")
        }
        let relay = try RelayDomain(
            arguments.domain("domain"), acceptsAllRecipients: arguments.flag("all"),
            host: arguments.json["host"]?.string,
            lifetimeSeconds: arguments.number("lifetime-seconds"))
        try await registry.add(
            relay: relay, recipients: arguments.addresses("recipients"), by: author)
    }

    private func listRelays() async throws -> JSON {
        var list: [JSON] = []
        for relay in try await registry.relays() {
            let recipients = try await registry.recipients(of: relay.name)
            list.append([
                "domain": .string(relay.name.name), "all": .bool(relay.acceptsAllRecipients),
                "host": JSON(relay.host),
                "lifetime-seconds": relay.lifetimeSeconds.map(JSON.integer) ?? .null,
                "recipients": JSON(recipients.map(\.description)),
            ])
        }
        return ["relays": .array(list)]
    }

    private func scope(_ arguments: Arguments) throws(ControlFailure) -> Transport.Scope {
        let text = try arguments.text("domain")
        guard let scope = Transport.Scope(text) else { throw .data("`\(text)` is no domain") }
        return scope
    }

    private func addTransport(_ arguments: Arguments) async throws {
        var transport = Transport(
            try scope(arguments), host: arguments.json["host"]?.string,
            usesAddressFallback: arguments.flag("address-fallback"))
        if let text = arguments.json["protocol"]?.string {
            guard let carrier = Transport.Carrier(rawValue: text) else {
                throw ControlFailure.data("`\(text)` is no protocol: smtp or lmtp")
            }
            transport.carrier = carrier
        }
        if let text = arguments.json["security"]?.string {
            guard let security = Transport.Security(rawValue: text) else {
                throw ControlFailure.data(
                    "`\(text)` is no security: opportunistic, none, required or implicit")
            }
            transport.security = security
        }
        if let name = arguments.json["user"]?.string {
            transport.account = Transport.Account(
                name: name, password: try arguments.text("password"))
        }
        try Self.check(transport)
        try await registry.set(transport: transport, by: author)
    }

    private static func check(_ transport: Transport) throws(ControlFailure) {
        guard let host = transport.host else { return }
        guard let relay = try? RelayHost(host) else {
            throw .data("`\(host)` is no host name, address or socket, perhaps with a port")
        }
        if transport.security.isVerified, relay.exchange.name == nil {
            throw .data("name the host: a certificate is for a name, and `\(host)` is none")
        }
        if transport.carrier == .lmtp, case .socket = relay.exchange { return }
        // RFC 2033 §5: LMTP is not for port 25.
        if transport.carrier == .lmtp, relay.port == nil {
            throw .data("say the port of the LMTP server, as in `\(host):24`")
        }
    }

    private func listTransports() async throws -> JSON {
        [
            "transports": .array(
                try await registry.transports().map {
                    [
                        "domain": .string($0.scope.description),
                        "protocol": .string($0.carrier.rawValue), "host": JSON($0.host),
                        "security": .string($0.security.rawValue),
                        "user": JSON($0.account?.name),
                        "address-fallback": .bool($0.usesAddressFallback),
                    ]
                })
        ]
    }

    private func listChanges(_ arguments: Arguments) async throws -> JSON {
        let changes = try await registry.changes(limit: Int(arguments.number("limit") ?? 50))
        return [
            "changes": .array(
                changes.map {
                    [
                        "change": .integer($0.id),
                        "time": .string(CalendarDate($0.time).internetFormat),
                        "author": .string($0.author), "summary": .string($0.summary),
                    ]
                })
        ]
    }
}
