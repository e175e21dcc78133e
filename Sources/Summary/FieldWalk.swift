// SPDX-License-Identifier: Apache-2.0

import Bytes
import MIME

/// Goes from field to field of a header, by the same rules as `MIME.Header`.
struct FieldWalk {
    /// One field: where it stands, its line ends included, and its name and value.
    struct Field {
        let place: Range<Int>
        let name: Range<Int>
        let value: Range<Int>
    }

    enum Step {
        case field(Field)
        /// A line that is no field, and does not end the header.
        case skipped
        /// The header ends; the body begins there.
        case end(bodyStart: Int)
    }

    private let source: Source
    private let limit: Int
    private(set) var index: Int

    init(_ source: Source, from start: Int, limit: Int) {
        self.source = source
        self.limit = limit
        index = start
    }

    mutating func next() -> Step {
        guard index < limit else { return .end(bodyStart: limit) }
        let start = index
        let line = source.lineEnd(from: start, limit: limit)
        if line.content == start { return .end(bodyStart: line.next) }
        if source[start].isWhitespace {
            index = line.next
            return .skipped
        }
        guard let (colon, nameEnd) = colon(start..<line.content) else {
            // The separator of an mbox file.
            guard begins(start, "From ", line) || begins(start, ">From ", line) else {
                return .end(bodyStart: start)
            }
            index = line.next
            return .skipped
        }
        var end = line
        while end.next < limit, source[end.next].isWhitespace {
            end = source.lineEnd(from: end.next, limit: limit)
        }
        index = end.next
        guard nameEnd > start else { return .skipped }
        return .field(
            Field(
                place: start..<end.next, name: start..<nameEnd, value: (colon + 1)..<end.content))
    }

    /// `field-name = 1*ftext` (RFC 5322 §2.2): printable ASCII, white space only before the colon.
    private func colon(_ line: Range<Int>) -> (colon: Int, nameEnd: Int)? {
        var end: Int?
        for index in line {
            let octet = source[index]
            if octet == UInt8(ascii: ":") { return (index, end ?? index) }
            if octet.isWhitespace {
                end = end ?? index
            } else if end != nil || octet < 0x21 || octet > 0x7E {
                return nil
            }
        }
        return nil
    }

    private func begins(_ start: Int, _ word: StaticString, _ line: Source.LineEnd) -> Bool {
        let count = word.utf8CodeUnitCount
        guard start + count <= line.content else { return false }
        for offset in 0..<count where source[start + offset] != word.utf8Start[offset] {
            return false
        }
        return true
    }
}
