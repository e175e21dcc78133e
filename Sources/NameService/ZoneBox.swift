// SPDX-License-Identifier: Apache-2.0

package import DNS
import Synchronization

/// The zones a server answers from, exchanged while it runs.
///
/// Who answers keeps the snapshot it has, and takes the next one when `generation` has grown: that
/// is one atomic read for each batch of queries, and no lock but after a change.
package final class ZoneBox: Sendable {
    private let held: Mutex<ZoneSet>
    private let latest: Mutex<ZoneSnapshot>
    private let changes = Atomic(0)

    package init(_ zones: ZoneSet = ZoneSet()) {
        held = Mutex(zones)
        latest = Mutex(ZoneSnapshot(zones))
    }

    /// The zones as they are now; what is taken out does not change any more.
    package var zones: ZoneSet { held.withLock { $0 } }

    /// Grows with each change.
    package var generation: Int { changes.load(ordering: .acquiring) }

    /// The zones as they are now, ready for answering.
    package var snapshot: ZoneSnapshot { latest.withLock { $0 } }

    /// Changes the zones; whoever answers sees all of it at once, or nothing yet.
    ///
    /// Many zones are published best in one go: each change costs some time for every zone.
    package func change(_ body: (inout ZoneSet) -> Void) {
        held.withLock { zones in
            body(&zones)
            let snapshot = ZoneSnapshot(zones)
            latest.withLock { $0 = snapshot }
            changes.add(1, ordering: .releasing)
        }
    }

    /// Puts other zones in the place of all.
    package func replace(with zones: ZoneSet) { change { $0 = zones } }

    /// Puts one zone in, or in the place of the one with its origin.
    package func publish(_ zone: Zone) { change { $0[zone.origin] = zone } }

    /// Takes the zone with this origin out.
    package func withdraw(_ origin: Name) { change { $0[origin] = nil } }
}
