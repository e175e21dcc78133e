// SPDX-License-Identifier: Apache-2.0

import ARC
import Bytes
import DefenceStore
import Directory
import Filtering
import Journal
import KeyRing
import Logging
import MIME
import Mail
import MessageAuthentication
import SMTP
import ScriptStore
import Sieve
import Spool
import Storage
import Tenancy
import World

/// A message on its way in: its header is completed, its octets stream into a draft, and at the
/// end it is committed whole, or it has never been here.
struct IncomingMessage: ~Copyable {
    private let transaction: ServerSession.Transaction
    private var recipients: RecipientList
    /// As MAIL said, or as filters want it.
    private var reversePath: ReversePath
    private var isInternational: Bool
    private let policy: ReceptionPolicy
    private let account: Account?
    private let client: Client
    private let sender: SenderFacts?
    private let service: SMTPService
    private let received: Timestamp
    private var draft: Draft
    private var header = HeaderIntake()
    private var messageID: String?
    /// As declared, or what the octets turn out to be.
    private var body: Envelope.Body
    /// As the envelope says, and what the header adds.
    private var requests: Envelope.Requests
    /// Finds out who sent it; nil if nobody asks.
    private var inspection: Inspection?
    /// What that came to.
    private var source: [Fact.Field] = []
    /// Of a submission whose domain signs.
    private var signing: MessageSigning?
    private var authors: [Domain] = []
    /// Recipients that filters have taken away.
    private var removed: [Fact] = []
    /// Filters and scores; nil without a gatekeeper.
    private var watch: Watch?
    /// Once set, what still comes is read and forgotten.
    private var refusal: Reply?

    /// RFC 5321 §6.3: a limit of at least 100 Received fields detects loops.
    static let maximumHops = 100
    /// Of a refused message so many recipients are kept in the journal.
    private static let maximumRefusedRecipients = 20

    init(
        _ transaction: ServerSession.Transaction, recipients: RecipientList,
        account: Account?, client: Client, sender: SenderFacts?, visit: Visit?,
        policy: ReceptionPolicy, service: SMTPService
    ) {
        self.transaction = transaction
        self.recipients = recipients
        self.account = account
        self.client = client.named(by: sender)
        self.sender = sender
        self.policy = policy
        self.service = service
        reversePath = transaction.reversePath
        isInternational = transaction.parameters.isInternational
        received = service.surroundings.time.timestamp
        body = transaction.parameters.body
        requests = transaction.parameters.requests
        draft = service.intake.open()
        watch = visit.map { Watch($0) }
        if isFromStranger { watch?.readStructure() }
    }

    /// The content begins; throws what filters say to that.
    mutating func open() async throws(Reply) { try await watch?.open(draft.id) }

    /// Takes octets of the message, in order.
    mutating func take(_ octets: ArraySlice<UInt8>) async {
        guard refusal == nil else { return }
        do throws(Reply) {
            guard !header.isComplete else { return try await appendBody(octets) }
            switch header.take(octets) {
            case .needsMore: break
            case .tooLarge: throw .headerTooLarge
            case .complete(let rest):
                try await completeHeader()
                try await appendBody(rest)
            }
        } catch {
            refusal = error
        }
    }

    /// Commits and syncs; returns the queue id, or throws the refusal and keeps nothing.
    consuming func commit() async throws(Reply) -> QueueID {
        if refusal == nil, !header.isComplete {
            do throws(Reply) { try await completeHeader() } catch { refusal = error }
        }
        await concludeInspection()
        if refusal == nil, let fields = signing?.finish() { draft.prepend(fields) }
        await askScript()
        if let refusal {
            await draft.discard()
            throw refusal
        }
        var acceptance = Acceptance(
            Envelope(
                from: reversePath, to: recipients.all, body: body,
                isInternational: isInternational, requests: requests),
            messageID: messageID, source: origin + source)
        let usual = service.intake.lifetimes.lifetime(from: reversePath)
        acceptance.expires = received + recipients.lifetime(usual: usual)
        let (log, summary) = (service.log, summary)
        let alongside = alongside
        do {
            let id = try await draft.commit(acceptance, alongside: alongside)
            log.info("accepted \(summary)", metadata: ["id": "\(id)"])
            return id
        } catch {
            log.error("a message was not accepted, the store failed: \(error)")
            throw Reply(storage: error)
        }
    }

