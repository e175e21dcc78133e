// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// A mail server that takes everything and remembers which numbered messages it has acknowledged.
final class RecordingSink: Sendable {
    struct Arrivals {
        /// How often each number came.
        var counts: [Int: Int] = [:]
        /// Bodies that were not what was sent.
        var damaged = 0
        /// Other mail: notifications, for instance.
        var strangers = 0
    }

    private let state: SharedState
    private let listener: WireListener

    /// What the threads of the connections share.
    private final class SharedState: Sendable {
        let arrivals = Mutex(Arrivals())
    }

    init(_ address: String, _ port: Int) throws {
        let state = SharedState()
        self.state = state
        listener = try WireListener(address, port) { try Self.serve($0, state) }
    }

    var arrivals: Arrivals { state.arrivals.withLock { $0 } }

    private static func serve(_ wire: Wire, _ state: SharedState) throws {
        try wire.write("220 sink.test\r\n")
        while let line = try wire.readLine() {
            switch String(decoding: line.prefix(4), as: UTF8.self).uppercased() {
            case "EHLO": try wire.write("250-sink.test\r\n250-PIPELINING\r\n250 8BITMIME\r\n")
            case "DATA":
                try wire.write("354 go on\r\n")
                guard let message = try content(wire) else { return }
                state.arrivals.withLock { note(message, in: &$0) }
                try wire.write("250 taken\r\n")
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
            arrivals.strangers += 1
            return
        }
        arrivals.counts[number, default: 0] += 1
        if !isWhole { arrivals.damaged += 1 }
    }
}
