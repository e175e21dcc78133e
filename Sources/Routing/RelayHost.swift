// SPDX-License-Identifier: Apache-2.0

package import Bytes
import DNS

/// The host that an operator has set for a destination: a name or an address, and a port.
package struct RelayHost: Hashable, Sendable, CustomStringConvertible {
    package let exchange: Route.Exchange
    package let port: UInt16?
    package var security = Route.Security.opportunistic
    package var dialect = Route.Dialect.smtp

    /// Of a Unix socket's path: what the system takes (`sun_path`), with its end.
    static let maximumPathOctets = 107

    /// Reads `mx.example.org`, `mx.example.org:2525`, `192.0.2.1:25`, `[2001:db8::1]:25` or
    /// `unix:/run/lmtp`.
    package init(_ text: String) throws(SyntaxError) {
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst(5))
            guard path.hasPrefix("/"), path.utf8.count <= Self.maximumPathOctets,
                path.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F })
            else { throw SyntaxError(at: 5, expected: "the whole path of a socket") }
            exchange = .socket(path)
            port = nil
        } else if let address = SocketAddress(text) {
            exchange = .literal(address.host)
            port = address.port
        } else if let address = IPAddress(Self.withoutBrackets(text)) {
            exchange = .literal(address)
            port = nil
        } else if let colon = text.lastIndex(of: ":") {
            guard let number = UInt16(text[text.index(after: colon)...]), number > 0 else {
                throw SyntaxError(
                    at: text[...colon].utf8.count, expected: "a port from 1 to 65535")
            }
            exchange = .name(try Name(text[..<colon]))
            port = number
        } else {
            exchange = .name(try Name(text))
            port = nil
        }
    }

    private static func withoutBrackets(_ text: String) -> Substring {
        guard text.hasPrefix("["), text.hasSuffix("]") else { return text[...] }
        let inner = text.dropFirst().dropLast()
        return String(inner).asciiLowercased.hasPrefix("ipv6:") ? inner.dropFirst(5) : inner
    }

    package var description: String {
        port.map { "\(exchange):\($0)" } ?? exchange.description
    }
}
