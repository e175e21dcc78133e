// SPDX-License-Identifier: Apache-2.0

import DNS

/// What a name server refuses or leaves out (RFC 1034 §3.6.2, RFC 1035 §5.2, RFC 2181 §5).
extension Examination {
    mutating func checkStructure() {
        checkStrays()
        checkStart()
        for node in view.inOrder {
            checkAlias(node)
            checkDNAME(node)
            checkSigner(node)
            for set in node.sets { checkSet(set, of: node.name) }
            checkOccluded(node)
        }
    }

    private mutating func checkStrays() {
        for stray in strays {
            let record = stray.record
            if record.class != .internet {
                find(
                    .wrongClass, .error, [stray],
                    Wording(
                        "\(record.owner) has a record of class \(record.class), not IN.",
                        "\(record.owner) hat einen Eintrag der Klasse \(record.class), nicht IN."),
                    Wording("Write IN, or nothing.", "IN schreiben oder die Klasse weglassen."))
            } else {
                find(
                    .outsideZone, .error, [stray],
                    Wording(
                        "\(record.owner) stands outside of the zone \(origin).",
                        "\(record.owner) liegt außerhalb der Zone \(origin)."),
                    Wording(
                        "Remove it, or take the final dot away if the name is meant below "
                            + "\(origin).",
                        "Entfernen, oder den Schlusspunkt weglassen, falls der Name unter \(origin) "
                            + "gemeint ist."))
            }
        }
    }

    private mutating func checkStart() {
        let starts = view[origin]?[.soa]?.records ?? []
        if starts.isEmpty {
            find(
                .soaMissing, .error, at: [start],
                Wording("\(origin) has no SOA record.", "\(origin) hat keinen SOA-Eintrag."),
                Wording(
                    "Add one SOA record at the origin of the zone.",
                    "Einen SOA-Eintrag am Ursprung der Zone ergänzen."))
        } else if starts.count > 1, starts.dropFirst().contains(where: { !$0.isEqual(starts[0]) }) {
            find(
                .soaTwice, .error, starts,
                Wording(
                    "\(origin) has \(starts.count) SOA records.",
                    "\(origin) hat \(starts.count) SOA-Einträge."),
                Wording("Leave only one.", "Nur einen stehen lassen."))
        }
        if view[origin]?[.ns] == nil {
            find(
                .nsMissing, .error, at: [start],
                Wording("\(origin) has no NS record.", "\(origin) hat keinen NS-Eintrag."),
                Wording(
                    "Name the zone's name servers in NS records at its origin.",
                    "Die Nameserver der Zone in NS-Einträgen an ihrem Ursprung nennen."))
        }
        for node in view.inOrder where node.name != origin {
            guard let set = node[.soa] else { continue }
            find(
                .soaBelowOrigin, .error, set.records,
                Wording(
                    "\(node.name) has an SOA record, but the zone begins at \(origin).",
                    "\(node.name) hat einen SOA-Eintrag, aber die Zone beginnt bei \(origin)."),
                Wording(
                    "Move it to the origin, or into a zone of its own.",
                    "An den Ursprung setzen oder in eine eigene Zone legen."))
        }
    }

    private mutating func checkSet(_ set: ZoneView.RecordSet, of name: Name) {
        var seen: Set<RecordData> = []
        for record in set.records where !seen.insert(record.record.data).inserted {
            find(
                .duplicateRecord, .warning, [record],
                Wording(
                    "\(name) has the same \(set.type) record twice.",
                    "\(name) hat denselben \(set.type)-Eintrag doppelt."),
                Wording("Remove one of the two.", "Einen von beiden entfernen."))
        }
        // Each signature has the TTL of what it covers (RFC 4034 §3).
        let ttls = set.records.map(\.record.ttl)
        guard set.type != .rrsig, let lowest = ttls.min(), lowest != ttls.max() else { return }
        find(
            .differentTTL, .warning, set.records,
            Wording(
                "The \(set.type) records of \(name) have different TTLs (RFC 2181 §5.2).",
                "Die \(set.type)-Einträge von \(name) haben verschiedene TTL (RFC 2181 §5.2)."),
            Wording(
                "Give all of them the same; until then the lowest, \(lowest), counts.",
                "Allen dieselbe geben; bis dahin gilt die kleinste, \(lowest)."))
    }

    private mutating func checkAlias(_ node: ZoneView.Node) {
        guard let aliases = node[.cname] else { return }
        // RFC 4035 §2.5: what DNSSEC needs may stand beside an alias; RFC 3007 §3.1.1: KEY.
        let key = RecordType(rawValue: 25)
        let allowed: Set<RecordType> = [.cname, .rrsig, .nsec, key]
        let others = node.sets.filter { !allowed.contains($0.type) }
        if !others.isEmpty {
            let types = others.map(\.type.description).joined(separator: ", ")
            find(
                .aliasAndOther, .error, aliases.records + others.flatMap(\.records),
                Wording(
                    "\(node.name) is an alias (CNAME) and has other records too: \(types).",
                    "\(node.name) ist ein Alias (CNAME) und hat auch andere Einträge: \(types)."),
                node.name == origin
                    ? Wording(
                        "The origin cannot be an alias: write the address itself.",
                        "Der Ursprung kann kein Alias sein: die Adresse selbst eintragen.")
                    : Wording(
                        "Remove the CNAME, or everything beside it.",
                        "Den CNAME entfernen, oder alles neben ihm."))
        }
        if Set(aliases.data).count > 1 {
            find(
                .aliasTwice, .error, aliases.records,
                Wording(
                    "\(node.name) is an alias (CNAME) of more than one name.",
                    "\(node.name) ist ein Alias (CNAME) mehrerer Namen."),
                Wording("Leave only one.", "Nur einen stehen lassen."))
        }
    }

