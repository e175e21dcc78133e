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
            let all = boxes.keys.sorted().map { JSON.object([("mailbox", .string($0))]) }
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
        default: throw MovingFailure(.target, "\(command) is unknown")
        }
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
