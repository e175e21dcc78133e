// SPDX-License-Identifier: Apache-2.0

import Bytes

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Finds the parts of a message in one pass over its lines.
///
/// The entities that are open stand on a stack; each line that begins with `--` is looked up among
/// the boundaries of the open multiparts, so that nesting costs nothing per line.
struct MessageParser {
    /// What a whole message may use, messages within included.
    struct Budget {
        var parts = Message.maximumParts
    }

    private struct Frame {
        var entity: Entity
        var boundary: [UInt8]?
        var bodyStart: Int
        var isClosed = false
        var childCount = 0
    }

    private let octets: ArraySlice<UInt8>
    private let baseDepth: Int
    private var frames: [Frame] = []
    /// For each boundary the frames that use it, the innermost last.
    private var boundaries: [[UInt8]: [Int]] = [:]
    private var longestBoundary = 0

    private init(_ octets: ArraySlice<UInt8>, depth: Int) {
        self.octets = octets
        baseDepth = depth
    }

    static func parse(
        _ octets: ArraySlice<UInt8>, path: String, depth: Int, _ budget: inout Budget,
        _ defects: inout DefectList
    ) -> Entity {
        var parser = MessageParser(octets, depth: depth)
        var index = octets.startIndex
        parser.open(
            at: &index, path: path, default: .plainText, &budget, &defects)
        while !parser.boundaries.isEmpty, let line = parser.delimiter(from: index) {
            index = parser.take(line, &budget, &defects)
        }
        parser.close(downTo: 1, end: octets.endIndex, &budget, &defects)
        return parser.finish(end: octets.endIndex, &budget, &defects)
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
        while index < octets.endIndex {
            if index + 2 < octets.endIndex, octets[index] == UInt8(ascii: "-"),
                octets[index + 1] == UInt8(ascii: "-"), let found = delimiter(at: index)
            {
                return found
            }
            guard let next = nextDashLine(from: index) else { return nil }
            index = next
        }
        return nil
    }

