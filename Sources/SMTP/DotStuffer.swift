// SPDX-License-Identifier: Apache-2.0

import Bytes

/// Makes mail data of a message (RFC 5321 §4.5.2), chunk by chunk.
///
/// A line that begins with a dot gets another. CR or LF alone become CR LF: they must never
/// leave this server, where the next one might take them for line ends (RFC 5321 §2.3.8). A
/// chunk that needs no change goes through uncopied.
package struct DotStuffer: Sendable {
    /// Where the last octet has left us.
    private enum Place {
        case lineStart
        case line
        case carriageReturn
    }

    private var place = Place.lineStart
    private let doublesDots: Bool

    /// Without doubling dots, only line ends are made CR LF: for BDAT (RFC 3030 §2).
    package init(doublingDots: Bool = true) { doublesDots = doublingDots }

    /// The chunk as it goes on the wire; chunks may be cut anywhere.
    package mutating func encode(_ chunk: consuming [UInt8]) -> [UInt8] {
        guard !chunk.isEmpty else { return chunk }
        let chunk = chunk
        var encoded: [UInt8]?
        chunk.withUnsafeBufferPointer { octets in
            var copied = 0
            var index = 0
            while let (position, octet) = nextInsertion(octets, &index) {
                if encoded == nil {
                    encoded = []
                    encoded?.reserveCapacity(octets.count + octets.count / 32 + 16)
                }
                encoded?.append(contentsOf: octets[copied..<position])
                encoded?.append(octet)
                copied = position
            }
            encoded?.append(contentsOf: octets[copied...])
        }
        return encoded ?? chunk
    }

    /// What ends the mail data, whatever the message's end was: always CR LF dot CR LF in all.
    package mutating func finish() -> [UInt8] {
        defer { place = .lineStart }
        return switch place {
        case .lineStart: Array(".\r\n".utf8)
        case .line: Array("\r\n.\r\n".utf8)
        case .carriageReturn: Array("\n.\r\n".utf8)
        }
    }

    /// What the last line lacks to be ended.
    mutating func finishLine() -> [UInt8] {
        defer { place = .lineStart }
        return switch place {
        case .lineStart: []
        case .line: [.carriageReturn, .lineFeed]
        case .carriageReturn: [.lineFeed]
        }
    }

    /// The next octet to put in, and before which; nil when the chunk is through.
    private mutating func nextInsertion(
        _ octets: UnsafeBufferPointer<UInt8>, _ index: inout Int
    ) -> (Int, UInt8)? {
        while index < octets.count {
            switch place {
            case .lineStart:
                place = .line
                if doublesDots, octets[index] == .dot { return (index, .dot) }
            case .line:
                let carriageReturn = position(
                    of: .carriageReturn, in: octets, from: index, to: octets.count)
                let lineFeed = position(
                    of: .lineFeed, in: octets, from: index, to: carriageReturn)
                index = lineFeed
                if lineFeed < carriageReturn {
                    place = .carriageReturn
                    return (lineFeed, .carriageReturn)
                }
                if index < octets.count {
                    index += 1
                    place = .carriageReturn
                }
            case .carriageReturn:
                place = .lineStart
                guard octets[index] == .lineFeed else { return (index, .lineFeed) }
                index += 1
            }
        }
        return nil
    }
}
