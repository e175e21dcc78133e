// SPDX-License-Identifier: Apache-2.0

import Mail
import World

/// What became of a job, to be settled.
struct DispatchReport: Sendable {
    /// When the way was known.
    let begun: Timestamp
    var results: [Result] = []
    /// Hosts that were tried in vain before, or instead.
    var trials: [Trial] = []
    /// The hosts in the order of trying, as the journal keeps them; nil without a route.
    var route: String?
    /// The reverse-path that the hosts were given, if it is not the sender's own.
    var returnPath: Address?

    /// How it ended for one recipient of the job, in the job's order.
    struct Result: Sendable {
        var outcome: Outcome
        /// `TLSv1.3` or nil for plain text, if a host was reached.
        var tls: String?
        /// Whether the host was told what the sender wants to hear (RFC 3461 §5.2.1).
        ///
        /// If not, a success that was to be reported is ours to report as "relayed" (§5.2.2).
        var isNotificationPassedOn = false
        /// Whether the host was told the deliver-by time, or there is none (RFC 2852 §4.1.4.2).
        var isDeliverByPassedOn = true
    }

    /// A host that did not take the job.
    struct Trial: Sendable {
        var time: Timestamp
        var evidence: Outcome.Evidence
        var tls: String?
    }
}
