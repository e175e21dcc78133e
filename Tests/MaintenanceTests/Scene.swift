// SPDX-License-Identifier: Apache-2.0

import Bytes
import DNS
import Maintenance
import TransportSecurity
import World
import ZoneCheck

/// Chance that a seed determines.
struct Seed: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        // SplitMix64.
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// Zones and policies that a drain works on, with what a driver does.
struct Scene {
    var zones: [Name: [ResourceRecord]] = [:]
    var policies: [(domain: Name, policy: STSPolicy)] = []
    var now = Timestamp(seconds: 1_700_000_000)
    var facts = Drain.Facts()

    static let host = "mx1.example.net"

    init(_ texts: [String: String]) throws {
        for (origin, text) in texts {
            let origin = try Name(origin)
            let file = MasterFile.parse(
                Array("$TTL 3600\n@ SOA ns1 h 1 7200 900 1209600 300\n NS ns1\n\(text)\n".utf8),
                origin: origin)
            precondition(file.faults.isEmpty, "\(file.faults)")
            zones[origin] = file.records
        }
    }

    static func usual() throws -> Scene {
        try Scene([
            "example.org": " 7200 MX 10 mx1.example.net.\n 7200 MX 20 mx2.example.net.",
            "example.com": """
             MX 5 mx2.example.net.
             MX 5 mx1.example.net.
            sub 30 MX 10 mx1.example.net.
            sub 30 MX 20 backup.example.net.
            """,
            "elsewhere.example": " MX 10 mx9.example.net.",
        ])
    }

    func begin(
        manner: Drain.Manner = .remove, isForced: Bool = false, away: [String] = []
    ) throws -> Drain {
        var request = Drain.Request(host: try Name(Self.host))
        request.manner = manner
        request.isForced = isForced
        request.away = Set(try away.map { try Name($0) })
        let sorted = zones.sorted { $0.key.description < $1.key.description }
        return try Drain(request, zones: sorted.map { ($0.key, $0.value) }, at: now)
    }

    var current: Drain.Facts {
        var facts = facts
        facts.zones = zones
        facts.policies = policies
        return facts
    }

    /// As the driver does, once.
    mutating func step(_ drain: inout Drain) throws {
        _ = drain.advance(current, at: now)
        guard drain.wantsChanges else { return }
        let changes = drain.changes(current)
        try make(changes)
        drain.carriedOut(at: now)
    }

    mutating func make(_ changes: Drain.Changes) throws {
        for change in changes.policies {
            for index in policies.indices where policies[index].domain == change.domain {
                policies[index].policy.patterns = change.patterns
            }
        }
        for zone in changes.zones { try edit(zone.origin, zone.edits) }
    }

    mutating func edit(_ origin: Name, _ edits: [ZoneEdit]) throws {
        let records = zones[origin] ?? []
        zones[origin] = try ZoneChange(edits, in: records, origin: origin).applied(to: records)
    }

    /// Lets time pass, a minute at a time, until a phase is reached.
    mutating func run(_ drain: inout Drain, to phase: Drain.Phase) throws {
        for _ in 0..<10_000 where drain.phase != phase {
            try step(&drain)
            if drain.phase == phase { return }
            now = now + .seconds(60)
        }
    }

    /// `ttl preference host` of a domain, sorted.
    func exchangers(_ domain: String) throws -> [String] {
        let owner = try Name(domain)
        return zones.values.joined().filter { $0.owner == owner }.compactMap { record in
            guard case .mx(let mx) = record.data else { return nil }
            return "\(record.ttl) \(mx.preference) \(mx.exchange)"
        }.sorted()
    }
}
