// SPDX-License-Identifier: Apache-2.0

package import DNS
import Mail
import ZoneStore

/// Where the records of a domain's keys are put.
package enum KeyPlace: Hashable, Sendable {
    /// In this zone, which is kept here.
    case here(Name)
    /// In this zone, on a server that takes our updates (RFC 2136).
    case pushed(Name)
    /// Wherever a person puts them.
    case byHand

    /// Whether the records come and go without anybody's help.
    package var isAutomatic: Bool { self != .byHand }
}

/// Which zones can be changed from here, as of one moment.
struct KeyPlaces: Sendable {
    private let here: Set<Name>
    private let pushed: Set<Name>

    init(_ zones: Zones, _ peers: ZonePeers) async throws(ZoneFailure) {
        var here: Set<Name> = []
        for zone in try await zones.list() where zone.kind == .primary { here.insert(zone.origin) }
        self.here = here
        let book = peers.book
        pushed = Set(book.origins.filter { book.entry(of: $0).keeper != nil })
    }

    /// The nearest zone at or above a domain counts.
    subscript(domain: Domain) -> KeyPlace {
        var place = try? Name(domain.name)
        while let origin = place {
            if here.contains(origin) { return .here(origin) }
            if pushed.contains(origin) { return .pushed(origin) }
            place = origin.parent
        }
        return .byHand
    }
}
