// SPDX-License-Identifier: Apache-2.0

import DNS
import Routing
package import TransportSecurity
package import ZoneCheck

/// What senders that honour MTA-STS (RFC 8461) know of a domain.
package enum PolicyReport: Sendable {
    /// There is no record: no policy.
    case none
    /// Not known now, or not asked for.
    case unknown
    /// The record in the zone is of no use: why.
    case invalidRecord(Wording)
    /// There is a record, and no policy to be had.
    case unavailable(STSFetchFailure)
    case policy(STSPolicy)

    /// Whether the policy lists an exchanger; nil where no policy counts.
    func lists(_ host: HostReport) -> Bool? {
        guard case .policy(let policy) = self, policy.mode != .none else { return nil }
        return host.exchange.name.map { policy.lists($0.description) } ?? false
    }

    var word: String {
        switch self {
        case .none: "none"
        case .unknown: "unknown"
        case .invalidRecord: "invalid record"
        case .unavailable: "unavailable"
        case .policy(let policy): policy.mode.rawValue
        }
    }

    /// What is wrong with it, and with the exchangers as it wants them.
    func findings(_ hosts: [HostReport]) -> [ProbeFinding] {
        switch self {
        case .none, .unknown: []
        case .invalidRecord(let reason):
            [
                ProbeFinding(
                    "mta-sts-record-invalid", .warning,
                    Wording(
                        "Senders pass over the TXT record at _mta-sts: \(reason.english).",
                        "Absender übergehen den TXT-Eintrag unter _mta-sts: \(reason.german)."),
                    Wording(
                        "Publish one record such as `v=STSv1; id=20260101;`.",
                        "Einen Eintrag wie `v=STSv1; id=20260101;` veröffentlichen."))
            ]
        case .unavailable(let failure):
            [
                ProbeFinding(
                    "mta-sts-policy-unavailable", .warning,
                    Wording(
                        "The zone promises an MTA-STS policy, but it cannot be had: \(failure).",
                        "Die Zone verspricht eine MTA-STS-Policy, die nicht zu bekommen ist: "
                            + "\(failure)."),
                    Wording(
                        "Serve it with a valid certificate, or remove the TXT record at _mta-sts.",
                        "Sie mit gültigem Zertifikat ausliefern oder den TXT-Eintrag unter "
                            + "_mta-sts entfernen."))
            ]
        case .policy(let policy): hosts.compactMap { Self.finding($0, policy) }
        }
    }

    private static func finding(_ host: HostReport, _ policy: STSPolicy) -> ProbeFinding? {
        guard policy.mode != .none else { return nil }
        let severity: ZoneCheck.Finding.Severity =
            policy.mode == .enforce ? .error : .warning
        guard let name = host.exchange.name, policy.lists(name.description) else {
            return ProbeFinding(
                "mta-sts-host-unlisted", severity,
                Wording(
                    "The MTA-STS policy does not list \(host.name): senders that honour it "
                        + "do not deliver there.",
                    "Die MTA-STS-Policy nennt \(host.name) nicht: Absender, die sie beachten, "
                        + "stellen dort nicht zu."),
                Wording(
                    "Add the line `mx: \(host.exchange)` and change the id of the TXT record.",
                    "Die Zeile `mx: \(host.exchange)` ergänzen und die id im TXT-Eintrag ändern."))
        }
        // §4.1: STARTTLS with a certificate for this name, issued by whom the sender trusts.
        guard host.banner != nil, host.certificate != .trusted else { return nil }
        return ProbeFinding(
            "mta-sts-host-unfit", severity,
            Wording(
                "Senders that honour the MTA-STS policy do not deliver to \(host.name): it has no "
                    + "certificate that they trust.",
                "Absender, die die MTA-STS-Policy beachten, stellen \(host.name) nichts zu: Er hat "
                    + "kein Zertifikat, dem sie vertrauen."),
            Wording(
                "Give it a certificate for this name from a public authority.",
                "Ihm ein Zertifikat für diesen Namen von einer öffentlichen Stelle geben."))
    }
}
