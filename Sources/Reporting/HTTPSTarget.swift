// SPDX-License-Identifier: Apache-2.0

import Bytes
import Mail

/// What an `https:` URI names, as far as reports are sent to it (RFC 9110 §4.2.2).
///
/// ```abnf
/// https-URI = "https" "://" authority path-abempty [ "?" query ]
/// authority = host [ ":" port ]       ; no user, and a name, as certificates have
/// ```
struct HTTPSTarget: Equatable {
    let host: Domain
    private(set) var port: UInt16
    /// Path and query, in printable ASCII.
    let target: String

    /// The scheme's own; a URI need not say it.
    static let usualPort: UInt16 = 443
    /// No server takes longer ones; RFC 9110 §4.1 asks for 8,000 at least.
    private static let maximumOctets = 8000

    /// Nil for what is no such URI.
    init?(_ uri: String) {
        guard uri.utf8.count <= Self.maximumOctets,
            uri.utf8.allSatisfy({ (0x21...0x7E).contains($0) }),
            uri.asciiLowercased.hasPrefix("https://")
        else { return nil }
        // A fragment is not for the server (RFC 9110 §4.2.5).
        let rest = uri.dropFirst(8).prefix { $0 != "#" }
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        let parts = authority.split(separator: ":", omittingEmptySubsequences: false)
        guard let first = parts.first, parts.count <= 2, IPAddress(first) == nil,
            let host = try? Domain(String(first))
        else { return nil }
        port = Self.usualPort
        if parts.count == 2, !parts[1].isEmpty {
            guard parts[1].utf8.allSatisfy(\.isDigit), let port = UInt16(parts[1]), port > 0 else {
                return nil
            }
            self.port = port
        }
        self.host = host
        let path = rest.dropFirst(authority.count)
        target = path.hasPrefix("/") ? String(path) : "/" + path
    }

    /// The value of the Host field.
    var authority: String { port == Self.usualPort ? host.name : "\(host.name):\(port)" }
}
