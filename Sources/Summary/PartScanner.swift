// SPDX-License-Identifier: Apache-2.0

import Bytes
import MIME

/// Finds the parts of a message in one pass over its lines, by the same rules as `MIME.Message`.
///
/// It differs where IMAP does: a `message/rfc822` that is encoded (RFC 2046 §5.2.1 forbids it) is
/// read as it stands, so that every part is a range of the message.
struct PartScanner {
    private struct Frame {
        var part: Int
        var boundary: [UInt8]?
        var isClosed = false
    }

    private let source: Source
    /// All parts, outer before inner, in the order of the message.
    private(set) var parts: [Part] = []
    private(set) var fields: [KnownField] = []
    private var frames: [Frame] = []
    private var longestBoundary = 0
    private var openBoundaries = 0
    private var budget = Message.maximumParts
    private var counted = LineCount()

    /// Lines are counted as far as the parts are known, so that each octet is looked at once.
    private struct LineCount {
        var offset = 0
        var lines = 0

        mutating func advance(to end: Int, in source: Source) -> Int {
            // A delimiter's line end was counted before it was known to be one.
            if end < offset {
                lines -= source[end..<offset].lineFeedCount
            } else {
                lines += source[offset..<end].lineFeedCount
            }
            offset = end
            return lines
        }
    }

    init(_ source: Source) {
        self.source = source
        parts.reserveCapacity(4)
        fields.reserveCapacity(16)
        var index = 0
        open(at: &index, parent: -1, isDigest: false)
        while openBoundaries > 0, let line = delimiter(from: index) { index = take(line) }
        close(downTo: 0, end: source.count)
    }

    // MARK: Lines

    private struct Delimiter {
        /// Behind the content before it: the line end before `--` belongs to the delimiter.
        var contentEnd: Int
        var frame: Int
        var isClosing: Bool
        var next: Int
    }

    /// The next line from `start` that is a delimiter of an open multipart.
    ///
    /// ```abnf
    /// delimiter       = CRLF "--" boundary                   ; RFC 2046 §5.1.1
    /// close-delimiter = delimiter "--"
    /// encapsulation   = delimiter transport-padding CRLF body-part
    /// ```
    private func delimiter(from start: Int) -> Delimiter? {
        var index = start
        while index < source.count {
            if let found = delimiter(at: index) { return found }
            guard let feed = source.position(of: .lineFeed, in: index..<source.count) else {
                return nil
            }
            index = feed + 1
        }
        return nil
    }

    private func delimiter(at start: Int) -> Delimiter? {
        guard start + 2 < source.count, source[start] == UInt8(ascii: "-"),
            source[start + 1] == UInt8(ascii: "-")
        else { return nil }
        // Transport padding is short; a line far longer than any boundary is content.
        let limit = min(source.count, start + longestBoundary + 1000)
        guard
            let feed = source.position(of: .lineFeed, in: start..<limit)
                ?? (limit == source.count ? limit : nil)
        else { return nil }
        var end = feed
        while end > start + 2, source[end - 1].isWhitespace || source[end - 1] == .carriageReturn {
            end -= 1
        }
        let text = (start + 2)..<end
        guard text.count <= longestBoundary + 2 else { return nil }
        var frame = self.frame(of: text)
        var isClosing = false
        if frame == nil, text.count > 2, source[end - 1] == UInt8(ascii: "-"),
            source[end - 2] == UInt8(ascii: "-")
        {
            frame = self.frame(of: text.lowerBound..<(end - 2))
            isClosing = true
        }
        guard let frame else { return nil }
        var contentEnd = start
        if contentEnd > 0, source[contentEnd - 1] == .lineFeed {
            contentEnd -= 1
            if contentEnd > 0, source[contentEnd - 1] == .carriageReturn { contentEnd -= 1 }
        }
        return Delimiter(
            contentEnd: contentEnd, frame: frame, isClosing: isClosing,
            next: min(feed + 1, source.count))
    }

    /// The innermost open multipart with that boundary.
    private func frame(of text: Range<Int>) -> Int? {
        let octets = source[text]
        return frames.lastIndex {
            guard let boundary = $0.boundary, !$0.isClosed, boundary.count == octets.count else {
                return false
            }
            return boundary.elementsEqual(octets)
        }
    }

