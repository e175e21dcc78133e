// SPDX-License-Identifier: Apache-2.0

package import Bytes
import CoreMetrics
package import DNS
import Defence
package import Directory
package import Filtering
package import KeyRing
package import Logging
package import Maintenance
package import SMTP
package import Spool
package import Tenancy
package import World

/// The SMTP server (RFC 5321, RFC 6409): takes connections, and responsibility for messages.
///
/// One value serves all connections of a kind: port 25, 587 or 465.
package final class SMTPService: Sendable {
    let configuration: Configuration
    let surroundings: Surroundings
    let registry: Registry
    let intake: Intake
    let senderDomains: SenderDomains
    let signingKeys: SigningKeys?
    /// What accounts may keep; nil: nobody asks.
    let quotas: Quotas?
    /// Asks the scripts of recipients; nil: delivery alone does.
    let scriptedRefusal: ScriptedRefusal?
    let meters: Meters
    let log: Logger

    /// Has what waits for a domain tried at once, if whoever asks may have that.
    package typealias QueueStarter =
        @Sendable (ServerSession.QueueRequest) async -> QueueStart

    /// What became of an ETRN command (RFC 1985 §5.1).
    package enum QueueStart: Hashable, Sendable {
        /// So many recipients waited, and are tried now.
        case started(Int)
        /// This host does not hold mail for that domain.
        case notAllowed
        /// Not now.
        case unable
    }

    /// What distinguishes one listener from another.
    package struct Configuration: Sendable {
        package var session: ServerSession.Configuration
        /// For STARTTLS and implicit TLS; nil: no TLS.
        package var identity: (any TLSIdentity)?
        /// The connection begins with the handshake (RFC 8314 §3.3).
        package var isImplicitTLS: Bool
        /// Further addresses of this host, beside the one that a client is connected to.
        package var ownAddresses: Set<IPAddress> = []
        /// Whether clients are asked for a certificate, to be named in Received.
        package var asksForCertificate = false
        /// Proxies that may say by XCLIENT for whom they stand.
        package var xclientNetworks: [IPNetwork] = []
        /// Clients that may ask for a higher priority without authentication (RFC 6710 §4.1).
        package var priorityNetworks: [IPNetwork] = []
        /// ETRN: tries what waits for a domain now; nil: not served.
        package var startQueue: QueueStarter?
        /// Finds out who sends what strangers bring; nil: nobody asks.
        package var inspector: Inspector?
        /// Networks of this site, whose programs may name senders in domains that are not there.
        package var ownNetworks: [IPNetwork] = []
        /// The first defence; nil: there is none.
        package var gatekeeper: Gatekeeper?
        /// Where it is written down who came; nil: nowhere.
        package var arrivals: ArrivalBook?

        package init(
            session: ServerSession.Configuration, identity: (any TLSIdentity)? = nil,
            isImplicitTLS: Bool = false
        ) {
            self.session = session
            self.session.isTLSAvailable = identity != nil && !isImplicitTLS
            self.identity = identity
            self.isImplicitTLS = isImplicitTLS
        }

        /// As the key under `listen` calls it.
        var name: String {
            switch session.service {
            case .exchange: "smtp"
            case .local: "lmtp"
            case .submission: isImplicitTLS ? "submissions" : "submission"
            }
        }

        /// With ETRN, if there is somebody to start a queue.
        var completed: Self {
            var configuration = self
            configuration.session.canStartQueue = startQueue != nil
            return configuration
        }
    }

    package init(
        _ configuration: Configuration, surroundings: Surroundings, resolver: any Resolver,
        registry: Registry, intake: Intake, signingKeys: SigningKeys? = nil,
        quotas: Quotas? = nil, scriptedRefusal: ScriptedRefusal? = nil, log: Logger
    ) {
        self.scriptedRefusal = scriptedRefusal
        self.quotas = quotas
        self.configuration = configuration.completed
        self.surroundings = surroundings
        self.registry = registry
        self.intake = intake
        self.signingKeys = signingKeys
        self.log = log
        meters = Meters(configuration.name)
        senderDomains = SenderDomains(resolver, time: surroundings.time)
    }

    /// What became of messages whose content came.
    struct Meters: Sendable {
        let accepted: Counter
        let refused: Counter

        init(_ service: String) {
            let dimensions = [("service", service)]
            accepted = Counter(
                label: "postreiter_accepted_messages_total", dimensions: dimensions)
            refused = Counter(label: "postreiter_refused_messages_total", dimensions: dimensions)
        }
    }

    /// A handshake takes a few round trips; more is a peer that holds the connection for nothing.
    static let handshakeTimeout = Duration.minutes(1)

    /// Whether a stranger there must name a domain that is there.
    func requiresSenderDomain(of client: IPAddress) -> Bool {
        configuration.inspector?.requiresSenderDomain == true
            && !configuration.ownNetworks.contains(client)
    }

    /// Serves one connection to its end.
    package func handle(_ connection: any Connection) async {
        if configuration.isImplicitTLS {
            guard let identity = configuration.identity else { return }
            do throws(NetworkFailure) {
                try await connection.startTLS(
                    .server(identity, asksForCertificate: configuration.asksForCertificate),
                    deadline: surroundings.time.now + Self.handshakeTimeout)
            } catch {
                log.debug("no TLS with \(connection.remoteAddress): \(error)")
                return
            }
        }
        var dialogue = SMTPDialogue(self, connection)
        await dialogue.run()
    }

    /// What is noted of a client; programs of this site that speak LMTP are not watched.
    func visit(of client: SocketAddress) -> Visit? {
        guard configuration.session.service != .local else { return nil }
        return configuration.gatekeeper?.visit(
            of: client, service: configuration.name,
            isExchange: configuration.session.service == .exchange)
    }

    /// Says why a connection is not served; without a word where TLS would have to come first.
    package func turnAway(_ connection: any Connection, _ refusal: Admission.Refusal) {
        log.debug("turned \(connection.remoteAddress) away: \(refusal)")
        guard !configuration.isImplicitTLS else { return }
        let reply: Reply =
            switch refusal {
            case .tooMany: .tooManyConnections
            case .tooManyFromNetwork: .tooManyFromNetwork
            case .tooFastFromNetwork: .tooFastFromNetwork
            case .banned(let cause, let isFinal): Reply(bannedFor: cause, isFinal: isFinal)
            }
        connection.write(reply.encoded)
    }
}

extension [IPNetwork] {
    /// Whether the address is in one of them.
    func contains(_ address: IPAddress) -> Bool { contains { $0.contains(address) } }
}

extension Reply {
    init(_ ban: Ban) { self.init(bannedFor: ban.cause, isFinal: ban.author != nil) }

    /// A server that has banned somebody unasked may be mistaken: it says "later".
    init(bannedFor cause: String, isFinal: Bool) {
        self.init(
            isFinal ? 554 : 421, isFinal ? 5 : 4, 7, 1,
            "No mail is taken from your network: \(cause)")
    }

    /// RFC 1985 §5.1.
    init(_ start: SMTPService.QueueStart, node: String) {
        switch start {
        case .started(0): self.init(251, 2, 0, 0, "OK, no messages waiting for node \(node)")
        case .started(let count):
            self.init(253, 2, 0, 0, "OK, \(count) pending messages for node \(node) started")
        case .notAllowed:
            self.init(459, 4, 7, 1, "Node \(node) not allowed: no mail is held for it here")
        case .unable: self.init(458, 4, 3, 0, "Unable to queue messages for node \(node)")
        }
    }
}
