// SPDX-License-Identifier: Apache-2.0

import Bytes
package import World

/// Takes a file of messages apart (RFC 4155 and its three dialects), one after another.
///
/// A message begins with a line `From ADDRESS DATE` at the start or behind an empty line. Where a
/// Content-Length leads exactly to the next one it is believed, and no line is quoted (mboxcl2).
package struct MboxReader {
    /// How lines that begin with `From ` stand in bodies.
    package enum Quoting: String, Sendable, CaseIterable {
        /// `>From `, `>>From ` stand for `From `, `>From `.
        case mboxrd
        /// `>From ` stands for `From `; `>>From ` for itself.
        case mboxo
        /// As they are.
        case mboxcl2
    }

    /// One message of the file.
    package struct Message: Sendable {
        /// Without the fields that only say something about its place in the file; lines end with
        /// CRLF.
        package var octets: [UInt8]
        /// Sorted names in IMAP.
        package var flags: [String]
        /// That of the `From ` line.
        package var date: Timestamp?
        /// Where its `From ` line stands.
        package var offset: Int
        /// It is larger than `maximumOctets`; none of its octets are here.
        package var isTooLarge: Bool
    }

    /// Why a file cannot be read on.
    package struct Failure: Error, Hashable, CustomStringConvertible {
        package let offset: Int
        package let reason: String
        package var description: String { "\(reason) (at octet \(offset))" }

        package init(offset: Int, reason: String) {
            self.offset = offset
            self.reason = reason
        }
    }

    /// Larger messages are passed over: one message is held in memory.
    package static let maximumOctets = 64 << 20
    private static let pieceOctets = 256 << 10

    private let read: (Int, Int) throws -> [UInt8]
    private let quoting: Quoting
    private var buffer: [UInt8] = []
    /// Where in the file the buffer begins, and what of it is used.
    private var bufferOffset = 0
    private var used = 0
    private var isFirst = true

    /// `read` gives up to so many octets from an offset on; none at the end of the file.
    package init(
        quoting: Quoting = .mboxrd, read: @escaping (_ offset: Int, _ count: Int) throws -> [UInt8]
    ) {
        self.quoting = quoting
        self.read = read
    }

    /// The octet that is read next: how far the file has been read.
    package var offset: Int { bufferOffset + used }

    /// The next message; nil at the end.
    ///
    /// Throws `Failure`, and what `read` throws.
    package mutating func next() throws -> Message? {
        while true {
            guard let start = try skipToMessage() else { return nil }
            guard let line = try line(), let from = FromLine(line) else {
                throw Failure(
                    offset: start, reason: "no line `From ADDRESS DATE` begins a message here")
            }
            var fields = MboxFields()
            var octets = try header(&fields)
            let isWhole = try body(fields.contentLength, &octets)
            let wasFirst = isFirst
            isFirst = false
            if (wasFirst && fields.isFolderData) || fields.isExpunged { continue }
            return Message(
                octets: isWhole ? LineEnds.canonical(octets) : [], flags: fields.flags,
                date: from.date, offset: start, isTooLarge: !isWhole)
        }
    }

    /// Passes over empty lines.
    private mutating func skipToMessage() throws -> Int? {
        while true {
            let start = offset
            guard let line = try peekLine() else { return nil }
            guard line.isEmptyLine else { return start }
            used += line.count
        }
    }

    private mutating func header(_ fields: inout MboxFields) throws -> [UInt8] {
        var octets: [UInt8] = []
        var isKept = true
        while let line = try peekLine(), !FromLine.begins(line) || octets.isEmpty {
            used += line.count
            if line.isEmptyLine {
                octets += line
                return octets
            }
            // RFC 5322 §2.2.3: a field goes on in lines that begin with white space.
            if line.first != .space, line.first != .tab { isKept = fields.take(line) }
            if isKept { octets += line }
            guard octets.count <= Self.maximumOctets else { break }
        }
        return octets
    }

    /// Reads up to the next message; says whether it has not become too large.
    private mutating func body(_ length: Int?, _ octets: inout [UInt8]) throws -> Bool {
        if let length, try leadsToMessage(offset, length) {
            guard octets.count + length <= Self.maximumOctets else {
                try move(to: offset + length)
                return false
            }
            try take(length, into: &octets)
            return true
        }
        var isAfterEmptyLine = true
        var isWhole = true
        var lastLine = 0
        while let line = try peekLine() {
            if isAfterEmptyLine, FromLine.begins(line) {
                // The empty line belongs to the file.
                octets.removeLast(min(lastLine, octets.count))
                return isWhole
            }
            used += line.count
            isAfterEmptyLine = line.isEmptyLine
            if isWhole {
                octets += unquoted(line)
                isWhole = octets.count <= Self.maximumOctets
                if !isWhole { octets = [] }
            }
            lastLine = isAfterEmptyLine && isWhole ? line.count : 0
        }
        octets.removeLast(min(lastLine, octets.count))
        return isWhole
    }

    private func unquoted(_ line: [UInt8]) -> ArraySlice<UInt8> {
        guard quoting != .mboxcl2, line.first == UInt8(ascii: ">") else { return line[...] }
        let rest = line.drop { $0 == UInt8(ascii: ">") }
        let depth = line.count - rest.count
        guard rest.starts(with: "From ".utf8), quoting == .mboxrd || depth == 1 else {
            return line[...]
        }
        return line.dropFirst()
    }

    /// Whether so many octets further on there is a `From ` line, or the end of the file.
    private func leadsToMessage(_ start: Int, _ length: Int) throws -> Bool {
        // With the last octet of the body: a line must have ended there.
        let octets = try readFully(start + max(0, length - 1), 1024)
        guard length == 0 || !octets.isEmpty else { return false }
        var rest = octets.dropFirst(length == 0 ? 0 : 1)
        guard
            length == 0 || octets.first == .lineFeed || rest.first == .lineFeed
                || rest.first == .carriageReturn || rest.isEmpty
        else { return false }
        rest = rest.drop { $0 == .lineFeed || $0 == .carriageReturn }
        if rest.isEmpty { return octets.count < 1024 }
        let line = rest.prefix { $0 != .lineFeed }
        return FromLine.begins(Array(line))
    }

    // MARK: Reading

    /// As many octets as there are up to the end of the file, however `read` cuts them.
    private func readFully(_ offset: Int, _ count: Int) throws -> [UInt8] {
        var octets = try read(offset, count)
        while octets.count < count, !octets.isEmpty {
            let more = try read(offset + octets.count, count - octets.count)
            if more.isEmpty { break }
            octets += more
        }
        return octets
    }

    private mutating func fill() throws -> Bool {
        if used > 0 {
            buffer.removeFirst(used)
            bufferOffset += used
            used = 0
        }
        let more = try read(bufferOffset + buffer.count, Self.pieceOctets)
        buffer += more
        return !more.isEmpty
    }

    /// The next line with its end, or what is left; longer ones come in pieces.
    private mutating func peekLine() throws -> [UInt8]? {
        var searched = 0
        while true {
            let unread = buffer[used...]
            if let end = unread.dropFirst(searched).firstIndex(of: .lineFeed) {
                return Array(buffer[used...end])
            }
            if unread.count >= Self.pieceOctets { return Array(unread) }
            searched = unread.count
            if try !fill() { return buffer.isEmpty ? nil : Array(buffer) }
        }
    }

    private mutating func line() throws -> [UInt8]? {
        guard let line = try peekLine() else { return nil }
        used += line.count
        return line
    }

    private mutating func take(_ count: Int, into octets: inout [UInt8]) throws {
        var rest = count
        while rest > 0 {
            if used == buffer.count, try !fill() { return }
            let piece = buffer[used...].prefix(rest)
            octets += piece
            used += piece.count
            rest -= piece.count
        }
    }

    private mutating func move(to offset: Int) throws {
        (buffer, used, bufferOffset) = ([], 0, offset)
    }
}

extension [UInt8] {
    fileprivate var isEmptyLine: Bool {
        self == [.lineFeed] || self == [.carriageReturn, .lineFeed]
    }
}
