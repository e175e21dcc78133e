// SPDX-License-Identifier: Apache-2.0

import Directory
import MIME
import Mail
import Routing
import SMTP
import Spool
import World

/// One message on its way: who still waits, and what is known of the others.
struct Attempt {
    let job: Job
    /// Who we are to the host, if it wants to know.
    let account: Transport.Account?
    var report: DispatchReport
    /// What is in the message, once that had to be found out.
    var findings: TransportFindings?
    /// A host of the route was not reached, or there was no time for it.
    var hasUnaskedHost = false
    private let time: any Time
    private var results: [DispatchReport.Result?]
    /// What the last host said to those who may try another.
    private var soft: [DispatchReport.Result?]

    /// `returnPath` is the reverse-path that other exchangers are given instead of the sender's.
    init(
        _ job: Job, account: Transport.Account?, returnPath: Address? = nil, time: any Time
    ) {
        self.job = job
        self.account = account
        self.time = time
        report = DispatchReport(begun: time.timestamp)
        report.returnPath = returnPath
        results = job.recipients.map { _ in nil }
        soft = results
    }

    var pending: [Int] { results.indices.filter { results[$0] == nil } }
    var isOver: Bool { !results.contains { $0 == nil } }

    /// RFC 8689 §4.2.1, but not for a notification (§5).
    private var requiresTLS: Bool {
        job.message.requests.requiresTLS && job.message.reversePath != .null
    }

    /// What a connection must offer for this message.
    func security(_ host: Route.Host) -> Route.Security {
        requiresTLS && host.security == .opportunistic ? .required : host.security
    }

    func transaction(
        _ offered: [Int], _ form: Carriage.Form
    ) -> ClientSession.Transaction {
        let message = job.message
        let envelope = Envelope(
            from: report.returnPath.map { .address($0) } ?? message.reversePath,
            to: offered.map { job.recipients[$0].asked },
            body: form.body, isInternational: form.isInternational, requests: message.requests)
        return ClientSession.Transaction(envelope, octets: form.octets, at: time.timestamp)
    }

    mutating func note(_ evidence: Outcome.Evidence, _ tls: String?) {
        report.trials.append(.init(time: time.timestamp, evidence: evidence, tls: tls))
    }

    /// RFC 8689 §4.2.1: a host without the TLS that the sender requires is none for the message.
    mutating func noteLackOfTLS() {
        guard requiresTLS, let last = report.trials.last else { return }
        var evidence = last.evidence
        evidence.status = EnhancedStatus(5, 7, 10)
        evidence.text = Diagnosis.senderRequiresTLS.text(evidence.text)
        for index in pending { soften(index, .init(outcome: .permanent(evidence))) }
    }

    /// What of the message keeps it from this host.
    mutating func refuse(_ outcome: Outcome, _ open: OutboundConnection) {
        note(outcome.evidence, open.tls)
        for index in pending { soften(index, .init(outcome: outcome, tls: open.tls)) }
    }

    /// What else the connection, or another to the same host, is good for.
    enum Use { case nothing, transaction, connection }

    mutating func apply(
        _ answer: ClientSession.Report, to offered: [Int], _ tls: String?
    ) -> Use {
        var wereServed = false
        var use = Use.nothing
        var refusal: Outcome.Evidence?
        for (index, result) in zip(offered, answer.results) {
            let outcome = DispatchReport.Result(
                outcome: result.outcome, tls: tls,
                isNotificationPassedOn: result.isNotificationPassedOn,
                isDeliverByPassedOn: result.isDeliverByPassedOn)
            switch (result.outcome, result.advice) {
            case (.transient, .nextHost), (.permanent, .nextHost):
                soften(index, outcome)
                refusal = refusal ?? result.outcome.evidence
            case (.transient, .anotherTransaction):
                soften(index, outcome)
                if use == .nothing { use = .transaction }
            case (.transient, .anotherConnection):
                soften(index, outcome)
                use = .connection
            default:
                results[index] = outcome
                wereServed = true
            }
        }
        if let refusal { note(refusal, tls) }
        // Without progress it would go round in a circle.
        return wereServed ? use : .nothing
    }

    /// Later is better than never: what one host says for now outweighs what another cannot do.
    private mutating func soften(_ index: Int, _ result: DispatchReport.Result) {
        if case .transient? = soft[index]?.outcome, case .permanent = result.outcome { return }
        soft[index] = result
    }

    consuming func finish() -> DispatchReport {
        let last = report.trials.last
        report.results = results.indices.map { index in
            if let result = results[index] { return result }
            let evidence =
                last?.evidence
                ?? Outcome.Evidence(EnhancedStatus(4, 4, 1), Diagnosis.noHostAsked.text())
            var result = soft[index] ?? DispatchReport.Result(outcome: .transient(evidence))
            // A host that was not asked may have what the others lack.
            if case .permanent(let evidence) = result.outcome, hasUnaskedHost, !requiresTLS {
                result.outcome = .transient(evidence)
            }
            if case .transient(var evidence) = result.outcome {
                evidence.status = EnhancedStatus(4, evidence.status.subject, evidence.status.detail)
                result.outcome = .transient(evidence)
            }
            return result
        }
        return report
    }
}
