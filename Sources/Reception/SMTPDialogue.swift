// SPDX-License-Identifier: Apache-2.0

import Bytes
import CoreMetrics
import DNS
import Defence
import Directory
import Filtering
import Logging
import Mail
import Maintenance
import MessageAuthentication
import SASL
import SMTP
import Spool
import World

/// The driver of one `SMTP.ServerSession`: performs its steps, and is the only place that waits.
struct SMTPDialogue: ~Copyable {
    private let service: SMTPService
    private let connection: any Connection
    private var policy: ReceptionPolicy
    /// Who is served: whoever connected or, behind a proxy that is trusted, whom it names.
    private var client: Client
    private var session: ServerSession
    private var account: Account?
    private var authentication: Authentication?
    /// Of the transaction under way, each once, with what aliases made of them.
    private var recipients = RecipientList()
    private var transaction: ServerSession.Transaction?
    /// What the DNS says of whoever sends; asked once a recipient is accepted.
    private var sender: SenderFacts?
    private var incoming: IncomingMessage?
    /// What the gatekeeper notes of this connection; nil without one.
    private let visit: Visit?
    /// What is waited for, and since when.
    private var waiting: (subject: UInt64, since: Instant)?
    /// Octets of replies written since the client last had to take them.
    private var unsentOctets = 0

    /// Replies written ahead of what the client takes: many commands in one go may each ask for
    /// a long one.
    private static let maximumUnsentOctets = 64 << 10
    /// The server is stopping: the transaction under way may be finished until then.
    private var finishingDeadline: Instant?

    /// What is not finished by then is broken off when the server stops.
    static let finishingGrace = Duration.seconds(30)

    init(_ service: SMTPService, _ connection: any Connection) {
        self.service = service
        self.connection = connection
        policy = ReceptionPolicy(
            registry: service.registry, senderDomains: service.senderDomains,
            ownAddresses: service.configuration.ownAddresses.union([connection.localAddress.host]))
        policy.quotas = service.quotas
        let host = connection.remoteAddress.host
        policy.requiresSenderDomain = service.requiresSenderDomain(of: host)
        client = Client(host: host)
        visit = service.visit(of: connection.remoteAddress)
        session = ServerSession(service.configuration.session, tls: connection.tls)
        session.isClientTrusted = service.configuration.priorityNetworks.contains(host)
        session.mayStateClient = service.configuration.xclientNetworks.contains(host)
        session.now = service.surroundings.time.timestamp
    }

    /// Speaks until either side ends it.
    mutating func run() async {
        await converse()
        await visit?.close()
    }

    private mutating func converse() async {
        service.configuration.arrivals?.connected(client.host)
        do throws(NetworkFailure) {
            while true {
                while let step = session.next() {
                    if case .close = step { return }
                    try await perform(step)
                }
                try await listen()
            }
        } catch {
            // The peer is gone, or we are stopping: what was not accepted is not kept.
            await discard()
            service.log.debug("connection with \(connection.remoteAddress) ended: \(error)")
        }
    }

    private mutating func listen() async throws(NetworkFailure) {
        var deadline = deadline()
        unsentOctets = 0
        if let finishingDeadline {
            guard !session.isBetweenTransactions else { return session.end(with: .shuttingDown) }
            deadline = min(deadline, finishingDeadline)
        }
        do throws(NetworkFailure) {
            if let octets = try await connection.receive(
                deadline: deadline, heedingCancellation: finishingDeadline == nil)
            {
                session.now = service.surroundings.time.timestamp
                session.receive(octets)
            } else {
                session.receiveEnd()
            }
        } catch {
            try conclude(error)
        }
    }

    /// When the client's time for what is waited for is over.
    private mutating func deadline() -> Instant {
        let now = service.surroundings.time.now
        let patience = session.patience
        if waiting?.subject != patience.subject { waiting = (patience.subject, now) }
        return min(now + patience.silence, (waiting?.since ?? now) + patience.total)
    }

    private mutating func conclude(_ failure: NetworkFailure) throws(NetworkFailure) {
        let time = service.surroundings.time
        switch failure {
        case .deadlinePassed where finishingDeadline.map { $0 <= time.now } ?? false:
            session.end(with: .shuttingDown)
        case .deadlinePassed: session.expire()
        case .cancelled:
            finishingDeadline = finishingDeadline ?? time.now + Self.finishingGrace
        default: throw failure
        }
    }

