// SPDX-License-Identifier: Apache-2.0

import DNS

/// A signed zone: its keys, its signatures and its denial of existence (RFC 4033-4035).
extension Examination {
    mutating func checkSignatures(_ validation: ZoneExaminer.Validation) {
        guard let keys = view[origin]?[.dnskey] else {
            return find(
                .unsigned, .error, at: [start],
                Wording(
                    "\(origin) has no DNSKEY record: the zone is not signed.",
                    "\(origin) hat keinen DNSKEY-Eintrag: Die Zone ist nicht signiert."),
                Wording("Sign the zone.", "Die Zone signieren."))
        }
        for record in keys.records { checkKey(record) }
        var judge = SignatureJudge(origin: origin, keys: keys.data, validation: validation)
        for node in view.inOrder { checkSignatures(at: node, &judge) }
        if view[origin]?[.nsec3param] != nil {
            checkHashedDenial(validation.cryptography)
        } else {
            checkDenial()
        }
        checkChildRecords(validation.cryptography)
    }

    private mutating func checkKey(_ record: PlacedRecord) {
        guard let key = DNSKEY(record.record.data) else { return }
        var reason: Wording?
        if key.protocol != 3 {
            reason = Wording("its protocol is not 3", "sein Protokoll ist nicht 3")
        } else if !key.isZoneKey {
            reason = Wording(
                "its flags do not make it a zone key",
                "seine Flags machen ihn zu keinem Zonenschlüssel")
        } else if key.key.isEmpty {
            reason = Wording("it is empty", "er ist leer")
        }
        guard let reason else { return }
        find(
            .keyInvalid, .error, [record],
            Wording(
                "The key \(key.tag) of \(origin) signs nothing: \(reason.english) (RFC 4034 §2.1).",
                "Der Schlüssel \(key.tag) von \(origin) signiert nichts: \(reason.german) "
                    + "(RFC 4034 §2.1)."),
            Wording("Replace it.", "Ihn ersetzen."))
    }

    private mutating func checkSignatures(at node: ZoneView.Node, _ judge: inout SignatureJudge) {
        let cut = view.cut(over: node.name)
        guard cut == nil || cut == node.name else { return }
        let signatures = (node[.rrsig]?.records ?? []).compactMap { record in
            RRSIG(record.record.data).map { (record: record, rrsig: $0) }
        }
        let isCut = cut != nil
        for set in node.sets where set.type != .rrsig {
            let own = signatures.filter { $0.rrsig.typeCovered == set.type }
            // RFC 4035 §2.2: at a delegation only what is the parent's is signed.
            guard !isCut || [.ds, .nsec].contains(set.type) else {
                findOrphans(own.map(\.record), set.type, node.name)
                continue
            }
            guard !own.isEmpty else {
                find(
                    .signatureMissing, .error, set.records,
                    Wording(
                        "The \(set.type) records of \(node.name) are not signed.",
                        "Die \(set.type)-Einträge von \(node.name) sind nicht signiert."),
                    .signAgain)
                continue
            }
            findUnused(judge.unused(own.map(\.rrsig), over: set.type), set, node.name)
            for (record, rrsig) in own {
                guard let fault = judge.fault(of: rrsig, ttl: record.record.ttl, over: set) else {
                    continue
                }
                find(
                    fault.code, fault.severity, [record],
                    Wording(
                        "The signature over the \(set.type) records of \(node.name) "
                            + "\(fault.text.english).",
                        "Die Signatur über die \(set.type)-Einträge von \(node.name) "
                            + "\(fault.text.german)."), .signAgain)
            }
        }
        let types = Set(node.types).subtracting([.rrsig])
        for (record, rrsig) in signatures where !types.contains(rrsig.typeCovered) {
            findOrphans([record], rrsig.typeCovered, node.name)
        }
    }

    private mutating func findUnused(
        _ unused: Wording?, _ set: ZoneView.RecordSet, _ name: Name
    ) {
        guard let unused else { return }
        find(
            .signatureMissing, .error, set.records,
            Wording(
                "The \(set.type) records of \(name) are not signed \(unused.english).",
                "Die \(set.type)-Einträge von \(name) sind nicht signiert \(unused.german)."),
            .signAgain)
    }

    private mutating func findOrphans(_ records: [PlacedRecord], _ type: RecordType, _ name: Name) {
        guard !records.isEmpty else { return }
        find(
            .signatureOrphaned, .error, records,
            Wording(
                "\(name) has a signature over \(type) records that are not to be signed, or are "
                    + "not there.",
                "\(name) hat eine Signatur über \(type)-Einträge, die nicht zu signieren oder "
                    + "nicht vorhanden sind."),
            .signAgain)
    }
}

extension Wording {
    static let signAgain = Wording("Sign the zone again.", "Die Zone neu signieren.")
}

/// Judges signatures by the keys of their zone (RFC 4035 §5.3).
struct SignatureJudge: Sendable {
    struct Fault: Sendable {
        var code: FindingCode
        var severity = Finding.Severity.error
        var text: Wording
    }

    let origin: Name
    private let keys: [DNSKEY]
    private let validation: ZoneExaminer.Validation

