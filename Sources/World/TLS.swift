// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// A certificate chain with its private key, ready for handshakes.
package protocol TLSIdentity: Sendable {
    /// What the next handshake uses: itself, unless it stands for another.
    var current: any TLSIdentity { get }
}

extension TLSIdentity {
    package var current: any TLSIdentity { self }
}

/// An identity that can be replaced while a server runs: the next handshake uses the new one.
package final class ReplaceableIdentity: TLSIdentity {
    private let identity: Mutex<any TLSIdentity>

    package init(_ identity: any TLSIdentity) { self.identity = Mutex(identity.current) }

    package var current: any TLSIdentity { identity.withLock { $0 } }

    /// Connections that have shaken hands keep what they agreed on.
    package func replace(by successor: any TLSIdentity) {
        identity.withLock { $0 = successor.current }
    }
}

/// Which side of the handshake to take.
package enum TLSRole: Sendable {
    /// `asksForCertificate`: the client may show one; whatever it shows is taken down, and nothing
    /// is refused for it.
    case server(any TLSIdentity, asksForCertificate: Bool = false)
    /// `serverName` goes into SNI and, when `verify` is set, must be in a trusted certificate.
    ///
    /// `keepsCertificate`: what the server shows stands in the facts, for those who judge it.
    case client(serverName: String, verify: Bool, keepsCertificate: Bool = false)
}

/// What the handshake found: for Received fields, logs and explanations.
package struct TLSFacts: Hashable, Sendable {
    /// `TLSv1.3`.
    package var version: String
    /// `TLS_AES_128_GCM_SHA256`; empty where the TLS library does not tell.
    package var cipher: String
    /// The server name the client asked for.
    package var serverName: String?
    /// What the client showed, if it was asked.
    package var clientCertificate: ShownCertificate?
    /// What the server showed, its own certificate first; empty unless it was to be kept, and no
    /// more than that one if it was verified.
    package var chain: [ServerCertificate] = []

    package init(version: String, cipher: String, serverName: String? = nil) {
        self.version = version
        self.cipher = cipher
        self.serverName = serverName
    }
}

/// A certificate of a server's chain, as TLSA records speak of it (RFC 6698 §2.1).
package struct ServerCertificate: Hashable, Sendable {
    /// The whole certificate in DER.
    package var certificate: [UInt8]
    /// Its SubjectPublicKeyInfo in DER.
    package var publicKey: [UInt8]

    package init(certificate: [UInt8], publicKey: [UInt8]) {
        self.certificate = certificate
        self.publicKey = publicKey
    }
}

/// A certificate that a peer holds the key of; nobody has looked who issued it.
package struct ShownCertificate: Hashable, Sendable {
    /// Distinguished names, as they are written for people.
    package var subject: String
    package var issuer: String
    /// SHA-256 of the certificate, in lower-case hexadecimal.
    package var fingerprint: String

    package init(subject: String, issuer: String, fingerprint: String) {
        self.subject = subject
        self.issuer = issuer
        self.fingerprint = fingerprint
    }
}
