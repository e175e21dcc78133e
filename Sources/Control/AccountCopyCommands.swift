// SPDX-License-Identifier: Apache-2.0

import Bytes
import Directory
import IMAP
import Mail
import MessageStore
import ScriptStore
import Storage
import Tenancy
import World

/// `account.snapshot`, `account.contents`, `account.readers`, `account.adopt`: all that belongs to
/// an account, for a backup of it alone, and its return.
struct AccountCopyCommands {
    let registry: Registry
    let mailboxes: Mailboxes
    let scripts: Scripts?
    let author: String

    static let names: Set<String> = [
        "account.snapshot", "account.contents", "account.readers", "account.adopt",
    ]

    /// Contents handed out at once; one that is larger comes alone.
    private static let answerOctets = 4 << 20

    func perform(
        _ name: String, _ arguments: Arguments
    ) async throws -> (answer: JSON, octets: [UInt8]) {
        switch name {
        case "account.snapshot": (try await snapshot(arguments), [])
        case "account.contents": try await contents(arguments)
        case "account.readers": (try await reader(arguments), [])
        default: (try await adopt(arguments), [])
        }
    }

    private func account(_ arguments: Arguments) async throws -> Account {
        let login = try arguments.address("account")
        guard let account = try await registry.account(login: login) else {
            throw DirectoryFailure.unknownAccount(login)
        }
        return account
    }

    // MARK: Away

    private func snapshot(_ arguments: Arguments) async throws -> JSON {
        let account = try await account(arguments)
        let copy = try await registry.copy(of: account.login)
        var texts: [JSON] = []
        for entry in try await scripts?.list(of: account.id.rawValue) ?? [] {
            let text = try await scripts?.text(of: entry.name, of: account.id.rawValue) ?? []
            texts.append([
                "name": .string(entry.name), "script": .string(Base64.encode(text)),
                "active": .bool(entry.isActive),
            ])
        }
        let memories = try await scripts?.memories(of: account.id.rawValue) ?? []
        let snapshot = try await mailboxes.snapshot(of: account.id.rawValue)
        return [
            "login": .string(account.login.description), "name": .string(copy.displayName),
            "enabled": .bool(copy.isEnabled), "shared": .bool(copy.isShared),
            "language": JSON(copy.language?.rawValue),
            "addresses": JSON(copy.addresses.map(\.description)),
            "verifier": .string(copy.verifier), "sha1-verifier": JSON(copy.sha1Verifier),
            "rules": CopiedRules.json(copy.rules),
            "app-passwords": .array(copy.appPasswords.map(\.json)),
            "scripts": .array(texts),
            "memories": .array(
                memories.map {
                    [
                        "kind": .string($0.kind), "identity": .string(Base64.encode($0.identity)),
                        "expires": .integer($0.expires.milliseconds),
                    ]
                }),
            "subscriptions": JSON(snapshot.subscriptions),
            "annotations": .array(snapshot.annotations.map(\.json)),
            "mailboxes": .array(try snapshot.mailboxes.map(json)),
        ]
    }

    private func json(_ snapshot: Mailboxes.Snapshot) throws -> JSON {
        let mailbox = snapshot.mailbox
        return [
            "rights": .array(
                try mailboxes.grants(of: mailbox.id).map {
                    [
                        "identifier": .string($0.identifier),
                        "rights": .string($0.rights.standardText),
                    ]
                }),
            "id": .integer(mailbox.id.value), "mailbox": .string(mailbox.name),
            "use": JSON(mailbox.specialUse),
            "subscribed": .bool(mailbox.isSubscribed),
            "uidvalidity": .integer(Int64(mailbox.uidValidity)),
            "uidnext": .integer(Int64(mailbox.uidNext)),
            "modseq": .integer(mailbox.highestModSequence),
            "recent": .integer(Int64(snapshot.recentUID)),
            "keywords": JSON(snapshot.keywords.names),
            "annotations": .array(snapshot.annotations.map(\.json)),
            "messages": .array(
                snapshot.messages.map {
                    [
                        "uid": .integer(Int64($0.uid)), "content": .integer($0.content.value),
                        "octets": .integer(Int64($0.octets)),
                        "date": .integer($0.internalDate.milliseconds),
                        "saved": .integer($0.saved.milliseconds),
                        "flags": JSON(snapshot.keywords.names(of: $0.flags)),
                        "prefix": .string($0.prefix),
                    ]
                }),
        ]
    }

