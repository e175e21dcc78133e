// SPDX-License-Identifier: Apache-2.0

import Bytes
package import DNS
import Feedback
import Journal
package import Logging
import Mail
package import Spool
import Synchronization
package import World

/// Sends reports on single messages that failed (RFC 9991), if that is turned on: redacted, to
/// verified addresses, and few.
package final class FailureReporter: Sendable {
    private let settings: ReportingSettings
    private let intake: Intake
    private let destinations: ReportDestinations
    private let redaction: Redaction
    private let time: any Time
    private let entropy: any Entropy
    private let sign: ReportSender.Signing
    private let log: Logger
    private let pace = Mutex(FailurePace())
    private let waiting = AsyncStream.makeStream(
        of: Waiting.self, bufferingPolicy: .bufferingOldest(FailurePace.maximumPerWindow))

    private struct Waiting: Sendable {
        var message: FailedMessage
        var incidents: Int64
    }

    /// How often it is looked for what has been counted.
    static let interval = Duration.minutes(5)

    package init(
        _ settings: ReportingSettings, intake: Intake, resolver: any Resolver, time: any Time,
        entropy: any Entropy, sign: @escaping ReportSender.Signing = { _ in [] }, log: Logger
    ) {
        self.settings = settings
        self.intake = intake
        destinations = ReportDestinations(resolver: resolver)
        // Until the next start: long enough to compare reports of one campaign.
        redaction = Redaction(key: entropy.octets(16))
        self.time = time
        self.entropy = entropy
        self.sign = sign
        self.log = log
    }

    /// Notes a message that failed.
    package func note(_ message: FailedMessage) {
        guard settings.sendsFailures, !message.addresses.isEmpty else { return }
        let now = time.now
        guard pace.withLock({ $0.take(message, at: now) }) else { return }
        waiting.continuation.yield(Waiting(message: message, incidents: 1))
    }

    /// Sends until the task is cancelled.
    package func run() async {
        guard settings.sendsFailures else { return }
        await withDiscardingTaskGroup { group in
            group.addTask { [self] in
                for await one in waiting.stream {
                    guard !Task.isCancelled else { return }
                    await send(one.message, incidents: one.incidents)
                }
            }
            group.addTask { [self] in
                while !Task.isCancelled {
                    try? await time.sleep(for: Self.interval)
                    let now = time.now
                    for (message, incidents) in pace.withLock({ $0.due(at: now) }) {
                        waiting.continuation.yield(Waiting(message: message, incidents: incidents))
                    }
                }
            }
        }
    }

    private func send(_ message: FailedMessage, incidents: Int64) async {
        let found = await destinations.verified(
            message.addresses, tag: "ruf", for: message.policyDomain)
        guard !found.mail.isEmpty else {
            return log.debug("no failure report about \(message.policyDomain): \(found.reason)")
        }
        let octets = ReportMail(
            from: settings.sender, to: found.mail, host: settings.hostName, at: time.timestamp
        ).message(report(message, incidents), about: message.policyDomain, entropy: entropy)
        do {
            let fields = await sign(octets)
            var draft = intake.open()
            do {
                try await draft.append(octets[...])
            } catch {
                await draft.discard()
                throw error
            }
            draft.prepend(fields)
            // RFC 9991 §5.1: null, so that no report is answered by another.
            let id = try await draft.commit(
                Acceptance(
                    Envelope(
                        from: .null,
                        to: found.mail.map { Envelope.Recipient($0, notify: .never) }),
                    source: [.init(.report, "\(message.policyDomain) failure")]))
            log.info("\(id): a failure report about \(message.policyDomain)")
        } catch {
            log.warning("a failure report about \(message.policyDomain) was not sent: \(error)")
        }
    }

    private func report(_ message: FailedMessage, _ incidents: Int64) -> FeedbackReport {
        var report = FeedbackReport(kind: "auth-failure")
        report.userAgent = "Postreiter"
        report.originalMailFrom =
            message.mailFrom.isEmpty ? nil : redaction.redact(address: message.mailFrom)
        report.arrival = message.arrival
        report.reportingMTA = settings.hostName.name
        report.source = message.source
        report.incidents = incidents
        // RFC 6591 §3.1: one method's result.
        report.authenticationResults = [message.authenticationResults]
        report.reportedDomains = [message.headerFrom]
        report.failure = message.failure
        report.original = redaction.redact(header: message.header)
        return report
    }
}
