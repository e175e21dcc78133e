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

    /// How it ended for one recipient of the job, in the job's order.
    struct Result: Sendable {
        var outcome: Outcome
        /// `TLSv1.3` or nil for plain text, if a host was reached.
        var tls: String?
    }

    /// A host that did not take the job.
    struct Trial: Sendable {
        var time: Timestamp
        var evidence: Outcome.Evidence
        var tls: String?
    }
}