    /// A client that asks much and reads nothing is waited for before more is written.
    private mutating func send(_ reply: Reply) async throws(NetworkFailure) {
        if reply.isPermanentNegative { await holdUp(reply) }
        let octets = reply.encoded
        unsentOctets += octets.count
        connection.write(octets)
        guard unsentOctets > Self.maximumUnsentOctets else { return }
        unsentOctets = 0
        do throws(NetworkFailure) {
            try await connection.flush(
                deadline: service.surroundings.time.now + session.patience.silence)
        } catch {
            try conclude(error)
        }
    }

    /// Who errs again and again hears of it later and later, and in the end no more.
    private mutating func holdUp(_ reply: Reply) async {
        // Wrong passwords are counted, and answered late, where they are looked at.
        guard let visit, reply != .credentialsInvalid else { return }
        let offence: Offence? =
            reply == .mailboxUnknown
            ? .unknownRecipient : (500...504).contains(reply.code) ? .protocolAbuse : nil
        let (pause, isOver) = await visit.err(offence)
        if pause > .zero { try? await service.surroundings.time.sleep(for: pause) }
        if isOver { session.end(with: .tooManyErrors) }
    }

    private mutating func perform(_ step: ServerSession.Step) async throws(NetworkFailure) {
        switch step {
        case .send(let reply): try await send(reply)
        case .startTLS: try await startTLS()
        case .authenticate(let mechanism, let initialResponse):
            await authenticate(mechanism, initialResponse)
        case .authenticationResponse(let response): await authenticate(response)
        case .judgeSender(let transaction): await judgeSender(transaction)
        case .judgeRecipient(let path, let parameters): await judgeRecipient(path, parameters)
        case .openDraft(let transaction): await openDraft(transaction)
        case .content(let octets): await incoming?.take(octets)
        case .takeResponsibility: await takeResponsibility()
        case .startQueue(let request): await startQueue(request)
        case .assumeClient(let claims): await assume(claims)
        case .discardDraft: await discard()
        case .close: break
        }
    }

    // MARK: - TLS and AUTH

    private mutating func startTLS() async throws(NetworkFailure) {
        guard let identity = service.configuration.identity else { throw .tls("not configured") }
        try await connection.startTLS(
            .server(
                identity, asksForCertificate: service.configuration.asksForCertificate),
            deadline: service.surroundings.time.now + SMTPService.handshakeTimeout)
        guard let facts = connection.tls else { throw .tls("no facts") }
        session.secured(facts)
    }

    private mutating func authenticate(_ mechanism: String, _ initialResponse: [UInt8]?) async {
        guard let mechanism = Mechanism(named: mechanism) else {
            return session.authenticationFailed(.mechanismUnknown)
        }
        var attempt = Authentication(
            mechanism, registry: service.registry, peer: client.host, service: .smtp)
        conclude(await attempt.begin(initialResponse: initialResponse), attempt)
    }

    private mutating func authenticate(_ response: [UInt8]) async {
        guard var attempt = authentication else {
            return session.authenticationFailed(.badSequence)
        }
        conclude(await attempt.respond(response), attempt)
    }

    private mutating func conclude(
        _ progress: Authentication.Progress, _ attempt: Authentication
    ) {
        authentication = nil
        switch progress {
        case .challenge(let challenge):
            authentication = attempt
            session.authenticationChallenge(challenge)
        case .succeeded(let account):
            self.account = account
            session.authenticationSucceeded(identity: account.login.description)
        case .refused(let reason):
            service.log.notice(
                """
                login failed from \(client.host) \
                as \(attempt.claimedName ?? "nobody"): \(reason)
                """)
            session.authenticationFailed(.credentialsInvalid)
        case .tooManyFailures:
            service.log.notice(
                """
                login refused from \(client.host) as \(attempt.claimedName ?? "nobody"): \
                too many wrong passwords
                """)
            session.authenticationFailed(.tooManyWrongPasswords)
        case .temporarilyUnavailable(let reason):
            service.log.error("login from \(client.host) impossible: \(reason)")
            session.authenticationFailed(.authenticationUnavailable)
        }
    }

    // MARK: - The transaction

