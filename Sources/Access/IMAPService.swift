// SPDX-License-Identifier: Apache-2.0

import Bytes
package import Directory
import IMAP
package import Logging
package import MessageStore
import SASL
package import SearchIndex
package import Spool
import Synchronization
package import Tenancy
package import World

/// Shows mailboxes by IMAP on 143 (with STARTTLS) and 993 (TLS from the start): RFC 9051, and
/// RFC 3501 for programs that know no other.
///
/// One service for all listeners of a server.
package final class IMAPService: Sendable {
    /// What the service offers, and as whom.
    package struct Configuration: Sendable {
        /// Shown in the greeting.
        package var hostName: String
        /// For STARTTLS and TLS; nil: neither is possible.
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

    /// What one command may ask for, on connections from now on.
    package struct Limits: Sendable {
        /// The largest message that APPEND takes, in octets (RFC 7889).
        package var appendOctets: Int
        /// Most messages that one command treats (RFC 9738).
        package var messagesPerCommand: Int

        package init(appendOctets: Int, messagesPerCommand: Int) {
            self.appendOctets = appendOctets
            self.messagesPerCommand = messagesPerCommand
        }
    }

    /// What is written ahead of what the client has taken.
    static let unsentLimitOctets = 64 << 10
    /// What is read for a client in one go: each costs a way to the reading thread and back.
    static let portionOctets = 256 << 10

    let configuration: Configuration
    private let limits: Mutex<Limits>
    let registry: Registry
    let mailboxes: Mailboxes
    /// What their names mean to an account, those of others among them.
    let sharing: SharedMailboxes
    /// With whom people may share.
    package let reach: SharingReach
    let intake: Intake
    /// What accounts may keep; nil: nobody asks.
    let quotas: Quotas?
    /// Finds texts; nil: they are looked for in the messages.
    let index: TextIndex?
    let surroundings: Surroundings
    private let logger: Logger

    package init(
        _ configuration: Configuration, limits: Limits, registry: Registry, mailboxes: Mailboxes,
        intake: Intake,
        quotas: Quotas? = nil, index: TextIndex? = nil, reach: SharingReach = SharingReach(),
        surroundings: Surroundings,
        logger: Logger
    ) {
        self.quotas = quotas
        self.configuration = configuration
        self.limits = Mutex(limits)
        self.registry = registry
        self.mailboxes = mailboxes
        self.reach = reach
        sharing = SharedMailboxes(registry: registry, mailboxes: mailboxes, reach: reach)
        self.intake = intake
        self.index = index
        self.surroundings = surroundings
        self.logger = logger
    }

    /// Connections that are there keep what they were told.
    package func change(to limits: Limits) { self.limits.withLock { $0 = limits } }

    /// Says why a client is not served; without a word where TLS would have to come first.
    package func turnAway(
        _ connection: any Connection, _ refusal: Admission.Refusal, implicitTLS: Bool
    ) {
        logger.debug("turned \(connection.remoteAddress) away: \(refusal)")
        guard !implicitTLS else { return }
        let text =
            if case .banned(let cause, _) = refusal {
                "* BYE your network is banned: \(cause)"
            } else {
                "* BYE [UNAVAILABLE] too many connections, try again later"
            }
        connection.write(Array((text + "\r\n").utf8))
    }

    /// Serves one client to its end; the listener closes the connection.
    ///
    /// `implicitTLS`: the client begins with the handshake (RFC 8314 §3.2).
    package func handle(_ connection: any Connection, implicitTLS: Bool) async {
        let line = ClientLine(
            connection, for: .imap, registry: registry, silence: ServerSession.idleTimeout,
            surroundings, logger)
        if implicitTLS, !(await line.beginTLS(configuration.identity)) { return }
        await Attendance(IMAPVisit(self, line)).run()
    }

    /// Extensions whose protocol there is and which nothing performs: quotas are the operator's.
    private static let missing: Set<String> = ["QUOTASET"]

    /// What a connection is offered, the better first.
    var policy: ServerSession.Policy {
        let mechanisms = registry.mechanisms(for: .imap)
        let limits = limits.withLock { $0 }
        var policy = ServerSession.Policy(
            hostName: configuration.hostName, offersTLS: configuration.identity != nil,
            allowsPlainPasswords: configuration.allowsPlainPasswords,
            mechanisms: mechanisms.filter { !$0.revealsPassword }.map(\.name),
            plainMechanisms: mechanisms.filter(\.revealsPassword).map(\.name),
            appendLimit: UInt64(limits.appendOctets))
        policy.messageLimit = UInt32(clamping: limits.messagesPerCommand)
        policy.extensions.removeAll { Self.missing.contains($0) }
        return policy
    }
}
