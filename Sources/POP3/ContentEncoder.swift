// SPDX-License-Identifier: Apache-2.0

import Bytes

/// A message on its way to the client, piece by piece: dots are stuffed and the end is marked
/// (RFC 1939 §3).
package struct ContentEncoder: Sendable {
    private var isAtLineStart = true

    package init() {}

    /// The next piece of the message as it goes out; a piece without a leading dot is not copied.
    package mutating func encode(_ octets: consuming [UInt8]) -> [UInt8] {
        var dots: [Int] = []
        var atStart = isAtLineStart
        octets.withUnsafeBufferPointer { buffer in
            for index in buffer.indices {
                let octet = buffer[index]
                if atStart, octet == .dot { dots.append(index) }
                atStart = octet == .lineFeed
            }
        }
        isAtLineStart = atStart
        guard !dots.isEmpty else { return octets }
        var stuffed: [UInt8] = []
        stuffed.reserveCapacity(octets.count + dots.count)
        var copied = 0
        for dot in dots {
            stuffed += octets[copied..<dot]
            stuffed.append(.dot)
            copied = dot
        }
        stuffed += octets[copied...]
        return stuffed
    }

    /// What ends the response: CRLF if the message did not, and the dot.
    package consuming func finish() -> [UInt8] {
        Array((isAtLineStart ? ".\r\n" : "\r\n.\r\n").utf8)
    }
}
