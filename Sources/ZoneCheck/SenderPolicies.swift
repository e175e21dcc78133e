// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import SPF

/// SPF records (RFC 7208): one at a name, readable, and within the limits of §4.6.4.
extension Examination {
    /// RFC 7208 §4.6.4: look-ups that terms may cause, and those without an answer.
    static let maximumSPFLookups = 10
    static let maximumSPFVoidLookups = 2
    /// RFC 7208 §4.6.4: names that one `mx` may lead to.
    static let maximumSPFExchangers = 10

    /// What checking one record costs a receiver.
    struct SPFCost: Sendable {
        var lookups = 0
        var voids: [String] = []
        /// The names of the records within each other, to see a circle.
        var path: [Name] = []
    }

    mutating func checkSPF() async {
        for node in view.inOrder where view.cut(over: node.name) == nil {
            if let old = node[.spf] {
                find(
                    .spfType, .warning, old.records,
                    Wording(
                        "\(node.name) has a record of the type SPF, which nobody reads "
                            + "(RFC 7208 §3.1).",
                        "\(node.name) hat einen Eintrag vom Typ SPF, den niemand liest "
                            + "(RFC 7208 §3.1)."),
                    Wording("Publish it as TXT.", "Ihn als TXT veröffentlichen."))
            }
            guard let set = node[.txt] else { continue }
            let records = set.records.filter { $0.text.map(SenderPolicy.isRecord) == true }
            if records.count > 1 {
                find(
                    .spfTwice, .error, records,
                    Wording(
                        "\(node.name) has \(records.count) SPF records: receivers take none "
                            + "(RFC 7208 §4.5).",
                        "\(node.name) hat \(records.count) SPF-Einträge: Empfänger werten keinen "
                            + "aus (RFC 7208 §4.5)."),
                    Wording("Join them into one.", "Sie zu einem zusammenfassen."))
            }
            for record in set.records {
                guard let text = record.text, Self.isMeantAsSPF(text) else { continue }
                await checkSPF(text, record, at: node.name)
            }
        }
    }

    private static func isMeantAsSPF(_ text: [UInt8]) -> Bool {
        text.prefix(5).equalsIgnoringCase("v=spf".utf8)
    }

    private mutating func checkSPF(_ text: [UInt8], _ record: PlacedRecord, at name: Name) async {
        guard SenderPolicy.isRecord(text) else {
            return find(
                .spfSyntax, .error, [record],
                Wording(
                    "The SPF record of \(name) does not begin with `v=spf1` and a space: nobody "
                        + "reads it.",
                    "Der SPF-Eintrag von \(name) beginnt nicht mit `v=spf1` und einem "
                        + "Leerzeichen: Niemand liest ihn."),
                Wording("Begin it with `v=spf1 `.", "Ihn mit `v=spf1 ` beginnen."))
        }
        let spf: SenderPolicy
        do throws(SenderPolicy.Fault) {
            spf = try SenderPolicy(parsing: text)
        } catch {
            let (term, expected) = (String(lossy: error.term), error.reason.expected)
            return find(
                .spfSyntax, .error, [record],
                Wording(
                    "The SPF record of \(name) has `\(term)` where "
                        + "\(expected.english) is expected: receivers take none of it.",
                    "Im SPF-Eintrag von \(name) steht `\(term)`, erwartet wird "
                        + "\(expected.german): Empfänger werten ihn nicht aus."),
                Wording("Correct the term.", "Den Term berichtigen."))
        }
        if spf.directives.contains(where: { $0.mechanism == .all && $0.result == .pass }) {
            find(
                .spfAllowsAll, .warning, [record],
                Wording(
                    "The SPF record of \(name) lets everybody send in its name (`+all`).",
                    "Der SPF-Eintrag von \(name) lässt jeden in seinem Namen senden (`+all`)."),
                Wording("End it with `-all` or `~all`.", "Ihn mit `-all` oder `~all` beenden."))
        }
        var cost = SPFCost()
        await count(spf, at: name, &cost, record)
        report(cost, name, record)
    }

    private mutating func report(_ cost: SPFCost, _ name: Name, _ record: PlacedRecord) {
        if cost.lookups > Self.maximumSPFLookups {
            find(
                .spfTooManyLookups, .error, [record],
                Wording(
                    "The SPF record of \(name) takes \(cost.lookups) DNS look-ups or more; only "
                        + "10 are allowed (RFC 7208 §4.6.4).",
                    "Der SPF-Eintrag von \(name) braucht mindestens \(cost.lookups) "
                        + "DNS-Abfragen; erlaubt sind 10 (RFC 7208 §4.6.4)."),
                Wording(
                    "Replace include, a and mx by ip4 and ip6, or remove some.",
                    "include, a und mx durch ip4 und ip6 ersetzen oder einige entfernen."))
        }
        if cost.voids.count > Self.maximumSPFVoidLookups {
            let names = cost.voids.prefix(5).joined(separator: ", ")
            find(
                .spfVoidLookups, .error, [record],
                Wording(
                    "The SPF record of \(name) asks for names without an answer more than twice "
                        + "(RFC 7208 §4.6.4): \(names).",
                    "Der SPF-Eintrag von \(name) fragt mehr als zweimal nach Namen ohne Antwort "
                        + "(RFC 7208 §4.6.4): \(names)."),
                Wording("Remove these terms.", "Diese Terme entfernen."))
        }
    }

