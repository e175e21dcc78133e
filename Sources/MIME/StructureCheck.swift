// SPDX-License-Identifier: Apache-2.0

import Bytes

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Finds what is odd about a message's header and structure while it comes, piece by piece.
///
/// It says what `Message` would find, as far as that can be told without keeping the body: messages
/// within are not entered, and of encoded content only so much is looked at. Memory is bounded by
/// one part's header and one line.
package struct StructureCheck: Sendable {
    /// A part with a larger header is not one that a program has made.
    static let maximumHeaderOctets = 16 << 10
    /// Multiparts within each other; RFC 2046 knows no limit, honest programs need three.
    static let maximumDepth = 10
    /// Of encoded content, in all: damage shows early, and large attachments cost nothing more.
    static let maximumCheckedOctets = 64 << 10
    /// Longer lines are content: no delimiter is as long.
    private static let maximumLineOctets = 4 << 10

    private struct Frame {
        let boundary: [UInt8]
        let path: String
        var parts = 0
    }

    private enum Place {
        case header
        case content
    }

    private var found = DefectList()
    private var frames: [Frame] = []
    private var place = Place.content
    /// Of the part whose header or content comes.
    private var path = ""
    private var header: [UInt8] = []
    private var content = EncodedContent.plain
    private var checked = 0
    /// A line whose end has not come.
    private var line: [UInt8] = []
    /// That line is longer than is kept: the rest of it is passed over.
    private var isOverlong = false

    /// Begins with a message's header, with its empty line.
    ///
    /// `isInternational`: its sender has said that it may hold UTF-8 (RFC 6531).
    package init(header octets: [UInt8], isInternational: Bool = false) {
        if octets.contains(0) { found.note(.nulOctet) }
        if octets.contains(where: { $0 >= 0x80 }) {
            if String(validating: octets, as: UTF8.self) == nil {
                found.note(.headerNotUTF8)
            } else if !isInternational {
                found.note(.headerEightBit)
            }
        }
        let header = open(octets[...])
        for name in ["From", "Sender", "Reply-To"] {
            _ = header.first(name)?.addresses(defects: &found)
        }
        _ = header.first("Subject")?.decoded(defects: &found)
    }

    /// Takes octets behind the header, in order.
    package mutating func take(_ octets: ArraySlice<UInt8>) {
        guard isNeeded else { return }
        var start = octets.startIndex
        while let feed = octets.lineFeed(from: start) {
            defer { start = feed + 1 }
            if isOverlong {
                isOverlong = false
            } else if line.isEmpty {
                end(octets[start...feed])
            } else {
                line += octets[start...feed]
                end(line[...])
            }
            line.removeAll(keepingCapacity: true)
        }
        guard start < octets.endIndex, !isOverlong else { return }
        line += octets[start...].prefix(Self.maximumLineOctets - line.count + 1)
        if line.count > Self.maximumLineOctets {
            isOverlong = true
            line.removeAll(keepingCapacity: true)
        }
    }

    /// The message is complete: what was found, each once.
    package mutating func finish() -> [Defect] {
        if !line.isEmpty { end(line[...]) }
        if case .header = place { _ = open(header[...]) }
        endContent()
        closeFrames(downTo: 0)
        return found.defects
    }

    /// Nothing more can be found in a message that is plain text.
    private var isNeeded: Bool {
        if !frames.isEmpty || place == .header { return true }
        return content != .plain && checked < Self.maximumCheckedOctets
    }

    // MARK: - Lines

    private mutating func end(_ line: ArraySlice<UInt8>) {
        if line.count > 2, line.starts(with: [0x2D, 0x2D]), let (depth, isLast) = delimiter(line) {
            if place == .header { _ = open(header[...]) }
            endContent()
            closeFrames(downTo: depth + 1)
            if isLast {
                frames.removeLast()
            } else {
                frames[depth].parts += 1
                path = frames[depth].path + (frames[depth].path.isEmpty ? "" : ".")
                path += "\(frames[depth].parts)"
                header.removeAll(keepingCapacity: true)
                place = .header
            }
            return
        }
        switch place {
        case .header:
            header += line
            if line.first == .lineFeed || line.elementsEqual([.carriageReturn, .lineFeed]) {
                _ = open(header[...])
            } else if header.count > Self.maximumHeaderOctets {
                found.note(.headerTooLarge, at: path)
                place = .content
            }
        case .content:
            guard content != .plain, checked < Self.maximumCheckedOctets else { return }
            checked += line.count
            content.take(line)
        }
    }

    /// RFC 2046 §5.1.1: the innermost open multipart whose delimiter a line is.
    private func delimiter(_ line: ArraySlice<UInt8>) -> (depth: Int, isLast: Bool)? {
        var text = line.dropFirst(2)
        while let last = text.last,
            last.isWhitespace || last == .carriageReturn || last == .lineFeed
        {
            text.removeLast()
        }
        for depth in frames.indices.reversed() where text.starts(with: frames[depth].boundary) {
            let rest = text.dropFirst(frames[depth].boundary.count)
            if rest.isEmpty { return (depth, false) }
            if rest.elementsEqual([0x2D, 0x2D]) { return (depth, true) }
        }
        return nil
    }

    // MARK: - Parts

    /// Reads the header of the part that begins.
    private mutating func open(_ octets: ArraySlice<UInt8>) -> Header {
        place = .content
        content = .plain
        var bodyStart = octets.startIndex
        let header = Header(octets, bodyStart: &bodyStart, defects: &found, at: path)
        func at(_ name: String) -> String { path.isEmpty ? name : "\(path) \(name)" }
        let type =
            header.first("Content-Type").map {
                ContentType($0.value, defects: &found, at: at($0.name))
            } ?? .plainText
        if let field = header.first("Content-Disposition") {
            _ = ContentDisposition(field.value, defects: &found, at: at(field.name))
        }
        var encoding: TransferEncoding? = .sevenBit
        if let field = header.first("Content-Transfer-Encoding") {
            encoding = TransferEncoding(field.value)
            if encoding == nil { found.note(.transferEncodingUnknown, at: path) }
        }
        guard type.isMultipart || type.isMessage else {
            content = EncodedContent(encoding)
            return header
        }
        // RFC 2045 §6.4.
        if encoding?.isIdentity == false { found.note(.transferEncodingForbidden, at: path) }
        guard type.isMultipart else { return header }
        guard let boundary = type.boundary else {
            found.note(.boundaryMissing, at: path)
            return header
        }
        if frames.count < Self.maximumDepth {
            frames.append(Frame(boundary: boundary, path: path))
        } else {
            found.note(.tooDeep)
        }
        return header
    }

    private mutating func endContent() {
        if checked < Self.maximumCheckedOctets { content.end() }
        if content == .damagedBase64 { found.note(.base64Invalid, at: path) }
        if content == .damagedQuotedPrintable { found.note(.quotedPrintableInvalid, at: path) }
        content = .plain
    }

    private mutating func closeFrames(downTo count: Int) {
        while frames.count > count {
            let frame = frames.removeLast()
            found.note(
                frame.parts == 0 ? .boundaryNotFound : .multipartNotClosed, at: frame.path)
        }
    }
}

