// SPDX-License-Identifier: Apache-2.0

import Journal
import Mail
import Metrics
import Spool

/// How deliveries ended, for metrics.
struct DeliveryCounters: Sendable {
    let delivered = Counter(label: "postreiter_delivered_recipients_total")
    let deferred = Counter(label: "postreiter_deferred_recipients_total")
    let failed = Counter(label: "postreiter_failed_recipients_total")
    let ambiguous = Counter(label: "postreiter_ambiguous_recipients_total")

    /// By what they tell.
    let notifications = Dictionary(
        uniqueKeysWithValues: Notification.Kind.names.map { name in
            let label = "postreiter_notifications_total"
            return (name, Counter(label: label, dimensions: [("kind", name)]))
        })

    /// Those that stand in the spool now, by the facts that tell of them.
    func count(_ conclusions: [Conclusion], _ settled: Settled) {
        guard !settled.notices.isEmpty else { return }
        let notices = Set(settled.notices.map(\.description))
        for fact in conclusions.flatMap(\.settlements).flatMap(\.facts)
        where fact.kind == .notified && fact[.notification].map(notices.contains) == true {
            fact[.reason].flatMap { notifications[$0] }?.increment()
        }
    }

    /// A quota is used up to a share, in percent.
    func warn(_ percent: Int) {
        Counter(
            label: "postreiter_quota_warnings_total", dimensions: [("percent", "\(percent)")]
        ).increment()
    }

    func count(_ outcome: Outcome) {
        switch outcome {
        case .delivered: delivered.increment()
        case .transient: deferred.increment()
        case .permanent: failed.increment()
        case .ambiguous: ambiguous.increment()
        }
    }
}
