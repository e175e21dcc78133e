// SPDX-License-Identifier: Apache-2.0

package import Bytes
import CoreMetrics
import DNS
package import Defence
import DefenceStore
package import Journal
import Logging
package import MIME
package import Mail
import Milter
package import SMTP
import World

/// What the gatekeeper notes of one client's connection, and of the message under way.
///
/// A connection is served by one task: nobody else has it.
package final class Visit {
    /// What becomes of a message at the end of its content.
    package struct Conclusion: Sendable {
        /// It is refused or put off.
        package var reply: Reply?
        package var isJunk = false
        /// To stand above the message.
        package var fields: [UInt8] = []
        /// To be kept with it; nil where nothing was weighed.
        package var verdict: Verdict?
        /// Changes of the header that filters want.
        var modifications: [Modification] = []
        /// Changes of the envelope that filters want.
        package var envelope = EnvelopeChanges()
        /// The body that filters put in the place of the message's own; nil: that one stays.
        package var body: [UInt8]?

        package init() {}

        /// The header with what filters want changed.
        package func edited(_ header: [UInt8]) -> [UInt8] {
            guard !modifications.isEmpty else { return header }
            var edit = HeaderEdit(header)
            edit.apply(modifications)
            return edit.octets
        }
    }

    private let gatekeeper: Gatekeeper
    private let settings: Gatekeeper.Settings
    private let service: String
    private let isExchange: Bool
    private var client: SocketAddress
    private var clientName: String?
    private var conduct: Conduct
    private var filters: [MilterConversation]
    private var greeted: String?
    /// In lists; nil before they were asked.
    private var clientListings: [DNSListing]?
    private var message = MessageState()

    /// Of the transaction under way.
    private struct MessageState {
        var sender = ReversePath.null
        var account: Address?
        /// Its content is whatever octets.
        var isBinary = false
        var hello = ""
        var recipients: [String] = []
        var listings: [DNSListing]?
        var hasWaited = false
        var id: QueueID?
        var content: [UInt8] = []
        var isTooLarge = false
        var fromFields: Int?
        var date: MessageFacts.Date?
        var hasIdentifier = true
        var defects: [(code: String, place: String)] = []
    }

    init(
        _ gatekeeper: Gatekeeper, settings: Gatekeeper.Settings, client: SocketAddress,
        service: String, isExchange: Bool
    ) {
        self.gatekeeper = gatekeeper
        self.settings = settings
        self.client = client
        self.service = service
        self.isExchange = isExchange
        conduct = Conduct(maximumErrors: settings.policy.maximumErrors)
        filters = settings.filters.map { MilterConversation($0, gatekeeper.surroundings) }
    }

    private var policy: DefencePolicy { settings.policy }
    private var isOwn: Bool { policy.isOwn(client.host) }
    /// Whether the content is to be shown to `header` and `body`.
    private var wantsContent: Bool {
        policy.scanner != nil || filters.contains { $0.isListening }
    }

    /// A trusted proxy has said for whom it stands.
    package func assume(_ host: IPAddress, name: String?) -> Ban? {
        client.host = host
        clientName = name
        clientListings = nil
        return gatekeeper.ban(of: host)
    }

    /// An error of the client's; returns how long to wait before it is answered, and whether that
    /// was the last one.
    package func err(_ offence: Offence?) async -> (pause: Duration, isOver: Bool) {
        guard !isOwn else { return (.zero, false) }
        if let offence { await gatekeeper.note(offence, by: client.host) }
        let pause = conduct.err()
        return (pause, conduct.isOver)
    }

    // MARK: - The envelope

    /// A transaction begins.
    package func begin(
        _ transaction: ServerSession.Transaction, account: Address?, clientName name: String?
    ) async -> Reply? {
        message = MessageState()
        message.sender = transaction.reversePath
        message.account = account
        message.hello = transaction.hello.name
        message.isBinary = transaction.parameters.body == .binaryMIME
        clientName = clientName ?? name
        guard !filters.isEmpty else { return nil }
        for index in filters.indices { filters[index].beginMessage() }
        if greeted == nil {
            let name = clientName ?? "[\(client.host.unmapped)]"
            if let reply = await tell(.connect(name: name, client), connectMacros) { return reply }
        }
        if greeted != transaction.hello.name {
            greeted = transaction.hello.name
            let tls = transaction.tls.map { [("{tls_version}", "\($0.version)")] } ?? []
            if let reply = await tell(.hello(transaction.hello.name), tls) { return reply }
        }
        var macros = [("{mail_addr}", message.sender.description)]
        if let account {
            macros += [("{auth_authen}", account.description), ("{auth_type}", "SASL")]
        }
        return await tell(.sender("<\(message.sender)>", parameters: []), macros)
    }

    private var connectMacros: [(String, String)] {
        [
            ("j", settings.hostName), ("{daemon_name}", service),
            ("{client_addr}", client.host.unmapped.description), ("v", "Postreiter"),
        ]
    }

    /// Whether a recipient may be had, who is otherwise fine.
    ///
    /// `spf` is the result for the sender, if it is known: whom an account has written to, and who
    /// really is, need not come again.
    package func judge(_ path: ForwardPath, spf: String?) async -> Reply? {
        let recipient = path.description
        if let reply = count(recipient, isAsked: true) { return reply }
        if isStranger, !isOwn {
            await askLists()
            // RFC 5321 §4.5.1: whom a list names by mistake must be able to say so.
            if !path.isPostmaster, !isVouchedFor, let listing = rejecting {
                gatekeeper.meters.listed.increment()
                await gatekeeper.note(.listed, by: client.host)
                return Reply(listing)
            }
            if let reply = await greylist(path, spf: spf) { return reply }
        }
        if let reply = await tell(
            .recipient("<\(recipient)>", parameters: []), [("{rcpt_addr}", recipient)])
        {
            return reply
        }
        // Who is asked to come again, or refused, has used nothing up.
        if let reply = count(recipient, isAsked: false) { return reply }
        message.recipients.append(recipient)
        return nil
    }

    private func count(_ recipient: String, isAsked: Bool) -> Reply? {
        do throws(RateCounters.Excess) {
            try gatekeeper.count(subjects(recipient), isAsked: isAsked)
            return nil
        } catch {
            return Reply(error)
        }
    }

    private var isStranger: Bool { isExchange && message.account == nil }

    private func subjects(_ recipient: String) -> [(RateLimit.Subject, String)] {
        if let account = message.account {
            return [
                (.account, account.description.asciiLowercased),
                (.accountDomain, account.destination.description.asciiLowercased),
            ]
        }
        guard isExchange, !isOwn, policy.limitsStrangers else { return [] }
        var subjects: [(RateLimit.Subject, String)] = [
            (.network, client.host.customerNetwork.description),
            (.recipient, recipient.asciiLowercased),
        ]
        if let sender = message.sender.address {
            subjects += [
                (.sender, sender.description.asciiLowercased),
                (.senderDomain, sender.destination.description.asciiLowercased),
            ]
        }
        return subjects
    }

    // MARK: - Lists and greylisting

    private func askLists() async {
        guard !policy.lists.isEmpty else { return }
        let desk = gatekeeper.desk
        if clientListings == nil { clientListings = await desk.listings(of: client.host) }
        if message.listings == nil {
            var domains: [Name] = []
            if let domain = message.sender.address?.domain, let name = try? Name(domain.name) {
                domains.append(name)
            }
            if !message.hello.hasPrefix("["), IPAddress(message.hello) == nil,
                let name = try? Name(message.hello), !domains.contains(name)
            {
                domains.append(name)
            }
            message.listings = await desk.listings(of: domains)
        }
    }

    private var listings: [DNSListing] { (clientListings ?? []) + (message.listings ?? []) }
    private var isVouchedFor: Bool { listings.contains { $0.list.action == .bypass } }
    private var rejecting: DNSListing? { listings.first { $0.list.action == .reject } }

    private func greylist(_ path: ForwardPath, spf: String?) async -> Reply? {
        guard let greylist = policy.greylist, !isVouchedFor, !path.isPostmaster,
            acquaintance(among: [path.description], isAuthenticated: spf == "pass") == nil
        else { return nil }
        let triplet = Greylist.Triplet(
            client: client.host, sender: message.sender.description, recipient: path.description)
        do {
            switch try await gatekeeper.records.greylist.judge(triplet, by: greylist) {
            case .wait(let duration):
                gatekeeper.meters.greylisted.increment()
                return Reply(greylistedFor: duration)
            case .passesNow: message.hasWaited = true
            case .known: break
            }
        } catch {
            gatekeeper.log.warning("a stranger was not asked to come again: \(error)")
        }
        return nil
    }

    /// An address here that has written to the sender, if the sender is who he says.
    private func acquaintance(among own: [String], isAuthenticated: Bool) -> String? {
        guard isAuthenticated, let sender = message.sender.address else { return nil }
        do {
            return try gatekeeper.records.correspondents.acquaintance(
                of: sender.description, among: Array(own.prefix(Self.maximumAcquaintances)))
        } catch {
            gatekeeper.log.warning("whether a sender is known here cannot be read: \(error)")
            return nil
        }
    }

    /// Of many recipients so many are looked at.
    private static let maximumAcquaintances = 10

    // MARK: - The content

    /// The content begins; says whether it is to be shown to `header` and `body`.
    package func open(_ id: QueueID) async throws(Reply) -> Bool {
        message.id = id
        if let reply = await tell(.data, [("i", id.description)]) { throw reply }
        return wantsContent
    }

    /// What the header says, as the client sent it.
    package func note(
        fromFields: Int, date: MessageFacts.Date?, hasIdentifier: Bool, repeated: [String]
    ) {
        message.hasIdentifier = hasIdentifier
        message.fromFields = fromFields
        message.date = date
        message.defects = repeated.map { (Defect.Code.fieldRepeated.rawValue, $0) }
    }

    /// The header, as the client sent it, with its empty line.
    package func header(_ octets: [UInt8]) async -> Reply? {
        keep(octets[...])
        guard filters.contains(where: { $0.isListening }) else { return nil }
        for event in HeaderEdit(octets).events {
            if let reply = await tell(event, []) { return reply }
        }
        return await tell(.endOfHeader, [])
    }

    /// Octets behind the header.
    package func body(_ octets: ArraySlice<UInt8>) async -> Reply? {
        keep(octets)
        guard filters.contains(where: { $0.isListening }) else { return nil }
        var rest = octets
        while !rest.isEmpty {
            let piece = rest.prefix(Milter.ClientSession.maximumBodyOctets)
            rest = rest.dropFirst(piece.count)
            if let reply = await tell(.body(piece), []) { return reply }
        }
        return nil
    }

    private func keep(_ octets: ArraySlice<UInt8>) {
        guard policy.scanner != nil, !message.isTooLarge else { return }
        guard message.content.count + octets.count <= policy.maximumScannedOctets else {
            message.isTooLarge = true
            message.content = []
            return
        }
        message.content += octets
    }

    /// The message is not taken, or not complete.
    package func abandon() async {
        for index in filters.indices { await with(index) { await $0.abort() } }
        message = MessageState()
    }

    /// The connection ends.
    package func close() async {
        for index in filters.indices { await with(index) { await $0.close() } }
        filters = []
    }

    // MARK: - The end

    /// The content is complete: weighs the message.
    ///
    /// Of `defects` each kind counts once.
    package func conclude(
        authentication: [MessageFacts.Authentication], defects: [Defect] = []
    ) async -> Conclusion {
        for defect in defects
        where !message.defects.contains(where: { $0.code == defect.code.rawValue }) {
            message.defects.append((defect.code.rawValue, defect.place))
        }
        var conclusion = Conclusion()
        if let reply = await tell(.endOfMessage, [("i", message.id?.description ?? "")]) {
            conclusion.reply = reply
            return conclusion
        }
        guard takeWishes(&conclusion) else {
            conclusion.reply = .putOffByFilter
            return conclusion
        }
        let quarantine = conclusion.modifications.compactMap { modification -> String? in
            if case .quarantine(let reason) = modification { reason } else { nil }
        }.first
        do throws(Reply) {
            let report = try await scan()
            try weigh(authentication, report, quarantine, &conclusion)
        } catch {
            conclusion.reply = error
        }
        message = MessageState()
        return conclusion
    }

    /// Takes what filters want changed; false: one that must be heeded wants what cannot be.
    private func takeWishes(_ conclusion: inout Conclusion) -> Bool {
        for filter in filters {
            var envelope = conclusion.envelope
            do throws(Reply) {
                try envelope.take(filter.modifications)
            } catch {
                gatekeeper.meters.filterFailures.increment()
                gatekeeper.log.warning(
                    """
                    the filter \(filter.filter) wants an envelope that cannot be: \(error); \
                    correct its configuration
                    """)
                if filter.filter.isRequired { return false }
                continue
            }
            conclusion.envelope = envelope
            conclusion.modifications += filter.modifications
            // Each has seen the message as it came: the last one's body is the one.
            conclusion.body =
                filter.newBody.map { message.isBinary ? $0 : $0.withNetworkLineEnds }
                ?? conclusion.body
        }
        return true
    }

    /// Throws a refusal only if the scanner must have been asked, and cannot be.
    private func scan() async throws(Reply) -> ScanReport? {
        guard let scanner = policy.scanner, !message.isTooLarge, let id = message.id else {
            return nil
        }
        let client = RspamdClient(
            address: scanner.address, surroundings: gatekeeper.surroundings)
        let content = message.content
        message.content = []
        do throws(RspamdClient.Fault) {
            return try await client.report(
                on: content,
                RspamdClient.Envelope(
                    client: self.client.host, hello: message.hello,
                    sender: message.sender.description, recipients: message.recipients,
                    queueID: id.description, user: message.account?.description))
        } catch {
            gatekeeper.meters.filterFailures.increment()
            gatekeeper.log.warning("rspamd at \(scanner.address) was not of use: \(error)")
            if scanner.isRequired { throw .putOffByFilter }
            return nil
        }
    }

    private func weigh(
        _ authentication: [MessageFacts.Authentication], _ report: ScanReport?,
        _ quarantine: String?, _ conclusion: inout Conclusion
    ) throws(Reply) {
        guard isStranger || report != nil || quarantine != nil else { return }
        let score = Score(facts(authentication, report).tests(policy.weights))
        var verdict = Verdict(score, policy.thresholds)
        if !isStranger {
            verdict.action = .accept
        } else if isVouchedFor || isOwn, verdict.action > .junk {
            // Hosts of this site, and those that a list knows as good ones.
            verdict.action = .junk
            verdict.reason = VerdictReason.goodClient.text
        }
        if let report, policy.scanner?.isObeyed == true, report.wish > verdict.action {
            verdict.action = report.wish
            verdict.reason = VerdictReason.scanner(report.action.rawValue).text
        }
        if let quarantine, verdict.action < .junk {
            verdict.action = .junk
            verdict.reason = VerdictReason.filter(quarantine).text
        }
        // What leaves this site is refused: it cannot be put aside at the recipient's.
        if !isStranger, verdict.action == .junk { verdict.action = .reject }
        conclusion.verdict = verdict
        gatekeeper.meters.weighed(verdict.action)
        switch verdict.action {
        case .accept: break
        case .mark: conclusion.fields = verdict.field
        case .junk:
            conclusion.fields = verdict.field
            conclusion.isJunk = true
        case .deferred, .reject:
            conclusion.reply = Reply(verdict, of: message.id, saying: report?.message)
        }
    }

    /// What a virus scanner that is a filter says in the field of clamav-milter: worth no points
    /// of its own, but scripts may ask for it (RFC 5235 §3.3).
    private var virusTests: [Score.Test] {
        filters.flatMap(\.modifications).compactMap { modification in
            let (name, value): (String, [UInt8])
            switch modification {
            case .addField(let field, let text): (name, value) = (field, text)
            case .insertField(_, let field, let text): (name, value) = (field, text)
            case .changeField(_, let field, let text): (name, value) = (field, text)
            default: return nil
            }
            guard name.utf8.equalsIgnoringCase("X-Virus-Status".utf8) else { return nil }
            let text = String(lossy: value.drop { $0 == .space })
            if text.utf8.prefix(5).equalsIgnoringCase("clean".utf8) {
                return Score.Test("virus=clean", .zero, "")
            }
            guard text.utf8.prefix(8).equalsIgnoringCase("infected".utf8) else { return nil }
            return Score.Test("virus=found", .zero, text)
        }
    }

    private func facts(
        _ authentication: [MessageFacts.Authentication], _ report: ScanReport?
    ) -> MessageFacts {
        var facts = MessageFacts(received: gatekeeper.surroundings.time.timestamp)
        facts.foreign = (report?.tests ?? []) + virusTests
        guard isStranger else { return facts }
        // What the DNS says of hosts of this site says nothing of their mail.
        facts.authentication =
            isOwn ? authentication.filter { $0.method != "iprev" } : authentication
        if !isOwn {
            facts.hello = HelloFinding(
                message.hello, client: client.host,
                isOurs: { $0 == settings.hostName || settings.ownNames.contains($0) },
                ownAddresses: settings.ownAddresses)
        }
        facts.listings = listings
        facts.fromFields = message.fromFields ?? 1
        facts.date = message.date
        facts.hasIdentifier = message.hasIdentifier
        facts.defects = message.defects
        facts.hasWaited = message.hasWaited
        facts.knownCorrespondent = acquaintance(
            among: message.recipients,
            isAuthenticated: authentication.contains {
                $0.result == "pass" && ($0.method == "spf" || $0.method == "dmarc")
            })
        return facts
    }

    // MARK: - Filters

    /// Nobody else looks at the filter meanwhile.
    private func with<Result>(
        _ index: Int, _ body: (inout MilterConversation) async -> Result
    ) async -> Result {
        var filter = filters[index]
        let result = await body(&filter)
        filters[index] = filter
        return result
    }

    /// Tells all filters, in their order; the first objection counts.
    private func tell(
        _ event: @autoclosure () -> Event, _ macros: @autoclosure () -> [(String, String)]
    ) async -> Reply? {
        guard !filters.isEmpty else { return nil }
        let (event, macros) = (event(), macros())
        for index in filters.indices {
            let hadFailed = filters[index].failure != nil
            let answer = await with(index) { filter in
                await filter.tell(event, macros: macros.map { (name: $0.0, value: $0.1) })
            }
            if !hadFailed, let failure = filters[index].failure {
                gatekeeper.meters.filterFailures.increment()
                gatekeeper.log.warning(
                    "the filter \(filters[index].filter) was not of use: \(failure)")
            }
            guard let answer else { continue }
            if case .discard = answer {
                // Nothing that was accepted is lost: it is put aside instead.
                filters[index].discard()
                continue
            }
            if let reply = Reply(answer) {
                gatekeeper.log.info("the filter \(filters[index].filter) says: \(reply)")
                return reply
            }
        }
        return nil
    }
}

