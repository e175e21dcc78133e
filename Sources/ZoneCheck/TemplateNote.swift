// SPDX-License-Identifier: Apache-2.0

package import DNS
package import Mail

/// What a template did not publish, and why: one sentence, and what to do.
package struct TemplateNote: Hashable, Sendable {
    /// Why nothing was published.
    package enum Reason: String, Hashable, Sendable {
        /// A person's own records stand there, and stay.
        case kept
        /// A person has removed the record.
        case declined
        /// The name cannot hold the record: it is an alias, or delegated.
        case blocked
        /// There is nothing to publish yet.
        case absent
    }

    package let reason: Reason
    package let purpose: TemplatePurpose
    package let owner: Name
    package let text: Wording
    package let advice: Wording

    /// Sentence and advice on one line.
    package func line(_ language: Language) -> String {
        "\(purpose.rawValue): \(text[language]) \(advice[language])"
    }
}

extension TemplateNote {
    static func kept(_ entry: MailTemplate.Entry, own: [RecordData]) -> TemplateNote {
        let owner = entry.owner
        let shown = own.prefix(3).map { "`\($0.text(as: entry.type))`" }.joined(separator: ", ")
        let wanted = entry.data.map { "`\($0.text(as: entry.type))`" }.joined(separator: ", ")
        let advice =
            switch entry.purpose {
            case .exchangers:
                Wording(
                    "Mail comes here only with \(wanted): see `postreiter zone mx`.",
                    "Mail kommt nur mit \(wanted) hierher: siehe `postreiter zone mx`.")
            case .senders:
                Wording(
                    "Add `mx` to it, or mail that leaves here may be refused.",
                    "`mx` darin ergänzen, sonst wird Mail von hier womöglich abgewiesen.")
            default:
                Wording(
                    "The template would publish \(wanted); remove the own record to have that.",
                    "Die Vorlage würde \(wanted) veröffentlichen; dafür den eigenen Eintrag "
                        + "entfernen.")
            }
        return TemplateNote(
            reason: .kept, purpose: entry.purpose, owner: owner,
            text: Wording(
                "\(owner) has \(entry.type) records of its own, which stay: \(shown).",
                "\(owner) hat eigene \(entry.type)-Einträge, die bleiben: \(shown)."),
            advice: advice)
    }

    static func declined(_ entry: MailTemplate.Entry) -> TemplateNote {
        TemplateNote(
            reason: .declined, purpose: entry.purpose, owner: entry.owner,
            text: Wording(
                "The \(entry.type) record of \(entry.owner) was removed by hand, and stays away.",
                "Der \(entry.type)-Eintrag von \(entry.owner) wurde von Hand entfernt und bleibt "
                    + "fort."),
            advice: Wording(
                "`postreiter zone template apply --restore` brings it back.",
                "`postreiter zone template apply --restore` holt ihn zurück."))
    }

    static func blocked(
        _ entry: MailTemplate.Entry, _ obstacle: TemplateObstacle
    ) -> TemplateNote {
        let owner = entry.owner
        let text =
            switch obstacle {
            case .alias(let target):
                Wording(
                    "\(owner) is an alias (CNAME) of \(target) and can hold no \(entry.type) "
                        + "record.",
                    "\(owner) ist ein Alias (CNAME) von \(target) und kann keinen "
                        + "\(entry.type)-Eintrag haben.")
            case .others:
                Wording(
                    "\(owner) has records already, so that it cannot become an alias (CNAME).",
                    "\(owner) hat schon Einträge und kann daher kein Alias (CNAME) werden.")
            case .delegated(let cut):
                Wording(
                    "\(owner) stands behind \(cut), for which others answer.",
                    "\(owner) liegt hinter \(cut), wofür andere antworten.")
            }
        return TemplateNote(
            reason: .blocked, purpose: entry.purpose, owner: owner, text: text,
            advice: Wording(
                "What the template would publish is left out.",
                "Was die Vorlage veröffentlichen würde, bleibt fort."))
    }

    static func noSigningKey(_ domain: Name) -> TemplateNote {
        TemplateNote(
            reason: .absent, purpose: .signingKey, owner: domain,
            text: Wording(
                "No DKIM record: no key signs for \(domain).",
                "Kein DKIM-Eintrag: Kein Schlüssel unterschreibt für \(domain)."),
            advice: Wording(
                "Large mailbox providers ask for signatures: `postreiter dkim keygen \(domain)`.",
                "Große Anbieter verlangen Signaturen: `postreiter dkim keygen \(domain)`."))
    }

    static func noTransportPolicy(_ domain: Name) -> TemplateNote {
        TemplateNote(
            reason: .absent, purpose: .transportPolicy, owner: domain,
            text: Wording(
                "No MTA-STS record: no policy is served for \(domain).",
                "Kein MTA-STS-Eintrag: Für \(domain) wird keine Policy ausgeliefert."),
            advice: Wording(
                "Senders then use TLS where they can.",
                "Absender verwenden dann TLS, wo sie können."))
    }

    static func noAutoconfiguration(_ domain: Name) -> TemplateNote {
        TemplateNote(
            reason: .absent, purpose: .autoconfiguration, owner: domain,
            text: Wording(
                "No names autoconfig.\(domain) and autodiscover.\(domain): no web server would "
                    + "answer there.",
                "Keine Namen autoconfig.\(domain) und autodiscover.\(domain): Dort würde kein "
                    + "Webserver antworten."),
            advice: Wording(
                "Mail programs that know RFC 6186 find the SRV records.",
                "Mailprogramme, die RFC 6186 kennen, finden die SRV-Einträge."))
    }

    static func postmasterMissing(_ domain: Name) -> TemplateNote {
        TemplateNote(
            reason: .absent, purpose: .postmaster, owner: domain,
            text: Wording(
                "Nobody reads mail to postmaster@\(domain) (RFC 5321 §4.5.1).",
                "Niemand liest Mail an postmaster@\(domain) (RFC 5321 §4.5.1)."),
            advice: Wording(
                "Name somebody: `postreiter alias add postmaster@\(domain) ADDRESS`.",
                "Jemanden bestimmen: `postreiter alias add postmaster@\(domain) ADRESSE`."))
    }
}

/// Why a name cannot hold a record.
enum TemplateObstacle: Hashable, Sendable {
    case alias(Name)
    case others
    case delegated(Name)
}
