// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS

/// NS records and their glue (RFC 1034 §4.2.1, RFC 2181 §10.3, RFC 9471).
extension Examination {
    mutating func checkNameServers() async {
        for node in view.inOrder {
            guard let set = node[.ns] else { continue }
            // What stands behind a delegation is the other zone's.
            if node.name != origin, view.cut(over: node.name) != node.name { continue }
            for record in set.records {
                guard case .ns(let server) = record.record.data else { continue }
                await check(server, named: record, at: node.name)
            }
        }
    }

    private mutating func check(
        _ server: Name, named record: PlacedRecord, at owner: Name
    ) async {
        guard server.writtenAddress(below: origin) == nil else {
            return find(
                .nameServerIsAddress, .error, [record],
                Wording(
                    "The name server of \(owner) is written as an address, \(server).",
                    "Der Nameserver von \(owner) ist als Adresse angegeben, \(server)."),
                Wording(
                    "Write the name of the host, and its address in an A or AAAA record.",
                    "Den Namen des Rechners angeben und seine Adresse in einen A- oder "
                        + "AAAA-Eintrag schreiben."))
        }
        guard server.isEqualOrBelow(origin) else {
            return await checkOutside(server, named: record, at: owner)
        }
        let node = view.node(for: server)
        if node == nil, let cut = view.cut(over: server), cut != owner {
            // Behind another delegation: whoever answers there knows (RFC 9471 §3.2).
            return
        }
        if node?[.a] != nil || node?[.aaaa] != nil { return }
        if node?[.cname] != nil { return findAlias(server, record, owner) }
        let isGlue = view.cut(over: server) != nil
        find(
            isGlue ? .glueMissing : .nameServerWithoutAddress, .error, [record],
            Wording(
                "The name server \(server) of \(owner) has no address in the zone"
                    + (isGlue ? " (glue)." : "."),
                "Der Nameserver \(server) von \(owner) hat keine Adresse in der Zone"
                    + (isGlue ? " (Glue)." : ".")),
            Wording(
                "Add an A or AAAA record for \(server).",
                "Einen A- oder AAAA-Eintrag für \(server) ergänzen."))
    }

    private mutating func checkOutside(
        _ server: Name, named record: PlacedRecord, at owner: Name
    ) async {
        let host = await host(server)
        if !host.aliases.isEmpty { return findAlias(server, record, owner) }
        guard host.isWithoutAddress else { return }
        find(
            .nameServerWithoutAddress, .error, [record],
            Wording(
                "The name server \(server) of \(owner) has no address.",
                "Der Nameserver \(server) von \(owner) hat keine Adresse."),
            Wording(
                "Name a host that exists.", "Einen Rechner nennen, den es gibt."))
    }

    private mutating func findAlias(_ server: Name, _ record: PlacedRecord, _ owner: Name) {
        find(
            .nameServerIsAlias, .error, [record],
            Wording(
                "The name server \(server) of \(owner) is an alias, which RFC 2181 §10.3 forbids.",
                "Der Nameserver \(server) von \(owner) ist ein Alias, was RFC 2181 §10.3 verbietet."
            ),
            Wording(
                "Name the host itself, or give \(server) addresses of its own.",
                "Den Rechner selbst nennen oder \(server) eigene Adressen geben."))
    }
}

extension Name {
    /// The address that someone wrote where a name belongs: alone, or with the origin added to it
    /// because the final dot is missing.
    func writtenAddress(below origin: Name) -> IPAddress? {
        for labels in [self.labels, labels(before: origin)].compactMap({ $0 }) {
            let text = labels.map { String(lossy: $0) }.joined(separator: ".")
            if labels.count == 4, let address = IPAddress(text) { return address }
            if labels.count == 1, text.contains(":"), let address = IPAddress(text) {
                return address
            }
        }
        return nil
    }
}