    /// Whether the script of its only recipient rejects it (RFC 5429 §2.1.1).
    ///
    /// Not of what is taken for junk: that is put aside. A script that cannot be run refuses
    /// nothing.
    private mutating func askScript() async {
        guard refusal == nil, !requests.isJunk, let judge = service.scriptedRefusal,
            let recipient = recipients.only
        else { return }
        do {
            let octets = draft.octets
            guard let owner = try await judge.account(of: recipient), judge.hold(octets)
            else { return }
            defer { judge.release(octets) }
            var incoming = try await incoming(for: recipient, owner)
            incoming.message = try await draft.contents()
            guard let answer = try await judge.judge(incoming, of: owner) else { return }
            refusal = answer.reply
            service.log.info(
                "refused \(summary): its recipient's \(answer.summary)",
                metadata: ["id": "\(draft.id)"])
            await noteRefusal(answer.reply, because: answer.summary)
        } catch {
            service.log.warning(
                """
                the script of \(recipient.address) cannot be asked, the message is accepted: \(error)
                """, metadata: ["id": "\(draft.id)"])
        }
    }

    /// As delivery will see it, but for its octets.
    private func incoming(
        for recipient: Envelope.Recipient, _ owner: AccountID
    ) async throws -> Incoming {
        var incoming = Incoming(
            message: [], sender: reversePath.description,
            recipient: (recipient.original ?? recipient.address).description,
            now: service.surroundings.time.timestamp)
        incoming.ownAddresses =
            try await service.registry.addresses(of: owner).map(\.description)
            + [recipient.address.description]
        if let verdict = watch?.verdict { incoming.take(FilterFindings(verdict)) }
        incoming.setEnvironment(
            host: service.configuration.session.hostName.name,
            domain: recipient.address.domain?.name ?? "")
        return incoming
    }

    consuming func discard() async { await draft.discard() }

    /// Brought to the exchange from elsewhere, without a password.
    private var isFromStranger: Bool {
        account == nil && service.configuration.session.service == .exchange
            && !service.configuration.ownNetworks.contains(client.host)
    }

    /// Octets behind the header.
    private mutating func appendBody(_ octets: ArraySlice<UInt8>) async throws(Reply) {
        inspection?.update(octets)
        signing?.update(octets)
        try await watch?.take(body: octets)
        try await append(octets)
    }

    private mutating func append(_ octets: ArraySlice<UInt8>) async throws(Reply) {
        // Many clients send what they never declared; the next host must not get it unannounced.
        if body == .sevenBit, octets.holdsEightBit { body = .eightBitMIME }
        do throws(StorageFailure) {
            try await draft.append(octets)
        } catch {
            throw Reply(storage: error)
        }
    }

