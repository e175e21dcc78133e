// SPDX-License-Identifier: Apache-2.0

import Bytes
package import Directory
package import Logging
import ManageSieve
import SASL
package import ScriptStore
import Sieve
package import World

/// Keeps accounts' scripts for their mail programs by ManageSieve on 4190 (RFC 5804).
///
/// One service for all listeners of a server.
package final class ManageSieveService: Sendable {
    /// What the service offers.
    package struct Configuration: Sendable {
        /// For STARTTLS; nil: there is none.
        package var identity: (any TLSIdentity)?
        /// Takes passwords on connections without TLS: only for networks one trusts.
        package var allowsPlainPasswords: Bool

        package init(identity: (any TLSIdentity)?, allowsPlainPasswords: Bool = false) {
            self.identity = identity
            self.allowsPlainPasswords = allowsPlainPasswords
        }
    }

    let configuration: Configuration
    let registry: Registry
    let scripts: Scripts
    let surroundings: Surroundings
    private let logger: Logger

    package init(
        _ configuration: Configuration, registry: Registry, scripts: Scripts,
        surroundings: Surroundings, logger: Logger
    ) {
        self.configuration = configuration
        self.registry = registry
        self.scripts = scripts
        self.surroundings = surroundings
        self.logger = logger
    }

    /// Says why a client is not served.
    package func turnAway(_ connection: any Connection, _ refusal: Admission.Refusal) {
        logger.debug("turned \(connection.remoteAddress) away: \(refusal)")
        let farewell =
            if case .banned(let cause, _) = refusal {
                ServerSession.farewell(nil, "your network is banned: \(cause)")
            } else {
                ServerSession.farewell(.tryLater, "too many connections, try again later")
            }
        connection.write(farewell)
    }

    /// Serves one client to its end; the listener closes the connection.
    package func handle(_ connection: any Connection) async {
        let line = ClientLine(
            connection, for: .managesieve, registry: registry, silence: ServerSession.idleTimeout,
            surroundings, logger)
        var visit = ManageSieveVisit(self, line)
        await visit.run()
    }

    /// What a connection is offered, the better first.
    var policy: ServerSession.Policy {
        let mechanisms = registry.mechanisms(for: .managesieve)
        var policy = ServerSession.Policy(
            offersTLS: configuration.identity != nil,
            allowsPlainPasswords: configuration.allowsPlainPasswords,
            mechanisms: mechanisms.filter { !$0.revealsPassword }.map(\.name),
            plainMechanisms: mechanisms.filter(\.revealsPassword).map(\.name),
            sieveExtensions: Capability.names, maximumRedirects: Limit.redirects,
            maximumScriptOctets: Limit.scriptOctets)
        policy.notificationMethods = ["mailto"]
        policy.externalLists = ExternalList.schemes
        return policy
    }
}
