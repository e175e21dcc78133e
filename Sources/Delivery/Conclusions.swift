// SPDX-License-Identifier: Apache-2.0

import CoreMetrics
import Directory
import Journal
import Mail
import MessageStore
import Spool
import Storage
import Tenancy
import World

/// Turns what happened to recipients of one message into what the spool and the journal keep, and
/// into what its sender is told.
struct Conclusions {
    let deliverer: Deliverer
    let message: SpooledMessage
    private var settlements: [Settlement] = []
    /// To be kept with the message, once it is in a mailbox.
    var summary: StoredSummary?
    /// What this batch adds where there is a quota.
    var tally = QuotaTally()
    /// Whom to tell of, in the order in which it happened.
    private var told: [(kind: Notification.Kind, concerned: Concerned)] = []
    /// What concerns the whole message, put before the first settlement's own facts.
    private var common: [Fact] = []

    private typealias Concerned = [(recipient: DueRecipient, evidence: Outcome.Evidence)]

    init(_ deliverer: Deliverer, _ message: SpooledMessage) {
        self.deliverer = deliverer
        self.message = message
    }

    private var now: Timestamp { deliverer.time.timestamp }

    /// What comes in front of the message in a mailbox (RFC 5321 §4.4).
    var prefix: String { "Return-Path: <\(message.reversePath)>\r\n" }

    /// The outcome of a job that was carried to other hosts.
    mutating func add(_ report: DispatchReport, of job: Job) {
        let attempt = (job.recipients.map(\.attempts).min() ?? 0) + 1
        if let route = report.route {
            common.append(
                Fact(
                    .routed, of: message.id, at: report.begun,
                    fields: [.init(.destination, job.destination), .init(.route, route)]
                        + (report.returnPath.map { [.init(.returnPath, $0)] } ?? [])))
        }
        for trial in report.trials {
            common.append(
                Fact(
                    .attempted, of: message.id, at: trial.time, host: trial.evidence.host,
                    status: trial.evidence.status, text: trial.evidence.text,
                    fields: [.init(.attempt, attempt), security(trial.tls)]))
        }
        for (recipient, result) in zip(job.recipients, report.results) {
            if case .delivered(let evidence) = result.outcome, isRelayToBeTold(recipient, result) {
                tell(.relayed, of: recipient, evidence)
            }
            add(recipient, result.outcome, tls: result.tls)
        }
    }

    /// The outcome for one recipient.
    mutating func add(_ recipient: DueRecipient, _ outcome: Outcome, tls: String? = nil) {
        deliverer.counters.count(outcome)
        switch outcome {
        case .delivered(let evidence):
            let fields = [.init(.attempt, recipient.attempts + 1), security(tls)]
            settle(recipient, .done, .delivered, evidence, fields)
        case .permanent(let evidence): fail(recipient, evidence)
        case .transient(let evidence): wait(recipient, evidence)
        case .ambiguous(var evidence):
            // RFC 1047: it may arrive twice; not to try again might lose it.
            evidence.text = Diagnosis.mayArriveTwice.text(evidence.text)
            wait(recipient, evidence)
        }
    }

    /// Into a mailbox here.
    mutating func deliver(_ recipient: DueRecipient, to account: Int64, mailbox: String) {
        deliverer.counters.delivered.increment()
        settle(
            recipient, .deliveredLocally(account: account, mailbox: mailbox, prefix: prefix),
            .delivered, nil, [Fact.Field(.mailbox, mailbox)])
        // Once for all who get it.
        settlements[settlements.count - 1].summary = summary.take()
        // RFC 3461 §5.2.3: only where it was asked for.
        if recipient.notify?.contains(.success) == true {
            tell(
                .success, of: recipient,
                Outcome.Evidence(EnhancedStatus(2, 0, 0), Diagnosis.inMailbox.text()))
        }
    }

    /// As a script of the account wants it; what is rejected is no delivery.
    mutating func sort(_ recipient: DueRecipient, to account: Int64, _ sorting: Sorting) {
        deliverer.counters.delivered.increment()
        let isGone =
            sorting.copies.isEmpty && sorting.continuation == nil
            && sorting.notices.isEmpty
        let fact = Fact(
            isGone ? .deleted : .delivered, of: message.id, at: now,
            recipient: recipient.address, text: sorting.explanation,
            fields: sorting.copies.isEmpty
                ? [] : [.init(.mailbox, sorting.copies.map(\.mailbox).joined(separator: ", "))])
        var settlement = Settlement(
            recipient, .sorted(account: account, sorting.copies, prefix: prefix), facts: [fact],
            continuation: sorting.continuation)
        if let continuation = sorting.continuation {
            settlement.facts.append(
                Fact(
                    .continued, of: message.id, at: now, recipient: recipient.address,
                    fields: [.init(.continuation, continuation.id)]))
        }
        settlement.notices = sorting.notices
        settlement.record = sorting.record
        if sorting.copies.contains(where: { $0.replacement == nil }) {
            settlement.summary = summary.take()
        }
        settlements.append(settlement)
        if recipient.notify?.contains(.success) == true, !sorting.copies.isEmpty {
            tell(
                .success, of: recipient,
                Outcome.Evidence(EnhancedStatus(2, 0, 0), Diagnosis.inMailbox.text()))
        }
    }