    /// The start of the next line that begins with `-`.
    private func nextDashLine(from start: Int) -> Int? {
        octets.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return nil }
            var offset = start - octets.startIndex
            while offset < buffer.count,
                let found = memchr(base + offset, 0x0A, buffer.count - offset)
            {
                offset = UnsafeRawPointer(found) - UnsafeRawPointer(base) + 1
                if offset < buffer.count, base[offset] == UInt8(ascii: "-") {
                    return offset + octets.startIndex
                }
            }
            return nil
        }
    }

    private func delimiter(at start: Int) -> Delimiter? {
        // Transport padding is short; a line far longer than any boundary is content.
        let limit = min(octets.endIndex, start + longestBoundary + 1000)
        guard
            let feed = octets[start..<limit].firstIndex(of: .lineFeed)
                ?? (limit == octets.endIndex ? limit : nil)
        else { return nil }
        var text = octets[(start + 2)..<feed]
        while let last = text.last, last.isWhitespace || last == .carriageReturn {
            text.removeLast()
        }
        guard text.count <= longestBoundary + 2 else { return nil }
        let next = min(feed + 1, octets.endIndex)
        var frame = boundaries[Array(text)]?.last
        var isClosing = false
        if frame == nil, text.count > 2, text.suffix(2).elementsEqual("--".utf8) {
            frame = boundaries[Array(text.dropLast(2))]?.last
            isClosing = true
        }
        guard let frame else { return nil }
        var contentEnd = start
        if contentEnd > octets.startIndex, octets[contentEnd - 1] == .lineFeed {
            contentEnd -= 1
            if contentEnd > octets.startIndex, octets[contentEnd - 1] == .carriageReturn {
                contentEnd -= 1
            }
        }
        return Delimiter(contentEnd: contentEnd, frame: frame, isClosing: isClosing, next: next)
    }

    // MARK: Entities

    /// Ends what the delimiter ends, and begins the part it begins.
    private mutating func take(
        _ line: Delimiter, _ budget: inout Budget, _ defects: inout DefectList
    ) -> Int {
        close(downTo: line.frame + 1, end: line.contentEnd, &budget, &defects)
        var index = line.next
        if line.isClosing {
            frames[line.frame].isClosed = true
            forgetBoundary(of: line.frame)
            return index
        }
        // Two delimiters without a line between them enclose nothing (§5.1.1, `body-part`).
        if octets[index...].starts(with: "--".utf8), delimiter(at: index) != nil { return index }
        guard budget.parts > 0 else {
            defects.note(.tooManyParts)
            return index
        }
        let parent = frames[line.frame].entity
        frames[line.frame].childCount += 1
        let number = "\(frames[line.frame].childCount)"
        let isDigest = parent.contentType.subtype == "digest"
        open(
            at: &index, path: parent.path.isEmpty ? number : "\(parent.path).\(number)",
            default: isDigest ? ContentType("message", "rfc822") : .plainText, &budget, &defects)
        return index
    }

    /// Reads a header and puts its entity on the stack; for a message within, its header too.
    private mutating func open(
        at index: inout Int, path: String, default fallback: ContentType, _ budget: inout Budget,
        _ defects: inout DefectList
    ) {
        var (path, fallback) = (path, fallback)
        while true {
            budget.parts -= 1
            // A part without a header may consist of a delimiter alone.
            let limit = headerLimit(from: index)
            var bodyStart = index
            let header = Header(
                octets[index..<limit], bodyStart: &bodyStart, defects: &defects, at: path)
            let entity = Self.entity(
                path: path, header: header, default: fallback, body: octets[bodyStart...],
                &defects)
            var frame = Frame(entity: entity, bodyStart: bodyStart)
            let isDeepest = baseDepth + frames.count + 1 >= Message.maximumDepth
            if isDeepest, entity.contentType.isMultipart || entity.contentType.isMessage {
                defects.note(.tooDeep)
            } else if entity.contentType.isMultipart {
                frame.boundary = entity.contentType.boundary
                if frame.boundary == nil { defects.note(.boundaryMissing, at: path) }
            }
            frames.append(frame)
            if let boundary = frame.boundary {
                boundaries[boundary, default: []].append(frames.count - 1)
                longestBoundary = max(longestBoundary, boundary.count)
            }
            index = bodyStart
            guard entity.contentType.isMessage, entity.transferEncoding?.isIdentity == true,
                !isDeepest, budget.parts > 0
            else { return }
            path = path.isEmpty ? "1" : "\(path).1"
            fallback = .plainText
        }
    }

    /// A header ends at the latest where a delimiter stands, even if its empty line is missing.
    private func headerLimit(from start: Int) -> Int {
        guard !boundaries.isEmpty else { return octets.endIndex }
        var index = start
        while index < octets.endIndex {
            let line = octets.lineEnd(from: index)
            if line.content == index { return octets.endIndex }
            if octets[index] == UInt8(ascii: "-"), index + 1 < octets.endIndex,
                octets[index + 1] == UInt8(ascii: "-"), delimiter(at: index) != nil
            {
                return index
            }
            index = line.next
        }
        return octets.endIndex
    }

    private static func entity(
        path: String, header: Header, default fallback: ContentType, body: ArraySlice<UInt8>,
        _ defects: inout DefectList
    ) -> Entity {
        let place = { (name: String) in path.isEmpty ? name : "\(path) \(name)" }
        let contentType =
            header.first("Content-Type").map {
                ContentType($0.value, defects: &defects, at: place($0.name))
            } ?? fallback
        let disposition = header.first("Content-Disposition").flatMap {
            ContentDisposition($0.value, defects: &defects, at: place($0.name))
        }
        var encoding: TransferEncoding? = .sevenBit
        if let field = header.first("Content-Transfer-Encoding") {
            encoding = TransferEncoding(field.value)
            if encoding == nil { defects.note(.transferEncodingUnknown, at: path) }
            if encoding?.isIdentity == false, contentType.isMultipart || contentType.isMessage {
                defects.note(.transferEncodingForbidden, at: path)
            }
        }
        return Entity(
            path: path, header: header, contentType: contentType, disposition: disposition,
            transferEncoding: encoding, body: body)
    }

    private mutating func forgetBoundary(of index: Int) {
        guard let boundary = frames[index].boundary, var users = boundaries[boundary],
            let position = users.lastIndex(of: index)
        else { return }
        users.remove(at: position)
        boundaries[boundary] = users.isEmpty ? nil : users
    }

    /// Takes frames off the stack until `count` are left; each becomes a child of the one below.
    private mutating func close(
        downTo count: Int, end: Int, _ budget: inout Budget, _ defects: inout DefectList
    ) {
        while frames.count > count {
            let entity = finish(end: end, &budget, &defects)
            frames[frames.count - 1].entity.children.append(entity)
        }
    }

    /// Takes the innermost frame off the stack.
    private mutating func finish(
        end: Int, _ budget: inout Budget, _ defects: inout DefectList
    ) -> Entity {
        let index = frames.count - 1
        forgetBoundary(of: index)
        let frame = frames.removeLast()
        var entity = frame.entity
        entity.body = octets[frame.bodyStart..<max(frame.bodyStart, end)]
        if frame.boundary != nil, frame.childCount == 0 {
            defects.note(.boundaryNotFound, at: entity.path)
        } else if frame.boundary != nil, !frame.isClosed {
            defects.note(.multipartNotClosed, at: entity.path)
        }
        let depth = baseDepth + index + 1
        if entity.contentType.isMessage, let encoding = entity.transferEncoding,
            !encoding.isIdentity, depth < Message.maximumDepth, budget.parts > 0
        {
            // Forbidden by RFC 2046 §5.2.1, but done: the message within is read all the same.
            let content = encoding.decode(entity.body, defects: &defects, at: entity.path)
            let path = entity.path.isEmpty ? "1" : "\(entity.path).1"
            entity.children = [Self.parse(content, path: path, depth: depth, &budget, &defects)]
        }
        return entity
    }
}