    /// Puts the trace field before the header, and what a submission must have and lacks.
    private mutating func completeHeader() async throws(Reply) {
        let scan = HeaderScan(header.octets[...])
        guard scan.receivedCount < Self.maximumHops else { throw .mailLoop }
        // RFC 6532 §3.1: what says it is UTF-8 is.
        if transaction.parameters.isInternational, scan.isInternational,
            String(validating: header.octets, as: UTF8.self) == nil
        {
            throw .headerNotUTF8
        }
        // RFC 8689 §4.1: REQUIRETLS outweighs the field.
        requests.waivesTLSPolicy = scan.waivesTLSPolicy && !requests.requiresTLS
        let trace = ReceivedField(
            transaction, client: client, hostName: service.configuration.session.hostName,
            queueID: draft.id, recipient: recipients.only?.address, time: received
        ).octets
        var written = header.octets
        var additions: [UInt8] = []
        if let account {
            var submission = SubmissionHeader(header.octets, scan)
            try await submission.judge(
                account,
                by: SendingRights(registry: service.registry, quotas: service.quotas))
            additions = submission.additions(
                at: received, queueID: draft.id,
                domain: account.login.domain ?? service.configuration.session.hostName,
                sender: account.login)
            written = submission.header
            authors = submission.authorDomains
        }
        let inspector = service.configuration.inspector
        if scan.hasAuthenticationResults, let inspector {
            written = AuthenticationResults.removed(
                from: written, authservID: inspector.examiner.authservID)
        }
        if scan.hasSpamVerdicts, isFromStranger {
            written = HeaderScan.without(HeaderScan.spamVerdicts, written[...])
        }
        if let inspector, let sender {
            inspection = await inspector.inspect(
                header: header.octets, kept: written, of: sender,
                forwardedBy: recipients.forwarder)
        }
        // A message that begins with its body still has a header: ours.
        if scan.headerEnd == 0, scan.bodyStart == 0 { additions += [.carriageReturn, .lineFeed] }
        let own = additions + written
        // RFC 6376 §5.1: by the domain of who wrote it, which is the account's.
        signing = service.signingKeys?.signing(own, forFirstOf: authors, at: received)
        messageID =
            (scan.messageIdentifier ?? HeaderScan.value(of: "Message-ID", in: additions[...]))
            .flatMap { MessageIdentifier.parse($0).first?.description }
        let octets =
            try await watch?.take(
                header: own, scan, received: header.octets,
                isInternational: transaction.parameters.isInternational, below: trace)
            ?? trace + own
        header.complete()
        if body == .sevenBit, own[...].holdsEightBit { body = .eightBitMIME }
        try await append(octets[...])
    }

    /// The end of the octets: puts what was found out above them, or refuses them.
    private mutating func concludeInspection() async {
        let result = refusal == nil ? await inspection?.conclude(for: recipients.domains) : nil
        if let result { await follow(result) }
        let ending = await weigh(result?.findings)
        guard let result else { return }
        draft.prepend(result.fields)
        // What is sealed is what goes on: after the filters.
        draft.prepend(
            inspection?.seal(result, header: ending?.edited, body: ending?.conclusion.body) ?? [])
    }

    /// What the domain of the author wants.
    private mutating func follow(_ result: Inspection.Result) async {
        source = result.facts
        requests.forgery = result.forgery
        switch result.decision.action {
        case .accept: break
        case .quarantine: requests.isJunk = true
        case .reject, .postpone:
            let reply =
                result.decision.action == .reject
                ? Reply(rejecting: result.decision) : Reply(postponing: result.decision)
            refusal = reply
            service.log.info("refused \(summary): \(reply)", metadata: ["id": "\(draft.id)"])
            await noteRefusal(reply, because: result.decision.reason)
        }
    }

    /// A refusal stands whether or not it can be written down.
    private func noteRefusal(_ reply: Reply, because reason: String?) async {
        do {
            try await service.intake.note(refused(reply, because: reason))
        } catch {
            service.log.warning(
                """
                the journal does not know that \(draft.id) was refused, as the store failed: \
                \(error); the client has been told, but `trace` will not find it: see that the disk \
                of the data folder has space and works
                """, metadata: ["id": "\(draft.id)"])
        }
    }

    /// For those who ask later why it never came.
    private func refused(_ reply: Reply, because reason: String?) -> [Fact] {
        var fields = [Fact.Field(.sender, transaction.reversePath)] + origin + source
        if let messageID { fields.append(Fact.Field(.messageID, messageID)) }
        let now = service.surroundings.time.timestamp
        return recipients.all.prefix(Self.maximumRefusedRecipients).map { recipient in
            Fact(
                .refused, of: draft.id, at: now, recipient: recipient.address,
                status: reply.status, text: reason, fields: fields)
        }
    }

