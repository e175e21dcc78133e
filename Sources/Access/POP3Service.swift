// SPDX-License-Identifier: Apache-2.0

import Bytes
package import Directory
package import Logging
package import MessageStore
import POP3
import SASL
package import World

/// Hands out mail by POP3 on 110 (with STLS) and 995 (TLS from the start).
///
/// One service for all listeners of a server: it also sees to it that a mailbox is open in one
/// session at a time (RFC 1939 §4).
package final class POP3Service: Sendable {
    /// What the service offers, and as whom.
    package struct Configuration: Sendable {
        /// Shown in the greeting.
        package var hostName: String
        /// For STLS and TLS; nil: neither is possible.
        package var identity: (any TLSIdentity)?
        /// Takes passwords on connections without TLS: only for networks one trusts.
        package var allowsPlainPasswords: Bool

        package init(
            hostName: String, identity: (any TLSIdentity)?, allowsPlainPasswords: Bool = false
        ) {
            self.hostName = hostName
            self.identity = identity
            self.allowsPlainPasswords = allowsPlainPasswords
        }
    }

    let configuration: Configuration
    let registry: Registry
    let mailboxes: Mailboxes
    let surroundings: Surroundings
    let locks = MaildropLocks()
    private let logger: Logger

    package init(
        _ configuration: Configuration, registry: Registry, mailboxes: Mailboxes,
        surroundings: Surroundings, logger: Logger
    ) {
        self.configuration = configuration
        self.registry = registry
        self.mailboxes = mailboxes
        self.surroundings = surroundings
        self.logger = logger
    }

    /// Says why a client is not served; without a word where TLS would have to come first.
    package func turnAway(
        _ connection: any Connection, _ refusal: Admission.Refusal, implicitTLS: Bool
    ) {
        logger.debug("turned \(connection.remoteAddress) away: \(refusal)")
        guard !implicitTLS else { return }
        // RFC 3206 §4: a fault that goes away by itself.
        let text =
            if case .banned(let cause, _) = refusal {
                "-ERR [SYS/PERM] your network is banned: \(cause)"
            } else {
                "-ERR [SYS/TEMP] too many connections, try again later"
            }
        connection.write(Array((text + "\r\n").utf8))
    }

    /// Serves one client to its end; the listener closes the connection.
    ///
    /// `implicitTLS`: the client begins with the handshake (RFC 8314 §3.3).
    package func handle(_ connection: any Connection, implicitTLS: Bool) async {
        let line = ClientLine(
            connection, for: .pop3, registry: registry, silence: ServerSession.idleTimeout,
            surroundings, logger)
        if implicitTLS, !(await line.beginTLS(configuration.identity)) { return }
        var visit = POP3Visit(self, line)
        await visit.run()
    }

    /// What a connection is offered, the better first.
    var policy: ServerSession.Policy {
        let mechanisms = registry.mechanisms(for: .pop3)
        return ServerSession.Policy(
            hostName: configuration.hostName, offersTLS: configuration.identity != nil,
            allowsPlainPasswords: configuration.allowsPlainPasswords,
            mechanisms: mechanisms.filter { !$0.revealsPassword }.map(\.name),
            plainMechanisms: mechanisms.filter(\.revealsPassword).map(\.name))
    }
}
