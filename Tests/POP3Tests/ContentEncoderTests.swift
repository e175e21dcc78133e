// SPDX-License-Identifier: Apache-2.0

import POP3
import Testing

@Suite("RFC 1939 §3 a message as a multi-line response")
struct ContentEncoderTests {
    private func encode(_ text: String, pieces: Int) -> String {
        var encoder = ContentEncoder()
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
}
