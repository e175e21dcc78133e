// SPDX-License-Identifier: Apache-2.0

package import Bytes
import DNS
package import Mail
import World

extension Drain {
    /// The version of what is stored; another one is not read.
    private static let format: Int64 = 1

    /// All of it, to be stored.
    package var stored: JSON {
        .object([
            ("format", .integer(Self.format)), ("host", .string(host.description)),
            ("manner", .string(manner.rawValue)), ("begun", .integer(begun.milliseconds)),
            ("phase", .string(phase.rawValue)), ("since", .integer(since.milliseconds)),
            ("wait_seconds", .integer(Int64(waitSeconds))),
            ("longest_ttl", .integer(Int64(longestTTL))),
            ("policy_seconds", .integer(Int64(policySeconds))),
            ("safe_despite_arrivals", .bool(isSafeDespiteArrivals)), ("spread", .bool(isSpread)),
            ("unlisted", JSON(unlisted.map(\.description))),
            ("sets", .array(sets.map(\.stored))),
        ])
    }

    /// Reads what `stored` wrote; nil for anything else.
    package init?(stored json: JSON) {
        guard json["format"]?.integer == Self.format,
            let host = json["host"]?.string.flatMap({ try? Name($0) }),
            let manner = json["manner"]?.string.flatMap({ Manner(rawValue: $0) }),
            let begun = json["begun"]?.integer,
            let phase = json["phase"]?.string.flatMap({ Phase(rawValue: $0) }),
            let since = json["since"]?.integer,
            let waitSeconds = json["wait_seconds"]?.integer,
            let longestTTL = json["longest_ttl"]?.integer.flatMap({ UInt32(exactly: $0) }),
            let policySeconds = json["policy_seconds"]?.integer,
            let isSafeDespiteArrivals = json["safe_despite_arrivals"]?.bool,
            let unlisted = json["unlisted"]?.array, let sets = json["sets"]?.array
        else { return nil }
        self.host = host
        self.manner = manner
        self.begun = Timestamp(milliseconds: begun)
        self.phase = phase
        self.since = Timestamp(milliseconds: since)
        self.waitSeconds = Int(waitSeconds)
        self.longestTTL = longestTTL
        self.policySeconds = Int(policySeconds)
        self.isSafeDespiteArrivals = isSafeDespiteArrivals
        isSpread = json["spread"]?.bool ?? false
        self.unlisted = unlisted.compactMap { $0.string.flatMap { try? Name($0) } }
        self.sets = sets.compactMap { ExchangeSet(stored: $0) }
        guard self.sets.count == sets.count else { return nil }
    }

    /// What `mx drain --status --json` prints.
    package func json(
        _ facts: Facts, arrivals: [ArrivalCounter.Summary], _ language: Language
    ) -> JSON {
        .object([
            ("host", .string(host.description)), ("phase", .string(phase.rawValue)),
            ("manner", .string(manner.rawValue)),
            ("begun", .string(CalendarDate(begun).internetFormat)),
            ("since", .string(CalendarDate(since).internetFormat)),
            ("until", JSON(deadline.map { CalendarDate($0).internetFormat })),
            ("safe", .bool(phase == .safe)), ("text", .string(text(language))),
            ("remarks", JSON(remarks(facts, language))),
            (
                "domains",
                .array(
                    sets.map {
                        .object([
                            ("domain", .string($0.owner.description)),
                            ("zone", .string($0.origin.description)),
                            ("state", .string($0.state.rawValue)),
                        ])
                    })
            ),
            ("arrivals", .array(arrivals.map(\.json))),
            ("arrivals_text", JSON(arrivals.map { $0.text(language) })),
        ])
    }
}

extension Drain.ExchangeSet {
    fileprivate var stored: JSON {
        .object([
            ("origin", .string(origin.description)), ("owner", .string(owner.description)),
            ("preferences", .array(preferences.map { .integer(Int64($0)) })),
            ("ttl", .integer(Int64(ttl))),
            ("raised_to", raisedTo.map { .integer(Int64($0)) } ?? .null),
            ("state", .string(state.rawValue)), ("managed", .bool(isManaged)),
        ])
    }

    fileprivate init?(stored json: JSON) {
        guard let origin = json["origin"]?.string.flatMap({ try? Name($0) }),
            let owner = json["owner"]?.string.flatMap({ try? Name($0) }),
            let preferences = json["preferences"]?.array,
            let ttl = json["ttl"]?.integer.flatMap({ UInt32(exactly: $0) }),
            let state = json["state"]?.string.flatMap({ State(rawValue: $0) })
        else { return nil }
        self.init(
            origin: origin, owner: owner,
            preferences: preferences.compactMap { $0.integer.flatMap { UInt16(exactly: $0) } },
            ttl: ttl, raisedTo: json["raised_to"]?.integer.flatMap { UInt16(exactly: $0) },
            state: state, isManaged: json["managed"]?.bool ?? false)
    }
}

extension ArrivalCounter.Summary {
    /// For people's programs.
    package var json: JSON {
        .object([
            ("minutes", .integer(Int64(minutes))), ("connections", .integer(Int64(connections))),
            ("messages", .integer(Int64(messages))), ("clients", .integer(Int64(clients))),
            (
                "networks",
                .array(
                    networks.map {
                        .object([
                            ("network", .string("\($0.network)")),
                            ("connections", .integer(Int64($0.connections))),
                            ("messages", .integer(Int64($0.messages))),
                        ])
                    })
            ),
        ])
    }
}
