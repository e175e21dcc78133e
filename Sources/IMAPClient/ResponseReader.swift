// SPDX-License-Identifier: Apache-2.0

import Bytes

/// Takes what a server sends apart into responses (RFC 9051 §7), whatever it sends.
///
/// ```abnf
/// response = ("*" / "+" / tag) SP *( text / literal ) CRLF
/// literal  = "{" number [ "+" ] "}" CRLF *OCTET
/// ```
package struct ResponseReader: Sendable {
    /// Of a line, without literals: a LIST of a long name, FETCH of many flags, VANISHED with
    /// tens of thousands of ranges.
    package static let lineLimitOctets = 512 << 10
    /// Of all lines of one response.
    package static let responseLimitOctets = 1 << 20
    /// Octets of literals that are kept of one response.
    package static let literalLimitOctets = 64 << 20
    /// Larger ones are not waited for.
    package static let skipLimitOctets = 4 << 30
    /// Levels of lists; FETCH without BODYSTRUCTURE has two.
    package static let depthLimit = 16

    private var input = InputBuffer()
    private var pieces: [Piece] = []
    private var lineOctets = 0
    private var literalOctets = 0
    private var literal: Literal?

    private enum Piece {
        case text([UInt8])
        case literal([UInt8])
        case tooLarge(Int)
    }

    private struct Literal {
        var octets: [UInt8] = []
        var rest: Int
        let count: Int
        let isKept: Bool
    }

    package init() {}

    /// Takes what the server has sent.
    package mutating func receive(_ octets: [UInt8]) { input.append(octets) }

    /// Forgets what has arrived: behind STARTTLS nothing counts that came before.
    package mutating func drop() { self = Self() }

    /// The next response; nil until it is complete.
    package mutating func next() throws(ProtocolFailure) -> Response? {
        while true {
            if literal != nil, !takeLiteral() { return nil }
            guard let line = input.nextLine(limit: Self.lineLimitOctets) else { return nil }
            guard case .line(let octets) = line else {
                throw ProtocolFailure("the server sends a line that is none")
            }
            lineOctets += octets.count
            guard lineOctets <= Self.responseLimitOctets else {
                throw ProtocolFailure("the server sends a response without an end")
            }
            guard let (count, end) = Self.announced(octets) else {
                pieces.append(.text(octets))
                return try finish()
            }
            guard count <= Self.skipLimitOctets else {
                throw ProtocolFailure("the server sends \(count) octets at once")
            }
            pieces.append(.text(Array(octets[..<end])))
            let isKept = literalOctets + count <= Self.literalLimitOctets
            if isKept { literalOctets += count }
            literal = Literal(rest: count, count: count, isKept: isKept)
        }
    }

    /// Says whether the literal is complete.
    private mutating func takeLiteral() -> Bool {
        guard var open = literal else { return true }
        let octets = input.unread.prefix(open.rest)
        if open.isKept { open.octets += octets }
        open.rest -= octets.count
        input.consume(octets.count)
        guard open.rest == 0 else {
            literal = open
            return false
        }
        pieces.append(open.isKept ? .literal(open.octets) : .tooLarge(open.count))
        literal = nil
        return true
    }

    /// The size of a literal that a line announces, and where the announcement begins.
    private static func announced(_ line: [UInt8]) -> (Int, Int)? {
        guard line.last == UInt8(ascii: "}"),
            let open = line.lastIndex(of: UInt8(ascii: "{"))
        else { return nil }
        var digits = line[(open + 1)...].dropLast()
        if digits.last == UInt8(ascii: "+") { digits.removeLast() }
        guard !digits.isEmpty, digits.count <= 18, digits.allSatisfy(\.isDigit),
            let count = Int(String(decoding: digits, as: UTF8.self))
        else { return nil }
        // literal8 has a tilde before it.
        let isBinary = open > 0 && line[open - 1] == UInt8(ascii: "~")
        return (count, isBinary ? open - 1 : open)
    }

    private mutating func finish() throws(ProtocolFailure) -> Response {
        defer { (pieces, lineOctets, literalOctets) = ([], 0, 0) }
        guard case .text(let first) = pieces[0],
            let space = first.firstIndex(of: .space) ?? (first == [UInt8(ascii: "+")] ? 1 : nil)
        else { throw ProtocolFailure("the server sends a line without a tag") }
        var text: [UInt8] = []
        for case .text(let octets) in pieces { text += octets }
        let tag = String(decoding: first[..<space], as: UTF8.self)
        var parser = Parser(pieces)
        parser.skip(space)
        // What follows OK, NO, BAD, BYE and PREAUTH is for people: there the grammar ends.
        let rest = String(decoding: text.dropFirst(space + 1), as: UTF8.self)
        let status = rest.prefix { $0 != " " }.uppercased()
        let isText = tag == "+" || ["OK", "NO", "BAD", "BYE", "PREAUTH"].contains(status)
        return Response(
            tag: tag, values: isText ? [.atom(status)] : try parser.values(depth: 0), text: rest)
    }

    /// Reads values out of the pieces of a response.
    private struct Parser {
        private let pieces: [Piece]
        private var piece = 0
        private var index = 0

        init(_ pieces: [Piece]) { self.pieces = pieces }

        mutating func skip(_ count: Int) { index = count }

        private mutating func peek() -> UInt8? {
            guard case .text(let octets) = pieces[piece], index < octets.count else { return nil }
            return octets[index]
        }

        private mutating func advance() -> Bool {
            guard piece + 1 < pieces.count else { return false }
            piece += 1
            index = 0
            return true
        }

        /// Values up to the end of a list, or of the response.
        mutating func values(depth: Int) throws(ProtocolFailure) -> [ResponseValue] {
            guard depth <= ResponseReader.depthLimit else {
                throw ProtocolFailure("the server nests lists too deeply")
            }
            var values: [ResponseValue] = []
            while true {
                guard let octet = peek() else {
                    guard advance() else {
                        guard depth == 0 else {
                            throw ProtocolFailure("the server sends a list without an end")
                        }
                        return values
                    }
                    switch pieces[piece] {
                    case .literal(let octets): values.append(.string(octets))
                    case .tooLarge(let count): values.append(.tooLarge(octets: count))
                    case .text: continue
                    }
                    continue
                }
                index += 1
                switch octet {
                case .space: continue
                case UInt8(ascii: "("): values.append(.list(try self.values(depth: depth + 1)))
                case UInt8(ascii: ")"):
                    guard depth > 0 else {
                        throw ProtocolFailure("the server ends a list that has not begun")
                    }
                    return values
                case UInt8(ascii: "\""): values.append(.string(try quoted()))
                default:
                    index -= 1
                    values.append(.atom(atom()))
                }
            }
        }

        private mutating func quoted() throws(ProtocolFailure) -> [UInt8] {
            var octets: [UInt8] = []
            while let octet = peek() {
                index += 1
                if octet == UInt8(ascii: "\"") { return octets }
                if octet == UInt8(ascii: "\\"), let escaped = peek() {
                    index += 1
                    octets.append(escaped)
                } else {
                    octets.append(octet)
                }
            }
            throw ProtocolFailure("the server sends a quoted string without an end")
        }

        /// With what stands in brackets, spaces and parentheses included: `BODY[HEADER.FIELDS (A)]`.
        private mutating func atom() -> String {
            var octets: [UInt8] = []
            var isInBrackets = false
            while let octet = peek() {
                if !isInBrackets {
                    if [.space, UInt8(ascii: "("), UInt8(ascii: ")")].contains(octet) { break }
                    if octet == UInt8(ascii: "[") { isInBrackets = true }
                } else if octet == UInt8(ascii: "]") {
                    isInBrackets = false
                }
                octets.append(octet)
                index += 1
            }
            return String(decoding: octets, as: UTF8.self)
        }
    }
}
