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
        let domains = Set((change.removed + change.added).map(\.owner))
            .union(views.flatMap { view in view.names.filter { view[$0]?[.mx] != nil } })
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

    /// The records that go and come, where mail goes afterwards, and what is found.
    package func text(_ language: Language) -> String {
        var lines = MasterFile.canonicalOrder(of: change.removed).map { "- \($0.text)" }
        lines += MasterFile.canonicalOrder(of: change.added).map { "+ \($0.text)" }
        for way in ways {
            lines.append(
                language.choose("after this, mail for ", "danach: Mail für ")
                    + "\(way.domain) \(way.after.text(language))")
        }
        for finding in caused { lines.append(finding.line(language)) }
        if isRefused {
            lines.append(
                language.choose(
                    "refused: no name server would load this zone",
                    "abgewiesen: Kein Nameserver würde diese Zone laden"))
        } else if losesMail {
            lines.append(
                language.choose(
                    "refused, because mail would be lost; --force does it all the same",
                    "abgewiesen, weil Mail verloren ginge; mit --force geschieht es trotzdem"))
        }
        return lines.joined(separator: "\n")
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