    /// A script of the recipient's refuses it; `sent` is what tells its sender, and no other
    /// notification does.
    mutating func refuse(
        _ recipient: DueRecipient, _ evidence: Outcome.Evidence,
        _ sent: (notice: Conclusion.Notice, addressee: Address)?
    ) {
        deliverer.counters.count(.permanent(evidence))
        settle(recipient, .done, .bounced, evidence, [.init(.attempt, recipient.attempts + 1)])
        guard let (notice, addressee) = sent else { return }
        let last = settlements.count - 1
        settlements[last].notices = [notice]
        settlements[last].facts.append(told(addressee, by: notice, "refusal"))
    }

    private func told(
        _ addressee: Address, by notice: Conclusion.Notice, _ reason: String
    ) -> Fact {
        Fact(
            .notified, of: message.id, at: now, recipient: addressee,
            fields: [.init(.notification, notice.id), .init(.reason, reason)])
    }

    /// With the last delivery it is kept, and told, that a quota is nearly used up.
    mutating func tell(_ crossings: [QuotaCrossing], _ notices: [Conclusion.Notice]) {
        guard !crossings.isEmpty, !settlements.isEmpty else { return }
        let last = settlements.count - 1
        let record = settlements[last].record
        settlements[last].notices += notices
        settlements[last].record = { transaction throws(StorageFailure) in
            try record?(transaction)
            for crossing in crossings { try crossing.note(in: transaction) }
        }
    }

    /// It waits without having been tried.
    mutating func putOff(_ recipient: DueRecipient, until: Timestamp) {
        settlements.append(Settlement(recipient, .putOff(until: until)))
    }

    /// The address is an alias: it goes on as another message.
    mutating func replace(
        _ recipient: DueRecipient, by continuation: Settlement.Continuation
    ) {
        let fact = Fact(
            .continued, of: message.id, at: now, recipient: recipient.address,
            fields: [.init(.continuation, continuation.id)])
        settlements.append(
            Settlement(recipient, .done, facts: [fact], continuation: continuation))
        let count = continuation.acceptance.envelope.recipients.count
        // RFC 3461 §5.2.7.3 (c); §5.2.7.2: of a single one nothing is told.
        if count > 1, recipient.notify?.contains(.success) == true {
            tell(
                .expanded, of: recipient,
                Outcome.Evidence(EnhancedStatus(2, 0, 0), Diagnosis.passedOn.text("\(count)")))
        }
    }

    // MARK: Time

    /// Whether it is too late for a message that its sender wants back then (RFC 2852 §4.1.3).
    var isOverdue: Bool {
        guard let deliverBy = message.requests.deliverBy, deliverBy.mode == .return else {
            return false
        }
        return now >= deliverBy.deadline
    }

    /// Not tried any more, because `isOverdue`.
    mutating func expire(_ recipient: DueRecipient) {
        deliverer.counters.failed.increment()
        fail(
            recipient,
            Outcome.Evidence(
                EnhancedStatus(5, 4, 7), Diagnosis.overdue.text()))
    }

    private mutating func wait(_ recipient: DueRecipient, _ evidence: Outcome.Evidence) {
        var generator = deliverer.entropy.generator
        let next = deliverer.schedule.next(
            afterAttempts: recipient.attempts + 1, end: message.released + lifetime(of: recipient),
            at: now, using: &generator)
        // RFC 3463 §3.5: X.4.7, delivery time expired.
        guard case .retry(var until) = next else {
            let text = Diagnosis.lifetimeOver.text(evidence.text)
            return fail(
                recipient, Outcome.Evidence(EnhancedStatus(5, 4, 7), text, host: evidence.host))
        }
        guard !isOverdue else {
            let text = Diagnosis.overdueAtLast.text(evidence.text)
            return fail(
                recipient, Outcome.Evidence(EnhancedStatus(5, 4, 7), text, host: evidence.host))
        }
        // At the deadline it is decided, or told, what becomes of it.
        if let deadline = message.requests.deliverBy?.deadline, deadline > now {
            until = min(until, deadline)
        }
        let notices = tellDelay(of: recipient, evidence)
        settle(
            recipient, .deferred(until: until, evidence, told: notices), .deferred, evidence,
            [
                .init(.until, CalendarDate(until).internetFormat),
                .init(.attempt, recipient.attempts + 1),
            ])
    }

