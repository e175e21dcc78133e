// SPDX-License-Identifier: Apache-2.0

import Bytes
package import Mail

/// Finds out what a message asks of those who carry it, in one pass, and how it can be changed for
/// a next hop that cannot carry it so (RFC 6152 §3, RFC 3030 §3).
///
/// Feed it the whole message in pieces; memory is bounded by the largest header and the number
/// of parts. `TransportConverter` then makes the changes in a second pass.
package struct TransportSurvey: Sendable {
    /// Of one header; a message with a larger one is not converted.
    package static let maximumHeaderOctets = 256 << 10
    /// Of a message; one with more is not converted.
    package static let maximumEntities = 10_000
    /// Multiparts and messages within each other.
    package static let maximumDepth = 100
    /// RFC 5322 §2.1.1: of a line that any server carries, without its end.
    package static let maximumLineOctets = 998
    /// What a line must begin with to be a delimiter: longer ones are content.
    private static let maximumDelimiterOctets = ContentType.maximumBoundaryOctets + 100

    private struct Frame {
        var entity: Int
        var boundary: [UInt8]?
        /// A boundary may end it while its header has not.
        var isClosed = false
    }

    private enum Place {
        case header
        case leaf
        /// Before the first part, between a closed multipart and what ends it.
        case between
    }

    private(set) var entities: [SurveyedEntity] = []
    private(set) var obstacle: TransportObstacle?
    private(set) var hasInternationalHeader = false
    private(set) var offset = 0
    private var frames: [Frame] = []
    private var place = Place.header
    private var header: [UInt8] = []
    /// The line being read: its start, its first octets, what is in it.
    private var lineStart = 0
    private var head: [UInt8] = []
    private var line = LineFigures()
    /// The line end before this line, which belongs to a delimiter that this one may be.
    private var precedingEndOctets = 0

    package init() { open() }

    /// Takes a piece of the message.
    package mutating func scan(_ octets: [UInt8]) {
        for octet in octets {
            offset += 1
            if place == .header {
                header.append(octet)
            } else if head.count < Self.maximumDelimiterOctets {
                head.append(octet)
            }
            line.take(octet)
            if octet == .lineFeed { endLine() }
        }
        // Bounded also while no line ends.
        if place == .header, header.count > Self.maximumHeaderOctets { giveUp(.tooComplex) }
    }

    /// What was found.
    package consuming func finish() -> TransportFindings {
        if line.octets > 0 { endLine() }
        if place == .header { endHeader(at: offset, bodyStart: offset) }
        closeLeaf(at: offset)
        return TransportFindings(
            entities: entities, obstacle: obstacle,
            hasInternationalHeader: hasInternationalHeader, octets: offset)
    }

    // MARK: Lines

    private mutating func endLine() {
        defer {
            precedingEndOctets = line.endOctets
            lineStart = offset
            head.removeAll(keepingCapacity: true)
            line = LineFigures()
        }
        switch place {
        case .header: endHeaderLine()
        case .leaf, .between:
            if head.starts(with: "--".utf8), endAtDelimiter(head) { return }
            guard place == .leaf, let index = entities.indices.last else {
                if line.eightBit > 0 || line.isBinary { giveUp(.betweenParts) }
                return
            }
            entities[index].figures.add(line)
        }
    }

    private mutating func endHeaderLine() {
        let text = header[(header.count - line.octets)...]
        if line.octets == line.endOctets {
            header.removeLast(line.octets)
            return endHeader(at: lineStart, bodyStart: offset)
        }
        if line.eightBit > 0 { hasInternationalHeader = true }
        // A part may end before its header has (RFC 2046 §5.1).
        guard text.starts(with: "--".utf8), !boundaries.isEmpty else { return }
        let kept = header
        let delimiter = Array(text)
        header.removeLast(line.octets)
        if endAtDelimiter(delimiter) { return }
        header = kept
    }

    private var boundaries: [[UInt8]] { frames.compactMap { $0.isClosed ? nil : $0.boundary } }

    /// Whether this line is a delimiter of an open multipart; then its part ends.
    private mutating func endAtDelimiter(_ text: [UInt8]) -> Bool {
        var text = text[2...]
        while let last = text.last,
            last.isWhitespace || last == .carriageReturn || last == .lineFeed
        {
            text.removeLast()
        }
        for depth in frames.indices.reversed() {
            guard !frames[depth].isClosed, let boundary = frames[depth].boundary,
                text.starts(with: boundary)
            else { continue }
            let rest = text.dropFirst(boundary.count)
            guard rest.isEmpty || rest.elementsEqual("--".utf8) else { continue }
            if place == .header { endHeader(at: lineStart, bodyStart: lineStart) }
            closeLeaf(at: lineStart - precedingEndOctets)
            frames.removeLast(frames.count - depth - 1)
            if rest.isEmpty {
                open()
            } else {
                frames[depth].isClosed = true
                place = .between
            }
            return true
        }
        return false
    }

    // MARK: Entities

    private mutating func open() {
        guard entities.count < Self.maximumEntities, frames.count < Self.maximumDepth else {
            giveUp(.tooComplex)
            place = .between
            return
        }
        let parent = frames.last?.entity
        entities.append(
            SurveyedEntity(
                headerStart: offset, parent: parent,
                isProtected: parent.map { entities[$0].protectsParts } ?? false))
        header = []
        place = .header
    }

    private mutating func endHeader(at end: Int, bodyStart: Int) {
        let index = entities.count - 1
        let isDigest =
            entities[index].parent.map { entities[$0].type.subtype == "digest" } ?? false
        entities[index].read(header, end: end, bodyStart: bodyStart, isInDigest: isDigest)
        header = []
        let entity = entities[index]
        if entity.type.isMultipart {
            let boundary = entity.encoding?.isIdentity == true ? entity.type.boundary : nil
            guard let boundary else {
                place = .leaf
                return
            }
            entities[index].isComposite = true
            frames.append(Frame(entity: index, boundary: boundary))
            place = .between
        } else if entity.type.isMessage, entity.encoding?.isIdentity == true {
            entities[index].isComposite = true
            frames.append(Frame(entity: index, boundary: nil))
            open()
        } else {
            place = .leaf
        }
    }

    private mutating func closeLeaf(at end: Int) {
        guard place == .leaf, let index = entities.indices.last else { return }
        let end = max(end, entities[index].bodyStart)
        entities[index].bodyEnd = end
        place = .between
    }

    private mutating func giveUp(_ reason: TransportObstacle) {
        if obstacle == nil { obstacle = reason }
        // What comes now is only looked at for its lines.
        if reason == .tooComplex, place == .header {
            header = []
            place = .between
        }
    }
}

