// SPDX-License-Identifier: Apache-2.0

/// What verifying comes to, in the words of RFC 8601 §2.7.1.
package enum DKIMResult: String, Hashable, Sendable {
    case none
    case pass
    /// A signature that does not fit the message.
    case fail
    /// A signature that we do not want to count.
    case policy
    /// A signature that could not be looked at.
    case neutral
    /// The key could not be had now.
    case temperror
    /// The signature or its key is not in order, for ever.
    case permerror

    /// Of several signatures the best counts, or what may become the best.
    package static func overall(_ results: [DKIMResult]) -> DKIMResult {
        for result in [pass, temperror, fail, permerror, policy, neutral]
        where results.contains(result) { return result }
        return none
    }
}

/// Why a signature does not pass.
package struct DKIMProblem: Error, Hashable, Sendable {
    package let result: DKIMResult
    /// A phrase for people.
    package let reason: String

    package init(_ result: DKIMResult, _ reason: String) {
        self.result = result
        self.reason = reason
    }
}
