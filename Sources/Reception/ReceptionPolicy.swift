// SPDX-License-Identifier: Apache-2.0

import Bytes
import Directory
import Forwarding
import Mail
import SMTP
import Spool
import Tenancy

/// Who may send what to whom: the facts come from directory and DNS, the words are replies.
struct ReceptionPolicy: Sendable {
    let registry: Registry
    let senderDomains: SenderDomains
    /// Whether a stranger's domain must be there, beside not refusing mail.
    var requiresSenderDomain = false
    /// By which a client may name this host in an address literal.
    var ownAddresses: Set<IPAddress>
    /// What accounts may keep; nil: nobody asks.
    var quotas: Quotas?

    /// An account sends only from addresses that it may use; a stranger may name any sender whose domain
    /// takes mail.
    func judgeSender(_ path: ReversePath, account: Account?) async -> Reply? {
        guard let address = path.address else { return nil }
        guard let account else {
            guard let domain = address.domain else { return nil }
            return await judgeSenderDomain(domain)
        }
        let rights = SendingRights(registry: registry, quotas: quotas)
        return await rights.mayUse(account, as: address) ? nil : .senderNotOwned
    }

    private func judgeSenderDomain(_ domain: Domain) async -> Reply? {
        let verdict = await senderDomains.verdict(on: domain)
        switch verdict {
        case .takesMail: return nil
        // RFC 7505 §4.2: such a domain sends no mail either.
        case .nullMX: return .senderHasNullMX
        case .takesNone, .unknown: break
        }
        do throws(DirectoryFailure) {
            guard requiresSenderDomain, try !isHere(domain) else { return nil }
        } catch {
            return .localError
        }
        return verdict == .takesNone ? .senderDomainTakesNoMail : .senderDomainUncertain
    }

    /// Whether mail for the domain is ours to take, whatever the DNS says of it.
    private func isHere(_ domain: Domain) throws(DirectoryFailure) -> Bool {
        switch try registry.responsibility(for: domain) {
        case .local, .relay: true
        case .elsewhere: false
        }
    }

    /// Where a recipient leads, or the refusal.
    ///
    /// Never an open relay: a recipient is local, a known one of a relay domain, or the client has
    /// proved who it is; `mayRelay`: a program of this site names it. `sender` is the reverse-path
    /// of the transaction, `octets` the size that the client has told.
    func judgeRecipient(
        _ path: ForwardPath, from sender: ReversePath, account: Account?, mayRelay: Bool = false,
        octets: Int? = nil
    ) async throws(Reply) -> Placement {
        let path = try resolve(path)
        let verdict = await registry.judge(path)
        if case .address(let address) = path, !verdict.isOfOneOwnAddress,
            let original = try self.sender(behind: address)
        {
            return try await place(original, behind: address)
        }
        switch verdict {
        case .local(let targets):
            try await checkQuota(targets, octets)
            return Placement(path, leadingTo: targets)
        case .relay(let domain):
            let address = try address(path)
            // RFC 7505 §4.1; nobody looks for the MX records of a domain whose host is configured.
            if domain.host == nil, let name = address.domain,
                await senderDomains.verdict(on: name) == .nullMX
            {
                throw .domainHasNullMX
            }
            return Placement(
                [Envelope.Recipient(address)],
                lifetime: domain.lifetimeSeconds.map { .seconds($0) })
        case .notOurs:
            guard account != nil || mayRelay else { throw .relayingDenied }
            // Should its domain turn out to take no mail, the sender gets a notification, which
            // says more than a mail program shows of a refusal.
            return Placement([Envelope.Recipient(try address(path))])
        case .unknownUser:
            if let placement = try placeReturnPath(path, from: sender) { return placement }
            throw .mailboxUnknown
        case .mailboxDisabled: throw .mailboxDisabled
        case .temporarilyUnknown: throw .localError
        }
    }

    /// Refuses what no target can keep; the others of several are looked at when it is delivered.
    private func checkQuota(_ targets: [Target], _ octets: Int?) async throws(Reply) {
        guard let quotas else { return }
        var refusal: Reply?
        for target in targets {
            guard let account = target.account else { return }
            do {
                // Of an unknown size at least one octet.
                switch try await quotas.standing(of: account)?
                    .verdict(adding: max(1, Int64(octets ?? 1)))
                {
                case .full: refusal = .mailboxFull
                case .neverFits: refusal = refusal ?? .mailboxTooSmall
                case .fits, nil: return
                }
            } catch {
                throw .localError
            }
        }
        if let refusal { throw refusal }
    }

    /// A path that the primary of a relay domain may have made for mail that it forwards: only the
    /// primary can tell.
    ///
    /// Notifications are taken: should the primary refuse one, nobody is told in turn, since it has
    /// no sender itself. Anything else is asked to wait for the primary.
    private func placeReturnPath(
        _ path: ForwardPath, from sender: ReversePath
    ) throws(Reply) -> Placement? {
        guard case .address(let address) = path,
            SenderRewriting.mayLeadBack(address.localPart), let name = address.domain
        else { return nil }
        do {
            guard case .relay(let domain) = try registry.responsibility(for: name) else {
                return nil
            }
            guard sender == .null else { throw Reply.returnPathOfPrimary }
            return Placement(
                [Envelope.Recipient(address)],
                lifetime: domain.lifetimeSeconds.map { .seconds($0) })
        } catch {
            throw error as? Reply ?? .localError
        }
    }