    /// What filters and the score say to it.
    private mutating func weigh(_ findings: Findings?) async -> Watch.Ending? {
        guard watch != nil else { return nil }
        guard refusal == nil, let ending = await watch?.conclude(findings) else {
            await watch?.abandon()
            return nil
        }
        let conclusion = ending.conclusion
        if conclusion.isJunk { requests.isJunk = true }
        if let reply = conclusion.reply {
            await refuse(reply)
        } else {
            do throws(Reply) {
                try await follow(ending)
            } catch {
                await refuse(error)
            }
        }
        return ending
    }

    /// What filters want changed, and what they have said is put above it.
    private mutating func follow(_ ending: Watch.Ending) async throws(Reply) {
        let conclusion = ending.conclusion
        try await follow(conclusion.envelope)
        if let edited = ending.edited { note(edited) }
        if let body = conclusion.body {
            await draft.clear()
            try await append(body[...])
            signing = service.signingKeys?.signing(
                ending.edited ?? ending.header, forFirstOf: authors, at: received)
            signing?.update(body[...])
            source.append(Fact.Field(.filtered, "its body was replaced"))
        }
        draft.prepend(conclusion.fields + ending.octets)
    }

    /// The header has become another one: that is what is signed.
    private mutating func note(_ edited: [UInt8]) {
        signing?.change(header: edited)
        messageID = HeaderScan.value(of: "Message-ID", in: edited[...])
            .flatMap { MessageIdentifier.parse($0).first?.description }
        if body == .sevenBit, edited[...].holdsEightBit { body = .eightBitMIME }
    }

    /// What filters want of the envelope.
    ///
    /// Whom they add goes the way that anybody goes, but they may name hosts elsewhere. One who
    /// cannot be reached here is left out: no sender can do anything about that.
    private mutating func follow(_ changes: EnvelopeChanges) async throws(Reply) {
        var words: [String] = []
        if let (path, parameters) = changes.sender {
            words.append("its sender was <\(reversePath)>")
            reversePath = path
            requests.returned = parameters.requests.returned ?? requests.returned
            requests.envelopeID = parameters.requests.envelopeID ?? requests.envelopeID
        }
        for change in changes.recipients {
            switch change {
            case .add(let path, let parameters):
                let isAdded = try await add(path, parameters)
                words.append(isAdded ? "added <\(path)>" : "<\(path)> cannot be added")
            case .remove(let path):
                remove(path)
                words.append("removed <\(path)>")
            }
        }
        guard !changes.isEmpty else { return }
        guard !recipients.all.isEmpty else { throw .noRecipientLeft }
        let addresses = recipients.all.map(\.address) + [reversePath.address].compactMap(\.self)
        isInternational = isInternational || addresses.contains { !$0.description.isASCII }
        source.append(Fact.Field(.filtered, words.joined(separator: "; ")))
    }

    private mutating func add(
        _ path: ForwardPath, _ parameters: RecipientParameters
    ) async throws(Reply) -> Bool {
        do throws(Reply) {
            var placement = try await policy.judgeRecipient(
                path, from: transaction.reversePath, account: account, mayRelay: true)
            placement.pass(on: parameters)
            guard recipients.add(placement) else { throw .tooManyRecipients }
            return true
        } catch {
            guard error.isPermanentNegative else { throw error }
            service.log.warning(
                """
                a filter has added the recipient <\(path)>, who cannot be had: \(error); correct \
                its configuration
                """, metadata: ["id": "\(draft.id)"])
            return false
        }
    }

    private mutating func remove(_ path: ForwardPath) {
        let now = service.surroundings.time.timestamp
        removed += recipients.remove(path).prefix(Self.maximumRefusedRecipients).map { recipient in
            Fact(
                .deleted, of: draft.id, at: now, recipient: recipient.address,
                text: "a filter has taken this recipient away")
        }
    }