    /// Tells the sender that it waits, if that is due; returns what he has been told by then.
    private mutating func tellDelay(
        of recipient: DueRecipient, _ evidence: Outcome.Evidence
    ) -> DelayNotices {
        let expires = message.released + lifetime(of: recipient)
        var notices = recipient.told
        // RFC 2852 §4.1.3; what came too late to us was told of before.
        if let deliverBy = message.requests.deliverBy, deliverBy.mode == .notify,
            message.accepted < deliverBy.deadline, deliverBy.deadline <= now,
            !notices.contains(.overdue)
        {
            notices = [.waiting, .overdue]
            let text = Diagnosis.overdueAtLast.text(evidence.text)
            tell(
                .delay(until: expires), of: recipient,
                Outcome.Evidence(EnhancedStatus(4, 4, 7), text, host: evidence.host))
        } else if !notices.contains(.waiting),
            deliverer.schedule.isDelayNoticeDue(acceptedAt: message.released, at: now)
        {
            notices.insert(.waiting)
            tell(.delay(until: expires), of: recipient, evidence)
        }
        return notices
    }

    /// A relay domain may have its own, whatever else the message is for.
    private func lifetime(of recipient: DueRecipient) -> Duration {
        let usual = message.expires - message.released
        do throws(DirectoryFailure) {
            guard
                case .relay(let relay) = try deliverer.responsibility(
                    for: recipient.address.destination),
                let seconds = relay.lifetimeSeconds
            else { return usual }
            return .seconds(seconds)
        } catch {
            // Nobody gives up while it is not known for how long to try.
            return max(usual, now - message.released + .days(1))
        }
    }

    // MARK: What the sender is told

    /// Whether the next system leaves it to us to say that it has the message.
    private func isRelayToBeTold(
        _ recipient: DueRecipient, _ result: DispatchReport.Result
    ) -> Bool {
        // RFC 3461 §5.2.2 (b).
        if recipient.notify?.contains(.success) == true, !result.isNotificationPassedOn {
            return true
        }
        // RFC 2852 §4.1.4: also to whom did not ask for it, but not against his will.
        guard let deliverBy = message.requests.deliverBy, recipient.notify != .never else {
            return false
        }
        let isUnknownThere = deliverBy.mode == .notify && !result.isDeliverByPassedOn
        return deliverBy.isTraced || (isUnknownThere && now < deliverBy.deadline)
    }

    private mutating func fail(_ recipient: DueRecipient, _ evidence: Outcome.Evidence) {
        settle(recipient, .done, .bounced, evidence, [.init(.attempt, recipient.attempts + 1)])
        tell(.failure, of: recipient, evidence)
    }

    /// RFC 3461 §5.2.5, §5.2.6: of delay and failure everybody hears who did not say otherwise.
    private mutating func tell(
        _ kind: Notification.Kind, of recipient: DueRecipient, _ evidence: Outcome.Evidence
    ) {
        switch kind {
        case .failure where recipient.notify?.contains(.failure) == false: return
        case .delay where recipient.notify?.contains(.delay) == false: return
        default: break
        }
        let place = told.firstIndex {
            $0.kind == kind && $0.concerned.count < Notification.maximumRecipients
        }
        if let place {
            told[place].concerned.append((recipient, evidence))
        } else {
            told.append((kind, [(recipient, evidence)]))
        }
    }

    private mutating func settle(
        _ recipient: DueRecipient, _ result: Settlement.Result, _ kind: Fact.Kind,
        _ evidence: Outcome.Evidence?, _ fields: [Fact.Field]
    ) {
        let fact = Fact(
            kind, of: message.id, at: now, recipient: recipient.address, host: evidence?.host,
            status: evidence?.status, text: evidence?.text, fields: fields)
        settlements.append(Settlement(recipient, result, facts: [fact]))
    }

    private func security(_ tls: String?) -> Fact.Field { .init(.security, tls ?? "plain text") }

    // MARK: The end

    /// What is to be written, with the notifications that it causes.
    ///
    /// Settlements without a notification come in one conclusion, so that many messages cost
    /// little; whoever is notified about stands with the notification.
    consuming func finish() async -> [Conclusion] {
        if !common.isEmpty, !settlements.isEmpty {
            settlements[0].facts = common + settlements[0].facts
        }
        let hasAddressee = message.reversePath != .null || deliverer.settings.tellsPostmaster
        guard hasAddressee, !told.isEmpty else {
            return settlements.isEmpty ? [] : [Conclusion(settlements)]
        }
        var conclusions: [Conclusion] = []
        var rest = settlements
        for (kind, concerned) in told {
            let keys = Set(concerned.map(\.recipient.key))
            var mine = rest.filter { keys.contains($0.recipient.key) }
            rest.removeAll { keys.contains($0.recipient.key) }
            let sent = await deliverer.notice(kind, of: message, about: concerned)
            if let (notice, addressee) = sent {
                mine[0].facts.append(told(addressee, by: notice, kind.name))
            }
            conclusions.append(Conclusion(mine, notice: sent?.notice))
        }
        return rest.isEmpty ? conclusions : [Conclusion(rest)] + conclusions
    }
}
