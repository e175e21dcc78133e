// SPDX-License-Identifier: Apache-2.0

import DefenceStore
import Delivery
import Journal
import KeyRing
package import Metering
import NameService
import Spool
import World

/// What the listener for metrics shows: what modules count, and what it finds out when asked.
package struct Meters: Sendable {
    private let registry: MeterRegistry
    private let process: @Sendable () -> [Sample]

    /// Readers come one at a time; more are a mistake.
    static let maximumConnections = 20
    /// Destinations with a line of their own; the rest is one line.
    static let maximumDestinations = 20

    /// `registry` is the backend of swift-metrics; `process` says what the process takes of the
    /// machine.
    package init(
        registry: MeterRegistry = MeterRegistry(),
        process: @escaping @Sendable () -> [Sample] = { [] }
    ) {
        self.registry = registry
        self.process = process
    }

    func service(
        of node: Node, _ deliverer: Deliverer, _ names: NameServer, _ security: ZoneSecurity,
        _ keys: KeyKeeper,
        _ time: any Time
    ) -> MetricsService {
        MetricsService(
            registry, time: time,
            sample: {
                try await samples(of: node, at: time.timestamp) + samples(of: deliverer)
                    + samples(of: names)
                    + samples(of: security) + samples(of: keys, node) + process()
            },
            check: { _ = try await node.spooler.suspensions() })
    }

    private func samples(of node: Node, at now: Timestamp) async throws -> [Sample] {
        let census = try await node.spooler.census(
            by: .destination, at: now, limit: Self.maximumDestinations)
        let total = census.total
        let age = total.total == 0 ? 0 : max(0, now.milliseconds - total.oldest.milliseconds)
        let destination = "postreiter_queue_destination_recipients"
        var samples = [
            Sample("postreiter_queue_recipients", Double(total.waiting), labels: ["waiting"]),
            Sample("postreiter_queue_recipients", Double(total.active), labels: ["active"]),
            Sample("postreiter_queue_recipients", Double(total.held), labels: ["held"]),
            Sample(
                "postreiter_queue_destinations",
                Double(census.shares.count + census.otherNames)),
            Sample("postreiter_queue_oldest_seconds", Double(age) / 1_000),
            Sample(destination, Double(census.others.total), labels: ["other"]),
            Sample(
                "postreiter_suspensions", Double(try await node.spooler.suspensions().all.count)),
            Sample("postreiter_bans", Double(node.defence.bans.all.count)),
            Sample("postreiter_journal_rows_at_most", Double(try await node.trace.rowsAtMost())),
        ]
        samples += census.shares.map {
            Sample(destination, Double($0.total), labels: [$0.name])
        }
        return samples
    }

    private func samples(of deliverer: Deliverer) async throws -> [Sample] {
        [
            Sample(
                "postreiter_queue_unreadable_recipients",
                Double(try await deliverer.unreadableRecipients()))
        ]
    }

    private func samples(of security: ZoneSecurity) async -> [Sample] {
        let signed = Sample("postreiter_zones_signed", Double(await security.count))
        guard let seconds = await security.secondsLeft else { return [signed] }
        return [signed, Sample("postreiter_zone_signatures_seconds", Double(seconds))]
    }

    private func samples(of keys: KeyKeeper, _ node: Node) async -> [Sample] {
        [
            Sample("postreiter_dkim_messages_total", Double(node.signingKeys.signedMessages)),
            Sample("postreiter_dkim_domains", Double(await keys.count)),
            Sample("postreiter_dkim_unsigned_domains", Double(await keys.unsignedCount)),
            Sample("postreiter_dkim_alarms", Double(await keys.alarmCount)),
        ]
    }

    private func samples(of names: NameServer) -> [Sample] {
        names.tally.answers.flatMap { answers in
            answers.byCode.map {
                Sample(
                    "postreiter_dns_answers_total", Double($0.count),
                    labels: [answers.transport, $0.code])
            } + [
                Sample(
                    "postreiter_dns_truncated_total", Double(answers.truncated),
                    labels: [answers.transport]),
                Sample(
                    "postreiter_dns_unanswered_total", Double(answers.unanswered),
                    labels: [answers.transport]),
            ]
        } + [Sample("postreiter_zones", Double(names.zoneCount))]
    }
}
