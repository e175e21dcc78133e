// SPDX-License-Identifier: Apache-2.0

import Bytes
import Testing
import World

/// A header, and what is made of it: client and destination, `own`, `no`, or `more`.
struct ProxyRow: CustomTestStringConvertible, Sendable {
    let name: String
    let octets: [UInt8]
    let expected: String
    var testDescription: String { name }

    init(_ text: String, _ expected: String) {
        name = String(text.prefix(60))
        octets = Array(text.utf8)
        self.expected = expected
    }

    /// Version 2: version and command, family, addresses and more.
    init(_ name: String, _ command: UInt8, _ family: UInt8, _ body: [UInt8], _ expected: String) {
        self.name = name
        octets =
            Self.signature + [command, family, UInt8(body.count >> 8), UInt8(body.count & 0xFF)]
            + body
        self.expected = expected
    }

    static let signature: [UInt8] = [13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10]
}

@Suite("The PROXY protocol")
struct ProxyHeaderTests {
    private static let v4: [UInt8] = [192, 0, 2, 1, 198, 51, 100, 1, 0x12, 0x34, 0, 25]
    private static let v6: [UInt8] =
        [0x20, 1, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [1] + [0x20, 1, 0x0D, 0xB8]
        + [UInt8](repeating: 0, count: 11) + [2] + [0, 1, 0, 25]

    static let rows = [
        ProxyRow(
            "PROXY TCP4 192.0.2.1 198.51.100.1 4660 25\r\n", "192.0.2.1:4660 198.51.100.1:25"),
        ProxyRow("PROXY TCP6 2001:db8::1 ::1 1 25\r\n", "[2001:db8::1]:1 [::1]:25"),
        ProxyRow("PROXY TCP6 ::ffff:192.0.2.1 ::1 0 65535\r\n", "192.0.2.1:0 [::1]:65535"),
        ProxyRow("PROXY UNKNOWN\r\n", "own"),
        ProxyRow("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", "own"),
        ProxyRow("", "more"),
        ProxyRow("PROXY", "more"),
        ProxyRow("PROXY TCP4 192.0.2.1 198.51.100.1 4660 25", "more"),
        ProxyRow("PROXY TCP4 192.0.2.1 198.51.100.1 4660 25\n", "no"),
        ProxyRow("PROXY TCP4 192.0.2.1 198.51.100.1 4660\r\n", "no"),
        ProxyRow("PROXY TCP4 192.0.2.1 198.51.100.1 4660 25 1\r\n", "no"),
        ProxyRow("PROXY  TCP4 192.0.2.1 198.51.100.1 4660 25\r\n", "no"),
        ProxyRow("PROXY TCP4 192.0.2.1 198.51.100.1 4660 25 \r\n", "no"),
        ProxyRow("PROXY TCP4 2001:db8::1 ::1 4660 25\r\n", "no"),
        ProxyRow("PROXY TCP6 192.0.2.1 198.51.100.1 4660 25\r\n", "no"),
        ProxyRow("PROXY TCP4 192.0.2.1 198.51.100.1 65536 25\r\n", "no"),
        ProxyRow("PROXY TCP4 192.0.2.1 198.51.100.1 -1 25\r\n", "no"),
        ProxyRow("PROXY TCP4 192.0.2.1 198.51.100.1 +1 25\r\n", "no"),
        ProxyRow("PROXY TCP4 192.0.2.1 198.51.100.1 04660 25\r\n", "no"),
        ProxyRow("PROXY UDP4 192.0.2.1 198.51.100.1 4660 25\r\n", "no"),
        ProxyRow("proxy TCP4 192.0.2.1 198.51.100.1 4660 25\r\n", "no"),
        ProxyRow("PROXY\r\n", "no"),
        ProxyRow("PROXY TCP4 192.0.2.1\r\nPROXY", "no"),
        ProxyRow("EHLO client\r\n", "no"),
        ProxyRow("PROXY UNKNOWN " + String(repeating: "x", count: 91) + "\r\n", "own"),
        ProxyRow("PROXY UNKNOWN " + String(repeating: "x", count: 92) + "\r\n", "no"),
        ProxyRow("PROXY " + String(repeating: "x", count: 10_000), "no"),
        ProxyRow("TCP4", 0x21, 0x11, v4, "192.0.2.1:4660 198.51.100.1:25"),
        ProxyRow(
            "TCP4 with facts", 0x21, 0x11, v4 + [3, 0, 1, 0], "192.0.2.1:4660 198.51.100.1:25"),
        ProxyRow("TCP6", 0x21, 0x21, v6, "[2001:db8::1]:1 [2001:db8::2]:25"),
        ProxyRow("LOCAL", 0x20, 0x00, [], "own"),
        ProxyRow("LOCAL with addresses", 0x20, 0x11, v4, "own"),
        ProxyRow("not specified", 0x21, 0x00, [1, 2, 3], "own"),
        ProxyRow("a socket of the host", 0x21, 0x31, [UInt8](repeating: 47, count: 216), "own"),
        ProxyRow("UDP", 0x21, 0x12, v4, "no"),
        ProxyRow("TCP4 cut short", 0x21, 0x11, Array(v4.dropLast()), "no"),
        ProxyRow("TCP6 with TCP4's addresses", 0x21, 0x21, v4, "no"),
        ProxyRow("version 1 in binary", 0x11, 0x11, v4, "no"),
        ProxyRow("a command of the future", 0x22, 0x11, v4, "no"),
        ProxyRow("too long", 0x21, 0x11, v4 + [UInt8](repeating: 4, count: 4069), "no"),
    ]

    private static func text(_ reading: ProxyHeader.Reading, of octets: Int) -> String {
        switch reading {
        case .incomplete: return "more"
        case .malformed: return "no"
        case .complete(let header, let count):
            #expect(count <= octets)
            guard let client = header.client, let destination = header.destination else {
                return "own"
            }
            return "\(client) \(destination)"
        }
    }

    @Test("headers, whole and followed by the client's octets", arguments: rows)
    func whole(row: ProxyRow) {
        let reading = ProxyHeader.read(row.octets[...])
        #expect(Self.text(reading, of: row.octets.count) == row.expected)
        guard case .complete(_, let count) = reading else { return }
        #expect(count == row.octets.count)
        let followed = row.octets + Array("EHLO client\r\n".utf8)
        #expect(ProxyHeader.read(followed[...]) == reading)
    }

    @Test(
        "an octet at a time: nothing is decided early, and no fault is found late", arguments: rows)
    func drip(row: ProxyRow) {
        var last = ProxyHeader.Reading.incomplete
        for count in 0...row.octets.count {
            last = ProxyHeader.read(row.octets[..<count])
            guard case .incomplete = last else { break }
        }
        #expect(Self.text(last, of: row.octets.count) == row.expected)
    }
}

@Suite("RFC 3339 times")
struct InternetDateTests {
    @Test("what is written is read again, and nothing else is")
    func reading() {
        for seconds: Int64 in [0, 951_782_400, 1_000_000, 4_102_444_799, 253_402_300_799, -86_400] {
            let text = CalendarDate(Timestamp(seconds: seconds)).internetFormat
            #expect(Timestamp(internetFormat: text) == Timestamp(seconds: seconds), "\(text)")
        }
        #expect(
            Timestamp(internetFormat: "2000-02-29T00:00:00.123z") == Timestamp(seconds: 951_782_400)
        )
        for text in [
            "", "2000-02-30T00:00:00Z", "1900-02-29T00:00:00Z", "2000-00-10T00:00:00Z",
            "2000-02-10T24:00:00Z", "2000-02-10T00:60:00Z", "2000-02-10 00:00:00Z",
            "2000-02-10T00:00:00", "2000-02-10T00:00:00.Z", "2000-02-10T00:00:00+00:00",
            "2000-2-10T00:00:00Z", "20000-02-10T00:00:00Z", "2000-02-10T00:00:0xZ",
        ] {
            #expect(Timestamp(internetFormat: text) == nil, "\(text)")
        }
    }
}
