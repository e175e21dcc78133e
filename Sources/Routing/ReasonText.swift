// SPDX-License-Identifier: Apache-2.0

import DNS
package import Mail

extension Reason {
    /// One sentence without a final dot, fit for a reply and for a notification.
    package func text(_ language: Language) -> String {
        switch self {
        case .noSuchDomain(let domain):
            language.choose(
                "Host unknown: the domain \(domain) does not exist",
                "Host unknown: Die Domain \(domain.unicode) gibt es nicht")
        case .noMailHost(let domain):
            language.choose(
                "Host unknown: \(domain) has neither an MX record nor an address",
                "Host unknown: \(domain.unicode) hat weder einen MX-Eintrag noch eine Adresse")
        case .unknownLiteral(let literal):
            language.choose(
                "Host unknown: \(literal) names no host that can be reached",
                "Host unknown: \(literal) bezeichnet keinen erreichbaren Rechner")
        case .nullMX(let domain):
            language.choose(
                "Recipient address has null MX: \(domain) does not accept mail",
                "Recipient address has null MX: \(domain.unicode) nimmt keine E-Mail an")
        case .noAddress(let domain):
            language.choose(
                "No route: none of the mail exchangers of \(domain) has an address",
                "Kein Weg: Keiner der Mail-Exchanger von \(domain.unicode) hat eine Adresse")
        case .loop(let destination):
            language.choose(
                "Mail loop: the best mail exchanger for \(destination) is this server itself, "
                    + "which has no mailboxes for it",
                "E-Mail-Schleife: Der beste Mail-Exchanger für \(destination) ist dieser Server "
                    + "selbst, der keine Postfächer dafür hat")
        case .lookUpFailed(let domain, let failure):
            language.choose(
                "The mail exchangers of \(domain) could not be looked up: \(failure)",
                "Die Mail-Exchanger von \(domain.unicode) waren nicht zu ermitteln: "
                    + failure.text(language))
        case .addressesUnknown(let domain):
            language.choose(
                "No address of a mail exchanger of \(domain) could be found out now",
                "Keine Adresse eines Mail-Exchangers von \(domain.unicode) war zu ermitteln")
        case .relayHostUnknown(let host):
            language.choose(
                "No address of the relay host \(host) is known",
                "Zum Relay-Rechner \(host) ist keine Adresse bekannt")
        case .directoryUnknown:
            language.choose(
                "The store does not say where this mail goes now",
                "Der Speicher sagt zurzeit nicht, wohin diese E-Mail geht")
        case .hostsSuspended(let hosts):
            language.choose(
                "Deliveries to \(hosts.joined(separator: ", ")) are suspended by an operator",
                "Zustellungen an \(hosts.joined(separator: ", ")) hat ein Betreiber ausgesetzt")
        }
    }
}

extension Answer.Failure {
    func text(_ language: Language) -> String {
        guard language == .german else { return description }
        return switch self {
        case .timeout: "Kein Nameserver hat rechtzeitig geantwortet"
        case .serverFailure: "Der Nameserver meldet einen Fehler (SERVFAIL)"
        case .refused: "Der Nameserver verweigert die Antwort (REFUSED)"
        case .bogus(let reason): "Die DNSSEC-Prüfung ist fehlgeschlagen: \(reason)"
        case .malformed(let reason): "Die Antwort ist nicht zu gebrauchen: \(reason)"
        }
    }
}
