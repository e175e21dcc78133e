// SPDX-License-Identifier: Apache-2.0

package import Bytes

/// What a proxy says at the beginning of a connection about the client it stands before: the
/// PROXY protocol of HAProxy, versions 1 and 2.
///
/// Read strictly, as whoever may write it may claim any address.
package struct ProxyHeader: Hashable, Sendable {
    /// The client; nil: the proxy speaks for itself, or does not know.
    package let client: SocketAddress?
    /// Where the client connected to; nil with `client`.
    package let destination: SocketAddress?

    /// What the octets so far are.
    package enum Reading: Hashable, Sendable {
        /// The beginning of a header.
        case incomplete
        /// A header of so many octets; what follows is the client's.
        case complete(ProxyHeader, octets: Int)
        /// No header, for this reason.
        case malformed(String)
    }

    /// Version 1 §2.1: with CRLF.
    package static let maximumTextOctets = 107
    /// Version 2 may have 65,551; what proxies add (names, TLS facts) is far less.
    package static let maximumOctets = 4096

    /// Reads as much as has arrived; ask again with more while it is `incomplete`.
    package static func read(_ octets: ArraySlice<UInt8>) -> Reading {
        guard let first = octets.first else { return .incomplete }
        return first == binarySignature[0] ? readBinary(octets) : readText(octets)
    }

    private init(client: SocketAddress?, destination: SocketAddress?) {
        self.client = client
        self.destination = destination
    }

    private static let own = ProxyHeader(client: nil, destination: nil)

    // MARK: - Version 1

    private static let textSignature = Array("PROXY ".utf8)

    /// `PROXY TCP4 192.0.2.1 198.51.100.1 56324 25` CRLF, or `PROXY UNKNOWN` and anything.
    private static func readText(_ octets: ArraySlice<UInt8>) -> Reading {
        let signature = octets.prefix(textSignature.count)
        guard textSignature.starts(with: signature) else {
            return .malformed("a connection from a proxy begins with a PROXY header")
        }
        let start = octets.prefix(maximumTextOctets)
        guard let end = start.firstIndex(of: .lineFeed) else {
            return start.count < maximumTextOctets
                ? .incomplete : .malformed("a PROXY line has at most 107 octets")
        }
        guard end > octets.startIndex, octets[end - 1] == .carriageReturn else {
            return .malformed("a PROXY line ends with CRLF")
        }
        let words = octets[..<(end - 1)].split(
            separator: .space, omittingEmptySubsequences: false
        ).map { String(lossy: $0) }
        let length = end + 1 - octets.startIndex
        if words.count >= 2, words[1] == "UNKNOWN" { return .complete(own, octets: length) }
        guard words.count == 6, words[1] == "TCP4" || words[1] == "TCP6",
            let client = address(words[2], words[4], isIPv4: words[1] == "TCP4"),
            let destination = address(words[3], words[5], isIPv4: words[1] == "TCP4")
        else { return .malformed("a PROXY line names two addresses and two ports") }
        return .complete(
            ProxyHeader(client: client, destination: destination), octets: length)
    }

    private static func address(_ host: String, _ port: String, isIPv4: Bool) -> SocketAddress? {
        guard let host = IPAddress(host), host.isIPv4 == isIPv4,
            (1...5).contains(port.utf8.count), port.utf8.allSatisfy(\.isDigit),
            port == "0" || !port.hasPrefix("0"), let number = UInt16(port)
        else { return nil }
        return SocketAddress(host.unmapped, port: number)
    }

    // MARK: - Version 2

    private static let binarySignature: [UInt8] = [
        0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A,
    ]

    /// Signature, version and command, family, length, addresses, and facts that are passed over.
    private static func readBinary(_ octets: ArraySlice<UInt8>) -> Reading {
        let signature = octets.prefix(binarySignature.count)
        guard binarySignature.starts(with: signature) else {
            return .malformed("a connection from a proxy begins with a PROXY header")
        }
        guard octets.count >= 16 else { return .incomplete }
        let header = Array(octets.prefix(16))
        guard header[12] >> 4 == 2 else { return .malformed("a PROXY version other than 1 and 2") }
        let length = Int(header[14]) << 8 | Int(header[15])
        guard 16 + length <= maximumOctets else {
            return .malformed("a PROXY header of more than \(maximumOctets) octets")
        }
        guard octets.count >= 16 + length else { return .incomplete }
        let body = Array(octets.dropFirst(16).prefix(length))
        switch header[12] & 0x0F {
        // LOCAL: a health check of the proxy itself.
        case 0: return .complete(own, octets: 16 + length)
        case 1: return addresses(header[13], body, octets: 16 + length)
        default: return .malformed("a PROXY command other than LOCAL and PROXY")
        }
    }

    private static func addresses(_ family: UInt8, _ body: [UInt8], octets: Int) -> Reading {
        let width: Int
        switch family {
        case 0x11: width = 4
        case 0x21: width = 16
        // Not specified, or a socket of the proxy's own host.
        case 0x00, 0x31: return .complete(own, octets: octets)
        default: return .malformed("a PROXY header for something else than TCP")
        }
        guard body.count >= 2 * width + 4,
            let client = IPAddress(octets: Array(body[..<width])),
            let destination = IPAddress(octets: Array(body[width..<(2 * width)]))
        else { return .malformed("a PROXY header that is too short for its addresses") }
        let ports = body[(2 * width)...].prefix(4).map { UInt16($0) }
        return .complete(
            ProxyHeader(
                client: SocketAddress(client.unmapped, port: ports[0] << 8 | ports[1]),
                destination: SocketAddress(
                    destination.unmapped, port: ports[2] << 8 | ports[3])),
            octets: octets)
    }
}
