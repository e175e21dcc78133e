// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail

/// Reads replies out of what a server sends (RFC 5321 §4.2), and no more than a reply's worth.
///
/// A line end may lack its CR: some servers write so, and in a reply nothing can be smuggled.
package struct ReplyParser: Sendable {
    /// RFC 5321 §4.5.3.1.5 says 512; verbose servers go beyond it.
    package static let maximumLineOctets = 4096
    /// EHLO replies have about 20 lines, the longest known help texts about 60.
    package static let maximumLines = 256
    /// For a whole reply: what a session holds of it at most.
    package static let maximumOctets = 65_536

    /// Why what came is no reply; the connection is of no further use.
    package enum Fault: Error, Hashable, Sendable {
        case lineTooLong
        case tooManyLines
        /// Not `ddd text` or `ddd-text` with a code from 200 to 599.
        case malformed(String)
        /// The lines of one reply have different codes.
        case codeChanged

        /// For people.
        package var text: String {
            switch self {
            case .lineTooLong: "a reply line is longer than \(maximumLineOctets) octets"
            case .tooManyLines: "a reply does not end"
            case .malformed(let line): "this is no SMTP reply: \(line)"
            case .codeChanged: "the lines of one reply have different codes"
            }
        }
    }

    private var input = InputBuffer()
    private var code: Int?
    /// That of the reply's first line.
    private var status: EnhancedStatus?
    private var lines: [String] = []
    private var octets = 0

    package init() {}

    /// Whether nothing waits, not even a part of a line.
    package var isEmpty: Bool { input.isEmpty && lines.isEmpty }

    /// Takes octets that arrived, in order.
    package mutating func receive(_ octets: consuming [UInt8]) { input.append(octets) }

    /// Drops what waits: after STARTTLS it is not the peer's word (RFC 3207 §4.2).
    package mutating func removeAll() { self = ReplyParser() }

    /// The next whole reply, nil while it has not arrived.
    package mutating func next() throws(Fault) -> Reply? {
        while let line = try nextLine() {
            let isLast = try add(line)
            guard isLast, let code else { continue }
            let reply = Reply(code, status, lines: lines)
            self.code = nil
            status = nil
            lines = []
            octets = 0
            return reply
        }
        return nil
    }

    private mutating func nextLine() throws(Fault) -> ArraySlice<UInt8>? {
        let unread = input.unread
        let limit = min(unread.count, Self.maximumLineOctets)
        let length = unread.withUnsafeBufferPointer {
            position(of: .lineFeed, in: $0, from: 0, to: limit)
        }
        guard length < limit else {
            guard limit < Self.maximumLineOctets else { throw .lineTooLong }
            return nil
        }
        input.consume(length + 1)
        octets += length + 1
        guard octets <= Self.maximumOctets else { throw .tooManyLines }
        let line = unread.prefix(length)
        return line.last == .carriageReturn ? line.dropLast() : line
    }

    /// Whether it was the last line of its reply.
    private mutating func add(_ line: ArraySlice<UInt8>) throws(Fault) -> Bool {
        let head = line.prefix(4)
        guard head.count >= 3, head.prefix(3).allSatisfy(\.isDigit) else {
            throw .malformed(Self.text(line.prefix(80)))
        }
        let code = head.prefix(3).reduce(0) { $0 * 10 + Int($1 - 0x30) }
        let separator = head.count == 4 ? line[line.startIndex + 3] : .space
        let isLast = separator == .space
        guard (200...599).contains(code), isLast || separator == UInt8(ascii: "-") else {
            throw .malformed(Self.text(line.prefix(80)))
        }
        guard self.code == nil || self.code == code else { throw .codeChanged }
        guard lines.count < Self.maximumLines else { throw .tooManyLines }
        self.code = code
        addText(line.dropFirst(4))
        return isLast
    }

    /// Takes the enhanced status off where its class is the code's (RFC 2034 §4).
    private mutating func addText(_ text: ArraySlice<UInt8>) {
        let word = text.prefix { $0 != .space }
        var found: EnhancedStatus?
        if let code, let status = EnhancedStatus(octets: word), Int(status.class) == code / 100 {
            found = status
        }
        if lines.isEmpty { status = found }
        let hasStatus = found != nil && found == status
        lines.append(Self.text(hasStatus ? text.dropFirst(word.count + 1) : text))
    }

    private static func text(_ octets: ArraySlice<UInt8>) -> String {
        guard octets.contains(where: { $0 < 0x20 || $0 >= 0x7F }) else {
            return String(decoding: octets, as: UTF8.self)
        }
        return String(lossy: octets.map { $0 < 0x20 || $0 == 0x7F ? UInt8(ascii: "?") : $0 })
    }
}
