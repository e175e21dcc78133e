// SPDX-License-Identifier: Apache-2.0

import Bytes
import World

extension TLSReport {
    /// Reads the JSON of RFC 8460 §4.4.
    ///
    /// What is merely odd is read and noted. It is refused if it is no JSON object, does not say who
    /// reports or which report it is, or what it says of a policy makes no sense.
    package init(parsing octets: some Collection<UInt8>) throws(ReportFailure) {
        guard octets.count <= Self.maximumOctets else {
            throw ReportFailure("it is larger than \(Self.maximumOctets >> 20) MiB")
        }
        // RFC 8259 §8.1: a mark of the byte order is not to be written, and may be ignored.
        let text = octets.starts(with: [0xEF, 0xBB, 0xBF]) ? octets.dropFirst(3) : octets[...]
        let json: JSON
        do throws(SyntaxError) {
            json = try JSON(parsing: text)
        } catch {
            throw ReportFailure("it is no JSON: \(error)")
        }
        guard json.object != nil else { throw ReportFailure("it is JSON, but no object") }
        guard let organization = Self.text(json["organization-name"]), !organization.isEmpty else {
            throw ReportFailure("it does not say who reports: `organization-name` is missing")
        }
        guard let identifier = Self.text(json["report-id"]), !identifier.isEmpty else {
            throw ReportFailure("it does not say which report it is: `report-id` is missing")
        }
        // RFC 8460 §4: an array, even for one policy.
        guard let policies = json["policies"]?.array else {
            throw ReportFailure("it has no array `policies`")
        }
        guard policies.count <= Self.maximumPolicies else {
            throw ReportFailure("it has more than \(Self.maximumPolicies) policies")
        }
        self.init(organization: organization, reportID: identifier)
        contact = Self.text(json["contact-info"])
        readPeriod(json["date-range"])
        var detailCount = 0
        for policy in policies { self.policies.append(try result(policy, &detailCount)) }
    }

    /// What is shown to people: no control characters, and not without end.
    private static func text(_ json: JSON?) -> String? {
        let maximumOctets = 1000
        guard let text = json?.string else { return nil }
        let scalars = text.unicodeScalars.map { $0.isWritable ? $0 : " " }
        return String(String.UnicodeScalarView(scalars)).prefix(octets: maximumOctets).trimmed
    }

    private mutating func readPeriod(_ range: JSON?) {
        begin = time(range?["start-datetime"], "start-datetime")
        end = time(range?["end-datetime"], "end-datetime")
        if let begin, let end, begin > end { note("the period begins after its end") }
    }

    /// RFC 3339; with an offset of nothing, some write `+00:00`, and some no zone at all.
    private mutating func time(_ json: JSON?, _ place: String) -> Timestamp? {
        guard let text = Self.text(json) else {
            note("`\(place)` is missing")
            return nil
        }
        if let time = Timestamp(internetFormat: text) { return time }
        for suffix in ["+00:00", "-00:00", "+0000"] where text.hasSuffix(suffix) {
            return Timestamp(internetFormat: text.dropLast(suffix.count) + "Z")
        }
        note("`\(place)` is no time")
        return Timestamp(internetFormat: text + "Z")
    }

    // MARK: Policies

    private mutating func result(
        _ json: JSON, _ detailCount: inout Int
    ) throws(ReportFailure) -> PolicyResult {
        guard let policy = json["policy"], policy.object != nil else {
            throw ReportFailure("a policy in it is not described")
        }
        guard let word = Self.text(policy["policy-type"])?.asciiLowercased else {
            throw ReportFailure("a policy in it has no `policy-type`")
        }
        guard let type = PolicyType(rawValue: word) else {
            throw ReportFailure("a policy in it is of an unknown type, `\(word.prefix(40))`")
        }
        guard let domain = Self.text(policy["policy-domain"])?.asciiLowercased, !domain.isEmpty
        else { throw ReportFailure("a policy in it has no `policy-domain`") }
        var result = PolicyResult(type: type, domain: domain)
        result.text = texts(policy["policy-string"], "policy-string")
        result.exchangers = texts(policy["mx-host"] ?? policy["mx-host-pattern"], "mx-host")
        if let details = json["failure-details"]?.array {
            detailCount += details.count
            guard detailCount <= Self.maximumDetails else {
                throw ReportFailure("it has more than \(Self.maximumDetails) failures in detail")
            }
            for detail in details { result.details.append(try self.detail(detail)) }
        }
        let summary = json["summary"]
        result.successes = try count(summary?["total-successful-session-count"]) ?? 0
        if let failures = try count(summary?["total-failure-session-count"]) {
            result.failures = failures
        } else {
            note("`total-failure-session-count` is missing")
            result.failures = Self.sum(result.details.map(\.sessions))
        }
        return result
    }

    /// An array of strings; some write one string.
    private mutating func texts(_ json: JSON?, _ place: String) -> [String] {
        let maximumTexts = 1000
        switch json {
        case .array(let elements): return elements.prefix(maximumTexts).compactMap(Self.text)
        case .string:
            note("`\(place)` is no array")
            return Self.text(json).map { [$0] } ?? []
        default: return []
        }
    }

    private mutating func detail(_ json: JSON) throws(ReportFailure) -> FailureDetail {
        guard let word = Self.text(json["result-type"]), !word.isEmpty else {
            throw ReportFailure("a failure in it has no `result-type`")
        }
        guard let sessions = try count(json["failed-session-count"]) else {
            throw ReportFailure("a failure in it has no `failed-session-count`")
        }
        var detail = FailureDetail(result: word.asciiLowercased, sessions: sessions)
        detail.sendingAddress = Self.text(json["sending-mta-ip"]).flatMap { IPAddress($0) }
        detail.receivingHost = Self.text(json["receiving-mx-hostname"])?.asciiLowercased
        detail.receivingHello = Self.text(json["receiving-mx-helo"])
        detail.receivingAddress = Self.text(json["receiving-ip"]).flatMap { IPAddress($0) }
        detail.additionalInformation =
            Self.text(json["additional-information"]) ?? Self.text(json["additional-info-uri"])
        detail.reasonCode = Self.text(json["failure-reason-code"])
        return detail
    }

    /// A count of sessions; some write it as text.
    private mutating func count(_ json: JSON?) throws(ReportFailure) -> Int64? {
        switch json {
        case nil, .null: return nil
        case .integer(let count) where count >= 0: return count
        case .string(let text):
            note("a count is written as text")
            if let count = Int64(text), count >= 0 { return count }
        case .number(let number) where number >= 0 && number < 1e15 && number == number.rounded():
            note("a count is written as a fraction")
            return Int64(number)
        default: break
        }
        throw ReportFailure("a count of sessions in it is no such number")
    }
}
