// SPDX-License-Identifier: Apache-2.0

import Bytes
import Feedback

/// A row of what is to be reported: what was seen, as text, and how often.
struct StoredEntry: Sendable {
    var period: Period
    /// What holds for the whole period: the policy and where reports are wanted.
    var about: String
    var entry: String
    var count: Int64

    init(_ observation: Observation, on day: Int64, count: Int64) {
        period = Period(kind: .aggregate, domain: observation.policy.domain, day: day)
        about = Self.about(observation).description
        entry = observation.record.stored.description
        self.count = count
    }

    init(_ observation: SessionObservation, on day: Int64, count: Int64) {
        period = Period(kind: .transport, domain: observation.domain, day: day)
        about = ""
        entry = observation.stored.description
        self.count = count
    }

    var order: String { "\(period.kind.rawValue) \(period.domain) \(period.day) \(entry)" }

    // MARK: The policy

    private static func about(_ observation: Observation) -> JSON {
        let policy = observation.policy
        return [
            "rua": JSON(observation.addresses), "p": JSON(policy.policy?.rawValue),
            "sp": JSON(policy.subdomainPolicy?.rawValue),
            "np": JSON(policy.absentPolicy?.rawValue),
            "adkim": JSON(policy.dkimAlignment?.rawValue),
            "aspf": JSON(policy.spfAlignment?.rawValue), "fo": JSON(policy.failureOptions),
            "found": JSON(policy.discovery?.rawValue),
            "t": policy.isTesting.map { .bool($0) } ?? .null,
        ]
    }

    /// Reads what `about` has written.
    static func policy(
        _ text: String, of domain: String
    ) -> (policy: AggregateReport.PublishedPolicy, addresses: [String]) {
        let json = (try? JSON(parsing: text.utf8)) ?? [:]
        func disposition(_ key: String) -> AggregateReport.Disposition? {
            json[key]?.string.flatMap { .init(rawValue: $0) }
        }
        var policy = AggregateReport.PublishedPolicy(domain: domain)
        policy.policy = disposition("p")
        policy.subdomainPolicy = disposition("sp")
        policy.absentPolicy = disposition("np")
        policy.dkimAlignment = json["adkim"]?.string.flatMap { .init(rawValue: $0) }
        policy.spfAlignment = json["aspf"]?.string.flatMap { .init(rawValue: $0) }
        policy.failureOptions = json["fo"]?.string
        policy.discovery = json["found"]?.string.flatMap { .init(rawValue: $0) }
        policy.isTesting = json["t"]?.bool
        return (policy, (json["rua"]?.array ?? []).compactMap(\.string))
    }
}

extension AggregateReport.Record {
    /// All but the count.
    fileprivate var stored: JSON {
        [
            "ip": .string(source.description), "do": .string(disposition.rawValue),
            "d": .bool(isDKIMAligned), "s": .bool(isSPFAligned), "from": .string(headerFrom),
            "mail": JSON(envelopeFrom), "rcpt": JSON(envelopeTo),
            "why": .array(reasons.map { [.string($0.type), JSON($0.comment)] }),
            "dkim": .array(
                signatures.map {
                    [
                        .string($0.domain), JSON($0.selector), .string($0.result),
                        JSON($0.explanation),
                    ]
                }),
            "spf": .array(
                senderPolicies.map {
                    [.string($0.domain), JSON($0.scope), .string($0.result), JSON($0.explanation)]
                }),
        ]
    }

    /// Reads what `stored` has written; nil for anything else.
    init?(stored text: String, count: Int64) {
        guard let json = try? JSON(parsing: text.utf8),
            let source = json["ip"]?.string.flatMap({ IPAddress($0) }),
            let disposition = json["do"]?.string.flatMap(AggregateReport.Disposition.init),
            let headerFrom = json["from"]?.string
        else { return nil }
        self.init(
            source: source, count: count, disposition: disposition,
            isDKIMAligned: json["d"]?.bool ?? false, isSPFAligned: json["s"]?.bool ?? false,
            headerFrom: headerFrom)
        envelopeFrom = json["mail"]?.string
        envelopeTo = json["rcpt"]?.string
        reasons = Self.rows(json["why"], of: 2).map {
            .init(type: $0[0] ?? "other", comment: $0[1])
        }
        signatures = Self.rows(json["dkim"], of: 4).map {
            .init(domain: $0[0] ?? "", selector: $0[1], result: $0[2] ?? "", explanation: $0[3])
        }
        senderPolicies = Self.rows(json["spf"], of: 4).map {
            .init(domain: $0[0] ?? "", scope: $0[1], result: $0[2] ?? "", explanation: $0[3])
        }
    }

    private static func rows(_ json: JSON?, of count: Int) -> [[String?]] {
        (json?.array ?? []).compactMap { row in
            guard let cells = row.array, cells.count == count else { return nil }
            return cells.map(\.string)
        }
    }
}

extension SessionObservation {
    fileprivate var stored: JSON {
        [
            "type": .string(type.rawValue), "text": JSON(policyText), "mx": JSON(exchangers),
            "why": failure.map { failure in
                [
                    "result": .string(failure.result),
                    "from": JSON(failure.sendingAddress?.description),
                    "host": JSON(failure.receivingHost), "helo": JSON(failure.receivingHello),
                    "ip": JSON(failure.receivingAddress?.description),
                    "code": JSON(failure.reasonCode),
                ]
            } ?? .null,
        ]
    }

    /// Reads what `stored` has written; nil for anything else.
    init?(stored text: String, domain: String) {
        guard let json = try? JSON(parsing: text.utf8),
            let type = json["type"]?.string.flatMap(TLSReport.PolicyType.init)
        else { return nil }
        self.init(domain: domain, type: type)
        policyText = (json["text"]?.array ?? []).compactMap(\.string)
        exchangers = (json["mx"]?.array ?? []).compactMap(\.string)
        guard let why = json["why"], let result = why["result"]?.string else { return }
        var failure = TLSReport.FailureDetail(result: result, sessions: 1)
        failure.sendingAddress = why["from"]?.string.flatMap { IPAddress($0) }
        failure.receivingHost = why["host"]?.string
        failure.receivingHello = why["helo"]?.string
        failure.receivingAddress = why["ip"]?.string.flatMap { IPAddress($0) }
        failure.reasonCode = why["code"]?.string
        self.failure = failure
    }
}
