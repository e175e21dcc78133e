// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import World

/// A report on TLS (RFC 8460): how often a sender could protect its connections to a domain.
package struct TLSReport: Hashable, Sendable {
    package var organization: String
    package var contact: String?
    package var reportID: String
    package var begin: Timestamp?
    package var end: Timestamp?
    package var policies: [PolicyResult]
    /// What was not as RFC 8460 has it, for people; at most `maximumOddities`.
    package internal(set) var oddities: [String] = []

    package static let maximumOctets = 16 << 20
    package static let maximumPolicies = 10_000
    package static let maximumDetails = 100_000
    package static let maximumOddities = 20

    package init(organization: String, reportID: String, policies: [PolicyResult] = []) {
        self.organization = organization
        self.reportID = reportID
        self.policies = policies
    }

    package var successes: Int64 { Self.sum(policies.map(\.successes)) }
    package var failures: Int64 { Self.sum(policies.map(\.failures)) }

    static func sum(_ counts: [Int64]) -> Int64 {
        counts.reduce(0) { sum, count in
            let (total, isTooMany) = sum.addingReportingOverflow(count)
            return isTooMany ? .max : total
        }
    }

    /// `policy-type` (RFC 8460 §4.4).
    package enum PolicyType: String, Hashable, Sendable, CaseIterable {
        case tlsa
        case sts
        case none = "no-policy-found"
    }

    /// What came of one policy.
    package struct PolicyResult: Hashable, Sendable {
        package var type: PolicyType
        package var domain: String
        /// The policy, line by line or record by record (RFC 8460 §4.5).
        package var text: [String] = []
        /// The patterns of exchangers that an MTA-STS policy has.
        package var exchangers: [String] = []
        package var successes: Int64
        package var failures: Int64
        package var details: [FailureDetail] = []

        package init(
            type: PolicyType, domain: String, successes: Int64 = 0, failures: Int64 = 0
        ) {
            self.type = type
            self.domain = domain
            self.successes = successes
            self.failures = failures
        }
    }

    /// Failures that were alike.
    package struct FailureDetail: Hashable, Sendable {
        /// A word of RFC 8460 §4.3, or a newer one.
        package var result: String
        package var sendingAddress: IPAddress?
        package var receivingHost: String?
        package var receivingHello: String?
        package var receivingAddress: IPAddress?
        package var sessions: Int64
        package var additionalInformation: String?
        package var reasonCode: String?

        package init(result: String, sessions: Int64) {
            self.result = result
            self.sessions = sessions
        }
    }

    /// `result-type` (RFC 8460 §4.3).
    package enum ResultType: String, Hashable, Sendable, CaseIterable {
        case startTLSNotSupported = "starttls-not-supported"
        case certificateHostMismatch = "certificate-host-mismatch"
        case certificateExpired = "certificate-expired"
        case certificateNotTrusted = "certificate-not-trusted"
        case validationFailure = "validation-failure"
        case tlsaInvalid = "tlsa-invalid"
        case dnssecInvalid = "dnssec-invalid"
        case daneRequired = "dane-required"
        case policyFetchError = "sts-policy-fetch-error"
        case policyInvalid = "sts-policy-invalid"
        case policyUntrusted = "sts-webpki-invalid"
    }

    mutating func note(_ oddity: String) {
        guard oddities.count < Self.maximumOddities, !oddities.contains(oddity) else { return }
        oddities.append(oddity)
    }
}
