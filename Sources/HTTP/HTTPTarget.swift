// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import Mail

/// What an `https:` or `http:` URI names, as far as something is sent to it (RFC 9110 §4.2).
///
/// ```abnf
/// https-URI = "https" "://" authority path-abempty [ "?" query ]
/// authority = host [ ":" port ]       ; no user, and a name, as certificates have
/// ```
package struct HTTPTarget: Equatable, Sendable {
    /// Which machine it is.
    package enum Host: Equatable, Sendable {
        case name(Domain)
        /// An IPv4 address; others need brackets that nobody writes here.
        case address(IPAddress)
    }

    package let isSecure: Bool
    package let host: Host
    package private(set) var port: UInt16
    /// Path and query, in printable ASCII.
    package let target: String

    /// No server takes longer ones; RFC 9110 §4.1 asks for 8,000 at least.
    private static let maximumOctets = 8000

    /// Nil for what is no such URI.
    package init?(_ uri: String) {
        guard uri.utf8.count <= Self.maximumOctets,
            uri.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else { return nil }
        let scheme = String(uri.prefix { $0 != ":" })
        guard ["https", "http"].contains(scheme.asciiLowercased),
            uri.dropFirst(scheme.utf8.count).hasPrefix("://")
        else { return nil }
        isSecure = scheme.utf8.count == 5
        // A fragment is not for the server (RFC 9110 §4.2.5).
        let rest = uri.dropFirst(scheme.utf8.count + 3).prefix { $0 != "#" }
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        let parts = authority.split(separator: ":", omittingEmptySubsequences: false)
        guard let first = parts.first, parts.count <= 2 else { return nil }
        if let address = IPAddress(first) {
            host = .address(address)
        } else {
            guard let name = try? Domain(String(first)) else { return nil }
            host = .name(name)
        }
        port = Self.usualPort(isSecure)
        if parts.count == 2, !parts[1].isEmpty {
            guard parts[1].utf8.allSatisfy(\.isDigit), let port = UInt16(parts[1]), port > 0 else {
                return nil
            }
            self.port = port
        }
        let path = rest.dropFirst(authority.count)
        target = path.hasPrefix("/") ? String(path) : "/" + path
    }

    private static func usualPort(_ isSecure: Bool) -> UInt16 { isSecure ? 443 : 80 }

    /// As the URI writes it.
    package var hostName: String {
        switch host {
        case .name(let name): name.name
        case .address(let address): address.description
        }
    }

    /// The value of the Host field.
    package var authority: String {
        port == Self.usualPort(isSecure) ? hostName : "\(hostName):\(port)"
    }

    /// Whether what is sent stays on this machine.
    package var isHere: Bool {
        switch host {
        case .name(let name): name.name == "localhost"
        case .address(let address): address.isLoopback
        }
    }
}
