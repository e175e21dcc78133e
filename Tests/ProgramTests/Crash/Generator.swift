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
    private let refused: String?
    private let pace: Pace

    /// How fast it goes, and how large messages are.
    struct Pace {
        /// Between two messages on a connection.
        var pause = Duration.zero
        /// Of 64 octets, but for one message in `largeEvery`, which is larger than what the
        /// database keeps in a row.
        var lines = 400
        var largeEvery = 50
    }

    init(
        _ address: String, _ port: Int, local: String, remote: String, refused: String? = nil,
        connections: Int, pace: Pace = Pace(), seed: UInt64
    ) {
        self.address = address
        self.port = port
        self.local = local
        self.remote = remote
        self.refused = refused
        self.pace = pace
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
            if message.isRefused, let refused { recipients.append(refused) }
            // Another sender now and then: one alone is told of a refusal every ten seconds only.
            let sender = "generator\(message.number / 100)@client.test"
            let commands = ["MAIL FROM:<\(sender)>"] + recipients.map { "RCPT TO:<\($0)>" }
            for command in commands {
                guard try isAnswered(wire.ask(command), "250") else { return }
            }
            guard try isAnswered(wire.ask("DATA"), "354") else { return }
            try wire.write(message.octets[...])
            guard try isAnswered(wire.ask("."), "250") else { return }
            state.withLock { $0.acknowledged.append(message) }
            if pace.pause > .zero {
                Thread.sleep(forTimeInterval: pace.pause / .seconds(1))
            }
        }
        _ = try wire.ask("QUIT")
    }

    private func isAnswered(_ reply: String, _ code: String) -> Bool {
        if reply.hasPrefix(code) { return true }
        if !reply.isEmpty { state.withLock { $0.replies[reply, default: 0] += 1 } }
        return false
    }

    /// Two in five for the mailbox, two for the other server, one for both; one in twenty also
    /// for somebody whom the other server refuses.
    private func nextMessage() -> NumberedMessage {
        state.withLock { state in
            state.sent += 1
            let kind = Int.random(in: 0..<5, using: &state.generator)
            let isLarge = Int.random(in: 0..<pace.largeEvery, using: &state.generator) == 0
            let isRefused =
                refused != nil && Int.random(in: 0..<20, using: &state.generator) == 0
            let lines =
                isLarge
                ? Int.random(in: 17_000...34_000, using: &state.generator)
                : Int.random(in: 0...pace.lines, using: &state.generator)
            return NumberedMessage(
                number: state.sent, lines: lines, isLocal: kind != 0 && kind != 1,
                isRemote: kind != 2 && kind != 3, isRefused: isRefused)
        }
    }
}