    /// What the next one of those who look into a mailbox has seen there, so that what is in memory
    /// is of one alone.
    ///
    /// By login: the numbers of accounts are others elsewhere.
    private func reader(_ arguments: Arguments) async throws -> JSON {
        let account = try await account(arguments)
        let id = Mailbox.ID(value: arguments.number("mailbox") ?? 0)
        guard try mailboxes.find(id)?.account == account.id.rawValue,
            let reader = try await mailboxes.seen(
                in: id, byReaderAfter: arguments.number("after") ?? 0)
        else { return [:] }
        let known = try registry.find(AccountID(rawValue: reader.account))
        return [
            "next": .integer(reader.account), "login": JSON(known?.login.description),
            "seen": .string(reader.uids.description),
        ]
    }

    /// Contents of a snapshot, as many as fit; `gone` if the next one is not there any more.
    private func contents(
        _ arguments: Arguments
    ) async throws -> (answer: JSON, octets: [UInt8]) {
        _ = try await account(arguments)
        var (counts, octets) = ([JSON](), [UInt8]())
        for content in arguments.json["contents"]?.array ?? [] {
            guard octets.count < Self.answerOctets else { break }
            let before = octets.count
            do {
                var reader = mailboxes.read(Content.ID(value: content.integer ?? 0), from: 0)
                while let piece = try await reader.next() { octets += piece }
            } catch StorageFailure.corrupt {
                return (["gone": true], [])
            }
            counts.append(.integer(Int64(octets.count - before)))
        }
        return (["counts": .array(counts)], octets)
    }

    // MARK: Back

    /// Makes the account, unless it is there: then its own settings stay, and its mailboxes and
    /// scripts, if it has any.
    private func adopt(_ arguments: Arguments) async throws -> JSON {
        let login = try arguments.address("account")
        var leftOut: [JSON] = []
        let isNew = try await registry.account(login: login) == nil
        if isNew {
            leftOut += try await registry.addAccount(Self.copy(arguments, login), by: author)
                .map { .string("\($0)") }
        }
        let owner = try await self.account(arguments)
        let account = owner.id.rawValue
        let isFurnished = try await mailboxes.furnish(
            account,
            with: (arguments.json["mailboxes"]?.array ?? []).map {
                Mailboxes.Wish(
                    name: $0["mailbox"]?.string ?? "", use: $0["use"]?.string,
                    isSubscribed: $0["subscribed"]?.bool ?? true,
                    annotations: Self.annotations($0))
            },
            subscriptions: (arguments.json["subscriptions"]?.array ?? []).compactMap(\.string),
            annotations: Self.annotations(arguments.json))
        if isFurnished {
            leftOut += try await adoptRights(arguments.json, of: account).map { .string($0) }
        }
        if owner.isShared {
            try await mailboxes.furnishShared(account)
        } else {
            try await mailboxes.furnish(account)
        }
        let refused = try await scripts?.adopt(
            Self.scripts(arguments.json), Self.memories(arguments.json), of: account)
        leftOut += (refused ?? []).map { .string("script \($0.name): \($0.refusal)") }
        return ["new": .bool(isNew), "left-out": .array(leftOut)]
    }

    /// What others might do with the mailboxes; returns what cannot be given back to them.
    private func adoptRights(_ json: JSON, of account: Int64) async throws -> [String] {
        let sharing = SharedMailboxes(registry: registry, mailboxes: mailboxes)
        var leftOut: [String] = []
        for one in json["mailboxes"]?.array ?? [] {
            let name = one["mailbox"]?.string ?? ""
            guard let mailbox = try mailboxes.find(name, of: account) else { continue }
            for grant in one["rights"]?.array ?? [] {
                let letters = Array((grant["rights"]?.string ?? "").utf8)
                do {
                    let rights = try AccessRights(letters: letters)
                    try await sharing.change(
                        rightsOf: grant["identifier"]?.string ?? "", to: mailbox,
                        by: ACLChange(manner: .replace, rights: rights))
                } catch let failure as AccessListFailure {
                    leftOut.append("rights to \(name): \(failure)")
                } catch let error as SyntaxError {
                    leftOut.append("rights to \(name): \(error)")
                }
            }
        }
        return leftOut
    }

