// SPDX-License-Identifier: Apache-2.0

import ARC
import Bytes
import DKIM
import DMARC
import DNS
import Mail
import SPF

extension SenderFacts {
    /// What SPF says, in the words of RFC 8601 §2.7.2.
    package var policyResult: String { mailFrom.result.rawValue }
}

extension Findings {
    /// One method's result in the words of RFC 8601 §2.7, and what it is about.
    package struct MethodResult: Hashable, Sendable {
        package let method: String
        package let result: String
        package let subject: String
    }

    /// What each method came to; one entry for each signature, and one at least.
    package var methodResults: [MethodResult] {
        var results = [
            MethodResult(
                method: "spf", result: sender.policyResult, subject: sender.mailFromDomain),
            MethodResult(
                method: "iprev", result: sender.reverseName.result.rawValue,
                subject: "\(sender.client)"),
        ]
        results += signatures.map {
            MethodResult(method: "dkim", result: $0.result.rawValue, subject: $0.domain ?? "")
        }
        if signatures.isEmpty {
            results.append(MethodResult(method: "dkim", result: "none", subject: ""))
        }
        results.append(
            MethodResult(
                method: "dmarc", result: dmarc.result.rawValue,
                subject: dmarc.authorDomain.map { String(lossy: $0.dotted) } ?? ""))
        if chain.status != .none {
            results.append(MethodResult(method: "arc", result: chain.status.rawValue, subject: ""))
        }
        return results
    }
}
