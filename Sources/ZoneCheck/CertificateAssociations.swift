// SPDX-License-Identifier: Apache-2.0

import Bytes
package import DNS

/// TLSA records for SMTP (RFC 6698, RFC 7672).
extension Examination {
    mutating func checkTLSA() {
        for node in view.inOrder {
            guard let set = node[.tlsa], view.cut(over: node.name) == nil else { continue }
            for record in set.records {
                guard case .tlsa(let tlsa) = record.record.data else { continue }
                checkForm(tlsa, record, at: node.name)
            }
            guard let (port, host) = node.name.service else { continue }
            if [RecordType.a, .aaaa].allSatisfy({ view.look(host, $0).look.isAbsent }) {
                find(
                    .tlsaWithoutHost, .warning, set.records,
                    Wording(
                        "\(node.name) is for the host \(host), which has no address.",
                        "\(node.name) gilt für den Rechner \(host), der keine Adresse hat."),
                    Wording(
                        "Remove the record, or correct its name.",
                        "Den Eintrag entfernen oder seinen Namen berichtigen."))
            }
            if port == "_25" { checkUsable(set, host) }
        }
    }

    private mutating func checkForm(_ tlsa: TLSA, _ record: PlacedRecord, at name: Name) {
        var reason: Wording?
        switch (tlsa.matchingType, tlsa.association.count) {
        case (1, 32), (2, 64), (0, _): break
        case (1, _), (2, _):
            reason = Wording(
                "its digest has \(tlsa.association.count) octets",
                "sein Hash hat \(tlsa.association.count) Oktette")
        default:
            reason = Wording(
                "nobody knows the matching type \(tlsa.matchingType)",
                "niemand kennt die Vergleichsart \(tlsa.matchingType)")
        }
        if tlsa.usage > 3 {
            reason = Wording(
                "nobody knows the usage \(tlsa.usage)", "niemand kennt die Verwendung \(tlsa.usage)"
            )
        } else if tlsa.selector > 1 {
            reason = Wording(
                "nobody knows the selector \(tlsa.selector)",
                "niemand kennt den Selektor \(tlsa.selector)")
        }
        guard let reason else { return }
        find(
            .tlsaInvalid, .error, [record],
            Wording(
                "A TLSA record of \(name) can match no certificate: \(reason.english).",
                "Ein TLSA-Eintrag von \(name) passt zu keinem Zertifikat: \(reason.german)."),
            Wording(
                "Write 3 1 1 and the SHA-256 digest of the public key.",
                "3 1 1 und den SHA-256-Hash des öffentlichen Schlüssels schreiben."))
    }

    private mutating func checkUsable(_ set: ZoneView.RecordSet, _ host: Name) {
        let records = set.records.compactMap { record -> (PlacedRecord, TLSA)? in
            if case .tlsa(let tlsa) = record.record.data { (record, tlsa) } else { nil }
        }
        // RFC 7672 §3.1.3: SMTP has no public authorities that both sides agree on.
        let unusable = records.filter { $0.1.usage < 2 }
        if !unusable.isEmpty {
            find(
                .tlsaUsage, .warning, unusable.map(\.0),
                Wording(
                    "A TLSA record for SMTP at \(host) has a usage that senders do not take "
                        + "(RFC 7672 §3.1.3).",
                    "Ein TLSA-Eintrag für SMTP bei \(host) hat eine Verwendung, die Absender nicht "
                        + "annehmen (RFC 7672 §3.1.3)."),
                Wording("Use 3 1 1 or 2 1 1.", "3 1 1 oder 2 1 1 verwenden."))
        }
        let certificates = examiner.facts.certificates.filter { $0.isFor(host) }
        guard let cryptography = examiner.cryptography, !certificates.isEmpty else { return }
        let usable = records.filter { $0.1.usage >= 2 }
        let isMatched = usable.contains { _, tlsa in
            certificates.contains {
                tlsa.matches(
                    certificate: $0.certificate, publicKey: $0.publicKey, cryptography)
            }
        }
        guard !usable.isEmpty, !isMatched else { return }
        find(
            .tlsaMismatch, .error, usable.map(\.0),
            Wording(
                "No TLSA record of \(host) matches its certificate: senders that check DANE do not "
                    + "deliver.",
                "Kein TLSA-Eintrag von \(host) passt zu seinem Zertifikat: Absender, die DANE "
                    + "prüfen, stellen nicht zu."),
            Wording(
                "Publish the digest of the new key, and wait the old TTL before the old goes.",
                "Den Hash des neuen Schlüssels veröffentlichen und die alte TTL abwarten, bevor "
                    + "der alte verschwindet."))
    }
}

extension TLSA {
    /// Whether it is for this certificate, given whole and by its public key, both in DER
    /// (RFC 6698 §2.1).
    package func matches(
        certificate: [UInt8], publicKey: [UInt8], _ cryptography: any ZoneCryptography
    ) -> Bool {
        let octets = selector == 0 ? certificate : publicKey
        switch matchingType {
        case 0: return association == octets
        case 1: return association == cryptography.digest(.sha256, of: octets)
        case 2: return association == cryptography.digest(.sha512, of: octets)
        default: return false
        }
    }
}

extension ZoneFacts.Certificate {
    func isFor(_ host: Name) -> Bool {
        let name = host.lowercased.description
        return names.contains { pattern in
            let pattern = pattern.asciiLowercased
            guard pattern.hasPrefix("*.") else { return pattern == name }
            return name.split(separator: ".", maxSplits: 1).last.map { $0 == pattern.dropFirst(2) }
                ?? false
        }
    }
}

extension Name {
    /// `_port._protocol.host` (RFC 6698 §3).
    fileprivate var service: (port: String, host: Name)? {
        let labels = labels
        guard labels.count > 2, labels[0].first == UInt8(ascii: "_"),
            labels[1].first == UInt8(ascii: "_"), let host = parent?.parent
        else { return nil }
        return (String(lossy: labels[0]), host)
    }
}
