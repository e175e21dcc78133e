// SPDX-License-Identifier: Apache-2.0

import Bytes

/// Octets that are read one piece after another; a copy begins where this one is.
package struct Pieces {
    private let read: (_ offset: Int, _ count: Int) throws -> [UInt8]
    private let end: Int
    private let pieceOctets: Int
    private var offset: Int
    /// Whether a line end is still to come where the last line lacks one; nil: none is added.
    private var endsLine: Bool?
    private var last = UInt8.lineFeed

    /// So that memory stays flat, whatever the size.
    package static let usualOctets = 1 << 20

    /// `read` gives up to so many octets from an offset on; none at the end.
    package init(
        _ range: Range<Int>, by pieceOctets: Int = usualOctets,
        read: @escaping (_ offset: Int, _ count: Int) throws -> [UInt8]
    ) {
        offset = range.lowerBound
        end = range.upperBound
        self.pieceOctets = pieceOctets
        self.read = read
    }

    /// Of octets in memory.
    package init(_ octets: [UInt8], from start: Int = 0) {
        self.init(start..<octets.count, by: .max) { offset, _ in Array(octets[offset...]) }
    }

    /// The same, with a line end at the end.
    package var withLineEnd: Self {
        var pieces = self
        pieces.endsLine = true
        return pieces
    }

    /// Nil at the end; throws what `read` throws.
    package mutating func next() throws -> [UInt8]? {
        let piece = offset < end ? try read(offset, min(pieceOctets, end - offset)) : []
        offset += piece.count
        if let octet = piece.last {
            last = octet
            return piece
        }
        guard endsLine == true, last != .lineFeed else { return nil }
        endsLine = false
        return [.carriageReturn, .lineFeed]
    }
}
