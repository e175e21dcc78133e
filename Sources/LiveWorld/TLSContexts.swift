// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOSSL
import Synchronization
import World

/// The two ways to be a TLS client, each set up once: trust roots are some hundred certificates.
final class TLSContexts: Sendable {
    /// PEM file with the certificates to trust; nil for the system's.
    private let trustRoots: String?
    private let made = Mutex<[Bool: NIOSSLContext]>([:])

    init(trustRoots: String?) { self.trustRoots = trustRoots }

    func client(verify: Bool) throws(NetworkFailure) -> NIOSSLContext {
        do {
            return try made.withLock { made in
                if let context = made[verify] { return context }
                var configuration = TLSConfiguration.makeClientConfiguration()
                configuration.minimumTLSVersion = .tlsv12
                configuration.shutdownTimeout = .seconds(1)
                configuration.certificateVerification = verify ? .fullVerification : .none
                if let trustRoots { configuration.trustRoots = .file(trustRoots) }
                let context = try NIOSSLContext(configuration: configuration)
                made[verify] = context
                return context
            }
        } catch {
            throw .tls("the trusted certificates cannot be read: \(error)")
        }
    }
}