extension [UInt8] {
    /// As text goes over SMTP (RFC 5321 §2.3.8): every line has its end, and there is no NUL.
    ///
    /// Filters are C programs, and may end lines their own way.
    fileprivate var withNetworkLineEnds: [UInt8] {
        var octets: [UInt8] = []
        octets.reserveCapacity(count + count / 32)
        var last: UInt8 = 0
        for octet in self where octet != 0 {
            if last == .carriageReturn, octet != .lineFeed { octets.append(.lineFeed) }
            if octet == .lineFeed, last != .carriageReturn { octets.append(.carriageReturn) }
            octets.append(octet)
            last = octet
        }
        if last == .carriageReturn { octets.append(.lineFeed) }
        if last != 0, last != .lineFeed, last != .carriageReturn {
            octets += [.carriageReturn, .lineFeed]
        }
        return octets
    }
}

extension ForwardPath {
    /// This host's, or a domain's.
    fileprivate var isPostmaster: Bool {
        switch self {
        case .postmaster: true
        case .address(let address):
            address.localPart.value.utf8.equalsIgnoringCase("postmaster".utf8)
        }
    }
}

extension Verdict {
    /// What users and their rules see of it.
    fileprivate var field: [UInt8] {
        let names = score.tests.filter { $0.weight != 0 }.map(\.name)
        let required = thresholds.mark.map { " required=\($0)" } ?? ""
        return Array(
            ("X-Spam-Status: Yes, score=\(score.sum)\(required)\r\n"
                + (names.isEmpty
                    ? "" : "\ttests=" + names.prefix(20).joined(separator: ",\r\n\t ") + "\r\n"))
                .utf8)
    }
}

