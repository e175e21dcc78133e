// SPDX-License-Identifier: Apache-2.0

package import DNS
package import Mail

/// What a change would do, before it is made.
package struct ZonePreview: Sendable {
    package let change: ZoneChange
    /// Findings that the change brings about, the worst first.
    package let caused: [Finding]
    /// Findings that it ends.
    package let mended: [Finding]
    private let ways: [Way]

    /// Where mail for one domain goes, before and after.
    private struct Way: Sendable {
        var domain: Name
        var before: MailWay
        var after: MailWay
    }

    /// Compares the zone with what the change would make of it.
    package static func of(
        _ change: ZoneChange, to records: [ResourceRecord], origin: Name, examiner: ZoneExaminer
    ) async -> ZonePreview {
        let changed = change.applied(to: records)
        let before = await examiner.report(on: records, origin: origin).findings
        let after = await examiner.report(on: changed, origin: origin).findings
        let views = [records, changed].map { records in
            ZoneView(origin: origin, records: records.map { PlacedRecord(record: $0) })
        }
        // Other names may take mail by their address alone (RFC 5321 §5.1); nobody means that.
        let domains = Set(views.flatMap { view in view.names.filter { view[$0]?[.mx] != nil } })
            .union([origin])
        let ways = domains.map { (key: $0.canonicalKey, name: $0) }
            .sorted { $0.key.lexicographicallyPrecedes($1.key) }
            .map {
                Way(domain: $0.name, before: .of($0.name, views[0]), after: .of($0.name, views[1]))
            }
            .filter { $0.before != $0.after }
        return ZonePreview(
            change: change, caused: after.filter { !before.contains($0) },
            mended: before.filter { !after.contains($0) }, ways: ways)
    }

    /// No name server would take the zone: it cannot be applied, not even with force.
    package var isRefused: Bool {
        caused.contains { $0.severity == .error && $0.code.isStructural }
    }

    /// Mail would be returned or lost: applied only with force.
    package var losesMail: Bool {
        caused.contains { $0.severity == .error && !$0.code.isStructural }
            || ways.contains { $0.before.isReachable && !$0.after.isReachable && !$0.after.isNull }
    }

    /// As many records, domains and findings each as anyone reads through.
    static let shownLines = 100

    /// The records that go and come, where mail goes afterwards, what is found, and whether the
    /// change is refused for it.
    package func text(_ language: Language) -> String {
        (description(language) + [refusal(language)].compactMap { $0 }).joined(separator: "\n")
    }

    /// The lines of `text`, without the refusal.
    package func description(_ language: Language) -> [String] {
        Self.lines(MasterFile.canonicalOrder(of: change.removed), language) { "- \($0.text)" }
            + Self.lines(MasterFile.canonicalOrder(of: change.added), language) { "+ \($0.text)" }
            + Self.lines(ways, language) {
                language.choose("after this, mail for ", "danach: Mail für ")
                    + "\($0.domain) \($0.after.text(language))"
            } + Self.lines(caused, language) { $0.line(language) }
    }

    private static func lines<Item>(
        _ items: [Item], _ language: Language, _ line: (Item) -> String
    ) -> [String] {
        guard items.count > shownLines + 1 else { return items.map(line) }
        let rest = items.count - shownLines
        return items.prefix(shownLines).map(line)
            + [language.choose("  and \(rest) more", "  und \(rest) weitere")]
    }

    /// Why the change is not made, as a sentence without a final dot; nil if it is.
    package func refusal(_ language: Language) -> String? {
        if isRefused {
            return language.choose(
                "refused: no name server would load this zone",
                "abgewiesen: Kein Nameserver würde diese Zone laden")
        }
        guard losesMail else { return nil }
        return language.choose(
            "refused, because mail would be lost; --force does it all the same",
            "abgewiesen, weil Mail verloren ginge; mit --force geschieht es trotzdem")
    }
}

extension Finding {
    fileprivate func line(_ language: Language) -> String {
        "\(severity.rawValue) [\(code.rawValue)]: \(text[language]) \(advice[language])"
    }
}

extension FindingCode {
    /// Whether name servers refuse the zone for it.
    var isStructural: Bool {
        switch self {
        case .syntax, .soaMissing, .soaTwice, .soaBelowOrigin, .nsMissing, .outsideZone,
            .wrongClass, .aliasAndOther, .aliasTwice, .dnameTwice, .dnameAndDelegation, .belowDNAME:
            true
        default: false
        }
    }
}

/// Where mail for a domain goes, as far as its zone says.
enum MailWay: Hashable, Sendable {
    /// Hosts with their preferences, best first, and whether the zone gives each an address; nil
    /// for hosts elsewhere.
    case exchangers([Exchanger])
    /// To the domain's own address (RFC 5321 §5.1).
    case itself
    case null
    case nowhere

    struct Exchanger: Hashable, Sendable {
        var host: Name
        var preference: UInt16
        var hasAddress: Bool?
    }

    static func of(_ domain: Name, _ view: ZoneView) -> MailWay {
        let records = (view.node(for: domain)?[.mx]?.data ?? []).compactMap { data -> MX? in
            if case .mx(let mx) = data { mx } else { nil }
        }
        let hosts = records.filter { !$0.exchange.isRoot }
        guard hosts.isEmpty else {
            let sorted = hosts.sorted {
                ($0.preference, $0.exchange.description) < ($1.preference, $1.exchange.description)
            }
            return .exchangers(
                sorted.map {
                    Exchanger(
                        host: $0.exchange, preference: $0.preference,
                        hasAddress: hasAddress($0.exchange, view))
                })
        }
        if !records.isEmpty { return .null }
        return hasAddress(domain, view) == false ? .nowhere : .itself
    }

    private static func hasAddress(_ host: Name, _ view: ZoneView) -> Bool? {
        for type in [RecordType.a, .aaaa] {
            switch view.look(host, type).look {
            case .records: return true
            case .elsewhere(let other): return view.addresses(at: other).isEmpty ? nil : true
            case .noData, .nameError, .circle: break
            }
        }
        return false
    }

    var isNull: Bool { self == .null }

    /// Whether there is a host that may take mail.
    var isReachable: Bool {
        switch self {
        case .exchangers(let hosts): hosts.contains { $0.hasAddress != false }
        case .itself: true
        case .null, .nowhere: false
        }
    }

    func text(_ language: Language) -> String {
        switch self {
        case .exchangers(let hosts):
            let names = hosts.map { host in
                "\(host.host) (\(host.preference))"
                    + (host.hasAddress == false
                        ? language.choose(", which has no address", ", das keine Adresse hat") : "")
            }
            return language.choose("goes to ", "geht an ") + language.list(names)
        case .itself:
            return language.choose(
                "goes to the address of the domain itself", "geht an die Adresse der Domain selbst")
        case .null:
            return language.choose("is refused (Null MX)", "wird abgelehnt (Null MX)")
        case .nowhere:
            return language.choose(
                "is returned: there is no exchanger and no address",
                "wird zurückgeschickt: Es gibt weder Exchanger noch Adresse")
        }
    }
}
