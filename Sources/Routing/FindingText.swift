// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
package import Mail

extension Finding {
    /// What is the matter, and where it helps what to do: one or two sentences with a final dot.
    package func text(_ language: Language) -> String {
        switch self {
        case .ignored(let name, let fault): fault.text(name, language)
        case .exchangeIsAlias, .exchangeWithoutAddress, .originTwice, .exchangeUnknown,
            .familyUnknown, .unusableAddress, .privateAddress, .notAHostName, .duplicateExchange,
            .down, .ownExchange:
            exchangeText(language)
        case .sharedAddress(let address, let names):
            language.choose(
                "\(language.list(names.map(\.shown))) share the address \(address): if that host "
                    + "fails, they fail together.",
                "\(language.list(names.map(\.shown))) teilen sich die Adresse \(address): Fällt "
                    + "dieser Rechner aus, fallen sie gemeinsam aus.")
        case .onlyIPv4:
            language.choose(
                "No exchanger has an IPv6 address.", "Kein Exchanger hat eine IPv6-Adresse.")
        case .onlyIPv6:
            language.choose(
                "No exchanger has an IPv4 address: many senders cannot reach this domain.",
                "Kein Exchanger hat eine IPv4-Adresse: Viele Absender erreichen die Domain nicht.")
        default: domainText(language)
        }
    }

    private func exchangeText(_ language: Language) -> String {
        switch self {
        case .exchangeIsAlias(let name, let target):
            language.choose(
                "The exchanger \(name.shown) is an alias (CNAME) of \(target.shown), which RFC 2181 "
                    + "§10.3 forbids: name \(target.shown) in the MX record.",
                "Der Exchanger \(name.shown) ist ein Alias (CNAME) von \(target.shown), was RFC "
                    + "2181 §10.3 verbietet: Der MX-Eintrag soll \(target.shown) nennen.")
        case .exchangeWithoutAddress(let name):
            language.choose(
                "The exchanger \(name.shown) has no address: add an A or AAAA record, or remove it "
                    + "from the MX records.",
                "Der Exchanger \(name.shown) hat keine Adresse: Es fehlt ein A- oder AAAA-Eintrag.")
        case .originTwice(let name, let domain):
            language.choose(
                "\(name.shown) ends in \(domain) twice: a final dot is missing in the zone.",
                "\(name.shown) endet zweimal auf \(domain): In der Zone fehlt ein Schlusspunkt.")
        case .exchangeUnknown(let name, let failure):
            language.choose(
                "The addresses of \(name.shown) could not be looked up: \(failure).",
                "Die Adressen von \(name.shown) waren nicht zu ermitteln: "
                    + "\(failure.text(language)).")
        case .familyUnknown(let name, let type, let failure):
            language.choose(
                "The \(type == .a ? "A" : "AAAA") records of \(name.shown) could not be looked up: "
                    + "\(failure).",
                "Die \(type == .a ? "A" : "AAAA")-Einträge von \(name.shown) waren nicht zu "
                    + "ermitteln: \(failure.text(language)).")
        case .unusableAddress(let name, let address):
            language.choose(
                "\(address), an address of \(name.shown), cannot be the address of a host.",
                "\(address), eine Adresse von \(name.shown), kann keinem Rechner gehören.")
        case .privateAddress(let name, let address):
            language.choose(
                "\(address), an address of \(name.shown), is private: others cannot reach it.",
                "\(address), eine Adresse von \(name.shown), ist privat: Andere erreichen sie nicht."
            )
        case .notAHostName(let name):
            language.choose(
                "\(name.shown) is not a valid host name (RFC 1123): some senders will refuse it.",
                "\(name.shown) ist kein gültiger Rechnername (RFC 1123): Manche Absender lehnen "
                    + "ihn ab.")
        case .duplicateExchange(let name):
            language.choose(
                "\(name.shown) is named by several MX records; only its lowest preference counts.",
                "\(name.shown) steht in mehreren MX-Einträgen; nur die niedrigste Präferenz zählt.")
        case .down(let name):
            language.choose(
                "\(name.shown) did not answer lately.",
                "\(name.shown) hat zuletzt nicht geantwortet.")
        case .ownExchange(let name, let preference):
            language.choose(
                "This server is an exchanger of the domain: \(name.shown) at preference "
                    + "\(preference).",
                "Dieser Server ist ein Exchanger der Domain: \(name.shown) mit Präferenz "
                    + "\(preference).")
        default: ""
        }
    }