    /// Adds what a record costs where none of its terms ends the evaluation early.
    private mutating func count(
        _ spf: SenderPolicy, at name: Name, _ cost: inout SPFCost, _ record: PlacedRecord
    ) async {
        cost.path.append(name)
        defer { cost.path.removeLast() }
        for directive in spf.directives {
            // Twice the limit says enough.
            guard cost.lookups <= 2 * Self.maximumSPFLookups else { return }
            switch directive.mechanism {
            case .all: return
            case .ip4, .ip6: break
            case .ptr: cost.lookups += 1
            case .exists(let spec):
                cost.lookups += 1
                if let domain = spec.name { await countAddresses(domain, &cost, types: [.a]) }
            case .include(let spec):
                cost.lookups += 1
                if let domain = spec.name { await follow(domain, "include", &cost, record) }
            case .a(let spec, _):
                cost.lookups += 1
                if let domain = spec.map(\.name) ?? name { await countAddresses(domain, &cost) }
            case .mx(let spec, _):
                cost.lookups += 1
                if let domain = spec.map(\.name) ?? name {
                    await countExchangers(domain, &cost, record)
                }
            }
        }
        // RFC 7208 §6.1: redirect counts only where there is no `all`.
        if let redirect = spf.redirect {
            cost.lookups += 1
            if let domain = redirect.name { await follow(domain, "redirect", &cost, record) }
        }
    }

    private mutating func follow(
        _ domain: Name, _ term: String, _ cost: inout SPFCost, _ record: PlacedRecord
    ) async {
        guard !cost.path.contains(domain) else {
            return find(
                .spfCircle, .error, [record],
                Wording(
                    "The SPF record of \(cost.path[0]) leads back to \(domain) (\(term)).",
                    "Der SPF-Eintrag von \(cost.path[0]) führt zu \(domain) zurück (\(term))."),
                Wording("Remove the circle.", "Den Kreis auflösen."))
        }
        guard let texts = await texts(of: domain) else { return }
        let found = texts.filter(SenderPolicy.isRecord)
        guard let text = found.first, found.count == 1 else {
            if texts.isEmpty { cost.voids.append("\(domain)") }
            return find(
                .spfIncludeMissing, .error, [record],
                Wording(
                    "The SPF record of \(cost.path[0]) refers to \(domain) (\(term)), which has "
                        + "\(found.isEmpty ? "no SPF record" : "several SPF records").",
                    "Der SPF-Eintrag von \(cost.path[0]) verweist auf \(domain) (\(term)), das "
                        + "\(found.isEmpty ? "keinen SPF-Eintrag" : "mehrere SPF-Einträge") hat."),
                Wording(
                    "Remove the term, or correct its name.",
                    "Den Term entfernen oder seinen Namen berichtigen."))
        }
        // What is wrong with a record of others is theirs to mend, unless it costs too much.
        guard let spf = try? SenderPolicy(parsing: text) else { return }
        await count(spf, at: domain, &cost, record)
    }

    private mutating func countAddresses(
        _ domain: Name, _ cost: inout SPFCost, types: [RecordType] = [.a, .aaaa]
    ) async {
        for type in types {
            guard let records = await records(of: domain, type), records.isEmpty else { return }
        }
        cost.voids.append("\(domain)")
    }

    private mutating func countExchangers(
        _ domain: Name, _ cost: inout SPFCost, _ record: PlacedRecord
    ) async {
        guard let exchangers = await records(of: domain, .mx) else { return }
        if exchangers.isEmpty { cost.voids.append("\(domain)") }
        guard exchangers.count > Self.maximumSPFExchangers else { return }
        find(
            .spfTooManyExchangers, .error, [record],
            Wording(
                "The SPF record of \(cost.path[0]) names the \(exchangers.count) exchangers of "
                    + "\(domain) (mx); only 10 are allowed (RFC 7208 §4.6.4).",
                "Der SPF-Eintrag von \(cost.path[0]) nennt die \(exchangers.count) Exchanger von "
                    + "\(domain) (mx); erlaubt sind 10 (RFC 7208 §4.6.4)."),
            Wording("Name their addresses by ip4 and ip6.", "Ihre Adressen mit ip4 und ip6 nennen.")
        )
    }
}

extension DomainSpec {
    /// The name; nil where macros make it up.
    fileprivate var name: Name? { plain.flatMap { Name(dotted: $0) } }
}

extension SenderPolicy.Fault.Reason {
    /// What a term should have been.
    fileprivate var expected: Wording {
        switch self {
        case .unknownMechanism:
            Wording(
                "a mechanism (all, include, a, mx, ip4, ip6, exists, ptr) or a modifier",
                "ein Mechanismus (all, include, a, mx, ip4, ip6, exists, ptr) oder Modifier")
        case .domain: Wording("a domain name", "ein Domainname")
        case .macros:
            Wording("macros such as %{i} (RFC 7208 §7)", "Makros wie %{i} (RFC 7208 §7)")
        case .network(let isIPv4):
            isIPv4
                ? Wording("an IPv4 network such as 192.0.2.0/24", "ein IPv4-Netz wie 192.0.2.0/24")
                : Wording(
                    "an IPv6 network such as 2001:db8::/32", "ein IPv6-Netz wie 2001:db8::/32")
        case .prefixLength:
            Wording("a prefix length such as /24 or //64", "eine Präfixlänge wie /24 oder //64")
        case .tooMuch: Wording("nothing behind it", "nichts dahinter")
        case .twice: Wording("this modifier only once", "dieser Modifier nur einmal")
        case .notASCII: Wording("ASCII alone", "nur ASCII")
        }
    }
}

extension PlacedRecord {
    /// A TXT record's strings as one.
    var text: [UInt8]? { record.data.text }
}
