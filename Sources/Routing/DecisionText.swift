// SPDX-License-Identifier: Apache-2.0

import Bytes
package import Mail

extension Decision {
    /// The word for the verdict: `route`, `local`, `permanent` or `transient`.
    package var outcomeName: String {
        switch verdict {
        case .route: "route"
        case .local: "local"
        case .permanent: "permanent"
        case .transient: "transient"
        }
    }

    /// The decision in one sentence without a final dot.
    package func summary(_ language: Language) -> String {
        switch verdict {
        case .permanent(let reason), .transient(let reason): return reason.text(language)
        case .local:
            return language.choose(
                "Mail for \(destination) goes to the mailbox here",
                "E-Mail für \(destination) geht hier ins Postfach")
        case .route(let route):
            let hosts = route.hosts.map(\.exchange.description)
            let then = language.choose(", then ", ", dann ")
            return language.choose(
                "Mail for \(destination) goes to \(hosts.joined(separator: then))",
                "E-Mail für \(destination) geht an \(hosts.joined(separator: then))")
        }
    }

    /// What `mx explain` prints: the decision, the hosts in the order of trying, why, and what to
    /// look after; each line ends with a line feed.
    package func explanation(_ language: Language) -> String {
        var text = summary(language)
        if let reason { text += " (\(reason.status))" }
        text += ".\n"
        for host in route?.hosts ?? [] {
            let preference = String(host.preference)
            let padding = String(repeating: " ", count: max(0, 7 - preference.utf8.count))
            let addresses = host.addresses.map(\.description).joined(separator: ", ")
            text += "\(padding)\(preference)  \(host.exchange)  [\(addresses)]\n"
        }
        text += "\n" + language.choose("Steps:", "Schritte:") + "\n"
        for (index, step) in steps.enumerated() {
            text += "  \(index + 1). \(step.text(language))\n"
        }
        guard !findings.isEmpty else { return text }
        text += "\n" + language.choose("Findings:", "Befunde:") + "\n"
        for finding in findings {
            text += "  \(finding.severity.name(language)): \(finding.text(language))"
            text += " (\(finding.code))\n"
        }
        return text
    }
}

extension Finding.Severity {
    fileprivate func name(_ language: Language) -> String {
        switch self {
        case .error: language.choose("error", "Fehler")
        case .warning: language.choose("warning", "Warnung")
        case .information: language.choose("note", "Hinweis")
        }
    }
}
