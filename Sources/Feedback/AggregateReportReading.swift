// SPDX-License-Identifier: Apache-2.0

import Bytes
import World

extension AggregateReport {
    /// Reads the XML of RFC 9990 appendix A or RFC 7489 appendix C.
    ///
    /// What is merely odd is read and noted. It is refused if it is not XML, has a document type,
    /// tells neither who reports nor about which domain, or has no record that can be read
    /// (RFC 9990 §3.1.1: such a report is discarded).
    package init(parsing octets: some Collection<UInt8>) throws(ReportFailure) {
        var reader = try XMLReader(Array(octets)[...])
        guard case .start(let root) = try reader.next() else {
            throw ReportFailure("it is no XML")
        }
        guard root == "feedback" else {
            throw ReportFailure(
                "it is XML, but its root is `\(root)` where a report has `feedback`")
        }
        self.init(organization: "", policy: PublishedPolicy(domain: ""))
        var damaged: String?
        while let token = try reader.next() {
            guard case .start(let name) = token else { continue }
            let element = try XMLElement(name, from: &reader)
            switch name {
            case "report_metadata": readMetadata(element)
            // RFC 9990 §3: a report is about one policy; the first counts.
            case "policy_published" where policy.domain.isEmpty: readPolicy(element)
            case "record":
                guard records.count < Self.maximumRecords else {
                    throw ReportFailure("it has more than \(Self.maximumRecords) records")
                }
                do throws(ReportFailure) {
                    records.append(try record(element))
                } catch {
                    damaged = error.description
                    note("a record is left out: \(error)")
                }
            default: break
            }
        }
        try checkEssentials(damaged)
    }

    private mutating func checkEssentials(_ damaged: String?) throws(ReportFailure) {
        if organization.isEmpty {
            guard let email, let at = email.lastIndex(of: "@") else {
                throw ReportFailure("it does not say who reports: `org_name` is missing")
            }
            organization = String(email[email.index(after: at)...])
            note("`org_name` is missing")
        }
        guard !policy.domain.isEmpty else {
            throw ReportFailure("it does not say about which domain: `policy_published` is missing")
        }
        guard !records.isEmpty else {
            throw ReportFailure(
                damaged.map { "no record of it can be read: \($0)" }
                    ?? "it has no record")
        }
        if reportID == nil { note("`report_id` is missing") }
        for index in records.indices where records[index].headerFrom.isEmpty {
            note("`header_from` is missing")
            records[index].headerFrom = policy.domain
        }
    }

    // MARK: Who reports, when

    private mutating func readMetadata(_ element: XMLElement) {
        organization = element.text("org_name") ?? organization
        email = element.text("email") ?? email
        extraContact = element.text("extra_contact_info")
        reportID = element.text("report_id").map(Self.bareIdentifier)
        generator = element.text("generator")
        errors = element.all("error").map(\.text).filter { !$0.isEmpty }.prefix(
            Self.maximumOddities
        )
        .map { $0 }
        let range = element["date_range"]
        begin = time(range?.text("begin"), "begin")
        end = time(range?.text("end"), "end")
        if let begin, let end, begin > end { note("`begin` is later than `end`") }
        if let begin, let end, end - begin > .days(2) { note("the period is longer than two days") }
    }

    /// ```abnf
    /// ridtxt = ("<" ridfmt ">") / ridfmt
    /// ```
    private static func bareIdentifier(_ text: String) -> String {
        guard text.hasPrefix("<"), text.hasSuffix(">"), text.count > 2 else { return text }
        return String(text.dropFirst().dropLast())
    }

    /// Seconds since 1970; some write milliseconds, fractions or a date.
    private mutating func time(_ text: String?, _ place: String) -> Timestamp? {
        guard let text else {
            note("`\(place)` is missing")
            return nil
        }
        // The year 9999, beyond which no calendar goes.
        let latest: Int64 = 253_402_300_799
        if let seconds = Int64(text), (0...latest).contains(seconds) {
            return Timestamp(seconds: seconds)
        }
        note("`\(place)` is no count of seconds")
        if let milliseconds = Int64(text), milliseconds > 0, milliseconds / 1000 <= latest {
            return Timestamp(milliseconds: milliseconds)
        }
        if let seconds = Double(text), seconds >= 0, seconds <= Double(latest) {
            return Timestamp(seconds: Int64(seconds))
        }
        let date = text.split(whereSeparator: { $0 == " " || $0 == "T" }).joined(separator: "T")
        return Timestamp(internetFormat: date)
            ?? Timestamp(internetFormat: date + "Z")
            ?? Timestamp(internetFormat: date + "T00:00:00Z")
    }

    // MARK: The policy

