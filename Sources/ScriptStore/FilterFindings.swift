// SPDX-License-Identifier: Apache-2.0

package import Defence
import DefenceStore
package import Journal
package import Sieve

/// What filters made of a message, as scripts may ask for it (RFC 5235).
package struct FilterFindings: Hashable, Sendable {
    /// 0 to 100: 50 from where on it is junk, 100 from where on it is refused.
    package let spamPercent: Int
    /// 1 (clean), 4 (suspicious) or 5 (infected); nil if nobody looked for viruses, as far as is
    /// known (§3.3).
    package let virusScore: Int?

    package init(_ verdict: Defence.Verdict) {
        spamPercent = Self.percent(verdict)
        virusScore = verdict.score.tests.compactMap { Self.virusScore($0.name) }.max()
    }

    /// A line through both thresholds; where one is missing, twice or half the other stands in.
    private static func percent(_ verdict: Defence.Verdict) -> Int {
        let sum = verdict.score.sum.hundredths
        let thresholds = verdict.thresholds
        let usual = Score.Thresholds()
        let junk =
            thresholds.junk?.hundredths ?? thresholds.reject.map { $0.hundredths / 2 }
            ?? usual.junk?.hundredths ?? 1
        let reject = thresholds.reject?.hundredths ?? junk * 2
        var percent = 0
        if sum > 0 {
            percent =
                sum < junk || reject <= junk
                ? 50 * sum / max(junk, 1) : 50 + 50 * (sum - junk) / (reject - junk)
        }
        // A filter's word may stand above the sum.
        if verdict.action >= .junk { percent = max(percent, 50) }
        return min(max(percent, 0), 100)
    }

    /// By the names of tests: ours of what a milter says, and symbols of rspamd's antivirus module.
    private static func virusScore(_ name: String) -> Int? {
        if name == "virus=clean" { return 1 }
        if name == "virus=found" { return 5 }
        guard name.hasPrefix("rspamd="), name.contains("VIRUS") else { return nil }
        // It could not be looked into, or not be asked at all.
        if name.hasSuffix("_ENCRYPTED") || name.hasSuffix("_MACRO") { return 4 }
        return name.hasSuffix("_FAIL") ? nil : 5
    }
}

extension Incoming {
    /// Takes over what filters found.
    package mutating func take(_ findings: FilterFindings) {
        spamPercent = max(spamPercent.map { _ in 50 } ?? 0, findings.spamPercent)
        virusScore = findings.virusScore
    }
}

extension Scripts {
    /// What filters made of a message when it came; nil where nobody looked, and for one that went
    /// on from an alias later.
    package func findings(of message: QueueID) async throws -> FilterFindings? {
        try await Verdicts(store).verdict(of: message).map { FilterFindings($0.verdict) }
    }
}
