// SPDX-License-Identifier: Apache-2.0

import Bytes
import NIOCore
import NIOSSL
import World

/// A certificate chain with its key in the TLS library's form.
struct LiveTLSIdentity: TLSIdentity {
    let context: NIOSSLContext

    /// PEM, the leaf's certificate first; `.tls` says which of the two cannot be used.
    init(certificateChain: [UInt8], privateKey: [UInt8]) throws(NetworkFailure) {
        let chain: [NIOSSLCertificate]
        do {
            chain = try NIOSSLCertificate.fromPEMBytes(certificateChain)
        } catch {
            throw .tls("the certificate chain is not PEM")
        }
        guard !chain.isEmpty else { throw .tls("the certificate chain is empty") }
        let key: NIOSSLPrivateKey
        do {
            key = try NIOSSLPrivateKey(bytes: privateKey, format: .pem)
        } catch {
            throw .tls("the private key is not PEM, or has a passphrase")
        }
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
        configuration.minimumTLSVersion = .tlsv12
        configuration.shutdownTimeout = .seconds(1)
        do {
            context = try NIOSSLContext(configuration: configuration)
        } catch {
            throw .tls("certificate and private key do not belong together")
        }
    }
}

/// One handshake: the TLS library's handler and what it found.
struct TLSHandshake {
    private let handler: NIOSSLHandler
    private let hello: HelloObserver
    /// The name the peer's certificate must be for.
    private var nameToVerify: String?

    init(_ role: TLSRole, contexts: TLSContexts) throws(NetworkFailure) {
        hello = HelloObserver()
        switch role {
        case .server(let identity):
            guard let identity = identity as? LiveTLSIdentity else {
                throw .tls("the certificate was not read by this network")
            }
            handler = NIOSSLServerHandler(context: identity.context)
        case .client(let serverName, let verify):
            let context = try contexts.client(verify: verify)
            // RFC 6066 §3: an address is no server name.
            let name = IPAddress(serverName) == nil && !serverName.isEmpty ? serverName : nil
            nameToVerify = verify ? name : nil
            do {
                handler = try NIOSSLClientHandler(context: context, serverHostname: name)
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
        return TLSFacts(version: version, cipher: hello.cipher ?? "", serverName: hello.serverName)
    }
}
