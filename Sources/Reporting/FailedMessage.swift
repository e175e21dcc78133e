// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import Feedback
package import World

/// A message about whose failure its author's domain may want to hear at once (RFC 9991).
package struct FailedMessage: Sendable {
    /// Where the policy stands, and where reports are wanted: the URIs of `ruf`.
    package var policyDomain: String
    package var addresses: [String]
    package var source: IPAddress
    package var arrival: Timestamp
    package var headerFrom: String
    package var mailFrom: String
    /// What failed, and what was done.
    package var failure: FeedbackReport.AuthenticationFailure
    /// One field without its name: `mx1.example.net; dmarc=fail header.from=example.org`.
    package var authenticationResults: String
    package var header: [UInt8]

    package init(
        policyDomain: String, addresses: [String], source: IPAddress, arrival: Timestamp,
        headerFrom: String, mailFrom: String, failure: FeedbackReport.AuthenticationFailure,
        authenticationResults: String, header: [UInt8]
    ) {
        self.policyDomain = policyDomain
        self.addresses = addresses
        self.source = source
        self.arrival = arrival
        self.headerFrom = headerFrom
        self.mailFrom = mailFrom
        self.failure = failure
        self.authenticationResults = authenticationResults
        self.header = header
    }

    /// Messages that are alike are told of together (RFC 9991 §8.1).
    var likeness: String {
        "\(policyDomain) \(source) \(headerFrom) \(failure.unaligned.joined(separator: ","))"
    }
}
