// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import Mail
package import Routing
import World
import ZoneCheck

/// All that was found about the exchangers of a domain: what `mx probe` prints.
package struct ProbeReport: Sendable {
    package let decision: Decision
    package let hosts: [HostReport]
    package let policy: PolicyReport
    package let findings: [ProbeFinding]

    package init(_ decision: Decision, _ hosts: [HostReport], policy: PolicyReport = .unknown) {
        self.decision = decision
        self.hosts = hosts
        self.policy = policy
        findings = ProbeFinding.judge(hosts) + policy.findings(hosts)
    }

    /// The worst of all that was found: 0 for nothing that matters, 1 for a warning, 2 for an
    /// error.
    package var exitCode: Int32 {
        if decision.route == nil || findings.contains(where: { $0.severity == .error })
            || decision.findings.contains(where: { $0.severity == .error })
        {
            return 2
        }
        let isWarned =
            findings.contains { $0.severity == .warning }
            || decision.findings.contains { $0.severity == .warning }
        return isWarned ? 1 : 0
    }

    // MARK: For people

    /// The rows of the table, its heading first.
    package func rows(_ language: Language) -> [[String]] {
        let heading =
            switch language {
            case .english:
                [
                    "MX", "host", "address", "answer", "TLS", "certificate", "DANE", "MTA-STS",
                    "time",
                ]
            case .german:
                [
                    "MX", "Rechner", "Adresse", "Antwort", "TLS", "Zertifikat", "DANE", "MTA-STS",
                    "Zeit",
                ]
            }
        return [heading] + hosts.map { $0.row(policy, language) }
    }

    /// The findings, a paragraph each.
    package func text(_ language: Language) -> String {
        let routing = decision.findings.map {
            "\($0.severity.rawValue): \($0.text(language)) (\($0.code))"
        }
        let probed = findings.map { finding in
            let advice = finding.advice[language]
            return "\(finding.severity.rawValue): \(finding.text[language]) (\(finding.code))\n"
                + "    \(advice)"
        }
        return (routing + probed).joined(separator: "\n")
    }

    // MARK: For programs

    /// One object; keys may be added, none is ever renamed.
    package func json(_ language: Language) -> JSON {
        .object([
            ("domain", .string(decision.destination.description)),
            ("outcome", .string(decision.outcomeName)),
            ("status", JSON(decision.reason?.status.description)),
            ("text", .string(decision.summary(language))),
            ("mta_sts", .string(policy.word)),
            ("hosts", .array(hosts.map { $0.json(policy) })),
            (
                "findings",
                .array(
                    decision.findings.map {
                        .object([
                            ("code", .string($0.code)), ("severity", .string($0.severity.rawValue)),
                            ("text", .string($0.text(language))),
                        ])
                    }
                        + findings.map {
                            .object([
                                ("code", .string($0.code)),
                                ("severity", .string($0.severity.rawValue)),
                                ("text", .string($0.text[language])),
                                ("advice", .string($0.advice[language])),
                            ])
                        })
            ),
        ])
    }
}

extension HostReport {
    fileprivate func row(_ policy: PolicyReport, _ language: Language) -> [String] {
        [
            "\(preference)", exchange.description, "\(address)",
            failure.map { $0.text[language] } ?? Self.short(banner ?? ""),
            tls?.version ?? (offersTLS ? "-" : language.choose("none", "keins")),
            language.choose(certificate.word, certificate.germanWord),
            language.choose(dane.word, dane.germanWord),
            policy.lists(self).map { isListed in
                isListed
                    ? language.choose("listed", "genannt")
                    : language.choose("not listed", "nicht genannt")
            } ?? "-",
            "\(duration.nanoseconds / 1_000_000) ms",
        ]
    }

    /// Banners may be as long as a screen is wide.
    private static func short(_ text: String) -> String {
        text.count > 40 ? text.prefix(39) + "…" : text
    }

    fileprivate func json(_ policy: PolicyReport) -> JSON {
        .object([
            ("preference", .integer(Int64(preference))),
            ("exchange", .string(exchange.description)),
            ("address", .string("\(address)")),
            ("failure", JSON(failure?.text.english)),
            ("banner", JSON(banner)),
            ("extensions", JSON(keywords)),
            ("starttls", .bool(offersTLS)),
            ("tls", JSON(tls?.version)),
            ("certificate", .string(certificate.word)),
            ("certificate_reason", JSON(certificate.reason)),
            ("dane", .string(dane.word)),
            ("mta_sts_listed", policy.lists(self).map { .bool($0) } ?? .null),
            ("milliseconds", .integer(duration.nanoseconds / 1_000_000)),
        ])
    }
}

extension HostReport.CertificateVerdict {
    fileprivate var word: String {
        switch self {
        case .none: "none"
        case .trusted: "trusted"
        case .untrusted: "untrusted"
        case .handshakeFailed: "handshake failed"
        }
    }

    fileprivate var germanWord: String {
        switch self {
        case .none: "keins"
        case .trusted: "vertraut"
        case .untrusted: "nicht vertraut"
        case .handshakeFailed: "Handshake scheitert"
        }
    }

    fileprivate var reason: String? {
        switch self {
        case .none, .trusted: nil
        case .untrusted(let reason), .handshakeFailed(let reason): reason
        }
    }
}

extension HostReport.DANEVerdict {
    fileprivate var word: String {
        switch self {
        case .none: "none"
        case .notSecure: "not secure"
        case .unknown: "unknown"
        case .matches: "matches"
        case .differs: "differs"
        case .unusable: "unusable"
        }
    }

    fileprivate var germanWord: String {
        switch self {
        case .none: "keins"
        case .notSecure: "ohne DNSSEC"
        case .unknown: "unbekannt"
        case .matches: "passt"
        case .differs: "passt nicht"
        case .unusable: "unbrauchbar"
        }
    }
}
