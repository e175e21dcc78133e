// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import World

/// An aggregate report of DMARC (RFC 9990): who sent mail in a domain's name, and what became of it.
///
/// As it is written by us and as others write it; the older form of RFC 7489 is read as well.
package struct AggregateReport: Hashable, Sendable {
    /// `org_name`: who reports.
    package var organization: String
    package var email: String?
    package var extraContact: String?
    /// `report_id`; nil if the reporter gave none.
    package var reportID: String?
    /// The period; nil where none can be read.
    package var begin: Timestamp?
    package var end: Timestamp?
    package var errors: [String] = []
    package var generator: String?
    package var policy: PublishedPolicy
    package var records: [Record]
    /// What was not as the schema has it, for people; at most `maximumOddities`.
    package internal(set) var oddities: [String] = []

    /// The largest reports have some ten thousand.
    package static let maximumRecords = 100_000
    package static let maximumOddities = 20

    package init(
        organization: String, policy: PublishedPolicy, records: [Record] = []
    ) {
        self.organization = organization
        self.policy = policy
        self.records = records
    }

    /// How many messages it tells of; as many as there can be, if it tells of more.
    package var messages: Int64 {
        records.reduce(0) { sum, record in
            let (total, isTooMany) = sum.addingReportingOverflow(record.count)
            return isTooMany ? .max : total
        }
    }

    /// What a domain owner asks for (`p`, `sp`, `np`), and what was done.
    package enum Disposition: String, Hashable, Sendable, CaseIterable {
        case none
        /// RFC 9990: nothing had to be done although the policy would do something.
        case pass
        case quarantine
        case reject
    }

    /// `adkim` and `aspf`.
    package enum Alignment: String, Hashable, Sendable {
        case relaxed = "r"
        case strict = "s"
    }

    /// How the policy was found.
    package enum DiscoveryMethod: String, Hashable, Sendable {
        /// RFC 7489: by a list of public suffixes.
        case publicSuffixList = "psl"
        /// RFC 9989 §4.10.
        case treeWalk = "treewalk"
    }

    /// `policy_published`: what the record said that was found.
    package struct PublishedPolicy: Hashable, Sendable {
        /// The domain at which the record stood.
        package var domain: String
        package var policy: Disposition?
        package var subdomainPolicy: Disposition?
        package var absentPolicy: Disposition?
        package var dkimAlignment: Alignment?
        package var spfAlignment: Alignment?
        package var discovery: DiscoveryMethod?
        /// `fo`, as it was written.
        package var failureOptions: String?
        package var isTesting: Bool?
        /// `pct` of RFC 7489; not written any more.
        package var percent: Int64?

        package init(domain: String) { self.domain = domain }
    }

    /// Messages from one host that were all judged alike.
    package struct Record: Hashable, Sendable {
        package var source: IPAddress
        /// At least 0.
        package var count: Int64
        package var disposition: Disposition
        /// Whether a signature that passes is aligned with the author's domain.
        package var isDKIMAligned: Bool
        package var isSPFAligned: Bool
        package var reasons: [Reason] = []
        package var headerFrom: String
        /// Empty for a null reverse-path, nil if it was not said.
        package var envelopeFrom: String?
        package var envelopeTo: String?
        package var signatures: [Signature] = []
        package var senderPolicies: [SenderPolicy] = []

        package init(
            source: IPAddress, count: Int64, disposition: Disposition, isDKIMAligned: Bool,
            isSPFAligned: Bool, headerFrom: String
        ) {
            self.source = source
            self.count = count
            self.disposition = disposition
            self.isDKIMAligned = isDKIMAligned
            self.isSPFAligned = isSPFAligned
            self.headerFrom = headerFrom
        }
    }

    /// Why something else was done than the policy asks for (RFC 9990 §3.1.6).
    package struct Reason: Hashable, Sendable {
        /// `local_policy`, `mailing_list`, `other`, `policy_test_mode`, `trusted_forwarder`; of
        /// old also `forwarded` and `sampled_out`.
        package var type: String
        package var comment: String?

        package init(type: String, comment: String? = nil) {
            self.type = type
            self.comment = comment
        }
    }

    /// One DKIM signature's verdict, in RFC 8601's words.
    package struct Signature: Hashable, Sendable {
        package var domain: String
        package var selector: String?
        package var result: String
        package var explanation: String?

        package init(
            domain: String, selector: String?, result: String, explanation: String? = nil
        ) {
            self.domain = domain
            self.selector = selector
            self.result = result
            self.explanation = explanation
        }
    }

    /// An SPF verdict, in RFC 8601's words.
    package struct SenderPolicy: Hashable, Sendable {
        package var domain: String
        /// `mfrom`; of old also `helo`.
        package var scope: String?
        package var result: String
        package var explanation: String?

        package init(
            domain: String, scope: String? = "mfrom", result: String, explanation: String? = nil
        ) {
            self.domain = domain
            self.scope = scope
            self.result = result
            self.explanation = explanation
        }
    }

    mutating func note(_ oddity: String) {
        guard oddities.count < Self.maximumOddities, !oddities.contains(oddity) else { return }
        oddities.append(oddity)
    }
}