    private static func copy(_ arguments: Arguments, _ login: Address) throws -> AccountCopy {
        var copy = AccountCopy(login: login, verifier: try arguments.text("verifier"))
        copy.sha1Verifier = arguments.json["sha1-verifier"]?.string
        copy.displayName = arguments.json["name"]?.string ?? ""
        copy.language = try arguments.optionalLanguage("language")
        copy.isEnabled = arguments.json["enabled"]?.bool ?? true
        copy.isShared = arguments.flag("shared")
        let own = login.description.lowercased()
        copy.addresses = try arguments.addresses("addresses").filter {
            $0.description.lowercased() != own
        }
        copy.rules = CopiedRules.rules(arguments.json["rules"] ?? .null)
        copy.appPasswords = (arguments.json["app-passwords"]?.array ?? [])
            .compactMap(AccountCopy.Device.init)
        return copy
    }

    private static func annotations(_ json: JSON) -> [Mailboxes.Annotation] {
        (json["annotations"]?.array ?? []).compactMap { one in
            guard let entry = one["entry"]?.string,
                let value = Base64.decode((one["value"]?.string ?? "").utf8)
            else { return nil }
            return Mailboxes.Annotation(entry: entry, value: value)
        }
    }

    private static func scripts(
        _ json: JSON
    ) -> [(name: String, octets: [UInt8], isActive: Bool)] {
        (json["scripts"]?.array ?? []).map {
            (
                $0["name"]?.string ?? "",
                Base64.decode(($0["script"]?.string ?? "").utf8) ?? [],
                $0["active"]?.bool ?? false
            )
        }
    }

    private static func memories(_ json: JSON) -> [Scripts.KeptMemory] {
        (json["memories"]?.array ?? []).compactMap { one in
            guard let kind = one["kind"]?.string, let expires = one["expires"]?.integer,
                let identity = Base64.decode((one["identity"]?.string ?? "").utf8)
            else { return nil }
            return Scripts.KeptMemory(
                kind: kind, identity: identity, expires: Timestamp(milliseconds: expires))
        }
    }
}

extension Mailboxes.Annotation {
    fileprivate var json: JSON {
        ["entry": .string(entry), "value": .string(Base64.encode(value))]
    }
}

extension AccountCopy.Device {
    fileprivate var json: JSON {
        [
            "name": .string(name), "services": JSON(services.map(\.rawValue).sorted()),
            "created": .integer(created.milliseconds), "selector": .string(selector),
            "verifier": .string(verifier), "sha1-verifier": JSON(sha1Verifier),
            "last-used": lastUse.map { .integer($0.time.milliseconds) } ?? .null,
            "last-service": JSON(lastUse?.service?.rawValue),
            "last-peer": JSON(lastUse?.peer?.description),
        ]
    }

    /// Nil for what is none: a password for services unknown here would be one for all.
    fileprivate init?(_ json: JSON) {
        let services = (json["services"]?.array ?? []).map {
            $0.string.flatMap(LoginService.init(rawValue:))
        }
        guard let name = json["name"]?.string, let selector = json["selector"]?.string,
            let verifier = json["verifier"]?.string, !services.contains(nil)
        else { return nil }
        let lastUse = json["last-used"]?.integer.map { time in
            AppPassword.Use(
                time: Timestamp(milliseconds: time),
                service: json["last-service"]?.string.flatMap(LoginService.init(rawValue:)),
                peer: json["last-peer"]?.string.flatMap { IPAddress($0) })
        }
        self.init(
            name: name, services: Set(services.compactMap(\.self)),
            created: Timestamp(milliseconds: json["created"]?.integer ?? 0), lastUse: lastUse,
            selector: selector, verifier: verifier,
            sha1Verifier: json["sha1-verifier"]?.string)
    }
}

/// What was set for an account, in a backup: null where nothing was, `-1` for no bound.
private enum CopiedRules {
    static func json(_ rules: MailboxRules) -> JSON {
        [
            "octets": bound(rules.octets), "messages": bound(rules.messages),
            "retention": rules.retention.map { JSON($0.map(\.text)) } ?? .null,
            "folders": JSON(rules.subaddressFolders?.rawValue),
        ]
    }

    private static func bound(_ bound: Bound?) -> JSON {
        bound.map { .integer($0.value ?? -1) } ?? .null
    }

    static func rules(_ json: JSON) -> MailboxRules {
        var rules = MailboxRules()
        rules.octets = bound(json["octets"])
        rules.messages = bound(json["messages"])
        rules.retention = json["retention"]?.array.map { list in
            list.compactMap { $0.string.flatMap { Retention($0) } }
        }
        rules.subaddressFolders = json["folders"]?.string.flatMap(
            SubaddressFolders.init(rawValue:))
        return rules
    }

    private static func bound(_ json: JSON?) -> Bound? {
        json?.integer.map { $0 < 0 ? .none : .at($0) }
    }
}
