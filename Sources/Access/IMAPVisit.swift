// SPDX-License-Identifier: Apache-2.0

import Bytes
import Directory
import IMAP
import Logging
import MessageStore
import SASL
import Spool
import World

/// One client from its greeting to its end: the loop that performs the session's steps.
struct IMAPVisit: ~Copyable {
    let service: IMAPService
    private(set) var connection: any Connection
    var logger: Logger
    var session: ServerSession
    private var authentication: Authentication?
    var account: Account?
    var selected: OpenMailbox?
    var appending = Appending()
    /// Told of changes in the account's mailboxes.
    private let news: News
    private var watch: MailboxChanges.Watch?
    private var isIdling = false
    /// What the client has asked to hear of; nil: it never did, and hears what IMAP tells by itself.
    var notification: Notification?
    /// This client has done something of which it is told in any case.
    private var hasOwnNews = false
    /// What is written and not sent yet.
    var writer = ResponseWriter()
    private var unsentOctets = 0
    /// When the client last heard of the command that is performed (RFC 9585).
    var toldProgress = Instant(nanoseconds: 0)
    /// Which line is waited for, and since when.
    private var waiting: (line: UInt64, since: Instant)?

    /// Why the loop ends; the peer gets no more answer.
    enum Ending: Error {
        /// The session said so.
        case closed
        case network(NetworkFailure)
        /// A message broke off half sent: only the end of the connection can tell the client.
        case unreadable(String)
    }

    init(_ service: IMAPService, _ connection: any Connection, _ logger: Logger) {
        self.service = service
        self.connection = connection
        self.logger = logger
        session = ServerSession(service.policy, isProtected: connection.tls != nil)
        news = News(connection)
    }

    /// Performs all that the client has asked for; nil when it has to be heard again.
    mutating func serve() async -> Ending? {
        do throws(Ending) {
            if isIdling {
                try await tellNews()
                try await send()
            }
            while let step = session.next() { try await perform(step) }
            try await tellUnasked()
            return nil
        } catch {
            return error
        }
    }

    /// Takes in what comes next from the client, or that there is news for it.
    mutating func listen() async -> Ending? {
        let now = service.surroundings.time.now
        let line = session.linesRead
        if waiting?.line != line { waiting = (line, now) }
        let patience =
            account == nil ? ServerSession.unauthenticatedTimeout : ServerSession.idleTimeout
        unsentOctets = 0
        do {
            let octets = try await connection.receive(
                deadline: (waiting?.since ?? now) + patience)
            if let octets { session.receive(octets) } else { session.receiveEnd() }
        } catch {
            switch error {
            case .interrupted: break
            case .deadlinePassed: session.terminate(nil, "nothing came for too long")
            case .cancelled: session.terminate(.unavailable, "the server stops, come back soon")
            default: return .network(error)
            }
        }
        return nil
    }

    /// Leaves nothing behind but the log.
    mutating func end(_ ending: Ending) async {
        switch ending {
        case .closed: break
        case .network(let failure): logger.debug("IMAP connection ended: \(failure)")
        case .unreadable(let reason): logger.error("a message cannot be read: \(reason)")
        }
        // Who closes the connection knows nothing of what is still to be packed.
        (connection as? CompressedConnection)?.push()
        if let watch { service.mailboxes.changes.end(watch) }
        await leave()
        await abortAppend()
        if account != nil { logger.info("IMAP session ended") }
    }

    private mutating func perform(_ step: ServerSession.Step) async throws(Ending) {
        switch step {
        case .send(let octets): try await send(octets)
        case .startTLS: try await startTLS()
        case .startCompression:
            // RFC 4978 §3: the answer is the last that is not compressed.
            connection = CompressedConnection(connection, time: service.surroundings.time)
        case .authenticate(let name, let initialResponse): await begin(name, initialResponse)
        case .authenticationResponse(let response):
            guard var exchange = authentication else { return session.refuse() }
            let progress = await exchange.respond(response)
            authentication = exchange
            await conclude(progress)
        case .cancelAuthentication: authentication = nil
        case .perform(let command): try await answer(command)
        case .tellHighestModificationSequence: try await tellHighestModificationSequence()
        case .beginAppend(let append): await beginAppend(append)
        case .appendMessage(let message): await appendMessage(message)
        case .appendContent(let octets): await appendContent(octets)
        case .endAppend: try await endAppend()
        case .abortAppend: await abortAppend()
        case .idle:
            isIdling = true
            wakeAsWanted()
            try await tellNews()
            try await send()
        case .endIdle:
            isIdling = false
            wakeAsWanted()
            try await tellNews()
            try await send()
            session.complete(.ok())
        case .close: throw .closed
        }
    }