    private func domainText(_ language: Language) -> String {
        switch self {
        case .domainIsAlias(let domain, let target):
            language.choose(
                "The domain \(domain) is an alias (CNAME) of \(target.shown).",
                "Die Domain \(domain.unicode) ist ein Alias (CNAME) von \(target.shown).")
        case .writtenWithoutBrackets(let domain):
            language.choose(
                "To reach a host by its address, write [\(domain)] in brackets.",
                "Um einen Rechner über seine Adresse zu erreichen, schreibt man [\(domain)].")
        case .tooManyExchangers(let count):
            language.choose(
                "\(count) exchangers are more than any sender tries; "
                    + "\(Router.maximumLookUps) were looked up.",
                "\(count) Exchanger sind mehr, als irgendein Absender versucht; "
                    + "\(Router.maximumLookUps) wurden nachgeschlagen.")
        case .relayNotListed(let domain):
            language.choose(
                "\(domain) is a relay domain here, but its MX records do not name this server.",
                "\(domain.unicode) ist hier Relay-Domain, aber die MX-Einträge nennen diesen "
                    + "Server nicht.")
        case .relayIsBest(let domain):
            language.choose(
                "\(domain) is a relay domain here, but no exchanger is better than this server: "
                    + "make it a local domain, or name a better exchanger in its MX records.",
                "\(domain.unicode) ist hier Relay-Domain, aber kein Exchanger ist besser als "
                    + "dieser Server: Entweder soll sie eine lokale Domain sein, oder die "
                    + "MX-Einträge sollen einen besseren Exchanger nennen.")
        case .notResponsible(let domain):
            language.choose(
                "\(domain) names this server as exchanger, but is neither a local nor a relay "
                    + "domain here.",
                "\(domain.unicode) nennt diesen Server als Exchanger, ist hier aber weder lokale "
                    + "noch Relay-Domain.")
        case .addressFallback(let domain):
            language.choose(
                "The address of \(domain) itself is tried when all exchangers refuse, which RFC "
                    + "5321 §5.1 does not allow.",
                "Die Adresse von \(domain.unicode) selbst wird versucht, wenn alle Exchanger "
                    + "ablehnen, was RFC 5321 §5.1 nicht erlaubt.")
        default: ""
        }
    }
}

extension Finding.Fault {
    fileprivate func text(_ name: Name, _ language: Language) -> String {
        switch self {
        case .nullMX:
            language.choose(
                "A null MX (\".\") stands among other MX records, where it has no meaning (RFC 7505 "
                    + "§3): it is ignored.",
                "Ein Null-MX (\".\") steht neben anderen MX-Einträgen und hat dort keine Bedeutung "
                    + "(RFC 7505 §3): Er wird ignoriert.")
        case .nullMXPreference(let preference):
            language.choose(
                "The MX record \"\(preference) .\" is no null MX, which has preference 0 (RFC 7505 "
                    + "§3), and names no host: it is ignored.",
                "Der MX-Eintrag \"\(preference) .\" ist kein Null-MX, denn der hat Präferenz 0 "
                    + "(RFC 7505 §3), und nennt keinen Rechner: Er wird ignoriert.")
        case .writtenAsAddress:
            language.choose(
                "The exchanger \(name.shown) is written as an IP address; an MX record names a host "
                    + "(RFC 5321 §5.1): it is skipped.",
                "Der Exchanger \(name.shown) ist als IP-Adresse geschrieben; ein MX-Eintrag nennt "
                    + "einen Rechner (RFC 5321 §5.1): Er wird übergangen.")
        }
    }
}
