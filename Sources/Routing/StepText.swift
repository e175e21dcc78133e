// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
package import Mail

extension Step {
    /// One sentence with its final dot.
    package func text(_ language: Language) -> String {
        switch self {
        case .literal, .local, .relay, .relayHost, .alias, .exchangers, .noExchangers, .noSuchName,
            .lookUpFailed, .nullMX, .implicitMX:
            domainText(language)
        case .ignored(let name, let fault):
            Finding.ignored(name, fault).text(language)
        case .addresses(let name, let addresses):
            language.choose(
                "\(name.shown) has the address \(language.list(addresses.map(\.description))).",
                "\(name.shown) hat die Adresse \(language.list(addresses.map(\.description))).")
        case .noAddress(let name):
            language.choose(
                "\(name.shown) has no address and is skipped.",
                "\(name.shown) hat keine Adresse und wird übergangen.")
        case .addressesUnknown(let name, let failure):
            language.choose(
                "The addresses of \(name.shown) are not known now: \(failure).",
                "Die Adressen von \(name.shown) sind zurzeit nicht bekannt: "
                    + "\(failure.text(language)).")
        case .loop, .shuffled, .moved, .limited, .fallback, .order: orderText(language)
        }
    }

    private func domainText(_ language: Language) -> String {
        switch self {
        case .literal(let literal):
            language.choose(
                "\(literal) names the host itself; no MX record is asked for.",
                "\(literal) bezeichnet den Rechner selbst; nach MX-Einträgen wird nicht gefragt.")
        case .local(let domain):
            language.choose(
                "\(domain) is at home here: mail goes to the mailbox, whatever its MX records say.",
                "\(domain.unicode) ist hier zu Hause: E-Mail geht ins Postfach, gleich was die "
                    + "MX-Einträge sagen.")
        case .relay(let domain):
            language.choose(
                "\(domain) is a relay domain: mail is held here until a better exchanger takes it.",
                "\(domain.unicode) ist eine Relay-Domain: E-Mail wird hier gehalten, bis ein "
                    + "besserer Exchanger sie nimmt.")
        case .relayHost(let destination, let host):
            language.choose(
                "Mail for \(destination) is handed to \(host), as the operator has set.",
                "E-Mail für \(destination) geht an \(host), wie der Betreiber es eingestellt hat."
            )
        case .alias(let domain, let name):
            language.choose(
                "\(domain) is an alias (CNAME) of \(name.shown), which is looked up instead.",
                "\(domain.unicode) ist ein Alias (CNAME) von \(name.shown), das an seiner Stelle "
                    + "nachgeschlagen wird.")
        case .exchangers(let domain, let records):
            language.choose(
                "\(domain) has \(records.count) MX record\(records.count == 1 ? "" : "s"): "
                    + "\(language.list(records.map(\.shown))).",
                "\(domain.unicode) hat \(records.count) "
                    + "MX-\(records.count == 1 ? "Eintrag" : "Einträge"): "
                    + "\(language.list(records.map(\.shown))).")
        case .noExchangers(let domain):
            language.choose(
                "\(domain) has no MX record.", "\(domain.unicode) hat keinen MX-Eintrag.")
        case .noSuchName(let domain):
            language.choose(
                "The domain \(domain) does not exist (NXDOMAIN).",
                "Die Domain \(domain.unicode) gibt es nicht (NXDOMAIN).")
        case .lookUpFailed(let domain, let failure):
            language.choose(
                "The MX records of \(domain) are not known now: \(failure).",
                "Die MX-Einträge von \(domain.unicode) sind zurzeit nicht bekannt: "
                    + "\(failure.text(language)).")
        case .nullMX(let domain):
            language.choose(
                "\(domain) says with a null MX that it accepts no mail (RFC 7505).",
                "\(domain.unicode) sagt mit einem Null-MX, dass es keine E-Mail annimmt (RFC 7505)."
            )
        case .implicitMX(let name):
            language.choose(
                "Without MX records, \(name.shown) itself counts as its exchanger.",
                "Ohne MX-Einträge gilt \(name.shown) selbst als sein Exchanger.")
        default: ""
        }
    }

    private func orderText(_ language: Language) -> String {
        switch self {
        case .loop(let name, let preference, let dropped):
            language.choose(
                "\(name.shown) at preference \(preference) is this server: to avoid a loop, "
                    + "\(language.list(dropped.map(\.shown))) at \(preference) and above "
                    + "\(dropped.count == 1 ? "is" : "are") dropped.",
                "\(name.shown) mit Präferenz \(preference) ist dieser Server: Damit keine "
                    + "Schleife entsteht, entfällt ab \(preference): "
                    + "\(language.list(dropped.map(\.shown))).")
        case .shuffled(let preference, let names):
            language.choose(
                "Equals at preference \(preference) share the load in random order, this time "
                    + "\(language.list(names.map(\.shown))).",
                "Gleichrangige mit Präferenz \(preference) teilen sich die Last in zufälliger "
                    + "Folge, diesmal \(language.list(names.map(\.shown))).")
        case .moved(let names):
            language.choose(
                "\(language.list(names.map(\.shown))) did not answer lately and "
                    + "\(names.count == 1 ? "goes" : "go") to the end.",
                "\(language.list(names.map(\.shown))) hat zuletzt nicht geantwortet und rückt ans "
                    + "Ende.")
        case .limited(let hosts, let addresses):
            language.choose(
                "At most \(hosts) hosts and \(addresses) addresses are tried.",
                "Höchstens \(hosts) Rechner und \(addresses) Adressen werden versucht.")
        case .fallback(let domain, let addresses):
            language.choose(
                "By the option addressFallback the address of \(domain) itself, "
                    + "\(language.list(addresses.map(\.description))), is tried last.",
                "Nach der Option addressFallback wird zuletzt die Adresse von \(domain.unicode) "
                    + "selbst versucht: \(language.list(addresses.map(\.description))).")
        case .order(let exchanges):
            language.choose(
                "Order of trying: \(exchanges.map(\.description).joined(separator: ", ")).",
                "Reihenfolge der Versuche: "
                    + "\(exchanges.map(\.description).joined(separator: ", ")).")
        default: ""
        }
    }
}

extension Name {
    /// Lower case, as shown to people.
    var shown: String { lowercased.description }
}

extension MX {
    var shown: String { "\(preference) \(exchange.shown)" }
}