    private mutating func judgeSender(_ transaction: ServerSession.Transaction) async {
        recipients = RecipientList()
        self.transaction = transaction
        sender = nil
        var refusal = await policy.judgeSender(transaction.reversePath, account: account)
        if refusal == nil {
            refusal = await visit?.begin(
                transaction, account: account?.login, clientName: client.name)
        }
        guard let refusal else { return session.answer(.accept()) }
        service.log.info(
            "refused mail from <\(transaction.reversePath)> at \(client.host): \(refusal)")
        session.answer(.refuse(refusal))
    }

    private mutating func judgeRecipient(
        _ path: ForwardPath, _ parameters: RecipientParameters
    ) async {
        do throws(Reply) {
            var placement = try await policy.judgeRecipient(
                path, from: transaction?.reversePath ?? .null, account: account,
                octets: transaction?.parameters.declaredOctets)
            placement.pass(on: parameters)
            await inspectSender()
            let spf = sender?.policyResult
            if let reply = await visit?.judge(path, spf: spf) { throw reply }
            guard recipients.add(placement) else { throw .tooManyRecipients }
            session.answer(.accept())
        } catch {
            service.log.info(
                "refused <\(path)> from \(client.host): \(error)")
            session.answer(.refuse(error))
        }
    }

    /// Once for a transaction that will come to something: who sends is asked of the DNS.
    private mutating func inspectSender() async {
        guard sender == nil, account == nil, let transaction,
            let inspector = service.configuration.inspector
        else { return }
        sender = await inspector.examiner.senderFacts(
            client: client.host, hello: transaction.hello.name,
            reversePath: transaction.reversePath)
    }

    private mutating func openDraft(_ transaction: ServerSession.Transaction) async {
        var message = IncomingMessage(
            transaction, recipients: recipients, account: account,
            client: client, sender: sender, visit: visit, policy: policy, service: service)
        do throws(Reply) {
            try await message.open()
            incoming = consume message
            session.answer(.accept())
        } catch {
            session.answer(.refuse(error))
        }
    }

    /// The instant of success: when this answers with acceptance, the message is ours.
    private mutating func takeResponsibility() async {
        guard let message = incoming.take() else { return session.answer(.refuse(.localError)) }
        do throws(Reply) {
            let id = try await message.commit()
            service.meters.accepted.increment()
            service.configuration.arrivals?.accepted(client.host)
            session.answer(.accept("queued as \(id)"))
        } catch {
            service.meters.refused.increment()
            if error == .insufficientStorage { service.configuration.arrivals?.unable() }
            session.answer(.refuse(error))
        }
    }

    private mutating func discard() async {
        guard let message = incoming.take() else { return }
        await message.discard()
        await visit?.abandon()
    }

    // MARK: - ETRN and XCLIENT

    private mutating func startQueue(_ request: ServerSession.QueueRequest) async {
        guard let start = service.configuration.startQueue else {
            return session.answer(.refuse(.commandNotImplemented))
        }
        let node = (request.includesSubdomains ? "@" : "") + request.domain.name
        session.answer(.say(Reply(await start(request), node: node)))
    }

    /// The client's proxy has said who it is, and is believed.
    private mutating func assume(_ claims: ServerSession.ClientClaims) async {
        var owner: Account?
        if let login = claims.login {
            owner = await service.registry.enabledAccount(login: login)
            guard owner != nil else {
                return session.answer(.refuse(.authenticationUnavailable))
            }
        }
        account = owner
        if let host = claims.destinationAddress { policy.ownAddresses.insert(host) }
        client = Client(host: claims.address ?? client.host, name: claims.name)
        if let ban = visit?.assume(client.host, name: claims.name) {
            return session.answer(.refuse(Reply(ban)))
        }
        service.log.debug("\(connection.remoteAddress) speaks for \(client.host)")
        session.answer(.accept())
    }
}

/// The other end, as policy, trace fields and log see it.
struct Client: Sendable {
    let host: IPAddress
    /// Its verified name, if a proxy has told it.
    var name: String?

    /// With the name of its address, if that leads back to it.
    func named(by sender: SenderFacts?) -> Client {
        guard name == nil, let sender, sender.reverseName.result == .pass,
            let name = sender.reverseName.name
        else { return self }
        return Client(host: host, name: String(lossy: name.dotted))
    }
}