    init(origin: Name, keys: [RecordData], validation: ZoneExaminer.Validation) {
        self.origin = origin
        self.keys = keys.compactMap(DNSKEY.init)
        self.validation = validation
    }

    /// What keys should have signed too; nil if nothing is missing.
    func unused(_ signatures: [RRSIG], over type: RecordType) -> Wording? {
        let usable = keys.filter { $0.isZoneKey && $0.protocol == 3 && !$0.isRevoked }
        // RFC 4035 §2.2: by each algorithm of the zone's keys.
        let missing = Set(usable.map(\.algorithm)).subtracting(signatures.map(\.algorithm))
        if let algorithm = missing.min() {
            return Wording(
                "by the algorithm \(algorithm) (RFC 4035 §2.2)",
                "mit dem Algorithmus \(algorithm) (RFC 4035 §2.2)")
        }
        // The zone above names keys with the flag SEP: one of them has to sign the others.
        let entries = usable.filter { $0.flags & 1 != 0 }.map(\.tag)
        guard type == .dnskey, !entries.isEmpty,
            !signatures.contains(where: { entries.contains($0.tag) })
        else { return nil }
        return Wording(
            "by a key that the zone above names (flag SEP)",
            "mit einem Schlüssel, den die übergeordnete Zone nennt (Flag SEP)")
    }

    /// What is wrong; nil for a signature that holds.
    mutating func fault(
        of rrsig: RRSIG, ttl: UInt32, over set: ZoneView.RecordSet
    ) -> Fault? {
        guard let first = set.records.first?.record else { return nil }
        if let text = formFault(of: rrsig, ttl: ttl, first) {
            return Fault(code: .signatureInvalid, text: text)
        }
        if Self.isBefore(rrsig.expiration, validation.now) {
            return Fault(
                code: .signatureExpired, text: Wording("has expired", "ist abgelaufen"))
        }
        if Self.isBefore(validation.now, rrsig.inception) {
            return Fault(
                code: .signatureInvalid, text: Wording("is not valid yet", "gilt noch nicht"))
        }
        let candidates = keys.filter {
            $0.algorithm == rrsig.algorithm && $0.isZoneKey && $0.protocol == 3
                && $0.tag == rrsig.tag
        }
        guard !candidates.isEmpty else {
            return Fault(
                code: .signatureInvalid,
                text: Wording(
                    "names the key \(rrsig.tag), which the zone does not have",
                    "nennt den Schlüssel \(rrsig.tag), den die Zone nicht hat"))
        }
        let octets = signedOctets(rrsig, set, owner: first.owner)
        var isUnknown = false
        for key in candidates {
            let verdict = validation.cryptography.verifies(
                rrsig.signature, over: octets, algorithm: rrsig.algorithm, publicKey: key.key)
            if verdict == true { return nil }
            if verdict == nil { isUnknown = true }
        }
        guard isUnknown else {
            return Fault(
                code: .signatureInvalid,
                text: Wording("does not hold", "stimmt nicht"))
        }
        return Fault(
            code: .signatureUnverifiable, severity: .warning,
            text: Wording(
                "has the algorithm \(rrsig.algorithm), which is not verified here",
                "hat den Algorithmus \(rrsig.algorithm), der hier nicht geprüft wird"))
    }

    /// RFC 4035 §5.3.1, but for time and key.
    private func formFault(of rrsig: RRSIG, ttl: UInt32, _ record: ResourceRecord) -> Wording? {
        if rrsig.signer != origin {
            return Wording(
                "names \(rrsig.signer) as its signer", "nennt \(rrsig.signer) als Aussteller")
        }
        let isWildcard = record.owner.labels.first?.elementsEqual([0x2A]) == true
        if Int(rrsig.labels) != record.owner.labelCount - (isWildcard ? 1 : 0) {
            return Wording("counts other labels", "zählt andere Labels")
        }
        // RFC 4034 §3: the TTL of the signature and the one it states are that of the set.
        if rrsig.originalTTL != record.ttl || ttl != record.ttl {
            return Wording("has another TTL", "hat eine andere TTL")
        }
        return nil
    }

    /// RFC 1982: whether one time comes before another, across the end of 32 bits.
    private static func isBefore(_ first: UInt32, _ second: UInt32) -> Bool {
        Int32(truncatingIfNeeded: Int64(first) - Int64(second)) < 0
    }

    /// RFC 4034 §3.1.8.1, §6.3: the head, and each record once, in canonical form and order.
    private func signedOctets(
        _ rrsig: RRSIG, _ set: ZoneView.RecordSet, owner: Name
    ) -> [UInt8] {
        var data = set.data.map { $0.canonicalWire(as: set.type) }
        data.sort { $0.lexicographicallyPrecedes($1) }
        let name = owner.lowercased.wire
        var octets = rrsig.signedHead
        var previous: [UInt8]?
        for wire in data where wire != previous {
            octets += name
            octets += set.type.rawValue.octets + RecordClass.internet.rawValue.octets
            octets += rrsig.originalTTL.octets + UInt16(wire.count).octets
            octets += wire
            previous = wire
        }
        return octets
    }
}

extension FixedWidthInteger {
    /// In network order.
    var octets: [UInt8] { withUnsafeBytes(of: bigEndian) { Array($0) } }
}
