// SPDX-License-Identifier: Apache-2.0

import Bytes
package import DNS
import Feedback
import Journal
package import Logging
import Mail
package import ReportStore
package import Spool
package import World

/// Sends the reports that other domains ask for: on messages (RFC 9990), on TLS (RFC 8460).
package struct ReportSender: Sendable {
    private let settings: ReportingSettings
    private let reports: Reports
    private let intake: Intake
    private let destinations: ReportDestinations
    private let post: ReportPost?
    private let time: any Time
    private let entropy: any Entropy
    private let sign: Signing
    private let log: Logger

    /// Fields that go above a message of ours, given whole: its DKIM signatures.
    ///
    /// RFC 8460 §3 demands them of reports on TLS; they are what makes reports pass DMARC.
    package typealias Signing = @Sendable (_ message: [UInt8]) async -> [UInt8]

    /// How often what was observed is written.
    static let flushInterval = Duration.minutes(1)
    /// Where the DNS or the store does not answer.
    static let pause = Duration.minutes(30)
    /// RFC 8460 §5.5: a day; what is older than that interests nobody.
    static let patience = Duration.days(2)
    /// For the DNS of one destination, where another one can be written to.
    static let patienceForOthers = Duration.hours(10)
    /// "A commonly observed receiver limit is ten megabytes" (RFC 8460 §5.2).
    static let maximumMessageOctets = 10_000_000

    /// `sign` is asked for each report that goes by mail; without `network` none goes by HTTPS.
    package init(
        _ settings: ReportingSettings, reports: Reports, intake: Intake, resolver: any Resolver,
        time: any Time, entropy: any Entropy, network: (any Network)? = nil,
        sign: @escaping Signing = { _ in [] }, log: Logger
    ) {
        self.settings = settings
        self.reports = reports
        self.intake = intake
        destinations = ReportDestinations(resolver: resolver)
        post = network.map {
            ReportPost(
                resolver: resolver, network: $0, time: time,
                allowsPrivateAddresses: settings.postsToPrivateAddresses)
        }
        self.time = time
        self.entropy = entropy
        self.sign = sign
        self.log = log
    }

    /// Writes what is observed and sends what is due, until the task is cancelled.
    package func run() async {
        var next = Timestamp(seconds: 0)
        while !Task.isCancelled {
            if time.timestamp >= next {
                await sendDue()
                next = await nextLook()
            }
            try? await time.sleep(for: Self.flushInterval)
            if await flush() { next = min(next, await nextLook()) }
        }
    }

    /// When a report is due, but not at once: what could not be sent is not to be tried in a circle.
    private func nextLook() async -> Timestamp {
        let soon = time.timestamp + Self.flushInterval
        do {
            guard let due = try await reports.nextDue() else { return soon + .days(1) }
            return max(due, soon)
        } catch {
            return soon
        }
    }

    /// Writes what has been observed; says whether that was anything.
    @discardableResult
    package func flush() async -> Bool {
        do {
            let (written, leftOut) = try await reports.flush()
            if leftOut > 0 {
                log.warning("\(leftOut) observations found no room and are in no report")
            }
            return written > 0
        } catch {
            log.warning("observations for reports were not written, they are kept: \(error)")
            return false
        }
    }

    /// Sends the reports whose time has come.
    package func sendDue() async {
        do {
            while true {
                let due = try await reports.due()
                for period in due {
                    guard !Task.isCancelled else { return }
                    try await send(period)
                }
                if due.isEmpty { return }
            }
        } catch {
            log.warning("reports that are due were not sent, it will be tried again: \(error)")
        }
    }

    /// After this the period has ended or is due later; else it throws.
    private func send(_ period: Period) async throws {
        do {
            guard settings.isSending else {
                return try await reports.end(period, "reports are turned off")
            }
            guard time.timestamp - period.end < Self.patience + Reports.spread else {
                return try await reports.end(period, "it could not be sent in time")
            }
            switch period.kind {
            case .aggregate: try await sendAggregate(period)
            case .transport: try await sendTransport(period)
            case .feedback: try await reports.end(period, "these are not sent by day")
            }
        } catch {
            log.warning("the report about \(period.domain) was not sent: \(error)")
            try await reports.postpone(period, by: Self.pause)
        }
    }

    // MARK: Messages

    private func sendAggregate(_ period: Period) async throws {
        guard case (var report, let addresses)? = try await reports.aggregate(of: period) else {
            return try await reports.end(period, "there is nothing to report")
        }
        let found = await destinations.verified(addresses, for: period.domain)
        // RFC 9990 §4 step 5: later; but those who can be verified do not wait for ever.
        let mayWait = found.mail.isEmpty || time.timestamp - period.end < Self.patienceForOthers
        guard !found.isTemporary || !mayWait else {
            return try await reports.postpone(period, by: Self.pause)
        }
        guard !found.mail.isEmpty else { return try await reports.end(period, found.reason) }
        report.organization = settings.organization
        report.email = settings.sender.description
        report.generator = "Postreiter"
        // RFC 9990 §3.5.1: unique, and the same whenever this report is made.
        report.reportID = "\(period.begin.seconds).\(period.domain)@\(settings.hostName)"
        let mail = mail(to: found.mail)
        var message = mail.message(report, entropy: entropy)
        if message.count > Self.maximumMessageOctets {
            // The records with the fewest messages come last.
            report.errors = ["there were more records than a report can carry"]
            report.records.removeLast(report.records.count / 2)
            message = mail.message(report, entropy: entropy)
        }
        try await accept(message, to: found.mail, period)
    }

    // MARK: TLS

    private func sendTransport(_ period: Period) async throws {
        guard var report = try await reports.transport(of: period) else {
            return try await reports.end(period, "there is nothing to report")
        }
        let found = await destinations.transport(for: period.domain)
        guard !found.isTemporary else { return try await reports.postpone(period, by: Self.pause) }
        let web = post == nil ? [] : found.web
        guard !found.mail.isEmpty || !web.isEmpty else {
            return try await reports.end(period, found.reason)
        }
        report.organization = settings.organization
        report.contact = settings.sender.description
        report.reportID = "\(period.begin.seconds).\(period.domain)@\(settings.hostName)"
        guard !found.mail.isEmpty else { return try await hand(report, to: web, period) }
        let message = mail(to: found.mail).message(
            report, about: period.domain, entropy: entropy)
        try await accept(message, to: found.mail, period)
        // RFC 8460 §3: one that has it is enough; the others are asked once.
        _ = await hand(ReportMail.file(report), to: web, about: period.domain)
    }

    /// Hands a report to HTTPS servers alone; one that takes it is enough (RFC 8460 §3).
    ///
    /// If this ends between their answer and the end of the period, it is handed over once more,
    /// as the same report: they know it by its identifier.
    private func hand(_ report: TLSReport, to web: [String], _ period: Period) async throws {
        let file = ReportMail.file(report)
        guard file.count <= Self.maximumMessageOctets else {
            return try await reports.end(period, "it is too large for anybody")
        }
        let (takers, later, refusals) = await hand(file, to: web, about: period.domain)
        if !takers.isEmpty {
            try await reports.end(period, "sent to \(takers.joined(separator: ", "))")
        } else if later {
            // RFC 8460 §5.5: ever more seldom.
            let age = time.timestamp - period.end
            try await reports.postpone(period, by: max(Self.pause, age / 2))
        } else {
            try await reports.end(period, refusals.joined(separator: "; "))
        }
    }

    /// Asks each once: who took it, whether another may do so later, and why not.
    private func hand(
        _ file: [UInt8], to web: [String], about domain: String
    ) async -> (takers: [String], later: Bool, refusals: [String]) {
        var (takers, later, refusals): ([String], Bool, [String]) = ([], false, [])
        guard let post else { return (takers, later, refusals) }
        for uri in web {
            switch await post.hand(file, to: uri) {
            case .accepted:
                takers.append(uri)
                log.info("the report about \(domain) was handed to \(uri)")
            case .refused(let reason):
                refusals.append("\(uri): \(reason)")
                log.info("the report about \(domain) was refused by \(uri): \(reason)")
            case .failed(let reason):
                later = true
                log.info("the report about \(domain) was not handed to \(uri): \(reason)")
            }
        }
        return (takers, later, refusals)
    }

    // MARK: Mail

    private func mail(to recipients: [Address]) -> ReportMail {
        ReportMail(
            from: settings.sender, to: recipients, host: settings.hostName, at: time.timestamp)
    }

    /// Accepts the report for delivery and ends its period, in one transaction.
    private func accept(
        _ message: [UInt8], to recipients: [Address], _ period: Period
    ) async throws {
        // No reverse-path: nothing that comes back would be of use.
        var envelope = Envelope(
            from: .null, to: recipients.map { Envelope.Recipient($0, notify: .never) },
            body: .sevenBit, isInternational: recipients.contains { $0.isInternational })
        // RFC 8460 §3: despite any failures of TLS.
        envelope.requests.waivesTLSPolicy = period.kind == .transport
        let fields = await sign(message)
        var draft = intake.open()
        do {
            try await draft.append(message[...])
        } catch {
            await draft.discard()
            throw error
        }
        draft.prepend(fields)
        let now = time.timestamp
        let names = recipients.map(\.description).joined(separator: ", ")
        let id = try await draft.commit(
            Acceptance(
                envelope, source: [.init(.report, "\(period.domain) \(period.kind.rawValue)")])
        ) { transaction in
            try Reports.end(period, "sent to \(names)", at: now, in: transaction)
        }
        log.info("\(id): the report about \(period.domain) goes to \(names)")
    }
}
