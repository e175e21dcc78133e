// SPDX-License-Identifier: Apache-2.0

import CoreMetrics
import Directory
import Journal
import Mail
import Spool
import World

/// Turns what happened to recipients of one message into what the spool and the journal keep.
struct Conclusions {
    let deliverer: Deliverer
    let message: SpooledMessage
    private var settlements: [Settlement] = []
    private var failed: [(recipient: DueRecipient, evidence: Outcome.Evidence)] = []
    private var delayed: [(recipient: DueRecipient, evidence: Outcome.Evidence)] = []
    /// What concerns the whole message, put before the first settlement's own facts.
    private var common: [Fact] = []

    init(_ deliverer: Deliverer, _ message: SpooledMessage) {
        self.deliverer = deliverer
        self.message = message
    }

    private var now: Timestamp { deliverer.time.timestamp }

    /// The outcome of a job that was carried to other hosts.
    mutating func add(_ report: DispatchReport, of job: Job) {
        let attempt = (job.recipients.map(\.attempts).min() ?? 0) + 1
        if let route = report.route {
            common.append(
                Fact(
                    .routed, of: message.id, at: report.begun,
                    fields: [.init(.destination, job.destination), .init(.route, route)]))
        }
        for trial in report.trials {
            common.append(
                Fact(
                    .attempted, of: message.id, at: trial.time, host: trial.evidence.host,
                    status: trial.evidence.status, text: trial.evidence.text,
                    fields: [.init(.attempt, attempt), security(trial.tls)]))
        }
        for (recipient, result) in zip(job.recipients, report.results) {
            add(recipient, result.outcome, tls: result.tls)
        }
    }

    /// The outcome for one recipient.
    mutating func add(_ recipient: DueRecipient, _ outcome: Outcome, tls: String? = nil) {
        deliverer.counters.count(outcome)
        switch outcome {
        case .delivered(let evidence):
            let fields = [Fact.Field(.attempt, recipient.attempts + 1), security(tls)]
            settle(recipient, .done, .delivered, evidence, fields)
        case .permanent(let evidence): fail(recipient, evidence)
        case .transient(let evidence): wait(recipient, evidence)
        case .ambiguous(var evidence):
            // RFC 1047: it may arrive twice; not to try again might lose it.
            evidence.text += " (it may have been delivered already, and may arrive twice)"
            wait(recipient, evidence)
        }
    }

    /// Into a mailbox here.
    mutating func deliver(_ recipient: DueRecipient, to account: Int64, mailbox: String) {
        deliverer.counters.delivered.increment()
        let prefix = "Return-Path: <\(message.reversePath)>\r\n"  // RFC 5321 §4.4
        settle(
            recipient, .deliveredLocally(account: account, mailbox: mailbox, prefix: prefix),
            .delivered, nil, [Fact.Field(.mailbox, mailbox)])
    }

    /// It waits without having been tried.
    mutating func putOff(_ recipient: DueRecipient, until: Timestamp) {
        settlements.append(Settlement(recipient, .putOff(until: until)))
    }

    /// It goes on as another message.
    mutating func replace(_ recipient: DueRecipient, by id: QueueID) {
        let fact = Fact(
            .routed, of: message.id, at: now, recipient: recipient.address,
            text: "the address leads elsewhere now: goes on as \(id)")
        settlements.append(Settlement(recipient, .done, facts: [fact]))
    }

    private mutating func wait(_ recipient: DueRecipient, _ evidence: Outcome.Evidence) {
        let schedule = deliverer.settings.schedule
        var generator = deliverer.entropy.generator
        let next = schedule.with(lifetime: lifetime(of: recipient)).next(
            afterAttempts: recipient.attempts + 1, acceptedAt: message.accepted, at: now,
            using: &generator)
        guard case .retry(let until) = next else {
            let text = "not delivered within its lifetime; at last: \(evidence.text)"
            // RFC 3463 §3.5: X.4.7, delivery time expired.
            return fail(
                recipient, Outcome.Evidence(EnhancedStatus(5, 4, 7), text, host: evidence.host))
        }
        let isDelayed =
            !recipient.isDelayNotified
            && schedule.isDelayNoticeDue(acceptedAt: message.accepted, at: now)
        if isDelayed { delayed.append((recipient, evidence)) }
        settle(
            recipient,
            .deferred(
                until: until, evidence, isDelayNotified: recipient.isDelayNotified || isDelayed),
            .deferred, evidence,
            [
                .init(.until, CalendarDate(until).internetFormat),
                .init(.attempt, recipient.attempts + 1),
            ])
    }

    /// A relay domain may have its own, whatever else the message is for.
    private func lifetime(of recipient: DueRecipient) -> Duration {
        let responsibility = try? deliverer.responsibility(for: recipient.address.destination)
        if case .relay(let relay)? = responsibility, let seconds = relay.lifetimeSeconds {
            return .seconds(seconds)
        }
        return message.expires - message.accepted
    }

    private mutating func fail(_ recipient: DueRecipient, _ evidence: Outcome.Evidence) {
        failed.append((recipient, evidence))
        settle(recipient, .done, .bounced, evidence, [.init(.attempt, recipient.attempts + 1)])
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

    /// What is to be written, with the notifications that it causes.
    ///
    /// Settlements without a notification come in one conclusion, so that many messages cost
    /// little; whoever is notified about stands with the notification.
    consuming func finish() async -> [Conclusion] {
        if !common.isEmpty, !settlements.isEmpty {
            settlements[0].facts = common + settlements[0].facts
        }
        guard let sender = message.reversePath.address, !(failed.isEmpty && delayed.isEmpty) else {
            return settlements.isEmpty ? [] : [Conclusion(settlements)]
        }
        var conclusions: [Conclusion] = []
        var rest = settlements
        for (concerned, kind) in [
            (failed, Notification.Kind.failure),
            (delayed, .delay(until: message.expires)),
        ] where !concerned.isEmpty {
            let keys = Set(concerned.map(\.recipient.key))
            var mine = rest.filter { keys.contains($0.recipient.key) }
            rest.removeAll { keys.contains($0.recipient.key) }
            let notice = await deliverer.notice(kind, to: sender, of: message, about: concerned)
            if let notice {
                mine[0].facts.append(
                    Fact(
                        .notified, of: message.id, at: now, recipient: sender,
                        fields: [.init(.notification, notice.id)]))
            }
            conclusions.append(Conclusion(mine, notice: notice))
        }
        return rest.isEmpty ? conclusions : [Conclusion(rest)] + conclusions
    }
}