/// The content of a part, as far as it can be damaged.
private enum EncodedContent: Hashable {
    case plain
    /// How many letters are more than groups of four, and whether padding has come.
    case base64(held: Int, isPadded: Bool)
    case quotedPrintable
    case damagedBase64
    case damagedQuotedPrintable

    init(_ encoding: TransferEncoding?) {
        switch encoding {
        case .base64: self = .base64(held: 0, isPadded: false)
        case .quotedPrintable: self = .quotedPrintable
        default: self = .plain
        }
    }

    mutating func take(_ line: ArraySlice<UInt8>) {
        switch self {
        case .base64(var held, var isPadded):
            for octet in line {
                switch octet {
                case 0x41...0x5A, 0x61...0x7A, 0x30...0x39, 0x2B, 0x2F:
                    held += 1
                    guard isPadded else { continue }
                    self = .damagedBase64
                    return
                case 0x3D:
                    held += 1
                    isPadded = true
                case 0x0A, 0x0D, 0x20, 0x09: continue
                default:
                    self = .damagedBase64
                    return
                }
            }
            self = .base64(held: held & 3, isPadded: isPadded)
        case .quotedPrintable where !Self.isQuotedPrintable(line): self = .damagedQuotedPrintable
        default: break
        }
    }

    mutating func end() {
        if case .base64(let held, _) = self, held != 0 { self = .damagedBase64 }
    }

    /// RFC 2045 §6.7: behind each `=` are two digits or the line end.
    private static func isQuotedPrintable(_ line: ArraySlice<UInt8>) -> Bool {
        var index = line.startIndex
        while let equals = line[index...].firstIndex(of: 0x3D) {
            let next = line[(equals + 1)...]
            let isBreak = next.allSatisfy {
                $0.isWhitespace || $0 == .carriageReturn || $0 == .lineFeed
            }
            let digits = next.prefix(2)
            guard isBreak || digits.count == 2 && digits.allSatisfy({ $0.hexadecimalValue != nil })
            else { return false }
            index = equals + 1
        }
        return true
    }
}

extension ArraySlice<UInt8> {
    fileprivate func lineFeed(from start: Int) -> Int? {
        withUnsafeBufferPointer { buffer in
            let offset = start - startIndex
            guard let base = buffer.baseAddress, offset < buffer.count,
                let found = memchr(base + offset, 0x0A, buffer.count - offset)
            else { return nil }
            return UnsafeRawPointer(found) - UnsafeRawPointer(base) + startIndex
        }
    }
}
