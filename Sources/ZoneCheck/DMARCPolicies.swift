// SPDX-License-Identifier: Apache-2.0

import Bytes
import DMARC
import DNS

/// DMARC records (RFC 9989 §4.7, §4.8, §4.10).
extension Examination {
    mutating func checkDMARC() {
        for node in view.inOrder {
            guard let set = node[.txt], view.cut(over: node.name) == nil,
                node.name.labels.first?.equalsIgnoringCase("_dmarc".utf8) == true
            else { continue }
            let isReport = node.name.labels.dropFirst().contains {
                $0.equalsIgnoringCase("_report".utf8)
            }
            let policies = set.records.filter { $0.text.map(PolicyRecord.isRecord) == true }
            if policies.count > 1 {
                find(
                    .dmarcTwice, .error, policies,
                    Wording(
                        "\(node.name) has \(policies.count) DMARC records: all are ignored "
                            + "(RFC 9989 §4.10).",
                        "\(node.name) hat \(policies.count) DMARC-Einträge: Alle werden übergangen "
                            + "(RFC 9989 §4.10)."),
                    Wording("Leave only one.", "Nur einen stehen lassen."))
            }
            for record in set.records { checkDMARC(record, at: node.name, isReport: isReport) }
        }
    }

    private mutating func checkDMARC(_ record: PlacedRecord, at name: Name, isReport: Bool) {
        guard let text = record.text else { return }
        guard let dmarc = PolicyRecord(parsing: text) else {
            return find(
                .dmarcIgnored, .error, [record],
                Wording(
                    "The DMARC record \(name) does not begin with `v=DMARC1`, in capitals, and is "
                        + "ignored (RFC 9989 §4.7).",
                    "Der DMARC-Eintrag \(name) beginnt nicht mit `v=DMARC1` in Großbuchstaben und "
                        + "wird übergangen (RFC 9989 §4.7)."),
                Wording(
                    "Begin it with `v=DMARC1;`, or remove the record.",
                    "Ihn mit `v=DMARC1;` beginnen oder entfernen."))
        }
        // RFC 9990 §4: a record that only agrees to reports needs no policy.
        guard !isReport else { return }
        for tag in dmarc.historic {
            find(
                .dmarcObsolete, .notice, [record],
                Wording(
                    "The DMARC record \(name) has the tag \(tag), which RFC 9989 has abolished.",
                    "Der DMARC-Eintrag \(name) hat das Tag \(tag), das RFC 9989 abgeschafft hat."),
                Wording("Remove it.", "Es entfernen."))
        }
        for tag in dmarc.faulty {
            find(
                .dmarcTag, .warning, [record],
                Wording(
                    "In the DMARC record \(name) `\(tag)` is no valid tag and is ignored.",
                    "Im DMARC-Eintrag \(name) ist `\(tag)` kein gültiges Tag und wird übergangen."),
                Wording("Correct or remove it.", "Es berichtigen oder entfernen."))
        }
        checkStanding(dmarc, record, at: name)
    }

    /// What `p`, `sp` and `np` come to.
    private mutating func checkStanding(
        _ dmarc: PolicyRecord, _ record: PlacedRecord, at name: Name
    ) {
        let (severity, effect, german): (Finding.Severity, String, String)
        switch dmarc.standing {
        case .complete: return
        case .repetitive:
            return find(
                .dmarcIgnored, .error, [record],
                Wording(
                    "The DMARC record \(name) has a tag twice and is ignored (RFC 6376 §3.2).",
                    "Der DMARC-Eintrag \(name) hat ein Tag zweimal und wird übergangen "
                        + "(RFC 6376 §3.2)."),
                Wording("Leave each tag only once.", "Jedes Tag nur einmal stehen lassen."))
        case .monitoring:
            (severity, effect, german) = (.warning, "it counts as p=none", "er gilt als p=none")
        case .unusable:
            (severity, effect, german) = (.error, "it is ignored", "er wird übergangen")
        }
        find(
            .dmarcIgnored, severity, [record],
            Wording(
                "The DMARC record \(name) has no valid policy in p, sp or np: \(effect) "
                    + "(RFC 9989 §4.10.1).",
                "Der DMARC-Eintrag \(name) hat keine gültige Policy in p, sp oder np: \(german) "
                    + "(RFC 9989 §4.10.1)."),
            Wording(
                "Write p=none, p=quarantine or p=reject.",
                "p=none, p=quarantine oder p=reject schreiben."))
    }
}
