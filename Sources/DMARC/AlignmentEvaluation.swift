// SPDX-License-Identifier: Apache-2.0

import Bytes
import DKIM
import DNS
import SPF

/// The check of one message, for one author after the other; what the DNS said is kept.
struct AlignmentEvaluation {
    let sender: AlignmentCheck.Sender?
    /// Those that pass, or may do so later.
    let signatures: [AlignmentCheck.Signature]
    var walk: TreeWalk
    /// The author's, once it was needed.
    private var organization: Name?

    init(
        sender: AlignmentCheck.Sender?, signatures: [AlignmentCheck.Signature], walk: TreeWalk
    ) {
        self.sender = sender
        self.signatures = signatures
        self.walk = walk
    }

    /// What came of one kind of identifiers.
    private struct Outcome {
        var isAligned = false
        /// A domain would be aligned, or could be, if the DNS said so.
        var mayBeAligned: String?
    }

    mutating func verdict(on author: Name) async -> AlignmentCheck.Verdict {
        organization = nil
        var verdict = AlignmentCheck.Verdict(.none)
        verdict.authorDomain = author
        do throws(TreeWalk.Fault) {
            guard let (record, domain) = try await policy(for: author) else {
                walk.note("no DMARC record applies to \(author)")
                verdict.problem = "no DMARC record applies to \(author)"
                return verdict
            }
            verdict.record = record
            verdict.policyDomain = domain
            guard record.isUsable else {
                verdict.result = .permerror
                verdict.problem = Self.problem(of: record, at: domain)
                walk.note(verdict.problem ?? "")
                return verdict
            }
            await check(author, record, &verdict)
        } catch {
            // §5.3.6: it neither passes nor fails.
            verdict.result = .temperror
            verdict.problem = "the DMARC record of \(error.domain): \(error.failure)"
            verdict.unansweredDomain = error.domain
        }
        return verdict
    }

    private static func problem(of record: PolicyRecord, at domain: Name) -> String {
        record.standing == .repetitive
            ? "the DMARC record of \(domain) has a tag twice"
            : "the DMARC record of \(domain) has no valid policy, and wants no reports"
    }

    /// §4.10.1: the author's record, else that of its Organizational Domain, else that of the
    /// public suffix above.
    private mutating func policy(
        for author: Name
    ) async throws(TreeWalk.Fault) -> (PolicyRecord, Name)? {
        if let own = try await walk.record(at: author) { return (own, author) }
        let (domain, suffix) = try await walk.organization(of: author)
        organization = domain
        walk.note("the Organizational Domain of \(author) is \(domain)")
        if let record = try await walk.record(at: domain) { return (record, domain) }
        if let suffix, let record = try await walk.record(at: suffix) { return (record, suffix) }
        return nil
    }

    /// §5.3.4 to §5.3.6, with a record that says what to do.
    private mutating func check(
        _ author: Name, _ record: PolicyRecord, _ verdict: inout AlignmentCheck.Verdict
    ) async {
        let spf = await checkSender(author, record.spfAlignment)
        let dkim = await checkSignatures(author, record.dkimAlignment)
        verdict.spfAligned = spf.isAligned
        verdict.dkimAligned = dkim.isAligned
        verdict.organizationalDomain = organization
        let passes = spf.isAligned || dkim.isAligned
        do throws(TreeWalk.Fault) {
            try await applyPolicy(author, record, &verdict)
        } catch {
            if !passes {
                verdict.result = .temperror
                verdict.problem = "whether \(error.domain) exists: \(error.failure)"
                return
            }
        }
        if passes {
            verdict.result = .pass
        } else if let fault = dkim.mayBeAligned ?? spf.mayBeAligned {
            verdict.result = .temperror
            verdict.problem = fault
        } else {
            verdict.result = .fail
            verdict.disposition = verdict.policy ?? .none
            if record.isTesting { verdict.disposition = verdict.disposition.lowered }
        }
        tell(record, verdict)
    }

    /// Which policy is asked for: of `p`, `sp` and `np` the one for this author (§4.10.1).
    private mutating func applyPolicy(
        _ author: Name, _ record: PolicyRecord, _ verdict: inout AlignmentCheck.Verdict
    ) async throws(TreeWalk.Fault) {
        guard author != verdict.policyDomain else {
            verdict.policyTag = .domain
            verdict.policy = record.policy
            return
        }
        verdict.policyTag = .subdomain
        verdict.policy = record.subdomainPolicy
        // Only then does it matter whether the author's domain exists.
        guard record.nonexistentPolicy != record.subdomainPolicy else { return }
        if try await !walk.exists(author) {
            verdict.policyTag = .nonexistent
            verdict.policy = record.nonexistentPolicy
        }
    }