    /// Performs a command and ends it with its tagged response; a refusal is one, too.
    private mutating func answer(_ command: Command) async throws(Ending) {
        writer = ResponseWriter(session.enabled)
        toldProgress = service.surroundings.time.now
        var completion: Completion
        do {
            let isAboutMailboxes = notification?.watch != nil && command.changesMailboxes
            if isAboutMailboxes { try tellWatched() }
            completion = try await obey(command)
            if isAboutMailboxes { try adoptOwnChanges() }
        } catch let ending as Ending {
            throw ending
        } catch {
            completion = refusal(error)
        }
        let hadPending = selected?.view.pending.isEmpty == false
        // RFC 9051 §7.5.1: no EXPUNGE while numbers are being talked about.
        try await tellNews(command.occasion)
        let hasPending = selected?.view.pending.isEmpty == false
        if let selected, hadPending || hasPending, session.enabled.contains(.qresync) {
            // RFC 7162 §6: what is told of flags reaches further than what is told of messages.
            writer.untagged(
                .ok(
                    .highestModificationSequence(selected.view.settledModificationSequence),
                    hasPending ? "not all is told yet" : "all is told"))
        }
        try await send()
        if hasPending, completion == .ok() {
            // RFC 5530 §3.
            completion = .ok(.expungeIssued, "some messages are gone")
        }
        session.complete(completion)
    }

    func refusal(_ error: any Error) -> Completion {
        switch error {
        case let completion as Completion: return completion
        case let refusal as MailboxRefusal: return Completion(refusal)
        default:
            logger.error("the mailboxes cannot be used: \(error)")
            return .no(.unavailable, "the mailboxes cannot be used at the moment, try again later")
        }
    }

    // MARK: - Octets

    /// Sends what the writer holds.
    mutating func send() async throws(Ending) {
        guard !writer.isEmpty else { return }
        try await send(writer.take())
    }

    /// Writes, and waits for the client when it is behind.
    mutating func send(_ octets: consuming [UInt8]) async throws(Ending) {
        unsentOctets += octets.count
        connection.write(octets)
        guard unsentOctets >= IMAPService.unsentLimitOctets else { return }
        try await push()
    }

    /// Sends all that is written now.
    mutating func push() async throws(Ending) {
        unsentOctets = 0
        do {
            try await connection.flush(
                deadline: service.surroundings.time.now + ServerSession.idleTimeout)
        } catch {
            throw .network(error)
        }
    }

    private mutating func startTLS() async throws(Ending) {
        guard let identity = service.configuration.identity else { throw .closed }
        do {
            try await connection.startTLS(
                .server(identity),
                deadline: service.surroundings.time.now + IMAPService.handshakeTimeout)
        } catch {
            throw .network(error)
        }
        session.tlsStarted()
    }

    // MARK: - News

    /// Writes what has happened, as far as it may be told now.
    mutating func tellNews(
        _ occasion: SelectedMailbox.Occasion = .anything
    ) async throws(Ending) {
        let isNew = news.take()
        if writer.isEmpty { writer = ResponseWriter(session.enabled) }
        do {
            if isNew { try tellWatched() }
            try await tellSelected(occasion, isNew: isNew)
        } catch let ending as Ending {
            throw ending
        } catch {
            // It is told next time.
            news.put()
            logger.error("changes of mailboxes cannot be read: \(error)")
        }
    }

    /// The same in the mailbox that is selected.
    private mutating func tellSelected(
        _ occasion: SelectedMailbox.Occasion, isNew: Bool
    ) async throws {
        guard var open = selected else { return }
        guard isNew || occasion == .anything && !open.view.pending.isEmpty else { return }
        let wanted = wantedEvents
        // RFC 5465 §3.1: who asked for other things hears nothing of it but what it does itself.
        guard wanted?.contains(.messageNew) ?? true || hasOwnNews else { return }
        guard
            let changes = try service.mailboxes.changes(
                of: open.id, since: Int64(open.view.modificationSequence),
                uidNext: open.uidNext)
        else {
            selected = nil
            return session.terminate(nil, "the mailbox has been deleted")
        }
        let firstNew = open.uidNext
        open.tell(
            changes, occasion, session.enabled,
            firstRecent: try firstRecent(
                changes.mailbox, told: firstNew, isReadOnly: open.view.isReadOnly),
            wanted: wanted, to: &writer)
        selected = open
        hasOwnNews = false
        if open.uidNext > firstNew {
            try await tellNewMessages(
                open.view.uids.uids(in: NumberSet(firstNew...open.uidNext - 1)))
        }
    }

    /// From which UID on no session was told of messages; none is recent for who knows
    /// IMAP4rev2.
    func firstRecent(
        _ mailbox: Mailbox, told uidNext: UInt32, isReadOnly: Bool
    ) throws -> UInt32? {
        guard mailbox.uidNext > uidNext, !session.enabled.contains(.imap4rev2) else { return nil }
        // RFC 3501 §6.3.2: EXAMINE takes it from nobody.
        return try isReadOnly
            ? service.mailboxes.firstRecent(of: mailbox.id)
            : service.mailboxes.claimRecent(of: mailbox.id, below: mailbox.uidNext)
    }

    /// Leaves the mailbox that is selected, if one is.
    mutating func leave() async {
        guard let left = selected.take() else { return }
        do {
            try await service.mailboxes.keepRecent(of: left.id)
        } catch {
            logger.debug("what is recent in a mailbox is not kept: \(error)")
        }
    }

