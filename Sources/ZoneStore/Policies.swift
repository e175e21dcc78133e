// SPDX-License-Identifier: Apache-2.0

package import DNS
import Storage
package import TransportSecurity
package import World
import ZoneCheck

/// An MTA-STS policy that is served here.
package struct KeptPolicy: Hashable, Sendable {
    package let domain: Name
    package let policy: STSPolicy
    /// As the record at `_mta-sts.DOMAIN` says it (RFC 8461 §3.1).
    package let id: String
    package let changed: Timestamp
    package let author: String
}

/// The MTA-STS policies of the domains that are hosted here (RFC 8461).
package struct Policies: Sendable {
    private let zones: Zones

    /// Keeps them beside the zones, in a store made with `Migrations.maintenance`.
    package init(_ zones: Zones) { self.zones = zones }

    /// All of them, by their domains.
    package func all() async throws(ZoneFailure) -> [KeptPolicy] {
        try await zones.read { transaction in
            try transaction.all(
                """
                SELECT domain, policy, id, changed_milliseconds, author FROM sts_policy
                ORDER BY domain
                """
            ) { Self.read($0) }.compactMap(\.self)
        }
    }

    /// The policy of one domain.
    package func policy(of domain: Name) async throws(ZoneFailure) -> KeptPolicy? {
        try await zones.read { transaction in
            try transaction.first(
                """
                SELECT domain, policy, id, changed_milliseconds, author FROM sts_policy
                WHERE domain = ?
                """, [Self.key(domain)]
            ) { Self.read($0) } ?? nil
        }
    }

    /// Serves other policies, and then changes the records that tell of them, where the zone is
    /// kept here (RFC 8461 §8.1); nil: no policy any more.
    ///
    /// Returns the domains whose records stand in other servers' zones.
    @discardableResult
    package func set(
        _ policies: [(domain: Name, policy: STSPolicy?)], by author: String, _ summary: String
    ) async throws(ZoneFailure) -> [Name] {
        let now = zones.time.timestamp
        var records: [(domain: Name, id: String?)] = []
        for (domain, policy) in policies {
            let old = try await self.policy(of: domain)?.id
            records.append((domain, policy.map { _ in STSRecord(madeAt: now, after: old).id }))
        }
        try await keep(policies, records, author)
        let (places, elsewhere) = try await places(records)
        var plans: [ZonePlan] = []
        for place in places {
            let plan = try await plan(place)
            if !plan.change.isEmpty { plans.append(plan) }
        }
        if !plans.isEmpty { try await zones.commit(plans, by: author, summary) }
        return elsewhere
    }

    private func keep(
        _ policies: [(domain: Name, policy: STSPolicy?)], _ records: [(domain: Name, id: String?)],
        _ author: String
    ) async throws(ZoneFailure) {
        let now = zones.time.timestamp
        do {
            try await zones.store.write { transaction in
                for ((domain, policy), (_, id)) in zip(policies, records) {
                    try transaction.execute(
                        "DELETE FROM sts_policy WHERE domain = ?", [Self.key(domain)])
                    guard let policy, let id else { continue }
                    try transaction.execute(
                        """
                        INSERT INTO sts_policy (domain, policy, id, changed_milliseconds, author)
                        VALUES (?, ?, ?, ?, ?)
                        """,
                        [
                            Self.key(domain), .text(policy.text), .text(id),
                            .integer(now.milliseconds), .text(author),
                        ])
                }
            }
        } catch {
            throw ZoneFailure(error)
        }
    }

    /// A zone, and the records that change in it.
    private struct Place {
        var origin: Name
        var records: [(owner: Name, text: String?)] = []
    }

    /// Where the domains' records stand, and which of them stand elsewhere.
    private func places(
        _ records: [(domain: Name, id: String?)]
    ) async throws(ZoneFailure) -> ([Place], elsewhere: [Name]) {
        var places: [Place] = []
        var elsewhere: [Name] = []
        for (domain, id) in records {
            guard let owner = domain.prepending("_mta-sts".utf8),
                let origin = try await primary(above: owner)
            else {
                elsewhere.append(domain)
                continue
            }
            let index = places.firstIndex { $0.origin == origin } ?? places.count
            if index == places.count { places.append(Place(origin: origin)) }
            places[index].records.append((owner, id.flatMap { STSRecord(id: $0) }?.text))
        }
        return (places, elsewhere)
    }

    private func primary(above name: Name) async throws(ZoneFailure) -> Name? {
        do throws(ZoneFailure) {
            let zone = try await zones.zone(above: name)
            return zone.kind == .primary ? zone.origin : nil
        } catch {
            guard case .noZoneAbove = error else { throw error }
            return nil
        }
    }

    private func plan(_ place: Place) async throws(ZoneFailure) -> ZonePlan {
        var marks: Set<ResourceRecord> = []
        var plan = try await zones.plan(for: place.origin) { zone, records throws(ZoneFailure) in
            marks = zone.managed
            var edits: [ZoneEdit] = []
            for (owner, text) in place.records {
                let old = records.filter { $0.owner == owner && $0.type == .txt }
                let new = text.map { RecordData.txt([Array($0.utf8)]) }
                if old.map(\.data) == [new].compactMap(\.self) { continue }
                edits.append(
                    new.map { .setRecords(owner, .txt, [$0], ttl: nil) }
                        ?? .removeRecords(owner, .txt, nil))
                // What we put there stays ours.
                guard old.allSatisfy({ zone.managed.contains($0.mark) }) else { continue }
                marks = marks.filter { $0.owner != owner || $0.type != .txt }
                guard let new else { continue }
                marks.insert(
                    ResourceRecord(owner: owner, type: .txt, ttl: 0, data: new))
            }
            guard !edits.isEmpty else { return ZoneChange() }
            do throws(ZoneEditRefusal) {
                return try ZoneChange(edits, in: records, origin: zone.origin)
            } catch {
                throw .refused(zone.origin, error)
            }
        }
        plan.managed = marks
        return plan
    }

    // MARK: -

    private static func key(_ domain: Name) -> Value { .text(domain.lowercased.description) }

    /// Nil for what this release did not write.
    private static func read(_ row: any Row) -> KeptPolicy? {
        guard let domain = try? Name(row.text(0)),
            let policy = try? STSPolicy(parsing: row.text(1).utf8)
        else { return nil }
        return KeptPolicy(
            domain: domain, policy: policy, id: row.text(2),
            changed: Timestamp(milliseconds: row.integer(3)), author: row.text(4))
    }
}