    /// Filters or the score do not want it.
    private mutating func refuse(_ reply: Reply) async {
        refusal = reply
        service.log.info("refused \(summary): \(reply)", metadata: ["id": "\(draft.id)"])
        await noteRefusal(reply, because: reply.lines.joined(separator: " "))
        guard let verdict = watch?.verdict, let gatekeeper = service.configuration.gatekeeper
        else { return }
        do {
            try await gatekeeper.records.verdicts.record(verdict, of: draft.id, at: received)
        } catch {
            service.log.warning(
                "`explain spam \(draft.id)` will not know why it was refused, as the store failed: \(error)",
                metadata: ["id": "\(draft.id)"])
        }
    }

    /// What is to be committed with the message: what it was taken for, and who knows whom.
    private var alongside: (@Sendable (any Transaction) throws -> Void)? {
        guard let gatekeeper = service.configuration.gatekeeper else { return nil }
        let acquaintance: (@Sendable (any Transaction) throws -> Void)? =
            account == nil || transaction.reversePath.address == nil
            ? nil
            : gatekeeper.records.correspondents.recording(
                from: transaction.reversePath.description,
                to: recipients.all.prefix(Self.maximumAcquaintances).map(\.address.description))
        let (verdict, id, now) = (watch?.verdict, draft.id, received)
        let removed = removed
        guard verdict != nil || acquaintance != nil || !removed.isEmpty else { return nil }
        return { transaction in
            try acquaintance?(transaction)
            try Trace.record(removed, in: transaction)
            if let verdict { try Verdicts.record(verdict, of: id, at: now, in: transaction) }
        }
    }

    /// A letter to more recipients than these is no correspondence.
    private static let maximumAcquaintances = 50

    /// What the journal keeps of where it came from.
    private var origin: [Fact.Field] {
        var fields = [
            Fact.Field(.client, client.host), Fact.Field(.helo, transaction.hello.name),
            Fact.Field(.protocolName, transaction.protocolKeyword.rawValue),
        ]
        if let tls = transaction.tls { fields.append(Fact.Field(.tls, tls.version)) }
        if let account { fields.append(Fact.Field(.account, account.login)) }
        return fields
    }

    private var summary: String {
        let whom = recipients.only.map { "<\($0.address)>" } ?? "\(recipients.all.count) recipients"
        let priority = transaction.parameters.requests.priority
        return """
            \(draft.octets) octets from <\(reversePath)> at \(client.host) for \(whom)\
            \(priority == 0 ? "" : ", priority \(priority)")
            """
    }
}

extension Reply {
    static let noRecipientLeft = Reply(
        550, 5, 7, 1, "A filter of this site has left this message no recipient")
    static let headerTooLarge = Reply(
        552, 5, 3, 4, "The header is larger than this server takes (256 KiB)")

    /// RFC 9989 §5.4; RFC 7372 knows no code of DMARC's own.
    init(rejecting decision: InboundPolicy.Decision) {
        self.init(550, 5, 7, 1, "Rejected: \(decision.reason ?? "its sender is not who it says")")
    }

    /// RFC 9989 §7.2: a policy that cannot be applied now.
    init(postponing decision: InboundPolicy.Decision) {
        self.init(
            451, 4, 4, 3, "Please come again: \(decision.reason ?? "the DNS does not answer")")
    }

    /// What a client hears of a store that does not work: never more than "later".
    init(storage failure: any Error) {
        self = failure as? StorageFailure == .full ? .insufficientStorage : .localError
    }
}

extension ArraySlice<UInt8> {
    /// Whether any octet is above 127; eight at a time, as it is asked of every message.
    fileprivate var holdsEightBit: Bool {
        withUnsafeBytes { octets in
            var index = 0
            var bits: UInt64 = 0
            while index + 8 <= octets.count {
                bits |= octets.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                index += 8
            }
            while index < octets.count {
                bits |= UInt64(octets[index])
                index += 1
            }
            return bits & 0x8080_8080_8080_8080 != 0
        }
    }
}