/// Names that are written where others should stand.
extension Examination {
    mutating func checkTargets() {
        for node in view.inOrder {
            if let doubled = doubled(node.name) {
                find(
                    .originTwice, .warning, node.sets.flatMap(\.records),
                    Wording(
                        "\(node.name) ends in \(origin) twice.",
                        "\(node.name) endet zweimal auf \(origin)."),
                    Wording(
                        "Write \(doubled) with a final dot.",
                        "\(doubled) mit Schlusspunkt schreiben."))
            }
            for set in node.sets { for record in set.records { checkTarget(record) } }
        }
    }

    private mutating func checkTarget(_ record: PlacedRecord) {
        let owner = record.record.owner
        switch record.record.data {
        case .ns(let target), .ptr(let target), .dname(let target):
            checkDoubled(target, record)
        case .cname(let target):
            checkDoubled(target, record)
            checkAlias(owner, target, record)
        case .srv(let srv): checkService(owner, srv, record)
        default: break
        }
    }

    /// The name without the origin that was added to it; nil for a name that is in order.
    func doubled(_ name: Name) -> Name? {
        guard !origin.isRoot, let front = name.labels(before: origin), !front.isEmpty,
            let shorter = Name(labels: front.map(Array.init)), shorter.isEqualOrBelow(origin)
        else { return nil }
        return shorter
    }

    private mutating func checkDoubled(_ target: Name, _ record: PlacedRecord) {
        guard let meant = doubled(target) else { return }
        let (owner, type) = (record.record.owner, record.record.type)
        find(
            .originTwice, view.node(for: target) == nil ? .error : .warning, [record],
            Wording(
                "The \(type) record of \(owner) names \(target), which ends in \(origin) twice.",
                "Der \(type)-Eintrag von \(owner) nennt \(target), das zweimal auf \(origin) endet."
            ),
            Wording(
                "Write \(meant) with a final dot.", "\(meant) mit Schlusspunkt schreiben."))
    }

    private mutating func checkAlias(_ owner: Name, _ target: Name, _ record: PlacedRecord) {
        guard doubled(target) == nil, view.cut(over: owner) == nil else { return }
        switch view.look(owner, .any).look {
        case .circle:
            find(
                .circularAlias, .error, [record],
                Wording(
                    "The alias \(owner) leads in a circle.", "Der Alias \(owner) führt im Kreis."),
                Wording(
                    "Let it name a host with records of its own.",
                    "Ihn einen Rechner mit eigenen Einträgen nennen lassen."))
        case .nameError:
            find(
                .danglingAlias, .warning, [record],
                Wording(
                    "\(owner) is an alias of \(target), which does not exist.",
                    "\(owner) ist ein Alias von \(target), das es nicht gibt."),
                Wording(
                    "Add \(target), or remove the alias.",
                    "\(target) ergänzen oder den Alias entfernen."))
        case .records, .noData, .elsewhere: break
        }
    }

    private mutating func checkService(_ owner: Name, _ srv: SRV, _ record: PlacedRecord) {
        // RFC 2782: a target of "." says that there is no such service.
        guard !srv.target.isRoot, srv.target.isEqualOrBelow(origin) else { return }
        if doubled(srv.target) != nil { return checkDoubled(srv.target, record) }
        let (a, aliases) = view.look(srv.target, .a)
        let (aaaa, _) = view.look(srv.target, .aaaa)
        var reason: Wording?
        if !aliases.isEmpty {
            reason = Wording(
                "is an alias, which RFC 2782 forbids", "ist ein Alias, was RFC 2782 verbietet")
        } else if case (true, true) = (a.isAbsent, aaaa.isAbsent) {
            reason = Wording("has no address", "hat keine Adresse")
        }
        guard let reason else { return }
        find(
            .serviceTarget, .warning, [record],
            Wording(
                "The host \(srv.target) of the service \(owner) \(reason.english).",
                "Der Rechner \(srv.target) des Dienstes \(owner) \(reason.german)."),
            Wording(
                "Name a host with an A or AAAA record.",
                "Einen Rechner mit A- oder AAAA-Eintrag nennen."))
    }
}

extension ZoneView.Look {
    /// Whether the zone itself says that there is nothing.
    var isAbsent: Bool {
        switch self {
        case .noData, .nameError: true
        case .records, .elsewhere, .circle: false
        }
    }
}
