// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// Sends numbered messages over some connections, and knows which of them were acknowledged.
///
/// None is sent twice, so whatever arrives twice was made two by the server.
final class Generator: Sendable {
    private struct State {
        var generator: SeededGenerator
        var sent = 0
        var acknowledged: [NumberedMessage] = []
        var isStopping = false
        var running = 0
        var replies: [String: Int] = [:]
    }

    private let state: Mutex<State>
    private let address: String
    private let port: Int
    private let local: String
    private let remote: String

    init(
        _ address: String, _ port: Int, local: String, remote: String, connections: Int,
        seed: UInt64
    ) {
        self.address = address
        self.port = port
        self.local = local
        self.remote = remote
        state = Mutex(State(generator: SeededGenerator(seed: seed), running: connections))
        for _ in 0..<connections { Thread.detachNewThread { self.run() } }
    }

    /// After `stop` only.
    var acknowledged: [NumberedMessage] { state.withLock { $0.acknowledged } }
    /// While it is running, too.
    var acknowledgedSoFar: [NumberedMessage] { state.withLock { $0.acknowledged } }
    /// How often each other answer than 250 came.
    var replies: [String: Int] { state.withLock { $0.replies } }
    var sent: Int { state.withLock { $0.sent } }

    /// Returns when every connection has ended.
    func stop() async {
        state.withLock { $0.isStopping = true }
        _ = await isTrue(within: .seconds(60)) { state.withLock { $0.running == 0 } }
    }

    private var isStopping: Bool { state.withLock { $0.isStopping } }

    private func run() {
        while !isStopping {
            // The server is killed again and again: a lost connection is what is expected.
            try? converse()
            Thread.sleep(forTimeInterval: 0.01)
        }
        state.withLock { $0.running -= 1 }
    }

    private func converse() throws {
        let wire = try Wire(address, port)
        guard try wire.readReply()?.hasPrefix("220") == true,
            try wire.ask("EHLO client.test").hasPrefix("250")
        else { return }
        while !isStopping {
            let message = nextMessage()
            var recipients: [String] = []
            if message.isLocal { recipients.append(local) }
            if message.isRemote { recipients.append(remote) }
            let commands =
                ["MAIL FROM:<generator@client.test>"] + recipients.map { "RCPT TO:<\($0)>" }
            for command in commands {
                guard try isAnswered(wire.ask(command), "250") else { return }
            }
            guard try isAnswered(wire.ask("DATA"), "354") else { return }
            try wire.write(message.octets[...])
            guard try isAnswered(wire.ask("."), "250") else { return }
            state.withLock { $0.acknowledged.append(message) }
        }
        _ = try wire.ask("QUIT")
    }

    private func isAnswered(_ reply: String, _ code: String) -> Bool {
        if reply.hasPrefix(code) { return true }
        if !reply.isEmpty { state.withLock { $0.replies[reply, default: 0] += 1 } }
        return false
    }

    /// Two in five for the mailbox, two for the other server, one for both; one in fifty is
    /// larger than what the database keeps in a row.
    private func nextMessage() -> NumberedMessage {
        state.withLock { state in
            state.sent += 1
            let kind = Int.random(in: 0..<5, using: &state.generator)
            let isLarge = Int.random(in: 0..<50, using: &state.generator) == 0
            let lines =
                isLarge
                ? Int.random(in: 17_000...34_000, using: &state.generator)
                : Int.random(in: 0...400, using: &state.generator)
            return NumberedMessage(
                number: state.sent, lines: lines, isLocal: kind != 0 && kind != 1,
                isRemote: kind != 2 && kind != 3)
        }
    }
}
