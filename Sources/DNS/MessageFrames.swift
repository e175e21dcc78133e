// SPDX-License-Identifier: Apache-2.0

import Bytes

/// Messages in a stream, each behind its length in two octets (RFC 1035 §4.2.2).
package struct MessageFrames: Sendable {
    private var input = InputBuffer()

    package init() {}

    /// Whether the octets held are the beginning of a message.
    package var holdsPart: Bool { !input.isEmpty }

    /// Takes octets of the stream, in order.
    package mutating func append(_ octets: consuming [UInt8]) { input.append(octets) }

    /// The next whole message; nil while more octets are needed.
    package mutating func next() -> [UInt8]? {
        let unread = input.unread
        guard unread.count >= 2 else { return nil }
        let start = unread.startIndex
        let length = Int(unread[start]) << 8 | Int(unread[start + 1])
        guard unread.count >= 2 + length else { return nil }
        let message = Array(unread[(start + 2)..<(start + 2 + length)])
        input.consume(2 + length)
        return message
    }

    /// A message with its length before it.
    package static func frame(_ message: [UInt8]) -> [UInt8] {
        precondition(message.count <= Message.maximumOctets, "a DNS message has 65535 octets")
        var frame: [UInt8] = []
        frame.reserveCapacity(message.count + 2)
        frame.appendShort(UInt16(message.count))
        return frame + message
    }
}
