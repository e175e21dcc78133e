// SPDX-License-Identifier: Apache-2.0

import Mail
import Metrics

/// How deliveries ended, for metrics.
struct DeliveryCounters: Sendable {
    let delivered = Counter(label: "postreiter_delivered_recipients_total")
    let deferred = Counter(label: "postreiter_deferred_recipients_total")
    let failed = Counter(label: "postreiter_failed_recipients_total")
    let ambiguous = Counter(label: "postreiter_ambiguous_recipients_total")

    func count(_ outcome: Outcome) {
        switch outcome {
        case .delivered: delivered.increment()
        case .transient: deferred.increment()
        case .permanent: failed.increment()
        case .ambiguous: ambiguous.increment()
        }
    }
}
