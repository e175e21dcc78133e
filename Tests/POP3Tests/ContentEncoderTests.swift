// SPDX-License-Identifier: Apache-2.0

import POP3
import Testing

@Suite("RFC 1939 §3 a message as a multi-line response")
struct ContentEncoderTests {
    private func encode(_ text: String, lines: Int? = nil, pieces: Int) -> String {
        var encoder = ContentEncoder(lines: lines)
        var result: [UInt8] = []
        let content = octets(text)
        for start in stride(from: 0, to: content.count, by: pieces) {
            result += encoder.encode(Array(content[start..<min(start + pieces, content.count)]))
        }
        return String(decoding: result + encoder.finish(), as: UTF8.self)
    }

    @Test(
        "Dots at the start of lines are doubled and the end is marked, whatever the pieces",
        arguments: [
            ("", ".\r\n"), ("a\r\n", "a\r\n.\r\n"), ("a", "a\r\n.\r\n"),
            (".\r\n", "..\r\n.\r\n"), ("..\r\n", "...\r\n.\r\n"),
            ("a.b\r\n.c\r\n\r\n.", "a.b\r\n..c\r\n\r\n..\r\n.\r\n"),
        ])
    func whole(text: String, encoded: String) {
        for pieces in 1...7 { #expect(encode(text, pieces: pieces) == encoded) }
    }

    @Test(
        "TOP ends after the wanted lines of the body, whatever the pieces",
        arguments: [
            (0, "H: 1\r\n\r\n.\r\n"), (1, "H: 1\r\n\r\n..a\r\n.\r\n"),
            (2, "H: 1\r\n\r\n..a\r\n\r\n.\r\n"), (3, "H: 1\r\n\r\n..a\r\n\r\nb\r\n.\r\n"),
            (9, "H: 1\r\n\r\n..a\r\n\r\nb\r\n.\r\n"),
        ])
    func top(lines: Int, encoded: String) {
        for pieces in 1...9 {
            #expect(encode("H: 1\r\n\r\n.a\r\n\r\nb\r\n", lines: lines, pieces: pieces) == encoded)
        }
    }

    @Test("When TOP has what it wants, the rest need not be read")
    func complete() {
        var encoder = ContentEncoder(lines: 0)
        _ = encoder.encode(octets("H: 1\r\n\r"))
        #expect(!encoder.isComplete)
        _ = encoder.encode(octets("\nbody"))
        #expect(encoder.isComplete)
        #expect(encoder.encode(octets("more")).isEmpty)
    }
}