    /// CONDSTORE was switched on with a mailbox open (RFC 7162 §3.1, §3.1.2.1).
    private mutating func tellHighestModificationSequence() async throws(Ending) {
        guard let selected else { return }
        if writer.isEmpty { writer = ResponseWriter(session.enabled) }
        writer.untagged(
            .ok(
                .highestModificationSequence(selected.view.modificationSequence),
                "the latest change"))
        try await send()
    }

    /// Who wants to hear of something at any time is told it now (RFC 5465 §3).
    private mutating func tellUnasked() async throws(Ending) {
        guard let notification, notification.wakes, !isIdling, session.isBetweenCommands else {
            return
        }
        // RFC 5465 §6.1.2: the numbers of messages stay as they are until the next command.
        let isDelayed = notification.selected?.filter != .selected
        try await tellNews(isDelayed ? .withoutExpunge : .anything)
        try await send()
    }

    /// A session that idles, or has asked for it, is woken by news.
    func wakeAsWanted() { news.interrupts(isIdling || notification?.wakes == true) }

    /// This session has changed something itself: the next look finds it.
    mutating func notePending() {
        hasOwnNews = true
        news.put()
    }

    /// The next look finds what was not told before.
    func lookAgain() { news.put() }
}

// MARK: - Logging in

extension IMAPVisit {
    private mutating func begin(_ name: String, _ initialResponse: [UInt8]?) async {
        guard let mechanism = Mechanism(named: name) else { return session.refuse() }
        var exchange = Authentication(
            mechanism, registry: service.registry, peer: connection.remoteAddress.host,
            service: .imap)
        let progress = await exchange.begin(initialResponse: initialResponse)
        authentication = exchange
        await conclude(progress)
    }

    private mutating func conclude(_ progress: Authentication.Progress) async {
        switch progress {
        case .challenge(let challenge): return session.challenge(challenge)
        case .succeeded(let account): await enter(account)
        case .refused(let failure):
            logger.notice(
                "IMAP login refused: \(failure)",
                metadata: ["name": "\(authentication?.claimedName ?? "")"])
            session.refuse()
        case .tooManyFailures:
            logger.notice(
                "IMAP login refused: too many wrong passwords",
                metadata: ["name": "\(authentication?.claimedName ?? "")"])
            session.refuse(.unavailable, "too many wrong passwords, try again later")
        case .temporarilyUnavailable(let reason):
            logger.error("IMAP login impossible: \(reason)")
            session.refuse(.unavailable, "logging in is not possible at the moment")
        }
        authentication = nil
    }

    private mutating func enter(_ account: Account) async {
        do {
            try await service.mailboxes.furnish(account.id.rawValue)
        } catch {
            logger.error("the mailboxes cannot be made: \(error)")
            return session.refuse(.unavailable, "the mailboxes cannot be used at the moment")
        }
        self.account = account
        logger[metadataKey: "account"] = "\(account.login)"
        let news = news
        watch = service.mailboxes.changes.watch(account.id.rawValue) { news.put() }
        logger.info("IMAP login")
        session.authenticated()
    }

    /// Whose mailboxes are shown: a session that performs commands has one.
    var owner: Int64 {
        guard let account else { preconditionFailure("a command before login") }
        return account.id.rawValue
    }
}

extension Command {
    /// Whether it changes names, subscriptions or annotations.
    fileprivate var changesMailboxes: Bool {
        switch self {
        case .create, .delete, .rename, .subscribe, .unsubscribe, .setMetadata: true
        default: false
        }
    }

    /// What may be told behind it (RFC 9051 §7.5.1).
    fileprivate var occasion: SelectedMailbox.Occasion {
        switch self {
        case .fetch(let fetch) where !fetch.isUID: .withoutExpunge
        case .store(let store) where !store.isUID: .withoutExpunge
        case .search(let search) where !search.isUID: .withoutExpunge
        case .sort(let sort) where !sort.isUID: .withoutExpunge
        case .thread(let thread) where !thread.isUID: .withoutExpunge
        default: .anything
        }
    }
}

extension Completion {
    /// Why something cannot be done with a mailbox (RFC 5530).
    init(_ refusal: MailboxRefusal) {
        self =
            switch refusal {
            case .exists: .no(.alreadyExists, "there is a mailbox of that name")
            case .nonexistent: .no(.nonExistent, "there is no such mailbox")
            case .inbox: .no(.cannot, "INBOX stays")
            case .useTaken: .no(.useAttribute, "another mailbox has that use")
            case .limit: .no(.limit, "there are too many already")
            case .overQuota: .no(.overQuota, "the mailboxes are full")
            case .messageGone: .no(.nonExistent, "there is no such message any more")
            case .tooManyAnnotations: .no(.metadataTooMany, "there are too many annotations")
            case .annotationTooLarge(let limit):
                .no(
                    .metadataMaximumSize(UInt64(limit)), "an annotation has \(limit) octets at most"
                )
            }
    }
}
