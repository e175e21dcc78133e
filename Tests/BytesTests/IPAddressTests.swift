// SPDX-License-Identifier: Apache-2.0

import Bytes
import Testing

@Suite("RFC 4291 and RFC 5952 addresses")
struct IPAddressTests {
    private static let table: [(String, String?)] = [
        ("192.0.2.1", "192.0.2.1"), ("0.0.0.0", "0.0.0.0"), ("255.255.255.255", "255.255.255.255"),
        ("256.0.0.1", nil), ("1.2.3", nil), ("1.2.3.4.5", nil), ("01.2.3.4", nil), ("1..2.3", nil),
        ("1.2.3.4 ", nil), ("", nil), ("1.2.3.-4", nil), ("0x1.2.3.4", nil), ("1.2.3.1000", nil),
        // RFC 4291 §2.2
        ("ABCD:EF01:2345:6789:ABCD:EF01:2345:6789", "abcd:ef01:2345:6789:abcd:ef01:2345:6789"),
        ("2001:DB8:0:0:8:800:200C:417A", "2001:db8::8:800:200c:417a"),
        ("FF01:0:0:0:0:0:0:101", "ff01::101"), ("0:0:0:0:0:0:0:1", "::1"),
        ("0:0:0:0:0:0:0:0", "::"), ("::", "::"), ("::1", "::1"), ("1::", "1::"),
        ("0:0:0:0:0:0:13.1.68.3", "::d01:4403"), ("::FFFF:129.144.52.38", "::ffff:129.144.52.38"),
        // RFC 5952 §4
        ("2001:0db8::0001", "2001:db8::1"), ("2001:db8:0:0:0:0:2:1", "2001:db8::2:1"),
        ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"), ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"),
        ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("2001:DB8::1", "2001:db8::1"),
        ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"), ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
        // None
        ("1:2:3:4:5:6:7", nil), ("1:2:3:4:5:6:7:8:9", nil), ("1::2::3", nil), (":::", nil),
        ("1:2:3:4:5:6:7:8::", nil), ("::12345", nil), ("::g", nil), (":1:2:3:4:5:6:7", nil),
        ("1:2:3:4:5:6:7:", nil), ("::1.2.3", nil), ("1.2.3.4::", nil), ("fe80::1%eth0", nil),
        ("1:2:3:4:5:6:7:1.2.3.4", nil), ("::1.2.3.4:5", nil), ("[::1]", nil),
    ]

    @Test("Text is read and written in the canonical form, or refused", arguments: table)
    func text(_ text: String, _ expected: String?) throws {
        let address = IPAddress(text)
        #expect(address?.description == expected)
        if let address {
            #expect(IPAddress(address.description) == address)
            #expect(IPAddress(octets: address.octets) == address)
        }
    }

    @Test("Only four or sixteen octets are an address", arguments: [0, 1, 3, 5, 15, 17])
    func octets(_ count: Int) {
        #expect(IPAddress(octets: [UInt8](repeating: 1, count: count)) == nil)
    }

    @Test("Loopback and unspecified addresses are known")
    func kinds() throws {
        for (text, isLoopback, isUnspecified) in [
            ("127.0.0.1", true, false), ("127.255.0.9", true, false), ("128.0.0.1", false, false),
            ("::1", true, false), ("::2", false, false), ("0.0.0.0", false, true),
            ("::", false, true),
        ] {
            let address = try #require(IPAddress(text))
            #expect(address.isLoopback == isLoopback)
            #expect(address.isUnspecified == isUnspecified)
        }
        #expect(IPv6Address("::ffff:192.0.2.1")?.mappedIPv4 == IPv4Address(192, 0, 2, 1))
        #expect(IPv6Address("::fffe:192.0.2.1")?.mappedIPv4 == nil)
    }

    private static let sockets: [(String, UInt16?, String?)] = [
        ("192.0.2.1:25", nil, "192.0.2.1:25"), ("[2001:db8::1]:25", nil, "[2001:db8::1]:25"),
        ("192.0.2.1", 53, "192.0.2.1:53"), ("2001:db8::1", 53, "[2001:db8::1]:53"),
        ("[::1]", 53, "[::1]:53"), ("192.0.2.1", nil, nil), ("[::1]", nil, nil), ("::1", nil, nil),
        ("192.0.2.1:", nil, nil), ("192.0.2.1:65536", nil, nil), ("192.0.2.1:-1", nil, nil),
        ("192.0.2.1:+1", nil, nil), ("[::1]x", 1, nil), ("[::1", 1, nil), (":25", nil, nil),
        ("example.org:25", nil, nil), ("", 25, nil), ("[192.0.2.1]:25", nil, "192.0.2.1:25"),
        ("192.0.2.1:0", nil, "192.0.2.1:0"),
    ]

    @Test("An address with a port is read", arguments: sockets)
    func socketAddress(_ text: String, _ port: UInt16?, _ expected: String?) {
        #expect(SocketAddress(text, defaultPort: port)?.description == expected)
    }
}