    // MARK: - Alignment

    private mutating func checkSender(
        _ author: Name, _ alignment: PolicyRecord.Alignment
    ) async -> Outcome {
        var outcome = Outcome()
        guard let sender else { return outcome }
        guard sender.result == .pass || sender.result == .temperror else {
            walk.note("SPF does not pass: \(sender.result.rawValue) for \(sender.domain)")
            return outcome
        }
        do throws(TreeWalk.Fault) {
            let isAligned = try await isAligned(sender.domain, author, alignment)
            if sender.result == .pass {
                outcome.isAligned = isAligned
                tell("SPF passes for", sender.domain, isAligned, alignment)
            } else if isAligned {
                outcome.mayBeAligned = "SPF cannot be checked for \(sender.domain) at the moment"
                walk.note(outcome.mayBeAligned ?? "")
            }
        } catch {
            outcome.mayBeAligned = "the DMARC record of \(error.domain): \(error.failure)"
        }
        return outcome
    }

    private mutating func checkSignatures(
        _ author: Name, _ alignment: PolicyRecord.Alignment
    ) async -> Outcome {
        var outcome = Outcome()
        // One that needs no questions settles it.
        if signatures.contains(where: { $0.result == .pass && $0.domain == author }) {
            tell("a signature passes for", author, true, alignment)
            outcome.isAligned = true
            return outcome
        }
        for signature in signatures {
            do throws(TreeWalk.Fault) {
                let isAligned = try await isAligned(signature.domain, author, alignment)
                if signature.result == .pass {
                    tell("a signature passes for", signature.domain, isAligned, alignment)
                    guard isAligned else { continue }
                    outcome.isAligned = true
                    return outcome
                }
                guard isAligned else { continue }
                outcome.mayBeAligned =
                    "a signature for \(signature.domain) cannot be checked at the moment"
                walk.note(outcome.mayBeAligned ?? "")
            } catch {
                outcome.mayBeAligned = "the DMARC record of \(error.domain): \(error.failure)"
            }
        }
        return outcome
    }

    /// §4.10.2.
    private mutating func isAligned(
        _ identifier: Name, _ author: Name, _ alignment: PolicyRecord.Alignment
    ) async throws(TreeWalk.Fault) -> Bool {
        // With a record that applies, one domain needs no walk.
        if identifier == author { return true }
        guard alignment == .relaxed else { return false }
        // An Organizational Domain is at or above both, so that they have their last label in
        // common.
        guard let top = author.labels.last, let other = identifier.labels.last,
            top.equalsIgnoringCase(other)
        else { return false }
        let own = try await authorOrganization(author)
        guard identifier.isEqualOrBelow(own) else { return false }
        return try await walk.organization(of: identifier).domain == own
    }

    private mutating func authorOrganization(
        _ author: Name
    ) async throws(TreeWalk.Fault) -> Name {
        if let organization { return organization }
        let found = try await walk.organization(of: author).domain
        walk.note("the Organizational Domain of \(author) is \(found)")
        organization = found
        return found
    }

    // MARK: - Telling

    private mutating func tell(
        _ what: String, _ domain: Name, _ isAligned: Bool, _ alignment: PolicyRecord.Alignment
    ) {
        let mode = alignment == .strict ? "strict" : "relaxed"
        walk.note(
            "\(what) \(domain), which is \(isAligned ? "" : "not ")aligned with the author's "
                + "domain (\(mode))")
    }

    private mutating func tell(_ record: PolicyRecord, _ verdict: AlignmentCheck.Verdict) {
        for tag in record.historic { walk.note("the tag \(tag) is historic and has no effect") }
        if record.standing == .monitoring {
            walk.note("the record has no valid policy, but wants reports: it counts as p=none")
        }
        switch verdict.result {
        case .pass: walk.note("pass")
        case .fail:
            let (policy, tag) = (verdict.policy ?? .none, verdict.policyTag ?? .domain)
            walk.note(
                "fail: the record at \(verdict.policyDomain?.description ?? "") asks for "
                    + "\(policy.rawValue) by \(tag.rawValue)")
            if verdict.disposition != policy {
                walk.note("t=y lowers that to \(verdict.disposition.rawValue)")
            }
        default: walk.note("\(verdict.result.rawValue): \(verdict.problem ?? "")")
        }
    }
}