/// Why a message cannot be changed for its transport.
package enum TransportObstacle: Error, Hashable {
    /// A change would break a signature or an encryption (RFC 1847).
    case signed
    /// Octets beyond ASCII in a header, which no transfer encoding covers.
    case header
    /// A part that says it is encoded, or of a type that must not be (RFC 2045 §6.4, RFC 2046 §5.2).
    case encoding
    /// 8-bit text around the parts, which belongs to none of them.
    case betweenParts
    case tooComplex

    /// What is said of it.
    package var diagnosis: Diagnosis {
        switch self {
        case .signed: .partSigned
        case .header: .partHeader
        case .encoding: .partEncoding
        case .betweenParts: .betweenParts
        case .tooComplex: .tooComplex
        }
    }
}

/// What stands in a line.
struct LineFigures: Sendable {
    var octets = 0
    var eightBit = 0
    /// What quoted-printable would write with three.
    var escaped = 0
    /// NUL, or CR or LF alone.
    var isBinary = false
    /// Of the line end: 2 for CR LF, 1 for LF, 0 without.
    var endOctets = 0
    private var afterCarriageReturn = false

    @inline(__always)
    mutating func take(_ octet: UInt8) {
        octets += 1
        if octet == .lineFeed {
            endOctets = afterCarriageReturn ? 2 : 1
            if !afterCarriageReturn { isBinary = true }
            return
        }
        if afterCarriageReturn { isBinary = true }
        afterCarriageReturn = octet == .carriageReturn
        if octet >= 0x80 {
            eightBit += 1
            escaped += 1
        } else if octet == UInt8(ascii: "=") {
            escaped += 1
        } else if octet == 0 {
            isBinary = true
        }
    }
}

/// What stands in the body of a part.
struct BodyFigures: Sendable {
    var octets = 0
    var eightBit = 0
    var escaped = 0
    var isBinary = false
    var longestLine = 0

    mutating func add(_ line: LineFigures) {
        octets += line.octets
        eightBit += line.eightBit
        escaped += line.escaped
        if line.isBinary { isBinary = true }
        longestLine = max(longestLine, line.octets - line.endOctets)
    }
}

/// A part as the survey has found it; offsets count from the message's start.
struct SurveyedEntity: Sendable {
    let headerStart: Int
    let parent: Int?
    /// Within a signed or encrypted multipart.
    let isProtected: Bool
    var headerEnd = 0
    var bodyStart = 0
    var bodyEnd = 0
    var type = ContentType.plainText
    var hasType = false
    var hasVersion = false
    /// Nil if the field names an encoding nobody knows.
    var encoding: TransferEncoding? = .sevenBit
    /// Where the fields stand that a change replaces, with their line ends.
    var encodingFields: [Range<Int>] = []
    var hasInternationalHeader = false
    /// Its content is other entities.
    var isComposite = false
    var figures = BodyFigures()

    init(headerStart: Int, parent: Int?, isProtected: Bool) {
        self.headerStart = headerStart
        self.parent = parent
        self.isProtected = isProtected
    }

    /// RFC 1847 §2: what is signed or encrypted is so octet for octet.
    var protectsParts: Bool {
        isProtected
            || type.isMultipart && (type.subtype == "signed" || type.subtype == "encrypted")
    }

    mutating func read(_ header: [UInt8], end: Int, bodyStart: Int, isInDigest: Bool) {
        headerEnd = end
        self.bodyStart = bodyStart
        bodyEnd = bodyStart
        hasInternationalHeader = header.contains { $0 >= 0x80 }
        if isInDigest { type = ContentType("message", "rfc822") }
        var defects = DefectList()
        if let value = HeaderScan.value(of: "Content-Type", in: header[...]) {
            hasType = true
            type = ContentType(value, defects: &defects, at: "")
        }
        if let value = HeaderScan.value(of: "Content-Transfer-Encoding", in: header[...]) {
            encoding = TransferEncoding(value)
        }
        hasVersion = HeaderScan.value(of: "MIME-Version", in: header[...]) != nil
        findEncodingFields(header)
    }

    private mutating func findEncodingFields(_ header: [UInt8]) {
        var index = 0
        while index < header.count {
            var end = header[index...].endOfField(from: header[index...].lineEnd(from: index))
            if end.next == index { end.next = header.count }
            let name = header[index..<end.next].prefix { $0 != UInt8(ascii: ":") }
            if name.trimmingWhitespace.equalsIgnoringCase("content-transfer-encoding".utf8) {
                encodingFields.append((headerStart + index)..<(headerStart + end.next))
            }
            index = end.next
        }
    }
}
