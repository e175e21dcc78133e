// SPDX-License-Identifier: Apache-2.0

import DNS
import Logging
import ZoneCheck
import ZoneStore
import ZoneTransfer

/// Keeps catalog zones (RFC 9432) in line with the zones that there are.
///
/// A catalog is a zone like others, with the option `catalog`, so that it is transferred, notified
/// of and remembered as they are. All primary zones are its members, but other catalogs and those
/// whose option `catalog-member` is `no`; the option `catalog-group` is told to the consumers.
package struct CatalogKeeper: Sendable {
    /// Of a catalog.
    package static let option = "catalog"
    /// `no` leaves a zone out.
    package static let memberOption = "catalog-member"
    /// What consumers are told of a member.
    package static let groupOption = "catalog-group"

    private let zones: Zones
    private let log: Logger

    init(zones: Zones, log: Logger) {
        self.zones = zones
        self.log = log
    }

    /// Brings all catalogs in line, after these zones have changed; nil: after anything.
    func refresh(after origins: [Name]?) async {
        do throws(ZoneFailure) {
            let catalogs = try await zones.options(Self.option)
            guard !catalogs.isEmpty else { return }
            // A catalog's own change tells nothing new.
            if let origins, origins.allSatisfy({ catalogs[$0] != nil }), origins.count == 1,
                try await isInLine(origins[0], catalogs)
            {
                return
            }
            for origin in Self.sorted(catalogs.keys) { try await refresh(origin, catalogs) }
        } catch {
            log.error("the catalog zones could not be brought up to date: \(error)")
        }
    }

    private static func sorted(_ names: some Sequence<Name>) -> [Name] {
        names.map { ($0.canonicalKey, $0) }
            .sorted { $0.0.lexicographicallyPrecedes($1.0) }.map(\.1)
    }

    private func members(_ catalogs: [Name: String]) async throws(ZoneFailure)
        -> [CatalogZone.Member]
    {
        let excluded = try await zones.options(Self.memberOption)
        let groups = try await zones.options(Self.groupOption)
        return try await zones.list().filter {
            $0.kind == .primary && catalogs[$0.origin] == nil && excluded[$0.origin] != "no"
        }
        .map { CatalogZone.Member(origin: $0.origin, group: groups[$0.origin]) }
    }

    private func isInLine(
        _ origin: Name, _ catalogs: [Name: String]
    ) async throws(ZoneFailure) -> Bool {
        let wanted = try await wanted(origin, catalogs)
        let records = try await zones.zone(origin).records()
        return Set(wanted) == Set(records.filter { $0.type != .soa })
    }

    /// All records but the SOA.
    private func wanted(
        _ origin: Name, _ catalogs: [Name: String]
    ) async throws(ZoneFailure) -> [ResourceRecord] {
        let catalog = CatalogZone(origin: origin, members: try await members(catalogs))
        guard let records = catalog.records(serial: 1) else {
            throw .unfit("\(origin) is too long a name for a catalog zone")
        }
        return records.filter { $0.type != .soa }
    }

    private func refresh(
        _ origin: Name, _ catalogs: [Name: String]
    ) async throws(ZoneFailure) {
        let wanted = try await wanted(origin, catalogs)
        try await zones.change(origin, by: "catalog", "listed the zones that there are") {
            _, records throws(ZoneFailure) in
            ZoneChange(from: records.filter { $0.type != .soa }, to: wanted)
        }
    }
}