extension Reply {
    init(_ excess: RateCounters.Excess) {
        let period = excess.limit.period.phrase
        switch excess.limit.subject {
        case .account, .accountDomain:
            self.init(
                452, 4, 7, 1,
                """
                Your account has sent to as many recipients as it may within \(period); \
                please go on later
                """)
        case .recipient:
            self.init(452, 4, 2, 1, "This recipient gets too much mail at the moment")
        case .network, .sender, .senderDomain:
            self.init(
                452, 4, 7, 1, "Too many recipients within \(period); please come again later")
        }
    }

    init(_ listing: DNSListing) {
        let text = listing.text.map { ": \($0)" } ?? ""
        self.init(550, 5, 7, 1, "\(listing.subject) is listed in \(listing.list.zone)\(text)")
    }

    /// RFC 6647 §4.2.1: a temporary refusal that says so.
    init(greylistedFor duration: Duration) {
        let seconds = max(1, duration.components.seconds)
        self.init(
            451, 4, 7, 1, "Greylisted: we have not met yet, please come again in \(seconds) seconds"
        )
    }

    init(_ verdict: Verdict, of id: QueueID?, saying text: String?) {
        let name = id.map { " (\($0))" } ?? ""
        let isFinal = verdict.action == .reject
        self.init(
            isFinal ? 550 : 451, isFinal ? 5 : 4, 7, 1,
            (text ?? (isFinal ? "This message was taken for spam" : "Not now, please come again"))
                + name)
    }
}
