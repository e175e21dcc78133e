// SPDX-License-Identifier: Apache-2.0

import Bytes

/// A message on its way to the client, piece by piece: dots are stuffed, the end is marked
/// (RFC 1939 §3), and TOP stops after so many lines of the body (§7).
package struct ContentEncoder: Sendable {
    /// Lines of the body still wanted; nil: all.
    private var linesLeft: Int?
    private var isInHeader = true
    private var isAtLineStart = true
    /// The octets of the current line so far, CR not counted: none makes an empty line.
    private var isLineEmpty = true
    /// Nothing more of the message is wanted: only `finish` is left.
    package private(set) var isComplete = false

    /// `lines` of the body behind the whole header; nil for the whole message.
    package init(lines: Int? = nil) { linesLeft = lines }

    /// The next piece of the message as it goes out; a piece without a leading dot is not copied.
    package mutating func encode(_ octets: consuming [UInt8]) -> [UInt8] {
        guard !isComplete, !octets.isEmpty else { return [] }
        if linesLeft != nil {
            let count = wanted(octets)
            if count < octets.count { octets.removeLast(octets.count - count) }
        }
        return stuff(octets)
    }

    /// What ends the response: CRLF if the message did not, and the dot.
    package consuming func finish() -> [UInt8] {
        Array((isAtLineStart ? ".\r\n" : "\r\n.\r\n").utf8)
    }

    private mutating func stuff(_ octets: consuming [UInt8]) -> [UInt8] {
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

    /// How many of these octets belong to the header and the lines of the body still wanted.
    private mutating func wanted(_ octets: [UInt8]) -> Int {
        for (index, octet) in octets.enumerated() {
            guard octet == .lineFeed else {
                if octet != .carriageReturn { isLineEmpty = false }
                continue
            }
            if isInHeader {
                if isLineEmpty { isInHeader = false }
            } else {
                linesLeft = linesLeft.map { $0 - 1 }
            }
            isLineEmpty = true
            if !isInHeader, linesLeft == 0 {
                isComplete = true
                return index + 1
            }
        }
        return octets.count
    }
}
