// SPDX-License-Identifier: Apache-2.0

package import Bytes
import DNS
package import Mail
import Maintenance
package import World
import ZoneCheck

extension HealthWatch.Status {
    /// What `zone show` and `zone health` print: a line for each host, and one for each departure
    /// of the answers from the zone.
    package func lines(at now: Instant, _ language: Language) -> [String] {
        hosts.map { subject, health in
            switch health {
            case .up: "\(subject)  " + language.choose("answers", "antwortet")
            case .unknown: "\(subject)  " + language.choose("not known yet", "noch unbekannt")
            case .down(let since, let why):
                "\(subject)  "
                    + language.choose(
                        "down for \((now - since).components.seconds) seconds: ",
                        "seit \((now - since).components.seconds) Sekunden ausgefallen: ")
                    + why[language]
            }
        } + departures.map { $0.text(language) }
    }

    /// The same for programs.
    package func json(at now: Instant, _ language: Language) -> JSON {
        .object([
            ("exchangers_watched", .bool(overlay.watchesExchangers)),
            ("ttl", .integer(Int64(overlay.ttlSeconds))),
            (
                "failovers",
                .array(
                    overlay.failovers.map {
                        .object([
                            ("name", .string("\($0.name)")),
                            ("backups", JSON($0.backups.map { "\($0)" })),
                            ("port", .integer(Int64($0.port))),
                        ])
                    })
            ),
            ("hosts", .array(hosts.map { Self.json($0, $1, now, language) })),
            ("departures", JSON(departures.map { $0.text(language) })),
            ("text", JSON(lines(at: now, language))),
        ])
    }

    private static func json(
        _ subject: HealthJudge.Subject, _ health: HealthJudge.Health, _ now: Instant,
        _ language: Language
    ) -> JSON {
        var members: [(String, JSON)] = [("host", .string("\(subject)"))]
        switch health {
        case .up: members.append(("state", "up"))
        case .unknown: members.append(("state", "unknown"))
        case .down(let since, let why):
            members.append(("state", "down"))
            members.append(("seconds", .integer((now - since).components.seconds)))
            members.append(("reason", .string(why[language])))
        }
        return .object(members)
    }
}
