// SPDX-License-Identifier: Apache-2.0

import Bytes

/// The protocol and ports of a WKS record (RFC 1035 §3.4.2).
enum WellKnownServices {
    private static let protocols: [(String, UInt8)] = [
        ("icmp", 1), ("igmp", 2), ("tcp", 6), ("udp", 17),
    ]
    /// The names that RFC 1010 gave and zone files of its time use.
    private static let ports: [(String, UInt16)] = [
        ("echo", 7), ("discard", 9), ("daytime", 13), ("ftp-data", 20), ("ftp", 21), ("ssh", 22),
        ("telnet", 23), ("smtp", 25), ("time", 37), ("rlp", 39), ("nameserver", 42),
        ("nicname", 43), ("whois", 43), ("domain", 53), ("bootps", 67), ("bootpc", 68),
        ("tftp", 69), ("gopher", 70), ("finger", 79), ("http", 80), ("www", 80),
        ("kerberos", 88), ("hostname", 101), ("hostnames", 101), ("pop2", 109), ("pop3", 110),
        ("sunrpc", 111), ("auth", 113), ("sftp", 115), ("nntp", 119), ("ntp", 123),
        ("imap", 143), ("imap2", 143), ("snmp", 161), ("irc", 194), ("https", 443),
        ("submission", 587), ("imaps", 993), ("pop3s", 995),
    ]

    static func parse(_ tokens: inout TokenReader) throws(MasterFile.Fault) -> [UInt8] {
        let text = try tokens.next("a protocol").raw
        let known = protocols.first { $0.0.utf8.equalsIgnoringCase(text) }?.1
        guard let number = known ?? UInt8(decimal: text) else {
            throw tokens.fault("a protocol: tcp, udp or a number")
        }
        var bitmap: [UInt8] = []
        while let token = tokens.peek {
            let known = ports.first { $0.0.utf8.equalsIgnoringCase(token.raw) }?.1
            guard let port = known ?? UInt16(decimal: token.raw) else {
                throw tokens.fault("a port by number or well-known name", at: token)
            }
            _ = try tokens.next("a port")
            while bitmap.count <= Int(port) / 8 { bitmap.append(0) }
            bitmap[Int(port) / 8] |= 0x80 >> UInt8(port & 7)
        }
        return [number] + bitmap
    }

    static func words(_ reader: inout WireReader) throws(SyntaxError) -> [String] {
        var words = [String(try reader.octet())]
        for (index, octet) in reader.takeRest().enumerated() {
            for bit in 0..<8 where octet & (0x80 >> UInt8(bit)) != 0 {
                words.append(String(index * 8 + bit))
            }
        }
        return words
    }
}
