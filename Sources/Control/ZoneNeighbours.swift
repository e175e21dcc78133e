// SPDX-License-Identifier: Apache-2.0

import DNS
import ZoneCheck
import ZoneStore

/// What other zones that are kept here say of the exchangers that a zone names.
///
/// Many customers' zones name hosts of one provider: a name that its zone lacks loses their mail.
struct ZoneNeighbours {
    private let zones: Zones

    /// Exchangers looked up for one change; a zone that names more is not edited by hand.
    private static let maximumNames = 100

    init(_ zones: Zones) { self.zones = zones }

    /// Looks at zones as they will be after `plans`, else as they are.
    func examiner(for plan: ZonePlan, among plans: [ZonePlan]) async throws -> ZoneExaminer {
        var examiner = ZoneExaminer()
        let hosts = Set(
            (plan.before + plan.after).compactMap { record -> Name? in
                if case .mx(let mx) = record.data { mx.exchange } else { nil }
            })
        guard hosts.contains(where: { !$0.isEqualOrBelow(plan.origin) }) else { return examiner }
        let origins = Set(try await zones.origins()).union(plans.map(\.origin))
        var places: [Name: [Name]] = [:]
        let ordered = hosts.sorted { $0.canonicalKey.lexicographicallyPrecedes($1.canonicalKey) }
        for host in ordered.prefix(Self.maximumNames) {
            var place: Name? = host
            while let origin = place, !origins.contains(origin) { place = origin.parent }
            guard let place, place != plan.origin else { continue }
            places[place, default: []].append(host)
        }
        var records: [ResourceRecord] = []
        var names: Set<Name> = []
        let there = places.sorted {
            $0.key.canonicalKey.lexicographicallyPrecedes($1.key.canonicalKey)
        }
        for (origin, hosts) in there {
            guard let known = try await contents(of: origin, plans) else { continue }
            let cuts = Set(known.filter { $0.type == .ns && $0.owner != origin }.map(\.owner))
            let own = hosts.filter { host in !cuts.contains { host.isEqualOrBelow($0) } }
            guard !own.isEmpty else { continue }
            records += known
            names.formUnion(own)
        }
        examiner.resolver = ZoneResolver(records: records)
        examiner.askedNames = names
        return examiner
    }

    /// Nil for a zone that was not copied from its primary yet.
    private func contents(
        of origin: Name, _ plans: [ZonePlan]
    ) async throws -> [ResourceRecord]? {
        if let plan = plans.first(where: { $0.origin == origin }) { return plan.after }
        let zone = try await zones.zone(origin)
        return zone.kind == .primary
            ? try zone.records() : try await zones.served(origin)?.records
    }
}
