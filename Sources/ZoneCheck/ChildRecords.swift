// SPDX-License-Identifier: Apache-2.0

import DNS

/// What a zone tells the one above it about its keys (RFC 7344, RFC 8078).
extension Examination {
    mutating func checkChildRecords(_ cryptography: any ZoneCryptography) {
        let digests = view[origin]?[.cds]?.records ?? []
        let copies = view[origin]?[.cdnskey]?.records ?? []
        guard !digests.isEmpty || !copies.isEmpty else { return }
        let published = Set((view[origin]?[.dnskey]?.data ?? []).compactMap(DNSKEY.init))
        let deletes = digests.contains { DS($0.record.data)?.isDeletion == true }
        let copyDeletes = copies.contains { DNSKEY($0.record.data)?.isDeletion == true }
        if deletes || copyDeletes {
            // RFC 8078 §4: then it is the only one, of both types where both stand.
            let isAlone = digests.count <= 1 && copies.count <= 1
            let isAgreed =
                (digests.isEmpty || deletes) && (copies.isEmpty || copyDeletes)
            if !isAlone || !isAgreed { findChild(digests + copies, .deletion) }
            return
        }
        for record in copies {
            guard let key = DNSKEY(record.record.data), !published.contains(key) else { continue }
            findChild([record], .noKey)
        }
        let keys = copies.isEmpty ? published : Set(copies.compactMap { DNSKEY($0.record.data) })
        for record in digests {
            guard let digest = DS(record.record.data) else { continue }
            let isMatched = keys.contains { digest.isOf($0, origin, cryptography) != false }
            if !isMatched { findChild([record], .noDigest) }
        }
        checkAgreement(digests, copies)
    }

    private mutating func checkAgreement(_ digests: [PlacedRecord], _ copies: [PlacedRecord]) {
        if digests.isEmpty || copies.isEmpty {
            find(
                .childRecords, .warning, digests + copies,
                Wording(
                    "\(origin) has CDS or CDNSKEY records, but should have both (RFC 7344 §4).",
                    "\(origin) hat CDS- oder CDNSKEY-Einträge, sollte aber beide haben "
                        + "(RFC 7344 §4)."),
                Wording("Publish both, or none.", "Beide veröffentlichen oder keine."))
            return
        }
        let tags = Set(digests.compactMap { DS($0.record.data)?.tag })
        for record in copies {
            guard let key = DNSKEY(record.record.data), !tags.contains(key.tag) else { continue }
            findChild([record], .unmatched)
        }
    }

    private mutating func findChild(_ records: [PlacedRecord], _ reason: Wording) {
        find(
            .childRecords, .error, records,
            Wording(
                "A CDS or CDNSKEY record of \(origin) contradicts the others: \(reason.english).",
                "Ein CDS- oder CDNSKEY-Eintrag von \(origin) widerspricht den anderen: "
                    + "\(reason.german)."),
            Wording(
                "Derive both from the keys that sign the zone.",
                "Beide aus den Schlüsseln ableiten, die die Zone signieren."))
    }
}

extension Wording {
    fileprivate static let deletion = Wording(
        "a request for deletion must stand alone (RFC 8078 §4)",
        "eine Bitte um Löschung muss allein stehen (RFC 8078 §4)")
    fileprivate static let noKey = Wording(
        "the zone has no such key", "die Zone hat keinen solchen Schlüssel")
    fileprivate static let noDigest = Wording(
        "the digest is of none of the keys", "der Hash gehört zu keinem der Schlüssel")
    fileprivate static let unmatched = Wording(
        "no CDS has the digest of this CDNSKEY", "kein CDS hat den Hash dieses CDNSKEY")
}

extension DS {
    /// `0 0 0 00`.
    var isDeletion: Bool { tag == 0 && algorithm == 0 && digestType == 0 }

    /// RFC 4034 §5.1.4; nil for a digest that is not known here.
    func isOf(_ key: DNSKEY, _ origin: Name, _ cryptography: any ZoneCryptography) -> Bool? {
        guard tag == key.tag, algorithm == key.algorithm else { return false }
        let kind: DigestKind
        switch digestType {
        case 1: kind = .sha1
        case 2: kind = .sha256
        case 4: kind = .sha384
        default: return nil
        }
        return digest == cryptography.digest(kind, of: origin.lowercased.wire + key.wire)
    }
}

extension DNSKEY {
    /// `0 3 0 AA==`.
    var isDeletion: Bool { flags == 0 && algorithm == 0 }
}
