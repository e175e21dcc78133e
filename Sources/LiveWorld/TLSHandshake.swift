// SPDX-License-Identifier: Apache-2.0

import Bytes
import Crypto
import NIOCore
import NIOSSL
import SwiftASN1
import Synchronization
import World
import X509

/// One handshake: the TLS library's handler and what it found.
struct TLSHandshake {
    private let handler: NIOSSLHandler
    private let hello: HelloObserver
    /// The name the peer's certificate must be for.
    private var nameToVerify: String?
    private var isServer = false
    private var keepsCertificate = false
    /// What the peer showed, if it was to be kept and nobody has to vouch for it.
    private let shown = ShownChain()

    init(_ role: TLSRole, contexts: TLSContexts) throws(NetworkFailure) {
        hello = HelloObserver()
        switch role {
        case .server(let identity, let asksForCertificate):
            guard let identity = identity.current as? LiveTLSIdentity else {
                throw .tls("the certificate was not read by this network")
            }
            if asksForCertificate {
                handler = NIOSSLServerHandler(
                    context: identity.askingContext,
                    customVerificationCallback: { _, promise in
                        promise.succeed(.certificateVerified)
                    })
            } else {
                handler = NIOSSLServerHandler(context: identity.context)
            }
            isServer = true
        case .client(let serverName, let verify, let keepsCertificate):
            self.keepsCertificate = keepsCertificate
            let context = try contexts.client(verify: verify)
            // RFC 6066 §3: an address is no server name.
            let name = IPAddress(serverName) == nil && !serverName.isEmpty ? serverName : nil
            nameToVerify = verify ? name : nil
            do {
                if keepsCertificate, !verify {
                    handler = try NIOSSLClientHandler(
                        context: context, serverHostname: name,
                        customVerificationCallback: shown.keep)
                } else {
                    handler = try NIOSSLClientHandler(context: context, serverHostname: name)
                }
            } catch {
                throw .tls("\(serverName) cannot be a server name")
            }
        }
    }

    func install(in context: ChannelHandlerContext, before last: LiveConnection) throws {
        let pipeline = context.pipeline.syncOperations
        try pipeline.addHandler(hello, position: .before(last))
        try pipeline.addHandler(handler, position: .before(last))
    }

    /// Hands in octets of the peer's that had arrived before.
    func feed(_ octets: [UInt8]) { hello.feed(octets) }

    /// Once the handshake is complete; throws if the peer is not who it must be.
    func facts() throws(NetworkFailure) -> TLSFacts {
        if let nameToVerify { try PeerName.verify(nameToVerify, in: handler.peerCertificate) }
        let version =
            switch handler.tlsVersion {
            case .tlsv13: "TLSv1.3"
            case .tlsv12: "TLSv1.2"
            case .tlsv11: "TLSv1.1"
            case .tlsv1: "TLSv1"
            default: ""
            }
        hello.finish()
        var facts = TLSFacts(
            version: version, cipher: hello.cipher ?? "", serverName: hello.serverName)
        if isServer, let certificate = handler.peerCertificate {
            facts.clientCertificate = ShownCertificate(certificate)
        }
        if keepsCertificate {
            let chain = shown.chain ?? handler.peerCertificate.map { [$0] } ?? []
            facts.chain = chain.compactMap { ServerCertificate($0) }
        }
        return facts
    }
}

/// The whole chain that a peer showed: the TLS library tells it only to who judges it.
private final class ShownChain: Sendable {
    private let certificates = Mutex<[NIOSSLCertificate]?>(nil)

    var chain: [NIOSSLCertificate]? { certificates.withLock { $0 } }

    /// Takes any chain, as TLS without checks does (RFC 7435).
    @Sendable func keep(
        _ chain: [NIOSSLCertificate], _ promise: EventLoopPromise<NIOSSLVerificationResult>
    ) {
        certificates.withLock { $0 = chain }
        promise.succeed(.certificateVerified)
    }
}

extension ShownCertificate {
    /// Nil for one that cannot be read.
    fileprivate init?(_ certificate: NIOSSLCertificate) {
        guard let octets = try? certificate.toDERBytes(),
            let parsed = try? Certificate(derEncoded: octets)
        else { return nil }
        self.init(
            subject: "\(parsed.subject)", issuer: "\(parsed.issuer)",
            fingerprint: Hexadecimal.encode(SHA256.hash(data: octets)))
    }
}

extension ServerCertificate {
    /// Nil for one that cannot be read.
    fileprivate init?(_ certificate: NIOSSLCertificate) {
        guard let octets = try? certificate.toDERBytes(),
            let key = try? certificate.extractPublicKey().toSPKIBytes()
        else { return nil }
        self.init(certificate: octets, publicKey: key)
    }
}
