// SPDX-License-Identifier: Apache-2.0

import Bytes
import Testing

@Suite("RFC 5321 §2.3.8 lines")
struct InputBufferTests {
    typealias Line = InputBuffer.Line

    private static func line(_ text: String) -> Line { .line(Array(text.utf8)) }

    /// Everything the buffer says when the octets arrive in pieces of that size.
    private static func lines(_ text: String, limit: Int, pieces: Int) -> ([Line], [UInt8]) {
        var buffer = InputBuffer()
        var found: [Line] = []
        let octets = Array(text.utf8)
        for start in stride(from: 0, to: octets.count, by: pieces) {
            buffer.append(Array(octets[start..<min(start + pieces, octets.count)]))
            while let next = buffer.nextLine(limit: limit) { found.append(next) }
        }
        return (found, Array(buffer.unread))
    }

    private static let table: [(String, [Line], String)] = [
        ("EHLO a\r\nMAIL\r\n", [line("EHLO a"), line("MAIL")], ""),
        ("\r\n\r\n", [line(""), line("")], ""),
        ("half", [], "half"), ("half\r", [], "half\r"), ("", [], ""),
        ("a\nb\r\n", [.bareLineFeed, line("b")], ""),
        ("a\rb\r\n", [.bareCarriageReturn, line("b")], ""),
        ("a\r\r\n", [.bareCarriageReturn, line("")], ""),
        ("\n", [.bareLineFeed], ""),
        ("1234567890\r\n", [line("1234567890")], ""),
        ("a\0b\r\n", [line("a\0b")], ""),
    ]

    @Test("Lines end with CRLF and nothing else, however they arrive", arguments: table)
    func strict(_ text: String, _ expected: [Line], _ rest: String) {
        for pieces in [1, 2, 3, 7, 1000] {
            let (found, unread) = Self.lines(text, limit: 10, pieces: pieces)
            #expect(found == expected, "in pieces of \(pieces)")
            #expect(unread == Array(rest.utf8), "in pieces of \(pieces)")
        }
    }

    @Test("A line over the limit is said to be, whatever its pieces, and the next one is read")
    func tooLong() {
        let text = String(repeating: "x", count: 25) + "\r\nok\r\n"
        for pieces in 1...30 {
            let (found, unread) = Self.lines(text, limit: 10, pieces: pieces)
            #expect(found.first == .tooLong)
            #expect(found.last == Self.line("ok"))
            #expect(unread.isEmpty)
        }
        // One octet over the limit is too long, the limit is not.
        #expect(Self.lines("12345678901\r\n", limit: 10, pieces: 100).0.first == .tooLong)
    }

    @Test("What is consumed is gone, and an empty buffer holds nothing")
    func consume() {
        var buffer = InputBuffer()
        buffer.append(Array("hello".utf8))
        buffer.consume(2)
        #expect(buffer.count == 3)
        buffer.append(Array("!".utf8))
        #expect(String(lossy: buffer.unread) == "llo!")
        buffer.consume(4)
        #expect(buffer.isEmpty)
        buffer.append(Array("x".utf8))
        buffer.removeAll()
        #expect(buffer.isEmpty && buffer.unread.isEmpty)
    }
}