    // MARK: Parts

    /// Ends what the delimiter ends, and begins the part it begins.
    private mutating func take(_ line: Delimiter) -> Int {
        close(downTo: line.frame + 1, end: line.contentEnd)
        var index = line.next
        if line.isClosing {
            frames[line.frame].isClosed = true
            openBoundaries -= 1
            return index
        }
        // Two delimiters without a line between them enclose nothing (§5.1.1, `body-part`).
        if delimiter(at: index) != nil { return index }
        guard budget > 0 else { return index }
        let parent = frames[line.frame].part
        parts[parent].kind = .multipart
        open(at: &index, parent: parent, isDigest: parts[parent].mediaType.kind == .digest)
        return index
    }

    /// Reads a header and puts its part on the stack; for a message within, its header too.
    private mutating func open(at index: inout Int, parent: Int, isDigest: Bool) {
        var (parent, isDigest) = (parent, isDigest)
        while true {
            budget -= 1
            let number = parts.count
            var part = Part(
                parent: parent, level: parent < 0 ? 0 : parts[parent].level + 1,
                headerStart: index)
            index = readHeader(of: &part, isDigest: isDigest)
            let isDeepest = frames.count + 1 >= Message.maximumDepth
            var frame = Frame(part: number)
            if part.mediaType.isMultipart, !isDeepest {
                frame.boundary = boundary(of: part)
            }
            part.lines = counted.advance(to: index, in: source)
            if let boundary = frame.boundary {
                openBoundaries += 1
                longestBoundary = max(longestBoundary, boundary.count)
            }
            let isMessage = part.mediaType.kind == .message && !isDeepest && budget > 0
            if isMessage { part.kind = .message }
            parts.append(part)
            frames.append(frame)
            guard isMessage else { return }
            (parent, isDigest) = (number, false)
        }
    }

    private func boundary(of part: Part) -> [UInt8]? {
        for field in fields[part.fields] where field.name == .contentType {
            return part.mediaType.boundary(in: source, value: field.value)
        }
        return nil
    }

    /// Where its body begins: a header ends at the latest where a delimiter stands.
    private mutating func readHeader(of part: inout Part, isDigest: Bool) -> Int {
        let first = fields.count
        part.mediaType = isDigest ? .message : .plainText
        var walk = FieldWalk(source, from: part.headerStart, limit: source.count)
        var count = 0
        var (hasType, hasEncoding) = (false, false)
        reading: while true {
            if openBoundaries > 0, delimiter(at: walk.index) != nil {
                part.bodyStart = walk.index
                break
            }
            switch walk.next() {
            case .skipped: continue
            case .end(let bodyStart):
                part.bodyStart = bodyStart
                break reading
            case .field(let field):
                count += 1
                guard count <= Header.maximumFields,
                    field.place.upperBound - part.headerStart <= Header.maximumOctets,
                    let name = KnownField.name(field.name, in: source)
                else { continue }
                fields.append(KnownField(name: name, value: field.value))
                if name == .contentType, !hasType {
                    hasType = true
                    part.mediaType = MediaType(field.value, in: source)
                } else if name == .contentTransferEncoding, !hasEncoding {
                    hasEncoding = true
                    part.encoding = Encoding(field.value, in: source)
                }
            }
        }
        part.fields = first..<fields.count
        return part.bodyStart
    }

    /// Takes frames off the stack until `count` are left.
    private mutating func close(downTo count: Int, end: Int) {
        while frames.count > count {
            let frame = frames.removeLast()
            if frame.boundary != nil, !frame.isClosed { openBoundaries -= 1 }
            let index = frame.part
            parts[index].bodyEnd = max(parts[index].bodyStart, end)
            // An empty header may end behind the line end that belongs to the delimiter.
            if parts[index].bodyEnd == end {
                parts[index].lines = counted.advance(to: end, in: source) - parts[index].lines
            } else {
                parts[index].lines = 0
            }
            parts[index].treeEnd = parts.count
        }
    }
}
