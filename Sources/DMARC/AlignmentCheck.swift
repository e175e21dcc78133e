// SPDX-License-Identifier: Apache-2.0

package import DKIM
package import DNS
package import SPF

/// Whether the domain that a message claims to come from stands behind it (RFC 9989 §5.3).
package struct AlignmentCheck: Sendable {
    /// What SPF found out about the MAIL FROM identity (§4.4.2).
    package struct Sender: Hashable, Sendable {
        package var result: SPFResult
        package var domain: Name

        package init(_ result: SPFResult, _ domain: Name) {
            self.result = result
            self.domain = domain
        }
    }

    /// What DKIM found out about one signature (§4.4.1).
    package struct Signature: Hashable, Sendable {
        package var result: DKIMResult
        package var domain: Name

        package init(_ result: DKIMResult, _ domain: Name) {
            self.result = result
            self.domain = domain
        }
    }

    /// The tag that the policy for an author comes from.
    package enum PolicyTag: String, Hashable, Sendable {
        case domain = "p"
        case subdomain = "sp"
        case nonexistent = "np"
    }

    /// What came of a check.
    package struct Verdict: Hashable, Sendable {
        package var result: DMARCResult
        /// Whose message it says it is; of several authors the one that decides.
        package var authorDomain: Name?
        /// What the record asks to be done for this author, whatever the result is; nil without a
        /// record.
        package var policy: PolicyRecord.Policy?
        /// Where that stands; what it says may be the value of a tag that it falls back to.
        package var policyTag: PolicyTag?
        /// What is to be done now: the policy of a message that fails, lowered by `t=y`, else none.
        package var disposition = PolicyRecord.Policy.none
        /// Where the record is, which is the author's domain or one above it.
        package var policyDomain: Name?
        package var record: PolicyRecord?
        /// The author's; nil if nothing depended on it.
        package var organizationalDomain: Name?
        /// SPF passes for a domain that is aligned.
        package var spfAligned = false
        /// A signature passes whose domain is aligned.
        package var dkimAligned = false
        /// Why it is an error, or why there is nothing to check.
        package var problem: String?
        /// Where it cannot be found out now whether there is a record; nil where it can.
        package var unansweredDomain: Name?
        /// What was looked at, in sentences; empty unless `explains`.
        package var steps: [String] = []

        package init(_ result: DMARCResult) { self.result = result }
    }

    private let resolver: any Resolver
    /// Whether `Verdict.steps` are wanted.
    package var explains = false

    /// Domains of passing signatures beyond are not looked at: each may cost eight questions.
    package static let maximumSignatures = 20

    package init(resolver: any Resolver) { self.resolver = resolver }

    /// Checks a message.
    ///
    /// Asks the DNS at most nine times for each author, and eight times for each other domain that
    /// could be aligned. `sender` is the MAIL FROM identity, with a null reverse-path that of the
    /// HELO command (RFC 7208 §2.4).
    package func verdict(
        authors: AuthorDomains, sender: Sender?, signatures: [Signature]
    ) async -> Verdict {
        guard !authors.domains.isEmpty else {
            // §5.3.1: validation is not possible.
            var verdict = Verdict(.none)
            verdict.problem =
                authors.fields == 0
                ? "the message has no From field" : "the From field names no domain"
            if explains, let problem = verdict.problem { verdict.steps = [problem] }
            return verdict
        }
        var evaluation = AlignmentEvaluation(
            sender: sender, signatures: Self.distinct(signatures),
            walk: TreeWalk(resolver: resolver, explains: explains))
        var verdicts: [Verdict] = []
        for author in authors.domains { verdicts.append(await evaluation.verdict(on: author)) }
        var verdict = Self.combined(verdicts)
        if authors.isIncomplete, verdict.result == .pass || verdict.result == .none {
            // §11.5: if not all are processed, the evaluation is incomplete.
            verdict.result = .permerror
            verdict.problem = "the From field names more domains than can be checked"
        }
        if authors.domains.count > 1 {
            evaluation.walk.note(
                "the message has \(authors.domains.count) author domains: "
                    + "the strictest policy of those that fail counts")
        }
        verdict.steps = evaluation.walk.steps ?? []
        return verdict
    }

    /// §11.5: each author domain is checked; the strictest policy among those that fail counts,
    /// and all of them pass or none does.
    private static func combined(_ verdicts: [Verdict]) -> Verdict {
        let failing = verdicts.filter { $0.result == .fail }
        let strictest = failing.max { left, right in
            (left.disposition, left.policy ?? .none) < (right.disposition, right.policy ?? .none)
        }
        if let strictest { return strictest }
        for result in [DMARCResult.temperror, .permerror, .none] {
            if let verdict = verdicts.first(where: { $0.result == result }) { return verdict }
        }
        return verdicts[0]
    }

    /// Those that matter, each domain once.
    private static func distinct(_ signatures: [Signature]) -> [Signature] {
        var kept: [Signature] = []
        for signature in signatures
        where signature.result == .pass || signature.result == .temperror {
            guard kept.count < maximumSignatures else { break }
            if !kept.contains(signature) { kept.append(signature) }
        }
        return kept
    }
}
