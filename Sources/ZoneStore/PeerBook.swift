// SPDX-License-Identifier: Apache-2.0

package import Bytes
package import DNS
package import ZoneTransfer

/// Another name server that a zone has to do with, and the key that is used with it.
package struct ZonePeer: Hashable, Sendable {
    package var address: SocketAddress
    /// Nil: nothing is signed.
    package var key: Name?

    package init(_ address: SocketAddress, key: Name? = nil) {
        self.address = address
        self.key = key
    }
}

/// What other servers may do with a zone, and what is asked of them.
package struct ZonePeering: Hashable, Sendable {
    /// Who may have it.
    package var access: [TransferAccess] = []
    /// Who is told of its changes (RFC 1996).
    package var notified: [ZonePeer] = []
    /// Where it is copied from, in the order of asking; empty: it is no secondary zone.
    package var primaries: [ZonePeer] = []
    /// Who may change what of it (RFC 2136).
    package var grants: [UpdateGrant] = []
    /// Where our records of it are sent, since the zone itself is kept there.
    package var keeper: ZonePeer?

    package init() {}
}

/// Keys and peers of all zones, as of one moment.
package struct PeerBook: Sendable {
    package private(set) var keys: [Name: TransactionKey] = [:]
    private var zones: [Name: ZonePeering] = [:]
    /// What holds for all zones besides their own.
    private var everywhere = ZonePeering()

    package init() {}

    init(keys: [TransactionKey], _ entries: [(origin: Name?, peering: (inout ZonePeering) -> Void)])
    {
        for key in keys { self.keys[key.name] = key }
        for entry in entries {
            if let origin = entry.origin {
                entry.peering(&zones[origin, default: ZonePeering()])
            } else {
                entry.peering(&everywhere)
            }
        }
    }

    /// What holds for a zone: its own, then what is set for all.
    package func peering(of origin: Name) -> ZonePeering {
        var peering = zones[origin] ?? ZonePeering()
        peering.access += everywhere.access
        peering.notified += everywhere.notified.filter { !peering.notified.contains($0) }
        peering.grants += everywhere.grants
        return peering
    }

    /// What is set for one zone, or with nil for all, and for it alone.
    package func entry(of origin: Name?) -> ZonePeering {
        origin.map { zones[$0] ?? ZonePeering() } ?? everywhere
    }

    /// The zones that something is set for, in canonical order.
    package var origins: [Name] {
        zones.keys.sorted { $0.canonicalKey.lexicographicallyPrecedes($1.canonicalKey) }
    }
}