    private mutating func checkDNAME(_ node: ZoneView.Node) {
        if let set = node[.dname] {
            if Set(set.data).count > 1 {
                find(
                    .dnameTwice, .error, set.records,
                    Wording(
                        "\(node.name) has more than one DNAME record (RFC 6672 §2.4).",
                        "\(node.name) hat mehr als einen DNAME-Eintrag (RFC 6672 §2.4)."),
                    Wording("Leave only one.", "Nur einen stehen lassen."))
            }
            if node.name != origin, let delegation = node[.ns] {
                find(
                    .dnameAndDelegation, .error, set.records + delegation.records,
                    Wording(
                        "\(node.name) is delegated (NS) and redirected (DNAME) at once "
                            + "(RFC 6672 §2.3).",
                        "\(node.name) ist zugleich delegiert (NS) und umgeleitet (DNAME) "
                            + "(RFC 6672 §2.3)."),
                    Wording("Remove one of the two.", "Eines von beiden entfernen."))
            }
        }
        // The names of NSEC3 records are hashes, which stand below the origin only in text.
        let sets = node.sets.filter { ![.nsec3, .rrsig].contains($0.type) }
        if !sets.isEmpty, let above = view.dname(above: node.name),
            view.cut(over: node.name) == nil
        {
            find(
                .belowDNAME, .error, sets.flatMap(\.records),
                Wording(
                    "\(node.name) stands below \(above), which is redirected as a whole by its "
                        + "DNAME record (RFC 6672 §2.4).",
                    "\(node.name) liegt unter \(above), das der DNAME-Eintrag im Ganzen umleitet "
                        + "(RFC 6672 §2.4)."),
                Wording(
                    "Remove the record, or the DNAME.", "Den Eintrag oder den DNAME entfernen."))
        }
    }

    private mutating func checkSigner(_ node: ZoneView.Node) {
        guard let set = node[.ds] else { return }
        for record in set.records {
            // RFC 4034 §5.1.3, RFC 4509 §2.2, RFC 5933 §4, RFC 6605 §2.
            let sizes: [UInt8: Int] = [1: 20, 2: 32, 3: 32, 4: 48]
            guard let ds = DS(record.record.data), let size = sizes[ds.digestType],
                ds.digest.count != size
            else { continue }
            find(
                .signerInvalid, .error, [record],
                Wording(
                    "A DS record of \(node.name) has a digest of \(ds.digest.count) octets; its "
                        + "type has \(size).",
                    "Ein DS-Eintrag von \(node.name) hat einen Hash von \(ds.digest.count) "
                        + "Oktetten; seine Art hat \(size)."),
                Wording(
                    "Take it again from the zone below.",
                    "Ihn aus der untergeordneten Zone neu übernehmen."))
        }
        if node.name == origin {
            find(
                .signerAtOrigin, .warning, set.records,
                Wording(
                    "The DS record of \(origin) belongs into the zone above it (RFC 4035 §2.4).",
                    "Der DS-Eintrag von \(origin) gehört in die übergeordnete Zone (RFC 4035 §2.4)."
                ), Wording("Remove it here.", "Ihn hier entfernen."))
        } else if node[.ns] == nil {
            find(
                .signerWithoutDelegation, .warning, set.records,
                Wording(
                    "\(node.name) has a DS record, but is not delegated by NS records.",
                    "\(node.name) hat einen DS-Eintrag, ist aber nicht durch NS-Einträge delegiert."
                ),
                Wording(
                    "Add NS records, or remove the DS.",
                    "NS-Einträge ergänzen oder den DS entfernen."))
        }
    }

    private mutating func checkOccluded(_ node: ZoneView.Node) {
        guard let cut = view.cut(over: node.name) else { return }
        // At the delegation itself stand its NS and DS records, and in front of it its glue.
        var allowed: Set<RecordType> = [.a, .aaaa]
        if node.name == cut { allowed.formUnion([.ns, .ds, .rrsig, .nsec, .dname]) }
        let hidden = node.sets.filter { !allowed.contains($0.type) }
        guard !hidden.isEmpty else { return }
        find(
            .belowDelegation, .warning, hidden.flatMap(\.records),
            Wording(
                "\(node.name) is never answered: \(cut) is delegated to other name servers.",
                "Nach \(node.name) wird hier nie geantwortet: \(cut) ist an andere Nameserver "
                    + "delegiert."),
            Wording(
                "Move the record into the zone \(cut), or remove the delegation.",
                "Den Eintrag in die Zone \(cut) verlegen oder die Delegation entfernen."))
    }
}

extension PlacedRecord {
    func isEqual(_ other: PlacedRecord) -> Bool { record.data == other.record.data }
}
