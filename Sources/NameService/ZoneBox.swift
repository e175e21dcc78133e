// SPDX-License-Identifier: Apache-2.0

package import DNS
import Synchronization

/// The zones a server answers from, exchanged as a whole while it runs.
package final class ZoneBox: Sendable {
    private let held: Mutex<ZoneSet>

    package init(_ zones: ZoneSet = ZoneSet()) { held = Mutex(zones) }

    /// The zones as they are now; what is taken out does not change any more.
    package var zones: ZoneSet { held.withLock { $0 } }

    /// Puts other zones in the place of all.
    package func replace(with zones: ZoneSet) { held.withLock { $0 = zones } }

    /// Puts one zone in, or in the place of the one with its origin.
    package func publish(_ zone: Zone) { held.withLock { $0[zone.origin] = zone } }

    /// Takes the zone with this origin out.
    package func withdraw(_ origin: Name) { held.withLock { $0[origin] = nil } }
}