    private mutating func readPolicy(_ element: XMLElement) {
        policy.domain = (element.text("domain") ?? "").asciiLowercased
        policy.policy = disposition(element.text("p"), "p")
        policy.subdomainPolicy = disposition(element.text("sp"), "sp")
        policy.absentPolicy = disposition(element.text("np"), "np")
        policy.dkimAlignment = alignment(element.text("adkim"), "adkim")
        policy.spfAlignment = alignment(element.text("aspf"), "aspf")
        policy.discovery = element.text("discovery_method")
            .flatMap { DiscoveryMethod(rawValue: $0.asciiLowercased) }
        policy.failureOptions = element.text("fo")
        policy.isTesting = element.text("testing").map { $0.asciiLowercased == "y" }
        policy.percent = element.text("pct").flatMap { Int64($0) }
        if policy.policy == nil { note("`p` is missing") }
    }

    private mutating func disposition(_ text: String?, _ place: String) -> Disposition? {
        guard let word = text?.asciiLowercased else { return nil }
        if let known = Disposition(rawValue: word) { return known }
        note("`\(place)` is `\(word.prefix(40))`")
        return nil
    }

    private mutating func alignment(_ text: String?, _ place: String) -> Alignment? {
        switch text?.asciiLowercased {
        case nil: return nil
        case "r", "relaxed": return .relaxed
        case "s", "strict": return .strict
        case .some(let word):
            note("`\(place)` is `\(word.prefix(40))`")
            return nil
        }
    }

    // MARK: Records

    private mutating func record(_ element: XMLElement) throws(ReportFailure) -> Record {
        guard let row = element["row"] else { throw ReportFailure("it has no `row`") }
        guard let source = address(row.text("source_ip") ?? "") else {
            throw ReportFailure("`source_ip` is no address")
        }
        guard let count = row.text("count").flatMap(Self.count) else {
            throw ReportFailure("`count` is no number of messages")
        }
        let evaluated = row["policy_evaluated"]
        let identifiers = element["identifiers"] ?? element["identities"]
        if evaluated == nil { note("`policy_evaluated` is missing") }
        var record = Record(
            source: source, count: count,
            disposition: disposition(evaluated?.text("disposition"), "disposition")
                ?? Disposition.none,
            isDKIMAligned: evaluated?.text("dkim")?.asciiLowercased == "pass",
            isSPFAligned: evaluated?.text("spf")?.asciiLowercased == "pass",
            headerFrom: (identifiers?.text("header_from") ?? "").asciiLowercased)
        record.envelopeFrom = identifiers?["envelope_from"]?.text.asciiLowercased
        record.envelopeTo = identifiers?.text("envelope_to")?.asciiLowercased
        record.reasons = (evaluated?.all("reason") ?? []).compactMap { reason in
            let type = reason.text("type")?.asciiLowercased
            let comment = reason.text("comment")
            guard type != nil || comment != nil else { return nil }
            return Reason(type: type ?? "other", comment: comment)
        }
        readResults(element["auth_results"], into: &record)
        return record
    }

    private func readResults(_ results: XMLElement?, into record: inout Record) {
        record.signatures = (results?.all("dkim") ?? []).compactMap { result in
            guard let word = Self.result(result.text("result")),
                result.text("domain") != nil || word != "none"
            else { return nil }
            return Signature(
                domain: (result.text("domain") ?? "").asciiLowercased,
                selector: result.text("selector"), result: word,
                explanation: result.text("human_result"))
        }
        record.senderPolicies = (results?.all("spf") ?? []).compactMap { result in
            guard let word = Self.result(result.text("result")) else { return nil }
            return SenderPolicy(
                domain: (result.text("domain") ?? "").asciiLowercased,
                scope: result.text("scope")?.asciiLowercased, result: word,
                explanation: result.text("human_result"))
        }
    }

    /// RFC 8601 §2.7; the words of older programs by RFC 7489 appendix C.
    private static func result(_ text: String?) -> String? {
        switch text?.asciiLowercased {
        case nil: nil
        case "hardfail": "fail"
        case "unknown": "temperror"
        case "error": "permerror"
        case .some(let word): word
        }
    }

    private static func count(_ text: String) -> Int64? {
        if let count = Int64(text) { return count >= 0 ? count : nil }
        // Some programs count in fractions.
        guard let number = Double(text), number >= 0, number < 1e15, number == number.rounded()
        else { return nil }
        return Int64(number)
    }

    /// RFC 3986 §3.2.2; some write brackets, a prefix length, a zone or leading zeros.
    private mutating func address(_ text: String) -> IPAddress? {
        if let address = IPAddress(text) { return address }
        note("a `source_ip` is written in an odd way")
        var rest = text.asciiLowercased[...]
        if rest.hasPrefix("["), rest.hasSuffix("]") { rest = rest.dropFirst().dropLast() }
        if rest.hasPrefix("ipv6:") { rest = rest.dropFirst(5) }
        for mark: Character in ["/", "%"] {
            if let end = rest.firstIndex(of: mark) { rest = rest[..<end] }
        }
        if let address = IPAddress(rest) { return address }
        let groups = rest.split(separator: ".", omittingEmptySubsequences: false)
        guard groups.count == 4, groups.allSatisfy({ (1...3).contains($0.utf8.count) }) else {
            return nil
        }
        let numbers = groups.compactMap { UInt8($0) }
        return numbers.count == 4 ? IPAddress(octets: numbers) : nil
    }
}
