// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS

/// MX records (RFC 5321 §5.1, RFC 7505, RFC 2181 §10.3).
extension Examination {
    mutating func checkExchangers() async {
        for node in view.inOrder {
            guard let set = node[.mx], view.cut(over: node.name) == nil else { continue }
            await checkExchangers(of: node.name, set.records)
        }
    }

    private mutating func checkExchangers(of domain: Name, _ records: [PlacedRecord]) async {
        checkNullMX(domain, records)
        checkDuplicates(domain, records)
        var usable = 0
        var isDefinite = true
        for record in records {
            guard case .mx(let mx) = record.record.data, !mx.exchange.isRoot else { continue }
            switch await check(mx.exchange, of: domain, record) {
            case true?: usable += 1
            case false?: break
            case nil: isDefinite = false
            }
        }
        let hosts = records.filter { $0.exchange?.isRoot == false }
        if usable == 0, isDefinite, !hosts.isEmpty {
            find(
                .noExchangerLeft, .error, hosts,
                Wording(
                    "No exchanger of \(domain) can be reached: its mail is returned.",
                    "Kein Exchanger von \(domain) ist erreichbar: Mail wird zurückgeschickt."),
                Wording(
                    "Give at least one of the hosts an address.",
                    "Mindestens einem der Rechner eine Adresse geben."))
        }
    }

    private mutating func checkNullMX(_ domain: Name, _ records: [PlacedRecord]) {
        let null = records.filter { $0.exchange?.isRoot == true }
        guard !null.isEmpty else { return }
        if null.count < records.count {
            find(
                .nullMXAmongOthers, .error, null,
                Wording(
                    "\(domain) says that it takes no mail (Null MX), and names exchangers too "
                        + "(RFC 7505 §3).",
                    "\(domain) erklärt, keine Mail anzunehmen (Null MX), und nennt doch Exchanger "
                        + "(RFC 7505 §3)."),
                Wording(
                    "Remove the record with the dot, or all others.",
                    "Den Eintrag mit dem Punkt entfernen, oder alle anderen."))
        } else if records.contains(where: { $0.preference != 0 }) {
            find(
                .nullMXPreference, .warning, null,
                Wording(
                    "The Null MX of \(domain) has another preference than 0 (RFC 7505 §3).",
                    "Der Null MX von \(domain) hat eine andere Präferenz als 0 (RFC 7505 §3)."),
                Wording("Write `MX 0 .`.", "`MX 0 .` schreiben."))
        }
    }

    private mutating func checkDuplicates(_ domain: Name, _ records: [PlacedRecord]) {
        var first: [Name: PlacedRecord] = [:]
        for record in records {
            guard let exchange = record.exchange, !exchange.isRoot else { continue }
            guard let earlier = first.updateValue(record, forKey: exchange),
                !earlier.isEqual(record)
            else { continue }
            find(
                .duplicateExchange, .warning, [earlier, record],
                Wording(
                    "\(domain) names the exchanger \(exchange) twice.",
                    "\(domain) nennt den Exchanger \(exchange) doppelt."),
                Wording(
                    "Leave only one; it does not make mail safer.",
                    "Nur einen stehen lassen; sicherer wird die Mail davon nicht."))
        }
    }

    /// Whether mail can get there; nil if nobody knows.
    private mutating func check(
        _ exchange: Name, of domain: Name, _ record: PlacedRecord
    ) async -> Bool? {
        if let address = exchange.writtenAddress(below: origin) {
            find(
                .exchangeIsAddress, .error, [record],
                Wording(
                    "An MX record of \(domain) names the address \(address), but must name a host "
                        + "(RFC 5321 §5.1).",
                    "Ein MX-Eintrag von \(domain) nennt die Adresse \(address) statt eines "
                        + "Rechners (RFC 5321 §5.1)."),
                Wording(
                    "Create a host such as mail.\(origin) with this address, and name it here.",
                    "Einen Rechner wie mail.\(origin) mit dieser Adresse anlegen und hier nennen."))
            return false
        }
        if !exchange.isHostName {
            find(
                .notAHostName, .warning, [record],
                Wording(
                    "\(exchange), an exchanger of \(domain), is no host name: many senders refuse "
                        + "it.",
                    "\(exchange), ein Exchanger von \(domain), ist kein Rechnername: Viele "
                        + "Absender lehnen ihn ab."),
                Wording(
                    "Use letters, digits and inner hyphens.",
                    "Buchstaben, Ziffern und innere Bindestriche verwenden."))
        }
        let host = await host(exchange)
        if let meant = doubled(exchange) {
            find(
                .originTwice, host.isWithoutAddress ? .error : .warning, [record],
                Wording(
                    "The exchanger \(exchange) of \(domain) ends in \(origin) twice.",
                    "Der Exchanger \(exchange) von \(domain) endet zweimal auf \(origin)."),
                Wording(
                    "Write \(meant) with a final dot.", "\(meant) mit Schlusspunkt schreiben."))
            return !host.isWithoutAddress
        }
        if let target = host.aliases.last { findAlias(exchange, target, domain, record) }
        return judge(host, exchange, domain, record)
    }

