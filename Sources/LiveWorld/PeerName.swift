// SPDX-License-Identifier: Apache-2.0

import NIOSSL
import SwiftASN1
import World
import X509

/// Whether a certificate was issued for a server name (RFC 9525 §6.3).
///
/// The TLS library takes a certificate for the peer's address as well; whoever can forge an
/// address record may hold one, so a name that was asked for must be found itself.
enum PeerName {
    /// Throws `.tls` with the names the certificate is for.
    static func verify(_ name: String, in certificate: NIOSSLCertificate?) throws(NetworkFailure) {
        let names = certificate.map(dnsNames) ?? []
        guard names.contains(where: { matches($0, name) }) else {
            let issued = names.isEmpty ? "no name" : names.prefix(3).joined(separator: ", ")
            throw .tls("the certificate is for \(issued), not for \(name)")
        }
    }

    static func dnsNames(of certificate: NIOSSLCertificate) -> [String] {
        guard let octets = try? certificate.toDERBytes(),
            let parsed = try? Certificate(derEncoded: octets),
            let alternatives = try? parsed.extensions.subjectAlternativeNames
        else { return [] }
        return alternatives.compactMap { if case .dnsName(let name) = $0 { name } else { nil } }
    }

    /// A wildcard stands for one whole leftmost label (RFC 9525 §6.3.2).
    static func matches(_ issued: String, _ name: String) -> Bool {
        let issued = issued.lowercased().split(separator: ".")
        let name = name.lowercased().split(separator: ".")
        guard issued.count == name.count, let first = issued.first else { return false }
        let wildcard = first == "*" && issued.count > 2
        return (wildcard || first == name[0]) && issued.dropFirst() == name.dropFirst()
    }
}
