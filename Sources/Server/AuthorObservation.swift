// SPDX-License-Identifier: Apache-2.0

import Bytes
import DKIM
import DMARC
import DNS
import Feedback
import Mail
import MessageAuthentication
import ReportStore
import Reporting
import SPF
import World

extension Observation {
    /// What the examination of a message means for the owner of its author's domain (RFC 9990 §3.1);
    /// nil if there is no policy, or nobody wants reports.
    ///
    /// RFC 9989 §4.10.1: the report is about the domain at which the record stands.
    init?(_ findings: Findings, _ decision: InboundPolicy.Decision) {
        let dmarc = findings.dmarc
        guard let record = dmarc.record, record.isUsable, !record.aggregateReports.isEmpty,
            let domain = dmarc.policyDomain, let author = dmarc.authorDomain
        else { return nil }
        var seen = AggregateReport.Record(
            source: findings.sender.client, count: 1,
            disposition: Self.disposition(dmarc, decision), isDKIMAligned: dmarc.dkimAligned,
            isSPFAligned: dmarc.spfAligned, headerFrom: Self.text(author))
        seen.envelopeFrom = findings.sender.reversePath.address.map { "\($0.destination)" } ?? ""
        seen.reasons = Self.reasons(dmarc, decision)
        seen.signatures = Self.signatures(findings, author)
        if !findings.sender.mailFromDomain.isEmpty {
            seen.senderPolicies = [
                .init(
                    domain: findings.sender.mailFromDomain.asciiLowercased,
                    result: findings.sender.mailFrom.result.rawValue)
            ]
        }
        self.init(
            policy: Self.policy(record, Self.text(domain)),
            addresses: record.aggregateReports.map(\.text), record: seen)
    }

    private static func text(_ name: Name) -> String { String(lossy: name.lowercased.dotted) }

    private static func policy(
        _ record: PolicyRecord, _ domain: String
    ) -> AggregateReport.PublishedPolicy {
        func word(_ policy: PolicyRecord.Policy) -> AggregateReport.Disposition? {
            .init(rawValue: policy.rawValue)
        }
        var policy = AggregateReport.PublishedPolicy(domain: domain)
        policy.policy = word(record.policy)
        policy.subdomainPolicy = word(record.subdomainPolicy)
        policy.absentPolicy = word(record.nonexistentPolicy)
        policy.dkimAlignment = .init(rawValue: record.dkimAlignment.rawValue)
        policy.spfAlignment = .init(rawValue: record.spfAlignment.rawValue)
        policy.isTesting = record.isTesting
        policy.discovery = .treeWalk
        let options: [(PolicyRecord.FailureOptions, String)] = [
            (.all, "0"), (.any, "1"), (.signature, "d"), (.sender, "s"),
        ]
        policy.failureOptions =
            options.filter { record.failureOptions.contains($0.0) }.map(\.1).joined(separator: ":")
        return policy
    }

    /// RFC 9990 appendix A: "pass" is a message that passes under a policy that would do something.
    private static func disposition(
        _ dmarc: AlignmentCheck.Verdict, _ decision: InboundPolicy.Decision
    ) -> AggregateReport.Disposition {
        switch decision.action {
        case .quarantine: .quarantine
        case .reject: .reject
        case .accept, .postpone:
            dmarc.result == .pass && (dmarc.policy ?? .none) != PolicyRecord.Policy.none
                ? .pass : .none
        }
    }

    /// RFC 9990 §3.1.6: why something else was done than the policy asks for.
    private static func reasons(
        _ dmarc: AlignmentCheck.Verdict, _ decision: InboundPolicy.Decision
    ) -> [AggregateReport.Reason] {
        var reasons: [AggregateReport.Reason] = []
        if dmarc.result == .fail, dmarc.record?.isTesting == true, let policy = dmarc.policy,
            dmarc.disposition != policy
        {
            reasons.append(.init(type: "policy_test_mode"))
        }
        // The comment may name our own arrangements; the kind is all that others need.
        if let override = decision.override { reasons.append(.init(type: override.kind.rawValue)) }
        return reasons
    }

    /// RFC 9990 §3.1.3: those that pass and are nearest to the author first.
    private static func signatures(
        _ findings: Findings, _ author: Name
    ) -> [AggregateReport.Signature] {
        let name = text(author)
        // Known where it mattered; else what passes was the author's own.
        let organization = findings.dmarc.organizationalDomain
        var ranked: [(rank: Int, signature: AggregateReport.Signature)] = []
        for (index, finding) in findings.signatures.enumerated() {
            guard let domain = finding.domain?.asciiLowercased else { continue }
            let isRelated =
                organization.map { own in
                    Name(mailDomain: domain).map { $0.isEqualOrBelow(own) } ?? false
                } ?? false
            let rank =
                finding.result != .pass ? 3 : domain == name ? 0 : isRelated ? 1 : 2
            ranked.append(
                (
                    rank * AggregateReport.maximumSignatures + index,
                    AggregateReport.Signature(
                        domain: domain, selector: finding.selector,
                        result: finding.result.rawValue)
                ))
        }
        return ranked.sorted { $0.rank < $1.rank }.map(\.signature)
    }
}

extension FailedMessage {
    /// What failed, if the domain's `fo` asks for a report on it (RFC 9989 §4.7); nil otherwise.
    init?(
        _ findings: Findings, _ decision: InboundPolicy.Decision, header: [UInt8],
        at arrival: Timestamp, authservID: String
    ) {
        let dmarc = findings.dmarc
        // RFC 9991 §2: `ruf` of a public suffix does not count.
        guard let record = dmarc.record, record.isUsable, !record.failureReports.isEmpty,
            record.publicSuffix != .yes, let domain = dmarc.policyDomain,
            let author = dmarc.authorDomain, [.pass, .fail].contains(dmarc.result)
        else { return nil }
        let options = record.failureOptions
        let failed = findings.signatures.first { $0.result != .pass && $0.domain != nil }
        let isWanted =
            options.contains(.all) && dmarc.result == .fail
            || options.contains(.any) && !(dmarc.dkimAligned && dmarc.spfAligned)
            || options.contains(.signature) && failed != nil
            || options.contains(.sender) && findings.sender.mailFrom.result != .pass
        guard isWanted else { return nil }
        var failure = FeedbackReport.AuthenticationFailure(type: "dmarc")
        if !dmarc.dkimAligned { failure.unaligned.append("dkim") }
        if !dmarc.spfAligned { failure.unaligned.append("spf") }
        failure.deliveryResult =
            switch decision.action {
            case .accept: "delivered"
            case .quarantine: "spam"
            case .reject: "reject"
            case .postpone: "other"
            }
        failure.dkimDomain = failed?.domain
        failure.dkimSelector = failed?.selector
        failure.dkimIdentity = failed?.domain.map { "@\($0)" }
        let from = String(lossy: author.lowercased.dotted)
        self.init(
            policyDomain: String(lossy: domain.lowercased.dotted),
            addresses: record.failureReports.map(\.text), source: findings.sender.client,
            arrival: arrival, headerFrom: from,
            mailFrom: findings.sender.reversePath.address.map(\.description) ?? "",
            failure: failure,
            authenticationResults:
                "\(authservID); dmarc=\(dmarc.result.rawValue) header.from=\(from)",
            header: header)
    }
}