    private mutating func findAlias(
        _ exchange: Name, _ target: Name, _ domain: Name, _ record: PlacedRecord
    ) {
        find(
            .exchangeIsAlias, .error, [record],
            Wording(
                "The exchanger \(exchange) of \(domain) is an alias (CNAME) of \(target), which "
                    + "RFC 2181 §10.3 forbids.",
                "Der Exchanger \(exchange) von \(domain) ist ein Alias (CNAME) von \(target), was "
                    + "RFC 2181 §10.3 verbietet."),
            Wording(
                "Name \(target) in the MX record.", "Im MX-Eintrag \(target) nennen."))
    }

    private mutating func judge(
        _ host: Host, _ exchange: Name, _ domain: Name, _ record: PlacedRecord
    ) -> Bool? {
        switch host.knowledge {
        case .notAsked: return nil
        case .failed(let failure):
            find(
                .exchangeUnknown, .warning, [record],
                Wording(
                    "The addresses of the exchanger \(exchange) could not be looked up: \(failure).",
                    "Die Adressen des Exchangers \(exchange) waren nicht zu ermitteln: \(failure)."
                ),
                Wording("Check again later.", "Später noch einmal prüfen."))
            return nil
        case .definite: break
        }
        guard !host.addresses.isEmpty else {
            find(
                .exchangeWithoutAddress, .error, [record],
                Wording(
                    "The exchanger \(exchange) of \(domain) has no address: mail to it would be "
                        + "lost.",
                    "Der Exchanger \(exchange) von \(domain) hat keine Adresse: Mail an ihn ginge "
                        + "verloren."),
                Wording(
                    "Add an A or AAAA record for \(exchange), or remove it from the MX records.",
                    "Einen A- oder AAAA-Eintrag für \(exchange) ergänzen, oder den MX-Eintrag "
                        + "entfernen."))
            return false
        }
        checkAddresses(host, exchange, record)
        return host.addresses.contains { !$0.isUnusable }
    }

    private mutating func checkAddresses(_ host: Host, _ exchange: Name, _ record: PlacedRecord) {
        for address in host.addresses where address.isUnusable {
            find(
                .unusableAddress, .error, [record],
                Wording(
                    "The exchanger \(exchange) has the address \(address), which no host can have.",
                    "Der Exchanger \(exchange) hat die Adresse \(address), die kein Rechner haben "
                        + "kann."),
                Wording("Write the host's real address.", "Die wirkliche Adresse eintragen."))
        }
        for address in host.addresses where address.isPrivate && !address.isUnusable {
            find(
                .privateAddress, .warning, [record],
                Wording(
                    "The exchanger \(exchange) has the address \(address), which cannot be reached "
                        + "from the Internet.",
                    "Der Exchanger \(exchange) hat die Adresse \(address), die aus dem Internet "
                        + "nicht erreichbar ist."),
                Wording(
                    "Publish a public address, unless this zone is only for a private network.",
                    "Eine öffentliche Adresse eintragen, außer die Zone gilt nur in einem privaten "
                        + "Netz."))
        }
        guard host.knowsBothFamilies else { return }
        if host.addresses.allSatisfy(\.isIPv4) {
            find(
                .onlyIPv4, .notice, [record],
                Wording(
                    "The exchanger \(exchange) can be reached over IPv4 only.",
                    "Der Exchanger \(exchange) ist nur über IPv4 erreichbar."),
                Wording(
                    "Add an AAAA record if the host has IPv6.",
                    "Einen AAAA-Eintrag ergänzen, falls der Rechner IPv6 hat."))
        } else if !host.addresses.contains(where: \.isIPv4) {
            find(
                .onlyIPv6, .warning, [record],
                Wording(
                    "The exchanger \(exchange) can be reached over IPv6 only: many senders cannot.",
                    "Der Exchanger \(exchange) ist nur über IPv6 erreichbar: Viele Absender "
                        + "können das nicht."),
                Wording("Add an A record.", "Einen A-Eintrag ergänzen."))
        }
    }
}

extension PlacedRecord {
    /// What an MX record names.
    var exchange: Name? { if case .mx(let mx) = record.data { mx.exchange } else { nil } }
    var preference: UInt16? { if case .mx(let mx) = record.data { mx.preference } else { nil } }
}
