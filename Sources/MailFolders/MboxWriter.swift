// SPDX-License-Identifier: Apache-2.0

import Bytes
package import World

/// Writes messages as an mbox file takes them.
package struct MboxWriter: Sendable {
    private let quoting: MboxReader.Quoting

    package init(quoting: MboxReader.Quoting) { self.quoting = quoting }

    /// A message with its `From ` line and the empty line behind it; lines end with LF.
    ///
    /// `octets` have CRLF at the ends of their lines.
    package func entry(
        _ octets: [UInt8], sender: String, date: Timestamp, flags: [String]
    ) -> [UInt8] {
        let (header, body) = MboxFields.split(octets)
        var entry: [UInt8] = []
        do {
            try write(header, Pieces(body), sender: sender, date: date, flags: flags) {
                entry += $0
            }
        } catch {
            preconditionFailure("nothing throws in memory: \(error)")
        }
        return entry
    }

    /// Writes a message of any size: `header` with its empty line, and what follows, which is read
    /// twice.
    ///
    /// Throws only what `body` and `output` throw.
    package func write(
        _ header: [UInt8], _ body: Pieces, sender: String, date: Timestamp, flags: [String],
        to output: ([UInt8]) throws -> Void
    ) throws {
        let fields = MboxFields.stripped(header).dropLast(2)
        let (isBare, length) = try Self.measure(body)
        try output(
            Array(FromLine.text(sender, date).utf8)
                + (LineEnds.bare(Array(fields)) ?? Array(fields)) + MboxFields.lines(flags).utf8)
        if quoting == .mboxcl2 { try output(Array("Content-Length: \(length)\n".utf8)) }
        try output([.lineFeed])
        var lines = BareLines()
        var quoted = QuotedLines(quoting)
        var pieces = body.withLineEnd
        while let piece = try pieces.next() {
            try output(quoted.next(isBare ? lines.next(piece) ?? [] : piece))
        }
        try output(quoted.next(lines.finish()) + quoted.finish() + [.lineFeed])
    }

    /// Whether the lines of a body can end with LF alone, and how long it is then, or as it is.
    private static func measure(_ body: Pieces) throws -> (isBare: Bool, octets: Int) {
        var pieces = body.withLineEnd
        var lines = BareLines()
        var (isBare, bare, whole) = (true, 0, 0)
        while let piece = try pieces.next() {
            whole += piece.count
            guard isBare else { continue }
            let text = lines.next(piece)
            isBare = text != nil
            bare += text?.count ?? 0
        }
        return (isBare, isBare ? bare + lines.finish().count : whole)
    }
}

/// Quotes the lines of a body that begin with `From `, piece by piece.
private struct QuotedLines {
    private let quoting: MboxReader.Quoting
    /// What of `From ` the line has begun with so far; nil: it has begun with something else.
    private var matched: Int? = 0
    private static let from = Array("From ".utf8)

    init(_ quoting: MboxReader.Quoting) { self.quoting = quoting }

    mutating func next(_ piece: [UInt8]) -> [UInt8] {
        guard quoting != .mboxcl2 else { return piece }
        var result: [UInt8] = []
        result.reserveCapacity(piece.count + 16)
        for octet in piece {
            guard let count = matched else {
                result.append(octet)
                if octet == .lineFeed { matched = 0 }
                continue
            }
            if octet == Self.from[count] {
                matched = count + 1
                guard count + 1 == Self.from.count else { continue }
                result.append(UInt8(ascii: ">"))
                result += Self.from
                matched = nil
            } else {
                result += Self.from[..<count]
                result.append(octet)
                // Another one in front of those that are there says the same.
                let isQuote = quoting == .mboxrd && count == 0 && octet == UInt8(ascii: ">")
                matched = octet == .lineFeed || isQuote ? 0 : nil
            }
        }
        return result
    }

    /// The beginning of a last line that was held back.
    func finish() -> [UInt8] { quoting == .mboxcl2 ? [] : Array(Self.from[..<(matched ?? 0)]) }
}