    /// Whom an address stands for with which we have forwarded mail.
    private func sender(behind address: Address) throws(Reply) -> Address? {
        switch registry.returnPath(address) {
        case .none: return nil
        case .sender(let sender): return sender
        case .forged: throw .returnPathForged
        case .expired: throw .returnPathExpired
        case .temporarilyUnknown: throw .localError
        }
    }

    /// A notification goes back to the sender of what we forwarded, wherever he is: the address
    /// itself proves that we may relay it.
    private func place(
        _ sender: Address, behind address: Address
    ) async throws(Reply) -> Placement {
        switch await registry.judge(sender) {
        // At home here since then.
        case .local(let targets): return Placement(.address(address), leadingTo: targets)
        case .relay, .notOurs: return Placement([.init(sender, original: address)])
        case .unknownUser: throw .mailboxUnknown
        case .mailboxDisabled: throw .mailboxDisabled
        case .temporarilyUnknown: throw .localError
        }
    }

    /// RFC 5321 §4.5.1: the postmaster is also known at this host's own address literals, where
    /// nobody else is.
    private func resolve(_ path: ForwardPath) throws(Reply) -> ForwardPath {
        guard case .address(let address) = path,
            case .literal(.ip(let host)) = address.destination,
            ownAddresses.contains(host.unmapped)
        else { return path }
        guard address.localPart.value.utf8.equalsIgnoringCase("postmaster".utf8) else {
            throw .mailboxUnknown
        }
        return .postmaster
    }

    /// Only a local postmaster has no domain.
    private func address(_ path: ForwardPath) throws(Reply) -> Address {
        guard case .address(let address) = path else { throw .localError }
        return address
    }
}

extension RecipientVerdict {
    /// Whether somebody has this very address, rather than all that nobody has.
    fileprivate var isOfOneOwnAddress: Bool {
        guard case .local(let targets) = self else { return false }
        return targets.contains { $0.path != .catchAll }
    }
}

/// Where one recipient leads to.
struct Placement {
    private(set) var recipients: [Envelope.Recipient]
    /// How long a relay domain's mail is held; nil: as usual.
    let lifetime: Duration?
    /// The address that leads to local targets, if it is one.
    private var alias: (address: Address, targets: [Target])?

    init(_ recipients: [Envelope.Recipient], lifetime: Duration? = nil) {
        self.recipients = recipients
        self.lifetime = lifetime
    }

    /// An address here, or the postmaster without a domain, with all that it leads to.
    init(_ path: ForwardPath, leadingTo targets: [Target]) {
        self.init(targets.map(\.recipient))
        if case .address(let address) = path { alias = (address, targets) }
    }

    /// The domain of the alias, if it leads to an address elsewhere.
    var forwarder: Domain? {
        guard let alias, alias.targets.contains(where: { $0.account == nil }) else { return nil }
        return alias.address.domain
    }

    /// Hands on what the sender wants to hear of, and of whom (RFC 3461 §5.2.7).
    mutating func pass(on parameters: RecipientParameters) {
        if let (address, targets) = alias {
            recipients = targets.recipients(
                for: Envelope.Recipient(
                    address, notify: parameters.notify,
                    originalRecipient: parameters.originalRecipient))
            return
        }
        for index in recipients.indices {
            recipients[index].originalRecipient = parameters.originalRecipient
            recipients[index].notify = parameters.notify
            // §5.2.7.3 (c); there is no address of which a notification could tell.
            if recipients.count > 1 { recipients[index].notify?.remove(.success) }
        }
    }
}

/// The recipients of a transaction, each once, in the order they came.
struct RecipientList {
    private(set) var all: [Envelope.Recipient] = []
    /// The domain here whose alias leads to somewhere else: it forwards.
    private(set) var forwarder: Domain?
    /// The longest that a relay domain has; each one's own is looked at when it is tried.
    private var relayLifetime: Duration?
    /// Whether any has none of its own.
    private var hasUsual = false
    private var known: Set<Address> = []

    /// Expanding aliases must not turn one transaction into a flood.
    static let maximumTargets = 10_000

    /// Of the addresses as they were asked for, each once.
    var domains: [Domain] {
        var domains: [Domain] = []
        for recipient in all {
            guard let domain = (recipient.original ?? recipient.address).domain,
                !domains.contains(domain)
            else { continue }
            domains.append(domain)
        }
        return domains
    }

    /// Takes away whoever was asked for by this path; returns them.
    mutating func remove(_ path: ForwardPath) -> [Envelope.Recipient] {
        guard case .address(let address) = path else { return [] }
        let removed = all.filter { ($0.original ?? $0.address) == address }
        all.removeAll { ($0.original ?? $0.address) == address }
        for recipient in removed { known.remove(recipient.address) }
        return removed
    }

    /// The recipient, if there is just one.
    var only: Envelope.Recipient? { all.count == 1 ? all[0] : nil }

    /// As long as the most patient of them, if `usual` is what most have.
    func lifetime(usual: Duration) -> Duration {
        guard let relayLifetime else { return usual }
        return hasUsual ? max(usual, relayLifetime) : relayLifetime
    }

    /// Takes all or, when they would be too many, none.
    mutating func add(_ placement: Placement) -> Bool {
        guard all.count + placement.recipients.count <= Self.maximumTargets else { return false }
        forwarder = forwarder ?? placement.forwarder
        for target in placement.recipients where known.insert(target.address).inserted {
            all.append(target)
        }
        if let own = placement.lifetime {
            relayLifetime = max(relayLifetime ?? .zero, own)
        } else {
            hasUsual = true
        }
        return true
    }
}
