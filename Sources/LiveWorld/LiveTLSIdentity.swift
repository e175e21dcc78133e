// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOSSL
import World

/// One or several certificate chains with their keys, in the TLS library's form.
///
/// The first is for clients that name no server, or one that no certificate is for; the others are
/// chosen by the server name (SNI, RFC 6066 §3).
struct LiveTLSIdentity: TLSIdentity {
    let context: NIOSSLContext
    /// As `context`, and clients are asked for a certificate.
    let askingContext: NIOSSLContext

    /// PEM, the leaf's certificate first; `.tls` says which of the two cannot be used.
    init(certificateChain: [UInt8], privateKey: [UInt8]) throws(NetworkFailure) {
        try self.init([KeyPair(certificateChain, privateKey)])
    }

    init(_ pairs: [KeyPair]) throws(NetworkFailure) {
        guard let first = pairs.first else { throw .tls("there is no certificate") }
        // Each by itself first: the library says which pair does not fit only for its own.
        for pair in pairs { _ = try Self.context(Self.configuration(pair)) }
        var configuration = Self.configuration(first)
        if pairs.count > 1 {
            configuration.sslContextCallback = { hello, promise in
                let pair = hello.serverHostname.flatMap { name in
                    pairs.first { $0.isFor(name) }
                }
                promise.succeed(pair.map(Self.override) ?? .noChanges)
            }
        }
        context = try Self.context(configuration)
        configuration.certificateVerification = .optionalVerification
        // Who issued what a client shows is nobody's business here, so no roots are needed.
        configuration.trustRoots = .certificates([])
        askingContext = try Self.context(configuration)
    }

    private static func configuration(_ pair: KeyPair) -> TLSConfiguration {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: pair.chain.map { .certificate($0) },
            privateKey: .privateKey(pair.key))
        configuration.minimumTLSVersion = .tlsv12
        configuration.shutdownTimeout = .seconds(1)
        return configuration
    }

    private static func context(
        _ configuration: TLSConfiguration
    ) throws(NetworkFailure) -> NIOSSLContext {
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw .tls("certificate and private key do not belong together")
        }
    }

    private static func override(_ pair: KeyPair) -> NIOSSLContextConfigurationOverride {
        var override = NIOSSLContextConfigurationOverride()
        override.certificateChain = pair.chain.map { .certificate($0) }
        override.privateKey = .privateKey(pair.key)
        return override
    }

    /// A chain, its key, and the server names it is for.
    struct KeyPair: Sendable {
        let chain: [NIOSSLCertificate]
        let key: NIOSSLPrivateKey
        private let names: [String]

        /// PEM; `.tls` says which of the two cannot be used.
        init(_ certificateChain: [UInt8], _ privateKey: [UInt8]) throws(NetworkFailure) {
            do {
                chain = try NIOSSLCertificate.fromPEMBytes(certificateChain)
            } catch {
                throw .tls("the certificate chain is not PEM")
            }
            guard !chain.isEmpty else { throw .tls("the certificate chain is empty") }
            do {
                key = try NIOSSLPrivateKey(bytes: privateKey, format: .pem)
            } catch {
                throw .tls("the private key is not PEM, or has a passphrase")
            }
            names = PeerName.dnsNames(of: chain[0])
        }

        func isFor(_ serverName: String) -> Bool {
            names.contains { PeerName.matches($0, serverName) }
        }
    }
}
