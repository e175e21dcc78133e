// SPDX-License-Identifier: Apache-2.0

import Bytes
import Crypto

@testable import Moving

/// An account that does what `MailboxCommands` would, in memory.
actor MemoryAccount: AccountPort {
    struct Message: Equatable {
        var uid: Int64
        var flags: [String]
        var octets: [UInt8]
    }

    struct Box {
        var messages: [Message] = []
        var origins: [String: JSON] = [:]
        var marks: [String: String] = [:]
    }

    private(set) var boxes: [String: Box] = [:]
    /// Of a message as much is handed out at once.
    private let answerOctets: Int

    init(answerOctets: Int = .max) { self.answerOctets = answerOctets }

    /// Puts messages into a mailbox.
    func fill(_ mailbox: String, _ messages: [[UInt8]]) {
        boxes[mailbox, default: Box()].messages += messages.enumerated().map {
            Message(uid: Int64($0 + 1), flags: ["\\Seen"], octets: $1)
        }
    }

    /// How often messages were filed.
    private(set) var commits = 0

    func texts(_ mailbox: String) -> [String] {
        (boxes[mailbox]?.messages ?? []).map {
            "\($0.flags.joined(separator: " ")): \(String(decoding: $0.octets, as: UTF8.self))"
        }
    }

    func octets(_ mailbox: String) -> [[UInt8]] { boxes[mailbox]?.messages.map(\.octets) ?? [] }

    func file(_ arguments: [(String, JSON)], _ content: LargeContent) async throws -> JSON {
        let octets = try content.read(at: 0, count: content.octets)
        return try await ask("mailbox.file", arguments, octets).answer
    }

    func ask(
        _ command: String, _ arguments: [(String, JSON)], _ octets: [UInt8]
    ) async throws -> (answer: JSON, octets: [UInt8]) {
        let json = JSON.object(arguments)
        let name = json["mailbox"]?.string ?? ""
        switch command {
        case "mailbox.list":
            let all = boxes.keys.sorted().map {
                JSON.object([("mailbox", .string($0)), ("uidvalidity", .integer(7))])
            }
            return (["mailboxes": .array(all)], [])
        case "mailbox.prepare":
            for wish in json["mailboxes"]?.array ?? [] {
                let wished = wish["mailbox"]?.string ?? ""
                boxes[wished] = boxes[wished] ?? Box()
            }
            return ([:], [])
        case "mailbox.origins":
            let after = json["after"]?.string ?? ""
            let all = (boxes[name]?.origins ?? [:]).sorted { $0.key < $1.key }
            return (
                [
                    "origins": .array(all.filter { $0.key > after }.map(\.value)),
                    "end": .bool(true),
                ], []
            )
        case "mailbox.resume": return (["same": .bool(false)], [])
        case "mailbox.file": return (file(json, name, octets), [])
        case "mailbox.follow":
            for change in json["changes"]?.array ?? [] { follow(change, name) }
            return (["changed": .integer(0)], [])
        case "mailbox.mark":
            return (["mark": JSON(boxes[name]?.marks[json["source"]?.string ?? ""])], [])
        case "mailbox.keep-mark":
            boxes[name]?.marks[json["source"]?.string ?? ""] = json["mark"]?.string
            return ([:], [])
        case "mailbox.digests":
            let after = json["after"]?.integer ?? 0
            let rest = (boxes[name]?.messages ?? []).filter { $0.uid > after }
            let digests = rest.map { message -> JSON in
                [
                    "uid": .integer(message.uid),
                    "hash": .string(
                        Hexadecimal.encode(Array(SHA256.hash(data: message.octets)))),
                ]
            }
            return (["digests": .array(digests), "end": .bool(rest.isEmpty)], [])
        case "mailbox.read": return read(name, after: json["after"]?.integer ?? 0)
        case "mailbox.piece":
            let message = boxes[name]?.messages.first { $0.uid == json["uid"]?.integer }
            guard let message else { return (["gone": true], []) }
            let rest = message.octets.dropFirst(Int(json["offset"]?.integer ?? 0))
            return (["gone": false], Array(rest.prefix(answerOctets)))
        default: throw MovingFailure(.target, "\(command) is unknown")
        }
    }

    private func read(_ name: String, after uid: Int64) -> (answer: JSON, octets: [UInt8]) {
        let rest = (boxes[name]?.messages ?? []).filter { $0.uid > uid }
        var octets: [UInt8] = []
        let messages = rest.map { message -> JSON in
            let isLarge = message.octets.count > answerOctets
            if !isLarge { octets += message.octets }
            return [
                "uid": .integer(message.uid), "flags": JSON(message.flags),
                "octets": .integer(isLarge ? 0 : Int64(message.octets.count)),
                "larger": isLarge ? .integer(Int64(message.octets.count)) : .null,
                "date": .integer(1_700_000_000_000),
            ]
        }
        return (["messages": .array(messages), "end": .bool(rest.isEmpty)], octets)
    }

    private func file(_ json: JSON, _ name: String, _ octets: [UInt8]) -> JSON {
        var rest = octets[...]
        var box = boxes[name] ?? Box()
        var uids: [JSON] = []
        commits += 1
        for message in json["messages"]?.array ?? [] {
            let count = Int(message["octets"]?.integer ?? 0)
            let content = Array(rest.prefix(count))
            rest = rest.dropFirst(count)
            let uid = Int64(box.messages.count + 1)
            let flags = (message["flags"]?.array ?? []).compactMap(\.string)
            box.messages.append(Message(uid: uid, flags: flags, octets: content))
            let key = message["key"]?.string ?? ""
            box.origins[key] = [
                "key": .string(key), "uid": .integer(uid), "flags": JSON(flags),
                "hash": .string(Hexadecimal.encode(Array(SHA256.hash(data: content)))),
                "there": .bool(true),
            ]
            uids.append(.integer(uid))
        }
        boxes[name] = box
        return ["uids": .array(uids)]
    }

    private func follow(_ change: JSON, _ name: String) {
        guard let key = change["key"]?.string, let origin = boxes[name]?.origins[key] else {
            return
        }
        let newKey = change["new-key"]?.string ?? key
        boxes[name]?.origins[key] = nil
        let facts = (origin.object ?? []).filter { $0.0 != "key" && $0.0 != "flags" }
        boxes[name]?.origins[newKey] = .object(
            facts + [("key", .string(newKey)), ("flags", change["flags"] ?? .null)])
        let index = boxes[name]?.messages.firstIndex { $0.uid == origin["uid"]?.integer }
        guard let index else { return }
        boxes[name]?.messages[index].flags =
            (change["flags"]?.array ?? []).compactMap(\.string)
    }
}
