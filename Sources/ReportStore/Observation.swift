// SPDX-License-Identifier: Apache-2.0

package import Feedback

/// What came of one message, for the report to the owner of its author's domain.
package struct Observation: Hashable, Sendable {
    /// The policy that was found, by its domain.
    package var policy: AggregateReport.PublishedPolicy
    /// Where reports are wanted: the URIs of `rua`, in their order.
    package var addresses: [String]
    /// With a count of one.
    package var record: AggregateReport.Record

    package init(
        policy: AggregateReport.PublishedPolicy, addresses: [String],
        record: AggregateReport.Record
    ) {
        self.policy = policy
        self.addresses = addresses
        self.record = record
    }
}

/// What came of one session with an exchanger, for the report to the domain that it serves.
package struct SessionObservation: Hashable, Sendable {
    /// The domain of the recipients (RFC 8460 §1.1, policy domain).
    package var domain: String
    package var type: TLSReport.PolicyType
    /// The policy as RFC 8460 §4.5 writes it; empty without one.
    package var policyText: [String] = []
    package var exchangers: [String] = []
    /// What went wrong, for one session; nil for a success.
    package var failure: TLSReport.FailureDetail?

    package init(
        domain: String, type: TLSReport.PolicyType, failure: TLSReport.FailureDetail? = nil
    ) {
        self.domain = domain
        self.type = type
        self.failure = failure
    }
}
