// SPDX-License-Identifier: Apache-2.0

import World
package import ZoneCheck

/// Something about a domain's exchangers that loses mail, or that surprises.
package struct ProbeFinding: Hashable, Sendable {
    /// A stable name.
    package var code: String
    package var severity: ZoneCheck.Finding.Severity
    /// One sentence.
    package var text: Wording
    /// What to do.
    package var advice: Wording

    init(
        _ code: String, _ severity: ZoneCheck.Finding.Severity, _ text: Wording, _ advice: Wording
    ) {
        self.code = code
        self.severity = severity
        self.text = text
        self.advice = advice
    }
}

extension ProbeFinding {
    /// What follows from the reports on all addresses of a domain.
    package static func judge(_ reports: [HostReport]) -> [ProbeFinding] {
        let isAnyUsable = reports.contains { $0.failure == nil }
        var findings = reports.flatMap { $0.findings(isAnyUsable: isAnyUsable) }
        if !reports.isEmpty, !isAnyUsable {
            findings.insert(
                ProbeFinding(
                    "no-exchanger-answers", .error,
                    Wording(
                        "No exchanger takes mail at the moment: senders keep it, and try again.",
                        "Kein Mailserver nimmt zurzeit E-Mail an: Absender behalten sie und "
                            + "versuchen es wieder."),
                    Wording(
                        "Bring one of them back within a few days, before mail returns.",
                        "Einen davon in einigen Tagen zurückbringen, bevor E-Mail zurückgeht.")),
                at: 0)
        }
        return findings
    }
}

extension HostReport {
    fileprivate func findings(isAnyUsable: Bool) -> [ProbeFinding] {
        var findings: [ProbeFinding] = []
        if let failure {
            findings.append(
                ProbeFinding(
                    failure.code, isAnyUsable ? .warning : .error,
                    Wording(
                        "\(name) \(failure.text.english).", "\(name) \(failure.text.german)."),
                    failure.advice))
        }
        guard banner != nil, failure == nil || tls != nil else { return findings }
        if let finding = transportFinding { findings.append(finding) }
        if dane == .differs {
            findings.append(
                ProbeFinding(
                    "tlsa-mismatch", .error,
                    Wording(
                        "No TLSA record fits the certificate of \(name): senders that check DANE "
                            + "do not deliver.",
                        "Kein TLSA-Eintrag passt zum Zertifikat von \(name): Absender, die DANE "
                            + "prüfen, stellen nicht zu."),
                    Wording(
                        "Publish the digest of the new key.",
                        "Den Hash des neuen Schlüssels veröffentlichen.")))
        }
        return findings
    }

    /// What is wrong with the protection of the way to it; nil if nothing is.
    private var transportFinding: ProbeFinding? {
        guard offersTLS else {
            return ProbeFinding(
                "no-starttls", .warning,
                Wording(
                    "\(name) takes mail in plain text only.",
                    "\(name) nimmt E-Mail nur unverschlüsselt an."),
                Wording(
                    "Give it a certificate and offer STARTTLS.",
                    "Ihm ein Zertifikat geben und STARTTLS anbieten."))
        }
        switch certificate {
        case .handshakeFailed(let reason):
            return ProbeFinding(
                "tls-fails", .error,
                Wording(
                    "\(name) offers STARTTLS, but no handshake succeeds: \(reason).",
                    "\(name) bietet STARTTLS an, aber kein Handshake gelingt: \(reason)."),
                Wording(
                    "Correct its TLS settings: many senders do not go back to plain text.",
                    "Die TLS-Einstellungen berichtigen: viele Absender gehen nicht auf Klartext "
                        + "zurück."))
        case .untrusted(let reason) where dane != .matches:
            return ProbeFinding(
                "certificate-untrusted", .warning,
                Wording(
                    "\(name) shows a certificate that senders who check it refuse: \(reason).",
                    "\(name) zeigt ein Zertifikat, das prüfende Absender ablehnen: \(reason)."),
                Wording(
                    "Get one for this name from a public authority, or publish TLSA records.",
                    "Eines für diesen Namen von einer öffentlichen Stelle holen oder TLSA-Einträge "
                        + "veröffentlichen."))
        case .none, .trusted, .untrusted: break
        }
        // RFC 8996.
        guard let version = tls?.version, ["TLSv1", "TLSv1.1"].contains(version) else { return nil }
        return ProbeFinding(
            "tls-outdated", .warning,
            Wording("\(name) speaks \(version) at best.", "\(name) spricht höchstens \(version)."),
            Wording("Allow TLS 1.2 and 1.3.", "TLS 1.2 und 1.3 erlauben."))
    }
}

extension HostReport.Failure {
    var code: String {
        switch self {
        case .connection: "exchanger-unreachable"
        case .silence: "exchanger-silent"
        case .refused: "exchanger-refuses"
        case .notSMTP: "not-smtp"
        case .cutShort: "connection-cut"
        }
    }

    /// Goes on behind the host's name.
    package var text: Wording {
        switch self {
        case .connection(let reason):
            Wording("cannot be reached: \(reason)", "ist nicht zu erreichen: \(reason)")
        case .silence:
            Wording("does not answer in time", "antwortet nicht rechtzeitig")
        case .refused(let reply):
            Wording("does not want to talk: \(reply)", "will nicht sprechen: \(reply)")
        case .notSMTP(let reason):
            Wording("does not speak SMTP: \(reason)", "spricht kein SMTP: \(reason)")
        case .cutShort:
            Wording("ended the connection by itself", "hat die Verbindung von sich aus beendet")
        }
    }

    fileprivate var advice: Wording {
        switch self {
        case .connection:
            Wording(
                "Start its mail server, and let port 25 through its firewall; or remove the MX "
                    + "record.",
                "Den Mailserver starten und Port 25 durch die Firewall lassen; oder den "
                    + "MX-Eintrag entfernen.")
        case .silence, .cutShort:
            Wording(
                "Look into its log, and at a firewall that holds connections.",
                "In sein Protokoll sehen und nach einer Firewall, die Verbindungen festhält.")
        case .refused:
            Wording(
                "Ask its operator, or try from another network: it may refuse this one alone.",
                "Den Betreiber fragen oder es aus einem anderen Netz versuchen: vielleicht lehnt "
                    + "er nur dieses ab.")
        case .notSMTP:
            Wording(
                "Let a mail server listen on port 25, or correct the address.",
                "Einen Mailserver auf Port 25 lauschen lassen oder die Adresse berichtigen.")
        }
    }
}
