// SPDX-License-Identifier: Apache-2.0

import Bytes
import DKIM
import DNS
import TransportSecurity

/// MTA-STS (RFC 8461) and TLS reporting (RFC 8460).
extension Examination {
    mutating func checkTransportPolicies() {
        for node in view.inOrder {
            guard let set = node[.txt], view.cut(over: node.name) == nil,
                let first = node.name.labels.first, let parent = node.name.parent
            else { continue }
            if first.equalsIgnoringCase("_mta-sts".utf8) { checkMTASTS(set, of: parent) }
            if first.equalsIgnoringCase("_smtp".utf8),
                parent.labels.first?.equalsIgnoringCase("_tls".utf8) == true
            {
                checkReporting(set, at: node.name)
            }
        }
        for policy in examiner.facts.policies { checkPolicy(policy.text, of: policy.domain) }
    }

    private mutating func checkMTASTS(_ set: ZoneView.RecordSet, of domain: Name) {
        // RFC 8461 §3.1: texts that do not begin with the version are discarded.
        let records = set.records.filter { $0.text?.starts(with: "v=STSv1;".utf8) == true }
        guard records.count == 1 else {
            return find(
                records.isEmpty ? .mtaSTSRecord : .mtaSTSTwice, .error,
                records.isEmpty ? set.records : records,
                Wording(
                    "The MTA-STS record of \(domain) counts as missing: "
                        + (records.isEmpty
                            ? "no text begins with `v=STSv1;`."
                            : "there are \(records.count) of them."),
                    "Der MTA-STS-Eintrag von \(domain) gilt als nicht vorhanden: "
                        + (records.isEmpty
                            ? "Kein Text beginnt mit `v=STSv1;`."
                            : "Es gibt \(records.count) davon.")),
                Wording(
                    "Leave one record such as `v=STSv1; id=20260101`.",
                    "Einen Eintrag wie `v=STSv1; id=20260101` stehen lassen."))
        }
        let identifier = records[0].text.flatMap { TagList($0) }?["id"] ?? ""
        if !(1...32).contains(identifier.utf8.count)
            || !identifier.utf8.allSatisfy(\.isAlphanumeric)
        {
            find(
                .mtaSTSRecord, .error, records,
                Wording(
                    "The MTA-STS record of \(domain) has no valid id of 1 to 32 letters and digits "
                        + "(RFC 8461 §3.1).",
                    "Der MTA-STS-Eintrag von \(domain) hat keine gültige id aus 1 bis 32 "
                        + "Buchstaben und Ziffern (RFC 8461 §3.1)."),
                Wording("Write for example `id=20260101`.", "Etwa `id=20260101` schreiben."))
        }
        guard let host = domain.prepending("mta-sts".utf8) else { return }
        let looks = [RecordType.a, .aaaa].map { view.look(host, $0).look }
        guard looks.allSatisfy(\.isAbsent) else { return }
        find(
            .mtaSTSHostMissing, .error, records,
            Wording(
                "\(domain) announces an MTA-STS policy, but \(host), where it is fetched, has no "
                    + "address.",
                "\(domain) kündigt eine MTA-STS-Policy an, aber \(host), wo sie geholt wird, hat "
                    + "keine Adresse."),
            Wording(
                "Add an A, AAAA or CNAME record for \(host).",
                "Einen A-, AAAA- oder CNAME-Eintrag für \(host) ergänzen."))
    }

    private mutating func checkReporting(_ set: ZoneView.RecordSet, at name: Name) {
        // RFC 8460 §3: the version first, then at least one address for reports.
        let records = set.records.filter { $0.text?.starts(with: "v=TLSRPTv1;".utf8) == true }
        let addresses = records.first?.text.flatMap { TagList($0) }?["rua"] ?? ""
        let isValid = addresses.split(separator: ",").contains { uri in
            let uri = uri.drop(while: \.isWhitespace)
            return uri.hasPrefix("https://") || uri.hasPrefix("mailto:") && uri.contains("@")
        }
        guard records.count != 1 || !isValid else { return }
        find(
            .tlsReportRecord, .warning, set.records,
            Wording(
                "\(name) is no valid TLS reporting record: nobody reports failures.",
                "\(name) ist kein gültiger Eintrag für TLS-Berichte: Niemand meldet Fehler."),
            Wording(
                "Write one record such as `v=TLSRPTv1; rua=mailto:tls@\(origin)`.",
                "Einen Eintrag wie `v=TLSRPTv1; rua=mailto:tls@\(origin)` schreiben."))
    }

    // MARK: - The policy that is served

    private mutating func checkPolicy(_ text: [UInt8], of domain: Name) {
        let records = view[domain]?[.mx]?.records ?? []
        guard let policy = try? STSPolicy(parsing: text) else {
            return find(
                .mtaSTSPolicy, .error,
                at: records.first.map { [$0.place] } ?? [start],
                Wording(
                    "The MTA-STS policy of \(domain) cannot be read (RFC 8461 §3.2).",
                    "Die MTA-STS-Policy von \(domain) ist nicht lesbar (RFC 8461 §3.2)."),
                Wording(
                    "Write version, mode, mx and max_age, one each line.",
                    "version, mode, mx und max_age schreiben, je eine Zeile."))
        }
        guard policy.mode != .none else { return }
        let hosts = records.filter { $0.exchange?.isRoot == false }
        let unlisted = hosts.filter { record in
            record.exchange.map { !policy.lists($0.description) } ?? false
        }
        guard !unlisted.isEmpty else { return }
        let isNone = unlisted.count == hosts.count
        let names = unlisted.compactMap(\.exchange).map(\.description).joined(separator: ", ")
        let isEnforced = policy.mode == .enforce
        find(
            isNone ? .mtaSTSListsNone : .mtaSTSUnlisted,
            isNone && isEnforced ? .error : .warning, unlisted,
            Wording(
                "The MTA-STS policy of \(domain) does not list \(names)"
                    + (isEnforced ? ": senders do not deliver there." : "."),
                "Die MTA-STS-Policy von \(domain) nennt \(names) nicht"
                    + (isEnforced ? ": Absender stellen dort nicht zu." : ".")),
            Wording(
                "Add the hosts to the policy and change the id of the record.",
                "Die Rechner in der Policy ergänzen und die id des Eintrags ändern."))
    }
}
