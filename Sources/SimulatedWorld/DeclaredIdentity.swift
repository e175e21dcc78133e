// SPDX-License-Identifier: Apache-2.0

import Bytes
import World

/// A certificate that is the list of the names it is valid for, a line each.
///
/// `*.example.org` stands for one label. Any other octets make an identity that no client that
/// verifies will trust, as a self-signed certificate is.
struct DeclaredIdentity: TLSIdentity {
    private let names: [String]

    init(_ certificateChain: [UInt8]) {
        names = certificateChain.split { $0 == .lineFeed || $0 == .carriageReturn }
            .map { String(decoding: $0, as: UTF8.self).lowercased() }
    }

    /// As TLSA records would speak of it.
    var certificate: ServerCertificate {
        let octets = Array(names.joined(separator: "\n").utf8)
        return ServerCertificate(certificate: octets, publicKey: octets)
    }

    func isValid(for serverName: String) -> Bool {
        let wanted = serverName.lowercased()
        return names.contains { name in
            if name == wanted { return true }
            guard name.hasPrefix("*."), let dot = wanted.firstIndex(of: ".") else { return false }
            return name.dropFirst() == wanted[dot...]
        }
    }
}

/// The messages of a simulated handshake, each travelling as one piece of the stream.
enum Handshake {
    case client(serverName: String)
    case server(DeclaredIdentity)
    case alert(String)

    /// What someone reads who did not expect a handshake: the head of a TLS record.
    var octets: [UInt8] {
        switch self {
        case .client: [0x16, 0x03, 0x01, 0x02, 0x00, 0x01]
        case .server: [0x16, 0x03, 0x03, 0x00, 0x7A, 0x02]
        case .alert: [0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 0x28]
        }
    }
}
