// SPDX-License-Identifier: Apache-2.0

package import Bytes
import World

extension TLSReport {
    /// The report by RFC 8460 §4.4; begin, end and contact have to be set.
    package var json: JSON {
        var members: [(String, JSON)] = [("organization-name", .string(organization))]
        members.append(
            (
                "date-range",
                [
                    "start-datetime": .string(Self.text(begin)),
                    "end-datetime": .string(Self.text(end)),
                ]
            ))
        if let contact { members.append(("contact-info", .string(contact))) }
        members.append(("report-id", .string(reportID)))
        members.append(("policies", .array(policies.map(\.json))))
        return .object(members)
    }

    private static func text(_ time: Timestamp?) -> String {
        CalendarDate(time ?? Timestamp(seconds: 0)).internetFormat
    }
}

extension TLSReport.PolicyResult {
    fileprivate var json: JSON {
        var policy: [(String, JSON)] = [("policy-type", .string(type.rawValue))]
        if !text.isEmpty { policy.append(("policy-string", JSON(text))) }
        policy.append(("policy-domain", .string(domain)))
        if !exchangers.isEmpty { policy.append(("mx-host", JSON(exchangers))) }
        var members: [(String, JSON)] = [
            ("policy", .object(policy)),
            (
                "summary",
                [
                    "total-successful-session-count": .integer(successes),
                    "total-failure-session-count": .integer(failures),
                ]
            ),
        ]
        if !details.isEmpty { members.append(("failure-details", .array(details.map(\.json)))) }
        return .object(members)
    }
}

extension TLSReport.FailureDetail {
    fileprivate var json: JSON {
        var members: [(String, JSON)] = [("result-type", .string(result))]
        let texts = [
            ("sending-mta-ip", sendingAddress?.description),
            ("receiving-mx-hostname", receivingHost), ("receiving-mx-helo", receivingHello),
            ("receiving-ip", receivingAddress?.description),
        ]
        for case (let name, let text?) in texts { members.append((name, .string(text))) }
        members.append(("failed-session-count", .integer(sessions)))
        if let additionalInformation {
            members.append(("additional-information", .string(additionalInformation)))
        }
        if let reasonCode { members.append(("failure-reason-code", .string(reasonCode))) }
        return .object(members)
    }
}
