// SPDX-License-Identifier: Apache-2.0

import Bytes

/// A literal announced at the end of a line (RFC 9051 §4.3, RFC 7888 §4).
struct LiteralMark: Hashable, Sendable {
    var octets: UInt64
    /// The client waits for a continuation.
    var isSynchronizing: Bool

    /// `"{" number64 ["+"] "}"` at the end of a line; nil if it ends otherwise.
    ///
    /// Nothing else in a well-formed command ends so: `{` is no part of an atom.
    init?(endOf line: some BidirectionalCollection<UInt8>) {
        guard line.last == UInt8(ascii: "}") else { return nil }
        var rest = line.dropLast()
        isSynchronizing = rest.last != UInt8(ascii: "+")
        if !isSynchronizing { rest = rest.dropLast() }
        octets = 0
        var place: UInt64 = 1
        var digits = 0
        while let digit = rest.last, digit.isDigit {
            // 18 digits fit; whoever announces more is refused as if it were as much.
            if digits < 18 {
                octets += UInt64(digit - 0x30) * place
                place *= 10
            } else {
                octets = UInt64(Int64.max)
            }
            digits += 1
            rest = rest.dropLast()
        }
        guard digits > 0, rest.last == UInt8(ascii: "{") else { return nil }
    }
}

/// Octets that have arrived, taken as lines and literals.
struct CommandReader {
    enum Line: Hashable, Sendable {
        /// The octets before CRLF.
        case line([UInt8])
        /// It is past its end, and refused: its beginning, and the literal it ended in.
        case refused(String, prefix: [UInt8], LiteralMark?)
        /// So long that its end is not waited for.
        case endless
    }

    private struct Skipped {
        var prefix: [UInt8]
        var tail: [UInt8]
        var count: Int
    }

    private var input = InputBuffer()
    private var searched = 0
    private var skipped: Skipped?

    /// Enough of a refused line to find its tag.
    private static let prefixOctets = 80
    /// Enough of its end to find a literal.
    private static let tailOctets = 32
    /// A line that is too long is read past to its end so far.
    static let maximumSkippedOctets = 1 << 20

    var count: Int { input.count }
    var isEmpty: Bool { input.isEmpty }

    mutating func append(_ octets: consuming [UInt8]) { input.append(octets) }

    mutating func removeAll() {
        input.removeAll()
        searched = 0
        skipped = nil
    }

    /// Up to so many octets of a literal; empty if none are there.
    mutating func take(_ limit: UInt64) -> [UInt8] {
        let count = Int(min(limit, UInt64(input.count)))
        let octets = Array(input.unread.prefix(count))
        input.consume(count)
        return octets
    }

    /// The next line, nil while its end is not there; `limit` is in octets without CRLF.
    mutating func nextLine(limit: Int) -> Line? {
        let unread = input.unread
        let found = unread.withUnsafeBytes { $0.position(of: .lineFeed, from: searched) }
        guard let found else {
            searched = input.count
            if skipped != nil || input.count > limit + 1 { return skip(input.count) }
            return nil
        }
        searched = 0
        if skipped != nil || found > limit + 1 {
            if let endless = skip(found) { return endless }
            input.consume(1)
            return finishSkipping()
        }
        let start = unread.startIndex
        let end = start + found
        // RFC 9051 §2.2: lines end with CRLF.
        guard found > 0, unread[end - 1] == .carriageReturn else {
            let line = Array(unread[start..<end])
            input.consume(found + 1)
            return .refused(
                "lines end with CRLF", prefix: Array(line.prefix(Self.prefixOctets)),
                LiteralMark(endOf: line))
        }
        let line = Array(unread[start..<(end - 1)])
        input.consume(found + 1)
        return .line(line)
    }

    private mutating func skip(_ count: Int) -> Line? {
        let octets = input.unread.prefix(count)
        var skipped =
            self.skipped
            ?? Skipped(prefix: Array(octets.prefix(Self.prefixOctets)), tail: [], count: 0)
        skipped.count += count
        skipped.tail = Array((skipped.tail + octets).suffix(Self.tailOctets))
        self.skipped = skipped
        input.consume(count)
        searched = 0
        return skipped.count > Self.maximumSkippedOctets ? .endless : nil
    }

    private mutating func finishSkipping() -> Line {
        let tail = skipped?.tail ?? []
        let prefix = skipped?.prefix ?? []
        skipped = nil
        let line = tail.last == .carriageReturn ? tail.dropLast() : tail[...]
        return .refused("the line is too long", prefix: prefix, LiteralMark(endOf: line))
    }
}
