// SPDX-License-Identifier: Apache-2.0

import Bytes
package import Directory
import Feedback
import MIME
import Mail
package import ReportStore

/// Keeps reports about the domains that are hosted here.
package struct ReportFiling: Sendable {
    private let reports: Reports
    private let registry: Registry
    private let authservID: String?
    private let signers: ReportSigners?

    /// `authservID` is that of the Authentication-Results that are believed; nil: none are.
    ///
    /// `signers` finds out who signed a report on TLS; without it they say that too.
    package init(
        reports: Reports, registry: Registry, authservID: String? = nil,
        signers: ReportSigners? = nil
    ) {
        self.reports = reports
        self.registry = registry
        self.authservID = authservID
        self.signers = signers
    }

    /// Keeps the report in a mail or file; nil for one that does not count.
    ///
    /// Throws `ReportFailure` for what is no report.
    package func file(_ octets: [UInt8]) async throws -> Reports.Filing? {
        let report = try IncomingReport(opening: octets)
        var authenticity = authenticity(of: octets)
        if case .transport(let report) = report {
            if let signers, let haveSigned = await signers.haveSigned(report, in: octets) {
                authenticity = haveSigned ? .passed : .failed
            }
            // RFC 8460 §3: reports that lack a signature must be ignored.
            if authenticity == .failed { return nil }
        }
        return try await reports.file(report, isAuthentic: authenticity == .passed) { name in
            guard let domain = try? Domain(name),
                case .local = try registry.responsibility(for: domain)
            else { return false }
            return true
        }
    }

    /// What this host's own Authentication-Results say of the mail that carried a report.
    private enum Authenticity {
        case passed, failed, unknown
    }

    private func authenticity(of octets: [UInt8]) -> Authenticity {
        // Ours stands above all others (RFC 8601 §4); those with our name are taken out of what
        // comes in.
        guard let authservID,
            let value = HeaderScan.value(of: "Authentication-Results", in: octets[...])
        else { return .unknown }
        let text = String(lossy: value).asciiLowercased
        let name = text.drop { $0.isWhitespace }.prefix { $0 != ";" && !$0.isWhitespace }
        guard name == authservID.asciiLowercased else { return .unknown }
        return text.contains("dkim=pass") ? .passed : .failed
    }
}
