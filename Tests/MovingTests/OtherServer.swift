// SPDX-License-Identifier: Apache-2.0

import Bytes
import Synchronization
import World

/// An IMAP server of somebody else's, as good or as bad as a test wants it.
final class OtherServer: Sendable {
    struct Message: Sendable {
        var uid: UInt32
        var flags: String
        var octets: [UInt8]
        var modSequence: Int64 = 1
        /// What the server claims.
        var size: Int?
        /// The server lists it, and does not send it.
        var isWithheld = false
        /// The server refuses it, and what comes behind it in the same command.
        var isBroken = false
    }

    struct Folder: Sendable {
        /// As LIST writes it, in its quotes.
        var name: String
        var attributes = ""
        var validity = 7
        var modSequence: Int64 = 1
        var messages: [Message] = []
        /// What has gone, and when.
        var vanished: [(uid: UInt32, modSequence: Int64)] = []
        /// Messages that the server counts, and does not list.
        var hidden = 0
    }

    struct State: Sendable {
        var capabilities = "IMAP4rev1 LITERAL+"
        /// As in LIST.
        var delimiter = "\"/\""
        var namespace: String?
        var folders: [Folder] = []
        /// What has been asked for, without tags, after the login.
        var commands: [String] = []
        /// Connections end before these commands, counted over all connections.
        var cuts: Set<Int> = []
        /// Said in the place of an answer to a command that begins so.
        var rubbish: [(command: String, answer: String)] = []
    }

    let state: Mutex<State>

    init(_ state: State) { self.state = Mutex(state) }

    func change(_ body: (inout State) -> Void) { state.withLock { body(&$0) } }

    /// What was asked for since the last look.
    func takeCommands() -> [String] {
        state.withLock { state in
            defer { state.commands = [] }
            return state.commands
        }
    }

    func serve(_ connection: any Connection, _ time: any Time) async {
        var input = InputBuffer()
        var opened = ""
        connection.write(Array("* OK hello\r\n".utf8))
        while true {
            guard let octets = try? await connection.receive(deadline: time.now + .seconds(600))
            else { return }
            input.append(octets)
            while case .line(var line)? = input.nextLine(limit: 10_000) {
                // A non-synchronizing literal: the name of a mailbox.
                if line.last == UInt8(ascii: "}") {
                    guard case .line(let rest)? = input.nextLine(limit: 10_000) else { return }
                    line = Array(line.prefix { $0 != UInt8(ascii: "{") }) + [0x22] + rest + [0x22]
                }
                let text = String(decoding: line, as: UTF8.self)
                let words = text.split(separator: " ", maxSplits: 1)
                guard words.count == 2 else { return }
                let (tag, command) = (words[0], String(words[1]))
                let answer = answer(to: command, &opened)
                guard let answer else { return await connection.close() }
                connection.write(answer.data + Array("\(tag) \(answer.end)\r\n".utf8))
            }
        }
    }

    /// Nil: the connection ends.
    private func answer(
        to command: String, _ opened: inout String
    ) -> (data: [UInt8], end: String)? {
        state.withLock { state in
            if command.hasPrefix("LOGIN") { return ([], "OK in") }
            if command == "CAPABILITY" {
                return (Array("* CAPABILITY \(state.capabilities)\r\n".utf8), "OK done")
            }
            state.commands.append(command)
            if state.cuts.remove(state.commands.count) != nil { return nil }
            for (prefix, answer) in state.rubbish where command.hasPrefix(prefix) {
                return (Array(answer.utf8), "OK done")
            }
            if command.hasPrefix("EXAMINE") { opened = Self.name(in: command) }
            var octets: [UInt8] = []
            let end = state.perform(command, opened, &octets)
            return (octets, end)
        }
    }

    private static func name(in command: String) -> String {
        let parts = command.split(separator: "\"", omittingEmptySubsequences: false)
        return parts.count > 2 ? parts[1..<(parts.count - 1)].joined(separator: "\"") : ""
    }
}

extension OtherServer.State {
    fileprivate func perform(
        _ command: String, _ opened: String, _ octets: inout [UInt8]
    ) -> String {
        func say(_ line: String) { octets += Array("* \(line)\r\n".utf8) }
        if command == "NAMESPACE", let namespace { say("NAMESPACE \(namespace)") }
        if command.hasPrefix("LIST") {
            for folder in folders {
                say("LIST (\(folder.attributes)) \(delimiter) \"\(folder.name)\"")
            }
        }
        guard let folder = folders.first(where: { $0.name == opened }) else {
            return command.hasPrefix("EXAMINE") ? "NO [NONEXISTENT] there is none" : "OK done"
        }
        if command.hasPrefix("EXAMINE") {
            say("\(folder.messages.count + folder.hidden) EXISTS")
            say("OK [UIDVALIDITY \(folder.validity)] yes")
            if capabilities.contains("CONDSTORE") {
                say("OK [HIGHESTMODSEQ \(folder.modSequence)] yes")
            }
        }
        guard command.contains("FETCH") else { return "OK [READ-ONLY] done" }
        let words = command.split(separator: " ")
        let isUID = words[0] == "UID"
        let since = Self.number(after: "CHANGEDSINCE ", in: command)
        if let since, command.contains("VANISHED") {
            let gone = folder.vanished.filter { $0.modSequence > since }.map { String($0.uid) }
            if !gone.isEmpty { say("VANISHED (EARLIER) \(gone.joined(separator: ","))") }
        }
        let wanted = folder.messages.enumerated().filter { index, message in
            Self.contains(isUID ? message.uid : UInt32(index + 1), String(words[isUID ? 2 : 1]))
                && message.modSequence > since ?? 0
        }
        // RFC 9738 §3.1: the newest.
        let limit = Self.number(after: "MESSAGELIMIT=", in: capabilities).map { Int($0) }
        let treated = wanted.suffix(limit ?? .max)
        for (index, message) in treated {
            var items = "UID \(message.uid)"
            if command.contains("FLAGS") { items += " FLAGS (\(message.flags))" }
            if command.contains("SIZE") {
                items += " RFC822.SIZE \(message.size ?? message.octets.count)"
            }
            if command.contains("BODY.PEEK[]") {
                if message.isWithheld { continue }
                if message.isBroken { return "NO it cannot be read" }
            }
            guard command.contains("BODY.PEEK[]") else {
                say("\(index + 1) FETCH (\(items))")
                continue
            }
            var (name, body) = ("BODY[]", message.octets[...])
            if let open = command.firstIndex(of: "<") {
                let parts = command[open...].dropFirst().prefix { $0 != ">" }.split(separator: ".")
                let start = Int(parts[0]) ?? 0
                name = "BODY[]<\(start)>"
                body = body.dropFirst(start).prefix(Int(parts[1]) ?? 0)
            }
            octets += Array("* \(index + 1) FETCH (\(items) \(name) {\(body.count)}\r\n".utf8)
            octets += body + Array(")\r\n".utf8)
        }
        if let limit, wanted.count > limit {
            return "OK [MESSAGELIMIT \(limit) \(treated.first?.element.uid ?? 0)] some"
        }
        return "OK done"
    }

    private static func number(after word: String, in text: String) -> Int64? {
        guard let range = text.firstRange(of: word) else { return nil }
        return Int64(text[range.upperBound...].prefix { $0.isNumber })
    }

    private static func contains(_ number: UInt32, _ set: String) -> Bool {
        set.split(separator: ",").contains { part in
            let ends = part.split(separator: ":").map { UInt32($0) ?? .max }
            return ends[0] <= number && number <= ends[ends.count - 1]
        }
    }
}
