// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// A mail server that takes everything but what is for `refused.test`, and remembers which numbered
/// messages it has acknowledged, and about which it was notified.
final class RecordingSink: Sendable {
    struct Arrivals {
        /// How often each number came.
        var counts: [Int: Int] = [:]
        /// Bodies that were not what was sent.
        var damaged = 0
        /// How often it was notified about each number.
        var notices: [Int: Int] = [:]
        /// Other mail, and what the first of it is.
        var strangers = 0
        var firstStranger = ""
    }

    private let state = SharedState()
    private let address: String
    private let port: Int
    private let listener = Mutex<WireListener?>(nil)

    /// What the threads of the connections share.
    private final class SharedState: Sendable {
        let arrivals = Mutex(Arrivals())
        /// Connections of an earlier life end before their next reply.
        let life = Atomic(0)
    }

    init(_ address: String, _ port: Int) throws {
        self.address = address
        self.port = port
        try start()
    }

    /// Listens; after `stop`, again.
    func start() throws {
        let life = state.life.load(ordering: .sequentiallyConsistent)
        var attempts = 0
        while true {
            do {
                let listener = try WireListener(address, port) { [state] in
                    try Self.serve($0, state, life)
                }
                return self.listener.withLock { $0 = listener }
            } catch {
                // The thread that waited for connections may still hold the address.
                attempts += 1
                if attempts == 100 { throw error }
                Thread.sleep(forTimeInterval: 0.02)
            }
        }
    }

    /// Nobody listens any more, and connections end wherever they are.
    func stop() {
        state.life.wrappingAdd(1, ordering: .sequentiallyConsistent)
        listener.withLock { $0 = nil }
    }

    var arrivals: Arrivals { state.arrivals.withLock { $0 } }

    private static func serve(_ wire: Wire, _ state: SharedState, _ life: Int) throws {
        func isOver() -> Bool { state.life.load(ordering: .sequentiallyConsistent) != life }
        var recipients = 0
        try wire.write("220 sink.test\r\n")
        while let line = try wire.readLine(), !isOver() {
            switch String(decoding: line.prefix(4), as: UTF8.self).uppercased() {
            case "EHLO": try wire.write("250-sink.test\r\n250-PIPELINING\r\n250 8BITMIME\r\n")
            case "DATA" where recipients == 0:
                try wire.write("554 5.5.1 for nobody\r\n")
            case "DATA":
                try wire.write("354 go on\r\n")
                guard let message = try content(wire) else { return }
                state.arrivals.withLock { note(message, in: &$0) }
                recipients = 0
                if isOver() { return }
                try wire.write("250 taken\r\n")
            case "RCPT" where String(decoding: line, as: UTF8.self).contains("@refused.test"):
                try wire.write("550 5.1.1 nobody of that name\r\n")
            case "RCPT":
                recipients += 1
                try wire.write("250 yes\r\n")
            case "MAIL", "RSET":
                recipients = 0
                try wire.write("250 yes\r\n")
            case "QUIT": return try wire.write("221 bye\r\n")
            default: try wire.write("250 yes\r\n")
            }
        }
    }

    private static func content(_ wire: Wire) throws -> [UInt8]? {
        var octets: [UInt8] = []
        while let line = try wire.readLine() {
            if line.elementsEqual([0x2E]) { return octets }
            octets += line.first == 0x2E ? line.dropFirst() : line
            octets += [0x0D, 0x0A]
        }
        return nil
    }

    private static func note(_ message: [UInt8], in arrivals: inout Arrivals) {
        guard let (number, isWhole) = NumberedMessage.recognise(message) else {
            if let number = NumberedMessage.recogniseNotice(message) {
                arrivals.notices[number, default: 0] += 1
            } else {
                arrivals.strangers += 1
                if arrivals.strangers == 1 {
                    arrivals.firstStranger = String(decoding: message.prefix(4000), as: UTF8.self)
                }
            }
            return
        }
        arrivals.counts[number, default: 0] += 1
        if !isWhole { arrivals.damaged += 1 }
    }
}
