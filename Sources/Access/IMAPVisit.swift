// SPDX-License-Identifier: Apache-2.0

import Bytes
import Directory
import IMAP
import Logging
import MessageStore
import Spool
import Storage
import Tenancy
import World

/// One client from its greeting to its end: the loop that performs the session's steps.
struct IMAPVisit: ~Copyable {
    typealias Ending = ClientLine.Ending

    let service: IMAPService
    private var line: ClientLine
    var session: ServerSession
    var account: Account?
    var selected: OpenMailbox?
    var appending = Appending()
    var knownTarget: KnownTarget?
    /// To the store, which of those who write this one is.
    let identity = WriterIdentity()
    /// Told of changes in the account's mailboxes.
    private let news: News
    private var watch: MailboxChanges.Watch?
    /// Of others whose mailboxes are looked at.
    private var otherWatches: [Int64: MailboxChanges.Watch] = [:]
    private var isIdling = false
    /// What the client has asked to hear of; nil: it never did, and hears what IMAP tells by itself.
    var notification: Notification?
    /// This client has done something of which it is told in any case.
    private var hasOwnNews = false
    /// What is written and not sent yet.
    var writer = ResponseWriter()
    /// When the client last heard of the command that is performed (RFC 9585).
    var toldProgress = Instant(nanoseconds: 0)

    init(_ service: IMAPService, _ line: consuming ClientLine) {
        self.service = service
        session = ServerSession(service.policy, isProtected: line.connection.tls != nil)
        news = News(line.connection)
        self.line = line
    }

    var logger: Logger { line.logger }

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
        let deadline = line.deadline(
            ofLine: session.linesRead,
            patience: account == nil
                ? ServerSession.unauthenticatedTimeout : ServerSession.idleTimeout)
        do {
            let octets = try await line.connection.receive(deadline: deadline)
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
        (line.connection as? CompressedConnection)?.push()
        if let watch { service.mailboxes.changes.end(watch) }
        await leave()
        notification = nil
        watchOthers()
        await abortAppend()
        if account != nil { logger.info("IMAP session ended") }
    }

    private mutating func perform(_ step: ServerSession.Step) async throws(Ending) {
        switch step {
        case .send(let octets): try await send(octets)
        case .startTLS:
            try await line.startTLS(service.configuration.identity)
            session.tlsStarted()
        // RFC 4978 §3: the answer is the last that is not compressed.
        case .startCompression: line.compress()
        case .authenticate(let name, let initialResponse):
            await conclude(await line.logIn(name, initialResponse))
        case .authenticationResponse(let response): await conclude(await line.logIn(response))
        case .cancelAuthentication: line.cancelLogin()
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
            guard try refreshRights() else { return try await send() }
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
        case let failure as AccessListFailure: return Completion(failure)
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
        try await line.send(octets)
    }

    /// Sends all that is written now.
    mutating func push() async throws(Ending) { try await line.push() }

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
        if isNew, try !refreshRights() { return }
        guard var open = selected else { return }
        guard isNew || occasion == .anything && !open.view.pending.isEmpty else { return }
        let wanted = wantedEvents
        // RFC 5465 §3.1: who asked for other things hears nothing of it but what it does itself.
        guard wanted?.contains(.messageNew) ?? true || hasOwnNews else { return }
        guard
            let changes = try service.mailboxes.changes(
                of: open.id, since: Int64(open.view.modificationSequence),
                uidNext: open.uidNext, by: open.reader)
        else {
            selected = nil
            return session.terminate(nil, "the mailbox has been deleted")
        }
        let firstNew = open.uidNext
        open.tell(
            changes, occasion, session.enabled,
            firstRecent: try firstRecent(
                changes.mailbox, told: firstNew, isReadOnly: open.leavesRecent),
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
        if !left.isOwn { watchOthers() }
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

    /// What the client may do with somebody else's mailbox that it has selected is as others say
    /// now; false if it may not read it any more (RFC 4314 §5.1.1).
    private mutating func refreshRights() throws -> Bool {
        guard var open = selected, !open.isOwn, let account else { return true }
        // That it has gone is found elsewhere.
        guard let mailbox = try service.mailboxes.find(open.id) else { return true }
        let rights = try service.sharing.rights(to: mailbox, for: account)
        guard rights != open.rights else { return true }
        guard rights.contains(.read) else {
            selected = nil
            session.terminate(nil, "you may not read this mailbox any more")
            return false
        }
        let flags = open.permanentFlags
        open.rights = rights
        selected = open
        if open.permanentFlags != flags {
            writer.flags(open.view.keywords, permanent: open.permanentFlags)
        }
        return true
    }

    /// Is told of changes in the mailboxes of others: of the selected one, and of those watched.
    mutating func watchOthers() {
        var owners = notification?.owners ?? []
        if let selected, !selected.isOwn { owners.insert(selected.owner) }
        guard !owners.isEmpty || !otherWatches.isEmpty else { return }
        for owner in otherWatches.keys.sorted() where !owners.contains(owner) {
            if let watch = otherWatches.removeValue(forKey: owner) {
                service.mailboxes.changes.end(watch)
            }
        }
        for owner in owners.sorted() where otherWatches[owner] == nil {
            let news = news
            otherWatches[owner] = service.mailboxes.changes.watch(owner) { news.put() }
        }
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
    private mutating func conclude(_ login: ClientLine.Login) async {
        switch login {
        case .challenge(let challenge): session.challenge(challenge)
        case .succeeded(let account): await enter(account)
        case .refused: session.refuse()
        case .unavailable(let reason): session.refuse(.unavailable, reason)
        }
    }

    private mutating func enter(_ account: Account) async {
        do {
            try await service.mailboxes.furnish(account.id.rawValue)
        } catch {
            logger.error("the mailboxes cannot be made: \(error)")
            return session.refuse(.unavailable, "the mailboxes cannot be used at the moment")
        }
        self.account = account
        let news = news
        watch = service.mailboxes.changes.watch(account.id.rawValue) { news.put() }
        logger.info("IMAP login")
        session.authenticated()
    }

    /// For whom mailboxes are shown: a session that performs commands has one.
    var reader: Account {
        guard let account else { preconditionFailure("a command before login") }
        return account
    }

    /// Whose own mailboxes are shown.
    var owner: Int64 { reader.id.rawValue }
}

extension Command {
    /// Whether it changes names, subscriptions or annotations.
    fileprivate var changesMailboxes: Bool {
        switch self {
        case .create, .delete, .rename, .subscribe, .unsubscribe, .setMetadata, .setACL,
            .deleteACL:
            true
        default: false
        }
    }

    /// What may be told behind it (RFC 9051 §7.5.1).
    fileprivate var occasion: SelectedMailbox.Occasion {
        switch self {
        case .fetch(let fetch) where !fetch.isUID: .withoutExpunge
        case .store(let store) where !store.isUID: .withoutExpunge
        case .search(let search) where !search.isUID: .withoutExpunge
        case .refusedSave: .withoutExpunge
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
            case .notPermitted: .no(.noPerm, "you may not do that with this mailbox")
            case .tooManyGrants:
                .no(.limit, "that many have rights already; for a whole domain there is @DOMAIN")
            case .tooManyAnnotations: .no(.metadataTooMany, "there are too many annotations")
            case .annotationTooLarge(let limit):
                .no(
                    .metadataMaximumSize(UInt64(limit)), "an annotation has \(limit) octets at most"
                )
            }
    }
}
