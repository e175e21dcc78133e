// SPDX-License-Identifier: Apache-2.0

import DKIM
import DNS
import Delivery
import Feedback
import KeyRing
import Logging
import Mail
import MessageAuthentication
import Reception
import ReportStore
import Reporting
import Settings
import Spool
import World

/// What has to do with reports: observing, sending, reading.
struct Reporters: Sendable {
    let sender: ReportSender
    let reader: ReportReader
    /// Nil unless single messages are reported.
    let failures: FailureReporter?
    private let reports: Reports
    private let isSending: Bool
    private let authservID: String
    private let time: any Time

    init(
        _ settings: ServerSettings, node: Node, intake: Intake, resolver: any Resolver,
        surroundings: Surroundings, cryptography: (any MailCryptography)?, log: Logger
    ) {
        let own = ReportingSettings(settings)
        reports = node.reports
        isSending = own.isSending
        authservID = own.authservID
        time = surroundings.time
        // The one place where reports are signed.
        let sign: ReportSender.Signing = { [keys = node.signingKeys, time] message in
            guard let domain = own.sender.domain else { return [] }
            return keys.fields(above: message, of: domain, at: time.timestamp)
        }
        sender = ReportSender(
            own, reports: node.reports, intake: intake, resolver: resolver,
            time: surroundings.time, entropy: surroundings.entropy,
            network: surroundings.network, sign: sign, log: log)
        failures =
            own.sendsFailures
            ? FailureReporter(
                own, intake: intake, resolver: resolver, time: surroundings.time,
                entropy: surroundings.entropy, sign: sign, log: log) : nil
        reader = ReportReader(
            own, reports: node.reports, registry: node.registry, spooler: node.spooler,
            signers: cryptography.map {
                ReportSigners(resolver: resolver, cryptography: $0, time: surroundings.time)
            }, log: log)
    }

    /// Has an inspector tell what it finds.
    func attend(_ inspector: inout Inspector) {
        guard isSending else { return }
        inspector.note = { [reports] findings, decision in
            if let seen = Observation(findings, decision) { reports.note(seen) }
        }
        guard let failures else { return }
        inspector.report = { [time, authservID] in
            let failed = FailedMessage(
                $0, $1, header: $2, at: time.timestamp, authservID: authservID)
            if let failed { failures.note(failed) }
        }
    }

    /// What delivery tells.
    var watch: DeliveryWatch {
        var watch = DeliveryWatch()
        watch.arrival = { [reader] in reader.note($0, asked: $1) }
        if isSending { watch.session = { [reports] in reports.note(SessionObservation($0)) } }
        return watch
    }

    /// Sends and reads until the task is cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await sender.run() }
            group.addTask { await reader.run() }
            group.addTask { await failures?.run() }
        }
    }

    /// Keeps what was observed last.
    func finish() async { await sender.flush() }

    /// Forgets what is old.
    func prune() async throws { while try await reports.prune() {} }
}

extension ReportingSettings {
    /// What the settings of the server say of them.
    fileprivate init(_ settings: ServerSettings) {
        self.init(hostName: settings.hostName)
        authservID = settings.authentication.id ?? authservID
        isSending = settings.reports.isSending
        sendsFailures = settings.reports.sendsFailures
        if let organization = settings.reports.organization { self.organization = organization }
        if let sender = settings.reports.sender { self.sender = sender }
        if let names = settings.reports.readsAt { readsAt = Set(names.map { $0.lowercased() }) }
    }
}

extension SessionObservation {
    /// A session under no policy: MTA-STS and DANE of others are not applied yet.
    fileprivate init(_ fact: SessionFact) {
        self.init(domain: fact.domain.name, type: .none)
        let result: TLSReport.ResultType
        switch fact.outcome {
        case .protected: return
        case .notOffered: result = .startTLSNotSupported
        case .failed: result = .validationFailure
        }
        var failure = TLSReport.FailureDetail(result: result.rawValue, sessions: 1)
        failure.receivingHost = fact.host
        failure.receivingAddress = fact.address
        failure.sendingAddress = fact.source
        if case .failed(let words) = fact.outcome {
            failure.reasonCode = String(words.unicodeScalars.prefix(200))
        }
        self.failure = failure
    }
}
