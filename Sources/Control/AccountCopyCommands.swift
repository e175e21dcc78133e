// SPDX-License-Identifier: Apache-2.0

import Bytes
import Directory
import Mail
import MessageStore
import ScriptStore
import Storage
import World

/// `account.snapshot`, `account.contents`, `account.adopt`: all that belongs to an account, for a
/// backup of it alone, and its return.
struct AccountCopyCommands {
    let registry: Registry
    let mailboxes: Mailboxes
    let scripts: Scripts?
    let author: String

    static let names: Set<String> = ["account.snapshot", "account.contents", "account.adopt"]

    /// Contents handed out at once; one that is larger comes alone.
    private static let answerOctets = 4 << 20

    func perform(
        _ name: String, _ arguments: Arguments
    ) async throws -> (answer: JSON, octets: [UInt8]) {
        switch name {
        case "account.snapshot": (try await snapshot(arguments), [])
        case "account.contents": try await contents(arguments)
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
        let addresses = try await registry.addresses(of: account.id)
        var texts: [JSON] = []
        for entry in try await scripts?.list(of: account.id.rawValue) ?? [] {
            let text = try await scripts?.text(of: entry.name, of: account.id.rawValue) ?? []
            texts.append([
                "name": .string(entry.name), "script": .string(Base64.encode(text)),
                "active": .bool(entry.isActive),
            ])
        }
        let snapshots = try await mailboxes.snapshot(of: account.id.rawValue)
        return [
            "login": .string(account.login.description), "name": .string(account.displayName),
            "enabled": .bool(account.isEnabled), "language": JSON(account.language?.rawValue),
            "addresses": JSON(addresses.map(\.description)),
            "verifier": .string(try await registry.verifier(of: account.login)),
            "scripts": .array(texts), "mailboxes": .array(snapshots.map(Self.json)),
        ]
    }

    private static func json(_ snapshot: Mailboxes.Snapshot) -> JSON {
        let mailbox = snapshot.mailbox
        return [
            "mailbox": .string(mailbox.name), "use": JSON(mailbox.specialUse),
            "subscribed": .bool(mailbox.isSubscribed),
            "uidvalidity": .integer(Int64(mailbox.uidValidity)),
            "uidnext": .integer(Int64(mailbox.uidNext)),
            "keywords": JSON(snapshot.keywords.names),
            "messages": .array(
                snapshot.messages.map {
                    [
                        "uid": .integer(Int64($0.uid)), "content": .integer($0.content.value),
                        "octets": .integer(Int64($0.octets)),
                        "date": .integer($0.internalDate.milliseconds),
                        "flags": JSON(snapshot.keywords.names(of: $0.flags)),
                        "prefix": .string($0.prefix),
                    ]
                }),
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

    /// Makes the account, unless it is there: then its own settings stay.
    private func adopt(_ arguments: Arguments) async throws -> JSON {
        let login = try arguments.address("account")
        var leftOut: [JSON] = []
        let isNew = try await registry.account(login: login) == nil
        if isNew {
            try await registry.addAccount(
                login, displayName: arguments.json["name"]?.string ?? "",
                language: arguments.optionalLanguage("language"),
                verifier: arguments.text("verifier"), by: author)
            for address in try arguments.addresses("addresses") {
                guard AddressPair(address) != AddressPair(login) else { continue }
                do {
                    try await registry.add(address: address, to: login, by: author)
                } catch {
                    leftOut.append(.string("\(address): \(error)"))
                }
            }
            if arguments.json["enabled"]?.bool == false {
                try await registry.setEnabled(false, login, by: author)
            }
        }
        let account = try await account(arguments).id.rawValue
        try await mailboxes.furnish(account)
        let hasScripts = try await scripts?.list(of: account).isEmpty == false
        for script in arguments.json["scripts"]?.array ?? [] where !hasScripts {
            let name = script["name"]?.string ?? ""
            do {
                let text = Base64.decode((script["script"]?.string ?? "").utf8) ?? []
                try await scripts?.put(name, text, of: account)
                if script["active"]?.bool == true {
                    try await scripts?.activate(name, of: account)
                }
            } catch let refusal as Scripts.Refusal {
                leftOut.append(.string("script \(name): \(refusal)"))
            }
        }
        return ["new": .bool(isNew), "left-out": .array(leftOut)]
    }

    /// An address to be compared.
    private struct AddressPair: Equatable {
        private let text: String
        init(_ address: Address) { text = address.description.lowercased() }
    }
}
