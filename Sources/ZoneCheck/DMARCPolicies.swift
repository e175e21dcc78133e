// SPDX-License-Identifier: Apache-2.0

import Bytes
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
            let policies = set.records.filter { $0.text.map(DMARCRecord.isRecord) == true }
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
        guard DMARCRecord.isRecord(text) else {
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
        let dmarc = DMARCRecord(text)
        for tag in dmarc.obsolete {
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
        guard !dmarc.hasPolicy else { return }
        let (severity, effect, german): (Finding.Severity, String, String) =
            dmarc.hasReports
            ? (.warning, "it counts as p=none", "er gilt als p=none")
            : (.error, "it is ignored", "er wird übergangen")
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

/// A DMARC record as receivers read it.
///
/// ```abnf
/// dmarc-record  = dmarc-version *(dmarc-sep dmarc-tag) [dmarc-sep]
/// dmarc-tag     = 1*ALPHA equals 1*dmarc-value
/// dmarc-version = "v" equals %s"DMARC1"
/// ```
struct DMARCRecord: Sendable {
    /// `p` is valid, and so are `sp` and `np` where they stand.
    private(set) var hasPolicy = false
    /// `rua` holds at least one URI.
    private(set) var hasReports = false
    /// Parts that are no tag, or tags whose value is not allowed.
    private(set) var faulty: [String] = []
    /// Tags that older DMARC had and RFC 9989 does not.
    private(set) var obsolete: [String] = []

    /// RFC 9989 §4.7: `v` is the first tag, and its value is exactly DMARC1.
    static func isRecord(_ text: [UInt8]) -> Bool {
        let first =
            text.split(
                separator: UInt8(ascii: ";"), maxSplits: 1, omittingEmptySubsequences: false
            ).first ?? []
        guard let (name, value) = tag(first) else { return false }
        return name == "v" && value == "DMARC1"
    }

    init(_ text: [UInt8]) {
        var seen: Set<String> = []
        var policies: [String: Bool] = [:]
        for part in text.split(separator: UInt8(ascii: ";")).dropFirst() {
            guard !part.allSatisfy(\.isWhitespace) else { continue }
            guard let (name, value) = Self.tag(part), seen.insert(name).inserted else {
                faulty.append(Self.shown(part))
                continue
            }
            if ["pct", "rf", "ri"].contains(name) {
                obsolete.append(name)
                continue
            }
            let isValid = Self.isValid(name, value)
            if ["p", "sp", "np"].contains(name) { policies[name] = isValid }
            if name == "rua" { hasReports = isValid }
            if !isValid { faulty.append(Self.shown(part)) }
        }
        hasPolicy =
            policies["p"] == true && policies["sp"] != false && policies["np"] != false
    }

    private static func shown(_ part: ArraySlice<UInt8>) -> String {
        String(lossy: part.drop(while: \.isWhitespace).prefix(60))
    }

    private static func tag(_ part: ArraySlice<UInt8>) -> (name: String, value: String)? {
        guard let equals = part.firstIndex(of: UInt8(ascii: "=")) else { return nil }
        let name = trimmed(part[..<equals])
        let value = trimmed(part[(equals + 1)...])
        guard !name.isEmpty, name.allSatisfy(\.isAlpha), !value.isEmpty,
            value.allSatisfy({ (0x20...0x7E).contains($0) || $0.isWhitespace })
        else { return nil }
        return (String(lossy: name.map(\.lowercased)), String(lossy: value))
    }

    private static func trimmed(_ text: ArraySlice<UInt8>) -> [UInt8] {
        Array(text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    }

    /// By the rules of RFC 9989 §4.8, whose values are read in any letter case (RFC 5234 §2.3).
    private static func isValid(_ name: String, _ value: String) -> Bool {
        let word = value.asciiLowercased
        switch name {
        case "p", "sp", "np": return ["none", "quarantine", "reject"].contains(word)
        case "adkim", "aspf": return ["r", "s"].contains(word)
        case "t": return ["y", "n"].contains(word)
        case "psd": return ["y", "n", "u"].contains(word)
        case "fo": return isFailureOptions(word)
        case "rua", "ruf":
            return value.split(separator: ",", omittingEmptySubsequences: false)
                .contains { isURI($0) }
        // Unknown tags must be ignored.
        default: return true
        }
    }

    /// `0` or `1`, `d` and `s`, each at most once, colons between them.
    private static func isFailureOptions(_ text: String) -> Bool {
        let words = text.split(separator: ":", omittingEmptySubsequences: false).map {
            $0.filter { !$0.isWhitespace }
        }
        return words.allSatisfy { ["0", "1", "d", "s"].contains($0) }
            && Set(words).count == words.count && !(words.contains("0") && words.contains("1"))
    }

    /// A scheme, a colon and something behind it; `mailto:` with an address.
    private static func isURI(_ text: Substring) -> Bool {
        let uri = text.drop(while: \.isWhitespace)
        guard let colon = uri.firstIndex(of: ":"), uri.first?.isLetter == true else { return false }
        let rest = uri[uri.index(after: colon)...]
        guard uri[..<colon].asciiLowercased == "mailto" else { return !rest.isEmpty }
        let address = rest.prefix { $0 != "!" && $0 != "?" }
        let parts = address.split(separator: "@", omittingEmptySubsequences: false)
        return parts.count == 2 && parts.allSatisfy { !$0.isEmpty }
    }
}

extension Substring {
    fileprivate var asciiLowercased: String { String(self).asciiLowercased }
}
