// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS

/// The secrets of DNS cookies from a file, so that servers behind one address take each other's
/// (RFC 9018 §5): a line each, the one in use first, then perhaps the one before.
enum CookieSecrets {
    static func read(_ path: String) throws(CommandFailure) -> [[UInt8]] {
        let lines = String(decoding: try Files.read(path), as: UTF8.self)
            .split(whereSeparator: \.isNewline).map { $0.filter { !$0.isWhitespace } }
            .filter { !$0.isEmpty }
        let secrets = lines.compactMap { Hexadecimal.decode(Array($0.utf8)) }
        guard (1...2).contains(lines.count), secrets.count == lines.count,
            secrets.allSatisfy({ $0.count == ServerCookies.keyOctets })
        else {
            throw .configuration(
                "\(path): expected one or two lines of \(2 * ServerCookies.keyOctets) hexadecimal "
                    + "digits; `openssl rand -hex \(ServerCookies.keyOctets)` makes one")
        }
        return secrets
    }
}
